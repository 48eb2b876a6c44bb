// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "../../src/AccountId.sol";
import { Quanta } from "../../src/Quanta.sol";
import { TokenId } from "../../src/TokenId.sol";
import { IExits } from "../../src/interfaces/IExits.sol";
import { IRollup } from "../../src/interfaces/IRollup.sol";
import { IVault } from "../../src/interfaces/IVault.sol";
import { FeeToken } from "./Doubles.sol";
import { ListBuilder } from "./ListBuilder.sol";
import { StateTree } from "./StateTree.sol";
import { TaleaTest } from "./TaleaTest.sol";
import { vm } from "./Vm.sol";

/// @dev A correct rollup, its users and its attackers, for the invariant tests to drive in any order. It keeps the books
/// that the contracts are compared with. Amounts in the books are in base units.
contract Chain is TaleaTest {
    using StateTree for StateTree.Leaf[];

    uint256 private constant WITHDRAWALS_PER_BATCH = 5;
    uint256 private constant FEE_TOKEN_QUANTUM = 100;
    uint256 private constant TOKENS = 4;
    uint256 private constant ACCOUNTS = 2;
    /// @dev Of the calls that may freeze the rollup, one in this many does, so that most runs first fill it.
    uint256 private constant FREEZE_ONE_IN = 4;

    struct Message {
        uint8 kind;
        uint256 holder;
        TokenId moved;
        uint64 quanta;
        address sender;
        bytes32 hashAfter;
    }

    struct Settled {
        uint64 batch;
        uint256 position;
        bytes32[] path;
        IVault.Withdrawal withdrawal;
    }

    struct Frozen {
        uint64 batch;
        uint64 inbox;
        bytes32 root;
    }

    FeeToken private _feeToken;
    TokenId[] private _tokens;
    AccountId[] private _accounts;
    /// @dev All messages, and how many of them batches have consumed.
    Message[] private _queue;
    uint256 private _consumed;
    /// @dev Withdrawals settled and not yet claimed.
    Settled[] private _settled;
    uint64 private _nextIndex;
    /// @dev Balances by account and token, now and in the last settled state's tree.
    mapping(uint256 holder => mapping(TokenId => uint256)) private _balances;
    StateTree.Leaf[] private _leaves;
    Frozen private _frozen;

    /// @dev What the accounts on the rollup hold: deposits consumed and not yet withdrawn.
    mapping(TokenId => uint256) public credited;
    /// @dev Deposits that no batch has consumed.
    mapping(TokenId => uint256) public queued;
    /// @dev Withdrawals settled and not yet claimed.
    mapping(TokenId => uint256) public owed;
    /// @dev What the payee should have, of claims and escapes.
    mapping(TokenId => uint256) public paid;
    /// @dev What the depositor should have got back.
    mapping(TokenId => uint256) public returned;
    uint256 public batchCount;
    uint256 public claimCount;
    uint256 public escapeCount;
    uint256 public reclaimCount;
    bytes32 public lastRoot = GENESIS_ROOT;
    bool public wasFooled;

    constructor() {
        setUp();
        _feeToken = new FeeToken();
        vm.prank(owner);
        vault.registerToken(address(_feeToken), FEE_TOKEN_QUANTUM);
        _tokens.push(idOf(ETH));
        _tokens.push(idOf(address(token)));
        _tokens.push(idOf(address(_feeToken)));
        _tokens.push(halfOf("half"));
        for (uint256 holder = 0; holder < ACCOUNTS; ++holder) {
            _accounts.push(rollup.openAccount(SCHEME, [uint64(holder), 0, 0, 0, 0], recipient));
        }
    }

    modifier whileRunning() {
        if (!rollup.frozen()) _;
    }

    modifier onceFrozen() {
        if (rollup.frozen()) _;
    }

    // What users do.

    function sendETH(uint256 amount) external whileRunning {
        uint256 holder = amount % ACCOUNTS;
        amount = bound(amount, 1, 1e12);
        vm.prank(depositor);
        vault.depositETH{ value: amount * GWEI }(_accounts[holder]);
        _note(Message(1, holder, _tokens[0], uint64(amount), depositor, 0));
    }

    function sendToken(uint256 amount) external whileRunning {
        uint256 holder = amount % ACCOUNTS;
        amount = bound(amount, 1, 1e15);
        token.mint(depositor, amount);
        vm.startPrank(depositor);
        token.approve(address(vault), amount);
        vault.deposit(address(token), amount, _accounts[holder]);
        vm.stopPrank();
        _note(Message(1, holder, _tokens[1], uint64(amount), depositor, 0));
    }

    function sendFeeToken(uint256 amount) external whileRunning {
        uint256 holder = amount % ACCOUNTS;
        // Nine tenths arrive, and nine tenths of a multiple of a thousand are whole quanta.
        amount = bound(amount, 1, 1e12) * 1000;
        _feeToken.mint(depositor, amount);
        vm.startPrank(depositor);
        _feeToken.approve(address(vault), amount);
        vault.deposit(address(_feeToken), amount, _accounts[holder]);
        vm.stopPrank();
        uint256 arrived = amount - amount / 10;
        _note(Message(1, holder, _tokens[2], uint64(arrived / FEE_TOKEN_QUANTUM), depositor, 0));
    }

    function sendHalves(uint256 amount) external whileRunning {
        TokenId half = _tokens[3];
        uint256 held = halves.balanceOf(recipient, uint256(TokenId.unwrap(half)));
        if (held == 0) return;
        uint256 holder = amount % ACCOUNTS;
        amount = bound(amount, 1, held);
        vm.prank(recipient);
        vault.depositHalf(half, amount, _accounts[holder]);
        paid[half] -= amount;
        _note(Message(1, holder, half, uint64(amount), recipient, 0));
    }

    function forceWithdrawal(uint256 which, uint64 amount) external whileRunning {
        TokenId moved = _tokens[which % TOKENS];
        uint256 holder = (which / TOKENS) % ACCOUNTS;
        amount = uint64(bound(amount, 1, 1e15));
        vm.prank(recipient);
        rollup.forceWithdrawal(_accounts[holder], moved, Quanta.wrap(amount));
        _note(Message(2, holder, moved, amount, recipient, 0));
    }

    function forceAction(uint256 content) external whileRunning {
        bytes memory name = abi.encode(content);
        bytes32 hash = hashAfter(inboxHash(), uint64(_queue.length), 3, actionPayload(forcing, transferOf(name)));
        force(name);
        _queue.push(Message(3, 0, _tokens[0], 0, address(this), hash));
    }

    function claimOne(uint256 which) external {
        if (_settled.length == 0) return;
        which %= _settled.length;
        Settled memory item = _settled[which];
        vault.claim(item.batch, item.withdrawal, item.position, item.path);

        TokenId moved = item.withdrawal.token;
        uint256 amount = uint256(Quanta.unwrap(item.withdrawal.amount)) * _quantum(moved);
        owed[moved] -= amount;
        paid[moved] += _arriving(moved, amount);
        ++claimCount;
        _settled[which] = _settled[_settled.length - 1];
        _settled.pop();
        _tryClaim(item);
    }

    function escapeOne(uint256 which) external onceFrozen {
        TokenId moved = _tokens[which % TOKENS];
        uint256 holder = (which / TOKENS) % ACCOUNTS;
        uint256 amount = _balances[holder][moved];
        if (amount == 0 || exits.isEscaped(_accounts[holder], moved)) return;
        uint64 quanta = uint64(amount / _quantum(moved));
        _tryEscape(holder, moved, quanta);
        _descendTo(holder, moved, quanta);
        _tryEscape(holder, moved, quanta + 1);
        exits.escape(_accounts[holder], moved, Quanta.wrap(quanta));
        credited[moved] -= amount;
        paid[moved] += _arriving(moved, amount);
        ++escapeCount;
        _tryEscape(holder, moved, quanta);
    }

    function reclaimOne(uint256 which) external onceFrozen {
        if (_queue.length == 0) return;
        which %= _queue.length;
        Message memory m = _queue[which];
        if (m.kind != 1 || which < _consumed || exits.isReclaimed(uint64(which))) {
            _tryReclaim(uint64(which), m);
            return;
        }
        exits.reclaim(uint64(which), _accounts[m.holder], m.moved, Quanta.wrap(m.quanta), m.sender);
        uint256 amount = uint256(m.quanta) * _quantum(m.moved);
        queued[m.moved] -= amount;
        if (m.sender == recipient) paid[m.moved] += amount;
        else returned[m.moved] += _arriving(m.moved, amount);
        ++reclaimCount;
        _tryReclaim(uint64(which), m);
    }

    // What the settler does.

    function settleBatch(uint256 consume, uint256 withdrawals, uint256 share) external whileRunning {
        IVault.Withdrawal[] memory most = new IVault.Withdrawal[](_queue.length + WITHDRAWALS_PER_BATCH);
        uint256 count = _consume(_consumed + bound(consume, 0, _queue.length - _consumed), most);
        // Somebody split a tally's collateral, which is on the rollup, into halves.
        _move(share % ACCOUNTS, _tokens[3], share % 1e6, true);
        count = _withdraw(bound(withdrawals, 0, WITHDRAWALS_PER_BATCH), share, most, count);
        IVault.Withdrawal[] memory list = new IVault.Withdrawal[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i] = most[i];
        }
        bytes32[] memory leaves = leavesOf(list);

        IRollup.Header memory header = nextHeader();
        header.stateRoot = _newRoot();
        header.inboxCount = uint64(_consumed);
        header.inboxHash = _consumed == 0 ? bytes32(0) : _queue[_consumed - 1].hashAfter;
        header.withdrawalsRoot = ListBuilder.root(leaves);
        settle(header);
        lastRoot = header.stateRoot;
        ++batchCount;
        for (uint256 i = 0; i < count; ++i) {
            _settled.push(Settled(header.number, i, ListBuilder.path(leaves, i), list[i]));
        }
    }

    /// @dev The settler leaves for good, and somebody notices.
    function freeze(uint256 chance) external whileRunning {
        if (chance % FREEZE_ONE_IN != 0 || _consumed == _queue.length) return;
        vm.warp(block.timestamp + FORCED_DEADLINE + FREEZE_GRACE + 1);
        rollup.freeze();
        _frozen = Frozen(rollup.batchNumber(), rollup.inboxCount(), rollup.stateRoot());
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
        try rollup.settle(header, chunks(), evidence) {
            wasFooled = true;
        } catch { }
    }

    function freezeTooEarly() external whileRunning {
        try rollup.freeze() {
            wasFooled = true;
        } catch { }
    }

    function goOnAfterTheFreeze(bytes32 stateRoot) external onceFrozen {
        IRollup.Header memory header = nextHeader();
        header.stateRoot = stateRoot;
        bytes memory evidence = quorum(rollup.headerDigest(header), THRESHOLD);
        try rollup.settle(header, chunks(), evidence) {
            wasFooled = true;
        } catch { }
        vm.prank(recipient);
        try rollup.forceAction(forcing, transferOf("late")) {
            wasFooled = true;
        } catch { }
        try vault.depositETH{ value: 0 }(account) {
            wasFooled = true;
        } catch { }
    }

    function escapeFromARunningRollup(uint256 which) external whileRunning {
        if (_leaves.length < 2) return;
        TokenId moved = _tokens[which % TOKENS];
        _tryEscape(0, moved, uint64(_balances[0][moved] / _quantum(moved)));
    }

    // The books.

    /// @dev Returns everything that moves here; the last one is a half.
    function tokens() external view returns (TokenId[] memory) {
        return _tokens;
    }

    function contracts() external view returns (IRollup, IVault) {
        return (rollup, vault);
    }

    function payee() external view returns (address) {
        return recipient;
    }

    function payer() external view returns (address) {
        return depositor;
    }

    function messageCount() external view returns (uint256) {
        return _queue.length;
    }

    function frozen() external view returns (Frozen memory) {
        return _frozen;
    }

    function inboxHash() public view returns (bytes32) {
        return _queue.length == 0 ? bytes32(0) : _queue[_queue.length - 1].hashAfter;
    }

    function _note(Message memory m) private {
        bytes32 hashed = transferPayload(_accounts[m.holder], m.moved, m.quanta, m.sender);
        m.hashAfter = hashAfter(inboxHash(), uint64(_queue.length), m.kind, hashed);
        _queue.push(m);
        if (m.kind == 1) queued[m.moved] += uint256(m.quanta) * _quantum(m.moved);
    }

    /// @dev Applies messages to the ledger, and lists the withdrawals they force.
    function _consume(uint256 end, IVault.Withdrawal[] memory list) private returns (uint256 count) {
        for (; _consumed < end; ++_consumed) {
            Message memory m = _queue[_consumed];
            if (m.kind == 3) continue;
            uint256 quantum = _quantum(m.moved);
            uint256 amount = uint256(m.quanta) * quantum;
            if (m.kind == 1) {
                queued[m.moved] -= amount;
                _move(m.holder, m.moved, amount, true);
                continue;
            }
            uint256 held = _balances[m.holder][m.moved];
            if (amount > held) amount = held;
            if (amount != 0) list[count++] = _withdrawal(m.holder, m.moved, amount / quantum);
        }
    }

    /// @dev Takes a share of what accounts hold out of the ledger, as withdrawals of the tokens in turn.
    function _withdraw(uint256 more, uint256 share, IVault.Withdrawal[] memory list, uint256 count)
        private
        returns (uint256)
    {
        for (uint256 i = 0; i < more; ++i) {
            TokenId moved = _tokens[(share % TOKENS + i) % TOKENS];
            uint256 holder = (share >> i) % ACCOUNTS;
            uint256 quanta = bound(share >> i, 0, _balances[holder][moved] / _quantum(moved));
            list[count++] = _withdrawal(holder, moved, quanta);
        }
        return count;
    }

    function _withdrawal(uint256 holder, TokenId moved, uint256 quanta) private returns (IVault.Withdrawal memory) {
        uint256 amount = quanta * _quantum(moved);
        _move(holder, moved, amount, false);
        owed[moved] += amount;
        return IVault.Withdrawal(_nextIndex++, recipient, moved, Quanta.wrap(uint64(quanta)));
    }

    function _move(uint256 holder, TokenId moved, uint256 amount, bool inwards) private {
        if (inwards) {
            _balances[holder][moved] += amount;
            credited[moved] += amount;
        } else {
            _balances[holder][moved] -= amount;
            credited[moved] -= amount;
        }
    }

    /// @dev Builds the state tree of all balances. One leaf that is none keeps the root from being zero.
    function _newRoot() private returns (bytes32) {
        delete _leaves;
        _leaves.push(StateTree.other(batchCount));
        for (uint256 holder = 0; holder < ACCOUNTS; ++holder) {
            for (uint256 i = 0; i < TOKENS; ++i) {
                uint256 amount = _balances[holder][_tokens[i]];
                if (amount == 0) continue;
                uint64 quanta = uint64(amount / _quantum(_tokens[i]));
                _leaves.push(StateTree.balance(_accounts[holder], vault.assetOf(_tokens[i]), quanta));
            }
        }
        return _leaves.root(0);
    }

    /// @dev Makes a balance known, a level at a time.
    function _descendTo(uint256 holder, TokenId moved, uint64 quanta) private {
        StateTree.Leaf memory leaf = StateTree.balance(_accounts[holder], vault.assetOf(moved), quanta);
        bytes32[] memory siblings = _leaves.siblings(leaf.path);
        bytes32 node = rollup.stateRoot();
        for (uint256 depth = 0; depth < siblings.length; ++depth) {
            bytes32 below = _leaves.node(leaf.path, depth + 1);
            uint256 turn = uint256(leaf.path) >> (255 - depth);
            exits.descend(node, below, StateTree.slice(siblings, depth, depth + 1), turn);
            node = below;
        }
        bytes32[] memory mark = new bytes32[](1);
        mark[0] = StateTree.MARK;
        exits.descend(node, leaf.inside, mark, 0);
    }

    function _tryClaim(Settled memory item) private {
        try vault.claim(item.batch, item.withdrawal, item.position, item.path) {
            wasFooled = true;
        } catch { }
    }

    function _tryEscape(uint256 holder, TokenId moved, uint64 quanta) private {
        try exits.escape(_accounts[holder], moved, Quanta.wrap(quanta)) {
            wasFooled = true;
        } catch { }
    }

    function _tryReclaim(uint64 index, Message memory m) private {
        try exits.reclaim(index, _accounts[m.holder], m.moved, Quanta.wrap(m.quanta), m.sender) {
            wasFooled = true;
        } catch { }
    }

    function _quantum(TokenId moved) private view returns (uint256) {
        return moved.isHalf() ? 1 : vault.quantumOf(moved.toAddress());
    }

    /// @dev Returns what arrives of what is sent: the fee token keeps a tenth.
    function _arriving(TokenId moved, uint256 amount) private view returns (uint256) {
        return !moved.isHalf() && moved.toAddress() == address(_feeToken) ? amount - amount / 10 : amount;
    }
}
