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
        (context, at) = part(file, 0);
        steps = from(file, at);
    }

    /// @dev Reads steps to the end.
    function from(bytes memory file, uint256 at) internal pure returns (QueryStep[] memory steps) {
        steps = new QueryStep[](STEPS_MAX);
        uint256 count = 0;
        for (; at < file.length; ++count) {
            (steps[count].positions, at) = part(file, at);
            (steps[count].openings, at) = part(file, at);
        }
        assembly ("memory-safe") {
            mstore(steps, count)
        }
    }

    /// @dev Reads a part, and says where the next one is.
    function part(bytes memory file, uint256 at) internal pure returns (bytes memory data, uint256 next) {
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
