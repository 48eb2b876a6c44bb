//! `talea chain force`: what an account's owner demands on L1, where the chain cannot leave it out.
//!
//! The wallet signs an L1 transaction and nothing on the ledger. The account is opened on L1 first, if it is not open yet.

use super::escape::secrets;
use super::rebuild::Place;
use crate::error::Error;
use crate::say::Say;
use clap::{Args, Subcommand};
use client::derive_key;
use crypto::eth::EthKey;
use l1::{Call, Reader, Writer};
use ledger::Message;
use ledger::account::Transfer;
use ledger::authority::{Authorise, Rekey, Revoke};
use ledger::bridge::{asset_of_word, token_word};
use ledger::tally::{Merge, Reclaim, Redeem, Resolve};
use proof::Domain;
use serde_json::json;
use std::path::{Path, PathBuf};
use transition::Action;
use types::{AccountId, Amount, AssetId, Bytes32, EthAddress, Millis, TallyId};

/// Messages that are asked for at one time.
const PAGE: u64 = 256;

/// Who demands what.
#[derive(Args)]
pub struct Options {
    /// A file with the secret key of the L1 wallet that owns the account and pays for gas, in hexadecimal.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    demand: Demand,
}

/// What can be forced.
#[derive(Subcommand)]
enum Demand {
    /// Take value off the ledger, to the wallet itself.
    Withdraw {
        /// An L1 token's address, zero for ETH, or the id of a tally's half.
        #[arg(value_parser = word)]
        asset: Bytes32,
        /// How much at most, in quanta.
        amount: Amount,
    },
    /// Move value to another account.
    Transfer {
        /// To whom.
        to: AccountId,
        /// An L1 token's address, zero for ETH, or the id of a tally's half.
        #[arg(value_parser = word)]
        asset: Bytes32,
        /// How much, in quanta.
        amount: Amount,
    },
    /// Hand the account to another identity, or take it back.
    Rekey {
        /// The account of the new identity; the account itself takes it back.
        to: AccountId,
    },
    /// Let another identity act for the account until a time.
    Authorise {
        /// Its account.
        agent: AccountId,
        /// Until when, in milliseconds since 1970.
        expires: u64,
    },
    /// End a session.
    Revoke {
        /// The account of the session's identity.
        agent: AccountId,
    },
    /// Join both halves of a tally.
    Merge {
        /// Which tally.
        tally: TallyId,
        /// How many pairs.
        pairs: Amount,
    },
    /// Record the outcome of a tally that the account resolves.
    Resolve {
        /// Which tally.
        tally: TallyId,
        /// How it ends.
        outcome: u64,
    },
    /// Be paid for halves of a tally that has ended.
    Redeem {
        /// Which tally.
        tally: TallyId,
    },
    /// End a tally that nobody resolved in time.
    Reclaim {
        /// Which tally.
        tally: TallyId,
    },
}

/// Reads what names an asset on L1.
fn word(text: &str) -> Result<Bytes32, String> {
    let address = text.parse::<EthAddress>().map(token_word);
    address.or_else(|_| text.parse()).map_err(|error: types::ParseError| error.to_string())
}

impl Demand {
    /// Returns the action to force; none for a withdrawal, which has a message of its own.
    fn action(&self) -> Result<Option<Action>, Error> {
        Ok(Some(match *self {
            Self::Withdraw { .. } => return Ok(None),
            Self::Transfer { to, asset, amount } => {
                let asset: AssetId = asset_of_word(&asset)
                    .ok_or_else(|| Error::failed("no asset has this id: name a token by its address"))?;
                Action::Transfer(Transfer { to, asset, amount })
            }
            Self::Rekey { to } => Action::Rekey(Rekey { to }),
            Self::Authorise { agent, expires } => Action::Authorise(Authorise { agent, expires: Millis(expires) }),
            Self::Revoke { agent } => Action::Revoke(Revoke { agent }),
            Self::Merge { tally, pairs } => Action::Merge(Merge { tally, pairs }),
            Self::Resolve { tally, outcome } => Action::Resolve(Resolve { tally, outcome, endorsements: Vec::new() }),
            Self::Redeem { tally } => Action::Redeem(Redeem { tally }),
            Self::Reclaim { tally } => Action::Reclaim(Reclaim { tally }),
        }))
    }
}

/// Sends the demand and says by which id the ledger will answer.
pub async fn run(dir: &Path, options: &Options, say: &Say) -> Result<(), Error> {
    let (l1, rollup, first_block) = options.place.found(dir)?;
    let keys = secrets(&options.key)?;
    let [key] = keys.as_slice() else {
        return Err(Error::failed("the file must hold one key: put the wallet's there, and no other"));
    };
    let reader = Reader::of_rollup(&l1, rollup, 0).await?.starting_at(first_block);
    let writer = Writer::connect(&l1, key, reader.contracts()).await?;
    let wallet = EthKey::from_bytes(*key.expose_secret()).ok_or_else(|| Error::failed("the key is no key"))?;
    let identity = derive_key(&wallet, &Domain { chain_id: reader.chain_id(), rollup }).identity();
    let account = identity.account();
    let action = options.demand.action()?;
    if reader.owner_of(account).await?.is_none() {
        writer.call(Call::OpenAccount { identity: &identity }).await?;
        say.tell("the account is open on L1");
    }
    let before = reader.consumed().await?;
    let demand = match (&options.demand, action) {
        (Demand::Withdraw { asset, amount }, _) => Call::ForceWithdrawal { account, token: *asset, amount: *amount },
        (_, action) => {
            let elements = action.and_then(|action| action.to_forced());
            let elements = elements.ok_or_else(|| Error::failed("this cannot be forced: name another action"))?;
            Call::ForceAction { account, elements }
        }
    };
    let sent = writer.call(demand).await?;
    let message = last(&reader, before, &demand).await?;
    let (index, id) = (message.index(), message.id());
    let text = format!(
        "message {index} of the inbox, in L1 block {}: the chain must take it, and answers with receipt {id}",
        sent.block
    );
    let value = json!({
        "ok": true, "account": account, "transaction": sent.transaction, "gas_used": sent.gas_used, "index": index,
        "receipt": id,
    });
    say.give(text, &value);
    Ok(())
}

/// Finds the newest message that a demand made.
async fn last(reader: &Reader, mut next: u64, demand: &Call<'_>) -> Result<Message, Error> {
    let is_it = |message: &Message| match (message, demand) {
        (Message::Withdrawal(found), Call::ForceWithdrawal { account, token, amount }) => {
            (found.account, found.token, found.amount) == (*account, *token, *amount)
        }
        (Message::Action(found), Call::ForceAction { account, elements }) => {
            (found.account, found.elements) == (*account, *elements)
        }
        _ => false,
    };
    let mut found = None;
    loop {
        let page = reader.messages(next, PAGE).await?;
        let Some(last) = page.last() else { break };
        next = last.index() + 1;
        found = page.into_iter().rfind(is_it).or(found);
    }
    found.ok_or_else(|| Error::failed("L1 does not show the message yet: look again before you send it once more"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Digest, Encode as _};

    #[test]
    fn every_demand_but_a_withdrawal_is_an_action_that_can_be_forced() {
        let digest = Digest::new([1, 2, 3, 4]).unwrap();
        let (account, tally, amount) = (AccountId(digest), TallyId(digest), Amount::new(5).unwrap());
        let asset = word("0x0000000000000000000000000000000000000000").unwrap();
        let demands = [
            Demand::Transfer { to: account, asset, amount },
            Demand::Rekey { to: account },
            Demand::Authorise { agent: account, expires: u64::MAX },
            Demand::Revoke { agent: account },
            Demand::Merge { tally, pairs: amount },
            Demand::Resolve { tally, outcome: u64::MAX },
            Demand::Redeem { tally },
            Demand::Reclaim { tally },
        ];
        for demand in demands {
            let action = demand.action().unwrap().unwrap();
            let elements = action.to_forced().unwrap();
            assert!(elements.limbs().starts_with(&action.to_elements()));
        }
        assert_eq!(Demand::Withdraw { asset, amount }.action().unwrap(), None);
    }

    #[test]
    fn an_asset_is_named_by_address_or_by_the_id_of_a_half() {
        let address = "0x00000000000000000000000000000000000000ff";
        assert_eq!(word(address), Ok(token_word(address.parse().unwrap())));
        let id = format!("0x{}", "01".repeat(32));
        assert_eq!(word(&id), Ok(id.parse().unwrap()));
        assert!(word("gold").is_err());
        let no_asset = Demand::Transfer {
            to: AccountId(Digest::ZERO),
            asset: Bytes32([0xff; 32]),
            amount: Amount::new(1).unwrap(),
        };
        assert!(no_asset.action().is_err());
    }
}
