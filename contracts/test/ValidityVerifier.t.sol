// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId, GOLDILOCKS_ORDER } from "../src/AccountId.sol";
import { Claims } from "../src/Claims.sol";
import { Quanta } from "../src/Quanta.sol";
import { TokenId } from "../src/TokenId.sol";
import { ValidityVerifier } from "../src/ValidityVerifier.sol";
import { IClaims } from "../src/interfaces/IClaims.sol";
import { ICommittee } from "../src/interfaces/ICommittee.sol";
import { IRollup } from "../src/interfaces/IRollup.sol";
import { IValidityVerifier } from "../src/interfaces/IValidityVerifier.sol";
import { IVault } from "../src/interfaces/IVault.sol";
import { IVerifier } from "../src/interfaces/IVerifier.sol";
import { QueryVerifier } from "../src/proof/QueryVerifier.sol";
import { StatementVerifier } from "../src/proof/StatementVerifier.sol";
import { BatchFile, ProvenLeaf } from "./support/BatchFile.sol";
import { FixedVerifier } from "./support/Doubles.sol";
import { ListBuilder } from "./support/ListBuilder.sol";
import { ProvenTest } from "./support/ProvenTest.sol";
import { vm } from "./support/Vm.sol";

/// @dev A batch of two proven leaves on the real contracts, and everything about it changed in turn.
contract ValidityVerifierTest is ProvenTest {
    uint256 private constant CODE_BYTES_MAX = 24_576;

    /// @dev A part of the evidence that can be changed.
    enum Part {
        InboxCount,
        InboxHash,
        TimeBefore,
        StateRoot,
        Time,
        Entries,
        Taken,
        Made,
        MessageKind,
        MessageAccount,
        MessageToken,
        MessageAmount,
        MessageParty,
        WithdrawalIndex,
        WithdrawalRecipient,
        WithdrawalToken,
        WithdrawalAmount
    }

    function setUp() public override {
        super.setUp();
        prove();
    }

    function test_a_batch_settles_by_its_proof_and_its_withdrawals_are_paid() public {
        IValidityVerifier.Evidence memory given = evidence();
        (, bytes memory encoded) = attested(given);
        rollup.settle(given.header, new bytes32[](0), encoded);
        vm.assertEq(rollup.stateRoot(), given.header.stateRoot, "state");
        vm.assertEq(rollup.consumed(), 67, "messages");
        IVault.Withdrawal[] memory withdrawals = given.leaves[1].withdrawals;
        vm.assertEq(given.leaves[0].withdrawals.length, 0, "the first leaf makes none");
        vm.assertEq(withdrawals.length, 2, "a forced withdrawal and another one");
        bytes32[] memory leaves = leavesOf(withdrawals);
        for (uint256 i = 0; i < withdrawals.length; ++i) {
            address payee = withdrawals[i].recipient;
            uint256 before = payee.balance;
            vault.claim(1, withdrawals[i], i, ListBuilder.path(leaves, i));
            vm.assertEq(payee.balance - before, Quanta.unwrap(withdrawals[i].amount) * GWEI, "paid");
        }
    }

    function test_the_evidence_is_what_the_rust_side_writes() public view {
        vm.assertEq(keccak256(abi.encode(evidence())), keccak256(written()), "two leaves");
        bytes memory many = BatchFile.read().manyEvidence;
        IValidityVerifier.Evidence memory decoded = abi.decode(many, (IValidityVerifier.Evidence));
        vm.assertEq(keccak256(abi.encode(decoded)), keccak256(many), "many crossings");
    }

    function test_the_contract_fits() public view {
        vm.assertLt(address(validity).code.length, CODE_BYTES_MAX, "code");
        vm.assertEq(address(validity.statements()), address(statements), "statements");
        vm.assertEq(address(validity.queries()), address(queries), "queries");
        vm.assertEq(address(validity.attester()), address(committee), "attester");
    }

    function test_a_contest_of_claims_is_decided_by_the_proof() public {
        IClaims.Terms memory terms = IClaims.Terms(owner, 1 ether, FREEZE_GRACE / 2, 1);
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        Claims claims = new Claims(IRollup(next), validity, terms);
        use(deployBefore(claims));
        queueMessages(BatchFile.read());
        IValidityVerifier.Evidence memory given = evidence();
        vm.prank(owner);
        claims.commit(1, given.header.inboxCount, given.header.inboxHash, given.header.dataRoot);
        (bytes32 digest, bytes memory encoded) = attested(given);
        vm.assertEq(claims.headerDigest(given.header), digest, "one digest");
        claims.announce(keccak256(abi.encode(address(this), digest, keccak256(encoded))));
        vm.roll(block.number + 1);
        claims.prove(given.header, encoded);
        rollup.settle(given.header, new bytes32[](0), "");
        vm.assertEq(rollup.stateRoot(), given.header.stateRoot, "state");
    }

    // The steps before.

    function test_every_statement_has_to_be_registered_and_every_query_answered() public {
        statements = new StatementVerifier(deployedKey(0));
        queries = new QueryVerifier();
        validity = new ValidityVerifier(statements, queries, committee);
        IValidityVerifier.Evidence memory given = evidence();
        for (uint256 number = 0; number < BatchFile.LEAVES; ++number) {
            ProvenLeaf memory leaf = BatchFile.leaf(number);
            bytes32 context = given.leaves[number].context;
            assertRefused(
                given, abi.encodeWithSelector(IValidityVerifier.StatementUnregistered.selector, number, context)
            );
            vm.assertEq(statements.register(leaf.statement), context, "the context is the leaf's");
            for (uint256 step = 0; step < leaf.steps.length; ++step) {
                assertRefused(
                    given, abi.encodeWithSelector(IValidityVerifier.QueriesIncomplete.selector, number, context)
                );
                queries.verify(leaf.context, leaf.steps[step].positions, leaf.steps[step].openings);
            }
        }
        assertAccepted(given);
    }

    function test_what_another_key_registered_counts_for_nothing() public {
        // A key that asks for no work lets the same statements through.
        StatementVerifier other = new StatementVerifier(deployedKey(20));
        statements = new StatementVerifier(deployedKey(0));
        vm.assertNotEq(other.keyHash(), statements.keyHash(), "the keys differ");
        validity = new ValidityVerifier(statements, queries, committee);
        IValidityVerifier.Evidence memory given = evidence();
        for (uint256 leaf = 0; leaf < BatchFile.LEAVES; ++leaf) {
            vm.assertEq(other.register(BatchFile.leaf(leaf).statement), given.leaves[leaf].context, "one context");
        }
        bytes32 first = given.leaves[0].context;
        assertRefused(given, abi.encodeWithSelector(IValidityVerifier.StatementUnregistered.selector, 0, first));
        validity = new ValidityVerifier(other, queries, committee);
        assertAccepted(given);
    }

    function test_a_leaf_is_its_own_proofs() public {
        IValidityVerifier.Evidence memory given = evidence();
        (given.leaves[0].context, given.leaves[1].context) = (given.leaves[1].context, given.leaves[0].context);
        assertWrong(given, IValidityVerifier.PublicsWrong.selector);
        given.leaves[0].context = keccak256("never registered");
        assertWrong(given, IValidityVerifier.StatementUnregistered.selector);
    }

    // The header.

    function test_the_header_is_the_one_that_is_asked_about() public {
        IValidityVerifier.Evidence memory given = evidence();
        (bytes32 digest,) = attested(given);
        for (uint256 field = 0; field < 9; ++field) {
            given = evidence();
            changeHeader(given.header, field);
            given.attestation = quorum(digest, THRESHOLD);
            bytes32 changed = rollup.headerDigest(given.header);
            vm.prank(address(rollup));
            refuses(abi.encodeWithSelector(IValidityVerifier.HeaderWrong.selector, changed, digest));
            validity.accepts(digest, abi.encode(given));
        }
    }

    function test_no_quorum_settles_what_is_not_proven() public {
        bytes4[7] memory faults = [
            IValidityVerifier.PublicsWrong.selector,
            bytes4(0),
            IValidityVerifier.PublicsWrong.selector,
            IValidityVerifier.StateRootWrong.selector,
            IValidityVerifier.InboxWrong.selector,
            IValidityVerifier.InboxWrong.selector,
            IValidityVerifier.WithdrawalsRootWrong.selector
        ];
        for (uint256 field = 0; field < 9; ++field) {
            IValidityVerifier.Evidence memory given = evidence();
            changeHeader(given.header, field);
            // The number is for the rollup to judge, and the data for the attester.
            if (field == 1 || field > 6) assertAccepted(given);
            else assertWrong(given, faults[field]);
        }
    }

    function test_a_roots_limb_has_one_spelling() public {
        // Nobody can have proven a root with a limb that is no element of the field.
        IValidityVerifier.Evidence memory given = evidence();
        bytes32 beyond = bytes32(uint256(GOLDILOCKS_ORDER) << 192);
        given.header.stateRoot = beyond;
        given.leaves[1].stateRoot = beyond;
        assertWrong(given, IValidityVerifier.PublicsWrong.selector);
    }

    // The attester.

    function test_no_proof_settles_what_nobody_attests() public {
        IValidityVerifier.Evidence memory given = evidence();
        bytes32 digest = rollup.headerDigest(given.header);
        given.attestation = quorum(digest, THRESHOLD - 1);
        vm.prank(address(rollup));
        refuses(abi.encodeWithSelector(ICommittee.QuorumMissed.selector, THRESHOLD - 1, THRESHOLD));
        validity.accepts(digest, abi.encode(given));

        IVerifier refusing = new FixedVerifier(false);
        validity = new ValidityVerifier(statements, queries, refusing);
        vm.prank(address(rollup));
        refuses(abi.encodeWithSelector(IValidityVerifier.AttestationRefused.selector, digest));
        validity.accepts(digest, abi.encode(given));
    }

    function test_who_proves_cannot_freeze_the_rollup() public {
        // Both are proven: what the data is called is the attester's word.
        IValidityVerifier.Evidence memory first = evidence();
        IValidityVerifier.Evidence memory second = evidence();
        second.header.diffHash = keccak256("another diff");
        (, bytes memory encoded) = attested(first);
        refuses(abi.encodeWithSelector(ICommittee.QuorumMissed.selector, 0, THRESHOLD));
        second.attestation = "";
        rollup.freezeContradicted(first.header, encoded, second.header, abi.encode(second));
        vm.assertFalse(rollup.frozen(), "running");
    }

    // Time.

    function test_time_does_not_go_back_within_a_batch() public {
        IValidityVerifier.Evidence memory given = evidence();
        uint64 first = given.leaves[0].time;
        uint64 last = given.leaves[1].time;
        vm.assertLt(first, last, "time passes");
        given.leaves[1].time = first - 1;
        assertRefused(given, abi.encodeWithSelector(IValidityVerifier.TimeBackwards.selector, 1, first - 1, first));
        // Whatever else is said of the time between them, one of the two proofs says another.
        given.leaves[1].time = last;
        given.leaves[0].time = first - 1;
        assertLeafWrong(given, 0);
        given.leaves[0].time = last;
        assertLeafWrong(given, 0);
        given.leaves[0].time = last + 1;
        assertLeafWrong(given, 0);
    }

    function test_time_does_not_go_back_from_batch_to_batch() public {
        IValidityVerifier.Evidence memory given = evidence();
        uint64 before = given.time;
        uint64 first = given.leaves[0].time;
        vm.assertLt(0, before, "there was a batch before");
        given.time = first + 1;
        assertRefused(given, abi.encodeWithSelector(IValidityVerifier.TimeBackwards.selector, 0, first, first + 1));
        // The state before says when its last entry was, and the first proof opens it there.
        uint64[4] memory others = [0, before - 1, before + 1, first];
        for (uint256 i = 0; i < others.length; ++i) {
            given.time = others[i];
            assertLeafWrong(given, 0);
        }
        given.time = before;
        assertAccepted(given);
    }

    function test_a_batch_from_the_future_has_to_wait() public {
        IValidityVerifier.Evidence memory given = evidence();
        (, bytes memory encoded) = attested(given);
        uint64 last = given.leaves[1].time;
        uint256 due = (last + 999) / 1000 - validity.AHEAD_MAX();
        vm.warp(due - 1);
        uint256 most = (due - 1 + validity.AHEAD_MAX()) * 1000;
        refuses(abi.encodeWithSelector(IValidityVerifier.TimeAhead.selector, last, most));
        rollup.settle(given.header, new bytes32[](0), encoded);
        vm.warp(due);
        rollup.settle(given.header, new bytes32[](0), encoded);
        vm.assertEq(rollup.stateRoot(), given.header.stateRoot, "state");
    }

    // The leaves.

    function test_leaves_are_all_there_in_their_order() public {
        IValidityVerifier.Evidence memory given = evidence();
        (given.leaves[0], given.leaves[1]) = (given.leaves[1], given.leaves[0]);
        assertWrong(given, IValidityVerifier.PublicsWrong.selector);

        IValidityVerifier.Leaf[] memory leaves = evidence().leaves;
        given.leaves = new IValidityVerifier.Leaf[](1);
        given.leaves[0] = leaves[0];
        assertWrong(given, IValidityVerifier.StateRootWrong.selector);
        given.leaves[0] = leaves[1];
        assertWrong(given, IValidityVerifier.PublicsWrong.selector);

        given.leaves = new IValidityVerifier.Leaf[](3);
        (given.leaves[0], given.leaves[1], given.leaves[2]) = (leaves[0], leaves[1], leaves[1]);
        assertWrong(given, IValidityVerifier.PublicsWrong.selector);
    }

    function test_leaves_are_few_and_not_none() public {
        IValidityVerifier.Evidence memory given = evidence();
        uint256 most = validity.LEAF_COUNT_MAX();
        given.leaves = new IValidityVerifier.Leaf[](0);
        assertRefused(given, abi.encodeWithSelector(IValidityVerifier.LeafCountOutOfRange.selector, 0, most));
        given.leaves = new IValidityVerifier.Leaf[](most + 1);
        assertRefused(given, abi.encodeWithSelector(IValidityVerifier.LeafCountOutOfRange.selector, most + 1, most));
    }

    function test_nothing_of_a_leaf_can_change() public {
        for (uint256 part = 0; part <= uint256(type(Part).max); ++part) {
            for (uint256 leaf = 0; leaf < BatchFile.LEAVES; ++leaf) {
                IValidityVerifier.Evidence memory given = evidence();
                if (change(given, leaf, Part(part))) assertWrong(given, IValidityVerifier.PublicsWrong.selector);
            }
        }
    }

    function test_messages_are_all_there_in_their_order() public {
        IValidityVerifier.Evidence memory given = evidence();
        IValidityVerifier.Message[] memory list = given.leaves[0].messages;
        uint256 count = list.length;
        vm.assertEq(count, 65, "more than fill a table of 64 rows");
        (list[0], list[1]) = (list[1], list[0]);
        assertWrong(given, IValidityVerifier.PublicsWrong.selector);
        (list[0], list[1]) = (list[1], list[0]);
        assertAccepted(given);

        IValidityVerifier.Message[] memory more = new IValidityVerifier.Message[](count + 1);
        IValidityVerifier.Message[] memory fewer = new IValidityVerifier.Message[](count - 1);
        for (uint256 i = 0; i < count; ++i) {
            more[i] = list[i];
            if (i + 1 < count) fewer[i] = list[i];
        }
        given.leaves[0].messages = fewer;
        assertWrong(given, IValidityVerifier.PublicsWrong.selector);

        more[count] = given.leaves[1].messages[0];
        given.leaves[0].messages = more;
        given.leaves[0].actions = given.leaves[1].actions;
        assertWrong(given, IValidityVerifier.PublicsWrong.selector);
        // The batch would have the same messages still.
        IValidityVerifier.Message[] memory rest = new IValidityVerifier.Message[](1);
        rest[0] = given.leaves[1].messages[1];
        given.leaves[1].messages = rest;
        given.leaves[1].actions = new uint64[14][](0);
        assertWrong(given, IValidityVerifier.PublicsWrong.selector);
    }

    function test_withdrawals_are_all_there_in_their_order() public {
        IValidityVerifier.Evidence memory given = evidence();
        IVault.Withdrawal[] memory list = given.leaves[1].withdrawals;
        (list[0], list[1]) = (list[1], list[0]);
        assertWrong(given, IValidityVerifier.PublicsWrong.selector);
        given.header.withdrawalsRoot = ListBuilder.root(leavesOf(list));
        assertWrong(given, IValidityVerifier.PublicsWrong.selector);

        given.leaves[1].withdrawals = new IVault.Withdrawal[](1);
        given.leaves[1].withdrawals[0] = list[1];
        given.header.withdrawalsRoot = leafOf(list[1]);
        assertWrong(given, IValidityVerifier.PublicsWrong.selector);

        // The batch has the same withdrawals still, made by the other leaf.
        given = evidence();
        given.leaves[0].withdrawals = given.leaves[1].withdrawals;
        given.leaves[1].withdrawals = new IVault.Withdrawal[](0);
        assertWrong(given, IValidityVerifier.PublicsWrong.selector);
    }

    function test_a_message_has_one_of_three_kinds() public {
        for (uint8 kind = 0; kind < 6; ++kind) {
            if (kind >= 1 && kind <= 3) continue;
            IValidityVerifier.Evidence memory given = evidence();
            given.leaves[0].messages[1].kind = kind;
            assertRefused(given, abi.encodeWithSelector(IValidityVerifier.MessageKindUnknown.selector, 0, kind));
        }
    }

    function test_every_action_is_a_message_and_has_its_elements() public {
        IValidityVerifier.Evidence memory given = evidence();
        vm.assertEq(given.leaves[1].actions.length, 1, "a forced transfer");
        for (uint256 place = 0; place < 14; ++place) {
            given = evidence();
            given.leaves[1].actions[0][place] ^= 1;
            assertWrong(given, IValidityVerifier.PublicsWrong.selector);
        }
        given.leaves[1].actions = new uint64[14][](2);
        assertRefused(given, abi.encodeWithSelector(IValidityVerifier.ActionCountWrong.selector, 1, 2));
        given.leaves[1].actions = new uint64[14][](0);
        assertRefused(given, abi.encodeWithSelector(IValidityVerifier.ActionCountWrong.selector, 1, 0));
        given = evidence();
        given.leaves[0].messages[1].kind = 3;
        assertRefused(given, abi.encodeWithSelector(IValidityVerifier.ActionCountWrong.selector, 0, 0));
    }

    function test_a_number_has_one_spelling() public {
        // Modulo the order these are what was proven; on this chain they would be much more, or another account.
        IValidityVerifier.Evidence memory given = evidence();
        Quanta amount = given.leaves[1].withdrawals[0].amount;
        given.leaves[1].withdrawals[0].amount = Quanta.wrap(Quanta.unwrap(amount) + uint64(GOLDILOCKS_ORDER));
        given.header.withdrawalsRoot = ListBuilder.root(leavesOf(given.leaves[1].withdrawals));
        assertRefused(given, abi.encodeWithSelector(IValidityVerifier.CrossingOutOfRange.selector, 1));

        given = evidence();
        amount = given.leaves[0].messages[0].amount;
        given.leaves[0].messages[0].amount = Quanta.wrap(Quanta.unwrap(amount) + uint64(GOLDILOCKS_ORDER));
        assertRefused(given, abi.encodeWithSelector(IValidityVerifier.CrossingOutOfRange.selector, 0));

        given = evidence();
        given.leaves[1].messages[0].account = AccountId.wrap(bytes32(uint256(GOLDILOCKS_ORDER) << 64 | 1));
        assertRefused(given, abi.encodeWithSelector(IValidityVerifier.CrossingOutOfRange.selector, 1));
    }

    function test_bytes_that_are_no_evidence_are_refused() public {
        (bytes32 digest, bytes memory encoded) = attested(evidence());
        for (uint256 length = encoded.length; length > 0;) {
            length -= 32;
            assembly ("memory-safe") {
                mstore(encoded, length)
            }
            vm.prank(address(rollup));
            (bool done,) = address(validity).staticcall(abi.encodeCall(IVerifier.accepts, (digest, encoded)));
            vm.assertFalse(done, "shorter than it says");
        }
    }

    // Changes.

    function changeHeader(IRollup.Header memory header, uint256 field) private pure {
        if (field == 0) header.configHash ^= bytes32(uint256(1));
        else if (field == 1) header.number ^= 1;
        else if (field == 2) header.parentRoot ^= bytes32(uint256(1));
        else if (field == 3) header.stateRoot ^= bytes32(uint256(1));
        else if (field == 4) header.inboxCount ^= 1;
        else if (field == 5) header.inboxHash ^= bytes32(uint256(1));
        else if (field == 6) header.withdrawalsRoot ^= bytes32(uint256(1));
        else if (field == 7) header.dataRoot ^= bytes32(uint256(1));
        else header.diffHash ^= bytes32(uint256(1));
    }

    /// @dev Changes a part of a leaf, and whatever of the header would follow from it. Returns whether the leaf has it.
    function change(IValidityVerifier.Evidence memory given, uint256 number, Part part) private pure returns (bool) {
        IValidityVerifier.Leaf memory leaf = given.leaves[number];
        if (part < Part.MessageKind) changeLeaf(given, number, part);
        else if (part < Part.WithdrawalIndex) changeMessage(leaf.messages[leaf.messages.length - 1], part);
        else if (leaf.withdrawals.length == 0) return false;
        else changeWithdrawal(leaf.withdrawals[0], part);
        given.header.withdrawalsRoot = ListBuilder.root(leavesOf(given.leaves[1].withdrawals));
        return true;
    }

    function changeLeaf(IValidityVerifier.Evidence memory given, uint256 number, Part part) private pure {
        IValidityVerifier.Leaf memory leaf = given.leaves[number];
        if (part == Part.InboxCount) given.inboxCount += 1;
        else if (part == Part.InboxHash) given.inboxHash ^= bytes32(uint256(1) << (32 * number));
        else if (part == Part.TimeBefore) given.time += 1;
        else if (part == Part.Time) leaf.time += 1;
        else if (part == Part.StateRoot) leaf.stateRoot ^= bytes32(uint256(1));
        else if (part == Part.Entries) leaf.entries ^= bytes32(uint256(1));
        else if (part == Part.Taken) leaf.taken ^= bytes32(uint256(1));
        else leaf.made ^= bytes32(uint256(1));
        if (part == Part.StateRoot && number == 1) given.header.stateRoot = leaf.stateRoot;
    }

    function changeMessage(IValidityVerifier.Message memory message, Part part) private pure {
        if (part == Part.MessageKind) message.kind ^= 3;
        else if (part == Part.MessageAccount) message.account = flipped(message.account);
        else if (part == Part.MessageToken) message.token = flipped(message.token);
        else if (part == Part.MessageAmount) message.amount = flipped(message.amount);
        else message.party = address(uint160(message.party) ^ 1);
    }

    function changeWithdrawal(IVault.Withdrawal memory withdrawal, Part part) private pure {
        if (part == Part.WithdrawalIndex) withdrawal.index ^= 1;
        else if (part == Part.WithdrawalRecipient) withdrawal.recipient = address(uint160(withdrawal.recipient) ^ 1);
        else if (part == Part.WithdrawalToken) withdrawal.token = flipped(withdrawal.token);
        else withdrawal.amount = flipped(withdrawal.amount);
    }

    function flipped(AccountId id) private pure returns (AccountId) {
        return AccountId.wrap(AccountId.unwrap(id) ^ bytes32(uint256(1)));
    }

    function flipped(TokenId id) private pure returns (TokenId) {
        return TokenId.wrap(TokenId.unwrap(id) ^ bytes32(uint256(1)));
    }

    function flipped(Quanta amount) private pure returns (Quanta) {
        return Quanta.wrap(Quanta.unwrap(amount) ^ 1);
    }

    // Verdicts.

    /// @dev Asks about attested evidence, as the rollup would.
    function ask(IValidityVerifier.Evidence memory given) private returns (bool done, bytes memory answer) {
        (bytes32 digest, bytes memory encoded) = attested(given);
        vm.prank(address(rollup));
        return address(validity).staticcall(abi.encodeCall(IVerifier.accepts, (digest, encoded)));
    }

    function assertAccepted(IValidityVerifier.Evidence memory given) private {
        (bool done, bytes memory answer) = ask(given);
        vm.assertTrue(done && abi.decode(answer, (bool)), "accepted");
    }

    function assertRefused(IValidityVerifier.Evidence memory given, bytes memory fault) private {
        (bool done, bytes memory answer) = ask(given);
        vm.assertFalse(done, "refused");
        vm.assertEq(keccak256(answer), keccak256(fault), "for this reason");
    }

    /// @dev For what this leaf's proof says.
    function assertLeafWrong(IValidityVerifier.Evidence memory given, uint256 number) private {
        (bool done, bytes memory answer) = ask(given);
        vm.assertFalse(done, "refused");
        vm.assertEq(bytes32(bytes4(answer)), bytes32(IValidityVerifier.PublicsWrong.selector), "for this reason");
        uint256 leaf;
        assembly ("memory-safe") {
            leaf := mload(add(answer, 0x24))
        }
        vm.assertEq(leaf, number, "of this leaf");
    }

    function assertWrong(IValidityVerifier.Evidence memory given, bytes4 fault) private {
        (bool done, bytes memory answer) = ask(given);
        vm.assertFalse(done, "refused");
        vm.assertEq(bytes32(bytes4(answer)), bytes32(fault), "for this reason");
    }
}
