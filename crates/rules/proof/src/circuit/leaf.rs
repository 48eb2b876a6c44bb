//! The leaf table: what the touched leaves hold, before the batch and after it.
//!
//! Each touched leaf has two rows, one for each tree. The row before the batch gives the leaf's value to the memory
//! bus, from which other tables take it and to which they give it back; the row after the batch takes the last one.
//! A row says that its leaf is present, and is then a node of its tree, or absent, and then its way ends in a node that
//! is another leaf or nothing. A bystander is a leaf that stands higher or lower in one tree than in the other because
//! of what happened beside it; it is the same in both.
//!
//! Rows are sorted by path, so that no leaf is there twice.

use super::columns::columns;
use super::{
    Bus, Circuit, KIND_ACCOUNT, KIND_BALANCE, KIND_CURSOR, KIND_OFFER, KIND_PARAMETERS, KIND_PROGRAM, KIND_SESSION,
    KIND_SUPPLY, KIND_TALLY, KIND_TASK, KIND_TOKEN, all, hash, range32,
};
use crypto::Domain;
use p3_air::{AirBuilder, WindowAccess};
use p3_field::PrimeCharacteristicRing;
use std::ops::{Add, Mul};

/// What a leaf's digest is made of beside its path and value: `state`'s mark of leaves.
pub const LEAF_MARK: [u64; 4] = [0x7461_6c65_615f_6c66, 1, 1, 1];

columns! {
    /// A touched leaf in one of the trees.
    pub struct Leaf {
        /// Zero before the batch, one after it.
        pub after: T,
        /// One for a balance.
        pub balance: T,
        /// One for an account.
        pub account: T,
        /// One for the supply of an asset.
        pub supply: T,
        /// One for a tally.
        pub tally: T,
        /// One for a session.
        pub session: T,
        /// One for an L1 token.
        pub token: T,
        /// One for the cursor.
        pub cursor: T,
        /// One for the chain's parameters.
        pub parameters: T,
        /// One for a program.
        pub program: T,
        /// One for an offer.
        pub offer: T,
        /// One for a task.
        pub task: T,
        /// One for a bystander, of whatever kind.
        pub bystander: T,
        /// One when the leaf is there.
        pub present: T,
        /// The key's elements, padded with zeros; zeros for a bystander.
        pub key: [T; 8],
        /// The value: of a balance or a supply its amount; of an account its nonce, the high half first, one if it was
        /// handed over, and to whom; of a record the digest, and one; of a session the low half
        /// of when it expires, one, who granted it, and the high half; of a token its address, and one. Zeros when absent.
        pub value: [T; 7],
        /// What shows that a value is not zero.
        pub value_inverse: T,
        /// Since when, in the tree after the batch.
        pub time: T,
        /// The digest of the key.
        pub path: [T; 4],
        /// The path's limbs of 32 bits, the most significant first.
        pub limbs: [T; 8],
        /// Their low 16 bits.
        pub limbs_low: [T; 8],
        /// For each element of the path, one when the high limb is 2^32-1.
        pub full: [T; 4],
        /// What shows that a high limb is not 2^32-1.
        pub full_inverse: [T; 4],
        /// How deep the leaf is, or the node in which its way ends.
        pub depth: T,
        /// Which limb the depth is in; one of these is one.
        pub limb: [T; 9],
        /// 2^r, where r is how many bits of that limb belong to the position.
        pub shift: T,
        /// 2^(31-r).
        pub weight: T,
        /// The bits of that limb that do not.
        pub rest: T,
        /// Their low 16.
        pub rest_low: T,
        /// The low 16 of the rest times the shift.
        pub scaled_low: T,
        /// The digest of the value.
        pub value_digest: [T; 4],
        /// What path and value digest compress to.
        pub pair: [T; 4],
        /// The leaf's digest.
        pub digest: [T; 4],
        /// The sponge that hashes the key.
        pub path_sponge: T,
        /// The sponge that hashes the value.
        pub value_sponge: T,
        /// How many absent leaves' ways end here.
        pub uses: T,
        /// Which limb is the first in which the next row's path differs; none when there is no next row in this tree.
        pub differs: [T; 8],
        /// The low 16 bits of how much the next one's is larger, less one.
        pub difference_low: T,
    }
}

/// Constrains the rows.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let main = builder.main();
    let (row, next) = (Leaf::read(main.current_slice()), Leaf::read(main.next_slice()));
    let used: AB::Expr = used(&row);

    let kinds = [row.balance, row.account, row.supply, row.tally, row.session, row.token, row.cursor];
    let more = [row.parameters, row.program, row.offer, row.task];
    for flag in kinds.into_iter().chain(more).chain([row.after, row.bystander, row.present]) {
        builder.assert_bool(flag);
    }
    // A row is a leaf of one kind, or unused.
    builder.assert_bool(used.clone());
    builder.assert_zero(row.present * (AB::Expr::ONE - used.clone()));
    // A bystander is there.
    builder.assert_zero(row.bystander * (AB::Expr::ONE - row.present));

    contents(builder, &row);
    limbs(builder, &row, &used);
    place(builder, &row, &used);
    order(builder, &row, &next);
    digests(builder, &row);
    carried(builder, &row, &used);
}

/// Returns one for a row that is a leaf that the batch touched.
fn known<V: Copy + Add<Output = E>, E: Add<V, Output = E>>(row: &Leaf<V>) -> E {
    row.balance
        + row.account
        + row.supply
        + row.tally
        + row.session
        + row.token
        + row.cursor
        + row.parameters
        + row.program
        + row.offer
        + row.task
}

/// Returns one for a row that is not unused.
fn used<V: Copy + Add<Output = E>, E: Add<V, Output = E>>(row: &Leaf<V>) -> E {
    known(row) + row.bystander
}

/// Returns one for a leaf whose key is one digest.
fn of_one_digest<AB: Circuit>(row: &Leaf<AB::Var>) -> AB::Expr {
    row.account + row.supply + row.tally + row.token + row.offer + row.task
}

/// Returns one for a leaf of which the memory knows the digest of its record.
fn is_record<AB: Circuit>(row: &Leaf<AB::Var>) -> AB::Expr {
    row.tally + row.cursor + row.parameters + row.program + row.offer + row.task
}

/// Constrains key and value to those of their kind.
fn contents<AB: Circuit>(builder: &mut AB, row: &Leaf<AB::Var>) {
    // A balance's key is account and asset, a session's account and agent, a program's its content, that of another is one
    // digest, the cursor's and the parameters' is zero, a bystander's is not known.
    for cell in row.key {
        builder.assert_zero((row.bystander + row.cursor + row.parameters) * cell);
    }
    for cell in &row.key[4..] {
        builder.assert_zero(of_one_digest::<AB>(row) * *cell);
    }
    // What is not there has no value; an amount has one cell, a record's digest and mark have five.
    for (index, cell) in row.value.into_iter().enumerate() {
        builder.assert_zero((AB::Expr::ONE - row.present) * cell);
        builder.assert_zero(row.bystander * cell);
        if index >= 1 {
            builder.assert_zero((row.balance + row.supply) * cell);
        }
        if index >= 5 {
            builder.assert_zero(is_record::<AB>(row) * cell);
        }
    }
    // A record that is there is marked so, and its value is the digest. A token is marked, too.
    builder.assert_zero(is_record::<AB>(row) * (row.value[4] - row.present));
    for (cell, digest) in row.value.into_iter().zip(row.value_digest) {
        builder.assert_zero(is_record::<AB>(row) * row.present * (cell - digest));
    }
    // A session that is there is marked so.
    builder.assert_zero(row.session * (row.value[1] - row.present));
    builder.assert_zero(row.token * (row.value[5] - row.present));
    builder.assert_zero(row.token * row.value[6]);
    // An account was handed over or not, and to nobody if not.
    let kept = row.value[2];
    builder.assert_zero(row.account * kept * (AB::Expr::ONE - kept));
    for cell in &row.value[3..] {
        builder.assert_zero(row.account * (AB::Expr::ONE - kept) * *cell);
    }
    // An amount or an account is there exactly when it is not zero: a zero balance is no leaf, and an account has
    // none before its first transaction, unless it was handed over. A nonce's halves are below 2^32, so that their sum
    // with what marks that is zero only with all of them.
    let sized = row.balance + row.account + row.supply;
    let size = row.value[0] + row.value[1] + kept;
    builder.assert_zero(sized * (size * row.value_inverse - row.present));
}

/// Constrains the limbs to be the path's, each element in its one canonical form.
fn limbs<AB: Circuit>(builder: &mut AB, row: &Leaf<AB::Var>, used: &AB::Expr) {
    for (limb, low) in row.limbs.into_iter().zip(row.limbs_low) {
        range32(builder, limb.into(), low, used.clone());
    }
    for (index, element) in row.path.into_iter().enumerate() {
        let (high, low) = (row.limbs[2 * index], row.limbs[2 * index + 1]);
        builder.assert_eq(element, high * AB::Expr::from_u64(1 << 32) + low);
        // The prime is 2^64-2^32+1: below it the low limb is zero when the high one is 2^32-1.
        let (full, below) = (row.full[index], high - AB::Expr::from_u32(u32::MAX));
        builder.assert_bool(full);
        builder.assert_zero(full * below.clone());
        builder.assert_eq(below * row.full_inverse[index], AB::Expr::ONE - full);
        builder.assert_zero(full * low);
    }
}

/// Constrains depth and position, and says so to the tree.
fn place<AB: Circuit>(builder: &mut AB, row: &Leaf<AB::Var>, used: &AB::Expr) {
    let (mut named, mut number) = (AB::Expr::ZERO, AB::Expr::ZERO);
    for (index, limb) in row.limb.into_iter().enumerate() {
        builder.assert_bool(limb);
        named += limb.into();
        number += limb * AB::Expr::from_usize(index);
    }
    // One limb is named, and it is the depth's.
    builder.assert_eq(named, used.clone());
    let level: Vec<AB::Expr> = vec![row.depth.into(), number, row.shift.into(), row.weight.into()];
    Bus::Level.send(builder, level, used.clone());
    // The rest is what the shift leaves of 32 bits.
    range32(builder, row.rest.into(), row.rest_low, used.clone());
    range32(builder, row.rest * row.shift, row.scaled_low, used.clone());

    // Limbs before the named one belong to the position whole, the named one without its rest, those after it not.
    let mut place: Vec<AB::Expr> = vec![row.after.into(), row.depth.into()];
    place.extend((0..8).map(|index| {
        let whole = row.limb[index + 1..].iter().fold(AB::Expr::ZERO, |sum, limb| sum + *limb);
        whole * row.limbs[index] + row.limb[index] * (row.limbs[index] - row.rest)
    }));
    let mut node = place.clone();
    node.extend(row.digest.map(Into::into));
    // It is a leaf, not nothing, nor more than a leaf: see the tree table.
    node.extend([AB::Expr::ZERO, AB::Expr::ONE, AB::Expr::ZERO]);
    // A leaf that is there is a node; the way of one that is not ends in another leaf or in nothing.
    Bus::Node.receive(builder, node, row.present);
    builder.assert_zero((AB::Expr::ONE - row.present) * row.uses);
    Bus::Terminal.provide(builder, place.clone(), row.uses);
    Bus::Terminal.send(builder, place, used.clone() - row.present);
}

/// Constrains the order of the rows: those before the batch, then those after it, each sorted by path; no path twice.
fn order<AB: Circuit>(builder: &mut AB, row: &Leaf<AB::Var>, next: &Leaf<AB::Var>) {
    let (used, next_used): (AB::Expr, AB::Expr) = (used(row), used(next));
    // Used rows come first.
    builder.when_transition().assert_zero(next_used.clone() * (AB::Expr::ONE - used));
    // Nothing before the batch follows what is after it.
    builder.when_transition().assert_zero(row.after * (next_used.clone() - next.after));
    builder.when_transition().assert_zero(next.after * (AB::Expr::ONE - next_used.clone()));
    // Where the next row is of the same tree, one limb is the first that differs.
    let differs = row.differs.into_iter().fold(AB::Expr::ZERO, |sum, flag| sum + flag);
    for flag in row.differs {
        builder.assert_bool(flag);
    }
    let switches = next.after - row.after;
    builder.when_transition().assert_zero(differs.clone() - next_used.clone() + next_used * switches);
    builder.when_last_row().assert_zero(differs.clone());
    let mut larger = AB::Expr::ZERO;
    for index in 0..8 {
        let difference = next.limbs[index] - row.limbs[index];
        // Limbs before the first that differs are equal. None differs after the last.
        if index < 7 {
            let later = row.differs[index + 1..].iter().fold(AB::Expr::ZERO, |sum, flag| sum + *flag);
            builder.when_transition().assert_zero(later * difference.clone());
        }
        larger += row.differs[index] * difference;
    }
    // The next one's is larger by at least one.
    range32(builder, larger - differs.clone(), row.difference_low, differs);
}

/// Constrains the digests of key, value and leaf.
fn digests<AB: Circuit>(builder: &mut AB, row: &Leaf<AB::Var>) {
    let before = AB::Expr::ONE - row.after;
    let path: [AB::Expr; 4] = row.path.map(Into::into);
    let key = |kind: AB::Expr, length: usize| -> Vec<AB::Expr> {
        std::iter::once(kind).chain(row.key[..length].iter().map(|cell| (*cell).into())).collect()
    };
    // The path is the digest of kind and key. The row after the batch has it from the one before it.
    let of_two = (row.balance + row.session + row.program) * before.clone();
    hash(builder, Domain::Key, &key(kind(row), 8), row.path_sponge, path.clone(), &of_two);
    let of_other = of_one_digest::<AB>(row) * before.clone();
    hash(builder, Domain::Key, &key(kind(row), 4), row.path_sponge, path.clone(), &of_other);
    let alone = (row.cursor + row.parameters) * before;
    hash(builder, Domain::Key, &[kind(row), AB::Expr::ZERO], row.path_sponge, path, &alone);

    // The value's digest is that of its elements; who asks for a record has hashed it.
    let [amount, nonce_low, kept, ..] = row.value;
    let digest: [AB::Expr; 4] = row.value_digest.map(Into::into);
    let of_amount = (row.balance + row.supply) * row.present;
    hash(builder, Domain::Value, &all::<AB>(&[amount]), row.value_sponge, digest.clone(), &of_amount);
    let own = all::<AB>(&[kept, amount, nonce_low]);
    let of_account = row.account * (row.present - kept);
    hash(builder, Domain::Value, &own, row.value_sponge, digest.clone(), &of_account);
    handed(builder, row, digest.clone());
    let address = all::<AB>(&row.value[..5]);
    hash(builder, Domain::Value, &address, row.value_sponge, digest, &(row.token * row.present));

    // The leaf's digest is that of path and value digest, and of the mark.
    let pair: Vec<AB::Expr> = [row.path, row.value_digest, row.pair].concat().into_iter().map(Into::into).collect();
    Bus::Compress.send(builder, pair, row.present);
    let mut marked: Vec<AB::Expr> = row.pair.map(Into::into).to_vec();
    marked.extend(LEAF_MARK.map(AB::Expr::from_u64));
    marked.extend(row.digest.map(Into::into));
    Bus::Compress.send(builder, marked, row.present);
}

/// Constrains the value's digest of an account that was handed over and of a session, whose elements stand in the same
/// cells: one, to whom and the nonce; or who granted it and when it expires, which is one element less.
fn handed<AB: Circuit>(builder: &mut AB, row: &Leaf<AB::Var>, digest: [AB::Expr; 4]) {
    let [last, more, first @ .., middle] = row.value;
    let flag = row.account * first[0] + row.session * row.present;
    let length = row.account * AB::Expr::from_u8(7) + row.session * AB::Expr::from_u8(6);
    let mut message = vec![row.value_sponge.into(), AB::Expr::from_u64(Domain::Value.number()), length];
    message.extend(all::<AB>(&first));
    Bus::AbsorbFirst.send(builder, message, flag.clone());
    let next = row.value_sponge + AB::Expr::ONE;
    let rest = [next.clone(), middle.into(), last.into(), row.account * more, AB::Expr::ZERO];
    Bus::AbsorbNext.send(builder, rest, flag.clone());
    let mut message = vec![next];
    message.extend(digest);
    Bus::Digest.send(builder, message, flag);
}

/// Returns the number of a touched leaf's kind, zero for a bystander.
fn kind<V: Copy + Mul<E, Output = E>, E: PrimeCharacteristicRing>(row: &Leaf<V>) -> E {
    row.balance * E::from_u8(KIND_BALANCE)
        + row.account * E::from_u8(KIND_ACCOUNT)
        + row.supply * E::from_u8(KIND_SUPPLY)
        + row.tally * E::from_u8(KIND_TALLY)
        + row.session * E::from_u8(KIND_SESSION)
        + row.token * E::from_u8(KIND_TOKEN)
        + row.cursor * E::from_u8(KIND_CURSOR)
        + row.parameters * E::from_u8(KIND_PARAMETERS)
        + row.program * E::from_u8(KIND_PROGRAM)
        + row.offer * E::from_u8(KIND_OFFER)
        + row.task * E::from_u8(KIND_TASK)
}

/// Gives the value before the batch to the memory and takes the one after it; a bystander's stays what it was.
fn carried<AB: Circuit>(builder: &mut AB, row: &Leaf<AB::Var>, used: &AB::Expr) {
    let after: AB::Expr = row.after.into();
    let before = AB::Expr::ONE - after.clone();
    let mut named = vec![kind(row)];
    named.extend(row.key.map(Into::into));

    let mut path = named.clone();
    path.extend(row.path.map(Into::into));
    path.extend(row.value_digest.map(|cell| row.bystander * cell));
    Bus::Path.send(builder, path.clone(), used.clone() * before.clone());
    Bus::Path.receive(builder, path, used.clone() * after.clone());

    let known: AB::Expr = known(row);
    let mut value = named;
    value.extend(row.value.map(Into::into));
    let at = |time: AB::Expr| value.iter().cloned().chain([time]).collect::<Vec<_>>();
    Bus::Memory.send(builder, at(AB::Expr::ZERO), known.clone() * before);
    Bus::Memory.receive(builder, at(row.time.into()), known * after);
}
