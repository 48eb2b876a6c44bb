//! Puts a rollup on the base chain.

use crate::abi::contested::{Claims, IClaims};
use crate::abi::proven::{QueryVerifier, StatementVerifier, ValidityVerifier};
use crate::abi::{Committee, IRollup, Rollup, TestToken, Vault};
use crate::call::Order;
use crate::chain::{Chain, Contracts};
use crate::claims::Terms;
use crate::convert::{address, digest_word, our_address};
use crate::error::Error;
use crate::payer::{Payer, block_of, created};
use crate::validity;
use alloy::primitives::{Bytes, TxKind, U256};
use alloy::rpc::types::TransactionReceipt;
use alloy::sol_types::{SolCall as _, SolConstructor as _};
use crypto::Secret;
use transition::L1Rules;
use types::{Digest, EthAddress};

/// What to deploy.
#[derive(Debug, Clone, Copy)]
pub struct Deployment<'a> {
    /// The digest of the chain's configuration.
    pub config_hash: Digest,
    /// The state root that the chain starts from.
    pub genesis_root: Digest,
    /// Who signs batches.
    pub committee: &'a proof::committee::Committee,
    /// What users may rely on, fixed for good.
    pub rules: &'a L1Rules,
    /// Who may announce another verifier; zero is nobody, for good.
    pub owner: EthAddress,
    /// Whether to add a token that anybody may mint. For dev chains only.
    pub dev_token: bool,
}

/// What was deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deployed {
    /// The chain of batches and the inbox.
    pub rollup: EthAddress,
    /// The holder of the value. Its owner, who may register tokens, is the deployer.
    pub vault: EthAddress,
    /// The way out once the rollup is frozen.
    pub exits: EthAddress,
    /// The halves of tallies that are outside the rollup.
    pub halves: EthAddress,
    /// The committee's contract.
    pub committee: EthAddress,
    /// The dev token, if one was wanted. Its quantum is one base unit.
    pub token: Option<EthAddress>,
    /// The block that the rollup and its Vault came in: nothing of theirs is in earlier ones.
    pub block: u64,
    /// What it took.
    pub gas: Gas,
}

/// Gas used by each step of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gas {
    /// The committee.
    pub committee: u64,
    /// The rollup, with the Vault, Exits and halves that it creates.
    pub rollup: u64,
    /// The dev token; 0 without one.
    pub token: u64,
    /// Registering the dev token; 0 without one.
    pub registration: u64,
}

impl Deployed {
    /// Returns the contracts that readers and writers work with.
    pub fn contracts(&self) -> Contracts {
        Contracts { rollup: self.rollup, vault: self.vault }
    }
}

/// Deploys a committee, a rollup, and on request a dev token. The rollup creates its Vault, which creates the rest, so that
/// there is no moment at which they are half bound. When it fails half way, what was deployed
/// stays there unused: deploying again starts anew.
pub async fn deploy(url: &str, key: &Secret<[u8; 32]>, deployment: &Deployment<'_>) -> Result<Deployed, Error> {
    deployment.committee.check().map_err(|source| Error::BadCommittee { source })?;
    let payer = Payer::new(Chain::connect(url).await?, key)?;

    let committee = create(&payer, &Committee::BYTECODE, &committee_arguments(deployment.committee)).await?;
    let verifier = created(&committee)?;
    finish(&payer, deployment, &committee, &verifier).await
}

/// Deploys the same, and a contract that takes bonded claims between the rollup and the committee, whose quorum then only
/// decides between claims that contradict each other. Returns that contract's address too. Nobody else may send with the
/// key meanwhile: the claims are told beforehand where the rollup will be, and the rollup refuses to be elsewhere.
pub async fn deploy_optimistic(
    url: &str,
    key: &Secret<[u8; 32]>,
    deployment: &Deployment<'_>,
    terms: &Terms,
) -> Result<(Deployed, EthAddress), Error> {
    deployment.committee.check().map_err(|source| Error::BadCommittee { source })?;
    let payer = Payer::new(Chain::connect(url).await?, key)?;

    let committee = create(&payer, &Committee::BYTECODE, &committee_arguments(deployment.committee)).await?;
    let claims = add_claims(&payer, &created(&committee)?, terms).await?;
    Ok((finish(&payer, deployment, &committee, &claims).await?, claims))
}

/// Deploys claims that are decided by `proof`, for the rollup that comes next.
async fn add_claims(payer: &Payer, proof: &EthAddress, terms: &Terms) -> Result<EthAddress, Error> {
    let next = payer.nonce().await?;
    let arguments = Claims::constructorCall {
        // This nonce is the claims' own, and the next one the rollup's.
        rollup_: address(&payer.address).create(next.saturating_add(1)),
        proof_: address(proof),
        terms_: IClaims::Terms {
            sequencer: address(&terms.sequencer),
            bond: terms.bond.0,
            window: terms.window_s,
            proverPpm: terms.prover_ppm,
        },
    };
    created(&create(payer, &Claims::BYTECODE, &arguments.abi_encode()).await?)
}

/// Makes the code of a contract out of what follows: a zero byte, on which every call stops, and data.
const KEEPER: [u8; 12] = [0x60, 0x0b, 0x59, 0x81, 0x38, 0x03, 0x80, 0x92, 0x59, 0x39, 0xf3, 0x00];

/// Deploys the same, with contracts that check validity proofs between the rollup and the committee: a batch settles by its
/// proof, and the committee's quorum vouches for its data. `key` is the verifying key of the circuit, in parts that each fit
/// a contract. Returns where the contracts are.
pub async fn deploy_proven(
    url: &str,
    key: &Secret<[u8; 32]>,
    deployment: &Deployment<'_>,
    parts: &[Vec<u8>],
) -> Result<(Deployed, validity::Contracts), Error> {
    deployment.committee.check().map_err(|source| Error::BadCommittee { source })?;
    let payer = Payer::new(Chain::connect(url).await?, key)?;

    let committee = create(&payer, &Committee::BYTECODE, &committee_arguments(deployment.committee)).await?;
    let checks = add_checks(&payer, &created(&committee)?, parts).await?;
    let deployed = finish(&payer, deployment, &committee, &checks.verifier).await?;
    Ok((deployed, checks))
}

/// Deploys the same, with bonded claims before the contracts that check proofs: a batch settles by its claim, and those
/// contracts decide when claims contradict each other. Nobody else may send with the key meanwhile.
pub async fn deploy_contested(
    url: &str,
    key: &Secret<[u8; 32]>,
    deployment: &Deployment<'_>,
    parts: &[Vec<u8>],
    terms: &Terms,
) -> Result<(Deployed, validity::Contracts), Error> {
    deployment.committee.check().map_err(|source| Error::BadCommittee { source })?;
    let payer = Payer::new(Chain::connect(url).await?, key)?;

    let committee = create(&payer, &Committee::BYTECODE, &committee_arguments(deployment.committee)).await?;
    let checks = add_checks(&payer, &created(&committee)?, parts).await?;
    let claims = add_claims(&payer, &checks.verifier, terms).await?;
    Ok((finish(&payer, deployment, &committee, &claims).await?, checks))
}

/// Deploys the contracts that check proofs, with the verifying key.
async fn add_checks(payer: &Payer, attester: &EthAddress, parts: &[Vec<u8>]) -> Result<validity::Contracts, Error> {
    let mut kept = Vec::new();
    for part in parts {
        kept.push(address(&created(&create(payer, &KEEPER.into(), part).await?)?));
    }
    let arguments = StatementVerifier::constructorCall { parts: kept }.abi_encode();
    let statements = created(&create(payer, &StatementVerifier::BYTECODE, &arguments).await?)?;
    let queries = created(&create(payer, &QueryVerifier::BYTECODE, &[]).await?)?;
    let (statements_, queries_, attester_) = (address(&statements), address(&queries), address(attester));
    let arguments = ValidityVerifier::constructorCall { statements_, queries_, attester_ }.abi_encode();
    let verifier = created(&create(payer, &ValidityVerifier::BYTECODE, &arguments).await?)?;
    Ok(validity::Contracts { statements, queries, verifier })
}

/// Deploys all that comes after the committee.
async fn finish(
    payer: &Payer,
    deployment: &Deployment<'_>,
    committee: &TransactionReceipt,
    verifier: &EthAddress,
) -> Result<Deployed, Error> {
    let rollup_arguments = Rollup::constructorCall {
        configHash_: digest_word(&deployment.config_hash),
        genesisStateRoot: digest_word(&deployment.genesis_root),
        verifier_: address(verifier),
        rules_: rules(deployment.rules),
        owner: address(&deployment.owner),
        vaultOwner: address(&payer.address),
    };
    let rollup = create(payer, &Rollup::BYTECODE, &rollup_arguments.abi_encode()).await?;
    let rollup_address = created(&rollup)?;
    let vault = our_address(payer.chain.read(&rollup_address, &Rollup::vaultCall {}).await?);
    let exits = our_address(payer.chain.read(&rollup_address, &Rollup::exitsCall {}).await?);
    let halves = our_address(payer.chain.read(&vault, &Vault::halvesCall {}).await?);

    let mut gas = Gas { committee: committee.gas_used, rollup: rollup.gas_used, token: 0, registration: 0 };
    let token = if deployment.dev_token { Some(add_token(payer, &vault, &mut gas).await?) } else { None };
    let (committee, block) = (created(committee)?, block_of(&rollup)?);
    Ok(Deployed { rollup: rollup_address, vault, exits, halves, committee, token, block, gas })
}

async fn add_token(payer: &Payer, vault: &EthAddress, gas: &mut Gas) -> Result<EthAddress, Error> {
    let receipt = create(payer, &TestToken::BYTECODE, &[]).await?;
    let token = created(&receipt)?;
    let call = Vault::registerTokenCall { token: address(&token), quantum: U256::ONE };
    let registration = payer.execute(&Order::call(vault, call.abi_encode())).await?;
    (gas.token, gas.registration) = (receipt.gas_used, registration.gas_used);
    Ok(token)
}

async fn create(payer: &Payer, code: &Bytes, arguments: &[u8]) -> Result<TransactionReceipt, Error> {
    let input = [code, arguments].concat().into();
    payer.send(&Order { to: TxKind::Create, wei: U256::ZERO, input }).await
}

fn committee_arguments(committee: &proof::committee::Committee) -> Vec<u8> {
    let members_ = committee.members.iter().map(address).collect();
    let mandatory_ = committee.mandatory.iter().map(address).collect();
    Committee::constructorCall { members_, mandatory_, threshold_: U256::from(committee.threshold) }.abi_encode()
}

fn rules(rules: &L1Rules) -> IRollup::Rules {
    IRollup::Rules {
        forcedDeadline: rules.forced_deadline_s,
        freezeGrace: rules.freeze_grace_s,
        exitWindow: rules.exit_window_s,
        dataOnL1: rules.data_on_l1,
    }
}
