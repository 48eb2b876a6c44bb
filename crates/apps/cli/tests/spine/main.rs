//! A chain of one's own, end to end: real processes, a real Ethereum node, and what can befall both.

mod copies;
mod escape;
mod reorg;
mod support;
