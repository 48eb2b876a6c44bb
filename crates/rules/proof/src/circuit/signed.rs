//! The signed table: one signed transaction in each row, whatever it asks for.
//!
//! The rule it proves is `transition`'s before it looks at an action: the key signed the id, which is the digest of chain,
//! signer, on whose behalf, nonce and action. A nonce that is not the account's next is rejected and stays; the next is
//! used up. Where the signer acts for its own account, which nobody else keeps, the table of the action's kind takes it
//! from there; otherwise the authority table says how far the signer may act.

use super::columns::columns;
use super::{Bus, Circuit, KIND_ACCOUNT, all, hash, moment, range32, since};
use crypto::Domain;
use crypto::account::SCHNORR;
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;

/// How many elements a public key has.
pub const KEY: usize = 5;
/// What stands for the action's number where a transaction is rejected before anybody looks at its action.
pub const ACTION_NONE: u8 = 0;
/// The code of a nonce that was used: `transition::Reject::NonceTooLow`.
pub const REJECTED_NONCE_LOW: u32 = 302;
/// The code of a nonce before whose turn others are missing: `transition::Reject::NonceTooHigh`.
pub const REJECTED_NONCE_HIGH: u32 = 303;

columns! {
    /// A signed transaction.
    pub struct Signed {
        /// One when the signer acts for its own account and keeps it.
        pub own: T,
        /// One when the authority table says whether the signer may act.
        pub delegated: T,
        /// One when it was rejected because its nonce was used.
        pub low: T,
        /// One when it was rejected because its nonce's turn has not come.
        pub high: T,
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
        /// One when it names the account that it is for.
        pub named: T,
        /// That account; otherwise the signer's.
        pub acting: [T; 4],
        /// The transaction's nonce: the high half, then the low one.
        pub nonce: [T; 2],
        /// The nonce that is the account's next.
        pub due: [T; 2],
        /// One when the low half of the one after it begins anew.
        pub carry: T,
        /// The low 16 bits of the low half of the account's next nonce afterwards.
        pub next_low: T,
        /// One when the account was handed over.
        pub kept: T,
        /// To whom, or zeros.
        pub keeper: [T; 4],
        /// Since when the account is so.
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
    for flag in [row.own, row.delegated, row.low, row.high, row.named, row.carry] {
        builder.assert_bool(flag);
    }
    // A transaction goes one way; a row that goes none is unused.
    let used = row.own + row.delegated + row.low + row.high;
    builder.assert_bool(used.clone());
    identity(builder, &row, &used);
    id(builder, &row, &used, chain);
    nonce(builder, &row, &used);

    // It is for the signer's own account unless it names one.
    for (acting, account) in row.acting.into_iter().zip(row.account) {
        builder.assert_zero((AB::Expr::ONE - row.named) * (acting - account));
        // Whoever acts for its own account acts for no other, and nobody else keeps it.
        builder.assert_zero(row.own * (acting - account));
    }
    builder.assert_zero(row.own * row.kept);
    // Whoever answers for the entry is told who asks for what.
    Bus::Asked.send(builder, asked::<AB>(row.number, &row.id, &row.account, &row.action, AB::Expr::ONE), row.own);
    let acts = [&[row.number][..], &row.id, &row.account, &row.acting, &row.action].concat();
    Bus::Acts.send(builder, acts, row.delegated);
}

/// Returns what the table of an action is told: an entry's number and id, the account that is acted for, the digest of
/// what is asked, and one with a keeper's authority, zero with a session's.
pub(super) fn asked<AB: Circuit>(
    number: AB::Var,
    id: &[AB::Var; 4],
    account: &[AB::Var; 4],
    action: &[AB::Var; 4],
    keeps: AB::Expr,
) -> Vec<AB::Expr> {
    let mut message = all::<AB>(&[&[number][..], id, account, action].concat());
    message.push(keeps);
    message
}

/// Constrains the account to be the digest of the key, and the id to be signed by it.
fn identity<AB: Circuit>(builder: &mut AB, row: &Signed<AB::Var>, used: &AB::Expr) {
    // A key of the one scheme there is, and an address in the elements that it is encoded as.
    let mut sender = vec![AB::Expr::from_u8(SCHNORR)];
    sender.extend(all::<AB>(&row.key));
    sender.extend(all::<AB>(&row.owner));
    for (element, low) in row.owner.into_iter().zip(row.owner_low) {
        range32(builder, element.into(), low, used.clone());
    }
    hash(builder, Domain::Account, &sender, row.account_sponge, row.account.map(Into::into), used);

    // The key signed the id.
    Bus::Signed.send(builder, row.key.into_iter().chain(row.id), used.clone());
}

/// Constrains the id to be the digest of what the signer signed.
fn id<AB: Circuit>(builder: &mut AB, row: &Signed<AB::Var>, used: &AB::Expr, chain: Vec<AB::Expr>) {
    // An account is named in a transaction only.
    builder.assert_zero(row.named * (AB::Expr::ONE - used.clone()));
    // Chain, signer, zero or one and on whose behalf, nonce, and the action's digest.
    let rest = all::<AB>(&[row.nonce.as_slice(), &row.action].concat());
    let behalf = all::<AB>(&row.acting).into_iter().chain(rest.iter().cloned());
    let nobody = rest.iter().cloned().chain(std::iter::repeat(AB::Expr::ZERO));
    let mut elements = chain;
    elements.extend(all::<AB>(&row.account));
    elements.push(row.named.into());
    elements.extend(behalf.zip(nobody).map(|(behalf, nobody)| nobody.clone() + (behalf - nobody) * row.named));

    for (index, block) in elements.chunks(4).enumerate() {
        let mut message = vec![row.id_sponge + AB::Expr::from_usize(index)];
        if index == 0 {
            let length = AB::Expr::from_u8(15) + row.named * AB::Expr::from_u8(4);
            message.extend([AB::Expr::from_u64(Domain::Transaction.number()), length]);
        }
        message.extend((0..4).map(|cell| block.get(cell).cloned().unwrap_or(AB::Expr::ZERO)));
        let bus = if index == 0 { Bus::AbsorbFirst } else { Bus::AbsorbNext };
        // Who names an account has a fifth block.
        bus.send(builder, message, if index == 4 { row.named.into() } else { used.clone() });
    }
    let mut digest = vec![row.id_sponge + AB::Expr::from_u8(3) + row.named];
    digest.extend(all::<AB>(&row.id));
    Bus::Digest.send(builder, digest, used.clone());
}

/// Uses the signer's nonce up, or rejects one that is not the next.
fn nonce<AB: Circuit>(builder: &mut AB, row: &Signed<AB::Var>, used: &AB::Expr) {
    let (taken, wrong) = (row.own + row.delegated, row.low + row.high);
    for (nonce, due) in row.nonce.into_iter().zip(row.due) {
        builder.assert_zero(taken.clone() * (nonce - due));
    }
    // One that was used is below the next, one whose turn has not come above it.
    let [above, below] = [(row.high, row.low), (row.low, row.high)]
        .map(|(own, other)| [0, 1].map(|half| own * row.nonce[half] + other * row.due[half]));
    let order = above.into_iter().chain(below).chain([AB::Expr::ONE]);
    Bus::Compare.send(builder, order, wrong.clone());
    let code = row.low * AB::Expr::from_u32(REJECTED_NONCE_LOW) + row.high * AB::Expr::from_u32(REJECTED_NONCE_HIGH);
    let mut entry = vec![row.number.into(), AB::Expr::from_u8(ACTION_NONE)];
    entry.extend(all::<AB>(&row.id));
    entry.push(code);
    Bus::Entry.receive(builder, entry, wrong);

    // What is taken is one more afterwards, in halves of 32 bits; otherwise nothing changes.
    builder.assert_zero(row.carry * (AB::Expr::ONE - taken.clone()));
    let [due_high, due_low] = row.due;
    let next = [due_high + row.carry, due_low + taken - row.carry * AB::Expr::from_u64(1 << 32)];
    range32(builder, next[1].clone(), row.next_low, used.clone());
    let time = moment::<AB>(row.number, 0);
    since(builder, row.since.into(), time.clone(), row.passed, used.clone());
    let (kept, keeper): (AB::Expr, _) = (row.kept.into(), row.keeper.map(Into::into));
    let before =
        account_leaf::<AB>(&row.account, row.due.map(Into::into), kept.clone(), keeper.clone(), row.since.into());
    let after = account_leaf::<AB>(&row.account, next, kept, keeper, time);
    Bus::Memory.receive(builder, before, used.clone());
    Bus::Memory.send(builder, after, used.clone());
}

/// Returns what the memory knows of an account: its nonce, one if it was handed over, and to whom.
pub(super) fn account_leaf<AB: Circuit>(
    account: &[AB::Var; 4],
    nonce: [AB::Expr; 2],
    kept: AB::Expr,
    keeper: [AB::Expr; 4],
    time: AB::Expr,
) -> Vec<AB::Expr> {
    let mut message = vec![AB::Expr::from_u8(KIND_ACCOUNT)];
    message.extend(all::<AB>(account));
    message.extend(std::iter::repeat_n(AB::Expr::ZERO, 4));
    message.extend(nonce);
    message.push(kept);
    message.extend(keeper);
    message.push(time);
    message
}
