// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IQueryVerifier } from "../interfaces/IQueryVerifier.sol";
import { Context, QueryContext } from "./QueryContext.sol";

/// @title Where the queries of a step meet each level of the trees.
/// @dev Level h has 2^h nodes, and is the domain of length 2^h in the order of reversed bits. Query i meets the node i
/// >> (logMax - h) there; of queries that meet in one, one is kept. A node is one word: its number, then the element x
/// of the domain that it is, from bit 64, and 1/x, from bit 128. The node above is at x^2.
library QueryPlaces {
    using QueryContext for Context;

    uint256 private constant ORDER = 0xFFFFFFFF00000001;
    uint256 private constant LIMB = 0xFFFFFFFFFFFFFFFF;
    /// @dev A root of unity of order 2^32, and one over it.
    uint256 private constant ROOT = 0x185629dcda58878c;
    uint256 private constant ROOT_INVERSE = 0x76b6b635b6fc8719;

    /// @dev Returns the nodes of each level, from the root to `logMax`, ascending, and which queries they stand for.
    function levels(Context memory c, bytes calldata positions)
        internal
        pure
        returns (uint256[][] memory nodes, uint256 queries)
    {
        nodes = new uint256[][](c.logMax + 1);
        uint256[] memory lowest;
        (lowest, queries) = _lowest(c, positions);
        nodes[c.logMax] = lowest;
        for (uint256 level = c.logMax; level > 0; --level) {
            nodes[level - 1] = _above(nodes[level]);
        }
    }

    /// @dev Returns the nodes at which the queries are opened.
    function _lowest(Context memory c, bytes calldata positions)
        private
        pure
        returns (uint256[] memory nodes, uint256 queries)
    {
        nodes = new uint256[](positions.length);
        uint256[] memory roots = powers(ROOT);
        uint256[] memory inverses = powers(ROOT_INVERSE);
        uint256 count = 0;
        uint256 last = 0;
        for (uint256 i = 0; i < positions.length; ++i) {
            uint256 query = uint8(positions[i]);
            if (query >= c.queries) revert IQueryVerifier.PositionsMalformed();
            queries |= 1 << query;
            uint256 index = c.index(query);
            if (index >> c.logMax != 0 || index < last) revert IQueryVerifier.PositionsMalformed();
            if (count == 0 || index != last) {
                nodes[count++] = index | at(roots, index, 1) << 64 | at(inverses, index, 1) << 128;
            }
            last = index;
        }
        if (count == 0) revert IQueryVerifier.PositionsMalformed();
        assembly ("memory-safe") {
            mstore(nodes, count)
        }
    }

    /// @dev Returns the product of roots[b + offset] over the bits b of a number.
    function at(uint256[] memory roots, uint256 bits, uint256 offset) internal pure returns (uint256 x) {
        assembly ("memory-safe") {
            x := 1
            let root := add(roots, shl(5, add(offset, 1)))
            for { } bits { bits := shr(1, bits) } {
                if and(bits, 1) { x := mulmod(x, mload(root), ORDER) }
                root := add(root, 0x20)
            }
        }
    }

    /// @dev Returns the roots of unity of the orders 1, 2, 4, ... 2^32 that a root of the last is a power of.
    function powers(uint256 root) internal pure returns (uint256[] memory roots) {
        roots = new uint256[](33);
        assembly ("memory-safe") {
            for { let to := add(roots, 0x420) } gt(to, roots) { to := sub(to, 0x20) } {
                mstore(to, root)
                root := mulmod(root, root, ORDER)
            }
        }
    }

    /// @dev Returns one over the roots of unity.
    function inversePowers() internal pure returns (uint256[] memory) {
        return powers(ROOT_INVERSE);
    }

    /// @dev Returns the roots of unity.
    function rootPowers() internal pure returns (uint256[] memory) {
        return powers(ROOT);
    }

    /// @dev Returns the nodes above some nodes.
    function _above(uint256[] memory below) private pure returns (uint256[] memory nodes) {
        nodes = new uint256[](below.length);
        assembly ("memory-safe") {
            let to := nodes
            let last := not(0)
            let from := add(below, 0x20)
            for { let end := add(from, shl(5, mload(below))) } lt(from, end) { from := add(from, 0x20) } {
                let node := mload(from)
                let up := shr(1, and(node, LIMB))
                if iszero(eq(up, last)) {
                    last := up
                    let x := and(shr(64, node), LIMB)
                    let inverse := shr(128, node)
                    to := add(to, 0x20)
                    mstore(to, or(up, or(shl(64, mulmod(x, x, ORDER)), shl(128, mulmod(inverse, inverse, ORDER)))))
                }
            }
            mstore(nodes, shr(5, sub(to, nodes)))
        }
    }
}
