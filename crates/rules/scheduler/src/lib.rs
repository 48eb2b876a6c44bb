//! The pure planner: open tasks and offers in, assignments with reasons out.
//!
//! It proposes; `task::assign` checks again. A bad plan wastes time, never money. The same inputs give the same plan,
//! so anybody can replay why a provider was taken or left.
//!
//! Offers that fit are ranked by what they ask, then by when they expect to be done, then by id.
//!
//! ```
//! let offers = std::collections::BTreeMap::new();
//! # use task::{Standing, Submit, TaskRecord};
//! # use types::*;
//! # let submit = Submit { program: ContentId::ZERO, input: ContentId::ZERO, fuel_limit: Fuel(1), memory_bytes: 1,
//! #     asset: AssetId(Digest::ZERO), rate: Rate(1), redundancy: 2, deadline: Millis(9) };
//! # let task = TaskRecord { submit, requester: AccountId(Digest::ZERO), price: Amount::ZERO,
//! #     tally: TallyId(Digest::ZERO), assignments: vec![], standing: Standing::Open(0) };
//! assert_eq!(scheduler::needed(&task, Millis(0)), 2);
//! assert!(scheduler::plan(&task, &offers, Millis(0)).is_empty());
//! ```

use proof::agreement::{Agreement, check};
use std::collections::{BTreeMap, BTreeSet};
use task::{Considered, OfferRecord, Reason, Stage, TaskRecord};
use types::{AccountId, EthAddress, Millis, limits};

/// How long a provider may sit on an assignment before somebody else is asked too.
pub const PATIENCE: Millis = Millis(10_000);

/// How much slower than its benchmark a provider may be: programs differ in what a unit of fuel costs.
const SLACK: u64 = 3;

/// Returns how many more providers a task needs now.
pub fn needed(task: &TaskRecord, now: Millis) -> usize {
    if !task.is_open() || now >= task.submit.deadline {
        return 0;
    }
    let redundancy = usize::from(task.submit.redundancy);
    let deliveries = task.deliveries();
    let agreement = check(&deliveries, redundancy);
    let at_work = task.assignments.iter().filter(|a| match &a.stage {
        Stage::Assigned(since) => since.after(PATIENCE) > now,
        Stage::Committed(_) => true,
        Stage::Delivered(_) => false,
    });
    let at_work = at_work.count();
    let votes =
        deliveries.iter().map(|d| deliveries.iter().filter(|e| e.outcome == d.outcome).count()).max().unwrap_or(0);
    let room = limits::TASK_PROVIDERS.saturating_sub(task.assignments.len());
    let wanted = match agreement {
        Agreement::Decided(_) => 0,
        // A tie needs a tie-breaker even when both sides have enough votes.
        Agreement::Split if at_work == 0 => redundancy.saturating_sub(votes).max(1),
        _ => redundancy.saturating_sub(votes + at_work),
    };
    wanted.min(room)
}

/// Returns the offers considered for a task, those taken first; empty when nothing is needed or nobody can be taken.
pub fn plan(task: &TaskRecord, offers: &BTreeMap<AccountId, OfferRecord>, now: Millis) -> Vec<Considered> {
    let needed = needed(task, now);
    let (mut fitting, left) = weighed(task, offers.iter(), now);
    for (rank, considered) in (1u32..).zip(&mut fitting) {
        let taken = usize::try_from(rank).is_ok_and(|rank| rank <= needed);
        considered.reason = if taken { Reason::Chosen(rank) } else { Reason::NotNeeded(rank) };
    }
    if needed == 0 || fitting.is_empty() {
        return Vec::new();
    }
    fitting.extend(left);
    fitting.truncate(limits::PLAN_CANDIDATES);
    fitting
}

/// Returns the offers considered for the committee of a private task, its members first and in their order; empty when it
/// has one already, or when too few can be taken. `hosts` are the providers that take part in private programs, each with
/// the owner of its account: no owner sits twice in one committee, as far as owners are named. Nobody joins later, because
/// whoever was not there from the start has no shares.
pub fn committee(
    task: &TaskRecord,
    offers: &BTreeMap<AccountId, OfferRecord>,
    hosts: &BTreeMap<AccountId, EthAddress>,
    now: Millis,
) -> Vec<Considered> {
    let members = usize::from(task.submit.redundancy);
    if !task.is_open() || now >= task.submit.deadline || !task.assignments.is_empty() {
        return Vec::new();
    }
    let hosting = offers.iter().filter(|(provider, _)| hosts.contains_key(provider));
    let (fitting, left) = weighed(task, hosting, now);
    let (mut chosen, mut others, mut owners) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (rank, considered) in (1u32..).zip(fitting) {
        let owner = hosts.get(&considered.provider).copied().unwrap_or(EthAddress::ZERO);
        if chosen.len() < members && (owner == EthAddress::ZERO || owners.insert(owner)) {
            chosen.push(Considered { reason: Reason::Chosen(rank), ..considered });
        } else {
            others.push(Considered { reason: Reason::NotNeeded(rank), ..considered });
        }
    }
    if chosen.len() < members {
        return Vec::new();
    }
    chosen.extend(others.into_iter().chain(left));
    chosen.truncate(limits::PLAN_CANDIDATES);
    chosen
}

/// Returns the offers that fit, best first, and those that do not, with why.
fn weighed<'o>(
    task: &TaskRecord,
    offers: impl Iterator<Item = (&'o AccountId, &'o OfferRecord)>,
    now: Millis,
) -> (Vec<Considered>, Vec<Considered>) {
    let (mut fitting, mut left) = (Vec::new(), Vec::new());
    for (provider, record) in offers {
        let expected_ms = expected_ms(task, record);
        let considered = |reason| Considered { provider: *provider, rate: record.offer.rate, expected_ms, reason };
        match misfit(task, *provider, record, expected_ms, now) {
            Some(reason) => left.push(considered(reason)),
            None => fitting.push(considered(Reason::Chosen(0))),
        }
    }
    fitting.sort_by_key(|c| (c.rate, c.expected_ms, c.provider));
    (fitting, left)
}

fn expected_ms(task: &TaskRecord, record: &OfferRecord) -> u64 {
    let queue = u128::from(record.open_tasks) + 1;
    let speed = u128::from(record.offer.fuel_per_second.max(1));
    let fuel = u128::from(task.submit.fuel_limit.0) * u128::from(SLACK) * 1_000;
    u64::try_from(fuel * queue / speed).unwrap_or(u64::MAX)
}

fn misfit(
    task: &TaskRecord,
    provider: AccountId,
    record: &OfferRecord,
    expected_ms: u64,
    now: Millis,
) -> Option<Reason> {
    let (submit, offer) = (&task.submit, &record.offer);
    if task.place_of(provider).is_some() {
        Some(Reason::AlreadyAssigned(0))
    } else if offer.asset != submit.asset {
        Some(Reason::OtherAsset(0))
    } else if offer.rate > submit.rate {
        Some(Reason::TooDear(0))
    } else if offer.memory_bytes < submit.memory_bytes {
        Some(Reason::TooLittleMemory(0))
    } else if now.after(Millis(expected_ms)) > submit.deadline {
        Some(Reason::TooSlow(0))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proof::agreement::Outcome;
    use task::{Assignment, MakeOffer, Standing, Submit};
    use types::{Amount, AssetId, ContentId, Digest, Fuel, OfferId, Rate, TallyId};

    fn id(n: u64) -> AccountId {
        AccountId(Digest::new([n, 0, 0, 0]).unwrap())
    }

    /// Reads "rate@speed" for each provider, in order of id from 1.
    fn offers(text: &str) -> BTreeMap<AccountId, OfferRecord> {
        let parse = |(n, word): (u64, &str)| {
            let (rate, speed) = word.split_once('@').unwrap();
            let offer = MakeOffer {
                asset: AssetId(Digest::ZERO),
                stake: Amount::ZERO,
                rate: Rate(rate.parse().unwrap()),
                fuel_per_second: speed.parse().unwrap(),
                memory_bytes: if n == 9 { 1 } else { 100 },
            };
            let digest = Digest::ZERO;
            (id(n), OfferRecord { id: OfferId(digest), offer, tally: TallyId(digest), open_tasks: 0 })
        };
        (1..).zip(text.split_whitespace()).map(parse).collect()
    }

    /// Reads stages: "a" assigned at 0, "c" committed, a digit delivered with that fuel.
    fn task(stages: &str) -> TaskRecord {
        let stage = |c: char| match c {
            'a' => Stage::Assigned(Millis(0)),
            'c' => Stage::Committed(Digest::ZERO),
            digit => Stage::Delivered(Outcome {
                exit: 0,
                output: ContentId::ZERO,
                fuel: Fuel(digit.to_digit(10).unwrap().into()),
            }),
        };
        let submit = Submit {
            program: ContentId::ZERO,
            input: ContentId::ZERO,
            fuel_limit: Fuel(1_000),
            memory_bytes: 50,
            asset: AssetId(Digest::ZERO),
            rate: Rate(10),
            redundancy: 2,
            deadline: Millis(60_000),
        };
        TaskRecord {
            submit,
            requester: id(0),
            price: Amount::ZERO,
            tally: TallyId(Digest::ZERO),
            assignments: (1..)
                .zip(stages.chars())
                .map(|(n, c)| Assignment { provider: id(n), offer: OfferId(Digest::ZERO), stage: stage(c) })
                .collect(),
            standing: Standing::Open(0),
        }
    }

    fn check_plan(stages: &str, offers_text: &str, expected: &str) {
        let plan = plan(&task(stages), &offers(offers_text), Millis(1));
        let text: Vec<String> = plan.iter().map(|c| format!("{}:{:?}", c.provider.0.limbs()[0], c.reason)).collect();
        assert_eq!(text.join(" "), expected);
    }

    #[test]
    fn the_cheapest_then_the_fastest_are_taken_and_all_reasons_are_given() {
        check_plan("", "", "");
        check_plan("", "5@1000", "1:Chosen(1)");
        check_plan("", "5@1000 4@1000 5@2000", "2:Chosen(1) 3:Chosen(2) 1:NotNeeded(3)");
        check_plan("", "11@9 5@1000", "2:Chosen(1) 1:TooDear(0)");
        check_plan("", "5@1 5@1000", "2:Chosen(1) 1:TooSlow(0)");
    }

    /// Reads the owner of each host's account, in order of id from 1; `-` is no host, `0` is no owner.
    fn check_committee(stages: &str, offers_text: &str, owners: &str, expected: &str) {
        let mut task = task(stages);
        task.submit.redundancy = 3;
        let hosts = (1..).zip(owners.split_whitespace()).filter(|(_, owner)| *owner != "-");
        let hosts = hosts.map(|(n, owner)| (id(n), EthAddress([owner.parse().unwrap(); 20]))).collect();
        let plan = committee(&task, &offers(offers_text), &hosts, Millis(1));
        let text: Vec<String> = plan.iter().map(|c| format!("{}:{:?}", c.provider.0.limbs()[0], c.reason)).collect();
        assert_eq!(text.join(" "), expected);
    }

    #[test]
    fn a_committee_is_three_hosts_of_different_owners_or_nobody() {
        let four = "3@1000 1@1000 2@1000 1@1000";
        check_committee("", four, "1 2 3 4", "2:Chosen(1) 4:Chosen(2) 3:Chosen(3) 1:NotNeeded(4)");
        check_committee("", four, "1 2 3 2", "2:Chosen(1) 3:Chosen(3) 1:Chosen(4) 4:NotNeeded(2)");
        check_committee("", four, "1 2 3 -", "2:Chosen(1) 3:Chosen(2) 1:Chosen(3)");
        check_committee("", four, "0 0 - 0", "2:Chosen(1) 4:Chosen(2) 1:Chosen(3)");
        check_committee("", four, "1 2 2 2", "");
        check_committee("", four, "1 2 - -", "");
        check_committee("", "3@1000 11@1000 2@1000", "1 2 3", "");
        check_committee("a", four, "1 2 3 4", "");
        check_committee("aca", four, "1 2 3 4", "");
    }

    #[test]
    fn a_task_gets_as_many_providers_as_it_lacks() {
        let three = "1@1000 2@1000 3@1000";
        check_plan("aa", three, "");
        check_plan("ca", three, "");
        check_plan("5c", three, "");
        check_plan("55", three, "");
        check_plan("a", three, "2:Chosen(1) 3:NotNeeded(2) 1:AlreadyAssigned(0)");
        check_plan("56", three, "3:Chosen(1) 1:AlreadyAssigned(0) 2:AlreadyAssigned(0)");
        check_plan("56a", three, "");
        let late = needed(&task("ac"), PATIENCE.after(Millis(1)));
        assert_eq!(late, 1, "who sits on an assignment too long is doubled");
        assert_eq!(needed(&task("5656"), Millis(1)), 1, "a tie of two pairs needs a fifth");
        assert_eq!(needed(&task(""), Millis(60_000)), 0, "nobody is sent to work after the deadline");
        assert_eq!(needed(&task("123456781"), Millis(1)), 0, "and never more than the bound");
    }
}
