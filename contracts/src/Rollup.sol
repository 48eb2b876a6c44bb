// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";
import { Ownable2Step } from "@openzeppelin/contracts/access/Ownable2Step.sol";
import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import { AccountId } from "./AccountId.sol";
import { Actions } from "./Actions.sol";
import { Inbox } from "./Inbox.sol";
import { Quanta } from "./Quanta.sol";
import { TokenId } from "./TokenId.sol";
import { Vault } from "./Vault.sol";
import { IExits } from "./interfaces/IExits.sol";
import { IRollup } from "./interfaces/IRollup.sol";
import { IVault } from "./interfaces/IVault.sol";
import { IVerifier } from "./interfaces/IVerifier.sol";

/// @title The chain of settled batches.
/// @dev See IRollup.
contract Rollup is IRollup, EIP712, Ownable2Step {
    bytes32 private constant HEADER_TYPEHASH = keccak256(
        "Header(bytes32 configHash,uint64 number,bytes32 parentRoot,bytes32 stateRoot,uint64 inboxCount,bytes32 inboxHash,bytes32 withdrawalsRoot,bytes32 dataRoot,bytes32 diffHash)"
    );
    /// @dev Keeps every time in the contract far from overflow.
    uint256 private constant DURATION_MAX = 3650 days;
    uint256 public constant CHUNK_COUNT_MAX = 64;

    /// @inheritdoc IRollup
    bytes32 public immutable configHash;
    uint64 private immutable _forcedDeadline;
    uint64 private immutable _freezeGrace;
    uint64 private immutable _exitWindow;
    bool private immutable _dataOnL1;
    /// @inheritdoc IRollup
    IVault public immutable vault;
    /// @inheritdoc IRollup
    IExits public immutable exits;

    /// @inheritdoc IRollup
    bytes32 public stateRoot;
    /// @inheritdoc IRollup
    uint64 public batchNumber;
    /// @inheritdoc IRollup
    uint64 public consumed;
    /// @inheritdoc IRollup
    bool public frozen;
    /// @inheritdoc IRollup
    IVerifier public verifier;
    IVerifier private _announced;
    uint64 private _activeFrom;
    /// @inheritdoc IRollup
    mapping(uint64 number => bytes32) public withdrawalsRoot;
    /// @inheritdoc IRollup
    mapping(bytes32 digest => uint64) public proposedAt;
    /// @inheritdoc IRollup
    mapping(bytes32 chunkHash => uint256) public publishedIn;
    /// @inheritdoc IRollup
    mapping(AccountId account => address) public ownerOf;
    mapping(uint64 count => bytes32) private _inboxHash;
    /// @dev When each message was queued; as many as there are messages.
    uint64[] private _messageTimes;

    /// @dev The rollup deploys its Vault, which deploys the rest: each then knows the others from its first block and for
    /// good, with no moment at which they are half bound and no key that could bind them otherwise.
    /// @param owner Who may announce verifiers; zero for nobody ever.
    /// @param vaultOwner Who may register tokens.
    constructor(
        bytes32 configHash_,
        bytes32 genesisStateRoot,
        IVerifier verifier_,
        Rules memory rules_,
        address owner,
        address vaultOwner
    ) EIP712("Talea", "1") Ownable(msg.sender) {
        if (configHash_ == 0 || genesisStateRoot == 0) revert GenesisIncomplete();
        _checkRules(rules_);
        _checkVerifier(verifier_, rules_.freezeGrace);
        configHash = configHash_;
        stateRoot = genesisStateRoot;
        verifier = verifier_;
        _forcedDeadline = rules_.forcedDeadline;
        _freezeGrace = rules_.freezeGrace;
        _exitWindow = rules_.exitWindow;
        _dataOnL1 = rules_.dataOnL1;
        // The library takes a zero owner for a mistake at construction, though not later.
        _transferOwnership(owner);
        emit VerifierActivated(verifier_);
        IVault vault_ = new Vault(this, vaultOwner);
        vault = vault_;
        exits = vault_.exits();
    }

    modifier whileRunning() {
        if (frozen) revert Frozen();
        _;
    }

    // Batches.

    /// @inheritdoc IRollup
    function publish(bytes calldata chunk) external whileRunning {
        if (chunk.length == 0) revert ChunkEmpty();
        bytes32 chunkHash = keccak256(chunk);
        if (publishedIn[chunkHash] != 0) return;
        publishedIn[chunkHash] = block.number;
        // Data in the log costs less than the calldata it came in, and is there for whoever rebuilds the state.
        emit Published(chunkHash, chunk);
    }

    /// @inheritdoc IRollup
    function propose(Header calldata header, bytes32[] calldata chunks) external whileRunning {
        _check(header, chunks, block.timestamp);
        bytes32 digest = headerDigest(header);
        if (proposedAt[digest] != 0) return;
        proposedAt[digest] = uint64(block.timestamp);
        emit BatchProposed(header.number, digest);
    }

    /// @inheritdoc IRollup
    function settle(Header calldata header, bytes32[] calldata chunks, bytes calldata evidence) external whileRunning {
        bytes32 digest = headerDigest(header);
        // Static calls, so the verifier can change nothing between the checks and the writes.
        uint256 committedAt = verifier.committedAt(digest);
        _check(header, chunks, committedAt == 0 ? block.timestamp : committedAt);
        if (!verifier.accepts(digest, evidence)) revert EvidenceRefused(digest);

        batchNumber = header.number;
        consumed = header.inboxCount;
        stateRoot = header.stateRoot;
        // A batch without withdrawals leaves the slot at zero, under which nothing can be claimed.
        if (header.withdrawalsRoot != 0) withdrawalsRoot[header.number] = header.withdrawalsRoot;
        emit BatchSettled(
            header.number,
            header.stateRoot,
            header.parentRoot,
            header.inboxCount,
            header.inboxHash,
            header.withdrawalsRoot,
            header.dataRoot,
            header.diffHash
        );
    }

    /// @inheritdoc IRollup
    function freeze() external whileRunning {
        uint64 oldest = consumed;
        if (oldest == inboxCount()) revert FreezeTooEarly();
        if (block.timestamp <= uint256(_messageTimes[oldest]) + _forcedDeadline + _freezeGrace) {
            revert FreezeTooEarly();
        }
        _freeze();
    }

    /// @inheritdoc IRollup
    function freezeContradicted(
        Header calldata first,
        bytes calldata firstEvidence,
        Header calldata second,
        bytes calldata secondEvidence
    ) external whileRunning {
        bytes32 firstDigest = headerDigest(first);
        bytes32 secondDigest = headerDigest(second);
        if (firstDigest == secondDigest || !_isOneBatch(first, second)) {
            revert HeadersNotContradicting(firstDigest, secondDigest);
        }
        IVerifier proof = verifier.proof();
        if (!proof.accepts(firstDigest, firstEvidence)) revert EvidenceRefused(firstDigest);
        if (!proof.accepts(secondDigest, secondEvidence)) revert EvidenceRefused(secondDigest);
        _freeze();
    }

    // The inbox.

    /// @inheritdoc IRollup
    function append(AccountId account, TokenId token, Quanta amount, address sender) external returns (uint64 index) {
        if (msg.sender != address(vault)) revert CallerNotVault(msg.sender);
        index = _queue(Inbox.DEPOSIT, Inbox.transferPayload(account, token, amount, sender));
        emit DepositQueued(index, account, token, amount, sender);
    }

    /// @inheritdoc IRollup
    function openAccount(uint8 scheme, uint64[5] calldata key, address owner) external returns (AccountId account) {
        if (owner == address(0)) revert OwnerZero();
        account = exits.accountOf(scheme, key, owner);
        if (ownerOf[account] != address(0)) revert AccountAlreadyOpened(account);
        ownerOf[account] = owner;
        emit AccountOpened(account, owner);
    }

    /// @inheritdoc IRollup
    function forceWithdrawal(AccountId account, TokenId token, Quanta amount) external returns (uint64 index) {
        if (msg.sender != ownerOf[account]) revert CallerNotOwner(msg.sender, account);
        if (!amount.isInRange()) revert AmountOutOfRange(amount);
        if (vault.assetOf(token) == 0) revert TokenRefused(token);
        index = _queue(Inbox.WITHDRAWAL, Inbox.transferPayload(account, token, amount, msg.sender));
        emit WithdrawalForced(index, account, token, amount, msg.sender);
    }

    /// @inheritdoc IRollup
    function forceAction(AccountId account, uint64[14] calldata elements) external returns (uint64 index) {
        if (msg.sender != ownerOf[account]) revert CallerNotOwner(msg.sender, account);
        Actions.check(elements);
        index = _queue(Inbox.ACTION, Inbox.actionPayload(account, elements));
        emit ActionForced(index, account, elements);
    }

    // The verifier.

    /// @inheritdoc IRollup
    function announceVerifier(IVerifier next) external onlyOwner whileRunning {
        _checkVerifier(next, _freezeGrace);
        uint64 activeFrom = uint64(block.timestamp + _exitWindow);
        (_announced, _activeFrom) = (next, activeFrom);
        emit VerifierAnnounced(next, activeFrom);
    }

    /// @inheritdoc IRollup
    function cancelVerifier() external onlyOwner {
        IVerifier next = _takeAnnounced();
        emit VerifierCancelled(next);
    }

    /// @inheritdoc IRollup
    function activateVerifier() external whileRunning {
        uint64 activeFrom = _activeFrom;
        IVerifier next = _takeAnnounced();
        if (block.timestamp < activeFrom) revert VerifierTooEarly(activeFrom);
        verifier = next;
        emit VerifierActivated(next);
    }

    // Views.

    /// @inheritdoc IRollup
    function inboxCount() public view returns (uint64) {
        return uint64(_messageTimes.length);
    }

    /// @inheritdoc IRollup
    function inboxHash(uint64 count) external view returns (bytes32) {
        if (count > inboxCount()) revert InboxTooShort(count, inboxCount());
        return _inboxHash[count];
    }

    /// @inheritdoc IRollup
    function messageTime(uint64 index) external view returns (uint64) {
        if (index >= inboxCount()) revert InboxTooShort(index, inboxCount());
        return _messageTimes[index];
    }

    /// @inheritdoc IRollup
    function headerDigest(Header calldata header) public view returns (bytes32) {
        // A header has only fields of fixed size, so encoding it whole is encoding it field by field.
        return _hashTypedDataV4(keccak256(abi.encode(HEADER_TYPEHASH, header)));
    }

    /// @inheritdoc IRollup
    function rules() external view returns (Rules memory) {
        return Rules(_forcedDeadline, _freezeGrace, _exitWindow, _dataOnL1);
    }

    /// @inheritdoc IRollup
    function announcedVerifier() external view returns (IVerifier next, uint64 activeFrom) {
        return (_announced, _activeFrom);
    }

    // Changes.

    function _freeze() private {
        frozen = true;
        emit RollupFrozen(batchNumber, stateRoot);
    }

    function _queue(uint8 kind, bytes32 payload) private whileRunning returns (uint64 index) {
        index = inboxCount();
        _messageTimes.push(uint64(block.timestamp));
        _inboxHash[index + 1] = Inbox.hashAfter(_inboxHash[index], index, kind, payload);
    }

    function _takeAnnounced() private returns (IVerifier next) {
        next = _announced;
        if (address(next) == address(0)) revert VerifierNotAnnounced();
        delete _announced;
        delete _activeFrom;
    }

    // Checks.

    /// @dev Everything about a batch but its evidence.
    /// @param committedAt When it was fixed what the batch consumes.
    function _check(Header calldata header, bytes32[] calldata chunks, uint256 committedAt) private view {
        _checkContinues(header);
        _checkInbox(header, committedAt);
        _checkData(header.diffHash, chunks);
    }

    function _checkContinues(Header calldata header) private view {
        if (header.configHash != configHash) revert ConfigHashWrong(header.configHash, configHash);
        uint64 next = batchNumber + 1;
        if (header.number != next) revert NumberWrong(header.number, next);
        if (header.parentRoot != stateRoot) revert ParentRootWrong(header.parentRoot, stateRoot);
        if (header.stateRoot == 0) revert StateRootZero();
    }

    function _checkInbox(Header calldata header, uint256 committedAt) private view {
        uint64 count = header.inboxCount;
        uint64 queued = inboxCount();
        if (count < consumed || count > queued) revert InboxCountOutOfRange(count, consumed, queued);
        bytes32 expected = _inboxHash[count];
        if (header.inboxHash != expected) revert InboxHashWrong(header.inboxHash, expected);
        if (count == queued) return;
        // Messages are consumed in order, so the first one left waits the longest.
        uint64 deadline = _messageTimes[count] + _forcedDeadline;
        if (committedAt > deadline) revert InboxOverdue(count, deadline);
    }

    function _checkData(bytes32 diffHash, bytes32[] calldata chunks) private view {
        uint256 countMax = _dataOnL1 ? CHUNK_COUNT_MAX : 0;
        if (chunks.length > countMax) revert ChunkCountTooLarge(chunks.length, countMax);
        for (uint256 i = 0; i < chunks.length; ++i) {
            if (publishedIn[chunks[i]] == 0) revert ChunkUnpublished(chunks[i]);
        }
        bytes32 expected = _dataOnL1 ? keccak256(abi.encodePacked(chunks)) : bytes32(0);
        if (diffHash != expected) revert DiffHashWrong(diffHash, expected);
    }

    /// @dev Whether both are about the same batch after the same state, so that only one of them can be true. Which batch
    /// comes next is a choice: headers of two batches are no contradiction.
    function _isOneBatch(Header calldata first, Header calldata second) private view returns (bool) {
        return first.configHash == configHash && second.configHash == configHash && first.number == second.number
            && first.parentRoot == second.parentRoot && first.inboxCount == second.inboxCount
            && first.inboxHash == second.inboxHash && first.dataRoot == second.dataRoot;
    }

    function _checkVerifier(IVerifier verifier_, uint64 freezeGrace) private view {
        if (address(verifier_).code.length == 0) revert VerifierWithoutCode(address(verifier_));
        verifier_.checkServes(freezeGrace);
    }

    function _checkRules(Rules memory rules_) private pure {
        uint256 freezable = uint256(rules_.forcedDeadline) + rules_.freezeGrace;
        bool safe = rules_.forcedDeadline != 0 && rules_.exitWindow >= freezable && rules_.exitWindow <= DURATION_MAX;
        if (!safe) revert RulesUnsafe(rules_);
    }
}
