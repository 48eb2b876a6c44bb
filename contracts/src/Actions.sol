// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { GOLDILOCKS_ORDER } from "./AccountId.sol";
import { QUANTA_BOUND } from "./Quanta.sol";
import { IRollup } from "./interfaces/IRollup.sol";

/// @title The actions that an account's owner can force, as the ledger hashes them.
/// @dev An action is its number and its fields as elements, with zeros behind them. A message that is no action would be
/// one that no proof can cover, so none is queued.
library Actions {
    /// @dev How many elements a message has room for.
    uint256 internal constant ROOM = 14;

    uint64 private constant TRANSFER = 1;
    uint64 private constant REKEY = 3;
    uint64 private constant AUTHORISE = 4;
    uint64 private constant REVOKE = 5;
    uint64 private constant MERGE = 7;
    uint64 private constant RESOLVE = 8;
    uint64 private constant REDEEM = 9;
    uint64 private constant RECLAIM = 19;

    // What may stand in the places behind the number, two bits for each, the first place lowest: zero alone, what is below
    // the field's order, what is an amount, or what has 32 bits.
    uint256 private constant DIGEST = 0x55;
    uint256 private constant AMOUNT = 2;
    uint256 private constant HALVES = 0xF;

    /// @dev Reverts unless the elements are an action that can be forced.
    function check(uint64[ROOM] calldata elements) internal pure {
        uint256 shape = _shape(elements[0]);
        if (shape == 0) revert IRollup.ActionRefused(elements[0]);
        for (uint256 place = 1; place < ROOM; ++place) {
            if (elements[place] >= _bound(shape & 3)) revert IRollup.ElementOutOfRange(place);
            shape >>= 2;
        }
    }

    /// @dev Returns what may stand in an action's places, zero for one that cannot be forced.
    function _shape(uint64 number) private pure returns (uint256) {
        if (number == TRANSFER) return DIGEST | (DIGEST << 8) | (AMOUNT << 16);
        if (number == MERGE) return DIGEST | (AMOUNT << 8);
        if (number == AUTHORISE || number == RESOLVE) return DIGEST | (HALVES << 8);
        bool isShort = number == REKEY || number == REVOKE || number == REDEEM || number == RECLAIM;
        return isShort ? DIGEST : 0;
    }

    function _bound(uint256 what) private pure returns (uint256) {
        if (what == 0) return 1;
        if (what == 1) return GOLDILOCKS_ORDER;
        return what == 2 ? QUANTA_BOUND : 1 << 32;
    }
}
