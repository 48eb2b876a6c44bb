// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "../AccountId.sol";
import { Quanta } from "../Quanta.sol";
import { IVault } from "./IVault.sol";
import { IVerifier } from "./IVerifier.sol";

/// @title The rollup's chain of batches, as this base chain knows it.
/// @notice Keeps the current state root, the inbox of deposits that batches must consume in order, and the root of the
/// withdrawals of every batch. Holds no value: the Vault does.
interface IRollup {
    /// @notice What a batch claims.
    /// @param configHash The rules the batch was made under; fixed for a rollup.
    /// @param number The batch number; the first batch is 1.
    /// @param parentRoot The state root before the batch.
    /// @param stateRoot The state root after the batch.
    /// @param inboxCount How many inbox entries have been consumed once this batch is applied.
    /// @param inboxHash The rolling hash of the inbox after that many entries.
    /// @param withdrawalsRoot The Merkle list root of the batch's withdrawals; zero when there are none.
    /// @param dataRoot The Merkle list root of the batch's published data. The verifier vouches for it; nothing here
    /// depends on it.
    struct Header {
        bytes32 configHash;
        uint64 number;
        bytes32 parentRoot;
        bytes32 stateRoot;
        uint64 inboxCount;
        bytes32 inboxHash;
        bytes32 withdrawalsRoot;
        bytes32 dataRoot;
    }

    /// @notice A deposit entered the inbox. Entries are counted from zero.
    event DepositQueued(uint64 indexed index, AccountId indexed account, address token, Quanta amount, address sender);
    /// @notice A batch became part of the chain.
    event BatchSettled(
        uint64 indexed number,
        bytes32 indexed stateRoot,
        bytes32 parentRoot,
        uint64 inboxCount,
        bytes32 inboxHash,
        bytes32 withdrawalsRoot,
        bytes32 dataRoot
    );

    /// @notice The constructor was given a zero hash or root.
    error GenesisIncomplete();
    /// @notice The constructor was given an address without code as the verifier.
    error VerifierWithoutCode(address verifier);
    /// @notice Only the Vault may queue deposits.
    error CallerNotVault(address caller);
    /// @notice The batch was made under other rules.
    error ConfigHashWrong(bytes32 given, bytes32 expected);
    /// @notice The batch is not the next one. After another settler was faster, this is what the slower one gets.
    error NumberWrong(uint64 given, uint64 expected);
    /// @notice The batch does not start from the current state.
    error ParentRootWrong(bytes32 given, bytes32 expected);
    /// @notice A batch may not leave a zero state root.
    error StateRootZero();
    /// @notice The batch takes inbox entries back, or takes more than there are.
    error InboxCountOutOfRange(uint64 given, uint64 consumed, uint64 queued);
    /// @notice The batch consumed other inbox entries than those queued here.
    error InboxHashWrong(bytes32 given, bytes32 expected);
    /// @notice The verifier does not accept the evidence.
    error EvidenceRefused(bytes32 digest);
    /// @notice The inbox has no such count yet.
    error InboxTooShort(uint64 count, uint64 queued);

    /// @notice Extends the chain by one batch. Anybody may call: what counts is the evidence.
    /// @param header The claim.
    /// @param evidence What the verifier needs to accept the header's digest.
    function settle(Header calldata header, bytes calldata evidence) external;

    /// @notice Queues a deposit that the Vault has received, and returns its index. Only for the Vault.
    function append(AccountId account, address token, Quanta amount, address sender) external returns (uint64 index);

    /// @notice Returns the digest that a batch's evidence must support, by EIP-712.
    function headerDigest(Header calldata header) external view returns (bytes32);

    /// @notice Returns the number of the last settled batch; zero before the first.
    function batchNumber() external view returns (uint64);

    /// @notice Returns the current state root.
    function stateRoot() external view returns (bytes32);

    /// @notice Returns the withdrawals root of a settled batch; zero for one without withdrawals or not yet settled.
    function withdrawalsRoot(uint64 number) external view returns (bytes32);

    /// @notice Returns how many deposits were ever queued.
    function inboxCount() external view returns (uint64);

    /// @notice Returns the rolling hash after the first `count` deposits.
    function inboxHash(uint64 count) external view returns (bytes32);

    /// @notice Returns how many deposits the settled batches have consumed.
    function consumed() external view returns (uint64);

    /// @notice Returns the hash of the rules this rollup runs under.
    function configHash() external view returns (bytes32);

    /// @notice Returns who decides whether a batch is believed.
    function verifier() external view returns (IVerifier);

    /// @notice Returns the holder of the rollup's value, deployed by this rollup's constructor.
    function vault() external view returns (IVault);
}
