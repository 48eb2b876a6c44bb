// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IVerifier } from "./IVerifier.sol";

/// @title A fixed set of members of whom a quorum must sign, and the mandatory ones among them always.
/// @notice Trust: as long as fewer than `threshold` members sign falsely, or one mandatory member signs nothing false, no
/// false batch is settled; as long as `threshold` members sign, every mandatory one included, batches settle. The sets
/// never change.
/// @dev Evidence is the members' signatures end to end, 65 bytes each (r, s, v), ordered by signer address. Strict order
/// makes every signer count once.
interface ICommittee is IVerifier {
    /// @notice The constructor was given this many members: none, or more than it would be affordable to check.
    error MemberCountOutOfRange(uint256 count, uint256 countMax);
    /// @notice The member at this place is zero, or does not come strictly after the one before it.
    error MembersUnsorted(uint256 place);
    /// @notice The threshold is below two, below two thirds of the members, or above their number.
    error ThresholdOutOfRange(uint256 threshold, uint256 memberCount);
    /// @notice The mandatory member at this place is zero, or does not come strictly after the one before it.
    error MandatoryUnsorted(uint256 place);
    /// @notice Only a member can be mandatory.
    error MandatoryNoMember(address account);
    /// @notice The evidence is not a whole number of signatures.
    error EvidenceMalformed(uint256 length);
    /// @notice Too few signatures.
    error QuorumMissed(uint256 signatures, uint256 threshold);
    /// @notice The signature at this place is not a canonical one: v must be 27 or 28, and s in the lower half.
    error SignatureInvalid(uint256 place);
    /// @notice The signer at this place does not come strictly after the one before it.
    error SignersUnsorted(uint256 place);
    /// @notice A signature by somebody who is no member, or over another digest.
    error SignerUnknown(address signer);
    /// @notice The signature of this mandatory member is not there.
    error MandatoryMissing(address member);

    /// @notice Returns how many members must sign.
    function threshold() external view returns (uint256);

    /// @notice Returns the members in ascending order.
    function members() external view returns (address[] memory);

    /// @notice Returns the members whose signature no evidence may lack, in ascending order.
    function mandatory() external view returns (address[] memory);

    /// @notice Whether the address belongs to a member.
    function isMember(address account) external view returns (bool);
}
