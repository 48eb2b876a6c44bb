//! Batches about tasks: programs, offers and submissions, each with every code that it may have.

use super::random::{codes_of, config};
use super::rows::{Rows, fault};
use super::transfers::{asset, key};
use ledger::account::{Balance, BalanceKey, Transfer};
use ledger::tally::Half;
use prover::{Block, Recorded, record};
use state::{Overlay, State};
use task::{MakeOffer, Offer, OfferRecord, Params, Program, ProgramRecord, Publish, Retire, Submit};
use transition::{Action, ChainConfig, Checked, Entry, Transaction};
use types::{AccountId, Amount, ContentId, Digest, Encode as _, Fuel, Millis, OfferId, Rate, TallyId};

/// When the batch's block is.
const NOW: Millis = Millis(7 << 32);

fn chain() -> ChainConfig {
    let mut config = config();
    config.parameters.stake_min = Amount::new(10).unwrap();
    config.parameters.verdict_window = Millis(0xffff_0000);
    config.parameters.resolvers = (0..3).map(|number| key(number).public()).collect();
    config
}

fn content(number: u8) -> ContentId {
    ContentId([number; 32])
}

/// A state with the chain's parameters, in which six accounts have a hundred each, one program is published, and the fifth
/// account's offer has an open task.
fn begun() -> State {
    let mut state = State::default();
    let mut overlay = Overlay::new(&state);
    overlay.put::<Params>(&0, &chain().parameters);
    overlay.put::<Program>(&content(1), &ProgramRecord { author: key(5).account() });
    for number in 0..6 {
        let holder = BalanceKey { account: key(number).account(), asset: asset() };
        overlay.put::<Balance>(&holder, &Amount::new(100).unwrap());
    }
    let busy = OfferRecord {
        id: OfferId(Digest::new([9, 9, 9, 9]).unwrap()),
        offer: offer(20),
        tally: TallyId(Digest::new([8, 8, 8, 8]).unwrap()),
        open_tasks: 2,
    };
    overlay.put::<Offer>(&key(4).account(), &busy);
    overlay.keep();
    let changes = overlay.into_changes();
    state.apply(&changes);
    state
}

fn offer(stake: u64) -> MakeOffer {
    let stake = Amount::new(stake).unwrap();
    MakeOffer { asset: asset(), stake, rate: Rate(1 << 40), fuel_per_second: 3 << 33, memory_bytes: 4 << 20 }
}

fn task() -> Submit {
    Submit {
        program: content(1),
        input: content(2),
        fuel_limit: Fuel(3_000_000),
        memory_bytes: 1 << 20,
        asset: asset(),
        rate: Rate(7),
        redundancy: 2,
        deadline: Millis(NOW.0 + 1),
    }
}

/// Who asks for what, and the code that it has.
fn cases() -> Vec<(u8, Action, u32)> {
    let publish = |number: u8| Action::Publish(Publish { program: content(number) });
    let offer = |stake: u64| Action::MakeOffer(offer(stake));
    let retire = || Action::Retire(Retire {});
    let submit = |change: &dyn Fn(&mut Submit)| {
        let mut task = task();
        change(&mut task);
        Action::Submit(task)
    };
    vec![
        (0, publish(7), 0),
        (1, publish(7), 202),
        (1, publish(1), 202),
        (0, offer(9), 212),
        (0, offer(101), 100),
        (0, offer(10), 0),
        (0, offer(10), 210),
        (1, offer(99), 0),
        (1, retire(), 0),
        (1, retire(), 211),
        (4, retire(), 213),
        (1, offer(100), 0),
        (2, submit(&|task| task.deadline = NOW), 205),
        (2, submit(&|task| task.redundancy = 0), 207),
        (2, submit(&|task| task.redundancy = 4), 207),
        (2, submit(&|task| task.fuel_limit = Fuel(0)), 206),
        (2, submit(&|task| task.fuel_limit = Fuel(types::limits::TASK_FUEL + 1)), 206),
        (2, submit(&|task| task.memory_bytes = 0), 206),
        (2, submit(&|task| task.memory_bytes = types::limits::TASK_MEMORY_BYTES + 1), 206),
        (2, submit(&|task| task.program = content(6)), 201),
        (2, submit(&|task| task.rate = Rate(0)), 101),
        (2, submit(&|task| task.rate = Rate(17)), 100),
        (2, submit(&|task| (task.fuel_limit, task.rate) = (Fuel(1_000_000), Rate(1 << 61))), 102),
        (2, submit(&|_| ()), 0),
        (2, submit(&|task| task.fuel_limit = Fuel(1)), 0),
        (2, submit(&|task| (task.redundancy, task.deadline) = (3, Millis(u64::MAX))), 100),
        (3, submit(&|task| (task.redundancy, task.deadline) = (3, Millis(u64::MAX))), 0),
        (3, submit(&|task| (task.program, task.redundancy) = (content(7), 1)), 0),
    ]
}

fn signed(chain: &Digest) -> Vec<Checked> {
    let mut nonces = [0; 6];
    let sign = |(from, action, _): (u8, Action, u32)| {
        let nonce = &mut nonces[usize::from(from)];
        *nonce += 1;
        let tx = Transaction::sign(&key(from), chain, *nonce - 1, action);
        Transaction::check(&tx.to_bytes(), chain).unwrap()
    };
    let mut transactions: Vec<Checked> = cases().into_iter().map(sign).collect();
    // Who sold the FOIL of an offer cannot retire it.
    let made = transactions[5].id().0;
    let mut after = begun();
    record(&mut after, chain, &[Block { time: NOW, transactions: &transactions }]).unwrap();
    let held = after.get::<Offer>(&key(0).account()).unwrap();
    assert_eq!(held.id, OfferId(made));
    let sell =
        Transfer { to: AccountId(Digest::ZERO), asset: Half::Foil.asset(held.tally), amount: Amount::new(1).unwrap() };
    for action in [Action::Transfer(sell), Action::Retire(Retire {})] {
        let tx = Transaction::sign(&key(0), chain, nonces[0], action);
        nonces[0] += 1;
        transactions.push(Transaction::check(&tx.to_bytes(), chain).unwrap());
    }
    transactions
}

pub fn recorded() -> Recorded {
    let chain = chain().hash();
    record(&mut begun(), &chain, &[Block { time: NOW, transactions: &signed(&chain) }]).unwrap()
}

#[test]
fn every_case_has_its_code_as_the_transition_does_and_satisfies_the_tables() {
    let config = chain();
    let (mut ours, mut theirs) = (begun(), begun());
    let transactions = signed(&config.hash());
    let recorded = record(&mut ours, &config.hash(), &[Block { time: NOW, transactions: &transactions }]).unwrap();
    let codes: Vec<u32> = recorded.outcomes.iter().map(|outcome| outcome.code).collect();
    let expected: Vec<u32> = cases().into_iter().map(|(_, _, code)| code).chain([0, 100]).collect();
    assert_eq!(codes, expected);
    let entries: Vec<Entry> = transactions.iter().map(|tx| Entry::Transaction(tx.bytes().into())).collect();
    let executed = transition::execute(&mut theirs, &config, None, entries, NOW);
    assert_eq!(recorded.outcomes, codes_of(&executed));
    assert_eq!(ours.root(), theirs.root());
    assert_eq!(recorded.statement.state_root, theirs.root());
    assert_eq!(fault(&Rows::of(&recorded.statement, &recorded.traces)), None);
}
