//! The signature table: one signature in each row.
//!
//! The rule it proves is `crypto::schnorr`: key and commitment are points, encoded the one way; the challenge is the hash of
//! both and of the message; and the response's multiple of the generator is the commitment plus the challenge's multiple
//! of the key. The response itself is nowhere: that there is one is all that matters, and the multiplication table
//! ([`super::multiply`]) has its bits.
//!
//! Unused rows repeat one that satisfies the constraints, and tell nobody.

use super::columns::columns;
use super::curve::{self, At, Five, add, decode, double};
use super::{Bus, Circuit, hash};
use crypto::Domain;
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;

columns! {
    /// A signature.
    pub struct Signature {
        /// One when somebody asked for it.
        pub used: T,
        /// The key as it is encoded.
        pub key: [T; 5],
        /// What was signed.
        pub message: [T; 4],
        /// The commitment as it is encoded.
        pub commitment: [T; 5],
        /// The key's x.
        pub key_x: [T; 5],
        /// A root of it.
        pub key_root: [T; 5],
        /// The slope where the key is doubled.
        pub twice_slope: [T; 5],
        /// The x of twice the key.
        pub twice_x: [T; 5],
        /// The slope where the key is added to that.
        pub thrice_slope: [T; 5],
        /// The x of three times the key.
        pub thrice_x: [T; 5],
        /// The commitment's x.
        pub commitment_x: [T; 5],
        /// A root of it.
        pub commitment_root: [T; 5],
        /// The slope where the commitment is added to what the start has become.
        pub end_slope: [T; 5],
        /// The x of their sum.
        pub end_x: [T; 5],
        /// The challenge in words of 32 bits, the most significant first.
        pub words: [T; 4],
        /// For each half of it, one when its higher word is 2^32-1.
        pub full: [T; 2],
        /// What shows that a higher word is not.
        pub full_inverse: [T; 2],
        /// The hash of commitment, key and message.
        pub hash: [T; 4],
        /// The sponge of the hash.
        pub sponge: T,
    }
}

/// Constrains the rows.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let row = Signature::read(builder.main().current_slice());
    builder.assert_bool(row.used);

    let key = decode(builder, row.key, row.key_x, row.key_root);
    let twice = double(builder, &key, row.twice_slope, row.twice_x);
    let thrice = add(builder, &twice, &key, row.thrice_slope, row.thrice_x);
    let commitment = decode(builder, row.commitment, row.commitment_x, row.commitment_root);
    let end = At { x: Five::constant(&curve::end().x), y: Five::constant(&curve::end().y) };
    let end = add(builder, &end, &commitment, row.end_slope, row.end_x);

    challenge(builder, &row);

    // The multiplication of this key by this challenge, and by some response, ends with the commitment.
    let mut message: Vec<AB::Expr> = Vec::new();
    for point in [&key, &thrice] {
        message.extend(point.x.0.iter().chain(&point.y.0).cloned());
    }
    message.extend(row.words.map(Into::into));
    message.extend(end.x.0.into_iter().chain(end.y.0));
    Bus::Multiply.receive(builder, message, row.used);

    let signed: Vec<AB::Expr> = row.key.into_iter().chain(row.message).map(Into::into).collect();
    Bus::Signed.receive(builder, signed, row.used);
}

/// Constrains the words to be the first two elements of the hash, the second of which is the more significant.
fn challenge<AB: Circuit>(builder: &mut AB, row: &Signature<AB::Var>) {
    let mut hashed: Vec<AB::Expr> = row.commitment.into_iter().chain(row.key).map(Into::into).collect();
    hashed.extend(row.message.map(Into::into));
    hash(builder, Domain::Challenge, &hashed, row.sponge, row.hash.map(Into::into), &row.used.into());
    for half in 0..2 {
        let (high, low) = (row.words[2 * half], row.words[2 * half + 1]);
        builder.assert_eq(row.hash[1 - half], high * AB::Expr::from_u64(1 << 32) + low);
        // An element's one form: below 2^64-2^32+1 the low word is zero when the high one is 2^32-1.
        let (full, below) = (row.full[half], high - AB::Expr::from_u32(u32::MAX));
        builder.assert_bool(full);
        builder.assert_zero(full * below.clone());
        builder.assert_eq(below * row.full_inverse[half], AB::Expr::ONE - full);
        builder.assert_zero(full * low);
    }
}
