// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";
import { Ownable2Step } from "@openzeppelin/contracts/access/Ownable2Step.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { Address } from "@openzeppelin/contracts/utils/Address.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { BitMaps } from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

import { AccountId } from "./AccountId.sol";
import { Exits } from "./Exits.sol";
import { Halves } from "./Halves.sol";
import { MerkleList } from "./MerkleList.sol";
import { QUANTA_BOUND, Quanta } from "./Quanta.sol";
import { TokenId, tokenId } from "./TokenId.sol";
import { IExits } from "./interfaces/IExits.sol";
import { IHalves } from "./interfaces/IHalves.sol";
import { IRollup } from "./interfaces/IRollup.sol";
import { IVault } from "./interfaces/IVault.sol";

/// @title The holder of the rollup's value.
/// @dev See IVault.
contract Vault is IVault, Ownable2Step, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using BitMaps for BitMaps.BitMap;

    address private constant ETH = address(0);
    uint256 private constant ETH_QUANTUM_WEI = 1 gwei;
    uint256 private constant HALF_QUANTUM = 1;

    /// @inheritdoc IVault
    IRollup public immutable rollup;
    /// @inheritdoc IVault
    IHalves public immutable halves;
    /// @inheritdoc IVault
    IExits public immutable exits;

    /// @inheritdoc IVault
    mapping(address token => uint256) public quantumOf;
    /// @inheritdoc IVault
    mapping(address token => uint256) public locked;
    mapping(address token => bytes32) private _assetOf;
    mapping(bytes32 asset => bool) private _isOfL1Token;
    BitMaps.BitMap private _claimed;

    /// @dev The rollup is still under construction here, so nothing may be asked of it.
    constructor(IRollup rollup_, address owner) Ownable(owner) {
        rollup = rollup_;
        halves = new Halves();
        IExits exits_ = new Exits(rollup_, this);
        exits = exits_;
        _register(ETH, ETH_QUANTUM_WEI, exits_.assetOf(ETH));
    }

    /// @inheritdoc IVault
    function registerToken(address token, uint256 quantum) external onlyOwner {
        if (quantum == 0) revert QuantumZero();
        if (quantumOf[token] != 0) revert TokenAlreadyRegistered(token);
        if (token.code.length == 0) revert TokenWithoutCode(token);
        _register(token, quantum, exits.assetOf(token));
    }

    /// @inheritdoc IVault
    function depositETH(AccountId account) external payable nonReentrant {
        _lock(ETH, msg.value, account);
    }

    /// @inheritdoc IVault
    function deposit(address token, uint256 amount, AccountId account) external nonReentrant {
        // ETH has a quantum and no code; it comes by its own door.
        if (token == ETH || quantumOf[token] == 0) revert TokenUnknown(tokenId(token));
        uint256 balanceBefore = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        _lock(token, IERC20(token).balanceOf(address(this)) - balanceBefore, account);
    }

    /// @inheritdoc IVault
    function depositHalf(TokenId half, uint256 amount, AccountId account) external nonReentrant {
        if (!half.isHalf()) revert TokenUnknown(half);
        _queue(half, amount, HALF_QUANTUM, account);
        // Nobody holds a half that no claim has minted, so its id is one the ledger made.
        halves.burn(msg.sender, uint256(TokenId.unwrap(half)), amount);
    }

    /// @inheritdoc IVault
    function claim(uint64 batch, Withdrawal calldata withdrawal, uint256 position, bytes32[] calldata path)
        external
        nonReentrant
    {
        if (_claimed.get(withdrawal.index)) revert AlreadyClaimed(withdrawal.index);
        _checkRecipient(withdrawal.recipient);
        bytes32 leaf = MerkleList.leaf(abi.encode(withdrawal));
        if (!MerkleList.holds(rollup.withdrawalsRoot(batch), leaf, position, path)) {
            revert ProofInvalid(batch, withdrawal.index);
        }

        _claimed.set(withdrawal.index);
        emit WithdrawalClaimed(withdrawal.index, withdrawal.recipient, withdrawal.token, withdrawal.amount);
        _payOut(withdrawal.token, withdrawal.recipient, withdrawal.amount);
    }

    /// @inheritdoc IVault
    function pay(TokenId token, address recipient, Quanta amount) external nonReentrant {
        if (msg.sender != address(exits)) revert CallerNotExits(msg.sender);
        _checkRecipient(recipient);
        _payOut(token, recipient, amount);
    }

    /// @inheritdoc IVault
    function isClaimed(uint64 index) external view returns (bool) {
        return _claimed.get(index);
    }

    /// @inheritdoc IVault
    function assetOf(TokenId token) public view returns (bytes32) {
        if (!token.isHalf()) return _assetOf[token.toAddress()];
        // An L1 token's asset id has the shape of a half's. What is withdrawn under it would be minted and not unlocked.
        bytes32 asset = TokenId.unwrap(token);
        return token.isWellFormed() && !_isOfL1Token[asset] ? asset : bytes32(0);
    }

    function _register(address token, uint256 quantum, bytes32 asset) private {
        quantumOf[token] = quantum;
        _assetOf[token] = asset;
        _isOfL1Token[asset] = true;
        emit TokenRegistered(token, quantum, asset);
    }

    /// @dev Locks base units that have arrived and queues them on the rollup.
    function _lock(address token, uint256 received, AccountId account) private {
        locked[token] += received;
        _queue(tokenId(token), received, quantumOf[token], account);
    }

    function _queue(TokenId token, uint256 received, uint256 quantum, AccountId account) private {
        if (!account.isWellFormed()) revert AccountMalformed(account);
        // The index is in the rollup's event.
        // slither-disable-next-line unused-return
        rollup.append(account, token, _quantaExact(received, quantum), msg.sender);
    }

    /// @dev Pays, or reverts with all that led here: what is owed then stays owed.
    function _payOut(TokenId token, address recipient, Quanta amount) private {
        if (assetOf(token) == 0) revert TokenUnknown(token);
        if (token.isHalf()) {
            halves.mint(recipient, uint256(TokenId.unwrap(token)), amount.units(HALF_QUANTUM));
            return;
        }
        address paid = token.toAddress();
        uint256 asked = amount.units(quantumOf[paid]);
        uint256 held = locked[paid];
        if (asked > held) revert LockedTooLittle(paid, held, asked);

        locked[paid] = held - asked;
        if (paid == ETH) Address.sendValue(payable(recipient), asked);
        else IERC20(paid).safeTransfer(recipient, asked);
    }

    function _checkRecipient(address recipient) private view {
        if (recipient == address(0) || recipient == address(this)) revert RecipientRefused(recipient);
    }

    function _quantaExact(uint256 received, uint256 quantum) private pure returns (Quanta) {
        if (received == 0) revert AmountZero();
        if (received % quantum != 0) revert AmountNotWhole(received, quantum);
        uint256 amount = received / quantum;
        if (amount >= QUANTA_BOUND) revert AmountTooLarge(received, quantum);
        // The bound is below 2^64, so nothing is cut off.
        // forge-lint: disable-next-line(unsafe-typecast)
        return Quanta.wrap(uint64(amount));
    }
}
