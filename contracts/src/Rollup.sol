// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import { AccountId } from "./AccountId.sol";
import { Quanta } from "./Quanta.sol";
import { Vault } from "./Vault.sol";
import { IRollup } from "./interfaces/IRollup.sol";
import { IVault } from "./interfaces/IVault.sol";
import { IVerifier } from "./interfaces/IVerifier.sol";

/// @title The chain of settled batches.
/// @dev See IRollup.
contract Rollup is IRollup, EIP712 {
    bytes32 private constant HEADER_TYPEHASH = keccak256(
        "Header(bytes32 configHash,uint64 number,bytes32 parentRoot,bytes32 stateRoot,uint64 inboxCount,bytes32 inboxHash,bytes32 withdrawalsRoot,bytes32 dataRoot)"
    );

    /// @inheritdoc IRollup
    bytes32 public immutable configHash;
    /// @inheritdoc IRollup
    IVerifier public immutable verifier;
    /// @inheritdoc IRollup
    IVault public immutable vault;

    /// @inheritdoc IRollup
    bytes32 public stateRoot;
    /// @inheritdoc IRollup
    uint64 public batchNumber;
    /// @inheritdoc IRollup
    uint64 public consumed;
    /// @inheritdoc IRollup
    uint64 public inboxCount;
    /// @inheritdoc IRollup
    mapping(uint64 number => bytes32) public withdrawalsRoot;
    mapping(uint64 count => bytes32) private _inboxHash;

    /// @dev The rollup deploys its Vault: each then knows the other from its first block and for good, with no moment at
    /// which the pair is half bound and no key that could bind it otherwise.
    /// @param vaultOwner Who may register tokens.
    constructor(bytes32 configHash_, bytes32 genesisStateRoot, IVerifier verifier_, address vaultOwner)
        EIP712("Talea", "1")
    {
        if (configHash_ == 0 || genesisStateRoot == 0) revert GenesisIncomplete();
        if (address(verifier_).code.length == 0) revert VerifierWithoutCode(address(verifier_));
        configHash = configHash_;
        verifier = verifier_;
        stateRoot = genesisStateRoot;
        vault = new Vault(this, vaultOwner);
    }

    /// @inheritdoc IRollup
    function settle(Header calldata header, bytes calldata evidence) external {
        _checkContinues(header);
        _checkInbox(header);
        // A static call, so the verifier can change nothing between the checks and the writes.
        bytes32 digest = headerDigest(header);
        if (!verifier.accepts(digest, evidence)) revert EvidenceRefused(digest);

        batchNumber = header.number;
        consumed = header.inboxCount;
        stateRoot = header.stateRoot;
        // A batch without withdrawals leaves the slot at zero, under which nothing can be claimed.
        if (header.withdrawalsRoot != 0) withdrawalsRoot[header.number] = header.withdrawalsRoot;
        emit BatchSettled(
            header.number,
            header.stateRoot,
            header.parentRoot,
            header.inboxCount,
            header.inboxHash,
            header.withdrawalsRoot,
            header.dataRoot
        );
    }

    /// @inheritdoc IRollup
    function append(AccountId account, address token, Quanta amount, address sender) external returns (uint64 index) {
        if (msg.sender != address(vault)) revert CallerNotVault(msg.sender);
        index = inboxCount;
        inboxCount = index + 1;
        _inboxHash[index + 1] = keccak256(abi.encode(_inboxHash[index], index, account, token, amount, sender));
        emit DepositQueued(index, account, token, amount, sender);
    }

    /// @inheritdoc IRollup
    function inboxHash(uint64 count) external view returns (bytes32) {
        if (count > inboxCount) revert InboxTooShort(count, inboxCount);
        return _inboxHash[count];
    }

    /// @inheritdoc IRollup
    function headerDigest(Header calldata header) public view returns (bytes32) {
        // A header has only fields of fixed size, so encoding it whole is encoding it field by field.
        return _hashTypedDataV4(keccak256(abi.encode(HEADER_TYPEHASH, header)));
    }

    function _checkContinues(Header calldata header) private view {
        if (header.configHash != configHash) revert ConfigHashWrong(header.configHash, configHash);
        uint64 next = batchNumber + 1;
        if (header.number != next) revert NumberWrong(header.number, next);
        if (header.parentRoot != stateRoot) revert ParentRootWrong(header.parentRoot, stateRoot);
        if (header.stateRoot == 0) revert StateRootZero();
    }

    function _checkInbox(Header calldata header) private view {
        uint64 count = header.inboxCount;
        if (count < consumed || count > inboxCount) revert InboxCountOutOfRange(count, consumed, inboxCount);
        bytes32 expected = _inboxHash[count];
        if (header.inboxHash != expected) revert InboxHashWrong(header.inboxHash, expected);
    }
}
