//! The rows of the authority table.

use crate::divide::halves;
use crate::hashes::felts;
use crate::memory::{Key, account_of, session_of};
use crate::record::{Recorder, Turn, moment};
use ledger::account::AccountRecord;
use ledger::authority::{Authority, SessionKey};
use p3_field::{Field as _, PrimeCharacteristicRing as _};
use proof::circuit::{Authority as Row, F, REJECTED_EXPIRED, REJECTED_STRANGER};
use state::State;
use transition::Checked;
use types::{AccountId, Digest};

impl Recorder {
    /// Records how far a signer may act for an account, or the code of why not.
    pub(crate) fn authority(
        &mut self,
        state: &State,
        turn: &Turn,
        tx: &Checked,
        action: &Digest,
    ) -> Result<Authority, u32> {
        let (signer, account) = (tx.signer(), tx.transaction().on_behalf.unwrap_or(tx.signer()));
        let mut row = Row {
            number: F::from_u64(turn.number),
            id: felts(&tx.id().0),
            signer: felts(&signer.0),
            account: felts(&account.0),
            action: felts(action),
            ..Row::read(&[F::ZERO; Row::WIDTH])
        };
        let time = moment(turn.number, 1);
        let (record, since) = self.account_at(state, account, time);
        let keeper = record.keeper.unwrap_or(account);
        row.nonce = halves(record.nonce).map(F::from_u64);
        row.kept = F::from_bool(record.keeper.is_some());
        row.keeper = felts(&keeper.0);
        (row.since, row.passed) = (F::from_u64(since), self.lookups.range32(time - since - 1));

        let result = if signer == keeper {
            row.keeps = F::ONE;
            Ok(Authority::Keeper)
        } else {
            row.differs = shown(&felts(&signer.0), &row.keeper);
            self.session(state, turn, &mut row, (&SessionKey { account, agent: signer }, keeper))
        };
        row.put(&mut self.authorities);
        result
    }

    /// Records what the session of a signer that does not keep the account allows.
    fn session(
        &mut self,
        state: &State,
        turn: &Turn,
        row: &mut Row<F>,
        (key, keeper): (&SessionKey, AccountId),
    ) -> Result<Authority, u32> {
        let (key, time) = (Key::Session(key.clone()), moment(turn.number, 1));
        let value = self.memory.value(state, &key);
        let since = self.memory.set(state, &key, value, time);
        (row.session_since, row.session_passed) = (F::from_u64(since), self.lookups.range32(time - since - 1));
        let Some(session) = session_of(&value) else {
            row.stranger = F::ONE;
            return Err(REJECTED_STRANGER);
        };
        (row.there, row.granted) = (F::ONE, felts(&session.keeper.0));
        row.expires = halves(session.expires.0).map(F::from_u64);
        if session.keeper != keeper {
            row.stranger = F::ONE;
            row.void = shown(&row.granted, &row.keeper);
            return Err(REJECTED_STRANGER);
        }
        row.time = self.ask_time(turn.time);
        if turn.time >= session.expires {
            row.expired = F::ONE;
            self.compare(turn.time.0, session.expires.0, false);
            return Err(REJECTED_EXPIRED);
        }
        row.serves = F::ONE;
        self.compare(session.expires.0, turn.time.0, true);
        Ok(Authority::Session)
    }

    /// Looks an account up, and says since when it is so.
    pub(crate) fn account_at(&mut self, state: &State, account: AccountId, time: u64) -> (AccountRecord, u64) {
        let key = Key::Account(account);
        let value = self.memory.value(state, &key);
        (account_of(&value), self.memory.set(state, &key, value, time))
    }
}

/// Returns what shows that two digests differ: the inverse of a difference of two of their elements in its place, or
/// nothing where they do not.
pub(crate) fn shown(first: &[F; 4], second: &[F; 4]) -> [F; 4] {
    let mut inverses = [F::ZERO; 4];
    for ((inverse, first), second) in inverses.iter_mut().zip(first).zip(second) {
        if let Some(found) = (*first - *second).try_inverse() {
            *inverse = found;
            break;
        }
    }
    inverses
}
