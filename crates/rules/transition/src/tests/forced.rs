//! What L1 forces.

use super::*;
use ledger::ForcedAction;
use types::ActionElements;

#[test]
fn what_is_forced_by_l1_is_done_or_rejected_and_never_blocks() {
    let mut world = World::new();
    let token = ledger::bridge::token_word(EthAddress::ZERO);
    let demand = |index| {
        let (amount, recipient) = (amount(99_999), EthAddress([5; 20]));
        Message::Withdrawal(ledger::ForcedWithdrawal {
            index,
            account: account(PROVIDERS[0]),
            token,
            amount,
            recipient,
        })
    };
    let receipt = world.force(demand);
    assert!(matches!(&receipt.events[..], [Event::Withdrawn(w)] if w.amount == amount(1_000)));
    assert!(!world.force(demand).is_applied(), "nothing is left");
    let wrong = |index| {
        let elements = ActionElements::new([9; 14]).unwrap();
        Message::Action(ForcedAction { index, account: account(REQUESTER), elements })
    };
    assert_eq!(world.force(wrong).status, Status::Rejected(Reject::NotForcible.code()));
    world.deposit(AUTHOR, 1);
}

/// No key signs, and no nonce is used up: the inbox has each message once.
#[test]
fn a_forced_action_is_done_for_its_account_with_its_keepers_authority() {
    const NEW: u8 = 31;
    let mut world = World::new();
    let force = |world: &mut World, of: u8, action: &Action| {
        let elements = action.to_forced().unwrap();
        world.force(|index| Message::Action(ForcedAction { index, account: account(of), elements }))
    };
    let receipt = force(&mut world, REQUESTER, &transfer(AUTHOR, 5));
    assert!(receipt.is_applied());
    let elements = transfer(AUTHOR, 5).to_forced().unwrap();
    let index = ledger::bridge::cursor(&Overlay::new(&world.state)).inbox_count - 1;
    let message = Message::Action(ForcedAction { index, account: account(REQUESTER), elements });
    assert_eq!(receipt.id, message.id(), "its sender finds it by its place in the inbox");
    // The same again is another message.
    assert!(force(&mut world, REQUESTER, &transfer(AUTHOR, 5)).is_applied());
    assert_eq!(world.balance(AUTHOR), 10);
    assert_eq!(world.code(REQUESTER, transfer(AUTHOR, 1)), 0, "the first nonce is still there");
    // What cannot be done is rejected, and changes nothing.
    let poor = ledger::Reject::InsufficientBalance.code();
    assert_eq!(force(&mut world, REQUESTER, &transfer(AUTHOR, 99_999)).status, Status::Rejected(poor));
    // The owner on L1 stays above whoever keeps the account.
    world.ok(REQUESTER, Action::Rekey(Rekey { to: account(NEW) }));
    assert!(force(&mut world, REQUESTER, &transfer(AUTHOR, 1)).is_applied());
    assert!(force(&mut world, REQUESTER, &Action::Rekey(Rekey { to: account(REQUESTER) })).is_applied());
    world.ok(REQUESTER, transfer(AUTHOR, 1));
    assert_eq!(world.balance(AUTHOR), 13);
    // An account of which nothing is known leaves nothing behind when it is handed over and taken back.
    let known = |world: &World| world.state.get::<ledger::account::Account>(&account(NEW));
    assert!(force(&mut world, NEW, &Action::Rekey(Rekey { to: account(AUTHOR) })).is_applied());
    assert_eq!(known(&world).and_then(|record| record.keeper), Some(account(AUTHOR)));
    assert_eq!(world.code_for(AUTHOR, NEW, transfer(AUTHOR, 0)), ledger::Reject::ZeroAmount.code());
    assert!(force(&mut world, NEW, &Action::Rekey(Rekey { to: account(NEW) })).is_applied());
    assert_eq!(known(&world), None);
}

#[test]
fn a_tally_is_ended_and_redeemed_by_force() {
    let mut world = World::new();
    let split = world.split(TREASURY, REQUESTER, AUTHOR);
    let tally = split.terms.id();
    world.ok(REQUESTER, Action::Split(split));
    let mut force = |of: u8, action: Action| {
        let elements = action.to_forced().unwrap();
        world.force(|index| Message::Action(ForcedAction { index, account: account(of), elements }))
    };
    let resolve = || Action::Resolve(Resolve { tally, outcome: 4, endorsements: Vec::new() });
    let refused = ledger::Reject::NotResolver.code();
    assert_eq!(force(REQUESTER, resolve()).status, Status::Rejected(refused));
    assert!(force(TREASURY, resolve()).is_applied());
    let paid = force(REQUESTER, Action::Redeem(Redeem { tally }));
    assert!(matches!(&paid.events[..], [Event::Redeemed(r)] if r.amount == amount(120)));
    assert_eq!(world.balance(REQUESTER), 10_000 - 300 + 120);
}
