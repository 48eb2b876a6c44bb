//! A chain of one's own, end to end: real processes, a real Ethereum node, and what can befall both.

#![allow(clippy::unwrap_used, reason = "a helper that fails here is a failed test")]

mod bounded;
mod contest;
mod copies;
mod escape;
mod proving;
mod reorg;
mod settle;
mod support;
