// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The Goldilocks field: integers modulo 2^64 - 2^32 + 1.
/// @dev An element is a word below 2^64. Functions take any such word, reduced or not, and return reduced ones. Sums of
/// products of elements fit a word: 2^127 products of two words below 2^64 do, so callers reduce once at the end.
library Goldilocks {
    uint256 internal constant ORDER = 0xFFFFFFFF00000001;
    /// @dev Where cosets begin: the generator of the multiplicative group that the proof system uses.
    uint256 internal constant GENERATOR = 7;
    /// @dev Binary logarithm of the most roots of unity of an order that is a power of two.
    uint256 internal constant TWO_ADICITY = 32;

    uint256 private constant ROOT = 0x185629dcda58878c;

    /// @dev Returns the power of an element. Costs about 55 gas for each bit of the exponent.
    function power(uint256 base, uint256 exponent) internal pure returns (uint256 result) {
        assembly ("memory-safe") {
            result := 1
            for { } exponent { exponent := shr(1, exponent) } {
                if and(exponent, 1) { result := mulmod(result, base, ORDER) }
                base := mulmod(base, base, ORDER)
            }
        }
    }

    /// @dev Returns one over an element, and zero for zero. The exponent is the order less two: 32 ones, a zero, 31 ones.
    function inverse(uint256 x) internal pure returns (uint256 result) {
        assembly ("memory-safe") {
            function squared(of, times) -> y {
                y := of
                for { } times { times := sub(times, 1) } { y := mulmod(y, y, ORDER) }
            }
            let ones2 := mulmod(squared(x, 1), x, ORDER)
            let ones3 := mulmod(squared(ones2, 1), x, ORDER)
            let ones6 := mulmod(squared(ones3, 3), ones3, ORDER)
            let ones12 := mulmod(squared(ones6, 6), ones6, ORDER)
            let ones24 := mulmod(squared(ones12, 12), ones12, ORDER)
            let ones30 := mulmod(squared(ones24, 6), ones6, ORDER)
            let ones31 := mulmod(squared(ones30, 1), x, ORDER)
            let ones32 := mulmod(squared(ones31, 1), x, ORDER)
            // 31 ones, a zero, then 32 ones: 2^64 - 2^32 - 1.
            result := mulmod(squared(ones31, 33), ones32, ORDER)
        }
    }

    /// @dev Returns the root of unity of the order 2^logOrder that the proof system uses; `logOrder` is 32 at most.
    function root(uint256 logOrder) internal pure returns (uint256 result) {
        assembly ("memory-safe") {
            result := ROOT
            for { let times := sub(TWO_ADICITY, logOrder) } times { times := sub(times, 1) } {
                result := mulmod(result, result, ORDER)
            }
        }
    }
}
