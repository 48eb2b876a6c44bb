// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "../src/AccountId.sol";
import { Quanta } from "../src/Quanta.sol";
import { Rollup } from "../src/Rollup.sol";
import { TokenId } from "../src/TokenId.sol";
import { IRollup } from "../src/interfaces/IRollup.sol";
import { IVerifier } from "../src/interfaces/IVerifier.sol";
import { FixedVerifier } from "./support/Doubles.sol";
import { TaleaTest } from "./support/TaleaTest.sol";
import { vm } from "./support/Vm.sol";

contract RollupTest is TaleaTest {
    // Genesis.

    function test_a_rollup_starts_from_its_genesis() public view {
        vm.assertEq(rollup.configHash(), CONFIG_HASH, "config");
        vm.assertEq(rollup.stateRoot(), GENESIS_ROOT, "state");
        vm.assertEq(address(rollup.verifier()), address(committee), "verifier");
        vm.assertEq(rollup.batchNumber(), 0, "batch");
        vm.assertEq(rollup.consumed(), 0, "consumed");
        vm.assertEq(rollup.inboxCount(), 0, "inbox");
        vm.assertEq(rollup.inboxHash(0), 0, "inbox hash");
        vm.assertEq(rollup.withdrawalsRoot(0), 0, "no withdrawals at genesis");
        vm.assertEq(rollup.withdrawalsRoot(1), 0, "no withdrawals yet");
    }

    function test_rollup_and_vault_know_each_other() public view {
        vm.assertEq(address(vault.rollup()), address(rollup), "rollup");
        vm.assertEq(vault.owner(), owner, "owner");
        vm.assertEq(address(exits), address(vault.exits()), "exits");
        vm.assertEq(address(exits.rollup()), address(rollup), "the rollup of exits");
        vm.assertEq(address(exits.vault()), address(vault), "the vault of exits");
        vm.assertEq(halves.vault(), address(vault), "the vault of halves");
    }

    function test_the_contracts_fit_the_limits_of_ethereum() public view {
        vm.assertLt(address(rollup).code.length, 24_577, "rollup code");
        vm.assertLt(address(vault).code.length, 24_577, "vault code");
        vm.assertLt(address(exits).code.length, 24_577, "exits code");
        vm.assertLt(address(halves).code.length, 24_577, "halves code");
        vm.assertLt(address(committee).code.length, 24_577, "committee code");
        vm.assertLt(type(Rollup).creationCode.length + 9 * 32, 49_153, "rollup creation, which carries the others");
    }

    function test_genesis_needs_a_config_hash() public {
        vm.expectRevert(IRollup.GenesisIncomplete.selector);
        new Rollup(0, GENESIS_ROOT, committee, safeRules(), owner, owner);
    }

    function test_genesis_needs_a_state_root() public {
        vm.expectRevert(IRollup.GenesisIncomplete.selector);
        new Rollup(CONFIG_HASH, 0, committee, safeRules(), owner, owner);
    }

    function test_the_verifier_has_code() public {
        refuses(abi.encodeWithSelector(IRollup.VerifierWithoutCode.selector, depositor));
        new Rollup(CONFIG_HASH, GENESIS_ROOT, IVerifier(depositor), safeRules(), owner, owner);
    }

    // Settling.

    function test_a_batch_moves_the_chain_on() public {
        depositETH(GWEI);
        IRollup.Header memory header = nextHeader();
        header.withdrawalsRoot = keccak256("withdrawals");
        bytes memory evidence = quorum(rollup.headerDigest(header), THRESHOLD);
        vm.expectEmit(address(rollup));
        emit IRollup.BatchSettled(
            1,
            header.stateRoot,
            GENESIS_ROOT,
            1,
            header.inboxHash,
            header.withdrawalsRoot,
            header.dataRoot,
            header.diffHash
        );
        rollup.settle(header, chunks(), evidence);
        vm.assertEq(rollup.batchNumber(), 1, "batch");
        vm.assertEq(rollup.stateRoot(), header.stateRoot, "state");
        vm.assertEq(rollup.consumed(), 1, "consumed");
        vm.assertEq(rollup.withdrawalsRoot(1), header.withdrawalsRoot, "withdrawals");
    }

    function test_batches_follow_each_other() public {
        for (uint64 number = 1; number <= 5; ++number) {
            if (number % 2 == 0) depositETH(GWEI);
            settle(nextHeader());
            vm.assertEq(rollup.batchNumber(), number, "batch");
        }
        vm.assertEq(rollup.consumed(), 2, "consumed");
    }

    function test_a_batch_may_leave_deposits_for_later() public {
        depositETH(GWEI);
        depositETH(2 * GWEI);
        IRollup.Header memory header = nextHeader();
        (header.inboxCount, header.inboxHash) = (1, rollup.inboxHash(1));
        settle(header);
        vm.assertEq(rollup.consumed(), 1, "consumed");
        settle(nextHeader());
        vm.assertEq(rollup.consumed(), 2, "consumed later");
    }

    function test_a_deposit_in_flight_does_not_stop_a_batch() public {
        depositETH(GWEI);
        IRollup.Header memory header = nextHeader();
        bytes memory evidence = quorum(rollup.headerDigest(header), THRESHOLD);
        depositETH(GWEI);
        rollup.settle(header, chunks(), evidence);
        vm.assertEq(rollup.consumed(), 1, "consumed");
    }

    function test_another_config_is_refused() public {
        IRollup.Header memory header = nextHeader();
        header.configHash = keccak256("other");
        refusesHeader(header, abi.encodeWithSelector(IRollup.ConfigHashWrong.selector, header.configHash, CONFIG_HASH));
    }

    function testFuzz_only_the_next_number_is_accepted(uint64 number) public {
        settle(nextHeader());
        vm.assume(number != 2);
        IRollup.Header memory header = nextHeader();
        header.number = number;
        refusesHeader(header, abi.encodeWithSelector(IRollup.NumberWrong.selector, number, 2));
    }

    function test_a_settled_batch_does_not_settle_again() public {
        IRollup.Header memory header = nextHeader();
        bytes memory evidence = quorum(rollup.headerDigest(header), THRESHOLD);
        rollup.settle(header, chunks(), evidence);
        refuses(abi.encodeWithSelector(IRollup.NumberWrong.selector, 1, 2));
        rollup.settle(header, chunks(), evidence);
    }

    function testFuzz_only_the_current_root_is_a_parent(bytes32 parent) public {
        vm.assume(parent != GENESIS_ROOT);
        IRollup.Header memory header = nextHeader();
        header.parentRoot = parent;
        refusesHeader(header, abi.encodeWithSelector(IRollup.ParentRootWrong.selector, parent, GENESIS_ROOT));
    }

    function test_a_zero_root_is_no_state() public {
        IRollup.Header memory header = nextHeader();
        header.stateRoot = 0;
        refusesHeader(header, abi.encodeWithSelector(IRollup.StateRootZero.selector));
    }

    function test_consumed_deposits_stay_consumed() public {
        depositETH(GWEI);
        depositETH(GWEI);
        settle(nextHeader());
        IRollup.Header memory header = nextHeader();
        (header.inboxCount, header.inboxHash) = (1, rollup.inboxHash(1));
        refusesHeader(header, abi.encodeWithSelector(IRollup.InboxCountOutOfRange.selector, 1, 2, 2));
    }

    function test_deposits_that_nobody_made_are_refused() public {
        depositETH(GWEI);
        IRollup.Header memory header = nextHeader();
        (header.inboxCount, header.inboxHash) = (2, 0);
        refusesHeader(header, abi.encodeWithSelector(IRollup.InboxCountOutOfRange.selector, 2, 0, 1));
    }

    function testFuzz_only_the_queued_deposits_are_accepted(bytes32 inboxHash) public {
        depositETH(GWEI);
        IRollup.Header memory header = nextHeader();
        vm.assume(inboxHash != header.inboxHash);
        bytes32 expected = header.inboxHash;
        header.inboxHash = inboxHash;
        refusesHeader(header, abi.encodeWithSelector(IRollup.InboxHashWrong.selector, inboxHash, expected));
    }

    // Evidence.

    function test_a_verifier_that_says_no_is_obeyed() public {
        use(deploy(new FixedVerifier(false), safeRules()));
        IRollup.Header memory header = nextHeader();
        refuses(abi.encodeWithSelector(IRollup.EvidenceRefused.selector, rollup.headerDigest(header)));
        rollup.settle(header, chunks(), "");
    }

    function test_an_accepted_batch_still_has_to_follow() public {
        use(deploy(new FixedVerifier(true), safeRules()));
        IRollup.Header memory header = nextHeader();
        rollup.settle(header, chunks(), "");
        refuses(abi.encodeWithSelector(IRollup.NumberWrong.selector, 1, 2));
        rollup.settle(header, chunks(), "");
    }

    function testFuzz_a_signed_header_changed_in_any_field_is_refused(uint256 field, bytes32 flip) public {
        depositETH(GWEI);
        IRollup.Header memory header = nextHeader();
        bytes32 digest = rollup.headerDigest(header);
        bytes memory evidence = quorum(digest, THRESHOLD);
        tamper(header, field, flip);
        vm.assertNotEq(rollup.headerDigest(header), digest, "the digest covers the field");
        vm.expectRevert();
        rollup.settle(header, chunks(), evidence);
        vm.assertEq(rollup.batchNumber(), 0, "nothing settled");
    }

    function test_evidence_for_another_rollup_is_refused() public {
        Rollup other = deploy(committee, safeRules());
        IRollup.Header memory header = nextHeader();
        bytes memory evidence = quorum(other.headerDigest(header), THRESHOLD);
        vm.expectRevert();
        rollup.settle(header, chunks(), evidence);
        other.settle(header, chunks(), evidence);
    }

    function test_evidence_for_another_chain_is_refused() public {
        IRollup.Header memory header = nextHeader();
        bytes memory evidence = quorum(rollup.headerDigest(header), THRESHOLD);
        uint256 home = block.chainid;
        vm.chainId(home + 1);
        vm.expectRevert();
        rollup.settle(header, chunks(), evidence);
        vm.chainId(home);
        rollup.settle(header, chunks(), evidence);
    }

    function testFuzz_the_digest_is_eip712(IRollup.Header memory header) public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Talea"),
                keccak256("1"),
                block.chainid,
                address(rollup)
            )
        );
        bytes memory fields = bytes.concat(
            abi.encode(header.configHash, header.number, header.parentRoot, header.stateRoot),
            abi.encode(header.inboxCount, header.inboxHash, header.withdrawalsRoot, header.dataRoot, header.diffHash)
        );
        bytes32 typeHash = keccak256(
            "Header(bytes32 configHash,uint64 number,bytes32 parentRoot,bytes32 stateRoot,uint64 inboxCount,bytes32 inboxHash,bytes32 withdrawalsRoot,bytes32 dataRoot,bytes32 diffHash)"
        );
        bytes32 hash = keccak256(bytes.concat(typeHash, fields));
        bytes32 expected = keccak256(bytes.concat(hex"1901", domain, hash));
        vm.assertEq(rollup.headerDigest(header), expected, "digest");
    }

    // The inbox.

    function test_only_the_vault_queues_deposits() public {
        refuses(abi.encodeWithSelector(IRollup.CallerNotVault.selector, depositor));
        vm.prank(depositor);
        rollup.append(account, idOf(ETH), Quanta.wrap(1), depositor);
    }

    function testFuzz_the_inbox_hash_rolls_over_every_field(
        bytes32[3] memory accounts,
        bytes32[3] memory tokens,
        uint64[3] memory amounts,
        address[3] memory senders
    ) public {
        bytes32 hash = 0;
        for (uint64 i = 0; i < 3; ++i) {
            (AccountId to, TokenId id) = (AccountId.wrap(accounts[i]), TokenId.wrap(tokens[i]));
            vm.expectEmit(address(rollup));
            emit IRollup.DepositQueued(i, to, id, Quanta.wrap(amounts[i]), senders[i]);
            vm.prank(address(vault));
            uint64 index = rollup.append(to, id, Quanta.wrap(amounts[i]), senders[i]);
            vm.assertEq(index, i, "index");
            hash = hashAfter(hash, i, 1, transferPayload(to, id, amounts[i], senders[i]));
            vm.assertEq(rollup.inboxHash(i + 1), hash, "hash");
        }
        vm.assertEq(rollup.inboxCount(), 3, "count");
    }

    function test_the_inbox_hash_ends_with_the_inbox() public {
        depositETH(GWEI);
        refuses(abi.encodeWithSelector(IRollup.InboxTooShort.selector, 2, 1));
        rollup.inboxHash(2);
    }

    function refusesHeader(IRollup.Header memory header, bytes memory fault) private {
        bytes memory evidence = quorum(rollup.headerDigest(header), THRESHOLD);
        refuses(fault);
        rollup.settle(header, chunks(), evidence);
    }

    /// @dev Changes one of the nine fields to something it was not.
    function tamper(IRollup.Header memory header, uint256 field, bytes32 flip) private pure {
        field %= 9;
        uint64 flipNumber = uint64(uint256(flip));
        vm.assume(flip != 0 && flipNumber != 0);
        if (field == 0) header.configHash ^= flip;
        else if (field == 1) header.number ^= flipNumber;
        else if (field == 2) header.parentRoot ^= flip;
        else if (field == 3) header.stateRoot ^= flip;
        else if (field == 4) header.inboxCount ^= flipNumber;
        else if (field == 5) header.inboxHash ^= flip;
        else if (field == 6) header.withdrawalsRoot ^= flip;
        else if (field == 7) header.dataRoot ^= flip;
        else header.diffHash ^= flip;
    }
}
