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
        vm.assertEq(Cubic.mul(word(a), word(b)), c[0] | c[1] << 85 | c[2] << 170, "product");
    }

    function testFuzz_differences_are_lane_by_lane(uint64[3] memory a, uint64[3] memory b) public pure {
        uint256 difference = Cubic.reduce(Cubic.sub(word(a), word(b)));
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertEq(
                (difference >> (85 * i)) & type(uint64).max, (uint256(a[i]) + 2 * ORDER - b[i]) % ORDER, "difference"
            );
        }
        vm.assertTrue(Cubic.isReduced(difference), "reduced");
    }

    /// @dev Sums are words added: what takes them must take all of a lane.
    function testFuzz_sums_need_no_reduction(uint64[3] memory a, uint64[3] memory b) public pure {
        uint256 many = word(a) * 2 ** 20;
        uint256 reduced = Cubic.reduce(many);
        vm.assertEq(Cubic.mul(many, word(b)), Cubic.mul(reduced, word(b)), "left");
        vm.assertEq(Cubic.mul(word(b), many), Cubic.mul(word(b), reduced), "right");
        vm.assertEq(Cubic.mul(many, many), Cubic.mul(reduced, reduced), "both");
        vm.assertEq(Cubic.scale(many, b[0]), Cubic.scale(reduced, b[0]), "scaled");
        vm.assertEq(Cubic.inverse(many), Cubic.inverse(reduced), "inverse");
        vm.assertEq(Cubic.reduce(Cubic.sub(many, word(b))), Cubic.reduce(Cubic.sub(reduced, word(b))), "less");
        vm.assertEq(
            Cubic.reduce(Cubic.sub(word(b), word(a) * 2 ** 14)),
            Cubic.reduce(Cubic.sub(word(b), Cubic.reduce(word(a) * 2 ** 14))),
            "less a sum"
        );
    }

    function test_bytes_of_a_proof_are_read_in_order() public pure {
        uint256 number = 0x0102030405060708_1112131415161718_2122232425262728;
        uint256 expected = 0x0102030405060708 | 0x1112131415161718 << 85 | 0x2122232425262728 << 170;
        vm.assertEq(Cubic.fromBytes(number), expected, "lanes");
    }

    function testFuzz_scaling_is_a_product(uint64[3] memory a, uint64 base) public pure {
        vm.assertEq(Cubic.scale(word(a), base), Cubic.mul(word(a), base), "scaled");
    }

    function testFuzz_an_inverse_gives_one(uint64[3] memory a, uint64 base) public pure {
        vm.assume(Cubic.reduce(word(a)) != 0 && base % ORDER != 0);
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
        vm.assertEq(Cubic.inverse(ORDER << 85), 0, "extension, not reduced");
        vm.assertEq(Goldilocks.inverse(0), 0, "base");
    }

    function test_limbs_at_the_order_are_not_reduced() public pure {
        uint256 largest = ORDER - 1;
        vm.assertTrue(Cubic.isReduced(largest | largest << 85 | largest << 170), "largest");
        for (uint256 shift = 0; shift < 255; shift += 85) {
            vm.assertFalse(Cubic.isReduced(ORDER << shift), "order");
        }
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
        uint256 a = 0x123456789abcdef0 | 0xfedcba9876543210 << 85 | 0xaaaabbbbccccdddd << 170;
        uint256 b = 0x0fedcba987654321 | 0x123456789abcdef0 << 85 | 0x5555666677778888 << 170;
        uint256 start = gasleft();
        a = Cubic.sub(a, b);
        uint256 spent = start - gasleft();
        emit log_named_uint("sub", spent);
        start = gasleft();
        a = Cubic.reduce(a);
        emit log_named_uint("reduce", start - gasleft());
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
        return uint256(limbs[0]) | uint256(limbs[1]) << 85 | uint256(limbs[2]) << 170;
    }
}
