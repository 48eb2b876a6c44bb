// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Goldilocks } from "./Goldilocks.sol";

/// @title The transcript that a proof's challenges come from.
/// @dev The twin of `proof::transcript` on the Rust side; vectors/transcript.json holds them together. What the prover sends
/// is collected behind the state in memory, so that taking it into the state hashes one stretch. Assumed: Keccak-256 stands
/// for a random function.
library Transcript {
    /// @dev What was observed does not fit what was set aside for it.
    error TranscriptFull();

    uint256 private constant LIMB = 0xFFFFFFFFFFFFFFFF;
    uint256 private constant WORD_BYTES = 8;

    struct State {
        /// @dev Where the state is in memory; what was collected follows.
        uint256 start;
        /// @dev Where the next byte is collected.
        uint256 end;
        /// @dev Where collecting has to stop.
        uint256 limit;
        /// @dev How many blocks were cut from the state.
        uint256 counter;
        /// @dev The last block that was cut, without its used words.
        uint256 words;
        /// @dev How many words of it are not used.
        uint256 left;
    }

    /// @dev Begins a transcript that can collect so many bytes between two challenges.
    function begin(bytes32 state, uint256 capacity) internal pure returns (State memory self) {
        // One word more, since elements are written as whole words.
        uint256 start;
        assembly ("memory-safe") {
            start := mload(0x40)
            mstore(start, state)
            mstore(0x40, add(start, add(and(add(capacity, 0x1f), not(0x1f)), 0x40)))
        }
        self.start = start;
        self.end = start + 0x20;
        self.limit = start + 0x20 + capacity;
    }

    /// @dev Observes a root.
    function observeRoot(State memory self, bytes32 root) internal pure {
        uint256 at = take(self, 0x20);
        assembly ("memory-safe") {
            mstore(at, root)
        }
    }

    /// @dev Observes an element of the field.
    function observe(State memory self, uint256 element) internal pure {
        uint256 at = take(self, WORD_BYTES);
        assembly ("memory-safe") {
            mstore(at, shl(192, element))
        }
    }

    /// @dev Observes bytes in memory.
    function observeMemory(State memory self, uint256 from, uint256 length) internal pure {
        uint256 at = take(self, length);
        assembly ("memory-safe") {
            mcopy(at, from, length)
        }
    }

    /// @dev Observes bytes of the calldata.
    function observeCalldata(State memory self, uint256 from, uint256 length) internal pure {
        uint256 at = take(self, length);
        assembly ("memory-safe") {
            calldatacopy(at, from, length)
        }
    }

    function take(State memory self, uint256 length) private pure returns (uint256 at) {
        at = self.end;
        uint256 end = at + length;
        if (end > self.limit) revert TranscriptFull();
        self.end = end;
    }

    /// @dev Takes what was collected into the state.
    function absorb(State memory self) internal pure {
        uint256 start = self.start;
        uint256 end = self.end;
        if (end == start + 0x20) return;
        assembly ("memory-safe") {
            mstore(start, keccak256(start, sub(end, start)))
        }
        self.end = start + 0x20;
        self.counter = 0;
        self.left = 0;
    }

    /// @dev Cuts the next word of 64 bits.
    function word(State memory self) internal pure returns (uint256 result) {
        absorb(self);
        if (self.left == 0) {
            uint256 start = self.start;
            uint256 counter = self.counter;
            uint256 words;
            assembly ("memory-safe") {
                // Four bytes behind the state, where nothing is collected now.
                mstore(add(start, 0x20), shl(224, counter))
                words := keccak256(start, 0x24)
            }
            self.words = words;
            self.left = 4;
            self.counter = counter + 1;
        }
        result = self.words >> 192;
        unchecked {
            self.words <<= 64;
            --self.left;
        }
    }

    /// @dev Samples an element of the field.
    function sample(State memory self) internal pure returns (uint256 element) {
        do {
            element = word(self);
        } while (element >= Goldilocks.ORDER);
    }

    /// @dev Samples an element of the challenges' field.
    function sampleCubic(State memory self) internal pure returns (uint256 element) {
        element = sample(self);
        element |= sample(self) << 85;
        element |= sample(self) << 170;
    }

    /// @dev Samples a number of so many bits, 64 at most.
    function sampleBits(State memory self, uint256 bits) internal pure returns (uint256) {
        return word(self) & (LIMB >> (64 - bits));
    }

    /// @dev Observes a witness of work, and returns whether the state after it begins with so many zero bits.
    function isWorked(State memory self, uint256 witness, uint256 bits) internal pure returns (bool) {
        absorb(self);
        observe(self, witness);
        absorb(self);
        uint256 start = self.start;
        uint256 state;
        assembly ("memory-safe") {
            state := mload(start)
        }
        return state >> (256 - bits) == 0;
    }
}
