//! The network under faults: seeds that must hold, faults that must happen, and sabotage that must be noticed.

use sim::{Fault, Plan, Report, Sabotage};
use std::collections::{BTreeMap, BTreeSet};

/// How many seeds a test runs.
const SEEDS: u64 = 20;
/// Seeds in which the settler dies between sending a transaction and noting that it did, which few others do.
const RARE: [u64; 2] = [48, 49];
/// Few steps for each of them, so that the tests take seconds.
const STEPS: u64 = 3_500;

/// Runs seeds on all cores.
fn run_all(plans: &[Plan]) -> Vec<Report> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let chunk = plans.len().div_ceil(cores).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> =
            plans.chunks(chunk).map(|part| scope.spawn(|| part.iter().map(sim::run).collect::<Vec<_>>())).collect();
        parts.into_iter().flat_map(|part| part.join().expect("a run reports its failures")).collect()
    })
}

fn plan(seed: u64) -> Plan {
    Plan { steps: STEPS, ..Plan::of(seed) }
}

#[test]
fn nothing_breaks_and_every_fault_happens() {
    let plans: Vec<_> = (1..=SEEDS).chain(RARE).map(plan).collect();
    let mut faults: BTreeMap<Fault, u64> = BTreeMap::new();
    let mut points = BTreeSet::new();
    let mut done: BTreeMap<&str, u64> = BTreeMap::new();
    for report in run_all(&plans) {
        assert_eq!(report.failure, None);
        for (fault, count) in report.faults {
            *faults.entry(fault).or_default() += count;
        }
        points.extend(report.crash_points.into_keys());
        let tallied = report.tallied;
        for (name, count) in [
            ("decided", tallied.decided),
            ("refunded", tallied.refunded),
            ("slashed", tallied.slashed),
            ("withdrawn", tallied.withdrawn),
            ("withdrawn by force", tallied.withdrawals_forced),
            ("applied by force", tallied.actions_forced),
            ("applied on behalf", tallied.on_behalf),
            ("split", tallied.tallies[0]),
            ("merged", tallied.tallies[1]),
            ("resolved", tallied.tallies[2]),
            ("redeemed", tallied.tallies[3]),
            ("reclaimed", tallied.tallies[4]),
            ("sessions granted", tallied.authorities[0]),
            ("sessions ended", tallied.authorities[1]),
            ("accounts handed over", tallied.authorities[2]),
            ("fees too high", report.alerts.get("FeesTooHigh").copied().unwrap_or(0)),
        ] {
            *done.entry(name).or_default() += count;
        }
    }
    let missing: Vec<_> = Fault::ALL.iter().filter(|fault| !faults.contains_key(fault)).collect();
    assert!(missing.is_empty(), "these never happened: {missing:?}");
    for point in [
        "sequencer before Commit",
        "sequencer after Commit, before Confirm",
        "member after Commit, before Vote",
        "member after CommitBatch, before SignBatch",
        "member while it writes a block",
        "sequencer while it writes a block",
        "sequencer after rewind, before requeue",
        "settler after outbox Keep, before outbox Send",
        "settler after outbox Send, before outbox Keep",
        "settler after Keep",
        "settler before it heard that L1 took a batch",
        "provider after Send",
        "coordinator after Send, before Send",
    ] {
        let died = points.iter().any(|found| found.starts_with(point));
        assert!(died, "nobody died here: {point}; they died here: {points:?}");
    }
    assert!(done.values().all(|count| *count > 0), "something was never done: {done:?}");
}

#[test]
fn one_seed_gives_one_trace() {
    let plans = [plan(7), plan(7), plan(8)];
    let traces: Vec<_> = run_all(&plans).into_iter().map(|report| (report.trace, report.steps)).collect();
    assert_eq!(traces[0], traces[1]);
    assert_ne!(traces[0], traces[2]);
}

/// Breaks a part on purpose and expects that some seed shows it, in these words.
fn check_noticed(sabotage: Sabotage, words: &str) {
    check_noticed_by(8, sabotage, words);
}

/// The same, for what takes a rare fault to show.
fn check_noticed_by(seeds: u64, sabotage: Sabotage, words: &str) {
    let plans: Vec<_> = (1..=seeds).map(|seed| Plan { sabotage, ..plan(seed) }).collect();
    let broken: Vec<String> = run_all(&plans).into_iter().filter_map(|r| r.failure).map(|f| f.broken).collect();
    assert!(!broken.is_empty(), "{sabotage:?} went unnoticed");
    assert!(broken.iter().any(|text| text.contains(words)), "{sabotage:?} was noticed by something else: {broken:?}");
}

#[test]
fn a_disk_that_forgets_is_noticed() {
    check_noticed(Sabotage::DiskForgetsTheLastBlock, "was confirmed at");
}

#[test]
fn a_provider_whose_salt_changes_is_noticed() {
    check_noticed(Sabotage::ProviderSaltChanges, "could not reveal");
}

#[test]
fn a_settler_that_skips_a_batch_is_noticed() {
    check_noticed(Sabotage::SettlerSkipsABatch, "does not come to rest");
}

#[test]
fn a_member_that_keeps_no_batch_is_noticed() {
    check_noticed(Sabotage::MemberKeepsNoBatch, "and keeps another, or none");
}

#[test]
fn an_outbox_that_ignores_the_cap_is_noticed() {
    check_noticed(Sabotage::OutboxIgnoresTheCap, "allowed");
}

#[test]
fn a_sequencer_that_does_not_go_back_is_noticed() {
    check_noticed_by(16, Sabotage::SequencerForgetsTheRewind, "does not come to rest");
}

#[test]
fn a_sequencer_that_forgets_what_it_took_back_is_noticed() {
    check_noticed_by(16, Sabotage::RewindForgetsTransactions, "was revoked");
}

#[test]
fn a_feed_that_hides_what_a_member_missed_is_noticed() {
    check_noticed(Sabotage::FeedShowsTheUnsignedTail, "refuses to sign for an honest sequencer");
}

#[test]
fn a_feed_that_hides_a_batch_without_quorum_is_noticed() {
    // It takes two lost signatures, so it is rare, and the runs are longer than the others.
    let plan = |seed| Plan { sabotage: Sabotage::FeedHidesAGap, steps: 6_000, ..Plan::of(seed) };
    let plans: Vec<_> = (1..=16).map(plan).collect();
    let broken: Vec<String> = run_all(&plans).into_iter().filter_map(|r| r.failure).map(|f| f.broken).collect();
    assert!(broken.iter().any(|text| text.contains("batches are settled")), "it went unnoticed: {broken:?}");
}
