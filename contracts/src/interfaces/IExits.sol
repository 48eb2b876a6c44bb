// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "../AccountId.sol";
import { Quanta } from "../Quanta.sol";
import { TokenId } from "../TokenId.sol";
import { IRollup } from "./IRollup.sol";
import { IVault } from "./IVault.sol";

/// @title The way out of a frozen rollup.
/// @notice Pays what accounts hold in the last state, against a path to its root, and gives deposits back that no batch
/// ever consumed. Withdrawals in settled batches are claimed at the Vault, as ever.
/// @dev A path is walked in as many transactions as it takes: `descend` makes nodes known from the root down, through the
/// balance's leaf to its inside, compress(path, value), whose sibling there is the mark; `escape` pays what is known. Nodes
/// are those of the ledger's state tree, hashed by Poseidon2.
interface IExits {
    /// @notice A node of the last state's tree is known from now on.
    event NodeKnown(bytes32 indexed node);
    /// @notice An account's balance in the last state was paid to the account's owner.
    event Escaped(AccountId indexed account, address indexed owner, TokenId token, Quanta amount);
    /// @notice A deposit that no batch consumed went back to its sender.
    event DepositReclaimed(uint64 indexed index, address indexed sender, TokenId token, Quanta amount);

    /// @notice The rollup runs: withdraw, or force a withdrawal, instead.
    error RollupRuns();
    /// @notice No levels, or more than one transaction can pay for.
    error LevelCountOutOfRange(uint256 levels, uint256 levelsMax);
    /// @notice The digest is neither the last state's root nor a node made known before.
    error NodeUnknown(bytes32 node);
    /// @notice The path leads to another node.
    error PathWrong(bytes32 reached, bytes32 expected);
    /// @notice A limb of an account's key is not below the field's order.
    error KeyMalformed(uint256 limb);
    /// @notice The account's owner is not known: open the account first.
    error AccountNotOpen(AccountId account);
    /// @notice The token is not one the Vault knows, nor the id of a half.
    error TokenRefused(TokenId token);
    /// @notice Zero quanta, or 2^62 or more.
    error AmountOutOfRange(Quanta amount);
    /// @notice The balance was paid before.
    error AlreadyEscaped(AccountId account, TokenId token);
    /// @notice The rollup consumed the deposit, or the inbox has no such message.
    error DepositNotWaiting(uint64 index);
    /// @notice The message at this place of the inbox is not that deposit.
    error DepositUnproven(uint64 index);
    /// @notice The deposit was given back before.
    error AlreadyReclaimed(uint64 index);

    /// @notice Makes a node of the last state's tree known, by its path to one that is known. Anybody may call.
    /// @param top The last state's root, or a known node.
    /// @param node The node to make known.
    /// @param siblings The siblings on the way from `top` down to `node`, the first below `top` first.
    /// @param directions Which way the path turns, the last turn in the lowest bit; one is right.
    function descend(bytes32 top, bytes32 node, bytes32[] calldata siblings, uint256 directions) external;

    /// @notice Pays the balance of an open account in the last state to the account's owner. Anybody may call.
    /// @param amount The whole balance. A half's is paid as halves.
    function escape(AccountId account, TokenId token, Quanta amount) external;

    /// @notice Gives a deposit that no batch consumed back to its sender. Anybody may call.
    /// @param index The deposit's place in the inbox.
    function reclaim(uint64 index, AccountId account, TokenId token, Quanta amount, address sender) external;

    /// @notice Returns the id of the account with this key and owner. Whether the limbs are a point is not asked here: an
    /// account whose key is none belongs to its owner all the same.
    function accountOf(uint8 scheme, uint64[5] calldata key, address owner) external pure returns (AccountId);

    /// @notice Returns the ledger's id of the asset that stands for an L1 token.
    function assetOf(address token) external pure returns (bytes32);

    /// @notice Whether the digest is the last state's root or was made known here.
    function isKnown(bytes32 node) external view returns (bool);

    /// @notice Whether the account's balance of the token was paid.
    function isEscaped(AccountId account, TokenId token) external view returns (bool);

    /// @notice Whether the deposit was given back.
    function isReclaimed(uint64 index) external view returns (bool);

    /// @notice Returns the rollup that this is the way out of.
    function rollup() external view returns (IRollup);

    /// @notice Returns the vault that pays.
    function vault() external view returns (IVault);
}
