// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What runs the checks of tables.
/// @dev A formula is made by `prover::onchain` from the constraints that the prover evaluates, so none is written here. It is
/// a sequence of groups: the kind of instruction, a shift, how many instructions, and for each of them two registers that it
/// takes. Each sets the next register. A group of kind zero ends the formula. Registers are elements of the challenges'
/// field as `Cubic` has them; whoever made the formula has seen to it that no lane outgrows its 85 bits.
library Formula {
    uint256 private constant ORDER = 0xFFFFFFFF00000001;
    uint256 private constant LANE = 0x1FFFFFFFFFFFFFFFFFFFFF;
    /// @dev The order in each lane.
    uint256 private constant ORDERS = 0x3fffffffc0000000400001fffffffe0000000200000ffffffff00000001;
    /// @dev A register's number, times 32.
    uint256 private constant REGISTER = 0x1fffe0;

    /// @dev Runs the formula at `at` and returns the last register that it set. Registers start at `registers`; the first
    /// that it sets is at `next`. Values are folded with `challenge`.
    function run(uint256 at, uint256 registers, uint256 next, uint256 challenge) internal pure returns (uint256 last) {
        assembly ("memory-safe") {
            for { } 1 { } {
                let head := mload(at)
                at := add(at, 4)
                let end := add(at, shl(2, and(shr(224, head), 0xffff)))
                switch byte(0, head)
                case 1 {
                    for { } lt(at, end) { at := add(at, 4) } {
                        let pair := mload(at)
                        mstore(
                            next,
                            add(
                                mload(add(registers, and(shr(235, pair), REGISTER))),
                                mload(add(registers, and(shr(219, pair), REGISTER)))
                            )
                        )
                        next := add(next, 0x20)
                    }
                }
                case 2 {
                    let orders := shl(byte(1, head), ORDERS)
                    for { } lt(at, end) { at := add(at, 4) } {
                        let pair := mload(at)
                        mstore(
                            next,
                            sub(
                                add(mload(add(registers, and(shr(235, pair), REGISTER))), orders),
                                mload(add(registers, and(shr(219, pair), REGISTER)))
                            )
                        )
                        next := add(next, 0x20)
                    }
                }
                case 3 {
                    for { } lt(at, end) { at := add(at, 4) } {
                        let a2 := mload(add(registers, and(shr(235, mload(at)), REGISTER)))
                        let b2 := mload(add(registers, and(shr(219, mload(at)), REGISTER)))
                        let a0 := and(a2, LANE)
                        let b0 := and(b2, LANE)
                        let a1 := and(shr(85, a2), LANE)
                        let b1 := and(shr(85, b2), LANE)
                        a2 := shr(170, a2)
                        b2 := shr(170, b2)
                        // X^3 is X + 1, and X^4 is X^2 + X.
                        let x3 := add(mul(a1, b2), mul(a2, b1))
                        let x4 := mul(a2, b2)
                        let c := mod(add(mul(a0, b0), x3), ORDER)
                        c := or(c, shl(85, mod(add(add(mul(a0, b1), mul(a1, b0)), add(x3, x4)), ORDER)))
                        c := or(c, shl(170, mod(add(add(mul(a0, b2), mul(a1, b1)), add(mul(a2, b0), x4)), ORDER)))
                        mstore(next, c)
                        next := add(next, 0x20)
                    }
                }
                case 4 {
                    for { } lt(at, end) { at := add(at, 4) } {
                        let a := mload(add(registers, and(shr(235, mload(at)), REGISTER)))
                        // Its other lanes are zero.
                        let b := mload(add(registers, and(shr(219, mload(at)), REGISTER)))
                        let c := mod(mul(and(a, LANE), b), ORDER)
                        c := or(c, shl(85, mod(mul(and(shr(85, a), LANE), b), ORDER)))
                        mstore(next, or(c, shl(170, mod(mul(shr(170, a), b), ORDER))))
                        next := add(next, 0x20)
                    }
                }
                case 5 {
                    for { } lt(at, end) { at := add(at, 4) } {
                        let a := mload(add(registers, and(shr(235, mload(at)), REGISTER)))
                        let c := mod(and(a, LANE), ORDER)
                        c := or(c, shl(85, mod(and(shr(85, a), LANE), ORDER)))
                        mstore(next, or(c, shl(170, mod(shr(170, a), ORDER))))
                        next := add(next, 0x20)
                    }
                }
                case 6 {
                    let a0 := and(challenge, LANE)
                    let a1 := and(shr(85, challenge), LANE)
                    let a2 := shr(170, challenge)
                    let b0 := 0
                    let b1 := 0
                    let b2 := 0
                    for { } lt(at, end) { at := add(at, 4) } {
                        let c := mload(add(registers, and(shr(235, mload(at)), REGISTER)))
                        let x3 := add(mul(a1, b2), mul(a2, b1))
                        let x4 := mul(a2, b2)
                        let c2 := mod(add(add(mul(a0, b2), mul(a1, b1)), add(add(mul(a2, b0), x4), shr(170, c))), ORDER)
                        b1 := mod(add(add(mul(a0, b1), mul(a1, b0)), add(add(x3, x4), and(shr(85, c), LANE))), ORDER)
                        b0 := mod(add(add(mul(a0, b0), x3), and(c, LANE)), ORDER)
                        b2 := c2
                    }
                    mstore(next, or(b0, or(shl(85, b1), shl(170, b2))))
                    next := add(next, 0x20)
                }
                default { break }
            }
            last := mload(sub(next, 0x20))
        }
    }
}
