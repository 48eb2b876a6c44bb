//! Actions that an account's owner forces through L1: which there are, and how they are spelled.
//!
//! L1 is given the elements that the action is hashed as, with zeros behind them, and checks that they have the shape of
//! one of these (`Actions.sol`): so whatever it queues is an action here, and its proof needs no other tables than a signed
//! one's. What is longer or that no table covers is not among them; a withdrawal has a message of its own kind.

use crate::transaction::Action;
use ledger::account::Transfer;
use ledger::authority::{Authorise, Rekey, Revoke};
use ledger::tally::{Merge, Reclaim, Redeem, Resolve};
use types::{AccountId, ActionElements, Amount, AssetId, Digest, Encode as _, Millis, TallyId};

impl Action {
    /// Returns the action that these elements spell; none if they spell none that can be forced.
    pub fn forced(elements: &ActionElements) -> Option<Self> {
        let [number, a, b, c, d, fifth, sixth, seventh, eighth, ninth, ..] = *elements.limbs();
        let digest = Digest::new([a, b, c, d])?;
        let (account, tally) = (AccountId(digest), TallyId(digest));
        let halves = fifth.checked_mul(1 << 32).and_then(|high| high.checked_add(sixth));
        let action = match number {
            1 => {
                let asset = AssetId(Digest::new([fifth, sixth, seventh, eighth])?);
                Self::Transfer(Transfer { to: account, asset, amount: Amount::new(ninth).ok()? })
            }
            3 => Self::Rekey(Rekey { to: account }),
            4 => Self::Authorise(Authorise { agent: account, expires: Millis(halves?) }),
            5 => Self::Revoke(Revoke { agent: account }),
            7 => Self::Merge(Merge { tally, pairs: Amount::new(fifth).ok()? }),
            8 => Self::Resolve(Resolve { tally, outcome: halves?, endorsements: Vec::new() }),
            9 => Self::Redeem(Redeem { tally }),
            19 => Self::Reclaim(Reclaim { tally }),
            _ => return None,
        };
        // One spelling of each: nothing behind it, and halves of 32 bits.
        (spelled(&action).as_ref() == Some(elements)).then_some(action)
    }

    /// Returns the elements by which it is forced, if it can be.
    pub fn to_forced(&self) -> Option<ActionElements> {
        spelled(self).filter(|elements| Self::forced(elements).as_ref() == Some(self))
    }
}

/// Returns an action's elements, if they are few enough.
fn spelled(action: &Action) -> Option<ActionElements> {
    let elements = action.to_elements();
    let mut all = *ActionElements::default().limbs();
    all.get_mut(..elements.len())?.copy_from_slice(&elements);
    ActionElements::new(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::Withdraw;
    use task::{Refund, Retire};
    use types::{EthAddress, GOLDILOCKS, TaskId};

    fn digest(first: u64) -> Digest {
        Digest::new([first, GOLDILOCKS - 1, 0, 7]).unwrap()
    }

    fn all() -> Vec<Action> {
        let (account, tally, most) = (AccountId(digest(1)), TallyId(digest(2)), u64::MAX);
        vec![
            Action::Transfer(Transfer { to: account, asset: AssetId(digest(3)), amount: Amount::MAX }),
            Action::Rekey(Rekey { to: account }),
            Action::Authorise(Authorise { agent: account, expires: Millis(most) }),
            Action::Revoke(Revoke { agent: account }),
            Action::Merge(Merge { tally, pairs: Amount::ZERO }),
            Action::Resolve(Resolve { tally, outcome: most, endorsements: Vec::new() }),
            Action::Redeem(Redeem { tally }),
            Action::Reclaim(Reclaim { tally }),
        ]
    }

    #[test]
    fn what_can_be_forced_is_read_back() {
        for action in all() {
            let elements = action.to_forced().unwrap();
            assert_eq!(Action::forced(&elements), Some(action.clone()));
            assert!(elements.limbs().starts_with(&action.to_elements()));
        }
    }

    #[test]
    fn no_elements_spell_an_action_twice() {
        for action in all() {
            let limbs = *action.to_forced().unwrap().limbs();
            let length = action.to_elements().len();
            for place in 0..limbs.len() {
                for other in [1, 1 << 32, 1 << 62, GOLDILOCKS - 1] {
                    let mut changed = limbs;
                    changed[place] = other;
                    let read = ActionElements::new(changed).and_then(|elements| Action::forced(&elements));
                    let spelled_by = read.as_ref().and_then(Action::to_forced);
                    assert!(read.is_none() || spelled_by.is_some_and(|own| *own.limbs() == changed));
                    assert!(place < length || read.is_none(), "{action:?} with something behind it");
                }
            }
        }
    }

    #[test]
    fn what_is_too_long_or_has_another_way_cannot_be_forced() {
        let endorsement = ledger::tally::Endorsement {
            resolver: crypto::account::SecretKey::from_seed([1; 32]).identity(),
            signature: types::Signature::ZERO,
        };
        for action in [
            Action::Withdraw(Withdraw { asset: AssetId(digest(1)), amount: Amount::ZERO, recipient: EthAddress::ZERO }),
            Action::Resolve(Resolve { tally: TallyId(digest(1)), outcome: 0, endorsements: vec![endorsement] }),
            Action::Retire(Retire {}),
            Action::Refund(Refund { task: TaskId(digest(1)) }),
        ] {
            assert_eq!(action.to_forced(), None, "{action:?}");
        }
    }
}
