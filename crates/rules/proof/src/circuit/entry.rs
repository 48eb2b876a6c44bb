//! The entry table: the batch's entries in their order, each with what became of it.
//!
//! A row says that there is an entry of a kind, with an id and a code; the table of that kind answers for it, and nobody
//! else can. What the entries come to, one after another, is a public value; so are the time of the entry before the first
//! and the time of the last, which the ledger's cursor holds ([`super::crossing`]).

use super::columns::columns;
use super::{Bus, Circuit, all, hash};
use crypto::Domain;
use p3_air::{AirBuilder, WindowAccess};
use p3_field::PrimeCharacteristicRing;

columns! {
    /// An entry.
    pub struct Entry {
        /// One when there is an entry.
        pub used: T,
        /// The entry's number, from one.
        pub number: T,
        /// Which table answers for it.
        pub kind: T,
        /// The entry's id.
        pub id: [T; 4],
        /// Zero when it was applied, otherwise the code of why not.
        pub code: T,
        /// When it was executed, in milliseconds: the high half, then the low one.
        pub time: [T; 2],
        /// The time of the entry before it, in the same form. A row without an entry has that time too.
        pub earlier: [T; 2],
        /// How often somebody asks for the time.
        pub uses: T,
        /// What the entries before this one come to.
        pub before: [T; 4],
        /// The digest of id, code and time.
        pub digest: [T; 4],
        /// What the entries with this one come to.
        pub after: [T; 4],
        /// The sponge of the digest.
        pub sponge: T,
    }
}

/// Constrains the rows. Public values: what the entries come to; the time before them and the time after them, in halves.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let main = builder.main();
    let (row, next) = (Entry::read(main.current_slice()), Entry::read(main.next_slice()));
    let public: Vec<AB::Expr> = builder.public_values().iter().map(|value| (*value).into()).collect();
    let used: AB::Expr = row.used.into();

    // Entries come first and are numbered from one.
    builder.assert_bool(row.used);
    builder.when_transition().assert_zero(next.used * (AB::Expr::ONE - row.used));
    builder.when_first_row().assert_one(row.number);
    builder.when_transition().assert_eq(next.number, row.number + AB::Expr::ONE);

    // Time does not go backwards, and halves have 32 bits: the comparison shows it of what it compares. Where there is no
    // entry, nothing passes.
    let order = [row.time, row.earlier].concat().into_iter().map(Into::into).chain([AB::Expr::ZERO]);
    Bus::Compare.send(builder, order, row.used);
    for half in 0..2 {
        builder.assert_zero((AB::Expr::ONE - row.used) * (row.time[half] - row.earlier[half]));
        builder.when_first_row().assert_eq(row.earlier[half], public[4 + half].clone());
        builder.when_transition().assert_eq(next.earlier[half], row.time[half]);
        builder.when_last_row().assert_eq(row.time[half], public[6 + half].clone());
    }
    builder.assert_zero((AB::Expr::ONE - row.used) * row.uses);
    Bus::Time.provide(builder, [row.number, row.time[0], row.time[1]], row.uses);

    let mut named = vec![row.number, row.kind];
    named.extend(row.id);
    named.push(row.code);
    Bus::Entry.send(builder, named, row.used);

    let mut entry = all::<AB>(&row.id);
    entry.extend(all::<AB>(&[row.code, row.time[0], row.time[1]]));
    hash(builder, Domain::Entry, &entry, row.sponge, row.digest.map(Into::into), &used);
    Bus::Compress.send(builder, [row.before, row.digest, row.after].concat(), row.used);
    for (cell, public) in public.into_iter().take(4).enumerate() {
        // Before the first there is nothing; each goes on from the one before it; the last is the public value.
        builder.when_first_row().assert_zero(row.before[cell]);
        builder.when_transition().assert_eq(next.before[cell], row.after[cell]);
        builder.when_last_row().assert_eq(row.after[cell], public);
        // A row without an entry adds nothing.
        builder.assert_zero((AB::Expr::ONE - row.used) * (row.after[cell] - row.before[cell]));
    }
}
