// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The reason to believe a batch.
/// @notice A committee's quorum, or claims that nobody contradicted; a validity proof takes its place behind the same
/// functions. Evidence that decides by itself and at once inherits DirectVerifier and needs only `accepts`.
interface IVerifier {
    /// @notice Whether the evidence supports the digest of a batch header.
    /// @dev Returns true for yes. Both false and a revert mean no: an implementation that can name the fault reverts with
    /// it. The digest already binds the chain and the rollup, so an implementation adds no domain of its own.
    function accepts(bytes32 digest, bytes calldata evidence) external view returns (bool);

    /// @notice Returns when it was fixed what the batch with this digest consumes; zero if only its settlement fixes it.
    /// A batch has to consume what was overdue then, and not what became so while it waited to be settled.
    function committedAt(bytes32 digest) external view returns (uint64);

    /// @notice Returns who judges evidence that nothing can overrule: another contract, or this one.
    function proof() external view returns (IVerifier);

    /// @notice Reverts if this verifier cannot serve the caller: a rollup that can be frozen so long after a message's
    /// deadline, in seconds.
    function checkServes(uint64 freezeGrace) external view;
}
