//! The circuit against the transition: what is true is proven, and what is not is caught.

mod random;
mod rows;
mod tamper;
mod transfers;
