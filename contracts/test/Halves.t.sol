// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC1155Errors } from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import { AccountId } from "../src/AccountId.sol";
import { Quanta } from "../src/Quanta.sol";
import { TokenId } from "../src/TokenId.sol";
import { IHalves } from "../src/interfaces/IHalves.sol";
import { IRollup } from "../src/interfaces/IRollup.sol";
import { IVault } from "../src/interfaces/IVault.sol";
import { MoodyRecipient } from "./support/Doubles.sol";
import { ListBuilder } from "./support/ListBuilder.sol";
import { TaleaTest } from "./support/TaleaTest.sol";
import { vm } from "./support/Vm.sol";

contract HalvesTest is TaleaTest {
    TokenId private immutable _half = halfOf("half");
    uint256 private immutable _id = uint256(TokenId.unwrap(_half));

    function testFuzz_a_claimed_half_is_minted(uint64 amount) public {
        amount = uint64(bound(amount, 1, 2 ** 62 - 1));
        claimHalf(recipient, amount);
        vm.assertEq(halves.balanceOf(recipient, _id), amount, "minted");
    }

    function testFuzz_a_deposited_half_is_burnt_and_queued(uint64 amount) public {
        amount = uint64(bound(amount, 1, 2 ** 62 - 1));
        claimHalf(recipient, amount);
        vm.expectEmit(address(rollup));
        emit IRollup.DepositQueued(0, account, _half, Quanta.wrap(amount), recipient);
        vm.prank(recipient);
        vault.depositHalf(_half, amount, account);
        vm.assertEq(halves.balanceOf(recipient, _id), 0, "burnt");
        vm.assertEq(rollup.inboxHash(1), hashAfter(0, 0, 1, transferPayload(account, _half, amount, recipient)), "hash");
    }

    function test_nobody_deposits_more_halves_than_they_hold() public {
        claimHalf(recipient, 5);
        refuses(abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, recipient, 5, 6, _id));
        vm.prank(recipient);
        vault.depositHalf(_half, 6, account);
        refuses(abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, depositor, 0, 1, _id));
        vm.prank(depositor);
        vault.depositHalf(_half, 1, account);
    }

    function test_a_deposit_of_halves_has_an_amount_an_account_and_a_half() public {
        vm.expectRevert(IVault.AmountZero.selector);
        vault.depositHalf(_half, 0, account);
        refuses(abi.encodeWithSelector(IVault.AmountTooLarge.selector, 2 ** 62, 1));
        vault.depositHalf(_half, 2 ** 62, account);
        refuses(abi.encodeWithSelector(IVault.AccountMalformed.selector, 0));
        vault.depositHalf(_half, 1, AccountId.wrap(0));
        refuses(abi.encodeWithSelector(IVault.TokenUnknown.selector, idOf(address(token))));
        vault.depositHalf(idOf(address(token)), 1, account);
    }

    function test_only_the_vault_mints_and_burns() public {
        refuses(abi.encodeWithSelector(IHalves.CallerNotVault.selector, depositor));
        vm.prank(depositor);
        halves.mint(depositor, _id, 1);
        claimHalf(recipient, 5);
        refuses(abi.encodeWithSelector(IHalves.CallerNotVault.selector, recipient));
        vm.prank(recipient);
        halves.burn(recipient, _id, 1);
    }

    function test_a_half_that_is_not_taken_stays_claimable() public {
        // A contract that does not answer a transfer of an ERC-1155 token.
        address refuser = address(new MoodyRecipient());
        IVault.Withdrawal[] memory list = one(refuser, 5);
        uint64 batch = settleWithdrawals(list);
        vm.expectRevert();
        vault.claim(batch, list[0], 0, new bytes32[](0));
        vm.assertFalse(vault.isClaimed(list[0].index), "not claimed");
    }

    function test_the_asset_of_an_l1_token_is_no_half() public {
        depositETH(5 * GWEI);
        IVault.Withdrawal[] memory list = one(recipient, 5);
        list[0].token = TokenId.wrap(exits.assetOf(ETH));
        uint64 batch = settleWithdrawals(list);
        refuses(abi.encodeWithSelector(IVault.TokenUnknown.selector, list[0].token));
        vault.claim(batch, list[0], 0, new bytes32[](0));
    }

    function test_assets_are_known_by_their_tokens() public view {
        vm.assertEq(vault.assetOf(_half), TokenId.unwrap(_half), "a half is its own");
        vm.assertEq(vault.assetOf(idOf(address(token))), exits.assetOf(address(token)), "token");
        vm.assertEq(vault.assetOf(idOf(ETH)), exits.assetOf(ETH), "ETH");
        vm.assertEq(vault.assetOf(idOf(address(committee))), 0, "unknown");
    }

    function claimHalf(address to, uint64 amount) private {
        IVault.Withdrawal[] memory list = one(to, amount);
        vault.claim(settleWithdrawals(list), list[0], 0, ListBuilder.path(leavesOf(list), 0));
    }

    function one(address to, uint64 amount) private view returns (IVault.Withdrawal[] memory list) {
        list = new IVault.Withdrawal[](1);
        list[0] = IVault.Withdrawal(rollup.batchNumber(), to, _half, Quanta.wrap(amount));
    }
}
