// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "../AccountId.sol";
import { Quanta } from "../Quanta.sol";
import { TokenId } from "../TokenId.sol";
import { IExits } from "./IExits.sol";
import { IHalves } from "./IHalves.sol";
import { IRollup } from "./IRollup.sol";

/// @title The holder of everything deposited to the rollup.
/// @notice Takes ETH, registered ERC-20 tokens and halves of tallies in, and pays them out against withdrawals in settled
/// batches and, from a frozen rollup, as Exits says. Nothing else moves value: the owner can register tokens and can
/// neither pause, nor pay out, nor change a registered token.
/// @dev Token address zero stands for ETH, whose quantum is 1e9 wei. A half's quantum is one unit. A token whose balances
/// change by themselves does not belong here: what it gains is stuck, and what it loses the last claimants lack.
interface IVault {
    /// @notice One withdrawal from the rollup.
    /// @param index Counts withdrawals over the chain's whole life; an index is paid once.
    /// @param recipient Who is paid.
    /// @param token The token: below 2^160 an address, zero for ETH; otherwise the id of a half.
    /// @param amount How many quanta.
    struct Withdrawal {
        uint64 index;
        address recipient;
        TokenId token;
        Quanta amount;
    }

    /// @notice A token may be deposited from now on.
    event TokenRegistered(address indexed token, uint256 quantum, bytes32 asset);
    /// @notice A withdrawal was paid.
    event WithdrawalClaimed(uint64 indexed index, address indexed recipient, TokenId token, Quanta amount);

    /// @notice A quantum is the number of base units in the smallest amount the rollup counts, and is never zero.
    error QuantumZero();
    /// @notice A token's quantum is set once.
    error TokenAlreadyRegistered(address token);
    /// @notice The token has no code, so transfers of it would seem to succeed.
    error TokenWithoutCode(address token);
    /// @notice The token was never registered.
    error TokenUnknown(TokenId token);
    /// @notice The account is zero, or one of its four limbs is not below the order of the Goldilocks field.
    error AccountMalformed(AccountId account);
    /// @notice Nothing was deposited.
    error AmountZero();
    /// @notice The amount is not a whole number of quanta.
    error AmountNotWhole(uint256 received, uint256 quantum);
    /// @notice The amount is 2^62 quanta or more.
    error AmountTooLarge(uint256 received, uint256 quantum);
    /// @notice The withdrawal was paid before.
    error AlreadyClaimed(uint64 index);
    /// @notice A withdrawal may pay neither the zero address nor the Vault itself.
    error RecipientRefused(address recipient);
    /// @notice The path does not lead from the withdrawal to the withdrawals root of that batch.
    error ProofInvalid(uint64 batch, uint64 index);
    /// @notice The withdrawal asks for more than was deposited, which a correct rollup never does.
    error LockedTooLittle(address token, uint256 locked, uint256 asked);
    /// @notice Only Exits may have the Vault pay.
    error CallerNotExits(address caller);

    /// @notice Deposits the ETH sent along for an account on the rollup.
    function depositETH(AccountId account) external payable;

    /// @notice Deposits a token for an account on the rollup. The caller must have approved the Vault.
    /// @dev What counts is what arrives: a token that takes a fee credits the remainder, if that is whole quanta.
    /// @param amount In the token's base units.
    function deposit(address token, uint256 amount, AccountId account) external;

    /// @notice Deposits the caller's halves for an account on the rollup. They need no approval and are burnt.
    /// @param amount In units, which are quanta.
    function depositHalf(TokenId half, uint256 amount, AccountId account) external;

    /// @notice Pays a withdrawal to its recipient. Anybody may call, frozen or not; while a payment fails, the withdrawal
    /// stays there to be claimed.
    /// @param batch The number of the settled batch that contains the withdrawal.
    /// @param withdrawal The withdrawal.
    /// @param position The withdrawal's place in the batch's list.
    /// @param path The sibling digests from the leaf up.
    function claim(uint64 batch, Withdrawal calldata withdrawal, uint256 position, bytes32[] calldata path) external;

    /// @notice Pays what a frozen rollup owes. Only for Exits.
    function pay(TokenId token, address recipient, Quanta amount) external;

    /// @notice Allows deposits of a token, for good. Only for the owner.
    /// @param quantum Base units per quantum.
    function registerToken(address token, uint256 quantum) external;

    /// @notice Whether the withdrawal with this index was paid.
    function isClaimed(uint64 index) external view returns (bool);

    /// @notice Returns what was deposited and not yet paid out, in base units.
    function locked(address token) external view returns (uint256);

    /// @notice Returns a token's base units per quantum; zero for a token never registered.
    function quantumOf(address token) external view returns (uint256);

    /// @notice Returns the ledger's asset id of a token; zero for a token never registered, and for what is no half's id.
    function assetOf(TokenId token) external view returns (bytes32);

    /// @notice Returns the rollup whose deposits and withdrawals these are.
    function rollup() external view returns (IRollup);

    /// @notice Returns the halves that are outside the rollup, deployed by the Vault's constructor.
    function halves() external view returns (IHalves);

    /// @notice Returns the way out of a frozen rollup, deployed by the Vault's constructor.
    function exits() external view returns (IExits);
}
