//! The transition against the circuit: whatever batch of transfers, both give the same roots and codes, and the rows hold.

use super::rows::{Rows, fault};
use super::transfers::{asset, funded, key};
use ledger::account::Transfer;
use proof::committee::Committee;
use prover::record;
use state::State;
use task::Parameters;
use transition::{Action, ChainConfig, Checked, Entry, L1Rules, Status, Transaction};
use types::{AccountId, Amount, Bytes32, Digest, Encode as _, Millis, Ppm};

/// Batches that are tried.
const BATCHES: u64 = 24;

fn config() -> ChainConfig {
    let nobody = AccountId(Digest::ZERO);
    ChainConfig {
        salt: Bytes32::ZERO,
        l1_chain_id: 1,
        committee: Committee { members: Vec::new(), threshold: 2, mandatory: Vec::new() },
        parameters: Parameters {
            coordinator: nobody,
            treasury: nobody,
            resolvers: Vec::new(),
            threshold: 2,
            provider_share: Ppm(0),
            author_share: Ppm(0),
            slash: Ppm(0),
            stake_min: Amount::ZERO,
            verdict_window: Millis(0),
        },
        sequencer: key(0).public(),
        rules: L1Rules::default(),
    }
}

/// Numbers that look random, the same ones every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Transfers among accounts, half of which have nothing yet: of nothing, of little, of all, of too much, and of the
/// most that an amount can be.
fn batch(numbers: &mut Numbers, chain: &Digest, accounts: u8) -> Vec<Checked> {
    let mut nonces = [0; 60];
    let count = 1 + numbers.below(20);
    (0..count)
        .map(|_| {
            let (from, to) = (numbers.below(accounts.into()), numbers.below(accounts.into()));
            let amount = match numbers.below(8) {
                0 => 0,
                1 => Amount::MAX.quanta(),
                2 => 100,
                3 => 101,
                _ => 1 + numbers.below(40),
            };
            let [from, to] = [from, to].map(|account| u8::try_from(account).expect("some dozens"));
            let asked =
                Transfer { to: key(to).account(), asset: asset(), amount: Amount::new(amount).expect("an amount") };
            let nonce = nonces[usize::from(from)];
            nonces[usize::from(from)] += 1;
            let tx = Transaction::sign(&key(from), chain, nonce, Action::Transfer(asked));
            Transaction::check(&tx.to_bytes(), chain).expect("just signed")
        })
        .collect()
}

#[test]
fn random_batches_are_executed_as_the_transition_does_and_can_be_proven() {
    let config = config();
    let chain = config.hash();
    for seed in 1..=BATCHES {
        let mut numbers = Numbers(seed);
        // Few accounts that meet often, or many under a tree of some depth.
        let accounts = if seed % 2 == 0 { 12 } else { 60 };
        let (mut ours, mut theirs): (State, State) = (funded(accounts / 2), funded(accounts / 2));
        let batch = batch(&mut numbers, &chain, accounts);
        let recorded = record(&mut ours, &chain, &batch).unwrap();
        let entries: Vec<Entry> = batch.iter().map(|tx| Entry::Transaction(tx.bytes().into())).collect();
        let executed = transition::execute(&mut theirs, &config, None, entries, Millis(1));
        let codes: Vec<(Digest, u32)> = executed
            .receipts
            .iter()
            .map(|receipt| match receipt.status {
                Status::Applied(_) => (receipt.id, 0),
                Status::Rejected(code) => (receipt.id, code),
            })
            .collect();
        assert_eq!(recorded.outcomes, codes, "seed {seed}");
        assert_eq!(recorded.statement.state_root, executed.block.header.state_root, "seed {seed}");
        assert_eq!(ours.root(), theirs.root());
        assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None, "seed {seed}");
    }
}
