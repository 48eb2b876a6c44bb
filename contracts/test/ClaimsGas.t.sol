// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IRollup } from "../src/interfaces/IRollup.sol";
import { OptimisticTest } from "./support/OptimisticTest.sol";
import { vm } from "./support/Vm.sol";

/// @dev What each step of an optimistic batch costs, as in GasTest, and how long a batch takes at worst.
/// forge-config: default.isolate = true
contract ClaimsGasTest is OptimisticTest {
    uint256 private constant GAS_MAX = 250_000;
    uint256 private constant SYBILS = 1000;
    uint256 private constant REORG_BLOCKS = 64;

    event log_named_uint(string name, uint256 value);

    function test_a_batch_that_nobody_contradicts() public {
        vm.deal(prover, BOND);
        vm.prank(prover);
        claims.join{ value: BOND }();
        check("joining");
        commitNext();
        uint64 number = nextToCommit();
        vm.prank(sequencer);
        claims.commit(number, 0, 0, dataOf(number));
        check("committing to a batch");
        IRollup.Header memory header = truth(1);
        vm.prank(honest);
        claims.claim(header);
        check("claiming, as the first");
        vm.prank(prover);
        claims.claim(header);
        check("claiming the same, as the second");
        uint256 start = block.timestamp;
        vm.warp(block.timestamp + WINDOW);
        bytes32 digest = digestOf(header);
        bytes32[] memory list = chunks();
        rollup.settle(header, list, "");
        check("settling a claimed batch");
        checkDelay("batch that nobody contradicts", start);
        claims.close(digest, honest);
        check("closing a claim");
        vm.prank(honest);
        claims.leave();
        check("leaving with the bond");
    }

    /// @dev The first and the thousandth contradiction, and the first and the thousandth loser, cost the same.
    function test_a_batch_with_a_thousand_contradictions() public {
        commitNext();
        claimAs(honest, truth(1));
        for (uint256 i = 0; i < SYBILS; ++i) {
            joinAs(sybil(i));
            IRollup.Header memory wrong = lie(1, i);
            vm.prank(sybil(i));
            claims.claim(wrong);
            if (i == 0) check("contradicting, as the first");
            if (i == SYBILS - 1) check("contradicting, as the thousandth");
        }
        IRollup.Header memory header = truth(1);
        bytes memory evidence = proofOf(header);
        bytes32[] memory list = chunks();
        claims.announce(announcementOf(prover, header, evidence));
        check("announcing a proof");
        nextBlock();
        vm.prank(prover);
        claims.prove(header, evidence);
        check("proving by three signatures");
        rollup.settle(header, list, "");
        check("settling a proven batch");
        for (uint256 i = 0; i < SYBILS; ++i) {
            bytes32 digest = digestOf(lie(1, i));
            claims.eliminate(digest, sybil(i));
            if (i == 0) check("eliminating the first");
            if (i == SYBILS - 1) check("eliminating the thousandth");
            claims.lift(digest, sybil(i));
            if (i == 0) check("lifting a claim");
        }
        claims.collect(prover);
        check("collecting");
        vm.assertEq(prover.balance, SYBILS * REWARD, "collected");
    }

    function test_a_contradiction_of_proofs() public {
        commitNext();
        (IRollup.Header memory one, IRollup.Header memory other) = (truth(1), lie(1, 0));
        (bytes memory oneProof, bytes memory otherProof) = (proofOf(one), proofOf(other));
        rollup.freezeContradicted(one, oneProof, other, otherProof);
        check("freezing by two proofs of three signatures each");
    }

    // The worst delays, from a batch's commitment to its settlement, with a proof that takes as long as the window.

    function test_the_delay_of_a_contradiction_in_the_last_second() public {
        joinAs(sybil(0));
        commitNext();
        uint256 start = block.timestamp;
        claimAs(honest, truth(1));
        vm.warp(start + WINDOW - 1);
        claimAs(sybil(0), lie(1, 0));
        vm.warp(block.timestamp + WINDOW);
        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        checkDelay("batch contradicted in the last second, proven a window later", start);
    }

    /// @dev A thousand bonds doubt one claim: each costs its owner everything, and the one proof answers all of them.
    function test_the_delay_of_a_thousand_doubts() public {
        commitNext();
        uint256 start = block.timestamp;
        IRollup.Header memory header = truth(1);
        bytes32 digest = claimAs(honest, header);
        vm.warp(start + WINDOW - 1);
        for (uint256 i = 0; i < SYBILS; ++i) {
            joinAs(sybil(i));
            vm.prank(sybil(i));
            claims.doubt(header);
            if (i == 0) check("doubting, as the first");
            if (i == SYBILS - 1) check("doubting, as the thousandth");
        }
        vm.prank(sybil(0));
        claims.retract(digest);
        check("retracting");
        vm.warp(block.timestamp + WINDOW);
        proveAs(prover, header);
        settleClaimed(header);
        checkDelay("batch with a thousand doubts in the last second, proven a window later", start);
    }

    function test_the_delay_of_a_thousand_sybils() public {
        commitNext();
        uint256 start = block.timestamp;
        claimAs(honest, truth(1));
        vm.warp(start + WINDOW - 1);
        for (uint256 i = 0; i < SYBILS; ++i) {
            joinAs(sybil(i));
            claimAs(sybil(i), lie(1, i));
        }
        vm.warp(block.timestamp + WINDOW);
        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        checkDelay("batch with a thousand contradictions in the last second, proven a window later", start);
    }

    function test_the_delay_of_a_proposer_who_is_eliminated_in_the_last_second() public {
        joinAs(sybil(0));
        commitNext();
        commitNext();
        uint256 start = block.timestamp;
        claimAs(sybil(0), truth(1));
        claimAs(sybil(0), lie(2, 0));
        vm.warp(start + WINDOW - 1 - BLOCK_TIME);
        proveAs(sybil(0), truth(2));
        claims.eliminate(digestOf(lie(2, 0)), sybil(0));
        claims.lift(digestOf(truth(1)), sybil(0));
        claimAs(honest, truth(1));
        vm.warp(block.timestamp + WINDOW);
        settleClaimed(truth(1));
        checkDelay("batch whose only proposer is eliminated in the last second", start);
    }

    /// @dev As deep a reorganisation as a node survives takes away the claim and its contradiction, and later the proof.
    function test_the_delay_of_reorganisations() public {
        joinAs(sybil(0));
        commitNext();
        uint256 start = block.timestamp;
        uint256 fork = vm.snapshotState();
        claimAs(honest, truth(1));
        vm.revertToState(fork);
        vm.warp(start + REORG_BLOCKS * BLOCK_TIME);
        claimAs(honest, truth(1));
        vm.warp(block.timestamp + WINDOW - 1);
        claimAs(sybil(0), lie(1, 0));
        vm.warp(block.timestamp + WINDOW);
        fork = vm.snapshotState();
        proveAs(prover, truth(1));
        vm.revertToState(fork);
        vm.warp(block.timestamp + REORG_BLOCKS * BLOCK_TIME);
        proveAs(prover, truth(1));
        settleClaimed(truth(1));
        uint256 delay = block.timestamp - start;
        emit log_named_uint("seconds: batch contradicted like that, with two reorganisations of 64 blocks", delay);
        vm.assertLt(delay, 2 * WINDOW + 2 * REORG_BLOCKS * BLOCK_TIME + BLOCK_TIME, "delay");
        checkSettled(1);
    }

    function checkDelay(string memory name, uint256 start) private {
        uint256 delay = block.timestamp - start;
        emit log_named_uint(string.concat("seconds: ", name), delay);
        vm.assertLt(delay, 2 * WINDOW + BLOCK_TIME, name);
    }

    function check(string memory name) private {
        uint256 gas = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint(name, gas);
        vm.assertLt(gas, GAS_MAX, name);
    }
}
