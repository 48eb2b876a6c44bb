//! Tallies, sessions and keys, and messages that people send to L1 because nobody here would hear them.

use super::amount;
use crate::l1::Call;
use crate::world::{L1Call, Name, World};
use ledger::account::Account;
use ledger::account::{Balance, BalanceKey, Transfer};
use ledger::authority::{Authorise, Rekey, Revoke, Session};
use ledger::bridge::asset_of;
use ledger::tally::{
    Endorsement, Half, Merge, Quorum, Reclaim, Redeem, Resolve, Resolver, Split, Standing, Tally, TallyRecord, Terms,
    outcome_digest,
};
use transition::Action;
use types::{AccountId, Digest, EthAddress, Millis, Ppm, TallyId};

/// Tallies.
impl World {
    pub(super) fn want_tally(&mut self, at: usize, token: EthAddress, balance: u64) {
        let Some(core) = &self.sequencer.core else { return };
        let is_free = |(_, tally): &(TallyId, TallyRecord)| !matches!(tally.terms.resolver, Resolver::Rules(_));
        let mut tallies: Vec<(TallyId, TallyRecord)> = core.state().iter::<Tally>().filter(is_free).collect();
        if tallies.is_empty() || self.prng.chance(300_000) {
            return self.want_split(at, token, balance);
        }
        let mut chosen = self.prng.place(tallies.len());
        // Mostly one in which the requester has something at stake.
        if self.prng.chance(700_000) {
            let holds = |(id, _): &(TallyId, _)| self.holding(at, Half::Stock.asset(*id)) > 0;
            chosen = tallies.iter().position(holds).unwrap_or(chosen);
        }
        let (id, tally) = tallies.swap_remove(chosen);
        let held = |half: Half| self.holding(at, half.asset(id));
        let pairs = held(Half::Stock).min(held(Half::Foil));
        let action = match tally.standing {
            Standing::Open(_) if pairs > 0 && self.prng.chance(700_000) => {
                Action::Merge(Merge { tally: id, pairs: amount(self.prng.between(1, pairs + 1)) })
            }
            Standing::Open(_) if self.prng.chance(300_000) => Action::Reclaim(Reclaim { tally: id }),
            Standing::Open(_) => {
                let outcome = self.prng.between(0, 200);
                let endorsements = self.endorsements(&tally.terms, id, outcome);
                Action::Resolve(Resolve { tally: id, outcome, endorsements })
            }
            Standing::Resolved(_) | Standing::Refunded(_) => Action::Redeem(Redeem { tally: id }),
        };
        self.push_for_somebody(at, action);
    }

    fn holding(&self, at: usize, asset: types::AssetId) -> u64 {
        let key = BalanceKey { account: self.requesters[at].wallet.account, asset };
        let core = self.sequencer.core.as_ref();
        core.and_then(|core| core.state().get::<Balance>(&key)).unwrap_or_default().quanta()
    }

    fn want_split(&mut self, at: usize, token: EthAddress, balance: u64) {
        let accounts: Vec<AccountId> = self.requesters.iter().map(|requester| requester.wallet.account).collect();
        let somebody = |world: &mut Self| accounts[world.prng.place(accounts.len())];
        let resolver = if self.prng.chance(500_000) {
            Resolver::Account(somebody(self))
        } else {
            let mut members = accounts[..3].to_vec();
            members.sort();
            Resolver::Quorum(Quorum { members, threshold: 2 })
        };
        let resolve_after = Millis(self.now.0 + self.prng.between(0, 3_000));
        let terms = Terms {
            subject: Digest::new([self.prng.between(0, 1 << 40), 0, 0, 0]).unwrap_or(Digest::ZERO),
            collateral: asset_of(token),
            per_pair: amount(self.prng.between(1, 50)),
            floor: self.prng.between(0, 50),
            cap: self.prng.between(60, 150),
            resolver,
            resolve_after,
            refund_after: Millis(resolve_after.0 + self.prng.between(0, 6_000)),
            refund_stock: Ppm(self.prng.between(0, 1_000_001)),
        };
        let pairs = amount(self.prng.between(1, balance / 200 + 2));
        let (stock, own) = (self.requesters[at].wallet.account, self.prng.chance(800_000));
        let foil = if own { stock } else { somebody(self) };
        self.push(Name::Requester(at), Action::Split(Split { terms, pairs, stock, foil }));
    }

    /// Has two of a quorum's members sign an outcome; nobody, when one account resolves.
    fn endorsements(&self, terms: &Terms, id: TallyId, outcome: u64) -> Vec<Endorsement> {
        let Resolver::Quorum(quorum) = &terms.resolver else { return Vec::new() };
        let digest = outcome_digest(&self.chain, id, outcome);
        let of = |member: &AccountId| {
            let requester = self.requesters.iter().find(|requester| requester.wallet.account == *member)?;
            let key = requester.wallet.key();
            Some(Endorsement { resolver: key.identity(), signature: key.sign(&digest) })
        };
        quorum.members.iter().take(2).filter_map(of).collect()
    }
}

/// Sessions and keys.
impl World {
    pub(super) fn want_authority(&mut self, at: usize) {
        let own = self.requesters[at].wallet.account;
        let agent = self.requesters[self.prng.place(self.requesters.len())].wallet.account;
        let Some(core) = &self.sequencer.core else { return };
        let kept = core.state().iter::<Account>().find(|(_, record)| record.keeper == Some(own));
        if let Some((account, _)) = kept {
            // Whoever was handed an account gives it back before long.
            return self.push_for(Name::Requester(at), Some(account), Action::Rekey(Rekey { to: account }));
        }
        let action = match self.prng.between(0, 10) {
            0 if agent != own => Action::Rekey(Rekey { to: agent }),
            1..4 => Action::Revoke(Revoke { agent }),
            _ => Action::Authorise(Authorise { agent, expires: Millis(self.now.0 + self.prng.between(0, 30_000)) }),
        };
        self.push(Name::Requester(at), action);
    }

    /// Sends an action, sometimes for an account that the requester may act for.
    pub(super) fn push_for_somebody(&mut self, at: usize, action: Action) {
        let own = self.requesters[at].wallet.account;
        let Some(core) = &self.sequencer.core else { return };
        let sessions = core.state().iter::<Session>().filter(|(key, _)| key.agent == own && key.account != own);
        let mut accounts: Vec<AccountId> = sessions.map(|(key, _)| key.account).collect();
        accounts.extend(
            core.state().iter::<Account>().filter(|(_, record)| record.keeper == Some(own)).map(|(account, _)| account),
        );
        let on_behalf = if accounts.is_empty() || self.prng.chance(500_000) {
            None
        } else {
            Some(accounts[self.prng.place(accounts.len())])
        };
        self.push_for(Name::Requester(at), on_behalf, action);
    }
}

/// What comes by L1.
impl World {
    pub(super) fn want_forced(&mut self, at: usize, token: EthAddress) {
        let (account, owner) = (self.requesters[at].wallet.account, self.requesters[at].wallet.owner());
        let call = match self.prng.between(0, 5) {
            0..2 => {
                let amount = amount(self.prng.between(1, 60_000));
                Call::ForceWithdrawal { account, token, amount, recipient: owner }
            }
            2..4 => {
                let to = self.requesters[self.prng.place(self.requesters.len())].wallet.account;
                let amount = amount(self.prng.between(1, 1_000));
                force(account, &Action::Transfer(Transfer { to, asset: asset_of(token), amount }))
            }
            _ => {
                let agent = self.requesters[self.prng.place(self.requesters.len())].wallet.account;
                let expires = Millis(self.now.0 + self.prng.between(0, 30_000));
                force(account, &Action::Authorise(Authorise { agent, expires }))
            }
        };
        self.send_l1(L1Call::Send(call));
    }
}

fn force(account: AccountId, action: &Action) -> Call {
    Call::ForceAction { account, elements: action.to_forced().expect("an action that can be forced") }
}
