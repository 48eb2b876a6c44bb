//! The development accounts of a local network.
//!
//! Their L1 keys are the well-known ones of the test mnemonic that every local Ethereum node funds. They are no
//! secrets, and nothing outside a local chain may ever use them.

use crate::error::Error;
use crate::network::Network;
use crate::network::files::{Deployed, Execution, PROVER_PPM};
use api::{Contracts, Validity};
use client::derive_key;
use crypto::Secret;
use crypto::account::SecretKey;
use crypto::eth::EthKey;
use l1::claims::Terms;
use l1::deploy::{Deployment, deploy as deploy_contracts, deploy_contested, deploy_proven};
use l1::{Units, Writer};
use prover::onchain::Key;
use state::State;
use types::{AccountId, Bytes32, Encode as _, EthAddress};

/// Wei in a gwei.
const WEI: u128 = 1_000_000_000;

/// What a provider stakes, in quanta of the development token: 1,000.000000.
pub const STAKE: u64 = 1_000_000_000;
/// What every development account is given on L1, in base units of the development token: 1,000,000.000000.
const MINTED: u64 = 1_000_000_000_000;

/// Who is who among the development accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Deploys the contracts and pays for settling.
    Operator,
    /// Buys compute.
    Requester,
    /// Writes programs.
    Author,
    /// Sells compute.
    ProviderA,
    /// Sells compute.
    ProviderB,
    /// Sells compute where private programs are run, which takes three.
    ProviderC,
    /// Sells compute, and lies when the demo asks for it.
    Liar,
}

const ROLES: [(Role, &str, &str); 7] = [
    (Role::Operator, "operator", "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    (Role::Requester, "requester", "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
    (Role::Author, "author", "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"),
    (Role::ProviderA, "provider-a", "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"),
    (Role::ProviderB, "provider-b", "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a"),
    (Role::ProviderC, "provider-c", "0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e"),
    (Role::Liar, "liar", "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"),
];

/// A development account, for showing.
pub struct Account {
    /// Who it is.
    pub name: &'static str,
    /// Its L1 address.
    pub address: EthAddress,
    /// Its L1 key: public knowledge.
    pub secret: Bytes32,
    /// Its account on the ledger, once the contracts are deployed.
    pub account: Option<AccountId>,
}

impl Role {
    fn row(self) -> (&'static str, Bytes32) {
        let (_, name, secret) = ROLES.iter().find(|(role, _, _)| *role == self).expect("every role has its row");
        (name, secret.parse().expect("the well-known keys are 32 bytes"))
    }

    /// Returns the role's name.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// Returns the role's L1 key.
    pub fn l1_key(self) -> EthKey {
        EthKey::from_bytes(self.row().1.0).expect("the well-known keys are in range")
    }

    /// Returns the role's L1 secret, for a writer.
    pub fn l1_secret(self) -> Secret<[u8; 32]> {
        Secret::new(self.row().1.0)
    }

    /// Returns the role's account key on this network.
    pub fn key(self, network: &Network) -> Result<SecretKey, Error> {
        Ok(derive_key(&self.l1_key(), &network.domain()?))
    }

    /// Connects a writer that sends from the role's L1 account.
    pub async fn writer(self, network: &Network) -> Result<Writer, Error> {
        Ok(Writer::connect(&network.l1, &self.l1_secret(), network.l1_contracts()?).await?)
    }
}

/// Lists the development accounts.
pub fn accounts(network: &Network) -> Vec<Account> {
    let row = |(role, name, _): &(Role, &'static str, &str)| Account {
        name,
        address: role.l1_key().address(),
        secret: role.row().1,
        account: role.key(network).ok().map(|key| key.account()),
    };
    ROLES.iter().map(row).collect()
}

/// Deploys the contracts and gives every development account tokens.
pub async fn deploy(network: &Network) -> Result<Deployed, Error> {
    let mut genesis = State::default();
    genesis.apply(&transition::genesis(&network.config));
    let deployment = Deployment {
        config_hash: network.config.hash(),
        genesis_root: genesis.root(),
        committee: &network.config.committee,
        rules: &network.config.rules,
        // Nobody can put another verifier in the place of this one.
        owner: EthAddress::ZERO,
        dev_token: network.operator_key.is_none(),
    };
    let operator = network.operator()?;
    let (deployed, validity) = match network.execution {
        Execution::Committee => (deploy_contracts(&network.l1, &operator, &deployment).await?, None),
        Execution::Zk => {
            let parts = Key::new().parts();
            let (deployed, checks) = deploy_proven(&network.l1, &operator, &deployment, &parts).await?;
            let l1::validity::Contracts { statements, queries, verifier } = checks;
            (deployed, Some(Validity { statements, queries, verifier }))
        }
        Execution::Optimistic => {
            let terms = network.terms.ok_or_else(|| Error::failed("network.json names no terms: restore it"))?;
            let sequencer = EthKey::from_bytes(*operator.expose_secret());
            let sequencer = sequencer.ok_or_else(|| Error::failed("the operator's key is none: name another"))?;
            let terms = Terms {
                sequencer: sequencer.address(),
                bond: Units::from(u128::from(terms.bond_gwei) * WEI),
                window_s: terms.window_s,
                prover_ppm: PROVER_PPM,
            };
            let parts = Key::new().parts();
            let (deployed, checks) = deploy_contested(&network.l1, &operator, &deployment, &parts, &terms).await?;
            let l1::validity::Contracts { statements, queries, verifier } = checks;
            (deployed, Some(Validity { statements, queries, verifier }))
        }
    };
    // The rollup names only the configuration's hash. With its bytes beside it, L1 alone tells the chain's rules and the
    // state that it starts from.
    let writer = Writer::connect(&network.l1, &operator, deployed.contracts()).await?;
    writer.call(l1::Call::Publish { chunk: &network.config.to_bytes() }).await?;
    if let Some(token) = deployed.token {
        for (role, _, _) in &ROLES {
            writer.mint(token, role.l1_key().address(), Units::from(MINTED)).await?;
        }
    }
    let contracts = Contracts {
        rollup: deployed.rollup,
        vault: deployed.vault,
        committee: deployed.committee,
        exits: deployed.exits,
        halves: deployed.halves,
        token: deployed.token,
        validity,
    };
    Ok(Deployed { contracts, block: deployed.block })
}
