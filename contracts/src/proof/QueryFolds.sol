// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IQueryVerifier } from "../interfaces/IQueryVerifier.sol";
import { Cubic } from "./Cubic.sol";
import { Goldilocks } from "./Goldilocks.sol";
import { Context, QueryContext } from "./QueryContext.sol";
import { QueryPlaces } from "./QueryPlaces.sol";
import { QueryTrees } from "./QueryTrees.sol";

/// @title Folds what the queries open, round by round, to the polynomial that is left.
library QueryFolds {
    uint256 private constant ORDER = 0xFFFFFFFF00000001;
    uint256 private constant LIMB = 0xFFFFFFFFFFFFFFFF;
    uint256 private constant LANE = 0x1FFFFFFFFFFFFFFFFFFFFF;
    /// @dev As in Cubic: the order times 2^16, in every lane.
    uint256 private constant OFFSET = 0x3fffffffc0000000400001fffffffe0000000200000ffffffff000000010000;
    uint256 private constant HALF = 0x7FFFFFFF80000001;
    uint256 private constant WORD = 0x20;
    uint256 private constant SUM_WORDS = QueryTrees.SUM_WORDS;
    /// @dev Binary logarithm of the most values that are folded into one.
    uint256 private constant LOG_ARITY_MAX = 5;

    /// @dev A round of folding: what it needs of the context, and where in the calldata it is.
    struct Round {
        uint256 beta;
        uint256 logArity;
        uint256 level;
        uint256 next;
        uint256[] roots;
        uint256[] twists;
        uint256[] group;
    }

    /// @dev Turns the sums of each level into the value of the polynomial that enters the folding there, for each node:
    /// (S - sum) / (z - x) for both points z, where S is what is claimed and x is where the node's row is.
    function reduce(Context memory c, uint256[][] memory nodes, uint256[][] memory sums) internal pure {
        uint256 total = 0;
        for (uint256 i = 0; i < c.heights; ++i) {
            total += nodes[QueryContext.word(c.heightsAt + 5 * WORD * i)].length;
        }
        // One inversion for all: a product of the denominators so far stands before each of them.
        uint256[] memory denominators = new uint256[](total);
        uint256[] memory before = new uint256[](total);
        uint256 product = Cubic.ONE;
        total = 0;
        for (uint256 i = 0; i < c.heights; ++i) {
            uint256 at = c.heightsAt + 5 * WORD * i;
            uint256[] memory level = nodes[QueryContext.word(at)];
            for (uint256 j = 0; j < level.length; ++j) {
                (uint256 first, uint256 second) = _differences(at, level[j]);
                uint256 denominator = Cubic.mul(first, second);
                denominators[total] = denominator;
                before[total++] = product;
                product = Cubic.mul(product, denominator);
            }
        }
        if (product == 0) revert IQueryVerifier.PointInDomain();
        _divide(c, nodes, sums, denominators, before);
    }

    /// @dev Divides by denominators, of which `before` has the products up to each.
    function _divide(
        Context memory c,
        uint256[][] memory nodes,
        uint256[][] memory sums,
        uint256[] memory denominators,
        uint256[] memory before
    ) private pure {
        uint256 last = denominators.length;
        uint256 product = Cubic.inverse(Cubic.mul(before[last - 1], denominators[last - 1]));
        for (uint256 i = c.heights; i > 0; --i) {
            uint256 at = c.heightsAt + 5 * WORD * (i - 1);
            uint256[] memory level = nodes[QueryContext.word(at)];
            uint256[] memory values = sums[QueryContext.word(at)];
            for (uint256 j = level.length; j > 0; --j) {
                uint256 inverse = Cubic.mul(product, before[--last]);
                product = Cubic.mul(product, denominators[last]);
                // The value takes the place of a sum that is not read again.
                values[SUM_WORDS * (j - 1)] = Cubic.mul(_numerator(at, level[j - 1], values, j - 1), inverse);
            }
        }
    }

    /// @dev Returns a node's value times its denominator.
    function _numerator(uint256 at, uint256 node, uint256[] memory sums, uint256 place) private pure returns (uint256) {
        (uint256 first, uint256 second) = _differences(at, node);
        (uint256 left, uint256 right) = _numerators(at, sums, place);
        return Cubic.mul(left, second) + Cubic.mul(right, first);
    }

    /// @dev Returns what both points of a height are above where a node is.
    function _differences(uint256 at, uint256 node) private pure returns (uint256 first, uint256 second) {
        uint256 x = mulmod((node >> 64) & LIMB, Goldilocks.GENERATOR, ORDER);
        first = Cubic.sub(QueryContext.word(at + WORD), x);
        second = Cubic.sub(QueryContext.word(at + 3 * WORD), x);
    }

    /// @dev Returns what the claims of both points are above a node's sums.
    function _numerators(uint256 at, uint256[] memory sums, uint256 node)
        private
        pure
        returns (uint256 first, uint256 second)
    {
        assembly ("memory-safe") {
            function lanes(from) -> sum {
                sum := mod(mload(from), ORDER)
                sum := or(sum, shl(85, mod(mload(add(from, 0x20)), ORDER)))
                sum := or(sum, shl(170, mod(mload(add(from, 0x40)), ORDER)))
            }
            let from := add(add(sums, 0x20), mul(node, 0xc0))
            first := lanes(from)
            second := lanes(add(from, 0x60))
        }
        first = Cubic.sub(QueryContext.word(at + 2 * WORD), first);
        second = Cubic.sub(QueryContext.word(at + 4 * WORD), second);
    }

    /// @dev Checks all rounds, from `next` in the calldata, and that what is left is the final polynomial. Returns
    /// where they end.
    function fold(Context memory c, uint256[][] memory nodes, uint256[][] memory sums, uint256 next)
        internal
        pure
        returns (uint256)
    {
        Round memory round;
        round.level = c.logMax;
        round.next = next;
        round.roots = QueryPlaces.rootPowers();
        round.twists = _twists();
        round.group = new uint256[](1 << LOG_ARITY_MAX);
        if (QueryContext.word(c.heightsAt) != c.logMax) revert IQueryVerifier.ContextMalformed();
        uint256[] memory values = _entering(nodes[c.logMax].length, sums[c.logMax]);
        uint256 entered = 1;
        for (uint256 i = 0; i < c.rounds; ++i) {
            uint256 at = c.roundsAt + 3 * WORD * i;
            round.beta = QueryContext.word(at + WORD);
            round.logArity = QueryContext.word(at + 2 * WORD);
            if (round.logArity == 0 || round.logArity > LOG_ARITY_MAX || round.logArity > round.level) {
                revert IQueryVerifier.ContextMalformed();
            }
            bytes32 root = _round(round, nodes, values);
            if (uint256(root) != QueryContext.word(at)) revert IQueryVerifier.RoundMissed(i);
            round.level -= round.logArity;
            if (entered < c.heights && QueryContext.word(c.heightsAt + 5 * WORD * entered) == round.level) {
                _enter(Cubic.power(round.beta, 1 << round.logArity), sums[round.level], values);
                ++entered;
            }
        }
        if (entered != c.heights) revert IQueryVerifier.ContextMalformed();
        _final(c, nodes[round.level], values);
        return round.next;
    }

    /// @dev Returns the values with which the folding begins.
    function _entering(uint256 count, uint256[] memory sums) private pure returns (uint256[] memory values) {
        values = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            values[i] = sums[SUM_WORDS * i];
        }
    }

    /// @dev Adds, times a factor, the values that enter where folding has come to.
    function _enter(uint256 factor, uint256[] memory sums, uint256[] memory values) private pure {
        for (uint256 i = 0; i < values.length; ++i) {
            values[i] = Cubic.reduce(values[i] + Cubic.mul(factor, sums[SUM_WORDS * i]));
        }
    }

    /// @dev Folds the values of a level, in place, and returns the root over what was folded.
    function _round(Round memory round, uint256[][] memory nodes, uint256[] memory values)
        private
        pure
        returns (bytes32 root)
    {
        uint256 folded = round.level - round.logArity;
        bytes32[] memory digests = new bytes32[](nodes[folded].length);
        uint256[] memory below = nodes[round.level];
        uint256 node;
        uint256 end;
        uint256 shift;
        assembly ("memory-safe") {
            node := add(below, 0x20)
            end := add(node, shl(5, mload(below)))
            shift := sub(values, below)
        }
        for (uint256 i = 0; i < digests.length; ++i) {
            uint256 first = node;
            (digests[i], node) = _group(round, node, end, shift);
            values[i] = _folded(round, first);
        }
        assembly ("memory-safe") {
            mstore(values, mload(digests))
        }
        for (uint256 level = folded; level > 0; --level) {
            round.next = QueryTrees.climb(nodes[level], digests, round.next);
        }
        return digests[0];
    }

    /// @dev Lays out the values that are folded together: those known, which are of the nodes in memory from `node`,
    /// and as far behind them as `shift` says, and those in the calldata. Returns the hash of all, and the node after
    /// them.
    function _group(Round memory round, uint256 node, uint256 end, uint256 shift)
        private
        pure
        returns (bytes32 digest, uint256)
    {
        uint256[] memory group = round.group;
        uint256 next = round.next;
        uint256 count = 1 << round.logArity;
        assembly ("memory-safe") {
            let index := and(and(mload(node), 0xFFFFFFFF), not(sub(count, 1)))
            let at := mload(0x40)
            let to := add(group, 0x20)
            for { let last := add(index, count) } lt(index, last) { index := add(index, 1) } {
                switch and(lt(node, end), eq(and(mload(node), 0xFFFFFFFF), index))
                case 1 {
                    let known := mload(add(node, shift))
                    mstore(to, known)
                    // Three lanes to three words of 64 bits.
                    known := or(shl(128, and(known, LANE)), or(shl(64, and(shr(85, known), LANE)), shr(170, known)))
                    mstore(at, shl(64, known))
                    node := add(node, 0x20)
                }
                default {
                    let word := calldataload(next)
                    next := add(next, 24)
                    mstore(at, word)
                    word := shr(64, word)
                    mstore(to, or(shr(128, word), or(shl(85, and(shr(64, word), LIMB)), shl(170, and(word, LIMB)))))
                }
                at := add(at, 24)
                to := add(to, 0x20)
            }
            digest := keccak256(mload(0x40), mul(24, count))
        }
        round.next = next;
        return (digest, node);
    }

    /// @dev Returns the value at beta of the polynomial that has the group's values: half by half, since for x and -x,
    /// which stand side by side, (a + b) / 2 + beta (a - b) / 2x is the value at beta^2 of a polynomial at x^2.
    function _folded(Round memory round, uint256 first) private pure returns (uint256) {
        uint256 node = QueryTrees.load(first);
        uint256[] memory group = round.group;
        uint256[] memory twists = round.twists;
        uint256 count = 1 << round.logArity;
        // The first value's element: what the node's has more stands for its place in the group.
        uint256 factor = mulmod(node >> 128, QueryPlaces.at(round.roots, (node & LIMB) & (count - 1), 1), ORDER);
        uint256 scalar = 1;
        factor = Cubic.scale(round.beta, factor);
        for (; count > 1; count >>= 1) {
            scalar = mulmod(scalar, HALF, ORDER);
            _halve(group, twists, count, factor);
            factor = Cubic.mul(factor, factor);
        }
        return Cubic.scale(group[0], scalar);
    }

    /// @dev Replaces each pair a, b of a group by a + b + (a - b) times the factor and the pair's twist, which is below 2^64.
    /// Lanes of the group grow by a bit, those of the factor are reduced.
    function _halve(uint256[] memory group, uint256[] memory twists, uint256 count, uint256 factor) private pure {
        assembly ("memory-safe") {
            let to := add(group, 0x20)
            group := to
            count := add(to, shl(5, count))
            let f1 := and(shr(85, factor), LANE)
            let f2 := shr(170, factor)
            factor := and(factor, LANE)
            for { } lt(group, count) { group := add(group, 0x40) } {
                twists := add(twists, 0x20)
                let sum := mload(add(group, 0x20))
                let d2 := add(mload(group), sub(OFFSET, sum))
                sum := add(sum, mload(group))
                let d0 := and(d2, LANE)
                let d1 := and(shr(85, d2), LANE)
                d2 := shr(170, d2)
                // The product, as in Cubic.
                let x := add(mul(d1, f2), mul(d2, f1))
                sum := add(sum, mod(mul(add(mul(d0, factor), x), mload(twists)), ORDER))
                let y := mul(d2, f2)
                x := add(add(mul(d0, f1), mul(d1, factor)), add(x, y))
                sum := add(sum, shl(85, mod(mul(x, mload(twists)), ORDER)))
                y := add(add(mul(d0, f2), mul(d1, f1)), add(mul(d2, factor), y))
                mstore(to, add(sum, shl(170, mod(mul(y, mload(twists)), ORDER))))
                to := add(to, 0x20)
            }
        }
    }

    /// @dev Returns one over what the element of each pair is more than the first pair's.
    function _twists() private pure returns (uint256[] memory twists) {
        uint256[] memory inverses = QueryPlaces.inversePowers();
        twists = new uint256[](1 << (LOG_ARITY_MAX - 1));
        for (uint256 i = 0; i < twists.length; ++i) {
            twists[i] = QueryPlaces.at(inverses, i, 2);
        }
    }

    /// @dev Checks that the values left are those of the final polynomial.
    function _final(Context memory c, uint256[] memory nodes, uint256[] memory values) private pure {
        for (uint256 i = 0; i < nodes.length; ++i) {
            uint256 x = (nodes[i] >> 64) & LIMB;
            uint256 value = 0;
            for (uint256 j = c.coefficients; j > 0; --j) {
                value = Cubic.scale(value, x) + QueryContext.word(c.finalAt + WORD * (j - 1));
            }
            if (Cubic.reduce(value) != Cubic.reduce(values[i])) revert IQueryVerifier.FinalMissed();
        }
    }
}
