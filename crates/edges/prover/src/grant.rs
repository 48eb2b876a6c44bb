//! The rows of the grant table: the rules of `ledger::authority` that change who may act, recorded.

use crate::authority::shown;
use crate::divide::halves;
use crate::hashes::felts;
use crate::memory::{Key, account_value, session_of, session_value};
use crate::record::{Recorder, Request, moment};
use ledger::account::AccountRecord;
use ledger::authority::{Authorise, Rekey, Revoke, SessionKey, SessionRecord};
use p3_field::PrimeCharacteristicRing as _;
use proof::circuit::{F, Grant, REJECTED_EXPIRED, REJECTED_NARROW, REJECTED_STRANGER};
use state::State;
use types::AccountId;

/// Returns a row in which nothing is said yet but what is asked.
fn begin(request: &Request, party: AccountId) -> Grant<F> {
    Grant {
        number: F::from_u64(request.number),
        id: felts(&request.id),
        account: felts(&request.sender.0),
        party: felts(&party.0),
        action: felts(&request.action.digest),
        action_sponge: F::from_u64(request.action.name),
        ..Grant::read(&[F::ZERO; Grant::WIDTH])
    }
}

impl Recorder {
    /// Records a rekey, and returns its code.
    pub(crate) fn rekey(&mut self, state: &State, request: &Request, asked: &Rekey) -> u32 {
        let mut row = begin(request, asked.to);
        let code = if request.is_narrow {
            row.narrow[0] = F::ONE;
            REJECTED_NARROW
        } else {
            let record = self.keeper(state, request, &mut row);
            let keeper = (asked.to != request.sender).then_some(asked.to);
            (row.handed, row.returned) = (F::from_bool(keeper.is_some()), F::from_bool(keeper.is_none()));
            row.differs = shown(&row.party, &row.account);
            let (key, time) = (Key::Account(request.sender), moment(request.number, 2));
            self.memory.set(state, &key, account_value(&AccountRecord { keeper, ..record }), time);
            0
        };
        row.put(&mut self.grants);
        code
    }

    /// Records an authorisation, and returns its code.
    pub(crate) fn authorise(&mut self, state: &State, request: &Request, asked: &Authorise) -> u32 {
        let mut row = begin(request, asked.agent);
        let expires = halves(asked.expires.0);
        row.expires = expires.map(F::from_u64);
        row.expires_low = expires.map(|half| self.lookups.range32(half));
        let code = self.grant(state, request, asked, &mut row);
        row.put(&mut self.grants);
        code
    }

    fn grant(&mut self, state: &State, request: &Request, asked: &Authorise, row: &mut Grant<F>) -> u32 {
        if request.is_narrow {
            row.narrow[1] = F::ONE;
            return REJECTED_NARROW;
        }
        row.time = self.ask_time(request.time);
        if asked.expires <= request.time {
            row.late = F::ONE;
            self.compare(request.time.0, asked.expires.0, false);
            return REJECTED_EXPIRED;
        }
        row.granted = F::ONE;
        self.compare(asked.expires.0, request.time.0, true);
        let keeper = self.keeper(state, request, row).keeper.unwrap_or(request.sender);
        row.grantor = felts(&keeper.0);
        self.replace(state, request, row, asked.agent, Some(&SessionRecord { keeper, expires: asked.expires }));
        0
    }

    /// Records a revocation, and returns its code.
    pub(crate) fn revoke(&mut self, state: &State, request: &Request, asked: &Revoke) -> u32 {
        let mut row = begin(request, asked.agent);
        let code = if request.is_narrow {
            row.narrow[2] = F::ONE;
            REJECTED_NARROW
        } else if self.replace(state, request, &mut row, asked.agent, None) {
            row.ended = F::ONE;
            0
        } else {
            row.unknown = F::ONE;
            REJECTED_STRANGER
        };
        row.put(&mut self.grants);
        code
    }

    /// Reads the account's record.
    fn keeper(&mut self, state: &State, request: &Request, row: &mut Grant<F>) -> AccountRecord {
        let time = moment(request.number, 2);
        let (record, since) = self.account_at(state, request.sender, time);
        row.nonce = halves(record.nonce).map(F::from_u64);
        row.kept = F::from_bool(record.keeper.is_some());
        row.keeper = record.keeper.map_or([F::ZERO; 4], |keeper| felts(&keeper.0));
        (row.since, row.passed) = (F::from_u64(since), self.lookups.range32(time - since - 1));
        record
    }

    /// Puts a session, or none, in the place of another, and says whether there was one.
    fn replace(
        &mut self,
        state: &State,
        request: &Request,
        row: &mut Grant<F>,
        agent: AccountId,
        new: Option<&SessionRecord>,
    ) -> bool {
        let key = Key::Session(SessionKey { account: request.sender, agent });
        let before = session_of(&self.memory.value(state, &key));
        if let Some(before) = &before {
            (row.there, row.before) = (F::ONE, felts(&before.keeper.0));
            row.expired = halves(before.expires.0).map(F::from_u64);
        }
        let time = moment(request.number, 2);
        let since = self.memory.set(state, &key, session_value(new), time);
        (row.session_since, row.session_passed) = (F::from_u64(since), self.lookups.range32(time - since - 1));
        before.is_some()
    }
}
