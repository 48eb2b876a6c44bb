//! Whatever crosses between L1 and the ledger, every batch that the sequencer cuts can settle by its proof.

#![allow(clippy::unwrap_used, reason = "a helper that fails here is a failed test")]

use crypto::account::SecretKey;
use crypto::eth::EthSignature;
use ledger::bridge::{asset_of, token_word};
use ledger::{Deposit, ForcedWithdrawal, Message, Withdraw};
use proof::committee::Committee;
use proof::crossing::{Chains, ForcedAction, Inbox, Withdrawal};
use proof::joined::{Claim, Leaf};
use proof::validity::head;
use proptest::prelude::*;
use sequencer::core::Restored;
use sequencer::{Effect, Input, Policy, Sequencer};
use std::collections::BTreeMap;
use std::sync::Arc;
use task::Parameters;
use transition::leaves::{Load, Weight};
use transition::{Action, ChainConfig, Checked, Entry, Event, Executed, L1Rules, Transaction};
use types::{AccountId, ActionElements, Amount, Bytes32, Digest, Encode as _, EthAddress, Height, Millis, Ppm, limits};

/// How often a stream repeats what it draws: enough for several batches.
const ROUNDS: usize = 40;

fn config() -> ChainConfig {
    let nobody = AccountId(Digest::ZERO);
    let parameters = Parameters {
        coordinator: nobody,
        treasury: nobody,
        resolvers: Vec::new(),
        threshold: 2,
        provider_share: Ppm(0),
        author_share: Ppm(0),
        slash: Ppm(0),
        stake_min: Amount::ZERO,
        verdict_window: Millis(0),
    };
    let members = (0..limits::COMMITTEE_MEMBERS).map(|n| EthAddress([u8::try_from(n).unwrap(); 20])).collect();
    let committee = Committee { members, threshold: 2, mandatory: Vec::new() };
    let (sequencer, rules) = (key(0).public(), L1Rules { data_on_l1: true, ..L1Rules::default() });
    ChainConfig { salt: Bytes32::ZERO, l1_chain_id: 1, committee, parameters, sequencer, rules }
}

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed([n; 32])
}

/// What happens next, so many times.
#[derive(Debug, Clone, Copy)]
enum Crossing {
    Deposits(u8),
    ForcedWithdrawals(u8),
    ForcedActions(u8),
    Withdrawals(u8),
    Publications(u8),
    Tick,
}

fn crossing() -> impl Strategy<Value = Crossing> {
    prop_oneof![
        (1..100_u8).prop_map(Crossing::Deposits),
        (1..100_u8).prop_map(Crossing::ForcedWithdrawals),
        (1..60_u8).prop_map(Crossing::ForcedActions),
        (1..20_u8).prop_map(Crossing::Withdrawals),
        (1..4_u8).prop_map(Crossing::Publications),
        Just(Crossing::Tick),
    ]
}

/// A sequencer, what was sent to it, and what it made of that.
struct Stream {
    sequencer: Sequencer,
    now: u64,
    messages: u64,
    nonce: u64,
    blocks: BTreeMap<Height, Executed>,
    batches: Vec<(transition::Batch, usize)>,
}

impl Stream {
    fn start(policy: Policy) -> Self {
        let sequencer = Sequencer::restore(config(), policy, Arc::new(key(0)), Restored::default());
        Self { sequencer, now: 0, messages: 0, nonce: 0, blocks: BTreeMap::new(), batches: Vec::new() }
    }

    fn step(&mut self, input: Input) {
        for effect in self.sequencer.step(Millis(self.now), input) {
            match effect {
                Effect::Commit(executed) => drop(self.blocks.insert(executed.block.header.height, *executed)),
                Effect::Seal { batch, .. } => {
                    let bytes = self.evidence(&batch);
                    self.batches.push((*batch, bytes));
                }
                Effect::Refuse { code, .. } => panic!("refused with code {code}"),
                _ => {}
            }
        }
    }

    fn message(&mut self, make: impl Fn(u64) -> Message) {
        let message = make(self.messages);
        self.messages += 1;
        self.step(Input::Messages(vec![message]));
    }

    fn transaction(&mut self, action: Action) {
        let bytes = Transaction::sign(&key(1), &config().hash(), self.nonce, action).to_bytes();
        let checked: Checked = Transaction::check(&bytes, &config().hash()).unwrap();
        self.nonce += 1;
        self.step(Input::Submit { ticket: self.nonce, transaction: Box::new(checked) });
    }

    fn cross(&mut self, crossing: Crossing) {
        let (account, token) = (key(1).account(), token_word(EthAddress::ZERO));
        let (party, amount) = (EthAddress([7; 20]), |n| Amount::new(n).unwrap());
        let deposit = |index| Message::Deposit(Deposit { index, account, token, amount: amount(1_000), sender: party });
        let forced = |index| {
            let amount = amount(1);
            Message::Withdrawal(ForcedWithdrawal { index, account, token, amount, recipient: party })
        };
        let elements = ActionElements::default();
        let action = |index| Message::Action(ForcedAction { index, account, elements });
        let withdraw = Withdraw { asset: asset_of(EthAddress::ZERO), amount: amount(1), recipient: party };
        match crossing {
            Crossing::Deposits(count) => (0..count).for_each(|_| self.message(deposit)),
            Crossing::ForcedWithdrawals(count) => (0..count).for_each(|_| self.message(forced)),
            Crossing::ForcedActions(count) => (0..count).for_each(|_| self.message(action)),
            Crossing::Withdrawals(count) => {
                (0..count).for_each(|_| self.transaction(Action::Withdraw(withdraw.clone())));
            }
            Crossing::Publications(count) => (0..count).for_each(|_| {
                let program = types::ContentId([u8::try_from(self.nonce % 251).unwrap(); 32]);
                self.transaction(Action::Publish(task::Publish { program }));
            }),
            Crossing::Tick => self.tick(),
        }
    }

    fn tick(&mut self) {
        self.now += 1;
        self.step(Input::Tick);
    }

    /// Returns the length of a batch's evidence, as the prover writes it, and checks that the batch has few leaves.
    fn evidence(&self, batch: &transition::Batch) -> usize {
        let inbox = Inbox { count: 0, hash: Bytes32::ZERO };
        let claim = Claim {
            chain: Digest::ZERO,
            parent_root: Digest::ZERO,
            state_root: Digest::ZERO,
            entries: Digest::ZERO,
            inbox_before: inbox,
            inbox_after: inbox,
            time_before: Millis(0),
            time_after: Millis(0),
            withdrawals_root: Bytes32::ZERO,
        };
        let proof = head(&Chains::of(&[], &[]));
        let (mut leaves, mut load) = (Vec::<Leaf>::new(), Load::default());
        for (_, executed) in self.blocks.range(batch.first..=batch.last) {
            for (entry, receipt) in executed.block.entries.iter().zip(&executed.receipts) {
                if load.push(Weight::of(entry)) {
                    let proof = proof.clone().into();
                    leaves.push(Leaf { claim, messages: Vec::new(), withdrawals: Vec::new(), proof });
                }
                let leaf = leaves.last_mut().unwrap();
                if let Entry::Message(message) = entry {
                    leaf.messages.push(message.clone());
                }
                let withdrawn = |event: &Event| match event {
                    Event::Withdrawn(withdrawal) => Some(withdrawal.clone()),
                    _ => None,
                };
                let made: Vec<Withdrawal> = receipt.events.iter().filter_map(withdrawn).collect();
                leaf.withdrawals.extend(made);
            }
        }
        assert!(leaves.len() <= limits::BATCH_LEAVES, "{} leaves", leaves.len());
        let attestation = vec![1; limits::COMMITTEE_MEMBERS * size_of::<EthSignature>()];
        let named: Vec<_> = leaves.iter().map(|leaf| (Bytes32::ZERO, leaf)).collect();
        prover::onchain::evidence(&batch.header, &attestation, &named).unwrap().len()
    }
}

fn policy() -> Policy {
    Policy { by_proof: true, batch_age: Millis(1_000_000), ..Policy::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn the_evidence_of_every_batch_fits_one_transaction(drawn in prop::collection::vec(crossing(), 4..24)) {
        let mut stream = Stream::start(policy());
        stream.cross(Crossing::Deposits(1));
        for _ in 0..ROUNDS {
            drawn.iter().for_each(|crossing| stream.cross(*crossing));
            stream.tick();
        }
        // Until all that waits is in a block: each tick makes one, or cuts the batch before it.
        while stream.sequencer.queued() > 0 || stream.sequencer.inbox_next() > taken(&stream) {
            stream.tick();
        }
        for (batch, bytes) in &stream.batches {
            prop_assert!(*bytes <= limits::EVIDENCE_BYTES, "batch {} has {bytes}", batch.header.number);
        }
        // What was cut for its evidence is full of it: the largest crossing takes 608 bytes.
        let is_full = |bytes: usize| bytes > limits::EVIDENCE_BYTES - 50_000;
        let heavy = stream.messages > 2_000;
        prop_assert!(!heavy || stream.batches.iter().any(|(_, bytes)| is_full(*bytes)), "cut for nothing");
    }
}

/// Returns how many messages the chain has taken.
fn taken(stream: &Stream) -> u64 {
    stream.sequencer.state().get::<ledger::bridge::Cursor>(&0).map_or(0, |cursor| cursor.inbox_count)
}

#[test]
fn a_batch_by_proof_has_no_more_leaves_than_it_may() {
    for (batch_leaves, full) in [(limits::BATCH_LEAVES, 1), (4, 4)] {
        let mut stream = Stream::start(Policy { batch_leaves, ..policy() });
        // A publication weighs much and crosses nothing, so that leaves are what fills.
        for _ in 0..1_200 {
            stream.cross(Crossing::Publications(1));
        }
        while stream.sequencer.queued() > 0 {
            stream.tick();
        }
        assert_eq!(stream.batches.len(), full, "so many batches are full");
        for (batch, _) in &stream.batches {
            let blocks = stream.blocks.range(batch.first..=batch.last);
            let entries: usize = blocks.map(|(_, done)| done.block.entries.len()).sum();
            assert_eq!(entries, batch_leaves * (limits::LEAF_WEIGHT / 17));
        }
    }
}

#[test]
fn a_transaction_takes_the_longest_evidence_with_all_that_goes_beside_it() {
    let beside = 4 + 11 * 32 + limits::BATCH_CHUNKS * 32 + 512;
    assert!(limits::EVIDENCE_BYTES + beside <= 128 << 10);
}

#[test]
fn an_idle_moment_seals_a_young_batch() {
    let mut stream = Stream::start(Policy { batch_idle: Some(Millis(50)), ..policy() });
    stream.cross(Crossing::Deposits(1));
    stream.tick();
    stream.now += 49;
    stream.cross(Crossing::Deposits(1));
    stream.tick();
    assert_eq!(stream.batches.len(), 0, "something came meanwhile");
    stream.now += 49;
    stream.tick();
    let [(batch, _)] = &stream.batches[..] else { panic!("nothing came for so long") };
    assert_eq!((batch.first, batch.last), (Height(1), Height(2)));
}
