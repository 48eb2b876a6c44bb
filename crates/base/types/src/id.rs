//! Names of things: field digests, byte hashes, addresses.

use crate::encode::{Decode, DecodeError, Encode, Reader, Sink};
use std::fmt;

/// The Goldilocks prime, 2^64 - 2^32 + 1.
pub const GOLDILOCKS: u64 = 0xffff_ffff_0000_0001;

/// The text is not a value of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 0x and the right number of hexadecimal digits, or a decimal number in range")]
pub struct ParseError;

fn hex_into(text: &str, out: &mut [u8]) -> Result<(), ParseError> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    if digits.len() != out.len() * 2 {
        return Err(ParseError);
    }
    for (byte, pair) in out.iter_mut().zip(digits.chunks(2)) {
        let mut value = 0;
        for digit in pair {
            let digit = char::from(*digit).to_digit(16).ok_or(ParseError)?;
            value = value * 16 + digit;
        }
        *byte = u8::try_from(value).map_err(|_| ParseError)?;
    }
    Ok(())
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("0x")?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

macro_rules! text_and_json {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(input)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Four canonical Goldilocks elements: the output of Poseidon2.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest([u64; 4]);

impl Digest {
    /// The digest of nothing: an empty tree, an absent parent.
    pub const ZERO: Self = Self([0; 4]);

    /// Takes four limbs, refusing any that is not below the prime.
    pub fn new(limbs: [u64; 4]) -> Option<Self> {
        limbs.iter().all(|limb| *limb < GOLDILOCKS).then_some(Self(limbs))
    }

    /// Returns the limbs, the most significant first.
    pub const fn limbs(&self) -> [u64; 4] {
        self.0
    }

    /// Returns 32 big-endian bytes.
    pub fn to_be_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, limb) in bytes.chunks_mut(8).zip(self.0) {
            chunk.copy_from_slice(&limb.to_be_bytes());
        }
        bytes
    }

    /// Reads 32 big-endian bytes, refusing limbs that are not below the prime.
    pub fn from_be_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let mut limbs = [0; 4];
        for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks(8)) {
            *limb = chunk.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        }
        Self::new(limbs)
    }

    /// Returns bit `depth` counted from the most significant: the way to go at that depth of the tree.
    pub fn bit(&self, depth: usize) -> bool {
        self.0[depth / 64] >> (63 - depth % 64) & 1 == 1
    }
}

impl Encode for Digest {
    fn encode(&self, out: &mut dyn Sink) {
        self.0.iter().for_each(|limb| out.felt(*limb));
    }
}

impl Decode for Digest {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self([input.felt()?, input.felt()?, input.felt()?, input.felt()?]))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.to_be_bytes())
    }
}

impl std::str::FromStr for Digest {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut bytes = [0; 32];
        hex_into(text, &mut bytes)?;
        Self::from_be_bytes(&bytes).ok_or(ParseError)
    }
}

text_and_json!(Digest);

macro_rules! digest_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Digest);

        impl Encode for $name {
            fn encode(&self, out: &mut dyn Sink) {
                self.0.encode(out);
            }
        }

        impl Decode for $name {
            fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self(Digest::decode(input)?))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                text.parse().map(Self)
            }
        }

        text_and_json!($name);
    };
}

digest_id!(
    /// An account: the digest of its public key, or of the thing that owns it.
    AccountId
);
digest_id!(
    /// An asset: an L1 token, or one half of a tally.
    AssetId
);
digest_id!(
    /// A tally: the digest of its terms.
    TallyId
);
digest_id!(
    /// A task: the digest of the transaction that submitted it.
    TaskId
);
digest_id!(
    /// An offer: the digest of the transaction that made it.
    OfferId
);
digest_id!(
    /// A transaction: the digest of what its sender signed.
    TransactionId
);

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $count:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $count]);

        impl $name {
            /// All bytes zero.
            pub const ZERO: Self = Self([0; $count]);
        }

        impl Encode for $name {
            fn encode(&self, out: &mut dyn Sink) {
                out.fixed(&self.0);
            }
        }

        impl Decode for $name {
            fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self(input.fixed()?))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                let mut bytes = [0; $count];
                hex_into(text, &mut bytes)?;
                Ok(Self(bytes))
            }
        }

        text_and_json!($name);
    };
}

byte_id!(
    /// A keccak-256 hash, or a word as the base chain sees it.
    Bytes32,
    32
);
byte_id!(
    /// Content: the SHA-256 of its bytes.
    ContentId,
    32
);
byte_id!(
    /// An address on the base chain; zero stands for ETH where a token is meant.
    EthAddress,
    20
);
byte_id!(
    /// A signature of the account scheme: a commitment, then a response.
    Signature,
    80
);

macro_rules! elements {
    ($(#[$doc:meta])* $name:ident, $count:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name([u64; $count]);

        impl $name {
            /// Takes limbs, refusing any that is not below the prime.
            pub fn new(limbs: [u64; $count]) -> Option<Self> {
                limbs.iter().all(|limb| *limb < GOLDILOCKS).then_some(Self(limbs))
            }

            /// Returns the limbs.
            pub const fn limbs(&self) -> &[u64; $count] {
                &self.0
            }
        }

        impl Encode for $name {
            fn encode(&self, out: &mut dyn Sink) {
                self.0.iter().for_each(|limb| out.felt(*limb));
            }
        }

        impl Decode for $name {
            fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let mut limbs = [0; $count];
                for limb in &mut limbs {
                    *limb = input.felt()?;
                }
                Ok(Self(limbs))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.to_bytes())
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                let mut bytes = [0; 8 * $count];
                hex_into(text, &mut bytes)?;
                Self::from_bytes(&bytes).map_err(|_| ParseError)
            }
        }

        text_and_json!($name);
    };
}

elements!(
    /// A point of the curve of account keys, as its one field element: five canonical Goldilocks elements, the constant
    /// coefficient first. Whether there is such a point is for the signature scheme to say.
    EncodedPoint,
    5
);
elements!(
    /// An action as the base chain is given it: the elements that it is hashed as, and zeros behind them. Whether they are
    /// an action is for the rules to say.
    ActionElements,
    14
);

impl EncodedPoint {
    /// The neutral point, which is nobody's key.
    pub const NEUTRAL: Self = Self([0; 5]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limb_at_the_prime_is_refused() {
        assert_eq!(Digest::new([GOLDILOCKS, 0, 0, 0]), None);
        assert_eq!(Digest::from_be_bytes(&[0xff; 32]), None);
        assert_eq!(Digest::from_bytes(&[0xff; 32]), Err(DecodeError::Range));
        assert_eq!(EncodedPoint::new([0, 0, 0, 0, GOLDILOCKS]), None);
        assert_eq!(EncodedPoint::from_bytes(&[0xff; 40]), Err(DecodeError::Range));
        assert!(format!("0x{}", "ff".repeat(40)).parse::<EncodedPoint>().is_err());
        assert_eq!(ActionElements::new([GOLDILOCKS; 14]), None);
    }

    #[test]
    fn text_and_bytes_read_back() {
        let digest = Digest::new([1, 2, 3, GOLDILOCKS - 1]).unwrap();
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(Digest::from_bytes(&digest.to_bytes()), Ok(digest));
        assert_eq!(digest.to_bytes(), digest.to_be_bytes());
        let point = EncodedPoint::new([1, 2, 3, 4, GOLDILOCKS - 1]).unwrap();
        assert_eq!(point.to_string().parse(), Ok(point));
        assert_eq!(EncodedPoint::from_bytes(&point.to_bytes()), Ok(point));
        assert_eq!(point.to_elements(), point.limbs());
        let action = ActionElements::new([GOLDILOCKS - 1; 14]).unwrap();
        assert_eq!(action.to_string().parse(), Ok(action));
        assert_eq!(ActionElements::from_bytes(&action.to_bytes()), Ok(action));
        assert_eq!(action.to_elements(), action.limbs());
        assert_eq!(EthAddress([7; 20]).to_string().parse(), Ok(EthAddress([7; 20])));
        assert!("0x12".parse::<Bytes32>().is_err());
        assert!(format!("0x{}", "zz".repeat(32)).parse::<Bytes32>().is_err());
    }

    #[test]
    fn bits_run_from_the_most_significant() {
        let digest = Digest::new([1 << 63, 1, 0, 0]).unwrap();
        assert!(digest.bit(0) && !digest.bit(1) && digest.bit(127) && !digest.bit(255));
    }
}
