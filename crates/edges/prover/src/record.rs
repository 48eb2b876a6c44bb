//! The transition in a mode that records: what it reads, writes, hashes and compares becomes rows.

use crate::Traces;
use crate::bridge::Crossings;
use crate::divide::halves;
use crate::fixed::Lookups;
use crate::hashes::{Hashes, Sponge, felts};
use crate::machine::Runs;
use crate::memory::{Key, Memory, amount_value};
use crate::signature::Signatures;
use crate::signed::Admission;
use crate::tree;
use crypto::list;
use ledger::account::{BalanceKey, Transfer as Asked};
use ledger::authority::Authority;
use ledger::{Message, Withdrawal};
use p3_field::{Field as _, PrimeCharacteristicRing as _};
use p3_matrix::dense::RowMajorMatrix;
use proof::circuit::{
    ACTION_AUTHORISE, ACTION_MERGE, ACTION_NONE, ACTION_RECLAIM, ACTION_REDEEM, ACTION_REKEY, ACTION_RESOLVE,
    ACTION_REVOKE, ACTION_SPLIT, ACTION_TRANSFER, Authority as AuthorityRow, Balance, Bridge, Called, Compare, Crossed,
    Divide, Entry, F, Grant, Leaf, MOMENTS, MULTIPLY_ROWS, Machine, Multiply, Poseidon, REJECTED_INSUFFICIENT,
    REJECTED_NARROW, REJECTED_ZERO, Signature, Signed, Table, Tally, Transfer, Tree, Uses,
};
use proof::crossing::Inbox;
use proof::joined::{self, Claim};
use proof::validity::{LOG_HEIGHT_MAX, LOG_HEIGHT_MIN, Outcome, Statement};
use state::{Overlay, State};
use transition::{Action, Checked};
use types::{AccountId, Amount, Digest, Encode as _, Millis};

/// Why a batch cannot be proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unprovable {
    /// The circuit has no row for what became of this transaction: the state is none that a chain comes to.
    #[error(
        "transaction {0} cannot be proven on this state: it is none that a chain comes to, so take the state from L1 again"
    )]
    Kind(Digest),
    /// It forces no action: L1 queues no such message.
    #[error("message {0} of the inbox forces something that is no action: this inbox is not the rollup's")]
    Forced(u64),
    /// It has more than the tables hold.
    #[error("a table would have more than 2^{LOG_HEIGHT_MAX} rows: prove fewer transactions at a time")]
    TooLarge,
    /// Time goes backwards: such blocks follow nowhere on one another.
    #[error("a block at {0} ms is older than the one before it")]
    Time(Millis),
}

/// A block of the batch.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// Its time.
    pub time: Millis,
    /// Its transactions.
    pub transactions: &'a [Checked],
}

/// An entry of the batch.
#[derive(Debug, Clone, Copy)]
pub enum Incoming<'a> {
    /// A message of the L1 inbox.
    Message(&'a Message),
    /// A transaction.
    Transaction(&'a Checked),
}

/// A batch with all that its proof needs.
pub struct Recorded {
    /// What is to be proven.
    pub statement: Statement,
    /// What became of each entry.
    pub outcomes: Vec<Outcome>,
    /// The messages that were taken.
    pub messages: Vec<Message>,
    /// The withdrawals that were made.
    pub withdrawals: Vec<Withdrawal>,
    /// The rows.
    pub traces: Traces,
}

impl Recorded {
    /// Returns the leaf that a proof of it makes.
    pub fn leaf(&self, proof: Vec<u8>) -> joined::Leaf {
        let (messages, withdrawals) = (self.messages.clone(), self.withdrawals.clone());
        joined::Leaf { claim: Claim::from(&self.statement), messages, withdrawals, proof: proof.into() }
    }
}

/// What is recorded while the batch is executed.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) hashes: Hashes,
    pub(crate) lookups: Lookups,
    pub(crate) memory: Memory,
    pub(crate) crossings: Crossings,
    pub(crate) signatures: Signatures,
    pub(crate) runs: Runs,
    balances: Vec<F>,
    rows_of_entries: Vec<F>,
    pub(crate) rows_of_signed: Vec<F>,
    pub(crate) authorities: Vec<F>,
    pub(crate) grants: Vec<F>,
    transfers: Vec<F>,
    pub(crate) tallies: Vec<F>,
    pub(crate) divisions: Vec<F>,
    pub(crate) comparisons: Vec<F>,
    /// How often somebody asked for the time of the entry that is being executed.
    time_uses: u64,
    /// The time of the last entry, as the ledger's cursor has it.
    now: Millis,
    pub(crate) nodes: Vec<F>,
    pub(crate) leaves: Vec<F>,
    entries: Digest,
}

/// Executes transactions on a state, which moves, and records the batch.
///
/// # Errors
/// When it holds something that cannot be proven. The state has not moved then.
pub fn record(state: &mut State, chain: &Digest, batch: &[Block<'_>]) -> Result<Recorded, Unprovable> {
    let entries: Vec<_> = batch
        .iter()
        .flat_map(|block| block.transactions.iter().map(|checked| (block.time, Incoming::Transaction(checked))))
        .collect();
    record_all(state, chain, &entries)
}

/// Executes entries on a state as [`record`] does, messages of the inbox among them; each with its block's time.
///
/// # Errors
/// As [`record`] has them.
pub fn record_all(
    state: &mut State,
    chain: &Digest,
    entries: &[(Millis, Incoming<'_>)],
) -> Result<Recorded, Unprovable> {
    let cursor = |state: &State| ledger::bridge::cursor(&Overlay::new(state));
    let mut recorder = Recorder { now: cursor(state).time, ..Recorder::default() };
    let parent_root = state.root();
    let mut outcomes = Vec::new();
    for (number, (time, incoming)) in (1..).zip(entries) {
        let turn = Turn { number, time: *time };
        outcomes.push(match incoming {
            Incoming::Message(message) => {
                let (kind, id, code) = recorder.message(state, chain, &turn, message)?;
                let outcome = Outcome { id, code, time: *time };
                recorder.entry(number, kind, &outcome)?;
                outcome
            }
            Incoming::Transaction(checked) => {
                let code = recorder.transaction(state, chain, &turn, checked)?;
                Outcome { id: checked.id().0, code, time: *time }
            }
        });
    }
    let ends = recorder.close_crossings(state, recorder.now);
    let [inbox_before, inbox_after] =
        ends.each_ref().map(|cursor| Inbox { count: cursor.inbox_count, hash: cursor.inbox_hash });
    let [time_before, time_after] = ends.map(|cursor| cursor.time);
    let undo = tree::record(&mut recorder, state);
    if recorder.rows_most() > 1 << LOG_HEIGHT_MAX {
        state.apply(&undo);
        return Err(Unprovable::TooLarge);
    }
    let (messages, withdrawals) = (&recorder.crossings.messages, &recorder.crossings.withdrawals);
    let statement = Statement {
        chain: *chain,
        parent_root,
        state_root: state.root(),
        entries: recorder.entries,
        inbox_before,
        inbox_after,
        time_before,
        time_after,
        withdrawals_root: list::root(&withdrawals.iter().map(Withdrawal::leaf).collect::<Vec<_>>()),
    };
    let crossed = statement.crossed(&recorder.crossings.chains(), messages, withdrawals);
    let (messages, withdrawals) = (messages.clone(), withdrawals.clone());
    Ok(Recorded { traces: recorder.traces(crossed), statement, outcomes, messages, withdrawals })
}

/// An entry's number and time.
pub(crate) struct Turn {
    pub(crate) number: u64,
    pub(crate) time: Millis,
}

/// A debit or a credit of a balance or a supply that somebody asks for.
pub(crate) struct Post {
    pub(crate) time: u64,
    pub(crate) key: Key,
    pub(crate) amount: u64,
    pub(crate) credit: bool,
}

/// A transaction of which only the action is left to record.
pub(crate) struct Request {
    pub(crate) number: u64,
    pub(crate) time: Millis,
    pub(crate) id: Digest,
    /// The account that is acted for.
    pub(crate) sender: AccountId,
    /// How far its signer may act for it.
    pub(crate) authority: Authority,
    /// Whether the action needs more than that.
    pub(crate) is_narrow: bool,
    pub(crate) action: Sponge,
    /// What the id is the digest of, where the machine answers for what somebody signed.
    pub(crate) signed: Vec<u64>,
}

/// Returns the time of an entry's access.
pub(crate) fn moment(number: u64, place: u64) -> u64 {
    number * u64::from(MOMENTS) + place
}

impl Recorder {
    fn transaction(&mut self, state: &State, chain: &Digest, turn: &Turn, tx: &Checked) -> Result<u32, Unprovable> {
        let (id, action) = (tx.id().0, &tx.transaction().action);
        let Turn { number, time } = *turn;
        let digest = crypto::poseidon::hash_of(crypto::Domain::Action, action);
        let (kind, code) = match self.admit(state, chain, turn, tx, &digest) {
            // Nobody looks at its action.
            Admission::Rejected(code) => (ACTION_NONE, code),
            Admission::Acts(sender, authority) => {
                let is_narrow = authority < action.needs(sender);
                // Where the machine answers, its program hashes what is asked.
                let (opened, signed) = if self.is_run(state, action) {
                    (Sponge { name: 0, digest }, tx.transaction().id_elements(chain, tx.signer(), &digest))
                } else {
                    (self.hashes.sponge(crypto::Domain::Action, &action.to_elements()), Vec::new())
                };
                let request = Request { number, time, id, sender, authority, is_narrow, action: opened, signed };
                self.act(state, chain, &request, action)?
            }
        };
        self.entry(number, kind, &Outcome { id, code, time })?;
        Ok(code)
    }

    /// Records an action, and returns its number and its code.
    pub(crate) fn act(
        &mut self,
        state: &State,
        chain: &Digest,
        request: &Request,
        action: &Action,
    ) -> Result<(u8, u32), Unprovable> {
        if self.is_run(state, action) {
            return self.by_machine(state, chain, request, action);
        }
        Ok(match action {
            Action::Transfer(asked) => {
                let code = self.movement(state, request, asked);
                self.put_transfer(request, asked, code);
                (ACTION_TRANSFER, code)
            }
            Action::Withdraw(asked) => self.withdraw(state, request, asked),
            Action::Rekey(asked) => (ACTION_REKEY, self.rekey(state, request, asked)),
            Action::Authorise(asked) => (ACTION_AUTHORISE, self.authorise(state, request, asked)),
            Action::Revoke(asked) => (ACTION_REVOKE, self.revoke(state, request, asked)),
            Action::Merge(asked) => (ACTION_MERGE, self.merge(state, request, asked)),
            Action::Split(asked) => (ACTION_SPLIT, self.split(state, request, asked)),
            Action::Resolve(asked) => (ACTION_RESOLVE, self.resolve(state, request, asked)),
            Action::Reclaim(asked) => (ACTION_RECLAIM, self.reclaim(state, request, asked)),
            Action::Redeem(asked) => (ACTION_REDEEM, self.redeem(state, request, asked.tally)),
            _ => return Err(Unprovable::Kind(request.id)),
        })
    }

    /// Returns the time of the entry that is being executed, in halves, for a row that asks for it.
    pub(crate) fn ask_time(&mut self, time: Millis) -> [F; 2] {
        self.time_uses += 1;
        halves(time.0).map(F::from_u64)
    }

    /// Records what became of an entry.
    fn entry(&mut self, number: u64, kind: u8, outcome: &Outcome) -> Result<(), Unprovable> {
        let Outcome { id, code, time } = *outcome;
        let [time_high, time_low] = halves(time.0);
        let earlier = std::mem::replace(&mut self.now, time);
        if earlier > time {
            return Err(Unprovable::Time(time));
        }
        self.compare(time.0, earlier.0, false);
        let elements = [id.limbs().as_slice(), &[code.into(), time_high, time_low]].concat();
        let sponge = self.hashes.sponge(crypto::Domain::Entry, &elements);
        let before = self.entries;
        self.entries = self.hashes.compress(before, sponge.digest);
        Entry {
            used: F::ONE,
            number: F::from_u64(number),
            kind: F::from_u8(kind),
            id: felts(&id),
            code: F::from_u32(code),
            time: [time_high, time_low].map(F::from_u64),
            earlier: halves(earlier.0).map(F::from_u64),
            uses: F::from_u64(std::mem::take(&mut self.time_uses)),
            before: felts(&before),
            digest: felts(&sponge.digest),
            after: felts(&self.entries),
            sponge: F::from_u64(sponge.name),
        }
        .put(&mut self.rows_of_entries);
        Ok(())
    }

    fn put_transfer(&mut self, request: &Request, asked: &Asked, code: u32) {
        let amount = F::from_u64(asked.amount.quanta());
        Transfer {
            applied: F::from_bool(code == 0),
            insufficient: F::from_bool(code == REJECTED_INSUFFICIENT),
            nothing: F::from_bool(code == REJECTED_ZERO),
            narrow: F::from_bool(code == REJECTED_NARROW),
            number: F::from_u64(request.number),
            id: felts(&request.id),
            from: felts(&request.sender.0),
            to: felts(&asked.to.0),
            asset: felts(&asked.asset.0),
            amount,
            amount_limbs: self.lookups.range62(asked.amount.quanta()),
            amount_inverse: amount.try_inverse().unwrap_or_default(),
            action: felts(&request.action.digest),
            action_sponge: F::from_u64(request.action.name),
        }
        .put(&mut self.transfers);
    }

    /// Moves what is asked, and returns the code of what became of it.
    fn movement(&mut self, state: &State, request: &Request, asked: &Asked) -> u32 {
        if request.is_narrow {
            return REJECTED_NARROW;
        }
        if asked.amount.is_zero() {
            return REJECTED_ZERO;
        }
        let post = |place: u64, account: AccountId, credit: bool| Post {
            time: moment(request.number, place),
            key: Key::Balance(BalanceKey { account, asset: asked.asset }),
            amount: asked.amount.quanta(),
            credit,
        };
        if !self.post(state, &post(1, request.sender, false)) {
            return REJECTED_INSUFFICIENT;
        }
        self.post(state, &post(2, asked.to, true));
        0
    }

    /// Debits or credits, and says whether it could be done.
    pub(crate) fn post(&mut self, state: &State, post: &Post) -> bool {
        let ([before, ..], amount) = (self.memory.value(state, &post.key), post.amount);
        let done = if post.credit { before + amount <= Amount::MAX.quanta() } else { before >= amount };
        let after = match (post.credit, done) {
            (true, true) => before + amount,
            (false, true) => before - amount,
            (_, false) => before,
        };
        let after_value = amount_value(Amount::new(after).expect("no more is held than there is"));
        let since = self.memory.set(state, &post.key, after_value, post.time);
        let ranged = match (post.credit, done) {
            (_, true) => after,
            (false, false) => amount - before - 1,
            (true, false) => before + amount - Amount::MAX.quanta() - 1,
        };
        let mut key = [F::ZERO; 8];
        for (cell, element) in key.iter_mut().zip(post.key.elements()) {
            *cell = F::from_u64(element);
        }
        Balance {
            debits: F::from_bool(!post.credit),
            credits: F::from_bool(post.credit),
            done: F::from_bool(done),
            time: F::from_u64(post.time),
            kind: F::from_u8(post.key.kind()),
            key,
            amount: F::from_u64(amount),
            before: F::from_u64(before),
            since: F::from_u64(since),
            passed: self.lookups.range32(post.time - since - 1),
            limbs: self.lookups.range62(ranged),
        }
        .put(&mut self.balances);
        done
    }

    /// Returns how many rows the highest of the tables that grow has.
    fn rows_most(&self) -> usize {
        let signatures = self.signatures.len() * MULTIPLY_ROWS;
        let cells = [
            (&self.nodes, Tree::WIDTH),
            (&self.leaves, Leaf::WIDTH),
            (&self.balances, Balance::WIDTH),
            (&self.runs.rows, Machine::WIDTH),
        ];
        let others = self.hashes.len().max(signatures).max(self.crossings.len());
        cells.iter().map(|(cells, width)| cells.len() / width).fold(others, usize::max)
    }

    /// Returns the rows of all tables.
    fn traces(mut self, crossed: Crossed<F>) -> Traces {
        let height = |rows: usize| rows.next_power_of_two().max(1 << LOG_HEIGHT_MIN);
        self.signatures.pad(height(self.signatures.len()));
        pad(&mut self.nodes, Tree::WIDTH, |_, _| {});
        let below = F::ZERO - F::from_u32(u32::MAX);
        pad(&mut self.leaves, Leaf::WIDTH, |row, _| {
            let mut unused = Leaf::read(row);
            unused.full_inverse = [below.inverse(); 4];
            let mut cells = Vec::with_capacity(row.len());
            unused.put(&mut cells);
            row.copy_from_slice(&cells);
        });
        pad(&mut self.balances, Balance::WIDTH, |_, _| {});
        let (entries, now) = (felts(&self.entries), halves(self.now.0).map(F::from_u64));
        pad(&mut self.rows_of_entries, Entry::WIDTH, |row, number| {
            let mut unused = Entry::read(row);
            unused.number = F::from_usize(number + 1);
            (unused.before, unused.after) = (entries, entries);
            (unused.earlier, unused.time) = (now, now);
            let mut cells = Vec::with_capacity(row.len());
            unused.put(&mut cells);
            row.copy_from_slice(&cells);
        });
        pad(&mut self.rows_of_signed, Signed::WIDTH, |_, _| {});
        pad(&mut self.authorities, AuthorityRow::WIDTH, |_, _| {});
        pad(&mut self.grants, Grant::WIDTH, |_, _| {});
        pad(&mut self.transfers, Transfer::WIDTH, |_, _| {});
        pad(&mut self.tallies, Tally::WIDTH, |_, _| {});
        pad(&mut self.divisions, Divide::WIDTH, |_, _| {});
        pad(&mut self.comparisons, Compare::WIDTH, |_, _| {});
        pad(&mut self.runs.rows, Machine::WIDTH, |_, _| {});
        pad(&mut self.runs.calls, Called::WIDTH, |_, _| {});
        let of = |table: &Table| match table {
            Table::Fixed => RowMajorMatrix::new(self.lookups.trace(), Uses::WIDTH),
            Table::Poseidon => RowMajorMatrix::new(self.hashes.trace(height(self.hashes.len())), Poseidon::WIDTH),
            Table::Tree => RowMajorMatrix::new(std::mem::take(&mut self.nodes), Tree::WIDTH),
            Table::Leaf => RowMajorMatrix::new(std::mem::take(&mut self.leaves), Leaf::WIDTH),
            Table::Balance => RowMajorMatrix::new(std::mem::take(&mut self.balances), Balance::WIDTH),
            Table::Entry => RowMajorMatrix::new(std::mem::take(&mut self.rows_of_entries), Entry::WIDTH),
            Table::Signed => RowMajorMatrix::new(std::mem::take(&mut self.rows_of_signed), Signed::WIDTH),
            Table::Authority => RowMajorMatrix::new(std::mem::take(&mut self.authorities), AuthorityRow::WIDTH),
            Table::Grant => RowMajorMatrix::new(std::mem::take(&mut self.grants), Grant::WIDTH),
            Table::Transfer => RowMajorMatrix::new(std::mem::take(&mut self.transfers), Transfer::WIDTH),
            Table::Tally => RowMajorMatrix::new(std::mem::take(&mut self.tallies), Tally::WIDTH),
            Table::Bridge => {
                let cells = self.crossings_trace(&crossed, height(self.crossings.len()));
                RowMajorMatrix::new(cells, Bridge::WIDTH)
            }
            Table::Divide => RowMajorMatrix::new(std::mem::take(&mut self.divisions), Divide::WIDTH),
            Table::Compare => RowMajorMatrix::new(std::mem::take(&mut self.comparisons), Compare::WIDTH),
            Table::Signature => RowMajorMatrix::new(std::mem::take(&mut self.signatures.rows), Signature::WIDTH),
            Table::Multiply => RowMajorMatrix::new(std::mem::take(&mut self.signatures.steps), Multiply::WIDTH),
            Table::Machine => RowMajorMatrix::new(std::mem::take(&mut self.runs.rows), Machine::WIDTH),
            Table::Call => RowMajorMatrix::new(std::mem::take(&mut self.runs.calls), Called::WIDTH),
            Table::Program => RowMajorMatrix::new(self.runs.uses.iter().copied().map(F::from_u64).collect(), 1),
            Table::Base => RowMajorMatrix::new(self.signatures.base_uses.iter().copied().map(F::from_u64).collect(), 1),
        };
        let tables = Table::ALL.iter().map(of).collect();
        Traces { tables, chains: self.crossings.chains(), crossed }
    }
}

/// Adds unused rows up to a power of two; `fill` gets each with its number.
fn pad(cells: &mut Vec<F>, width: usize, fill: impl Fn(&mut [F], usize)) {
    let rows = cells.len() / width;
    let height = rows.next_power_of_two().max(1 << LOG_HEIGHT_MIN);
    cells.resize(height * width, F::ZERO);
    for (number, row) in cells.chunks_mut(width).enumerate().skip(rows) {
        fill(row, number);
    }
}
