//! A member's loop: follows the public feed, stores, sends signatures. It has no private door to the sequencer.

use super::core::{Divergence, Effect, Input, Keys, Member, Restored, Sight, Stand, Way, way_back};
use crate::core::Patience;
use api::{BatchSignature, Hex, Vote};
use client::Client;
use l1::Reader;
use proof::Anchor;
use state::Sequential;
use std::time::{Duration, Instant};
use store::Store;
use transition::{Batch, ChainConfig};
use types::{Bytes32, Causes, Height};

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
    /// The feed shows another chain than the one executed here, and L1 gives no reason for it.
    #[error(
        "the feed is not the chain that this member executed ({0}): nothing of it is signed; compare the node's data with this member's"
    )]
    Halted(String),
    /// The keys are not a member's.
    #[error("these keys belong to no member of the chain's committee: check which key file this member was given")]
    Stranger,
}

/// Why a turn was not finished, which passes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Away {
    #[error("the feed is away")]
    Feed(#[from] client::Error),
    #[error("L1 is away")]
    L1(#[from] l1::Error),
    #[error("the feed is another chain, and L1 may be about to show why")]
    Wait,
}

/// What a member works with.
pub struct Setting {
    /// The public feed.
    pub client: Client,
    /// The member's own store.
    pub store: Store,
    /// The member's own view of L1.
    pub reader: Reader,
    /// The chain's configuration.
    pub config: ChainConfig,
    /// Which contract its signatures are for.
    pub anchor: Anchor,
    /// How long messages that L1 dropped are waited for before the chain is taken back.
    pub patience: Patience,
    /// How many leaves of the state are kept in memory beside those that the store is yet to take; `None` for all.
    pub state_cache_leaves: Option<usize>,
}

/// Makes the keys, which cannot be copied, out of what they are kept in.
pub type KeysOf = Box<dyn Fn() -> Keys + Send + Sync>;

fn restore(setting: &Setting, keys: Option<Keys>) -> Result<Member, Error> {
    let found = setting.store.resume(&transition::genesis(&setting.config))?;
    let state = setting.store.state(setting.state_cache_leaves, &Sequential)?;
    let (head, batch) = (found.head, found.batch.map(|batch| batch.header));
    let (blocks, receipts) = found.unsealed.into_iter().unzip();
    let restored = Restored { state, head, batch, blocks, receipts, undo: found.undo };
    Ok(Member::restore(setting.config.clone(), setting.anchor.clone(), keys, restored))
}

/// Runs until the store fails or the feed does not hold. A feed that is away is waited for.
pub async fn run(setting: Setting, keys: KeysOf) -> Result<(), Error> {
    let mut following = Following::restore(setting, Some(keys))?;
    if following.resolver.is_none() {
        return Err(Error::Stranger);
    }
    loop {
        if let Err(error) = following.turn().await? {
            tracing::warn!(error = %Causes(&error), "not followed");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A member that follows the feed, or an observer.
pub(crate) struct Following {
    member: Member,
    resolver: Option<u32>,
    pub(crate) setting: Setting,
    keys: Option<KeysOf>,
    said: Instant,
    /// Since when the feed is another chain.
    diverged: Option<Instant>,
}

/// The inner result passes; the outer one does not.
pub(crate) type Turn = Result<Result<(), Away>, Error>;

impl Following {
    /// Takes up from the store. Without keys it observes, and signs nothing.
    pub(crate) fn restore(setting: Setting, keys: Option<KeysOf>) -> Result<Self, Error> {
        let member = restore(&setting, keys.as_ref().map(|keys| keys()))?;
        let resolver = member.resolver();
        Ok(Self { member, resolver, setting, keys, said: Instant::now(), diverged: None })
    }

    fn again(&self) -> Result<Member, Error> {
        restore(&self.setting, self.keys.as_ref().map(|keys| keys()))
    }

    /// Takes the blocks that the feed has.
    pub(crate) async fn follow(&mut self) -> Turn {
        match self.setting.client.blocks(self.member.next(), POLL_MS).await {
            Ok(blocks) => {
                for block in blocks {
                    let effects = self.member.step(Input::Block(Box::new(block)));
                    if let Err(error) = self.perform(effects).await? {
                        return Ok(Err(error));
                    }
                }
            }
            Err(error) => return Ok(Err(error.into())),
        }
        Ok(Ok(()))
    }

    /// Takes the next batch that L1 holds a commitment to, if there is one and the feed has its blocks. Returns whether.
    pub(crate) async fn take_committed(&mut self, data_root: Bytes32) -> Result<Result<bool, Away>, Error> {
        let number = self.setting.store.last_batch()?.map_or(0, |batch| batch.header.number) + 1;
        let last = match self.setting.client.batch(number).await {
            Ok(view) => view.batch.last,
            Err(error) => return Ok(Err(error.into())),
        };
        let effects = self.member.step(Input::Committed { number, last, data_root });
        let is_taken = effects.iter().any(|effect| matches!(effect, Effect::CommitBatch { .. }));
        let is_refused = effects.iter().any(|effect| matches!(effect, Effect::Refuse(_)));
        let done = match self.perform(effects).await? {
            Ok(()) if is_refused => self.look_at(last).await?,
            done => done,
        };
        Ok(done.map(|()| is_taken))
    }

    async fn turn(&mut self) -> Turn {
        if let Err(error) = self.follow().await? {
            return Ok(Err(error));
        }
        let unsigned = match self.setting.client.batches_unsigned().await {
            Ok(unsigned) => unsigned,
            Err(error) => return Ok(Err(error.into())),
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
    async fn catch_up(&mut self, asked: u64) -> Turn {
        let last = self.setting.store.last_batch()?.map_or(0, |batch| batch.header.number);
        for number in last + 1..asked {
            let missed = match self.setting.client.batch(number).await {
                Ok(view) => view.batch,
                Err(error) => return Ok(Err(error.into())),
            };
            if let Err(error) = self.sign(missed).await? {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    async fn sign(&mut self, asked: Batch) -> Turn {
        let stored = self.setting.store.batch(asked.header.number)?.map(Box::new);
        if stored.as_deref().is_some_and(|stored| *stored != asked) {
            let why = format!("it asks for another batch {} than the one signed before", asked.header.number);
            return self.diverge(Divergence { why, is_fork: false }).await;
        }
        let end = asked.last;
        let effects = self.member.step(Input::Batch { asked: Box::new(asked), stored });
        let is_refused = effects.iter().any(|effect| matches!(effect, Effect::Refuse(_)));
        match self.perform(effects).await? {
            Ok(()) if is_refused => self.look_at(end).await,
            done => Ok(done),
        }
    }

    async fn perform(&mut self, effects: Vec<Effect>) -> Turn {
        for effect in effects {
            let sent = match effect {
                Effect::Commit(executed) => {
                    self.setting.store.commit_block(&executed)?;
                    self.member.trim(self.setting.store.stored());
                    self.diverged = None;
                    Ok(())
                }
                Effect::CommitBatch { batch, diff } => {
                    match diff {
                        Some(diff) => self.setting.store.commit_batch_with(&batch, &diff)?,
                        None => self.setting.store.commit_batch(&batch)?,
                    }
                    Ok(())
                }
                Effect::SignBatch { number, signature } => {
                    let Some(signer) = self.member.address() else { continue };
                    let signature = BatchSignature { signer, signature: Hex(signature.to_vec()) };
                    self.setting.client.sign_batch(number, &signature).await
                }
                Effect::Vote { verdict, signature } => {
                    let Some(resolver) = self.resolver else { continue };
                    self.setting.client.vote(&Vote { verdict, resolver, signature }).await
                }
                Effect::Refuse(why) => {
                    tracing::error!(why, "refused");
                    Ok(())
                }
                Effect::Diverged(divergence) => return self.diverge(divergence).await,
            };
            match sent {
                // A refusal means that it was heard already, or came too late to matter: it is not asked for again.
                Err(client::Error::Refused(failure)) => tracing::debug!(message = failure.message, "not needed"),
                Err(error) => return Ok(Err(error.into())),
                Ok(()) => {}
            }
        }
        Ok(Ok(()))
    }

    /// Looks whether a batch does not hold because the feed has left this member's chain: the batch's last block is another
    /// one then. While no block is made, nothing else would show it.
    async fn look_at(&mut self, end: Height) -> Turn {
        let shown = match self.setting.client.blocks(end, 0).await {
            Ok(shown) => shown,
            Err(error) => return Ok(Err(error.into())),
        };
        let Some(block) = shown.into_iter().next() else { return Ok(Ok(())) };
        for effect in self.member.step(Input::Block(Box::new(block))) {
            if let Effect::Diverged(divergence) = effect {
                return self.diverge(divergence).await;
            }
        }
        Ok(Ok(()))
    }

    /// The feed is another chain: looks at L1, and goes back, waits or stops.
    async fn diverge(&mut self, divergence: Divergence) -> Turn {
        let since = *self.diverged.get_or_insert_with(Instant::now);
        let is_patience_over = since.elapsed() >= Duration::from_millis(self.setting.patience.0.0);
        let sight = match self.sight(divergence.is_fork, is_patience_over).await? {
            Ok(sight) => sight,
            Err(error) => return Ok(Err(error.into())),
        };
        let why = divergence.why;
        let batch = match way_back(&sight) {
            Way::BackTo(batch) => batch,
            Way::Wait => {
                // A block that does not hold has spoiled the member's tree.
                if !divergence.is_fork {
                    self.member = self.again()?;
                }
                return Ok(Err(Away::Wait));
            }
            Way::Halt => return Err(Error::Halted(why)),
        };
        tracing::warn!(why, batch, "the feed is another chain: taking this member's chain back");
        self.setting.store.rewind(batch)?;
        // To bring the transactions again is the sequencer's business.
        self.setting.store.forget_revoked()?;
        self.member = self.again()?;
        self.diverged = None;
        Ok(Ok(()))
    }

    /// Compares what this member signed with L1: backwards, up to the first batch that L1 bears out. Even what L1 has
    /// settled meanwhile may be another batch than the one that this member signed and then slept over.
    async fn sight(&self, is_fork: bool, is_patience_over: bool) -> Result<Result<Sight, l1::Error>, Error> {
        let store = &self.setting.store;
        let last = store.last_batch()?;
        let end = last.as_ref().map_or(Height(0), |batch| batch.last);
        let has_loose = store.head()?.is_some_and(|head| head.height > end);
        let last = last.map_or(0, |batch| batch.header.number);
        let mut signed = Vec::new();
        for number in (1..=last).rev() {
            let Some(batch) = store.batch(number)? else { break };
            let ours = batch.header.inbox_hash;
            let theirs = match self.setting.reader.inbox_hash(batch.header.inbox_count).await {
                Ok(theirs) => theirs,
                Err(error) => return Ok(Err(error)),
            };
            signed.push((number, Stand { ours, theirs }));
            if theirs == Some(ours) {
                break;
            }
        }
        signed.reverse();
        Ok(Ok(Sight { is_fork, signed, last, has_loose, is_patience_over }))
    }
}
