//! `talea verify`: a receipt or a batch, offline.

mod batch;

use crate::error::Error;
use crate::say::Say;
use api::ProvenReceipt;
use clap::{Args, Subcommand};
use client::Client;
use proof::{Anchor, ReceiptProof};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;
use transition::{Entry, Receipt, Status, Transaction};
use types::{Decode as _, TransactionId};

/// What to check, and against what.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Options {
    #[command(subcommand)]
    what: Option<What>,
    /// The receipt's file, as `talea run --receipt` wrote it.
    #[arg(required = true)]
    receipt: Option<PathBuf>,
    /// A file with the anchor to check against; without it the receipt's own anchor is believed and printed.
    #[arg(long, value_name = "FILE")]
    anchor: Option<PathBuf>,
}

/// What is checked other than a receipt.
#[derive(Subcommand)]
enum What {
    /// Check a batch's validity proof: that its entries take the state from the root before to the root after.
    Batch(batch::Options),
}

/// Waits until the committee has signed the batch, and writes the proven receipt of a transaction.
pub async fn save(client: &Client, id: &TransactionId, path: &Path) -> Result<(), Error> {
    let proven = loop {
        match client.proof(id).await {
            Ok(proven) => break proven,
            Err(client::Error::Missing(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => return Err(error.into()),
        }
    };
    let text = serde_json::to_vec_pretty(&proven).map_err(|source| Error::Unreadable {
        path: path.to_owned(),
        what: "JSON",
        source,
    })?;
    std::fs::write(path, text).map_err(Error::io(format!("write {}", path.display())))
}

fn read<T: serde::de::DeserializeOwned>(path: &Path, what: &'static str) -> Result<T, Error> {
    let bytes = std::fs::read(path).map_err(Error::io(format!("read {}", path.display())))?;
    serde_json::from_slice(&bytes).map_err(|source| Error::Unreadable { path: path.to_owned(), what, source })
}

/// What a receipt says once it is checked.
pub struct Checked {
    /// The transaction; `None` for an L1 message.
    pub transaction: Option<Transaction>,
    /// What became of it.
    pub receipt: Receipt,
    /// The proof that was checked.
    pub proof: ReceiptProof,
}

/// Checks a proven receipt against an anchor: the paths, the committee's signatures, the sender's signature.
pub fn check(proven: &ProvenReceipt, anchor: &Anchor) -> Result<Checked, Error> {
    let unreadable =
        |what: &str| Error::failed(format!("the receipt's {what} does not read: ask the gateway for it again"));
    let proof = ReceiptProof::from_bytes(&proven.proof.0).map_err(|_| unreadable("proof"))?;
    proof.check(anchor).map_err(|fault| Error::failed(format!("the receipt does not hold: {fault}")))?;
    let entry = Entry::from_bytes(&proof.entry).map_err(|_| unreadable("entry"))?;
    let receipt = Receipt::from_bytes(&proof.receipt).map_err(|_| unreadable("outcome"))?;
    let transaction = match entry {
        Entry::Transaction(bytes) => {
            Transaction::check(&bytes, &anchor.config_hash).ok().map(|checked| checked.transaction().clone())
        }
        Entry::Message(_) => None,
    };
    Ok(Checked { transaction, receipt, proof })
}

/// Checks a receipt's file and says what it shows.
pub async fn run(dir: &Path, options: &Options, say: &Say) -> Result<(), Error> {
    let receipt = match (&options.what, &options.receipt) {
        (Some(What::Batch(batch)), _) => return batch::run(dir, batch, say).await,
        (None, Some(receipt)) => receipt,
        (None, None) => return Err(Error::failed("name a receipt's file, or a batch")),
    };
    let proven: ProvenReceipt = read(receipt, "a receipt")?;
    let anchor = match &options.anchor {
        Some(path) => read(path, "an anchor")?,
        None => proven.anchor.clone(),
    };
    let checked = check(&proven, &anchor)?;
    let status = match checked.receipt.status {
        Status::Applied(_) => "applied".to_owned(),
        Status::Rejected(code) => {
            format!("rejected with {code}: {}", transition::explain(code).unwrap_or("an unknown code"))
        }
    };
    let (batch, block) = (checked.proof.batch.number, checked.proof.block.height);
    let mut text = format!("holds: {status}, in block {block} of batch {batch}\n");
    if options.anchor.is_none() {
        text.push_str(&format!(
            "believed: rollup {} on chain {}, configuration {}, {} of {} committee members\n",
            anchor.domain.rollup,
            anchor.domain.chain_id,
            anchor.config_hash,
            anchor.committee.threshold,
            anchor.committee.members.len(),
        ));
    }
    let action = checked.transaction.map(|tx| tx.action);
    if let Some(action) = &action {
        text.push_str(&format!("{}\n", serde_json::to_string(action).unwrap_or_default()));
    }
    let value = json!({
        "ok": true, "receipt": checked.receipt, "block": block, "batch": batch, "action": action, "anchor": anchor,
    });
    say.give(text, &value);
    Ok(())
}
