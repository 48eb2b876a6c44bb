// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IClaims } from "../src/interfaces/IClaims.sol";
import { IRollup } from "../src/interfaces/IRollup.sol";
import { OptimisticTest } from "./support/OptimisticTest.sol";
import { vm } from "./support/Vm.sol";

/// @dev What somebody with more bonds than scruples tries. In each test the true root settles, or nothing does; the honest
/// get their bonds back.
contract ClaimsAttackTest is OptimisticTest {
    uint256 private constant SYBILS = 1000;

    // Many claims.

    function test_a_thousand_sybils_with_as_many_lies_lose_to_one_proof() public {
        commitNext();
        for (uint256 i = 0; i < SYBILS; ++i) {
            joinAs(sybil(i));
            claimAs(sybil(i), lie(1, i));
        }
        claimAs(honest, truth(1));
        vm.assertEq(claims.contestOf(1, GENESIS_ROOT).claims, SYBILS + 1, "claims");
        wait(10 * WINDOW);
        refusesToSettle(
            lie(1, 0), abi.encodeWithSelector(IClaims.ProofAwaited.selector, contestOf(lie(1, 0)), SYBILS + 1)
        );

        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        checkSettled(1);
        for (uint256 i = 0; i < SYBILS; ++i) {
            claims.eliminate(digestOf(lie(1, i)), sybil(i));
        }
        checkSpoils(SYBILS);
        claims.close(digestOf(truth(1)), honest);
        checkWhole(honest);
        vm.assertEq(address(claims).balance, 0, "nothing is left");
    }

    function test_a_thousand_sybils_behind_one_lie_lose_to_one_proof() public {
        commitNext();
        claimAs(honest, truth(1));
        for (uint256 i = 0; i < SYBILS; ++i) {
            joinAs(sybil(i));
            claimAs(sybil(i), lie(1, 0));
        }
        vm.assertEq(claims.contestOf(1, GENESIS_ROOT).claims, 2, "claims");
        wait(WINDOW);
        proveAs(prover, truth(1));
        for (uint256 i = 0; i < SYBILS; ++i) {
            claims.eliminate(digestOf(lie(1, 0)), sybil(i));
        }
        settleClaimed(truth(1));
        checkSettled(1);
        checkSpoils(SYBILS);
    }

    /// @dev One bond stands behind a lie about every batch: one proof takes it, and the other lies stop counting.
    function test_a_long_false_history_falls_with_its_first_lie() public {
        joinAs(sybil(0));
        for (uint64 number = 1; number <= 20; ++number) {
            commitNext();
            claimAs(sybil(0), lie(number, 0));
            claimAs(honest, truth(number));
        }
        wait(WINDOW);
        proveAs(prover, truth(1));
        claims.eliminate(digestOf(lie(1, 0)), sybil(0));
        for (uint64 number = 1; number <= 20; ++number) {
            if (number > 1) claims.lift(digestOf(lie(number, 0)), sybil(0));
            settleClaimed(truth(number));
            claims.close(digestOf(truth(number)), honest);
        }
        checkSettled(20);
        checkSpoils(1);
        checkWhole(honest);
    }

    // A proof that does not come.

    function testFuzz_a_contradicted_batch_waits_for_its_proof_however_long(uint256 time) public {
        time = bound(time, WINDOW, 3650 days);
        joinAs(sybil(0));
        commitNext();
        claimAs(honest, truth(1));
        claimAs(sybil(0), lie(1, 0));
        wait(time);
        bytes memory fault = abi.encodeWithSelector(IClaims.ProofAwaited.selector, contestOf(truth(1)), 2);
        refusesToSettle(truth(1), fault);
        refusesToSettle(lie(1, 0), fault);
        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        checkSettled(1);
    }

    function test_a_proof_withheld_for_ever_ends_in_a_freeze_and_whole_bonds() public {
        joinAs(sybil(0));
        commitNext();
        claimAs(honest, truth(1));
        claimAs(sybil(0), lie(1, 0));
        freezeRollup();
        vm.assertEq(rollup.stateRoot(), GENESIS_ROOT, "the last settled state");
        vm.assertEq(rollup.withdrawalsRoot(1), 0, "no withdrawals");
        vm.assertTrue(claims.isOver(), "over");
        checkWhole(honest);
        checkWhole(sybil(0));
        vm.assertEq(address(claims).balance, 0, "nothing is left");
    }

    // Challenges.

    function test_the_challenger_of_a_true_claim_pays_the_prover() public {
        commitNext();
        claimAs(honest, truth(1));
        joinAs(sybil(0));
        bytes32 digest = claimAs(sybil(0), lie(1, 0));
        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        checkSettled(1);
        vm.expectEmit(address(claims));
        emit IClaims.Eliminated(sybil(0), digest, prover);
        claims.eliminate(digest, sybil(0));
        checkSpoils(1);
        claims.close(digestOf(truth(1)), honest);
        checkWhole(honest);
    }

    function test_a_challenge_in_the_last_second_counts() public {
        joinAs(sybil(0));
        commitNext();
        claimAs(sybil(0), lie(1, 0));
        vm.warp(block.timestamp + WINDOW - 1);
        claimAs(honest, truth(1));
        vm.warp(block.timestamp + WINDOW);
        refusesToSettle(lie(1, 0), abi.encodeWithSelector(IClaims.ProofAwaited.selector, contestOf(lie(1, 0)), 2));
        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        checkSettled(1);
    }

    function test_a_challenge_after_the_last_second_is_refused() public {
        joinAs(sybil(0));
        commitNext();
        claimAs(honest, truth(1));
        wait(WINDOW);
        IRollup.Header memory late = lie(1, 0);
        refuses(abi.encodeWithSelector(IClaims.WindowPassed.selector, uint64(block.timestamp)));
        vm.prank(sybil(0));
        claims.claim(late);
        settleClaimed(truth(1));
        checkSettled(1);
    }

    /// @dev Each of several bonds contradicts at the very end of the window. All are in one contest, so one proof ends it.
    function test_challenges_in_a_row_do_not_add_up() public {
        commitNext();
        uint256 start = block.timestamp;
        claimAs(honest, truth(1));
        for (uint256 i = 0; i < 5; ++i) {
            joinAs(sybil(i));
            vm.warp(block.timestamp + WINDOW - 1);
            claimAs(sybil(i), lie(1, i));
        }
        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        vm.assertEq(block.timestamp - start, 5 * (WINDOW - 1) + BLOCK_TIME, "a proof ends it at once");
        checkSettled(1);
    }

    // Claims about what is withheld.

    /// @dev The sequencer shows nobody what a batch holds, and claims what it likes. Whoever doubts that keeps it from
    /// settling by silence; a proof of anything else leaves the doubter whole.
    function test_a_lie_about_a_withheld_batch_does_not_settle_by_silence() public {
        joinAs(sybil(0));
        commitNext();
        claimAs(sybil(0), lie(1, 0));
        vm.warp(block.timestamp + WINDOW - 1);
        doubtAs(honest, lie(1, 0));
        wait(10 * WINDOW);
        refusesToSettle(lie(1, 0), abi.encodeWithSelector(IClaims.ClaimDoubted.selector, digestOf(lie(1, 0)), 1));

        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        checkSettled(1);
        bytes32 doubt = claims.doubtOf(digestOf(lie(1, 0)));
        refuses(abi.encodeWithSelector(IClaims.NothingToEliminate.selector, doubt, honest));
        claims.eliminate(doubt, honest);
        claims.eliminate(digestOf(lie(1, 0)), sybil(0));
        checkSpoils(1);
        claims.close(doubt, honest);
        checkWhole(honest);
    }

    function test_a_withheld_batch_that_nobody_proves_ends_in_a_freeze_and_whole_bonds() public {
        joinAs(sybil(0));
        commitNext();
        claimAs(sybil(0), lie(1, 0));
        doubtAs(honest, lie(1, 0));
        freezeRollup();
        vm.assertEq(rollup.stateRoot(), GENESIS_ROOT, "the last settled state");
        checkWhole(honest);
        checkWhole(sybil(0));
    }

    /// @dev A doubt of what is true costs the bond, and earns nobody anything: else it would pay to withhold data.
    function test_who_doubts_what_is_true_loses_the_bond_and_nobody_earns_it() public {
        commitNext();
        claimAs(honest, truth(1));
        joinAs(sybil(0));
        doubtAs(sybil(0), truth(1));
        wait(WINDOW);
        refusesToSettle(truth(1), abi.encodeWithSelector(IClaims.ClaimDoubted.selector, digestOf(truth(1)), 1));
        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        checkSettled(1);
        bytes32 doubt = claims.doubtOf(digestOf(truth(1)));
        refuses(abi.encodeWithSelector(IClaims.NothingToClose.selector, doubt, sybil(0)));
        claims.close(doubt, sybil(0));
        claims.eliminate(doubt, sybil(0));
        checkStanding(sybil(0), IClaims.Standing.Eliminated);
        vm.assertEq(claims.owedTo(prover), 0, "the prover earns nothing");
        vm.assertEq(claims.owedTo(address(0)), BOND, "all of it is burnt");
        claims.collect(address(0));
        claims.close(digestOf(truth(1)), honest);
        checkWhole(honest);
        vm.assertEq(address(claims).balance, 0, "nothing is left");
    }

    /// @dev Whoever is shown the batch before the window ends takes the doubt back, and the claim settles in its time.
    function test_a_doubt_that_is_retracted_costs_nobody_anything() public {
        commitNext();
        claimAs(honest, truth(1));
        uint256 start = block.timestamp;
        joinAs(sybil(0));
        doubtAs(sybil(0), truth(1));
        vm.warp(start + WINDOW - 1);
        bytes32 digest = digestOf(truth(1));
        vm.prank(sybil(0));
        claims.retract(digest);
        vm.warp(start + WINDOW);
        settleClaimed(truth(1));
        checkSettled(1);
        checkWhole(sybil(0));
        claims.close(digestOf(truth(1)), honest);
        checkWhole(honest);
    }

    /// @dev Else a doubter could wait for the proof to be made, and go.
    function test_a_doubt_is_not_retracted_after_the_window_or_the_proof() public {
        commitNext();
        commitNext();
        claimAs(honest, truth(1));
        claimAs(honest, truth(2));
        joinAs(sybil(0));
        doubtAs(sybil(0), truth(1));
        doubtAs(sybil(0), truth(2));
        proveAs(prover, truth(2));
        (bytes32 first, bytes32 second) = (digestOf(truth(1)), digestOf(truth(2)));
        refuses(abi.encodeWithSelector(IClaims.AlreadyProven.selector, second));
        vm.prank(sybil(0));
        claims.retract(second);
        uint64 until = claims.contestOf(1, GENESIS_ROOT).since + WINDOW;
        vm.warp(until);
        refuses(abi.encodeWithSelector(IClaims.WindowPassed.selector, until));
        vm.prank(sybil(0));
        claims.retract(first);
    }

    /// @dev One bond lost anywhere ends all doubts of its proposer.
    function test_a_doubt_of_the_eliminated_is_lifted() public {
        joinAs(sybil(0));
        commitNext();
        commitNext();
        claimAs(honest, truth(1));
        claimAs(honest, truth(2));
        doubtAs(sybil(0), truth(1));
        doubtAs(sybil(0), truth(2));
        bytes32 doubt = claims.doubtOf(digestOf(truth(1)));
        refuses(abi.encodeWithSelector(IClaims.NothingToLift.selector, doubt, sybil(0)));
        claims.lift(doubt, sybil(0));
        proveAs(prover, truth(2));
        claims.eliminate(claims.doubtOf(digestOf(truth(2))), sybil(0));
        claims.lift(doubt, sybil(0));
        wait(WINDOW);
        settleClaimed(truth(1));
        settleClaimed(truth(2));
        checkSettled(2);
    }

    /// @dev A lie whose proposer goes away and that is claimed again is doubted still.
    function test_a_doubt_outlives_whoever_stands_behind_the_claim() public {
        joinAs(sybil(0));
        joinAs(sybil(1));
        commitNext();
        commitNext();
        claimAs(sybil(0), lie(1, 0));
        claimAs(sybil(0), lie(2, 0));
        doubtAs(honest, lie(1, 0));
        proveAs(prover, truth(2));
        claims.eliminate(digestOf(lie(2, 0)), sybil(0));
        claims.lift(digestOf(lie(1, 0)), sybil(0));
        claimAs(sybil(1), lie(1, 0));
        wait(WINDOW);
        refusesToSettle(lie(1, 0), abi.encodeWithSelector(IClaims.ClaimDoubted.selector, digestOf(lie(1, 0)), 1));
    }

    function test_a_doubt_is_of_a_claim_that_can_be_contradicted_and_is_made_once_with_a_bond() public {
        commitNext();
        IRollup.Header memory header = truth(1);
        bytes32 digest = digestOf(header);
        refuses(abi.encodeWithSelector(IClaims.NobodyBehind.selector, digest));
        vm.prank(honest);
        claims.doubt(header);
        claimAs(honest, header);
        refuses(abi.encodeWithSelector(IClaims.StandingWrong.selector, IClaims.Standing.Stranger));
        vm.prank(sybil(0));
        claims.doubt(header);
        joinAs(sybil(0));
        refuses(abi.encodeWithSelector(IClaims.NothingToRetract.selector, digest, sybil(0)));
        vm.prank(sybil(0));
        claims.retract(digest);
        doubtAs(sybil(0), header);
        refuses(abi.encodeWithSelector(IClaims.AlreadyMade.selector, claims.doubtOf(digest)));
        vm.prank(sybil(0));
        claims.doubt(header);
        checkOpen(sybil(0), 1);
        wait(WINDOW);
        joinAs(sybil(1));
        refuses(abi.encodeWithSelector(IClaims.WindowPassed.selector, uint64(block.timestamp)));
        vm.prank(sybil(1));
        claims.doubt(header);
    }

    // Claims that go away.

    /// @dev The attacker guards a lie by the truth and then lets the truth's proposer be eliminated elsewhere. The honest
    /// stand behind the truth too, so it stays.
    function test_a_lie_guarded_by_a_truth_that_goes_away_does_not_settle() public {
        joinAs(sybil(0));
        joinAs(sybil(1));
        commitNext();
        commitNext();
        claimAs(sybil(0), lie(1, 0));
        claimAs(sybil(1), truth(1));
        claimAs(sybil(1), lie(2, 1));
        vm.warp(block.timestamp + WINDOW - 1);
        claimAs(honest, truth(1));
        proveAs(sybil(1), truth(2));
        claims.eliminate(digestOf(lie(2, 1)), sybil(1));
        claims.lift(digestOf(truth(1)), sybil(1));
        wait(WINDOW);
        refusesToSettle(lie(1, 0), abi.encodeWithSelector(IClaims.ProofAwaited.selector, contestOf(lie(1, 0)), 2));
        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        settleClaimed(truth(2));
        checkSettled(2);
    }

    /// @dev Even if the honest wait until the guard is gone, as long as the lie's window lasts.
    function test_a_truth_that_went_away_is_claimed_again_within_the_window() public {
        joinAs(sybil(0));
        joinAs(sybil(1));
        commitNext();
        commitNext();
        claimAs(sybil(1), truth(1));
        claimAs(sybil(1), lie(2, 1));
        vm.warp(block.timestamp + WINDOW - 1);
        claimAs(sybil(0), lie(1, 0));
        proveAs(sybil(1), truth(2));
        claims.eliminate(digestOf(lie(2, 1)), sybil(1));
        claims.lift(digestOf(truth(1)), sybil(1));
        vm.warp(claims.contestOf(1, GENESIS_ROOT).since + WINDOW - 1);
        refusesToSettle(lie(1, 0), abi.encodeWithSelector(IClaims.WindowOpen.selector, uint64(block.timestamp) + 1));
        claimAs(honest, truth(1));
        wait(WINDOW);
        refusesToSettle(lie(1, 0), abi.encodeWithSelector(IClaims.ProofAwaited.selector, contestOf(lie(1, 0)), 2));
    }

    /// @dev A proposer makes the honest believe that the work is done, and is eliminated just before the window ends.
    function test_a_truth_that_nobody_stands_behind_any_more_is_claimed_again() public {
        joinAs(sybil(0));
        commitNext();
        commitNext();
        claimAs(sybil(0), truth(1));
        claimAs(sybil(0), lie(2, 0));
        vm.warp(block.timestamp + WINDOW - 1 - BLOCK_TIME);
        proveAs(sybil(0), truth(2));
        claims.eliminate(digestOf(lie(2, 0)), sybil(0));
        claims.lift(digestOf(truth(1)), sybil(0));
        wait(1);
        refusesToSettle(truth(1), abi.encodeWithSelector(IClaims.NobodyBehind.selector, digestOf(truth(1))));
        claimAs(honest, truth(1));
        refusesToSettle(truth(1), abi.encodeWithSelector(IClaims.WindowOpen.selector, uint64(block.timestamp) + WINDOW));
        wait(WINDOW);
        settleClaimed(truth(1));
        settleClaimed(truth(2));
        checkSettled(2);
        claims.close(digestOf(truth(1)), honest);
        checkWhole(honest);
    }

    /// @dev Lifting a contradiction gives the honest claim its window back as it was: it does not start anew.
    function test_a_contradiction_that_goes_away_costs_no_time() public {
        joinAs(sybil(0));
        commitNext();
        commitNext();
        claimAs(honest, truth(1));
        claimAs(honest, truth(2));
        vm.warp(block.timestamp + WINDOW - 1 - BLOCK_TIME);
        claimAs(sybil(0), lie(1, 0));
        claimAs(sybil(0), lie(2, 0));
        proveAs(prover, truth(2));
        claims.eliminate(digestOf(lie(2, 0)), sybil(0));
        claims.lift(digestOf(lie(1, 0)), sybil(0));
        refusesToSettle(truth(1), abi.encodeWithSelector(IClaims.WindowOpen.selector, uint64(block.timestamp) + 1));
        wait(1);
        settleClaimed(truth(1));
        settleClaimed(truth(2));
        checkSettled(2);
    }

    // Children.

    function test_the_children_of_an_invalid_claim_are_void_and_their_bonds_whole() public {
        joinAs(sybil(0));
        joinAs(sybil(1));
        commitNext();
        commitNext();
        IRollup.Header memory parent = lie(1, 0);
        IRollup.Header memory child = outcome(2, parent.stateRoot, keccak256("child"));
        claimAs(sybil(0), parent);
        claimAs(sybil(1), child);
        claimAs(honest, truth(1));
        claimAs(honest, truth(2));
        wait(WINDOW);
        vm.assertTrue(claims.accepts(digestOf(child), ""), "nobody contradicts it");
        refusesToSettle(child, abi.encodeWithSelector(IRollup.NumberWrong.selector, 2, 1));

        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        refusesToSettle(child, abi.encodeWithSelector(IRollup.ParentRootWrong.selector, parent.stateRoot, trueRoot(1)));
        settleClaimed(truth(2));
        checkSettled(2);
        bytes32 digest = digestOf(child);
        refuses(abi.encodeWithSelector(IClaims.NothingToEliminate.selector, digest, sybil(1)));
        claims.eliminate(digest, sybil(1));
        claims.close(digest, sybil(1));
        checkWhole(sybil(1));
    }

    /// @dev A lie can lead to the true state and differ in the withdrawals. What is claimed after it is claimed after the
    /// true claim as well, and contradicted there.
    function test_a_claim_after_a_false_claim_with_the_true_root_has_one_contest() public {
        joinAs(sybil(0));
        joinAs(sybil(1));
        commitNext();
        commitNext();
        IRollup.Header memory theft = truth(1);
        theft.withdrawalsRoot = keccak256("everything");
        claimAs(sybil(0), theft);
        claimAs(honest, truth(1));
        claimAs(sybil(1), lie(2, 0));
        claimAs(honest, truth(2));
        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        wait(WINDOW);
        refusesToSettle(lie(2, 0), abi.encodeWithSelector(IClaims.ProofAwaited.selector, contestOf(lie(2, 0)), 2));
        vm.assertEq(rollup.withdrawalsRoot(1), truth(1).withdrawalsRoot, "no theft");
    }

    // A reorganisation in the middle.

    /// @dev The chain is taken back to before any claim, and what was in it comes in another order, while the attacker uses
    /// the time.
    function testFuzz_a_reorganisation_changes_the_order_and_not_the_outcome(uint256 order) public {
        joinAs(sybil(0));
        commitNext();
        commitNext();
        uint256 fork = vm.snapshotState();
        claimAs(honest, truth(1));
        claimAs(honest, truth(2));
        claimAs(sybil(0), lie(1, 0));
        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        vm.revertToState(fork);
        checkOpen(honest, 0);

        for (uint256 i = 0; i < 3; ++i) {
            uint256 which = (i + order % 3) % 3;
            if (which == 0) claimAs(honest, truth(1));
            else if (which == 1) claimAs(honest, truth(2));
            else claimAs(sybil(0), lie(1, 0));
            nextBlock();
        }
        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        wait(WINDOW);
        settleClaimed(truth(2));
        checkSettled(2);
        claims.eliminate(digestOf(lie(1, 0)), sybil(0));
        checkSpoils(1);
        for (uint64 number = 1; number <= 2; ++number) {
            claims.close(digestOf(truth(number)), honest);
        }
        checkWhole(honest);
    }

    function test_a_reorganised_inbox_takes_the_commitment_with_it() public {
        uint256 fork = vm.snapshotState();
        force("one");
        bytes32 lost = rollup.inboxHash(1);
        vm.revertToState(fork);
        force("another");
        refuses(abi.encodeWithSelector(IRollup.InboxHashWrong.selector, lost, rollup.inboxHash(1)));
        vm.prank(sequencer);
        claims.commit(1, 1, lost, dataOf(1));
    }

    function test_a_reorganised_proof_is_given_again() public {
        joinAs(sybil(0));
        commitNext();
        claimAs(honest, truth(1));
        claimAs(sybil(0), lie(1, 0));
        IRollup.Header memory header = truth(1);
        bytes memory evidence = proofOf(header);
        claims.announce(announcementOf(prover, header, evidence));
        nextBlock();
        uint256 fork = vm.snapshotState();
        vm.prank(prover);
        claims.prove(header, evidence);
        vm.revertToState(fork);

        // Whoever has seen the proof has not announced it.
        bytes32 missing = announcementOf(sybil(0), header, evidence);
        refuses(abi.encodeWithSelector(IClaims.ProofNotAnnounced.selector, missing));
        vm.prank(sybil(0));
        claims.prove(header, evidence);
        vm.prank(prover);
        claims.prove(header, evidence);
        claims.eliminate(digestOf(lie(1, 0)), sybil(0));
        vm.assertEq(claims.owedTo(prover), REWARD, "the prover is paid");
    }

    /// @dev The prover collects its part of so many bonds, and the rest is burnt.
    function checkSpoils(uint256 bonds) private {
        uint256 before = prover.balance;
        uint256 burnt = address(0).balance;
        claims.collect(prover);
        claims.collect(address(0));
        vm.assertEq(prover.balance - before, bonds * REWARD, "the prover's part");
        vm.assertEq(address(0).balance - burnt, bonds * (BOND - REWARD), "what is burnt");
    }
}
