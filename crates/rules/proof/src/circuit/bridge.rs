//! The bridge table: one crossing in each row, between the base chain and the ledger.
//!
//! A crossing is a message of the L1 inbox or a withdrawal that somebody signed for; the rules are `ledger::bridge`'s. The
//! rows stand in the order of their entries, so that [`super::crossing`] can count and list what crosses.
//! An action that was forced is taken here, as every message is, and asked of the table of its kind, which answers for its
//! entry as if the account's keeper had signed. Which elements are an action is for that table to say, and for L1 to check
//! before it queues them: a message of others has no answer, and its batch no proof.
//!
//! That the leaf of a token holds the address whose digest the asset is, that no more of an asset is held than is owed of
//! it, and that what is held of a token has a leaf of that token is so in every state that the rules have made, and is
//! not shown again.

use super::authority::REJECTED_NARROW;
use super::columns::columns;
use super::crossing;
use super::signed::asked;
use super::tally::REJECTED_OVERFLOW;
use super::transfer::{REJECTED_INSUFFICIENT, REJECTED_ZERO};
use super::{Bus, Circuit, KIND_BALANCE, KIND_SUPPLY, KIND_TOKEN, all, hash, moment, range32, range62, since};
use crypto::Domain;
use p3_air::WindowAccess;
use p3_field::PrimeCharacteristicRing;

/// The number of withdrawals among actions: `transition::Action::Withdraw`.
pub const ACTION_WITHDRAW: u8 = 2;
/// The number of deposits among messages: `ledger::Message::Deposit`.
pub const MESSAGE_DEPOSIT: u8 = 1;
/// The number of forced withdrawals among messages: `ledger::Message::Withdrawal`.
pub const MESSAGE_WITHDRAWAL: u8 = 2;
/// The number of forced actions among messages: `ledger::Message::Action`.
pub const MESSAGE_ACTION: u8 = 3;
/// How many blocks the longest action has that can be forced.
const ACTION_BLOCKS: usize = 3;
/// What the number of a message's kind is raised by among the kinds of entries, where actions have theirs.
pub const ENTRY_MESSAGE: u8 = 128;
/// The code of an asset that is none: `ledger::Reject::UnknownAsset`.
pub const REJECTED_ASSET: u32 = 103;
/// The code of a withdrawal to nobody: `ledger::Reject::BadRecipient`.
pub const REJECTED_RECIPIENT: u32 = 104;
/// The code of a message that is not the next: `ledger::Reject::InboxOutOfOrder`.
pub const REJECTED_ORDER: u32 = 105;
/// The code of a token that is named by its asset id: `ledger::Reject::TokenMisnamed`.
pub const REJECTED_MISNAMED: u32 = 109;

columns! {
    /// A crossing.
    pub struct Bridge {
        /// One in the first row, which has no crossing and says where the ledger stood before.
        pub first: T,
        /// One in the last row, which says where it stands after.
        pub last: T,
        /// One for a deposit.
        pub deposits: T,
        /// One for a withdrawal that was forced.
        pub forced: T,
        /// One for a withdrawal that was signed.
        pub withdraws: T,
        /// One for an action that was forced.
        pub acts: T,

        /// One when it was applied to an L1 token.
        pub token: T,
        /// One when it was applied to half a tally.
        pub half: T,
        /// One when it was rejected because it moves nothing.
        pub nothing: T,
        /// One when a message was rejected because its token's word names nothing.
        pub unnamed: T,
        /// One when a message was rejected because it names a token by its asset id.
        pub misnamed: T,
        /// One when a deposit was rejected because there would be too much.
        pub overflows: T,
        /// One when it was rejected because the balance does not cover it.
        pub uncovered: T,
        /// One when a forced withdrawal was rejected because there is nothing to take.
        pub empty: T,
        /// One when it was rejected because nobody would be paid.
        pub nobody: T,
        /// One when a signed withdrawal was rejected because there is no such asset on L1.
        pub unknown: T,
        /// One when a message was rejected because it is not the next.
        pub misplaced: T,
        /// One when a signed withdrawal was rejected because a session is too narrow for it.
        pub narrow: T,
        /// One when an action was asked of the table of its kind.
        pub asks: T,

        /// One where the asset is named by an L1 token's address.
        pub addressed: T,
        /// One where it is named by its own id.
        pub identified: T,
        /// One when a forced withdrawal takes all that there is.
        pub whole: T,
        /// One when nothing is owed of an asset that is not on L1.
        pub absent: T,
        /// One when it is shown that there is something: that a half is owed, or that a balance could be paid to nobody.
        pub shown: T,
        /// One when value leaves.
        pub leaves: T,

        /// The entry's number.
        pub number: T,
        /// The low 16 bits of how many entries stand between this crossing and the next.
        pub gap: T,
        /// The entry's id.
        pub id: [T; 4],
        /// The digest of what is asked, of a signed withdrawal or a forced action.
        pub action: [T; 4],
        /// The sponge of a forced action.
        pub action_sponge: T,
        /// How many elements a forced action has.
        pub length: T,
        /// One when it has as many blocks as the longest, otherwise it has one less.
        pub long: T,
        /// The sponge of the message or of what is asked.
        pub sponge: T,
        /// Whose value enters or leaves.
        pub account: [T; 4],
        /// The asset, where it is looked at.
        pub asset: [T; 4],
        /// The sponge of an L1 token's asset.
        pub asset_sponge: T,
        /// Who holds the halves that are on L1.
        pub custody: [T; 4],
        /// The sponge of that account.
        pub custody_sponge: T,
        /// A message's place in the inbox, in halves.
        pub index: [T; 2],
        /// Their low 16 bits.
        pub index_low: [T; 2],
        /// The word that names the asset on L1, in limbs of 32 bits, the most significant first; or the first elements of
        /// a forced action, of which amount and party are the others.
        pub word: [T; 8],
        /// Their low 16 bits.
        pub word_low: [T; 8],
        /// One when the word is no address: one of its first three limbs is not zero.
        pub high: T,
        /// What shows it.
        pub high_inverse: T,
        /// For each element that the word could be, what shows that it is one; of a word that names nothing, what shows that
        /// one of them is none.
        pub canonical: [T; 4],
        /// Who paid on L1, or who is paid: an address in limbs of 32 bits.
        pub party: [T; 5],
        /// Their low 16 bits.
        pub party_low: [T; 5],
        /// What shows that somebody is paid; or, with the other inverse, that a message is not the next.
        pub party_inverse: T,
        /// How much is asked for.
        pub amount: T,
        /// The three lower limbs of 16 bits.
        pub amount_limbs: [T; 3],
        /// How much moves, or would: less than is asked for where a forced withdrawal takes all that there is.
        pub moved: T,
        /// The three lower limbs of 16 bits of what is asked for beyond that.
        pub rest_limbs: [T; 3],
        /// What shows that it is not nothing.
        pub moved_inverse: T,
        /// One when the asset has the leaf of an L1 token.
        pub there: T,
        /// The address in it.
        pub address: [T; 5],
        /// Since when it is so.
        pub since: T,
        /// The low 16 bits of the time that passed.
        pub passed: T,

        /// How many messages are taken afterwards, in halves.
        pub inbox: [T; 2],
        /// One when the low half begins anew.
        pub inbox_carry: T,
        /// How many withdrawals are made afterwards, in halves.
        pub withdrawals: [T; 2],
        /// One when the low half begins anew.
        pub withdrawals_carry: T,
        /// The low half's low 16 bits.
        pub withdrawals_low: T,
        /// The digest of the withdrawal.
        pub withdrawal: [T; 4],
        /// Its sponge.
        pub withdrawal_sponge: T,
        /// What the messages with this one come to.
        pub taken: [T; 4],
        /// What the withdrawals with this one come to.
        pub made: [T; 4],
        /// The list of messages at the points.
        pub taken_at: [T; 3],
        /// The list of withdrawals at the points.
        pub made_at: [T; 3],
        /// One when the cursor has a leaf.
        pub kept: T,
        /// In the last row, what shows that there is a time, where nothing that crosses has made the leaf.
        pub timed_inverse: T,
        /// The digest of the cursor's record, in the first row and in the last.
        pub cursor: [T; 4],
        /// Its sponge.
        pub cursor_sponge: T,
    }
}

/// Constrains the rows. Public values: see [`super::crossing`].
pub fn eval<AB: Circuit>(builder: &mut AB) {
    let main = builder.main();
    let (row, next) = (Bridge::read(main.current_slice()), Bridge::read(main.next_slice()));
    let used = outcome(builder, &row);
    request(builder, &row, &used);
    action(builder, &row);
    word(builder, &row, &used);
    amounts(builder, &row, &used);
    parties(builder, &row);
    token(builder, &row);
    movements(builder, &row);
    crossing::eval(builder, &row, &next, &used);
}

/// Returns one for a message, whatever becomes of it.
pub(super) fn is_message<AB: Circuit>(row: &Bridge<AB::Var>) -> AB::Expr {
    row.deposits + row.forced + row.acts
}

/// Returns one where the asset is looked at.
fn names<AB: Circuit>(row: &Bridge<AB::Var>) -> AB::Expr {
    row.addressed + row.identified
}

/// Constrains kind and outcome, and answers for the entry. Returns one for a row that is a crossing.
fn outcome<AB: Circuit>(builder: &mut AB, row: &Bridge<AB::Var>) -> AB::Expr {
    let outcomes = [
        (row.token, 0),
        (row.half, 0),
        (row.nothing, REJECTED_ZERO),
        (row.unnamed, REJECTED_ASSET),
        (row.misnamed, REJECTED_MISNAMED),
        (row.overflows, REJECTED_OVERFLOW),
        (row.uncovered, REJECTED_INSUFFICIENT),
        (row.empty, REJECTED_INSUFFICIENT),
        (row.nobody, REJECTED_RECIPIENT),
        (row.unknown, REJECTED_ASSET),
        (row.misplaced, REJECTED_ORDER),
        (row.narrow, REJECTED_NARROW),
        (row.asks, 0),
    ];
    let kinds = [
        (row.deposits, ENTRY_MESSAGE + MESSAGE_DEPOSIT),
        (row.forced, ENTRY_MESSAGE + MESSAGE_WITHDRAWAL),
        (row.withdraws, ACTION_WITHDRAW),
        (row.acts, ENTRY_MESSAGE + MESSAGE_ACTION),
    ];
    let (mut used, mut code, mut kind, mut number) = (AB::Expr::ZERO, AB::Expr::ZERO, AB::Expr::ZERO, AB::Expr::ZERO);
    for (flag, own) in outcomes {
        builder.assert_bool(flag);
        used += flag.into();
        code += flag * AB::Expr::from_u32(own);
    }
    for (flag, own) in kinds {
        builder.assert_bool(flag);
        kind += flag.into();
        number += flag * AB::Expr::from_u8(own);
    }
    // A crossing is of one kind and has one outcome; a row without one is unused.
    builder.assert_bool(used.clone());
    builder.assert_eq(kind, used.clone());

    // Each kind has outcomes of its own.
    builder.assert_zero(row.deposits * (row.empty + row.nobody + row.unknown + row.narrow));
    builder.assert_zero(row.forced * (row.nothing + row.overflows + row.uncovered + row.unknown + row.narrow));
    builder.assert_zero(row.withdraws * (row.unnamed + row.misnamed + row.overflows + row.empty + row.misplaced));
    builder.assert_zero(row.acts * (used.clone() - row.asks - row.misplaced));
    builder.assert_zero(row.asks * (AB::Expr::ONE - row.acts));
    // Value leaves by what was applied and is no deposit.
    builder.assert_eq(row.leaves, (row.forced + row.withdraws) * (row.token + row.half));

    let mut entry: Vec<AB::Expr> = vec![row.number.into(), number];
    entry.extend(all::<AB>(&row.id));
    entry.push(code);
    // For an action that is asked of another table, that one answers.
    Bus::Entry.receive(builder, entry, used.clone() - row.asks);
    used
}

/// Returns a message's elements: `ledger::Message`, as it is encoded.
pub(super) fn message<AB: Circuit>(row: &Bridge<AB::Var>) -> Vec<AB::Expr> {
    let kinds = [(row.deposits, MESSAGE_DEPOSIT), (row.forced, MESSAGE_WITHDRAWAL), (row.acts, MESSAGE_ACTION)];
    let kind = kinds.into_iter().fold(AB::Expr::ZERO, |sum, (flag, kind)| sum + flag * AB::Expr::from_u8(kind));
    let mut elements = vec![kind];
    elements.extend(all::<AB>(&[&row.index[..], &row.account, &row.word, &[row.amount], &row.party].concat()));
    elements
}

/// A message's id is its digest; a signed withdrawal was asked for by whom it takes from.
fn request<AB: Circuit>(builder: &mut AB, row: &Bridge<AB::Var>, used: &AB::Expr) {
    let (messages, withdraws): (AB::Expr, AB::Expr) = (is_message::<AB>(row), row.withdraws.into());
    let message = message::<AB>(row);
    let mut action = vec![AB::Expr::from_u8(ACTION_WITHDRAW)];
    action.extend(all::<AB>(&[&row.asset[..], &[row.amount], &row.party].concat()));
    let either = |message: AB::Expr, action: AB::Expr| messages.clone() * message + withdraws.clone() * action;
    let of_both = |of_message: usize, of_action: usize| {
        messages.clone() * AB::Expr::from_usize(of_message) + withdraws.clone() * AB::Expr::from_usize(of_action)
    };

    // Both are absorbed by one sponge, of which a signed withdrawal takes the first three blocks.
    let [blocks, own_blocks] = [message.len(), action.len()].map(|elements| elements.div_ceil(4));
    let sponge: AB::Expr = row.sponge.into();
    for block in 0..blocks {
        let mut absorbed = vec![sponge.clone() + AB::Expr::from_usize(block)];
        if block == 0 {
            absorbed.push(either(
                AB::Expr::from_u64(Domain::Message.number()),
                AB::Expr::from_u64(Domain::Action.number()),
            ));
            absorbed.push(of_both(message.len(), action.len()));
        }
        let element = |elements: &[AB::Expr], at: usize| elements.get(at).cloned().unwrap_or(AB::Expr::ZERO);
        absorbed.extend((4 * block..4 * block + 4).map(|at| either(element(&message, at), element(&action, at))));
        let bus = if block == 0 { Bus::AbsorbFirst } else { Bus::AbsorbNext };
        bus.send(builder, absorbed, if block < own_blocks { used.clone() } else { messages.clone() });
    }
    let mut digest = vec![sponge + of_both(blocks - 1, own_blocks - 1)];
    digest.extend((0..4).map(|cell| either(row.id[cell].into(), row.action[cell].into())));
    Bus::Digest.send(builder, digest, used.clone());

    // A message's place has its one form.
    for (half, low) in row.index.into_iter().zip(row.index_low) {
        range32(builder, half.into(), low, messages.clone());
    }
    // The keeper asked for a withdrawal, or it is rejected because that was a session.
    let asked = asked::<AB>(row.number, &row.id, &row.account, &row.action, AB::Expr::ONE - row.narrow);
    Bus::Asked.receive(builder, asked, row.withdraws);
}

/// Asks for a forced action with a keeper's authority: L1 saw that the account's owner demands it.
fn action<AB: Circuit>(builder: &mut AB, row: &Bridge<AB::Var>) {
    builder.assert_bool(row.long);
    builder.assert_zero(row.long * (AB::Expr::ONE - row.asks));
    // The digest of the first elements, as many as the prover says: with another number or other blocks than the action's
    // own table has, it is a digest that no table knows.
    let elements = all::<AB>(&[&row.word[..], &[row.amount], &row.party].concat());
    let sponge: AB::Expr = row.action_sponge.into();
    for (block, elements) in elements.chunks(4).take(ACTION_BLOCKS).enumerate() {
        let mut absorbed = vec![sponge.clone() + AB::Expr::from_usize(block)];
        if block == 0 {
            absorbed.extend([AB::Expr::from_u64(Domain::Action.number()), row.length.into()]);
        }
        absorbed.extend(elements.iter().cloned());
        let bus = if block == 0 { Bus::AbsorbFirst } else { Bus::AbsorbNext };
        bus.send(builder, absorbed, if block + 1 == ACTION_BLOCKS { row.long } else { row.asks });
    }
    let mut digest = vec![sponge + AB::Expr::from_usize(ACTION_BLOCKS - 2) + row.long];
    digest.extend(all::<AB>(&row.action));
    Bus::Digest.send(builder, digest, row.asks);
    let asked = asked::<AB>(row.number, &row.id, &row.account, &row.action, AB::Expr::ONE);
    Bus::Asked.send(builder, asked, row.asks);
}

/// Constrains which asset the word names.
fn word<AB: Circuit>(builder: &mut AB, row: &Bridge<AB::Var>, used: &AB::Expr) {
    for (limb, low) in row.word.into_iter().zip(row.word_low) {
        range32(builder, limb.into(), low, used.clone() - row.acts);
    }
    for flag in [row.high, row.addressed, row.identified] {
        builder.assert_bool(flag);
    }
    // It is named in one way, wherever it is looked at.
    let unlooked = row.nothing + row.unnamed + row.misplaced + row.narrow + row.asks;
    builder.assert_eq(names::<AB>(row), used.clone() - unlooked);

    // An address has nothing in the first three limbs. Their sum is zero only with all of them.
    let [first, second, third, address @ ..] = row.word;
    let sum = first + second + third;
    builder.assert_eq(sum.clone() * row.high_inverse, row.high);
    builder.assert_zero((AB::Expr::ONE - row.high) * sum);
    builder.assert_zero(row.addressed * row.high);
    // A message names by address whenever it can, and so does what a half leaves as.
    let by_word = is_message::<AB>(row) + row.half + row.uncovered;
    builder.assert_zero(row.identified * by_word * (AB::Expr::ONE - row.high));
    builder.assert_zero(row.unnamed * (AB::Expr::ONE - row.high));
    // Each outcome knows how its asset is named.
    builder.assert_zero((row.token + row.overflows) * row.identified);
    builder.assert_zero((row.half + row.misnamed + row.unknown) * row.addressed);
    builder.assert_zero(row.deposits * row.uncovered * row.addressed);

    // By address it is the digest of the address.
    let address = all::<AB>(&address);
    let asset = row.asset.map(Into::into);
    hash(builder, Domain::Token, &address, row.asset_sponge, asset, &row.addressed.into());
    let mut none = AB::Expr::ZERO;
    for (element, shown) in row.canonical.into_iter().enumerate() {
        let (high, low) = (row.word[2 * element], row.word[2 * element + 1]);
        // By its id it is that. Below the prime the low limb is zero where the high one is 2^32-1.
        let value = high * AB::Expr::from_u64(1 << 32) + low;
        let below = high - AB::Expr::from_u32(u32::MAX);
        builder.assert_zero(row.identified * (row.asset[element] - value));
        builder.assert_zero(row.identified * low * (below.clone() * shown - AB::Expr::ONE));
        // What names nothing has an element that is not below the prime.
        builder.assert_zero(row.unnamed * below * shown);
        none += low * shown;
    }
    builder.assert_zero(row.unnamed * (none - AB::Expr::ONE));
}

/// Constrains how much moves.
fn amounts<AB: Circuit>(builder: &mut AB, row: &Bridge<AB::Var>, used: &AB::Expr) {
    builder.assert_bool(row.whole);
    // An amount is below 2^62, and so is what is asked for beyond what moves. Of an action these cells are elements.
    let crosses = used.clone() - row.acts;
    range62(builder, row.amount.into(), row.amount_limbs, crosses.clone());
    range62(builder, row.amount - row.moved, row.rest_limbs, crosses);
    // Less than is asked for is moved only by force, and then all there is: see the movements.
    builder.assert_zero((AB::Expr::ONE - row.whole) * (row.amount - row.moved));
    builder.assert_zero(row.whole * (AB::Expr::ONE - row.forced));
    builder.assert_zero(row.whole * (AB::Expr::ONE - row.token - row.half - row.empty));
    // What is rejected as nothing is, and what is rejected later is not.
    builder.assert_zero((row.nothing + row.empty) * row.moved);
    let named = row.token + row.half + row.overflows + row.uncovered + row.nobody + row.unknown;
    let moves = named + row.deposits * (row.unnamed + row.misnamed);
    builder.assert_zero(moves * (row.moved * row.moved_inverse - AB::Expr::ONE));
}

/// Constrains who is paid.
fn parties<AB: Circuit>(builder: &mut AB, row: &Bridge<AB::Var>) {
    let mut sum = AB::Expr::ZERO;
    let used: AB::Expr = row.deposits + row.forced + row.withdraws;
    for (limb, low) in row.party.into_iter().zip(row.party_low) {
        range32(builder, limb.into(), low, used.clone());
        sum += limb.into();
    }
    // Nobody is the address zero. The sum of its limbs is zero only with all of them.
    builder.assert_zero(row.nobody * sum.clone());
    let pays = row.leaves + row.withdraws * (row.uncovered + row.unknown);
    builder.assert_zero(pays * (sum * row.party_inverse - AB::Expr::ONE));
}

/// Looks at the leaf that says that an asset is an L1 token, and makes it where the first is deposited.
fn token<AB: Circuit>(builder: &mut AB, row: &Bridge<AB::Var>) {
    builder.assert_bool(row.there);
    let looks = names::<AB>(row) - row.overflows;
    builder.assert_zero(row.there * (AB::Expr::ONE - looks.clone()));
    // Only what is misnamed is named by its id and is a token.
    builder.assert_zero(row.identified * (row.there - row.misnamed));
    // What leaves by address has a leaf. An asset that is asked for by its id is named by address if it has one.
    builder.assert_zero((row.forced * row.token + row.withdraws * row.addressed) * (AB::Expr::ONE - row.there));

    let makes = row.deposits * row.token;
    let mut after = Vec::new();
    for (cell, limb) in row.address.into_iter().zip(&row.word[3..]) {
        // What is not there has no address, and what is there has the word's, unless it is misnamed.
        builder.assert_zero((AB::Expr::ONE - row.there) * cell);
        builder.assert_zero(row.there * (AB::Expr::ONE - row.misnamed) * (cell - *limb));
        after.push(cell + makes.clone() * (*limb - cell));
    }
    let time = moment::<AB>(row.number, 1);
    since(builder, row.since.into(), time.clone(), row.passed, looks.clone());
    let leaf = |address: Vec<AB::Expr>, there: AB::Expr, time: AB::Expr| {
        let mut message = vec![AB::Expr::from_u8(KIND_TOKEN)];
        message.extend(all::<AB>(&row.asset));
        message.extend(std::iter::repeat_n(AB::Expr::ZERO, 4));
        message.extend(address);
        message.extend([there, AB::Expr::ZERO, time]);
        message
    };
    let before = leaf(all::<AB>(&row.address), row.there.into(), row.since.into());
    Bus::Memory.receive(builder, before, looks.clone());
    let there = row.there + makes * (AB::Expr::ONE - row.there);
    Bus::Memory.send(builder, leaf(after, there, time), looks);
}

/// Moves the value, or shows why not.
fn movements<AB: Circuit>(builder: &mut AB, row: &Bridge<AB::Var>) {
    builder.assert_bool(row.absent);
    let elsewhere = AB::Expr::ONE - row.deposits;
    let held = row.half + row.deposits * row.uncovered;
    let custody = row.custody.map(Into::into);
    hash(builder, Domain::Owner, &all::<AB>(&row.asset), row.custody_sponge, custody, &held);

    let post = |place: u8, kind: AB::Expr, key: Vec<AB::Expr>, amount: AB::Expr, credit: AB::Expr, done: AB::Expr| {
        let mut message = vec![moment::<AB>(row.number, place), kind];
        message.extend((0..8).map(|cell| key.get(cell).cloned().unwrap_or(AB::Expr::ZERO)));
        message.extend([amount, credit, done]);
        message
    };
    let (zero, one) = (AB::Expr::ZERO, AB::Expr::ONE);
    let [of_balance, of_supply] = [KIND_BALANCE, KIND_SUPPLY].map(AB::Expr::from_u8);
    let asset = all::<AB>(&row.asset);
    let holder = |enters: &AB::Expr, leaves: &AB::Expr| -> Vec<AB::Expr> {
        let accounts = row.custody.into_iter().zip(row.account);
        accounts.map(|(custody, account)| enters.clone() * custody + leaves.clone() * account).collect()
    };
    let moved: AB::Expr = row.moved.into();
    let deposits: AB::Expr = row.deposits.into();

    // Whoever has it is debited, if the balance covers it: whose it is, or for a deposit of halves their custody.
    let key = [holder(&deposits, &elsewhere), asset.clone()].concat();
    let debits = row.half + row.uncovered + row.token * elsewhere.clone();
    let done = one.clone() - row.uncovered;
    Bus::Post.send(builder, post(2, of_balance.clone(), key, moved.clone(), zero.clone(), done), debits);
    // Where all there is was taken, not even one can be debited afterwards, before anything else happens: what moves is
    // bounded by nothing else. Nor can it be of what is owed of an asset that is not there.
    builder.assert_zero(row.absent * (one.clone() - row.unknown));
    builder.assert_zero(row.unknown * (one.clone() - row.absent) * row.high);
    let kind = row.whole * of_balance.clone() + row.absent * of_supply.clone();
    let own = |flag: AB::Var, cells: &[AB::Var]| -> Vec<AB::Expr> { cells.iter().map(|cell| flag * *cell).collect() };
    let mix = |flags: [AB::Var; 2]| -> Vec<AB::Expr> {
        let [balance, supply] = flags;
        let first = own(balance, &row.account).into_iter().zip(own(supply, &row.asset)).map(|(one, other)| one + other);
        first.chain(own(balance, &row.asset)).collect()
    };
    let none = post(3, kind, mix([row.whole, row.absent]), one.clone(), zero.clone(), zero.clone());
    Bus::Post.send(builder, none, row.whole + row.absent);
    // Then somebody is credited: who is meant, or the custody of halves.
    let key = [holder(&elsewhere, &deposits), asset.clone()].concat();
    let credits = row.half + row.token * deposits.clone();
    Bus::Post.send(builder, post(4, of_balance.clone(), key, moved.clone(), one.clone(), one.clone()), credits);
    // What is owed of an L1 token changes with it, unless it would be too much.
    let owed = post(5, of_supply.clone(), asset, moved, deposits, row.token.into());
    Bus::Post.send(builder, owed, row.token + row.overflows);

    // There is something where one can be debited, and credited again: of the balance that would be paid to nobody, and of
    // what is owed of a half that is not covered.
    builder.assert_bool(row.shown);
    builder.assert_eq(row.shown, row.forced * row.nobody + row.withdraws * row.uncovered * row.identified);
    let kind = row.nobody * of_balance + row.uncovered * of_supply;
    let key = mix([row.nobody, row.uncovered]);
    for (place, credit) in [(6, zero), (7, one.clone())] {
        let there = post(place, kind.clone(), key.clone(), one.clone(), credit, one.clone());
        Bus::Post.send(builder, there, row.shown);
    }
}
