//! Runs random programs among three parties in one thread and compares them with the clear engine, the direct evaluation and
//! their certificates, for as many seeds as are asked for:
//!
//!     cargo run --release -p mpc --example random -- 100000
//!
//! A second number is the first seed. A program that differs stops it and names its seed.

#[path = "../tests/parties/mod.rs"]
mod parties;

fn main() {
    let mut numbers =
        std::env::args().skip(1).map(|text| text.parse().unwrap_or_else(|_| panic!("{text} is no number")));
    let count: u64 = numbers.next().unwrap_or(1_000);
    let first: u64 = numbers.next().unwrap_or(0);
    let mut ended = 0_u64;
    for seed in first..first + count {
        ended += u64::from(parties::check_sample(seed, 12));
        if (seed + 1 - first).is_multiple_of(1_000) {
            eprintln!("{} programs", seed + 1 - first);
        }
    }
    println!(
        "{count} programs are alike on every engine and cost what their certificates say; {ended} ran to their ends"
    );
}
