// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IRollup } from "./IRollup.sol";
import { IVerifier } from "./IVerifier.sol";

/// @title Bonded claims about what batches lead to.
/// @notice The sequencer commits to what a batch holds; anybody with a bond claims what it leads to. A claim that nobody
/// contradicts within the window is accepted. A batch with contradicting claims waits for a proof, however long that
/// takes: no claim wins because a proof is missing. The proof decides, and whoever gave it is paid out of the bonds of
/// those it shows wrong.
///
/// Trust: as long as one honest proposer sees every claim, and can have a transaction included within the window, nothing
/// false is accepted. As long as somebody proves, or nobody contradicts, batches settle. If neither, the oldest message
/// becomes too old, the rollup is frozen, and everybody gets their bond back whom no proof has shown wrong.
/// @dev A batch's outcome follows from what it holds and from the state before it. So the claims about one batch number
/// after one state, a contest, have at most one that is true, and any two of them contradict each other. A claim names the
/// state before by its root: which claim has led there does not matter, and claims of later batches need not wait for
/// earlier ones. A claim after a state that the chain never reaches is void, and its bond stays whole: its proposer may
/// have been deceived, and nobody was harmed, since no proof was needed. Whoever claims a false step loses the bond,
/// wherever that step is, as soon as it is proven.
///
/// Several proposers may stand behind the same claim, each with a bond; it counts while one of them does. One bond covers
/// all claims of its proposer. Whoever loses it is eliminated, and all that only the eliminated stand behind stops counting,
/// one transaction each. So an honest proposer who sees a false claim stands behind the true one within the false one's
/// window, even if somebody else has claimed it before.
///
/// Whoever is not shown what a batch holds cannot claim what is true of it, but can doubt a claim about it, with the same
/// bond: then silence does not settle that claim, and it waits for a proof. A proof of it takes the doubter's bond, which is
/// burnt whole; a proof of anything else leaves the doubter whole. As long as the window lasts a doubt can be retracted for
/// nothing, because it has cost nobody anything: who is shown the batch late need not stay in doubt.
interface IClaims is IVerifier {
    /// @notice What proposers may rely on, fixed at deployment.
    /// @param sequencer Who commits to what batches hold.
    /// @param bond What a proposer locks, in wei.
    /// @param window For how long a claim can be contradicted, in seconds.
    /// @param proverPpm Which part of a lost bond goes to the prover, in millionths. The rest is burnt: otherwise a
    /// proposer who contradicts and proves by turns could hold the chain up for nothing.
    struct Terms {
        address sequencer;
        uint256 bond;
        uint64 window;
        uint32 proverPpm;
    }

    /// @notice What a batch holds.
    /// @param dataRoot The Merkle list root of the batch's data.
    /// @param inboxCount How many inbox messages are consumed once the batch is applied.
    /// @param committedAt When the sequencer said so; zero for a batch without commitment.
    struct Commitment {
        bytes32 dataRoot;
        uint64 inboxCount;
        uint64 committedAt;
    }

    /// @notice A claim, or a proven outcome that nobody had claimed.
    /// @param contest Where it stands: keccak256(abi.encode(uint64 number, bytes32 parentRoot)).
    /// @param number The batch's number; zero for what was neither claimed nor proven.
    /// @param since When somebody came to stand behind it, while nobody did.
    /// @param proposers How many stand behind it. It counts if any do.
    /// @param doubts How many doubt it. If any do, it settles by a proof only.
    struct Claim {
        bytes32 contest;
        uint64 number;
        uint64 since;
        uint32 proposers;
        uint32 doubts;
    }

    /// @notice The claims about one batch after one state.
    /// @param proven The digest of the outcome that a proof supports; zero before.
    /// @param prover Who proved it.
    /// @param since When the last claim came to count.
    /// @param claims How many claims count. With more than one, the batch waits for a proof.
    struct Contest {
        bytes32 proven;
        address prover;
        uint64 since;
        uint32 claims;
    }

    /// @notice Whether a proposer stands behind a claim or a doubt: never did, does, was eliminated, or has nothing to answer for any
    /// more.
    enum Stance {
        None,
        Behind,
        Lifted,
        Closed
    }

    enum Standing {
        Stranger,
        Bonded,
        Eliminated
    }

    /// @notice A proposer.
    /// @param open How many claims and doubts hold the bond.
    struct Proposer {
        Standing standing;
        uint64 open;
    }

    /// @notice The sequencer committed to a batch.
    event BatchCommitted(uint64 indexed number, uint64 inboxCount, bytes32 inboxHash, bytes32 dataRoot);
    /// @notice A proposer locked a bond.
    event Joined(address indexed proposer);
    /// @notice A proposer took the bond back.
    event Left(address indexed proposer);
    /// @notice A proposer stands behind a claim.
    event Claimed(bytes32 indexed digest, bytes32 indexed contest, address indexed proposer, IRollup.Header header);
    /// @notice A proposer doubts a claim; the header is the claim's.
    event Doubted(bytes32 indexed digest, bytes32 indexed contest, address indexed proposer, IRollup.Header header);
    /// @notice An eliminated proposer does not stand behind a claim any more.
    event Lifted(bytes32 indexed digest, address indexed proposer);
    /// @notice Somebody has a proof, and will be paid for it and no other.
    event ProofAnnounced(bytes32 indexed announcement);
    /// @notice A proof was given. Every other claim of the contest is wrong.
    event Proven(bytes32 indexed digest, bytes32 indexed contest, address indexed prover);
    /// @notice A proposer lost the bond, because a proof contradicts this claim.
    event Eliminated(address indexed proposer, bytes32 indexed digest, address indexed prover);
    /// @notice A claim stopped holding a proposer's bond.
    event Closed(bytes32 indexed digest, address indexed proposer);
    /// @notice What was owed was paid.
    event Collected(address indexed payee, uint256 amount);

    /// @notice A sequencer is missing, the bond is zero, the window is zero or longer than a year, or no part of a lost
    /// bond is burnt or none goes to the prover.
    error TermsUnsafe(Terms terms);
    /// @notice These claims are about another rollup's batches.
    error RollupWrong(address caller, address rollup);
    /// @notice The rollup could be frozen before a contradicted batch can be proven: its grace is shorter than two windows.
    error GraceTooShort(uint64 freezeGrace, uint64 window);
    /// @notice Batches were committed to here before: a contract that was replaced is not put in place again.
    error AlreadyUsed();
    /// @notice The rollup is frozen or believes another verifier: bonds are there to be taken back.
    error NotServing();
    /// @notice Only the sequencer commits to batches.
    error CallerNotSequencer(address caller);
    /// @notice The sequencer has not committed to this batch.
    error BatchNotCommitted(uint64 number);
    /// @notice The sequencer has committed to another batch of this number.
    error DataRootWrong(bytes32 given, bytes32 expected);
    /// @notice The batch is settled already.
    error BatchSettledAlready(uint64 number);
    /// @notice The amount sent is not the bond.
    error BondWrong(uint256 given, uint256 expected);
    /// @notice Not from where the caller stands: only a stranger joins, and only who is bonded claims and leaves.
    error StandingWrong(Standing standing);
    /// @notice This many claims still hold the bond.
    error ClaimsOpen(uint64 open);
    /// @notice The caller has claimed the same before.
    error AlreadyMade(bytes32 digest);
    /// @notice Nothing of this digest was claimed or proven.
    error ClaimUnknown(bytes32 digest);
    /// @notice The contest is decided by a proof.
    error AlreadyProven(bytes32 proven);
    /// @notice A proof supports another outcome.
    error ClaimRefuted(bytes32 digest, bytes32 proven);
    /// @notice The time to contradict has passed: what stands can only be seconded, and decided by a proof.
    error WindowPassed(uint64 until);
    /// @notice The claim has not stood for a whole window.
    error WindowOpen(uint64 until);
    /// @notice The batch waits for a proof: claims contradict each other.
    error ProofAwaited(bytes32 contest, uint32 claims);
    /// @notice Whoever stood behind the claim was eliminated: somebody else has to claim the same.
    error NobodyBehind(bytes32 digest);
    /// @notice Somebody doubts the claim: it waits for a proof.
    error ClaimDoubted(bytes32 digest, uint32 doubts);
    /// @notice The caller does not doubt the claim with a bond.
    error NothingToRetract(bytes32 digest, address proposer);
    /// @notice The proposer was not eliminated, or does not stand behind the claim.
    error NothingToLift(bytes32 digest, address proposer);
    /// @notice No proof shows the claim wrong, or the proposer does not stand behind it with a bond.
    error NothingToEliminate(bytes32 digest, address proposer);
    /// @notice The proposer does not stand behind the claim with a bond, or its batch is not settled yet, or a proof shows it
    /// wrong.
    error NothingToClose(bytes32 digest, address proposer);
    /// @notice The sender has not announced this proof, or has in this very block.
    error ProofNotAnnounced(bytes32 announcement);
    /// @notice The proof does not support the outcome.
    error ProofRefused(bytes32 digest);
    /// @notice Nothing is owed.
    error NothingOwed(address payee);

    /// @notice Fixes what the next batch holds, for good. Only for the sequencer.
    /// @param number The batch's number, one above the last committed or settled.
    /// @param inboxCount How many inbox messages are consumed once the batch is applied; none may be left that is overdue.
    /// @param inboxHash The rolling hash after that many, so that a reorganised inbox is refused.
    /// @param dataRoot The Merkle list root of the batch's data.
    function commit(uint64 number, uint64 inboxCount, bytes32 inboxHash, bytes32 dataRoot) external;

    /// @notice Locks the caller's bond, which is sent along. Only for strangers: an eliminated address stays so.
    function join() external payable;

    /// @notice Claims what a committed batch leads to, or stands behind somebody's claim of the same. Only for bonded
    /// proposers. A contradiction has to come within a window after the last claim that it joins.
    function claim(IRollup.Header calldata header) external;

    /// @notice Says that a claim is to be proven, without saying what else is true. Only for bonded proposers, and as long as
    /// the claim can be contradicted.
    /// @param header The claim.
    function doubt(IRollup.Header calldata header) external;

    /// @notice Takes the caller's doubt of a claim back, as long as the claim can be contradicted.
    function retract(bytes32 digest) external;

    /// @notice Notes that the sender of a later `prove` had the proof already now, so that nobody who sees it there can be
    /// paid for it. Anybody may call.
    /// @param announcement keccak256(abi.encode(address prover, bytes32 digest, bytes32 keccak256(evidence))).
    function announce(bytes32 announcement) external;

    /// @notice Decides a contest, claimed or not, and makes the sender its prover. The sender has announced the proof in an
    /// earlier block. Evidence for another outcome of a decided contest is for Rollup.freezeContradicted.
    /// @param header The outcome, true of a committed batch after the header's parent.
    /// @param evidence What the proof's verifier needs to accept the header's digest.
    function prove(IRollup.Header calldata header, bytes calldata evidence) external;

    /// @notice Takes the bond of a proposer behind a claim that a proof contradicts, or behind a doubt of the proven claim.
    /// Anybody may call.
    /// @param digest The claim, or what `doubtOf` returns of the doubted one; so also for `lift` and `close`.
    function eliminate(bytes32 digest, address proposer) external;

    /// @notice Takes an eliminated proposer away from behind a claim. Anybody may call.
    function lift(bytes32 digest, address proposer) external;

    /// @notice Makes a claim stop holding a proposer's bond once its batch is settled: the claim is the settled one, or void.
    /// Anybody may call.
    function close(bytes32 digest, address proposer) external;

    /// @notice Pays the caller's bond back. No claim may hold it, unless these claims are over.
    function leave() external;

    /// @notice Pays what is owed to a prover, or burns what is owed to the zero address. Anybody may call.
    function collect(address payee) external;

    /// @notice Returns the rollup whose batches are claimed.
    function rollup() external view returns (IRollup);

    /// @notice Returns a header's digest, as the rollup has it. Whoever judges a proof may ask what it is about.
    function headerDigest(IRollup.Header calldata header) external view returns (bytes32);

    /// @notice Returns what proposers may rely on.
    function terms() external view returns (Terms memory);

    /// @notice Returns the number of the last batch that was committed to; zero before the first.
    function lastCommitted() external view returns (uint64);

    /// @notice Returns what a batch holds.
    function commitmentOf(uint64 number) external view returns (Commitment memory);

    /// @notice Returns the claim with this digest.
    function claimOf(bytes32 digest) external view returns (Claim memory);

    /// @notice Returns the claims about one batch after one state.
    function contestOf(uint64 number, bytes32 parentRoot) external view returns (Contest memory);

    /// @notice Returns what doubts of a claim go by, where one may be asked about like a claim.
    function doubtOf(bytes32 digest) external pure returns (bytes32);

    /// @notice Returns whether a proposer stands behind a claim, or behind a doubt.
    function stanceOf(bytes32 digest, address proposer) external view returns (Stance);

    /// @notice Returns how an address stands.
    function proposerOf(address account) external view returns (Proposer memory);

    /// @notice Returns the number of the block in which a proof was announced; zero if it was not.
    function announcedIn(bytes32 announcement) external view returns (uint256);

    /// @notice Returns what is to be collected; what is owed to the zero address is to be burnt.
    function owedTo(address payee) external view returns (uint256);

    /// @notice Whether the rollup is frozen or has left for another verifier, so that bonds are there to be taken back.
    function isOver() external view returns (bool);
}
