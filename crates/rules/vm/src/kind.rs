//! What a value is: how wide, how many lanes, and who may know it.

use std::fmt;
use std::str::FromStr;
use types::{Decode, DecodeError, Encode, Reader, Sink};

/// The width of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, types::serde::Serialize, types::serde::Deserialize)]
#[serde(crate = "types::serde", rename_all = "snake_case")]
pub enum Width {
    /// An integer modulo 2^k, for k from 1 to 64. Operations say whether they take it as signed.
    Int(u8),
    /// An element of the Goldilocks field.
    Field,
}

impl Width {
    /// One bit: what comparisons give and `select` takes.
    pub const BIT: Self = Self::Int(1);

    /// Returns how many bits a lane takes.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Int(bits) => bits,
            Self::Field => 64,
        }
    }

    /// Returns the largest number that a lane holds.
    pub const fn largest(self) -> u64 {
        match self {
            Self::Int(bits) => u64::MAX >> (64_u8.saturating_sub(bits) & 63),
            Self::Field => types::GOLDILOCKS - 1,
        }
    }

    /// Returns whether this is an integer.
    pub const fn is_int(self) -> bool {
        matches!(self, Self::Int(_))
    }
}

impl Encode for Width {
    fn encode(&self, out: &mut dyn Sink) {
        match self {
            Self::Int(bits) => out.u8(*bits),
            Self::Field => out.u8(0),
        }
    }
}

impl Decode for Width {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match input.u8()? {
            0 => Ok(Self::Field),
            bits @ 1..=64 => Ok(Self::Int(bits)),
            _ => Err(DecodeError::Range),
        }
    }
}

/// Who may know a value.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, types::serde::Serialize, types::serde::Deserialize,
)]
#[serde(crate = "types::serde", rename_all = "snake_case")]
pub enum Label {
    /// Everybody.
    Public,
    /// Nobody, until it is revealed or given to a client.
    Secret,
}

impl Label {
    /// Returns the label of what depends on both.
    pub fn join(self, other: Self) -> Self {
        self.max(other)
    }
}

impl Encode for Label {
    fn encode(&self, out: &mut dyn Sink) {
        (*self == Self::Secret).encode(out);
    }
}

impl Decode for Label {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(if bool::decode(input)? { Self::Secret } else { Self::Public })
    }
}

types::record! {
    /// The type of a value.
    #[derive(Copy, PartialOrd, Ord)]
    pub struct Type {
        /// The width of each lane.
        pub width: Width,
        /// How many lanes, at least one.
        pub lanes: u32,
        /// Who may know it.
        pub label: Label,
    }
}

impl Type {
    /// Returns the type of public lanes.
    pub const fn public(width: Width, lanes: u32) -> Self {
        Self { width, lanes, label: Label::Public }
    }

    /// Returns the type of secret lanes.
    pub const fn secret(width: Width, lanes: u32) -> Self {
        Self { width, lanes, label: Label::Secret }
    }

    /// Returns whether this is secret.
    pub fn is_secret(self) -> bool {
        self.label == Label::Secret
    }

    /// Returns the type with another width.
    pub const fn with_width(self, width: Width) -> Self {
        Self { width, ..self }
    }

    /// Returns the type with another number of lanes.
    pub const fn with_lanes(self, lanes: u32) -> Self {
        Self { lanes, ..self }
    }

    /// Returns the type with another label.
    pub const fn with_label(self, label: Label) -> Self {
        Self { label, ..self }
    }
}

/// As the assembler writes it: `u32`, `secret u8 x 16`, `field`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_secret() {
            f.write_str("secret ")?;
        }
        match self.width {
            Width::Int(bits) => write!(f, "u{bits}")?,
            Width::Field => f.write_str("field")?,
        }
        if self.lanes == 1 { Ok(()) } else { write!(f, " x {}", self.lanes) }
    }
}

/// How to combine lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, types::serde::Serialize, types::serde::Deserialize)]
#[serde(crate = "types::serde", rename_all = "snake_case")]
pub enum Fold {
    /// The sum.
    Add,
    /// The product.
    Mul,
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// The smallest, unsigned.
    Min,
    /// The largest, unsigned.
    Max,
    /// The smallest, signed.
    Mins,
    /// The largest, signed.
    Maxs,
}

impl Fold {
    /// Every way to combine, in the order of their numbers.
    pub const ALL: [Self; 9] =
        [Self::Add, Self::Mul, Self::And, Self::Or, Self::Xor, Self::Min, Self::Max, Self::Mins, Self::Maxs];
    const NAMES: [&'static str; 9] = ["add", "mul", "and", "or", "xor", "min", "max", "mins", "maxs"];

    fn index(self) -> usize {
        Self::ALL.iter().position(|fold| *fold == self).expect("the list is of all")
    }
}

impl Encode for Fold {
    fn encode(&self, out: &mut dyn Sink) {
        out.u8(u8::try_from(self.index()).expect("there are nine"));
    }
}

impl Decode for Fold {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::ALL.get(usize::from(input.u8()?)).copied().ok_or(DecodeError::Tag)
    }
}

impl fmt::Display for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES[self.index()])
    }
}

/// No way to combine has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of add, mul, and, or, xor, min, max, mins, maxs")]
pub struct NoSuchFold;

impl FromStr for Fold {
    type Err = NoSuchFold;

    fn from_str(text: &str) -> Result<Self, NoSuchFold> {
        Self::NAMES.iter().position(|name| *name == text).map(|index| Self::ALL[index]).ok_or(NoSuchFold)
    }
}
