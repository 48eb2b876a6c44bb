//! A provider's shell, and what becomes of the work of those who lie or keep silent.

use super::wallet::Wallet;
use crate::Sabotage;
use crate::check::Checked;
use crate::faults::Fault;
use crate::l1::Call;
use crate::load;
use crate::prng::Prng;
use crate::world::{L1Call, Message, Name, World};
use crypto::Secret;
use ledger::bridge::asset_of;
use provider::{Effect, Input, Provider, Ran};
use task::{MakeOffer, Offer, OfferRecord, Retire, Submit, Task};
use transition::Action;
use types::{EthAddress, Fuel, Rate, TaskId};

/// How a provider behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Character {
    Honest,
    LiesOutput,
    LiesFuel,
    Silent,
}

enum Stage {
    /// Has no offer and wants one.
    Staking,
    /// The stake is on its way through L1.
    Deposited,
    /// Works on what it is given.
    Open,
    /// Has left for good.
    Gone,
}

/// A provider that may be down.
pub(crate) struct Working {
    pub(crate) core: Option<Provider>,
    pub(crate) wallet: Wallet,
    character: Character,
    offer: MakeOffer,
    token: EthAddress,
    stage: Stage,
    life: u64,
    mark: u8,
}

impl Working {
    pub(crate) fn new(at: u8, character: Character, prng: &mut Prng) -> Self {
        let token = load::TOKENS[usize::from(at) % 2];
        let offer = MakeOffer {
            asset: asset_of(token),
            stake: load::amount(prng.between(1_000, 50_000)),
            rate: Rate(prng.between(1, 600)),
            fuel_per_second: prng.between(2_000_000, 40_000_000),
            memory_bytes: 1 << prng.between(16, 20),
        };
        let (wallet, stage) = (Wallet::new(prng.bytes()), Stage::Staking);
        Self { core: None, wallet, character, offer, token, stage, life: 0, mark: at }
    }

    pub(crate) fn lies(&self) -> bool {
        matches!(self.character, Character::LiesOutput | Character::LiesFuel)
    }

    /// Runs a task as this provider does. No two liars tell the same lie.
    fn run(&self, submit: &Submit) -> Ran {
        let (mut outcome, mut output) = load::run(submit);
        match self.character {
            Character::Honest | Character::Silent => {}
            Character::LiesOutput => {
                output = vec![b'?', self.mark];
                outcome.output = crypto::content_id(&output);
            }
            Character::LiesFuel => {
                let more = outcome.fuel.0 + u64::from(self.mark);
                outcome.fuel =
                    if more <= submit.fuel_limit.0 { Fuel(more) } else { Fuel(outcome.fuel.0.saturating_sub(1)) };
            }
        }
        Ran { outcome, output }
    }
}

fn name_of(effect: &Effect) -> &'static str {
    match effect {
        Effect::Run { .. } => "Run",
        Effect::Send(_) => "Send",
        Effect::Deliver { .. } => "Deliver",
    }
}

impl World {
    pub(crate) fn provider_start(&mut self, at: usize) -> Checked {
        let changed = self.sabotage == Sabotage::ProviderSaltChanges;
        let provider = &mut self.providers[at];
        provider.life += 1;
        let subject = if changed { load_subject(provider.life) } else { provider.wallet.account.0 };
        let seed: Secret<[u8; 32]> = provider.wallet.key().derive("delivery salts", &subject);
        provider.core = Some(Provider::new(provider.wallet.account, seed));
        if !matches!(provider.stage, Stage::Gone) {
            provider.stage = Stage::Staking;
        }
        Ok(())
    }

    pub(crate) fn provider_crash(&mut self, at: usize) {
        self.providers[at].core = None;
        self.providers[at].wallet.crash();
    }

    pub(crate) fn provider_tick(&mut self, at: usize) -> Checked {
        if self.providers[at].core.is_none() || !self.providers[at].wallet.is_idle() || !self.is_readable() {
            return Ok(());
        }
        let account = self.providers[at].wallet.account;
        let offer = self.sequencer.core.as_ref().and_then(|core| core.state().get::<Offer>(&account));
        match (&self.providers[at].stage, offer) {
            (Stage::Gone, None) => Ok(()),
            (_, Some(offer)) => {
                self.providers[at].stage = Stage::Open;
                self.provider_work(at, &offer)
            }
            (Stage::Open, None) => {
                // Retired or refuted. Some come back.
                let back = !self.draining && self.prng.chance(700_000);
                self.providers[at].stage = if back { Stage::Staking } else { Stage::Gone };
                Ok(())
            }
            (Stage::Staking | Stage::Deposited, None) => {
                self.provider_stake(at);
                Ok(())
            }
        }
    }

    fn provider_stake(&mut self, at: usize) {
        if self.draining {
            return;
        }
        let provider = &self.providers[at];
        let (account, token, make) = (provider.wallet.account, provider.token, provider.offer.clone());
        let held = load::amount(self.balance(account, make.asset));
        match make.stake.minus(held) {
            Ok(lacking) if !lacking.is_zero() => {
                if matches!(self.providers[at].stage, Stage::Staking) {
                    self.send_l1(L1Call::Send(Call::Deposit { account, token, amount: lacking }));
                    self.providers[at].stage = Stage::Deposited;
                }
            }
            _ => self.push(Name::Provider(at), Action::MakeOffer(make)),
        }
    }

    fn provider_work(&mut self, at: usize, offer: &OfferRecord) -> Checked {
        if offer.open_tasks == 0 && (self.draining || self.prng.chance(4_000)) {
            self.push(Name::Provider(at), Action::Retire(Retire {}));
            return Ok(());
        }
        let Some(node) = &self.sequencer.core else { return Ok(()) };
        let tasks: Vec<_> = node.state().iter::<Task>().filter(|(_, task)| task.is_open()).collect();
        let Some(core) = &mut self.providers[at].core else { return Ok(()) };
        let effects = core.step(Input::Tasks(tasks));
        let mut done = None;
        for effect in effects {
            let name = name_of(&effect);
            if self.dies(Name::Provider(at), done, Some(name)) {
                return Ok(());
            }
            done = Some(name);
            self.provider_effect(at, effect);
        }
        self.dies(Name::Provider(at), done, None);
        Ok(())
    }

    fn provider_effect(&mut self, at: usize, effect: Effect) {
        let provider = &self.providers[at];
        let life = provider.life;
        match effect {
            Effect::Run { .. } if provider.character == Character::Silent => self.faults.count(Fault::NoAnswer),
            Effect::Run { task, submit, .. } => {
                let ran = provider.run(&submit);
                match provider.character {
                    Character::LiesOutput => self.faults.count(Fault::WrongOutput),
                    Character::LiesFuel => self.faults.count(Fault::WrongFuel),
                    Character::Honest | Character::Silent => {}
                }
                let ran = (!self.faults.strikes(Fault::RunFailed)).then_some(ran);
                let took = self.faults.length_ms(5, 1_500);
                self.send_after(took, Name::Provider(at), Message::Ran { life, task, ran });
            }
            Effect::Send(action) => self.push(Name::Provider(at), action),
            Effect::Deliver { output, action } => {
                if !output.is_empty() {
                    self.disk.contents.insert(crypto::content_id(&output), output);
                }
                self.push(Name::Provider(at), action);
            }
        }
    }

    pub(crate) fn provider_ran(&mut self, at: usize, life: u64, task: TaskId, ran: Option<Ran>) -> Checked {
        let provider = &mut self.providers[at];
        if let Some(core) = &mut provider.core
            && provider.life == life
        {
            core.step(Input::Ran { task, ran });
        }
        Ok(())
    }
}

/// Returns another subject in each life: the sabotage that makes a second run unable to reveal.
fn load_subject(life: u64) -> types::Digest {
    types::Digest::new([life, 0, 0, 0]).unwrap_or(types::Digest::ZERO)
}
