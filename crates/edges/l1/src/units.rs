//! What the base chain counts in.

use alloy::primitives::U256;
use std::fmt;

/// Base units of a token, or wei: any number the base chain can hold. Decimal text in JSON, because a JSON number
/// above 2^53 loses digits in many readers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Units(pub(crate) U256);

impl Units {
    /// Nothing.
    pub const ZERO: Self = Self(U256::ZERO);

    /// Returns the count, or `None` when it is 2^128 or more.
    pub fn to_u128(self) -> Option<u128> {
        self.0.try_into().ok()
    }
}

impl From<u64> for Units {
    fn from(count: u64) -> Self {
        Self(U256::from(count))
    }
}

impl From<u128> for Units {
    fn from(count: u128) -> Self {
        Self(U256::from(count))
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::str::FromStr for Units {
    type Err = types::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Decimal digits only: the parser behind this would also take prefixes for other bases, signs and underscores.
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(types::ParseError);
        }
        U256::from_str_radix(text, 10).map(Self).map_err(|_| types::ParseError)
    }
}

impl types::serde::Serialize for Units {
    fn serialize<S: types::serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reads_back_whatever_the_size() {
        for units in [Units::ZERO, Units::from(u64::MAX), Units::from(u128::MAX), Units(U256::MAX)] {
            assert_eq!(units.to_string().parse(), Ok(units));
        }
        assert_eq!(Units::from(7u64).to_u128(), Some(7));
        assert_eq!(Units(U256::MAX).to_u128(), None);
        for bad in ["", "0x1", "-1", "1_0", " 1", &"9".repeat(80)] {
            assert!(bad.parse::<Units>().is_err(), "{bad}");
        }
    }
}
