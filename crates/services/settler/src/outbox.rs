//! The outbox: packages go to L1 in the order of a stream, each is mined once, and nothing is paid above a cap.
//!
//! Decides only. It holds no key and makes no call: a loop asks the node, performs the effects in their order, and
//! tells what came of them. One round of the loop is [`Input::View`], then an [`Input::Receipt`] or [`Input::Gone`]
//! for each of [`Outbox::watched`], then [`Input::Tick`]. An effect may be lost only together with the process.
//!
//! What makes a package come once: a nonce belongs to one package for ever, because [`Effect::Keep`] stores the pair
//! before any offer leaves; and a package leaves its nonce only when another transaction took that nonce at the depth
//! that counts as final. What makes it come at all: offers that are too low are replaced, lost ones sent again.
//!
//! Relies on three things. Nobody else uses the key: if somebody does, packages still come once, but order among those
//! in flight is lost. [`Package::what`] names the same call for ever, so that the same terms have the same hash. And no
//! reorganisation is deeper than [`Limits::depth`].

mod course;
mod fee;
mod record;
#[cfg(test)]
mod tests;

pub use course::Course;
pub use fee::Limits;
pub use record::{Offer, Package, Record};

use l1::{Answer, Receipt, Standing};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use types::{Bytes32, Millis};

/// Most packages that are out and in no block. Nodes hold few of one account for sure.
pub const IN_FLIGHT_MAX: usize = 8;
/// Most packages that are not final: bounds what is stored and what is asked of the node in a round.
pub const OPEN_MAX: usize = 64;
/// Most packages that wait for a nonce.
pub const WAITING_MAX: usize = 64;
/// Most offers for one nonce. Each is an eighth above the one before, so the last is forty times the first.
pub const OFFERS_MAX: usize = 32;
/// How long to wait before the same offer is sent again.
pub const RESEND: Millis = Millis(2_000);
/// How old a view may be: fees change with every block.
pub const VIEW_AGE_MAX: Millis = Millis(30_000);

/// What happens to the outbox.
#[derive(Debug, Clone)]
pub enum Input {
    /// A package for L1. Ids ascend along the stream; one that is not above all before was taken earlier and is passed
    /// over, so that after a restart the owner hands over again whatever is not final.
    Package(Package),
    /// How our account and L1 stand.
    View(Standing),
    /// A watched transaction is in a block.
    Receipt(Receipt),
    /// A watched transaction is in no block.
    Gone {
        /// Its hash.
        transaction: Bytes32,
    },
    /// An offer was signed and sent.
    Sent {
        /// Its nonce.
        nonce: u64,
        /// Which of the nonce's offers.
        offer: usize,
        /// The hash, which is known whatever the node answered.
        transaction: Bytes32,
        /// What the node answered.
        answer: Answer,
    },
    /// Time passes.
    Tick,
}

/// What the outbox wants done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Store what a nonce is used for, before going on to the next effect. Replaces what was stored under that nonce.
    Keep {
        /// The nonce.
        nonce: u64,
        /// What it is used for.
        record: Record,
    },
    /// Drop what is stored under a nonce.
    Forget {
        /// The nonce.
        nonce: u64,
    },
    /// Sign and send, then say what came of it with [`Input::Sent`].
    Send {
        /// The nonce.
        nonce: u64,
        /// Which of the nonce's offers.
        offer: usize,
        /// What to send.
        package: Package,
        /// Most gas that it may use.
        gas_limit: u64,
        /// What to pay.
        terms: Offer,
    },
    /// A package is in a block and did what it should. Said again after a restart or a reorganisation.
    Mined {
        /// Its id.
        package: u64,
        /// Where.
        receipt: Receipt,
    },
    /// A package failed. Those behind it go on in their order: whether to send another is the owner's decision. Taken
    /// back by [`Effect::Reorged`], until it is final.
    Failed {
        /// Its id.
        package: u64,
        /// Why.
        why: Failure,
    },
    /// A package that was in a block is in none any more. It waits for a block again.
    Reorged {
        /// Its id.
        package: u64,
    },
    /// What was last said of a package stands. May be said twice when the process ends meanwhile.
    Final {
        /// Its id.
        package: u64,
    },
    /// Tell the operators.
    Alert(Alert),
}

/// Why a package failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It is in a block and had no effect.
    Reverted(Receipt),
    /// It needs more gas than one transaction may have, and was never sent.
    TooMuchGas,
}

/// What needs an operator. Said when it begins; [`Outbox::alerts`] says for how long it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alert {
    /// Gas costs more than the limit. Sending goes on when it falls.
    FeesTooHigh,
    /// The account or the budget cannot pay for what is out and this. Sending goes on when there is more.
    FundsTooLow,
    /// Another transaction took this nonce: the key is used elsewhere.
    KeyUsedElsewhere {
        /// The nonce.
        nonce: u64,
    },
    /// The node refuses the transaction, and not for its price.
    Refused {
        /// Its nonce.
        nonce: u64,
    },
    /// A nonce has had all its offers and is in no block.
    OffersSpent {
        /// The nonce.
        nonce: u64,
    },
    /// The node shows fewer transactions than are final: it lags, or it is another chain.
    ChainBehind,
    /// Packages were passed over because too many wait: ask [`Outbox::room`] first.
    QueueFull,
}

/// Where the package of a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In no block that we know of.
    Out,
    /// In a block.
    Mined(Receipt),
    /// Nowhere, for ever: the nonce is spent by another transaction.
    Displaced,
}

/// What became of an offer.
#[derive(Debug, Clone, Copy, Default)]
struct Trace {
    transaction: Option<Bytes32>,
    sent_at: Option<Millis>,
    /// Not in a block, asked after the present view.
    absent: bool,
}

/// A nonce with its package.
struct Slot {
    record: Record,
    traces: Vec<Trace>,
    place: Place,
    /// When the last offer was made, and at which head.
    offered: Option<(Millis, u64)>,
    answer: Option<Answer>,
}

impl Slot {
    fn new(record: Record, offered: Option<(Millis, u64)>) -> Self {
        let traces = vec![Trace::default(); record.offers.len()];
        Self { record, traces, place: Place::Out, offered, answer: None }
    }

    fn is_out(&self) -> bool {
        self.place == Place::Out
    }

    /// Returns the most that this nonce may cost.
    fn worst_wei(&self) -> u128 {
        match (self.place, self.record.offers.last()) {
            (Place::Displaced, _) | (_, None) => 0,
            (_, Some(offer)) => u128::from(offer.max_fee_wei) * u128::from(self.record.gas_limit),
        }
    }

    fn knows_its_hashes(&self) -> bool {
        self.traces.iter().all(|trace| trace.transaction.is_some())
    }

    fn send(&mut self, now: Millis, nonce: u64, offer: usize) -> Option<Effect> {
        let terms = self.record.offers.get(offer)?.clone();
        self.traces.get_mut(offer)?.sent_at = Some(now);
        let (package, gas_limit) = (self.record.package.clone(), self.record.gas_limit);
        Some(Effect::Send { nonce, offer, package, gas_limit, terms })
    }
}

/// The outbox of one key.
pub struct Outbox {
    limits: Limits,
    waiting: VecDeque<Package>,
    slots: BTreeMap<u64, Slot>,
    /// The highest nonce of all, kept although its package is final: nonces go on from it even when a node lags.
    mark: Option<u64>,
    /// Stored under nonces that their packages have left.
    stale: Vec<u64>,
    /// The highest id that was ever taken, and the highest that ever had a nonce.
    newest: Option<u64>,
    placed: Option<u64>,
    view: Option<(Millis, Standing)>,
    alerts: BTreeSet<Alert>,
    overflowed: bool,
}

impl Outbox {
    /// Takes up from what was kept. Hashes are learned again by sending the same offers again, which changes nothing
    /// for those that are on their way or in a block.
    pub fn restore(limits: Limits, kept: BTreeMap<u64, Record>) -> Self {
        let (mut slots, mut mark, mut stale, mut known) = (BTreeMap::new(), None, Vec::new(), BTreeSet::new());
        let placed = kept.values().map(|record| record.newest).max();
        for (nonce, record) in kept.into_iter().rev() {
            // A package under two nonces was on its way from the lower, which is spent, to the higher.
            if !known.insert(record.package.id) || (record.closed && known.len() > 1) {
                stale.push(nonce);
            } else if record.closed {
                mark = Some(nonce);
            } else {
                slots.insert(nonce, Slot::new(record, None));
            }
        }
        let (newest, waiting) = (placed, VecDeque::new());
        let (view, alerts, overflowed) = (None, BTreeSet::new(), false);
        Self { limits, waiting, slots, mark, stale, newest, placed, view, alerts, overflowed }
    }

    /// Returns how many more packages are taken.
    pub fn room(&self) -> usize {
        WAITING_MAX.saturating_sub(self.waiting.len())
    }

    /// Returns the transactions whose receipts are to be asked for after each view.
    pub fn watched(&self) -> Vec<Bytes32> {
        let Some((_, view)) = &self.view else { return Vec::new() };
        let mut watched = Vec::new();
        for (nonce, slot) in &self.slots {
            match slot.place {
                Place::Mined(receipt) => watched.push(receipt.transaction),
                Place::Out if *nonce < view.nonce => {
                    watched.extend(slot.traces.iter().filter_map(|trace| trace.transaction));
                }
                Place::Out | Place::Displaced => {}
            }
        }
        watched
    }

    /// Returns the newest block of L1 that was seen.
    pub fn head(&self) -> Option<u64> {
        self.view.as_ref().map(|(_, view)| view.head)
    }

    /// Returns what needs an operator now.
    pub fn alerts(&self) -> &BTreeSet<Alert> {
        &self.alerts
    }

    /// Takes one step.
    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Effect> {
        match input {
            Input::Package(package) => self.queue(package),
            Input::View(view) => {
                self.view = Some((now, view));
                self.slots.values_mut().flat_map(|slot| &mut slot.traces).for_each(|trace| trace.absent = false);
                Vec::new()
            }
            Input::Receipt(receipt) => self.find(receipt),
            Input::Gone { transaction } => self.miss(transaction),
            Input::Sent { nonce, offer, transaction, answer } => {
                self.note(nonce, offer, transaction, answer);
                Vec::new()
            }
            Input::Tick => self.act(now),
        }
    }

    fn queue(&mut self, package: Package) -> Vec<Effect> {
        if self.newest.is_some_and(|newest| package.id <= newest) {
            return Vec::new();
        }
        if package.gas > self.limits.gas_max {
            self.newest = Some(package.id);
            return vec![Effect::Failed { package: package.id, why: Failure::TooMuchGas }];
        }
        if self.room() == 0 {
            self.overflowed = true;
            return Vec::new();
        }
        self.newest = Some(package.id);
        self.waiting.push_back(package);
        Vec::new()
    }

    fn slot_of(&self, transaction: &Bytes32) -> Option<u64> {
        let has = |slot: &Slot| slot.traces.iter().any(|trace| trace.transaction.as_ref() == Some(transaction));
        self.slots.iter().find(|(_, slot)| has(slot)).map(|(nonce, _)| *nonce)
    }

    fn find(&mut self, receipt: Receipt) -> Vec<Effect> {
        let nonce = self.slot_of(&receipt.transaction);
        let Some((nonce, slot)) = nonce.and_then(|nonce| self.slots.get_mut(&nonce).map(|slot| (nonce, slot))) else {
            return Vec::new();
        };
        let package = slot.record.package.id;
        let mut effects = Vec::new();
        if slot.place != Place::Mined(receipt) {
            if matches!(slot.place, Place::Mined(_)) {
                effects.push(Effect::Reorged { package });
            }
            slot.place = Place::Mined(receipt);
            effects.push(match receipt.succeeded {
                true => Effect::Mined { package, receipt },
                false => Effect::Failed { package, why: Failure::Reverted(receipt) },
            });
        }
        // The view is older than the receipt, so the block is at least as deep as this says.
        let deep = receipt.block.saturating_add(self.limits.depth);
        if self.view.as_ref().is_some_and(|(_, view)| view.head >= deep) {
            effects.push(Effect::Final { package });
            effects.extend(self.close(nonce));
        }
        effects
    }

    /// Lets go of a nonce whose package is final. The highest stays stored as the mark.
    fn close(&mut self, nonce: u64) -> Option<Effect> {
        let mut slot = self.slots.remove(&nonce)?;
        let highest =
            self.slots.last_key_value().is_none_or(|(highest, _)| *highest < nonce) && self.mark < Some(nonce);
        if !highest {
            return Some(Effect::Forget { nonce });
        }
        self.stale.extend(self.mark.replace(nonce));
        slot.record.closed = true;
        Some(Effect::Keep { nonce, record: slot.record })
    }

    fn miss(&mut self, transaction: Bytes32) -> Vec<Effect> {
        let nonce_final = self.view.as_ref().map_or(0, |(_, view)| view.nonce_final);
        let nonce = self.slot_of(&transaction);
        let Some((nonce, slot)) = nonce.and_then(|nonce| self.slots.get_mut(&nonce).map(|slot| (nonce, slot))) else {
            return Vec::new();
        };
        for trace in slot.traces.iter_mut().filter(|trace| trace.transaction == Some(transaction)) {
            trace.absent = true;
        }
        match slot.place {
            Place::Mined(receipt) if receipt.transaction == transaction => {
                slot.place = Place::Out;
                return vec![Effect::Reorged { package: slot.record.package.id }];
            }
            // Only at the final depth: before, a reorganisation could bring one of our offers into a block after all.
            Place::Out if nonce_final > nonce && slot.traces.iter().all(|trace| trace.absent) => {
                slot.place = Place::Displaced;
            }
            Place::Out | Place::Mined(_) | Place::Displaced => {}
        }
        Vec::new()
    }

    fn note(&mut self, nonce: u64, offer: usize, transaction: Bytes32, answer: Answer) {
        let Some(slot) = self.slots.get_mut(&nonce) else { return };
        let last = slot.traces.len().checked_sub(1) == Some(offer);
        let Some(trace) = slot.traces.get_mut(offer) else { return };
        trace.transaction = Some(transaction);
        // What is said of an offer that was replaced says nothing about the slot.
        if last {
            slot.answer = Some(answer);
        }
    }

    fn act(&mut self, now: Millis) -> Vec<Effect> {
        let mut effects: Vec<_> = self.stale.drain(..).map(|nonce| Effect::Forget { nonce }).collect();
        let mut alerts = BTreeSet::new();
        if std::mem::take(&mut self.overflowed) {
            alerts.insert(Alert::QueueFull);
        }
        if let Some((seen_at, view)) = self.view.clone().filter(|(seen_at, _)| now <= seen_at.after(VIEW_AGE_MAX)) {
            self.repeat(now, seen_at, &view, &mut effects);
            alerts.extend(self.troubles());
            // Below the lowest nonce that is not final the chain cannot fall: what such a view says of fees is old too.
            let lowest = self.slots.first_key_value().map_or(self.next(), |(nonce, _)| *nonce);
            if view.nonce < lowest {
                alerts.insert(Alert::ChainBehind);
            } else {
                self.replace(now, &view, &mut effects, &mut alerts);
                self.advance(now, &view, &mut effects, &mut alerts);
            }
        }
        effects.extend(alerts.difference(&self.alerts).map(|alert| Effect::Alert(*alert)));
        self.alerts = alerts;
        effects
    }

    /// Sends again what has no hash yet, because a restart forgot it, and what the node's pool lost.
    fn repeat(&mut self, now: Millis, seen_at: Millis, view: &Standing, effects: &mut Vec<Effect>) {
        let rested = |trace: &Trace| trace.sent_at.is_none_or(|sent_at| now >= sent_at.after(RESEND));
        for (nonce, slot) in self.slots.iter_mut().filter(|(_, slot)| slot.is_out()) {
            let unknown = slot.traces.iter().enumerate().filter(|(_, trace)| trace.transaction.is_none());
            let mut again: Vec<_> = unknown.filter(|(_, trace)| rested(trace)).map(|(offer, _)| offer).collect();
            // The pool may hold an older offer for the nonce, so that its count alone says nothing of the last.
            let doubtful = !matches!(slot.answer, Some(Answer::Taken | Answer::Underpriced));
            let lost = *nonce >= view.nonce && (*nonce >= view.nonce_pending || doubtful);
            if let Some(trace) = slot.traces.last()
                && slot.knows_its_hashes()
                && lost
                && rested(trace)
                && trace.sent_at.is_none_or(|sent_at| sent_at < seen_at)
            {
                again.push(slot.traces.len() - 1);
            }
            effects.extend(again.into_iter().filter_map(|offer| slot.send(now, *nonce, offer)));
        }
    }

    fn troubles(&self) -> Vec<Alert> {
        let trouble = |(nonce, slot): (&u64, &Slot)| match (slot.place, slot.answer) {
            (Place::Displaced, _) => Some(Alert::KeyUsedElsewhere { nonce: *nonce }),
            (Place::Out, Some(Answer::Refused)) => Some(Alert::Refused { nonce: *nonce }),
            (Place::Out, Some(Answer::Unfunded)) => Some(Alert::FundsTooLow),
            _ => None,
        };
        self.slots.iter().filter_map(trouble).collect()
    }

    /// Offers more for what waits too long, the lowest nonce first: the others wait for it.
    fn replace(&mut self, now: Millis, view: &Standing, effects: &mut Vec<Effect>, alerts: &mut BTreeSet<Alert>) {
        let out = self.slots.iter_mut().filter(|(nonce, slot)| slot.is_out() && **nonce >= view.nonce);
        let mut late = Vec::new();
        for (nonce, slot) in out {
            let (offered_at, head) = *slot.offered.get_or_insert((now, view.head));
            if now >= offered_at.after(self.limits.replace_after) && slot.knows_its_hashes() {
                late.push((*nonce, head));
            }
        }
        for (nonce, head) in late {
            let Some(need) = self.slots.get(&nonce).and_then(|slot| need(slot, nonce, head, view)) else { continue };
            self.raise(now, nonce, need, view, effects, alerts);
        }
    }

    fn raise(
        &mut self,
        now: Millis,
        nonce: u64,
        need: Need,
        view: &Standing,
        effects: &mut Vec<Effect>,
        alerts: &mut BTreeSet<Alert>,
    ) {
        let others = self.worst_wei(Some(nonce));
        let Some(slot) = self.slots.get_mut(&nonce) else { return };
        let Some(last) = slot.record.offers.last() else { return };
        let raised = match slot.record.offers.len() < OFFERS_MAX {
            true => self.limits.raised(last, view, slot.record.gas_limit, others),
            false => Err(Alert::OffersSpent { nonce }),
        };
        match raised {
            Ok(offer) => {
                slot.record.offers.push(offer);
                slot.traces.push(Trace::default());
                (slot.offered, slot.answer) = (Some((now, view.head)), None);
                effects.push(Effect::Keep { nonce, record: slot.record.clone() });
            }
            // An offer that suffices may be late for other reasons, and no operator can help with those.
            Err(_) if need == Need::Impatience => {}
            Err(alert) => {
                alerts.insert(alert);
            }
        }
        // What cannot be raised is sent again as it is: the pool may have fallen back on an older offer.
        let sent_at = slot.traces.last().and_then(|trace| trace.sent_at);
        if sent_at.is_none_or(|sent_at| now >= sent_at.after(self.limits.replace_after)) {
            effects.extend(slot.send(now, nonce, slot.traces.len() - 1));
        }
    }

    /// Gives nonces to packages: first to those that lost theirs, then to those that wait.
    fn advance(&mut self, now: Millis, view: &Standing, effects: &mut Vec<Effect>, alerts: &mut BTreeSet<Alert>) {
        while let Some((from, package)) = self.upcoming(view) {
            let next = self.next();
            // Nonces that others used may come free again until they are final, and ours would wait behind the gap.
            if view.nonce > next && view.nonce_final < view.nonce {
                return;
            }
            let nonce = next.max(view.nonce);
            let gas_limit = self.limits.gas_limit(package.gas);
            let offer = match self.limits.first(view, gas_limit, self.worst_wei(None)) {
                Ok(offer) => offer,
                Err(alert) => {
                    alerts.insert(alert);
                    return;
                }
            };
            let newest = self.placed.map_or(package.id, |placed| placed.max(package.id));
            self.placed = Some(newest);
            let record = Record { package, gas_limit, offers: vec![offer], newest, closed: false };
            effects.push(Effect::Keep { nonce, record: record.clone() });
            // Only now: until the new nonce is stored, the old record is all that is known of the package or nonce.
            effects.extend(self.mark.take().map(|nonce| Effect::Forget { nonce }));
            match from {
                Some(nonce) => {
                    self.slots.remove(&nonce);
                    effects.push(Effect::Forget { nonce });
                }
                None => {
                    self.waiting.pop_front();
                }
            }
            let mut slot = Slot::new(record, Some((now, view.head)));
            effects.extend(slot.send(now, nonce, 0));
            self.slots.insert(nonce, slot);
        }
    }

    /// Returns the package that is to go next, with the nonce that it lost if it had one.
    fn upcoming(&self, view: &Standing) -> Option<(Option<u64>, Package)> {
        let out = self.slots.iter().filter(|(_, slot)| slot.is_out());
        if out.clone().count() >= IN_FLIGHT_MAX {
            return None;
        }
        let mut displaced = self.slots.iter().filter(|(_, slot)| slot.place == Place::Displaced);
        if let Some((nonce, slot)) = displaced.next() {
            return Some((Some(*nonce), slot.record.package.clone()));
        }
        // A nonce that was passed without a receipt: its package may have to go again, before those that wait.
        let unclear = out.clone().any(|(nonce, _)| *nonce < view.nonce);
        if unclear || self.slots.len() >= OPEN_MAX {
            return None;
        }
        self.waiting.front().map(|package| (None, package.clone()))
    }

    /// Returns the nonce after all that were ever used here.
    fn next(&self) -> u64 {
        let highest = self.slots.last_key_value().map(|(nonce, _)| *nonce).max(self.mark);
        highest.map_or(0, |nonce| nonce.saturating_add(1))
    }

    /// Returns the most that everything not final may cost, but for one nonce. What is in a block counts in full, as if
    /// it were not paid: a reorganisation may make it so.
    fn worst_wei(&self, but: Option<u64>) -> u128 {
        let others = self.slots.iter().filter(|(nonce, _)| Some(**nonce) != but);
        others.map(|(_, slot)| slot.worst_wei()).fold(0, u128::saturating_add)
    }
}

/// Why more is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// At present fees the last offer cannot come into a block, or the node says so.
    TooLow,
    /// It could, and everything before it has, but it did not.
    Impatience,
}

fn need(slot: &Slot, nonce: u64, offered_head: u64, view: &Standing) -> Option<Need> {
    let offer = slot.record.offers.last()?;
    match slot.answer {
        // More money does not help here.
        Some(Answer::Refused | Answer::Unfunded) => None,
        Some(Answer::Underpriced) => Some(Need::TooLow),
        _ if offer.max_fee_wei < view.base_fee_wei.saturating_add(view.tip_wei) => Some(Need::TooLow),
        // Without a new block nothing could happen, and what the pool lost is sent again as it is.
        _ if nonce == view.nonce && nonce < view.nonce_pending && view.head > offered_head => Some(Need::Impatience),
        _ => None,
    }
}
