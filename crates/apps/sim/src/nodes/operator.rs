//! The operator's hook: what it names in the place of a transaction that would be rejected, if it answers at all.

use super::wallet::Wallet;
use crate::check::Checked;
use crate::faults::Fault;
use crate::load;
use crate::prng::Prng;
use crate::world::{Message, Name, World};
use ledger::account::{Account, Transfer};
use ledger::bridge::asset_of;
use transition::{Action, Checked as Sound, Transaction};
use types::Encode as _;

/// How the hook behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Temper {
    Prompt,
    Slow,
    Silent,
    Moody,
}

/// An operator with an account of its own, out of which it makes good.
pub(crate) struct Operator {
    pub(crate) wallet: Wallet,
    temper: Temper,
}

impl Operator {
    pub(crate) fn new(prng: &mut Prng) -> Self {
        let temper = [Temper::Prompt, Temper::Slow, Temper::Silent, Temper::Moody][prng.place(4)];
        Self { wallet: Wallet::new(prng.bytes()), temper }
    }
}

impl World {
    /// Hears a question, and answers now, late or never. When nothing goes wrong any more, it answers.
    pub(crate) fn operator_asked(&mut self, transaction: &Sound) -> Checked {
        let (slow, silent) = match self.operator.temper {
            _ if !self.faults.on => (false, false),
            Temper::Prompt => (false, false),
            Temper::Slow => (true, false),
            Temper::Silent => (false, self.prng.chance(900_000)),
            Temper::Moody => (self.prng.chance(300_000), self.prng.chance(300_000)),
        };
        if silent {
            self.faults.count(Fault::HookSilent);
            return Ok(());
        }
        let transactions = self.alternatives(transaction);
        if !transactions.is_empty() {
            self.faults.count(Fault::HookAlternative);
        }
        let delay = if slow { self.faults.length_ms(300, 3_000) } else { self.faults.length_ms(2, 40) };
        if slow {
            self.faults.count(Fault::HookSlow);
        }
        self.send_after(delay, Name::Sequencer, Message::Alternative { id: transaction.id(), transactions });
        Ok(())
    }

    /// Thinks of what shall stand in a transaction's place: nothing, less of the same, or something of the operator's.
    fn alternatives(&mut self, asked: &Sound) -> Vec<Sound> {
        let asset = asset_of(load::TOKENS[self.prng.place(load::TOKENS.len())]);
        let gift = Action::Transfer(Transfer { to: asked.signer(), asset, amount: load::amount(1) });
        let signed = match self.prng.between(0, 3) {
            0 => {
                let nonce = self.nonce_of(self.operator.wallet.account);
                Transaction::sign(self.operator.wallet.key(), &self.chain, nonce, gift)
            }
            // Whoever keeps keys for its users can ask them, and has them sign.
            1 => {
                let requester = self.requesters.iter().find(|r| r.wallet.account == asked.signer());
                let Some(requester) = requester else { return Vec::new() };
                Transaction::sign(requester.wallet.key(), &self.chain, asked.transaction().nonce, gift)
            }
            _ => return Vec::new(),
        };
        Transaction::check(&signed.to_bytes(), &self.chain).into_iter().collect()
    }

    /// Returns an account's nonce as a reader of the node sees it.
    pub(crate) fn nonce_of(&self, account: types::AccountId) -> u64 {
        let core = self.sequencer.core.as_ref();
        core.and_then(|core| core.state().get::<Account>(&account)).map_or(0, |record| record.nonce)
    }
}
