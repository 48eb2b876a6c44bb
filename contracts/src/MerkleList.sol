// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Membership in an ordered list committed to by one keccak-256 root.
/// @dev The list is padded with zero digests to a power of two. A leaf is keccak(0x00 ‖ payload) and a node is
/// keccak(0x01 ‖ left ‖ right), so that no node can pass for a leaf. An empty list has the root zero, and a list of one
/// has its leaf as the root. Padding cannot be opened, because no payload is known to hash to zero.
library MerkleList {
    /// @dev 2^32 entries per list. A bound keeps `2 ** depth` far from overflow.
    uint256 internal constant DEPTH_MAX = 32;

    bytes1 private constant LEAF_TAG = 0x00;
    bytes1 private constant NODE_TAG = 0x01;

    /// @dev Returns the digest of a leaf.
    function leaf(bytes memory payload) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(LEAF_TAG, payload));
    }

    /// @dev Returns the digest of the node above two digests.
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(NODE_TAG, left, right));
    }

    /// @dev Returns the root of a list of leaf digests.
    function rootOf(bytes32[] memory digests) internal pure returns (bytes32) {
        uint256 count = digests.length;
        if (count == 0) return 0;
        uint256 width = 1;
        while (width < count) width *= 2;
        bytes32[] memory level = new bytes32[](width);
        for (uint256 i = 0; i < count; ++i) {
            level[i] = digests[i];
        }
        for (; width > 1; width /= 2) {
            for (uint256 i = 0; i < width; i += 2) {
                level[i / 2] = node(level[i], level[i + 1]);
            }
        }
        return level[0];
    }

    /// @dev Whether `digest` is the leaf at `position` of the list with this root. The zero root holds nothing: it is
    /// what an unset storage slot reads as, so accepting anything under it would accept the unproven.
    function holds(bytes32 root, bytes32 digest, uint256 position, bytes32[] calldata path)
        internal
        pure
        returns (bool)
    {
        uint256 depth = path.length;
        if (root == 0 || depth > DEPTH_MAX || position >= 2 ** depth) return false;
        for (uint256 level = 0; level < depth; ++level) {
            bool isRight = (position >> level) & 1 == 1;
            digest = isRight ? node(path[level], digest) : node(digest, path[level]);
        }
        return digest == root;
    }
}
