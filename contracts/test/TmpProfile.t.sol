// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;
import { Context, QueryContext } from "../src/proof/QueryContext.sol";
import { QueryFolds } from "../src/proof/QueryFolds.sol";
import { QueryPlaces } from "../src/proof/QueryPlaces.sol";
import { QueryTrees } from "../src/proof/QueryTrees.sol";
import { vm } from "./support/Vm.sol";
contract Prof {
    event log_named_uint(string name, uint256 value);
    function verify(bytes calldata context, bytes calldata positions, bytes calldata openings) external {
        uint256 g = gasleft();
        Context memory c = QueryContext.read(context);
        emit log_named_uint("read", g - gasleft()); g = gasleft();
        (uint256[][] memory nodes, ) = QueryPlaces.levels(c, positions);
        emit log_named_uint("levels", g - gasleft()); g = gasleft();
        uint256 start;
        assembly ("memory-safe") {
            start := openings.offset
        }
        (uint256 next, uint256[][] memory sums) = QueryTrees.open(c, nodes, start);
        emit log_named_uint("open", g - gasleft()); g = gasleft();
        QueryFolds.reduce(c, nodes, sums);
        emit log_named_uint("reduce", g - gasleft()); g = gasleft();
        next = QueryFolds.fold(c, nodes, sums, next);
        emit log_named_uint("fold", g - gasleft()); g = gasleft();
        uint256 m; assembly { m := mload(0x40) } 
        emit log_named_uint("mem", m);
    }
}
contract TmpProfile {
    bool public constant IS_TEST = true;
    function test_prof() public {
        bytes memory file = vm.readFileBinary("../vectors/queries.bin");
        (bytes memory a, uint256 at) = part(file, 0);
        bytes memory b; bytes memory c;
        (b, at) = part(file, at); (c, at) = part(file, at);
        Prof p = new Prof();
        p.verify(a, b, c);
    }
    function part(bytes memory file, uint256 at) private pure returns (bytes memory data, uint256 next) {
        uint256 length;
        assembly ("memory-safe") {
            length := shr(224, mload(add(add(file, 0x20), at)))
        }
        data = new bytes(length);
        assembly ("memory-safe") {
            mcopy(add(data, 0x20), add(add(file, 0x24), at), length)
        }
        return (data, at + 4 + length);
    }
}
