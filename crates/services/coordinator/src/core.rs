//! The coordinator's decisions.

use api::Vote;
use api::private::{Host, VALID};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use task::{Assign, Decide, OfferRecord, Parameters, Refund, ResolverSignature, TaskRecord, Verdict};
use transition::Action;
use types::{AccountId, Digest, EthAddress, Millis, Signature, TaskId};

/// Most tasks whose votes are gathered at one time.
const TASKS_WITH_VOTES: usize = 4_096;
/// Most providers whose words on where they are count at one time.
const HOSTS: usize = 256;

/// What happens to the coordinator.
#[derive(Debug)]
pub enum Input {
    /// The ledger as it stands: open tasks and open offers.
    View {
        /// The time.
        now: Millis,
        /// The open tasks.
        tasks: Vec<(TaskId, TaskRecord)>,
        /// The open offers.
        offers: BTreeMap<AccountId, OfferRecord>,
        /// Those of the tasks that are private.
        private: BTreeSet<TaskId>,
    },
    /// A provider's word that it takes part in private programs, already checked.
    Host {
        /// The time.
        now: Millis,
        /// The word.
        host: Box<Host>,
    },
    /// A resolver's signature on a verdict, already checked.
    Vote(Box<Vote>),
}

/// What the coordinator wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Sign and send an action.
    Send(Action),
}

/// Why a vote is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The signature is not a resolver's.
    #[error("the vote is not signed by that resolver of the chain")]
    NotAResolver,
    /// The word is not the account's, or an older one than the last.
    #[error("the word is not signed by that account for this chain, or older than another: sign a new one")]
    NotTheHost,
    /// The word names no place.
    #[error("the word's address is none: name an IP address and a port")]
    Nowhere,
    /// Too many providers take part in private programs.
    #[error("as many providers as fit take part in private programs: try again later")]
    Crowded,
    /// Too many tasks are waiting for verdicts.
    #[error("too many tasks are waiting for verdicts: send the vote again later")]
    Full,
}

/// Plans, and brings verdicts to the ledger when enough resolvers agree.
pub struct Coordinator {
    chain: Digest,
    parameters: Parameters,
    /// One vote for each resolver and task: a later one replaces an earlier one.
    votes: BTreeMap<TaskId, BTreeMap<u32, (Verdict, Signature)>>,
    /// Each host's last word and when it came.
    hosts: BTreeMap<AccountId, (Millis, Host)>,
}

/// What is open on the ledger.
struct View<'a> {
    now: Millis,
    offers: &'a BTreeMap<AccountId, OfferRecord>,
    private: &'a BTreeSet<TaskId>,
    /// The owners of those who take part in private programs.
    owners: BTreeMap<AccountId, EthAddress>,
}

impl Coordinator {
    /// Starts with no vote and no host: both are said again. All else is on the ledger.
    pub fn new(chain: Digest, parameters: Parameters) -> Self {
        Self { chain, parameters, votes: BTreeMap::new(), hosts: BTreeMap::new() }
    }

    /// Checks a vote, so that its sender can be told.
    pub fn check(&self, vote: &Vote) -> Result<(), Refusal> {
        let key = usize::try_from(vote.resolver).ok().and_then(|at| self.parameters.resolvers.get(at));
        let signed = key.is_some_and(|key| key.verifies(&vote.verdict.digest(&self.chain), &vote.signature));
        if !signed {
            return Err(Refusal::NotAResolver);
        }
        let known = self.votes.contains_key(&vote.verdict.task);
        if known || self.votes.len() < TASKS_WITH_VOTES { Ok(()) } else { Err(Refusal::Full) }
    }

    /// Checks a host's word, so that its sender can be told.
    pub fn check_host(&self, host: &Host, now: Millis) -> Result<AccountId, Refusal> {
        host.address.parse::<SocketAddr>().map_err(|_| Refusal::Nowhere)?;
        let account = host.account(&self.chain).ok_or(Refusal::NotTheHost)?;
        match self.hosts.get(&account) {
            Some((_, last)) if last.at >= host.at => Err(Refusal::NotTheHost),
            Some(_) => Ok(account),
            None if self.hosts_at(now).count() < HOSTS => Ok(account),
            None => Err(Refusal::Crowded),
        }
    }

    /// Returns the words that count.
    pub fn hosts(&self, now: Millis) -> Vec<Host> {
        self.hosts_at(now).map(|(_, host)| host.clone()).collect()
    }

    fn hosts_at(&self, now: Millis) -> impl Iterator<Item = (&AccountId, &Host)> {
        self.hosts
            .iter()
            .filter(move |(_, (since, _))| since.after(VALID) > now)
            .map(|(account, (_, host))| (account, host))
    }

    /// Takes one step.
    pub fn step(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Vote(vote) => {
                if self.check(&vote).is_ok() {
                    let of_task = self.votes.entry(vote.verdict.task).or_default();
                    of_task.insert(vote.resolver, (vote.verdict, vote.signature));
                }
                Vec::new()
            }
            Input::Host { now, host } => {
                if let Ok(account) = self.check_host(&host, now) {
                    self.hosts.retain(|_, (since, _)| since.after(VALID) > now);
                    self.hosts.insert(account, (now, *host));
                }
                Vec::new()
            }
            Input::View { now, tasks, offers, private } => {
                let open: BTreeMap<TaskId, TaskRecord> = tasks.into_iter().collect();
                self.votes.retain(|task, _| open.contains_key(task));
                let owners = self.hosts_at(now).map(|(account, host)| (*account, host.identity.owner)).collect();
                let view = View { now, offers: &offers, private: &private, owners };
                open.iter().filter_map(|(id, task)| self.next(*id, task, &view)).map(Effect::Send).collect()
            }
        }
    }

    /// Returns the one thing to do about a task now, if there is one.
    fn next(&self, id: TaskId, task: &TaskRecord, view: &View<'_>) -> Option<Action> {
        if let Some(decide) = self.quorum(id, task) {
            return Some(Action::Decide(decide));
        }
        if view.now >= task.submit.deadline.after(self.parameters.verdict_window) {
            return Some(Action::Refund(Refund { task: id }));
        }
        let considered = match view.private.contains(&id) {
            true => scheduler::committee(task, view.offers, &view.owners, view.now),
            false => scheduler::plan(task, view.offers, view.now),
        };
        (!considered.is_empty()).then_some(Action::Assign(Assign { task: id, considered }))
    }

    /// Returns the verdict that enough resolvers signed and that the deliveries bear out.
    fn quorum(&self, id: TaskId, task: &TaskRecord) -> Option<Decide> {
        let verdict = Verdict::of(id, task)?;
        let votes = self.votes.get(&id)?;
        let agreeing = votes.iter().filter(|(_, (voted, _))| *voted == verdict);
        let signatures: Vec<_> = agreeing
            .map(|(resolver, (_, signature))| ResolverSignature { resolver: *resolver, signature: *signature })
            .collect();
        let enough = u32::try_from(signatures.len()).is_ok_and(|count| count >= self.parameters.threshold);
        enough.then_some(Decide { verdict, signatures })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::account::SecretKey;
    use proof::agreement::Outcome;
    use task::{Assignment, MakeOffer, Stage, Standing, Submit};
    use types::{Amount, AssetId, ContentId, Fuel, OfferId, Ppm, Rate, TallyId};

    fn id(n: u64) -> AccountId {
        AccountId(Digest::new([n, 0, 0, 0]).expect("small"))
    }

    fn key(n: u8) -> SecretKey {
        SecretKey::from_seed([n; 32])
    }

    fn parameters() -> Parameters {
        Parameters {
            coordinator: id(0),
            treasury: id(0),
            resolvers: (1..4).map(|n| key(n).public()).collect(),
            threshold: 2,
            provider_share: Ppm(0),
            author_share: Ppm(0),
            slash: Ppm(0),
            stake_min: Amount::ZERO,
            verdict_window: Millis(10),
        }
    }

    fn task(fuels: &[u64]) -> TaskRecord {
        let submit = Submit {
            program: ContentId::ZERO,
            input: ContentId::ZERO,
            fuel_limit: Fuel(1),
            memory_bytes: 1,
            asset: AssetId(Digest::ZERO),
            rate: Rate(1),
            redundancy: 2,
            deadline: Millis(100_000),
        };
        let stage = |fuel: &u64| Stage::Delivered(Outcome { exit: 0, output: ContentId::ZERO, fuel: Fuel(*fuel) });
        let assignments = (1..)
            .zip(fuels)
            .map(|(n, fuel)| Assignment { provider: id(n), offer: OfferId(Digest::ZERO), stage: stage(fuel) })
            .collect();
        let tally = TallyId(Digest::ZERO);
        TaskRecord { submit, requester: id(0), price: Amount::ZERO, tally, assignments, standing: Standing::Open(0) }
    }

    fn view(now: u64, task: &TaskRecord) -> Input {
        let digest = Digest::ZERO;
        let offer = MakeOffer {
            asset: AssetId(digest),
            stake: Amount::ZERO,
            rate: Rate(1),
            fuel_per_second: 1_000_000,
            memory_bytes: 1,
        };
        let record = OfferRecord { id: OfferId(digest), offer, tally: TallyId(digest), open_tasks: 0 };
        let offers = (1..4).map(|n| (id(n), record.clone())).collect();
        let private = BTreeSet::new();
        Input::View { now: Millis(now), tasks: vec![(TaskId(digest), task.clone())], offers, private }
    }

    fn vote(resolver: u8, verdict: &Verdict) -> Vote {
        let signature = key(resolver + 1).sign(&verdict.digest(&Digest::ZERO));
        Vote { verdict: verdict.clone(), resolver: resolver.into(), signature }
    }

    fn show(effects: &[Effect]) -> String {
        let words = effects.iter().map(|Effect::Send(action)| match action {
            Action::Assign(assign) => format!("assign of {}", assign.considered.len()),
            Action::Decide(decide) => format!("decide by {}", decide.signatures.len()),
            Action::Refund(_) => "refund".to_owned(),
            other => format!("{other:?}"),
        });
        words.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_task_is_assigned_decided_or_refunded() {
        let mut coordinator = Coordinator::new(Digest::ZERO, parameters());
        assert_eq!(show(&coordinator.step(view(0, &task(&[])))), "assign of 3");
        assert_eq!(show(&coordinator.step(view(0, &task(&[5, 6])))), "assign of 3", "a tie needs a third");
        assert_eq!(show(&coordinator.step(view(0, &task(&[5, 5])))), "", "the committee has not spoken");
        assert_eq!(show(&coordinator.step(view(100_010, &task(&[5, 5])))), "refund");
    }

    #[test]
    fn a_verdict_needs_a_quorum_that_the_deliveries_bear_out() {
        let mut coordinator = Coordinator::new(Digest::ZERO, parameters());
        let (agreed, other) = (task(&[5, 5]), task(&[6, 6]));
        let right = Verdict::of(TaskId(Digest::ZERO), &agreed).expect("decided");
        let wrong = Verdict::of(TaskId(Digest::ZERO), &other).expect("decided");
        for vote in [vote(0, &right), vote(0, &right), vote(1, &wrong)] {
            coordinator.step(Input::Vote(Box::new(vote)));
            assert_eq!(show(&coordinator.step(view(0, &agreed))), "");
        }
        coordinator.step(Input::Vote(Box::new(vote(1, &right))));
        assert_eq!(show(&coordinator.step(view(0, &agreed))), "decide by 2", "a later vote replaces the earlier one");
        assert_eq!(show(&coordinator.step(view(0, &other))), "", "what the ledger does not bear out is not sent");
        let empty =
            Input::View { now: Millis(0), tasks: Vec::new(), offers: BTreeMap::new(), private: BTreeSet::new() };
        coordinator.step(empty);
        assert_eq!(show(&coordinator.step(view(0, &agreed))), "", "votes of closed tasks are forgotten");
    }

    fn host(n: u8, at: u64) -> Host {
        let key = key(n).owned_by(EthAddress([n; 20]));
        let address = "127.0.0.1:7001".to_owned();
        Host::sign(&key, &Digest::ZERO, types::Bytes32([n; 32]), address, Millis(at))
    }

    #[test]
    fn a_private_task_waits_for_three_hosts_and_gets_nobody_else() {
        let mut coordinator = Coordinator::new(Digest::ZERO, parameters());
        let mut private = task(&[]);
        private.submit.redundancy = 3;
        let hosts: Vec<Host> = (1..4).map(|n| host(n, 5)).collect();
        let accounts: Vec<AccountId> = hosts.iter().filter_map(|host| host.account(&Digest::ZERO)).collect();
        let offer = |view: &Input| match view {
            Input::View { offers, .. } => offers.values().next().expect("one").clone(),
            _ => unreachable!("it is a view"),
        };
        let offer = offer(&view(0, &private));
        let look = |now: u64, task: &TaskRecord| Input::View {
            now: Millis(now),
            tasks: vec![(TaskId(Digest::ZERO), task.clone())],
            offers: accounts.iter().chain([&id(9)]).map(|account| (*account, offer.clone())).collect(),
            private: BTreeSet::from([TaskId(Digest::ZERO)]),
        };
        for host in &hosts {
            assert_eq!(show(&coordinator.step(look(0, &private))), "");
            assert!(coordinator.check_host(host, Millis(0)).is_ok());
            coordinator.step(Input::Host { now: Millis(0), host: Box::new(host.clone()) });
        }
        assert_eq!(
            show(&coordinator.step(look(0, &private))),
            "assign of 3",
            "the one that is no host is not considered"
        );
        assert_eq!(coordinator.hosts(Millis(0)).len(), 3);
        let mut split = task(&[5, 5, 6]);
        split.submit.redundancy = 3;
        assert_eq!(show(&coordinator.step(look(0, &split))), "", "nobody breaks a tie who was not there");
        assert_eq!(show(&coordinator.step(look(VALID.0, &private))), "", "words that nobody repeats count no longer");
        assert_eq!(show(&coordinator.step(look(100_010, &split))), "refund");
    }

    #[test]
    fn a_hosts_word_that_is_not_its_own_or_old_is_refused() {
        let mut coordinator = Coordinator::new(Digest::ZERO, parameters());
        let good = host(1, 5);
        let forged = Host { at: Millis(6), ..good.clone() };
        assert_eq!(coordinator.check_host(&forged, Millis(0)), Err(Refusal::NotTheHost));
        coordinator.step(Input::Host { now: Millis(0), host: Box::new(forged) });
        assert!(coordinator.hosts(Millis(0)).is_empty());
        coordinator.step(Input::Host { now: Millis(0), host: Box::new(good.clone()) });
        assert_eq!(coordinator.check_host(&good, Millis(0)), Err(Refusal::NotTheHost), "said before");
        assert!(coordinator.check_host(&host(1, 6), Millis(0)).is_ok());
        let nowhere = Host { address: "nowhere".to_owned(), ..host(1, 7) };
        assert_eq!(coordinator.check_host(&nowhere, Millis(0)), Err(Refusal::Nowhere));
    }

    #[test]
    fn a_vote_that_no_resolver_signed_is_refused() {
        let coordinator = Coordinator::new(Digest::ZERO, parameters());
        let verdict = Verdict::of(TaskId(Digest::ZERO), &task(&[5, 5])).expect("decided");
        let good = vote(0, &verdict);
        assert_eq!(coordinator.check(&good), Ok(()));
        assert_eq!(coordinator.check(&Vote { resolver: 1, ..good.clone() }), Err(Refusal::NotAResolver));
        assert_eq!(coordinator.check(&Vote { resolver: 9, ..good.clone() }), Err(Refusal::NotAResolver));
        let changed = Verdict { dissenting: vec![id(1)], ..verdict };
        assert_eq!(coordinator.check(&Vote { verdict: changed, ..good }), Err(Refusal::NotAResolver));
    }
}
