//! The outbox and the writer against a real node: dear gas, lost transactions, dropped blocks, restarts.

#![allow(clippy::unwrap_used, reason = "a helper that fails here is a failed test")]

#[path = "../../../../edges/l1/tests/anvil/node.rs"]
mod node;

use crypto::Secret;
use crypto::eth::EthKey;
use l1::deploy::{Deployment, deploy};
use l1::{Answer, Call, Reader, Writer};
use ledger::Message;
use node::Node;
use proof::committee::Committee;
use settler::outbox::{Effect, Input, Limits, Offer, Outbox, Package, RESEND, Record};
use std::collections::BTreeMap;
use transition::L1Rules;
use types::{AccountId, Amount, Bytes32, Digest, EthAddress, Millis};

/// The first two accounts of the node's public mnemonic: one deploys, the other is the outbox's.
const DEPLOYER: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const SENDER: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const GWEI: u64 = 1_000_000_000;
const DEPTH: u64 = 3;

/// A loop around an outbox, on a node that makes blocks only when told. Package `n` deposits `n + 1` quanta.
struct Desk {
    node: Node,
    writer: Writer,
    reader: Reader,
    outbox: Outbox,
    now: u64,
    kept: BTreeMap<u64, Record>,
    told: Vec<String>,
    sent: Vec<(u64, Bytes32, Answer)>,
}

fn limits() -> Limits {
    Limits { depth: DEPTH, replace_after: Millis(10_000), ..Limits::default() }
}

fn digest(n: u64) -> Digest {
    Digest::new([n, n, n, n]).unwrap()
}

impl Desk {
    async fn start() -> Self {
        let node = Node::start();
        let secret = |key: &str| Secret::new(key.parse::<Bytes32>().unwrap().0);
        let mut members: Vec<_> = (1..4).map(|n| EthKey::from_bytes([n; 32]).unwrap().address()).collect();
        members.sort();
        let committee = Committee { members, threshold: 2, mandatory: Vec::new() };
        let (rules, owner) = (L1Rules::default(), EthAddress::ZERO);
        let (config_hash, genesis_root, dev_token) = (digest(1), digest(2), false);
        let deployment =
            Deployment { config_hash, genesis_root, committee: &committee, rules: &rules, owner, dev_token };
        let deployed = deploy(&node.url, &secret(DEPLOYER), &deployment).await.unwrap();
        let writer = Writer::connect(&node.url, &secret(SENDER), deployed.contracts()).await.unwrap();
        let reader = Reader::connect(&node.url, deployed.contracts(), 0).await.unwrap().starting_at(deployed.block);
        node.call::<_, ()>("evm_setAutomine", (false,)).await;
        node.mine(DEPTH).await;
        let outbox = Outbox::restore(limits(), BTreeMap::new());
        Self { node, writer, reader, outbox, now: 0, kept: BTreeMap::new(), told: Vec::new(), sent: Vec::new() }
    }

    async fn queue(&mut self, id: u64) {
        let package = Package { id, what: id.to_be_bytes().into(), gas: 150_000 };
        self.step(Input::Package(package)).await;
    }

    async fn step(&mut self, input: Input) {
        for effect in self.outbox.step(Millis(self.now), input) {
            match effect {
                Effect::Keep { nonce, record } => drop(self.kept.insert(nonce, record)),
                Effect::Forget { nonce } => drop(self.kept.remove(&nonce)),
                Effect::Send { nonce, offer, package, gas_limit, terms } => {
                    let amount = Amount::new(package.id + 1).unwrap();
                    let order = self.writer.order(Call::DepositEth { account: AccountId(digest(7)), amount });
                    let Offer { max_fee_wei, tip_wei } = terms;
                    let (transaction, answer) =
                        self.writer.sign_and_send(&order, nonce, gas_limit, max_fee_wei, tip_wei).await;
                    self.sent.push((nonce, transaction, answer));
                    let effects = self.outbox.step(Millis(self.now), Input::Sent { nonce, offer, transaction, answer });
                    assert_eq!(effects, []);
                }
                Effect::Mined { package, .. } => self.told.push(format!("mined {package}")),
                Effect::Failed { package, .. } => self.told.push(format!("failed {package}")),
                Effect::Reorged { package } => self.told.push(format!("reorged {package}")),
                Effect::Final { package } => self.told.push(format!("final {package}")),
                Effect::Alert(alert) => self.told.push(format!("{alert:?}")),
            }
        }
    }

    /// One round, some time after the one before, and what the owner was told in it.
    async fn round(&mut self, later: u64) -> Vec<String> {
        self.now += later;
        let view = self.writer.view(DEPTH).await.unwrap();
        self.step(Input::View(view)).await;
        for transaction in self.outbox.watched() {
            let input = match self.writer.receipt(&transaction).await.unwrap() {
                Some(receipt) => Input::Receipt(receipt),
                None => Input::Gone { transaction },
            };
            self.step(input).await;
        }
        self.now += 1;
        self.step(Input::Tick).await;
        std::mem::take(&mut self.told)
    }

    /// The process ends, and starts with what it kept.
    fn restart(&mut self) {
        self.outbox = Outbox::restore(limits(), self.kept.clone());
    }

    fn answers(&mut self) -> Vec<(u64, Answer)> {
        std::mem::take(&mut self.sent).into_iter().map(|(nonce, _, answer)| (nonce, answer)).collect()
    }

    /// Returns the packages whose deposits are on the chain, in its order.
    async fn arrived(&self) -> Vec<u64> {
        let deposited = |message: &Message| match message {
            Message::Deposit(deposit) => deposit.amount.quanta() - 1,
            other => panic!("no deposit: {other:?}"),
        };
        self.reader.messages(0, 99).await.unwrap().iter().map(deposited).collect()
    }

    async fn next_base_fee(&self, wei: u64) {
        self.node.call::<_, ()>("anvil_setNextBlockBaseFeePerGas", (format!("{wei:#x}"),)).await;
    }
}

#[tokio::test]
async fn packages_in_flight_together_come_in_their_order() {
    let mut desk = Desk::start().await;
    for id in 0..5 {
        desk.queue(id).await;
    }
    assert_eq!(desk.round(1).await, [""; 0]);
    assert_eq!(desk.answers(), (0..5).map(|nonce| (nonce, Answer::Taken)).collect::<Vec<_>>());
    desk.node.mine(1).await;
    assert_eq!(desk.round(1).await, ["mined 0", "mined 1", "mined 2", "mined 3", "mined 4"]);
    desk.node.mine(DEPTH).await;
    assert_eq!(desk.round(1).await, ["final 0", "final 1", "final 2", "final 3", "final 4"]);
    assert_eq!((desk.arrived().await, desk.kept.len()), (vec![0, 1, 2, 3, 4], 1));
}

#[tokio::test]
async fn an_offer_that_gas_has_outgrown_is_raised() {
    let mut desk = Desk::start().await;
    desk.queue(0).await;
    desk.round(1).await;
    desk.next_base_fee(100 * GWEI).await;
    desk.node.mine(1).await;
    assert_eq!(desk.round(1).await, [""; 0]);
    assert_eq!((desk.arrived().await, desk.answers()), (vec![], vec![(0, Answer::Taken)]), "too dear, and too soon");

    // This node throws out what the base fee has outgrown, and says so to the same offer.
    desk.round(limits().replace_after.0).await;
    assert_eq!(desk.answers(), [(0, Answer::Underpriced), (0, Answer::Taken)]);
    let offers = desk.kept[&0].offers.clone();
    assert!(offers.len() == 2 && offers[1].max_fee_wei > 100 * GWEI, "{offers:?}");
    assert!(offers[1].tip_wei * 8 >= offers[0].tip_wei * 9, "{offers:?}");
    desk.next_base_fee(100 * GWEI).await;
    desk.node.mine(1).await;
    assert_eq!(desk.round(1).await, ["mined 0"]);
    assert_eq!(desk.arrived().await, [0]);

    desk.next_base_fee(2 * limits().gas_price_max_wei).await;
    desk.node.mine(1).await;
    desk.queue(1).await;
    assert_eq!(desk.round(1).await, ["FeesTooHigh"]);
    assert_eq!(desk.answers(), []);
    // An empty block lowers it by an eighth each time.
    desk.node.mine(30).await;
    assert_eq!(desk.round(1).await, ["final 0"]);
    assert_eq!(desk.answers(), [(1, Answer::Taken)]);
}

#[tokio::test]
async fn what_the_node_lost_is_sent_again() {
    let mut desk = Desk::start().await;
    for id in 0..3 {
        desk.queue(id).await;
    }
    desk.round(1).await;
    let lost = desk.sent[1].1;
    desk.answers();
    desk.node.call::<_, Option<Bytes32>>("anvil_dropTransaction", (lost.to_string(),)).await;
    desk.round(1).await;
    assert_eq!(desk.answers(), [], "too soon");
    desk.round(RESEND.0).await;
    assert!(desk.sent.contains(&(1, lost, Answer::Taken)), "{:?}", desk.sent);
    desk.node.mine(1).await;
    assert_eq!(desk.round(1).await, ["mined 0", "mined 1", "mined 2"]);
    assert_eq!(desk.arrived().await, [0, 1, 2]);
}

#[tokio::test]
async fn a_dropped_block_is_noticed_and_its_packages_come_again() {
    let mut desk = Desk::start().await;
    for id in 0..3 {
        desk.queue(id).await;
    }
    desk.round(1).await;
    desk.node.mine(2).await;
    assert_eq!(desk.round(1).await, ["mined 0", "mined 1", "mined 2"]);
    desk.answers();
    desk.node.reorganise(2).await;
    assert!(desk.arrived().await.is_empty());
    assert_eq!(desk.round(RESEND.0).await, ["reorged 0", "reorged 1", "reorged 2"]);
    assert_eq!(desk.answers(), (0..3).map(|nonce| (nonce, Answer::Taken)).collect::<Vec<_>>());
    desk.node.mine(1).await;
    assert_eq!(desk.round(1).await, ["mined 0", "mined 1", "mined 2"]);
    desk.node.mine(DEPTH).await;
    assert_eq!(desk.round(1).await, ["final 0", "final 1", "final 2"]);
    assert_eq!(desk.arrived().await, [0, 1, 2]);
}

#[tokio::test]
async fn a_restart_finds_what_came_into_a_block_meanwhile_and_goes_on() {
    let mut desk = Desk::start().await;
    desk.queue(0).await;
    desk.queue(1).await;
    desk.round(1).await;
    desk.node.mine(1).await;
    desk.queue(2).await;
    desk.round(1).await;
    desk.told.clear();
    desk.answers();
    // Two are in a block that the new process knows nothing of, and one waits.
    desk.restart();
    for id in 0..4 {
        desk.queue(id).await;
    }
    assert_eq!(desk.round(1).await, [""; 0]);
    assert_eq!(desk.answers(), [(0, Answer::NonceTooLow), (1, Answer::NonceTooLow), (2, Answer::Taken)]);
    assert_eq!(desk.round(1).await, ["mined 0", "mined 1"]);
    assert_eq!(desk.answers(), [(3, Answer::Taken)]);
    desk.restart();
    desk.node.mine(1 + DEPTH).await;
    desk.round(1).await;
    assert_eq!(
        desk.round(1).await,
        ["mined 0", "final 0", "mined 1", "final 1", "mined 2", "final 2", "mined 3", "final 3"]
    );
    assert_eq!((desk.arrived().await, desk.kept.len()), (vec![0, 1, 2, 3], 1));
    desk.restart();
    for id in 0..4 {
        desk.queue(id).await;
    }
    desk.answers();
    assert_eq!((desk.round(1).await, desk.answers()), (vec![], vec![]), "nothing is left to do");
}

#[tokio::test]
async fn a_nonce_that_somebody_else_spent_costs_the_package_its_place_but_nothing_more() {
    let mut desk = Desk::start().await;
    desk.queue(0).await;
    desk.round(1).await;
    let stolen =
        desk.writer.order(Call::DepositEth { account: AccountId(digest(7)), amount: Amount::new(100).unwrap() });
    let (_, answer) = desk.writer.sign_and_send(&stolen, 0, 200_000, 100 * GWEI, 50 * GWEI).await;
    assert_eq!(answer, Answer::Taken);
    desk.node.mine(1).await;
    desk.answers();
    desk.queue(1).await;
    assert_eq!(desk.round(1).await, [""; 0]);
    assert_eq!(desk.answers(), [], "the theft may still be reorganised away");
    desk.node.mine(DEPTH).await;
    assert_eq!(desk.round(1).await, ["KeyUsedElsewhere { nonce: 0 }"]);
    assert_eq!(desk.answers(), [(1, Answer::Taken), (2, Answer::Taken)]);
    desk.node.mine(1).await;
    assert_eq!(desk.round(1).await, ["mined 0", "mined 1"]);
    assert_eq!(desk.arrived().await, [99, 0, 1]);
}
