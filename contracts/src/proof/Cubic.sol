// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Goldilocks } from "./Goldilocks.sol";

/// @title The field of the challenges: Goldilocks extended by a root of X^3 - X - 1.
/// @dev An element c0 + c1 X + c2 X^2 is one word, c0 << 128 | c1 << 64 | c2: the 24 bytes of a proof, read as one number.
/// Functions take words below 2^192 with any limbs, reduced or not, and return reduced limbs. So equal elements are equal
/// words if both were returned from here, or were checked with `isReduced`.
library Cubic {
    uint256 internal constant ONE = 1 << 128;

    uint256 private constant ORDER = 0xFFFFFFFF00000001;
    uint256 private constant LIMB = 0xFFFFFFFFFFFFFFFF;
    /// @dev Twice the order: above any limb.
    uint256 private constant OFFSET = 0x1FFFFFFFE00000002;
    /// @dev The order times 2^68: above a sum of eight products of limbs.
    uint256 private constant OFFSET_PRODUCTS = 0xFFFFFFFF0000000100000000000000000;

    /// @dev Returns the element of the extension that an element of the base field is.
    function from(uint256 base) internal pure returns (uint256) {
        return base << 128;
    }

    /// @dev Whether a word has three limbs and each of them is below the order.
    function isReduced(uint256 a) internal pure returns (bool yes) {
        assembly ("memory-safe") {
            yes := and(lt(shr(128, a), ORDER), and(lt(and(shr(64, a), LIMB), ORDER), lt(and(a, LIMB), ORDER)))
        }
    }

    function add(uint256 a, uint256 b) internal pure returns (uint256 c) {
        assembly ("memory-safe") {
            c := shl(128, addmod(shr(128, a), shr(128, b), ORDER))
            c := or(c, shl(64, addmod(and(shr(64, a), LIMB), and(shr(64, b), LIMB), ORDER)))
            c := or(c, addmod(and(a, LIMB), and(b, LIMB), ORDER))
        }
    }

    function sub(uint256 a, uint256 b) internal pure returns (uint256 c) {
        assembly ("memory-safe") {
            c := shl(128, mod(sub(add(shr(128, a), OFFSET), shr(128, b)), ORDER))
            c := or(c, shl(64, mod(sub(add(and(shr(64, a), LIMB), OFFSET), and(shr(64, b), LIMB)), ORDER)))
            c := or(c, mod(sub(add(and(a, LIMB), OFFSET), and(b, LIMB)), ORDER))
        }
    }

    function mul(uint256 a, uint256 b) internal pure returns (uint256 c) {
        assembly ("memory-safe") {
            let a0 := shr(128, a)
            let a1 := and(shr(64, a), LIMB)
            let a2 := and(a, LIMB)
            let b0 := shr(128, b)
            let b1 := and(shr(64, b), LIMB)
            let b2 := and(b, LIMB)
            // X^3 is X + 1, and X^4 is X^2 + X.
            let x3 := add(mul(a1, b2), mul(a2, b1))
            let x4 := mul(a2, b2)
            c := shl(128, mod(add(mul(a0, b0), x3), ORDER))
            c := or(c, shl(64, mod(add(add(mul(a0, b1), mul(a1, b0)), add(x3, x4)), ORDER)))
            c := or(c, mod(add(add(mul(a0, b2), mul(a1, b1)), add(mul(a2, b0), x4)), ORDER))
        }
    }

    /// @dev Returns `a` times an element of the base field, a word below 2^64.
    function scale(uint256 a, uint256 base) internal pure returns (uint256 c) {
        assembly ("memory-safe") {
            c := shl(128, mulmod(shr(128, a), base, ORDER))
            c := or(c, shl(64, mulmod(and(shr(64, a), LIMB), base, ORDER)))
            c := or(c, mulmod(and(a, LIMB), base, ORDER))
        }
    }

    function power(uint256 base, uint256 exponent) internal pure returns (uint256 result) {
        result = ONE;
        while (exponent != 0) {
            if (exponent & 1 != 0) result = mul(result, base);
            base = mul(base, base);
            exponent >>= 1;
        }
    }

    /// @dev Returns one over an element, and zero for zero: the first row's cofactors of the matrix that multiplies by `a`,
    /// over its determinant.
    function inverse(uint256 a) internal pure returns (uint256 c) {
        uint256 c0;
        uint256 c1;
        uint256 c2;
        uint256 determinant;
        assembly ("memory-safe") {
            let a0 := shr(128, a)
            let a1 := and(shr(64, a), LIMB)
            let a2 := and(a, LIMB)
            let a02 := add(a0, a2)
            let a12 := add(a1, a2)
            c0 := mod(sub(add(mul(a02, a02), OFFSET_PRODUCTS), mul(a1, a12)), ORDER)
            c1 := mod(sub(add(mul(a2, a12), OFFSET_PRODUCTS), mul(a1, a02)), ORDER)
            c2 := mod(sub(add(mul(a1, a1), OFFSET_PRODUCTS), mul(a2, a02)), ORDER)
            determinant := mod(add(add(mul(a0, c0), mul(a2, c1)), mul(a1, c2)), ORDER)
        }
        uint256 scalar = Goldilocks.inverse(determinant);
        assembly ("memory-safe") {
            c := shl(128, mulmod(c0, scalar, ORDER))
            c := or(c, shl(64, mulmod(c1, scalar, ORDER)))
            c := or(c, mulmod(c2, scalar, ORDER))
        }
    }
}
