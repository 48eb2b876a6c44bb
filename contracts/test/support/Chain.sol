// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "../../src/AccountId.sol";
import { Quanta } from "../../src/Quanta.sol";
import { IRollup } from "../../src/interfaces/IRollup.sol";
import { IVault } from "../../src/interfaces/IVault.sol";
import { FeeToken } from "./Doubles.sol";
import { ListBuilder } from "./ListBuilder.sol";
import { TaleaTest } from "./TaleaTest.sol";
import { vm } from "./Vm.sol";

/// @dev A correct rollup, its users and its attackers, for the invariant tests to drive in any order. It keeps the books
/// that the contracts are compared with. Amounts in the books are in base units.
contract Chain is TaleaTest {
    uint256 private constant WITHDRAWALS_PER_BATCH = 5;
    uint256 private constant FEE_TOKEN_QUANTUM = 100;

    struct Deposit {
        address token;
        uint256 amount;
        bytes32 hashAfter;
    }

    struct Settled {
        uint64 batch;
        uint256 position;
        bytes32[] path;
        IVault.Withdrawal withdrawal;
    }

    FeeToken private _feeToken;
    /// @dev Deposits not yet consumed by a batch, in order.
    Deposit[] private _queue;
    uint256 private _queueStart;
    bytes32 private _inboxHash;
    /// @dev Withdrawals settled and not yet claimed.
    Settled[] private _settled;
    uint64 private _nextIndex;

    /// @dev What the accounts on the rollup hold: deposits consumed and not yet withdrawn.
    mapping(address token => uint256) public credited;
    /// @dev Deposits that no batch has consumed.
    mapping(address token => uint256) public queued;
    /// @dev Withdrawals settled and not yet claimed.
    mapping(address token => uint256) public owed;
    /// @dev What recipients should have received.
    mapping(address token => uint256) public paid;
    uint256 public depositCount;
    uint256 public batchCount;
    uint256 public claimCount;
    bytes32 public lastRoot = GENESIS_ROOT;
    bool public wasFooled;

    constructor() {
        setUp();
        _feeToken = new FeeToken();
        vm.prank(owner);
        vault.registerToken(address(_feeToken), FEE_TOKEN_QUANTUM);
    }

    // What users do.

    function sendETH(uint256 amount) external {
        amount = bound(amount, 1, 1e12) * GWEI;
        depositETH(amount);
        _note(ETH, amount, amount / GWEI);
    }

    function sendToken(uint256 amount) external {
        amount = bound(amount, 1, 1e15);
        depositToken(amount);
        _note(address(token), amount, amount);
    }

    function sendFeeToken(uint256 amount) external {
        // Nine tenths arrive, and nine tenths of a multiple of a thousand are whole quanta.
        amount = bound(amount, 1, 1e12) * 1000;
        _feeToken.mint(depositor, amount);
        vm.startPrank(depositor);
        _feeToken.approve(address(vault), amount);
        vault.deposit(address(_feeToken), amount, account);
        vm.stopPrank();
        uint256 arrived = amount - amount / 10;
        _note(address(_feeToken), arrived, arrived / FEE_TOKEN_QUANTUM);
    }

    function claimOne(uint256 which) external {
        if (_settled.length == 0) return;
        which %= _settled.length;
        Settled memory item = _settled[which];
        vault.claim(item.batch, item.withdrawal, item.position, item.path);

        uint256 amount = _units(item.withdrawal);
        owed[item.withdrawal.token] -= amount;
        paid[item.withdrawal.token] += item.withdrawal.token == address(_feeToken) ? amount - amount / 10 : amount;
        ++claimCount;
        _settled[which] = _settled[_settled.length - 1];
        _settled.pop();
        _tryClaim(item);
    }

    // What the settler does.

    function settleBatch(uint256 consume, uint256 withdrawals, uint256 share) external {
        uint256 end = _queueStart + bound(consume, 0, _queue.length - _queueStart);
        for (; _queueStart < end; ++_queueStart) {
            Deposit memory d = _queue[_queueStart];
            queued[d.token] -= d.amount;
            credited[d.token] += d.amount;
        }
        IVault.Withdrawal[] memory list = _withdraw(bound(withdrawals, 0, WITHDRAWALS_PER_BATCH), share);
        bytes32[] memory leaves = leavesOf(list);

        IRollup.Header memory header = nextHeader();
        header.inboxCount = uint64(_queueStart);
        header.inboxHash = _queueStart == 0 ? bytes32(0) : _queue[_queueStart - 1].hashAfter;
        header.withdrawalsRoot = ListBuilder.root(leaves);
        settle(header);
        lastRoot = header.stateRoot;
        ++batchCount;
        for (uint256 i = 0; i < list.length; ++i) {
            _settled.push(Settled(header.number, i, ListBuilder.path(leaves, i), list[i]));
        }
    }

    // What attackers do.

    function forceETH(uint256 amount) external {
        vm.deal(address(vault), address(vault).balance + bound(amount, 0, 1e20));
    }

    function giveToken(uint256 amount) external {
        token.mint(address(vault), bound(amount, 0, 1e15));
    }

    function claimMore(uint256 which, uint64 more) external {
        if (_settled.length == 0 || more == 0) return;
        Settled memory item = _settled[which % _settled.length];
        uint64 amount = Quanta.unwrap(item.withdrawal.amount);
        unchecked {
            item.withdrawal.amount = Quanta.wrap(amount + more);
        }
        _tryClaim(item);
    }

    function claimUnderAnotherIndex(uint256 which, uint64 index) external {
        if (_settled.length == 0) return;
        Settled memory item = _settled[which % _settled.length];
        if (item.withdrawal.index == index) return;
        item.withdrawal.index = index;
        _tryClaim(item);
    }

    function settleWithFewSignatures(uint256 count, bytes32 stateRoot) external {
        IRollup.Header memory header = nextHeader();
        header.stateRoot = stateRoot;
        bytes memory evidence = quorum(rollup.headerDigest(header), bound(count, 0, THRESHOLD - 1));
        try rollup.settle(header, evidence) {
            wasFooled = true;
        } catch { }
    }

    // The books.

    /// @dev Returns everything that is registered.
    function tokens() external view returns (address[] memory list) {
        list = new address[](3);
        (list[0], list[1], list[2]) = (ETH, address(token), address(_feeToken));
    }

    function contracts() external view returns (IRollup, IVault) {
        return (rollup, vault);
    }

    function payee() external view returns (address) {
        return recipient;
    }

    function inboxHash() external view returns (bytes32) {
        return _inboxHash;
    }

    function _note(address deposited, uint256 amount, uint256 quanta) private {
        _inboxHash =
            keccak256(abi.encode(_inboxHash, depositCount, AccountId.unwrap(account), deposited, quanta, depositor));
        ++depositCount;
        queued[deposited] += amount;
        _queue.push(Deposit(deposited, amount, _inboxHash));
    }

    /// @dev Takes a share of what accounts hold out of the ledger, as withdrawals of the three tokens in turn.
    function _withdraw(uint256 count, uint256 share) private returns (IVault.Withdrawal[] memory list) {
        list = new IVault.Withdrawal[](count);
        address[] memory all = this.tokens();
        for (uint256 i = 0; i < count; ++i) {
            address asset = all[(share % all.length + i) % all.length];
            uint256 quantum = vault.quantumOf(asset);
            uint256 quanta = bound(share >> i, 0, credited[asset] / quantum);
            credited[asset] -= quanta * quantum;
            owed[asset] += quanta * quantum;
            list[i] = IVault.Withdrawal(_nextIndex++, recipient, asset, Quanta.wrap(uint64(quanta)));
        }
    }

    function _tryClaim(Settled memory item) private {
        try vault.claim(item.batch, item.withdrawal, item.position, item.path) {
            wasFooled = true;
        } catch { }
    }

    function _units(IVault.Withdrawal memory withdrawal) private view returns (uint256) {
        return uint256(Quanta.unwrap(withdrawal.amount)) * vault.quantumOf(withdrawal.token);
    }
}
