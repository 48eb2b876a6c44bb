// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The first step of checking a validity proof.
/// @notice It follows the proof's transcript, checks the constraints of all tables and that their buses balance, and leaves
/// a context: what the steps that open Merkle trees need. A proof holds when its context is registered here and those steps
/// have checked every place that the context says is opened.
/// @dev The context is a sequence of words. An element of the challenges' field is one word, as `Cubic` has it; logarithms
/// are binary; an evaluated height is a table's times the blowup.
///
/// 1. A header of 16 bits each, from the lowest: evaluated heights, rounds of folding, bits of an index, queries,
///    commitments, matrices, coefficients of the final polynomial.
/// 2. The hash of the public values of all tables, eight bytes each.
/// 3. The challenge that batches openings.
/// 4. For each round: the root of its tree, its challenge, the logarithm of how many values it folds into one.
/// 5. The final polynomial's coefficients, the constant one first.
/// 6. For each evaluated height, the highest first: its logarithm, and for the point and the one after it on the table's
///    rows: the point, and the sum of the values opened there, times the batching challenge's powers.
/// 7. The roots: of the traces, the quotients, the columns that are the same in every proof, and the buses.
/// 8. How many matrices each of these has.
/// 9. For each matrix: the logarithm of its evaluated height, its width shifted by 16 bits and the number of its points
///    shifted by 32; and the power of the batching challenge at which its opening at the point starts. That at the second
///    point starts as many powers later as it is wide.
/// 10. The indices, eight to a word, the first one highest.
interface IStatementVerifier {
    /// @notice A statement's step was checked.
    /// @param context the hash of its context.
    /// @param publics the hash of the public values.
    event StatementRegistered(bytes32 indexed context, bytes32 indexed publics);

    /// @notice What was sent has another length than its heights ask for.
    error StatementLength(uint256 given, uint256 expected);
    /// @notice A table has a height that it may not have.
    error HeightOutOfRange(uint256 table, uint256 height);
    /// @notice A number is not below the field's order.
    error ElementOutOfRange();
    /// @notice The witness of work is not one.
    error WorkMissing();
    /// @notice The tables are opened at one of their rows, where nothing can be checked. Prove again with another batch.
    error PointInDomain(uint256 table);
    /// @notice The constraints of a table do not hold.
    error ConstraintsViolated(uint256 table);
    /// @notice What tables say to each other does not balance.
    error BusesUnbalanced();

    /// @notice Checks a statement's step and returns its context.
    /// @param statement what `prover::onchain` makes of a proof: a byte for each table's height, the root of the traces, the
    /// public values, the root of the buses, what each table's buses come to, the root of the quotients, the opened values,
    /// the roots of the folding's rounds, the final polynomial, and the witness of work.
    function check(bytes calldata statement) external view returns (bytes memory context);

    /// @notice Checks a statement's step and remembers the hash of its context.
    function register(bytes calldata statement) external returns (bytes32 context);

    /// @notice The hash of the verifying key: of what the parts keep, one behind the other. It says which circuit this is.
    function keyHash() external view returns (bytes32);

    /// @notice The hash of the public values of the statement that left the context with this hash; zero for one that was not
    /// registered.
    function publicsOf(bytes32 context) external view returns (bytes32 publics);

    /// @notice Whether a context with this hash was registered.
    function isRegistered(bytes32 context) external view returns (bool);
}
