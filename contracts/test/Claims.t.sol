// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Claims } from "../src/Claims.sol";
import { Rollup } from "../src/Rollup.sol";
import { IClaims } from "../src/interfaces/IClaims.sol";
import { IRollup } from "../src/interfaces/IRollup.sol";
import { IVerifier } from "../src/interfaces/IVerifier.sol";
import { FixedVerifier, GreedyRecipient, MoodyRecipient } from "./support/Doubles.sol";
import { OptimisticTest } from "./support/OptimisticTest.sol";
import { vm } from "./support/Vm.sol";

contract ClaimsTest is OptimisticTest {
    // Deployment.

    function test_claims_keep_their_terms() public view {
        IClaims.Terms memory terms = claims.terms();
        vm.assertEq(terms.sequencer, sequencer, "sequencer");
        vm.assertEq(terms.bond, BOND, "bond");
        vm.assertEq(terms.window, WINDOW, "window");
        vm.assertEq(terms.proverPpm, PROVER_PPM, "prover");
        vm.assertEq(address(claims.rollup()), address(rollup), "rollup");
        vm.assertEq(address(claims.proof()), address(committee), "proof");
        vm.assertEq(address(rollup.verifier()), address(claims), "verifier");
        vm.assertFalse(claims.isOver(), "not over");
        vm.assertLt(address(claims).code.length, 24_577, "code");
    }

    function testFuzz_terms_are_safe(bool named, uint256 bond, uint64 window, uint32 proverPpm) public {
        (bond, window, proverPpm) =
        (bond % 3, uint64(bound(window, 0, 2 * 365 days)), uint32(bound(proverPpm, 0, 1_200_000)));
        IClaims.Terms memory terms = IClaims.Terms(named ? sequencer : address(0), bond, window, proverPpm);
        bool safe = named && bond != 0 && window != 0 && window <= 365 days && proverPpm != 0 && proverPpm < 1_000_000;
        if (!safe) refuses(abi.encodeWithSelector(IClaims.TermsUnsafe.selector, terms));
        new Claims(rollup, committee, terms);
    }

    function test_a_proof_has_code() public {
        refuses(abi.encodeWithSelector(IRollup.VerifierWithoutCode.selector, depositor));
        new Claims(rollup, IVerifier(depositor), safeTerms());
    }

    function test_a_rollup_takes_only_claims_about_itself() public {
        Claims others = new Claims(IRollup(depositor), committee, safeTerms());
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        refuses(abi.encodeWithSelector(IClaims.RollupWrong.selector, next, depositor));
        new Rollup(CONFIG_HASH, GENESIS_ROOT, others, safeRules(), owner, owner);
        refuses(abi.encodeWithSelector(IClaims.RollupWrong.selector, address(rollup), depositor));
        vm.prank(owner);
        rollup.announceVerifier(others);
    }

    function testFuzz_the_grace_holds_two_windows(uint64 grace) public {
        grace = uint64(bound(grace, 0, 3 * WINDOW));
        IRollup.Rules memory rules = IRollup.Rules(FORCED_DEADLINE, grace, EXIT_WINDOW, true);
        Claims fresh = deployClaims(committee, safeTerms());
        if (grace < 2 * WINDOW) refuses(abi.encodeWithSelector(IClaims.GraceTooShort.selector, grace, WINDOW));
        new Rollup(CONFIG_HASH, GENESIS_ROOT, fresh, rules, owner, owner);
    }

    // What a batch holds.

    function test_the_sequencer_fixes_what_a_batch_holds() public {
        depositETH(GWEI);
        bytes32 inboxHash = rollup.inboxHash(1);
        vm.expectEmit(address(claims));
        emit IClaims.BatchCommitted(1, 1, inboxHash, dataOf(1));
        commitNext();
        IClaims.Commitment memory commitment = claims.commitmentOf(1);
        vm.assertEq(commitment.dataRoot, dataOf(1), "data");
        vm.assertEq(commitment.inboxCount, 1, "inbox");
        vm.assertEq(commitment.committedAt, block.timestamp, "time");
        vm.assertEq(claims.lastCommitted(), 1, "number");
    }

    function test_only_the_sequencer_commits() public {
        refuses(abi.encodeWithSelector(IClaims.CallerNotSequencer.selector, honest));
        vm.prank(honest);
        claims.commit(1, 0, 0, dataOf(1));
    }

    function testFuzz_batches_are_committed_in_order(uint64 number) public {
        commitNext();
        vm.assume(number != 2);
        refuses(abi.encodeWithSelector(IRollup.NumberWrong.selector, number, 2));
        vm.prank(sequencer);
        claims.commit(number, 0, 0, dataOf(2));
    }

    function test_a_commitment_consumes_what_is_queued_and_takes_nothing_back() public {
        force("one");
        bytes32 one = rollup.inboxHash(1);
        vm.startPrank(sequencer);
        refuses(abi.encodeWithSelector(IRollup.InboxCountOutOfRange.selector, 2, 0, 1));
        claims.commit(1, 2, one, dataOf(1));
        refuses(abi.encodeWithSelector(IRollup.InboxHashWrong.selector, dataOf(1), one));
        claims.commit(1, 1, dataOf(1), dataOf(1));
        claims.commit(1, 1, one, dataOf(1));
        refuses(abi.encodeWithSelector(IRollup.InboxCountOutOfRange.selector, 0, 1, 1));
        claims.commit(2, 0, 0, dataOf(2));
    }

    function test_a_commitment_leaves_nothing_overdue() public {
        force("one");
        uint64 deadline = uint64(block.timestamp) + FORCED_DEADLINE;
        vm.warp(deadline + 1);
        refuses(abi.encodeWithSelector(IRollup.InboxOverdue.selector, 0, deadline));
        vm.prank(sequencer);
        claims.commit(1, 0, 0, dataOf(1));
        commitNext();
        vm.assertEq(claims.commitmentOf(1).inboxCount, 1, "consumed");
    }

    /// @dev A message that becomes overdue while a batch waits is none that the batch should have consumed.
    function test_a_batch_is_judged_by_when_it_was_committed() public {
        commitNext();
        force("while the batch waits");
        claimAs(honest, truth(1));
        vm.warp(block.timestamp + FORCED_DEADLINE + 1);
        settleClaimed(truth(1));
        checkSettled(1);
    }

    /// @dev A message committed at its deadline, contradicted in the last second, and proven a window later.
    function test_a_window_freezes_no_honest_rollup() public {
        force("one");
        vm.warp(block.timestamp + FORCED_DEADLINE);
        commitNext();
        claimAs(honest, truth(1));
        joinAs(sybil(0));
        vm.warp(block.timestamp + WINDOW - 1);
        claimAs(sybil(0), lie(1, 0));
        vm.warp(block.timestamp + WINDOW);
        refuses(abi.encodeWithSelector(IRollup.FreezeTooEarly.selector));
        rollup.freeze();
        vm.roll(block.number + 1);
        bytes memory evidence = proofOf(truth(1));
        claims.announce(announcementOf(prover, truth(1), evidence));
        vm.roll(block.number + 1);
        IRollup.Header memory header = truth(1);
        vm.prank(prover);
        claims.prove(header, evidence);
        settleClaimed(header);
        checkSettled(1);
    }

    function test_a_message_that_no_settled_batch_consumes_freezes_the_rollup() public {
        force("one");
        commitNext();
        claimAs(honest, truth(1));
        vm.warp(block.timestamp + FORCED_DEADLINE + FREEZE_GRACE + 1);
        rollup.freeze();
        vm.assertTrue(rollup.frozen(), "commitments do not hold a freeze up");
    }

    // Claims.

    function test_an_uncontradicted_claim_settles_when_its_window_has_passed() public {
        commitNext();
        bytes32 digest = digestOf(truth(1));
        vm.expectEmit(address(claims));
        emit IClaims.Claimed(digest, contestOf(truth(1)), honest, truth(1));
        claimAs(honest, truth(1));
        uint64 until = uint64(block.timestamp) + WINDOW;
        vm.warp(until - 1);
        refusesToSettle(truth(1), abi.encodeWithSelector(IClaims.WindowOpen.selector, until));
        vm.assertEq(rollup.withdrawalsRoot(1), 0, "no withdrawals before");
        vm.warp(until);
        settleClaimed(truth(1));
        checkSettled(1);
        vm.assertEq(rollup.withdrawalsRoot(1), truth(1).withdrawalsRoot, "withdrawals");
        claims.close(digest, honest);
        checkWhole(honest);
    }

    function test_batches_on_their_way_share_their_window() public {
        for (uint64 number = 1; number <= 5; ++number) {
            commitNext();
            claimAs(honest, truth(number));
        }
        checkOpen(honest, 5);
        wait(WINDOW);
        for (uint64 number = 1; number <= 5; ++number) {
            settleClaimed(truth(number));
        }
        checkSettled(5);
    }

    function test_claims_of_later_batches_need_not_wait_for_earlier_ones() public {
        commitNext();
        commitNext();
        claimAs(honest, truth(2));
        claimAs(honest, truth(1));
        wait(WINDOW);
        refusesToSettle(truth(2), abi.encodeWithSelector(IRollup.NumberWrong.selector, 2, 1));
        settleClaimed(truth(1));
        settleClaimed(truth(2));
        checkSettled(2);
    }

    function test_a_claimed_batch_needs_its_data_published_when_it_settles() public {
        commitNext();
        IRollup.Header memory header = truth(1);
        bytes32[] memory others = new bytes32[](1);
        others[0] = keccak256("later");
        header.diffHash = keccak256(abi.encodePacked(others));
        claimAs(honest, header);
        wait(WINDOW);
        refuses(abi.encodeWithSelector(IRollup.ChunkUnpublished.selector, others[0]));
        rollup.settle(header, others, "");
        rollup.publish("later");
        rollup.settle(header, others, "");
        checkSettled(1);
    }

    function test_only_the_bonded_claim() public {
        commitNext();
        IRollup.Header memory header = truth(1);
        refuses(abi.encodeWithSelector(IClaims.StandingWrong.selector, IClaims.Standing.Stranger));
        vm.prank(sybil(0));
        claims.claim(header);
    }

    function test_nobody_claims_the_same_twice() public {
        commitNext();
        IRollup.Header memory header = truth(1);
        bytes32 digest = claimAs(honest, header);
        refuses(abi.encodeWithSelector(IClaims.AlreadyMade.selector, digest));
        vm.prank(honest);
        claims.claim(header);
    }

    function test_many_may_stand_behind_one_claim() public {
        commitNext();
        bytes32 digest = claimAs(honest, truth(1));
        wait(WINDOW);
        joinAs(sybil(0));
        claimAs(sybil(0), truth(1));
        vm.assertEq(claims.claimOf(digest).proposers, 2, "proposers");
        settleClaimed(truth(1));
        claims.close(digest, honest);
        claims.close(digest, sybil(0));
        checkWhole(honest);
        checkWhole(sybil(0));
    }

    function test_what_was_never_claimed_does_not_settle() public {
        commitNext();
        wait(WINDOW);
        refusesToSettle(truth(1), abi.encodeWithSelector(IClaims.ClaimUnknown.selector, digestOf(truth(1))));
        bytes memory evidence = proofOf(truth(1));
        bytes32 digest = digestOf(truth(1));
        bytes32[] memory list = chunks();
        IRollup.Header memory header = truth(1);
        refuses(abi.encodeWithSelector(IClaims.ClaimUnknown.selector, digest));
        rollup.settle(header, list, evidence);
    }

    /// @dev What a claim says is checked as far as it can be without executing the batch.
    function test_a_claim_is_about_the_committed_batch() public {
        depositETH(GWEI);
        commitNext();
        IRollup.Header memory header = truth(1);
        header.configHash = keccak256("other");
        refusesClaim(header, abi.encodeWithSelector(IRollup.ConfigHashWrong.selector, header.configHash, CONFIG_HASH));
        header = truth(1);
        header.number = 2;
        refusesClaim(header, abi.encodeWithSelector(IClaims.BatchNotCommitted.selector, 2));
        header.number = 0;
        refusesClaim(header, abi.encodeWithSelector(IClaims.BatchSettledAlready.selector, 0));
        header = truth(1);
        header.parentRoot = keccak256("other");
        refusesClaim(header, abi.encodeWithSelector(IRollup.ParentRootWrong.selector, header.parentRoot, GENESIS_ROOT));
        header = truth(1);
        header.stateRoot = 0;
        refusesClaim(header, abi.encodeWithSelector(IRollup.StateRootZero.selector));
        header = truth(1);
        header.inboxCount = 0;
        refusesClaim(header, abi.encodeWithSelector(IRollup.InboxCountOutOfRange.selector, 0, 1, 1));
        header = truth(1);
        header.inboxHash = 0;
        refusesClaim(header, abi.encodeWithSelector(IRollup.InboxHashWrong.selector, 0, rollup.inboxHash(1)));
        header = truth(1);
        header.dataRoot = 0;
        refusesClaim(header, abi.encodeWithSelector(IClaims.DataRootWrong.selector, 0, dataOf(1)));
    }

    // Bonds.

    function test_a_bond_is_exact() public {
        vm.deal(sybil(0), 2 * BOND);
        vm.startPrank(sybil(0));
        refuses(abi.encodeWithSelector(IClaims.BondWrong.selector, BOND - 1, BOND));
        claims.join{ value: BOND - 1 }();
        refuses(abi.encodeWithSelector(IClaims.BondWrong.selector, BOND + 1, BOND));
        claims.join{ value: BOND + 1 }();
        claims.join{ value: BOND }();
        refuses(abi.encodeWithSelector(IClaims.StandingWrong.selector, IClaims.Standing.Bonded));
        claims.join{ value: BOND }();
    }

    function test_a_bond_stays_while_a_claim_is_open() public {
        commitNext();
        bytes32 digest = claimAs(honest, truth(1));
        refuses(abi.encodeWithSelector(IClaims.ClaimsOpen.selector, 1));
        vm.prank(honest);
        claims.leave();
        refuses(abi.encodeWithSelector(IClaims.NothingToClose.selector, digest, honest));
        claims.close(digest, honest);
        wait(WINDOW);
        settleClaimed(truth(1));
        claims.close(digest, honest);
        refuses(abi.encodeWithSelector(IClaims.NothingToClose.selector, digest, honest));
        claims.close(digest, honest);
        checkWhole(honest);
        refuses(abi.encodeWithSelector(IClaims.StandingWrong.selector, IClaims.Standing.Stranger));
        vm.prank(honest);
        claims.leave();
    }

    function test_a_refuted_claim_holds_its_bond_until_it_is_lost() public {
        (bytes32 digest,) = proveAgainstSybil();
        settleClaimed(truth(1));
        refuses(abi.encodeWithSelector(IClaims.NothingToClose.selector, digest, sybil(0)));
        claims.close(digest, sybil(0));
        refuses(abi.encodeWithSelector(IClaims.ClaimsOpen.selector, 1));
        vm.prank(sybil(0));
        claims.leave();
        claims.eliminate(digest, sybil(0));
        refuses(abi.encodeWithSelector(IClaims.NothingToEliminate.selector, digest, sybil(0)));
        claims.eliminate(digest, sybil(0));
    }

    function test_the_eliminated_stay_out() public {
        (bytes32 digest,) = proveAgainstSybil();
        claims.eliminate(digest, sybil(0));
        checkStanding(sybil(0), IClaims.Standing.Eliminated);
        commitNext();
        IRollup.Header memory header = truth(2);
        vm.deal(sybil(0), BOND);
        bytes memory fault = abi.encodeWithSelector(IClaims.StandingWrong.selector, IClaims.Standing.Eliminated);
        vm.startPrank(sybil(0));
        refuses(fault);
        claims.join{ value: BOND }();
        refuses(fault);
        claims.claim(header);
        refuses(fault);
        claims.leave();
        vm.stopPrank();
        joinAs(sybil(1));
        claimAs(sybil(1), header);
    }

    function test_nobody_is_eliminated_without_a_proof() public {
        joinAs(sybil(0));
        commitNext();
        bytes32 digest = claimAs(sybil(0), lie(1, 0));
        bytes32 right = claimAs(honest, truth(1));
        wait(10 * WINDOW);
        refuses(abi.encodeWithSelector(IClaims.NothingToEliminate.selector, digest, sybil(0)));
        claims.eliminate(digest, sybil(0));
        proveAs(prover, truth(1));
        refuses(abi.encodeWithSelector(IClaims.NothingToEliminate.selector, right, honest));
        claims.eliminate(right, honest);
        refuses(abi.encodeWithSelector(IClaims.NothingToEliminate.selector, digest, honest));
        claims.eliminate(digest, honest);
        refuses(abi.encodeWithSelector(IClaims.NothingToLift.selector, digest, sybil(0)));
        claims.lift(digest, sybil(0));
    }

    function test_a_proposer_is_lifted_once_and_from_its_own_claims_only() public {
        (bytes32 wrong, bytes32 right) = proveAgainstSybil();
        claims.eliminate(wrong, sybil(0));
        refuses(abi.encodeWithSelector(IClaims.NothingToLift.selector, right, sybil(0)));
        claims.lift(right, sybil(0));
        vm.expectEmit(address(claims));
        emit IClaims.Lifted(wrong, sybil(0));
        claims.lift(wrong, sybil(0));
        refuses(abi.encodeWithSelector(IClaims.NothingToLift.selector, wrong, sybil(0)));
        claims.lift(wrong, sybil(0));
        vm.assertEq(claims.contestOf(1, GENESIS_ROOT).claims, 1, "the true one counts");
        vm.assertEq(claims.claimOf(right).proposers, 1, "and has its proposer");
    }

    function test_what_is_owed_is_paid_once() public {
        (bytes32 digest,) = proveAgainstSybil();
        claims.eliminate(digest, sybil(0));
        vm.expectEmit(address(claims));
        emit IClaims.Collected(prover, REWARD);
        claims.collect(prover);
        vm.assertEq(prover.balance, REWARD, "paid");
        refuses(abi.encodeWithSelector(IClaims.NothingOwed.selector, prover));
        claims.collect(prover);
    }

    function test_a_payee_that_calls_back_gets_nothing_more() public {
        GreedyRecipient greedy = new GreedyRecipient();
        greedy.prepare(abi.encodeCall(IClaims.leave, ()));
        vm.deal(address(greedy), BOND);
        vm.prank(address(greedy));
        claims.join{ value: BOND }();
        vm.prank(address(greedy));
        claims.leave();
        vm.assertEq(address(greedy).balance, BOND, "once");
        vm.assertTrue(greedy.refusal() == IClaims.StandingWrong.selector, "refused");
        vm.assertEq(address(claims).balance, BOND, "the bond of the honest");
    }

    function test_a_payee_that_refuses_stays_owed() public {
        MoodyRecipient moody = new MoodyRecipient();
        vm.deal(address(moody), BOND);
        vm.prank(address(moody));
        claims.join{ value: BOND }();
        vm.prank(address(moody));
        vm.expectRevert();
        claims.leave();
        moody.open();
        vm.prank(address(moody));
        claims.leave();
        vm.assertEq(address(moody).balance, BOND, "later");
    }

    // Proofs.

    function test_a_proof_settles_at_once_and_needs_no_claim() public {
        commitNext();
        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        checkSettled(1);
        bytes32 digest = digestOf(truth(1));
        refuses(abi.encodeWithSelector(IClaims.NothingToClose.selector, digest, address(0)));
        claims.close(digest, address(0));
    }

    function test_a_proof_decides_batches_on_their_way() public {
        joinAs(sybil(0));
        commitNext();
        commitNext();
        claimAs(sybil(0), lie(2, 0));
        claimAs(honest, truth(1));
        proveAs(prover, truth(2));
        wait(WINDOW);
        settleClaimed(truth(1));
        refusesToSettle(
            lie(2, 0), abi.encodeWithSelector(IClaims.ClaimRefuted.selector, digestOf(lie(2, 0)), digestOf(truth(2)))
        );
        settleClaimed(truth(2));
        checkSettled(2);
    }

    function test_a_decided_contest_takes_no_claim_and_no_proof() public {
        proveAgainstSybil();
        bytes32 proven = digestOf(truth(1));
        IRollup.Header memory header = lie(1, 1);
        refuses(abi.encodeWithSelector(IClaims.AlreadyProven.selector, proven));
        vm.prank(honest);
        claims.claim(header);
        bytes memory evidence = proofOf(header);
        claims.announce(announcementOf(prover, header, evidence));
        nextBlock();
        refuses(abi.encodeWithSelector(IClaims.AlreadyProven.selector, proven));
        vm.prank(prover);
        claims.prove(header, evidence);
    }

    function test_a_proof_of_something_else_is_refused() public {
        commitNext();
        IRollup.Header memory header = lie(1, 0);
        bytes memory evidence = proofOf(truth(1));
        claims.announce(announcementOf(prover, header, evidence));
        nextBlock();
        vm.prank(prover);
        vm.expectRevert();
        claims.prove(header, evidence);
        vm.assertEq(claims.contestOf(1, GENESIS_ROOT).proven, 0, "nothing proven");
    }

    function test_a_verifier_that_says_no_is_obeyed() public {
        claims = deployClaims(new FixedVerifier(false), safeTerms());
        use(deploy(claims, safeRules()));
        commitNext();
        IRollup.Header memory header = truth(1);
        claims.announce(announcementOf(prover, header, ""));
        nextBlock();
        refuses(abi.encodeWithSelector(IClaims.ProofRefused.selector, digestOf(header)));
        vm.prank(prover);
        claims.prove(header, "");
    }

    /// @dev Somebody sees a proof in the pool, announces it too and is first in the next block.
    function test_a_copied_proof_is_refused_until_it_was_announced_in_an_earlier_block() public {
        commitNext();
        IRollup.Header memory header = truth(1);
        bytes memory evidence = proofOf(header);
        claims.announce(announcementOf(prover, header, evidence));
        bytes32 early = announcementOf(prover, header, evidence);
        refuses(abi.encodeWithSelector(IClaims.ProofNotAnnounced.selector, early));
        vm.prank(prover);
        claims.prove(header, evidence);

        nextBlock();
        bytes32 copied = announcementOf(sybil(0), header, evidence);
        claims.announce(copied);
        refuses(abi.encodeWithSelector(IClaims.ProofNotAnnounced.selector, copied));
        vm.prank(sybil(0));
        claims.prove(header, evidence);
        vm.prank(prover);
        claims.prove(header, evidence);
        vm.assertEq(claims.contestOf(1, GENESIS_ROOT).prover, prover, "prover");
    }

    function test_announcing_again_sets_nobody_back() public {
        bytes32 announcement = keccak256("announcement");
        claims.announce(announcement);
        uint256 first = block.number;
        nextBlock();
        claims.announce(announcement);
        vm.assertEq(claims.announcedIn(announcement), first, "the first counts");
    }

    // Proofs that contradict each other.

    function test_two_contradicting_proofs_freeze_the_rollup() public {
        commitNext();
        claimAs(honest, truth(1));
        (IRollup.Header memory one, IRollup.Header memory other) = (truth(1), lie(1, 0));
        (bytes memory oneProof, bytes memory otherProof) = (proofOf(one), proofOf(other));
        vm.expectEmit(address(rollup));
        emit IRollup.RollupFrozen(0, GENESIS_ROOT);
        rollup.freezeContradicted(one, oneProof, other, otherProof);
        vm.assertTrue(rollup.frozen(), "frozen");
        checkWhole(honest);
    }

    function test_a_settled_batch_is_contradicted_later() public {
        commitNext();
        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        IRollup.Header memory other = truth(1);
        other.withdrawalsRoot = keccak256("everything");
        rollup.freezeContradicted(truth(1), proofOf(truth(1)), other, proofOf(other));
        vm.assertEq(rollup.stateRoot(), trueRoot(1), "the last settled state");
    }

    function testFuzz_headers_of_two_batches_are_no_contradiction(uint256 field) public {
        commitNext();
        (IRollup.Header memory one, IRollup.Header memory other) = (truth(1), lie(1, 0));
        field %= 7;
        if (field == 0) other.configHash = one.configHash = keccak256("other");
        else if (field == 1) other.number = 2;
        else if (field == 2) other.parentRoot = keccak256("other");
        else if (field == 3) other.inboxCount = 1;
        else if (field == 4) other.inboxHash = keccak256("other");
        else if (field == 5) other.dataRoot = keccak256("other");
        else other = truth(1);
        (bytes memory oneProof, bytes memory otherProof) = (proofOf(one), proofOf(other));
        refuses(abi.encodeWithSelector(IRollup.HeadersNotContradicting.selector, digestOf(one), digestOf(other)));
        rollup.freezeContradicted(one, oneProof, other, otherProof);
    }

    function test_one_proof_and_a_claim_are_no_contradiction() public {
        commitNext();
        (IRollup.Header memory one, IRollup.Header memory other) = (truth(1), lie(1, 0));
        (bytes memory oneProof, bytes memory few) = (proofOf(one), quorum(digestOf(other), THRESHOLD - 1));
        vm.expectRevert();
        rollup.freezeContradicted(one, oneProof, other, few);
        vm.expectRevert();
        rollup.freezeContradicted(other, few, one, oneProof);
        vm.assertFalse(rollup.frozen(), "runs");
    }

    function test_a_verifier_that_says_no_freezes_nothing() public {
        commitNext();
        (IRollup.Header memory one, IRollup.Header memory other) = (truth(1), lie(1, 0));
        use(deploy(new FixedVerifier(false), safeRules()));
        refuses(abi.encodeWithSelector(IRollup.EvidenceRefused.selector, digestOf(one)));
        rollup.freezeContradicted(one, "", other, "");
    }

    // The end.

    function test_bonds_come_back_when_the_verifier_changes() public {
        joinAs(sybil(0));
        commitNext();
        claimAs(honest, truth(1));
        claimAs(sybil(0), lie(1, 0));
        vm.prank(owner);
        rollup.announceVerifier(committee);
        vm.warp(block.timestamp + EXIT_WINDOW);
        rollup.activateVerifier();
        vm.assertTrue(claims.isOver(), "over");
        checkWhole(honest);
        checkWhole(sybil(0));
        IRollup.Header memory header = truth(1);
        rollup.settle(header, chunks(), proofOf(header));
        checkSettled(1);
    }

    function test_claims_over_take_nothing_in() public {
        commitNext();
        IRollup.Header memory header = truth(1);
        freezeRollup();
        vm.expectRevert(IClaims.NotServing.selector);
        claims.commit(2, 0, 0, dataOf(2));
        vm.expectRevert(IClaims.NotServing.selector);
        claims.claim(header);
        vm.expectRevert(IClaims.NotServing.selector);
        claims.prove(header, "");
        vm.deal(sybil(0), BOND);
        vm.prank(sybil(0));
        vm.expectRevert(IClaims.NotServing.selector);
        claims.join{ value: BOND }();
    }

    function test_used_claims_are_not_put_in_place_again() public {
        commitNext();
        vm.prank(owner);
        rollup.announceVerifier(committee);
        vm.warp(block.timestamp + EXIT_WINDOW);
        rollup.activateVerifier();
        vm.expectRevert(IClaims.AlreadyUsed.selector);
        vm.prank(owner);
        rollup.announceVerifier(claims);
    }

    function test_claims_take_over_from_a_committee() public {
        use(deploy(committee, safeRules()));
        settle(nextHeader());
        claims = new Claims(rollup, committee, safeTerms());
        vm.prank(owner);
        rollup.announceVerifier(claims);
        vm.deal(honest, BOND);
        vm.prank(honest);
        vm.expectRevert(IClaims.NotServing.selector);
        claims.join{ value: BOND }();
        vm.warp(block.timestamp + EXIT_WINDOW);
        rollup.activateVerifier();
        joinAs(honest);
        vm.prank(sequencer);
        claims.commit(2, 0, 0, dataOf(2));
        claimAs(honest, truth(2));
        wait(WINDOW);
        settleClaimed(truth(2));
        checkSettled(2);
    }

    /// @dev Commits, contradicts the honest and proves them right.
    function proveAgainstSybil() private returns (bytes32 wrong, bytes32 right) {
        joinAs(sybil(0));
        commitNext();
        right = claimAs(honest, truth(1));
        wrong = claimAs(sybil(0), lie(1, 0));
        proveAs(prover, truth(1));
    }

    function refusesClaim(IRollup.Header memory header, bytes memory fault) private {
        refuses(fault);
        vm.prank(honest);
        claims.claim(header);
    }
}
