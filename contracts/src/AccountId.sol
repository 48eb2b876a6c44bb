// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The id of an account on the rollup: four Goldilocks field elements, each as eight big-endian bytes.
type AccountId is bytes32;

using { isWellFormed } for AccountId global;

/// @dev The order of the Goldilocks field, 2^64 - 2^32 + 1.
uint256 constant GOLDILOCKS_ORDER = 0xFFFFFFFF00000001;

/// @dev A limb at or above the order would be a second spelling of a smaller one, and a deposit to it could never be
/// credited. Zero is what a client sends when it forgot to fill the field in, so nobody may own it.
function isWellFormed(AccountId account) pure returns (bool) {
    uint256 limbs = uint256(AccountId.unwrap(account));
    if (limbs == 0) return false;
    for (uint256 shift = 0; shift < 256; shift += 64) {
        if (((limbs >> shift) & type(uint64).max) >= GOLDILOCKS_ORDER) return false;
    }
    return true;
}
