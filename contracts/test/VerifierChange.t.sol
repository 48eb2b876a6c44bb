// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";

import { Rollup } from "../src/Rollup.sol";
import { IRollup } from "../src/interfaces/IRollup.sol";
import { IVerifier } from "../src/interfaces/IVerifier.sol";
import { FixedVerifier } from "./support/Doubles.sol";
import { TaleaTest } from "./support/TaleaTest.sol";
import { vm } from "./support/Vm.sol";

contract VerifierChangeTest is TaleaTest {
    IVerifier private _next;

    function setUp() public override {
        super.setUp();
        _next = new FixedVerifier(true);
    }

    function testFuzz_an_announced_verifier_waits_for_the_exit_window(uint256 wait) public {
        wait = bound(wait, 0, 3 * EXIT_WINDOW);
        uint64 activeFrom = uint64(block.timestamp) + EXIT_WINDOW;
        vm.expectEmit(address(rollup));
        emit IRollup.VerifierAnnounced(_next, activeFrom);
        announce(_next);
        (IVerifier next, uint64 from) = rollup.announcedVerifier();
        vm.assertEq(address(next), address(_next), "announced");
        vm.assertEq(from, activeFrom, "from");

        vm.warp(block.timestamp + wait);
        bool ready = wait >= EXIT_WINDOW;
        if (ready) {
            vm.expectEmit(address(rollup));
            emit IRollup.VerifierActivated(_next);
        } else {
            refuses(abi.encodeWithSelector(IRollup.VerifierTooEarly.selector, activeFrom));
        }
        vm.prank(depositor);
        rollup.activateVerifier();
        vm.assertEq(address(rollup.verifier()), ready ? address(_next) : address(committee), "verifier");
        (next, from) = rollup.announcedVerifier();
        vm.assertEq(address(next), ready ? address(0) : address(_next), "what stays announced");
    }

    function test_the_verifier_in_place_decides_until_then() public {
        announce(_next);
        vm.warp(block.timestamp + EXIT_WINDOW);
        IRollup.Header memory header = nextHeader();
        vm.expectRevert();
        rollup.settle(header, chunks(), "");
        settle(header);
        rollup.activateVerifier();
        rollup.settle(nextHeader(), chunks(), "");
        vm.assertEq(rollup.batchNumber(), 2, "settled");
    }

    function test_announcing_again_starts_the_window_anew() public {
        announce(new FixedVerifier(false));
        vm.warp(block.timestamp + EXIT_WINDOW - 1);
        announce(_next);
        uint64 activeFrom = uint64(block.timestamp) + EXIT_WINDOW;
        vm.warp(activeFrom - 1);
        refuses(abi.encodeWithSelector(IRollup.VerifierTooEarly.selector, activeFrom));
        rollup.activateVerifier();
        vm.warp(activeFrom);
        rollup.activateVerifier();
        vm.assertEq(address(rollup.verifier()), address(_next), "verifier");
    }

    function test_the_owner_takes_an_announcement_back() public {
        announce(_next);
        vm.expectEmit(address(rollup));
        emit IRollup.VerifierCancelled(_next);
        vm.prank(owner);
        rollup.cancelVerifier();
        vm.warp(block.timestamp + EXIT_WINDOW);
        vm.expectRevert(IRollup.VerifierNotAnnounced.selector);
        rollup.activateVerifier();
    }

    function test_a_verifier_is_activated_once() public {
        announce(_next);
        vm.warp(block.timestamp + EXIT_WINDOW);
        rollup.activateVerifier();
        vm.expectRevert(IRollup.VerifierNotAnnounced.selector);
        rollup.activateVerifier();
    }

    function test_what_nobody_announced_is_not_taken_back() public {
        vm.expectRevert(IRollup.VerifierNotAnnounced.selector);
        vm.prank(owner);
        rollup.cancelVerifier();
    }

    function test_an_announced_verifier_has_code() public {
        refuses(abi.encodeWithSelector(IRollup.VerifierWithoutCode.selector, depositor));
        announce(IVerifier(depositor));
    }

    function test_only_the_owner_announces_and_cancels() public {
        refusesStranger();
        rollup.announceVerifier(_next);
        announce(_next);
        refusesStranger();
        rollup.cancelVerifier();
    }

    function test_a_new_owner_has_to_accept() public {
        vm.prank(owner);
        rollup.transferOwnership(depositor);
        vm.assertEq(rollup.owner(), owner, "before");
        vm.prank(depositor);
        rollup.acceptOwnership();
        vm.assertEq(rollup.owner(), depositor, "after");
    }

    function test_without_an_owner_the_verifier_stays() public {
        vm.prank(owner);
        rollup.renounceOwnership();
        refuses(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, owner));
        announce(_next);
    }

    function test_a_rollup_may_have_no_owner_from_the_start() public {
        rollup = new Rollup(CONFIG_HASH, GENESIS_ROOT, committee, safeRules(), address(0), owner);
        vm.assertEq(rollup.owner(), address(0), "owner");
        refuses(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, owner));
        announce(_next);
    }

    function announce(IVerifier next) private {
        vm.prank(owner);
        rollup.announceVerifier(next);
    }

    function refusesStranger() private {
        refuses(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, depositor));
        vm.prank(depositor);
    }
}
