// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { vm } from "./Vm.sol";

/// @dev Some queries of a proof, with what opens them.
struct QueryStep {
    bytes positions;
    bytes openings;
}

/// @dev Reads vectors/queries.bin: parts, each after its length in four bytes. The first is the context.
library QuerySteps {
    uint256 private constant STEPS_MAX = 256;

    function read() internal view returns (bytes memory context, QueryStep[] memory steps) {
        bytes memory file = vm.readFileBinary("../vectors/queries.bin");
        uint256 at;
        (context, at) = _part(file, 0);
        steps = new QueryStep[](STEPS_MAX);
        uint256 count = 0;
        for (; at < file.length; ++count) {
            (steps[count].positions, at) = _part(file, at);
            (steps[count].openings, at) = _part(file, at);
        }
        assembly ("memory-safe") {
            mstore(steps, count)
        }
    }

    function _part(bytes memory file, uint256 at) private pure returns (bytes memory data, uint256 next) {
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
