// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IQueryVerifier } from "../interfaces/IQueryVerifier.sol";
import { Context, QueryContext } from "./QueryContext.sol";
import { QueryFolds } from "./QueryFolds.sol";
import { QueryPlaces } from "./QueryPlaces.sol";
import { QueryTrees } from "./QueryTrees.sol";

/// @title Answers the queries of validity proofs, step by step, and remembers which.
/// @dev See IQueryVerifier. It holds no value, has no owner, and asks nobody: what it remembers is true of a context,
/// whoever sent it and whatever the context is worth.
contract QueryVerifier is IQueryVerifier {
    uint256 private constant ALL = type(uint256).max;

    /// @inheritdoc IQueryVerifier
    mapping(bytes32 digest => uint256 queries) public answered;

    /// @inheritdoc IQueryVerifier
    function verify(bytes calldata context, bytes calldata positions, bytes calldata openings) external {
        QueryTrees.reserve();
        Context memory c = QueryContext.read(context);
        (uint256[][] memory nodes, uint256 queries) = QueryPlaces.levels(c, positions);
        uint256 start;
        assembly ("memory-safe") {
            start := openings.offset
        }
        (uint256 next, uint256[][] memory sums) = QueryTrees.open(c, nodes, start);
        QueryFolds.reduce(c, nodes, sums);
        next = QueryFolds.fold(c, nodes, sums, next);
        if (next != start + openings.length) revert OpeningsMalformed();

        bytes32 digest = keccak256(context);
        uint256 known = answered[digest] | queries;
        answered[digest] = known == ALL >> (256 - c.queries) ? ALL : known;
        emit Answered(digest, queries);
    }

    /// @inheritdoc IQueryVerifier
    function isComplete(bytes32 digest) external view returns (bool) {
        return answered[digest] == ALL;
    }
}
