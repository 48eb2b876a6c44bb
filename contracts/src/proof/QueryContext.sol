// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IQueryVerifier } from "../interfaces/IQueryVerifier.sol";

/// @dev Where in the calldata the parts of a context are, and its counts. See IQueryVerifier.
struct Context {
    uint256 heights;
    uint256 rounds;
    uint256 logMax;
    uint256 queries;
    uint256 commitments;
    uint256 coefficients;
    uint256 alpha;
    uint256 roundsAt;
    uint256 finalAt;
    uint256 heightsAt;
    uint256 rootsAt;
    uint256 countsAt;
    uint256 matricesAt;
    uint256 indicesAt;
}

/// @title Reads the context of a proof's queries.
library QueryContext {
    /// @dev Queries that the bits of a word can name.
    uint256 internal constant QUERIES_MAX = 256;
    /// @dev Bits of an index: the field has no larger domain.
    uint256 internal constant LOG_MAX = 32;

    uint256 private constant WORD = 0x20;
    uint256 private constant FIELD = 0xFFFF;

    /// @dev Returns where everything is. Reverts unless the length is what the counts ask for.
    function read(bytes calldata context) internal pure returns (Context memory c) {
        if (context.length < 3 * WORD) revert IQueryVerifier.ContextMalformed();
        uint256 at;
        assembly ("memory-safe") {
            at := context.offset
        }
        uint256 counts = word(at);
        c.heights = counts & FIELD;
        c.rounds = (counts >> 16) & FIELD;
        c.logMax = (counts >> 32) & FIELD;
        c.queries = (counts >> 48) & FIELD;
        c.commitments = (counts >> 64) & FIELD;
        c.coefficients = (counts >> 96) & FIELD;
        c.alpha = word(at + 2 * WORD);
        c.roundsAt = at + 3 * WORD;
        c.finalAt = c.roundsAt + 3 * WORD * c.rounds;
        c.heightsAt = c.finalAt + WORD * c.coefficients;
        c.rootsAt = c.heightsAt + 5 * WORD * c.heights;
        c.countsAt = c.rootsAt + WORD * c.commitments;
        c.matricesAt = c.countsAt + WORD * c.commitments;
        c.indicesAt = c.matricesAt + 2 * WORD * ((counts >> 80) & FIELD);
        bool fits = counts >> 112 == 0 && c.indicesAt + WORD * ((c.queries + 7) / 8) == at + context.length;
        if (!fits || c.queries == 0 || c.queries > QUERIES_MAX || c.logMax > LOG_MAX || c.heights == 0) {
            revert IQueryVerifier.ContextMalformed();
        }
    }

    /// @dev Returns where a query opens.
    function index(Context memory c, uint256 query) internal pure returns (uint256) {
        return (word(c.indicesAt + WORD * (query / 8)) >> (224 - 32 * (query % 8))) & 0xFFFFFFFF;
    }

    /// @dev Returns a word of the calldata.
    function word(uint256 at) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(at)
        }
    }
}
