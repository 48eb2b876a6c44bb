// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Quanta } from "../src/Quanta.sol";
import { IRollup } from "../src/interfaces/IRollup.sol";
import { IVault } from "../src/interfaces/IVault.sol";
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
        _ethWithdrawal = IVault.Withdrawal(1000, recipient, ETH, Quanta.wrap(7));
        _tokenWithdrawal = IVault.Withdrawal(2000, recipient, address(token), Quanta.wrap(7));
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
        rollup.settle(header, evidence);
        check("settle", 250_000);
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
