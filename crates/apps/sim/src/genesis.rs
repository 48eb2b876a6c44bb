//! Who takes part in a run, and the chain they found.

use crate::l1::FINAL;
use crate::load::Requester;
use crate::nodes::Working;
use crate::nodes::operator::Operator;
use crate::nodes::provider::Character;
use crate::nodes::wallet::Wallet;
use crate::prng::Prng;
use crypto::account::SecretKey;
use crypto::eth::EthKey;
use proof::committee::Committee;
use proof::{Anchor, Domain};
use sequencer::{OnTimeout, Policy, Questioning};
use settler::core::Patience;
use settler::outbox::Limits;
use state::State;
use std::sync::Arc;
use task::Parameters;
use transition::{ChainConfig, L1Rules};
use types::{Amount, Bytes32, Digest, EthAddress, Millis, Ppm};

/// A chain and its people.
pub(crate) struct Founded {
    pub(crate) config: ChainConfig,
    pub(crate) anchor: Anchor,
    pub(crate) genesis_root: Digest,
    pub(crate) coordinator: Wallet,
    /// Signs confirmations.
    pub(crate) sequencer: Arc<SecretKey>,
    pub(crate) operator: Operator,
    pub(crate) knobs: Knobs,
    /// Each member's two keys, by address.
    pub(crate) member_seeds: [MemberSeed; 3],
    pub(crate) providers: Vec<Working>,
    pub(crate) requesters: Vec<Requester>,
}

/// What the operator of this run chose.
pub(crate) struct Knobs {
    /// How many blocks of L1 on top of its own a reader waits for.
    pub(crate) confirmations: u64,
    /// What may be spent on L1.
    pub(crate) limits: Limits,
    /// How long messages that L1 dropped are waited for.
    pub(crate) patience: Patience,
    /// When batches are sealed, and what happens to transactions that would be rejected.
    pub(crate) policy: Policy,
}

impl Knobs {
    fn draw(prng: &mut Prng) -> Self {
        let on_timeout = match prng.between(0, 6) {
            0 => Some(OnTimeout::Drop),
            1 | 2 => Some(OnTimeout::Halt),
            3 => Some(OnTimeout::Quarantine),
            _ => None,
        };
        let timeout = Millis(prng.between(50, 1_000));
        let policy = Policy {
            batch_age: Millis(prng.between(300, 1_200)),
            batch_entries: usize::try_from(prng.between(8, 200)).unwrap_or(8),
            block_entries: types::limits::BLOCK_ENTRIES,
            batch_bytes: usize::try_from(prng.between(4_000, 60_000)).unwrap_or(4_000),
            questioning: on_timeout.map(|on_timeout| Questioning { timeout, on_timeout }),
            ..Policy::default()
        };
        let limits = Limits {
            gas_price_max_wei: 100_000_000_000,
            spend_max_wei: u128::from(prng.between(80, 600)) * 1_000_000_000_000_000,
            depth: FINAL,
            replace_after: Millis(prng.between(300, 1_200)),
            ..Limits::default()
        };
        let confirmations = [0, 1, 2, 4, 8][prng.place(5)];
        Self { confirmations, limits, patience: Patience(Millis(4_000)), policy }
    }
}

/// What a member's keys are made of.
#[derive(Clone, Copy)]
pub(crate) struct MemberSeed {
    batches: [u8; 32],
    verdicts: [u8; 32],
}

impl MemberSeed {
    /// Returns the keys.
    pub(crate) fn keys(&self) -> settler::member::core::Keys {
        let batches = EthKey::from_bytes(self.batches).expect("a seed with a leading zero is below the group order");
        settler::member::core::Keys { batches, verdicts: SecretKey::from_seed(self.verdicts) }
    }
}

/// Founds a chain with three members, some providers and some requesters.
pub(crate) fn found(prng: &mut Prng) -> Founded {
    let mut member_seeds = [(); 3].map(|()| {
        let mut batches = prng.bytes();
        batches[0] = 0;
        MemberSeed { batches, verdicts: prng.bytes() }
    });
    member_seeds.sort_by_key(|seed| seed.keys().batches.address());
    let coordinator = Wallet::new(prng.bytes());
    let members: Vec<EthAddress> = member_seeds.iter().map(|seed| seed.keys().batches.address()).collect();
    let mandatory = if prng.chance(400_000) { vec![members[prng.place(3)]] } else { Vec::new() };
    let committee = Committee { members, threshold: 2, mandatory };
    let parameters = Parameters {
        coordinator: coordinator.account,
        treasury: Wallet::new(prng.bytes()).account,
        resolvers: member_seeds.iter().map(|seed| seed.keys().verdicts.public()).collect(),
        threshold: 2,
        provider_share: Ppm(800_000),
        author_share: Ppm(100_000),
        slash: Ppm(prng.between(1, 1_000_001)),
        stake_min: Amount::new(1_000).unwrap_or(Amount::ZERO),
        verdict_window: Millis(3_000),
    };
    let sequencer = SecretKey::from_seed(prng.bytes());
    let config = ChainConfig {
        salt: Bytes32(prng.bytes()),
        l1_chain_id: 31_337,
        committee: committee.clone(),
        parameters,
        sequencer: sequencer.public(),
        rules: L1Rules { data_on_l1: prng.chance(500_000), ..L1Rules::default() },
    };
    assert_eq!(config.check(), Ok(()), "the founded chain is sound");
    let mut genesis = State::default();
    genesis.apply(&transition::genesis(&config));
    let domain = Domain { chain_id: config.l1_chain_id, rollup: EthAddress([0x42; 20]) };
    let anchor = Anchor { config_hash: config.hash(), domain, committee };
    let mut characters = vec![Character::Honest; 7];
    characters.extend([Character::LiesOutput, Character::LiesFuel, Character::Silent]);
    let providers = (0..).zip(characters).map(|(at, character)| Working::new(at, character, prng)).collect();
    let requesters = (0..5).map(|_| Requester { wallet: Wallet::new(prng.bytes()), programs: Vec::new() }).collect();
    let genesis_root = genesis.root();
    let (sequencer, operator, knobs) = (Arc::new(sequencer), Operator::new(prng), Knobs::draw(prng));
    Founded {
        config,
        anchor,
        genesis_root,
        coordinator,
        sequencer,
        operator,
        knobs,
        member_seeds,
        providers,
        requesters,
    }
}
