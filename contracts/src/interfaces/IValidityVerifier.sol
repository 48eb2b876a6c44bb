// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "../AccountId.sol";
import { Quanta } from "../Quanta.sol";
import { TokenId } from "../TokenId.sol";
import { IQueryVerifier } from "./IQueryVerifier.sol";
import { IRollup } from "./IRollup.sol";
import { IStatementVerifier } from "./IStatementVerifier.sol";
import { IVault } from "./IVault.sol";
import { IVerifier } from "./IVerifier.sol";

/// @title A batch is believed when validity proofs show that its entries lead from the one state to the other.
/// @notice Two have to agree. The proofs vouch for all value: without them nothing settles, whoever signs. The attester, a
/// committee's contract, vouches for what is not proven: which entries the batch has, that its data root is of them, and that
/// their data is there. Without it anybody who can prove could put a batch of their own in place of the sequencer's, or
/// freeze the rollup with two proven batches that share a data root.
/// Time is proven too: no entry is earlier than the one before it, in whatever batch or leaf that is, because the state says
/// when its last entry was. A batch whose last entry is further ahead of this chain's clock than AHEAD_MAX has to wait.
/// @dev A batch is proven in leaves, each some of its entries. Their statements were registered and their queries answered
/// before, in as many transactions as it took; the evidence names them, and has what a leaf's public values follow from.
/// Evidence is abi.encode(Evidence). It is checked as `transition::proven::ProvenBatch::check` checks a batch in Rust: a leaf
/// starts where the one before it ended, because nothing else says where it starts.
///
/// A leaf's public values are eight bytes each: the state root before and after; the digest of its entries, the time before
/// and after them (in two halves of 32 bits); the configuration's hash; then what crosses: the inbox before and the time,
/// the inbox after and the time (the count in two halves of 32 bits, the hash in eight limbs of 32 bits), `taken`, `made`,
/// the points, the list of messages at each, the list of withdrawals at each.
interface IValidityVerifier is IVerifier {
    /// @notice A message of the inbox that a leaf takes; its index follows from its place. Of a forced action the last three
    /// say nothing: its elements are the next of the leaf's actions.
    /// @param kind 1 for a deposit, 2 for a forced withdrawal, 3 for a forced action.
    /// @param account Who is credited, whose value leaves, or who acts.
    /// @param party Who paid, or who is paid.
    struct Message {
        uint8 kind;
        AccountId account;
        TokenId token;
        Quanta amount;
        address party;
    }

    /// @notice Some of the batch's entries, proven together.
    /// @param context The hash that the proof's statement was registered under.
    /// @param stateRoot The state root after the last entry.
    /// @param time When the last entry was, in milliseconds; if there is none, the time before the leaf.
    /// @param entries What the entries with their outcomes come to.
    /// @param taken What the messages come to in the circuit.
    /// @param made What the withdrawals come to in the circuit.
    /// @param messages The messages taken, in order.
    /// @param actions The elements of the forced actions among them, in order.
    /// @param withdrawals The withdrawals made, in order.
    struct Leaf {
        bytes32 context;
        bytes32 stateRoot;
        uint64 time;
        bytes32 entries;
        bytes32 taken;
        bytes32 made;
        Message[] messages;
        uint64[14][] actions;
        IVault.Withdrawal[] withdrawals;
    }

    /// @notice Why to believe a batch.
    /// @param attestation What the attester needs to accept the header's digest.
    /// @param header The claim.
    /// @param inboxCount How many messages were consumed before the batch.
    /// @param inboxHash The inbox's rolling hash after those. The proof of the first leaf shows that the state before says so.
    /// @param time When the last entry before the batch was, in milliseconds; zero if there was none. The same proof shows it.
    /// @param leaves The leaves, in order.
    struct Evidence {
        bytes attestation;
        IRollup.Header header;
        uint64 inboxCount;
        bytes32 inboxHash;
        uint64 time;
        Leaf[] leaves;
    }

    /// @notice The header has another digest.
    error HeaderWrong(bytes32 given, bytes32 expected);
    /// @notice The attester does not accept the header's digest.
    error AttestationRefused(bytes32 digest);
    /// @notice A batch has at least one leaf, and at most as many as this.
    error LeafCountOutOfRange(uint256 count, uint256 countMax);
    /// @notice The statement of this leaf was not registered: register it first.
    error StatementUnregistered(uint256 leaf, bytes32 context);
    /// @notice Queries of this leaf's proof are not answered yet: answer all of them first.
    error QueriesIncomplete(uint256 leaf, bytes32 context);
    /// @notice What was proven is something else than what the evidence says of this leaf and those before it.
    error PublicsWrong(uint256 leaf, bytes32 given, bytes32 proven);
    /// @notice The leaf takes a message of this kind, which there is none of.
    error MessageKindUnknown(uint256 leaf, uint8 kind);
    /// @notice The leaf has elements of more or fewer actions than it takes.
    error ActionCountWrong(uint256 leaf, uint256 count);
    /// @notice A number of the leaf's crossings is a second spelling of a smaller one.
    error CrossingOutOfRange(uint256 leaf);
    /// @notice The leaf's last entry is earlier than what was before it: nobody can have proven that.
    error TimeBackwards(uint256 leaf, uint64 time, uint64 before);
    /// @notice The batch's last entry is ahead of this chain's clock, in milliseconds: settle it later.
    error TimeAhead(uint64 time, uint256 timeMax);
    /// @notice The leaves lead to another state.
    error StateRootWrong(bytes32 given, bytes32 expected);
    /// @notice The leaves lead to another place of the inbox.
    error InboxWrong(uint64 count, bytes32 hash);
    /// @notice The leaves make other withdrawals.
    error WithdrawalsRootWrong(bytes32 given, bytes32 expected);

    /// @notice Returns who checks statements.
    function statements() external view returns (IStatementVerifier);

    /// @notice Returns who checks the answers to queries.
    function queries() external view returns (IQueryVerifier);

    /// @notice Returns who vouches for the batch's data.
    function attester() external view returns (IVerifier);
}
