// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ValidityVerifier } from "../src/ValidityVerifier.sol";
import { IQueryVerifier } from "../src/interfaces/IQueryVerifier.sol";
import { IStatementVerifier } from "../src/interfaces/IStatementVerifier.sol";
import { IValidityVerifier } from "../src/interfaces/IValidityVerifier.sol";
import { BatchFile, BatchVector } from "./support/BatchFile.sol";
import { FixedVerifier, Registered, Settling } from "./support/Doubles.sol";
import { ProvenTest } from "./support/ProvenTest.sol";
import { vm } from "./support/Vm.sol";

/// @dev What settling by a proof costs once the proof was checked, as in GasTest.
/// forge-config: default.isolate = true
contract ValidityGasTest is ProvenTest {
    uint256 private constant TRANSACTION_GAS_MAX = 1 << 24;
    uint256 private constant TRANSACTION_BYTES_MAX = 120 * 1024;

    event log_named_uint(string name, uint256 value);

    function test_settling_two_proven_leaves() public {
        prove();
        IValidityVerifier.Evidence memory given = evidence();
        (, bytes memory encoded) = attested(given);
        rollup.settle(given.header, new bytes32[](0), encoded);
        check("two leaves with 67 messages and two withdrawals", encoded);
    }

    function test_settling_one_leaf_with_64_messages_and_64_withdrawals() public {
        BatchVector memory batch = BatchFile.read();
        IValidityVerifier.Evidence memory given = abi.decode(batch.manyEvidence, (IValidityVerifier.Evidence));
        vm.assertEq(given.leaves[0].messages.length, 64, "messages");
        vm.assertEq(given.leaves[0].withdrawals.length, 64, "withdrawals");
        Registered registered = new Registered(given.leaves[0].context, keccak256(batch.manyPublics));
        validity = new ValidityVerifier(
            IStatementVerifier(address(registered)), IQueryVerifier(address(registered)), new FixedVerifier(true)
        );
        Settling settling = new Settling();
        settling.settle(validity, given.header, batch.manyEvidence);
        check("one leaf with 64 messages and 64 withdrawals", batch.manyEvidence);
    }

    function check(string memory name, bytes memory sent) private {
        uint256 used = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint(name, used);
        emit log_named_uint("bytes of evidence", sent.length);
        vm.assertLt(used, TRANSACTION_GAS_MAX / 8, name);
        vm.assertLt(sent.length, TRANSACTION_BYTES_MAX, name);
    }
}
