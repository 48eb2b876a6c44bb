//! The contract that takes bonded claims, for rollups that believe those.

use crate::abi::contested::{Claims as Abi, IRollup};
use crate::abi::{IRollup as Ours, Rollup};
use crate::call::Order;
use crate::chain::{Chain, asked};
use crate::convert::{address, header, our_address, our_word, word};
use crate::error::Error;
use crate::inbox::BLOCKS_PER_QUERY;
use crate::units::Units;
use alloy::eips::BlockId;
use alloy::primitives::{Address, Bytes};
use alloy::providers::Provider as _;
use alloy::rpc::types::Filter;
use alloy::sol_types::{SolCall as _, SolEvent as _};
use crypto::eth::{Words, keccak};
use proof::BatchHeader;
use std::future::IntoFuture as _;
use std::ops::RangeInclusive;
use types::{Bytes32, Digest, EthAddress};

/// What proposers may rely on, fixed at deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Who commits to what batches hold.
    pub sequencer: EthAddress,
    /// What a proposer locks, in wei.
    pub bond: Units,
    /// For how long a claim can be contradicted, in seconds.
    pub window_s: u64,
    /// Which part of a lost bond goes to the prover, in millionths; the rest is burnt.
    pub prover_ppm: u32,
}

/// A call of the contract. Its interface says what each does and who may call.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// Fixes what a batch holds. For the sequencer.
    Commit {
        /// The batch.
        batch: &'a BatchHeader,
    },
    /// Locks a bond.
    Join {
        /// The bond, as the terms have it.
        bond: Units,
    },
    /// Claims what a batch leads to, or stands behind a claim of the same.
    Claim {
        /// The outcome.
        batch: &'a BatchHeader,
    },
    /// Says that a claim is to be proven, without saying what else is true.
    Doubt {
        /// The claim.
        claim: &'a Claimed,
    },
    /// Takes the sender's doubt of a claim back.
    Retract {
        /// The claim.
        digest: Bytes32,
    },
    /// Notes that the sender has a proof, a block before it gives it. Nodes estimate gas as if in their newest block, so the
    /// proof is refused there until the announcement has a block on top.
    Announce {
        /// What [`announcement`] returns.
        announcement: Bytes32,
    },
    /// Decides between claims.
    Prove {
        /// The true outcome.
        batch: &'a BatchHeader,
        /// The proof.
        evidence: &'a [u8],
    },
    /// Takes the bond of a proposer whom a proof shows wrong.
    Eliminate {
        /// The wrong claim.
        digest: Bytes32,
        /// Who stands behind it.
        proposer: EthAddress,
    },
    /// Takes an eliminated proposer away from behind a claim.
    Lift {
        /// The claim.
        digest: Bytes32,
        /// Who stood behind it.
        proposer: EthAddress,
    },
    /// Lets go of the bond behind a claim about a settled batch.
    Close {
        /// The claim.
        digest: Bytes32,
        /// Who stands behind it.
        proposer: EthAddress,
    },
    /// Takes the sender's bond back.
    Leave,
    /// Pays what is owed.
    Collect {
        /// To whom; what is owed to the zero address is burnt.
        payee: EthAddress,
    },
}

/// What a batch holds, as the sequencer fixed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commitment {
    /// The list root of its data.
    pub data_root: Bytes32,
    /// How many messages are consumed after it.
    pub inbox_count: u64,
    /// When it was fixed, in seconds since the Unix epoch.
    pub committed_at: u64,
}

/// The claims about one batch after one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contest {
    /// The outcome that a proof supports.
    pub proven: Option<Bytes32>,
    /// When the last claim came to count.
    pub since: u64,
    /// How many claims count. With more than one, the batch waits for a proof.
    pub claims: u32,
}

/// How a proposer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No bond.
    Stranger,
    /// A bond, and claims that hold it.
    Bonded {
        /// How many.
        open: u64,
    },
    /// Shown wrong, for good.
    Eliminated,
}

/// Whether a proposer stands behind a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// It never did.
    None,
    /// It does.
    Behind,
    /// It did, and was eliminated.
    Lifted,
    /// It has nothing to answer for any more.
    Closed,
}

/// What a header says that nobody looks at who decides about claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// The chain's configuration.
    pub config_hash: Bytes32,
    /// How many messages are consumed.
    pub inbox_count: u64,
    /// The inbox's rolling hash after them.
    pub inbox_hash: Bytes32,
    /// The list root of the batch's withdrawals.
    pub withdrawals_root: Bytes32,
    /// The list root of its data.
    pub data_root: Bytes32,
    /// The hash of its published difference.
    pub diff_hash: Bytes32,
}

/// That a proposer stands behind a claim, or doubts one. Roots are as they were claimed: a liar may name what is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// What it goes by: of a claim the digest of its header, of a doubt what [`doubt_of`] returns.
    pub digest: Bytes32,
    /// Who.
    pub proposer: EthAddress,
    /// The claim that is doubted, if it is a doubt.
    pub doubts: Option<Bytes32>,
    /// What else the claim says.
    pub rest: Rest,
    /// The batch.
    pub number: u64,
    /// The state before it.
    pub parent_root: Bytes32,
    /// The state after it.
    pub state_root: Bytes32,
}

/// How deep a block is that no reorganisation reaches, for whoever keeps what was claimed in it.
const DEEP: u64 = 64;

/// What was claimed in the blocks that were read. Those that a reorganisation can reach are read anew each time.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    deep: Vec<Claimed>,
    /// The first block that is not kept.
    next: u64,
}

impl Heard {
    /// Begins with this block.
    pub fn starting_at(block: u64) -> Self {
        Self { deep: Vec::new(), next: block }
    }

    /// Forgets what was claimed about batches before this one.
    pub fn forget_before(&mut self, batch: u64) {
        self.deep.retain(|claimed| claimed.number >= batch);
    }
}

/// Returns what doubts of a claim go by, where they are asked about like claims.
pub fn doubt_of(claim: &Bytes32) -> Bytes32 {
    keccak(&[&claim.0])
}

/// Returns what a prover announces before it gives a proof, so that nobody who sees the proof is paid for it.
pub fn announcement(prover: &EthAddress, batch: &Bytes32, evidence: &[u8]) -> Bytes32 {
    Words::new().address(prover).bytes32(batch).bytes32(&keccak(&[evidence])).keccak()
}

impl Step<'_> {
    /// Orders this call of a contract.
    pub(crate) fn order(self, claims: &EthAddress) -> Order {
        let call = |input| Order::call(claims, input);
        match self {
            Self::Commit { batch } => {
                let BatchHeader { number, inbox_count, .. } = *batch;
                let (inbox, data) = (word(&batch.inbox_hash), word(&batch.data_root));
                call(Abi::commitCall { number, inboxCount: inbox_count, inboxHash: inbox, dataRoot: data }.abi_encode())
            }
            Self::Join { bond } => Order { wei: bond.0, ..call(Abi::joinCall {}.abi_encode()) },
            Self::Claim { batch } => call(Abi::claimCall { header: outcome(batch) }.abi_encode()),
            Self::Doubt { claim } => call(Abi::doubtCall { header: claim.header() }.abi_encode()),
            Self::Retract { digest } => call(Abi::retractCall { digest: word(&digest) }.abi_encode()),
            Self::Announce { announcement } => {
                call(Abi::announceCall { announcement: word(&announcement) }.abi_encode())
            }
            Self::Prove { batch, evidence } => {
                call(Abi::proveCall { header: outcome(batch), evidence: evidence.to_vec().into() }.abi_encode())
            }
            Self::Eliminate { digest, proposer } => {
                call(Abi::eliminateCall { digest: word(&digest), proposer: address(&proposer) }.abi_encode())
            }
            Self::Lift { digest, proposer } => {
                call(Abi::liftCall { digest: word(&digest), proposer: address(&proposer) }.abi_encode())
            }
            Self::Close { digest, proposer } => {
                call(Abi::closeCall { digest: word(&digest), proposer: address(&proposer) }.abi_encode())
            }
            Self::Leave => call(Abi::leaveCall {}.abi_encode()),
            Self::Collect { payee } => call(Abi::collectCall { payee: address(&payee) }.abi_encode()),
        }
    }
}

/// Reads the contract, as of the newest block: whoever may have to contradict has no time to wait for confirmations.
#[derive(Debug)]
pub struct Claims {
    chain: Chain,
    address: EthAddress,
}

impl Claims {
    /// Connects to a node and asks the rollup for what it believes; `None` if that is evidence and not claims.
    pub async fn of_rollup(url: &str, rollup: EthAddress) -> Result<Option<Self>, Error> {
        let chain = Chain::connect(url).await?;
        let verifier = our_address(chain.read(&rollup, &Rollup::verifierCall {}).await?);
        // Evidence that decides by itself is its own proof. Every verifier answers this.
        let proof = our_address(chain.read(&verifier, &Abi::proofCall {}).await?);
        Ok((proof != verifier).then_some(Self { chain, address: verifier }))
    }

    /// Returns where the contract is.
    pub fn address(&self) -> EthAddress {
        self.address
    }

    /// Returns what proposers may rely on.
    pub async fn terms(&self) -> Result<Terms, Error> {
        let found = self.chain.read(&self.address, &Abi::termsCall {}).await?;
        let sequencer = our_address(found.sequencer);
        Ok(Terms { sequencer, bond: Units(found.bond), window_s: found.window, prover_ppm: found.proverPpm })
    }

    /// Returns the last batch that the sequencer committed to; 0 before the first.
    pub async fn last_committed(&self) -> Result<u64, Error> {
        self.chain.read(&self.address, &Abi::lastCommittedCall {}).await
    }

    /// Returns what a batch holds; `None` while the sequencer has not committed to it.
    pub async fn commitment(&self, number: u64) -> Result<Option<Commitment>, Error> {
        let found = self.chain.read(&self.address, &Abi::commitmentOfCall { number }).await?;
        let (data_root, inbox_count) = (our_word(found.dataRoot), found.inboxCount);
        let commitment = Commitment { data_root, inbox_count, committed_at: found.committedAt };
        Ok((commitment.committed_at != 0).then_some(commitment))
    }

    /// Returns how many proposers stand behind a claim.
    pub async fn proposers(&self, digest: &Bytes32) -> Result<u32, Error> {
        let found = self.chain.read(&self.address, &Abi::claimOfCall { digest: word(digest) }).await?;
        Ok(found.proposers)
    }

    /// Returns how the claims about a batch after a state stand.
    pub async fn contest(&self, number: u64, parent_root: &Digest) -> Result<Contest, Error> {
        self.contest_after(number, &Bytes32(parent_root.to_be_bytes())).await
    }

    /// Returns how the claims about a batch after a state stand, whatever was named as that state.
    pub async fn contest_after(&self, number: u64, parent_root: &Bytes32) -> Result<Contest, Error> {
        let call = Abi::contestOfCall { number, parentRoot: word(parent_root) };
        let found = self.chain.read(&self.address, &call).await?;
        let proven = our_word(found.proven);
        let proven = (proven != Bytes32::ZERO).then_some(proven);
        Ok(Contest { proven, since: found.since, claims: found.claims })
    }

    /// Returns how a proposer stands.
    pub async fn standing(&self, proposer: &EthAddress) -> Result<Standing, Error> {
        let found = self.chain.read(&self.address, &Abi::proposerOfCall { account: address(proposer) }).await?;
        match found.standing {
            0 => Ok(Standing::Stranger),
            1 => Ok(Standing::Bonded { open: found.open }),
            2 => Ok(Standing::Eliminated),
            other => Err(Error::Inconsistent { what: format!("{proposer} stands as {other}, which nobody does") }),
        }
    }

    /// Returns what can be collected for a payee, in wei.
    pub async fn owed(&self, payee: &EthAddress) -> Result<Units, Error> {
        let payee: Address = address(payee);
        self.chain.read(&self.address, &Abi::owedToCall { payee }).await.map(Units)
    }

    /// Says whether the rollup is frozen or believes another verifier, so that bonds can be taken back.
    pub async fn is_over(&self) -> Result<bool, Error> {
        self.chain.read(&self.address, &Abi::isOverCall {}).await
    }

    /// Returns how a proposer stands to a claim.
    pub async fn stance(&self, digest: &Bytes32, proposer: &EthAddress) -> Result<Stance, Error> {
        let call = Abi::stanceOfCall { digest: word(digest), proposer: address(proposer) };
        match self.chain.read(&self.address, &call).await? {
            0 => Ok(Stance::None),
            1 => Ok(Stance::Behind),
            2 => Ok(Stance::Lifted),
            3 => Ok(Stance::Closed),
            other => Err(Error::Inconsistent { what: format!("{proposer} takes the stance {other}, which is none") }),
        }
    }

    /// Returns the block in which a proof was announced; `None` if it was not.
    pub async fn announced_in(&self, announcement: &Bytes32) -> Result<Option<u64>, Error> {
        let block = self.chain.read(&self.address, &Abi::announcedInCall { announcement: word(announcement) }).await?;
        let block = u64::try_from(block);
        let block = block.map_err(|_| Error::Inconsistent { what: "a proof was announced in no block".to_owned() })?;
        Ok((block != 0).then_some(block))
    }

    /// Says whether the rollup would believe a claim in the newest block: its window is over and nothing contradicts it, or
    /// it is proven.
    pub async fn is_accepted(&self, digest: &Bytes32) -> Result<bool, Error> {
        let call = Abi::acceptsCall { digest: word(digest), _1: Bytes::new() };
        match self.chain.read(&self.address, &call).await {
            Err(Error::Reverted { .. }) => Ok(false),
            answer => answer,
        }
    }

    /// Returns the last settled batch.
    pub async fn settled(&self) -> Result<u64, Error> {
        let rollup = our_address(self.chain.read(&self.address, &Abi::rollupCall {}).await?);
        self.chain.read(&rollup, &Rollup::batchNumberCall {}).await
    }

    /// Returns the state after the last settled batch.
    pub async fn settled_root(&self) -> Result<Bytes32, Error> {
        let rollup = our_address(self.chain.read(&self.address, &Abi::rollupCall {}).await?);
        Ok(our_word(self.chain.read(&rollup, &Rollup::stateRootCall {}).await?))
    }

    /// Returns the time of the newest block, in seconds since the Unix epoch.
    pub async fn now_s(&self) -> Result<u64, Error> {
        let block = asked("its newest block", self.chain.node.get_block(BlockId::latest()).into_future()).await?;
        let block = block.ok_or_else(|| Error::Inconsistent { what: "there is no newest block".to_owned() })?;
        Ok(block.header.timestamp)
    }

    /// Returns the newest block.
    pub async fn head(&self) -> Result<u64, Error> {
        asked("its newest block", self.chain.node.get_block_number()).await
    }

    /// Returns who claimed what since the first block that `heard` began with, in order, up to the newest block.
    pub async fn follow(&self, heard: &mut Heard) -> Result<Vec<Claimed>, Error> {
        let head = self.head().await?;
        while heard.next.saturating_add(DEEP) <= head {
            let last = (head - DEEP).min(heard.next.saturating_add(BLOCKS_PER_QUERY - 1));
            heard.deep.extend(self.claimed(heard.next..=last).await?);
            heard.next = last + 1;
        }
        let newest = self.claimed(heard.next..=head).await?;
        Ok(heard.deep.iter().copied().chain(newest).collect())
    }

    /// Returns who claimed and doubted what in these blocks, in order.
    pub async fn claimed(&self, blocks: RangeInclusive<u64>) -> Result<Vec<Claimed>, Error> {
        let signatures = vec![Abi::Claimed::SIGNATURE_HASH, Abi::Doubted::SIGNATURE_HASH];
        let filter = Filter::new().address(address(&self.address)).event_signature(signatures);
        let logs = self.chain.logs(&filter, *blocks.start(), *blocks.end()).await?;
        let read = logs.iter().map(|log| {
            let data = &log.inner.data;
            let event = if data.topics().first() == Some(&Abi::Doubted::SIGNATURE_HASH) {
                Abi::Doubted::decode_log_data_validate(data).map(|event| {
                    let doubted = our_word(event.digest);
                    Claimed::of(doubt_of(&doubted), Some(doubted), our_address(event.proposer), &event.header)
                })
            } else {
                Abi::Claimed::decode_log_data_validate(data)
                    .map(|event| Claimed::of(our_word(event.digest), None, our_address(event.proposer), &event.header))
            };
            event.map_err(|_| Error::Inconsistent { what: "a log is no claim".to_owned() })
        });
        read.collect()
    }
}

impl Claimed {
    fn of(digest: Bytes32, doubts: Option<Bytes32>, proposer: EthAddress, header: &IRollup::Header) -> Self {
        let rest = Rest {
            config_hash: our_word(header.configHash),
            inbox_count: header.inboxCount,
            inbox_hash: our_word(header.inboxHash),
            withdrawals_root: our_word(header.withdrawalsRoot),
            data_root: our_word(header.dataRoot),
            diff_hash: our_word(header.diffHash),
        };
        let (parent_root, state_root) = (our_word(header.parentRoot), our_word(header.stateRoot));
        Self { digest, doubts, proposer, number: header.number, parent_root, state_root, rest }
    }

    fn header(&self) -> IRollup::Header {
        let Rest { config_hash, inbox_count, inbox_hash, withdrawals_root, data_root, diff_hash } = &self.rest;
        IRollup::Header {
            configHash: word(config_hash),
            number: self.number,
            parentRoot: word(&self.parent_root),
            stateRoot: word(&self.state_root),
            inboxCount: *inbox_count,
            inboxHash: word(inbox_hash),
            withdrawalsRoot: word(withdrawals_root),
            dataRoot: word(data_root),
            diffHash: word(diff_hash),
        }
    }
}

/// Returns a header as this contract's description spells it: the rollup's, once more.
fn outcome(batch: &BatchHeader) -> IRollup::Header {
    let Ours::Header {
        configHash,
        number,
        parentRoot,
        stateRoot,
        inboxCount,
        inboxHash,
        withdrawalsRoot,
        dataRoot,
        diffHash,
    } = header(batch);
    IRollup::Header {
        configHash,
        number,
        parentRoot,
        stateRoot,
        inboxCount,
        inboxHash,
        withdrawalsRoot,
        dataRoot,
        diffHash,
    }
}
