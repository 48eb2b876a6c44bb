use super::*;
use crate::account::{balance, post};
use crate::tally::{Holders, Tally, merge, redeem, refund, resolve, split};
use proptest::prelude::*;
use state::{Overlay, State};
use types::{AccountId, Amount, AssetId, Digest, EthAddress, Millis, Ppm, TallyId};

fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).unwrap()
}

fn account(number: u64) -> AccountId {
    AccountId(Digest::new([number, 0, 0, 1]).unwrap())
}

fn fund(s: &mut Overlay<'_>, who: AccountId, quanta: u64) -> AssetId {
    let index = bridge::cursor(s).inbox_count;
    let deposit =
        Deposit { index, account: who, token: EthAddress([9; 20]), amount: amount(quanta), sender: EthAddress::ZERO };
    bridge::take(s, &deposit).unwrap();
    bridge::deposit(s, &deposit).unwrap();
    deposit.asset()
}

fn terms(collateral: AssetId, per_pair: u64, floor: u64, cap: u64) -> Terms {
    Terms {
        subject: Digest::ZERO,
        collateral,
        per_pair: amount(per_pair),
        floor,
        cap,
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
    let first =
        Deposit { index: 0, account: account(1), token: EthAddress::ZERO, amount: amount(5), sender: EthAddress::ZERO };
    assert_eq!(bridge::take(&mut s, &first), Err(Reject::InboxOutOfOrder));
    assert_eq!(bridge::take(&mut s, &Deposit { index: 2, ..first }), Err(Reject::InboxOutOfOrder));
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
    fn value_is_conserved_by_any_sequence(asks in prop::collection::vec((0u8..7, 1u64..4, 1u64..4, 0u64..150), 0..60)) {
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
