//! What crosses between L1 and the ledger: what the transition gives is what is proven, and L1's lists are bound to it.

use super::random::{Numbers, batch, codes_of, config, tried};
use super::rows::{Rows, fault};
use super::tallies::{NOW, agreed, half};
use super::transfers::key;
use ledger::account::{self, BalanceKey};
use ledger::bridge::{self, Cursor, CursorRecord, Supply, asset_of, token_word};
use ledger::tally::Half;
use ledger::{Deposit, ForcedAction, ForcedWithdrawal, Message, Withdraw, Withdrawal};
use p3_field::PrimeCharacteristicRing as _;
use proof::BatchHeader;
use proof::circuit::{F, Table};
use proof::crossing::Inbox;
use proof::validity::{Invalid, Statement, verify};
use prover::{Incoming, Recorded, prove, record_all};
use state::{Overlay, State};
use transition::{Action, BatchInput, Checked, Entry, Transaction, seal};
use types::{AccountId, Amount, AssetId, Bytes32, Digest, Encode as _, EthAddress, Millis};

/// How many messages were taken before: soon more than 32 bits count.
pub const TAKEN: u64 = (7 << 32) - 9;
/// How many withdrawals were made before.
const MADE: u64 = (3 << 32) - 2;

/// L1 tokens: two that are known, one of which is held nearly as much as can be, and two that are not yet, ETH among them.
pub const TOKENS: [EthAddress; 4] =
    [EthAddress([1; 20]), EthAddress([2; 20]), EthAddress([0xff; 20]), EthAddress::ZERO];

pub const PAID: EthAddress = EthAddress([0xab; 20]);

pub fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).unwrap()
}

/// The asset of which something is owed although its id reads as an address. Nobody finds terms for it.
fn low_asset() -> AssetId {
    AssetId(Digest::new([0, 0xffff_ffff, 5, 6]).unwrap())
}

fn custody(asset: AssetId) -> AccountId {
    crypto::account::owned_by(&asset)
}

pub fn holder(number: u8) -> AccountId {
    key(number).account()
}

/// A state in which some have L1 tokens and halves, and some halves are on L1.
pub fn bordered() -> State {
    let mut state = agreed();
    let mut s = Overlay::new(&state);
    let mut deposit = |token: EthAddress, to: u8, quanta: u64| {
        let deposit =
            Deposit { index: 0, account: holder(to), token: token_word(token), amount: amount(quanta), sender: PAID };
        bridge::deposit(&mut s, &deposit).unwrap();
    };
    deposit(TOKENS[0], 12, 1_000);
    deposit(TOKENS[0], 13, 70);
    deposit(TOKENS[0], 14, 5);
    deposit(TOKENS[1], 12, Amount::MAX.quanta() - 5);
    let stock = half(0, Half::Stock);
    for (to, quanta) in [(12, 4), (13, 3)] {
        account::post(&mut s, holder(to - 12), holder(to), stock, amount(quanta.min(3))).unwrap();
    }
    account::post(&mut s, holder(2), custody(stock), stock, amount(2)).unwrap();
    s.put::<Supply>(&low_asset(), &amount(9));
    s.put::<account::Balance>(&BalanceKey { account: holder(12), asset: low_asset() }, &amount(9));
    let cursor =
        CursorRecord { inbox_count: TAKEN, inbox_hash: Bytes32([0xee; 32]), withdrawals: MADE, time: Millis(3) };
    s.put::<Cursor>(&0, &cursor);
    s.keep();
    let changes = s.into_changes();
    state.apply(&changes);
    state
}

/// An entry that has not found its place yet.
#[derive(Clone)]
pub enum Asked {
    Deposit {
        word: Bytes32,
        to: u8,
        quanta: u64,
    },
    Forced {
        word: Bytes32,
        of: AccountId,
        quanta: u64,
        paid: EthAddress,
    },
    Act {
        of: AccountId,
        action: Action,
    },
    /// The same, but not in its turn: so many places off.
    Misplaced(Box<Asked>, u64),
    Withdraw {
        from: u8,
        asset: AssetId,
        quanta: u64,
        paid: EthAddress,
    },
}

/// Entries that own what they are.
pub enum Owned {
    Message(Message),
    Transaction(Box<Checked>),
}

impl Owned {
    pub fn incoming(&self) -> Incoming<'_> {
        match self {
            Self::Message(message) => Incoming::Message(message),
            Self::Transaction(checked) => Incoming::Transaction(checked),
        }
    }

    pub fn entry(&self) -> Entry {
        match self {
            Self::Message(message) => Entry::Message(message.clone()),
            Self::Transaction(checked) => Entry::Transaction(checked.bytes().into()),
        }
    }
}

/// Gives each its place.
pub fn placed(asked: &[Asked], chain: &Digest, mut index: u64, nonces: &mut [u64; 256]) -> Vec<Owned> {
    let place = |asked: &Asked| match asked {
        Asked::Misplaced(asked, off) => message(asked, index.wrapping_add(*off)),
        Asked::Withdraw { from, asset, quanta, paid } => {
            let asked = Withdraw { asset: *asset, amount: amount(*quanta), recipient: *paid };
            let nonce = &mut nonces[usize::from(*from)];
            *nonce += 1;
            let tx = Transaction::sign(key(*from), chain, *nonce - 1, Action::Withdraw(asked));
            Owned::Transaction(Box::new(Transaction::check(&tx.to_bytes(), chain).unwrap()))
        }
        asked => {
            index += 1;
            message(asked, index - 1)
        }
    };
    asked.iter().map(place).collect()
}

fn message(asked: &Asked, index: u64) -> Owned {
    Owned::Message(match asked {
        Asked::Deposit { word, to, quanta } => Message::Deposit(Deposit {
            index,
            account: holder(*to),
            token: *word,
            amount: amount(*quanta),
            sender: PAID,
        }),
        Asked::Forced { word, of, quanta, paid } => Message::Withdrawal(ForcedWithdrawal {
            index,
            account: *of,
            token: *word,
            amount: amount(*quanta),
            recipient: *paid,
        }),
        Asked::Act { of, action } => {
            let elements = action.to_forced().unwrap();
            Message::Action(ForcedAction { index, account: *of, elements })
        }
        Asked::Misplaced(..) | Asked::Withdraw { .. } => unreachable!("no message"),
    })
}

pub fn id_word(asset: AssetId) -> Bytes32 {
    Bytes32(asset.0.to_be_bytes())
}

/// A word of limbs of 64 bits, whatever they are.
fn word(limbs: [u64; 4]) -> Bytes32 {
    let mut word = Bytes32::ZERO;
    for (bytes, limb) in word.0.chunks_mut(8).zip(limbs) {
        bytes.copy_from_slice(&limb.to_be_bytes());
    }
    word
}

/// What is asked, and the code that it gives.
pub type Case = (Asked, u32);

pub fn misplaced(asked: Asked, off: u64) -> Asked {
    Asked::Misplaced(Box::new(asked), off)
}

fn forced(word: Bytes32, of: u8, quanta: u64) -> Asked {
    Asked::Forced { word, of: holder(of), quanta, paid: PAID }
}

fn deposits() -> Vec<Case> {
    let [gold, scarce, new, eth] = TOKENS.map(token_word);
    let (stock, prime) = (half(0, Half::Stock), types::GOLDILOCKS);
    let deposit = |word: Bytes32, to: u8, quanta: u64| Asked::Deposit { word, to, quanta };
    vec![
        (misplaced(deposit(gold, 15, 1), 1), 105),
        (deposit(gold, 15, 50), 0),
        (deposit(new, 15, 7), 0),
        (deposit(new, 16, 7), 0),
        (deposit(eth, 15, 8), 0),
        (deposit(gold, 15, 0), 101),
        (deposit(word([prime, 1, 2, 3]), 15, 0), 101),
        (deposit(word([prime, 1, 2, 3]), 15, 1), 103),
        (deposit(word([1, prime, prime - 1, 3]), 15, 1), 103),
        (deposit(word([prime - 1, 2, u64::MAX, 3]), 15, 1), 103),
        (deposit(word([1, 2, 3, prime]), 15, 1), 103),
        (deposit(word([prime - 1; 4]), 15, 1), 100),
        (deposit(word([0, 1 << 32, 3, 4]), 15, 1), 100),
        (misplaced(deposit(gold, 15, 1), 1 << 32), 105),
        (deposit(id_word(stock), 15, 1), 0),
        (deposit(id_word(stock), 15, 2), 100),
        (deposit(id_word(stock), 15, 1), 0),
        (deposit(id_word(asset_of(TOKENS[0])), 15, 1), 109),
        (deposit(scarce, 15, 6), 102),
        (deposit(scarce, 15, Amount::MAX.quanta()), 102),
        (deposit(scarce, 15, 5), 0),
        (deposit(scarce, 15, 1), 102),
    ]
}

fn demands() -> Vec<Case> {
    let [gold, _, new, _] = TOKENS.map(token_word);
    let (stock, foil, prime) = (half(0, Half::Stock), half(0, Half::Foil), types::GOLDILOCKS);
    let to_nobody =
        |word: Bytes32, of: u8, quanta: u64| Asked::Forced { word, of: holder(of), quanta, paid: EthAddress::ZERO };
    vec![
        (misplaced(forced(gold, 12, 1), u64::MAX), 105),
        (forced(gold, 12, 30), 0),
        (forced(gold, 14, 6), 0),
        (forced(gold, 14, 6), 100),
        (forced(gold, 14, 0), 100),
        (forced(gold, 12, 0), 100),
        (forced(gold, 13, 70), 0),
        (forced(new, 12, 5), 100),
        (forced(token_word(EthAddress([3; 20])), 12, 5), 100),
        (forced(word([prime, 1, 2, 3]), 12, 5), 103),
        (forced(word([prime, 1, 2, 3]), 12, 0), 103),
        (forced(id_word(asset_of(TOKENS[0])), 12, 5), 109),
        (forced(id_word(asset_of(TOKENS[0])), 12, 0), 109),
        (to_nobody(gold, 12, 5), 104),
        (to_nobody(gold, 12, Amount::MAX.quanta()), 104),
        (to_nobody(gold, 14, 5), 100),
        (to_nobody(id_word(stock), 12, 1), 104),
        (forced(id_word(stock), 12, 1), 0),
        (forced(id_word(stock), 12, Amount::MAX.quanta()), 0),
        (forced(id_word(stock), 12, 1), 100),
        (forced(id_word(foil), 12, 0), 100),
        (forced(id_word(foil), 1, 3), 0),
        (Asked::Forced { word: id_word(foil), of: custody(foil), quanta: 9, paid: PAID }, 0),
        (Asked::Forced { word: id_word(foil), of: custody(foil), quanta: 2, paid: PAID }, 0),
        (misplaced(forced(gold, 12, 1), 0u64.wrapping_sub(1 << 32)), 105),
    ]
}

fn signed() -> Vec<Case> {
    let (stock, nobody) = (half(0, Half::Stock), EthAddress::ZERO);
    let withdraw =
        |from: u8, asset: AssetId, quanta: u64, paid: EthAddress| Asked::Withdraw { from, asset, quanta, paid };
    vec![
        (withdraw(12, asset_of(TOKENS[0]), 30, PAID), 0),
        (withdraw(12, asset_of(TOKENS[0]), 0, nobody), 101),
        (withdraw(12, asset_of(TOKENS[0]), 1, nobody), 104),
        (withdraw(12, stock, 1, nobody), 104),
        (withdraw(12, low_asset(), 1, nobody), 104),
        (withdraw(12, asset_of(TOKENS[0]), 1_000, PAID), 100),
        (withdraw(13, stock, 2, PAID), 0),
        (withdraw(13, stock, 2, PAID), 100),
        (withdraw(13, stock, 1, PAID), 0),
        (withdraw(12, AssetId(Digest::new([9, 9, 9, 9]).unwrap()), 1, PAID), 103),
        (withdraw(12, AssetId(Digest::ZERO), 1, PAID), 103),
        (withdraw(12, low_asset(), 1, PAID), 103),
        (withdraw(15, asset_of(EthAddress::ZERO), 8, PAID), 0),
        (withdraw(12, asset_of(TOKENS[0]), 940, PAID), 0),
    ]
}

fn cases() -> Vec<Case> {
    [deposits(), demands(), signed(), super::forced::cases()].concat()
}

/// The entries of all cases, for a chain.
pub fn all_cases(chain: &Digest) -> Vec<Owned> {
    let asked: Vec<Asked> = cases().into_iter().map(|(asked, _)| asked).collect();
    placed(&asked, chain, TAKEN, &mut [0; 256])
}

pub fn recorded(entries: &[Owned], chain: &Digest) -> Recorded {
    let timed: Vec<_> = entries.iter().map(|entry| (NOW, entry.incoming())).collect();
    record_all(&mut bordered(), chain, &timed).unwrap()
}

/// Records entries and executes them, and says that both gave the same.
pub fn agree(start: impl Fn() -> State, entries: &[Owned]) -> Recorded {
    let config = config();
    let (mut state, mut theirs) = (start(), start());
    let cursor = bridge::cursor(&Overlay::new(&state));
    let timed: Vec<_> = entries.iter().map(|entry| (NOW, entry.incoming())).collect();
    let recorded = record_all(&mut state, &config.hash(), &timed).unwrap();
    let all: Vec<Entry> = entries.iter().map(Owned::entry).collect();
    let executed = transition::execute(&mut theirs, &config, None, all, NOW);
    assert_eq!(recorded.outcomes, codes_of(&executed));
    assert_eq!(recorded.statement.state_root, theirs.root());
    assert_eq!(state.root(), theirs.root());

    // What L1 is told is what the statement says.
    let parent = BatchHeader {
        config_hash: config.hash(),
        number: 1,
        parent_root: Digest::ZERO,
        state_root: recorded.statement.parent_root,
        inbox_count: cursor.inbox_count,
        inbox_hash: cursor.inbox_hash,
        withdrawals_root: Bytes32::ZERO,
        data_root: Bytes32::ZERO,
        diff_hash: Bytes32::ZERO,
    };
    let input = BatchInput {
        config_hash: config.hash(),
        parent: Some(&parent),
        genesis_root: Digest::ZERO,
        blocks: std::slice::from_ref(&executed.block),
        receipts: &executed.receipts,
        diff: None,
    };
    let batch = seal(&input);
    let Statement { inbox_before, inbox_after, withdrawals_root, .. } = &recorded.statement;
    assert_eq!(*inbox_before, Inbox { count: cursor.inbox_count, hash: cursor.inbox_hash });
    assert_eq!(*inbox_after, Inbox { count: batch.header.inbox_count, hash: batch.header.inbox_hash });
    assert_eq!(*withdrawals_root, batch.header.withdrawals_root);
    assert_eq!(recorded.withdrawals, batch.withdrawals);
    assert_eq!(inbox_before.after(&recorded.messages).as_ref(), Some(inbox_after));
    recorded
}

#[test]
fn every_case_has_its_code_and_satisfies_the_tables() {
    let recorded = agree(bordered, &all_cases(&config().hash()));
    let codes: Vec<u32> = recorded.outcomes.iter().map(|outcome| outcome.code).collect();
    assert_eq!(codes, cases().into_iter().map(|(_, code)| code).collect::<Vec<_>>());
    assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None);
    assert!(recorded.statement.inbox_after.count > 7 << 32, "the count's low half began anew");
    assert!(recorded.withdrawals.last().is_some_and(|last| last.index > 3 << 32));
}

#[test]
fn the_first_messages_make_the_cursor() {
    let [gold, ..] = TOKENS.map(token_word);
    let deposit = Asked::Deposit { word: gold, to: 1, quanta: 3 };
    let early = Asked::Misplaced(Box::new(deposit.clone()), 1);
    for asked in [vec![], vec![early.clone()], vec![early, deposit.clone(), deposit]] {
        let recorded = agree(State::default, &placed(&asked, &config().hash(), 0, &mut [0; 256]));
        assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None, "{} entries", asked.len());
    }
}

#[test]
fn as_many_crossings_as_there_are_rows_are_proven_as_fewer_are() {
    let [gold, ..] = TOKENS.map(token_word);
    for count in [62, 63, 64] {
        let asked = vec![Asked::Deposit { word: gold, to: 1, quanta: 3 }; count];
        let recorded = agree(bordered, &placed(&asked, &config().hash(), TAKEN, &mut [0; 256]));
        assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None, "{count} deposits");
    }
}

/// Whoever has other lists than the circuit has other values of them.
#[test]
fn other_lists_do_not_fit_the_rows() {
    let recorded = recorded(&all_cases(&config().hash()), &config().hash());
    let Recorded { statement, messages, withdrawals, mut traces, .. } = recorded;
    let chains = traces.chains;
    assert_eq!(chains, proof::crossing::Chains::of(&messages, &withdrawals));
    let mut swapped = messages.clone();
    swapped.swap(3, 4);
    let mut paid = withdrawals.clone();
    paid[0].recipient = EthAddress([1; 20]);
    let mut more = withdrawals.clone();
    more[1].amount = amount(1 + more[1].amount.quanta());
    let mut zero = withdrawals.clone();
    zero.insert(0, Withdrawal { index: 0, recipient: EthAddress::ZERO, token: Bytes32::ZERO, amount: Amount::ZERO });
    let lists = [
        (&swapped, &withdrawals),
        (&messages[..messages.len() - 1].to_vec(), &withdrawals),
        (&messages[1..].to_vec(), &withdrawals),
        (&messages, &withdrawals[1..].to_vec()),
        (&messages, &paid),
        (&messages, &more),
        (&messages, &zero),
    ];
    for (messages, withdrawals) in lists {
        traces.crossed = statement.crossed(&chains, messages, withdrawals);
        let found = fault(&Rows::of(&statement, &traces));
        assert!(found.is_some_and(|fault| fault.starts_with("Bridge")));
    }
}

#[test]
fn a_proof_of_crossings_holds_for_its_own_lists_and_ends_only() {
    let recorded = recorded(&all_cases(&config().hash()), &config().hash());
    let Recorded { statement, messages, withdrawals, traces, .. } = &recorded;
    let proof = prove(statement, traces).unwrap();
    assert_eq!(verify(statement, messages, withdrawals, &proof), Ok(()));

    // Lists that are not the statement's.
    let (mut cut, mut swapped, mut changed) = (messages.clone(), messages.clone(), messages.clone());
    cut.pop();
    swapped.swap(1, 2);
    if let Message::Deposit(deposit) = &mut changed[0] {
        deposit.amount = amount(51);
    }
    for list in [&cut, &swapped, &changed] {
        assert_eq!(verify(statement, list, withdrawals, &proof), Err(Invalid::Messages));
    }
    let (mut paid, mut dearer) = (withdrawals.clone(), withdrawals.clone());
    paid.swap(0, 1);
    dearer[0].amount = amount(1_000_000);
    for list in [&withdrawals[1..], &paid, &dearer] {
        assert_eq!(verify(statement, messages, list, &proof), Err(Invalid::Withdrawals));
    }

    // Statements of those lists, which their own hashes hold together: the proof is of others.
    let root = |list: &[Withdrawal]| crypto::list::root(&list.iter().map(Withdrawal::leaf).collect::<Vec<_>>());
    for list in [&withdrawals[1..], &paid, &dearer] {
        let other = Statement { withdrawals_root: root(list), ..statement.clone() };
        assert!(matches!(verify(&other, messages, list, &proof), Err(Invalid::Statement(_))));
    }
    for list in [&cut, &changed] {
        let inbox_after = statement.inbox_before.after(list).unwrap();
        let other = Statement { inbox_after, ..statement.clone() };
        assert!(matches!(verify(&other, list, withdrawals, &proof), Err(Invalid::Statement(_))));
    }
    let inbox_before = Inbox { hash: Bytes32([0xed; 32]), ..statement.inbox_before };
    let inbox_after = inbox_before.after(messages).unwrap();
    let other = Statement { inbox_before, inbox_after, ..statement.clone() };
    assert!(matches!(verify(&other, messages, withdrawals, &proof), Err(Invalid::Statement(_))));

    // Fields changed alone.
    let digest = |digest: &Digest| {
        let [first, rest @ ..] = digest.limbs();
        let [second, third, fourth] = rest;
        Digest::new([first ^ 1, second, third, fourth]).unwrap()
    };
    let Statement { chain, parent_root, state_root, entries, inbox_before, inbox_after, .. } = statement;
    let counted = |inbox: &Inbox| Inbox { count: inbox.count + 1, ..*inbox };
    let hashed = |inbox: &Inbox| Inbox { hash: Bytes32([1; 32]), ..*inbox };
    for other in [
        Statement { chain: digest(chain), ..statement.clone() },
        Statement { parent_root: digest(parent_root), ..statement.clone() },
        Statement { state_root: digest(state_root), ..statement.clone() },
        Statement { entries: digest(entries), ..statement.clone() },
        Statement { inbox_before: counted(inbox_before), ..statement.clone() },
        Statement { inbox_before: hashed(inbox_before), ..statement.clone() },
        Statement { inbox_after: counted(inbox_after), ..statement.clone() },
        Statement { inbox_after: hashed(inbox_after), ..statement.clone() },
        Statement { withdrawals_root: Bytes32([1; 32]), ..statement.clone() },
    ] {
        assert!(verify(&other, messages, withdrawals, &proof).is_err(), "{other:?}");
    }
    // The chains, which the proof brings along.
    for at in (1..65).step_by(9) {
        let mut tampered = proof.clone();
        tampered[at] ^= 1;
        assert!(verify(statement, messages, withdrawals, &tampered).is_err(), "byte {at}");
    }
}

/// A batch that takes no message leaves the inbox where it was: another hash for it would have no other list, but the
/// cursor's leaf knows.
#[test]
fn an_inbox_that_stands_elsewhere_is_noticed_without_messages_too() {
    let recorded = recorded(&[], &config().hash());
    let mut traces = recorded.traces;
    for (count, hash) in [(TAKEN + 1, Bytes32([0xee; 32])), (TAKEN, Bytes32([0xed; 32]))] {
        let inbox = Inbox { count, hash };
        let statement = Statement { inbox_before: inbox, inbox_after: inbox, ..recorded.statement.clone() };
        traces.crossed = statement.crossed(&traces.chains, &[], &[]);
        assert!(fault(&Rows::of(&statement, &traces)).is_some());
    }
}

/// The state says when its last entry was: who says another time, before the batch or after it, has rows that do not hold,
/// whether there are entries or none.
#[test]
fn no_time_is_said_but_the_one_that_the_state_has() {
    let all = all_cases(&config().hash());
    for entries in [&[][..], &all[..2]] {
        let recorded = recorded(entries, &config().hash());
        let Statement { time_before, time_after, .. } = recorded.statement;
        assert_eq!((time_before, time_after), (Millis(3), if entries.is_empty() { Millis(3) } else { NOW }));
        let mut traces = recorded.traces;
        let (messages, withdrawals) = (&recorded.messages, &recorded.withdrawals);
        let mut is_sound = |time_before, time_after| {
            let statement = Statement { time_before, time_after, ..recorded.statement.clone() };
            let crossed = statement.crossed(&traces.chains, messages, withdrawals);
            // The lists stay as they were evaluated: only what is said of time differs.
            let mut said = traces.crossed;
            (said.time_before, said.time_after) = (crossed.time_before, crossed.time_after);
            let honest = std::mem::replace(&mut traces.crossed, said);
            let fault = fault(&Rows::of(&statement, &traces));
            traces.crossed = honest;
            fault.is_none()
        };
        assert!(is_sound(time_before, time_after));
        for other in [Millis(0), Millis(time_after.0 - 1), Millis(time_after.0 + 1), Millis(time_after.0 + (1 << 32))] {
            assert!(!is_sound(time_before, other), "after it: {other}");
        }
        for other in [Millis(0), Millis(2), Millis(4), Millis(3 + (1 << 32))] {
            assert!(!is_sound(other, time_after), "before it: {other}");
        }
        assert!(!is_sound(Millis(4), Millis(4)));
    }
}

#[test]
fn a_batch_does_not_begin_before_the_last_entry_of_its_state() {
    let all = all_cases(&config().hash());
    for (time, is_proven) in [(2, false), (3, true)] {
        let entries: Vec<_> = all[..1].iter().map(|entry| (Millis(time), entry.incoming())).collect();
        let recorded = record_all(&mut bordered(), &config().hash(), &entries);
        assert_eq!(recorded.is_ok(), is_proven, "at {time}");
    }
}

/// In a row of each outcome, the cells that nobody holds are those that it does not need.
#[test]
fn every_cell_that_an_applied_crossing_needs_is_held() {
    let recorded = recorded(&all_cases(&config().hash()), &config().hash());
    let mut tables = Rows::of(&recorded.statement, &recorded.traces);
    let rows = tables.iter_mut().find(|rows| rows.table() == Table::Bridge).unwrap();
    let at = |name: &str| Table::Bridge.columns().iter().find(|(own, _)| *own == name).unwrap().1;
    let width = rows.cells.width;
    let mut seen = 0;
    for number in 0..=cases().len() {
        let row = rows.cells.values[number * width..(number + 1) * width].to_vec();
        let is = |name: &str| row[at(name)] == F::ONE;
        // What the row does not need, and shows nothing by.
        let mut free = vec!["cursor", "cursor_sponge", "action_sponge", "length"];
        let addressed = is("addressed");
        if !is("withdraws") {
            free.push("action");
        }
        if is("withdraws") {
            free.extend(["index", "index_low"]);
        }
        if !(is("token") || is("half")) {
            continue;
        }
        // Behind the last crossing no other stands.
        if number == cases().len() {
            free.push("gap");
        }
        if !is("leaves") {
            free.extend(["withdrawals_low", "withdrawal", "withdrawal_sponge", "party_inverse"]);
        }
        if addressed {
            free.extend(["canonical", "custody", "custody_sponge", "high_inverse"]);
        } else {
            free.extend(["asset_sponge"]);
        }
        seen += 1;
        for column in 0..width {
            let name = Table::Bridge.columns().iter().rev().find(|(_, first)| *first <= column).unwrap().0;
            let noticed = super::tamper::is_noticed(rows, number, column);
            assert!(noticed || free.contains(&name), "row {number}: {name}");
        }
    }
    assert!(seen > 10);
}

/// Something that crosses, or would: of any kind, from and to a few who have something, in all sizes.
fn anything(numbers: &mut Numbers) -> Asked {
    let tally = numbers.below(3);
    let mut asset = half(tally, if numbers.below(2) == 0 { Half::Stock } else { Half::Foil });
    let token = TOKENS[usize::try_from(numbers.below(4)).unwrap()];
    let mut named = id_word(asset);
    if numbers.below(3) > 0 {
        (asset, named) = (asset_of(token), token_word(token));
    }
    match numbers.below(24) {
        0 => named = id_word(asset),
        1 => named = word([1, types::GOLDILOCKS + numbers.below(3), 3, numbers.below(5)]),
        2 => (asset, named) = (low_asset(), token_word(EthAddress([9; 20]))),
        3 => asset = AssetId(Digest::new([5, 5, 5, numbers.below(9)]).unwrap()),
        _ => {}
    }
    let quanta = match numbers.below(10) {
        0 => 0,
        1 => Amount::MAX.quanta(),
        2 => 300,
        _ => 1 + numbers.below(5),
    };
    let number = u8::try_from(12 + numbers.below(5)).unwrap();
    let paid = if numbers.below(12) == 0 { EthAddress::ZERO } else { PAID };
    match numbers.below(8) {
        7 => {
            let act = Asked::Act { of: holder(number % 16), action: super::forced::anything(numbers, asset, quanta) };
            if numbers.below(9) == 0 { misplaced(act, 1 + numbers.below(3)) } else { act }
        }
        0 | 1 => Asked::Deposit { word: named, to: number, quanta },
        2 => Asked::Forced { word: named, of: holder(number % 4), quanta, paid },
        3 => {
            Asked::Forced { word: named, of: if quanta == 300 { custody(asset) } else { holder(number) }, quanta, paid }
        }
        4 => {
            let off = [1, u64::MAX, 1 << 32, numbers.below(u64::MAX) | 1][usize::try_from(numbers.below(4)).unwrap()];
            let deposit = Asked::Deposit { word: named, to: number, quanta };
            let forced = Asked::Forced { word: named, of: holder(number), quanta, paid };
            Asked::Misplaced(Box::new(if numbers.below(2) == 0 { deposit } else { forced }), off)
        }
        _ => Asked::Withdraw { from: number, asset, quanta, paid },
    }
}

#[test]
fn random_crossings_are_executed_as_the_transition_does_and_can_be_proven() {
    let chain = config().hash();
    tried(24, |seed| {
        let mut numbers = Numbers(seed);
        let asked: Vec<Asked> = (0..numbers.below(40)).map(|_| anything(&mut numbers)).collect();
        let crossings = placed(&asked, &chain, TAKEN, &mut [0; 256]);
        // Transfers and tallies of others come between.
        let transactions = batch(&mut numbers, &mut [0; 12], &chain);
        let mut others = transactions.into_iter().map(|checked| Owned::Transaction(Box::new(checked)));
        let mut entries = Vec::new();
        for crossing in crossings {
            entries.extend(others.by_ref().take(usize::try_from(numbers.below(3)).unwrap()));
            entries.push(crossing);
        }
        entries.extend(others);
        let recorded = agree(bordered, &entries);
        assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None, "seed {seed}");
    });
}
