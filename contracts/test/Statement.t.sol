// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IStatementVerifier } from "../src/interfaces/IStatementVerifier.sol";
import { StatementVerifier } from "../src/proof/StatementVerifier.sol";
import { DataContract } from "./support/DataContract.sol";
import { Vm, vm } from "./support/Vm.sol";

/// @dev Holds the statement's step to vectors/proof.json, a proof that the Rust side accepts, and changes it everywhere.
contract StatementTest {
    bool public constant IS_TEST = true;

    /// @dev What a transaction may use, and what it may carry.
    uint256 private constant TRANSACTION_GAS_MAX = 1 << 24;
    uint256 private constant TRANSACTION_BYTES_MAX = 120 * 1024;
    uint256 private constant CODE_BYTES_MAX = 24_576;
    uint256 private constant TAMPERED = 64;

    event log_named_uint(string name, uint256 value);

    StatementVerifier private _verifier;
    bytes private _statement;

    function setUp() public {
        string memory key = vm.readFile("../vectors/verifier.json");
        uint256 count = vm.parseJsonUint(key, ".count");
        address[] memory parts = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            bytes memory part = vm.parseJsonBytes(key, string.concat(".parts[", vm.toString(i), "]"));
            parts[i] = DataContract.deploy(part);
        }
        _verifier = new StatementVerifier(parts);
        _statement = vm.parseJsonBytes(vm.readFile("../vectors/proof.json"), ".statement");
    }

    function test_a_proofs_statement_gives_its_context() public {
        bytes memory expected = vm.parseJsonBytes(vm.readFile("../vectors/proof.json"), ".context");
        bytes memory context = _verifier.check(_statement);
        vm.assertEq(context.length, expected.length, "length");
        for (uint256 at = 0; at < expected.length; at += 32) {
            vm.assertEq(word(context, at), word(expected, at), string.concat("word ", vm.toString(at / 32)));
        }
        vm.assertFalse(_verifier.isRegistered(keccak256(expected)), "checking remembers nothing");
        bytes32 digest = _verifier.register(_statement);
        vm.assertEq(digest, keccak256(expected), "digest");
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

    function word(bytes memory data, uint256 at) private pure returns (bytes32 result) {
        assembly ("memory-safe") {
            result := mload(add(add(data, 0x20), at))
        }
    }
}
