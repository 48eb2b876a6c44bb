//! The canonical encoding: one declaration, two views.
//!
//! As bytes, integers are big-endian and lengths are `u32`. As field elements, an amount or a digest limb is one
//! element, a `u64` is two 32-bit limbs (it may exceed the field), and bytes are packed four to an element.

use crate::id::GOLDILOCKS;

/// Why bytes are not a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("the bytes end before the value does")]
    Short,
    /// Bytes are left over.
    #[error("bytes are left over after the value")]
    Long,
    /// A number is outside its range.
    #[error("a number is outside its range")]
    Range,
    /// A tag names no variant.
    #[error("a tag names no known variant")]
    Tag,
}

/// Takes the parts of a value in order.
pub trait Sink {
    /// Takes a byte.
    fn u8(&mut self, value: u8);
    /// Takes a 32-bit number.
    fn u32(&mut self, value: u32);
    /// Takes a 64-bit number of any size.
    fn u64(&mut self, value: u64);
    /// Takes a number below the Goldilocks prime.
    fn felt(&mut self, value: u64);
    /// Takes bytes whose count the type fixes.
    fn fixed(&mut self, bytes: &[u8]);
    /// Takes a count and bytes.
    fn bytes(&mut self, bytes: &[u8]);
}

/// Stops before a number is taken for a field element that it is not: two numbers would hash alike.
fn assert_felt(value: u64) {
    assert!(value < GOLDILOCKS, "a field element is below the prime");
}

/// Writes the canonical bytes.
#[derive(Default)]
pub struct ByteSink(Vec<u8>);

impl ByteSink {
    /// Begins with room for so many bytes: what needs no more is written once and never copied.
    pub fn with_room(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Returns what was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl Sink for ByteSink {
    fn u8(&mut self, value: u8) {
        self.0.push(value);
    }
    fn u32(&mut self, value: u32) {
        self.0.extend(value.to_be_bytes());
    }
    fn u64(&mut self, value: u64) {
        self.0.extend(value.to_be_bytes());
    }
    fn felt(&mut self, value: u64) {
        assert_felt(value);
        self.u64(value);
    }
    fn fixed(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }
    fn bytes(&mut self, bytes: &[u8]) {
        self.u32(u32::try_from(bytes.len()).expect("values are bounded far below 4 GiB"));
        self.fixed(bytes);
    }
}

struct ElementSink(Vec<u64>);

impl Sink for ElementSink {
    fn u8(&mut self, value: u8) {
        self.0.push(value.into());
    }
    fn u32(&mut self, value: u32) {
        self.0.push(value.into());
    }
    fn u64(&mut self, value: u64) {
        self.0.push(value >> 32);
        self.0.push(value & 0xffff_ffff);
    }
    fn felt(&mut self, value: u64) {
        assert_felt(value);
        self.0.push(value);
    }
    fn fixed(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(4) {
            let mut limb = [0; 4];
            limb[..chunk.len()].copy_from_slice(chunk);
            self.0.push(u32::from_be_bytes(limb).into());
        }
    }
    fn bytes(&mut self, bytes: &[u8]) {
        self.u32(u32::try_from(bytes.len()).expect("values are bounded far below 4 GiB"));
        self.fixed(bytes);
    }
}

/// A value with a canonical encoding.
pub trait Encode {
    /// Gives the value's parts in order.
    fn encode(&self, out: &mut dyn Sink);

    /// Returns the canonical bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = ByteSink::default();
        self.encode(&mut out);
        out.0
    }

    /// Returns the canonical field elements, each below the Goldilocks prime.
    fn to_elements(&self) -> Vec<u64> {
        let mut out = ElementSink(Vec::new());
        self.encode(&mut out);
        out.0
    }
}

/// A value that can be read back from its canonical bytes.
pub trait Decode: Sized {
    /// Reads the value's parts in order.
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Reads a value that fills the bytes exactly.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader(bytes);
        let value = Self::decode(&mut input)?;
        if input.0.is_empty() { Ok(value) } else { Err(DecodeError::Long) }
    }
}

/// Reads parts from bytes. Total: any bytes give a value or an error.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(DecodeError::Short)?;
        self.0 = tail;
        Ok(head)
    }

    /// Reads bytes whose count the type fixes.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.take(N)?.try_into().map_err(|_| DecodeError::Short)
    }

    /// Reads a byte.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.fixed::<1>()?[0])
    }

    /// Reads a 32-bit number.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.fixed()?))
    }

    /// Reads a 64-bit number.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.fixed()?))
    }

    /// Reads a number below the Goldilocks prime.
    pub fn felt(&mut self) -> Result<u64, DecodeError> {
        let value = self.u64()?;
        if value < GOLDILOCKS { Ok(value) } else { Err(DecodeError::Range) }
    }

    /// Reads a count and bytes. The count is checked against what is there before anything is copied.
    pub fn bytes(&mut self) -> Result<Vec<u8>, DecodeError> {
        let count = usize::try_from(self.u32()?).map_err(|_| DecodeError::Range)?;
        Ok(self.take(count)?.to_vec())
    }
}

macro_rules! integer {
    ($kind:ty, $method:ident) => {
        impl Encode for $kind {
            fn encode(&self, out: &mut dyn Sink) {
                out.$method(*self);
            }
        }
        impl Decode for $kind {
            fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                input.$method()
            }
        }
    };
}

integer!(u8, u8);
integer!(u32, u32);
integer!(u64, u64);

impl Encode for bool {
    fn encode(&self, out: &mut dyn Sink) {
        out.u8((*self).into());
    }
}

impl Decode for bool {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match input.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Tag),
        }
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut dyn Sink) {
        out.u8(self.is_some().into());
        if let Some(value) = self {
            value.encode(out);
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(if bool::decode(input)? { Some(T::decode(input)?) } else { None })
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, out: &mut dyn Sink) {
        out.u32(u32::try_from(self.len()).expect("lists are bounded far below 2^32"));
        for item in self {
            item.encode(out);
        }
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = input.u32()?;
        // No reservation by a count that the sender chose: the list grows as its items really arrive.
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(T::decode(input)?);
        }
        Ok(items)
    }
}

/// Opaque bytes with a length, such as an encoded transaction within a block.
impl Encode for Box<[u8]> {
    fn encode(&self, out: &mut dyn Sink) {
        out.bytes(self);
    }
}

impl Decode for Box<[u8]> {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(input.bytes()?.into_boxed_slice())
    }
}

/// Declares a struct whose canonical encoding is its fields in order.
#[macro_export]
macro_rules! record {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_doc:meta])* pub $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, $crate::serde::Serialize, $crate::serde::Deserialize)]
        #[serde(crate = "types::serde")]
        pub struct $name { $($(#[$field_doc])* pub $field: $kind,)* }

        impl $crate::Encode for $name {
            #[allow(unused_variables)]
            fn encode(&self, out: &mut dyn $crate::Sink) {
                $($crate::Encode::encode(&self.$field, out);)*
            }
        }

        impl $crate::Decode for $name {
            #[allow(unused_variables)]
            fn decode(input: &mut $crate::Reader<'_>) -> Result<Self, $crate::DecodeError> {
                $(let $field = $crate::Decode::decode(input)?;)*
                Ok(Self { $($field,)* })
            }
        }
    };
}

/// Declares an enum of one-field variants whose canonical encoding is the variant's number, then the field.
#[macro_export]
macro_rules! choice {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$variant_doc:meta])* $tag:literal => $variant:ident($kind:ty),)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, $crate::serde::Serialize, $crate::serde::Deserialize)]
        #[serde(crate = "types::serde", rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant($kind),)* }

        impl $crate::Encode for $name {
            fn encode(&self, out: &mut dyn $crate::Sink) {
                match self {
                    $(Self::$variant(value) => {
                        out.u8($tag);
                        $crate::Encode::encode(value, out);
                    })*
                }
            }
        }

        impl $crate::Decode for $name {
            fn decode(input: &mut $crate::Reader<'_>) -> Result<Self, $crate::DecodeError> {
                match input.u8()? {
                    $($tag => Ok(Self::$variant($crate::Decode::decode(input)?)),)*
                    _ => Err($crate::DecodeError::Tag),
                }
            }
        }
    };
}
