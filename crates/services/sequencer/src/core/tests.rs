use super::*;
use ledger::Deposit;
use ledger::account::Transfer;
use ledger::bridge::{asset_of, token_word};
use proof::committee::Committee;
use task::Parameters;
use transition::{Action, L1Rules, Transaction};
use types::{Amount, Encode as _, EthAddress, Ppm};

pub(crate) fn config() -> ChainConfig {
    let nobody = AccountId(Digest::ZERO);
    let parameters = Parameters {
        coordinator: nobody,
        treasury: nobody,
        resolvers: Vec::new(),
        threshold: 2,
        provider_share: Ppm(0),
        author_share: Ppm(0),
        slash: Ppm(0),
        stake_min: Amount::ZERO,
        verdict_window: Millis(0),
    };
    let committee = Committee { members: Vec::new(), threshold: 2, mandatory: Vec::new() };
    let (sequencer, rules) = (key(0).public(), L1Rules { data_on_l1: true, ..L1Rules::default() });
    ChainConfig { salt: Bytes32::ZERO, l1_chain_id: 1, committee, parameters, sequencer, rules }
}

fn policy() -> Policy {
    Policy { batch_age: Millis(100), ..Policy::default() }
}

fn start(policy: Policy, restored: Restored) -> Sequencer {
    Sequencer::restore(config(), policy, Arc::new(key(0)), restored)
}

pub(crate) fn key(n: u8) -> SecretKey {
    SecretKey::from_seed([n; 32])
}

fn transfer(from: u8, nonce: u64, quanta: u64) -> Box<Checked> {
    let amount = Amount::new(quanta).unwrap();
    let transfer = Transfer { to: AccountId(Digest::ZERO), asset: asset_of(EthAddress::ZERO), amount };
    let bytes = Transaction::sign(&key(from), &config().hash(), nonce, Action::Transfer(transfer)).to_bytes();
    Box::new(Transaction::check(&bytes, &config().hash()).unwrap())
}

fn submit(ticket: u64, nonce: u64) -> Input {
    Input::Submit { ticket, transaction: transfer(1, nonce, 0) }
}

pub(crate) fn deposit(index: u64) -> Message {
    let (amount, account) = (Amount::new(5).unwrap(), key(1).account());
    let token = token_word(EthAddress::ZERO);
    Message::Deposit(Deposit { index, account, token, amount, sender: EthAddress::ZERO })
}

fn show(effects: &[Effect]) -> String {
    let words = effects.iter().map(|effect| match effect {
        Effect::Commit(executed) => {
            format!("commit {}x{}", executed.block.header.height, executed.block.entries.len())
        }
        Effect::Confirm { ticket, confirmed } => {
            format!("confirm {ticket} at {}.{}", confirmed.height, confirmed.position)
        }
        Effect::Refuse { ticket, code, .. } => format!("refuse {ticket} {code}"),
        Effect::Busy { ticket } => format!("busy {ticket}"),
        Effect::Ask { code, .. } => format!("ask {code}"),
        Effect::Halted { .. } => "halted".to_owned(),
        Effect::Seal { batch, .. } => format!("seal {} of {}-{}", batch.header.number, batch.first, batch.last),
    });
    words.collect::<Vec<_>>().join("; ")
}

fn genesis() -> State {
    let mut state = State::default();
    state.apply(&transition::genesis(&config()));
    state
}

fn genesis_before() -> Before {
    transition::genesis(&config()).into_iter().map(|change| (change.key, None)).collect()
}

#[test]
fn a_confirmation_binds_the_sequencer() {
    let mut sequencer = start(policy(), Restored::default());
    sequencer.step(Millis(0), Input::Messages(vec![deposit(0)]));
    sequencer.step(Millis(0), submit(1, 0));
    sequencer.step(Millis(0), submit(2, 1));
    let effects = sequencer.step(Millis(1), Input::Tick);
    let Some(Effect::Confirm { confirmed, .. }) = effects.get(2) else { panic!("a confirmation") };
    let soft = proof::confirmation::SoftConfirmation {
        receipt: confirmed.receipt.to_bytes().into(),
        position: confirmed.position.into(),
        path: confirmed.path.clone(),
        block: (*confirmed.block).clone(),
    };
    let entry = |nonce| transition::Entry::Transaction(transfer(1, nonce, 0).bytes().into()).to_bytes();
    assert!(soft.confirms(&entry(1), &config().sequencer, &config().hash()));
    assert!(!soft.confirms(&entry(0), &config().sequencer, &config().hash()));
}

#[test]
fn a_block_holds_no_more_than_it_may() {
    let mut sequencer = start(Policy { block_entries: 4, ..policy() }, Restored::default());
    sequencer.step(Millis(0), Input::Messages((0..5).map(deposit).collect()));
    for nonce in 0..4 {
        sequencer.step(Millis(0), submit(nonce, nonce));
    }
    let sizes = (1..5).map(|at| {
        let effects = sequencer.step(Millis(at), Input::Tick);
        effects.iter().find_map(|effect| match effect {
            Effect::Commit(executed) => Some(executed.block.entries.len()),
            _ => None,
        })
    });
    assert_eq!(sizes.collect::<Vec<_>>(), [Some(4), Some(4), Some(1), None]);
}

#[test]
fn a_batch_is_sealed_by_count_and_by_size() {
    for policy in [Policy { batch_entries: 2, ..policy() }, Policy { batch_bytes: 200, ..policy() }] {
        let mut sequencer = start(policy, Restored::default());
        sequencer.step(Millis(0), Input::Messages(vec![deposit(0), deposit(1)]));
        assert_eq!(show(&sequencer.step(Millis(1), Input::Tick)), "commit 1x2; seal 1 of 1-1");
    }
}

fn questioning(on_timeout: OnTimeout) -> Policy {
    Policy { questioning: Some(Questioning { timeout: Millis(50), on_timeout }), ..policy() }
}

/// Sends what cannot be paid, what follows it, and what somebody else sends.
fn asked(on_timeout: OnTimeout) -> Sequencer {
    let mut sequencer = start(questioning(on_timeout), Restored::default());
    for (ticket, transaction) in [(1, transfer(1, 0, 99)), (2, transfer(1, 1, 99)), (3, transfer(2, 0, 0))] {
        assert_eq!(show(&sequencer.step(Millis(0), Input::Submit { ticket, transaction })), "");
    }
    // A transfer of nothing is rejected too: both signers are asked about.
    let effects = show(&sequencer.step(Millis(1), Input::Tick));
    assert_eq!(effects, "ask 100; ask 101");
    sequencer.step(Millis(2), submit(4, 2));
    sequencer
}

#[test]
fn the_operator_names_what_stands_in_a_transactions_place() {
    let mut sequencer = asked(OnTimeout::Drop);
    sequencer.step(Millis(2), Input::Messages(vec![deposit(0)]));
    let answer = || Input::Alternative { id: transfer(1, 0, 99).id(), transactions: vec![*transfer(1, 0, 5)] };
    assert_eq!(show(&sequencer.step(Millis(3), answer())), "refuse 1 100");
    assert_eq!(show(&sequencer.step(Millis(3), answer())), "", "a second answer changes nothing");
    // The replacement comes first, then what waited behind: the first of those cannot be paid either.
    assert_eq!(show(&sequencer.step(Millis(4), Input::Tick)), "commit 1x2; ask 100");
    assert_eq!(sequencer.state().get::<Account>(&key(1).account()).unwrap().nonce, 1);
}

#[test]
fn without_an_answer_the_policy_decides() {
    let mut dropped = asked(OnTimeout::Drop);
    assert_eq!(show(&dropped.step(Millis(50), Input::Tick)), "");
    // What waited behind is taken as if the first had never come, and so its nonce is too high.
    assert_eq!(show(&dropped.step(Millis(51), Input::Tick)), "refuse 1 100; refuse 3 101; refuse 2 303; refuse 4 303");
    let mut quarantined = asked(OnTimeout::Quarantine);
    assert_eq!(
        show(&quarantined.step(Millis(51), Input::Tick)),
        "refuse 1 100; refuse 2 100; refuse 4 100; refuse 3 101"
    );
    assert_eq!(quarantined.queued(), 0);
    let mut halted = asked(OnTimeout::Halt);
    assert_eq!(show(&halted.step(Millis(51), Input::Tick)), "halted; halted");
    halted.step(Millis(51), Input::Messages(vec![deposit(0)]));
    assert_eq!(show(&halted.step(Millis(52), Input::Tick)), "", "nothing moves");
    assert_eq!(show(&halted.step(Millis(1_001), Input::Tick)), "ask 100; ask 101", "and it asks again");
    for (from, quanta, nonce) in [(1, 99, 0), (2, 0, 0)] {
        let id = transfer(from, nonce, quanta).id();
        halted.step(Millis(1_002), Input::Alternative { id, transactions: Vec::new() });
    }
    assert_eq!(show(&halted.step(Millis(1_003), Input::Tick)), "commit 1x1; refuse 2 303; refuse 4 303");
}

#[test]
fn a_copy_of_what_is_in_question_is_answered_with_it() {
    for on_timeout in [OnTimeout::Drop, OnTimeout::Quarantine] {
        let mut sequencer = start(questioning(on_timeout), Restored::default());
        let submit = |ticket| Input::Submit { ticket, transaction: transfer(1, 0, 99) };
        sequencer.step(Millis(0), submit(1));
        sequencer.step(Millis(0), submit(2));
        // Refused as used up, its sender would sign the same wish with another nonce, and have it twice.
        assert_eq!(show(&sequencer.step(Millis(1), Input::Tick)), "ask 100");
        sequencer.step(Millis(2), submit(3));
        assert_eq!(show(&sequencer.step(Millis(51), Input::Tick)), "refuse 1 100; refuse 2 100; refuse 3 100");
        assert_eq!(sequencer.queued(), 0, "and nobody is asked about a copy");
    }
}

#[test]
fn transactions_of_lost_blocks_come_first_again() {
    let mut sequencer = start(policy(), Restored::default());
    sequencer.step(Millis(0), submit(1, 2));
    sequencer.requeue(vec![*transfer(1, 0, 0), *transfer(1, 1, 0)]);
    assert_eq!(show(&sequencer.step(Millis(1), Input::Tick)), "commit 1x3; confirm 1 at 1.2");
}

#[test]
fn a_block_is_stored_before_anybody_is_told() {
    let mut sequencer = start(policy(), Restored::default());
    assert_eq!(show(&sequencer.step(Millis(0), Input::Tick)), "", "nothing waits, nothing is made");
    for (ticket, nonce) in [(1, 0), (2, 1), (3, 1), (4, 9)] {
        sequencer.step(Millis(1), submit(ticket, nonce));
    }
    sequencer.step(Millis(1), Input::Messages(vec![deposit(0), deposit(0), deposit(1), deposit(3)]));
    let effects = sequencer.step(Millis(2), Input::Tick);
    assert_eq!(show(&effects), "commit 1x4; confirm 1 at 1.2; confirm 2 at 1.3; refuse 3 302; refuse 4 303");
    assert_eq!(sequencer.inbox_next(), 2);
}

#[test]
fn the_same_bytes_sent_twice_are_answered_after_they_are_stored() {
    let mut sequencer = start(policy(), Restored::default());
    sequencer.step(Millis(1), submit(1, 0));
    sequencer.step(Millis(1), submit(2, 0));
    let effects = sequencer.step(Millis(2), Input::Tick);
    assert_eq!(show(&effects), "commit 1x1; confirm 1 at 1.0; refuse 2 302");
}

#[test]
fn a_batch_is_sealed_when_it_is_old_enough_and_a_restart_goes_on_with_it() {
    let mut sequencer = start(policy(), Restored::default());
    sequencer.step(Millis(0), Input::Messages(vec![deposit(0)]));
    let Effect::Commit(executed) = sequencer.step(Millis(10), Input::Tick).remove(0) else { panic!("a block") };
    assert_eq!(show(&sequencer.step(Millis(109), Input::Tick)), "");

    let mut state = State::default();
    state.apply(&transition::genesis(&config()));
    state.apply(&executed.changes);
    let header = executed.block.header.clone();
    let restored = Restored {
        state,
        head: Some(header),
        batch: None,
        blocks: vec![executed.block.clone()],
        receipts: executed.receipts.clone(),
        before: executed.undo.iter().map(|old| (old.key.clone(), old.record.clone())).collect(),
    };
    let mut restarted = start(policy(), restored);
    let (old, new) = (sequencer.step(Millis(110), Input::Tick), restarted.step(Millis(110), Input::Tick));
    assert_eq!(show(&old), "seal 1 of 1-1");
    let sealed = |effects: &[Effect]| match effects {
        [Effect::Seal { batch, diff }] => (batch.clone(), diff.clone()),
        _ => panic!("a batch"),
    };
    assert_eq!(sealed(&old), sealed(&new));
    let mut rebuilt = diff::Rebuilt::default();
    rebuilt.apply(&diff::encode(&genesis_before(), &genesis(), &[])).unwrap();
    rebuilt.apply(&sealed(&old).1.unwrap()).unwrap();
    assert_eq!(rebuilt.state().root(), sealed(&old).0.header.state_root, "the published difference is enough");
    assert_eq!(show(&restarted.step(Millis(999), Input::Tick)), "", "a block is sealed once");
}

#[test]
#[should_panic(expected = "the stored leaves give the root of the stored head")]
fn a_damaged_store_stops_the_sequencer() {
    let mut sequencer = start(policy(), Restored::default());
    sequencer.step(Millis(0), Input::Messages(vec![deposit(0)]));
    let Effect::Commit(executed) = sequencer.step(Millis(10), Input::Tick).remove(0) else { panic!("a block") };
    start(policy(), Restored { head: Some(executed.block.header), ..Restored::default() });
}
