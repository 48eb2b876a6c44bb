// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import { AccountId } from "../src/AccountId.sol";
import { Quanta } from "../src/Quanta.sol";
import { IRollup } from "../src/interfaces/IRollup.sol";
import { IVault } from "../src/interfaces/IVault.sol";
import { CallingToken, FeeToken, LyingToken, SilentToken } from "./support/Doubles.sol";
import { TaleaTest } from "./support/TaleaTest.sol";
import { vm } from "./support/Vm.sol";

contract VaultDepositTest is TaleaTest {
    uint256 private constant QUANTA_BOUND = 2 ** 62;

    // Tokens.

    function test_eth_is_registered_from_the_start() public view {
        vm.assertEq(vault.quantumOf(ETH), GWEI, "quantum");
    }

    function test_the_owner_registers_a_token() public {
        FeeToken fresh = new FeeToken();
        vm.expectEmit(address(vault));
        emit IVault.TokenRegistered(address(fresh), 1000, exits.assetOf(address(fresh)));
        register(address(fresh), 1000);
        vm.assertEq(vault.quantumOf(address(fresh)), 1000, "quantum");
    }

    function test_nobody_else_registers_a_token() public {
        refuses(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, depositor));
        vm.prank(depositor);
        vault.registerToken(address(committee), 1);
    }

    function test_a_new_owner_has_to_accept() public {
        vm.prank(owner);
        vault.transferOwnership(depositor);
        vm.assertEq(vault.owner(), owner, "before");
        vm.prank(depositor);
        vault.acceptOwnership();
        vm.assertEq(vault.owner(), depositor, "after");
    }

    function test_a_quantum_is_not_zero() public {
        address fresh = address(new FeeToken());
        vm.expectRevert(IVault.QuantumZero.selector);
        register(fresh, 0);
    }

    function test_a_quantum_is_set_once() public {
        refuses(abi.encodeWithSelector(IVault.TokenAlreadyRegistered.selector, address(token)));
        register(address(token), 2);
    }

    function test_the_quantum_of_eth_does_not_change() public {
        refuses(abi.encodeWithSelector(IVault.TokenAlreadyRegistered.selector, ETH));
        register(ETH, 1);
    }

    function test_a_token_has_code() public {
        refuses(abi.encodeWithSelector(IVault.TokenWithoutCode.selector, depositor));
        register(depositor, 1);
    }

    // Deposits.

    function testFuzz_eth_deposits_are_locked_and_queued(uint256 amount, bytes memory name) public {
        amount = bound(amount, 1, QUANTA_BOUND - 1);
        AccountId to = accountOf(name);
        vm.expectEmit(address(rollup));
        emit IRollup.DepositQueued(0, to, idOf(ETH), Quanta.wrap(uint64(amount)), depositor);
        vm.prank(depositor);
        vault.depositETH{ value: amount * GWEI }(to);
        vm.assertEq(vault.locked(ETH), amount * GWEI, "locked");
        vm.assertEq(address(vault).balance, amount * GWEI, "balance");
        vm.assertEq(rollup.inboxCount(), 1, "inbox");
    }

    function testFuzz_token_deposits_are_locked_and_queued(uint256 amount, uint256 quantum) public {
        amount = bound(amount, 1, QUANTA_BOUND - 1);
        quantum = bound(quantum, 1, 1e18);
        SilentToken silent = new SilentToken();
        register(address(silent), quantum);
        silent.mint(depositor, amount * quantum);
        vm.expectEmit(address(rollup));
        emit IRollup.DepositQueued(0, account, idOf(address(silent)), Quanta.wrap(uint64(amount)), depositor);
        vm.prank(depositor);
        vault.deposit(address(silent), amount * quantum, account);
        vm.assertEq(vault.locked(address(silent)), amount * quantum, "locked");
        vm.assertEq(vault.locked(ETH), 0, "others");
    }

    function test_what_counts_is_what_arrives() public {
        FeeToken fee = new FeeToken();
        register(address(fee), 1);
        fee.mint(depositor, 100);
        vm.startPrank(depositor);
        fee.approve(address(vault), 100);
        vm.expectEmit(address(rollup));
        emit IRollup.DepositQueued(0, account, idOf(address(fee)), Quanta.wrap(90), depositor);
        vault.deposit(address(fee), 100, account);
        vm.assertEq(vault.locked(address(fee)), 90, "locked");
    }

    function test_what_was_there_before_does_not_count() public {
        token.mint(address(vault), 1000);
        depositToken(5);
        vm.assertEq(vault.locked(address(token)), 5, "locked");
    }

    function test_a_token_that_moves_nothing_deposits_nothing() public {
        address liar = address(new LyingToken(true));
        register(liar, 1);
        vm.expectRevert(IVault.AmountZero.selector);
        vault.deposit(liar, 5, account);
    }

    function test_a_token_that_answers_no_deposits_nothing() public {
        address refuser = address(new LyingToken(false));
        register(refuser, 1);
        refuses(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, refuser));
        vault.deposit(refuser, 5, account);
    }

    function test_an_unknown_token_is_refused() public {
        address fresh = address(new FeeToken());
        refuses(abi.encodeWithSelector(IVault.TokenUnknown.selector, idOf(fresh)));
        vault.deposit(fresh, 1, account);
    }

    function test_eth_does_not_come_through_the_token_door() public {
        refuses(abi.encodeWithSelector(IVault.TokenUnknown.selector, idOf(ETH)));
        vault.deposit(ETH, GWEI, account);
    }

    function test_plain_eth_is_sent_back() public {
        vm.prank(depositor);
        (bool taken,) = address(vault).call{ value: GWEI }("");
        vm.assertFalse(taken, "taken");
    }

    function test_nothing_is_no_deposit() public {
        vm.expectRevert(IVault.AmountZero.selector);
        vault.depositETH(account);
        vm.expectRevert(IVault.AmountZero.selector);
        vault.deposit(address(token), 0, account);
    }

    function testFuzz_a_part_of_a_quantum_is_refused(uint256 amount) public {
        amount = bound(amount, 1, 1e27);
        if (amount % GWEI == 0) ++amount;
        refuses(abi.encodeWithSelector(IVault.AmountNotWhole.selector, amount, GWEI));
        vm.prank(depositor);
        vault.depositETH{ value: amount }(account);
    }

    function test_the_largest_deposit_is_one_quantum_below_the_bound() public {
        depositETH((QUANTA_BOUND - 1) * GWEI);
        refuses(abi.encodeWithSelector(IVault.AmountTooLarge.selector, QUANTA_BOUND * GWEI, GWEI));
        vm.prank(depositor);
        vault.depositETH{ value: QUANTA_BOUND * GWEI }(account);
    }

    function testFuzz_a_huge_token_deposit_is_refused_not_cut_off(uint256 amount) public {
        amount = bound(amount, QUANTA_BOUND, type(uint256).max - 1);
        token.mint(depositor, amount);
        vm.startPrank(depositor);
        token.approve(address(vault), amount);
        refuses(abi.encodeWithSelector(IVault.AmountTooLarge.selector, amount, 1));
        vault.deposit(address(token), amount, account);
    }

    function test_an_account_nobody_can_own_is_refused() public {
        AccountId zero = AccountId.wrap(0);
        AccountId beyond = AccountId.wrap(bytes32(uint256(0xFFFFFFFF00000001) << 64));
        refuses(abi.encodeWithSelector(IVault.AccountMalformed.selector, zero));
        vault.depositETH{ value: GWEI }(zero);
        refuses(abi.encodeWithSelector(IVault.AccountMalformed.selector, beyond));
        vault.depositETH{ value: GWEI }(beyond);
        token.mint(address(this), 1);
        token.approve(address(vault), 1);
        refuses(abi.encodeWithSelector(IVault.AccountMalformed.selector, beyond));
        vault.deposit(address(token), 1, beyond);
    }

    function test_a_deposit_within_a_deposit_is_refused() public {
        CallingToken calling = new CallingToken();
        register(address(calling), 1);
        calling.mint(address(this), 10);
        calling.approve(address(vault), 10);
        calling.prepare(address(vault), abi.encodeCall(vault.deposit, (address(calling), 1, account)));
        vm.expectRevert(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        vault.deposit(address(calling), 1, account);
    }

    function register(address registered, uint256 quantum) private {
        vm.prank(owner);
        vault.registerToken(registered, quantum);
    }
}
