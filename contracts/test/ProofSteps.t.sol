// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { QueryVerifier } from "../src/proof/QueryVerifier.sol";
import { StatementVerifier } from "../src/proof/StatementVerifier.sol";
import { DataContract } from "./support/DataContract.sol";
import { QueryStep, QuerySteps } from "./support/QuerySteps.sol";
import { vm } from "./support/Vm.sol";

/// @dev All steps of one proof: what the statement leaves is what the queries are answered for.
contract ProofStepsTest {
    bool public constant IS_TEST = true;

    function test_a_proof_is_checked_in_steps_that_share_a_context() public {
        string memory key = vm.readFile("../vectors/verifier.json");
        address[] memory parts = new address[](vm.parseJsonUint(key, ".count"));
        for (uint256 i = 0; i < parts.length; ++i) {
            parts[i] = DataContract.deploy(vm.parseJsonBytes(key, string.concat(".parts[", vm.toString(i), "]")));
        }
        StatementVerifier statements = new StatementVerifier(parts);
        QueryVerifier queries = new QueryVerifier();

        bytes memory statement = vm.parseJsonBytes(vm.readFile("../vectors/proof.json"), ".proofs[0].statement");
        bytes32 digest = statements.register(statement);
        vm.assertTrue(statements.isRegistered(digest), "the statement");
        (bytes memory context, QueryStep[] memory steps) = QuerySteps.read();
        vm.assertEq(keccak256(context), digest, "the queries are those of this statement");
        for (uint256 i = 0; i < steps.length; ++i) {
            vm.assertFalse(queries.isComplete(digest), "not before the last step");
            queries.verify(context, steps[i].positions, steps[i].openings);
        }
        vm.assertTrue(queries.isComplete(digest), "the queries");
    }
}
