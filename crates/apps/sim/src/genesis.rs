//! Who takes part in a run, and the chain they found.

use crate::load::Requester;
use crate::nodes::Working;
use crate::nodes::provider::Character;
use crate::nodes::wallet::Wallet;
use crate::prng::Prng;
use crypto::account::SecretKey;
use crypto::eth::EthKey;
use proof::committee::Committee;
use proof::{Anchor, Domain};
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
    /// Each member's two keys, by address.
    pub(crate) member_seeds: [MemberSeed; 3],
    pub(crate) providers: Vec<Working>,
    pub(crate) requesters: Vec<Requester>,
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
    let members = member_seeds.iter().map(|seed| seed.keys().batches.address()).collect();
    let committee = Committee { members, threshold: 2, mandatory: Vec::new() };
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
    let sequencer = Arc::new(sequencer);
    Founded { config, anchor, genesis_root, coordinator, sequencer, member_seeds, providers, requesters }
}
