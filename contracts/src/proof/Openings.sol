// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Cubic } from "./Cubic.sol";

/// @title Opened values in the calldata: three coefficients of eight bytes each, one value after another.
library Openings {
    /// @dev Bytes of a value.
    uint256 internal constant SIZE = 24;

    uint256 private constant ORDER = 0xFFFFFFFF00000001;
    uint256 private constant LIMB = 0xFFFFFFFFFFFFFFFF;
    uint256 private constant LANE = 0x1FFFFFFFFFFFFFFFFFFFFF;
    /// @dev In each lane, what carries a number from the order on into the bit above the number.
    uint256 private constant CARRY = 0x3fffffffc0000000000001fffffffe0000000000000ffffffff;
    /// @dev In each lane, that bit.
    uint256 private constant CARRIED = 0x40000000000000000000020000000000000000000010000000000000000;
    /// @dev Widths have 16 bits.
    uint256 private constant LOG_WIDTH_MAX = 16;

    /// @dev Copies values to words in memory, and returns whether all are below the order.
    function copy(uint256 from, uint256 count, uint256 to) internal pure returns (bool areReduced) {
        assembly ("memory-safe") {
            let wrong := 0
            for { let end := add(from, mul(count, SIZE)) } lt(from, end) { from := add(from, SIZE) } {
                let word := calldataload(from)
                let lanes :=
                    or(shr(192, word), or(shl(85, and(shr(128, word), LIMB)), shl(170, and(shr(64, word), LIMB))))
                wrong := or(wrong, and(add(lanes, CARRY), CARRIED))
                mstore(to, lanes)
                to := add(to, 0x20)
            }
            areReduced := iszero(wrong)
        }
    }

    /// @dev Returns the sum of values times the powers of a challenge, the first one times one.
    function sum(uint256 from, uint256 count, uint256 challenge) internal pure returns (uint256 result) {
        assembly ("memory-safe") {
            let a0 := and(challenge, LANE)
            let a1 := and(shr(85, challenge), LANE)
            let a2 := shr(170, challenge)
            let b0 := 0
            let b1 := 0
            let b2 := 0
            for { let at := add(from, mul(count, SIZE)) } gt(at, from) { } {
                at := sub(at, SIZE)
                let word := calldataload(at)
                let x3 := add(mul(a1, b2), mul(a2, b1))
                let x4 := mul(a2, b2)
                let c2 :=
                    mod(add(add(mul(a0, b2), mul(a1, b1)), add(add(mul(a2, b0), x4), and(shr(64, word), LIMB))), ORDER)
                b1 := mod(add(add(mul(a0, b1), mul(a1, b0)), add(add(x3, x4), and(shr(128, word), LIMB))), ORDER)
                b0 := mod(add(add(mul(a0, b0), x3), shr(192, word)), ORDER)
                b2 := c2
            }
            result := or(b0, or(shl(85, b1), shl(170, b2)))
        }
    }

    /// @dev Returns the powers of a challenge by powers of two.
    function squares(uint256 challenge) internal pure returns (uint256[] memory table) {
        table = new uint256[](LOG_WIDTH_MAX);
        for (uint256 index = 0; index < LOG_WIDTH_MAX; ++index) {
            table[index] = challenge;
            challenge = Cubic.mul(challenge, challenge);
        }
    }

    /// @dev Returns a power, given those by powers of two.
    function power(uint256[] memory table, uint256 exponent) internal pure returns (uint256 result) {
        result = Cubic.ONE;
        for (uint256 index = 0; exponent != 0; ++index) {
            if (exponent & 1 != 0) result = Cubic.mul(result, table[index]);
            exponent >>= 1;
        }
    }
}
