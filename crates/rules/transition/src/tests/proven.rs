//! What the check of a proven batch compares before it looks at any proof.

use super::*;
use crate::proven::{Fault, ProvenBatch, ProvenBlock, ProvenLeaf, outcome};
use crypto::list;
use ledger::Withdrawal;
use proof::crossing::{Chains, Inbox};
use proof::joined::{Claim, Leaf};
use proof::validity::{entries, head};
use types::Digest;

/// A chain whose blocks hold deposits, a withdrawal, and one that is rejected.
fn crossed() -> World {
    let mut world = World::new();
    let asset = ledger::bridge::asset_of(EthAddress::ZERO);
    for quanta in [5, 1_000_000] {
        world.send(
            REQUESTER,
            Action::Withdraw(Withdraw { asset, amount: amount(quanta), recipient: EthAddress([1; 20]) }),
        );
    }
    world
}

/// Makes a batch of it whose blocks commit to whatever receipts they get, as somebody does who has the quorum; with one
/// leaf, whose proof is none.
fn batch(world: &World, change: impl Fn(usize, &mut Receipt)) -> ProvenBatch {
    let (mut parent, mut blocks, mut outcomes) = (Bytes32::ZERO, Vec::new(), Vec::new());
    for (number, done) in world.blocks.iter().enumerate() {
        let (mut block, mut receipts) = (done.block.clone(), done.receipts.clone());
        receipts.iter_mut().for_each(|receipt| change(number, receipt));
        outcomes.extend(receipts.iter().map(|receipt| outcome(receipt, block.header.time)));
        block.header.entries_root = list::root(&entry_leaves(&block.entries, &receipts));
        block.header.parent = std::mem::replace(&mut parent, Bytes32::ZERO);
        parent = block.header.hash();
        blocks.push(ProvenBlock { block, receipts });
    }
    let made: Vec<Withdrawal> = crate::batch::withdrawals(&world.blocks[4].receipts).cloned().collect();
    let sealed: Vec<Block> = blocks.iter().map(|proven| proven.block.clone()).collect();
    let receipts: Vec<Receipt> = world.blocks.iter().flat_map(|done| done.receipts.clone()).collect();
    let input = BatchInput {
        config_hash: world.config.hash(),
        parent: None,
        genesis_root: Digest::ZERO,
        blocks: &sealed,
        receipts: &receipts,
        diff: None,
    };
    let header = seal(&input).header;
    let claim = Claim {
        chain: header.config_hash,
        parent_root: header.parent_root,
        state_root: header.state_root,
        entries: entries(&outcomes),
        inbox_before: Inbox { count: 0, hash: Bytes32::ZERO },
        inbox_after: Inbox { count: header.inbox_count, hash: header.inbox_hash },
        time_before: Millis(0),
        time_after: world.now,
        withdrawals_root: header.withdrawals_root,
    };
    let leaf = Leaf { claim, messages: Vec::new(), withdrawals: made, proof: head(&Chains::of(&[], &[])).into() };
    let entries = u32::try_from(outcomes.len()).unwrap();
    ProvenBatch { header, evidence: None, blocks, leaves: vec![ProvenLeaf { entries, leaf }] }
}

#[test]
fn receipts_tell_of_no_deposit_or_withdrawal_that_was_not_proven() {
    let world = crossed();
    let check = |change: &dyn Fn(usize, &mut Receipt)| batch(&world, change).check(&world.config.hash());
    // What is compared holds; what is no proof does not.
    assert!(matches!(check(&|_, _| ()), Err(Fault::Proof(_))));
    let [deposited, withdrawn] = [0, 4].map(|number: usize| world.blocks[number].receipts[0].events[0].clone());
    let more = |event: &Event| match event.clone() {
        Event::Deposited(mut deposit) => {
            deposit.amount = amount(1_000_000);
            Event::Deposited(deposit)
        }
        Event::Withdrawn(mut withdrawal) => {
            withdrawal.amount = amount(6);
            Event::Withdrawn(withdrawal)
        }
        other => other,
    };
    for at in [0, 4] {
        assert_eq!(
            check(&|number, receipt| if number == at {
                receipt.events.clear()
            }),
            Err(Fault::Crossings)
        );
        let changed = |number: usize, receipt: &mut Receipt| {
            if number == at {
                receipt.events[0] = more(&receipt.events[0]);
            }
        };
        assert_eq!(check(&changed), Err(Fault::Crossings));
    }
    // In the receipt of another entry, of a rejected one, and twice.
    for (at, event) in
        [(1, &deposited), (4, &deposited), (0, &withdrawn), (5, &withdrawn), (5, &deposited), (4, &withdrawn)]
    {
        let told = |number: usize, receipt: &mut Receipt| {
            if number == at {
                receipt.events.push(event.clone());
            }
        };
        assert_eq!(check(&told), Err(Fault::Crossings), "block {at}: {event:?}");
    }
}
