//! A member's shell: asks the feed for blocks, then for batches to sign, one question at a time.

use crate::Sabotage;
use crate::check::{Broken, Checked, ensure};
use crate::disk::Disk;
use crate::faults::Fault;
use crate::genesis::MemberSeed;
use crate::world::{Message, Name, World};
use api::Vote;
use settler::member::core::{Effect, Input, Member, Restored};
use transition::ChainConfig;
use types::Millis;

/// How long to wait for an answer before asking again.
const PATIENCE: Millis = Millis(500);
/// How often an unheard verdict is signed again.
const REPEAT: Millis = Millis(1_000);

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
}

impl Following {
    pub(crate) fn new(seed: MemberSeed, config: &ChainConfig) -> Self {
        let disk = Disk::new(config);
        let (said, silent_until) = (Millis(0), Millis(0));
        Self { core: None, disk, seed, asking: None, questions: 0, said, silent_until }
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

impl World {
    pub(crate) fn member_start(&mut self, at: usize) -> Checked {
        let (config, anchor) = (self.config.clone(), self.anchor.clone());
        let member = &mut self.members[at];
        member.disk.check_root()?;
        let (blocks, receipts) = member.disk.unsealed();
        let restored = Restored {
            state: member.disk.state(),
            head: member.disk.head().cloned(),
            batch: member.disk.batches.last().map(|batch| batch.header.clone()),
            blocks,
            receipts,
            undo: member.disk.unsealed_undo(),
        };
        member.core = Some(Member::restore(config, anchor, member.seed.keys(), restored));
        Ok(())
    }

    pub(crate) fn member_crash(&mut self, at: usize) {
        self.members[at].core = None;
        self.members[at].asking = None;
    }

    pub(crate) fn member_tick(&mut self, at: usize) -> Checked {
        let now = self.now;
        if now < self.members[at].silent_until {
            return Ok(());
        }
        if self.faults.strikes(Fault::Silence) {
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
                    let stored = self.members[at].disk.batch(asked.header.number).cloned().map(Box::new);
                    if !self.member_step(at, Input::Batch { asked: Box::new(asked), stored })? {
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

    /// Takes a step and performs its effects. Says whether the member is still alive.
    fn member_step(&mut self, at: usize, input: Input) -> Result<bool, Broken> {
        let Some(core) = &mut self.members[at].core else { return Ok(false) };
        let effects = core.step(input);
        let mut done = None;
        for effect in effects {
            let name = name_of(&effect);
            if self.dies(Name::Member(at), done, Some(name)) {
                return Ok(false);
            }
            done = Some(name);
            self.member_effect(at, effect)?;
        }
        Ok(!self.dies(Name::Member(at), done, None))
    }

    fn member_effect(&mut self, at: usize, effect: Effect) -> Checked {
        match effect {
            Effect::Commit(executed) => {
                let height = executed.block.header.height;
                let same = self.disk.block(height) == Some(&executed.block);
                ensure(same, || format!("member {at} stored another block {height} than the sequencer"))?;
                self.members[at].disk.commit_block(&executed)
            }
            Effect::CommitBatch { batch, diff } => {
                if self.sabotage == Sabotage::MemberKeepsNoBatch {
                    return Ok(());
                }
                self.members[at].disk.commit_batch(&batch, diff)
            }
            Effect::SignBatch { number, signature } => {
                self.line(&format!("member {at} signs batch {number}"));
                self.check.signed(at, number, &signature)?;
                let kept = self.members[at].disk.batch(number) == self.disk.batch(number);
                ensure(kept, || format!("member {at} signed batch {number} and keeps another, or none"))?;
                let signer = self.anchor.committee.members[at];
                let signature = Box::new(signature);
                self.send(Name::Settler, Message::BatchSignature { number, signer, signature });
                Ok(())
            }
            Effect::Vote { verdict, signature } => {
                let resolver = u32::try_from(at).unwrap_or(u32::MAX);
                let vote = Vote { verdict, resolver, signature };
                self.send(Name::Coordinator, Message::Vote(Box::new(vote)));
                Ok(())
            }
            Effect::Refuse(why) => Err(Broken(format!("member {at} refuses to sign for an honest sequencer: {why}"))),
            Effect::Diverged(why) => Err(Broken(format!("member {at} stops: {why}"))),
        }
    }
}
