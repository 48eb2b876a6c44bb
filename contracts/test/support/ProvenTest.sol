// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Quanta } from "../../src/Quanta.sol";
import { Rollup } from "../../src/Rollup.sol";
import { ValidityVerifier } from "../../src/ValidityVerifier.sol";
import { IRollup } from "../../src/interfaces/IRollup.sol";
import { IValidityVerifier } from "../../src/interfaces/IValidityVerifier.sol";
import { IVerifier } from "../../src/interfaces/IVerifier.sol";
import { QueryVerifier } from "../../src/proof/QueryVerifier.sol";
import { StatementVerifier } from "../../src/proof/StatementVerifier.sol";
import { BatchFile, BatchVector, ProvenLeaf } from "./BatchFile.sol";
import { DataContract } from "./DataContract.sol";
import { TaleaTest } from "./TaleaTest.sol";
import { vm } from "./Vm.sol";

/// @dev A rollup that believes validity proofs, with the messages of the batch of vectors/batch.bin in its inbox.
abstract contract ProvenTest is TaleaTest {
    StatementVerifier internal statements;
    QueryVerifier internal queries;
    ValidityVerifier internal validity;
    bytes private _evidence;

    function setUp() public virtual override {
        super.setUp();
        statements = new StatementVerifier(deployedKey(0));
        queries = new QueryVerifier();
        validity = new ValidityVerifier(statements, queries, committee);
        BatchVector memory batch = BatchFile.read();
        _evidence = batch.evidence;
        use(deployBefore(validity));
        queueMessages(batch);
    }

    /// @dev Returns a rollup in the state before the batch.
    function deployBefore(IVerifier verifier) internal returns (Rollup) {
        IRollup.Header memory header = evidence().header;
        IRollup.Rules memory rules = safeRules();
        rules.dataOnL1 = false;
        return new Rollup(header.configHash, header.parentRoot, verifier, rules, owner, owner);
    }

    /// @dev Returns the parts of the verifying key, deployed. With a bit that is not zero, of another key.
    function deployedKey(uint8 changed) internal returns (address[] memory parts) {
        string memory json = vm.readFile("../vectors/verifier.json");
        parts = new address[](vm.parseJsonUint(json, ".count"));
        for (uint256 i = 0; i < parts.length; ++i) {
            bytes memory part = vm.parseJsonBytes(json, string.concat(".parts[", vm.toString(i), "]"));
            // Where the key says how much work a witness has to show.
            if (i == 0) part[76] ^= bytes1(changed);
            parts[i] = DataContract.deploy(part);
        }
    }

    /// @dev Queues the messages that the batch takes.
    function queueMessages(BatchVector memory batch) internal {
        IValidityVerifier.Leaf[] memory leaves = evidence().leaves;
        // The last message is a withdrawal by the owner of whatever account is forced to something.
        IValidityVerifier.Message[] memory last = leaves[leaves.length - 1].messages;
        address holder = last[last.length - 1].party;
        rollup.openAccount(batch.scheme, batch.key, holder);
        for (uint256 leaf = 0; leaf < leaves.length; ++leaf) {
            uint256 acted = 0;
            for (uint256 i = 0; i < leaves[leaf].messages.length; ++i) {
                IValidityVerifier.Message memory message = leaves[leaf].messages[i];
                if (message.kind == 1) {
                    uint256 amount = Quanta.unwrap(message.amount) * GWEI;
                    vm.deal(message.party, amount);
                    vm.prank(message.party);
                    vault.depositETH{ value: amount }(message.account);
                } else if (message.kind == 3) {
                    vm.prank(holder);
                    rollup.forceAction(message.account, leaves[leaf].actions[acted++]);
                } else {
                    vm.prank(holder);
                    rollup.forceWithdrawal(message.account, message.token, message.amount);
                }
            }
        }
    }

    /// @dev Has all leaves of the batch checked.
    function prove() internal {
        for (uint256 number = 0; number < BatchFile.LEAVES; ++number) {
            this.proveLeaf(number);
        }
    }

    /// @dev In a call of its own, whose memory costs nothing once it returned.
    function proveLeaf(uint256 number) external {
        ProvenLeaf memory leaf = BatchFile.leaf(number);
        statements.register(leaf.statement);
        for (uint256 step = 0; step < leaf.steps.length; ++step) {
            queries.verify(leaf.context, leaf.steps[step].positions, leaf.steps[step].openings);
        }
    }

    /// @dev Returns the evidence as the Rust side wrote it, which nobody attests.
    function written() internal view returns (bytes memory) {
        return _evidence;
    }

    function evidence() internal view returns (IValidityVerifier.Evidence memory) {
        return abi.decode(_evidence, (IValidityVerifier.Evidence));
    }

    /// @dev Returns evidence that the committee attests, with the digest it is for.
    function attested(IValidityVerifier.Evidence memory given) internal view returns (bytes32 digest, bytes memory) {
        digest = rollup.headerDigest(given.header);
        given.attestation = quorum(digest, THRESHOLD);
        return (digest, abi.encode(given));
    }
}
