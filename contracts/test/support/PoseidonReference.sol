// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Poseidon } from "../../src/Poseidon.sol";

/// @dev The permutation as its paper writes it: every step a field operation, every layer a matrix.
library PoseidonReference {
    uint256 private constant ORDER = 0xFFFFFFFF00000001;
    uint256 private constant HALF = 0x7FFFFFFF80000001;

    function permute(uint256[8] memory s) internal pure {
        uint256[86] memory c = Poseidon.constants();
        outer(s);
        for (uint256 round = 0; round < 4; ++round) {
            full(s, c, 8 * round);
        }
        for (uint256 round = 0; round < 22; ++round) {
            s[0] = seventh(addmod(s[0], c[32 + round], ORDER));
            inner(s);
        }
        for (uint256 round = 0; round < 4; ++round) {
            full(s, c, 54 + 8 * round);
        }
    }

    function full(uint256[8] memory s, uint256[86] memory c, uint256 start) private pure {
        for (uint256 i = 0; i < 8; ++i) {
            s[i] = seventh(addmod(s[i], c[start + i], ORDER));
        }
        outer(s);
    }

    function seventh(uint256 x) private pure returns (uint256 y) {
        y = x;
        for (uint256 i = 0; i < 6; ++i) {
            y = mulmod(y, x, ORDER);
        }
    }

    function outer(uint256[8] memory s) private pure {
        uint256[8] memory before = copy(s);
        uint8[4] memory row = [2, 3, 1, 1];
        for (uint256 i = 0; i < 8; ++i) {
            uint256 sum = 0;
            for (uint256 j = 0; j < 8; ++j) {
                uint256 factor = row[(4 + j - i % 4) % 4] * (i / 4 == j / 4 ? 2 : 1);
                sum = addmod(sum, mulmod(factor, before[j], ORDER), ORDER);
            }
            s[i] = sum;
        }
    }

    function inner(uint256[8] memory s) private pure {
        uint256[8] memory factors = [ORDER - 2, 1, 2, HALF, 3, ORDER - HALF, ORDER - 3, ORDER - 4];
        uint256 sum = 0;
        for (uint256 i = 0; i < 8; ++i) {
            sum = addmod(sum, s[i], ORDER);
        }
        for (uint256 i = 0; i < 8; ++i) {
            s[i] = addmod(sum, mulmod(factors[i], s[i], ORDER), ORDER);
        }
    }

    function copy(uint256[8] memory s) private pure returns (uint256[8] memory t) {
        for (uint256 i = 0; i < 8; ++i) {
            t[i] = s[i];
        }
    }
}
