// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The reason to believe a batch.
/// @notice Today a committee's quorum; a validity proof takes its place behind the same function.
interface IVerifier {
    /// @notice Whether the evidence supports the digest of a batch header.
    /// @dev Returns true for yes. Both false and a revert mean no: an implementation that can name the fault reverts with
    /// it. The digest already binds the chain and the rollup, so an implementation adds no domain of its own.
    function accepts(bytes32 digest, bytes calldata evidence) external view returns (bool);
}
