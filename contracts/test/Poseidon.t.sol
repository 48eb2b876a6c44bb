// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Poseidon } from "../src/Poseidon.sol";
import { PoseidonReference } from "./support/PoseidonReference.sol";
import { vm } from "./support/Vm.sol";

/// @dev Holds the permutation to vectors/poseidon.json, which the Rust side writes, and to its definition.
contract PoseidonTest {
    bool public constant IS_TEST = true;

    uint256 private constant ORDER = 0xFFFFFFFF00000001;
    uint256 private constant ENTRIES_MAX = 1000;
    uint256 private constant PERMUTATION_GAS_MAX = 15_000;

    event log_named_uint(string name, uint256 value);

    string private _json;

    function setUp() public {
        _json = vm.readFile("../vectors/poseidon.json");
    }

    function test_permutations_are_the_ledgers() public view {
        uint256 count = countOf(".permutations");
        vm.assertGe(count, 3, "the vectors have permutations");
        for (uint256 i = 0; i < count; ++i) {
            uint256[] memory input = vm.parseJsonUintArray(_json, at(".permutations", i, ".input"));
            uint256[] memory output = vm.parseJsonUintArray(_json, at(".permutations", i, ".output"));
            uint256[8] memory state;
            for (uint256 j = 0; j < 8; ++j) {
                state[j] = input[j];
            }
            Poseidon.permute(Poseidon.constants(), state);
            for (uint256 j = 0; j < 8; ++j) {
                vm.assertEq(state[j] % ORDER, output[j], "cell");
            }
        }
    }

    function test_hashes_are_the_ledgers() public view {
        uint256 count = countOf(".hashes");
        vm.assertGe(count, 18, "the vectors have hashes");
        for (uint256 i = 0; i < count; ++i) {
            uint256 tag = vm.parseJsonUint(_json, at(".hashes", i, ".tag"));
            uint256[] memory elements = vm.parseJsonUintArray(_json, at(".hashes", i, ".elements"));
            bytes32 digest = vm.parseJsonBytes32(_json, at(".hashes", i, ".digest"));
            vm.assertEq(Poseidon.hash(Poseidon.constants(), tag, elements), digest, "digest");
        }
    }

    function test_compressions_are_the_ledgers() public view {
        uint256 count = countOf(".compressions");
        vm.assertGe(count, 4, "the vectors have compressions");
        for (uint256 i = 0; i < count; ++i) {
            bytes32 left = vm.parseJsonBytes32(_json, at(".compressions", i, ".left"));
            bytes32 right = vm.parseJsonBytes32(_json, at(".compressions", i, ".right"));
            bytes32 digest = vm.parseJsonBytes32(_json, at(".compressions", i, ".digest"));
            vm.assertEq(Poseidon.compress(Poseidon.constants(), left, right), digest, "digest");
        }
    }

    /// @dev Cells as large as any caller's: an unreduced output with an element added.
    function testFuzz_the_permutation_is_its_definition(uint256[8] memory state) public pure {
        uint256[8] memory expected;
        for (uint256 i = 0; i < 8; ++i) {
            state[i] >>= 186;
            expected[i] = state[i] % ORDER;
        }
        same(state, expected);
    }

    function test_the_largest_cells_do_not_overflow() public pure {
        uint256[8] memory state;
        uint256[8] memory expected;
        for (uint256 which = 0; which < 256; ++which) {
            for (uint256 i = 0; i < 8; ++i) {
                state[i] = (which >> i) & 1 == 1 ? (1 << 70) - 1 : 0;
                expected[i] = state[i] % ORDER;
            }
            same(state, expected);
        }
    }

    function test_a_permutation_costs_less_than_15_000_gas() public {
        uint256[86] memory table = Poseidon.constants();
        uint256[8] memory state;
        uint256 gasBefore = gasleft();
        Poseidon.permute(table, state);
        uint256 gas = gasBefore - gasleft();
        emit log_named_uint("permutation", gas);
        vm.assertLt(gas, PERMUTATION_GAS_MAX, "gas");
    }

    function test_a_table_and_a_compression_have_a_price() public {
        uint256 gasBefore = gasleft();
        uint256[86] memory table = Poseidon.constants();
        emit log_named_uint("constants", gasBefore - gasleft());
        gasBefore = gasleft();
        bytes32 digest = Poseidon.compress(table, bytes32(uint256(1)), bytes32(uint256(2)));
        uint256 gas = gasBefore - gasleft();
        emit log_named_uint("compression", gas);
        vm.assertNotEq(digest, 0, "digest");
        vm.assertLt(gas, PERMUTATION_GAS_MAX + 1000, "gas");
    }

    function same(uint256[8] memory state, uint256[8] memory expected) private pure {
        Poseidon.permute(Poseidon.constants(), state);
        PoseidonReference.permute(expected);
        for (uint256 i = 0; i < 8; ++i) {
            vm.assertLt(state[i], 1 << 69, "what is left is small enough to go on with");
            vm.assertEq(state[i] % ORDER, expected[i], "cell");
        }
    }

    function countOf(string memory list) private view returns (uint256 count) {
        while (count < ENTRIES_MAX && vm.keyExistsJson(_json, at(list, count, ""))) ++count;
    }

    function at(string memory list, uint256 i, string memory key) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]", key);
    }
}
