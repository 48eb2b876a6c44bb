//! The rows of the signed table, and what is known of a transaction before its action is looked at.

use crate::divide::halves;
use crate::hashes::felts;
use crate::memory::{Key, account_of, account_value};
use crate::record::{Recorder, Turn, moment};
use ledger::account::AccountRecord;
use ledger::authority::Authority;
use p3_field::PrimeCharacteristicRing as _;
use proof::circuit::{F, REJECTED_NONCE_HIGH, REJECTED_NONCE_LOW, Signed};
use state::State;
use std::cmp::Ordering;
use transition::Checked;
use types::{AccountId, Digest, Encode as _};

/// What becomes of a transaction before its action is looked at.
pub(crate) enum Admission {
    /// It is rejected with a code.
    Rejected(u32),
    /// Its signer may act so far for an account.
    Acts(AccountId, Authority),
}

/// Which way a row of the signed table goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Own,
    Delegated,
    Low,
    High,
}

impl Recorder {
    /// Records a transaction's signature, uses its nonce up, and says how far its signer may act.
    pub(crate) fn admit(
        &mut self,
        state: &State,
        chain: &Digest,
        turn: &Turn,
        tx: &Checked,
        action: &Digest,
    ) -> Admission {
        let record = account_of(&self.memory.value(state, &Key::Account(tx.signer())));
        let acting = tx.transaction().on_behalf.unwrap_or(tx.signer());
        let way = match tx.transaction().nonce.cmp(&record.nonce) {
            Ordering::Less => Way::Low,
            Ordering::Greater => Way::High,
            Ordering::Equal if acting == tx.signer() && record.keeper.is_none() => Way::Own,
            Ordering::Equal => Way::Delegated,
        };
        self.signed(state, chain, turn, tx, (action, &record, way));
        match way {
            Way::Low => Admission::Rejected(REJECTED_NONCE_LOW),
            Way::High => Admission::Rejected(REJECTED_NONCE_HIGH),
            Way::Own => Admission::Acts(acting, Authority::Keeper),
            Way::Delegated => match self.authority(state, turn, tx, action) {
                Ok(authority) => Admission::Acts(acting, authority),
                Err(code) => Admission::Rejected(code),
            },
        }
    }

    fn signed(
        &mut self,
        state: &State,
        chain: &Digest,
        turn: &Turn,
        tx: &Checked,
        (action, record, way): (&Digest, &AccountRecord, Way),
    ) {
        let (id, transaction) = (tx.id().0, tx.transaction());
        let (nonce, due) = (transaction.nonce, record.nonce);
        let is_taken = matches!(way, Way::Own | Way::Delegated);
        match way {
            Way::Low => self.compare(due, nonce, true),
            Way::High => self.compare(nonce, due, true),
            Way::Own | Way::Delegated => {}
        }
        let next = AccountRecord { nonce: due + u64::from(is_taken), ..record.clone() };
        let time = moment(turn.number, 0);
        let since = self.memory.set(state, &Key::Account(tx.signer()), account_value(&next), time);

        let sender = transaction.sender.to_elements();
        let account_sponge = self.hashes.sponge(crypto::Domain::Account, &sender);
        let elements = transaction.id_elements(chain, tx.signer(), action);
        let id_sponge = self.hashes.sponge(crypto::Domain::Transaction, &elements);
        let key = transaction.sender.key.key.limbs();
        self.signatures.add(&mut self.hashes, key, &id, &transaction.signature.0);
        let owner = transaction.sender.owner.to_elements();
        let owner: [u64; 5] = owner.try_into().expect("an address's elements");
        let flag = |of: Way| F::from_bool(way == of);
        Signed {
            own: flag(Way::Own),
            delegated: flag(Way::Delegated),
            low: flag(Way::Low),
            high: flag(Way::High),
            number: F::from_u64(turn.number),
            key: key.map(F::from_u64),
            owner: owner.map(F::from_u64),
            owner_low: owner.map(|element| self.lookups.range32(element)),
            account: felts(&tx.signer().0),
            named: F::from_bool(transaction.on_behalf.is_some()),
            acting: felts(&transaction.on_behalf.unwrap_or(tx.signer()).0),
            nonce: halves(nonce).map(F::from_u64),
            due: halves(due).map(F::from_u64),
            carry: F::from_bool(is_taken && due & 0xffff_ffff == 0xffff_ffff),
            next_low: self.lookups.range32(next.nonce & 0xffff_ffff),
            kept: F::from_bool(record.keeper.is_some()),
            keeper: record.keeper.map_or([F::ZERO; 4], |keeper| felts(&keeper.0)),
            since: F::from_u64(since),
            passed: self.lookups.range32(time - since - 1),
            action: felts(action),
            id: felts(&id),
            account_sponge: F::from_u64(account_sponge.name),
            id_sponge: F::from_u64(id_sponge.name),
        }
        .put(&mut self.rows_of_signed);
    }
}
