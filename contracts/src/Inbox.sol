// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "./AccountId.sol";
import { Quanta } from "./Quanta.sol";
import { TokenId } from "./TokenId.sol";

/// @title How the messages of the inbox are hashed.
library Inbox {
    uint8 internal constant DEPOSIT = 1;
    uint8 internal constant WITHDRAWAL = 2;
    uint8 internal constant ACTION = 3;

    /// @dev Returns the rolling hash after a message, from the one before it.
    function hashAfter(bytes32 hashBefore, uint64 index, uint8 kind, bytes32 payload) internal pure returns (bytes32) {
        return keccak256(abi.encode(hashBefore, index, kind, payload));
    }

    /// @dev Returns the payload of a deposit by `party`, or of a forced withdrawal to `party`.
    function transferPayload(AccountId account, TokenId token, Quanta amount, address party)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(account, token, amount, party));
    }

    /// @dev Returns the payload of an action that an owner forces.
    function actionPayload(AccountId account, uint64[14] memory elements) internal pure returns (bytes32) {
        return keccak256(abi.encode(account, elements));
    }
}
