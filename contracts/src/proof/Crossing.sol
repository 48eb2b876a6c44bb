// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "../AccountId.sol";
import { Inbox } from "../Inbox.sol";
import { Quanta } from "../Quanta.sol";
import { TokenId } from "../TokenId.sol";
import { IValidityVerifier } from "../interfaces/IValidityVerifier.sol";
import { IVault } from "../interfaces/IVault.sol";
import { Goldilocks } from "./Goldilocks.sol";

/// @dev At how many points a list is evaluated.
uint256 constant POINTS = 3;

/// @title What crosses between the chains, as a validity proof is bound to it.
/// @dev Mirrors `proof::crossing`, where it is told why that binds the lists: each is a polynomial, with a one before its
/// first element, and is evaluated at three points of the prime field. An item's elements are those of its canonical
/// encoding in Rust: a tag and an amount are one, a number is two halves, a digest four limbs of 64 bits, and bytes are
/// limbs of 32 bits; a forced action's elements are themselves. Callers see to it that amounts and limbs are below the order: another spelling would have the same
/// values.
library Crossing {
    /// @dev How many elements a message has, and a withdrawal.
    uint256 private constant MESSAGE = 21;
    uint256 private constant WITHDRAWAL = 16;
    uint256 private constant HALF = 0xFFFFFFFF;

    /// @dev Returns the points that a hash names: ten bytes each. Mirrors `points`.
    function points(bytes32 hash) internal pure returns (uint256[POINTS] memory named) {
        for (uint256 i = 0; i < POINTS; ++i) {
            named[i] = ((uint256(hash) >> (176 - 80 * i)) & type(uint80).max) % Goldilocks.ORDER;
        }
    }

    /// @dev Returns the values of a leaf's messages, the first of which has this index. Mirrors `values`.
    function messagesAt(uint256[POINTS] memory at, IValidityVerifier.Leaf memory leaf, uint64 index)
        internal
        pure
        returns (uint256[POINTS] memory values)
    {
        uint256[] memory item = new uint256[](MESSAGE);
        values = [uint256(1), 1, 1];
        uint256 acted = 0;
        for (uint256 i = 0; i < leaf.messages.length; ++i) {
            IValidityVerifier.Message memory message = leaf.messages[i];
            item[0] = message.kind;
            _putLimbs(item, 1, index + i, 2, 32);
            _putLimbs(item, 3, uint256(AccountId.unwrap(message.account)), 4, 64);
            if (message.kind == Inbox.ACTION) {
                uint64[14] memory elements = leaf.actions[acted++];
                for (uint256 j = 0; j < elements.length; ++j) {
                    item[7 + j] = elements[j];
                }
            } else {
                _putLimbs(item, 7, uint256(TokenId.unwrap(message.token)), 8, 32);
                item[15] = Quanta.unwrap(message.amount);
                _putLimbs(item, 16, uint160(message.party), 5, 32);
            }
            _lengthen(values, at, item);
        }
    }

    /// @dev Returns the values of a list of withdrawals. Mirrors `values`.
    function withdrawalsAt(uint256[POINTS] memory at, IVault.Withdrawal[] memory withdrawals)
        internal
        pure
        returns (uint256[POINTS] memory values)
    {
        uint256[] memory item = new uint256[](WITHDRAWAL);
        values = [uint256(1), 1, 1];
        for (uint256 i = 0; i < withdrawals.length; ++i) {
            IVault.Withdrawal memory withdrawal = withdrawals[i];
            _putLimbs(item, 0, withdrawal.index, 2, 32);
            _putLimbs(item, 2, uint160(withdrawal.recipient), 5, 32);
            _putLimbs(item, 7, uint256(TokenId.unwrap(withdrawal.token)), 8, 32);
            item[15] = Quanta.unwrap(withdrawal.amount);
            _lengthen(values, at, item);
        }
    }

    /// @dev Returns three elements as the public values they are.
    function packed(uint256[POINTS] memory elements) internal pure returns (bytes memory) {
        return abi.encodePacked(uint64(elements[0]), uint64(elements[1]), uint64(elements[2]));
    }

    /// @dev Returns where the inbox stands as the public values it is: ten elements of 32 bits each.
    function packed(uint64 count, bytes32 hash) internal pure returns (bytes memory) {
        return
            abi.encodePacked(packed(count), _spread(uint256(hash) >> 128), _spread(uint256(hash) & type(uint128).max));
    }

    /// @dev Returns a number as the public values it is: two elements of 32 bits.
    function packed(uint64 number) internal pure returns (bytes16) {
        return bytes16(uint128(number >> 32) << 64 | uint128(number) & uint128(HALF));
    }

    /// @dev Returns four limbs of 32 bits as words of 64 bits.
    function _spread(uint256 limbs) private pure returns (uint256) {
        return (limbs >> 96) << 192 | ((limbs >> 64) & HALF) << 128 | ((limbs >> 32) & HALF) << 64 | (limbs & HALF);
    }

    /// @dev Puts a number's limbs into an item, the highest first.
    function _putLimbs(uint256[] memory item, uint256 place, uint256 value, uint256 count, uint256 bits) private pure {
        uint256 mask = (1 << bits) - 1;
        assembly ("memory-safe") {
            let first := add(item, shl(5, add(place, 1)))
            for { let to := add(first, shl(5, count)) } gt(to, first) { } {
                to := sub(to, 0x20)
                mstore(to, and(value, mask))
                value := shr(bits, value)
            }
        }
    }

    /// @dev Adds an item to a list that has these values at the points. Mirrors `longer`.
    function _lengthen(uint256[POINTS] memory values, uint256[POINTS] memory at, uint256[] memory item) private pure {
        uint256 order = Goldilocks.ORDER;
        assembly ("memory-safe") {
            let first := add(item, 0x20)
            let end := add(first, shl(5, mload(item)))
            for { let point := 0 } lt(point, 0x60) { point := add(point, 0x20) } {
                let x := mload(add(at, point))
                let value := mload(add(values, point))
                for { let from := first } lt(from, end) { from := add(from, 0x20) } {
                    value := addmod(mulmod(value, x, order), mload(from), order)
                }
                mstore(add(values, point), value)
            }
        }
    }
}
