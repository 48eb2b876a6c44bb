// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice An amount as the rollup counts it: whole quanta of one token, never its base units.
/// @dev A type of its own, so that quanta and base units cannot be mixed up without the compiler noticing.
type Quanta is uint64;

using { isInRange, units } for Quanta global;

/// @dev The rollup keeps signed balances, which leaves 63 bits for an amount.
uint256 constant QUANTA_BOUND = 1 << 62;

/// @dev Whether the amount is neither zero nor beyond what the rollup counts.
function isInRange(Quanta amount) pure returns (bool) {
    return Quanta.unwrap(amount) != 0 && Quanta.unwrap(amount) < QUANTA_BOUND;
}

/// @dev Returns the base units behind `amount`.
function units(Quanta amount, uint256 quantum) pure returns (uint256) {
    return uint256(Quanta.unwrap(amount)) * quantum;
}
