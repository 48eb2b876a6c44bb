// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "../AccountId.sol";
import { Quanta } from "../Quanta.sol";
import { TokenId } from "../TokenId.sol";
import { IExits } from "./IExits.sol";
import { IVault } from "./IVault.sol";
import { IVerifier } from "./IVerifier.sol";

/// @title The rollup's chain of batches, as this base chain knows it.
/// @notice Keeps the current state root, the inbox of messages that batches must consume in order and in time, and the
/// root of the withdrawals of every batch. Holds no value: the Vault does. Once a message has waited too long, anybody may
/// freeze the rollup; what it then owes is claimed from its last state.
/// @dev The inbox's rolling hash: hash[i + 1] = keccak256(abi.encode(hash[i], uint64 i, uint8 kind, bytes32 payload)),
/// from hash[0] = 0.
interface IRollup {
    /// @notice What a batch claims.
    /// @param configHash The rules the batch was made under; fixed for a rollup.
    /// @param number The batch number; the first batch is 1.
    /// @param parentRoot The state root before the batch.
    /// @param stateRoot The state root after the batch.
    /// @param inboxCount How many inbox messages have been consumed once this batch is applied.
    /// @param inboxHash The rolling hash of the inbox after that many messages.
    /// @param withdrawalsRoot The Merkle list root of the batch's withdrawals; zero when there are none.
    /// @param dataRoot The Merkle list root of the batch's data. The verifier vouches for it; nothing here depends on it.
    /// @param diffHash With data on this chain, the keccak-256 of the hashes of the chunks that hold the batch's state
    /// diff, end to end; without, zero.
    struct Header {
        bytes32 configHash;
        uint64 number;
        bytes32 parentRoot;
        bytes32 stateRoot;
        uint64 inboxCount;
        bytes32 inboxHash;
        bytes32 withdrawalsRoot;
        bytes32 dataRoot;
        bytes32 diffHash;
    }

    /// @notice What users may rely on, fixed at deployment. Durations are in seconds.
    /// @param forcedDeadline How long a message may wait before batches must consume it.
    /// @param freezeGrace How long after that anybody may freeze the rollup.
    /// @param exitWindow How long an announced verifier waits, so that those who distrust it can leave before.
    /// @param dataOnL1 Whether a batch's state diff must have been published on this chain.
    struct Rules {
        uint64 forcedDeadline;
        uint64 freezeGrace;
        uint64 exitWindow;
        bool dataOnL1;
    }

    /// @notice A deposit, a message of kind 1, entered the inbox. Messages are counted from zero. The payload is
    /// keccak256(abi.encode(bytes32 account, bytes32 token, uint64 amount, address sender)).
    event DepositQueued(uint64 indexed index, AccountId indexed account, TokenId token, Quanta amount, address sender);
    /// @notice A forced withdrawal, a message of kind 2, entered the inbox. The ledger withdraws what the account has, up
    /// to the amount. The payload is keccak256(abi.encode(bytes32 account, bytes32 token, uint64 amount, address
    /// recipient)).
    event WithdrawalForced(
        uint64 indexed index, AccountId indexed account, TokenId token, Quanta amount, address recipient
    );
    /// @notice A forced action, a message of kind 3, entered the inbox. The ledger does it for the account as if its keeper
    /// had signed it, or rejects it. The payload is keccak256(abi.encode(bytes32 account, uint64[14] elements)).
    event ActionForced(uint64 indexed index, AccountId indexed account, uint64[14] elements);
    /// @notice An account's owner on this chain is known from now on.
    event AccountOpened(AccountId indexed account, address indexed owner);
    /// @notice A part of a batch's state diff was published, for the first time.
    event Published(bytes32 indexed chunkHash, bytes chunk);
    /// @notice A batch was found sound in everything but the evidence.
    event BatchProposed(uint64 indexed number, bytes32 digest);
    /// @notice A batch became part of the chain.
    event BatchSettled(
        uint64 indexed number,
        bytes32 indexed stateRoot,
        bytes32 parentRoot,
        uint64 inboxCount,
        bytes32 inboxHash,
        bytes32 withdrawalsRoot,
        bytes32 dataRoot,
        bytes32 diffHash
    );
    /// @notice The rollup stopped for good, with this state.
    event RollupFrozen(uint64 indexed number, bytes32 stateRoot);
    /// @notice Another verifier may take over from this time on.
    event VerifierAnnounced(IVerifier indexed verifier, uint64 activeFrom);
    /// @notice The announced verifier will not take over.
    event VerifierCancelled(IVerifier indexed verifier);
    /// @notice This verifier decides from now on.
    event VerifierActivated(IVerifier indexed verifier);

    /// @notice The constructor was given a zero hash or root.
    error GenesisIncomplete();
    /// @notice The deadline is zero, or the exit window is shorter than the time after which a rollup can be
    /// frozen, or longer than ten years.
    error RulesUnsafe(Rules rules);
    /// @notice A verifier has code.
    error VerifierWithoutCode(address verifier);
    /// @notice Only the Vault may queue deposits.
    error CallerNotVault(address caller);
    /// @notice The rollup is frozen. What it owes is claimed at the Vault and at Exits.
    error Frozen();
    /// @notice The rollup may not be frozen: no message has waited for that long.
    error FreezeTooEarly();
    /// @notice The batch was made under other rules.
    error ConfigHashWrong(bytes32 given, bytes32 expected);
    /// @notice The batch is not the next one. After another settler was faster, this is what the slower one gets.
    error NumberWrong(uint64 given, uint64 expected);
    /// @notice The batch does not start from the current state.
    error ParentRootWrong(bytes32 given, bytes32 expected);
    /// @notice A batch may not leave a zero state root.
    error StateRootZero();
    /// @notice The batch takes inbox messages back, or takes more than there are.
    error InboxCountOutOfRange(uint64 given, uint64 consumed, uint64 queued);
    /// @notice The batch consumed other inbox messages than those queued here.
    error InboxHashWrong(bytes32 given, bytes32 expected);
    /// @notice The batch leaves this message waiting, whose deadline has passed.
    error InboxOverdue(uint64 index, uint64 deadline);
    /// @notice More chunks than a batch may have.
    error ChunkCountTooLarge(uint256 count, uint256 countMax);
    /// @notice The chunk was not published here.
    error ChunkUnpublished(bytes32 chunkHash);
    /// @notice The chunks are not those the header names; without data on this chain there are none.
    error DiffHashWrong(bytes32 given, bytes32 expected);
    /// @notice The headers are equal, or of two batches: what a batch holds is the sequencer's choice.
    error HeadersNotContradicting(bytes32 first, bytes32 second);
    /// @notice The verifier does not accept the evidence.
    error EvidenceRefused(bytes32 digest);
    /// @notice The inbox has no such message yet.
    error InboxTooShort(uint64 count, uint64 queued);
    /// @notice A chunk has bytes.
    error ChunkEmpty();
    /// @notice No action of this number can be forced.
    error ActionRefused(uint64 number);
    /// @notice An action of this number has no such element in this place.
    error ElementOutOfRange(uint256 place);
    /// @notice Zero quanta, or 2^62 or more.
    error AmountOutOfRange(Quanta amount);
    /// @notice The token is not one the Vault knows, nor the id of a half.
    error TokenRefused(TokenId token);
    /// @notice An account's owner is a real address.
    error OwnerZero();
    /// @notice The account was opened before.
    error AccountAlreadyOpened(AccountId account);
    /// @notice Only the account's owner may force a withdrawal or an action, once the account is open.
    error CallerNotOwner(address caller, AccountId account);
    /// @notice No verifier is announced.
    error VerifierNotAnnounced();
    /// @notice The exit window has not passed.
    error VerifierTooEarly(uint64 activeFrom);

    /// @notice Publishes a part of a state diff. Publishing the same again changes nothing. Anybody may call.
    function publish(bytes calldata chunk) external;

    /// @notice Records that a batch was found sound in everything but the evidence. A batch needs no proposal to be
    /// settled. Anybody may call.
    /// @param header The claim.
    /// @param chunks The hashes of the published chunks that hold the batch's state diff, in order.
    function propose(Header calldata header, bytes32[] calldata chunks) external;

    /// @notice Extends the chain by one batch. Anybody may call: what counts is the evidence.
    /// @param header The claim.
    /// @param chunks The hashes of the published chunks that hold the batch's state diff, in order.
    /// @param evidence What the verifier needs to accept the header's digest.
    function settle(Header calldata header, bytes32[] calldata chunks, bytes calldata evidence) external;

    /// @notice Stops the rollup for good. Anybody may call, once the oldest message not consumed has waited for longer
    /// than the deadline and the grace together.
    function freeze() external;

    /// @notice Stops the rollup for good, because what was to be proof contradicts itself: it supports two outcomes of one
    /// batch after one state. Anybody may call.
    function freezeContradicted(
        Header calldata first,
        bytes calldata firstEvidence,
        Header calldata second,
        bytes calldata secondEvidence
    ) external;

    /// @notice Queues a deposit that the Vault has received, and returns its index. Only for the Vault.
    function append(AccountId account, TokenId token, Quanta amount, address sender) external returns (uint64 index);

    /// @notice Makes an account's owner known on this chain, once. Anybody may call: the account's id binds the owner.
    /// @param scheme The signature scheme of the account's key.
    /// @param key The account's public key: a point's five field elements, the constant coefficient first.
    /// @param owner The address that the account names as its owner.
    function openAccount(uint8 scheme, uint64[5] calldata key, address owner) external returns (AccountId account);

    /// @notice Queues a withdrawal to the caller, who must be the account's owner. Batches must consume it in time.
    /// @param amount The ledger withdraws this many quanta or all there are, whichever is less.
    function forceWithdrawal(AccountId account, TokenId token, Quanta amount) external returns (uint64 index);

    /// @notice Queues an action of an account, which batches must consume in time. Only for the account's owner, whoever
    /// keeps the account on the ledger; nobody signs it there, and it uses no nonce up.
    /// @param elements The action as the ledger hashes it, and zeros behind it: the number of a transfer, rekey,
    /// authorisation, revocation, merge, resolution, redemption or reclaim, and its fields.
    function forceAction(AccountId account, uint64[14] calldata elements) external returns (uint64 index);

    /// @notice Lets another verifier take over after the exit window, in place of any announced before. Only for the
    /// owner.
    function announceVerifier(IVerifier next) external;

    /// @notice Takes the announcement back. Only for the owner.
    function cancelVerifier() external;

    /// @notice Puts the announced verifier in place, once the exit window has passed. Anybody may call.
    function activateVerifier() external;

    /// @notice Returns the digest that a batch's evidence must support, by EIP-712.
    function headerDigest(Header calldata header) external view returns (bytes32);

    /// @notice Returns the number of the last settled batch; zero before the first.
    function batchNumber() external view returns (uint64);

    /// @notice Returns the current state root.
    function stateRoot() external view returns (bytes32);

    /// @notice Returns the withdrawals root of a settled batch; zero for one without withdrawals or not yet settled.
    function withdrawalsRoot(uint64 number) external view returns (bytes32);

    /// @notice Returns when a batch with this digest was first proposed; zero for one that never was.
    function proposedAt(bytes32 digest) external view returns (uint64);

    /// @notice Returns the number of the block that a chunk was published in; zero for one that never was.
    function publishedIn(bytes32 chunkHash) external view returns (uint256);

    /// @notice Returns how many messages were ever queued.
    function inboxCount() external view returns (uint64);

    /// @notice Returns the rolling hash after the first `count` messages.
    function inboxHash(uint64 count) external view returns (bytes32);

    /// @notice Returns when a message was queued.
    function messageTime(uint64 index) external view returns (uint64);

    /// @notice Returns how many messages the settled batches have consumed.
    function consumed() external view returns (uint64);

    /// @notice Returns an account's owner on this chain; zero for an account never opened.
    function ownerOf(AccountId account) external view returns (address);

    /// @notice Whether the rollup has stopped for good.
    function frozen() external view returns (bool);

    /// @notice Returns the hash of the rules that batches are made under.
    function configHash() external view returns (bytes32);

    /// @notice Returns what users may rely on.
    function rules() external view returns (Rules memory);

    /// @notice Returns who decides whether a batch is believed.
    function verifier() external view returns (IVerifier);

    /// @notice Returns the announced verifier, and from when it may take over; zeros when none is announced.
    function announcedVerifier() external view returns (IVerifier next, uint64 activeFrom);

    /// @notice Returns the holder of the rollup's value, deployed by this rollup's constructor.
    function vault() external view returns (IVault);

    /// @notice Returns the way out of a frozen rollup, deployed by the Vault's constructor.
    function exits() external view returns (IExits);
}
