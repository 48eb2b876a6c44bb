// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "../src/AccountId.sol";
import { Exits } from "../src/Exits.sol";
import { Quanta } from "../src/Quanta.sol";
import { TokenId } from "../src/TokenId.sol";
import { Vault } from "../src/Vault.sol";
import { IRollup } from "../src/interfaces/IRollup.sol";
import { FixedVerifier, PlacedRollup } from "./support/Doubles.sol";
import { StateTree } from "./support/StateTree.sol";
import { vm } from "./support/Vm.sol";

/// @dev Leaves a rollup whose last state is that of vectors/state.json, which the Rust side writes: both sides must agree
/// on keys, values, leaves and turns.
contract GoldenStateTest {
    bool public constant IS_TEST = true;

    uint256 private constant BALANCE = 2;
    uint256 private constant KEY_BYTES = 64;
    uint256 private constant ENTRIES_MAX = 1000;

    string private _json;
    PlacedRollup private _rollup;
    Exits private _exits;
    Vault private _vault;

    function setUp() public {
        _json = vm.readFile("../vectors/state.json");
        IRollup.Rules memory rules = IRollup.Rules(1, 0, 1, false);
        _rollup = new PlacedRollup(keccak256("config"), word(".root"), new FixedVerifier(true), rules, address(this));
        _exits = Exits(address(_rollup.exits()));
        _vault = Vault(address(_rollup.vault()));
        vm.deal(address(this), 1 ether);
        _vault.depositETH{ value: 1 ether }(AccountId.wrap(bytes32(uint256(1))));
        vm.warp(block.timestamp + 2);
        _rollup.freeze();
    }

    /// @dev Of the vector's assets one stands for ETH. The others have no L1 token here, so they are paid as halves.
    function test_every_balance_of_the_ledgers_state_is_paid() public {
        uint256 found = 0;
        for (uint256 i = 0; i < ENTRIES_MAX && vm.keyExistsJson(_json, at(i, "")); ++i) {
            if (vm.parseJsonUint(_json, at(i, ".kind")) != BALANCE) continue;
            bytes memory key = vm.parseJsonBytes(_json, at(i, ".key"));
            vm.assertEq(key.length, KEY_BYTES, "an account and an asset");
            (AccountId account, TokenId asset) = abi.decode(key, (AccountId, TokenId));
            uint64 amount = uint64(vm.parseJsonUintArray(_json, at(i, ".value_elements"))[0]);
            address owner = address(uint160(0x1000 + i));
            _rollup.own(account, owner);
            walk(i);
            bool isETH = TokenId.unwrap(asset) == _exits.assetOf(address(0));
            _exits.escape(account, isETH ? TokenId.wrap(0) : asset, Quanta.wrap(amount));
            uint256 held =
                isETH ? owner.balance / 1 gwei : _vault.halves().balanceOf(owner, uint256(TokenId.unwrap(asset)));
            vm.assertEq(held, amount, "paid");
            ++found;
        }
        vm.assertGe(found, 2, "the vector has balances");
    }

    /// @dev Descends to the inside of a leaf, as far in each call as one transaction may.
    function walk(uint256 i) private {
        bytes32[] memory siblings = vm.parseJsonBytes32Array(_json, at(i, ".siblings"));
        bytes32 path = word(at(i, ".path"));
        bytes32[] memory nodes = new bytes32[](siblings.length + 1);
        bytes32 inside = StateTree.compress(path, word(at(i, ".value_digest")));
        bytes32 node = StateTree.compress(inside, mark());
        for (uint256 depth = siblings.length; depth > 0; --depth) {
            nodes[depth] = node;
            bool right = (uint256(path) >> (256 - depth)) & 1 == 1;
            node = right ? StateTree.compress(siblings[depth - 1], node) : StateTree.compress(node, siblings[depth - 1]);
        }
        nodes[0] = node;
        uint256 most = _exits.DESCEND_LEVELS_MAX();
        for (uint256 depth = 0; depth < siblings.length;) {
            uint256 next = depth + most < siblings.length ? depth + most : siblings.length;
            bytes32[] memory part = StateTree.slice(siblings, depth, next);
            _exits.descend(nodes[depth], nodes[next], part, uint256(path) >> (256 - next));
            depth = next;
        }
        bytes32[] memory last = new bytes32[](1);
        last[0] = mark();
        _exits.descend(nodes[siblings.length], inside, last, 0);
    }

    function mark() private view returns (bytes32) {
        uint256[] memory limbs = vm.parseJsonUintArray(_json, ".mark");
        return bytes32((limbs[0] << 192) | (limbs[1] << 128) | (limbs[2] << 64) | limbs[3]);
    }

    function at(uint256 i, string memory key) private pure returns (string memory) {
        return string.concat(".leaves[", vm.toString(i), "]", key);
    }

    function word(string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(_json, key);
    }
}
