//! Schnorr signatures over ecGFp5 with Poseidon2.
//!
//! A key is `Q = d G`. A signature of a message digest is the commitment `R = k G`, in 40 bytes, and the response
//! `s = k + e d` modulo the order, in 40 bytes. The challenge `e` is `2 h + 1 - 2^128` for the number `h = h0 + 2^64 h1` of
//! the first two limbs of the Poseidon2 hash of `R`, `Q` and the message: the sum of the powers of two below 2^128, each
//! with the sign that a bit of `h` gives it, so that a circuit adds or subtracts at every bit and never has to skip. It holds when `s G = R + e Q`. Points are their five coefficients of
//! y/x from z^0 on, eight big-endian bytes each and below the prime; scalars are 40 big-endian bytes, below the order. What
//! is written another way is refused, and so is the neutral point as `Q` or `R`. So a signature has one spelling.
//!
//! Setting: anybody may ask the holder of a key for signatures of messages of their choice, and wants one of a message that
//! was not asked for, under that key. That it costs about 2^128 assumes that discrete logarithms in the group cost that
//! much, and that Poseidon2 behaves as a random function here. The challenge has 128 bits because a circuit then doubles
//! half as often. That suffices: what a forger needs of the hash are preimages that begin with a random commitment, not
//! collisions (Neven, Smart, Warinschi, "Hash function requirements for Schnorr signatures", 2009). What it gives away:
//! whoever holds a key can, with 2^64 hashes, make one signature that holds for two messages. Both are then signed by its
//! holder, who could have signed each of them anyway.
//!
//! What leaks: nothing by time or by places in memory while a key is made and used. Copies of secrets that the compiler
//! leaves in registers and on the stack are not wiped. Nonces are derived and not drawn, so a machine that can be made
//! to err while it signs one message twice gives its key away.

mod coordinates;

pub use coordinates::{Coordinates, ORDER, coordinates, parts};

use crate::ecgfp5::{Element, Factor, Point, Scalar, generator_times, generator_times_secret, sum_of_multiples};
use crate::{Domain, Secret, eth, poseidon};
use sha2::{Digest as _, Sha512};
use types::{Digest, EncodedPoint};

/// A public key or a commitment: its field element's coefficients.
pub type Limbs = [u64; 5];

/// Bytes of an encoded point, and of an encoded scalar.
pub const PART_BYTES: usize = 40;
/// Bytes of a signature: a point, then a scalar.
pub const SIGNATURE_BYTES: usize = 2 * PART_BYTES;

/// Fewer claims than this are checked one by one.
const BATCH_MIN: usize = 2;

/// A secret key with its public key. Wiped when dropped.
pub struct SigningKey {
    secret: Secret<Scalar>,
    public: Limbs,
}

impl SigningKey {
    /// Derives a key from 32 secret bytes: SHA-512 of them under a tag, modulo the order.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let secret = secret_scalar(b"talea account scalar v1", &[seed]);
        let public = generator_times_secret(secret.expose_secret()).encode().limbs();
        Self { secret, public }
    }

    /// Returns the public key.
    pub fn public(&self) -> EncodedPoint {
        EncodedPoint::new(self.public).expect("a field element has canonical limbs")
    }

    /// Returns the secret scalar's bytes.
    pub fn to_bytes(&self) -> Secret<[u8; PART_BYTES]> {
        Secret::new(self.secret.expose_secret().to_be_bytes())
    }

    /// Returns the two limbs of the hash of which the challenge of this key's signature of a message is made, the least
    /// significant first. Part of the golden vectors.
    pub fn challenge_of(&self, message: &Digest) -> [u64; 2] {
        let signature = self.sign(message);
        let hashed = hashed(&limbs_of(&signature[..PART_BYTES]), &self.public, message);
        let [low, high, ..] = poseidon::hash(Domain::Challenge, &hashed).limbs();
        [low, high]
    }

    /// Signs a message. Deterministic: the nonce is SHA-512 of the secret, the public key and the message, modulo the order.
    pub fn sign(&self, message: &Digest) -> [u8; SIGNATURE_BYTES] {
        let key = self.to_bytes();
        let parts: [&[u8]; 3] = [key.expose_secret(), &bytes_of(&self.public), &message.to_be_bytes()];
        let nonce = secret_scalar(b"talea schnorr nonce v1", &parts);
        let commitment = generator_times_secret(nonce.expose_secret()).encode().limbs();
        let challenge = challenge(&commitment, &self.public, message);
        let product = Secret::new(self.secret.expose_secret().times(&challenge.scalar()));
        let response = nonce.expose_secret().plus(product.expose_secret());
        let mut signature = [0; SIGNATURE_BYTES];
        signature[..PART_BYTES].copy_from_slice(&bytes_of(&commitment));
        signature[PART_BYTES..].copy_from_slice(&response.to_be_bytes());
        signature
    }
}

/// Hashes secrets into a scalar other than zero. 512 bits are reduced, so that what is near uniform stays so.
fn secret_scalar(tag: &[u8], parts: &[&[u8]]) -> Secret<Scalar> {
    for count in 0..=u8::MAX {
        let mut hasher = Sha512::new_with_prefix(tag);
        hasher.update([count]);
        parts.iter().for_each(|part| hasher.update(part));
        let wide = Secret::new(hasher.finalize().into());
        let scalar = Secret::new(Scalar::from_wide_bytes(wide.expose_secret()));
        if !scalar.expose_secret().is_zero() {
            return scalar;
        }
    }
    unreachable!("256 hashes are not all multiples of the order")
}

/// A challenge: an odd number between -2^128 and 2^128.
#[derive(Clone, Copy)]
struct Challenge {
    magnitude: [u64; 2],
    negative: bool,
}

impl Challenge {
    fn of(digest: &Digest) -> Self {
        let [low, high, ..] = digest.limbs();
        let negative = high >> 63 == 0;
        let [first, second] = [low << 1 | 1, high << 1 | low >> 63];
        // Twice the number and one more, less 2^128: what is left of 2^128 when it is negative. The first limb is odd, so
        // that nothing carries into the second.
        let magnitude = if negative { [first.wrapping_neg(), !second] } else { [first, second] };
        Self { magnitude, negative }
    }

    fn scalar(&self) -> Scalar {
        let [low, high] = self.magnitude;
        let magnitude = Scalar::from_limbs([low, high, 0, 0, 0]);
        if self.negative { magnitude.negate() } else { magnitude }
    }

    /// Returns the point whose multiple by the magnitude is the negative of the challenge's.
    fn against(&self, point: &Point) -> Point {
        if self.negative { *point } else { point.negate() }
    }
}

fn challenge(commitment: &Limbs, key: &Limbs, message: &Digest) -> Challenge {
    Challenge::of(&poseidon::hash(Domain::Challenge, &hashed(commitment, key, message)))
}

fn hashed(commitment: &Limbs, key: &Limbs, message: &Digest) -> Vec<u64> {
    [commitment.as_slice(), key, &message.limbs()].concat()
}

fn bytes_of(limbs: &Limbs) -> [u8; PART_BYTES] {
    let mut bytes = [0; PART_BYTES];
    for (chunk, limb) in bytes.chunks_exact_mut(8).zip(limbs) {
        chunk.copy_from_slice(&limb.to_be_bytes());
    }
    bytes
}

fn limbs_of(bytes: &[u8]) -> Limbs {
    let mut limbs = [0; 5];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = chunk.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    }
    limbs
}

/// Says whether the limbs are a public key: canonical, a point, and not the neutral one.
pub fn is_key(key: &Limbs) -> bool {
    not_neutral(*key).and_then(Point::decode).is_some()
}

/// Reads canonical limbs of what is not the neutral point.
fn not_neutral(limbs: Limbs) -> Option<Element> {
    Element::new(limbs).filter(|element| *element != Element::ZERO)
}

/// That a signature is this key's on this message.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    /// The public key.
    pub key: &'a Limbs,
    /// What was signed.
    pub message: &'a Digest,
    /// The signature.
    pub signature: &'a [u8; SIGNATURE_BYTES],
}

/// A claim whose parts are canonical and not the neutral point. Whether there are such points is not known yet.
struct Read {
    key: Element,
    commitment: Element,
    response: Scalar,
}

impl Claim<'_> {
    fn read(&self) -> Option<Read> {
        let (commitment, response) = self.signature.split_at(PART_BYTES);
        let response = Scalar::from_be_bytes(response.try_into().ok()?)?;
        Some(Read { key: not_neutral(*self.key)?, commitment: not_neutral(limbs_of(commitment))?, response })
    }

    fn hashed(&self) -> Vec<u64> {
        hashed(&limbs_of(&self.signature[..PART_BYTES]), self.key, self.message)
    }

    /// Says whether the claim is true. In variable time; any bytes give an answer.
    pub fn holds(&self) -> bool {
        let Some(Read { key, commitment, response }) = self.read() else { return false };
        let Some(key) = Point::decode(key) else { return false };
        let challenge = Challenge::of(&poseidon::hash(Domain::Challenge, &self.hashed()));
        holds(&key, commitment, &response, challenge)
    }
}

/// Computes the commitment from the rest: nobody has to find the point that its bytes name.
fn holds(key: &Point, commitment: Element, response: &Scalar, challenge: Challenge) -> bool {
    let [low, high] = challenge.magnitude;
    let product = sum_of_multiples(&[(challenge.against(key), [low, high, 0, 0])]);
    generator_times(response).add(&product).is_encoded_as(commitment)
}

/// What a claim says of points that exist.
struct Equation<'a> {
    /// Where the claim stands among the others.
    at: usize,
    read: &'a Read,
    key: Point,
    commitment: Point,
    challenge: Challenge,
}

/// Says of each claim whether it is true: what [`Claim::holds`] says, for less than half the work where all are true.
///
/// A sum of all equations, each times a weight that nobody knew while the claims were made, holds when every one holds.
/// Where one does not, the sum holds for one of 2^128 choices of its weight (Bellare, Garay, Rabin, 1998). The weights are
/// hashed from all claims, so that whoever tries many claims hashes as often. When the sum does not hold, every claim
/// is checked by itself. The order is prime, so that no small factor of it sets the two ways apart.
pub fn check_all(claims: &[Claim<'_>]) -> Vec<bool> {
    if claims.len() < BATCH_MIN {
        return claims.iter().map(Claim::holds).collect();
    }
    let read: Vec<(usize, Read)> =
        claims.iter().enumerate().filter_map(|(at, claim)| Some((at, claim.read()?))).collect();
    let equations = equations(claims, &read);
    let hold_together = sum_is_neutral(claims, &equations);
    let mut answers = vec![false; claims.len()];
    for Equation { at, read, key, challenge, .. } in &equations {
        answers[*at] = hold_together || holds(key, read.commitment, &read.response, *challenge);
    }
    answers
}

/// Finds the points and the challenges of all claims, and leaves out those whose points do not exist.
fn equations<'a>(claims: &[Claim<'_>], read: &'a [(usize, Read)]) -> Vec<Equation<'a>> {
    let encoded: Vec<Element> = read.iter().flat_map(|(_, read)| [read.key, read.commitment]).collect();
    let points = Point::decode_all(&encoded);
    let hashed: Vec<_> = read.iter().map(|(at, _)| (Domain::Challenge, claims[*at].hashed())).collect();
    let challenges = poseidon::hash_all(&hashed);
    let (pairs, _) = points.as_chunks::<2>();
    let found = read.iter().zip(pairs).zip(&challenges).filter_map(|(((at, read), [key, commitment]), challenge)| {
        let (key, commitment) = ((*key)?, (*commitment)?);
        Some(Equation { at: *at, read, key, commitment, challenge: Challenge::of(challenge) })
    });
    found.collect()
}

/// Says whether the weighted sum of all equations holds.
fn sum_is_neutral(claims: &[Claim<'_>], equations: &[Equation<'_>]) -> bool {
    let mut weights = Weights::new(claims);
    let mut responses = Scalar::ZERO;
    // The short factors first: terms of a length are summed together.
    let (mut terms, mut long) = (Vec::with_capacity(2 * equations.len()), Vec::with_capacity(equations.len()));
    for Equation { read, key, commitment, challenge, .. } in equations {
        let [low, high] = weights.next();
        responses = responses.plus(&read.response.times(&Scalar::from_limbs([low, high, 0, 0, 0])));
        terms.push((commitment.negate(), [low, high, 0, 0]));
        long.push((challenge.against(key), product([low, high], challenge.magnitude)));
    }
    terms.append(&mut long);
    generator_times(&responses).add(&sum_of_multiples(&terms)).is_neutral()
}

/// Multiplies two numbers of 128 bits.
fn product(a: [u64; 2], b: [u64; 2]) -> Factor {
    let (first, carry) = a[0].carrying_mul(b[0], 0);
    let (second, third) = a[0].carrying_mul(b[1], carry);
    let (second, carry) = a[1].carrying_mul_add(b[0], second, 0);
    let (third, fourth) = a[1].carrying_mul_add(b[1], third, carry);
    [first, second, third, fourth]
}

/// The weights of a batch, one after the other.
struct Weights {
    seed: types::Bytes32,
    count: u64,
}

impl Weights {
    fn new(claims: &[Claim<'_>]) -> Self {
        let mut bytes = Vec::with_capacity(claims.len() * (2 * PART_BYTES + SIGNATURE_BYTES));
        for claim in claims {
            bytes.extend(bytes_of(claim.key));
            bytes.extend(claim.message.to_be_bytes());
            bytes.extend(claim.signature);
        }
        Self { seed: eth::keccak(&[b"talea schnorr batch v1", &bytes]), count: 0 }
    }

    fn next(&mut self) -> [u64; 2] {
        let hash = eth::keccak(&[&self.seed.0, &self.count.to_be_bytes()]);
        self.count += 1;
        let [low, high, ..] = limbs_of(&[hash.0.as_slice(), &[0; 8]].concat());
        [low, high]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use types::GOLDILOCKS;

    fn message(number: u64) -> Digest {
        poseidon::hash(Domain::Transaction, &[number])
    }

    fn holds(key: &Limbs, message: &Digest, signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let claim = Claim { key, message, signature };
        let one = claim.holds();
        let honest = SigningKey::from_seed(&[9; 32]);
        let (beside, honest) = (honest.sign(message), honest.public());
        // A batch must say the same, and must not doubt its honest neighbour.
        let batch = [claim, Claim { key: honest.limbs(), message, signature: &beside }];
        assert_eq!(check_all(&batch), [one, true]);
        assert_eq!(check_all(&[claim]), [one]);
        one
    }

    #[test]
    fn a_signature_holds_for_its_key_and_message_only() {
        let key = SigningKey::from_seed(&[1; 32]);
        let signature = key.sign(&message(1));
        assert_eq!(signature, SigningKey::from_seed(&[1; 32]).sign(&message(1)));
        assert_ne!(signature[..PART_BYTES], key.sign(&message(2))[..PART_BYTES], "no nonce is used twice");
        assert!(holds(key.public().limbs(), &message(1), &signature));
        assert!(!holds(key.public().limbs(), &message(2), &signature));
        assert!(!holds(SigningKey::from_seed(&[2; 32]).public().limbs(), &message(1), &signature));
    }

    #[test]
    fn a_challenge_is_the_sum_of_its_signed_bits() {
        for [low, high] in [[0, 0], [1, 0], [5, 1 << 63], [GOLDILOCKS - 1, GOLDILOCKS - 1], [0, 1 << 63]] {
            let challenge = Challenge::of(&Digest::new([low, high, 0, 0]).unwrap());
            let two_to = |bit: usize| {
                let mut limbs = [0; 5];
                limbs[bit / 64] = 1 << (bit % 64);
                Scalar::from_limbs(limbs)
            };
            let mut sum = Scalar::ZERO;
            for bit in 0..128 {
                let set = [low, high][bit / 64] >> (bit % 64) & 1 == 1;
                sum = sum.plus(&if set { two_to(bit) } else { two_to(bit).negate() });
            }
            assert_eq!(challenge.scalar().limbs(), sum.limbs(), "{low} {high}");
        }
    }

    #[test]
    fn a_change_of_any_byte_is_noticed() {
        let key = SigningKey::from_seed(&[1; 32]);
        let signature = key.sign(&message(1));
        for at in 0..SIGNATURE_BYTES {
            for bit in [1, 0x80] {
                let mut bad = signature;
                bad[at] ^= bit;
                assert!(!holds(key.public().limbs(), &message(1), &bad), "byte {at}");
            }
        }
    }

    /// Adds n, of 40 big-endian bytes, or the prime to a limb: another spelling of the same number.
    fn plus(bytes: &mut [u8], number: &[u8]) {
        let mut carry = 0;
        for (byte, add) in bytes.iter_mut().zip(number).rev() {
            let sum = u16::from(*byte) + u16::from(*add) + carry;
            *byte = u8::try_from(sum & 0xff).unwrap();
            carry = sum >> 8;
        }
        assert_eq!(carry, 0, "the sum fits");
    }

    #[test]
    fn a_response_of_the_order_or_more_is_refused() {
        let order: Vec<u8> = "7ffffffd800000077ffffff1000000167fffffe6cfb80639e8885c39d724a09ce80fd996948bffe1"
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        let key = SigningKey::from_seed(&[1; 32]);
        let mut signature = key.sign(&message(1));
        plus(&mut signature[PART_BYTES..], &order);
        assert!(!holds(key.public().limbs(), &message(1), &signature));
    }

    #[test]
    fn limbs_that_are_not_canonical_are_refused() {
        // A small limb is rare, so the prime is added to a point that has one: the generator is encoded as 4, 0, 0, 0, 0.
        let four = [4, 0, 0, 0, 0];
        assert!(is_key(&four));
        for at in 0..5 {
            let mut limbs = four;
            limbs[at] += GOLDILOCKS;
            assert!(!is_key(&limbs));
            let mut signature = SigningKey::from_seed(&[1; 32]).sign(&message(1));
            signature[..PART_BYTES].copy_from_slice(&bytes_of(&limbs));
            assert!(!holds(SigningKey::from_seed(&[1; 32]).public().limbs(), &message(1), &signature));
        }
    }

    /// With the secret one, the key is the generator; a commitment that is no point, or neutral, cannot be helped by any
    /// response, and a neutral key would make every response right.
    #[test]
    fn the_neutral_element_and_what_is_no_element_are_refused() {
        let one = Scalar::from_limbs([1, 0, 0, 0, 0]);
        let generator = Point::generator().encode().limbs();
        let sign = |commitment: Limbs, key: &Limbs, secret: &Scalar, nonce: &Scalar| {
            let challenge = challenge(&commitment, key, &message(1));
            let response = nonce.plus(&secret.times(&challenge.scalar()));
            let mut signature = [0; SIGNATURE_BYTES];
            signature[..PART_BYTES].copy_from_slice(&bytes_of(&commitment));
            signature[PART_BYTES..].copy_from_slice(&response.to_be_bytes());
            signature
        };
        assert!(holds(&generator, &message(1), &sign(generator, &generator, &one, &one)));
        // The equation holds for these two, and the encoding is refused.
        let neutral = [0; 5];
        assert!(!holds(&generator, &message(1), &sign(neutral, &generator, &one, &Scalar::ZERO)));
        assert!(!holds(&neutral, &message(1), &sign(generator, &neutral, &Scalar::ZERO, &one)));
        let none = (1..100).map(|limb| [limb, 0, 0, 0, 0]).find(|limbs| !is_key(limbs)).unwrap();
        assert!(!holds(&generator, &message(1), &sign(none, &generator, &one, &one)));
        assert!(!holds(&none, &message(1), &sign(generator, &none, &one, &one)));
    }

    #[test]
    fn a_batch_names_exactly_who_is_bad() {
        let keys: Vec<_> = (0..9).map(|at| SigningKey::from_seed(&[at; 32])).collect();
        let publics: Vec<_> = keys.iter().map(SigningKey::public).collect();
        let messages: Vec<_> = (0..9).map(message).collect();
        let good: Vec<_> = keys.iter().zip(&messages).map(|(key, message)| key.sign(message)).collect();
        let check = |signatures: &[[u8; SIGNATURE_BYTES]]| {
            let claims = publics.iter().zip(&messages).zip(signatures);
            let claims = claims.map(|((key, message), signature)| Claim { key: key.limbs(), message, signature });
            check_all(&claims.collect::<Vec<_>>())
        };
        assert_eq!(check(&good), [true; 9]);
        for bad in 0..9 {
            for byte in [0, PART_BYTES, SIGNATURE_BYTES - 1] {
                let mut signatures = good.clone();
                signatures[bad][byte] ^= 1;
                let expected: Vec<bool> = (0..9).map(|at| at != bad).collect();
                assert_eq!(check(&signatures), expected, "signature {bad}, byte {byte}");
            }
        }
        // Two errors that cancel out without weights.
        let mut signatures = good.clone();
        plus(&mut signatures[2][PART_BYTES..], &[&[0; 39][..], &[1]].concat());
        signatures[5] = keys[5].sign(&messages[4]);
        assert_eq!(check(&signatures), [true, true, false, true, true, false, true, true, true]);
        assert!(check_all(&[]).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn every_signature_holds(seed in any::<[u8; 32]>(), number in any::<u32>()) {
            let key = SigningKey::from_seed(&seed);
            prop_assert!(is_key(key.public().limbs()));
            prop_assert!(holds(key.public().limbs(), &message(number.into()), &key.sign(&message(number.into()))));
        }

        #[test]
        fn factors_of_weights_and_challenges_are_products(a in any::<[u64; 2]>(), b in any::<[u64; 2]>()) {
            let wide = product(a, b);
            let scalar = |limbs: &[u64]| {
                let mut all = [0; 5];
                all[..limbs.len()].copy_from_slice(limbs);
                Scalar::from_limbs(all)
            };
            prop_assert_eq!(scalar(&wide).to_be_bytes(), scalar(&a).times(&scalar(&b)).to_be_bytes());
        }

        #[test]
        fn any_bytes_give_an_answer(key in any::<[u64; 5]>(), bytes in prop::collection::vec(any::<u8>(), 80)) {
            let signature: [u8; SIGNATURE_BYTES] = bytes.try_into().unwrap();
            prop_assert!(!holds(&key, &message(1), &signature));
        }
    }
}
