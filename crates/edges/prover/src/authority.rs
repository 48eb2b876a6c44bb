//! The rows of the authority table, and of the tables that change who may act.

use crate::divide::halves;
use crate::hashes::felts;
use crate::memory::{Key, account_of, account_value, session_of, session_value};
use crate::record::{Recorder, Request, Turn, moment};
use ledger::account::AccountRecord;
use ledger::authority::{self as asked, Authority, SessionKey, SessionRecord};
use p3_field::{Field as _, PrimeCharacteristicRing as _};
use proof::circuit::{
    Authorise, Authority as Row, F, REJECTED_EXPIRED, REJECTED_NARROW, REJECTED_STRANGER, Rekey, Revoke,
};
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
        let (record, since) = self.look(state, account, time);
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
    fn look(&mut self, state: &State, account: AccountId, time: u64) -> (AccountRecord, u64) {
        let key = Key::Account(account);
        let value = self.memory.value(state, &key);
        (account_of(&value), self.memory.set(state, &key, value, time))
    }

    /// Records a rekey, and returns its code.
    pub(crate) fn rekey(&mut self, state: &State, request: &Request, asked: &asked::Rekey) -> u32 {
        let mut row = Rekey {
            applied: F::from_bool(!request.is_narrow),
            narrow: F::from_bool(request.is_narrow),
            number: F::from_u64(request.number),
            id: felts(&request.id),
            account: felts(&request.sender.0),
            to: felts(&asked.to.0),
            action: felts(&request.action.digest),
            action_sponge: F::from_u64(request.action.name),
            ..Rekey::read(&[F::ZERO; Rekey::WIDTH])
        };
        if !request.is_narrow {
            let (key, time) = (Key::Account(request.sender), moment(request.number, 2));
            let record = account_of(&self.memory.value(state, &key));
            row.nonce = halves(record.nonce).map(F::from_u64);
            row.kept = F::from_bool(record.keeper.is_some());
            row.keeper = record.keeper.map_or([F::ZERO; 4], |keeper| felts(&keeper.0));
            let keeper = (asked.to != request.sender).then_some(asked.to);
            row.returns = F::from_bool(keeper.is_none());
            row.differs = shown(&row.to, &row.account);
            let since = self.memory.set(state, &key, account_value(&AccountRecord { keeper, ..record }), time);
            (row.since, row.passed) = (F::from_u64(since), self.lookups.range32(time - since - 1));
        }
        row.put(&mut self.rekeys);
        if request.is_narrow { REJECTED_NARROW } else { 0 }
    }

    /// Records an authorisation, and returns its code.
    pub(crate) fn authorise(&mut self, state: &State, request: &Request, asked: &asked::Authorise) -> u32 {
        let expires = halves(asked.expires.0);
        let mut row = Authorise {
            number: F::from_u64(request.number),
            id: felts(&request.id),
            account: felts(&request.sender.0),
            agent: felts(&asked.agent.0),
            expires: expires.map(F::from_u64),
            expires_low: expires.map(|half| self.lookups.range32(half)),
            action: felts(&request.action.digest),
            action_sponge: F::from_u64(request.action.name),
            ..Authorise::read(&[F::ZERO; Authorise::WIDTH])
        };
        let code = self.grant(state, request, asked, &mut row);
        row.put(&mut self.authorisations);
        code
    }

    fn grant(&mut self, state: &State, request: &Request, asked: &asked::Authorise, row: &mut Authorise<F>) -> u32 {
        if request.is_narrow {
            row.narrow = F::ONE;
            return REJECTED_NARROW;
        }
        row.time = self.ask_time(request.time);
        if asked.expires <= request.time {
            row.late = F::ONE;
            self.compare(request.time.0, asked.expires.0, false);
            return REJECTED_EXPIRED;
        }
        row.applied = F::ONE;
        self.compare(asked.expires.0, request.time.0, true);
        let (account, time) = (request.sender, moment(request.number, 2));
        let (record, since) = self.look(state, account, time);
        let keeper = record.keeper.unwrap_or(account);
        row.nonce = halves(record.nonce).map(F::from_u64);
        row.kept = F::from_bool(record.keeper.is_some());
        row.keeper = felts(&keeper.0);
        (row.since, row.passed) = (F::from_u64(since), self.lookups.range32(time - since - 1));

        let key = Key::Session(SessionKey { account, agent: asked.agent });
        if let Some(before) = session_of(&self.memory.value(state, &key)) {
            (row.there, row.granted) = (F::ONE, felts(&before.keeper.0));
            row.expired = halves(before.expires.0).map(F::from_u64);
        }
        let new = session_value(Some(&SessionRecord { keeper, expires: asked.expires }));
        let since = self.memory.set(state, &key, new, time);
        (row.session_since, row.session_passed) = (F::from_u64(since), self.lookups.range32(time - since - 1));
        0
    }

    /// Records a revocation, and returns its code.
    pub(crate) fn revoke(&mut self, state: &State, request: &Request, asked: &asked::Revoke) -> u32 {
        let mut row = Revoke {
            narrow: F::from_bool(request.is_narrow),
            number: F::from_u64(request.number),
            id: felts(&request.id),
            account: felts(&request.sender.0),
            agent: felts(&asked.agent.0),
            action: felts(&request.action.digest),
            action_sponge: F::from_u64(request.action.name),
            ..Revoke::read(&[F::ZERO; Revoke::WIDTH])
        };
        let mut code = REJECTED_NARROW;
        if !request.is_narrow {
            let key = Key::Session(SessionKey { account: request.sender, agent: asked.agent });
            let time = moment(request.number, 2);
            match session_of(&self.memory.value(state, &key)) {
                Some(session) => {
                    (row.applied, row.granted) = (F::ONE, felts(&session.keeper.0));
                    row.expires = halves(session.expires.0).map(F::from_u64);
                    code = 0;
                }
                None => {
                    row.unknown = F::ONE;
                    code = REJECTED_STRANGER;
                }
            }
            let since = self.memory.set(state, &key, session_value(None), time);
            (row.since, row.passed) = (F::from_u64(since), self.lookups.range32(time - since - 1));
        }
        row.put(&mut self.revocations);
        code
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
