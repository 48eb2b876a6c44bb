// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Goldilocks } from "./Goldilocks.sol";

/// @title The field of the challenges: Goldilocks extended by a root of X^3 - X - 1.
/// @dev An element c0 + c1 X + c2 X^2 is one word of three lanes, c0 | c1 << 85 | c2 << 170. A reduced element has lanes
/// below the order of the field, and one word. A lane has 21 bits more than that, so the sum of elements is the sum of their
/// words, and nothing is reduced until it would outgrow its lane. Functions take lanes below 2^85 unless they say less.
library Cubic {
    /// @dev One.
    uint256 internal constant ONE = 1;

    uint256 private constant ORDER = 0xFFFFFFFF00000001;
    uint256 private constant LIMB = 0xFFFFFFFFFFFFFFFF;
    uint256 private constant LANE = 0x1FFFFFFFFFFFFFFFFFFFFF;
    /// @dev The order times 2^16, in every lane.
    uint256 private constant OFFSET = 0x3fffffffc0000000400001fffffffe0000000200000ffffffff000000010000;
    /// @dev The order times 2^110: above a product of two sums of lanes.
    uint256 private constant OFFSET_PRODUCTS = 0xFFFFFFFF00000001 << 110;

    /// @dev Returns the element whose 24 bytes, c0 first, are this number.
    function fromBytes(uint256 packed) internal pure returns (uint256 a) {
        assembly ("memory-safe") {
            a := or(shr(128, packed), or(shl(85, and(shr(64, packed), LIMB)), shl(170, and(packed, LIMB))))
        }
    }

    /// @dev Whether each lane is below the order.
    function isReduced(uint256 a) internal pure returns (bool yes) {
        assembly ("memory-safe") {
            yes := and(lt(shr(170, a), ORDER), and(lt(and(shr(85, a), LANE), ORDER), lt(and(a, LANE), ORDER)))
        }
    }

    /// @dev Returns the reduced word of the same element.
    function reduce(uint256 a) internal pure returns (uint256 c) {
        assembly ("memory-safe") {
            c := shl(170, mod(shr(170, a), ORDER))
            c := or(c, shl(85, mod(and(shr(85, a), LANE), ORDER)))
            c := or(c, mod(and(a, LANE), ORDER))
        }
    }

    /// @dev Returns a difference, not reduced: its lanes are below those of `a` plus 2^80. Lanes of `b` are below 2^79.
    function sub(uint256 a, uint256 b) internal pure returns (uint256 c) {
        unchecked {
            c = a + (OFFSET - b);
        }
    }

    /// @dev Returns a product, reduced.
    function mul(uint256 a, uint256 b) internal pure returns (uint256 c) {
        assembly ("memory-safe") {
            let a0 := and(a, LANE)
            let a1 := and(shr(85, a), LANE)
            let a2 := shr(170, a)
            let b0 := and(b, LANE)
            let b1 := and(shr(85, b), LANE)
            let b2 := shr(170, b)
            // X^3 is X + 1, and X^4 is X^2 + X.
            let x3 := add(mul(a1, b2), mul(a2, b1))
            let x4 := mul(a2, b2)
            c := mod(add(mul(a0, b0), x3), ORDER)
            c := or(c, shl(85, mod(add(add(mul(a0, b1), mul(a1, b0)), add(x3, x4)), ORDER)))
            c := or(c, shl(170, mod(add(add(mul(a0, b2), mul(a1, b1)), add(mul(a2, b0), x4)), ORDER)))
        }
    }

    /// @dev Returns the product with an element of the base field, reduced. `base` is below 2^171.
    function scale(uint256 a, uint256 base) internal pure returns (uint256 c) {
        assembly ("memory-safe") {
            c := mod(mul(and(a, LANE), base), ORDER)
            c := or(c, shl(85, mod(mul(and(shr(85, a), LANE), base), ORDER)))
            c := or(c, shl(170, mod(mul(shr(170, a), base), ORDER)))
        }
    }

    /// @dev Returns a power, reduced.
    function power(uint256 base, uint256 exponent) internal pure returns (uint256 result) {
        result = ONE;
        while (exponent != 0) {
            if (exponent & 1 != 0) result = mul(result, base);
            base = mul(base, base);
            exponent >>= 1;
        }
    }

    /// @dev Returns one over an element, and zero for zero, reduced: the first row's cofactors of the matrix that multiplies
    /// by `a`, over its determinant.
    function inverse(uint256 a) internal pure returns (uint256 c) {
        uint256 c0;
        uint256 c1;
        uint256 c2;
        uint256 determinant;
        assembly ("memory-safe") {
            let a0 := and(a, LANE)
            let a1 := and(shr(85, a), LANE)
            let a2 := shr(170, a)
            let a02 := add(a0, a2)
            let a12 := add(a1, a2)
            c0 := mod(sub(add(mul(a02, a02), OFFSET_PRODUCTS), mul(a1, a12)), ORDER)
            c1 := mod(sub(add(mul(a2, a12), OFFSET_PRODUCTS), mul(a1, a02)), ORDER)
            c2 := mod(sub(add(mul(a1, a1), OFFSET_PRODUCTS), mul(a2, a02)), ORDER)
            determinant := mod(add(add(mul(a0, c0), mul(a2, c1)), mul(a1, c2)), ORDER)
        }
        uint256 scalar = Goldilocks.inverse(determinant);
        assembly ("memory-safe") {
            c := mulmod(c0, scalar, ORDER)
            c := or(c, shl(85, mulmod(c1, scalar, ORDER)))
            c := or(c, shl(170, mulmod(c2, scalar, ORDER)))
        }
    }
}
