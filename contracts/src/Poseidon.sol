// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Poseidon2, width 8, over the Goldilocks field: the hash of the rollup's state tree.
/// @dev Source: Grassi, Khovratovich, Schofnegger, "Poseidon2", 2023. Constants and matrices are those of `p3-goldilocks`,
/// and vectors/poseidon.json holds this code to the ledger's. Assumed: 128 bits of collision resistance.
///
/// A value is reduced only where it would outgrow 256 bits, since a word has four times the bits of an element: an S-box
/// ends in the one `mulmod` that leaves an element, and everything linear is plain addition.
library Poseidon {
    /// @dev What is hashed; two domains never give one digest. The numbers are the ledger's.
    uint256 internal constant KEY = 1;
    uint256 internal constant VALUE = 2;
    uint256 internal constant ACCOUNT = 3;
    uint256 internal constant TOKEN = 5;

    uint256 private constant ORDER = 0xFFFFFFFF00000001;
    uint256 private constant LIMB = 0xFFFFFFFFFFFFFFFF;
    uint256 private constant HALF = 0x7FFFFFFF80000001;
    uint256 private constant QUARTER = 0xBFFFFFFF40000001;
    uint256 private constant THIRD = 0xAAAAAAAA00000001;
    uint256 private constant MINUS_FOUR = 0xFFFFFFFEFFFFFFFD;
    /// @dev 128 times the order: above what an external layer can leave in a cell and three or four times that.
    uint256 private constant OFFSET = 0x7FFFFFFF8000000080;

    /// @dev Bytes into the constants: four rounds of eight come first, then the 22 inner rounds of one, then four of eight.
    uint256 private constant INNER = 0x400;
    uint256 private constant OUTER_AGAIN = 0x6c0;
    uint256 private constant END = 0xac0;

    /// @dev Lays the round constants out in memory, once for all the hashes of a call.
    function constants() internal pure returns (uint256[86] memory table) {
        assembly ("memory-safe") {
            function two(at, a, b) -> next {
                mstore(at, a)
                mstore(add(at, 0x20), b)
                next := add(at, 0x40)
            }
            function four(at, a, b, c, d) -> next {
                mstore(at, a)
                mstore(add(at, 0x20), b)
                mstore(add(at, 0x40), c)
                mstore(add(at, 0x60), d)
                next := add(at, 0x80)
            }
            let at := table
            at := four(at, 0xdd5743e7f2a5a5d9, 0xcb3a864e58ada44b, 0xffa2449ed32f8cdc, 0x42025f65d6bd13ee)
            at := four(at, 0x7889175e25506323, 0x34b98bb03d24b737, 0xbdcc535ecc4faa2a, 0x5b20ad869fc0d033)
            at := four(at, 0xf1dda5b9259dfcb4, 0x27515210be112d59, 0x4227d1718c766c3f, 0x26d333161a5bd794)
            at := four(at, 0x49b938957bf4b026, 0x4a56b5938b213669, 0x1120426b48c8353d, 0x6b323c3f10a56cad)
            at := four(at, 0xce57d6245ddca6b2, 0xb1fc8d402bba1eb1, 0xb5c5096ca959bd04, 0x6db55cd306d31f7f)
            at := four(at, 0xc49d293a81cb9641, 0x1ce55a4fe979719f, 0xa92e60a9d178a4d1, 0x002cc64973bcfd8c)
            at := four(at, 0xcea721cce82fb11b, 0xe5b55eb8098ece81, 0x4e30525c6f1ddd66, 0x43c6702827070987)
            at := four(at, 0xaca68430a7b5762a, 0x3674238634df9c93, 0x88cee1c825e33433, 0xde99ae8d74b57176)
            at := four(at, 0x488897d85ff51f56, 0x1140737ccb162218, 0xa7eeb9215866ed35, 0x9bd2976fee49fcc9)
            at := four(at, 0xc0c8f0de580a3fcc, 0x4fb2dae6ee8fc793, 0x343a89f35f37395b, 0x223b525a77ca72c8)
            at := four(at, 0x56ccb62574aaa918, 0xc4d507d8027af9ed, 0xa080673cf0b7e95c, 0xf0184884eb70dcf8)
            at := four(at, 0x044f10b0cb3d5c69, 0xe9e3f7993938f186, 0x1b761c80e772f459, 0x606cec607a1b5fac)
            at := four(at, 0x14a0c2e1d45f03cd, 0x4eace8855398574f, 0xf905ca7103eff3e6, 0xf8c8f8d20862c059)
            at := two(at, 0xb524fe8bdd678e5a, 0xfbb7865901a1ec41)
            at := four(at, 0x014ef1197d341346, 0x9725e20825d07394, 0xfdb25aef2c5bae3b, 0xbe5402dc598c971e)
            at := four(at, 0x93a5711f04cdca3d, 0xc45a9a5b2f8fb97b, 0xfe8946a924933545, 0x2af997a27369091c)
            at := four(at, 0xaa62c88e0b294011, 0x058eb9d810ce9f74, 0xb3cb23eced349ae4, 0xa3648177a77b4a84)
            at := four(at, 0x43153d905992d95d, 0xf4e2a97cda44aa4b, 0x5baa2702b908682f, 0x082923bdf4f750d1)
            at := four(at, 0x98ae09a325893803, 0xf8a6475077968838, 0xceb0735bf00b2c5f, 0x0a1a5d953888e072)
            at := four(at, 0x2fcb190489f94475, 0xb5be06270dec69fc, 0x739cb934b09acf8b, 0x537750b75ec7f25b)
            at := four(at, 0xe9dd318bae1f3961, 0xf7462137299efe1a, 0xb1f6b8eee9adb940, 0xbdebcc8a809dfe6b)
            at := four(at, 0x40fc1f791b178113, 0x3ac1c3362d014864, 0x9a016184bdb8aeba, 0x95f2394459fbc25e)
        }
    }

    /// @dev Returns the digest above two digests: the permutation, with its input added back so that it has no inverse.
    function compress(uint256[86] memory table, bytes32 left, bytes32 right) internal pure returns (bytes32 digest) {
        uint256[8] memory state;
        assembly ("memory-safe") {
            function unpack(at, word) {
                mstore(at, shr(192, word))
                mstore(add(at, 0x20), and(shr(128, word), LIMB))
                mstore(add(at, 0x40), and(shr(64, word), LIMB))
                mstore(add(at, 0x60), and(word, LIMB))
            }
            unpack(state, left)
            unpack(add(state, 0x80), right)
        }
        permute(table, state);
        assembly ("memory-safe") {
            // A cell is below 2^69 here, so no sum overflows.
            digest := shl(192, mod(add(mload(state), shr(192, left)), ORDER))
            digest := or(digest, shl(128, mod(add(mload(add(state, 0x20)), and(shr(128, left), LIMB)), ORDER)))
            digest := or(digest, shl(64, mod(add(mload(add(state, 0x40)), and(shr(64, left), LIMB)), ORDER)))
            digest := or(digest, mod(add(mload(add(state, 0x60)), and(left, LIMB)), ORDER))
        }
    }

    /// @dev Hashes field elements by a sponge of rate 4. Domain and length start in the capacity, so that no padding can
    /// make two inputs equal. An element at or above the order counts as its remainder, so a caller refuses it first.
    function hash(uint256[86] memory table, uint256 domain, uint256[] memory elements) internal pure returns (bytes32) {
        uint256[8] memory state;
        uint256 count = elements.length;
        (state[4], state[5]) = (domain, count);
        if (count == 0) permute(table, state);
        for (uint256 start = 0; start < count; start += 4) {
            for (uint256 i = start; i < count && i < start + 4; ++i) {
                state[i - start] += elements[i];
            }
            permute(table, state);
        }
        return _digest(state);
    }

    /// @dev Permutes eight cells, each below 2^70, in place. Leaves cells below 2^69, not reduced; inside they stay below
    /// 2^166.
    function permute(uint256[86] memory table, uint256[8] memory state) internal pure {
        assembly ("memory-safe") {
            let s0 := mload(state)
            let s1 := mload(add(state, 0x20))
            let s2 := mload(add(state, 0x40))
            let s3 := mload(add(state, 0x60))
            let s4 := mload(add(state, 0x80))
            let s5 := mload(add(state, 0xa0))
            let s6 := mload(add(state, 0xc0))
            let s7 := mload(add(state, 0xe0))
            let at := table
            let end := add(table, INNER)
            for { } 1 { } {
                // The external layer: [2 3 1 1; 1 2 3 1; 1 1 2 3; 3 1 1 2] on each half, then each cell gains its column's
                // sum. Multiplies a bound by 21.
                {
                    let t := add(s0, s1)
                    let u := add(s2, s3)
                    let v := add(add(t, u), s1)
                    let w := add(add(t, u), s3)
                    s3 := add(w, add(s0, s0))
                    s1 := add(v, add(s2, s2))
                    s0 := add(v, t)
                    s2 := add(w, u)
                }
                {
                    let t := add(s4, s5)
                    let u := add(s6, s7)
                    let v := add(add(t, u), s5)
                    let w := add(add(t, u), s7)
                    s7 := add(w, add(s4, s4))
                    s5 := add(v, add(s6, s6))
                    s4 := add(v, t)
                    s6 := add(w, u)
                }
                {
                    let t := add(s0, s4)
                    s0 := add(s0, t)
                    s4 := add(s4, t)
                    t := add(s1, s5)
                    s1 := add(s1, t)
                    s5 := add(s5, t)
                    t := add(s2, s6)
                    s2 := add(s2, t)
                    s6 := add(s6, t)
                    t := add(s3, s7)
                    s3 := add(s3, t)
                    s7 := add(s7, t)
                }
                if eq(at, end) {
                    if eq(at, add(table, END)) { break }
                    // The internal layer adds to each cell's multiple (-2, 1, 2, 1/2, 3, -1/2, -3, -4) the sum of all. Of
                    // cells 4 and 6 only their sum matters inside, and it is twice that sum plus nine times its own value
                    // two rounds earlier; 3 and 5 likewise, with a quarter. So s4 and s6, s3 and s5 hold such a pair sum
                    // of the last two rounds, in turns. What cell 0 loses is in `rest`, the sum of all others.
                    {
                        let difference := add(s3, sub(OFFSET, s5))
                        s3 := add(s3, s5)
                        s5 := add(difference, difference)
                        difference := mulmod(add(s4, sub(OFFSET, s6)), THIRD, ORDER)
                        s4 := add(s4, s6)
                        s6 := difference
                    }
                    end := add(table, OUTER_AGAIN)
                    for { } lt(at, end) { at := add(at, 0x40) } {
                        {
                            let x := add(s0, mload(at))
                            let rest := add(add(s1, s2), add(s7, add(s3, s4)))
                            let square := mulmod(x, x, ORDER)
                            x := mulmod(mul(square, x), mul(square, square), ORDER)
                            s0 := add(rest, sub(ORDER, x))
                            let sum := add(rest, x)
                            s1 := add(sum, s1)
                            s2 := add(sum, add(s2, s2))
                            s7 := add(sum, mulmod(s7, MINUS_FOUR, ORDER))
                            sum := add(sum, sum)
                            s5 := add(sum, mulmod(s5, QUARTER, ORDER))
                            s6 := add(sum, mul(s6, 9))
                        }
                        {
                            let x := add(s0, mload(add(at, 0x20)))
                            let rest := add(add(s1, s2), add(s7, add(s5, s6)))
                            let square := mulmod(x, x, ORDER)
                            x := mulmod(mul(square, x), mul(square, square), ORDER)
                            s0 := add(rest, sub(ORDER, x))
                            let sum := add(rest, x)
                            s1 := add(sum, s1)
                            s2 := add(sum, add(s2, s2))
                            s7 := add(sum, mulmod(s7, MINUS_FOUR, ORDER))
                            sum := add(sum, sum)
                            s3 := add(sum, mulmod(s3, QUARTER, ORDER))
                            s4 := add(sum, mul(s4, 9))
                        }
                    }
                    let difference := mulmod(s5, HALF, ORDER)
                    s5 := mulmod(add(s3, sub(ORDER, difference)), HALF, ORDER)
                    s3 := mulmod(add(s3, difference), HALF, ORDER)
                    difference := mulmod(s6, 3, ORDER)
                    s6 := mulmod(add(s4, sub(ORDER, difference)), HALF, ORDER)
                    s4 := mulmod(add(s4, difference), HALF, ORDER)
                    end := add(table, END)
                }
                // Constants and S-boxes.
                {
                    let x := add(s0, mload(at))
                    let square := mulmod(x, x, ORDER)
                    s0 := mulmod(mul(square, x), mul(square, square), ORDER)
                }
                {
                    let x := add(s1, mload(add(at, 0x20)))
                    let square := mulmod(x, x, ORDER)
                    s1 := mulmod(mul(square, x), mul(square, square), ORDER)
                }
                {
                    let x := add(s2, mload(add(at, 0x40)))
                    let square := mulmod(x, x, ORDER)
                    s2 := mulmod(mul(square, x), mul(square, square), ORDER)
                }
                {
                    let x := add(s3, mload(add(at, 0x60)))
                    let square := mulmod(x, x, ORDER)
                    s3 := mulmod(mul(square, x), mul(square, square), ORDER)
                }
                {
                    let x := add(s4, mload(add(at, 0x80)))
                    let square := mulmod(x, x, ORDER)
                    s4 := mulmod(mul(square, x), mul(square, square), ORDER)
                }
                {
                    let x := add(s5, mload(add(at, 0xa0)))
                    let square := mulmod(x, x, ORDER)
                    s5 := mulmod(mul(square, x), mul(square, square), ORDER)
                }
                {
                    let x := add(s6, mload(add(at, 0xc0)))
                    let square := mulmod(x, x, ORDER)
                    s6 := mulmod(mul(square, x), mul(square, square), ORDER)
                }
                {
                    let x := add(s7, mload(add(at, 0xe0)))
                    let square := mulmod(x, x, ORDER)
                    s7 := mulmod(mul(square, x), mul(square, square), ORDER)
                }
                at := add(at, 0x100)
            }
            mstore(state, s0)
            mstore(add(state, 0x20), s1)
            mstore(add(state, 0x40), s2)
            mstore(add(state, 0x60), s3)
            mstore(add(state, 0x80), s4)
            mstore(add(state, 0xa0), s5)
            mstore(add(state, 0xc0), s6)
            mstore(add(state, 0xe0), s7)
        }
    }

    /// @dev Packs the first four cells as four big-endian limbs, reduced.
    function _digest(uint256[8] memory state) private pure returns (bytes32) {
        return bytes32(
            ((state[0] % ORDER) << 192) | ((state[1] % ORDER) << 128) | ((state[2] % ORDER) << 64) | (state[3] % ORDER)
        );
    }
}
