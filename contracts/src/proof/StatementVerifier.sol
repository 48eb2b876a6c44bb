// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IStatementVerifier } from "../interfaces/IStatementVerifier.sol";
import { Cubic } from "./Cubic.sol";
import { Formula } from "./Formula.sol";
import { Goldilocks } from "./Goldilocks.sol";
import { Openings } from "./Openings.sol";
import { Transcript } from "./Transcript.sol";
import { VerifyingKey } from "./VerifyingKey.sol";

/// @title The first step of checking a validity proof.
/// @dev See IStatementVerifier. What it does is what the verifiers of `p3-batch-stark` and `p3-fri` do, in their order.
contract StatementVerifier is IStatementVerifier {
    using Transcript for Transcript.State;

    uint256 private constant ELEMENT_SIZE = 8;
    uint256 private constant ROOT_SIZE = 32;
    uint256 private constant COMMITMENTS = 4;
    uint256 private constant DIMENSION = 3;
    /// @dev More evaluated heights than a proof can have.
    uint256 private constant HEIGHTS_MAX = 33;
    uint256 private constant X = 1 << 85;
    uint256 private constant X_SQUARED = 1 << 170;
    uint256 private constant GENERATOR_INVERSE = 0x249249246db6db6e;
    /// @dev Bytes of the folding's protocol's name with the hash of its description and the length of what follows.
    uint256 private constant FOLDING_SEED = 100;
    /// @dev Bytes of each number in it.
    uint256 private constant FOLDING_NUMBER = 12;
    /// @dev Bytes that one element takes in what a protocol begins with.
    uint256 private constant SEED_CHUNK = 7;

    /// @dev A proof while it is checked.
    struct Proof {
        uint256[] heights;
        /// @dev Which evaluated heights there are: a bit each.
        uint256 evaluated;
        /// @dev The logarithm of the largest one.
        uint256 indexBits;
        /// @dev The logarithms of how many values each round folds into one.
        uint256[] arities;
        // Where in the calldata its parts are.
        uint256 start;
        uint256 main;
        uint256 publics;
        uint256 buses;
        uint256 terminals;
        uint256 quotient;
        uint256 openings;
        uint256 rounds;
        uint256 last;
        uint256 witness;
        /// @dev Where each commitment's opened values start.
        uint256[COMMITMENTS] sections;
        // The challenges.
        uint256 bus;
        uint256 message;
        uint256 constraints;
        uint256 zeta;
        uint256 alpha;
        uint256[] betas;
        uint256[] indices;
    }

    /// @dev The opened values of one evaluated height, on the way up its ladder of powers.
    struct Ladder {
        uint256 power;
        uint256 sum;
        uint256 sumNext;
    }

    /// @inheritdoc IStatementVerifier
    bytes32 public immutable keyHash;
    /// @inheritdoc IStatementVerifier
    mapping(bytes32 context => bytes32 publics) public publicsOf;
    address[] private _parts;

    /// @param parts the contracts that keep the verifying key, in its order.
    constructor(address[] memory parts) {
        _parts = parts;
        keyHash = VerifyingKey.digest(_parts);
    }

    /// @inheritdoc IStatementVerifier
    function register(bytes calldata statement) external returns (bytes32 context) {
        (bytes memory words, bytes32 publics) = _check(statement);
        context = keccak256(words);
        publicsOf[context] = publics;
        emit StatementRegistered(context, publics);
    }

    /// @inheritdoc IStatementVerifier
    function check(bytes calldata statement) external view returns (bytes memory context) {
        (context,) = _check(statement);
    }

    /// @inheritdoc IStatementVerifier
    function isRegistered(bytes32 context) external view returns (bool) {
        return publicsOf[context] != 0;
    }

    function _check(bytes calldata statement) private view returns (bytes memory context, bytes32 publics) {
        VerifyingKey.Data memory key = VerifyingKey.load(_parts, keyHash);
        Proof memory proof;
        _readHeights(key, proof, statement);
        _schedule(key, proof);
        _place(key, proof, statement);
        _follow(key, proof);
        _checkTerminals(key, proof);
        publics = keccak256(statement[proof.publics - proof.start:proof.buses - proof.start]);
        context = _context(key, proof, publics);
        _checkTables(key, proof);
    }

    // What was sent.

    function _readHeights(VerifyingKey.Data memory key, Proof memory proof, bytes calldata statement) private pure {
        uint256 count = key.tables.length;
        if (statement.length < count) revert StatementLength(statement.length, count);
        proof.heights = new uint256[](count);
        for (uint256 index = 0; index < count; ++index) {
            uint256 height = uint8(statement[index]);
            uint256 fixedHeight = key.tables[index].fixedHeight;
            bool fits =
                fixedHeight == 0 ? height >= key.logHeightMin && height <= key.logHeightMax : height == fixedHeight;
            if (!fits) revert HeightOutOfRange(index, height);
            uint256 evaluated = height + key.logBlowup;
            proof.heights[index] = height;
            proof.evaluated |= 1 << evaluated;
            if (evaluated > proof.indexBits) proof.indexBits = evaluated;
        }
    }

    /// @dev A round folds as much as it may, but never past a height at which more values come in, nor past the last one.
    function _schedule(VerifyingKey.Data memory key, Proof memory proof) private pure {
        uint256 last = key.logBlowup + key.logFinal;
        uint256[] memory arities = new uint256[](proof.indexBits - last);
        uint256 rounds = 0;
        for (uint256 height = proof.indexBits; height > last; ++rounds) {
            uint256 arity = 0;
            do {
                --height;
                ++arity;
            } while (arity < key.logArityMax && height > last && proof.evaluated >> height & 1 == 0);
            arities[rounds] = arity;
        }
        assembly ("memory-safe") {
            mstore(arities, rounds)
        }
        proof.arities = arities;
    }

    function _place(VerifyingKey.Data memory key, Proof memory proof, bytes calldata statement) private pure {
        uint256 terminals = 0;
        uint256[COMMITMENTS] memory opened;
        for (uint256 index = 0; index < key.tables.length; ++index) {
            VerifyingKey.Table memory table = key.tables[index];
            opened[0] += table.width * table.points;
            opened[1] += table.chunks * DIMENSION;
            opened[2] += table.preprocessed * table.preprocessedPoints;
            opened[3] += table.buses * 2;
            if (table.buses != 0) ++terminals;
        }
        uint256 start;
        assembly ("memory-safe") {
            start := statement.offset
        }
        proof.start = start;
        proof.main = start + key.tables.length;
        proof.publics = proof.main + ROOT_SIZE;
        proof.buses = proof.publics + key.publics * ELEMENT_SIZE;
        proof.terminals = proof.buses + ROOT_SIZE;
        proof.quotient = proof.terminals + terminals * Openings.SIZE;
        proof.openings = proof.quotient + ROOT_SIZE;
        uint256 at = proof.openings;
        for (uint256 index = 0; index < COMMITMENTS; ++index) {
            proof.sections[index] = at;
            at += opened[index] * Openings.SIZE;
        }
        proof.rounds = at;
        proof.last = proof.rounds + proof.arities.length * ROOT_SIZE;
        proof.witness = proof.last + (1 << key.logFinal) * Openings.SIZE;
        uint256 length = proof.witness + ELEMENT_SIZE - start;
        if (statement.length != length) revert StatementLength(statement.length, length);
        for (at = proof.publics; at < proof.buses; at += ELEMENT_SIZE) {
            if (_word(at) >> 192 >= Goldilocks.ORDER) revert ElementOutOfRange();
        }
    }

    // The challenges.

    function _follow(VerifyingKey.Data memory key, Proof memory proof) private pure {
        uint256 openings = proof.rounds - proof.openings;
        Transcript.State memory transcript =
            Transcript.begin(key.initial, openings + key.openingsSeedLength + key.batchSeedLength);
        transcript.observeMemory(key.batchSeed, key.batchSeedLength);
        for (uint256 index = 0; index < proof.heights.length; ++index) {
            transcript.observe(proof.heights[index]);
            transcript.observe(0);
            transcript.observe(0);
        }
        transcript.observeCalldata(proof.main, proof.buses - proof.main);
        transcript.observeRoot(key.preprocessedRoot);
        proof.bus = transcript.sampleCubic();
        proof.message = transcript.sampleCubic();
        transcript.observeCalldata(proof.buses, proof.quotient - proof.buses);
        proof.constraints = transcript.sampleCubic();
        transcript.observeCalldata(proof.quotient, ROOT_SIZE);
        proof.zeta = transcript.sampleCubic();
        transcript.observeMemory(key.openingsSeed, key.openingsSeedLength);
        transcript.observeCalldata(proof.openings, openings);
        proof.alpha = transcript.sampleCubic();
        _followFolding(key, proof, transcript);
    }

    function _followFolding(VerifyingKey.Data memory key, Proof memory proof, Transcript.State memory transcript)
        private
        pure
    {
        _observeFoldingSeed(key, proof, transcript);
        uint256 rounds = proof.arities.length;
        proof.betas = new uint256[](rounds);
        for (uint256 round = 0; round < rounds; ++round) {
            transcript.observeCalldata(proof.rounds + round * ROOT_SIZE, ROOT_SIZE);
            proof.betas[round] = transcript.sampleCubic();
        }
        transcript.observeCalldata(proof.last, proof.witness - proof.last);
        uint256 witness = _word(proof.witness) >> 192;
        if (witness >= Goldilocks.ORDER) revert ElementOutOfRange();
        if (!transcript.isWorked(witness, key.workBits)) revert WorkMissing();
        uint256[] memory indices = new uint256[](key.queries);
        for (uint256 query = 0; query < indices.length; ++query) {
            indices[query] = transcript.sampleBits(proof.indexBits);
        }
        proof.indices = indices;
    }

    /// @dev What the folding's protocol begins with depends on its rounds: its name, the hash of its description, and its
    /// numbers with their lengths. Elements take seven bytes each, the first one lowest.
    function _observeFoldingSeed(VerifyingKey.Data memory key, Proof memory proof, Transcript.State memory transcript)
        private
        pure
    {
        uint256 rounds = proof.arities.length;
        uint256 numbers = (2 + rounds) * FOLDING_NUMBER;
        uint256 pattern =
            key.patterns + 32 * ((proof.indexBits - key.indexBitsMin) * key.roundsCount + rounds - key.roundsMin);
        bytes memory seed = new bytes(FOLDING_SEED + numbers + 1);
        uint256 name = key.foldingName;
        assembly ("memory-safe") {
            mcopy(add(seed, 0x20), name, 64)
            mcopy(add(seed, 0x60), pattern, 32)
            mstore(add(seed, 0x80), shl(224, numbers))
        }
        _putNumber(seed, 0, key.logBlowup);
        _putNumber(seed, 1, key.logArityMax);
        for (uint256 round = 0; round < rounds; ++round) {
            _putNumber(seed, 2 + round, proof.arities[round]);
        }
        seed[seed.length - 1] = 0x80;
        transcript.observe(seed.length);
        for (uint256 at = 0; at < seed.length; at += SEED_CHUNK) {
            uint256 element = 0;
            for (uint256 place = 0; place < SEED_CHUNK && at + place < seed.length; ++place) {
                element |= uint256(uint8(seed[at + place])) << (8 * place);
            }
            transcript.observe(element);
        }
    }

    function _putNumber(bytes memory seed, uint256 place, uint256 number) private pure {
        uint256 at = FOLDING_SEED + place * FOLDING_NUMBER;
        // Eight bytes follow; the number is small.
        seed[at + 3] = 0x08;
        seed[at + FOLDING_NUMBER - 1] = bytes1(uint8(number));
    }

    function _word(uint256 at) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(at)
        }
    }

    // The constraints.

    /// @dev What all tables said to each other has to come to nothing.
    function _checkTerminals(VerifyingKey.Data memory key, Proof memory proof) private pure {
        uint256 sum = 0;
        uint256 count = (proof.quotient - proof.terminals) / Openings.SIZE;
        uint256[] memory terminals = new uint256[](count + key.tables.length);
        uint256 to;
        assembly ("memory-safe") {
            to := add(terminals, 0x20)
        }
        if (!Openings.copy(proof.terminals, count, to)) revert ElementOutOfRange();
        for (uint256 index = 0; index < count; ++index) {
            sum += terminals[index];
        }
        if (Cubic.reduce(sum) != 0) revert BusesUnbalanced();
    }

    /// @dev Where the values of the next table are, in the calldata, and where its next register is.
    struct Cursor {
        uint256[COMMITMENTS] sections;
        uint256 terminal;
        uint256 publics;
        uint256 register;
    }

    function _checkTables(VerifyingKey.Data memory key, Proof memory proof) private pure {
        uint256[] memory powers = _powers(key, proof);
        uint256 firstInverse = Cubic.inverse(Cubic.sub(proof.zeta, Cubic.ONE));
        uint256 count = 0;
        for (uint256 index = 0; index < key.tables.length; ++index) {
            if (key.tables[index].registers > count) count = key.tables[index].registers;
        }
        Cursor memory cursor;
        cursor.sections = proof.sections;
        cursor.terminal = proof.terminals;
        cursor.publics = proof.publics;
        uint256 registers = _allocate(count);
        for (uint256 index = 0; index < key.tables.length; ++index) {
            VerifyingKey.Table memory table = key.tables[index];
            cursor.register = registers;
            if (!_putPoint(proof, table, powers, proof.heights[index], firstInverse, cursor)) {
                revert PointInDomain(index);
            }
            _putOpened(table, cursor);
            _putPublics(table, cursor);
            _putConstants(table, cursor);
            uint256 formula = table.formula + table.constants * ELEMENT_SIZE;
            if (Formula.run(formula, registers, cursor.register, proof.constraints) != 0) {
                revert ConstraintsViolated(index);
            }
        }
    }

    /// @dev Returns the point's powers by powers of two.
    function _powers(VerifyingKey.Data memory key, Proof memory proof) private pure returns (uint256[] memory powers) {
        powers = new uint256[](key.logHeightMax + 1);
        powers[0] = proof.zeta;
        for (uint256 index = 1; index < powers.length; ++index) {
            powers[index] = Cubic.mul(powers[index - 1], powers[index - 1]);
        }
    }

    /// @dev Returns where so many words in memory are, which nothing else is put into.
    function _allocate(uint256 words) private pure returns (uint256 start) {
        assembly ("memory-safe") {
            start := mload(0x40)
            mstore(0x40, add(start, shl(5, words)))
        }
    }

    function _put(Cursor memory cursor, uint256 value) private pure {
        uint256 at = cursor.register;
        assembly ("memory-safe") {
            mstore(at, value)
        }
        cursor.register = at + 0x20;
    }

    /// @dev Puts what every formula begins with: the field's basis, the challenges, and what is known of a table's rows at
    /// the point. Returns whether the point is none of the rows.
    function _putPoint(
        Proof memory proof,
        VerifyingKey.Table memory table,
        uint256[] memory powers,
        uint256 height,
        uint256 firstInverse,
        Cursor memory cursor
    ) private pure returns (bool isOutside) {
        _put(cursor, X);
        _put(cursor, X_SQUARED);
        _put(cursor, proof.constraints);
        _put(cursor, proof.bus);
        _put(cursor, proof.message);
        uint256 vanishing = Cubic.reduce(Cubic.sub(powers[height], Cubic.ONE));
        // The last row is one before the first.
        uint256 lastRow = Goldilocks.inverse(Goldilocks.root(height));
        uint256 transition = Cubic.reduce(Cubic.sub(proof.zeta, lastRow));
        _put(cursor, Cubic.mul(vanishing, firstInverse));
        _put(cursor, Cubic.mul(vanishing, Cubic.inverse(transition)));
        _put(cursor, transition);
        _put(cursor, vanishing);
        _put(cursor, Cubic.scale(powers[height], Goldilocks.power(GENERATOR_INVERSE, 1 << height)));
        for (uint256 index = 0; index < table.periods; ++index) {
            _put(cursor, powers[height - (table.periodLogs >> (24 - 8 * index) & 0xff)]);
        }
        return vanishing != 0;
    }

    function _putOpened(VerifyingKey.Table memory table, Cursor memory cursor) private pure {
        _putSection(cursor, 0, table.width * table.points);
        _putSection(cursor, 2, table.preprocessed * table.preprocessedPoints);
        _putSection(cursor, 3, table.buses * 2);
        _putSection(cursor, 1, table.chunks * DIMENSION);
        if (table.buses != 0) {
            cursor.terminal = _putValues(cursor, cursor.terminal, 1);
        }
    }

    function _putSection(Cursor memory cursor, uint256 section, uint256 count) private pure {
        cursor.sections[section] = _putValues(cursor, cursor.sections[section], count);
    }

    function _putValues(Cursor memory cursor, uint256 from, uint256 count) private pure returns (uint256 next) {
        if (!Openings.copy(from, count, cursor.register)) revert ElementOutOfRange();
        cursor.register += 0x20 * count;
        next = from + count * Openings.SIZE;
    }

    function _putPublics(VerifyingKey.Table memory table, Cursor memory cursor) private pure {
        for (uint256 index = 0; index < table.publics; ++index) {
            _put(cursor, _word(cursor.publics) >> 192);
            cursor.publics += ELEMENT_SIZE;
        }
    }

    function _putConstants(VerifyingKey.Table memory table, Cursor memory cursor) private pure {
        uint256 from = table.formula;
        uint256 to = cursor.register;
        uint256 end = to + 0x20 * table.constants;
        assembly ("memory-safe") {
            for { } lt(to, end) { to := add(to, 0x20) } {
                mstore(to, shr(192, mload(from)))
                from := add(from, 8)
            }
        }
        cursor.register = end;
    }

    // The context.

    /// @dev A matrix's place among the words of the context, and its opened values' in the calldata.
    struct Walk {
        uint256 word;
        uint256 from;
        uint256[] squares;
        Ladder[HEIGHTS_MAX] ladders;
    }

    function _context(VerifyingKey.Data memory key, Proof memory proof, bytes32 publics)
        private
        pure
        returns (bytes memory context)
    {
        uint256[COMMITMENTS] memory counts = _counts(key);
        uint256 matrices = counts[0] + counts[1] + counts[2] + counts[3];
        uint256 heights = 0;
        for (uint256 height = 0; height < HEIGHTS_MAX; ++height) {
            heights += proof.evaluated >> height & 1;
        }
        uint256 rounds = proof.arities.length;
        uint256 last = 1 << key.logFinal;
        uint256 queries = proof.indices.length;
        uint256 ahead = 3 + 3 * rounds + last + 5 * heights + 2 * COMMITMENTS;
        context = new bytes(32 * (ahead + 2 * matrices + (queries + 7) / 8));
        uint256 at;
        assembly ("memory-safe") {
            at := add(context, 0x20)
        }
        Walk memory walk = _walk(key, proof, at + 32 * ahead);
        uint256 header = heights | rounds << 16 | proof.indexBits << 32 | queries << 48;
        at = _write(at, header | COMMITMENTS << 64 | matrices << 80 | last << 96);
        at = _write(at, uint256(publics));
        at = _write(at, proof.alpha);
        at = _writeFolding(proof, at, last);
        at = _writeHeights(key, proof, walk, at);
        at = _write(at, _word(proof.main));
        at = _write(at, _word(proof.quotient));
        at = _write(at, uint256(key.preprocessedRoot));
        at = _write(at, _word(proof.buses));
        for (uint256 index = 0; index < COMMITMENTS; ++index) {
            at = _write(at, counts[index]);
        }
        for (uint256 query = 0; query < queries; ++query) {
            uint256 to = walk.word + 4 * query;
            uint256 index = proof.indices[query];
            assembly ("memory-safe") {
                mstore(to, or(shl(224, index), shr(32, mload(add(to, 4)))))
            }
        }
    }

    function _write(uint256 at, uint256 word) private pure returns (uint256 next) {
        assembly ("memory-safe") {
            mstore(at, word)
        }
        next = at + 0x20;
    }

    /// @dev Returns how many matrices each commitment has.
    function _counts(VerifyingKey.Data memory key) private pure returns (uint256[COMMITMENTS] memory counts) {
        counts[0] = key.tables.length;
        for (uint256 index = 0; index < key.tables.length; ++index) {
            VerifyingKey.Table memory table = key.tables[index];
            counts[1] += table.chunks;
            if (table.preprocessed != 0) ++counts[2];
            if (table.buses != 0) ++counts[3];
        }
    }

    function _writeFolding(Proof memory proof, uint256 at, uint256 last) private pure returns (uint256) {
        for (uint256 round = 0; round < proof.arities.length; ++round) {
            at = _write(at, _word(proof.rounds + round * ROOT_SIZE));
            at = _write(at, proof.betas[round]);
            at = _write(at, proof.arities[round]);
        }
        if (!Openings.copy(proof.last, last, at)) revert ElementOutOfRange();
        return at + 0x20 * last;
    }

    function _writeHeights(VerifyingKey.Data memory key, Proof memory proof, Walk memory walk, uint256 at)
        private
        pure
        returns (uint256)
    {
        for (uint256 height = proof.indexBits; height != 0; --height) {
            if (proof.evaluated >> height & 1 == 0) continue;
            at = _write(at, height);
            at = _write(at, proof.zeta);
            at = _write(at, walk.ladders[height].sum);
            at = _write(at, Cubic.scale(proof.zeta, Goldilocks.root(height - key.logBlowup)));
            at = _write(at, walk.ladders[height].sumNext);
        }
        return at;
    }

    /// @dev Walks over the matrices: describes each of them in the context, and adds what is opened to its height's sums.
    function _walk(VerifyingKey.Data memory key, Proof memory proof, uint256 at)
        private
        pure
        returns (Walk memory walk)
    {
        walk.word = at;
        walk.from = proof.openings;
        walk.squares = Openings.squares(proof.alpha);
        for (uint256 height = 0; height < HEIGHTS_MAX; ++height) {
            walk.ladders[height].power = Cubic.ONE;
        }
        for (uint256 commitment = 0; commitment < COMMITMENTS; ++commitment) {
            for (uint256 index = 0; index < key.tables.length; ++index) {
                VerifyingKey.Table memory table = key.tables[index];
                uint256 height = proof.heights[index] + key.logBlowup;
                if (commitment == 0) {
                    _visit(walk, proof.alpha, height, table.width, table.points);
                } else if (commitment == 1) {
                    for (uint256 chunk = 0; chunk < table.chunks; ++chunk) {
                        _visit(walk, proof.alpha, height, DIMENSION, 1);
                    }
                } else if (commitment == 2) {
                    if (table.preprocessed != 0) {
                        _visit(walk, proof.alpha, height, table.preprocessed, table.preprocessedPoints);
                    }
                } else if (table.buses != 0) {
                    _visit(walk, proof.alpha, height, table.buses, 2);
                }
            }
        }
    }

    function _visit(Walk memory walk, uint256 alpha, uint256 height, uint256 width, uint256 points) private pure {
        Ladder memory ladder = walk.ladders[height];
        uint256 power = ladder.power;
        walk.word = _write(_write(walk.word, height | width << 16 | points << 32), power);
        uint256 step = Openings.power(walk.squares, width);
        ladder.sum = Cubic.reduce(ladder.sum + Cubic.mul(power, Openings.sum(walk.from, width, alpha)));
        walk.from += width * Openings.SIZE;
        power = Cubic.mul(power, step);
        if (points == 2) {
            ladder.sumNext = Cubic.reduce(ladder.sumNext + Cubic.mul(power, Openings.sum(walk.from, width, alpha)));
            walk.from += width * Openings.SIZE;
            power = Cubic.mul(power, step);
        }
        ladder.power = power;
    }
}
