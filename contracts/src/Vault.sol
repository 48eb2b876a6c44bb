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
import { MerkleList } from "./MerkleList.sol";
import { QUANTA_BOUND, Quanta } from "./Quanta.sol";
import { IRollup } from "./interfaces/IRollup.sol";
import { IVault } from "./interfaces/IVault.sol";

/// @title The holder of the rollup's value.
/// @dev See IVault.
contract Vault is IVault, Ownable2Step, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using BitMaps for BitMaps.BitMap;

    address private constant ETH = address(0);
    uint256 private constant ETH_QUANTUM_WEI = 1 gwei;

    /// @inheritdoc IVault
    IRollup public immutable rollup;

    /// @inheritdoc IVault
    mapping(address token => uint256) public quantumOf;
    /// @inheritdoc IVault
    mapping(address token => uint256) public locked;
    BitMaps.BitMap private _claimed;

    /// @dev The rollup is still under construction here, so nothing may be asked of it.
    constructor(IRollup rollup_, address owner) Ownable(owner) {
        rollup = rollup_;
        quantumOf[ETH] = ETH_QUANTUM_WEI;
        emit TokenRegistered(ETH, ETH_QUANTUM_WEI);
    }

    /// @inheritdoc IVault
    function registerToken(address token, uint256 quantum) external onlyOwner {
        if (quantum == 0) revert QuantumZero();
        if (quantumOf[token] != 0) revert TokenAlreadyRegistered(token);
        if (token.code.length == 0) revert TokenWithoutCode(token);
        quantumOf[token] = quantum;
        emit TokenRegistered(token, quantum);
    }

    /// @inheritdoc IVault
    function depositETH(AccountId account) external payable nonReentrant {
        _credit(ETH, msg.value, account);
    }

    /// @inheritdoc IVault
    function deposit(address token, uint256 amount, AccountId account) external nonReentrant {
        // ETH has a quantum and no code; it comes by its own door.
        if (token == ETH || quantumOf[token] == 0) revert TokenUnknown(token);
        uint256 balanceBefore = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        _credit(token, IERC20(token).balanceOf(address(this)) - balanceBefore, account);
    }

    /// @inheritdoc IVault
    function claim(uint64 batch, Withdrawal calldata withdrawal, uint256 position, bytes32[] calldata path)
        external
        nonReentrant
    {
        address recipient = withdrawal.recipient;
        address token = withdrawal.token;
        if (_claimed.get(withdrawal.index)) revert AlreadyClaimed(withdrawal.index);
        if (recipient == address(0) || recipient == address(this)) revert RecipientRefused(recipient);
        bytes32 leaf = MerkleList.leaf(abi.encode(withdrawal));
        if (!MerkleList.holds(rollup.withdrawalsRoot(batch), leaf, position, path)) {
            revert ProofInvalid(batch, withdrawal.index);
        }
        uint256 quantum = quantumOf[token];
        if (quantum == 0) revert TokenUnknown(token);
        uint256 amount = withdrawal.amount.units(quantum);
        if (amount > locked[token]) revert LockedTooLittle(token, locked[token], amount);

        _claimed.set(withdrawal.index);
        locked[token] -= amount;
        emit WithdrawalClaimed(withdrawal.index, recipient, token, withdrawal.amount);

        if (token == ETH) Address.sendValue(payable(recipient), amount);
        else IERC20(token).safeTransfer(recipient, amount);
    }

    /// @inheritdoc IVault
    function isClaimed(uint64 index) external view returns (bool) {
        return _claimed.get(index);
    }

    /// @dev Locks base units that have arrived and queues them on the rollup.
    function _credit(address token, uint256 received, AccountId account) private {
        if (!account.isWellFormed()) revert AccountMalformed(account);
        Quanta amount = _quantaExact(received, quantumOf[token]);
        locked[token] += received;
        rollup.append(account, token, amount, msg.sender);
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
