// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ECDSA } from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import { DirectVerifier } from "./DirectVerifier.sol";
import { ICommittee } from "./interfaces/ICommittee.sol";
import { IVerifier } from "./interfaces/IVerifier.sol";

/// @title A fixed committee, of whom a quorum must sign each batch, and some members always.
/// @dev See ICommittee.
contract Committee is ICommittee, DirectVerifier {
    uint256 public constant MEMBER_COUNT_MAX = 32;
    uint256 private constant SIGNATURE_LENGTH = 65;
    // One signer is a single point of failure, whatever fraction of the members it is.
    uint256 private constant THRESHOLD_MIN = 2;

    /// @inheritdoc ICommittee
    uint256 public immutable threshold;
    /// @inheritdoc ICommittee
    mapping(address account => bool) public isMember;
    address[] private _members;
    address[] private _mandatory;

    constructor(address[] memory members_, address[] memory mandatory_, uint256 threshold_) {
        uint256 count = members_.length;
        if (count == 0 || count > MEMBER_COUNT_MAX) revert MemberCountOutOfRange(count, MEMBER_COUNT_MAX);
        if (threshold_ < THRESHOLD_MIN || threshold_ > count || threshold_ * 3 < count * 2) {
            revert ThresholdOutOfRange(threshold_, count);
        }

        address previous = address(0);
        for (uint256 place = 0; place < count; ++place) {
            address member = members_[place];
            // Nothing comes strictly after zero but a real address, so this refuses a zero member too.
            if (member <= previous) revert MembersUnsorted(place);
            isMember[member] = true;
            previous = member;
        }
        _members = members_;
        _setMandatory(mandatory_);
        threshold = threshold_;
    }

    /// @inheritdoc IVerifier
    function accepts(bytes32 digest, bytes calldata evidence) external view returns (bool) {
        if (evidence.length % SIGNATURE_LENGTH != 0) revert EvidenceMalformed(evidence.length);
        uint256 count = evidence.length / SIGNATURE_LENGTH;
        if (count < threshold) revert QuorumMissed(count, threshold);

        // Bounded without a further check: members are finite, and each can appear once.
        address[] memory awaited = _mandatory;
        uint256 seen = 0;
        address previous = address(0);
        for (uint256 place = 0; place < count; ++place) {
            uint256 start = place * SIGNATURE_LENGTH;
            address signer = _signer(digest, evidence[start:start + SIGNATURE_LENGTH], place);
            if (signer <= previous) revert SignersUnsorted(place);
            if (!isMember[signer]) revert SignerUnknown(signer);
            previous = signer;
            // Both lists are in one order, so a single walk meets every mandatory signer that is there.
            if (seen < awaited.length && signer == awaited[seen]) ++seen;
        }
        if (seen < awaited.length) revert MandatoryMissing(awaited[seen]);
        return true;
    }

    /// @inheritdoc ICommittee
    function members() external view returns (address[] memory) {
        return _members;
    }

    /// @inheritdoc ICommittee
    function mandatory() external view returns (address[] memory) {
        return _mandatory;
    }

    function _setMandatory(address[] memory list) private {
        address previous = address(0);
        for (uint256 place = 0; place < list.length; ++place) {
            address member = list[place];
            if (member <= previous) revert MandatoryUnsorted(place);
            if (!isMember[member]) revert MandatoryNoMember(member);
            previous = member;
        }
        _mandatory = list;
    }

    function _signer(bytes32 digest, bytes calldata signature, uint256 place) private pure returns (address) {
        // Refuses an upper-half s, any v but 27 and 28, and a recovery to zero.
        (address signer, ECDSA.RecoverError fault,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (fault != ECDSA.RecoverError.NoError) revert SignatureInvalid(place);
        return signer;
    }
}
