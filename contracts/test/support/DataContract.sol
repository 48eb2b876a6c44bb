// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Deploys bytes as the code of a contract that does nothing: a zero byte, on which every call stops, and the bytes.
library DataContract {
    /// @dev Copies all that follows its eleven bytes to memory, and returns it as the code.
    bytes private constant INITIALIZER = hex"600b5981380380925939f3";

    function deploy(bytes memory data) internal returns (address deployed) {
        bytes memory creation = bytes.concat(INITIALIZER, hex"00", data);
        assembly ("memory-safe") {
            deployed := create(0, add(creation, 0x20), mload(creation))
        }
        require(deployed != address(0), "the data fits a contract");
    }
}
