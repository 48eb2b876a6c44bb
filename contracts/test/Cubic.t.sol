// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Cubic } from "../src/proof/Cubic.sol";
import { Goldilocks } from "../src/proof/Goldilocks.sol";
import { vm } from "./support/Vm.sol";

/// @dev Holds the two fields to their definitions: what they are computed with here is slow and plain.
contract CubicTest {
    bool public constant IS_TEST = true;

    uint256 private constant ORDER = 0xFFFFFFFF00000001;

    event log_named_uint(string name, uint256 value);

    function testFuzz_products_are_those_of_polynomials(uint64[3] memory a, uint64[3] memory b) public pure {
        uint256[5] memory c;
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 j = 0; j < 3; ++j) {
                c[i + j] = addmod(c[i + j], mulmod(a[i], b[j], ORDER), ORDER);
            }
        }
        // X^4 = X^2 + X, then X^3 = X + 1.
        c[2] = addmod(c[2], c[4], ORDER);
        c[1] = addmod(addmod(c[1], c[4], ORDER), c[3], ORDER);
        c[0] = addmod(c[0], c[3], ORDER);
        vm.assertEq(Cubic.mul(word(a), word(b)), c[0] << 128 | c[1] << 64 | c[2], "product");
    }

    function testFuzz_sums_and_differences_are_limb_by_limb(uint64[3] memory a, uint64[3] memory b) public pure {
        uint256 sum = Cubic.add(word(a), word(b));
        uint256 difference = Cubic.sub(word(a), word(b));
        for (uint256 i = 0; i < 3; ++i) {
            uint256 shift = 128 - 64 * i;
            vm.assertEq((sum >> shift) & type(uint64).max, (uint256(a[i]) + b[i]) % ORDER, "sum");
            vm.assertEq(
                (difference >> shift) & type(uint64).max, (uint256(a[i]) + 2 * ORDER - b[i]) % ORDER, "difference"
            );
        }
        vm.assertTrue(Cubic.isReduced(sum) && Cubic.isReduced(difference), "reduced");
    }

    function testFuzz_scaling_is_a_product(uint64[3] memory a, uint64 base) public pure {
        vm.assertEq(Cubic.scale(word(a), base), Cubic.mul(word(a), Cubic.from(base)), "scaled");
    }

    function testFuzz_an_inverse_gives_one(uint64[3] memory a, uint64 base) public pure {
        vm.assume(Cubic.add(word(a), 0) != 0 && base % ORDER != 0);
        vm.assertEq(Cubic.mul(word(a), Cubic.inverse(word(a))), Cubic.ONE, "extension");
        vm.assertEq(mulmod(base, Goldilocks.inverse(base), ORDER), 1, "base");
    }

    function testFuzz_powers_are_products(uint64[3] memory a, uint8 exponent) public pure {
        uint256 expected = Cubic.ONE;
        uint256 base = 1;
        for (uint256 i = 0; i < exponent; ++i) {
            expected = Cubic.mul(expected, word(a));
            base = mulmod(base, a[0], ORDER);
        }
        vm.assertEq(Cubic.power(word(a), exponent), expected, "extension");
        vm.assertEq(Goldilocks.power(a[0], exponent), base, "base");
    }

    function test_zero_has_zero_for_an_inverse() public pure {
        vm.assertEq(Cubic.inverse(0), 0, "extension");
        vm.assertEq(Cubic.inverse(ORDER << 64), 0, "extension, not reduced");
        vm.assertEq(Goldilocks.inverse(0), 0, "base");
    }

    function test_limbs_at_the_order_are_not_reduced() public pure {
        vm.assertTrue(Cubic.isReduced((ORDER - 1) << 128 | (ORDER - 1) << 64 | (ORDER - 1)), "largest");
        for (uint256 shift = 0; shift < 192; shift += 64) {
            vm.assertFalse(Cubic.isReduced(ORDER << shift), "order");
        }
        vm.assertFalse(Cubic.isReduced(1 << 192), "four limbs");
    }

    function test_roots_have_their_order() public pure {
        vm.assertEq(Goldilocks.root(0), 1, "one");
        vm.assertEq(Goldilocks.root(1), ORDER - 1, "minus one");
        for (uint256 i = 1; i <= 32; ++i) {
            uint256 root = Goldilocks.root(i);
            vm.assertEq(mulmod(root, root, ORDER), Goldilocks.root(i - 1), "square");
        }
        vm.assertEq(Goldilocks.root(5), 0x00003fffffffc000, "the proof system's");
    }

    function test_what_operations_cost() public {
        uint256 a = 0x123456789abcdef0fedcba9876543210aaaabbbbccccdddd;
        uint256 b = 0x0fedcba987654321123456789abcdef05555666677778888;
        uint256 start = gasleft();
        a = Cubic.add(a, b);
        uint256 spent = start - gasleft();
        emit log_named_uint("add", spent);
        start = gasleft();
        a = Cubic.sub(a, b);
        emit log_named_uint("sub", start - gasleft());
        start = gasleft();
        a = Cubic.scale(a, 0x123456789);
        emit log_named_uint("scale", start - gasleft());
        start = gasleft();
        a = Cubic.mul(a, b);
        spent = start - gasleft();
        emit log_named_uint("mul", spent);
        vm.assertLt(spent, 400, "a product is cheap");
        start = gasleft();
        a = Cubic.inverse(a);
        spent = start - gasleft();
        emit log_named_uint("inverse", spent);
        vm.assertLt(spent, 6000, "an inverse is bearable");
        vm.assertNotEq(bytes32(a), bytes32(0), "used");
    }

    function word(uint64[3] memory limbs) private pure returns (uint256) {
        return uint256(limbs[0]) << 128 | uint256(limbs[1]) << 64 | limbs[2];
    }
}
