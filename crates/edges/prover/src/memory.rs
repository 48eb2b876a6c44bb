//! What the touched leaves hold while a batch is executed, and since when.

use ledger::account::{Account, AccountRecord, Balance, BalanceKey};
use ledger::authority::{Session, SessionKey, SessionRecord};
use ledger::bridge::{Cursor, CursorRecord, Supply, Token};
use ledger::tally::{Tally, TallyRecord};
use proof::circuit::{
    KIND_ACCOUNT, KIND_BALANCE, KIND_CURSOR, KIND_OFFER, KIND_PARAMETERS, KIND_PROGRAM, KIND_SESSION, KIND_SUPPLY,
    KIND_TALLY, KIND_TASK, KIND_TOKEN,
};
use state::{Leaf, LeafChange, Overlay, State, path_of};
use std::collections::BTreeMap;
use task::{Offer, OfferRecord, Params, Program, ProgramRecord, Task, TaskRecord};
use types::{AccountId, Amount, AssetId, ContentId, Digest, Encode, EthAddress, Millis, TallyId, TaskId};

/// What a leaf is found by.
#[derive(Debug, Clone)]
pub enum Key {
    Account(AccountId),
    Balance(BalanceKey),
    Supply(AssetId),
    Tally(TallyId),
    Session(SessionKey),
    Token(AssetId),
    Cursor,
    Parameters,
    Program(ContentId),
    Offer(AccountId),
    Task(TaskId),
}

/// What a leaf holds, as the leaf table has it. All zeros when there is no leaf.
pub type Value = [u64; 7];

impl Key {
    /// Returns the kind's number.
    pub fn kind(&self) -> u8 {
        match self {
            Self::Account(_) => KIND_ACCOUNT,
            Self::Balance(_) => KIND_BALANCE,
            Self::Supply(_) => KIND_SUPPLY,
            Self::Tally(_) => KIND_TALLY,
            Self::Session(_) => KIND_SESSION,
            Self::Token(_) => KIND_TOKEN,
            Self::Cursor => KIND_CURSOR,
            Self::Parameters => KIND_PARAMETERS,
            Self::Program(_) => KIND_PROGRAM,
            Self::Offer(_) => KIND_OFFER,
            Self::Task(_) => KIND_TASK,
        }
    }

    /// Returns the key's elements.
    pub fn elements(&self) -> Vec<u64> {
        match self {
            Self::Account(key) => key.to_elements(),
            Self::Balance(key) => key.to_elements(),
            Self::Supply(key) => key.to_elements(),
            Self::Tally(key) => key.to_elements(),
            Self::Session(key) => key.to_elements(),
            Self::Token(key) => key.to_elements(),
            Self::Cursor | Self::Parameters => vec![0],
            Self::Program(key) => key.to_elements(),
            Self::Offer(key) => key.to_elements(),
            Self::Task(key) => key.to_elements(),
        }
    }

    fn path(&self) -> Digest {
        match self {
            Self::Account(key) => path_of::<Account>(key),
            Self::Balance(key) => path_of::<Balance>(key),
            Self::Supply(key) => path_of::<Supply>(key),
            Self::Tally(key) => path_of::<Tally>(key),
            Self::Session(key) => path_of::<Session>(key),
            Self::Token(key) => path_of::<Token>(key),
            Self::Cursor => path_of::<Cursor>(&0),
            Self::Parameters => path_of::<Params>(&0),
            Self::Program(key) => path_of::<Program>(key),
            Self::Offer(key) => path_of::<Offer>(key),
            Self::Task(key) => path_of::<Task>(key),
        }
    }

    fn read(&self, state: &State) -> Value {
        match self {
            Self::Account(id) => state.get::<Account>(id).map_or([0; 7], |record| account_value(&record)),
            Self::Balance(key) => amount_value(state.get::<Balance>(key).unwrap_or_default()),
            Self::Supply(key) => amount_value(state.get::<Supply>(key).unwrap_or_default()),
            Self::Tally(key) => tally_value(state.get::<Tally>(key).as_ref()),
            Self::Session(key) => session_value(state.get::<Session>(key).as_ref()),
            Self::Token(key) => token_value(state.get::<Token>(key).as_ref()),
            Self::Cursor => digest_value(state.get::<Cursor>(&0).as_ref()),
            Self::Parameters => digest_value(state.get::<Params>(&0).as_ref()),
            Self::Program(key) => digest_value(state.get::<Program>(key).as_ref()),
            Self::Offer(key) => digest_value(state.get::<Offer>(key).as_ref()),
            Self::Task(key) => digest_value(state.get::<Task>(key).as_ref()),
        }
    }

    /// Returns the key of a kind with these elements, padded with zeros. Nothing for a kind that the machine does not use.
    pub fn of(kind: u64, elements: &[u64]) -> Option<Self> {
        let digest = |elements: &[u64]| Digest::new(elements.try_into().ok()?);
        let (first, second) = elements.split_at_checked(4)?;
        let key = match u8::try_from(kind).ok()? {
            KIND_BALANCE => {
                Self::Balance(BalanceKey { account: AccountId(digest(first)?), asset: AssetId(digest(second)?) })
            }
            KIND_SUPPLY => Self::Supply(AssetId(digest(first)?)),
            KIND_TALLY => Self::Tally(TallyId(digest(first)?)),
            KIND_PARAMETERS => Self::Parameters,
            KIND_PROGRAM => {
                let mut content = ContentId::ZERO;
                for (bytes, limb) in content.0.chunks_mut(4).zip(elements) {
                    bytes.copy_from_slice(&u32::try_from(*limb).ok()?.to_be_bytes());
                }
                Self::Program(content)
            }
            KIND_OFFER => Self::Offer(AccountId(digest(first)?)),
            KIND_TASK => Self::Task(TaskId(digest(first)?)),
            _ => return None,
        };
        Some(key)
    }

    /// Returns the elements that a value is hashed as; none when there is no leaf, nor for a record, which stands for its
    /// digest.
    pub fn value_elements(&self, value: &Value) -> Option<Vec<u64>> {
        let [first, second, kept, keeper @ ..] = value;
        let elements = match self {
            Self::Tally(_) | Self::Cursor | Self::Parameters => return None,
            Self::Program(_) | Self::Offer(_) | Self::Task(_) => return None,
            Self::Token(_) => value[..5].to_vec(),
            Self::Balance(_) | Self::Supply(_) => vec![*first],
            Self::Account(_) if *kept == 0 => vec![0, *first, *second],
            Self::Account(_) => [&[1], keeper.as_slice(), &[*first, *second]].concat(),
            // Its cells are in the order that lets both be hashed alike.
            Self::Session(_) => [&value[2..7], &value[..1]].concat(),
        };
        (*value != [0; 7]).then_some(elements)
    }

    fn write(&self, overlay: &mut Overlay<'_>, value: &Value) {
        let [first, ..] = *value;
        match self {
            Self::Account(id) if *value == [0; 7] => overlay.remove::<Account>(id),
            Self::Account(id) => overlay.put::<Account>(id, &account_of(value)),
            Self::Session(key) => match session_of(value) {
                Some(session) => overlay.put::<Session>(key, &session),
                None => overlay.remove::<Session>(key),
            },
            Self::Balance(key) if first == 0 => overlay.remove::<Balance>(key),
            Self::Balance(key) => {
                overlay.put::<Balance>(key, &Amount::new(first).expect("balances are below 2^62"));
            }
            Self::Supply(key) if first == 0 => overlay.remove::<Supply>(key),
            Self::Supply(key) => {
                overlay.put::<Supply>(key, &Amount::new(first).expect("a supply is below 2^62"));
            }
            Self::Token(_) if *value == [0; 7] => {}
            Self::Token(key) => {
                let mut address = EthAddress::ZERO;
                for (bytes, limb) in address.0.chunks_mut(4).zip(value) {
                    bytes.copy_from_slice(&u32::try_from(*limb).expect("a limb of an address").to_be_bytes());
                }
                overlay.put::<Token>(key, &address);
            }
            // Its value says only what the record's digest is.
            Self::Tally(_) | Self::Cursor | Self::Parameters => {}
            Self::Program(_) | Self::Offer(_) | Self::Task(_) => {}
        }
    }
}

/// Returns an account's record as the leaf table has it.
pub fn account_value(record: &AccountRecord) -> Value {
    let keeper = record.keeper.map_or([0; 4], |keeper| keeper.0.limbs());
    let [a, b, c, d] = keeper;
    [record.nonce >> 32, record.nonce & 0xffff_ffff, u64::from(record.keeper.is_some()), a, b, c, d]
}

/// Returns an account's record from what the leaf table has.
pub fn account_of(value: &Value) -> AccountRecord {
    let [high, low, kept, keeper @ ..] = *value;
    let keeper = Digest::new(keeper).map(AccountId).filter(|_| kept == 1);
    AccountRecord { keeper, nonce: high << 32 | low }
}

/// Returns a session as the leaf table has it.
pub fn session_value(record: Option<&SessionRecord>) -> Value {
    let Some(SessionRecord { keeper, expires }) = record else { return [0; 7] };
    let [a, b, c, d] = keeper.0.limbs();
    [expires.0 & 0xffff_ffff, 1, a, b, c, d, expires.0 >> 32]
}

/// Returns a session from what the leaf table has.
pub fn session_of(value: &Value) -> Option<SessionRecord> {
    let [low, there, granted @ .., high] = *value;
    let keeper = Digest::new(granted).map(AccountId).filter(|_| there == 1)?;
    Some(SessionRecord { keeper, expires: Millis(high << 32 | low) })
}

/// Returns a tally as the leaf table has it.
pub fn tally_value(record: Option<&TallyRecord>) -> Value {
    digest_value(record)
}

/// Returns an L1 token's address as the leaf table has it.
pub fn token_value(address: Option<&EthAddress>) -> Value {
    let Some(address) = address else { return [0; 7] };
    let limbs: [u64; 5] = address.to_elements().try_into().expect("an address's elements");
    let [a, b, c, d, e] = limbs;
    [a, b, c, d, e, 1, 0]
}

/// Returns a record as the leaf table has it that knows its digest only.
fn digest_value(record: Option<&impl Encode>) -> Value {
    let Some(record) = record else { return [0; 7] };
    let [a, b, c, d] = crypto::poseidon::hash_of(crypto::Domain::Value, record).limbs();
    [a, b, c, d, 1, 0, 0]
}

/// Returns a balance or a supply as the leaf table has it.
pub fn amount_value(amount: Amount) -> Value {
    [amount.quanta(), 0, 0, 0, 0, 0, 0]
}

/// A touched leaf.
pub struct Cell {
    pub key: Key,
    pub before: Value,
    pub value: Value,
    pub since: u64,
}

/// The touched leaves by their paths.
#[derive(Default)]
pub struct Memory {
    pub cells: BTreeMap<Digest, Cell>,
    tallies: BTreeMap<TallyId, Option<TallyRecord>>,
    programs: BTreeMap<ContentId, Option<ProgramRecord>>,
    offers: BTreeMap<AccountId, Option<OfferRecord>>,
    tasks: BTreeMap<TaskId, Option<TaskRecord>>,
    cursor: Option<CursorRecord>,
}

impl Memory {
    fn cell(&mut self, state: &State, key: &Key) -> &mut Cell {
        self.cells.entry(key.path()).or_insert_with(|| {
            let value = key.read(state);
            Cell { key: key.clone(), before: value, value, since: 0 }
        })
    }

    /// Returns what a leaf holds.
    pub fn value(&mut self, state: &State, key: &Key) -> Value {
        self.cell(state, key).value
    }

    /// Sets what a leaf holds from a time on, and returns since when it held what it did.
    pub fn set(&mut self, state: &State, key: &Key, value: Value, time: u64) -> u64 {
        let cell = self.cell(state, key);
        cell.value = value;
        std::mem::replace(&mut cell.since, time)
    }

    /// Returns a tally's record.
    pub fn tally(&mut self, state: &State, id: TallyId) -> Option<TallyRecord> {
        self.tallies.entry(id).or_insert_with(|| state.get::<Tally>(&id)).clone()
    }

    /// Sets a tally's record, as [`Memory::set`] does.
    pub fn set_tally(&mut self, state: &State, id: TallyId, record: Option<TallyRecord>, time: u64) -> u64 {
        let value = tally_value(record.as_ref());
        self.tallies.insert(id, record);
        self.set(state, &Key::Tally(id), value, time)
    }

    /// Sets the cursor's record, if it has one, as [`Memory::set`] does.
    pub fn set_cursor(&mut self, state: &State, record: Option<CursorRecord>, time: u64) -> u64 {
        let value = digest_value(record.as_ref());
        self.cursor = record;
        self.set(state, &Key::Cursor, value, time)
    }

    /// Takes from what a rule did to the state what the record of a key is afterwards.
    pub fn take(&mut self, overlay: &Overlay<'_>, key: &Key) {
        match key {
            Key::Tally(id) => drop(self.tallies.insert(*id, overlay.get::<Tally>(id))),
            Key::Program(id) => drop(self.programs.insert(*id, overlay.get::<Program>(id))),
            Key::Offer(id) => drop(self.offers.insert(*id, overlay.get::<Offer>(id))),
            Key::Task(id) => drop(self.tasks.insert(*id, overlay.get::<Task>(id))),
            _ => {}
        }
    }

    /// Returns the leaves that changed.
    pub fn changes(&self, state: &State) -> Vec<LeafChange> {
        self.overlay(state).into_changes()
    }

    /// Returns the state with what changed.
    pub fn overlay<'a>(&self, state: &'a State) -> Overlay<'a> {
        let mut overlay = Overlay::new(state);
        self.cells.values().for_each(|cell| cell.key.write(&mut overlay, &cell.value));
        put::<Tally>(&mut overlay, &self.tallies);
        put::<Program>(&mut overlay, &self.programs);
        put::<Offer>(&mut overlay, &self.offers);
        put::<Task>(&mut overlay, &self.tasks);
        if let Some(record) = &self.cursor {
            overlay.put::<Cursor>(&0, record);
        }
        overlay.keep();
        overlay
    }
}

/// Writes records to where they belong.
fn put<L: Leaf>(overlay: &mut Overlay<'_>, records: &BTreeMap<L::Key, Option<L::Value>>) {
    for (key, record) in records {
        match record {
            Some(record) => overlay.put::<L>(key, record),
            None => overlay.remove::<L>(key),
        }
    }
}
