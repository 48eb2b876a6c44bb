// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId, GOLDILOCKS_ORDER } from "../src/AccountId.sol";
import { Quanta } from "../src/Quanta.sol";
import { Rollup } from "../src/Rollup.sol";
import { TokenId } from "../src/TokenId.sol";
import { IExits } from "../src/interfaces/IExits.sol";
import { IRollup } from "../src/interfaces/IRollup.sol";
import { IVault } from "../src/interfaces/IVault.sol";
import { PoseidonReference } from "./support/PoseidonReference.sol";
import { TaleaTest } from "./support/TaleaTest.sol";
import { vm } from "./support/Vm.sol";

/// @dev Messages that nobody can keep out, and what happens when they are ignored.
contract InboxTest is TaleaTest {
    // Accounts.

    function test_anybody_opens_an_account_for_its_owner() public {
        AccountId expected = exits.accountOf(SCHEME, keyOf("key"), recipient);
        vm.expectEmit(address(rollup));
        emit IRollup.AccountOpened(expected, recipient);
        vm.prank(depositor);
        AccountId opened = rollup.openAccount(SCHEME, keyOf("key"), recipient);
        vm.assertEq(AccountId.unwrap(opened), AccountId.unwrap(expected), "account");
        vm.assertEq(rollup.ownerOf(opened), recipient, "owner");
        vm.assertTrue(opened.isWellFormed(), "well formed");
    }

    /// @dev By the definition: a sponge of the reference permutation over scheme, key and owner.
    function testFuzz_an_account_binds_scheme_key_and_owner(uint8 scheme, bytes memory name, address of_) public view {
        uint64[5] memory key = keyOf(name);
        uint256[12] memory elements;
        elements[0] = scheme;
        for (uint256 i = 0; i < 5; ++i) {
            elements[1 + i] = key[i];
            elements[6 + i] = uint32(uint160(of_) >> (128 - 32 * i));
        }
        uint256[8] memory state;
        (state[4], state[5]) = (3, 11);
        for (uint256 start = 0; start < 12; start += 4) {
            for (uint256 i = 0; i < 4; ++i) {
                state[i] = addmod(state[i], elements[start + i], GOLDILOCKS_ORDER);
            }
            PoseidonReference.permute(state);
        }
        uint256 expected = (state[0] << 192) | (state[1] << 128) | (state[2] << 64) | state[3];
        vm.assertEq(AccountId.unwrap(exits.accountOf(scheme, key, of_)), bytes32(expected), "account");
    }

    function test_a_key_has_one_spelling() public {
        for (uint256 i = 0; i < 5; ++i) {
            uint64[5] memory key;
            key[i] = uint64(GOLDILOCKS_ORDER);
            refuses(abi.encodeWithSelector(IExits.KeyMalformed.selector, i));
            rollup.openAccount(SCHEME, key, recipient);
        }
    }

    function test_an_account_is_opened_once() public {
        AccountId opened = rollup.openAccount(SCHEME, keyOf("key"), recipient);
        refuses(abi.encodeWithSelector(IRollup.AccountAlreadyOpened.selector, opened));
        rollup.openAccount(SCHEME, keyOf("key"), recipient);
    }

    function test_nobody_owns_no_account() public {
        vm.expectRevert(IRollup.OwnerZero.selector);
        rollup.openAccount(SCHEME, keyOf("key"), address(0));
    }

    // Forced withdrawals.

    function testFuzz_the_owner_forces_a_withdrawal(uint64 amount, bool ofHalf) public {
        amount = uint64(bound(amount, 1, 2 ** 62 - 1));
        TokenId moved = ofHalf ? halfOf("half") : idOf(address(token));
        AccountId opened = rollup.openAccount(SCHEME, keyOf("key"), recipient);
        depositETH(GWEI);
        bytes32 hashBefore = rollup.inboxHash(1);
        vm.expectEmit(address(rollup));
        emit IRollup.WithdrawalForced(1, opened, moved, Quanta.wrap(amount), recipient);
        vm.prank(recipient);
        vm.assertEq(rollup.forceWithdrawal(opened, moved, Quanta.wrap(amount)), 1, "index");
        bytes32 expected = hashAfter(hashBefore, 1, 2, transferPayload(opened, moved, amount, recipient));
        vm.assertEq(rollup.inboxHash(2), expected, "hash");
    }

    function test_only_the_owner_forces_a_withdrawal() public {
        AccountId opened = rollup.openAccount(SCHEME, keyOf("key"), recipient);
        refuses(abi.encodeWithSelector(IRollup.CallerNotOwner.selector, depositor, opened));
        vm.prank(depositor);
        rollup.forceWithdrawal(opened, idOf(ETH), Quanta.wrap(1));
    }

    function test_an_account_has_to_be_open_to_be_withdrawn_from() public {
        refuses(abi.encodeWithSelector(IRollup.CallerNotOwner.selector, depositor, account));
        vm.prank(depositor);
        rollup.forceWithdrawal(account, idOf(ETH), Quanta.wrap(1));
    }

    function test_a_forced_withdrawal_has_an_amount() public {
        refusesForced(idOf(ETH), 0, abi.encodeWithSelector(IRollup.AmountOutOfRange.selector, 0));
        uint64 tooMuch = 2 ** 62;
        refusesForced(idOf(ETH), tooMuch, abi.encodeWithSelector(IRollup.AmountOutOfRange.selector, tooMuch));
    }

    function test_a_forced_withdrawal_has_a_token_that_exists() public {
        refusesToken(idOf(address(committee)));
        refusesToken(TokenId.wrap(bytes32(type(uint256).max)));
        // The asset that stands for a token is no half, though it looks like one.
        refusesToken(TokenId.wrap(exits.assetOf(ETH)));
        refusesToken(TokenId.wrap(exits.assetOf(address(token))));
    }

    // Forced actions.

    function testFuzz_the_owner_forces_an_action(bytes memory name) public {
        uint64[14] memory elements = transferOf(name);
        vm.expectEmit(address(rollup));
        emit IRollup.ActionForced(0, forcing, elements);
        vm.assertEq(force(name), 0, "index");
        vm.assertEq(rollup.inboxHash(1), hashAfter(0, 0, 3, actionPayload(forcing, elements)), "hash");
    }

    function test_only_the_owner_forces_an_action() public {
        refuses(abi.encodeWithSelector(IRollup.CallerNotOwner.selector, depositor, forcing));
        vm.prank(depositor);
        rollup.forceAction(forcing, transferOf("name"));
        refuses(abi.encodeWithSelector(IRollup.CallerNotOwner.selector, recipient, account));
        vm.prank(recipient);
        rollup.forceAction(account, transferOf("name"));
    }

    /// @dev The actions by their numbers, each with what its places may hold beyond the digest behind the number: an amount
    /// or two halves.
    function testFuzz_only_actions_are_forced(uint64 number) public {
        number = uint64(bound(number, 0, 40));
        bool isForcible = number == 1 || (number >= 3 && number <= 5) || (number >= 7 && number <= 9) || number == 19;
        uint64[14] memory elements;
        elements[0] = number;
        if (!isForcible) refuses(abi.encodeWithSelector(IRollup.ActionRefused.selector, number));
        forceElements(elements);
        vm.assertEq(rollup.inboxCount(), isForcible ? 1 : 0, "queued");
    }

    function test_every_element_of_an_action_is_in_its_range() public {
        uint64[8] memory numbers = [uint64(1), 3, 4, 5, 7, 8, 9, 19];
        for (uint256 i = 0; i < 8; ++i) {
            for (uint256 place = 1; place < 14; ++place) {
                checkRange(numbers[i], place);
            }
        }
    }

    function checkRange(uint64 number, uint256 place) private {
        uint256 most = 0;
        if (place <= 4 || (number == 1 && place <= 8)) most = GOLDILOCKS_ORDER - 1;
        else if (number == 1 && place == 9) most = 2 ** 62 - 1;
        else if (number == 7 && place == 5) most = 2 ** 62 - 1;
        else if ((number == 4 || number == 8) && place <= 6) most = type(uint32).max;
        uint64[14] memory elements;
        (elements[0], elements[place]) = (number, uint64(most));
        forceElements(elements);
        elements[place] = uint64(most + 1);
        refuses(abi.encodeWithSelector(IRollup.ElementOutOfRange.selector, place));
        forceElements(elements);
    }

    function forceElements(uint64[14] memory elements) private {
        vm.prank(recipient);
        rollup.forceAction(forcing, elements);
    }

    function test_messages_of_all_kinds_share_one_queue() public {
        AccountId opened = rollup.openAccount(SCHEME, keyOf("key"), recipient);
        bytes32 hash = hashAfter(0, 0, 3, actionPayload(forcing, transferOf("first")));
        force("first");
        hash = hashAfter(hash, 1, 1, transferPayload(account, idOf(ETH), 7, depositor));
        depositETH(7 * GWEI);
        hash = hashAfter(hash, 2, 2, transferPayload(opened, idOf(ETH), 5, recipient));
        vm.prank(recipient);
        rollup.forceWithdrawal(opened, idOf(ETH), Quanta.wrap(5));
        vm.assertEq(rollup.inboxCount(), 3, "count");
        vm.assertEq(rollup.inboxHash(3), hash, "hash");
    }

    // Time.

    function testFuzz_every_message_keeps_its_time(uint32[9] memory waits) public {
        uint64[9] memory times;
        for (uint64 i = 0; i < 9; ++i) {
            vm.warp(block.timestamp + waits[i]);
            times[i] = uint64(block.timestamp);
            force("timed");
        }
        for (uint64 i = 0; i < 9; ++i) {
            vm.assertEq(rollup.messageTime(i), times[i], "time");
        }
        refuses(abi.encodeWithSelector(IRollup.InboxTooShort.selector, 9, 9));
        rollup.messageTime(9);
    }

    function testFuzz_a_batch_may_not_leave_a_message_past_its_deadline(uint256 wait) public {
        wait = bound(wait, 0, 3 * FORCED_DEADLINE);
        force("consumed");
        vm.warp(block.timestamp + 100);
        force("left");
        uint64 deadline = uint64(block.timestamp) + FORCED_DEADLINE;
        vm.warp(block.timestamp + wait);
        IRollup.Header memory header = nextHeader();
        (header.inboxCount, header.inboxHash) = (1, rollup.inboxHash(1));
        bytes memory evidence = quorum(rollup.headerDigest(header), THRESHOLD);
        bytes memory fault = abi.encodeWithSelector(IRollup.InboxOverdue.selector, 1, deadline);
        bool late = wait > FORCED_DEADLINE;
        if (late) refuses(fault);
        rollup.propose(header, chunks());
        if (late) refuses(fault);
        rollup.settle(header, chunks(), evidence);
        vm.assertEq(rollup.batchNumber(), late ? 0 : 1, "settled");
    }

    function test_a_batch_that_consumes_the_overdue_settles() public {
        force("late");
        vm.warp(block.timestamp + 100 * FORCED_DEADLINE);
        settle(nextHeader());
        vm.assertEq(rollup.consumed(), 1, "consumed");
    }

    // Freezing.

    function testFuzz_a_rollup_is_frozen_after_the_grace_and_not_before(uint256 wait) public {
        wait = bound(wait, 0, 3 * (FORCED_DEADLINE + FREEZE_GRACE));
        force("settled");
        settle(nextHeader());
        force("ignored");
        vm.warp(block.timestamp + wait);
        bool late = wait > FORCED_DEADLINE + FREEZE_GRACE;
        if (late) {
            vm.expectEmit(address(rollup));
            emit IRollup.RollupFrozen(1, rollup.stateRoot());
        } else {
            vm.expectRevert(IRollup.FreezeTooEarly.selector);
        }
        vm.prank(depositor);
        rollup.freeze();
        vm.assertEq(rollup.frozen(), late, "frozen");
    }

    function test_a_rollup_with_nothing_waiting_is_not_frozen() public {
        vm.warp(block.timestamp + 3650 days);
        vm.expectRevert(IRollup.FreezeTooEarly.selector);
        rollup.freeze();
        force("consumed");
        settle(nextHeader());
        vm.warp(block.timestamp + 3650 days);
        vm.expectRevert(IRollup.FreezeTooEarly.selector);
        rollup.freeze();
    }

    function test_a_frozen_rollup_does_nothing_more() public {
        AccountId opened = rollup.openAccount(SCHEME, keyOf("key"), recipient);
        IRollup.Header memory header = nextHeader();
        bytes memory evidence = quorum(rollup.headerDigest(header), THRESHOLD);
        vm.prank(owner);
        rollup.announceVerifier(committee);
        freezeRollup();
        refusesFrozen();
        rollup.freeze();
        refusesFrozen();
        rollup.settle(header, chunks(), evidence);
        refusesFrozen();
        rollup.propose(header, chunks());
        refusesFrozen();
        rollup.publish("more");
        refusesFrozen();
        vm.prank(depositor);
        vault.depositETH{ value: GWEI }(account);
        refusesFrozen();
        force("more");
        refusesFrozen();
        vm.prank(recipient);
        rollup.forceWithdrawal(opened, idOf(ETH), Quanta.wrap(1));
        vm.warp(block.timestamp + EXIT_WINDOW);
        refusesFrozen();
        rollup.activateVerifier();
        refusesFrozen();
        vm.prank(owner);
        rollup.announceVerifier(committee);
        vm.assertTrue(rollup.frozen(), "frozen");
    }

    function test_a_settled_withdrawal_is_claimed_from_a_frozen_rollup() public {
        depositETH(5 * GWEI);
        IVault.Withdrawal[] memory list = new IVault.Withdrawal[](1);
        list[0] = IVault.Withdrawal(0, recipient, idOf(ETH), Quanta.wrap(5));
        uint64 batch = settleWithdrawals(list);
        freezeRollup();
        vault.claim(batch, list[0], 0, new bytes32[](0));
        vm.assertEq(recipient.balance, 5 * GWEI, "paid");
    }

    // Rules.

    function testFuzz_rules_leave_time_to_exit(uint64 deadline, uint64 grace, uint64 window) public {
        uint64 most = 3650 days;
        IRollup.Rules memory rules = IRollup.Rules(deadline, grace, window, true);
        bool safe = deadline != 0 && window <= most && uint256(deadline) + grace <= window;
        if (!safe) refuses(abi.encodeWithSelector(IRollup.RulesUnsafe.selector, rules));
        deployOnly(rules);
        rules = IRollup.Rules(1 + deadline % 1000, grace % 1000, 2000 + window % 1000, false);
        deployOnly(rules);
    }

    function test_a_deadline_is_not_zero() public {
        refusesRules(IRollup.Rules(0, 1, 1, true));
    }

    function test_an_exit_window_is_no_shorter_than_deadline_and_grace() public {
        deployOnly(IRollup.Rules(2, 3, 5, true));
        refusesRules(IRollup.Rules(2, 3, 4, true));
    }

    function test_an_exit_window_is_no_longer_than_ten_years() public {
        deployOnly(IRollup.Rules(1, 0, 3650 days, true));
        refusesRules(IRollup.Rules(1, 0, 3650 days + 1, true));
    }

    function test_the_rules_are_kept() public view {
        IRollup.Rules memory rules = rollup.rules();
        vm.assertEq(rules.forcedDeadline, FORCED_DEADLINE, "deadline");
        vm.assertEq(rules.freezeGrace, FREEZE_GRACE, "grace");
        vm.assertEq(rules.exitWindow, EXIT_WINDOW, "window");
        vm.assertTrue(rules.dataOnL1, "data");
    }

    function deployOnly(IRollup.Rules memory rules) private {
        new Rollup(CONFIG_HASH, GENESIS_ROOT, committee, rules, owner, owner);
    }

    function refusesRules(IRollup.Rules memory rules) private {
        refuses(abi.encodeWithSelector(IRollup.RulesUnsafe.selector, rules));
        deployOnly(rules);
    }

    function refusesFrozen() private {
        refuses(abi.encodeWithSelector(IRollup.Frozen.selector));
    }

    function refusesToken(TokenId refused) private {
        refusesForced(refused, 1, abi.encodeWithSelector(IRollup.TokenRefused.selector, refused));
    }

    function refusesForced(TokenId moved, uint64 amount, bytes memory fault) private {
        AccountId opened = exits.accountOf(SCHEME, keyOf("key"), recipient);
        if (rollup.ownerOf(opened) == address(0)) rollup.openAccount(SCHEME, keyOf("key"), recipient);
        refuses(fault);
        vm.prank(recipient);
        rollup.forceWithdrawal(opened, moved, Quanta.wrap(amount));
    }
}
