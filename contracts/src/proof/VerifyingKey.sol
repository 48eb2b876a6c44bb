// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the verifier knows of the circuit.
/// @dev Made by `prover::onchain` from the circuit's tables, and kept as the code of contracts that hold nothing else: a zero
/// byte, which no call gets past, and the bytes.
library VerifyingKey {
    /// @dev A contract that should keep a part of the key keeps nothing.
    error KeyPartMissing(uint256 part);
    /// @dev The parts do not keep what they kept when the verifier was deployed.
    error KeyChanged(bytes32 found, bytes32 expected);

    uint256 private constant HEADER = 160;
    uint256 private constant DESCRIPTION = 32;
    uint256 private constant DIMENSION = 3;

    /// @dev What a table commits to and opens. Widths are in elements that are opened.
    struct Table {
        /// @dev The binary logarithm of its height if it has but one, otherwise zero.
        uint256 fixedHeight;
        uint256 width;
        /// @dev At how many points the trace is opened.
        uint256 points;
        /// @dev Columns that are the same in every proof.
        uint256 preprocessed;
        uint256 preprocessedPoints;
        uint256 buses;
        /// @dev Parts of the quotient.
        uint256 chunks;
        uint256 publics;
        uint256 periods;
        /// @dev Binary logarithms of the periodic columns' periods, a byte each, the first one highest.
        uint256 periodLogs;
        uint256 constants;
        /// @dev Where in memory the constants are, and the formula behind them.
        uint256 formula;
        /// @dev How many registers the formula has.
        uint256 registers;
    }

    struct Data {
        bytes32 preprocessedRoot;
        /// @dev What transcripts start with.
        bytes32 initial;
        uint256 publics;
        uint256 logBlowup;
        uint256 logFinal;
        uint256 logArityMax;
        uint256 queries;
        uint256 workBits;
        uint256 logHeightMin;
        uint256 logHeightMax;
        /// @dev Where in memory the elements are that the batch's protocol and the openings' protocol begin with.
        uint256 batchSeed;
        uint256 batchSeedLength;
        uint256 openingsSeed;
        uint256 openingsSeedLength;
        /// @dev Where the name of the folding's protocol is.
        uint256 foldingName;
        /// @dev Where the hashes of the folding's protocol's descriptions are: for each number of bits of an index, one for
        /// each number of rounds.
        uint256 patterns;
        uint256 indexBitsMin;
        uint256 indexBitsCount;
        uint256 roundsMin;
        uint256 roundsCount;
        Table[] tables;
    }

    /// @dev Reads the key from its parts. They are hashed again: code that was there can be gone, and other code be in its
    /// place, when whoever deployed it arranged for that.
    function load(address[] storage parts, bytes32 hash) internal view returns (Data memory key) {
        (uint256 start, uint256 end) = copy(parts);
        bytes32 found;
        assembly ("memory-safe") {
            found := keccak256(start, sub(end, start))
        }
        if (found != hash) revert KeyChanged(found, hash);
        key.preprocessedRoot = bytes32(number(start, 32));
        key.initial = bytes32(number(start + 32, 32));
        uint256 count = number(start + 64, 2);
        key.batchSeedLength = number(start + 66, 2);
        key.openingsSeedLength = number(start + 68, 2);
        key.publics = number(start + 70, 2);
        key.logBlowup = number(start + 72, 1);
        key.logFinal = number(start + 73, 1);
        key.logArityMax = number(start + 74, 1);
        key.queries = number(start + 75, 1);
        key.workBits = number(start + 76, 1);
        key.logHeightMin = number(start + 77, 1);
        key.logHeightMax = number(start + 78, 1);
        key.indexBitsMin = number(start + 79, 1);
        key.indexBitsCount = number(start + 80, 1);
        key.roundsMin = number(start + 81, 1);
        key.roundsCount = number(start + 82, 1);
        key.foldingName = start + 96;
        key.batchSeed = start + HEADER + DESCRIPTION * count;
        key.openingsSeed = key.batchSeed + key.batchSeedLength;
        key.patterns = key.openingsSeed + key.openingsSeedLength;
        key.tables = new Table[](count);
        for (uint256 index = 0; index < count; ++index) {
            key.tables[index] = describe(start, start + HEADER + DESCRIPTION * index);
        }
    }

    function describe(uint256 start, uint256 at) private pure returns (Table memory table) {
        table.fixedHeight = number(at, 1);
        table.width = number(at + 1, 2);
        table.points = 1 + number(at + 3, 1);
        table.preprocessed = number(at + 4, 2);
        table.preprocessedPoints = 1 + number(at + 6, 1);
        table.buses = number(at + 7, 2);
        table.chunks = number(at + 9, 2) / DIMENSION;
        table.publics = number(at + 11, 1);
        table.periods = number(at + 12, 1);
        table.periodLogs = number(at + 13, 4);
        table.constants = number(at + 17, 2);
        table.formula = start + number(at + 19, 3);
        table.registers = number(at + 22, 2);
    }

    /// @dev Returns the number of so many bytes at a place in memory.
    function number(uint256 at, uint256 length) private pure returns (uint256 result) {
        assembly ("memory-safe") {
            result := shr(sub(256, shl(3, length)), mload(at))
        }
    }

    /// @dev Returns the hash of the key's bytes.
    function digest(address[] storage parts) internal view returns (bytes32 result) {
        (uint256 start, uint256 end) = copy(parts);
        assembly ("memory-safe") {
            result := keccak256(start, sub(end, start))
        }
    }

    /// @dev Copies the parts to memory, one behind the other, and returns where they start and end.
    function copy(address[] storage parts) private view returns (uint256 start, uint256 end) {
        uint256 count = parts.length;
        assembly ("memory-safe") {
            start := mload(0x40)
        }
        end = start;
        for (uint256 index = 0; index < count; ++index) {
            address part = parts[index];
            if (part.code.length == 0) revert KeyPartMissing(index);
            assembly ("memory-safe") {
                let length := sub(extcodesize(part), 1)
                extcodecopy(part, end, 1, length)
                end := add(end, length)
            }
        }
        assembly ("memory-safe") {
            mstore(0x40, and(add(end, 0x3f), not(0x1f)))
        }
    }
}
