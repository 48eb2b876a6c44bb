//! Load: people who deposit, publish, ask for work, pay each other and leave; and the work itself. Tallies, sessions and
//! what comes by L1 are in [`more`].

mod more;

use crate::check::Checked;
use crate::l1::Call;
use crate::nodes::wallet::Wallet;
use crate::world::{L1Call, Name, World};
use crypto::eth::keccak;
use ledger::account::{Balance, BalanceKey, Transfer};
use ledger::bridge::{Withdraw, asset_of};
use proof::agreement::Outcome;
use task::{Assign, Publish, Refund, Submit, Task};
use transition::Action;
use types::{Amount, AssetId, ContentId, EthAddress, Fuel, Millis, Rate};

/// What people hold: ETH and a test token.
pub(crate) const TOKENS: [EthAddress; 2] = [EthAddress::ZERO, EthAddress([0x11; 20])];

/// Most fuel that a task of the load may use.
const FUEL_MAX: u64 = 4_000_000;

/// Returns an amount. The load asks for small ones only.
pub(crate) fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).unwrap_or(Amount::MAX)
}

/// Runs a program: a pure function of what was asked, as the sandbox is, with failures of every kind.
pub(crate) fn run(submit: &Submit) -> (Outcome, Vec<u8>) {
    let hash = keccak(&[b"run", &submit.program.0, &submit.input.0]);
    let word = u64::from_be_bytes(std::array::from_fn(|at| hash.0[at]));
    let needed = 1 + word % FUEL_MAX;
    let failed = |exit| (Outcome { exit, output: ContentId::ZERO, fuel: submit.fuel_limit }, Vec::new());
    if needed > submit.fuel_limit.0 {
        return failed(provider::execute::exit::OUT_OF_FUEL);
    }
    if word % 11 == 0 {
        return failed(provider::execute::exit::TRAP);
    }
    let output = hash.0.to_vec();
    (Outcome { exit: 0, output: crypto::content_id(&output), fuel: Fuel(needed) }, output)
}

/// Somebody who uses the network.
pub(crate) struct Requester {
    pub(crate) wallet: Wallet,
    pub(crate) programs: Vec<ContentId>,
}

impl World {
    /// Lets a requester think of something to do.
    pub(crate) fn requester_tick(&mut self, at: usize) -> Checked {
        if self.draining || self.requesters[at].wallet.len() > 1 || self.sequencer.core.is_none() {
            return Ok(());
        }
        let kind = self.prng.between(0, 100);
        let account = self.requesters[at].wallet.account;
        let token = TOKENS[self.prng.place(TOKENS.len())];
        let balance = self.balance(account, asset_of(token));
        match kind {
            _ if balance < 20_000 => {
                let amount = amount(self.prng.between(1, 200_000));
                self.send_l1(L1Call::Send(Call::Deposit { account, token, amount }));
            }
            0..4 => self.want_publish(at),
            4..26 => self.want_submit(at, token, balance),
            26..50 => self.want_transfer(at, token, balance),
            50..62 => self.want_withdraw(at, token, balance),
            62..64 => self.want_nonsense(at),
            64..74 => self.want_tally(at, token, balance),
            74..80 => self.want_authority(at),
            80..83 => self.want_forced(at, token),
            83..88 => {
                let amount = amount(self.prng.between(1, 20_000));
                self.send_l1(L1Call::Send(Call::Deposit { account, token, amount }));
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns a balance as a reader of the node sees it.
    pub(crate) fn balance(&self, account: types::AccountId, asset: AssetId) -> u64 {
        let key = BalanceKey { account, asset };
        let core = self.sequencer.core.as_ref();
        core.and_then(|core| core.state().get::<Balance>(&key)).unwrap_or_default().quanta()
    }

    fn content(&mut self, text: &str) -> ContentId {
        let bytes = text.as_bytes().to_vec();
        let id = crypto::content_id(&bytes);
        self.disk.contents.insert(id, bytes);
        id
    }

    fn want_publish(&mut self, at: usize) {
        // Few names, so that some were published by somebody else before.
        let name = format!("program {}", self.prng.between(0, 40));
        let program = self.content(&name);
        self.requesters[at].programs.push(program);
        self.push(Name::Requester(at), Action::Publish(Publish { program }));
    }

    fn want_submit(&mut self, at: usize, token: EthAddress, balance: u64) {
        let from = self.prng.place(self.requesters.len());
        let programs = &self.requesters[from].programs;
        let Some(program) = programs.get(self.prng.place(programs.len())).copied() else {
            return self.want_publish(at);
        };
        let name = format!("input {}", self.prng.between(0, 1_000));
        let input = self.content(&name);
        let redundancy = u8::try_from(self.prng.between(1, 4)).unwrap_or(1);
        let fuel_limit = Fuel(self.prng.between(1, FUEL_MAX * 5 / 4));
        // The price is at most the balance, mostly: sometimes more is asked than there is.
        let affordable = balance * 400_000 / fuel_limit.0.max(1);
        let rate = Rate(self.prng.between(1, affordable.clamp(2, 12_000)));
        let deadline = Millis(self.now.0 + self.prng.between(1_500, 30_000));
        let memory_bytes = 1 << self.prng.between(10, 18);
        let asset = asset_of(token);
        let submit = Submit { program, input, fuel_limit, memory_bytes, asset, rate, redundancy, deadline };
        self.push_for_somebody(at, Action::Submit(submit));
    }

    fn want_transfer(&mut self, at: usize, token: EthAddress, balance: u64) {
        let to = self.requesters[self.prng.place(self.requesters.len())].wallet.account;
        let amount = amount(self.prng.between(0, balance * 11 / 10));
        self.push_for_somebody(at, Action::Transfer(Transfer { to, asset: asset_of(token), amount }));
    }

    fn want_withdraw(&mut self, at: usize, token: EthAddress, balance: u64) {
        let amount = amount(self.prng.between(0, balance));
        let recipient = EthAddress([u8::try_from(at).unwrap_or(0) + 1; 20]);
        self.push(Name::Requester(at), Action::Withdraw(Withdraw { asset: asset_of(token), amount, recipient }));
    }

    /// Asks for something that the rules refuse, whatever the ledger holds.
    fn want_nonsense(&mut self, at: usize) {
        let Some(core) = &self.sequencer.core else { return };
        let Some((task, _)) = core.state().iter::<Task>().find(|(_, task)| task.is_open()) else { return };
        let action = match self.prng.between(0, 3) {
            0 => Action::Refund(Refund { task }),
            1 => Action::Assign(Assign { task, considered: Vec::new() }),
            _ => Action::Retire(task::Retire {}),
        };
        self.push(Name::Requester(at), action);
    }
}
