mod forced;
mod proven;

use super::*;
use crypto::account::SecretKey;
use ledger::account::{Balance, BalanceKey, Transfer};
use ledger::authority::{Authorise, Rekey, Revoke};
use ledger::tally::{Merge, Reclaim, Redeem, Resolve, Split};
use ledger::{Deposit, Message, Resolver, Withdraw};
use proof::BlockHeader;
use proof::agreement::Outcome;
use proof::committee::Committee;
use proptest::prelude::*;
use state::{Overlay, State};
use task::{
    Assign, Commit, Considered, Decide, Deliver, MakeOffer, Parameters, Publish, Reason, Refund, ResolverSignature,
    Retire, Submit, Verdict, commitment,
};
use types::{AccountId, Amount, Bytes32, ContentId, Decode, Encode, EthAddress, Fuel, Millis, Ppm, Rate, TaskId};

const REQUESTER: u8 = 1;
const AUTHOR: u8 = 2;
const COORDINATOR: u8 = 3;
const TREASURY: u8 = 4;
const PROVIDERS: [u8; 3] = [10, 11, 12];
const RESOLVERS: [u8; 3] = [20, 21, 22];

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed([n; 32])
}

fn account(n: u8) -> AccountId {
    key(n).account()
}

fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).unwrap()
}

fn config() -> ChainConfig {
    let parameters = Parameters {
        coordinator: account(COORDINATOR),
        treasury: account(TREASURY),
        resolvers: RESOLVERS.iter().map(|n| key(*n).public()).collect(),
        threshold: 2,
        provider_share: Ppm(800_000),
        author_share: Ppm(50_000),
        slash: Ppm(400_000),
        stake_min: amount(100),
        verdict_window: Millis(500),
    };
    ChainConfig {
        salt: Bytes32([1; 32]),
        l1_chain_id: 31337,
        committee: Committee {
            members: (1..4).map(|n| EthAddress([n; 20])).collect(),
            threshold: 2,
            mandatory: Vec::new(),
        },
        parameters,
        sequencer: SecretKey::from_seed([0; 32]).public(),
        rules: L1Rules::default(),
    }
}

/// A chain of one-entry blocks, with a nonce for each account.
struct World {
    config: ChainConfig,
    state: State,
    head: Option<BlockHeader>,
    now: Millis,
    inbox: u64,
    blocks: Vec<Executed>,
}

impl World {
    fn new() -> Self {
        let config = config();
        let mut state = State::default();
        state.apply(&genesis(&config));
        let mut world = Self { config, state, head: None, now: Millis(1_000), inbox: 0, blocks: Vec::new() };
        world.deposit(REQUESTER, 10_000);
        for provider in PROVIDERS {
            world.deposit(provider, 1_000);
        }
        world
    }

    fn run(&mut self, entries: Vec<Entry>) -> Vec<Receipt> {
        let executed = execute(&mut self.state, &self.config, self.head.as_ref(), entries, self.now);
        self.head = Some(executed.block.header.clone());
        let receipts = executed.receipts.clone();
        self.blocks.push(executed);
        receipts
    }

    fn deposit(&mut self, to: u8, quanta: u64) {
        let deposit = Deposit {
            index: self.inbox,
            account: account(to),
            token: ledger::bridge::token_word(EthAddress::ZERO),
            amount: amount(quanta),
            sender: EthAddress([8; 20]),
        };
        self.inbox += 1;
        assert!(self.run(vec![Entry::Message(Message::Deposit(deposit))])[0].is_applied());
    }

    fn nonce(&self, who: u8) -> u64 {
        self.state.get::<ledger::account::Account>(&account(who)).map_or(0, |a| a.nonce)
    }

    fn send(&mut self, from: u8, action: Action) -> Receipt {
        let tx = Transaction::sign(&key(from), &self.config.hash(), self.nonce(from), action);
        self.run(vec![Entry::Transaction(tx.to_bytes().into())]).remove(0)
    }

    fn ok(&mut self, from: u8, action: Action) -> Receipt {
        let receipt = self.send(from, action);
        assert!(receipt.is_applied(), "{:?}", self.explain(&receipt));
        receipt
    }

    fn code(&mut self, from: u8, action: Action) -> u32 {
        match self.send(from, action).status {
            Status::Applied(_) => 0,
            Status::Rejected(code) => code,
        }
    }

    fn explain(&self, receipt: &Receipt) -> Option<&'static str> {
        match receipt.status {
            Status::Applied(_) => None,
            Status::Rejected(code) => explain(code),
        }
    }

    fn balance(&self, who: u8) -> u64 {
        let asset = ledger::bridge::asset_of(EthAddress::ZERO);
        let key = BalanceKey { account: account(who), asset };
        self.state.get::<Balance>(&key).unwrap_or_default().quanta()
    }

    fn offer(&mut self, provider: u8) {
        let offer = MakeOffer {
            asset: ledger::bridge::asset_of(EthAddress::ZERO),
            stake: amount(500),
            rate: Rate(90),
            fuel_per_second: 1_000_000,
            memory_bytes: 1 << 20,
        };
        self.ok(provider, Action::MakeOffer(offer));
    }

    fn submit(&mut self) -> TaskId {
        self.ok(AUTHOR, Action::Publish(Publish { program: ContentId([5; 32]) }));
        let submit = Submit {
            program: ContentId([5; 32]),
            input: ContentId([6; 32]),
            fuel_limit: Fuel(10_000_000),
            memory_bytes: 1 << 20,
            asset: ledger::bridge::asset_of(EthAddress::ZERO),
            rate: Rate(100),
            redundancy: 2,
            deadline: Millis(5_000),
        };
        TaskId(self.ok(REQUESTER, Action::Submit(submit)).id)
    }

    fn assign(&mut self, task: TaskId, providers: &[u8]) -> u32 {
        let considered = providers
            .iter()
            .map(|p| Considered { provider: account(*p), rate: Rate(90), expected_ms: 10, reason: Reason::Chosen(1) })
            .collect();
        self.code(COORDINATOR, Action::Assign(Assign { task, considered }))
    }

    fn commit(&mut self, task: TaskId, provider: u8, fuel: u64) -> u32 {
        let commitment = commitment(task, account(provider), &outcome(fuel), &Bytes32([provider; 32]));
        self.code(provider, Action::Commit(Commit { task, commitment }))
    }

    fn deliver(&mut self, task: TaskId, provider: u8, fuel: u64) -> u32 {
        let deliver = Deliver { task, outcome: outcome(fuel), salt: Bytes32([provider; 32]) };
        self.code(provider, Action::Deliver(deliver))
    }

    fn verdict(&self, task: TaskId) -> Option<Verdict> {
        Verdict::of(task, &self.state.get::<task::Task>(&task).unwrap())
    }

    fn decide(&mut self, verdict: Verdict, resolvers: &[usize]) -> u32 {
        let digest = verdict.digest(&self.config.hash());
        let sign = |at: &usize| ResolverSignature {
            resolver: u32::try_from(*at).unwrap(),
            key: key(RESOLVERS[*at]).public(),
            signature: key(RESOLVERS[*at]).sign(&digest),
        };
        let signatures = resolvers.iter().map(sign).collect();
        self.code(REQUESTER, Action::Decide(Decide { verdict, signatures }))
    }
}

fn outcome(fuel: u64) -> Outcome {
    Outcome { exit: 0, output: ContentId([7; 32]), fuel: Fuel(fuel) }
}

/// A world with two offers and a task assigned to both.
fn assigned() -> (World, TaskId) {
    let mut world = World::new();
    world.offer(10);
    world.offer(11);
    let task = world.submit();
    assert_eq!(world.balance(REQUESTER), 8_000, "the price, 2 x 10 million fuel at 100, is locked");
    assert_eq!(world.assign(task, &[10, 11]), 0);
    (world, task)
}

#[test]
fn agreeing_providers_are_paid_for_the_fuel_used_and_the_rest_goes_back() {
    let (mut world, task) = assigned();
    assert_eq!(world.commit(task, 10, 4_000_000), 0);
    assert_eq!(world.deliver(task, 10, 4_000_000), 224, "nobody reveals before enough have committed");
    assert_eq!(world.commit(task, 11, 4_000_000), 0);
    assert_eq!(world.deliver(task, 10, 4_000_000), 0);
    assert_eq!(world.verdict(task), None);
    assert_eq!(world.deliver(task, 11, 4_000_000), 0);
    let verdict = world.verdict(task).unwrap();
    assert_eq!(world.decide(verdict.clone(), &[0, 2]), 0);
    // 40 % of 2000 is paid: 800 = 2 x 320 to providers, 40 to the author, 120 to the treasury.
    assert_eq!([10, 11, AUTHOR, TREASURY, REQUESTER].map(|n| world.balance(n)), [820, 820, 40, 120, 9_200]);
    assert_eq!(world.decide(verdict, &[0, 2]), 204, "a task is decided once");
    world.ok(10, Action::Retire(Retire {}));
    assert_eq!(world.balance(10), 1_320, "the stake comes back whole");
}

#[test]
fn a_liar_is_outvoted_by_a_third_and_slashed() {
    let (mut world, task) = assigned();
    for (provider, fuel) in [(10, 4_000_000), (11, 4_000_001)] {
        assert_eq!(world.commit(task, provider, fuel), 0);
    }
    for (provider, fuel) in [(10, 4_000_000), (11, 4_000_001)] {
        assert_eq!(world.deliver(task, provider, fuel), 0);
    }
    assert_eq!(world.verdict(task), None, "one against one decides nothing");
    world.offer(12);
    assert_eq!(world.assign(task, &[12]), 0);
    assert_eq!(world.commit(task, 12, 4_000_000), 0);
    assert_eq!(world.deliver(task, 12, 4_000_000), 0);
    let verdict = world.verdict(task).unwrap();
    assert_eq!(verdict.dissenting, vec![account(11)]);
    assert_eq!(world.decide(verdict, &[1, 2]), 0);
    // The liar loses 40 % of 500 to the treasury and is paid nothing.
    assert_eq!([10, 11, 12, TREASURY].map(|n| world.balance(n)), [820, 800, 820, 320]);
    assert_eq!(world.code(11, Action::Retire(Retire {})), 211, "its offer is closed");
}

#[test]
fn a_stake_stays_while_its_owner_works_on_an_open_task() {
    let (mut world, first) = assigned();
    let submit = world.state.get::<task::Task>(&first).unwrap().submit;
    let second = TaskId(world.ok(REQUESTER, Action::Submit(submit.clone())).id);
    let third = TaskId(world.ok(REQUESTER, Action::Submit(submit)).id);
    assert_eq!(world.assign(second, &[11]), 0);
    // 11 lies about the first task, is slashed, stakes again and takes the third.
    world.offer(12);
    assert_eq!(world.assign(first, &[12]), 0);
    for (provider, fuel) in [(10, 4_000_000), (11, 4_000_001), (12, 4_000_000)] {
        assert_eq!(world.commit(first, provider, fuel), 0);
    }
    for (provider, fuel) in [(10, 4_000_000), (11, 4_000_001), (12, 4_000_000)] {
        assert_eq!(world.deliver(first, provider, fuel), 0);
    }
    let verdict = world.verdict(first).unwrap();
    assert_eq!(world.decide(verdict, &[1, 2]), 0);
    world.offer(11);
    assert_eq!(world.assign(third, &[11]), 0);
    // The second task, of the old offer, ends. The new stake still answers for the third.
    assert_eq!(world.assign(second, &[12]), 0);
    for provider in [11, 12] {
        assert_eq!(world.commit(second, provider, 4_000_000), 0);
    }
    for provider in [11, 12] {
        assert_eq!(world.deliver(second, provider, 4_000_000), 0);
    }
    let verdict = world.verdict(second).unwrap();
    assert_eq!(world.decide(verdict, &[1, 2]), 0);
    assert_eq!(world.code(11, Action::Retire(Retire {})), 213, "the third task is open");
}

#[test]
fn a_verdict_needs_its_quorum_and_the_truth() {
    let (mut world, task) = assigned();
    for provider in [10, 11] {
        world.commit(task, provider, 4_000_000);
    }
    for provider in [10, 11] {
        world.deliver(task, provider, 4_000_000);
    }
    let good = world.verdict(task).unwrap();
    assert_eq!(world.decide(good.clone(), &[1]), 230);
    assert_eq!(world.decide(good.clone(), &[]), 230);
    assert_eq!(world.decide(good.clone(), &[1, 1]), 230);
    assert_eq!(world.decide(good.clone(), &[2, 1]), 230);
    let signed_by = |named: Option<u8>| {
        let signature = key(9).sign(&good.digest(&world.config.hash()));
        let sign = |resolver: u32| {
            let key = key(named.unwrap_or(RESOLVERS[usize::try_from(resolver).unwrap()])).public();
            ResolverSignature { resolver, key, signature }
        };
        Action::Decide(Decide { verdict: good.clone(), signatures: (0..2).map(sign).collect() })
    };
    let (stranger, forged) = (signed_by(Some(9)), signed_by(None));
    assert_eq!(world.code(REQUESTER, stranger), 230);
    let nonce = world.nonce(REQUESTER);
    assert_eq!(world.code(REQUESTER, forged), 307);
    assert_eq!(world.nonce(REQUESTER), nonce, "what is no transaction uses no nonce up");
    for bad in [
        Verdict { outcome: outcome(1), ..good.clone() },
        Verdict { agreeing: vec![account(10)], ..good.clone() },
        Verdict { dissenting: vec![account(11)], ..good.clone() },
    ] {
        assert_eq!(world.decide(bad, &[0, 1, 2]), 231, "even the whole quorum cannot contradict the ledger");
    }
    assert_eq!(world.decide(good, &[0, 1, 2]), 0);
}

#[test]
fn a_reveal_must_match_and_each_step_is_taken_once() {
    let (mut world, task) = assigned();
    assert_eq!(world.deliver(task, 10, 1), 223);
    assert_eq!(world.commit(task, 12, 1), 222);
    for provider in [10, 11] {
        assert_eq!(world.commit(task, provider, 20_000_000), 0);
    }
    assert_eq!(world.commit(task, 10, 2), 223);
    assert_eq!(world.deliver(task, 10, 2), 225);
    assert_eq!(world.deliver(task, 10, 20_000_000), 226);
    let stolen = Deliver { task, outcome: outcome(20_000_000), salt: Bytes32([11; 32]) };
    assert_eq!(world.code(10, Action::Deliver(stolen)), 226);
    world.now = Millis(5_000);
    assert_eq!(world.deliver(task, 10, 20_000_000), 205);
}

#[test]
fn a_task_that_nobody_decides_is_refunded_after_its_window() {
    let (mut world, task) = assigned();
    let refund = || Action::Refund(Refund { task });
    assert_eq!(world.code(AUTHOR, refund()), 232);
    world.now = Millis(5_499);
    assert_eq!(world.code(AUTHOR, refund()), 232);
    world.now = Millis(5_500);
    assert_eq!(world.code(AUTHOR, refund()), 0);
    assert_eq!(world.balance(REQUESTER), 10_000);
    assert_eq!(world.code(AUTHOR, refund()), 204);
    world.ok(10, Action::Retire(Retire {}));
}

#[test]
fn an_assignment_is_checked_again() {
    let (mut world, task) = assigned();
    assert_eq!(world.assign(task, &[10]), 220);
    assert_eq!(world.assign(task, &[12]), 211);
    let considered = vec![];
    assert_eq!(world.code(REQUESTER, Action::Assign(Assign { task, considered })), 200);
    let dear = MakeOffer {
        asset: ledger::bridge::asset_of(EthAddress::ZERO),
        stake: amount(500),
        rate: Rate(101),
        fuel_per_second: 1,
        memory_bytes: 1 << 20,
    };
    assert_eq!(world.code(12, Action::MakeOffer(MakeOffer { stake: amount(99), ..dear.clone() })), 212);
    world.ok(12, Action::MakeOffer(dear.clone()));
    assert_eq!(world.code(12, Action::MakeOffer(dear)), 210);
    assert_eq!(world.assign(task, &[12]), 214);
    assert_eq!(world.code(10, Action::Retire(Retire {})), 213);
}

#[test]
fn a_task_out_of_bounds_is_refused() {
    let mut world = World::new();
    let task = world.submit();
    let good = world.state.get::<task::Task>(&task).unwrap().submit;
    for (bad, code) in [
        (Submit { deadline: Millis(1_000), ..good.clone() }, 205),
        (Submit { redundancy: 0, ..good.clone() }, 207),
        (Submit { redundancy: 4, ..good.clone() }, 207),
        (Submit { fuel_limit: Fuel(0), ..good.clone() }, 206),
        (Submit { fuel_limit: Fuel(u64::MAX), ..good.clone() }, 206),
        (Submit { memory_bytes: u64::MAX, ..good.clone() }, 206),
        (Submit { program: ContentId::ZERO, ..good.clone() }, 201),
        (Submit { rate: Rate(u64::MAX), ..good.clone() }, 102),
        (Submit { rate: Rate(1_000_000), ..good.clone() }, 100),
    ] {
        assert_eq!(world.code(REQUESTER, Action::Submit(bad)), code);
    }
    assert_eq!(world.code(REQUESTER, Action::Publish(Publish { program: good.program })), 202);
}

#[test]
fn a_rejected_transaction_uses_its_nonce_and_nothing_else() {
    let mut world = World::new();
    let asset = ledger::bridge::asset_of(EthAddress::ZERO);
    let too_much = Action::Transfer(Transfer { to: account(9), asset, amount: amount(10_001) });
    let tx = Transaction::sign(&key(REQUESTER), &world.config.hash(), 0, too_much);
    let entry = || Entry::Transaction(tx.to_bytes().into());
    assert_eq!(world.run(vec![entry()])[0].status, Status::Rejected(100));
    world.deposit(REQUESTER, 1);
    assert_eq!(world.run(vec![entry()])[0].status, Status::Rejected(302), "it can never be applied later");
    assert_eq!((world.balance(REQUESTER), world.balance(9)), (10_001, 0));
}

#[test]
fn another_chains_transaction_and_a_tampered_one_are_refused() {
    let mut world = World::new();
    let asset = ledger::bridge::asset_of(EthAddress::ZERO);
    let action = || Action::Transfer(Transfer { to: account(9), asset, amount: amount(1) });
    let other = ChainConfig { salt: Bytes32([2; 32]), ..config() };
    let foreign = Transaction::sign(&key(REQUESTER), &other.hash(), 0, action());
    assert_eq!(world.run(vec![Entry::Transaction(foreign.to_bytes().into())])[0].status, Status::Rejected(301));
    let ahead = Transaction::sign(&key(REQUESTER), &world.config.hash(), 1, action());
    assert_eq!(world.run(vec![Entry::Transaction(ahead.to_bytes().into())])[0].status, Status::Rejected(303));
    let good = Transaction::sign(&key(REQUESTER), &world.config.hash(), 0, action()).to_bytes();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(!world.run(vec![Entry::Transaction(bad.into())])[0].is_applied(), "byte {at}");
    }
    assert!(world.run(vec![Entry::Transaction(good.into())])[0].is_applied());
}

#[test]
fn replaying_gives_the_same_root_and_any_changed_header_field_is_noticed() {
    let (mut world, task) = assigned();
    world.commit(task, 10, 5);
    let fresh = || {
        let mut state = State::default();
        state.apply(&genesis(&world.config));
        state
    };
    let (mut state, mut head) = (fresh(), None);
    for executed in &world.blocks {
        let replayed = replay(&mut state, &world.config, head.as_ref(), &executed.block).unwrap();
        assert_eq!(&replayed, executed);
        head = Some(executed.block.header.clone());
    }
    assert_eq!(state.root(), world.state.root());

    let first = &world.blocks[0].block;
    let edits: [fn(&mut BlockHeader); 5] = [
        |h| h.height = h.height.next(),
        |h| h.parent.0[0] ^= 1,
        |h| h.time = h.time.after(Millis(1)),
        |h| h.state_root = types::Digest::ZERO,
        |h| h.entries_root.0[0] ^= 1,
    ];
    for edit in edits {
        let mut block = first.clone();
        edit(&mut block.header);
        let result = replay(&mut fresh(), &world.config, None, &block);
        assert!(result.is_err(), "{block:?}");
    }
    let mut reordered = first.clone();
    reordered.entries.clear();
    assert!(replay(&mut fresh(), &world.config, None, &reordered).is_err());
}

#[test]
fn a_state_says_when_its_last_entry_was() {
    let mut world = World::new();
    let time = |world: &World| ledger::bridge::cursor(&Overlay::new(&world.state)).time;
    assert_eq!(time(&world), Millis(1_000));
    // Whatever becomes of an entry; a block without entries says nothing.
    world.now = Millis(2_000);
    let root = world.state.root();
    assert_eq!(world.run(Vec::new()), []);
    assert_eq!((time(&world), world.state.root()), (Millis(1_000), root));
    assert!(!world.run(vec![Entry::Transaction([1, 2, 3].into())])[0].is_applied());
    assert_eq!(time(&world), Millis(2_000));
    assert_ne!(world.state.root(), root);
    // A clock that goes back moves nothing.
    world.now = Millis(1_500);
    let root = world.state.root();
    world.run(vec![Entry::Transaction([1, 2, 3].into())]);
    assert_eq!((time(&world), world.state.root()), (Millis(2_000), root));
}

#[test]
fn a_batch_commits_to_its_withdrawals_blocks_and_inbox() {
    let mut world = World::new();
    let asset = ledger::bridge::asset_of(EthAddress::ZERO);
    for quanta in [5, 6, 7] {
        let withdraw = Withdraw { asset, amount: amount(quanta), recipient: EthAddress([1; 20]) };
        world.ok(REQUESTER, Action::Withdraw(withdraw));
    }
    let blocks: Vec<_> = world.blocks.iter().map(|b| b.block.clone()).collect();
    let receipts: Vec<_> = world.blocks.iter().flat_map(|b| b.receipts.clone()).collect();
    let input = BatchInput {
        config_hash: world.config.hash(),
        parent: None,
        genesis_root: types::Digest::ZERO,
        blocks: &blocks,
        receipts: &receipts,
        diff: None,
    };
    let batch = seal(&input);
    let published = seal(&BatchInput { diff: Some(&[1, 2]), ..input });
    assert_eq!((batch.header.diff_hash, published.header.diff_hash), (Bytes32::ZERO, diff::hash(&[1, 2])));
    assert_eq!(batch.header.state_root, world.state.root());
    let cursor = world.state.get::<ledger::bridge::Cursor>(&0).unwrap();
    assert_eq!((batch.header.number, batch.header.inbox_count), (1, 4));
    assert_eq!((batch.header.inbox_count, batch.header.inbox_hash), (cursor.inbox_count, cursor.inbox_hash));
    assert_eq!(
        batch.withdrawals.iter().map(|w| (w.index, w.amount.quanta())).collect::<Vec<_>>(),
        [(0, 5), (1, 6), (2, 7)]
    );
    let leaves: Vec<_> = batch.withdrawals.iter().map(ledger::Withdrawal::leaf).collect();
    let path = crypto::list::path(&leaves, 2).unwrap();
    assert!(crypto::list::verifies(&leaves[2], 2, &path, &batch.header.withdrawals_root));
}

fn transfer(to: u8, quanta: u64) -> Action {
    let asset = ledger::bridge::asset_of(EthAddress::ZERO);
    Action::Transfer(Transfer { to: account(to), asset, amount: amount(quanta) })
}

impl World {
    /// Sends an action for another account and returns the code, or 0.
    fn code_for(&mut self, from: u8, whom: u8, action: Action) -> u32 {
        let (chain, nonce) = (self.config.hash(), self.nonce(from));
        let tx = Transaction::sign_for(&key(from), Some(account(whom)), &chain, nonce, action);
        match self.run(vec![Entry::Transaction(tx.to_bytes().into())]).remove(0).status {
            Status::Applied(_) => 0,
            Status::Rejected(code) => code,
        }
    }

    fn force(&mut self, make: impl FnOnce(u64) -> Message) -> Receipt {
        let message = make(self.inbox);
        self.inbox += 1;
        self.run(vec![Entry::Message(message)]).remove(0)
    }

    fn split(&self, resolver: u8, stock: u8, foil: u8) -> Split {
        let terms = ledger::Terms {
            subject: types::Digest::ZERO,
            collateral: ledger::bridge::asset_of(EthAddress::ZERO),
            per_pair: amount(100),
            floor: 0,
            cap: 10,
            resolver: Resolver::Account(account(resolver)),
            resolve_after: Millis(0),
            refund_after: Millis(50_000),
            refund_stock: Ppm(500_000),
        };
        Split { terms, pairs: amount(3), stock: account(stock), foil: account(foil) }
    }
}

#[test]
fn a_session_key_trades_and_cannot_take_value_away() {
    const AGENT: u8 = 30;
    let mut world = World::new();
    let forbidden = ledger::Reject::SessionTooNarrow.code();
    let unknown = ledger::Reject::NotAuthorised.code();
    let retire = || Action::Retire(Retire {});
    let grant = |expires| Action::Authorise(Authorise { agent: account(AGENT), expires: Millis(expires) });
    assert_eq!(world.code_for(AGENT, REQUESTER, retire()), unknown);
    assert_eq!(world.code(REQUESTER, grant(1_000)), ledger::Reject::SessionExpired.code(), "over before it begins");
    world.ok(REQUESTER, grant(2_000));
    assert_eq!(world.code_for(AGENT, REQUESTER, retire()), task::Reject::UnknownOffer.code(), "it may try");
    let asset = ledger::bridge::asset_of(EthAddress::ZERO);
    let withdraw = Withdraw { asset, amount: amount(1), recipient: EthAddress([1; 20]) };
    for action in [
        transfer(AGENT, 1),
        Action::Withdraw(withdraw),
        Action::Rekey(Rekey { to: account(AGENT) }),
        grant(9_000),
        Action::Revoke(Revoke { agent: account(AGENT) }),
        Action::Split(world.split(REQUESTER, REQUESTER, AGENT)),
    ] {
        assert_eq!(world.code_for(AGENT, REQUESTER, action), forbidden);
    }
    let split = world.split(REQUESTER, REQUESTER, REQUESTER);
    assert_eq!(world.code_for(AGENT, REQUESTER, Action::Split(split.clone())), 0);
    let merge = Merge { tally: split.terms.id(), pairs: amount(1) };
    assert_eq!(world.code_for(AGENT, REQUESTER, Action::Merge(merge)), 0);
    assert_eq!(world.balance(REQUESTER), 10_000 - 200);
    world.now = Millis(2_000);
    assert_eq!(world.code_for(AGENT, REQUESTER, retire()), ledger::Reject::SessionExpired.code());
    world.ok(REQUESTER, grant(9_000));
    world.ok(REQUESTER, Action::Revoke(Revoke { agent: account(AGENT) }));
    assert_eq!(world.code_for(AGENT, REQUESTER, retire()), unknown);
}

#[test]
fn a_rekeyed_account_obeys_the_new_key_alone_and_its_sessions_are_void() {
    const NEW: u8 = 31;
    const AGENT: u8 = 30;
    let mut world = World::new();
    let unknown = ledger::Reject::NotAuthorised.code();
    world.ok(REQUESTER, Action::Authorise(Authorise { agent: account(AGENT), expires: Millis(99_000) }));
    assert_eq!(world.code_for(NEW, REQUESTER, transfer(AUTHOR, 1)), unknown);
    world.ok(REQUESTER, Action::Rekey(Rekey { to: account(NEW) }));
    assert_eq!(world.code(REQUESTER, transfer(AUTHOR, 1)), unknown);
    assert_eq!(world.code_for(AGENT, REQUESTER, Action::Retire(Retire {})), unknown);
    assert_eq!(world.code_for(NEW, REQUESTER, transfer(AUTHOR, 7)), 0);
    assert_eq!(world.balance(AUTHOR), 7);
    assert_eq!(world.code_for(NEW, REQUESTER, Action::Rekey(Rekey { to: account(REQUESTER) })), 0);
    assert_eq!(world.code_for(NEW, REQUESTER, transfer(AUTHOR, 1)), unknown);
    world.ok(REQUESTER, transfer(AUTHOR, 1));
}

#[test]
fn a_tally_is_split_resolved_and_redeemed_by_transactions() {
    let mut world = World::new();
    let split = world.split(TREASURY, REQUESTER, AUTHOR);
    let tally = split.terms.id();
    assert!(matches!(world.ok(REQUESTER, Action::Split(split)).events[..], [Event::Split(id)] if id == tally));
    let resolve = |outcome| Action::Resolve(Resolve { tally, outcome, endorsements: Vec::new() });
    assert_eq!(world.code(REQUESTER, resolve(4)), ledger::Reject::NotResolver.code());
    assert_eq!(world.code(REQUESTER, Action::Redeem(Redeem { tally })), ledger::Reject::TallyOpen.code());
    assert_eq!(world.code(AUTHOR, Action::Reclaim(Reclaim { tally })), ledger::Reject::TooEarly.code());
    world.ok(TREASURY, resolve(4));
    let paid = world.ok(REQUESTER, Action::Redeem(Redeem { tally }));
    assert!(matches!(&paid.events[..], [Event::Redeemed(r)] if r.amount == amount(120)));
    world.ok(AUTHOR, Action::Redeem(Redeem { tally }));
    assert_eq!((world.balance(REQUESTER), world.balance(AUTHOR)), (10_000 - 300 + 120, 180));
}

#[test]
fn a_checked_transaction_runs_like_its_bytes() {
    let mut world = World::new();
    let chain = world.config.hash();
    let bytes = Transaction::sign(&key(REQUESTER), &chain, 0, transfer(AUTHOR, 5)).to_bytes();
    let head = world.head.clone();
    let run =
        |state: &mut State, entry: Incoming| execute(state, &world.config, head.as_ref(), vec![entry], Millis(5_000));
    let mut twin = State::restore(world.state.records().map(|(key, record)| (key.to_vec(), record)));
    let checked = Transaction::check(&bytes, &chain).unwrap();
    let (raw, done) = (Incoming::Raw(bytes.into()), Incoming::Checked(Box::new(checked)));
    assert_eq!(run(&mut twin, raw), run(&mut world.state, done));
}

#[test]
fn every_code_is_explained_and_unique() {
    let codes: Vec<u32> = Reject::ALL
        .iter()
        .map(|r| r.code())
        .chain(task::Reject::ALL.iter().map(|r| r.code()))
        .chain(ledger::Reject::ALL.iter().map(|r| r.code()))
        .collect();
    let unique: std::collections::BTreeSet<_> = codes.iter().collect();
    assert_eq!(unique.len(), codes.len());
    assert!(codes.iter().all(|code| explain(*code).is_some()));
}

proptest! {
    #[test]
    fn any_bytes_are_applied_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut world = World::new();
        let root = world.state.root();
        let receipt = world.run(vec![Entry::Transaction(bytes.clone().into())]).remove(0);
        prop_assert!(!receipt.is_applied());
        prop_assert_eq!(world.state.root(), root);
        let _ = Block::from_bytes(&bytes);
    }

    /// Starts from a real transaction, so that the fuzzing gets past the first byte.
    #[test]
    fn a_mutated_transaction_is_applied_or_rejected(at in 0usize..400, byte in any::<u8>(), cut in 0usize..400) {
        let mut world = World::new();
        let submit = Submit {
            program: ContentId([5; 32]), input: ContentId([6; 32]), fuel_limit: Fuel(1), memory_bytes: 1,
            asset: ledger::bridge::asset_of(EthAddress::ZERO), rate: Rate(1), redundancy: 1, deadline: Millis(9_000),
        };
        let tx = Transaction::sign(&key(REQUESTER), &world.config.hash(), 0, Action::Submit(submit));
        let mut bytes = tx.to_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(cut.max(1));
        prop_assert!(!world.run(vec![Entry::Transaction(bytes.into())])[0].is_applied());
    }
}
