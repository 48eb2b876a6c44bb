// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IQueryVerifier } from "../src/interfaces/IQueryVerifier.sol";
import { QueryVerifier } from "../src/proof/QueryVerifier.sol";
import { vm } from "./support/Vm.sol";

/// @dev Holds the query steps to a real proof's openings, vectors/queries.bin, which the Rust side writes.
contract QueryVerifierTest {
    bool public constant IS_TEST = true;

    event log_named_uint(string name, uint256 value);

    struct Step {
        bytes positions;
        bytes openings;
    }

    QueryVerifier private _verifier;

    function setUp() public {
        _verifier = new QueryVerifier();
    }

    function test_all_steps_complete_a_context() public {
        (bytes memory context, Step[] memory steps) = fixture();
        for (uint256 i = 0; i < steps.length; ++i) {
            vm.assertFalse(_verifier.isComplete(keccak256(context)), "not before the last");
            _verifier.verify(context, steps[i].positions, steps[i].openings);
            emit log_named_uint("gas", vm.lastCallGas().gasTotalUsed);
            emit log_named_uint("bytes", steps[i].openings.length);
        }
        vm.assertTrue(_verifier.isComplete(keccak256(context)), "after the last");
    }

    /// @dev The parts of the file: a length of four bytes stands before each. The first is the context.
    function fixture() private view returns (bytes memory context, Step[] memory steps) {
        bytes memory file = vm.readFileBinary("../vectors/queries.bin");
        uint256 at = 0;
        (context, at) = part(file, at);
        steps = new Step[](256);
        uint256 count = 0;
        while (at < file.length) {
            (steps[count].positions, at) = part(file, at);
            (steps[count++].openings, at) = part(file, at);
        }
        assembly ("memory-safe") {
            mstore(steps, count)
        }
    }

    function part(bytes memory file, uint256 at) private pure returns (bytes memory data, uint256 next) {
        uint256 length;
        assembly ("memory-safe") {
            length := shr(224, mload(add(add(file, 0x20), at)))
        }
        data = new bytes(length);
        assembly ("memory-safe") {
            mcopy(add(data, 0x20), add(add(file, 0x24), at), length)
        }
        return (data, at + 4 + length);
    }
}
