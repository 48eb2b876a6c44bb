// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { MerkleList } from "../src/MerkleList.sol";
import { ListBuilder } from "./support/ListBuilder.sol";
import { vm } from "./support/Vm.sol";

contract MerkleListTest {
    bool public constant IS_TEST = true;

    /// @dev External, because the library wants its path as calldata.
    function holds(bytes32 root, bytes32 digest, uint256 position, bytes32[] calldata path)
        external
        pure
        returns (bool)
    {
        return MerkleList.holds(root, digest, position, path);
    }

    function test_three_leaves_are_padded_to_four() public view {
        (bytes32 a, bytes32 b, bytes32 c) = (leaf("a"), leaf("b"), leaf("c"));
        bytes32 left = keccak256(bytes.concat(hex"01", a, b));
        bytes32 right = keccak256(bytes.concat(hex"01", c, bytes32(0)));
        bytes32 root = keccak256(bytes.concat(hex"01", left, right));
        vm.assertEq(MerkleList.node(left, right), root, "node");
        vm.assertEq(MerkleList.leaf("a"), a, "leaf");
        vm.assertTrue(this.holds(root, a, 0, pair(b, right)), "a");
        vm.assertTrue(this.holds(root, b, 1, pair(a, right)), "b");
        vm.assertTrue(this.holds(root, c, 2, pair(0, left)), "c");
    }

    function test_the_only_leaf_is_the_root() public view {
        bytes32 only = leaf("only");
        vm.assertTrue(this.holds(only, only, 0, new bytes32[](0)), "alone");
        vm.assertFalse(this.holds(only, only, 1, new bytes32[](0)), "there is no second place");
    }

    function test_nothing_is_under_the_zero_root() public view {
        vm.assertEq(ListBuilder.root(new bytes32[](0)), 0, "root of an empty list");
        vm.assertFalse(this.holds(0, 0, 0, new bytes32[](0)), "not even zero");
        vm.assertFalse(this.holds(0, leaf("a"), 0, new bytes32[](0)), "nor a leaf");
    }

    function testFuzz_nothing_is_under_the_zero_root(bytes32 digest, uint256 position, bytes32[] calldata path)
        public
        view
    {
        vm.assertFalse(this.holds(0, digest, position, path), "accepted");
    }

    function testFuzz_every_leaf_opens_at_its_own_place_only(uint256 count, uint256 place, uint256 other) public view {
        count = 1 + count % 40;
        place %= count;
        bytes32[] memory leaves = leavesOf(count);
        bytes32 root = ListBuilder.root(leaves);
        bytes32[] memory path = ListBuilder.path(leaves, place);
        vm.assertTrue(this.holds(root, leaves[place], place, path), "own place");
        if (other != place) vm.assertFalse(this.holds(root, leaves[place], other, path), "another place");
    }

    function testFuzz_a_changed_byte_anywhere_is_refused(uint256 count, uint256 place, uint256 where, bytes32 flip)
        public
        view
    {
        vm.assume(flip != 0);
        count = 1 + count % 40;
        place %= count;
        bytes32[] memory leaves = leavesOf(count);
        bytes32 root = ListBuilder.root(leaves);
        bytes32[] memory path = ListBuilder.path(leaves, place);
        vm.assertFalse(this.holds(root ^ flip, leaves[place], place, path), "root");
        vm.assertFalse(this.holds(root, leaves[place] ^ flip, place, path), "leaf");
        if (path.length > 0) {
            path[where % path.length] ^= flip;
            vm.assertFalse(this.holds(root, leaves[place], place, path), "path");
        }
    }

    function testFuzz_a_path_of_another_length_is_refused(uint256 count, uint256 place, bytes32 more) public view {
        count = 2 + count % 39;
        place %= count;
        bytes32[] memory leaves = leavesOf(count);
        bytes32 root = ListBuilder.root(leaves);
        bytes32[] memory path = ListBuilder.path(leaves, place);
        bytes32[] memory longer = new bytes32[](path.length + 1);
        bytes32[] memory shorter = new bytes32[](path.length - 1);
        for (uint256 i = 0; i < path.length; ++i) {
            longer[i] = path[i];
            if (i < shorter.length) shorter[i] = path[i];
        }
        longer[path.length] = more;
        vm.assertFalse(this.holds(root, leaves[place], place, longer), "longer");
        vm.assertFalse(this.holds(root, leaves[place], place, shorter), "shorter");
    }

    function test_a_node_does_not_pass_for_a_leaf() public view {
        bytes32[] memory leaves = leavesOf(4);
        bytes32 right = MerkleList.node(leaves[2], leaves[3]);
        bytes32 root = ListBuilder.root(leaves);
        // The node's digest does sit one level up, so a caller must hash payloads with the leaf tag, and this payload
        // is the best an attacker can do.
        bytes32 forged = MerkleList.leaf(bytes.concat(leaves[0], leaves[1]));
        bytes32[] memory path = new bytes32[](1);
        path[0] = right;
        vm.assertFalse(this.holds(root, forged, 0, path), "accepted");
    }

    function test_a_place_beyond_the_path_is_refused() public view {
        bytes32[] memory leaves = leavesOf(4);
        bytes32 root = ListBuilder.root(leaves);
        bytes32[] memory path = ListBuilder.path(leaves, 1);
        // The low bits alone would lead to the same root: two places for one leaf.
        vm.assertFalse(this.holds(root, leaves[1], 5, path), "bit above the path");
        vm.assertFalse(this.holds(root, leaves[1], 1 + 2 ** 255, path), "highest bit");
    }

    function test_the_depth_is_bounded() public view {
        vm.assertTrue(this.deepHolds(MerkleList.DEPTH_MAX), "deepest");
        vm.assertFalse(this.deepHolds(MerkleList.DEPTH_MAX + 1), "deeper");
    }

    /// @dev Whether a leaf is held by a root that a path of this many levels does lead to.
    function deepHolds(uint256 depth) external view returns (bool) {
        bytes32[] memory path = new bytes32[](depth);
        bytes32 root = leaf("deep");
        for (uint256 i = 0; i < depth; ++i) {
            root = MerkleList.node(root, 0);
        }
        return this.holds(root, leaf("deep"), 0, path);
    }

    function leaf(bytes memory payload) private pure returns (bytes32) {
        return keccak256(bytes.concat(hex"00", payload));
    }

    function leavesOf(uint256 count) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = leaf(abi.encode(i));
        }
    }

    function pair(bytes32 first, bytes32 second) private pure returns (bytes32[] memory path) {
        path = new bytes32[](2);
        (path[0], path[1]) = (first, second);
    }
}
