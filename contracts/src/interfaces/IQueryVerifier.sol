// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The queries of a validity proof: what the trees hold where they are opened, and that it folds as it should.
/// @notice A proof is too long for one transaction. Its queries are answered in steps, by anybody and in any order, and
/// what was answered is remembered as a fact about a context. A context says what the roots of all trees and all
/// challenges are; that they are a proof's is not checked here but by whoever registers the context's digest, before or
/// after.
/// @dev A context is words of 32 bytes:
///
/// | words | what |
/// | --- | --- |
/// | 1 | from the low end, 16 bits each: heights, rounds, bits of an index, queries, commitments, matrices, coefficients |
/// | 1 | the hash of the public values, which is not read here |
/// | 1 | the challenge alpha, which batches what is opened |
/// | 3 for each round | the root of its tree, the challenge beta it folds with, the binary logarithm of how many it folds |
/// | 1 for each coefficient | the polynomial that is left when all is folded, that of x^0 first |
/// | 5 for each height, the highest first | the binary logarithm h of the length; a point; the sum of what is claimed there; another point; its sum |
/// | 1 for each commitment | the root of its tree |
/// | 1 for each commitment | how many matrices it has |
/// | 2 for each matrix, commitment by commitment | h, width << 16 and points << 32; the power of alpha it starts with |
/// | 1 for eight queries | the indices, 32 bits each, from the high end |
///
/// An element of the extension is in one word, in lanes of 85 bits. A matrix is opened at its height's first point, or
/// at both: at the second with the power of alpha that follows the first's. Trees are of Keccak-256: a leaf hashes the
/// row of all matrices of the greatest height, as words of 64 bits; the row of lower ones is hashed and enters where
/// the level has as many nodes.
interface IQueryVerifier {
    /// @notice Queries of a context were answered: the bits of `queries`, by their places in the order drawn.
    event Answered(bytes32 indexed digest, uint256 queries);

    /// @notice The context does not have the length or the numbers that its first word says.
    error ContextMalformed();
    /// @notice There is no such query, or they are not in the ascending order of their indices.
    error PositionsMalformed();
    /// @notice A point at which columns are opened is one of those at which they are committed to.
    error PointInDomain();
    /// @notice What is open in a tree of columns does not lead to its root.
    error CommitmentMissed(uint256 commitment);
    /// @notice What is open in a tree of folded values does not lead to its root.
    error RoundMissed(uint256 round);
    /// @notice A query's values do not fold to the polynomial that is left.
    error FinalMissed();
    /// @notice There are more or fewer bytes than the queries take.
    error OpeningsMalformed();

    /// @notice Checks some queries of a context, and remembers that they are right.
    /// @param context What the queries are checked against.
    /// @param positions A byte for each query: its place in the order drawn. In the ascending order of the indices.
    /// @param openings Tree by tree what is open there. For columns: the rows of the leaves, then for each node above
    /// them, from the bottom to the top and from left to right, the child that is not under a query, and the row that
    /// enters there. For a round: the values beside those known, then the children likewise.
    function verify(bytes calldata context, bytes calldata positions, bytes calldata openings) external;

    /// @notice Which queries of the context with this digest are answered, as bits; all bits once all are.
    function answered(bytes32 digest) external view returns (uint256 queries);

    /// @notice Whether all queries of the context with this digest are answered.
    function isComplete(bytes32 digest) external view returns (bool);
}
