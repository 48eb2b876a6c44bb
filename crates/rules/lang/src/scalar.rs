//! The scalar types, their ranges, and arithmetic on known values.

use std::fmt;

/// How many bits a `fix64` has behind the point.
pub(crate) const FRACTION_BITS: u32 = 16;
/// The modulus of `field`: 2^64 - 2^32 + 1, the field that proofs are made in.
pub(crate) const FIELD: u128 = 0xffff_ffff_0000_0001;

/// The type of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scalar {
    /// True or false.
    Bool,
    /// A whole number modulo 2^bits.
    Int {
        /// 8, 16, 32 or 64.
        bits: u32,
        /// Whether the top bit counts negative.
        signed: bool,
    },
    /// A signed number of 64 bits, 16 of them behind the point.
    Fix,
    /// A number modulo 2^64 - 2^32 + 1.
    Field,
}

/// The type of a number that says nothing else.
pub(crate) const INT64: Scalar = Scalar::Int { bits: 64, signed: true };

impl Scalar {
    /// Returns the type that a suffix such as `u8` names.
    pub fn suffix(text: &str) -> Option<Self> {
        let (signed, bits) = match text.strip_prefix('u') {
            Some(bits) => (false, bits),
            None => (true, text.strip_prefix('i')?),
        };
        let bits = match bits {
            "8" => 8,
            "16" => 16,
            "32" => 32,
            "64" => 64,
            _ => return None,
        };
        Some(Self::Int { bits, signed })
    }

    /// Returns the type of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "bool" => Some(Self::Bool),
            "int" => Some(INT64),
            "fix64" | "fixed64" | "fixed" => Some(Self::Fix),
            "field" => Some(Self::Field),
            _ if name.starts_with("uint") => Self::suffix(&name.replacen("uint", "u", 1)),
            _ if name.starts_with("int") => Self::suffix(&name.replacen("int", "i", 1)),
            _ => None,
        }
    }

    /// Tells whether it is a whole number of some width.
    #[must_use]
    pub fn is_int(self) -> bool {
        matches!(self, Self::Int { .. })
    }

    /// Returns the smallest and the largest value, as they are stored.
    #[must_use]
    pub fn range(self) -> (i128, i128) {
        match self {
            Self::Bool => (0, 1),
            Self::Int { bits, signed: false } => (0, (1 << bits) - 1),
            Self::Int { bits, signed: true } => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
            Self::Fix => (i128::from(i64::MIN), i128::from(i64::MAX)),
            Self::Field => (0, i128::try_from(FIELD - 1).unwrap_or(i128::MAX)),
        }
    }

    /// Tells whether the value is one of this type.
    #[must_use]
    pub fn holds(self, value: i128) -> bool {
        let (least, most) = self.range();
        (least..=most).contains(&value)
    }

    /// Returns the value of this type that is congruent.
    #[must_use]
    pub fn wrap(self, value: i128) -> i128 {
        match self {
            Self::Bool => value & 1,
            Self::Int { bits, signed } => wrap_bits(value, bits, signed),
            Self::Fix => wrap_bits(value, 64, true),
            Self::Field => value.rem_euclid(i128::try_from(FIELD).unwrap_or(i128::MAX)),
        }
    }

    /// Returns the number of bits.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::Bool => 1,
            Self::Int { bits, .. } => bits,
            Self::Fix | Self::Field => 64,
        }
    }

    /// Returns the text of a value as a person writes it.
    #[must_use]
    pub fn show(self, value: i128) -> String {
        match self {
            Self::Bool if value == 0 => "False".into(),
            Self::Bool => "True".into(),
            Self::Fix => show_fix(value),
            _ => value.to_string(),
        }
    }
}

fn wrap_bits(value: i128, bits: u32, signed: bool) -> i128 {
    let modulus = 1i128 << bits;
    let value = value.rem_euclid(modulus);
    if signed && value >= modulus / 2 { value - modulus } else { value }
}

/// Shows all sixteen bits behind the point, without zeros at the end.
fn show_fix(raw: i128) -> String {
    let sign = if raw < 0 { "-" } else { "" };
    let magnitude = raw.unsigned_abs();
    let unit = 1u128 << FRACTION_BITS;
    // A multiple of 2^-16 has at most sixteen decimal digits.
    let digits = (magnitude % unit) * 10u128.pow(FRACTION_BITS) / unit;
    let digits = format!("{digits:016}");
    let digits = digits.trim_end_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    format!("{sign}{}.{digits}", magnitude / unit)
}

/// Returns the raw value of decimal digits with `behind` of them behind the point, rounded to nearest.
pub(crate) fn fix_of(digits: u128, behind: i32) -> Option<i128> {
    let digits = i128::try_from(digits).ok()?;
    if behind <= 0 {
        let scale = 10i128.checked_pow(behind.unsigned_abs())?;
        return digits.checked_mul(scale)?.checked_mul(1 << FRACTION_BITS);
    }
    let scale = 10i128.checked_pow(behind.unsigned_abs())?;
    let (whole, part) = (digits / scale, digits % scale);
    // Fractions longer than this are cut first: what they add is below the last bit's half.
    let (part, scale) = if behind > 30 { (part / 10_000_000, scale / 10_000_000) } else { (part, scale) };
    let part = (part.checked_mul(1 << FRACTION_BITS)? + scale / 2) / scale;
    whole.checked_mul(1 << FRACTION_BITS)?.checked_add(part)
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int { bits, signed: true } => write!(f, "int{bits}"),
            Self::Int { bits, signed: false } => write!(f, "uint{bits}"),
            Self::Fix => f.write_str("fix64"),
            Self::Field => f.write_str("field"),
        }
    }
}
