// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Claims } from "../src/Claims.sol";
import { Rollup } from "../src/Rollup.sol";
import { IClaims } from "../src/interfaces/IClaims.sol";
import { ContestedChain } from "./support/ContestedChain.sol";
import { vm } from "./support/Vm.sol";

/// @dev Each invariant is named by the property it states, which must hold after any sequence of a ContestedChain's actions.
contract ClaimsInvariantsTest {
    bool public constant IS_TEST = true;

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    ContestedChain private _chain;
    Rollup private _rollup;
    Claims private _claims;

    function setUp() public {
        _chain = new ContestedChain();
        (_rollup, _claims) = _chain.contracts();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_chain);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[14] memory actions = [
            ContestedChain.commit.selector,
            ContestedChain.pass.selector,
            ContestedChain.prove.selector,
            ContestedChain.lieAbout.selector,
            ContestedChain.doubtAny.selector,
            ContestedChain.retractAny.selector,
            ContestedChain.settleAny.selector,
            ContestedChain.settleNext.selector,
            ContestedChain.leave.selector,
            ContestedChain.collectAny.selector,
            ContestedChain.eliminateAny.selector,
            ContestedChain.liftAny.selector,
            ContestedChain.closeAny.selector,
            ContestedChain.freeze.selector
        ];
        targets = new FuzzSelector[](1);
        targets[0].addr = address(_chain);
        targets[0].selectors = new bytes4[](actions.length);
        for (uint256 i = 0; i < actions.length; ++i) {
            targets[0].selectors[i] = actions[i];
        }
    }

    /// @dev The invariants would hold of a chain on which nothing ever succeeds; on this one everything does.
    function test_the_chain_is_contested_and_goes_on() public {
        _chain.commit(0);
        _chain.commit(1);
        _chain.lieAbout(0, 0, 3);
        _chain.lieAbout(1, 0, 0);
        _chain.lieAbout(0, 1, 1);
        _chain.lieAbout(2, 1, 4);
        _chain.doubtAny(3, 0);
        _chain.doubtAny(4, 0);
        _chain.retractAny(5);
        vm.assertEq(_chain.doubtedCount() - _chain.retractedCount(), 1, "doubted");
        _chain.pass(type(uint256).max);
        _chain.prove(1);
        _chain.eliminateAny(2);
        _chain.liftAny(0);
        _chain.liftAny(2);
        for (uint256 i = 0; i < 3; ++i) {
            _chain.pass(3 hours - 1);
            _chain.settleNext();
        }
        vm.assertEq(_chain.settledCount(), 0, "the first batch waits for a proof");
        _chain.prove(0);
        _chain.settleNext();
        _chain.settleNext();
        vm.assertEq(_chain.settledCount(), 2, "settled");
        for (uint256 i = 0; i < 8; ++i) {
            _chain.eliminateAny(i);
            _chain.closeAny(i);
        }
        for (uint256 i = 0; i < 7; ++i) {
            _chain.leave(i);
        }
        _chain.collectAny(true);
        _chain.collectAny(false);
        vm.assertEq(_chain.eliminatedCount(), 3, "eliminated");
        vm.assertEq(_chain.liftedCount(), 2, "lifted");
        vm.assertGe(_chain.closedCount(), 3, "closed");
        vm.assertGe(_chain.leftCount(), 2, "left");
        checkAll();
    }

    function invariant_ClaimsHoldBondsAndDebts() public view {
        vm.assertEq(address(_claims).balance, _chain.owed(), "not a wei more or less");
    }

    function invariant_OnlyTheTruthSettles() public view {
        vm.assertEq(_rollup.stateRoot(), _chain.settledTruth(), "the true root");
        vm.assertFalse(_chain.wasFooled(), "nobody was fooled");
    }

    function invariant_TheHonestKeepTheirBond() public view {
        bool isOver = _claims.isOver();
        IClaims.Standing standing = _chain.standingOfHonest();
        vm.assertTrue(standing == IClaims.Standing.Bonded || isOver, "bonded, or taken back");
        vm.assertTrue(standing != IClaims.Standing.Eliminated, "never eliminated");
    }

    function invariant_OpenClaimsAreCounted() public view {
        vm.assertTrue(_chain.isOpenCounted(), "open claims");
    }

    function invariant_AProofAlwaysSettlesTheNextBatch() public {
        _chain.settleTheTruth();
        vm.assertEq(_rollup.stateRoot(), _chain.settledTruth(), "the true root");
    }

    function checkAll() private {
        invariant_ClaimsHoldBondsAndDebts();
        invariant_OnlyTheTruthSettles();
        invariant_TheHonestKeepTheirBond();
        invariant_OpenClaimsAreCounted();
        invariant_AProofAlwaysSettlesTheNextBatch();
    }
}
