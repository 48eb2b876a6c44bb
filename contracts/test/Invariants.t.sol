// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import { TokenId } from "../src/TokenId.sol";
import { IRollup } from "../src/interfaces/IRollup.sol";
import { IVault } from "../src/interfaces/IVault.sol";
import { Chain } from "./support/Chain.sol";
import { vm } from "./support/Vm.sol";

/// @dev Each invariant is named by the property it states, which must hold after any sequence of a Chain's actions.
contract InvariantsTest {
    bool public constant IS_TEST = true;

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Chain private _chain;
    IRollup private _rollup;
    IVault private _vault;

    function setUp() public {
        _chain = new Chain();
        (_rollup, _vault) = _chain.contracts();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_chain);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[18] memory actions = [
            Chain.sendETH.selector,
            Chain.sendToken.selector,
            Chain.sendFeeToken.selector,
            Chain.sendHalves.selector,
            Chain.forceWithdrawal.selector,
            Chain.forceAction.selector,
            Chain.claimOne.selector,
            Chain.settleBatch.selector,
            Chain.freeze.selector,
            Chain.escapeOne.selector,
            Chain.reclaimOne.selector,
            Chain.forceETH.selector,
            Chain.giveToken.selector,
            Chain.claimMore.selector,
            Chain.claimUnderAnotherIndex.selector,
            Chain.freezeTooEarly.selector,
            Chain.goOnAfterTheFreeze.selector,
            Chain.escapeFromARunningRollup.selector
        ];
        targets = new FuzzSelector[](1);
        targets[0].addr = address(_chain);
        targets[0].selectors = new bytes4[](actions.length + 1);
        for (uint256 i = 0; i < actions.length; ++i) {
            targets[0].selectors[i] = actions[i];
        }
        targets[0].selectors[actions.length] = Chain.settleWithFewSignatures.selector;
    }

    /// @dev The invariants would hold of a chain on which nothing ever succeeds; this one does move value.
    function test_the_chain_carries_value_through() public {
        _chain.sendETH(5);
        _chain.sendToken(5);
        _chain.sendFeeToken(5);
        _chain.settleBatch(3, 4, 1000);
        for (uint256 i = 0; i < 4; ++i) {
            _chain.claimOne(0);
        }
        vm.assertEq(_chain.claimCount(), 4, "claims");
        _chain.sendETH(7);
        _chain.settleBatch(0, 5, type(uint256).max);
        vm.assertEq(_rollup.batchNumber(), 2, "batches");
        vm.assertEq(_rollup.consumed(), 3, "consumed");
        vm.assertEq(_rollup.inboxCount(), 4, "queued");
        checkAll();
    }

    /// @dev And everybody gets out of it once it is frozen.
    function test_the_chain_is_left_by_everybody() public {
        for (uint256 i = 0; i < 2; ++i) {
            _chain.sendETH(50 + i);
            _chain.sendToken(50 + i);
            _chain.sendFeeToken(50 + i);
            _chain.settleBatch(3, 0, 50 + i);
        }
        _chain.forceWithdrawal(0, 20);
        _chain.forceAction(1);
        _chain.settleBatch(2, 0, 0);
        _chain.sendETH(7);
        _chain.forceWithdrawal(1, 20);
        _chain.sendToken(8);
        _chain.freeze(0);
        vm.assertTrue(_rollup.frozen(), "frozen");
        for (uint256 i = 0; i < 8; ++i) {
            _chain.escapeOne(i);
        }
        for (uint256 i = 0; i < 11; ++i) {
            _chain.reclaimOne(i);
        }
        _chain.claimOne(0);
        vm.assertEq(_chain.escapeCount(), 8, "escapes");
        vm.assertEq(_chain.reclaimCount(), 2, "reclaims");
        vm.assertEq(_chain.claimCount(), 1, "claims");
        TokenId[] memory tokens = _chain.tokens();
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertEq(_vault.locked(tokens[i].toAddress()), 0, "nothing is left behind");
        }
        checkAll();
    }

    function invariant_VaultHoldsWhatLedgerOwes() public view {
        TokenId[] memory tokens = _chain.tokens();
        for (uint256 i = 0; i < tokens.length; ++i) {
            if (tokens[i].isHalf()) continue;
            address token = tokens[i].toAddress();
            uint256 ledger = _chain.queued(tokens[i]) + _chain.credited(tokens[i]) + _chain.owed(tokens[i]);
            vm.assertEq(_vault.locked(token), ledger, "locked is what the ledger owes");
            vm.assertGe(balanceOf(tokens[i], address(_vault)), ledger, "and the vault holds it");
        }
    }

    function invariant_RecipientsGetExactlyWhatTheyClaimed() public view {
        TokenId[] memory tokens = _chain.tokens();
        for (uint256 i = 0; i < tokens.length; ++i) {
            vm.assertEq(balanceOf(tokens[i], _chain.payee()), _chain.paid(tokens[i]), "paid");
        }
        for (uint256 i = 1; i < tokens.length; ++i) {
            vm.assertEq(balanceOf(tokens[i], _chain.payer()), _chain.returned(tokens[i]), "given back");
        }
    }

    function invariant_NoAttackSucceeds() public view {
        vm.assertFalse(_chain.wasFooled(), "a forged claim, escape, reclaim, freeze or batch was accepted");
    }

    function invariant_BatchesFormOneChain() public view {
        vm.assertEq(_rollup.batchNumber(), _chain.batchCount(), "every settled batch counts once");
        vm.assertEq(_rollup.stateRoot(), _chain.lastRoot(), "the state is the last batch's");
    }

    function invariant_InboxHashCoversEveryMessage() public view {
        vm.assertEq(_rollup.inboxCount(), _chain.messageCount(), "count");
        vm.assertEq(_rollup.inboxHash(_rollup.inboxCount()), _chain.inboxHash(), "hash");
        vm.assertGe(_rollup.inboxCount(), _rollup.consumed(), "nothing is consumed before it is queued");
    }

    function invariant_FrozenStaysFrozen() public view {
        Chain.Frozen memory frozen = _chain.frozen();
        if (frozen.root == 0) return;
        vm.assertTrue(_rollup.frozen(), "frozen");
        vm.assertEq(_rollup.batchNumber(), frozen.batch, "no batch");
        vm.assertEq(_rollup.stateRoot(), frozen.root, "no other state");
        vm.assertEq(_rollup.inboxCount(), frozen.inbox, "no message");
    }

    function checkAll() private view {
        invariant_VaultHoldsWhatLedgerOwes();
        invariant_RecipientsGetExactlyWhatTheyClaimed();
        invariant_NoAttackSucceeds();
        invariant_BatchesFormOneChain();
        invariant_InboxHashCoversEveryMessage();
        invariant_FrozenStaysFrozen();
    }

    function balanceOf(TokenId token, address holder) private view returns (uint256) {
        if (token.isHalf()) return _vault.halves().balanceOf(holder, uint256(TokenId.unwrap(token)));
        address where = token.toAddress();
        return where == address(0) ? holder.balance : IERC20(where).balanceOf(holder);
    }
}
