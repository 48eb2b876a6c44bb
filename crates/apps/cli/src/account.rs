//! `talea account` and `talea deposit`.

use crate::error::Error;
use crate::market::money;
use crate::network::Network;
use crate::network::dev::{self, Role};
use crate::say::Say;
use clap::Args;
use client::Client;
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use types::{Amount, EthAddress};

/// What to deposit.
#[derive(Args)]
pub struct Deposit {
    /// How much, in quanta: millionths of the development token, or gwei with --eth.
    amount: Amount,
    /// Deposit ETH instead of the development token.
    #[arg(long)]
    eth: bool,
}

/// Shows the development accounts with their balances on the ledger.
pub async fn list(dir: &Path, say: &Say) -> Result<(), Error> {
    let network = Network::require(dir)?;
    let client = Client::with_patience(&network.api, Duration::ZERO);
    let token = network.contracts()?.token.map(ledger::bridge::asset_of);
    let eth = ledger::bridge::asset_of(EthAddress::ZERO);
    let (mut text, mut rows) = (String::new(), Vec::new());
    for account in dev::accounts(&network) {
        let Some(id) = account.account else { continue };
        let view = client.account(id).await?;
        text.push_str(&format!("{:<11} {id}\n", account.name));
        for holding in &view.holdings.items {
            let line = match holding.asset {
                asset if Some(asset) == token => format!("{} TTD", money(holding.amount.quanta())),
                asset if asset == eth => format!("{} gwei", holding.amount),
                asset => format!("{} of {asset}", holding.amount),
            };
            text.push_str(&format!("            {line}\n"));
        }
        rows.push(json!({ "name": account.name, "l1_address": account.address, "account": view }));
    }
    say.give(text, &json!({ "ok": true, "accounts": rows }));
    Ok(())
}

/// Deposits from the requester's L1 account to its account on the ledger, and waits for the credit.
pub async fn deposit(dir: &Path, options: Deposit, say: &Say) -> Result<(), Error> {
    let network = Network::require(dir)?;
    let client = Client::new(&network.api);
    let account = Role::Requester.key(&network)?.account();
    let writer = Role::Requester.writer(&network).await?;
    let token = if options.eth { Some(EthAddress::ZERO) } else { network.contracts()?.token };
    let token = token.ok_or_else(|| Error::failed("this network has no development token: deposit --eth"))?;
    let asset = ledger::bridge::asset_of(token);
    let before = held(&client, account, asset).await?;
    let sent = if options.eth {
        writer.deposit_eth(options.amount, account).await?
    } else {
        writer.deposit_token(token, options.amount, account).await?.deposit
    };
    say.tell(format!("deposited in L1 block {}; waiting for the credit", sent.block));
    let wanted = before.plus(options.amount).map_err(|error| Error::failed(error.to_string()))?;
    let after = loop {
        let after = held(&client, account, asset).await?;
        if after >= wanted {
            break after;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let value = json!({ "ok": true, "transaction": sent.transaction, "gas_used": sent.gas_used, "balance": after });
    say.give(format!("balance {after}"), &value);
    Ok(())
}

/// Returns a balance, checked against the block's state root; nothing before the first block.
pub async fn held(client: &Client, account: types::AccountId, asset: types::AssetId) -> Result<Amount, Error> {
    match client.balance(account, asset).await {
        Ok(proof) => Ok(proof.amount),
        Err(client::Error::Missing(_)) => Ok(Amount::ZERO),
        Err(error) => Err(error.into()),
    }
}
