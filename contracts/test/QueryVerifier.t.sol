// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IQueryVerifier } from "../src/interfaces/IQueryVerifier.sol";
import { Goldilocks } from "../src/proof/Goldilocks.sol";
import { QueryVerifier } from "../src/proof/QueryVerifier.sol";
import { QueryStep, QuerySteps } from "./support/QuerySteps.sol";
import { vm } from "./support/Vm.sol";

/// @dev Holds the steps that answer queries to a real proof's openings, vectors/queries.bin, which the Rust side writes.
contract QueryVerifierTest {
    bool public constant IS_TEST = true;

    uint256 private constant WORD = 0x20;
    uint256 private constant CODE_MAX = 24_576;
    uint256 private constant GAS_MAX = 2 ** 24;
    uint256 private constant CALLDATA_MAX = 120 * 1024;
    /// @dev How many bytes of a step are changed, one at a time.
    uint256 private constant SAMPLES = 60;

    event log_named_uint(string name, uint256 value);

    QueryVerifier private _verifier;

    function setUp() public {
        _verifier = new QueryVerifier();
    }

    function test_all_steps_complete_a_context() public {
        (bytes memory context, QueryStep[] memory steps) = QuerySteps.read();
        bytes32 digest = keccak256(context);
        uint256 answered = 0;
        for (uint256 i = 0; i < steps.length; ++i) {
            vm.assertFalse(_verifier.isComplete(digest), "not before the last");
            vm.assertEq(_verifier.answered(digest), answered, "what was answered");
            uint256 queries = named(steps[i].positions);
            vm.expectEmit(address(_verifier));
            emit IQueryVerifier.Answered(digest, queries);
            _verifier.verify(context, steps[i].positions, steps[i].openings);
            answered |= queries;
        }
        vm.assertTrue(_verifier.isComplete(digest), "after the last");
    }

    function test_a_step_fits_a_transaction() public {
        (bytes memory context, QueryStep[] memory steps) = QuerySteps.read();
        uint256 total = 0;
        for (uint256 i = 0; i < steps.length; ++i) {
            bytes memory data = abi.encodeCall(IQueryVerifier.verify, (context, steps[i].positions, steps[i].openings));
            (bool done,) = address(_verifier).call(data);
            uint256 spent = vm.lastCallGas().gasTotalUsed;
            uint256 gas = transactionGas(data, spent);
            total += gas;
            emit log_named_uint("queries", steps[i].positions.length);
            emit log_named_uint("  bytes", data.length);
            emit log_named_uint("  execution", spent);
            emit log_named_uint("  gas", gas);
            vm.assertTrue(done && data.length <= CALLDATA_MAX, "bytes");
            vm.assertTrue(gas <= GAS_MAX, "gas");
        }
        emit log_named_uint("steps", steps.length);
        emit log_named_uint("gas of all", total);
        vm.assertTrue(address(_verifier).code.length <= CODE_MAX, "code");
    }

    function test_steps_have_no_order_and_may_be_repeated() public {
        (bytes memory context, QueryStep[] memory steps) = QuerySteps.read();
        for (uint256 i = steps.length; i > 0; --i) {
            vm.assertFalse(_verifier.isComplete(keccak256(context)), "not before the last");
            for (uint256 j = 0; j < (i == steps.length ? 2 : 1); ++j) {
                _verifier.verify(context, steps[i - 1].positions, steps[i - 1].openings);
            }
        }
        vm.assertTrue(_verifier.isComplete(keccak256(context)), "after the last");
    }

    function test_any_changed_byte_of_the_openings_is_refused() public {
        (bytes memory context, QueryStep memory step) = last();
        for (uint256 i = 0; i < SAMPLES; ++i) {
            // From the first to the last byte, and every place within a word.
            uint256 place = i * (step.openings.length - 1) / (SAMPLES - 1);
            step.openings[place] ^= bytes1(uint8(1 << (i % 8)));
            refuse(context, step, "a byte");
            step.openings[place] ^= bytes1(uint8(1 << (i % 8)));
        }
        accept(context, step);
    }

    function test_any_changed_word_of_the_context_is_refused_or_another_context() public {
        (bytes memory context, QueryStep memory step) = last();
        bytes32 digest = keccak256(context);
        uint256 indices = context.length - WORD * ((queriesOf(context) + 7) / 8);
        uint256 matrices = indices - 2 * WORD * field(context, 5);
        uint256 starts = 0;
        for (uint256 at = 0; at < indices; at += WORD) {
            uint256 place = at + (at / WORD * 7) % WORD;
            context[place] ^= 0x04;
            bool done = call(context, step);
            if (at > matrices && (at - matrices) % (2 * WORD) != 0) {
                // Where a matrix starts on the ladder of powers does not matter if its table is not used, all zero.
                if (!done) ++starts;
            } else {
                // The hash of the public values is for who registers the context: nothing is opened against it.
                vm.assertEq(done, at == WORD, vm.toString(at / WORD));
            }
            context[place] ^= 0x04;
        }
        vm.assertTrue(2 * starts > field(context, 5), "most tables are used");
        vm.assertEq(_verifier.answered(digest), 0, "nothing of the context itself");
    }

    function test_a_query_answers_at_its_own_index_only() public {
        (bytes memory context, QueryStep memory step) = last();
        uint256 indices = context.length - WORD * ((queriesOf(context) + 7) / 8);
        for (uint256 i = 0; i < step.positions.length; ++i) {
            uint256 at = indices + 4 * uint256(uint8(step.positions[i]));
            for (uint256 bit = 0; bit < 32; bit += 5) {
                uint256 place = at + 3 - bit / 8;
                context[place] ^= bytes1(uint8(1 << (bit % 8)));
                refuse(context, step, "another index");
                context[place] ^= bytes1(uint8(1 << (bit % 8)));
            }
        }
        accept(context, step);
    }

    function test_a_query_left_out_is_not_answered() public {
        (bytes memory context, QueryStep[] memory steps) = QuerySteps.read();
        QueryStep memory step = steps[steps.length - 1];
        bytes memory positions = step.positions;
        for (uint256 i = 0; i < positions.length; ++i) {
            bytes memory fewer = new bytes(positions.length - 1);
            for (uint256 j = 0; j < fewer.length; ++j) {
                fewer[j] = positions[j < i ? j : j + 1];
            }
            step.positions = fewer;
            refuse(context, step, "one less");
        }
        for (uint256 i = 0; i + 1 < steps.length; ++i) {
            _verifier.verify(context, steps[i].positions, steps[i].openings);
        }
        vm.assertFalse(_verifier.isComplete(keccak256(context)), "a step less");
        step.positions = positions;
        accept(context, step);
        vm.assertTrue(_verifier.isComplete(keccak256(context)), "all steps");
    }

    function test_positions_are_of_queries_and_in_order() public {
        // The last step may have one position only.
        (bytes memory context, QueryStep[] memory steps) = QuerySteps.read();
        QueryStep memory step = steps[0];
        bytes memory positions = step.positions;
        step.positions = "";
        fault(context, step, abi.encodeWithSelector(IQueryVerifier.PositionsMalformed.selector));
        step.positions = bytes.concat(positions[0], bytes1(uint8(queriesOf(context))));
        fault(context, step, abi.encodeWithSelector(IQueryVerifier.PositionsMalformed.selector));
        step.positions = bytes.concat(positions[1], positions[0]);
        fault(context, step, abi.encodeWithSelector(IQueryVerifier.PositionsMalformed.selector));
        // Twice the same is once.
        step.positions = bytes.concat(positions[0], positions);
        accept(context, step);
        vm.assertEq(_verifier.answered(keccak256(context)), named(positions), "once");
    }

    function test_openings_of_other_queries_are_refused() public {
        (bytes memory context, QueryStep[] memory steps) = QuerySteps.read();
        QueryStep memory step = QueryStep(steps[0].positions, steps[1].openings);
        fault(context, step, abi.encodeWithSelector(IQueryVerifier.CommitmentMissed.selector, 0));
    }

    function test_steps_of_one_proof_are_refused_for_another() public {
        (, QueryStep[] memory steps) = QuerySteps.read();
        bytes memory other = vm.parseJsonBytes(vm.readFile("../vectors/proof.json"), ".proofs[1].context");
        for (uint256 i = 0; i < steps.length; ++i) {
            refuse(other, steps[i], "another proof");
        }
        vm.assertEq(_verifier.answered(keccak256(other)), 0, "nothing is answered");
    }

    function test_openings_are_neither_longer_nor_shorter() public {
        (bytes memory context, QueryStep memory step) = last();
        bytes memory openings = step.openings;
        step.openings = bytes.concat(openings, hex"00");
        fault(context, step, abi.encodeWithSelector(IQueryVerifier.OpeningsMalformed.selector));
        assembly ("memory-safe") {
            mstore(openings, sub(mload(openings), 1))
        }
        step.openings = openings;
        refuse(context, step, "shorter");
        step.openings = "";
        refuse(context, step, "none");
    }

    function test_a_context_has_the_length_it_says() public {
        (bytes memory context, QueryStep memory step) = last();
        bytes memory fault_ = abi.encodeWithSelector(IQueryVerifier.ContextMalformed.selector);
        fault(bytes.concat(context, bytes32(0)), step, fault_);
        fault(bytes.concat(context, hex"00"), step, fault_);
        fault("", step, fault_);
        assembly ("memory-safe") {
            mstore(context, sub(mload(context), 0x20))
        }
        fault(context, step, fault_);
    }

    function test_what_was_folded_is_the_final_polynomial() public {
        (bytes memory context, QueryStep memory step) = last();
        uint256 coefficient = WORD * (3 + 3 * field(context, 1));
        context[coefficient + 31] ^= 0x01;
        fault(context, step, abi.encodeWithSelector(IQueryVerifier.FinalMissed.selector));
    }

    function test_the_first_and_the_last_tree_are_named() public {
        (bytes memory context, QueryStep memory step) = last();
        step.openings[0] ^= 0x01;
        fault(context, step, abi.encodeWithSelector(IQueryVerifier.CommitmentMissed.selector, 0));
        step.openings[0] ^= 0x01;
        step.openings[step.openings.length - 1] ^= 0x01;
        fault(context, step, abi.encodeWithSelector(IQueryVerifier.RoundMissed.selector, field(context, 1) - 1));
    }

    function test_a_point_in_the_domain_is_refused() public {
        (bytes memory context, QueryStep memory step) = last();
        uint256 log = field(context, 2);
        uint256 indices = context.length - WORD * ((queriesOf(context) + 7) / 8);
        uint256 index = word(context, indices + 4 * uint256(uint8(step.positions[0]))) >> 224;
        uint256 reversed = 0;
        for (uint256 i = 0; i < log; ++i) {
            reversed |= ((index >> i) & 1) << (log - 1 - i);
        }
        uint256 x = Goldilocks.power(Goldilocks.root(log), reversed);
        uint256 point = WORD * (3 + 3 * field(context, 1) + field(context, 6) + 1);
        uint256 value = mulmod(x, Goldilocks.GENERATOR, Goldilocks.ORDER);
        assembly ("memory-safe") {
            mstore(add(add(context, 0x20), point), value)
        }
        fault(context, step, abi.encodeWithSelector(IQueryVerifier.PointInDomain.selector));
    }

    function last() private view returns (bytes memory context, QueryStep memory step) {
        QueryStep[] memory steps;
        (context, steps) = QuerySteps.read();
        step = steps[steps.length - 1];
    }

    function accept(bytes memory context, QueryStep memory step) private {
        _verifier.verify(context, step.positions, step.openings);
    }

    function refuse(bytes memory context, QueryStep memory step, string memory what) private {
        vm.assertFalse(call(context, step), what);
    }

    /// @dev Gives its memory back: a test calls a hundred times with a hundred thousand bytes.
    function call(bytes memory context, QueryStep memory step) private returns (bool done) {
        uint256 free;
        assembly ("memory-safe") {
            free := mload(0x40)
        }
        bytes memory data = abi.encodeCall(IQueryVerifier.verify, (context, step.positions, step.openings));
        (done,) = address(_verifier).call(data);
        assembly ("memory-safe") {
            mstore(0x40, free)
        }
    }

    function fault(bytes memory context, QueryStep memory step, bytes memory expected) private {
        bytes memory data = abi.encodeCall(IQueryVerifier.verify, (context, step.positions, step.openings));
        (bool done, bytes memory reason) = address(_verifier).call(data);
        vm.assertFalse(done, "refused");
        vm.assertEq(keccak256(reason), keccak256(expected), "its reason");
    }

    function named(bytes memory positions) private pure returns (uint256 queries) {
        for (uint256 i = 0; i < positions.length; ++i) {
            queries |= 1 << uint8(positions[i]);
        }
    }

    function queriesOf(bytes memory context) private pure returns (uint256) {
        return field(context, 3);
    }

    /// @dev A number of the context's first word.
    function field(bytes memory context, uint256 place) private pure returns (uint256) {
        return (word(context, 0) >> (16 * place)) & 0xFFFF;
    }

    function word(bytes memory data, uint256 at) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(add(data, 0x20), at))
        }
    }

    /// @dev What a transaction costs: the greater of its execution with its data, and the floor price of its data (EIP-7623).
    function transactionGas(bytes memory data, uint256 execution) private pure returns (uint256) {
        uint256 tokens = data.length;
        for (uint256 at = 0; at < data.length; ++at) {
            if (data[at] != 0) tokens += 3;
        }
        uint256 standard = 4 * tokens + execution;
        uint256 floor = 10 * tokens;
        return 21_000 + (standard > floor ? standard : floor);
    }
}
