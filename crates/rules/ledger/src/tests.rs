use super::*;
use crate::account::{Transfer, balance, post};
use crate::tally::{
    Endorsement, Holders, Quorum, Reclaim, Resolve, Split, Tally, merge, redeem, refund, resolve, split,
};
use proptest::prelude::*;
use state::{Overlay, State};
use types::{AccountId, ActionElements, Amount, AssetId, Bytes32, Digest, EthAddress, Millis, Ppm, TallyId};

fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).unwrap()
}

fn account(number: u64) -> AccountId {
    AccountId(Digest::new([number, 0, 0, 1]).unwrap())
}

fn fund(s: &mut Overlay<'_>, who: AccountId, quanta: u64) -> AssetId {
    let index = bridge::cursor(s).inbox_count;
    let token = bridge::token_word(EthAddress([9; 20]));
    let deposit = Deposit { index, account: who, token, amount: amount(quanta), sender: EthAddress::ZERO };
    bridge::take(s, &Message::Deposit(deposit.clone())).unwrap();
    bridge::deposit(s, &deposit).unwrap();
    bridge::asset_of(EthAddress([9; 20]))
}

fn terms(collateral: AssetId, per_pair: u64, floor: u64, cap: u64) -> Terms {
    Terms {
        subject: Digest::ZERO,
        collateral,
        per_pair: amount(per_pair),
        floor,
        cap,
        resolver: Resolver::Rules(0),
        resolve_after: Millis(10),
        refund_after: Millis(20),
        refund_stock: Ppm(250_000),
    }
}

fn opened(s: &mut Overlay<'_>, pairs: u64) -> (AssetId, TallyId) {
    let asset = fund(s, account(1), 1_000);
    let holders = Holders { payer: account(1), stock: account(2), foil: account(3) };
    let id = split(s, &terms(asset, 100, 10, 30), pairs, &holders).unwrap();
    (asset, id)
}

#[test]
fn an_outcome_pays_both_halves_to_the_unit() {
    for (outcome, stock) in [(0, 0), (10, 0), (17, 35), (30, 100), (999, 100)] {
        let state = State::default();
        let mut s = Overlay::new(&state);
        let (asset, id) = opened(&mut s, 3);
        resolve(&mut s, id, outcome, Millis(10)).unwrap();
        assert_eq!(redeem(&mut s, account(2), id), Ok(amount(stock * 3)), "outcome {outcome}");
        assert_eq!(redeem(&mut s, account(3), id), Ok(amount(300 - stock * 3)));
        assert_eq!(redeem(&mut s, account(3), id), Err(Reject::NothingToRedeem));
        assert_eq!(balance(&s, account(1), asset), amount(700));
        s.keep();
        conservation::check(&s).unwrap();
    }
}

#[test]
fn an_outcome_is_recorded_once_and_not_before_its_time() {
    let state = State::default();
    let mut s = Overlay::new(&state);
    let (_, id) = opened(&mut s, 1);
    assert_eq!(redeem(&mut s, account(2), id), Err(Reject::TallyOpen));
    assert_eq!(resolve(&mut s, id, 20, Millis(9)), Err(Reject::TooEarly));
    resolve(&mut s, id, 20, Millis(10)).unwrap();
    assert_eq!(resolve(&mut s, id, 21, Millis(10)), Err(Reject::TallyClosed));
    assert_eq!(refund(&mut s, id, Millis(99)), Err(Reject::TallyClosed));
    assert_eq!(resolve(&mut s, TallyId(Digest::ZERO), 1, Millis(10)), Err(Reject::UnknownTally));
}

#[test]
fn without_an_outcome_the_refund_split_applies() {
    let state = State::default();
    let mut s = Overlay::new(&state);
    let (_, id) = opened(&mut s, 1);
    assert_eq!(refund(&mut s, id, Millis(19)), Err(Reject::TooEarly));
    refund(&mut s, id, Millis(20)).unwrap();
    assert_eq!(redeem(&mut s, account(2), id), Ok(amount(25)));
    assert_eq!(redeem(&mut s, account(3), id), Ok(amount(75)));
}

#[test]
fn both_halves_merge_back_and_one_does_not() {
    let state = State::default();
    let mut s = Overlay::new(&state);
    let (asset, id) = opened(&mut s, 2);
    assert_eq!(merge(&mut s, account(2), id, amount(1)), Err(Reject::InsufficientBalance));
    s.discard();
    let (asset2, id) = opened(&mut s, 2);
    assert_eq!(asset, asset2);
    post(&mut s, account(3), account(2), Half::Foil.asset(id), amount(2)).unwrap();
    assert_eq!(merge(&mut s, account(2), id, amount(2)), Ok(amount(200)));
    assert_eq!(s.get::<Tally>(&id), None);
    s.keep();
    conservation::check(&s).unwrap();
}

#[test]
fn contradictory_terms_are_refused() {
    let state = State::default();
    let mut s = Overlay::new(&state);
    let asset = fund(&mut s, account(1), 1_000);
    let holders = Holders { payer: account(1), stock: account(2), foil: account(3) };
    let good = terms(asset, 100, 10, 30);
    for bad in [
        Terms { cap: 10, ..good.clone() },
        Terms { refund_after: Millis(9), ..good.clone() },
        Terms { refund_stock: Ppm(1_000_001), ..good.clone() },
    ] {
        assert_eq!(split(&mut s, &bad, 1, &holders), Err(Reject::BadTerms));
    }
    assert_eq!(split(&mut s, &good, 0, &holders), Err(Reject::ZeroAmount));
    assert_eq!(split(&mut s, &good, 11, &holders), Err(Reject::InsufficientBalance));
    split(&mut s, &good, 1, &holders).unwrap();
    assert_eq!(split(&mut s, &good, 1, &holders), Err(Reject::TallyExists));
}

#[test]
fn inbox_messages_are_taken_in_order() {
    let state = State::default();
    let mut s = Overlay::new(&state);
    fund(&mut s, account(1), 5);
    let message = |index| {
        let token = bridge::token_word(EthAddress::ZERO);
        let sender = EthAddress::ZERO;
        Message::Deposit(Deposit { index, account: account(1), token, amount: amount(5), sender })
    };
    assert_eq!(bridge::take(&mut s, &message(0)), Err(Reject::InboxOutOfOrder));
    assert_eq!(bridge::take(&mut s, &message(2)), Err(Reject::InboxOutOfOrder));
    assert_eq!(bridge::take(&mut s, &message(1)), Ok(()));
}

#[test]
fn every_field_of_a_message_is_in_the_inbox_hash() {
    let base = (0u64, account(1), bridge::token_word(EthAddress::ZERO), amount(5), EthAddress::ZERO);
    let deposit =
        |(index, account, token, amount, sender)| Message::Deposit(Deposit { index, account, token, amount, sender });
    let forced = |(index, account, token, amount, recipient)| {
        Message::Withdrawal(ForcedWithdrawal { index, account, token, amount, recipient })
    };
    let action = |index, account, place: usize| {
        let mut elements = [0; 14];
        elements[place] = 1;
        Message::Action(ForcedAction { index, account, elements: ActionElements::new(elements).unwrap() })
    };
    let mut all: Vec<Message> = (0..14).map(|place| action(0, account(1), place)).collect();
    all.extend([action(1, account(1), 0), action(0, account(2), 0)]);
    for fields in [
        base,
        (1, base.1, base.2, base.3, base.4),
        (base.0, account(2), base.2, base.3, base.4),
        (base.0, base.1, bridge::token_word(EthAddress([1; 20])), base.3, base.4),
        (base.0, base.1, base.2, amount(6), base.4),
        (base.0, base.1, base.2, base.3, EthAddress([1; 20])),
    ] {
        all.extend([deposit(fields), forced(fields)]);
    }
    let hashes: std::collections::BTreeSet<_> = all.iter().map(|m| m.hash_after(&Bytes32::ZERO)).collect();
    assert_eq!(hashes.len(), all.len());
    assert_ne!(all[0].hash_after(&Bytes32::ZERO), all[0].hash_after(&Bytes32([1; 32])));
}

#[test]
fn an_owner_takes_at_most_what_there_is() {
    let state = State::default();
    let mut s = Overlay::new(&state);
    fund(&mut s, account(1), 5);
    let token = bridge::token_word(EthAddress([9; 20]));
    let demand = |quanta| ForcedWithdrawal {
        index: 1,
        account: account(1),
        token,
        amount: amount(quanta),
        recipient: EthAddress([7; 20]),
    };
    let paid = bridge::withdraw_forced(&mut s, &demand(3)).unwrap();
    assert_eq!((paid.amount, paid.token, paid.recipient), (amount(3), token, EthAddress([7; 20])));
    assert_eq!(bridge::withdraw_forced(&mut s, &demand(9)).map(|w| w.amount), Ok(amount(2)));
    assert_eq!(bridge::withdraw_forced(&mut s, &demand(9)), Err(Reject::InsufficientBalance));
    s.keep();
    conservation::check(&s).unwrap();
}

#[test]
fn an_l1_tokens_asset_id_is_no_word_for_it() {
    let state = State::default();
    let mut s = Overlay::new(&state);
    fund(&mut s, account(1), 5);
    let asset = bridge::asset_of(EthAddress([9; 20]));
    let word = Bytes32(asset.0.to_be_bytes());
    // What somebody sent to the account that holds withdrawn halves is not a half either.
    let custody = crypto::account::owned_by(&asset);
    account::transfer(&mut s, account(1), &Transfer { to: custody, asset, amount: amount(2) }).unwrap();
    s.keep();
    let (to, sender) = (account(2), EthAddress([7; 20]));
    let deposit = Deposit { index: 1, account: to, token: word, amount: amount(2), sender };
    assert_eq!(bridge::deposit(&mut s, &deposit), Err(Reject::TokenMisnamed));
    let demand = ForcedWithdrawal { index: 1, account: account(1), token: word, amount: amount(3), recipient: sender };
    assert_eq!(bridge::withdraw_forced(&mut s, &demand), Err(Reject::TokenMisnamed));
    s.discard();
    // By the ledger's own name for it, the token leaves as what it is on L1.
    let out = Withdraw { asset, amount: amount(3), recipient: sender };
    let paid = bridge::withdraw(&mut s, account(1), &out).unwrap();
    assert_eq!(paid.token, bridge::token_word(EthAddress([9; 20])));
    s.keep();
    conservation::check(&s).unwrap();
}

#[test]
fn a_half_goes_to_l1_and_comes_back() {
    let state = State::default();
    let mut s = Overlay::new(&state);
    let (_, id) = opened(&mut s, 2);
    let asset = Half::Stock.asset(id);
    let out = Withdraw { asset, amount: amount(2), recipient: EthAddress([7; 20]) };
    let withdrawal = bridge::withdraw(&mut s, account(2), &out).unwrap();
    assert_eq!(withdrawal.token.0, asset.0.to_be_bytes());
    assert_eq!(balance(&s, account(2), asset), Amount::ZERO);
    let back = |quanta| Deposit {
        index: 1,
        account: account(4),
        token: withdrawal.token,
        amount: amount(quanta),
        sender: EthAddress([7; 20]),
    };
    assert_eq!(bridge::deposit(&mut s, &back(3)), Err(Reject::InsufficientBalance), "more than ever left");
    bridge::deposit(&mut s, &back(2)).unwrap();
    resolve(&mut s, id, 30, Millis(10)).unwrap();
    assert_eq!(redeem(&mut s, account(4), id), Ok(amount(200)));
    s.keep();
    conservation::check(&s).unwrap();
}

#[test]
fn only_the_named_resolver_ends_a_tally() {
    use crypto::account::SecretKey;
    let keys: Vec<SecretKey> = {
        let mut keys: Vec<_> = (1..4).map(|n| SecretKey::from_seed([n; 32])).collect();
        keys.sort_by_key(SecretKey::account);
        keys
    };
    let chain = Digest::ZERO;
    let quorum = Quorum { members: keys.iter().map(SecretKey::account).collect(), threshold: 2 };
    let state = State::default();
    let mut s = Overlay::new(&state);
    let asset = fund(&mut s, account(1), 1_000);
    let split = |s: &mut Overlay<'_>, resolver| {
        let terms = Terms { resolver, ..terms(asset, 100, 10, 30) };
        tally::split_by(s, account(1), &Split { terms, pairs: amount(1), stock: account(2), foil: account(3) })
    };
    let by_account = split(&mut s, Resolver::Account(account(5))).unwrap();
    let by_quorum = split(&mut s, Resolver::Quorum(quorum.clone())).unwrap();
    let say = |tally, outcome, endorsements| Resolve { tally, outcome, endorsements };
    let sign = |n: usize, outcome| {
        let signature = keys[n].sign(&tally::outcome_digest(&chain, by_quorum, outcome));
        Endorsement { resolver: keys[n].identity(), signature }
    };
    let mut check = |sender, tx: Resolve, now| tally::resolve_by(&mut s, account(sender), &tx, Millis(now));
    assert_eq!(check(1, say(by_account, 20, vec![]), 10), Err(Reject::NotResolver));
    assert_eq!(check(5, say(by_account, 20, vec![]), 9), Err(Reject::TooEarly));
    assert_eq!(check(5, say(by_account, 20, vec![]), 10), Ok(()));
    for wrong in [
        vec![],
        vec![sign(0, 20)],
        vec![sign(0, 20), sign(0, 20)],
        vec![sign(1, 20), sign(0, 20)],
        vec![sign(0, 20), Endorsement { resolver: SecretKey::from_seed([9; 32]).identity(), ..sign(2, 20) }],
    ] {
        assert_eq!(check(5, say(by_quorum, 20, wrong), 10), Err(Reject::NotResolver));
    }
    assert_eq!(check(1, say(by_quorum, 20, vec![sign(0, 20), sign(2, 20)]), 10), Ok(()));
    let mut too_many: Vec<_> = (0..25).map(account).collect();
    too_many.sort();
    let mut s2 = Overlay::new(&state);
    let asset2 = fund(&mut s2, account(1), 1_000);
    assert_eq!(asset2, asset);
    for bad in [
        Resolver::Rules(0),
        Resolver::Quorum(Quorum { threshold: 1, ..quorum.clone() }),
        Resolver::Quorum(Quorum { threshold: 4, ..quorum.clone() }),
        Resolver::Quorum(Quorum { members: quorum.members.iter().rev().copied().collect(), threshold: 2 }),
        Resolver::Quorum(Quorum { members: too_many, threshold: 24 }),
    ] {
        assert_eq!(split(&mut s2, bad), Err(Reject::BadTerms));
    }
}

#[test]
fn terms_can_be_split_again_while_they_are_open() {
    let state = State::default();
    let mut s = Overlay::new(&state);
    let asset = fund(&mut s, account(1), 1_000);
    let terms = Terms { resolver: Resolver::Account(account(1)), ..terms(asset, 100, 10, 30) };
    let tx = Split { terms, pairs: amount(2), stock: account(2), foil: account(3) };
    let id = tally::split_by(&mut s, account(1), &tx).unwrap();
    assert_eq!(tally::split_by(&mut s, account(1), &tx), Ok(id));
    assert_eq!(s.get::<Tally>(&id).map(|t| (t.locked, t.stock, t.foil)), Some((amount(400), amount(4), amount(4))));
    assert_eq!(tally::reclaim_by(&mut s, &Reclaim { tally: id }, Millis(19)), Err(Reject::TooEarly));
    assert_eq!(tally::reclaim_by(&mut s, &Reclaim { tally: id }, Millis(20)), Ok(()));
    assert_eq!(tally::split_by(&mut s, account(1), &tx), Err(Reject::TallyClosed));
    s.keep();
    conservation::check(&s).unwrap();
}

#[test]
fn a_withdrawal_needs_a_token_an_amount_and_a_recipient() {
    let state = State::default();
    let mut s = Overlay::new(&state);
    let asset = fund(&mut s, account(1), 5);
    let good = Withdraw { asset, amount: amount(5), recipient: EthAddress([1; 20]) };
    let check = |s: &mut Overlay<'_>, tx: Withdraw| bridge::withdraw(s, account(1), &tx).map(|w| w.index);
    assert_eq!(check(&mut s, Withdraw { amount: Amount::ZERO, ..good.clone() }), Err(Reject::ZeroAmount));
    assert_eq!(check(&mut s, Withdraw { recipient: EthAddress::ZERO, ..good.clone() }), Err(Reject::BadRecipient));
    assert_eq!(check(&mut s, Withdraw { asset: AssetId(Digest::ZERO), ..good.clone() }), Err(Reject::UnknownAsset));
    assert_eq!(check(&mut s, Withdraw { amount: amount(6), ..good.clone() }), Err(Reject::InsufficientBalance));
    s.discard();
    let asset = fund(&mut s, account(1), 5);
    assert_eq!(check(&mut s, Withdraw { amount: amount(2), asset, ..good.clone() }), Ok(0));
    assert_eq!(check(&mut s, Withdraw { amount: amount(3), asset, ..good }), Ok(1));
    s.keep();
    conservation::check(&s).unwrap();
}

#[test]
fn the_check_notices_a_made_and_a_lost_quantum() {
    let state = State::default();
    let mut s = Overlay::new(&state);
    let asset = fund(&mut s, account(1), 5);
    let key = account::BalanceKey { account: account(2), asset };
    s.put::<account::Balance>(&key, &amount(1));
    s.keep();
    assert_eq!(conservation::check(&s), Err(conservation::Imbalance { asset, surplus: 1 }));
    s.remove::<account::Balance>(&key);
    s.remove::<account::Balance>(&account::BalanceKey { account: account(1), asset });
    s.keep();
    assert_eq!(conservation::check(&s), Err(conservation::Imbalance { asset, surplus: -5 }));
}

proptest! {
    /// Any sequence of asks, granted or refused, conserves every asset.
    #[test]
    fn value_is_conserved_by_any_sequence(asks in prop::collection::vec((0u8..10, 1u64..4, 1u64..4, 0u64..150), 0..60)) {
        let mut state = State::default();
        let mut now = 0;
        for block in asks.chunks(5) {
            let mut s = Overlay::new(&state);
            for (kind, a, b, quanta) in block {
                now += 1;
                let asset = bridge::asset_of(EthAddress([9; 20]));
                let id = Terms { subject: Digest::new([*b, 0, 0, 0]).unwrap(), ..terms(asset, 7, 0, 20) };
                let holders = Holders { payer: account(*a), stock: account(*b), foil: account(3) };
                let granted = match kind {
                    0 => { fund(&mut s, account(*a), quanta + 1); true }
                    1 => post(&mut s, account(*a), account(*b), asset, amount(*quanta)).is_ok(),
                    2 => split(&mut s, &id, *quanta, &holders).is_ok(),
                    3 => merge(&mut s, account(*a), id.id(), amount(*quanta)).is_ok(),
                    4 => resolve(&mut s, id.id(), *quanta, Millis(now)).is_ok(),
                    5 => redeem(&mut s, account(*a), id.id()).is_ok(),
                    6 => {
                        let message = ForcedWithdrawal { index: 0, account: account(*a), token: bridge::token_word(EthAddress([9; 20])), amount: amount(*quanta), recipient: EthAddress([1; 20]) };
                        bridge::withdraw_forced(&mut s, &message).is_ok()
                    }
                    7 => bridge::withdraw(&mut s, account(*a), &Withdraw { asset: Half::Foil.asset(id.id()), amount: amount(*b), recipient: EthAddress([1; 20]) }).is_ok(),
                    8 => {
                        let token = Bytes32(Half::Foil.asset(id.id()).0.to_be_bytes());
                        let message = Deposit { index: 0, account: account(*a), token, amount: amount(*b), sender: EthAddress::ZERO };
                        bridge::deposit(&mut s, &message).is_ok()
                    }
                    _ => bridge::withdraw(&mut s, account(*a), &Withdraw { asset, amount: amount(*quanta), recipient: EthAddress([1; 20]) }).is_ok(),
                };
                if granted { s.keep() } else { s.discard() }
            }
            prop_assert_eq!(conservation::check(&s), Ok(()));
            let changes = s.into_changes();
            state.apply(&changes);
        }
        let total: u64 = state.iter::<account::Balance>().filter(|(k, _)| k.asset == bridge::asset_of(EthAddress([9; 20]))).map(|(_, v)| v.quanta()).sum();
        let locked: u64 = state.iter::<Tally>().map(|(_, t)| t.locked.quanta()).sum();
        let owed: u64 = state.iter::<bridge::Supply>().filter(|(k, _)| *k == bridge::asset_of(EthAddress([9; 20]))).map(|(_, v)| v.quanta()).sum();
        prop_assert_eq!(total + locked, owed);
    }
}
