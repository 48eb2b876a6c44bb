//! `state.json`: a small state tree, with a path to every leaf and to some that are absent.

use crate::chain::{ALICE, BOB, COORDINATOR, Chain, ETH, RESOLVERS, TOKEN, TREASURY, account};
use crate::hex;
use ledger::account::{Account, Balance, BalanceKey};
use ledger::authority::{Authorise, Rekey, Session};
use ledger::bridge::{Cursor, Supply, Token, asset_of};
use ledger::tally::Tally;
use serde_json::{Value, json};
use state::{Leaf, Path, State};
use task::Params;
use transition::Action;
use types::{Encode as _, EthAddress, Millis};

pub fn vector() -> Value {
    let mut chain = Chain::new();
    chain.deposit(ALICE, ETH, 1_000);
    chain.deposit(BOB, TOKEN, 2_000);
    chain.deposit(ALICE, TOKEN, 3_000);
    chain.withdraw(ALICE, asset_of(ETH), 250);
    chain.split(BOB, 7);
    let expires = Millis(1_700_000_100_000);
    chain.send(ALICE, Action::Authorise(Authorise { agent: account(COORDINATOR), expires }));
    chain.send(BOB, Action::Rekey(Rekey { to: account(TREASURY) }));
    let state = &chain.state;
    let mut leaves = present::<Account>(state);
    leaves.extend(present::<Balance>(state));
    leaves.extend(present::<Token>(state));
    leaves.extend(present::<Supply>(state));
    leaves.extend(present::<Tally>(state));
    leaves.extend(present::<Cursor>(state));
    leaves.extend(present::<Session>(state));
    leaves.extend(present::<Params>(state));
    assert_eq!(leaves.len(), state.len(), "every leaf is shown");
    let stranger = BalanceKey { account: account(RESOLVERS[0]), asset: asset_of(ETH) };
    json!({
        "about": "A key's path is its digest in domain Key: the kind's number, then the key's elements. A leaf is \
                  compress(compress(path, value_digest), mark) and stands at the shortest prefix of its path that no \
                  other leaf shares; bits run from the most significant. Siblings run from the root down.",
        "mark": decimals_of_mark(),
        "root": state.root(),
        "empty_root": State::default().root(),
        "leaves": leaves,
        "absent": [
            absent::<Balance>(state, &stranger),
            absent::<Account>(state, &account(TREASURY)),
            absent::<Token>(state, &asset_of(EthAddress([0x71; 20]))),
        ],
    })
}

/// The mark is private to the tree; a tree of one leaf checks the copy here.
fn decimals_of_mark() -> Vec<String> {
    let mark = [0x7461_6c65_615f_6c66, 1, 1, 1];
    let mut chain = State::default();
    chain.apply(&transition::genesis(&crate::chain::config()));
    let terminal = chain.path::<Params>(&0).terminal.expect("genesis has one leaf");
    let below = crypto::poseidon::compress(&terminal.path, &terminal.value);
    let digest = types::Digest::new(mark).expect("the mark is below the prime");
    assert_eq!(crypto::poseidon::compress(&below, &digest), chain.root(), "the mark is the tree's");
    crate::decimals(&mark)
}

fn present<L: Leaf>(state: &State) -> Vec<Value> {
    let shown = state.iter::<L>().map(|(key, value)| {
        let path = state.path::<L>(&key);
        assert!(path.includes::<L>(&state.root(), &key, &value), "the path shows the leaf");
        let mut shown = entry::<L>(&key, &path);
        let terminal = path.terminal.expect("a leaf's path ends in it");
        shown["value"] = json!(hex(&value.to_bytes()));
        shown["value_elements"] = json!(crate::decimals(&value.to_elements()));
        shown["value_digest"] = json!(terminal.value);
        shown
    });
    shown.collect()
}

fn absent<L: Leaf>(state: &State, key: &L::Key) -> Value {
    let path = state.path::<L>(key);
    assert!(path.excludes::<L>(&state.root(), key), "the path shows that there is no leaf");
    let mut shown = entry::<L>(key, &path);
    shown["terminal"] = json!(path.terminal);
    shown
}

fn entry<L: Leaf>(key: &L::Key, path: &Path) -> Value {
    let mut elements = vec![u64::from(L::NUMBER)];
    elements.extend(key.to_elements());
    json!({
        "kind": L::NUMBER,
        "key": hex(&key.to_bytes()),
        "key_elements": crate::decimals(&key.to_elements()),
        "path": crypto::poseidon::hash(crypto::Domain::Key, &elements),
        "siblings": path.siblings,
    })
}
