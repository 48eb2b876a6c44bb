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
        let value_digest = poseidon::hash_of(Domain::Value, &value);
        Some(Self { path: path_of::<L>(&key), value_digest, value: value.to_bytes().into() })
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

/// A leaf's key as maps hold it, in the order of its bytes: the kind's number, then the key's canonical bytes. The first
/// sixteen stand in the map itself, so that a search hardly ever has to follow a pointer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MapKey {
    head: u128,
    bytes: Box<[u8]>,
}

impl MapKey {
    pub(crate) fn new(bytes: Box<[u8]>) -> Self {
        // Zeros after a short key keep the order: where heads are equal, the bytes decide.
        let mut head = [0; 16];
        let taken = bytes.len().min(head.len());
        head[..taken].copy_from_slice(&bytes[..taken]);
        Self { head: u128::from_be_bytes(head), bytes }
    }

    pub(crate) fn of<L: Leaf>(key: &L::Key) -> Self {
        Self::before::<L>(&key.to_bytes())
    }

    /// Returns the key from which a kind's keys with these bytes at their beginning follow.
    pub(crate) fn before<L: Leaf>(prefix: &[u8]) -> Self {
        Self::new([&[L::NUMBER], prefix].concat().into())
    }

    pub(crate) fn is_of<L: Leaf>(&self) -> bool {
        self.bytes.first() == Some(&L::NUMBER)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Box<[u8]> {
        self.bytes
    }
}

/// Returns where a leaf stands in the tree: the digest of its key.
pub fn path_of<L: Leaf>(key: &L::Key) -> Digest {
    poseidon::hash(Domain::Key, &path_elements::<L>(key))
}

fn path_elements<L: Leaf>(key: &L::Key) -> Vec<u64> {
    [&[u64::from(L::NUMBER)], key.to_elements().as_slice()].concat()
}

#[cfg(test)]
pub(crate) fn value_digest(value: &impl Encode) -> Digest {
    poseidon::hash_of(Domain::Value, value)
}

/// How a kind's bytes become what is hashed, for those who hold many kinds and no types.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// From a key's bytes, the kind's number first.
    pub(crate) path: fn(&[u8]) -> Vec<u64>,
    /// From a value's bytes.
    pub(crate) value: fn(&[u8]) -> Vec<u64>,
}

impl Kind {
    pub(crate) fn of<L: Leaf>() -> Self {
        Self {
            path: |bytes| path_elements::<L>(&decode_key::<L>(bytes)),
            value: |bytes| decode_value::<L>(bytes).to_elements(),
        }
    }
}

pub(crate) fn decode_key<L: Leaf>(bytes: &[u8]) -> L::Key {
    L::Key::from_bytes(&bytes[1..]).expect("a key was written by its own encoder")
}

pub(crate) fn decode_value<L: Leaf>(bytes: &[u8]) -> L::Value {
    L::Value::from_bytes(bytes).expect("a value was written by its own encoder")
}
