// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IStatementVerifier } from "../src/interfaces/IStatementVerifier.sol";
import { StatementVerifier } from "../src/proof/StatementVerifier.sol";
import { VerifyingKey } from "../src/proof/VerifyingKey.sol";
import { DataContract } from "./support/DataContract.sol";
import { Vm, vm } from "./support/Vm.sol";

/// @dev Holds the statement's step to vectors/proof.json, a proof that the Rust side accepts, and changes it everywhere.
contract StatementTest {
    bool public constant IS_TEST = true;

    /// @dev What a transaction may use, and what it may carry.
    uint256 private constant TRANSACTION_GAS_MAX = 1 << 24;
    uint256 private constant TRANSACTION_BYTES_MAX = 120 * 1024;
    uint256 private constant CODE_BYTES_MAX = 24_576;
    /// @dev How many places of a long section are changed.
    uint256 private constant TAMPERED = 10;
    uint256 private constant PROOFS = 2;
    uint256 private constant HEADER = 160;
    uint256 private constant DESCRIPTION = 32;
    /// @dev Where the key says how much work a witness has to show.
    uint256 private constant WORK_BITS = 76;

    event log_named_uint(string name, uint256 value);

    StatementVerifier private _verifier;
    /// @dev Asks for no work, so that a change is not refused for that alone.
    StatementVerifier private _workless;
    bytes private _statement;
    bytes private _key;

    function setUp() public {
        string memory json = vm.readFile("../vectors/verifier.json");
        bytes[] memory parts = new bytes[](vm.parseJsonUint(json, ".count"));
        for (uint256 i = 0; i < parts.length; ++i) {
            parts[i] = vm.parseJsonBytes(json, string.concat(".parts[", vm.toString(i), "]"));
        }
        _key = parts[0];
        _verifier = deployed(parts);
        vm.assertEq(_verifier.keyHash(), vm.parseJsonBytes32(json, ".hash"), "the key is the one of the vectors");
        parts[0][WORK_BITS] = 0;
        _workless = deployed(parts);
        _statement = vm.parseJsonBytes(vm.readFile("../vectors/proof.json"), ".proofs[0].statement");
    }

    function test_a_proofs_statement_gives_its_context() public view {
        string memory json = vm.readFile("../vectors/proof.json");
        for (uint256 proof = 0; proof < PROOFS; ++proof) {
            string memory at = string.concat(".proofs[", vm.toString(proof), "]");
            bytes memory expected = vm.parseJsonBytes(json, string.concat(at, ".context"));
            bytes memory context = _verifier.check(vm.parseJsonBytes(json, string.concat(at, ".statement")));
            vm.assertEq(context.length, expected.length, "length");
            for (uint256 i = 0; i < expected.length; i += 32) {
                vm.assertEq(word(context, i), word(expected, i), string.concat("word ", vm.toString(i / 32)));
            }
        }
    }

    function test_a_registered_context_is_remembered() public {
        bytes memory context = _verifier.check(_statement);
        vm.assertFalse(_verifier.isRegistered(keccak256(context)), "checking remembers nothing");
        bytes32 digest = _verifier.register(_statement);
        vm.assertEq(digest, keccak256(context), "digest");
        vm.assertTrue(_verifier.isRegistered(digest), "registered");
    }

    function test_a_statement_fits_a_transaction() public {
        bytes memory statement = _statement;
        _verifier.register(statement);
        Vm.Gas memory gas = vm.lastCallGas();
        uint256 used = gas.gasTotalUsed + 21_000;
        uint256 floor = 21_000;
        for (uint256 at = 0; at < statement.length; ++at) {
            used += statement[at] == 0 ? 4 : 16;
            floor += statement[at] == 0 ? 10 : 40;
        }
        emit log_named_uint("statement, execution", gas.gasTotalUsed);
        emit log_named_uint("statement, transaction", used > floor ? used : floor);
        emit log_named_uint("statement, bytes", statement.length);
        emit log_named_uint("verifier, bytes of code", address(_verifier).code.length);
        vm.assertLt(used, TRANSACTION_GAS_MAX, "gas");
        vm.assertLt(floor, TRANSACTION_GAS_MAX, "the floor of calldata");
        vm.assertLt(statement.length, TRANSACTION_BYTES_MAX, "bytes");
        vm.assertLt(address(_verifier).code.length, CODE_BYTES_MAX, "code");
    }

    function test_no_byte_of_a_statement_can_change() public view {
        bytes memory statement = _statement;
        uint256 step = statement.length / 200;
        for (uint256 at = 0; at < statement.length; at += step) {
            assertRefused(_verifier, statement, at, bytes4(0));
        }
        // The last bytes are the witness: they change nothing else.
        for (uint256 at = statement.length - 8; at < statement.length; ++at) {
            assertRefused(_verifier, statement, at, bytes4(0));
        }
    }

    function test_no_height_can_change() public view {
        for (uint256 table = 0; table < tables(); ++table) {
            assertRefused(_workless, _statement, table, bytes4(0));
        }
    }

    function test_every_root_and_public_value_and_terminal_counts() public view {
        Layout memory layout = layoutOf();
        for (uint256 at = layout.main; at < layout.terminals; at += 8) {
            assertRefused(_workless, _statement, at + 7, IStatementVerifier.ConstraintsViolated.selector);
        }
        for (uint256 at = layout.terminals; at < layout.quotient; at += 8) {
            assertRefused(_workless, _statement, at + 7, IStatementVerifier.BusesUnbalanced.selector);
        }
        for (uint256 at = layout.quotient; at < layout.openings; at += 8) {
            assertRefused(_workless, _statement, at + 7, IStatementVerifier.ConstraintsViolated.selector);
        }
    }

    function test_every_trace_counts() public view {
        tamperSection(0);
    }

    function test_every_quotient_counts() public view {
        tamperSection(1);
    }

    function test_every_fixed_column_counts() public view {
        tamperSection(2);
    }

    function test_every_bus_counts() public view {
        tamperSection(3);
    }

    function test_a_context_names_the_folding() public view {
        bytes memory statement = _statement;
        bytes32 context = keccak256(_workless.check(statement));
        uint256 witness = statement.length - 8;
        // A root of a round, a coefficient, the witness.
        uint256[3] memory places = [witness - 8 * 24 - 1, witness - 1, witness + 7];
        for (uint256 i = 0; i < places.length; ++i) {
            statement[places[i]] ^= 0x01;
            vm.assertNotEq(keccak256(_workless.check(statement)), context, "another context");
            statement[places[i]] ^= 0x01;
        }
    }

    function test_numbers_from_the_order_on_are_refused() public view {
        Layout memory layout = layoutOf();
        uint256 last = _statement.length - 8 - 24;
        uint256[7] memory places = [
            layout.publics,
            layout.terminals,
            layout.sections[0],
            layout.sections[1],
            layout.sections[2],
            last,
            last + 24
        ];
        for (uint256 i = 0; i < places.length; ++i) {
            bytes memory statement = _statement;
            for (uint256 at = 0; at < 8; ++at) {
                statement[places[i] + at] = 0xff;
            }
            assertRefusedAs(_workless, statement, IStatementVerifier.ElementOutOfRange.selector);
        }
    }

    function test_another_length_is_refused() public view {
        bytes memory statement = _statement;
        bytes memory longer = bytes.concat(statement, hex"00");
        assertRefusedAs(_workless, longer, IStatementVerifier.StatementLength.selector);
        assertRefusedAs(_workless, hex"", IStatementVerifier.StatementLength.selector);
        assembly ("memory-safe") {
            mstore(statement, sub(mload(statement), 1))
        }
        assertRefusedAs(_workless, statement, IStatementVerifier.StatementLength.selector);
    }

    function test_heights_have_bounds() public view {
        bytes memory statement = _statement;
        statement[1] = 0x00;
        assertRefusedAs(_workless, statement, IStatementVerifier.HeightOutOfRange.selector);
        statement[1] = 0x15;
        assertRefusedAs(_workless, statement, IStatementVerifier.HeightOutOfRange.selector);
    }

    function test_a_key_has_all_its_parts() public {
        address[] memory parts = new address[](1);
        parts[0] = address(0xdead);
        vm.expectRevert(abi.encodeWithSelector(VerifyingKey.KeyPartMissing.selector, 0));
        new StatementVerifier(parts);
    }

    function test_work_is_asked_for() public view {
        bytes memory statement = _statement;
        statement[statement.length - 1] ^= 0x01;
        assertRefusedAs(_verifier, statement, IStatementVerifier.WorkMissing.selector);
    }

    /// @dev Where the parts of the statement are.
    struct Layout {
        uint256 main;
        uint256 publics;
        uint256 terminals;
        uint256 quotient;
        uint256 openings;
        uint256[4] sections;
    }

    function layoutOf() private view returns (Layout memory layout) {
        layout.main = tables();
        layout.publics = layout.main + 32;
        layout.terminals = layout.publics + 8 * number(70, 2) + 32;
        uint256 terminals = 0;
        uint256[4] memory counts;
        for (uint256 table = 0; table < tables(); ++table) {
            for (uint256 section = 0; section < 4; ++section) {
                counts[section] += opened(table, section) * points(table, section);
            }
            if (opened(table, 3) != 0) ++terminals;
        }
        layout.quotient = layout.terminals + 24 * terminals;
        layout.openings = layout.quotient + 32;
        uint256 at = layout.openings;
        for (uint256 i = 0; i < 4; ++i) {
            layout.sections[i] = at;
            at += 24 * counts[i];
        }
    }

    function tables() private view returns (uint256) {
        return number(64, 2);
    }

    /// @dev Returns a number of the key.
    function number(uint256 at, uint256 length) private view returns (uint256 result) {
        for (uint256 i = 0; i < length; ++i) {
            result = result << 8 | uint8(_key[at + i]);
        }
    }

    /// @dev Changes some of the values that a commitment's matrices have at the point, each in one coefficient.
    function tamperSection(uint256 section) private view {
        Layout memory layout = layoutOf();
        uint256 start = layout.sections[section];
        for (uint256 table = 0; table < tables(); ++table) {
            uint256 width = opened(table, section);
            uint256 step = width / TAMPERED + 1;
            for (uint256 i = 0; i < width; i += step) {
                uint256 at = start + 24 * i + 8 * (i % 3) + 7;
                if (isZero(start + 24 * i)) continue;
                assertRefused(_workless, _statement, at, IStatementVerifier.ConstraintsViolated.selector);
            }
            start += 24 * width * points(table, section);
        }
        if (section < 3) vm.assertEq(start, layout.sections[section + 1], "the sections follow each other");
    }

    /// @dev Whether a value is zero, as in a column that this batch does not use. Such a column is free at one point where
    /// it only meets others like it.
    function isZero(uint256 at) private view returns (bool) {
        for (uint256 i = 0; i < 24; ++i) {
            if (_statement[at + i] != 0) return false;
        }
        return true;
    }

    /// @dev Returns how many values of a table a commitment opens at a point.
    function opened(uint256 table, uint256 section) private view returns (uint256) {
        uint256 description = HEADER + DESCRIPTION * table;
        if (section == 0) return number(description + 1, 2);
        if (section == 1) return number(description + 9, 2);
        return number(description + (section == 2 ? 4 : 7), 2);
    }

    /// @dev Returns at how many points.
    function points(uint256 table, uint256 section) private view returns (uint256) {
        uint256 description = HEADER + DESCRIPTION * table;
        if (section == 1) return 1;
        return section == 3 ? 2 : 1 + number(description + (section == 0 ? 3 : 6), 1);
    }

    function assertRefused(StatementVerifier verifier, bytes memory statement, uint256 at, bytes4 why) private view {
        statement[at] ^= 0x01;
        try verifier.check(statement) {
            vm.assertTrue(false, string.concat("refused: byte ", vm.toString(at)));
        } catch (bytes memory fault) {
            if (why != bytes4(0)) vm.assertEq(bytes4(fault), why, string.concat("fault at byte ", vm.toString(at)));
        }
        statement[at] ^= 0x01;
    }

    function assertRefusedAs(StatementVerifier verifier, bytes memory statement, bytes4 why) private view {
        try verifier.check(statement) {
            vm.assertTrue(false, "refused");
        } catch (bytes memory fault) {
            vm.assertEq(bytes4(fault), why, "fault");
        }
    }

    function deployed(bytes[] memory parts) private returns (StatementVerifier) {
        address[] memory addresses = new address[](parts.length);
        for (uint256 i = 0; i < parts.length; ++i) {
            addresses[i] = DataContract.deploy(parts[i]);
        }
        return new StatementVerifier(addresses);
    }

    function word(bytes memory data, uint256 at) private pure returns (bytes32 result) {
        assembly ("memory-safe") {
            result := mload(add(add(data, 0x20), at))
        }
    }
}
