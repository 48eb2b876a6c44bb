// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IRollup } from "../src/interfaces/IRollup.sol";
import { TaleaTest } from "./support/TaleaTest.sol";
import { vm } from "./support/Vm.sol";

/// @dev What a rollup demands of a batch's data, and what a proposal is.
contract DataTest is TaleaTest {
    // Chunks.

    function testFuzz_a_chunk_is_published_once(bytes memory chunk, uint256 block_) public {
        vm.assume(chunk.length > 0);
        // Every rollup here begins with this one published.
        vm.assume(keccak256(chunk) != keccak256(CHUNK));
        block_ = bound(block_, 1, 1e12);
        vm.roll(block_);
        vm.assertEq(rollup.publishedIn(keccak256(chunk)), 0, "not yet");
        vm.expectEmit(address(rollup));
        emit IRollup.Published(keccak256(chunk), chunk);
        vm.prank(depositor);
        rollup.publish(chunk);
        vm.assertEq(rollup.publishedIn(keccak256(chunk)), block_, "block");
        vm.roll(block_ + 1);
        vm.recordLogs();
        rollup.publish(chunk);
        vm.assertEq(vm.getRecordedLogs().length, 0, "no second event");
        vm.assertEq(rollup.publishedIn(keccak256(chunk)), block_, "the first block stays");
    }

    function test_an_empty_chunk_is_refused() public {
        vm.expectRevert(IRollup.ChunkEmpty.selector);
        rollup.publish("");
    }

    function testFuzz_a_batch_has_its_chunks_in_order(uint256 count) public {
        count = bound(count, 0, 64);
        bytes32[] memory list = someChunks(count);
        IRollup.Header memory header = headerOver(list);
        bytes memory evidence = quorum(rollup.headerDigest(header), THRESHOLD);
        if (count > 1) {
            (list[0], list[1]) = (list[1], list[0]);
            bytes32 expected = keccak256(abi.encodePacked(list));
            refuses(abi.encodeWithSelector(IRollup.DiffHashWrong.selector, header.diffHash, expected));
            rollup.settle(header, list, evidence);
            (list[0], list[1]) = (list[1], list[0]);
        }
        rollup.settle(header, list, evidence);
        vm.assertEq(rollup.batchNumber(), 1, "settled");
    }

    function test_chunks_are_bounded() public {
        bytes32[] memory list = someChunks(65);
        refusesBatch(headerOver(list), list, abi.encodeWithSelector(IRollup.ChunkCountTooLarge.selector, 65, 64));
    }

    function test_an_unpublished_chunk_is_refused() public {
        bytes32[] memory list = someChunks(3);
        list[1] = keccak256("withheld");
        refusesBatch(headerOver(list), list, abi.encodeWithSelector(IRollup.ChunkUnpublished.selector, list[1]));
    }

    function testFuzz_another_diff_hash_is_refused(bytes32 diffHash) public {
        IRollup.Header memory header = nextHeader();
        vm.assume(diffHash != header.diffHash);
        bytes memory fault = abi.encodeWithSelector(IRollup.DiffHashWrong.selector, diffHash, header.diffHash);
        header.diffHash = diffHash;
        refusesBatch(header, chunks(), fault);
    }

    function test_without_data_here_there_are_no_chunks() public {
        useValidium();
        IRollup.Header memory header = headerOver(chunks());
        refusesBatch(header, chunks(), abi.encodeWithSelector(IRollup.ChunkCountTooLarge.selector, 1, 0));
        bytes memory fault = abi.encodeWithSelector(IRollup.DiffHashWrong.selector, header.diffHash, 0);
        refusesBatch(header, new bytes32[](0), fault);
        header.diffHash = 0;
        rollup.settle(header, new bytes32[](0), quorum(rollup.headerDigest(header), THRESHOLD));
        vm.assertEq(rollup.batchNumber(), 1, "settled");
    }

    // Proposals.

    function test_anybody_proposes_a_sound_batch() public {
        IRollup.Header memory header = nextHeader();
        bytes32 digest = rollup.headerDigest(header);
        vm.expectEmit(address(rollup));
        emit IRollup.BatchProposed(1, digest);
        vm.prank(depositor);
        rollup.propose(header, chunks());
        uint64 time = uint64(block.timestamp);
        vm.assertEq(rollup.proposedAt(digest), time, "time");
        vm.assertEq(rollup.batchNumber(), 0, "nothing settled");
        vm.assertEq(rollup.stateRoot(), GENESIS_ROOT, "nothing moved");

        vm.warp(time + 10);
        vm.recordLogs();
        rollup.propose(header, chunks());
        vm.assertEq(vm.getRecordedLogs().length, 0, "no second event");
        vm.assertEq(rollup.proposedAt(digest), time, "the first time stays");
        settle(header);
        vm.assertEq(rollup.batchNumber(), 1, "settled");
    }

    function test_rival_proposals_stand_side_by_side() public {
        IRollup.Header memory header = nextHeader();
        rollup.propose(header, chunks());
        bytes32 first = rollup.headerDigest(header);
        header.stateRoot = keccak256("another");
        rollup.propose(header, chunks());
        vm.assertTrue(rollup.proposedAt(first) != 0, "first");
        vm.assertTrue(rollup.proposedAt(rollup.headerDigest(header)) != 0, "second");
        settle(header);
        vm.assertEq(rollup.stateRoot(), header.stateRoot, "evidence decides");
    }

    function someChunks(uint256 count) private returns (bytes32[] memory list) {
        list = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            bytes memory chunk = abi.encode("chunk", i);
            rollup.publish(chunk);
            list[i] = keccak256(chunk);
        }
    }

    function headerOver(bytes32[] memory list) private view returns (IRollup.Header memory header) {
        header = nextHeader();
        header.diffHash = keccak256(abi.encodePacked(list));
    }

    function useValidium() private {
        IRollup.Rules memory rules = safeRules();
        rules.dataOnL1 = false;
        use(deploy(committee, rules));
    }

    /// @dev Settling and proposing refuse a batch for the same reason.
    function refusesBatch(IRollup.Header memory header, bytes32[] memory list, bytes memory fault) private {
        bytes memory evidence = quorum(rollup.headerDigest(header), THRESHOLD);
        refuses(fault);
        rollup.settle(header, list, evidence);
        refuses(fault);
        rollup.propose(header, list);
    }
}
