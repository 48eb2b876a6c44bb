// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { QueryStep, QuerySteps } from "./QuerySteps.sol";
import { vm } from "./Vm.sol";

/// @dev What the contracts are sent of a leaf's proof, and the context that both steps share.
struct ProvenLeaf {
    bytes statement;
    bytes context;
    QueryStep[] steps;
}

/// @dev A batch as the Rust side made it: its evidence, and the key of the account that a withdrawal is forced from; then
/// evidence of many crossings that nobody proved, with the public values that its leaf's proof would have.
struct BatchVector {
    bytes evidence;
    uint8 scheme;
    uint64[5] key;
    bytes manyEvidence;
    bytes manyPublics;
}

/// @dev Reads vectors/batch.bin, and of its leaves vectors/leaf-0.bin and vectors/leaf-1.bin.
library BatchFile {
    uint256 internal constant LEAVES = 2;

    function read() internal view returns (BatchVector memory batch) {
        bytes memory file = vm.readFileBinary("../vectors/batch.bin");
        uint256 at;
        bytes memory identity;
        (batch.evidence, at) = QuerySteps.part(file, 0);
        (identity, at) = QuerySteps.part(file, at);
        (batch.manyEvidence, at) = QuerySteps.part(file, at);
        (batch.manyPublics,) = QuerySteps.part(file, at);
        batch.scheme = uint8(identity[0]);
        for (uint256 i = 0; i < 5; ++i) {
            batch.key[i] = _limb(identity, 1 + 8 * i);
        }
    }

    function leaf(uint256 number) internal view returns (ProvenLeaf memory proven) {
        bytes memory file = vm.readFileBinary(string.concat("../vectors/leaf-", vm.toString(number), ".bin"));
        uint256 at;
        (proven.statement, at) = QuerySteps.part(file, 0);
        (proven.context, at) = QuerySteps.part(file, at);
        proven.steps = QuerySteps.from(file, at);
    }

    function _limb(bytes memory data, uint256 at) private pure returns (uint64 value) {
        assembly ("memory-safe") {
            value := shr(192, mload(add(add(data, 0x20), at)))
        }
    }
}
