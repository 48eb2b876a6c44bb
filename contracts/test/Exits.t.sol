// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "../src/AccountId.sol";
import { Quanta } from "../src/Quanta.sol";
import { TokenId } from "../src/TokenId.sol";
import { IExits } from "../src/interfaces/IExits.sol";
import { IRollup } from "../src/interfaces/IRollup.sol";
import { IVault } from "../src/interfaces/IVault.sol";
import { MoodyRecipient } from "./support/Doubles.sol";
import { StateTree } from "./support/StateTree.sol";
import { TaleaTest } from "./support/TaleaTest.sol";
import { vm } from "./support/Vm.sol";

contract ExitsTest is TaleaTest {
    using StateTree for StateTree.Leaf[];

    uint256 private constant OTHERS = 40;
    uint64 private constant HELD = 7;

    AccountId private _account;
    /// @dev The last state: three balances of the account among other leaves. Which is which, by place.
    uint256 private constant OF_ETH = 0;
    uint256 private constant OF_TOKEN = 1;
    uint256 private constant OF_HALF = 2;
    StateTree.Leaf[] private _leaves;

    function setUp() public override {
        super.setUp();
        depositETH(100 * GWEI);
        depositToken(100);
        _account = rollup.openAccount(SCHEME, keyOf("key"), recipient);
        for (uint256 which = 0; which < 3; ++which) {
            _leaves.push(StateTree.balance(_account, vault.assetOf(tokenOf(which)), HELD));
        }
        for (uint256 i = 0; i < OTHERS; ++i) {
            _leaves.push(StateTree.other(i));
        }
        settleLeaves();
    }

    // Escaping.

    function test_every_balance_is_paid_to_the_owner() public {
        freezeRollup();
        for (uint256 which = 0; which < 3; ++which) {
            walk(which);
            vm.expectEmit(address(exits));
            emit IExits.Escaped(_account, recipient, tokenOf(which), Quanta.wrap(HELD));
            vm.prank(depositor);
            escape(which);
            vm.assertTrue(exits.isEscaped(_account, tokenOf(which)), "escaped");
        }
        vm.assertEq(recipient.balance, HELD * GWEI, "ETH");
        vm.assertEq(token.balanceOf(recipient), HELD, "tokens");
        vm.assertEq(halves.balanceOf(recipient, uint256(TokenId.unwrap(tokenOf(OF_HALF)))), HELD, "halves");
        vm.assertEq(vault.locked(ETH), (100 - HELD) * GWEI, "ETH left");
        vm.assertEq(vault.locked(address(token)), 100 - HELD, "tokens left");
    }

    function test_a_tree_of_one_leaf_is_its_root() public {
        StateTree.Leaf memory alone = _leaves[OF_ETH];
        delete _leaves;
        _leaves.push(alone);
        settleLeaves();
        freezeRollup();
        walk(OF_ETH);
        escape(OF_ETH);
        vm.assertEq(recipient.balance, HELD * GWEI, "paid");
    }

    function test_a_balance_is_paid_once() public {
        freezeRollup();
        walk(OF_ETH);
        escape(OF_ETH);
        refuses(abi.encodeWithSelector(IExits.AlreadyEscaped.selector, _account, tokenOf(OF_ETH)));
        escape(OF_ETH);
    }

    function test_nobody_escapes_a_rollup_that_runs() public {
        bytes32 root = rollup.stateRoot();
        vm.expectRevert(IExits.RollupRuns.selector);
        escape(OF_ETH);
        vm.expectRevert(IExits.RollupRuns.selector);
        exits.descend(root, root, new bytes32[](1), 0);
        vm.expectRevert(IExits.RollupRuns.selector);
        exits.reclaim(0, account, idOf(ETH), Quanta.wrap(1), depositor);
    }

    function testFuzz_another_amount_is_refused(uint64 amount) public {
        vm.assume(amount != HELD);
        freezeRollup();
        walk(OF_ETH);
        vm.expectRevert();
        exits.escape(_account, tokenOf(OF_ETH), Quanta.wrap(amount));
    }

    /// @dev An amount beyond the field's order would hash as the small one that it exceeds the order by.
    function test_an_amount_has_one_spelling() public {
        freezeRollup();
        walk(OF_ETH);
        Quanta alias_ = Quanta.wrap(0xFFFFFFFF00000001 + HELD);
        refuses(abi.encodeWithSelector(IExits.AmountOutOfRange.selector, alias_));
        exits.escape(_account, tokenOf(OF_ETH), alias_);
    }

    function test_a_half_has_one_spelling() public {
        // A half whose last limb is small enough to have the order added.
        TokenId small = TokenId.wrap(bytes32((uint256(TokenId.unwrap(halfOf("half"))) >> 64 << 64) | 5));
        _leaves.push(StateTree.balance(_account, TokenId.unwrap(small), HELD));
        settleLeaves();
        freezeRollup();
        uint256 place = _leaves.length - 1;
        walk(place);
        exits.escape(_account, small, Quanta.wrap(HELD));
        TokenId alias_ = TokenId.wrap(bytes32(uint256(TokenId.unwrap(small)) + 0xFFFFFFFF00000001));
        refuses(abi.encodeWithSelector(IExits.TokenRefused.selector, alias_));
        exits.escape(_account, alias_, Quanta.wrap(HELD));
    }

    function test_an_l1_balance_is_not_paid_as_halves() public {
        freezeRollup();
        walk(OF_ETH);
        TokenId disguised = TokenId.wrap(exits.assetOf(ETH));
        refuses(abi.encodeWithSelector(IExits.TokenRefused.selector, disguised));
        exits.escape(_account, disguised, Quanta.wrap(HELD));
    }

    function test_another_token_is_refused() public {
        freezeRollup();
        walk(OF_ETH);
        vm.expectRevert();
        exits.escape(_account, tokenOf(OF_TOKEN), Quanta.wrap(HELD));
        refuses(abi.encodeWithSelector(IExits.TokenRefused.selector, idOf(address(committee))));
        exits.escape(_account, idOf(address(committee)), Quanta.wrap(HELD));
    }

    function test_another_account_is_refused() public {
        freezeRollup();
        walk(OF_ETH);
        AccountId other = rollup.openAccount(SCHEME, keyOf("key"), depositor);
        vm.expectRevert();
        exits.escape(other, tokenOf(OF_ETH), Quanta.wrap(HELD));
    }

    function test_an_account_has_to_be_open() public {
        freezeRollup();
        walk(OF_ETH);
        refuses(abi.encodeWithSelector(IExits.AccountNotOpen.selector, account));
        exits.escape(account, tokenOf(OF_ETH), Quanta.wrap(HELD));
    }

    function test_an_account_is_opened_after_the_freeze_too() public {
        AccountId late = exits.accountOf(SCHEME, keyOf("late"), depositor);
        _leaves.push(StateTree.balance(late, vault.assetOf(idOf(ETH)), HELD));
        settleLeaves();
        freezeRollup();
        walk(_leaves.length - 1);
        rollup.openAccount(SCHEME, keyOf("late"), depositor);
        uint256 balanceBefore = depositor.balance;
        exits.escape(late, idOf(ETH), Quanta.wrap(HELD));
        vm.assertEq(depositor.balance - balanceBefore, HELD * GWEI, "paid");
    }

    function test_a_balance_that_nobody_showed_is_refused() public {
        freezeRollup();
        walk(OF_TOKEN);
        refuses(abi.encodeWithSelector(IExits.NodeUnknown.selector, _leaves[OF_ETH].inside));
        escape(OF_ETH);
    }

    /// @dev Neither the leaf nor what it holds stands for the inside of the leaf.
    function test_the_leaf_alone_pays_nobody() public {
        freezeRollup();
        walkTo(OF_ETH, path(OF_ETH).length);
        vm.assertTrue(exits.isKnown(_leaves[OF_ETH].digest), "the leaf is known");
        refuses(abi.encodeWithSelector(IExits.NodeUnknown.selector, _leaves[OF_ETH].inside));
        escape(OF_ETH);
    }

    function testFuzz_an_unknown_node_is_refused(bytes32 top) public {
        freezeRollup();
        vm.assume(top != rollup.stateRoot());
        refuses(abi.encodeWithSelector(IExits.NodeUnknown.selector, top));
        exits.descend(top, top, new bytes32[](1), 0);
    }

    function test_a_refused_payment_leaves_the_balance_there() public {
        MoodyRecipient moody = new MoodyRecipient();
        AccountId shy = rollup.openAccount(SCHEME, keyOf("shy"), address(moody));
        _leaves.push(StateTree.balance(shy, vault.assetOf(idOf(ETH)), HELD));
        settleLeaves();
        freezeRollup();
        uint256 place = _leaves.length - 1;
        walk(place);
        vm.expectRevert();
        exits.escape(shy, idOf(ETH), Quanta.wrap(HELD));
        vm.assertFalse(exits.isEscaped(shy, idOf(ETH)), "not escaped");
        moody.open();
        exits.escape(shy, idOf(ETH), Quanta.wrap(HELD));
        vm.assertEq(address(moody).balance, HELD * GWEI, "paid");
    }

    function test_only_exits_has_the_vault_pay() public {
        refuses(abi.encodeWithSelector(IVault.CallerNotExits.selector, owner));
        vm.prank(owner);
        vault.pay(idOf(ETH), owner, Quanta.wrap(1));
    }

    // Descending.

    function testFuzz_any_node_of_the_tree_becomes_known(uint256 which, uint256 levels) public {
        freezeRollup();
        which %= _leaves.length;
        bytes32[] memory siblings = path(which);
        levels = bound(levels, 1, min(siblings.length, exits.DESCEND_LEVELS_MAX()));
        bytes32 root = rollup.stateRoot();
        bytes32 node = _leaves.node(_leaves[which].path, levels);
        uint256 directions = uint256(_leaves[which].path) >> (256 - levels);
        vm.assertFalse(exits.isKnown(node), "not yet");
        vm.expectEmit(address(exits));
        emit IExits.NodeKnown(node);
        exits.descend(root, node, StateTree.slice(siblings, 0, levels), directions);
        vm.assertTrue(exits.isKnown(node), "known");
        vm.assertTrue(exits.isKnown(root), "the root always is");
    }

    function testFuzz_a_changed_sibling_is_refused(uint256 place, uint64 flip) public {
        vm.assume(flip != 0 && flip < 0xFFFFFFFF00000001);
        freezeRollup();
        bytes32[] memory siblings = StateTree.slice(path(OF_ETH), 0, 3);
        bytes32 node = _leaves.node(_leaves[OF_ETH].path, 3);
        siblings[place % 3] = bytes32(uint256(siblings[place % 3]) ^ uint256(flip) << (64 * (place % 4)));
        bytes32 root = rollup.stateRoot();
        vm.expectRevert();
        exits.descend(root, node, siblings, uint256(_leaves[OF_ETH].path) >> 253);
    }

    function testFuzz_a_descent_turns_as_the_tree_does(uint256 flip) public {
        freezeRollup();
        bytes32[] memory siblings = StateTree.slice(path(OF_ETH), 0, 3);
        bytes32 node = _leaves.node(_leaves[OF_ETH].path, 3);
        uint256 directions = uint256(_leaves[OF_ETH].path) >> 253;
        vm.assume(flip % 8 != 0);
        bytes32 root = rollup.stateRoot();
        vm.expectRevert();
        exits.descend(root, node, siblings, directions ^ (flip % 8));
    }

    function testFuzz_a_node_that_is_not_there_stays_unknown(bytes32 node) public {
        freezeRollup();
        bytes32[] memory siblings = StateTree.slice(path(OF_ETH), 0, 3);
        uint256 directions = uint256(_leaves[OF_ETH].path) >> 253;
        vm.assume(node != _leaves.node(_leaves[OF_ETH].path, 3));
        bytes32 root = rollup.stateRoot();
        vm.expectRevert();
        exits.descend(root, node, siblings, directions);
    }

    function test_a_descent_is_bounded() public {
        freezeRollup();
        bytes32 root = rollup.stateRoot();
        uint256 most = exits.DESCEND_LEVELS_MAX();
        refuses(abi.encodeWithSelector(IExits.LevelCountOutOfRange.selector, 0, most));
        exits.descend(root, root, new bytes32[](0), 0);
        refuses(abi.encodeWithSelector(IExits.LevelCountOutOfRange.selector, most + 1, most));
        exits.descend(root, root, new bytes32[](most + 1), 0);
    }

    // Reclaiming.

    function test_a_deposit_that_no_batch_consumed_goes_back() public {
        depositETH(5 * GWEI);
        depositToken(6);
        freezeRollup();
        uint256 balanceBefore = depositor.balance;
        vm.expectEmit(address(exits));
        emit IExits.DepositReclaimed(2, depositor, idOf(ETH), Quanta.wrap(5));
        exits.reclaim(2, account, idOf(ETH), Quanta.wrap(5), depositor);
        exits.reclaim(3, account, idOf(address(token)), Quanta.wrap(6), depositor);
        vm.assertEq(depositor.balance - balanceBefore, 5 * GWEI, "ETH");
        vm.assertEq(token.balanceOf(depositor), 6, "tokens");
        vm.assertTrue(exits.isReclaimed(2), "marked");
        vm.assertFalse(exits.isReclaimed(4), "others are not");
    }

    function test_a_deposit_goes_back_once() public {
        depositETH(5 * GWEI);
        freezeRollup();
        exits.reclaim(2, account, idOf(ETH), Quanta.wrap(5), depositor);
        refuses(abi.encodeWithSelector(IExits.AlreadyReclaimed.selector, 2));
        exits.reclaim(2, account, idOf(ETH), Quanta.wrap(5), depositor);
    }

    function test_a_consumed_deposit_does_not_go_back() public {
        depositETH(5 * GWEI);
        freezeRollup();
        refuses(abi.encodeWithSelector(IExits.DepositNotWaiting.selector, 0));
        exits.reclaim(0, account, idOf(ETH), Quanta.wrap(100), depositor);
        refuses(abi.encodeWithSelector(IExits.DepositNotWaiting.selector, 3));
        exits.reclaim(3, account, idOf(ETH), Quanta.wrap(5), depositor);
    }

    function testFuzz_a_deposit_changed_in_any_field_does_not_go_back(uint256 field, uint256 flip) public {
        vm.assume(uint64(flip) != 0);
        depositETH(5 * GWEI);
        depositETH(5 * GWEI);
        freezeRollup();
        (uint64 index, AccountId to, TokenId moved, uint64 amount, address sender) =
            (2, account, idOf(ETH), 5, depositor);
        field %= 4;
        if (field == 0) to = AccountId.wrap(AccountId.unwrap(to) ^ bytes32(flip));
        else if (field == 1) moved = TokenId.wrap(TokenId.unwrap(moved) ^ bytes32(flip));
        else if (field == 2) amount ^= uint64(flip);
        else sender = address(uint160(sender) ^ uint160(flip));
        refuses(abi.encodeWithSelector(IExits.DepositUnproven.selector, index));
        exits.reclaim(index, to, moved, Quanta.wrap(amount), sender);
    }

    /// @dev Kinds keep messages apart that have the same payload.
    function test_a_forced_withdrawal_is_no_deposit() public {
        vm.prank(recipient);
        rollup.forceWithdrawal(_account, idOf(ETH), Quanta.wrap(50));
        freezeRollup();
        refuses(abi.encodeWithSelector(IExits.DepositUnproven.selector, 2));
        exits.reclaim(2, _account, idOf(ETH), Quanta.wrap(50), recipient);
    }

    // Helpers.

    function tokenOf(uint256 which) private view returns (TokenId) {
        if (which == OF_ETH) return idOf(ETH);
        return which == OF_TOKEN ? idOf(address(token)) : halfOf("half");
    }

    function settleLeaves() private {
        IRollup.Header memory header = nextHeader();
        header.stateRoot = _leaves.root(0);
        settle(header);
    }

    function path(uint256 place) private view returns (bytes32[] memory) {
        return _leaves.siblings(_leaves[place].path);
    }

    /// @dev Makes a balance known.
    function walk(uint256 place) private {
        walkTo(place, path(place).length);
        bytes32[] memory mark = new bytes32[](1);
        mark[0] = StateTree.MARK;
        exits.descend(_leaves[place].digest, _leaves[place].inside, mark, 0);
    }

    /// @dev Makes the nodes on the way to a leaf known, two levels at a time.
    function walkTo(uint256 place, uint256 end) private {
        bytes32[] memory siblings = path(place);
        bytes32 to = _leaves[place].path;
        bytes32 top = rollup.stateRoot();
        uint256 depth = 0;
        while (depth < end) {
            uint256 next = min(depth + 2, end);
            bytes32 node = _leaves.node(to, next);
            exits.descend(top, node, StateTree.slice(siblings, depth, next), uint256(to) >> (256 - next));
            (top, depth) = (node, next);
        }
    }

    function escape(uint256 which) private {
        exits.escape(_account, tokenOf(which), Quanta.wrap(HELD));
    }

    function min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
