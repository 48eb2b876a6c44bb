// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IQueryVerifier } from "../interfaces/IQueryVerifier.sol";
import { Cubic } from "./Cubic.sol";
import { Context, QueryContext } from "./QueryContext.sol";

/// @dev What of a commitment's matrices enters its tree, by level: where the first and the last of a list of matrices
/// is in memory, and how long their rows are together.
struct Rows {
    uint256 depth;
    uint256[] first;
    uint256[] last;
    uint256[] length;
}

/// @title Opens trees: every open row is hashed up to the root, and summed up with the powers of alpha on the way.
/// @dev A sum is three words, one for each coefficient, not reduced before the end. Elements of rows are words of 64
/// bits and so are the lanes of powers, so a block of 16 columns stays below 2^133; where a matrix starts has lanes
/// below 2^86, and a height less than 2^16 matrices of two points, so a sum stays below 2^(133 + 86 + 2 + 17).
library QueryTrees {
    /// @dev Words and bytes of a node's two sums.
    uint256 internal constant SUM_WORDS = 6;
    uint256 private constant SUM_BYTES = 0xc0;

    uint256 private constant ORDER = 0xFFFFFFFF00000001;
    uint256 private constant LANE = 0x1FFFFFFFFFFFFFFFFFFFFF;
    uint256 private constant WORD = 0x20;
    /// @dev Where the powers of alpha are, from the 0th, three words each; the 16th; and what is after it.
    uint256 private constant TABLE = 0x80;
    uint256 private constant BLOCK_POWER = 0x680;
    uint256 private constant TABLE_END = 0x6e0;
    /// @dev Bytes of a matrix in memory: the next one, its width, whether it has two points, and the lanes of two
    /// powers.
    uint256 private constant MATRIX = 0x120;

    /// @dev Checks what is open of all commitments, from `next` in the calldata. Returns where it ends, and for each
    /// level the sums of its nodes.
    function open(Context memory c, uint256[][] memory nodes, uint256 next)
        internal
        pure
        returns (uint256 end, uint256[][] memory sums)
    {
        sums = new uint256[][](c.logMax + 1);
        for (uint256 i = 0; i < c.heights; ++i) {
            uint256 level = QueryContext.word(c.heightsAt + 5 * WORD * i);
            if (level > c.logMax) revert IQueryVerifier.ContextMalformed();
            sums[level] = new uint256[](nodes[level].length * SUM_WORDS);
        }
        uint256[] memory giants = _powers(c);
        uint256 at = c.matricesAt;
        for (uint256 i = 0; i < c.commitments; ++i) {
            uint256 count = QueryContext.word(c.countsAt + WORD * i);
            Rows memory rows = _rows(c, giants, sums, at, count);
            at += 2 * WORD * count;
            bytes32 root;
            (root, next) = _open(rows, nodes, sums, next);
            if (uint256(root) != QueryContext.word(c.rootsAt + WORD * i)) revert IQueryVerifier.CommitmentMissed(i);
        }
        if (at != c.indicesAt) revert IQueryVerifier.ContextMalformed();
        return (next, sums);
    }

    /// @dev Takes the first memory of the call for the powers of alpha below the 16th, each as three lanes, and the
    /// 16th: so that `_sum` reads them at addresses which the compiler knows. Nothing may have taken memory before.
    function reserve() internal pure {
        assembly ("memory-safe") {
            if iszero(eq(mload(0x40), TABLE)) { revert(0, 0) }
            mstore(0x40, TABLE_END)
        }
    }

    /// @dev Fills the table of powers. Returns the powers of the 16th, one more than the widest matrix needs.
    function _powers(Context memory c) private pure returns (uint256[] memory giants) {
        uint256 power = Cubic.ONE;
        for (uint256 at = TABLE; at < TABLE_END; at += 0x60) {
            assembly ("memory-safe") {
                mstore(at, and(power, LANE))
                mstore(add(at, 0x20), and(shr(85, power), LANE))
                mstore(add(at, 0x40), shr(170, power))
            }
            if (at != BLOCK_POWER) power = Cubic.mul(power, c.alpha);
        }
        giants = new uint256[](_widest(c) / 16 + 1);
        uint256 giant = Cubic.ONE;
        for (uint256 i = 0; i < giants.length; ++i) {
            giants[i] = giant;
            giant = Cubic.mul(giant, power);
        }
    }

    /// @dev Returns a power of alpha.
    function _power(uint256[] memory giants, uint256 exponent) private pure returns (uint256 power) {
        assembly ("memory-safe") {
            let at := add(TABLE, mul(0x60, and(exponent, 15)))
            power := or(mload(at), or(shl(85, mload(add(at, 0x20))), shl(170, mload(add(at, 0x40)))))
        }
        return Cubic.mul(power, giants[exponent >> 4]);
    }

    /// @dev Returns how many columns the widest matrix has, or the widest run of matrices that `_rows` takes for one.
    function _widest(Context memory c) private pure returns (uint256 widest) {
        uint256 end = c.indicesAt;
        uint256 at = c.matricesAt;
        assembly ("memory-safe") {
            let before := 0
            let run := 0
            for { } lt(at, end) { at := add(at, 0x40) } {
                let shape := calldataload(at)
                let width := and(shr(16, shape), 0xFFFF)
                // Its level and its number of points.
                let kind := and(shape, not(0xFFFF0000))
                run := add(width, mul(run, and(eq(kind, before), eq(shr(32, kind), 1))))
                before := kind
                if gt(run, widest) { widest := run }
            }
        }
    }

    /// @dev Lays out a commitment's matrices, in lists by level. Every level with a matrix has sums.
    function _rows(Context memory c, uint256[] memory giants, uint256[][] memory sums, uint256 at, uint256 count)
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
            if (level > c.logMax || width == 0 || sums[level].length == 0) revert IQueryVerifier.ContextMalformed();
            rows.length[level] += 8 * width;
            uint256 last = rows.last[level];
            if (last != 0 && shape >> 32 == 1 && _joined(giants, last, width, start)) continue;
            uint256 matrix = _matrix(giants, width, shape >> 32, start);
            if (last == 0) {
                rows.first[level] = matrix;
                if (level > rows.depth) rows.depth = level;
            } else {
                assembly ("memory-safe") {
                    mstore(last, matrix)
                }
            }
            rows.last[level] = matrix;
        }
    }

    /// @dev Whether a matrix of one point starts where the last one of its level ends, which has one point, too: then
    /// that one is wider now, and both are summed as one.
    function _joined(uint256[] memory giants, uint256 last, uint256 width, uint256 start)
        private
        pure
        returns (bool yes)
    {
        uint256 first;
        uint256 before;
        assembly ("memory-safe") {
            yes := iszero(mload(add(last, 0x40)))
            let lanes := add(last, 0x60)
            first := or(mload(lanes), or(shl(85, mload(add(lanes, 0x20))), shl(170, mload(add(lanes, 0x40)))))
            before := mload(add(last, 0x20))
        }
        // Matrices of other heights between them can make a row longer than the powers that are at hand: then it is not
        // joined, which is as right.
        if (!yes || before >> 4 >= giants.length || Cubic.mul(first, _power(giants, before)) != start) return false;
        assembly ("memory-safe") {
            let wide := add(last, 0x20)
            mstore(wide, add(mload(wide), width))
        }
    }

    function _matrix(uint256[] memory giants, uint256 width, uint256 points, uint256 start)
        private
        pure
        returns (uint256 matrix)
    {
        if (points != 1 && points != 2) revert IQueryVerifier.ContextMalformed();
        uint256 second;
        if (points == 2) second = Cubic.mul(start, _power(giants, width));
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

    function _open(Rows memory rows, uint256[][] memory nodes, uint256[][] memory sums, uint256 next)
        private
        pure
        returns (bytes32 root, uint256)
    {
        if (rows.depth == 0) revert IQueryVerifier.ContextMalformed();
        bytes32[] memory digests = new bytes32[](nodes[rows.depth].length);
        next = _leaves(rows, rows.depth, digests, sums[rows.depth], next);
        for (uint256 level = rows.depth; level > 0; --level) {
            next = _up(rows, level - 1, nodes, digests, sums[level - 1], next);
        }
        return (digests[0], next);
    }

    /// @dev Hashes and sums the rows of the leaves.
    function _leaves(Rows memory rows, uint256 level, bytes32[] memory digests, uint256[] memory sums, uint256 next)
        private
        pure
        returns (uint256)
    {
        uint256 length = rows.length[level];
        uint256 first = rows.first[level];
        for (uint256 i = 0; i < digests.length; ++i) {
            digests[i] = _hash(next, length);
            _sum(first, next, sums, i);
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
            _sum(first, next, sums, i);
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
    function _sum(uint256 matrix, uint256 at, uint256[] memory sums, uint256 node) private pure {
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
            let to := add(add(sums, 0x20), mul(node, SUM_BYTES))
            for { } matrix { matrix := mload(matrix) } {
                let t0 := 0
                let t1 := 0
                let t2 := 0
                let width := mload(add(matrix, 0x20))
                let end := add(at, shl(3, width))
                // From the last block to the first, each of 16 columns but the last, which may have fewer.
                {
                    let power := TABLE
                    for { let from := sub(end, shl(3, and(width, 15))) } lt(from, end) { from := add(from, 8) } {
                        let value := shr(192, calldataload(from))
                        t0 := add(t0, mul(value, mload(power)))
                        t1 := add(t1, mul(value, mload(add(power, 0x20))))
                        t2 := add(t2, mul(value, mload(add(power, 0x40))))
                        power := add(power, 0x60)
                    }
                }
                let first := at
                at := sub(end, shl(3, and(width, 15)))
                for { } gt(at, first) { } {
                    at := sub(at, 0x80)
                    if or(t0, or(t1, t2)) {
                        // Times the 16th power of alpha, as in Cubic.
                        let b1 := mload(0x6a0)
                        let b2 := mload(0x6c0)
                        let x3 := add(mul(t1, b2), mul(t2, b1))
                        let x4 := mul(t2, b2)
                        let b0 := mload(0x680)
                        t2 := mod(add(add(mul(t0, b2), mul(t1, b1)), add(mul(t2, b0), x4)), ORDER)
                        t1 := mod(add(add(mul(t0, b1), mul(t1, b0)), add(x3, x4)), ORDER)
                        t0 := mod(add(mul(t0, b0), x3), ORDER)
                    }
                    // The rows of a table that is not used are zero.
                    if or(
                        or(calldataload(at), calldataload(add(at, 0x20))),
                        or(calldataload(add(at, 0x40)), calldataload(add(at, 0x60)))
                    ) {
                        {
                            let v3 := calldataload(at)
                            let v0 := shr(192, v3)
                            let v1 := and(shr(128, v3), 0xFFFFFFFFFFFFFFFF)
                            let v2 := and(shr(64, v3), 0xFFFFFFFFFFFFFFFF)
                            v3 := and(v3, 0xFFFFFFFFFFFFFFFF)
                            t0 := add(
                                add(add(add(t0, mul(v0, mload(0x80))), mul(v1, mload(0xe0))), mul(v2, mload(0x140))),
                                mul(v3, mload(0x1a0))
                            )
                            t1 := add(
                                add(add(add(t1, mul(v0, mload(0xa0))), mul(v1, mload(0x100))), mul(v2, mload(0x160))),
                                mul(v3, mload(0x1c0))
                            )
                            t2 := add(
                                add(add(add(t2, mul(v0, mload(0xc0))), mul(v1, mload(0x120))), mul(v2, mload(0x180))),
                                mul(v3, mload(0x1e0))
                            )
                        }
                        {
                            let v3 := calldataload(add(at, 0x20))
                            let v0 := shr(192, v3)
                            let v1 := and(shr(128, v3), 0xFFFFFFFFFFFFFFFF)
                            let v2 := and(shr(64, v3), 0xFFFFFFFFFFFFFFFF)
                            v3 := and(v3, 0xFFFFFFFFFFFFFFFF)
                            t0 := add(
                                add(add(add(t0, mul(v0, mload(0x200))), mul(v1, mload(0x260))), mul(v2, mload(0x2c0))),
                                mul(v3, mload(0x320))
                            )
                            t1 := add(
                                add(add(add(t1, mul(v0, mload(0x220))), mul(v1, mload(0x280))), mul(v2, mload(0x2e0))),
                                mul(v3, mload(0x340))
                            )
                            t2 := add(
                                add(add(add(t2, mul(v0, mload(0x240))), mul(v1, mload(0x2a0))), mul(v2, mload(0x300))),
                                mul(v3, mload(0x360))
                            )
                        }
                        {
                            let v3 := calldataload(add(at, 0x40))
                            let v0 := shr(192, v3)
                            let v1 := and(shr(128, v3), 0xFFFFFFFFFFFFFFFF)
                            let v2 := and(shr(64, v3), 0xFFFFFFFFFFFFFFFF)
                            v3 := and(v3, 0xFFFFFFFFFFFFFFFF)
                            t0 := add(
                                add(add(add(t0, mul(v0, mload(0x380))), mul(v1, mload(0x3e0))), mul(v2, mload(0x440))),
                                mul(v3, mload(0x4a0))
                            )
                            t1 := add(
                                add(add(add(t1, mul(v0, mload(0x3a0))), mul(v1, mload(0x400))), mul(v2, mload(0x460))),
                                mul(v3, mload(0x4c0))
                            )
                            t2 := add(
                                add(add(add(t2, mul(v0, mload(0x3c0))), mul(v1, mload(0x420))), mul(v2, mload(0x480))),
                                mul(v3, mload(0x4e0))
                            )
                        }
                        {
                            let v3 := calldataload(add(at, 0x60))
                            let v0 := shr(192, v3)
                            let v1 := and(shr(128, v3), 0xFFFFFFFFFFFFFFFF)
                            let v2 := and(shr(64, v3), 0xFFFFFFFFFFFFFFFF)
                            v3 := and(v3, 0xFFFFFFFFFFFFFFFF)
                            t0 := add(
                                add(add(add(t0, mul(v0, mload(0x500))), mul(v1, mload(0x560))), mul(v2, mload(0x5c0))),
                                mul(v3, mload(0x620))
                            )
                            t1 := add(
                                add(add(add(t1, mul(v0, mload(0x520))), mul(v1, mload(0x580))), mul(v2, mload(0x5e0))),
                                mul(v3, mload(0x640))
                            )
                            t2 := add(
                                add(add(add(t2, mul(v0, mload(0x540))), mul(v1, mload(0x5a0))), mul(v2, mload(0x600))),
                                mul(v3, mload(0x660))
                            )
                        }
                    }
                }
                at := end
                if or(t0, or(t1, t2)) {
                    gather(to, add(matrix, 0x60), t0, t1, t2)
                    if mload(add(matrix, 0x40)) { gather(add(to, 0x60), add(matrix, 0xc0), t0, t1, t2) }
                }
            }
        }
    }
}
