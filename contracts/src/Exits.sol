// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { BitMaps } from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

import { AccountId, GOLDILOCKS_ORDER } from "./AccountId.sol";
import { Inbox } from "./Inbox.sol";
import { Poseidon } from "./Poseidon.sol";
import { Quanta } from "./Quanta.sol";
import { TokenId } from "./TokenId.sol";
import { IExits } from "./interfaces/IExits.sol";
import { IRollup } from "./interfaces/IRollup.sol";
import { IVault } from "./interfaces/IVault.sol";

/// @title The way out of a frozen rollup.
/// @dev See IExits.
///
/// A leaf's digest is compress(compress(path, value), mark), where path and value are hashes of the leaf's key and value. A
/// node that is known, and is compress(path, value) of a balance, is the inside of that balance's leaf and nothing else:
/// as an inner node of the tree it would have nodes below it whose digests are those hashes, which is a collision.
contract Exits is IExits {
    using BitMaps for BitMaps.BitMap;

    /// @dev How many levels keep a transaction below 200 000 gas.
    uint256 public constant DESCEND_LEVELS_MAX = 8;

    /// @dev The number of the leaves that hold balances.
    uint256 private constant BALANCE = 2;

    /// @inheritdoc IExits
    IRollup public immutable rollup;
    /// @inheritdoc IExits
    IVault public immutable vault;

    /// @inheritdoc IExits
    mapping(AccountId account => mapping(TokenId token => bool)) public isEscaped;
    mapping(bytes32 node => bool) private _known;
    BitMaps.BitMap private _reclaimed;

    /// @dev The rollup and the vault are still under construction here, so nothing may be asked of them.
    constructor(IRollup rollup_, IVault vault_) {
        rollup = rollup_;
        vault = vault_;
    }

    modifier onlyFrozen() {
        if (!rollup.frozen()) revert RollupRuns();
        _;
    }

    /// @inheritdoc IExits
    function descend(bytes32 top, bytes32 node, bytes32[] calldata siblings, uint256 directions) external onlyFrozen {
        uint256 levels = siblings.length;
        if (levels == 0 || levels > DESCEND_LEVELS_MAX) revert LevelCountOutOfRange(levels, DESCEND_LEVELS_MAX);
        if (!isKnown(top)) revert NodeUnknown(top);
        bytes32 reached = _climb(Poseidon.constants(), node, siblings, directions);
        if (reached != top) revert PathWrong(reached, top);

        _known[node] = true;
        emit NodeKnown(node);
    }

    /// @inheritdoc IExits
    function escape(AccountId account, TokenId token, Quanta amount) external onlyFrozen {
        // An amount at or above the field's order would be a second spelling of a smaller one.
        if (!amount.isInRange()) revert AmountOutOfRange(amount);
        if (isEscaped[account][token]) revert AlreadyEscaped(account, token);
        address owner = rollup.ownerOf(account);
        if (owner == address(0)) revert AccountNotOpen(account);
        bytes32 asset = vault.assetOf(token);
        if (asset == 0) revert TokenRefused(token);
        bytes32 inside = _insideOf(account, asset, amount);
        if (!isKnown(inside)) revert NodeUnknown(inside);

        isEscaped[account][token] = true;
        emit Escaped(account, owner, token, amount);
        vault.pay(token, owner, amount);
    }

    /// @inheritdoc IExits
    function reclaim(uint64 index, AccountId account, TokenId token, Quanta amount, address sender)
        external
        onlyFrozen
    {
        if (index < rollup.consumed() || index >= rollup.inboxCount()) revert DepositNotWaiting(index);
        if (_reclaimed.get(index)) revert AlreadyReclaimed(index);
        bytes32 payload = Inbox.transferPayload(account, token, amount, sender);
        bytes32 hashAfter = Inbox.hashAfter(rollup.inboxHash(index), index, Inbox.DEPOSIT, payload);
        if (hashAfter != rollup.inboxHash(index + 1)) revert DepositUnproven(index);

        _reclaimed.set(index);
        emit DepositReclaimed(index, sender, token, amount);
        vault.pay(token, sender, amount);
    }

    /// @inheritdoc IExits
    function accountOf(uint8 scheme, uint64[5] calldata key, address owner) external pure returns (AccountId) {
        uint256[] memory elements = new uint256[](11);
        elements[0] = scheme;
        for (uint256 i = 0; i < 5; ++i) {
            // The hash would take it for its remainder: a second spelling of another key.
            if (key[i] >= GOLDILOCKS_ORDER) revert KeyMalformed(i);
            elements[1 + i] = key[i];
        }
        _limbs32(elements, 6, bytes32(bytes20(owner)), 5);
        return AccountId.wrap(Poseidon.hash(Poseidon.constants(), Poseidon.ACCOUNT, elements));
    }

    /// @inheritdoc IExits
    function assetOf(address token) external pure returns (bytes32) {
        uint256[] memory elements = new uint256[](5);
        _limbs32(elements, 0, bytes32(bytes20(token)), 5);
        return Poseidon.hash(Poseidon.constants(), Poseidon.TOKEN, elements);
    }

    /// @inheritdoc IExits
    function isKnown(bytes32 node) public view returns (bool) {
        return _known[node] || node == rollup.stateRoot();
    }

    /// @inheritdoc IExits
    function isReclaimed(uint64 index) external view returns (bool) {
        return _reclaimed.get(index);
    }

    /// @dev Returns the digest that stands beside the mark in a balance's leaf.
    function _insideOf(AccountId account, bytes32 asset, Quanta amount) private pure returns (bytes32) {
        uint256[86] memory table = Poseidon.constants();
        uint256[] memory key = new uint256[](9);
        key[0] = BALANCE;
        _limbs64(key, 1, AccountId.unwrap(account));
        _limbs64(key, 5, asset);
        uint256[] memory value = new uint256[](1);
        value[0] = Quanta.unwrap(amount);
        bytes32 path = Poseidon.hash(table, Poseidon.KEY, key);
        return Poseidon.compress(table, path, Poseidon.hash(table, Poseidon.VALUE, value));
    }

    /// @dev Follows a path up from a node. The lowest bit of `directions` is the last turn on the way down.
    function _climb(uint256[86] memory table, bytes32 node, bytes32[] calldata siblings, uint256 directions)
        private
        pure
        returns (bytes32)
    {
        for (uint256 level = siblings.length; level > 0; --level) {
            bytes32 sibling = siblings[level - 1];
            node =
                directions & 1 == 1 ? Poseidon.compress(table, sibling, node) : Poseidon.compress(table, node, sibling);
            directions >>= 1;
        }
        return node;
    }

    /// @dev Writes a word's first `count` 32-bit limbs, the most significant first.
    function _limbs32(uint256[] memory elements, uint256 start, bytes32 word, uint256 count) private pure {
        for (uint256 i = 0; i < count; ++i) {
            elements[start + i] = (uint256(word) >> (224 - 32 * i)) & type(uint32).max;
        }
    }

    /// @dev Writes a digest's four limbs, the most significant first.
    function _limbs64(uint256[] memory elements, uint256 start, bytes32 digest) private pure {
        for (uint256 i = 0; i < 4; ++i) {
            elements[start + i] = (uint256(digest) >> (192 - 64 * i)) & type(uint64).max;
        }
    }
}
