//! A member's loop: follows the public feed, stores, sends signatures. It has no private door to the sequencer.

use super::core::{Effect, Input, Keys, Member, Restored};
use api::{BatchSignature, Hex, Vote};
use client::Client;
use proof::Anchor;
use state::State;
use std::time::{Duration, Instant};
use store::Store;
use transition::{Batch, ChainConfig};
use types::Causes;

/// How long one poll of the feed waits for a block. Signatures are asked for in between.
const POLL_MS: u64 = 100;
/// How often a verdict is signed again while the ledger has not heard it.
const REPEAT: Duration = Duration::from_millis(1_000);
/// How long to pause after the feed failed.
const PAUSE: Duration = Duration::from_millis(200);

/// Why a member stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed: nothing more may be signed.
    #[error("the member cannot store: see the cause, then start it again")]
    Store(#[from] store::Error),
    /// The feed shows another chain than the one executed here.
    #[error(
        "the feed is not the chain that this member executed ({0}): nothing of it is signed; compare the node's data with this member's"
    )]
    Halted(String),
    /// The keys are not a member's.
    #[error("these keys belong to no member of the chain's committee: check which key file this member was given")]
    Stranger,
}

fn restore(store: &Store, config: ChainConfig, anchor: Anchor, keys: Keys) -> Result<Member, Error> {
    let found = store.resume(&transition::genesis(&config))?;
    let (state, head, batch) = (State::restore(found.leaves), found.head, found.batch.map(|batch| batch.header));
    let (blocks, receipts) = found.unsealed.into_iter().unzip();
    Ok(Member::restore(config, anchor, keys, Restored { state, head, batch, blocks, receipts }))
}

/// Runs until the store fails or the feed does not hold. A feed that is away is waited for.
pub async fn run(client: Client, store: Store, config: ChainConfig, anchor: Anchor, keys: Keys) -> Result<(), Error> {
    let member = restore(&store, config, anchor, keys)?;
    let resolver = member.resolver().ok_or(Error::Stranger)?;
    let mut following = Following { member, resolver, client, store, said: Instant::now() };
    loop {
        if let Err(error) = following.turn().await? {
            tracing::warn!(error = %Causes(&error), "feed");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

struct Following {
    member: Member,
    resolver: u32,
    client: Client,
    store: Store,
    said: Instant,
}

impl Following {
    /// Takes one turn. The inner result is the feed's failure, which passes; the outer one is ours, which does not.
    async fn turn(&mut self) -> Result<Result<(), client::Error>, Error> {
        match self.client.blocks(self.member.next(), POLL_MS).await {
            Ok(blocks) => {
                for block in blocks {
                    let effects = self.member.step(Input::Block(Box::new(block)));
                    if let Err(error) = self.perform(effects).await? {
                        return Ok(Err(error));
                    }
                }
            }
            Err(error) => return Ok(Err(error)),
        }
        let unsigned = match self.client.batches_unsigned().await {
            Ok(unsigned) => unsigned,
            Err(error) => return Ok(Err(error)),
        };
        for asked in unsigned {
            if let Err(error) = self.catch_up(asked.header.number).await? {
                return Ok(Err(error));
            }
            if let Err(error) = self.sign(asked).await? {
                return Ok(Err(error));
            }
        }
        if self.said.elapsed() < REPEAT {
            return Ok(Ok(()));
        }
        self.said = Instant::now();
        let effects = self.member.step(Input::Tick);
        self.perform(effects).await
    }

    /// Signs the batches that got their quorum without this member: each batch starts where the one before it ends.
    async fn catch_up(&mut self, asked: u64) -> Result<Result<(), client::Error>, Error> {
        let last = self.store.last_batch()?.map_or(0, |batch| batch.header.number);
        for number in last + 1..asked {
            let missed = match self.client.batch(number).await {
                Ok(view) => view.batch,
                Err(error) => return Ok(Err(error)),
            };
            if let Err(error) = self.sign(missed).await? {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    async fn sign(&mut self, asked: Batch) -> Result<Result<(), client::Error>, Error> {
        let stored = self.store.batch(asked.header.number)?.map(Box::new);
        let effects = self.member.step(Input::Batch { asked: Box::new(asked), stored });
        self.perform(effects).await
    }

    async fn perform(&self, effects: Vec<Effect>) -> Result<Result<(), client::Error>, Error> {
        for effect in effects {
            let sent = match effect {
                Effect::Commit(executed) => {
                    self.store.commit_block(&executed)?;
                    Ok(())
                }
                Effect::CommitBatch(batch) => {
                    self.store.commit_batch(&batch)?;
                    Ok(())
                }
                Effect::SignBatch { number, signature } => {
                    let signature =
                        BatchSignature { signer: self.member.address(), signature: Hex(signature.to_vec()) };
                    self.client.sign_batch(number, &signature).await
                }
                Effect::Vote { verdict, signature } => {
                    self.client.vote(&Vote { verdict, resolver: self.resolver, signature }).await
                }
                Effect::Refuse(why) => {
                    tracing::error!(why, "refused to sign");
                    Ok(())
                }
                Effect::Halt(why) => return Err(Error::Halted(why)),
            };
            match sent {
                // A refusal means that it was heard already, or came too late to matter: it is not asked for again.
                Err(client::Error::Refused(failure)) => tracing::debug!(message = failure.message, "not needed"),
                Err(error) => return Ok(Err(error)),
                Ok(()) => {}
            }
        }
        Ok(Ok(()))
    }
}
