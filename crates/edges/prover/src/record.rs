//! The transition in a mode that records: what it reads, writes, hashes and compares becomes rows.

use crate::Traces;
use crate::fixed::Lookups;
use crate::hashes::{Hashes, Sponge, felts};
use crate::memory::{Key, Memory, account_value, balance_value};
use crate::signature::Signatures;
use crate::tree;
use ledger::account::{AccountRecord, BalanceKey, Transfer as Asked};
use p3_field::{Field as _, PrimeCharacteristicRing as _};
use p3_matrix::dense::RowMajorMatrix;
use proof::circuit::{
    ACTION_TRANSFER, Balance, Entry, F, Leaf, MOMENTS, MULTIPLY_ROWS, Multiply, Poseidon, REJECTED_INSUFFICIENT,
    REJECTED_ZERO, Signature, Signed, Table, Transfer, Tree, Uses,
};
use proof::validity::{LOG_HEIGHT_MAX, LOG_HEIGHT_MIN, Statement};
use state::State;
use transition::{Action, Checked};
use types::{AccountId, Amount, Digest, Encode as _};

/// Why a batch cannot be proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unprovable {
    /// No table covers this transaction yet.
    #[error("transaction {0} is of a kind that no table of the circuit covers")]
    Kind(Digest),
    /// It has more than the tables hold.
    #[error("a table would have more than 2^{LOG_HEIGHT_MAX} rows: prove fewer transactions at a time")]
    TooLarge,
    /// Its nonce is not the next: such a transaction belongs in no batch that is to be proven.
    #[error("transaction {0} has a nonce that is not its account's next")]
    Nonce(Digest),
}

/// A batch with all that its proof needs.
pub struct Recorded {
    /// What is to be proven.
    pub statement: Statement,
    /// Each transaction's id with its code, zero when applied.
    pub outcomes: Vec<(Digest, u32)>,
    /// The rows.
    pub traces: Traces,
}

/// What is recorded while the batch is executed.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) hashes: Hashes,
    pub(crate) lookups: Lookups,
    pub(crate) memory: Memory,
    signatures: Signatures,
    balances: Vec<F>,
    rows_of_entries: Vec<F>,
    rows_of_signed: Vec<F>,
    transfers: Vec<F>,
    pub(crate) nodes: Vec<F>,
    pub(crate) leaves: Vec<F>,
    entries: Digest,
}

/// Executes transfers on a state, which moves, and records the batch.
///
/// # Errors
/// When it holds something that cannot be proven. The state has not moved then.
pub fn record(state: &mut State, chain: &Digest, batch: &[Checked]) -> Result<Recorded, Unprovable> {
    let mut recorder = Recorder::default();
    let parent_root = state.root();
    let mut outcomes = Vec::with_capacity(batch.len());
    for (number, checked) in (1..).zip(batch) {
        let code = recorder.transaction(state, chain, number, checked)?;
        outcomes.push((checked.id().0, code));
    }
    let undo = tree::record(&mut recorder, state);
    if recorder.rows_most() > 1 << LOG_HEIGHT_MAX {
        state.apply(&undo);
        return Err(Unprovable::TooLarge);
    }
    let statement = Statement { chain: *chain, parent_root, state_root: state.root(), entries: recorder.entries };
    Ok(Recorded { traces: recorder.traces(), statement, outcomes })
}

/// A debit or a credit that a transfer asks for.
struct Post {
    time: u64,
    who: AccountId,
    credit: bool,
}

/// Returns the time of an entry's access.
fn moment(number: u64, place: u64) -> u64 {
    number * u64::from(MOMENTS) + place
}

impl Recorder {
    fn transaction(&mut self, state: &State, chain: &Digest, number: u64, tx: &Checked) -> Result<u32, Unprovable> {
        let (id, transaction) = (tx.id().0, tx.transaction());
        let (Action::Transfer(asked), None) = (&transaction.action, transaction.on_behalf) else {
            return Err(Unprovable::Kind(id));
        };
        if self.memory.nonce(state, tx.signer(), &id)? != transaction.nonce {
            return Err(Unprovable::Nonce(id));
        }
        let action = self.hashes.sponge(crypto::Domain::Action, &transaction.action.to_elements());
        self.signed(state, chain, number, tx, &action.digest);
        let code = self.movement(state, number, tx.signer(), asked);
        self.put_transfer(number, tx, asked, action, code);
        self.entry(number, ACTION_TRANSFER, &id, code);
        Ok(code)
    }

    /// Records what became of an entry.
    fn entry(&mut self, number: u64, kind: u8, id: &Digest, code: u32) {
        let elements = [id.limbs().as_slice(), &[code.into()]].concat();
        let sponge = self.hashes.sponge(crypto::Domain::Entry, &elements);
        let before = self.entries;
        self.entries = self.hashes.compress(before, sponge.digest);
        Entry {
            used: F::ONE,
            number: F::from_u64(number),
            kind: F::from_u8(kind),
            id: felts(id),
            code: F::from_u32(code),
            before: felts(&before),
            digest: felts(&sponge.digest),
            after: felts(&self.entries),
            sponge: F::from_u64(sponge.name),
        }
        .put(&mut self.rows_of_entries);
    }

    /// Records a transaction's signature and uses its nonce up.
    fn signed(&mut self, state: &State, chain: &Digest, number: u64, tx: &Checked, action: &Digest) {
        let (id, transaction) = (tx.id().0, tx.transaction());
        let nonce = transaction.nonce;
        let record = AccountRecord { keeper: None, nonce: nonce + 1 };
        let time = moment(number, 0);
        let since = self.memory.set(state, &Key::Account(tx.signer()), account_value(&record), time);

        let sender = transaction.sender.to_elements();
        let account_sponge = self.hashes.sponge(crypto::Domain::Account, &sender);
        let elements = transaction.id_elements(chain, tx.signer(), action);
        let id_sponge = self.hashes.sponge(crypto::Domain::Transaction, &elements);
        let key = transaction.sender.key.key.limbs();
        self.signatures.add(&mut self.hashes, key, &id, &transaction.signature.0);
        let owner = transaction.sender.owner.to_elements();
        let owner: [u64; 5] = owner.try_into().expect("an address's elements");
        Signed {
            used: F::ONE,
            number: F::from_u64(number),
            key: key.map(F::from_u64),
            owner: owner.map(F::from_u64),
            owner_low: owner.map(|element| self.lookups.range32(element)),
            account: felts(&tx.signer().0),
            nonce_high: F::from_u64(nonce >> 32),
            nonce_low: F::from_u64(nonce & 0xffff_ffff),
            carry: F::from_bool(nonce & 0xffff_ffff == 0xffff_ffff),
            next_low: self.lookups.range32((nonce + 1) & 0xffff_ffff),
            since: F::from_u64(since),
            passed: self.lookups.range32(time - since - 1),
            action: felts(action),
            id: felts(&id),
            account_sponge: F::from_u64(account_sponge.name),
            id_sponge: F::from_u64(id_sponge.name),
        }
        .put(&mut self.rows_of_signed);
    }

    fn put_transfer(&mut self, number: u64, tx: &Checked, asked: &Asked, action: Sponge, code: u32) {
        let amount = F::from_u64(asked.amount.quanta());
        Transfer {
            applied: F::from_bool(code == 0),
            insufficient: F::from_bool(code == REJECTED_INSUFFICIENT),
            nothing: F::from_bool(code == REJECTED_ZERO),
            number: F::from_u64(number),
            id: felts(&tx.id().0),
            from: felts(&tx.signer().0),
            to: felts(&asked.to.0),
            asset: felts(&asked.asset.0),
            amount,
            amount_limbs: self.lookups.range62(asked.amount.quanta()),
            amount_inverse: amount.try_inverse().unwrap_or_default(),
            action: felts(&action.digest),
            action_sponge: F::from_u64(action.name),
        }
        .put(&mut self.transfers);
    }

    /// Moves what is asked, and returns the code of what became of it.
    fn movement(&mut self, state: &State, number: u64, signer: AccountId, asked: &Asked) -> u32 {
        if asked.amount.is_zero() {
            return REJECTED_ZERO;
        }
        let debit = Post { time: moment(number, 1), who: signer, credit: false };
        if !self.post(state, &debit, asked) {
            return REJECTED_INSUFFICIENT;
        }
        self.post(state, &Post { time: moment(number, 2), who: asked.to, credit: true }, asked);
        0
    }

    /// Debits or credits, and says whether it could be done.
    fn post(&mut self, state: &State, post: &Post, asked: &Asked) -> bool {
        let key = Key::Balance(BalanceKey { account: post.who, asset: asked.asset });
        let ([before, ..], amount) = (self.memory.value(state, &key), asked.amount.quanta());
        let done = post.credit || before >= amount;
        let after = match (post.credit, done) {
            (true, _) => before + amount,
            (false, true) => before - amount,
            (false, false) => before,
        };
        let after_value = balance_value(Amount::new(after).expect("no more is held than there is"));
        let since = self.memory.set(state, &key, after_value, post.time);
        let ranged = if done { after } else { amount - before - 1 };
        Balance {
            debits: F::from_bool(!post.credit),
            credits: F::from_bool(post.credit),
            done: F::from_bool(done),
            time: F::from_u64(post.time),
            account: felts(&post.who.0),
            asset: felts(&asked.asset.0),
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
        let cells = [(&self.nodes, Tree::WIDTH), (&self.leaves, Leaf::WIDTH), (&self.balances, Balance::WIDTH)];
        cells.iter().map(|(cells, width)| cells.len() / width).fold(self.hashes.len().max(signatures), usize::max)
    }

    /// Returns the rows of all tables.
    fn traces(mut self) -> Traces {
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
        let entries = felts(&self.entries);
        pad(&mut self.rows_of_entries, Entry::WIDTH, |row, number| {
            let mut unused = Entry::read(row);
            unused.number = F::from_usize(number + 1);
            (unused.before, unused.after) = (entries, entries);
            let mut cells = Vec::with_capacity(row.len());
            unused.put(&mut cells);
            row.copy_from_slice(&cells);
        });
        pad(&mut self.rows_of_signed, Signed::WIDTH, |_, _| {});
        pad(&mut self.transfers, Transfer::WIDTH, |_, _| {});
        let of = |table: &Table| match table {
            Table::Fixed => RowMajorMatrix::new(self.lookups.trace(), Uses::WIDTH),
            Table::Poseidon => RowMajorMatrix::new(self.hashes.trace(height(self.hashes.len())), Poseidon::WIDTH),
            Table::Tree => RowMajorMatrix::new(std::mem::take(&mut self.nodes), Tree::WIDTH),
            Table::Leaf => RowMajorMatrix::new(std::mem::take(&mut self.leaves), Leaf::WIDTH),
            Table::Balance => RowMajorMatrix::new(std::mem::take(&mut self.balances), Balance::WIDTH),
            Table::Entry => RowMajorMatrix::new(std::mem::take(&mut self.rows_of_entries), Entry::WIDTH),
            Table::Signed => RowMajorMatrix::new(std::mem::take(&mut self.rows_of_signed), Signed::WIDTH),
            Table::Transfer => RowMajorMatrix::new(std::mem::take(&mut self.transfers), Transfer::WIDTH),
            Table::Signature => RowMajorMatrix::new(std::mem::take(&mut self.signatures.rows), Signature::WIDTH),
            Table::Multiply => RowMajorMatrix::new(std::mem::take(&mut self.signatures.steps), Multiply::WIDTH),
            Table::Base => RowMajorMatrix::new(self.signatures.base_uses.iter().copied().map(F::from_u64).collect(), 1),
        };
        Traces { tables: Table::ALL.iter().map(of).collect() }
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
