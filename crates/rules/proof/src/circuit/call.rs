//! The call table: what a run of the machine tells other tables, one message in each row.
//!
//! A message is the cells that the run wrote last, in their order. What is told is what the tables of other kinds of
//! entries tell, too: which entry it answers for, who asked for what, what is hashed, compared, debited or credited, which
//! record changes, and who signed what.

use super::columns::columns;
use super::{Bus, Circuit, MOMENTS, since};
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;

/// What can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A sponge begins: its name, domain and length, and four elements.
    First,
    /// It goes on: its name and how many blocks later, added, and four elements.
    Next,
    /// The digest of a sponge, after the name of its last block.
    Digest,
    /// Two numbers in halves, the first at least the second, and one where it is above it.
    Compare,
    /// A factor, the other one in halves, a divisor in halves, and what their product is by it, rounded down.
    Divide,
    /// The entry's time in halves.
    Time,
    /// What answers for the entry: its kind, its id and its code.
    Answer,
    /// Who asked: the id, the account that is acted for, the action's digest, and one with a keeper's authority.
    Asked,
    /// A debit or a credit: the kind and the eight cells of the key, how much, one for a credit, and one when it is done.
    Post,
    /// A record: the kind and the eight cells of the key, its digest and one if it is there, and the same afterwards.
    Record,
    /// A signature that holds: a public key, and the digest that it signed.
    Signed,
}

impl Call {
    /// All of them, in the order of their columns.
    pub const ALL: [Self; CALLS] = [
        Self::First,
        Self::Next,
        Self::Digest,
        Self::Compare,
        Self::Divide,
        Self::Time,
        Self::Answer,
        Self::Asked,
        Self::Post,
        Self::Record,
        Self::Signed,
    ];

    /// Returns how many cells it says.
    pub const fn length(self) -> usize {
        match self {
            Self::First => 7,
            Self::Next | Self::Digest | Self::Compare => 5,
            Self::Divide | Self::Answer => 6,
            Self::Time => 2,
            Self::Asked => 13,
            Self::Post => 12,
            Self::Signed => 9,
            Self::Record => CELLS,
        }
    }

    /// Returns its number: what it is in the program and which of the columns.
    pub fn number(self) -> usize {
        Self::ALL.iter().position(|call| *call == self).expect("all are listed")
    }

    /// Says whether it takes a moment.
    pub const fn touches(self) -> bool {
        matches!(self, Self::Post | Self::Record)
    }
}

/// How many kinds of messages there are.
const CALLS: usize = 11;
/// Most cells of a message.
pub const CELLS: usize = 19;

columns! {
    /// A message.
    pub struct Called {
        /// One for its kind.
        pub kinds: [T; CALLS],
        /// The entry's number.
        pub number: T,
        /// The line of the cells.
        pub line: T,
        /// The place after the last of them.
        pub place: T,
        /// The entry's moment.
        pub moment: T,
        /// What is said.
        pub cells: [T; CELLS],
        /// Since when a record is as it is.
        pub since: T,
        /// The low 16 bits of the time that passed.
        pub passed: T,
    }
}

/// Constrains the rows.
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let row = Called::read(builder.main().current_slice());
    let (mut used, mut number, mut length) = (AB::Expr::ZERO, AB::Expr::ZERO, AB::Expr::ZERO);
    for (index, (flag, call)) in row.kinds.into_iter().zip(Call::ALL).enumerate() {
        builder.assert_bool(flag);
        used += flag.into();
        number += flag * AB::Expr::from_usize(index);
        length += flag * AB::Expr::from_usize(call.length());
    }
    // A message is of one kind; a row of none is unused.
    builder.assert_bool(used.clone());
    let told = [row.number.into(), row.line.into(), row.place.into(), row.moment.into(), number];
    Bus::Call.receive(builder, told, used);
    // Its cells end before its place.
    for (index, value) in row.cells.into_iter().enumerate() {
        let longer = row.kinds.into_iter().zip(Call::ALL).filter(|(_, call)| call.length() > index);
        let flag = longer.fold(AB::Expr::ZERO, |sum, (flag, _)| sum + flag);
        let place = row.place - length.clone() + AB::Expr::from_usize(index);
        Bus::Cell.send(builder, [row.number.into(), row.line.into(), place, value.into()], flag);
    }
    for (flag, call) in row.kinds.into_iter().zip(Call::ALL) {
        tell(builder, &row, call, flag.into());
    }
}

/// Tells another table what is said.
fn tell<AB: Circuit>(builder: &mut AB, row: &Called<AB::Var>, call: Call, flag: AB::Expr) {
    let said = || row.cells[..call.length()].iter().map(|cell| AB::Expr::from(*cell));
    let of_entry = || std::iter::once(AB::Expr::from(row.number)).chain(said());
    let time = row.number * AB::Expr::from_u16(MOMENTS) + row.moment;
    match call {
        Call::First => Bus::AbsorbFirst.send(builder, said(), flag),
        Call::Next => Bus::AbsorbNext.send(builder, said(), flag),
        Call::Digest => Bus::Digest.send(builder, said(), flag),
        Call::Compare => Bus::Compare.send(builder, said(), flag),
        Call::Divide => Bus::Divide.send(builder, said(), flag),
        Call::Signed => Bus::Signed.send(builder, said(), flag),
        Call::Time => Bus::Time.send(builder, of_entry(), flag),
        Call::Answer => Bus::Entry.receive(builder, of_entry(), flag),
        Call::Asked => Bus::Asked.receive(builder, of_entry(), flag),
        Call::Post => Bus::Post.send(builder, std::iter::once(time).chain(said()), flag),
        Call::Record => {
            since(builder, row.since.into(), time.clone(), row.passed, flag.clone());
            let key = || said().take(9);
            let leaf = |value: usize, time: AB::Expr| {
                let value = said().skip(value).take(5);
                key().chain(value).chain([AB::Expr::ZERO, AB::Expr::ZERO, time]).collect::<Vec<_>>()
            };
            Bus::Memory.receive(builder, leaf(9, row.since.into()), flag.clone());
            Bus::Memory.send(builder, leaf(14, time), flag);
        }
    }
}
