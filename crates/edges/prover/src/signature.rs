//! Rows of the signature and multiplication tables.

use crate::hashes::{Hashes, felts};
use crypto::schnorr::{Limbs, ORDER, SIGNATURE_BYTES, coordinates, parts};
use p3_field::{Field as _, PrimeCharacteristicRing as _};
use proof::circuit::curve::{self, BITS, Point, Quintic, coefficients, quintic};
use proof::circuit::{F, MULTIPLY_ROWS, Multiply, Signature};
use types::Digest;

/// A number of 384 bits, the least significant limb first.
type Wide = [u64; 6];

/// What is recorded of signatures.
pub struct Signatures {
    pub rows: Vec<F>,
    pub steps: Vec<F>,
    pub base_uses: Vec<u64>,
    count: usize,
}

impl Default for Signatures {
    fn default() -> Self {
        Self { rows: Vec::new(), steps: Vec::new(), base_uses: vec![0; curve::BASE_POINTS], count: 0 }
    }
}

/// What a row is made of.
struct Parts {
    key: Limbs,
    commitment: Limbs,
    response: Limbs,
    message: Digest,
    hash: Digest,
    sponge: u64,
    used: bool,
}

impl Signatures {
    /// Records a signature that was checked before.
    pub fn add(&mut self, hashes: &mut Hashes, key: &Limbs, message: &Digest, signature: &[u8; SIGNATURE_BYTES]) {
        let (commitment, response) = parts(signature).expect("the signature was checked");
        let hashed = [commitment.as_slice(), key, &message.limbs()].concat();
        let sponge = hashes.sponge(crypto::Domain::Challenge, &hashed);
        self.put(&Parts {
            key: *key,
            commitment,
            response,
            message: *message,
            hash: sponge.digest,
            sponge: sponge.name,
            used: true,
        });
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Adds unused ones: the generator as key and commitment, and whatever comes of them.
    pub fn pad(&mut self, count: usize) {
        let generator = [4, 0, 0, 0, 0];
        while self.count < count {
            self.put(&Parts {
                key: generator,
                commitment: generator,
                response: [1, 0, 0, 0, 0],
                message: Digest::ZERO,
                hash: Digest::ZERO,
                sponge: 0,
                used: false,
            });
        }
    }

    fn put(&mut self, of: &Parts) {
        self.count += 1;
        let [low, high, ..] = of.hash.limbs();
        let words = [high >> 32, high & 0xffff_ffff, low >> 32, low & 0xffff_ffff];
        let decoded = |limbs: &Limbs| coordinates(limbs).expect("the signature was checked");
        let (key, commitment) = (decoded(&of.key), decoded(&of.commitment));
        let key_point = Point::from(&key);
        let (twice_slope, twice) = key_point.double();
        let (thrice_slope, thrice) = twice.plus(&key_point);
        let (end_slope, end) = curve::end().plus(&Point::from(&commitment));
        let below = |half: usize| F::from_u64(words[2 * half]) - F::from_u32(u32::MAX);
        let cells = |limbs: &Limbs| limbs.map(F::from_u64);
        Signature {
            used: F::from_bool(of.used),
            key: cells(&of.key),
            message: felts(&of.message),
            commitment: cells(&of.commitment),
            key_x: cells(&key.x),
            key_root: cells(&key.root),
            twice_slope: coefficients(&twice_slope),
            twice_x: coefficients(&twice.x),
            thrice_slope: coefficients(&thrice_slope),
            thrice_x: coefficients(&thrice.x),
            commitment_x: cells(&commitment.x),
            commitment_root: cells(&commitment.root),
            end_slope: coefficients(&end_slope),
            end_x: coefficients(&end.x),
            words: words.map(F::from_u64),
            full: [0, 1].map(|half| F::from_bool(below(half) == F::ZERO)),
            full_inverse: [0, 1].map(|half| below(half).try_inverse().unwrap_or_default()),
            hash: felts(&of.hash),
            sponge: F::from_u64(of.sponge),
        }
        .put(&mut self.rows);
        self.multiply(of, words, [key_point, thrice]);
    }

    /// Records the multiplication, two bits in each row.
    fn multiply(&mut self, of: &Parts, words: [u64; 4], [key, thrice]: [Point; 2]) {
        let response = signed_bits(&of.response);
        let bit_of = |bits: &[u64], bit: usize| bits[bit / 64] >> (bit % 64) & 1;
        let challenge = [words[2] << 32 | words[3], words[0] << 32 | words[1]];
        let (mut sum, mut word) = (*curve::start(), 0);
        for row in 0..MULTIPLY_ROWS {
            let bit = BITS - 2 - 2 * row;
            let (high, low) = (bit_of(&challenge, bit + 1), bit_of(&challenge, bit));
            word = if row % (MULTIPLY_ROWS / 4) == 0 { 0 } else { 4 * word } + 2 * high + low;
            let index = (0..3).map(|third| {
                let at = third * BITS + bit;
                (2 * bit_of(&response, at + 1) + bit_of(&response, at)) << (2 * third)
            });
            let index = usize::try_from(index.sum::<u64>()).expect("six bits");
            self.base_uses[index] += 1;
            let base = curve::base()[index];
            let multiple = if high == low { thrice } else { key };
            let addend = if high == 1 { multiple.negate() } else { multiple };

            let (slope_a, a) = sum.double();
            let (slope_b, b) = a.double();
            let (slope_c, c) = b.plus(&base);
            let (slope_d, d) = c.plus(&addend);
            let all = |values: [Quintic; 4]| values.map(|value| coefficients(&value));
            Multiply {
                used: F::from_bool(of.used),
                ends: F::from_bool(of.used && row + 1 == MULTIPLY_ROWS),
                key_x: coefficients(&key.x),
                key_y: coefficients(&key.y),
                thrice_x: coefficients(&thrice.x),
                thrice_y: coefficients(&thrice.y),
                words: words.map(F::from_u64),
                word: F::from_u64(word),
                high: F::from_u64(high),
                low: F::from_u64(low),
                thrice: F::from_bool(high == low),
                x: coefficients(&sum.x),
                y: coefficients(&sum.y),
                slopes: all([slope_a, slope_b, slope_c, slope_d]),
                steps: all([a.x, b.x, c.x, d.x]),
                base_x: coefficients(&base.x),
                base_y: coefficients(&base.y),
            }
            .put(&mut self.steps);
            sum = d;
        }
        debug_assert!(!of.used || quintic(&of.commitment) != Quintic::ZERO);
    }
}

/// Returns the bits whose signed sum is the number, which is first made odd by adding the order: where a bit is one its
/// power of two is added, where it is zero subtracted.
fn signed_bits(number: &Limbs) -> Wide {
    let mut odd: Wide = [number[0], number[1], number[2], number[3], number[4], 0];
    if odd[0] & 1 == 0 {
        let mut carry = false;
        for (limb, order) in odd.iter_mut().zip(ORDER.into_iter().chain([0])) {
            (*limb, carry) = limb.carrying_add(order, carry);
        }
    }
    // The sum of all signed powers below 2^384 is twice the bits plus one less 2^384: the bits are half of the number
    // plus 2^384, the lowest bit left out.
    let mut bits = [0; 6];
    for (at, bit) in bits.iter_mut().enumerate() {
        let above = odd.get(at + 1).copied().unwrap_or(1);
        *bit = odd[at] >> 1 | above << 63;
    }
    bits
}
