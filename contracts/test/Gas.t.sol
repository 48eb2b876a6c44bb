// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "../src/AccountId.sol";
import { Quanta } from "../src/Quanta.sol";
import { TokenId } from "../src/TokenId.sol";
import { IRollup } from "../src/interfaces/IRollup.sol";
import { IVault } from "../src/interfaces/IVault.sol";
import { StateTree } from "./support/StateTree.sol";
import { TaleaTest } from "./support/TaleaTest.sol";
import { vm } from "./support/Vm.sol";

/// @dev Bounds what each transaction costs its sender, intrinsic gas included. Every call here is a transaction of its
/// own (isolation), so that storage is as cold as on a chain.
/// forge-config: default.isolate = true
contract GasTest is TaleaTest {
    uint256 private constant USER_GAS_MAX = 200_000;
    // Paths as long as in a batch of a million withdrawals.
    uint256 private constant DEPTH = 20;

    event log_named_uint(string name, uint256 value);

    IVault.Withdrawal private _ethWithdrawal;
    IVault.Withdrawal private _tokenWithdrawal;
    bytes32[] private _path;

    function setUp() public override {
        super.setUp();
        token.mint(depositor, 1000);
        vm.prank(depositor);
        token.approve(address(vault), 1000);
        for (uint256 i = 0; i < DEPTH; ++i) {
            _path.push(keccak256(abi.encode(i)));
        }
        _ethWithdrawal = IVault.Withdrawal(1000, recipient, idOf(ETH), Quanta.wrap(7));
        _tokenWithdrawal = IVault.Withdrawal(2000, recipient, idOf(address(token)), Quanta.wrap(7));
    }

    function test_first_eth_deposit() public {
        vm.prank(depositor);
        vault.depositETH{ value: GWEI }(account);
        check("first ETH deposit", USER_GAS_MAX);
    }

    function test_later_eth_deposit() public {
        depositETH(GWEI);
        vm.prank(depositor);
        vault.depositETH{ value: GWEI }(account);
        check("later ETH deposit", USER_GAS_MAX);
    }

    function test_first_token_deposit() public {
        vm.prank(depositor);
        vault.deposit(address(token), 10, account);
        check("first token deposit", USER_GAS_MAX);
    }

    function test_eth_claim() public {
        depositETH(7 * GWEI);
        settleOne(_ethWithdrawal);
        vault.claim(1, _ethWithdrawal, 0, _path);
        check("ETH claim", USER_GAS_MAX);
    }

    function test_token_claim() public {
        depositToken(7);
        settleOne(_tokenWithdrawal);
        vault.claim(1, _tokenWithdrawal, 0, _path);
        check("token claim", USER_GAS_MAX);
    }

    function test_settle_with_three_signatures() public {
        depositETH(GWEI);
        IRollup.Header memory header = nextHeader();
        header.withdrawalsRoot = keccak256("withdrawals");
        bytes memory evidence = quorum(rollup.headerDigest(header), THRESHOLD);
        rollup.settle(header, chunks(), evidence);
        check("settle", 250_000);
    }

    function test_publishing_and_proposing() public {
        rollup.publish(noise(100_000));
        // With nothing added for a byte, its floor price under EIP-7623 is all it costs: 40 gas if it is not zero.
        check("publishing 100 000 bytes", 41 * 100_000 + 100_000);
        rollup.propose(nextHeader(), chunks());
        check("propose", 250_000);
    }

    function test_first_deposit_of_halves() public {
        TokenId half = halfOf("half");
        settleOne(IVault.Withdrawal(3000, depositor, half, Quanta.wrap(7)));
        vault.claim(1, IVault.Withdrawal(3000, depositor, half, Quanta.wrap(7)), 0, _path);
        check("claim of halves", USER_GAS_MAX);
        vm.prank(depositor);
        vault.depositHalf(half, 7, account);
        check("first deposit of halves", USER_GAS_MAX);
    }

    function test_opening_an_account_and_forcing_a_withdrawal() public {
        AccountId opened = rollup.openAccount(SCHEME, keyOf("key"), recipient);
        check("opening an account", USER_GAS_MAX);
        vm.prank(recipient);
        rollup.forceWithdrawal(opened, idOf(address(token)), Quanta.wrap(7));
        check("first forced withdrawal", USER_GAS_MAX);
    }

    function test_forcing_an_action() public {
        force("action");
        check("first forced action", USER_GAS_MAX);
    }

    function test_freezing() public {
        force("ignored");
        vm.warp(block.timestamp + FORCED_DEADLINE + FREEZE_GRACE + 1);
        rollup.freeze();
        check("freeze", USER_GAS_MAX);
    }

    function test_reclaiming_a_deposit() public {
        vm.prank(depositor);
        vault.deposit(address(token), 7, account);
        freezeRollup();
        exits.reclaim(0, account, idOf(address(token)), Quanta.wrap(7), depositor);
        check("reclaim of a token", USER_GAS_MAX);
    }

    /// @dev The longest descent, and an escape of each kind of token to somebody who never held it.
    function test_escaping() public {
        depositETH(7 * GWEI);
        depositToken(7);
        AccountId opened = rollup.openAccount(SCHEME, keyOf("key"), recipient);
        TokenId[3] memory tokens = [idOf(ETH), idOf(address(token)), halfOf("half")];
        string[3] memory names = ["escape of ETH", "escape of a token", "escape of halves"];
        for (uint256 i = 0; i < 3; ++i) {
            uint256 snapshot = vm.snapshotState();
            escapeDeep(opened, tokens[i], names[i]);
            vm.revertToState(snapshot);
        }
    }

    /// @dev Settles a tree with the balance as deep as one transaction can walk, and walks it.
    function escapeDeep(AccountId opened, TokenId moved, string memory name) private {
        StateTree.Leaf memory leaf = StateTree.balance(opened, vault.assetOf(moved), 7);
        bytes32[] memory siblings = new bytes32[](exits.DESCEND_LEVELS_MAX());
        uint256 depth = siblings.length - 1;
        for (uint256 i = 0; i < depth; ++i) {
            siblings[i] = AccountId.unwrap(accountOf(abi.encode(i)));
        }
        siblings[depth] = StateTree.MARK;
        IRollup.Header memory header = nextHeader();
        header.stateRoot = climb(leaf.digest, leaf.path, siblings, depth, 0);
        settle(header);
        freezeRollup();
        exits.descend(header.stateRoot, leaf.inside, siblings, uint256(leaf.path) >> (256 - depth) << 1);
        check("descent of eight levels", USER_GAS_MAX);
        exits.escape(opened, moved, Quanta.wrap(7));
        check(name, USER_GAS_MAX);
    }

    /// @dev Returns the node at depth `end` above the one at depth `start`.
    function climb(bytes32 node, bytes32 path, bytes32[] memory siblings, uint256 start, uint256 end)
        private
        pure
        returns (bytes32)
    {
        for (uint256 depth = start; depth > end; --depth) {
            bytes32 sibling = siblings[depth - 1];
            bool right = (uint256(path) >> (256 - depth)) & 1 == 1;
            node = right ? StateTree.compress(sibling, node) : StateTree.compress(node, sibling);
        }
        return node;
    }

    /// @dev Returns bytes of which hardly any is zero, as in a signed transaction.
    function noise(uint256 length) private pure returns (bytes memory bytes_) {
        bytes_ = new bytes((length + 31) / 32 * 32);
        for (uint256 i = 32; i <= bytes_.length; i += 32) {
            bytes32 word = keccak256(abi.encode(i));
            assembly ("memory-safe") {
                mstore(add(bytes_, i), word)
            }
        }
        assembly ("memory-safe") {
            mstore(bytes_, length)
        }
    }

    /// @dev Settles a batch whose list has this withdrawal at its first place.
    function settleOne(IVault.Withdrawal memory withdrawal) private {
        bytes32 root = leafOf(withdrawal);
        for (uint256 i = 0; i < DEPTH; ++i) {
            root = keccak256(bytes.concat(hex"01", root, _path[i]));
        }
        IRollup.Header memory header = nextHeader();
        header.withdrawalsRoot = root;
        settle(header);
    }

    function check(string memory name, uint256 gasMax) private {
        uint256 gas = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint(name, gas);
        vm.assertLt(gas, gasMax, name);
    }
}
