// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { DirectVerifier } from "./DirectVerifier.sol";
import { Inbox } from "./Inbox.sol";
import { MerkleList } from "./MerkleList.sol";
import { QUANTA_BOUND, Quanta } from "./Quanta.sol";
import { IQueryVerifier } from "./interfaces/IQueryVerifier.sol";
import { IRollup } from "./interfaces/IRollup.sol";
import { IStatementVerifier } from "./interfaces/IStatementVerifier.sol";
import { IValidityVerifier } from "./interfaces/IValidityVerifier.sol";
import { IVault } from "./interfaces/IVault.sol";
import { IVerifier } from "./interfaces/IVerifier.sol";
import { Crossing, POINTS } from "./proof/Crossing.sol";

/// @title A batch is believed when validity proofs show that its entries lead from the one state to the other.
/// @dev See IValidityVerifier. It holds no value, has no owner, and remembers nothing.
contract ValidityVerifier is IValidityVerifier, DirectVerifier {
    /// @dev As many as `proof::joined::LEAVES_MAX`.
    uint256 public constant LEAF_COUNT_MAX = 256;
    /// @notice How far the time of a batch's last entry may be ahead of this chain's clock: as far as clocks differ.
    uint256 public constant AHEAD_MAX = 15 minutes;
    /// @dev What a hash that names points begins with.
    bytes32 private constant CROSSINGS = keccak256("talea crossings 1");

    /// @inheritdoc IValidityVerifier
    IStatementVerifier public immutable statements;
    /// @inheritdoc IValidityVerifier
    IQueryVerifier public immutable queries;
    /// @inheritdoc IValidityVerifier
    IVerifier public immutable attester;

    /// @dev What a leaf's proof has to say: `proof::validity::Statement`, in its order.
    struct Statement {
        bytes32 configHash;
        bytes32 parentRoot;
        bytes32 stateRoot;
        bytes32 entries;
        uint64 countBefore;
        bytes32 hashBefore;
        uint64 countAfter;
        bytes32 hashAfter;
        uint64 timeBefore;
        uint64 timeAfter;
        bytes32 withdrawalsRoot;
    }

    /// @dev Where the batch stands between two leaves.
    struct Cursor {
        bytes32 stateRoot;
        uint64 inboxCount;
        bytes32 inboxHash;
        /// @dev When the last entry was.
        uint64 time;
        /// @dev The leaf digests of the withdrawals so far, and how many.
        bytes32[] withdrawals;
        uint256 withdrawn;
    }

    constructor(IStatementVerifier statements_, IQueryVerifier queries_, IVerifier attester_) {
        statements = statements_;
        queries = queries_;
        attester = attester_;
    }

    /// @inheritdoc IVerifier
    /// @dev Whoever asks says what digest a header has: a rollup, or claims about one's batches. Mirrors
    /// `transition::proven::ProvenBatch::check`.
    function accepts(bytes32 digest, bytes calldata evidence) external view returns (bool) {
        Evidence memory given = abi.decode(evidence, (Evidence));
        bytes32 headerDigest = IRollup(msg.sender).headerDigest(given.header);
        if (headerDigest != digest) revert HeaderWrong(headerDigest, digest);
        if (!attester.accepts(digest, given.attestation)) revert AttestationRefused(digest);
        _checkLeaves(given);
        return true;
    }

    /// @dev Mirrors `proof::joined::chain` and the comparison with the batch's claim in `Chained::verify`.
    function _checkLeaves(Evidence memory given) private view {
        uint256 count = given.leaves.length;
        if (count == 0 || count > LEAF_COUNT_MAX) revert LeafCountOutOfRange(count, LEAF_COUNT_MAX);
        uint256 withdrawn = 0;
        for (uint256 number = 0; number < count; ++number) {
            withdrawn += given.leaves[number].withdrawals.length;
        }
        IRollup.Header memory header = given.header;
        Cursor memory cursor = Cursor({
            stateRoot: header.parentRoot,
            inboxCount: given.inboxCount,
            inboxHash: given.inboxHash,
            time: given.time,
            withdrawals: new bytes32[](withdrawn),
            withdrawn: 0
        });
        for (uint256 number = 0; number < count; ++number) {
            _checkLeaf(number, given.leaves[number], header.configHash, cursor);
        }
        if (header.stateRoot != cursor.stateRoot) revert StateRootWrong(header.stateRoot, cursor.stateRoot);
        if (header.inboxCount != cursor.inboxCount || header.inboxHash != cursor.inboxHash) {
            revert InboxWrong(cursor.inboxCount, cursor.inboxHash);
        }
        uint256 timeMax = (block.timestamp + AHEAD_MAX) * 1000;
        if (cursor.time > timeMax) revert TimeAhead(cursor.time, timeMax);
        bytes32 root = MerkleList.rootOf(cursor.withdrawals);
        if (header.withdrawalsRoot != root) revert WithdrawalsRootWrong(header.withdrawalsRoot, root);
    }

    /// @dev Mirrors `proof::validity::verify`, whose proof was checked by the two other contracts: what is left is that it is
    /// a proof of this leaf's statement. Moves the cursor behind the leaf.
    function _checkLeaf(uint256 number, Leaf memory leaf, bytes32 configHash, Cursor memory cursor) private view {
        bytes32 proven = statements.publicsOf(leaf.context);
        if (proven == 0) revert StatementUnregistered(number, leaf.context);
        if (!queries.isComplete(leaf.context)) revert QueriesIncomplete(number, leaf.context);
        Statement memory statement;
        statement.configHash = configHash;
        statement.parentRoot = cursor.stateRoot;
        statement.stateRoot = leaf.stateRoot;
        statement.entries = leaf.entries;
        (statement.countBefore, statement.hashBefore) = (cursor.inboxCount, cursor.inboxHash);
        _take(number, leaf, cursor);
        (statement.countAfter, statement.hashAfter) = (cursor.inboxCount, cursor.inboxHash);
        // The proof shows this too; who proves nothing is told what is wrong.
        if (leaf.time < cursor.time) revert TimeBackwards(number, leaf.time, cursor.time);
        (statement.timeBefore, statement.timeAfter) = (cursor.time, leaf.time);
        cursor.time = leaf.time;
        statement.withdrawalsRoot = _withdraw(number, leaf.withdrawals, cursor);
        cursor.stateRoot = leaf.stateRoot;
        bytes32 publics = keccak256(_publics(statement, leaf));
        if (publics != proven) revert PublicsWrong(number, publics, proven);
    }

    /// @dev Moves the inbox behind messages. Mirrors `Statement::check_lists` and `proof::crossing::Inbox::after`. That there
    /// are no more of them than a list may have is so because they fit a transaction.
    function _take(uint256 number, Leaf memory leaf, Cursor memory cursor) private pure {
        uint256 acted = 0;
        for (uint256 i = 0; i < leaf.messages.length; ++i) {
            Message memory message = leaf.messages[i];
            if (!message.account.isWellFormed()) revert CrossingOutOfRange(number);
            bytes32 payload;
            if (message.kind == Inbox.ACTION) {
                if (acted == leaf.actions.length) revert ActionCountWrong(number, acted);
                // The inbox has none with an element that is not below the order.
                payload = Inbox.actionPayload(message.account, leaf.actions[acted++]);
            } else if (message.kind == Inbox.DEPOSIT || message.kind == Inbox.WITHDRAWAL) {
                if (Quanta.unwrap(message.amount) >= QUANTA_BOUND) revert CrossingOutOfRange(number);
                payload = Inbox.transferPayload(message.account, message.token, message.amount, message.party);
            } else {
                revert MessageKindUnknown(number, message.kind);
            }
            cursor.inboxHash = Inbox.hashAfter(cursor.inboxHash, cursor.inboxCount, message.kind, payload);
            ++cursor.inboxCount;
        }
        if (acted != leaf.actions.length) revert ActionCountWrong(number, leaf.actions.length);
    }

    /// @dev Adds withdrawals to those of the batch, and returns the root of their list. Mirrors `Statement::check_lists` and
    /// `proof::crossing::Withdrawal::leaf`.
    function _withdraw(uint256 number, IVault.Withdrawal[] memory withdrawals, Cursor memory cursor)
        private
        pure
        returns (bytes32)
    {
        bytes32[] memory digests = new bytes32[](withdrawals.length);
        for (uint256 i = 0; i < withdrawals.length; ++i) {
            // A number that is not below the field's order would pay more than the circuit took.
            if (Quanta.unwrap(withdrawals[i].amount) >= QUANTA_BOUND) revert CrossingOutOfRange(number);
            digests[i] = MerkleList.leaf(abi.encode(withdrawals[i]));
            cursor.withdrawals[cursor.withdrawn++] = digests[i];
        }
        return MerkleList.rootOf(digests);
    }

    /// @dev Returns a leaf's public values. Mirrors `Statement::public_values` and `Statement::crossed`; the points' hash is
    /// `Statement::with`.
    function _publics(Statement memory statement, Leaf memory leaf) private pure returns (bytes memory) {
        bytes32 hash = keccak256(abi.encode(CROSSINGS, statement, leaf.taken, leaf.made));
        uint256[POINTS] memory points = Crossing.points(hash);
        bytes16 timeBefore = Crossing.packed(statement.timeBefore);
        bytes16 timeAfter = Crossing.packed(statement.timeAfter);
        bytes memory state = abi.encodePacked(
            statement.parentRoot, statement.stateRoot, statement.entries, timeBefore, timeAfter, statement.configHash
        );
        bytes memory ends = bytes.concat(
            Crossing.packed(statement.countBefore, statement.hashBefore),
            timeBefore,
            Crossing.packed(statement.countAfter, statement.hashAfter),
            timeAfter
        );
        bytes memory lists = bytes.concat(
            Crossing.packed(points),
            Crossing.packed(Crossing.messagesAt(points, leaf, statement.countBefore)),
            Crossing.packed(Crossing.withdrawalsAt(points, leaf.withdrawals))
        );
        return bytes.concat(state, ends, abi.encodePacked(leaf.taken, leaf.made), lists);
    }
}
