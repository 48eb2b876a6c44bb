// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "../../src/AccountId.sol";
import { Poseidon } from "../../src/Poseidon.sol";

/// @dev Builds the ledger's state tree whole, independently of the contract under test, which only follows one path: a
/// leaf stands at the shortest prefix of its path that no other leaf shares. Compression itself is held to the vectors.
library StateTree {
    bytes32 internal constant MARK = bytes32(abi.encodePacked(bytes8("talea_lf"), uint64(1), uint64(1), uint64(1)));

    struct Leaf {
        bytes32 path;
        bytes32 inside;
        bytes32 digest;
    }

    /// @dev Returns the leaf of a balance.
    function balance(AccountId account, bytes32 asset, uint64 amount) internal pure returns (Leaf memory leaf) {
        uint256[] memory key = new uint256[](9);
        key[0] = 2;
        for (uint256 i = 0; i < 4; ++i) {
            key[1 + i] = limb(AccountId.unwrap(account), i);
            key[5 + i] = limb(asset, i);
        }
        uint256[] memory value = new uint256[](1);
        value[0] = amount;
        return leafOf(hash(1, key), hash(2, value));
    }

    /// @dev Returns a leaf that is no balance, made from a number.
    function other(uint256 number) internal pure returns (Leaf memory) {
        uint256[] memory key = new uint256[](2);
        (key[0], key[1]) = (77, number);
        return leafOf(hash(1, key), hash(2, key));
    }

    function leafOf(bytes32 path, bytes32 value) internal pure returns (Leaf memory) {
        bytes32 inside = compress(path, value);
        return Leaf(path, inside, compress(inside, MARK));
    }

    /// @dev Returns the root of the leaves below a prefix of `depth` turns.
    function root(Leaf[] memory leaves, uint256 depth) internal pure returns (bytes32) {
        if (leaves.length == 0) return 0;
        if (leaves.length == 1) return leaves[0].digest;
        bytes32 left = root(side(leaves, depth, false), depth + 1);
        return compress(left, root(side(leaves, depth, true), depth + 1));
    }

    /// @dev Returns the siblings on the way to a leaf, from the root down.
    function siblings(Leaf[] memory leaves, bytes32 path) internal pure returns (bytes32[] memory list) {
        bytes32[] memory most = new bytes32[](256);
        uint256 depth = 0;
        while (leaves.length > 1) {
            bool right = turn(path, depth);
            Leaf[] memory away = side(leaves, depth, !right);
            leaves = side(leaves, depth, right);
            most[depth] = root(away, depth + 1);
            ++depth;
        }
        return slice(most, 0, depth);
    }

    /// @dev Returns the node that a path meets at a depth.
    function node(Leaf[] memory leaves, bytes32 path, uint256 depth) internal pure returns (bytes32) {
        for (uint256 i = 0; i < depth; ++i) {
            leaves = side(leaves, i, turn(path, i));
        }
        return root(leaves, depth);
    }

    function slice(bytes32[] memory list, uint256 start, uint256 end) internal pure returns (bytes32[] memory part) {
        part = new bytes32[](end - start);
        for (uint256 i = start; i < end; ++i) {
            part[i - start] = list[i];
        }
    }

    function compress(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return Poseidon.compress(Poseidon.constants(), left, right);
    }

    function hash(uint256 domain, uint256[] memory elements) internal pure returns (bytes32) {
        return Poseidon.hash(Poseidon.constants(), domain, elements);
    }

    function limb(bytes32 digest, uint256 i) private pure returns (uint256) {
        return uint64(bytes8(digest << (64 * i)));
    }

    function turn(bytes32 path, uint256 depth) private pure returns (bool) {
        return uint8(path[depth / 8]) & (128 >> (depth % 8)) != 0;
    }

    function side(Leaf[] memory leaves, uint256 depth, bool right) private pure returns (Leaf[] memory part) {
        uint256 count = 0;
        for (uint256 i = 0; i < leaves.length; ++i) {
            if (turn(leaves[i].path, depth) == right) ++count;
        }
        part = new Leaf[](count);
        for (uint256 i = leaves.length; i > 0; --i) {
            if (turn(leaves[i - 1].path, depth) == right) part[--count] = leaves[i - 1];
        }
    }
}
