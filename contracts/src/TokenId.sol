// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "./AccountId.sol";

/// @notice What crosses between the chains: below 2^160 the address of an L1 token, zero for ETH; otherwise the id of one
/// half of a tally, which is its asset id on the rollup.
/// @dev A half's id is a digest, and one below 2^160 is as unlikely as a collision.
type TokenId is bytes32;

using { isHalf, toAddress, isWellFormed } for TokenId global;

/// @dev Returns the id of an L1 token.
function tokenId(address token) pure returns (TokenId) {
    return TokenId.wrap(bytes32(uint256(uint160(token))));
}

/// @dev Whether the token is one half of a tally.
function isHalf(TokenId token) pure returns (bool) {
    return uint256(TokenId.unwrap(token)) >> 160 != 0;
}

/// @dev Returns the address of an L1 token. Only for what is no half.
function toAddress(TokenId token) pure returns (address) {
    return address(uint160(uint256(TokenId.unwrap(token))));
}

/// @dev Whether the limbs of a half's id are elements of the field. Others would be second spellings of the same half.
function isWellFormed(TokenId token) pure returns (bool) {
    return AccountId.wrap(TokenId.unwrap(token)).isWellFormed();
}
