// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

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
        bytes4[9] memory actions = [
            Chain.sendETH.selector,
            Chain.sendToken.selector,
            Chain.sendFeeToken.selector,
            Chain.claimOne.selector,
            Chain.settleBatch.selector,
            Chain.forceETH.selector,
            Chain.giveToken.selector,
            Chain.claimMore.selector,
            Chain.claimUnderAnotherIndex.selector
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
        _chain.settleBatch(3, 3, 0);
        for (uint256 i = 0; i < 3; ++i) {
            _chain.claimOne(0);
        }
        vm.assertEq(_chain.claimCount(), 3, "claims");
        _chain.sendETH(7);
        _chain.settleBatch(0, 5, type(uint256).max);
        vm.assertEq(_rollup.batchNumber(), 2, "batches");
        vm.assertEq(_rollup.consumed(), 3, "consumed");
        vm.assertEq(_rollup.inboxCount(), 4, "queued");
        invariant_VaultHoldsWhatLedgerOwes();
        invariant_RecipientsGetExactlyWhatTheyClaimed();
    }

    function invariant_VaultHoldsWhatLedgerOwes() public view {
        address[] memory tokens = _chain.tokens();
        for (uint256 i = 0; i < tokens.length; ++i) {
            address token = tokens[i];
            uint256 ledger = _chain.queued(token) + _chain.credited(token) + _chain.owed(token);
            vm.assertEq(_vault.locked(token), ledger, "locked is what the ledger owes");
            vm.assertGe(balanceOf(token, address(_vault)), ledger, "and the vault holds it");
        }
    }

    function invariant_RecipientsGetExactlyWhatTheyClaimed() public view {
        address[] memory tokens = _chain.tokens();
        for (uint256 i = 0; i < tokens.length; ++i) {
            vm.assertEq(balanceOf(tokens[i], _chain.payee()), _chain.paid(tokens[i]), "paid");
        }
    }

    function invariant_NoAttackSucceeds() public view {
        vm.assertFalse(_chain.wasFooled(), "a forged claim or batch was accepted");
    }

    function invariant_BatchesFormOneChain() public view {
        vm.assertEq(_rollup.batchNumber(), _chain.batchCount(), "every settled batch counts once");
        vm.assertEq(_rollup.stateRoot(), _chain.lastRoot(), "the state is the last batch's");
    }

    function invariant_InboxHashCoversEveryDeposit() public view {
        vm.assertEq(_rollup.inboxCount(), _chain.depositCount(), "count");
        vm.assertEq(_rollup.inboxHash(_rollup.inboxCount()), _chain.inboxHash(), "hash");
        vm.assertGe(_rollup.inboxCount(), _rollup.consumed(), "nothing is consumed before it is queued");
    }

    function balanceOf(address token, address holder) private view returns (uint256) {
        return token == address(0) ? holder.balance : IERC20(token).balanceOf(holder);
    }
}
