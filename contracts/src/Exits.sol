// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { BitMaps } from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

import { AccountId } from "./AccountId.sol";
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
/// A path proves a leaf because a leaf's digest covers its key and stands apart from an inner node's. One may descend
/// into a leaf as if it were an inner node; what becomes known there is no digest of another leaf.
contract Exits is IExits {
    using BitMaps for BitMaps.BitMap;

    /// @dev How many levels keep a transaction below 200 000 gas.
    uint256 public constant DESCEND_LEVELS_MAX = 8;
    /// @dev An escape hashes the leaf and pays, too.
    uint256 public constant ESCAPE_LEVELS_MAX = 1;
    /// @dev The ledger's paths have 256 bits.
    uint256 private constant DEPTH_MAX = 256;

    /// @dev What sets a leaf of the state tree apart, and the number of the leaves that hold balances.
    bytes32 private constant LEAF_MARK = 0x74616c65615f6c66000000000000000100000000000000010000000000000001;
    uint256 private constant BALANCE = 2;

    /// @inheritdoc IExits
    IRollup public immutable rollup;
    /// @inheritdoc IExits
    IVault public immutable vault;

    /// @inheritdoc IExits
    mapping(AccountId account => mapping(TokenId token => bool)) public isEscaped;
    /// @dev One more than the depth of a node known; zero for others.
    mapping(bytes32 node => uint256) private _depthPlusOne;
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
        uint256 depth = _depthOf(top) + levels;
        if (depth > DEPTH_MAX) revert PathTooDeep(depth);
        _checkReaches(top, _climb(Poseidon.constants(), node, siblings, directions));

        _depthPlusOne[node] = depth + 1;
        emit NodeKnown(node, depth);
    }

    /// @inheritdoc IExits
    function escape(AccountId account, TokenId token, Quanta amount, bytes32 top, bytes32[] calldata siblings)
        external
        onlyFrozen
    {
        if (siblings.length > ESCAPE_LEVELS_MAX) {
            revert LevelCountOutOfRange(siblings.length, ESCAPE_LEVELS_MAX);
        }
        // An amount at or above the field's order would be a second spelling of a smaller one.
        if (!amount.isInRange()) revert AmountOutOfRange(amount);
        if (isEscaped[account][token]) revert AlreadyEscaped(account, token);
        address owner = rollup.ownerOf(account);
        if (owner == address(0)) revert AccountNotOpen(account);
        bytes32 asset = vault.assetOf(token);
        if (asset == 0) revert TokenRefused(token);
        _checkBalance(account, asset, amount, top, siblings);

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
    function accountOf(uint8 scheme, bytes32 key, address owner) external pure returns (AccountId) {
        uint256[] memory elements = new uint256[](14);
        elements[0] = scheme;
        _limbs32(elements, 1, key, 8);
        _limbs32(elements, 9, bytes32(bytes20(owner)), 5);
        return AccountId.wrap(Poseidon.hash(Poseidon.constants(), Poseidon.ACCOUNT, elements));
    }

    /// @inheritdoc IExits
    function assetOf(address token) external pure returns (bytes32) {
        uint256[] memory elements = new uint256[](5);
        _limbs32(elements, 0, bytes32(bytes20(token)), 5);
        return Poseidon.hash(Poseidon.constants(), Poseidon.TOKEN, elements);
    }

    /// @inheritdoc IExits
    function depthOf(bytes32 node) external view returns (bool known, uint256 depth) {
        uint256 plusOne = _depthPlusOne[node];
        return plusOne == 0 ? (false, 0) : (true, plusOne - 1);
    }

    /// @inheritdoc IExits
    function isReclaimed(uint64 index) external view returns (bool) {
        return _reclaimed.get(index);
    }

    /// @dev Whether the account's balance leaf lies below `top`, turning as the leaf's own path does.
    function _checkBalance(AccountId account, bytes32 asset, Quanta amount, bytes32 top, bytes32[] calldata siblings)
        private
        view
    {
        uint256[86] memory table = Poseidon.constants();
        uint256[] memory key = new uint256[](9);
        key[0] = BALANCE;
        _limbs64(key, 1, AccountId.unwrap(account));
        _limbs64(key, 5, asset);
        bytes32 path = Poseidon.hash(table, Poseidon.KEY, key);
        uint256[] memory value = new uint256[](1);
        value[0] = Quanta.unwrap(amount);
        bytes32 leaf = Poseidon.compress(table, path, Poseidon.hash(table, Poseidon.VALUE, value));
        leaf = Poseidon.compress(table, leaf, LEAF_MARK);

        uint256 depth = _depthOf(top) + siblings.length;
        if (depth > DEPTH_MAX) revert PathTooDeep(depth);
        // The path's most significant bit turns at the root, so the turn above `depth` levels is this many bits up.
        uint256 directions = depth == 0 ? 0 : uint256(path) >> (DEPTH_MAX - depth);
        _checkReaches(top, _climb(table, leaf, siblings, directions));
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

    function _depthOf(bytes32 top) private view returns (uint256) {
        uint256 plusOne = _depthPlusOne[top];
        if (plusOne != 0) return plusOne - 1;
        if (top != rollup.stateRoot()) revert NodeUnknown(top);
        return 0;
    }

    function _checkReaches(bytes32 top, bytes32 reached) private pure {
        if (reached != top) revert PathWrong(reached, top);
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
