// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Address } from "@openzeppelin/contracts/utils/Address.sol";

import { IClaims } from "./interfaces/IClaims.sol";
import { IRollup } from "./interfaces/IRollup.sol";
import { IVerifier } from "./interfaces/IVerifier.sol";

/// @title Bonded claims about what batches lead to.
/// @dev See IClaims. Nothing here loops: whoever stands behind a claim is lifted, closed and punished one by one.
contract Claims is IClaims {
    uint256 private constant WINDOW_MAX = 365 days;
    uint256 private constant PPM = 1_000_000;

    /// @inheritdoc IClaims
    IRollup public immutable rollup;
    /// @inheritdoc IVerifier
    IVerifier public immutable proof;
    address private immutable _sequencer;
    uint256 private immutable _bond;
    uint64 private immutable _window;
    uint32 private immutable _proverPpm;

    /// @inheritdoc IClaims
    uint64 public lastCommitted;
    mapping(uint64 number => Commitment) private _commitments;
    mapping(bytes32 digest => Claim) private _claims;
    mapping(bytes32 contest => Contest) private _contests;
    /// @dev The claim that a doubt is about.
    mapping(bytes32 doubt => bytes32 digest) private _doubted;
    mapping(bytes32 digestOrDoubt => mapping(address proposer => Stance)) private _stances;
    mapping(address account => Proposer) private _proposers;
    /// @inheritdoc IClaims
    mapping(bytes32 announcement => uint256) public announcedIn;
    /// @inheritdoc IClaims
    mapping(address payee => uint256) public owedTo;

    /// @param rollup_ The rollup to serve. It may be deployed after this contract, at an address known before; its
    /// constructor then asks this contract whether it is the one.
    /// @param proof_ Who judges proofs.
    constructor(IRollup rollup_, IVerifier proof_, Terms memory terms_) {
        bool safe = terms_.sequencer != address(0) && terms_.bond != 0 && terms_.window != 0
            && terms_.window <= WINDOW_MAX && terms_.proverPpm != 0 && terms_.proverPpm < PPM;
        if (!safe) revert TermsUnsafe(terms_);
        if (address(proof_).code.length == 0) revert IRollup.VerifierWithoutCode(address(proof_));
        rollup = rollup_;
        proof = proof_;
        _sequencer = terms_.sequencer;
        _bond = terms_.bond;
        _window = terms_.window;
        _proverPpm = terms_.proverPpm;
    }

    modifier whileServing() {
        if (!_isServing()) revert NotServing();
        _;
    }

    // Batches.

    /// @inheritdoc IClaims
    function commit(uint64 number, uint64 inboxCount, bytes32 inboxHash, bytes32 dataRoot) external whileServing {
        if (msg.sender != _sequencer) revert CallerNotSequencer(msg.sender);
        bool first = lastCommitted == 0;
        uint64 next = (first ? rollup.batchNumber() : lastCommitted) + 1;
        if (number != next) revert IRollup.NumberWrong(number, next);
        _checkInbox(inboxCount, inboxHash, first ? rollup.consumed() : _commitments[lastCommitted].inboxCount);

        lastCommitted = number;
        _commitments[number] = Commitment(dataRoot, inboxCount, uint64(block.timestamp));
        emit BatchCommitted(number, inboxCount, inboxHash, dataRoot);
    }

    // Proposers.

    /// @inheritdoc IClaims
    function join() external payable whileServing {
        if (msg.value != _bond) revert BondWrong(msg.value, _bond);
        Proposer storage proposer = _proposers[msg.sender];
        if (proposer.standing != Standing.Stranger) revert StandingWrong(proposer.standing);
        proposer.standing = Standing.Bonded;
        emit Joined(msg.sender);
    }

    /// @inheritdoc IClaims
    function leave() external {
        Proposer storage proposer = _proposers[msg.sender];
        if (proposer.standing != Standing.Bonded) revert StandingWrong(proposer.standing);
        if (proposer.open != 0 && !isOver()) revert ClaimsOpen(proposer.open);
        delete _proposers[msg.sender];
        emit Left(msg.sender);
        Address.sendValue(payable(msg.sender), _bond);
    }

    /// @inheritdoc IClaims
    function collect(address payee) external {
        uint256 amount = owedTo[payee];
        if (amount == 0) revert NothingOwed(payee);
        delete owedTo[payee];
        emit Collected(payee, amount);
        Address.sendValue(payable(payee), amount);
    }

    // The life of a claim.

    /// @inheritdoc IClaims
    function claim(IRollup.Header calldata header) external whileServing {
        _checkHeader(header);
        Proposer storage proposer = _proposers[msg.sender];
        if (proposer.standing != Standing.Bonded) revert StandingWrong(proposer.standing);
        bytes32 digest = rollup.headerDigest(header);
        bytes32 key = _contestOf(header.number, header.parentRoot);
        Contest storage contest = _contests[key];
        if (contest.proven != 0) revert AlreadyProven(contest.proven);
        if (_stances[digest][msg.sender] != Stance.None) revert AlreadyMade(digest);
        Claim storage made = _claims[digest];
        if (made.proposers == 0) {
            // What nobody contradicted in time stays so, or its finality would have no date.
            uint64 until = contest.since + _window;
            if (contest.claims != 0 && block.timestamp >= until) revert WindowPassed(until);
            contest.since = uint64(block.timestamp);
            ++contest.claims;
            // Whoever doubted it while somebody else stood behind it doubts it still.
            (made.contest, made.number, made.since) = (key, header.number, uint64(block.timestamp));
        }

        ++made.proposers;
        ++proposer.open;
        _stances[digest][msg.sender] = Stance.Behind;
        emit Claimed(digest, key, msg.sender, header);
    }

    /// @inheritdoc IClaims
    function doubt(IRollup.Header calldata header) external whileServing {
        _checkHeader(header);
        Proposer storage proposer = _proposers[msg.sender];
        if (proposer.standing != Standing.Bonded) revert StandingWrong(proposer.standing);
        bytes32 digest = rollup.headerDigest(header);
        Claim storage made = _claims[digest];
        if (made.proposers == 0) revert NobodyBehind(digest);
        bytes32 key = made.contest;
        Contest storage contest = _contests[key];
        if (contest.proven != 0) revert AlreadyProven(contest.proven);
        uint64 until = contest.since + _window;
        if (block.timestamp >= until) revert WindowPassed(until);
        bytes32 doubt_ = doubtOf(digest);
        if (_stances[doubt_][msg.sender] != Stance.None) revert AlreadyMade(doubt_);

        ++made.doubts;
        ++proposer.open;
        _doubted[doubt_] = digest;
        _stances[doubt_][msg.sender] = Stance.Behind;
        emit Doubted(digest, key, msg.sender, header);
    }

    /// @inheritdoc IClaims
    function retract(bytes32 digest) external {
        bytes32 doubt_ = doubtOf(digest);
        if (!_answers(doubt_, msg.sender)) revert NothingToRetract(digest, msg.sender);
        Claim storage made = _claims[digest];
        Contest storage contest = _contests[made.contest];
        if (contest.proven != 0) revert AlreadyProven(contest.proven);
        uint64 until = contest.since + _window;
        if (block.timestamp >= until) revert WindowPassed(until);

        _stances[doubt_][msg.sender] = Stance.Closed;
        --made.doubts;
        --_proposers[msg.sender].open;
        emit Closed(doubt_, msg.sender);
    }

    /// @inheritdoc IClaims
    function announce(bytes32 announcement) external {
        // The first time stays, so that announcing again can set nobody back.
        if (announcedIn[announcement] != 0) return;
        announcedIn[announcement] = block.number;
        emit ProofAnnounced(announcement);
    }

    /// @inheritdoc IClaims
    function prove(IRollup.Header calldata header, bytes calldata evidence) external whileServing {
        _checkHeader(header);
        bytes32 digest = rollup.headerDigest(header);
        bytes32 announcement = keccak256(abi.encode(msg.sender, digest, keccak256(evidence)));
        uint256 announced = announcedIn[announcement];
        if (announced == 0 || announced == block.number) revert ProofNotAnnounced(announcement);
        bytes32 key = _contestOf(header.number, header.parentRoot);
        Contest storage contest = _contests[key];
        if (contest.proven != 0) revert AlreadyProven(contest.proven);
        if (!proof.accepts(digest, evidence)) revert ProofRefused(digest);

        (contest.proven, contest.prover) = (digest, msg.sender);
        if (_claims[digest].number == 0) _claims[digest] = Claim(key, header.number, 0, 0, 0);
        emit Proven(digest, key, msg.sender);
    }

    /// @inheritdoc IClaims
    function eliminate(bytes32 digest, address proposer) external {
        (bytes32 claimed, bool isDoubt) = _about(digest);
        Contest storage contest = _contests[_claims[claimed].contest];
        bool isWrong = contest.proven != 0 && (contest.proven == claimed) == isDoubt;
        if (!isWrong || !_answers(digest, proposer)) revert NothingToEliminate(digest, proposer);

        _proposers[proposer].standing = Standing.Eliminated;
        // Nobody earns by a doubt of what is true: who withholds a batch's data could live on whom it deceives.
        uint256 reward = isDoubt ? 0 : _bond * _proverPpm / PPM;
        owedTo[contest.prover] += reward;
        owedTo[address(0)] += _bond - reward;
        emit Eliminated(proposer, digest, contest.prover);
    }

    /// @inheritdoc IClaims
    function lift(bytes32 digest, address proposer) external {
        bool isEliminated = _proposers[proposer].standing == Standing.Eliminated;
        if (!isEliminated || _stances[digest][proposer] != Stance.Behind) revert NothingToLift(digest, proposer);

        _stances[digest][proposer] = Stance.Lifted;
        (bytes32 claimed, bool isDoubt) = _about(digest);
        Claim storage made = _claims[claimed];
        if (isDoubt) --made.doubts;
        else if (--made.proposers == 0) --_contests[made.contest].claims;
        emit Lifted(digest, proposer);
    }

    /// @inheritdoc IClaims
    function close(bytes32 digest, address proposer) external {
        (bytes32 claimed, bool isDoubt) = _about(digest);
        Claim storage made = _claims[claimed];
        bytes32 proven = _contests[made.contest].proven;
        bool isWrong = proven != 0 && (proven == claimed) == isDoubt;
        bool isSettled = made.number <= rollup.batchNumber();
        if (isWrong || !isSettled || !_answers(digest, proposer)) revert NothingToClose(digest, proposer);

        _stances[digest][proposer] = Stance.Closed;
        --_proposers[proposer].open;
        emit Closed(digest, proposer);
    }

    // What the rollup asks.

    /// @inheritdoc IVerifier
    /// @dev Needs no evidence: what there is to know stands here.
    function accepts(bytes32 digest, bytes calldata) external view returns (bool) {
        Claim storage made = _claims[digest];
        if (made.number == 0) revert ClaimUnknown(digest);
        Contest storage contest = _contests[made.contest];
        if (contest.proven == digest) return true;
        if (contest.proven != 0) revert ClaimRefuted(digest, contest.proven);
        if (made.proposers == 0) revert NobodyBehind(digest);
        if (contest.claims != 1) revert ProofAwaited(made.contest, contest.claims);
        if (made.doubts != 0) revert ClaimDoubted(digest, made.doubts);
        if (block.timestamp < made.since + _window) revert WindowOpen(made.since + _window);
        return true;
    }

    /// @inheritdoc IVerifier
    function committedAt(bytes32 digest) external view returns (uint64) {
        return _commitments[_claims[digest].number].committedAt;
    }

    /// @inheritdoc IVerifier
    function checkServes(uint64 freezeGrace) external view {
        if (msg.sender != address(rollup)) revert RollupWrong(msg.sender, address(rollup));
        if (lastCommitted != 0) revert AlreadyUsed();
        // A message may be committed to at its deadline. Then it takes a window until nobody contradicted, and if
        // somebody did at the very end, a proof has as long again.
        if (freezeGrace < 2 * uint256(_window)) revert GraceTooShort(freezeGrace, _window);
    }

    // Views.

    /// @inheritdoc IClaims
    function headerDigest(IRollup.Header calldata header) external view returns (bytes32) {
        return rollup.headerDigest(header);
    }

    /// @inheritdoc IClaims
    function terms() external view returns (Terms memory) {
        return Terms(_sequencer, _bond, _window, _proverPpm);
    }

    /// @inheritdoc IClaims
    function commitmentOf(uint64 number) external view returns (Commitment memory) {
        return _commitments[number];
    }

    /// @inheritdoc IClaims
    function claimOf(bytes32 digest) external view returns (Claim memory) {
        return _claims[digest];
    }

    /// @inheritdoc IClaims
    function contestOf(uint64 number, bytes32 parentRoot) external view returns (Contest memory) {
        return _contests[_contestOf(number, parentRoot)];
    }

    /// @inheritdoc IClaims
    function doubtOf(bytes32 digest) public pure returns (bytes32) {
        return keccak256(abi.encode(digest));
    }

    /// @inheritdoc IClaims
    function stanceOf(bytes32 digest, address proposer) external view returns (Stance) {
        return _stances[digest][proposer];
    }

    /// @inheritdoc IClaims
    function proposerOf(address account) external view returns (Proposer memory) {
        return _proposers[account];
    }

    /// @inheritdoc IClaims
    /// @dev Nobody has a bond here before the rollup believes these claims, so what never began is over for nobody.
    function isOver() public view returns (bool) {
        return !_isServing();
    }

    /// @dev Returns the claim that is meant, and whether what is asked about is a doubt of it.
    function _about(bytes32 digest) private view returns (bytes32 claimed, bool isDoubt) {
        claimed = _doubted[digest];
        isDoubt = claimed != 0;
        if (!isDoubt) claimed = digest;
    }

    /// @dev Whether a proposer stands behind a claim or a doubt with a bond.
    function _answers(bytes32 digest, address proposer) private view returns (bool) {
        return _stances[digest][proposer] == Stance.Behind && _proposers[proposer].standing == Standing.Bonded;
    }

    function _isServing() private view returns (bool) {
        return address(rollup.verifier()) == address(this) && !rollup.frozen();
    }

    function _contestOf(uint64 number, bytes32 parentRoot) private pure returns (bytes32) {
        return keccak256(abi.encode(number, parentRoot));
    }

    /// @dev Everything about a claim that can be known without executing the batch, so that whatever is proven settles.
    function _checkHeader(IRollup.Header calldata header) private view {
        bytes32 configHash = rollup.configHash();
        if (header.configHash != configHash) revert IRollup.ConfigHashWrong(header.configHash, configHash);
        uint64 settled = rollup.batchNumber();
        if (header.number <= settled) revert BatchSettledAlready(header.number);
        Commitment storage commitment = _commitments[header.number];
        if (commitment.committedAt == 0) revert BatchNotCommitted(header.number);
        if (header.dataRoot != commitment.dataRoot) revert DataRootWrong(header.dataRoot, commitment.dataRoot);
        uint64 count = commitment.inboxCount;
        if (header.inboxCount != count) revert IRollup.InboxCountOutOfRange(header.inboxCount, count, count);
        bytes32 inboxHash = rollup.inboxHash(count);
        if (header.inboxHash != inboxHash) revert IRollup.InboxHashWrong(header.inboxHash, inboxHash);
        if (header.stateRoot == 0) revert IRollup.StateRootZero();
        if (header.number != settled + 1) return;
        bytes32 stateRoot = rollup.stateRoot();
        if (header.parentRoot != stateRoot) revert IRollup.ParentRootWrong(header.parentRoot, stateRoot);
    }

    /// @dev What the rollup asks of the inbox when the batch settles, with this time for the batch's.
    function _checkInbox(uint64 count, bytes32 inboxHash, uint64 consumed) private view {
        uint64 queued = rollup.inboxCount();
        if (count < consumed || count > queued) revert IRollup.InboxCountOutOfRange(count, consumed, queued);
        bytes32 expected = rollup.inboxHash(count);
        if (inboxHash != expected) revert IRollup.InboxHashWrong(inboxHash, expected);
        if (count == queued) return;
        uint64 deadline = rollup.messageTime(count) + rollup.rules().forcedDeadline;
        if (block.timestamp > deadline) revert IRollup.InboxOverdue(count, deadline);
    }
}
