//! What a transfer costs on L1: bytes and gas.

use super::anvil::Anvil;
use super::{count, measured, runtime};
use crate::Measured;
use crate::chain::{self, Accounts, L1_CHAIN_ID, Plan, config};
use crate::node::settings;
use crypto::Secret;
use l1::deploy::{Deployed, Deployment, deploy};
use l1::{Call, Reader, Writer};
use proof::Domain;
use proof::committee::evidence;
use sequencer::{Effect, Input, Policy, Sequencer, Settings};
use state::State;
use transition::diff;
use transition::{Batch, ChainConfig, Checked, L1Rules, Transaction};
use types::{Amount, Bytes32, EthAddress, Millis, limits};

/// The first account of the node's public mnemonic: rich there and nowhere else.
const RICH: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
/// Transfers in the batches that are measured.
const BATCHES: [(usize, Names); 2] = [
    (1_000, Names { bytes: "spine/bytes-1k", rollup: "spine/gas-rollup-1k", validium: "spine/gas-validium-1k" }),
    (65_536, Names { bytes: "spine/bytes-64k", rollup: "spine/gas-rollup-64k", validium: "spine/gas-validium-64k" }),
];

/// A batch and the difference that is published with it.
type Sealed = (Batch, Option<Vec<u8>>);

#[derive(Clone, Copy)]
struct Names {
    bytes: &'static str,
    rollup: &'static str,
    validium: &'static str,
}

/// A batch on L1.
struct Cost {
    bytes: usize,
    gas: u64,
    chunks: usize,
}

pub(crate) fn published(quick: bool) -> Vec<Measured> {
    let (runtime, accounts) = (runtime(), if quick { 10_000 } else { 65_536 });
    let mut all = Vec::new();
    for data_on_l1 in [true, false] {
        let costs = runtime.block_on(costs(accounts, data_on_l1));
        for ((transfers, names), cost) in BATCHES.into_iter().zip(costs) {
            all.extend(figures(accounts, transfers, names, &cost, data_on_l1));
        }
    }
    all
}

fn figures(accounts: usize, transfers: usize, names: Names, cost: &Cost, data_on_l1: bool) -> Vec<Measured> {
    let each = |number: f64| vec![number / count(transfers)];
    let gas = each(f64::from(u32::try_from(cost.gas).unwrap_or(u32::MAX)));
    let mix = format!("a batch of {transfers} transfers between {accounts} accounts that had moved value before");
    if !data_on_l1 {
        let mix = format!("{mix}, settled with two of three signatures; the data stays with the committee");
        return vec![measured(names.validium, "gas/transfer", gas, &mix)];
    }
    let on_l1 = format!("{mix}, published in {} chunks and settled with two of three signatures", cost.chunks);
    vec![
        measured(names.bytes, "bytes/transfer", each(count(cost.bytes)), &format!("state difference of {mix}")),
        measured(names.rollup, "gas/transfer", gas, &on_l1),
    ]
}

/// A chain in memory with its contracts on a real node.
struct Chain {
    sequencer: Sequencer,
    now: Millis,
    writer: Writer,
    deployed: Deployed,
    accounts: Accounts,
    /// Held as long as the contracts are needed.
    _anvil: Anvil,
}

/// Settles one batch that spreads value, then those that are measured.
async fn costs(accounts: usize, data_on_l1: bool) -> Vec<Cost> {
    let config = config(L1Rules { data_on_l1, ..L1Rules::default() });
    let mut chain = Chain::start(&config, accounts).await;
    // Every account sends once, so that no batch after it makes a leaf.
    let receivers = chain.accounts.ids[1..].to_vec();
    let spread: Vec<Plan> = receivers.into_iter().map(|to| chain.accounts.plan_to(0, to, chain::GIVEN)).collect();
    chain.settle(&spread).await;
    let first: Vec<Plan> = (0..accounts).map(|from| chain.accounts.plan(from)).collect();
    chain.settle(&first).await;
    let mut costs = Vec::new();
    for (transfers, _) in BATCHES {
        let plans: Vec<Plan> = (0..transfers).map(|_| chain.accounts.plan_among_all()).collect();
        costs.push(chain.settle(&plans).await);
    }
    costs
}

impl Chain {
    async fn start(config: &ChainConfig, accounts: usize) -> Self {
        let anvil = Anvil::start();
        let mut genesis = State::default();
        genesis.apply(&transition::genesis(config));
        let deployment = Deployment {
            config_hash: config.hash(),
            genesis_root: genesis.root(),
            committee: &config.committee,
            rules: &config.rules,
            owner: EthAddress::ZERO,
            dev_token: false,
        };
        let rich: Bytes32 = RICH.parse().expect("the node's own key");
        let key = Secret::new(rich.0);
        let deployed = deploy(&anvil.url, &key, &deployment).await.expect("the contracts are deployed");
        let writer = Writer::connect(&anvil.url, &key, deployed.contracts()).await.expect("the contracts answer");
        let accounts = Accounts::new(accounts);
        let all = chain::GIVEN * u64::try_from(2 * accounts.len()).expect("a small number");
        let amount = Amount::new(all).expect("a small amount");
        writer.deposit_eth(amount, accounts.ids[0]).await.expect("the deposit is made");
        let reader = Reader::connect(&anvil.url, deployed.contracts(), 0).await.expect("the contracts answer");
        let messages = reader.starting_at(deployed.block).messages(0, 1).await.expect("the deposit is read");
        // A batch is sealed when it is told to, and whole.
        let policy =
            Policy { batch_age: Millis(1), batch_entries: usize::MAX, batch_bytes: usize::MAX, ..Policy::default() };
        let Settings { config, key, .. } = settings(config.clone());
        let mut sequencer = Sequencer::restore(config, policy, key, sequencer::core::Restored::default());
        sequencer.step(Millis(0), Input::Messages(messages));
        Self { sequencer, now: Millis(0), writer, deployed, accounts, _anvil: anvil }
    }

    /// Executes transfers, seals them into one batch, publishes what the chain publishes, and settles.
    async fn settle(&mut self, plans: &[Plan]) -> Cost {
        let chain = self.sequencer.config().hash();
        for signed in self.accounts.sign(plans, &chain) {
            let transaction: Checked = Transaction::check(&signed.bytes, &chain).expect("a signed transfer");
            self.sequencer.step(self.now, Input::Submit { ticket: 1, transaction: Box::new(transaction) });
        }
        let mut applied = 0;
        while self.sequencer.queued() > 0 {
            applied += self.tick().1;
        }
        assert_eq!(applied, plans.len(), "every transfer is applied");
        self.now = Millis(self.now.0 + 1);
        let (batch, diff) = self.tick().0.expect("the batch is due");
        self.send(&batch, diff.as_deref()).await
    }

    /// Takes a step and returns the batch that it sealed, and how many transfers it applied.
    fn tick(&mut self) -> (Option<Sealed>, usize) {
        let (mut sealed, mut applied) = (None, 0);
        for effect in self.sequencer.step(self.now, Input::Tick) {
            match effect {
                Effect::Seal { batch, diff } => sealed = Some((*batch, diff)),
                Effect::Confirm { confirmed, .. } => applied += usize::from(confirmed.receipt.is_applied()),
                Effect::Commit(_) => {}
                other => panic!("nothing else is asked for, and yet: {other:?}"),
            }
        }
        (sealed, applied)
    }

    async fn send(&self, batch: &Batch, diff: Option<&[u8]>) -> Cost {
        let (mut gas, mut hashes) = (0, Vec::new());
        for chunk in diff.into_iter().flat_map(diff::chunks) {
            let sent = self.writer.call(Call::Publish { chunk }).await.expect("the chunk is published");
            gas += sent.gas_used;
            hashes.push(crypto::eth::keccak(&[chunk]));
        }
        assert!(hashes.len() <= limits::BATCH_CHUNKS, "a batch is published in few chunks");
        let digest = batch.header.digest(&Domain { chain_id: L1_CHAIN_ID, rollup: self.deployed.rollup });
        let signatures: Vec<_> =
            chain::members().iter().take(2).map(|key| (key.address(), key.sign(&digest))).collect();
        let settled = self.writer.settle(&batch.header, &hashes, &evidence(&signatures)).await;
        gas += settled.expect("the batch is settled").gas_used;
        Cost { bytes: diff.map_or(0, <[u8]>::len), gas, chunks: hashes.len() }
    }
}
