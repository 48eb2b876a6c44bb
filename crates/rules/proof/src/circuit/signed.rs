//! The signed table: one signed transaction in each row, whatever it asks for.
//!
//! The rule it proves is `transition`'s before it looks at an action: the key signed the id, which is the digest of chain,
//! signer, nonce and action; the nonce is the account's next, and is used up; and the signer keeps the account, which was
//! not handed to anybody. The table of the action's kind takes it from there.

use super::columns::columns;
use super::{Bus, Circuit, KIND_ACCOUNT, all, hash, moment, range32, since};
use crypto::Domain;
use crypto::account::SCHNORR;
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;

/// How many elements a public key has.
pub const KEY: usize = 5;

columns! {
    /// A signed transaction.
    pub struct Signed {
        /// One when there is one.
        pub used: T,
        /// Its entry's number.
        pub number: T,
        /// The signer's key.
        pub key: [T; KEY],
        /// The signer's owner on L1.
        pub owner: [T; 5],
        /// The low 16 bits of each of them: an address is five elements of 32 bits.
        pub owner_low: [T; 5],
        /// The signer's account.
        pub account: [T; 4],
        /// The nonce's high half.
        pub nonce_high: T,
        /// The nonce's low half.
        pub nonce_low: T,
        /// One when the next nonce's low half begins anew.
        pub carry: T,
        /// The low 16 bits of the next nonce's low half.
        pub next_low: T,
        /// Since when the account has this nonce.
        pub since: T,
        /// The low 16 bits of the time that passed.
        pub passed: T,
        /// The digest of what is asked.
        pub action: [T; 4],
        /// The transaction's id.
        pub id: [T; 4],
        /// The sponge of the account.
        pub account_sponge: T,
        /// The sponge of the id.
        pub id_sponge: T,
    }
}

/// Constrains the rows. Public values: the digest of the chain's configuration.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let row = Signed::read(builder.main().current_slice());
    let chain: Vec<AB::Expr> = builder.public_values().iter().map(|value| (*value).into()).collect();
    builder.assert_bool(row.used);
    builder.assert_bool(row.carry);
    identity(builder, &row, &chain);
    nonce(builder, &row);

    // Whoever answers for the entry is told who asks for what.
    let asked = [&[row.number][..], &row.id, &row.account, &row.action].concat();
    Bus::Asked.send(builder, asked, row.used);
}

/// Constrains account and id to be the digests of what the signer signed.
fn identity<AB: Circuit>(builder: &mut AB, row: &Signed<AB::Var>, chain: &[AB::Expr]) {
    let used: AB::Expr = row.used.into();
    // A key of the one scheme there is, and an address in the elements that it is encoded as.
    let mut sender = vec![AB::Expr::from_u8(SCHNORR)];
    sender.extend(all::<AB>(&row.key));
    sender.extend(all::<AB>(&row.owner));
    for (element, low) in row.owner.into_iter().zip(row.owner_low) {
        range32(builder, element.into(), low, used.clone());
    }
    hash(builder, Domain::Account, &sender, row.account_sponge, row.account.map(Into::into), &used);

    // Chain, account, nobody else on whose behalf, nonce, and the action's digest.
    let mut signed = chain.to_vec();
    signed.extend(all::<AB>(&row.account));
    signed.push(AB::Expr::ZERO);
    signed.extend(all::<AB>(&[row.nonce_high, row.nonce_low]));
    signed.extend(all::<AB>(&row.action));
    hash(builder, Domain::Transaction, &signed, row.id_sponge, row.id.map(Into::into), &used);

    // The key signed the id.
    Bus::Signed.send(builder, row.key.into_iter().chain(row.id), row.used);
}

/// Uses the signer's nonce up.
fn nonce<AB: Circuit>(builder: &mut AB, row: &Signed<AB::Var>) {
    let used: AB::Expr = row.used.into();
    // The next nonce is one more, in halves of 32 bits.
    let next_high = row.nonce_high + row.carry;
    let next_low = row.nonce_low + AB::Expr::ONE - row.carry * AB::Expr::from_u64(1 << 32);
    range32(builder, next_low.clone(), row.next_low, used.clone());
    let time = moment::<AB>(row.number, 0);
    since(builder, row.since.into(), time.clone(), row.passed, used.clone());
    // The account keeps itself: the cells of its keeper are zero.
    let leaf = |high: AB::Expr, low: AB::Expr, time: AB::Expr| {
        let mut message = vec![AB::Expr::from_u8(KIND_ACCOUNT)];
        message.extend(all::<AB>(&row.account));
        message.extend(std::iter::repeat_n(AB::Expr::ZERO, 4));
        message.extend([high, low]);
        message.extend(std::iter::repeat_n(AB::Expr::ZERO, 5));
        message.push(time);
        message
    };
    let before = leaf(row.nonce_high.into(), row.nonce_low.into(), row.since.into());
    Bus::Memory.receive(builder, before, used.clone());
    Bus::Memory.send(builder, leaf(next_high, next_low, time), used);
}
