//! A member's shell: asks the feed for blocks, then for batches to sign, one question at a time. What `member::run` does.

use crate::Sabotage;
use crate::check::{Broken, Checked, ensure};
use crate::disk::Disk;
use crate::faults::Fault;
use crate::genesis::MemberSeed;
use crate::leaves::told;
use crate::world::{Message, Name, World};
use api::Vote;
use crypto::eth::{EthSignature, recover};
use settler::member::core::{Divergence, Effect, Input, Member, Restored, Sight, Stand, Way, way_back};
use transition::{Batch, ChainConfig};
use types::{Height, Millis};

/// How long to wait for an answer before asking again.
const PATIENCE: Millis = Millis(500);
/// How often an unheard verdict is signed again.
const REPEAT: Millis = Millis(1_000);

/// How many leaves members keep in memory: one all of them, one none, one some. They come to the same roots.
const CACHED_LEAVES: [Option<usize>; 3] = [None, Some(0), Some(20)];

/// How many times likelier than usual a member dies while it takes its chain back: it seldom does.
const RARE: u64 = 20;

/// A member that may be down.
pub(crate) struct Following {
    pub(crate) core: Option<Member>,
    pub(crate) disk: Disk,
    seed: MemberSeed,
    /// The question that is open: its number and when it was asked.
    asking: Option<(u64, Millis)>,
    questions: u64,
    said: Millis,
    silent_until: Millis,
    /// Since when the feed is another chain.
    diverged: Option<Millis>,
}

impl Following {
    pub(crate) fn new(seed: MemberSeed, config: &ChainConfig) -> Self {
        let disk = Disk::new(config);
        let (said, silent_until) = (Millis(0), Millis(0));
        Self { core: None, disk, seed, asking: None, questions: 0, said, silent_until, diverged: None }
    }

    fn ask(&mut self, now: Millis) -> u64 {
        self.questions += 1;
        self.asking = Some((self.questions, now));
        self.questions
    }
}

fn name_of(effect: &Effect) -> &'static str {
    match effect {
        Effect::Commit(_) => "Commit",
        Effect::CommitBatch { .. } => "CommitBatch",
        Effect::SignBatch { .. } => "SignBatch",
        Effect::Vote { .. } => "Vote",
        Effect::Refuse(_) => "Refuse",
        Effect::Diverged(_) => "Diverged",
    }
}

/// Whether the member goes on with what it was doing.
type GoesOn = Result<bool, Broken>;

impl World {
    pub(crate) fn member_start(&mut self, at: usize) -> Checked {
        if let Some(executed) = self.members[at].disk.recover()? {
            self.line(&format!("block {} was stored whole after all", executed.block.header.height));
        }
        self.members[at].disk.check_root()?;
        self.member_restore(at);
        Ok(())
    }

    fn member_restore(&mut self, at: usize) {
        let (config, anchor) = (self.config.clone(), self.anchor.clone());
        let member = &mut self.members[at];
        let (blocks, receipts) = member.disk.unsealed();
        let restored = Restored {
            state: member.disk.cached_state(CACHED_LEAVES[at % CACHED_LEAVES.len()]),
            head: member.disk.head().cloned(),
            batch: member.disk.batches.last().map(|batch| batch.header.clone()),
            blocks,
            receipts,
            undo: member.disk.unsealed_undo(),
        };
        member.core = Some(Member::restore(config, anchor, member.seed.keys(), restored));
        member.diverged = None;
    }

    pub(crate) fn member_crash(&mut self, at: usize) {
        self.members[at].core = None;
        self.members[at].asking = None;
    }

    pub(crate) fn member_tick(&mut self, at: usize) -> Checked {
        let now = self.now;
        if self.faults.on && now < self.members[at].silent_until {
            return Ok(());
        }
        if self.faults.strikes(Fault::Silence) {
            let address = self.anchor.committee.members[at];
            if self.anchor.committee.mandatory.contains(&address) {
                self.faults.count(Fault::MandatorySilence);
            }
            self.members[at].silent_until = now.after(Millis(self.faults.length_ms(1_000, 12_000)));
            return Ok(());
        }
        let member = &mut self.members[at];
        let Some(core) = &member.core else { return Ok(()) };
        if member.asking.is_some_and(|(_, since)| since.after(PATIENCE) > now) {
            return Ok(());
        }
        let from = core.next();
        let token = member.ask(now);
        self.send(Name::Sequencer, Message::AskBlocks { member: at, token, from });
        Ok(())
    }

    pub(crate) fn member_message(&mut self, at: usize, message: Message) -> Checked {
        let (Message::Blocks { token, .. } | Message::Batches { token, .. }) = &message else {
            return Err(Broken(format!("member {at} got a message that is not for it")));
        };
        if self.members[at].asking.is_none_or(|(asked, _)| asked != *token) {
            // The connection that this was an answer on is gone.
            return Ok(());
        }
        match message {
            Message::Blocks { blocks, .. } => {
                for block in blocks {
                    if !self.member_step(at, Input::Block(Box::new(block)))? {
                        return Ok(());
                    }
                }
                let token = self.members[at].ask(self.now);
                let from = self.members[at].disk.last_batch() + 1;
                self.send(Name::Sequencer, Message::AskBatches { member: at, token, from });
            }
            Message::Batches { batches, .. } => {
                for asked in batches {
                    if !self.member_sign(at, asked)? {
                        return Ok(());
                    }
                }
                self.members[at].asking = None;
                if self.members[at].said.after(REPEAT) <= self.now {
                    self.members[at].said = self.now;
                    self.member_step(at, Input::Tick)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn member_sign(&mut self, at: usize, asked: Batch) -> GoesOn {
        let stored = self.members[at].disk.batch(asked.header.number).cloned().map(Box::new);
        if stored.as_deref().is_some_and(|stored| *stored != asked) {
            let why = format!("it asks for another batch {} than the one signed before", asked.header.number);
            return self.member_diverge(at, Divergence { why, is_fork: false });
        }
        let end = asked.last;
        match &mut self.members[at].core {
            Some(core) => {
                let effects = core.step(Input::Batch { asked: Box::new(asked), stored });
                let refused = effects.iter().find_map(|effect| match effect {
                    Effect::Refuse(why) => Some(why.clone()),
                    _ => None,
                });
                if !self.member_perform(at, effects)? {
                    return Ok(false);
                }
                refused.map_or(Ok(true), |why| self.member_refused(at, end, &why))
            }
            None => Ok(false),
        }
    }

    /// Takes a step and performs its effects.
    fn member_step(&mut self, at: usize, input: Input) -> GoesOn {
        let Some(core) = &mut self.members[at].core else { return Ok(false) };
        let effects = core.step(input);
        self.member_perform(at, effects)
    }

    fn member_perform(&mut self, at: usize, effects: Vec<Effect>) -> GoesOn {
        let mut done = None;
        for effect in effects {
            let name = name_of(&effect);
            if self.dies(Name::Member(at), done, Some(name)) {
                return Ok(false);
            }
            done = Some(name);
            let goes_on = match effect {
                Effect::Commit(executed) => match self.tears(Name::Member(at), executed) {
                    Some(executed) => {
                        let member = &mut self.members[at];
                        member.disk.commit_block(&executed)?;
                        if let Some(core) = &mut member.core {
                            core.trim(told(executed.block.header.height));
                        }
                        member.diverged = None;
                        true
                    }
                    None => false,
                },
                Effect::Diverged(divergence) => self.member_diverge(at, divergence)?,
                other => {
                    self.member_effect(at, other)?;
                    true
                }
            };
            if !goes_on {
                return Ok(false);
            }
        }
        Ok(!self.dies(Name::Member(at), done, None))
    }

    fn member_effect(&mut self, at: usize, effect: Effect) -> Checked {
        match effect {
            Effect::CommitBatch { batch, diff } => {
                if self.sabotage == Sabotage::MemberKeepsNoBatch {
                    return Ok(());
                }
                self.members[at].disk.commit_batch(&batch, diff)
            }
            Effect::SignBatch { number, signature } => self.member_signed(at, number, signature),
            Effect::Vote { verdict, signature } => {
                let resolver = u32::try_from(at).unwrap_or(u32::MAX);
                let vote = Vote { verdict, resolver, signature };
                self.send(Name::Coordinator, Message::Vote(Box::new(vote)));
                Ok(())
            }
            Effect::Commit(_) | Effect::Refuse(_) | Effect::Diverged(_) => Ok(()),
        }
    }

    fn member_signed(&mut self, at: usize, number: u64, signature: EthSignature) -> Checked {
        self.line(&format!("member {at} signs batch {number}"));
        let signer = self.anchor.committee.members[at];
        let kept = self.members[at].disk.batch(number).map(|batch| batch.header.clone());
        let is_kept =
            |header: &proof::BatchHeader| recover(&header.digest(&self.anchor.domain), &signature) == Some(signer);
        let Some(header) = kept.filter(is_kept) else {
            return Err(Broken(format!("member {at} signed batch {number} and keeps another, or none")));
        };
        self.check.signed(at, &header, &signature)?;
        self.send(Name::Settler, Message::BatchSignature { number, signer, signature: Box::new(signature) });
        Ok(())
    }

    /// Looks whether a batch does not hold because the feed has left this member's chain.
    fn member_refused(&mut self, at: usize, end: Height, why: &str) -> GoesOn {
        if !self.is_readable() {
            return Ok(true);
        }
        let Some(block) = self.disk.block(end).cloned() else { return Ok(true) };
        let effects = match &mut self.members[at].core {
            Some(core) => core.step(Input::Block(Box::new(block))),
            None => Vec::new(),
        };
        for effect in effects {
            if let Effect::Diverged(divergence) = effect {
                return self.member_diverge(at, divergence);
            }
        }
        // The batch may have been shown before the feed went back, or be on blocks that are no more.
        let honest = self.faults.counts.contains_key(&Fault::ChainRewound);
        ensure(honest, || format!("member {at} refuses to sign for an honest sequencer: {why}"))?;
        Ok(true)
    }

    /// The feed is another chain: looks at L1, and goes back, waits or stops.
    fn member_diverge(&mut self, at: usize, divergence: Divergence) -> GoesOn {
        self.members[at].asking = None;
        let since = *self.members[at].diverged.get_or_insert(self.now);
        let is_patience_over = self.now >= since.after(self.knobs.patience.0);
        if self.faults.strikes(Fault::L1Away) {
            return Ok(false);
        }
        let disk = &self.members[at].disk;
        let view = self.l1.view(self.knobs.confirmations);
        let end = disk.batches.last().map_or(Height(0), |batch| batch.last);
        let last = disk.last_batch();
        let mut signed = Vec::new();
        for batch in disk.batches.iter().rev() {
            let (ours, theirs) = (batch.header.inbox_hash, self.l1.inbox_hash(view, batch.header.inbox_count));
            signed.push((batch.header.number, Stand { ours, theirs }));
            if theirs == Some(ours) {
                break;
            }
        }
        signed.reverse();
        let has_loose = disk.head().is_some_and(|head| head.height > end);
        let sight = Sight { is_fork: divergence.is_fork, signed, last, has_loose, is_patience_over };
        let way = way_back(&sight);
        self.line(&format!("member {at} sees another chain ({}): {way:?}", divergence.why));
        match way {
            Way::BackTo(batch) => {
                if self.dies_times(Name::Member(at), RARE, Some("Diverged"), Some("rewind")) {
                    return Ok(false);
                }
                self.members[at].disk.rewind(batch)?;
                self.faults.count(Fault::MemberRewound);
                self.check.member_rewound(at, &self.l1, view);
                if !self.dies_times(Name::Member(at), RARE, Some("rewind"), None) {
                    self.member_restore(at);
                }
            }
            // A block that does not hold has spoiled the core's tree.
            Way::Wait if divergence.is_fork => {}
            Way::Wait => {
                let since = self.members[at].diverged;
                self.member_restore(at);
                self.members[at].diverged = since;
            }
            Way::Halt => return Err(Broken(format!("member {at} stops: {}", divergence.why))),
        }
        Ok(false)
    }
}
