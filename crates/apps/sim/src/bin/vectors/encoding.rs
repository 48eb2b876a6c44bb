//! `encoding.json`: canonical bytes and elements of what clients build and read.

use crate::chain::{ALICE, BOB, Chain, ETH, TOKEN, account, amount, config, key, owner, terms, withdraw};
use crate::verdict::{decide, outcome, task_id};
use crate::{decimals, hex};
use crypto::account::SecretKey;
use crypto::{Domain, poseidon};
use ledger::Half;
use ledger::account::Transfer;
use ledger::authority::{Authorise, Rekey, Revoke};
use ledger::bridge::asset_of;
use ledger::tally::{Endorsement, Merge, Reclaim, Redeem, Resolve, Split, outcome_digest};
use serde_json::{Value, json};
use task::{Assign, Commit, Considered, Deliver, MakeOffer, Publish, Reason, Refund, Retire, Submit, commitment};
use transition::{Action, Receipt, Status, Transaction};
use types::{AssetId, Bytes32, Decode, Digest, Encode, EthAddress, Fuel, Millis, Rate, TallyId};

pub fn vector() -> Value {
    let config = config();
    let chain = config.hash();
    let run = run();
    let last = run.blocks.last().expect("blocks were made");
    let header = &last.block.header;
    let mut block_header = view(header);
    block_header["hash"] = json!(header.hash());
    let mut chain_config = view(&config);
    chain_config["hash"] = json!(chain);
    let accounts = [(ALICE, owner(ALICE)), (BOB, owner(BOB)), (BOB, EthAddress::ZERO)].map(account_vector);
    let assets = [ETH, TOKEN].map(|token| json!({ "token": token, "asset": asset_of(token) }));
    let entries = run.blocks.iter().flat_map(|executed| &executed.block.entries);
    let entries: Vec<Value> = entries.map(view).collect();
    json!({
        "about": "Bytes: integers big-endian, lengths and counts as four bytes, a choice's number as one. Elements: amounts \
                  and digest limbs are one each, other 64-bit numbers two of 32 bits, bytes four to an element. A \
                  transaction's id is in domain Transaction: the elements of the chain, of the sender's account, of on whose \
                  behalf and of the nonce, then those of the action's digest, which is in domain Action. A message's id is that of \
                  its elements in domain Message.",
        "accounts": accounts,
        "assets": assets,
        "chain_config": chain_config,
        "transactions": transactions(&chain),
        "entries": entries,
        "block_header": block_header,
        "receipts": receipts(&run),
    })
}

/// Returns a value as JSON, as bytes and as elements.
fn view<T: Encode + Decode + PartialEq + types::serde::Serialize>(value: &T) -> Value {
    let bytes = value.to_bytes();
    assert!(T::from_bytes(&bytes).is_ok_and(|back| back == *value), "the bytes read back");
    json!({ "value": value, "bytes": hex(&bytes), "elements": decimals(&value.to_elements()) })
}

/// Returns a chain with every kind of entry.
fn run() -> Chain {
    let mut run = Chain::new();
    run.deposit(ALICE, TOKEN, 1_000);
    run.withdraw(ALICE, asset_of(TOKEN), 250);
    run.split(ALICE, 2);
    run.withdraw_forced(ALICE, TOKEN, 1_000);
    run.act_forced(ALICE, &Action::Transfer(Transfer { to: account(BOB), asset: stock(), amount: amount(1) }));
    run
}

fn account_vector((seed, owner): (u8, EthAddress)) -> Value {
    let key = SecretKey::from_seed([seed; 32]).owned_by(owner);
    json!({ "seed": hex(&[seed; 32]), "public_key": key.public(), "owner": owner, "account": key.account() })
}

fn stock() -> AssetId {
    Half::Stock.asset(terms().id())
}

fn receipts(run: &Chain) -> Vec<Value> {
    let mut receipts: Vec<Receipt> = run.blocks.iter().flat_map(|executed| executed.receipts.clone()).collect();
    let code = transition::Reject::NonceTooLow.code();
    let id = poseidon::hash(Domain::Transaction, &[8]);
    receipts.push(Receipt { id, status: Status::Rejected(code), events: Vec::new() });
    receipts.iter().map(view).collect()
}

/// Returns a transaction of every kind, signed by Alice for herself, and one that Bob signs for her.
fn transactions(chain: &Digest) -> Vec<Value> {
    let own = (0u64..).zip(actions(chain)).map(|(nonce, action)| Transaction::sign(&key(ALICE), chain, nonce, action));
    let for_alice = Transaction::sign_for(&key(BOB), Some(account(ALICE)), chain, 0, Action::Retire(Retire {}));
    own.chain([for_alice]).map(|tx| transaction(chain, &tx)).collect()
}

fn transaction(chain: &Digest, tx: &Transaction) -> Value {
    let mut shown = view(tx);
    shown["account"] = json!(tx.sender.account());
    shown["action_digest"] = json!(poseidon::hash_of(Domain::Action, &tx.action));
    shown["id"] = json!(tx.id(chain));
    shown
}

/// Returns one action of every kind, and of some kinds more.
fn actions(chain: &Digest) -> Vec<Action> {
    let (asset, program, task) = (asset_of(ETH), crypto::content_id(b"program"), task_id());
    let salt = Bytes32([0x11; 32]);
    let (tally, pairs, expires) = (terms().id(), amount(3), Millis(1_700_000_100_000));
    vec![
        Action::Transfer(Transfer { to: account(BOB), asset, amount: amount(1) }),
        Action::Transfer(Transfer { to: account(BOB), asset: asset_of(TOKEN), amount: types::Amount::MAX }),
        withdraw(ALICE, asset, 250),
        Action::Rekey(Rekey { to: account(BOB) }),
        Action::Authorise(Authorise { agent: account(BOB), expires }),
        Action::Revoke(Revoke { agent: account(BOB) }),
        Action::Split(Split { terms: terms(), pairs, stock: account(ALICE), foil: account(BOB) }),
        Action::Merge(Merge { tally, pairs }),
        Action::Resolve(resolution(chain, tally)),
        Action::Redeem(Redeem { tally }),
        Action::Reclaim(Reclaim { tally }),
        Action::Publish(Publish { program }),
        Action::MakeOffer(MakeOffer {
            asset,
            stake: amount(500),
            rate: Rate(90),
            fuel_per_second: 1_000_000_000,
            memory_bytes: 1 << 28,
        }),
        Action::Retire(Retire {}),
        Action::Submit(Submit {
            program,
            input: crypto::content_id(b"input"),
            fuel_limit: Fuel(10_000_000_000),
            memory_bytes: 1 << 20,
            asset,
            rate: Rate(100),
            redundancy: 2,
            deadline: Millis(1_700_000_060_000),
        }),
        Action::Assign(Assign { task, considered: considered() }),
        Action::Commit(Commit { task, commitment: commitment(task, account(ALICE), &outcome(), &salt) }),
        Action::Deliver(Deliver { task, outcome: outcome(), salt }),
        Action::Decide(decide(chain)),
        Action::Refund(Refund { task }),
    ]
}

/// Returns an outcome with one endorsement.
fn resolution(chain: &Digest, tally: TallyId) -> Resolve {
    let outcome = 15;
    let signature = key(BOB).sign(&outcome_digest(chain, tally, outcome));
    Resolve { tally, outcome, endorsements: vec![Endorsement { resolver: key(BOB).identity(), signature }] }
}

/// Returns one considered offer for every reason.
fn considered() -> Vec<Considered> {
    let reasons = [
        Reason::Chosen(1),
        Reason::NotNeeded(2),
        Reason::TooDear(0),
        Reason::TooLittleMemory(0),
        Reason::TooSlow(0),
        Reason::OtherAsset(0),
        Reason::AlreadyAssigned(0),
    ];
    let offer = |(seed, reason)| Considered { provider: account(seed), rate: Rate(90), expected_ms: 1_200, reason };
    (10u8..).zip(reasons).map(offer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use types::Signature;

    #[test]
    fn every_kind_of_action_is_shown_and_signed() {
        let chain = config().hash();
        let kinds: BTreeSet<u8> = actions(&chain).iter().map(|action| action.to_bytes()[0]).collect();
        let known: BTreeSet<u8> = (0..=u8::MAX).filter(|kind| is_known(*kind)).collect();
        assert_eq!(kinds, known);
        for shown in vector()["transactions"].as_array().unwrap() {
            let tx: Transaction = serde_json::from_value(shown["value"].clone()).unwrap();
            let checked = Transaction::check(&tx.to_bytes(), &chain).unwrap();
            assert_eq!(shown["id"], checked.id().to_string());
        }
    }

    /// Says whether an action may begin with this number: an unknown one is told apart from bytes that end too early.
    fn is_known(kind: u8) -> bool {
        !matches!(Action::from_bytes(&[kind]), Err(types::DecodeError::Tag))
    }

    #[test]
    fn an_id_follows_from_the_elements_that_are_shown() {
        let chain = config().hash();
        for shown in vector()["transactions"].as_array().unwrap() {
            let elements = shown["elements"].as_array().unwrap().iter();
            let elements: Vec<u64> = elements.map(|text| text.as_str().unwrap().parse().unwrap()).collect();
            let (rest, _) = elements.split_at(elements.len() - Signature::ZERO.to_elements().len());
            // Scheme, key and owner; one or nobody on whose behalf; the nonce; the action.
            let (sender, rest) = rest.split_at(11);
            let behalf = if rest[0] == 0 { 1 } else { 5 };
            let (header, action) = rest.split_at(behalf + 2);
            let (account, action) = (poseidon::hash(Domain::Account, sender), poseidon::hash(Domain::Action, action));
            assert_eq!(shown["account"], account.to_string());
            assert_eq!(shown["action_digest"], action.to_string());
            let signed = [&chain.limbs()[..], &account.limbs(), header, &action.limbs()].concat();
            assert_eq!(shown["id"], poseidon::hash(Domain::Transaction, &signed).to_string());
        }
    }
}
