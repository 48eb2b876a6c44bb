//! The curve of account signatures, ecGFp5: a group of prime order over the field in which we hash.
//!
//! Its coordinates are five Goldilocks elements each, so that a circuit over that field adds points without emulating
//! another one. Source: Pornin, "EcGFp5: a Specialized Elliptic Curve", ePrint 2022/274. Discrete logarithms in the group
//! cost about 2^159 group operations by generic means, and what is known of curves over such fields does not go below
//! 2^128 (section 2 of the paper).

mod curve;
mod field;
mod goldilocks;
mod lanes;
mod multiply;
mod scalar;

pub(crate) use curve::Point;
pub(crate) use field::Element;
pub(crate) use multiply::{Factor, generator_times, generator_times_secret, sum_of_multiples};
pub(crate) use scalar::{ORDER, Scalar};
