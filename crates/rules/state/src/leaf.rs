//! Typed leaves.

use crypto::{Domain, poseidon};
use types::{Decode, Digest, Encode, record};

/// A kind of leaf: which key it has, which value, and the number that keeps its keys apart from other kinds'.
pub trait Leaf {
    /// What the leaf is found by.
    type Key: Encode + Decode;
    /// What the leaf holds.
    type Value: Encode + Decode;
    /// Unique among kinds.
    const NUMBER: u8;
}

record! {
    /// A leaf as it is stored. The digests are stored beside the bytes, so that a restart need not know the types.
    pub struct LeafRecord {
        /// Where the leaf stands in the tree: the digest of its key.
        pub path: Digest,
        /// The digest of its value.
        pub value_digest: Digest,
        /// The value's canonical bytes.
        pub value: Box<[u8]>,
    }
}

impl LeafRecord {
    /// Reads a leaf of one kind from its key's bytes, after the kind's number, and its value's bytes. Total.
    pub fn read<L: Leaf>(key: &[u8], value: &[u8]) -> Option<Self> {
        let key = L::Key::from_bytes(key).ok()?;
        let value = L::Value::from_bytes(value).ok()?;
        Some(record_of::<L>(&key, &value))
    }
}

record! {
    /// One leaf's new record, or its removal.
    pub struct LeafChange {
        /// The kind's number and the key's canonical bytes.
        pub key: Box<[u8]>,
        /// What stands there now.
        pub record: Option<LeafRecord>,
    }
}

/// Declares a kind of leaf.
#[macro_export]
macro_rules! leaf {
    ($(#[$doc:meta])* pub $name:ident = $number:literal: $key:ty => $value:ty) => {
        $(#[$doc])*
        pub enum $name {}

        impl $crate::Leaf for $name {
            type Key = $key;
            type Value = $value;
            const NUMBER: u8 = $number;
        }
    };
}

pub(crate) fn key_bytes<L: Leaf>(key: &L::Key) -> Vec<u8> {
    let mut bytes = vec![L::NUMBER];
    bytes.extend(key.to_bytes());
    bytes
}

pub(crate) fn path_of<L: Leaf>(key: &L::Key) -> Digest {
    let mut elements = vec![u64::from(L::NUMBER)];
    elements.extend(key.to_elements());
    poseidon::hash(Domain::Key, &elements)
}

pub(crate) fn value_digest(value: &impl Encode) -> Digest {
    poseidon::hash_of(Domain::Value, value)
}

pub(crate) fn record_of<L: Leaf>(key: &L::Key, value: &L::Value) -> LeafRecord {
    LeafRecord {
        path: path_of::<L>(key),
        value_digest: value_digest(value),
        value: value.to_bytes().into_boxed_slice(),
    }
}

pub(crate) fn decode_value<L: Leaf>(record: &LeafRecord) -> L::Value {
    L::Value::from_bytes(&record.value).expect("a value was written by its own encoder")
}
