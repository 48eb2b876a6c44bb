//! Quantities. Each has its own type, so that an amount cannot be passed where fuel is meant.

use crate::encode::{Decode, DecodeError, Encode, Reader, Sink};
use std::fmt;

/// A quantity left its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the amount is outside 0..2^62: use a smaller one")]
pub struct Overflow;

/// Count of an asset's quanta, below 2^62 so that it is one Goldilocks element, and so are sums and differences of two: none
/// wraps the field, and a negative one is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Amount(u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount, 2^62 - 1 quanta.
    pub const MAX: Self = Self((1 << 62) - 1);

    /// Takes a count of quanta.
    pub const fn new(quanta: u64) -> Result<Self, Overflow> {
        if quanta > Self::MAX.0 { Err(Overflow) } else { Ok(Self(quanta)) }
    }

    /// Returns the count of quanta.
    pub const fn quanta(self) -> u64 {
        self.0
    }

    /// Says whether there is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Adds, or says that the sum is too large.
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        Self::new(self.0 + other.0)
    }

    /// Subtracts, or says that there is too little.
    pub fn minus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_sub(other.0).map(Self).ok_or(Overflow)
    }

    /// Returns `floor(self * numerator / denominator)`; a zero denominator overflows.
    pub fn times_down(self, numerator: u64, denominator: u64) -> Result<Self, Overflow> {
        let product = u128::from(self.0) * u128::from(numerator);
        let quotient = product.checked_div(u128::from(denominator)).ok_or(Overflow)?;
        Self::new(u64::try_from(quotient).map_err(|_| Overflow)?)
    }

    /// Returns `ceil(self * numerator / denominator)`; a zero denominator overflows.
    pub fn times_up(self, numerator: u64, denominator: u64) -> Result<Self, Overflow> {
        let product = u128::from(self.0) * u128::from(numerator);
        if denominator == 0 {
            return Err(Overflow);
        }
        Self::new(u64::try_from(product.div_ceil(u128::from(denominator))).map_err(|_| Overflow)?)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::str::FromStr for Amount {
    type Err = crate::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let quanta = text.parse().map_err(|_| crate::ParseError)?;
        Self::new(quanta).map_err(|_| crate::ParseError)
    }
}

/// Decimal text in JSON: a JSON number above 2^53 loses digits in many readers.
impl serde::Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(input)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Encode for Amount {
    fn encode(&self, out: &mut dyn Sink) {
        out.felt(self.0);
    }
}

impl Decode for Amount {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::new(input.u64()?).map_err(|_| DecodeError::Range)
    }
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl Encode for $name {
            fn encode(&self, out: &mut dyn Sink) {
                out.u64(self.0);
            }
        }

        impl Decode for $name {
            fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self(input.u64()?))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

quantity!(
    /// Deterministic work: the fuel that the sandbox counts.
    Fuel
);
quantity!(
    /// Quanta paid per million fuel.
    Rate
);
quantity!(
    /// Milliseconds: since the Unix epoch when an instant, a length otherwise.
    Millis
);
quantity!(
    /// A block's place in the chain; genesis is 0.
    Height
);
quantity!(
    /// Parts per million.
    Ppm
);

impl Ppm {
    /// The whole.
    pub const ONE: Self = Self(1_000_000);

    /// Returns this share of an amount, rounded down.
    pub fn of_down(self, amount: Amount) -> Result<Amount, Overflow> {
        amount.times_down(self.0, Self::ONE.0)
    }
}

impl Rate {
    /// Returns what `fuel` costs, rounded up so that work is never free by rounding.
    pub fn price_up(self, fuel: Fuel) -> Result<Amount, Overflow> {
        Amount::new(fuel.0).and_then(|f| f.times_up(self.0, 1_000_000))
    }
}

impl Millis {
    /// Adds a length of time; saturates at the end of time.
    pub fn after(self, length: Millis) -> Millis {
        Millis(self.0.saturating_add(length.0))
    }
}

impl Height {
    /// Returns the next height.
    pub fn next(self) -> Height {
        Height(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_amount_stays_below_two_to_the_62() {
        assert_eq!(Amount::new(1 << 62), Err(Overflow));
        assert_eq!(Amount::MAX.plus(Amount(1)), Err(Overflow));
        assert_eq!(Amount::ZERO.minus(Amount(1)), Err(Overflow));
        assert_eq!(Amount(5).times_up(1, 0), Err(Overflow));
        assert_eq!(Amount(5).times_down(1, 0), Err(Overflow));
    }

    #[test]
    fn work_is_never_free_by_rounding() {
        assert_eq!(Rate(1).price_up(Fuel(1)), Ok(Amount(1)));
        assert_eq!(Rate(3).price_up(Fuel(2_000_000)), Ok(Amount(6)));
    }

    proptest! {
        #[test]
        fn a_share_and_its_rest_make_the_whole(quanta in 0..1u64 << 62, ppm in 0..=1_000_000u64) {
            let whole = Amount(quanta);
            let share = Ppm(ppm).of_down(whole).unwrap();
            prop_assert_eq!(share.plus(whole.minus(share).unwrap()), Ok(whole));
        }
    }
}
