//! The settler's decisions.

use crate::claiming::CLAIMED;
use crypto::eth::{EthSignature, recover};
use proof::committee::evidence;
use proof::{Anchor, BatchHeader};
use std::collections::BTreeMap;
use types::{Bytes32, Digest, EthAddress, Millis};

/// How long to wait before sending a batch again that L1 did not take.
pub const RETRY: Millis = Millis(1_000);

/// How many batches may be on their way to L1 at one time: a block of L1 takes longer than a batch.
pub const AHEAD: u64 = 8;

/// How often a batch is tried whose proof L1 refuses. After that it waits for an operator: a step that fails is paid for.
pub const ATTEMPTS: u32 = 5;

/// How long to wait before a batch is tried again whose proof L1 refused; twice as long each time.
pub const REFUSED: Millis = Millis(4_000);

/// How long a quorum waits for the members that have not signed yet: more signatures make better evidence, but nobody
/// may hold a batch up.
pub const GRACE: Millis = Millis(1_000);

/// What happens to the settler.
#[derive(Debug, Clone)]
pub enum Input {
    /// A batch was sealed. Those already known are passed over.
    Sealed(BatchHeader),
    /// A member signed a batch.
    Signature {
        /// Which batch.
        number: u64,
        /// Who says to have signed.
        signer: EthAddress,
        /// The signature.
        signature: Box<EthSignature>,
    },
    /// L1 has settled up to this batch, with this state root, as deep as it is looked at. Fewer than before when L1 was
    /// reorganised.
    Settled {
        /// The last settled batch.
        number: u64,
        /// Its state root.
        state_root: Digest,
    },
    /// The batches after this one are not settled any more, with what the store has of them: the answer to
    /// [`Effect::Reopen`], and to [`Effect::Rewind`] once that is done.
    Reopened {
        /// The last settled batch.
        settled: u64,
        /// The sealed batches after it, with the evidence that there is.
        unsettled: Vec<(BatchHeader, Option<Vec<u8>>)>,
    },
    /// What L1's inbox says where the lowest unsettled batch ends; `None` when it has fewer messages.
    Inbox {
        /// The batch.
        number: u64,
        /// L1's rolling hash after as many messages as the batch takes.
        hash: Option<Bytes32>,
    },
    /// L1's newest block has batches settled up to this one, whoever did it. It may still be dropped.
    Newest {
        /// The last of them.
        number: u64,
    },
    /// A batch was handed to L1 in vain. L1 may still take that back: whoever hands the batch over again leaves out what
    /// is under way by then.
    Failed {
        /// Which batch.
        number: u64,
    },
    /// L1 holds the commitments to the batches up to this one: they can be settled as they are, or not at all.
    Committed {
        /// The last of them.
        number: u64,
    },
    /// Every leaf of a batch is proven, and what its proof takes on L1 is at hand.
    Proven {
        /// Which batch.
        number: u64,
    },
    /// A step of checking a batch's proof fails, or the batch with a proof that was checked. Nothing that happens by itself
    /// changes that.
    Refused {
        /// Which batch.
        number: u64,
        /// Why.
        reason: String,
    },
    /// Time passes.
    Tick,
}

/// What the settler wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Store a quorum's signatures.
    Keep {
        /// Which batch.
        number: u64,
        /// The signatures, ordered by signer.
        evidence: Vec<u8>,
    },
    /// Hand a batch to L1, but for what is under way: its published data first, then its header with the evidence.
    Send {
        /// The batch.
        header: Box<BatchHeader>,
        /// Its quorum's signatures.
        evidence: Vec<u8>,
    },
    /// Store how a batch settled: it is final.
    Final {
        /// Which batch.
        number: u64,
    },
    /// Forget that batches were settled: L1 dropped them. They are handed over again.
    Reopen {
        /// The last batch that is still settled.
        settled: u64,
    },
    /// Take the chain back to the end of a batch: what comes after it stands on messages that L1 dropped.
    Rewind {
        /// The last batch that stays.
        to: u64,
    },
    /// Tell the operators that a batch is not sent any more, nor what follows it: L1 refuses it again and again, and each
    /// time may cost.
    GiveUp {
        /// Which batch.
        number: u64,
        /// Why.
        reason: String,
    },
    /// Stop: L1 settled something that is not this chain.
    Halt(String),
}

/// Why a signature is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The batch is not waiting for signatures.
    #[error("this batch is not waiting for signatures: it is settled, or not sealed yet")]
    NotWaiting,
    /// The signature is not a member's.
    #[error("the signature is not that committee member's on this batch")]
    NotAMember,
}

struct Pending {
    header: BatchHeader,
    signatures: BTreeMap<EthAddress, EthSignature>,
    quorum_since: Option<Millis>,
    evidence: Option<Vec<u8>>,
    is_proven: bool,
    /// How often L1 refused its proof.
    refusals: u32,
}

impl Pending {
    fn new(header: BatchHeader, evidence: Option<Vec<u8>>) -> Self {
        let (signatures, quorum_since) = (BTreeMap::new(), None);
        Self { header, signatures, quorum_since, evidence, is_proven: false, refusals: 0 }
    }

    /// Closes the evidence and says to keep it.
    fn close(&mut self) -> Effect {
        let signatures: Vec<_> = self.signatures.iter().map(|(signer, signature)| (*signer, *signature)).collect();
        let joined = evidence(&signatures);
        self.evidence = Some(joined.clone());
        Effect::Keep { number: self.header.number, evidence: joined }
    }
}

/// How long L1's inbox may be shorter than a sealed batch says before the chain is taken back: after a reorganisation
/// the same messages mostly come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience(pub Millis);

impl Default for Patience {
    fn default() -> Self {
        Self(Millis(120_000))
    }
}

/// Gathers quorums and brings batches to L1, the lowest first.
pub struct Settler {
    anchor: Anchor,
    settled: u64,
    pending: BTreeMap<u64, Pending>,
    /// The last batch that was handed to L1, or settled.
    sent: u64,
    /// The last batch that is settled as of L1's newest block: to send it would cost and fail.
    newest: u64,
    /// From when on something is handed over again, after a batch failed.
    again: Option<Millis>,
    /// After a failure one batch at a time goes until one settles: those behind it would fail too, and cost.
    is_cautious: bool,
    patience: Patience,
    /// Whether a batch settles by its proof. A quorum has to sign it all the same: that its data is there is in no proof.
    needs_proof: bool,
    /// How many batches may be on their way to L1 at one time.
    ahead: u64,
    /// Whether batches settle by claims: one that fails holds none of the others up.
    is_claimed: bool,
    /// The last batch that L1 holds a commitment to.
    committed: u64,
    /// Since when L1's inbox is too short.
    short_since: Option<Millis>,
    /// A chain that is taken back signs and sends nothing until that is done.
    is_rewinding: bool,
}

impl Settler {
    /// Takes up from the store: what is settled, and what is sealed after it with the evidence that there is.
    pub fn restore(anchor: Anchor, settled: u64, unsettled: Vec<(BatchHeader, Option<Vec<u8>>)>) -> Self {
        let pending =
            unsettled.into_iter().map(|(header, evidence)| (header.number, Pending::new(header, evidence))).collect();
        let (patience, short_since, again) = (Patience::default(), None, None);
        let (is_rewinding, is_cautious) = (false, false);
        let (sent, needs_proof, newest) = (settled, false, 0);
        let (ahead, is_claimed, committed) = (AHEAD, false, 0);
        Self {
            anchor,
            settled,
            pending,
            sent,
            newest,
            again,
            is_cautious,
            patience,
            needs_proof,
            ahead,
            is_claimed,
            committed,
            short_since,
            is_rewinding,
        }
    }

    /// Says that batches settle by claims: many wait for their windows at one time.
    pub fn by_claims(mut self) -> Self {
        (self.is_claimed, self.ahead) = (true, CLAIMED);
        self
    }

    /// Says that batches settle by their proofs.
    pub fn by_proof(mut self) -> Self {
        self.needs_proof = true;
        self
    }

    /// Returns the batches that wait for a proof and could go next, lowest first; none where none is needed.
    pub fn unproven(&self) -> impl Iterator<Item = u64> {
        let last = self.settled + AHEAD;
        let waiting = self.pending.iter().take_while(move |(number, _)| self.needs_proof && **number <= last);
        waiting.filter(|(_, pending)| !pending.is_proven).map(|(number, _)| *number)
    }

    /// Sets how long to wait for messages that L1 dropped.
    pub fn patient(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Returns the lowest batch that L1 holds nothing of, neither settled nor committed to, with the number of messages that
    /// it takes in all.
    pub fn lowest(&self) -> Option<(u64, u64)> {
        let mut loose = self.pending.range(self.ground() + 1..);
        loose.next().map(|(number, pending)| (*number, pending.header.inbox_count))
    }

    /// Returns the last batch that stays when the chain is taken back: what L1 holds a commitment to can be replaced by no
    /// other batch.
    fn ground(&self) -> u64 {
        self.settled.max(self.committed)
    }

    /// Returns the last settled batch.
    pub fn settled(&self) -> u64 {
        self.settled
    }

    /// Checks a signature without taking it, so that its sender can be told.
    pub fn check(&self, number: u64, signer: EthAddress, signature: &EthSignature) -> Result<(), Refusal> {
        let pending = self.pending.get(&number).ok_or(Refusal::NotWaiting)?;
        let member = self.anchor.committee.members.binary_search(&signer).is_ok();
        let signed = recover(&pending.header.digest(&self.anchor.domain), signature) == Some(signer);
        if member && signed { Ok(()) } else { Err(Refusal::NotAMember) }
    }

    /// Takes one step.
    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Effect> {
        match input {
            Input::Sealed(header) => {
                let number = header.number;
                if number > self.settled {
                    self.pending.entry(number).or_insert_with(|| Pending::new(header, None));
                }
                Vec::new()
            }
            Input::Signature { number, signer, signature } => self.gather(now, number, signer, *signature),
            Input::Settled { number, .. } if number < self.settled => vec![Effect::Reopen { settled: number }],
            Input::Settled { number, state_root } => self.finalise(number, state_root),
            Input::Reopened { settled, unsettled } => {
                let open = |(header, evidence): (BatchHeader, _)| (header.number, Pending::new(header, evidence));
                self.pending = unsettled.into_iter().map(open).collect();
                (self.settled, self.sent, self.again, self.short_since) = (settled, settled, None, None);
                (self.is_rewinding, self.is_cautious) = (false, false);
                Vec::new()
            }
            Input::Inbox { number, hash } => self.compare(now, number, hash),
            Input::Committed { number } => {
                self.committed = number;
                Vec::new()
            }
            Input::Newest { number } => {
                self.newest = number;
                Vec::new()
            }
            Input::Proven { number } => {
                if let Some(pending) = self.pending.get_mut(&number) {
                    pending.is_proven = true;
                }
                Vec::new()
            }
            Input::Refused { number, reason } => self.refuse(now, number, reason),
            Input::Failed { number } => {
                if number > self.settled && number <= self.sent {
                    // Not at once: whatever stood in the way is likely still there.
                    (self.sent, self.again, self.is_cautious) = (number - 1, Some(now.after(RETRY)), true);
                }
                Vec::new()
            }
            Input::Tick if self.is_rewinding => Vec::new(),
            Input::Tick => {
                let waited = |since: Millis| now >= since.after(GRACE);
                let ripe =
                    self.pending.values_mut().filter(|p| p.evidence.is_none() && p.quorum_since.is_some_and(waited));
                let mut effects: Vec<Effect> = ripe.map(Pending::close).collect();
                effects.extend(self.send(now));
                effects
            }
        }
    }

    fn gather(&mut self, now: Millis, number: u64, signer: EthAddress, signature: EthSignature) -> Vec<Effect> {
        if self.check(number, signer, &signature).is_err() {
            return Vec::new();
        }
        let committee = &self.anchor.committee;
        let Some(pending) = self.pending.get_mut(&number) else { return Vec::new() };
        pending.signatures.insert(signer, signature);
        if pending.evidence.is_some() || !committee.is_quorum(pending.signatures.keys()) {
            return Vec::new();
        }
        if pending.signatures.len() == committee.members.len() {
            return vec![pending.close()];
        }
        pending.quorum_since.get_or_insert(now);
        Vec::new()
    }

    fn finalise(&mut self, number: u64, state_root: Digest) -> Vec<Effect> {
        if number <= self.settled {
            return Vec::new();
        }
        match self.pending.get(&number) {
            None => return vec![Effect::Halt(format!("L1 settled batch {number}, which was never sealed here"))],
            Some(pending) if pending.header.state_root != state_root => {
                return vec![Effect::Halt(format!("L1 settled another batch {number} than was sealed here"))];
            }
            Some(_) => {}
        }
        let effects = (self.settled + 1..=number).map(|number| Effect::Final { number }).collect();
        self.settled = number;
        self.pending = self.pending.split_off(&(number + 1));
        (self.sent, self.again, self.is_cautious) = (self.sent.max(number), None, false);
        effects
    }

    /// Compares L1's inbox with what the lowest unsettled batch says of it.
    fn compare(&mut self, now: Millis, number: u64, hash: Option<Bytes32>) -> Vec<Effect> {
        let Some(pending) = self.pending.get(&number).filter(|_| number == self.ground() + 1) else {
            return Vec::new();
        };
        let is_lost = match hash {
            Some(hash) => hash != pending.header.inbox_hash,
            None => now >= self.short_since.get_or_insert(now).after(self.patience.0),
        };
        if hash.is_some() {
            self.short_since = None;
        }
        if !is_lost || self.is_rewinding {
            return Vec::new();
        }
        self.is_rewinding = true;
        vec![Effect::Rewind { to: self.ground() }]
    }

    /// Tries a batch again that L1 refused, later each time, and at last not any more.
    fn refuse(&mut self, now: Millis, number: u64, reason: String) -> Vec<Effect> {
        let Some(pending) = self.pending.get_mut(&number) else { return Vec::new() };
        if number > self.sent || pending.refusals == ATTEMPTS {
            return Vec::new();
        }
        pending.refusals += 1;
        let pause = Millis(REFUSED.0 << (pending.refusals - 1));
        let is_last = pending.refusals == ATTEMPTS;
        (self.sent, self.again, self.is_cautious) = (number - 1, Some(now.after(pause)), true);
        if is_last { vec![Effect::GiveUp { number, reason }] } else { Vec::new() }
    }

    fn send(&mut self, now: Millis) -> Vec<Effect> {
        if self.again.is_some_and(|again| now < again) {
            return Vec::new();
        }
        self.again = None;
        let is_held_up = self.is_cautious && !self.is_claimed;
        let last = self.settled + if is_held_up { 1 } else { self.ahead };
        let open = (self.sent + 1..=last).map_while(|number| {
            let pending = self.pending.get(&number)?;
            let is_ready = (pending.is_proven || !self.needs_proof) && pending.refusals < ATTEMPTS;
            let evidence = pending.evidence.clone().filter(|_| is_ready && number > self.newest)?;
            Some(Effect::Send { header: Box::new(pending.header.clone()), evidence })
        });
        let effects: Vec<_> = open.collect();
        self.sent += u64::try_from(effects.len()).unwrap_or(u64::MAX);
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::eth::EthKey;
    use proof::Domain;
    use proof::committee::Committee;
    use types::Bytes32;

    fn keys() -> Vec<EthKey> {
        let mut keys: Vec<_> = (1..4).filter_map(|n| EthKey::from_bytes([n; 32])).collect();
        keys.sort_by_key(EthKey::address);
        keys
    }

    fn anchor() -> Anchor {
        let committee =
            Committee { members: keys().iter().map(EthKey::address).collect(), threshold: 2, mandatory: Vec::new() };
        let domain = Domain { chain_id: 1, rollup: EthAddress([1; 20]) };
        Anchor { config_hash: Digest::ZERO, domain, committee }
    }

    fn header(number: u64) -> BatchHeader {
        BatchHeader {
            config_hash: Digest::ZERO,
            number,
            parent_root: Digest::ZERO,
            state_root: Digest::new([number, 0, 0, 0]).expect("small"),
            inbox_count: 0,
            inbox_hash: Bytes32::ZERO,
            withdrawals_root: Bytes32::ZERO,
            data_root: Bytes32::ZERO,
            diff_hash: Bytes32::ZERO,
        }
    }

    fn signature(number: u64, member: usize) -> Input {
        let key = &keys()[member];
        let signature = key.sign(&header(number).digest(&anchor().domain));
        Input::Signature { number, signer: key.address(), signature: Box::new(signature) }
    }

    fn settled(number: u64) -> Input {
        Input::Settled { number, state_root: header(number).state_root }
    }

    /// Feeds inputs at one-millisecond steps and shows the effects.
    fn check(settler: &mut Settler, at: u64, input: Input, expected: &str) {
        let words = settler.step(Millis(at), input).into_iter().map(|effect| match effect {
            Effect::Keep { number, evidence } => format!("keep {number} with {}", evidence.len() / 65),
            Effect::Send { header, .. } => format!("send {}", header.number),
            Effect::Final { number } => format!("final {number}"),
            Effect::Reopen { settled } => format!("reopen after {settled}"),
            Effect::Rewind { to } => format!("rewind to {to}"),
            Effect::GiveUp { number, reason } => format!("give {number} up: {reason}"),
            Effect::Halt(why) => format!("halt: {why}"),
        });
        assert_eq!(words.collect::<Vec<_>>().join("; "), expected);
    }

    #[test]
    fn batches_go_to_l1_in_order_with_their_quorum() {
        let mut settler = Settler::restore(anchor(), 0, Vec::new());
        check(&mut settler, 0, Input::Sealed(header(1)), "");
        check(&mut settler, 0, Input::Sealed(header(2)), "");
        check(&mut settler, 1, signature(2, 0), "");
        check(&mut settler, 1, signature(2, 2), "");
        check(&mut settler, 1, signature(2, 1), "keep 2 with 3");
        check(&mut settler, 1, Input::Tick, "");
        check(&mut settler, 1, signature(1, 1), "");
        check(&mut settler, 1, signature(1, 1), "");
        check(&mut settler, 1, signature(1, 2), "");
        check(&mut settler, GRACE.0, Input::Tick, "");
        let at = GRACE.0 + 1;
        check(&mut settler, at, Input::Tick, "keep 1 with 2; send 1; send 2");
        check(&mut settler, at, signature(1, 0), "");
        check(&mut settler, at + 1, Input::Tick, "");
        check(&mut settler, at + 2, settled(1), "final 1");
        check(&mut settler, at + 2, settled(1), "");
        check(&mut settler, at + 3, Input::Tick, "");
        check(&mut settler, at + 4, Input::Failed { number: 2 }, "");
        check(&mut settler, at + 5, Input::Tick, "");
        check(&mut settler, at + 4 + RETRY.0, Input::Tick, "send 2");
        check(&mut settler, at + 99 * RETRY.0, Input::Tick, "");
        check(&mut settler, 9_999, settled(2), "final 2");
        assert_eq!(settler.settled(), 2);
    }

    #[test]
    fn what_somebody_else_settles_is_sent_again_only_when_l1_drops_it() {
        let beaten = || {
            let unsettled = (1..=3).map(|number| (header(number), Some(vec![0; 130]))).collect();
            let mut settler = Settler::restore(anchor(), 0, unsettled);
            check(&mut settler, 0, Input::Tick, "send 1; send 2; send 3");
            check(&mut settler, 1, Input::Failed { number: 1 }, "");
            check(&mut settler, 1, Input::Newest { number: 1 }, "");
            // Not deep enough to count yet.
            check(&mut settler, 1 + 9 * RETRY.0, Input::Tick, "");
            settler
        };
        let (mut stays, mut dropped) = (beaten(), beaten());
        check(&mut stays, 10_000, settled(1), "final 1");
        check(&mut stays, 10_000, Input::Tick, "send 2; send 3");
        check(&mut dropped, 10_000, Input::Newest { number: 0 }, "");
        check(&mut dropped, 10_000, Input::Tick, "send 1");
    }

    #[test]
    fn a_restart_sends_what_had_its_quorum() {
        let mut settler = Settler::restore(anchor(), 4, vec![(header(5), Some(vec![0; 130])), (header(6), None)]);
        check(&mut settler, 0, Input::Tick, "send 5");
        check(&mut settler, 0, settled(6), "final 5; final 6");
    }

    #[test]
    fn batches_go_ahead_of_each_other_until_one_fails() {
        let all: Vec<_> = (1..=12).map(|number| (header(number), Some(vec![0; 130]))).collect();
        let mut settler = Settler::restore(anchor(), 0, all);
        check(&mut settler, 0, Input::Tick, "send 1; send 2; send 3; send 4; send 5; send 6; send 7; send 8");
        check(&mut settler, 1, settled(2), "final 1; final 2");
        check(&mut settler, 1, Input::Tick, "send 9; send 10");
        for number in [4, 5, 6] {
            check(&mut settler, 2, Input::Failed { number }, "");
        }
        check(&mut settler, 3, Input::Tick, "");
        check(&mut settler, 3, settled(3), "final 3");
        check(&mut settler, 4, Input::Failed { number: 4 }, "");
        check(
            &mut settler,
            2 + 2 * RETRY.0,
            Input::Tick,
            "send 4; send 5; send 6; send 7; send 8; send 9; send 10; send 11",
        );
        check(&mut settler, 9_000, Input::Failed { number: 4 }, "");
        check(&mut settler, 9_000 + RETRY.0, Input::Tick, "send 4");
        check(&mut settler, 9_001 + RETRY.0, Input::Tick, "");
    }

    #[test]
    fn a_batch_that_settles_by_its_proof_waits_for_it_and_for_its_quorum() {
        let unsettled = vec![(header(1), Some(vec![0; 130])), (header(2), None)];
        let mut settler = Settler::restore(anchor(), 0, unsettled).by_proof();
        assert!(settler.unproven().eq([1, 2]));
        check(&mut settler, 0, Input::Tick, "");
        check(&mut settler, 1, Input::Proven { number: 2 }, "");
        check(&mut settler, 1, Input::Tick, "");
        check(&mut settler, 2, Input::Proven { number: 1 }, "");
        assert_eq!(settler.unproven().count(), 0);
        check(&mut settler, 2, Input::Tick, "send 1");
        (0..3).for_each(|member| _ = settler.step(Millis(3), signature(2, member)));
        check(&mut settler, 3, Input::Tick, "send 2");
        // What L1 dropped is handed over again, from what is stored.
        check(&mut settler, 4, settled(1), "final 1");
        check(&mut settler, 5, settled(0), "reopen after 0");
        let unsettled = vec![(header(1), Some(vec![0; 130]))];
        check(&mut settler, 5, Input::Reopened { settled: 0, unsettled }, "");
        check(&mut settler, 6, Input::Tick, "");
        check(&mut settler, 6, Input::Proven { number: 1 }, "");
        check(&mut settler, 6, Input::Tick, "send 1");
        let by_quorum = Settler::restore(anchor(), 0, vec![(header(1), None)]);
        assert_eq!(by_quorum.unproven().count(), 0, "where none is needed");
    }

    #[test]
    fn a_batch_whose_proof_l1_refuses_is_tried_a_few_times_and_then_left_to_the_operator() {
        let unsettled = vec![(header(1), Some(vec![0; 130])), (header(2), Some(vec![0; 130]))];
        let mut settler = Settler::restore(anchor(), 0, unsettled).by_proof();
        (1..3).for_each(|number| check(&mut settler, 0, Input::Proven { number }, ""));
        check(&mut settler, 0, Input::Tick, "send 1; send 2");
        let refused = || Input::Refused { number: 1, reason: "ConstraintsViolated".to_owned() };
        let mut now = 0;
        for attempt in 1..ATTEMPTS {
            check(&mut settler, now, refused(), "");
            // Its other steps fail as well, which says nothing new until it was sent again.
            check(&mut settler, now, refused(), "");
            now += REFUSED.0 << (attempt - 1);
            check(&mut settler, now - 1, Input::Tick, "");
            check(&mut settler, now, Input::Tick, "send 1");
        }
        check(&mut settler, now, refused(), "give 1 up: ConstraintsViolated");
        check(&mut settler, now + 9_000_000, Input::Tick, "");
        check(&mut settler, now + 9_000_000, refused(), "");
        // Somebody else may settle it, and a restart tries again.
        check(&mut settler, now + 9_000_001, settled(1), "final 1");
        check(&mut settler, now + 9_000_001, Input::Tick, "send 2");
    }

    #[test]
    fn a_batch_waits_for_its_mandatory_member() {
        let mut anchor = anchor();
        anchor.committee.mandatory = vec![keys()[2].address()];
        let mut settler = Settler::restore(anchor, 0, vec![(header(1), None)]);
        check(&mut settler, 0, signature(1, 0), "");
        check(&mut settler, 0, signature(1, 1), "");
        check(&mut settler, 9_000, Input::Tick, "");
        check(&mut settler, 9_001, signature(1, 2), "keep 1 with 3");
    }

    #[test]
    fn batches_that_l1_dropped_are_handed_over_again() {
        let evidence = || Some(vec![0; 130]);
        let mut settler = Settler::restore(anchor(), 4, vec![(header(5), evidence())]);
        check(&mut settler, 0, Input::Tick, "send 5");
        check(&mut settler, 1, settled(5), "final 5");
        check(&mut settler, 2, settled(3), "reopen after 3");
        let unsettled = vec![(header(4), evidence()), (header(5), evidence())];
        check(&mut settler, 3, Input::Reopened { settled: 3, unsettled }, "");
        check(&mut settler, 3, Input::Tick, "send 4; send 5");
        check(&mut settler, 4, settled(4), "final 4");
        check(&mut settler, 4, Input::Tick, "");
    }

    #[test]
    fn a_batch_on_messages_that_l1_dropped_takes_the_chain_back() {
        let start = || Settler::restore(anchor(), 4, vec![(header(5), None), (header(6), None)]);
        let inbox = |number, hash| Input::Inbox { number, hash };
        let mut settler = start();
        check(&mut settler, 0, inbox(5, Some(Bytes32::ZERO)), "");
        check(&mut settler, 0, inbox(6, Some(Bytes32([1; 32]))), "");
        check(&mut settler, 0, inbox(5, Some(Bytes32([1; 32]))), "rewind to 4");
        check(&mut settler, 0, inbox(5, Some(Bytes32([1; 32]))), "");
        let mut patient = start().patient(Patience(Millis(100)));
        check(&mut patient, 0, inbox(5, None), "");
        check(&mut patient, 99, inbox(5, None), "");
        check(&mut patient, 99, inbox(5, Some(Bytes32::ZERO)), "");
        check(&mut patient, 100, inbox(5, None), "");
        check(&mut patient, 200, inbox(5, None), "rewind to 4");
        check(&mut patient, 201, Input::Reopened { settled: 4, unsettled: vec![(header(5), Some(vec![0; 130]))] }, "");
        check(&mut patient, 202, Input::Tick, "send 5");
    }

    #[test]
    fn what_l1_holds_a_commitment_to_is_not_taken_back_and_no_claim_holds_another_up() {
        let unsettled = (1..=3).map(|number| (header(number), Some(vec![0; 130]))).collect();
        let mut settler = Settler::restore(anchor(), 0, unsettled).by_claims();
        check(&mut settler, 0, Input::Tick, "send 1; send 2; send 3");
        check(&mut settler, 0, Input::Failed { number: 2 }, "");
        check(&mut settler, RETRY.0, Input::Tick, "send 2; send 3");
        check(&mut settler, RETRY.0, Input::Committed { number: 2 }, "");
        assert_eq!(settler.lowest(), Some((3, 0)));
        let dropped = |number| Input::Inbox { number, hash: Some(Bytes32([1; 32])) };
        check(&mut settler, RETRY.0, dropped(1), "");
        check(&mut settler, RETRY.0, dropped(3), "rewind to 2");
    }

    #[test]
    fn strangers_and_wrong_signatures_are_not_counted() {
        let mut settler = Settler::restore(anchor(), 0, vec![(header(1), None)]);
        let stranger = EthKey::from_bytes([9; 32]).expect("in range");
        let by_stranger = stranger.sign(&header(1).digest(&anchor().domain));
        assert_eq!(settler.check(1, stranger.address(), &by_stranger), Err(Refusal::NotAMember));
        assert_eq!(settler.check(1, keys()[0].address(), &by_stranger), Err(Refusal::NotAMember));
        assert_eq!(settler.check(2, keys()[0].address(), &by_stranger), Err(Refusal::NotWaiting));
        for _ in 0..3 {
            let (signer, signature) = (stranger.address(), Box::new(by_stranger));
            check(&mut settler, 0, Input::Signature { number: 1, signer, signature }, "");
        }
    }

    #[test]
    fn another_chain_on_l1_stops_the_settler() {
        let mut settler = Settler::restore(anchor(), 0, vec![(header(1), None)]);
        let other = Input::Settled { number: 1, state_root: Digest::ZERO };
        check(&mut settler, 0, other, "halt: L1 settled another batch 1 than was sealed here");
        check(&mut settler, 0, settled(2), "halt: L1 settled batch 2, which was never sealed here");
    }
}
