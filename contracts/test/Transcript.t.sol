// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Transcript } from "../src/proof/Transcript.sol";
import { vm } from "./support/Vm.sol";

/// @dev Holds the transcript to vectors/transcript.json, which the Rust side writes.
contract TranscriptTest {
    using Transcript for Transcript.State;

    bool public constant IS_TEST = true;

    uint256 private constant CAPACITY = 64;

    string private _json;

    function setUp() public {
        _json = vm.readFile("../vectors/transcript.json");
    }

    function test_challenges_are_the_provers() public view {
        Transcript.State memory transcript = started();
        observe(transcript, ".elements");
        samples(transcript, ".first");
        transcript.observeRoot(vm.parseJsonBytes32(_json, ".root"));
        samples(transcript, ".second");
        observe(transcript, ".third");
        uint256 witness = vm.parseJsonUint(_json, ".witness");
        vm.assertTrue(transcript.isWorked(witness, vm.parseJsonUint(_json, ".workBits")), "work");
        uint256[] memory bits = vm.parseJsonUintArray(_json, ".bits");
        vm.assertGe(bits.length, 9, "the vector has more bits than a block");
        for (uint256 i = 0; i < bits.length; ++i) {
            vm.assertEq(transcript.sampleBits(20), bits[i], "bits");
        }
    }

    function test_another_witness_is_no_work() public view {
        Transcript.State memory transcript = started();
        uint256 worked = 0;
        for (uint256 witness = 0; witness < 64; ++witness) {
            Transcript.State memory tried = started();
            if (tried.isWorked(witness, 4)) ++worked;
        }
        vm.assertGe(worked, 1, "one of sixteen is");
        vm.assertLt(worked, 16, "and not one of four");
        vm.assertFalse(transcript.isWorked(0, 64), "hardly ever");
    }

    function test_more_than_was_set_aside_is_refused() public {
        vm.expectRevert(Transcript.TranscriptFull.selector);
        this.overfill();
    }

    function overfill() external view {
        Transcript.State memory transcript = started();
        for (uint256 i = 0; i <= CAPACITY / 8; ++i) {
            transcript.observe(i);
        }
    }

    function started() private view returns (Transcript.State memory) {
        return Transcript.begin(keccak256(vm.parseJsonBytes(_json, ".protocol")), CAPACITY);
    }

    function observe(Transcript.State memory transcript, string memory key) private view {
        uint256[] memory elements = vm.parseJsonUintArray(_json, key);
        for (uint256 i = 0; i < elements.length; ++i) {
            transcript.observe(elements[i]);
        }
    }

    function samples(Transcript.State memory transcript, string memory key) private view {
        uint256[] memory expected = vm.parseJsonUintArray(_json, key);
        vm.assertGe(expected.length, 3, "the vector has samples");
        for (uint256 i = 0; i < expected.length; ++i) {
            vm.assertEq(transcript.sample(), expected[i], "sample");
        }
    }
}
