// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IQueryVerifier } from "../interfaces/IQueryVerifier.sol";
import { Cubic } from "./Cubic.sol";
import { Context, QueryContext } from "./QueryContext.sol";

/// @dev What of a commitment's matrices enters its tree, by level: where the first and the last of a list of matrices is in
/// memory, and how long their rows are together.
struct Rows {
    uint256 depth;
    uint256[] first;
    uint256[] last;
    uint256[] length;
}

/// @title Opens trees: every open row is hashed up to the root, and summed up with the powers of alpha on the way.
/// @dev A sum is three words, one for each coefficient, reduced by nobody before the end: rows have words of 64 bits and
/// less than 2^16 of them, powers and starts have lanes below 2^85, and a height has less than 2^16 matrices, so a word
/// stays below 2^(64 + 64 + 16 + 85 + 3 + 16).
library QueryTrees {
    /// @dev Bytes of a node's two sums.
    uint256 internal constant SUMS = 0xc0;

    uint256 private constant LANE = 0x1FFFFFFFFFFFFFFFFFFFFF;
    uint256 private constant WORD = 0x20;
    /// @dev Bytes of a matrix in memory: the next one, its width, whether it has two points, and the lanes of two powers.
    uint256 private constant MATRIX = 0x120;

    /// @dev Checks what is open of all commitments, from `next` in the calldata. Returns where it ends, and for each level
    /// the sums of its nodes.
    function open(Context memory c, uint256[][] memory nodes, uint256 next)
        internal
        pure
        returns (uint256 end, uint256[][] memory sums)
    {
        sums = new uint256[][](c.logMax + 1);
        for (uint256 i = 0; i < c.heights; ++i) {
            uint256 level = QueryContext.word(c.heightsAt + 5 * WORD * i);
            if (level > c.logMax) revert IQueryVerifier.ContextMalformed();
            sums[level] = new uint256[](nodes[level].length * SUMS / WORD);
        }
        uint256[] memory powers = _powers(c);
        uint256 at = c.matricesAt;
        for (uint256 i = 0; i < c.commitments; ++i) {
            uint256 count = QueryContext.word(c.countsAt + WORD * i);
            Rows memory rows = _rows(c, powers, at, count);
            at += 2 * WORD * count;
            bytes32 root;
            (root, next) = _open(rows, nodes, sums, powers, next);
            if (uint256(root) != QueryContext.word(c.rootsAt + WORD * i)) revert IQueryVerifier.CommitmentMissed(i);
        }
        if (at != c.indicesAt) revert IQueryVerifier.ContextMalformed();
        return (next, sums);
    }

    /// @dev Returns the powers of alpha that the widest matrix needs and one more, each as three lanes.
    function _powers(Context memory c) private pure returns (uint256[] memory powers) {
        uint256 widest = 0;
        for (uint256 at = c.matricesAt; at < c.indicesAt; at += 2 * WORD) {
            uint256 width = (QueryContext.word(at) >> 16) & 0xFFFF;
            if (width > widest) widest = width;
        }
        powers = new uint256[](3 * (widest + 1));
        uint256 alpha = c.alpha;
        uint256 power = Cubic.ONE;
        for (uint256 i = 0; i <= widest; ++i) {
            assembly ("memory-safe") {
                let to := add(add(powers, 0x20), mul(i, 0x60))
                mstore(to, and(power, LANE))
                mstore(add(to, 0x20), and(shr(85, power), LANE))
                mstore(add(to, 0x40), shr(170, power))
            }
            power = Cubic.mul(power, alpha);
        }
    }

    /// @dev Lays out a commitment's matrices, in lists by level.
    function _rows(Context memory c, uint256[] memory powers, uint256 at, uint256 count)
        private
        pure
        returns (Rows memory rows)
    {
        if (at + 2 * WORD * count > c.indicesAt) revert IQueryVerifier.ContextMalformed();
        rows.first = new uint256[](c.logMax + 1);
        rows.last = new uint256[](c.logMax + 1);
        rows.length = new uint256[](c.logMax + 1);
        for (uint256 i = 0; i < count; ++i) {
            uint256 shape = QueryContext.word(at);
            uint256 start = QueryContext.word(at + WORD);
            at += 2 * WORD;
            uint256 level = shape & 0xFFFF;
            uint256 width = (shape >> 16) & 0xFFFF;
            if (level > c.logMax || width == 0) revert IQueryVerifier.ContextMalformed();
            uint256 matrix = _matrix(powers, width, shape >> 32, start);
            uint256 last = rows.last[level];
            if (last == 0) {
                rows.first[level] = matrix;
                if (level > rows.depth) rows.depth = level;
            } else {
                assembly ("memory-safe") {
                    mstore(last, matrix)
                }
            }
            rows.last[level] = matrix;
            rows.length[level] += 8 * width;
        }
    }

    function _matrix(uint256[] memory powers, uint256 width, uint256 points, uint256 start)
        private
        pure
        returns (uint256 matrix)
    {
        if (points != 1 && points != 2) revert IQueryVerifier.ContextMalformed();
        uint256 second;
        if (points == 2) {
            assembly ("memory-safe") {
                let from := add(add(powers, 0x20), mul(width, 0x60))
                second := or(mload(from), or(shl(85, mload(add(from, 0x20))), shl(170, mload(add(from, 0x40)))))
            }
            second = Cubic.mul(start, second);
        }
        assembly ("memory-safe") {
            matrix := mload(0x40)
            mstore(0x40, add(matrix, MATRIX))
            mstore(matrix, 0)
            mstore(add(matrix, 0x20), width)
            mstore(add(matrix, 0x40), sub(points, 1))
            mstore(add(matrix, 0x60), and(start, LANE))
            mstore(add(matrix, 0x80), and(shr(85, start), LANE))
            mstore(add(matrix, 0xa0), shr(170, start))
            mstore(add(matrix, 0xc0), and(second, LANE))
            mstore(add(matrix, 0xe0), and(shr(85, second), LANE))
            mstore(add(matrix, 0x100), shr(170, second))
        }
    }

    function _open(
        Rows memory rows,
        uint256[][] memory nodes,
        uint256[][] memory sums,
        uint256[] memory powers,
        uint256 next
    ) private pure returns (bytes32 root, uint256) {
        if (rows.depth == 0) revert IQueryVerifier.ContextMalformed();
        bytes32[] memory digests = new bytes32[](nodes[rows.depth].length);
        for (uint256 level = rows.depth;;) {
            if (rows.first[level] != 0) {
                if (sums[level].length == 0) revert IQueryVerifier.ContextMalformed();
            }
            next = level == rows.depth
                ? _leaves(rows, level, digests, sums[level], powers, next)
                : _up(rows, level, nodes, digests, sums[level], powers, next);
            if (level == 0) return (digests[0], next);
            --level;
        }
        return (0, next);
    }

    /// @dev Hashes and sums the rows of the leaves.
    function _leaves(
        Rows memory rows,
        uint256 level,
        bytes32[] memory digests,
        uint256[] memory sums,
        uint256[] memory powers,
        uint256 next
    ) private pure returns (uint256) {
        uint256 length = rows.length[level];
        uint256 first = rows.first[level];
        for (uint256 i = 0; i < digests.length; ++i) {
            digests[i] = _hash(next, length);
            _sum(first, next, sums, i, powers);
            next += length;
        }
        return next;
    }

    /// @dev Replaces the digests of a level's open nodes by those of the level above it, `level`.
    function _up(
        Rows memory rows,
        uint256 level,
        uint256[][] memory nodes,
        bytes32[] memory digests,
        uint256[] memory sums,
        uint256[] memory powers,
        uint256 next
    ) private pure returns (uint256) {
        uint256 length = rows.length[level];
        if (length == 0) return climb(nodes[level + 1], digests, next);
        uint256 first = rows.first[level];
        uint256[] memory below = nodes[level + 1];
        uint256 from = 0;
        uint256 count = nodes[level].length;
        for (uint256 i = 0; i < count; ++i) {
            bytes32 digest;
            (digest, from, next) = _node(below, digests, from, next);
            bytes32 row = _hash(next, length);
            assembly ("memory-safe") {
                mstore(0, digest)
                mstore(0x20, row)
                mstore(add(add(digests, 0x20), shl(5, i)), keccak256(0, 0x40))
            }
            _sum(first, next, sums, i, powers);
            next += length;
        }
        return next;
    }

    /// @dev Returns the digest above the open node `from`, and which open node and byte come next.
    function _node(uint256[] memory below, bytes32[] memory digests, uint256 from, uint256 next)
        private
        pure
        returns (bytes32 digest, uint256, uint256)
    {
        assembly ("memory-safe") {
            let at := add(add(below, 0x20), shl(5, from))
            let index := and(mload(at), 0xFFFFFFFF)
            let place := and(index, 1)
            mstore(shl(5, place), mload(add(add(digests, 0x20), shl(5, from))))
            from := add(from, 1)
            let both := and(lt(from, mload(below)), eq(and(mload(add(at, 0x20)), 0xFFFFFFFF), add(index, 1)))
            switch and(both, iszero(place))
            case 1 {
                mstore(0x20, mload(add(add(digests, 0x20), shl(5, from))))
                from := add(from, 1)
            }
            default {
                mstore(shl(5, iszero(place)), calldataload(next))
                next := add(next, 0x20)
            }
            digest := keccak256(0, 0x40)
        }
        return (digest, from, next);
    }

    /// @dev Replaces the digests of a level's open nodes by those of the level above, where no rows enter.
    function climb(uint256[] memory below, bytes32[] memory digests, uint256 next) internal pure returns (uint256) {
        assembly ("memory-safe") {
            let to := add(digests, 0x20)
            let from := to
            let at := add(below, 0x20)
            for { let end := add(at, shl(5, mload(below))) } lt(at, end) { } {
                let index := and(mload(at), 0xFFFFFFFF)
                at := add(at, 0x20)
                switch and(index, 1)
                case 1 {
                    mstore(0, calldataload(next))
                    next := add(next, 0x20)
                    mstore(0x20, mload(from))
                }
                default {
                    mstore(0, mload(from))
                    switch and(lt(at, end), eq(and(mload(at), 0xFFFFFFFF), add(index, 1)))
                    case 1 {
                        from := add(from, 0x20)
                        at := add(at, 0x20)
                        mstore(0x20, mload(from))
                    }
                    default {
                        mstore(0x20, calldataload(next))
                        next := add(next, 0x20)
                    }
                }
                from := add(from, 0x20)
                mstore(to, keccak256(0, 0x40))
                to := add(to, 0x20)
            }
        }
        return next;
    }

    /// @dev Returns a word of the memory.
    function load(uint256 at) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(at)
        }
    }

    function _hash(uint256 at, uint256 length) private pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, at, length)
            digest := keccak256(free, length)
        }
    }

    /// @dev Adds to the sums of a node what a row of its matrices gives: with t the sum of the row's elements times the
    /// powers of alpha, t times the power that the matrix starts with, for each of its points.
    function _sum(uint256 matrix, uint256 at, uint256[] memory sums, uint256 node, uint256[] memory powers)
        private
        pure
    {
        assembly ("memory-safe") {
            // Adds to three words the product of t with the three lanes at `by`.
            function gather(to, by, t0, t1, t2) {
                let b0 := mload(by)
                let b1 := mload(add(by, 0x20))
                let b2 := mload(add(by, 0x40))
                let x3 := add(mul(t1, b2), mul(t2, b1))
                let x4 := mul(t2, b2)
                mstore(to, add(mload(to), add(mul(t0, b0), x3)))
                to := add(to, 0x20)
                mstore(to, add(mload(to), add(add(mul(t0, b1), mul(t1, b0)), add(x3, x4))))
                to := add(to, 0x20)
                mstore(to, add(mload(to), add(add(mul(t0, b2), mul(t1, b1)), add(mul(t2, b0), x4))))
            }
            let to := add(add(sums, 0x20), mul(node, SUMS))
            for { } matrix { matrix := mload(matrix) } {
                let t0 := 0
                let t1 := 0
                let t2 := 0
                let power := add(powers, 0x20)
                let end := add(at, shl(3, mload(add(matrix, 0x20))))
                for { let many := sub(end, 31) } lt(at, many) { at := add(at, 0x20) } {
                    let v3 := calldataload(at)
                    let v0 := shr(192, v3)
                    let v1 := and(shr(128, v3), 0xFFFFFFFFFFFFFFFF)
                    let v2 := and(shr(64, v3), 0xFFFFFFFFFFFFFFFF)
                    v3 := and(v3, 0xFFFFFFFFFFFFFFFF)
                    t0 := add(add(add(add(t0, mul(v0, mload(power))), mul(v1, mload(add(power, 0x60)))), mul(v2, mload(add(power, 0xc0)))), mul(v3, mload(add(power, 0x120))))
                    t1 := add(add(add(add(t1, mul(v0, mload(add(power, 0x20)))), mul(v1, mload(add(power, 0x80)))), mul(v2, mload(add(power, 0xe0)))), mul(v3, mload(add(power, 0x140))))
                    t2 := add(add(add(add(t2, mul(v0, mload(add(power, 0x40)))), mul(v1, mload(add(power, 0xa0)))), mul(v2, mload(add(power, 0x100)))), mul(v3, mload(add(power, 0x160))))
                    power := add(power, 0x180)
                }
                for { } lt(at, end) { at := add(at, 8) } {
                    let value := shr(192, calldataload(at))
                    t0 := add(t0, mul(value, mload(power)))
                    t1 := add(t1, mul(value, mload(add(power, 0x20))))
                    t2 := add(t2, mul(value, mload(add(power, 0x40))))
                    power := add(power, 0x60)
                }
                gather(to, add(matrix, 0x60), t0, t1, t2)
                if mload(add(matrix, 0x40)) { gather(add(to, 0x60), add(matrix, 0xc0), t0, t1, t2) }
            }
        }
    }
}
