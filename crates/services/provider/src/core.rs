//! A provider's decisions.

use crypto::Secret;
use crypto::eth::keccak;
use proof::agreement::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use task::{Commit, Deliver, Stage, Submit, TaskRecord, commitment};
use transition::Action;
use types::{AccountId, Bytes32, Encode as _, TaskId};

/// What a run gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What is committed and delivered.
    pub outcome: Outcome,
    /// What the program wrote.
    pub output: Vec<u8>,
}

/// What happens to a provider.
#[derive(Debug)]
pub enum Input {
    /// The open tasks of the ledger; those of others are passed over.
    Tasks(Vec<(TaskId, TaskRecord)>),
    /// A run ended. `None` when this machine could not run it; it is tried again.
    Ran {
        /// Which task.
        task: TaskId,
        /// What it gave.
        ran: Option<Ran>,
    },
}

/// What the provider wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Run a task.
    Run {
        /// Which task.
        task: TaskId,
        /// What was asked.
        submit: Submit,
        /// Who works on it, in the order of assignment.
        assigned: Vec<AccountId>,
    },
    /// Sign and send an action.
    Send(Action),
    /// Store the output, then sign and send the delivery that names it.
    Deliver {
        /// What the program wrote.
        output: Vec<u8>,
        /// The delivery.
        action: Action,
    },
}

/// Works on tasks.
pub struct Provider {
    account: AccountId,
    seed: Secret<[u8; 32]>,
    running: BTreeSet<TaskId>,
    done: BTreeMap<TaskId, Ran>,
}

impl Provider {
    /// Takes the provider's account and a secret from which salts are derived.
    pub fn new(account: AccountId, seed: Secret<[u8; 32]>) -> Self {
        Self { account, seed, running: BTreeSet::new(), done: BTreeMap::new() }
    }

    /// Takes one step.
    pub fn step(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Ran { task, ran } => {
                self.running.remove(&task);
                if let Some(ran) = ran {
                    self.done.insert(task, ran);
                }
                Vec::new()
            }
            Input::Tasks(tasks) => {
                let open: BTreeMap<TaskId, TaskRecord> = tasks.into_iter().collect();
                self.done.retain(|task, _| open.contains_key(task));
                open.iter().filter_map(|(id, task)| self.next(*id, task)).collect()
            }
        }
    }

    /// Returns the one thing to do about a task now, if there is one.
    fn next(&mut self, id: TaskId, task: &TaskRecord) -> Option<Effect> {
        let stage = &task.assignments[task.place_of(self.account)?].stage;
        let reveal = matches!(stage, Stage::Committed(_)) && task.may_reveal();
        if !reveal && !matches!(stage, Stage::Assigned(_)) {
            return None;
        }
        let Some(ran) = self.done.get(&id) else {
            let fresh = self.running.insert(id);
            return fresh.then(|| {
                let assigned = task.assignments.iter().map(|assignment| assignment.provider).collect();
                Effect::Run { task: id, submit: task.submit.clone(), assigned }
            });
        };
        let salt = self.salt(id);
        if reveal {
            let action = Action::Deliver(Deliver { task: id, outcome: ran.outcome.clone(), salt });
            return Some(Effect::Deliver { output: ran.output.clone(), action });
        }
        let commitment = commitment(id, self.account, &ran.outcome, &salt);
        Some(Effect::Send(Action::Commit(Commit { task: id, commitment })))
    }

    fn salt(&self, task: TaskId) -> Bytes32 {
        keccak(&[b"talea salt v1", self.seed.expose_secret(), &task.to_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use task::{Assignment, Standing};
    use types::{Amount, AssetId, ContentId, Digest, Fuel, Millis, OfferId, Rate, TallyId};

    fn account(n: u64) -> AccountId {
        AccountId(Digest::new([n, 0, 0, 0]).expect("small"))
    }

    fn provider() -> Provider {
        Provider::new(account(1), Secret::new([5; 32]))
    }

    fn ran() -> Ran {
        Ran { outcome: Outcome { exit: 0, output: ContentId::ZERO, fuel: Fuel(3) }, output: vec![1] }
    }

    fn tasks(mine: Stage, theirs: Stage) -> Input {
        let submit = Submit {
            program: ContentId::ZERO,
            input: ContentId::ZERO,
            fuel_limit: Fuel(1),
            memory_bytes: 1,
            asset: AssetId(Digest::ZERO),
            rate: Rate(1),
            redundancy: 2,
            deadline: Millis(9),
        };
        let assignments = [(2, theirs), (1, mine)]
            .map(|(n, stage)| Assignment { provider: account(n), offer: OfferId(Digest::ZERO), stage })
            .to_vec();
        let (price, tally) = (Amount::ZERO, TallyId(Digest::ZERO));
        let task = TaskRecord { submit, requester: account(9), price, tally, assignments, standing: Standing::Open(0) };
        Input::Tasks(vec![(TaskId(Digest::ZERO), task)])
    }

    fn assigned() -> Stage {
        Stage::Assigned(Millis(0))
    }

    fn committed() -> Stage {
        Stage::Committed(Digest::ZERO)
    }

    fn show(effects: &[Effect]) -> &'static str {
        match effects {
            [] => "",
            [Effect::Run { .. }] => "run",
            [Effect::Send(Action::Commit(_))] => "commit",
            [Effect::Deliver { .. }] => "deliver",
            _ => "something else",
        }
    }

    #[test]
    fn a_provider_runs_once_commits_and_reveals_when_others_have_committed() {
        let mut provider = provider();
        let task = TaskId(Digest::ZERO);
        assert_eq!(show(&provider.step(tasks(assigned(), assigned()))), "run");
        assert_eq!(show(&provider.step(tasks(assigned(), assigned()))), "", "it runs already");
        provider.step(Input::Ran { task, ran: None });
        assert_eq!(show(&provider.step(tasks(assigned(), assigned()))), "run", "a run that failed here is tried again");
        provider.step(Input::Ran { task, ran: Some(ran()) });
        assert_eq!(show(&provider.step(tasks(assigned(), assigned()))), "commit");
        assert_eq!(show(&provider.step(tasks(committed(), assigned()))), "", "nothing is shown yet");
        assert_eq!(show(&provider.step(tasks(committed(), committed()))), "deliver");
        assert_eq!(show(&provider.step(tasks(Stage::Delivered(ran().outcome), committed()))), "");
    }

    #[test]
    fn a_restart_reveals_what_was_committed_before() {
        let task = TaskId(Digest::ZERO);
        let mut before = provider();
        before.step(Input::Ran { task, ran: Some(ran()) });
        let effects = before.step(tasks(assigned(), assigned()));
        let [Effect::Send(Action::Commit(commit))] = effects.as_slice() else { panic!("a commitment") };

        let mut after = provider();
        assert_eq!(show(&after.step(tasks(committed(), committed()))), "run", "the result is found again");
        after.step(Input::Ran { task, ran: Some(ran()) });
        let effects = after.step(tasks(committed(), committed()));
        let [Effect::Deliver { action: Action::Deliver(deliver), .. }] = effects.as_slice() else {
            panic!("a delivery")
        };
        assert_eq!(commitment(task, account(1), &deliver.outcome, &deliver.salt), commit.commitment);
    }
}
