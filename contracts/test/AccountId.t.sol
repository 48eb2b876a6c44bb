// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId, GOLDILOCKS_ORDER } from "../src/AccountId.sol";
import { vm } from "./support/Vm.sol";

contract AccountIdTest {
    bool public constant IS_TEST = true;

    function test_zero_is_nobody() public pure {
        vm.assertFalse(isWellFormed(0, 0, 0, 0), "zero");
    }

    function test_each_limb_is_below_the_order() public pure {
        uint64 highest = uint64(GOLDILOCKS_ORDER - 1);
        vm.assertTrue(isWellFormed(highest, highest, highest, highest), "highest");
        vm.assertFalse(isWellFormed(highest + 1, 1, 1, 1), "first");
        vm.assertFalse(isWellFormed(1, highest + 1, 1, 1), "second");
        vm.assertFalse(isWellFormed(1, 1, highest + 1, 1), "third");
        vm.assertFalse(isWellFormed(1, 1, 1, highest + 1), "fourth");
    }

    function test_one_limb_is_enough_not_to_be_zero() public pure {
        vm.assertTrue(isWellFormed(1, 0, 0, 0), "first");
        vm.assertTrue(isWellFormed(0, 0, 0, 1), "fourth");
    }

    function testFuzz_well_formed_is_every_limb_below_the_order(uint64 a, uint64 b, uint64 c, uint64 d) public pure {
        bool expected = a < GOLDILOCKS_ORDER && b < GOLDILOCKS_ORDER && c < GOLDILOCKS_ORDER && d < GOLDILOCKS_ORDER
            && (a | b | c | d) != 0;
        vm.assertEq(isWellFormed(a, b, c, d), expected, "differs from the definition");
    }

    function isWellFormed(uint64 a, uint64 b, uint64 c, uint64 d) private pure returns (bool) {
        return AccountId.wrap(bytes32(abi.encodePacked(a, b, c, d))).isWellFormed();
    }
}
