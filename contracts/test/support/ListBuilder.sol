// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Builds Merkle lists whole, independently of the library under test, which only follows one path.
library ListBuilder {
    /// @dev Returns the root over leaf digests.
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        if (leaves.length == 0) return 0;
        bytes32[] memory level = _padded(leaves);
        while (level.length > 1) level = _above(level);
        return level[0];
    }

    /// @dev Returns the siblings from the leaf at `position` up.
    function path(bytes32[] memory leaves, uint256 position) internal pure returns (bytes32[] memory siblings) {
        bytes32[] memory level = _padded(leaves);
        siblings = new bytes32[](depth(leaves.length));
        for (uint256 i = 0; level.length > 1; ++i) {
            siblings[i] = level[position ^ 1];
            level = _above(level);
            position >>= 1;
        }
    }

    /// @dev Returns the number of levels below the root.
    function depth(uint256 count) internal pure returns (uint256 levels) {
        while (2 ** levels < count) ++levels;
    }

    function _padded(bytes32[] memory leaves) private pure returns (bytes32[] memory level) {
        level = new bytes32[](2 ** depth(leaves.length));
        for (uint256 i = 0; i < leaves.length; ++i) {
            level[i] = leaves[i];
        }
    }

    function _above(bytes32[] memory level) private pure returns (bytes32[] memory above) {
        above = new bytes32[](level.length / 2);
        for (uint256 i = 0; i < above.length; ++i) {
            above[i] = keccak256(abi.encodePacked(uint8(1), level[2 * i], level[2 * i + 1]));
        }
    }
}
