// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import { Quanta } from "../src/Quanta.sol";
import { TokenId } from "../src/TokenId.sol";
import { IVault } from "../src/interfaces/IVault.sol";
import { GreedyRecipient, MoodyRecipient, SilentToken } from "./support/Doubles.sol";
import { ListBuilder } from "./support/ListBuilder.sol";
import { TaleaTest } from "./support/TaleaTest.sol";
import { vm } from "./support/Vm.sol";

contract VaultClaimTest is TaleaTest {
    function testFuzz_every_withdrawal_of_a_batch_is_paid(uint256 count) public {
        count = bound(count, 1, 9);
        IVault.Withdrawal[] memory list = someWithdrawals(count);
        depositETH(100 * GWEI);
        depositToken(100);
        uint64 batch = settleWithdrawals(list);
        (uint256 ethPaid, uint256 tokenPaid) = (0, 0);
        for (uint256 i = 0; i < count; ++i) {
            vm.expectEmit(address(vault));
            emit IVault.WithdrawalClaimed(list[i].index, recipient, list[i].token, list[i].amount);
            claim(batch, list, i);
            if (!list[i].token.isHalf() && list[i].token.toAddress() == ETH) ethPaid += i + 1;
            else tokenPaid += i + 1;
            vm.assertTrue(vault.isClaimed(list[i].index), "claimed");
        }
        vm.assertEq(recipient.balance, ethPaid * GWEI, "ETH paid");
        vm.assertEq(token.balanceOf(recipient), tokenPaid, "tokens paid");
        vm.assertEq(vault.locked(ETH), (100 - ethPaid) * GWEI, "ETH left");
        vm.assertEq(vault.locked(address(token)), 100 - tokenPaid, "tokens left");
    }

    function test_a_silent_token_is_paid_out_too() public {
        SilentToken silent = new SilentToken();
        vm.prank(owner);
        vault.registerToken(address(silent), 1);
        silent.mint(address(this), 10);
        vault.deposit(address(silent), 10, account);
        IVault.Withdrawal[] memory list = someWithdrawals(1);
        list[0].token = idOf(address(silent));
        claim(settleWithdrawals(list), list, 0);
        vm.assertEq(silent.balanceOf(recipient), 1, "paid");
    }

    function test_a_withdrawal_is_paid_once() public {
        depositETH(100 * GWEI);
        IVault.Withdrawal[] memory list = someWithdrawals(1);
        uint64 batch = settleWithdrawals(list);
        claim(batch, list, 0);
        refusesClaim(batch, list[0], 0, ListBuilder.path(leavesOf(list), 0), already(list[0]));
    }

    function test_a_withdrawal_repeated_in_a_later_batch_is_paid_once() public {
        depositETH(100 * GWEI);
        IVault.Withdrawal[] memory list = someWithdrawals(1);
        claim(settleWithdrawals(list), list, 0);
        // Even a batch that pays somebody else under the same index changes nothing.
        list[0].recipient = depositor;
        uint64 batch = settleWithdrawals(list);
        refusesClaim(batch, list[0], 0, ListBuilder.path(leavesOf(list), 0), already(list[0]));
    }

    function testFuzz_a_withdrawal_changed_in_any_field_is_refused(uint256 field, uint256 flip) public {
        vm.assume(uint64(flip) != 0);
        depositETH(100 * GWEI);
        depositToken(100);
        IVault.Withdrawal[] memory list = someWithdrawals(3);
        uint64 batch = settleWithdrawals(list);
        bytes32[] memory path = ListBuilder.path(leavesOf(list), 1);
        IVault.Withdrawal memory w = list[1];
        field %= 4;
        if (field == 0) w.index ^= uint64(flip);
        else if (field == 1) w.recipient = address(uint160(w.recipient) ^ uint160(flip));
        else if (field == 2) w.token = TokenId.wrap(TokenId.unwrap(w.token) ^ bytes32(flip));
        else w.amount = Quanta.wrap(Quanta.unwrap(w.amount) ^ uint64(flip));
        vm.assume(w.recipient != address(0) && w.recipient != address(vault));
        refusesClaim(batch, w, 1, path, unproven(batch, w));
    }

    function testFuzz_a_changed_proof_is_refused(uint256 level, bytes32 flip, uint256 position) public {
        vm.assume(flip != 0 && position != 4);
        depositETH(100 * GWEI);
        IVault.Withdrawal[] memory list = someWithdrawals(6);
        uint64 batch = settleWithdrawals(list);
        bytes32[] memory path = ListBuilder.path(leavesOf(list), 4);
        refusesClaim(batch, list[4], position, path, unproven(batch, list[4]));
        path[level % path.length] ^= flip;
        refusesClaim(batch, list[4], 4, path, unproven(batch, list[4]));
        path[level % path.length] ^= flip;
        vault.claim(batch, list[4], 4, path);
    }

    function test_a_withdrawal_of_another_batch_is_refused() public {
        depositETH(100 * GWEI);
        IVault.Withdrawal[] memory list = someWithdrawals(2);
        uint64 batch = settleWithdrawals(list);
        settle(nextHeader());
        bytes32[] memory path = ListBuilder.path(leavesOf(list), 0);
        // The genesis, a batch without withdrawals, and one that is not settled.
        refusesClaim(0, list[0], 0, path, unproven(0, list[0]));
        refusesClaim(batch + 1, list[0], 0, path, unproven(batch + 1, list[0]));
        refusesClaim(batch + 2, list[0], 0, path, unproven(batch + 2, list[0]));
    }

    function testFuzz_nothing_is_claimed_from_an_unsettled_batch(
        uint64 batch,
        IVault.Withdrawal memory w,
        uint256 position,
        bytes32[] memory path
    ) public {
        vm.assume(w.recipient != address(0) && w.recipient != address(vault));
        refusesClaim(batch, w, position, path, unproven(batch, w));
    }

    function test_the_zero_address_is_not_paid() public {
        refusesRecipient(address(0));
    }

    function test_the_vault_does_not_pay_itself() public {
        refusesRecipient(address(vault));
    }

    function test_an_unknown_token_is_not_paid() public {
        IVault.Withdrawal[] memory list = someWithdrawals(1);
        list[0].token = idOf(address(committee));
        uint64 batch = settleWithdrawals(list);
        bytes memory fault = abi.encodeWithSelector(IVault.TokenUnknown.selector, idOf(address(committee)));
        refusesClaim(batch, list[0], 0, new bytes32[](0), fault);
    }

    function test_no_more_is_paid_than_is_locked() public {
        depositToken(4);
        // Tokens sent past the deposit door belong to nobody, so they are not there to be paid.
        token.mint(address(vault), 100);
        IVault.Withdrawal[] memory list = someWithdrawals(1);
        (list[0].token, list[0].amount) = (idOf(address(token)), Quanta.wrap(5));
        uint64 batch = settleWithdrawals(list);
        bytes memory fault = abi.encodeWithSelector(IVault.LockedTooLittle.selector, address(token), 4, 5);
        refusesClaim(batch, list[0], 0, new bytes32[](0), fault);
    }

    function test_a_recipient_cannot_claim_while_being_paid() public {
        depositETH(100 * GWEI);
        GreedyRecipient greedy = new GreedyRecipient();
        IVault.Withdrawal[] memory list = someWithdrawals(2);
        (list[0].recipient, list[1].recipient) = (address(greedy), address(greedy));
        list[1].token = idOf(ETH);
        uint64 batch = settleWithdrawals(list);
        bytes32[] memory path = ListBuilder.path(leavesOf(list), 1);
        greedy.prepare(abi.encodeCall(vault.claim, (batch, list[1], 1, path)));
        claim(batch, list, 0);
        vm.assertEq(
            bytes32(greedy.refusal()),
            bytes32(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector),
            "the second claim is refused"
        );
        vm.assertEq(address(greedy).balance, GWEI, "paid once");
        claim(batch, list, 1);
        vm.assertEq(address(greedy).balance, 3 * GWEI, "the other one is not lost");
    }

    function test_a_refused_payment_can_be_claimed_later() public {
        depositETH(100 * GWEI);
        MoodyRecipient moody = new MoodyRecipient();
        IVault.Withdrawal[] memory list = someWithdrawals(1);
        list[0].recipient = address(moody);
        uint64 batch = settleWithdrawals(list);
        vm.expectRevert();
        vault.claim(batch, list[0], 0, new bytes32[](0));
        vm.assertFalse(vault.isClaimed(list[0].index), "not claimed");
        vm.assertEq(vault.locked(ETH), 100 * GWEI, "still locked");
        moody.open();
        claim(batch, list, 0);
        vm.assertEq(address(moody).balance, GWEI, "paid");
    }

    function test_forced_eth_does_not_disturb_the_account() public {
        depositETH(5 * GWEI);
        vm.deal(address(vault), 9 * GWEI);
        vm.assertEq(vault.locked(ETH), 5 * GWEI, "locked");
        IVault.Withdrawal[] memory list = someWithdrawals(1);
        claim(settleWithdrawals(list), list, 0);
        vm.assertEq(vault.locked(ETH), 4 * GWEI, "after the claim");
        vm.assertEq(address(vault).balance, 8 * GWEI, "the rest stays");
    }

    function testFuzz_claims_mark_only_their_own_index(uint64 index, uint64 other) public {
        vm.assume(index != other);
        depositETH(GWEI);
        IVault.Withdrawal[] memory list = someWithdrawals(1);
        list[0].index = index;
        claim(settleWithdrawals(list), list, 0);
        vm.assertTrue(vault.isClaimed(index), "own");
        vm.assertFalse(vault.isClaimed(other), "other");
    }

    /// @dev Returns withdrawals of 1, 2, 3 … quanta, of ETH and tokens in turn.
    function someWithdrawals(uint256 count) private view returns (IVault.Withdrawal[] memory list) {
        list = new IVault.Withdrawal[](count);
        for (uint64 i = 0; i < count; ++i) {
            address paid = i % 2 == 0 ? ETH : address(token);
            list[i] = IVault.Withdrawal({
                index: 250 + i, recipient: recipient, token: idOf(paid), amount: Quanta.wrap(i + 1)
            });
        }
    }

    function claim(uint64 batch, IVault.Withdrawal[] memory list, uint256 position) private {
        vault.claim(batch, list[position], position, ListBuilder.path(leavesOf(list), position));
    }

    function refusesClaim(
        uint64 batch,
        IVault.Withdrawal memory withdrawal,
        uint256 position,
        bytes32[] memory path,
        bytes memory fault
    ) private {
        refuses(fault);
        vault.claim(batch, withdrawal, position, path);
    }

    function refusesRecipient(address refused) private {
        depositETH(100 * GWEI);
        IVault.Withdrawal[] memory list = someWithdrawals(1);
        list[0].recipient = refused;
        uint64 batch = settleWithdrawals(list);
        bytes memory fault = abi.encodeWithSelector(IVault.RecipientRefused.selector, refused);
        refusesClaim(batch, list[0], 0, new bytes32[](0), fault);
    }

    function already(IVault.Withdrawal memory withdrawal) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IVault.AlreadyClaimed.selector, withdrawal.index);
    }

    function unproven(uint64 batch, IVault.Withdrawal memory withdrawal) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IVault.ProofInvalid.selector, batch, withdrawal.index);
    }
}
