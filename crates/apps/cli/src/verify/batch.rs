//! `talea verify batch N`: the validity proof of a batch.

use super::read;
use crate::error::Error;
use crate::network::Network;
use crate::say::Say;
use clap::Args;
use client::Client;
use proof::Anchor;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;
use transition::proven::ProvenBatch;
use types::{Decode as _, Encode as _};

/// Which batch, from where, and against what.
#[derive(Args)]
pub struct Options {
    /// The batch's number.
    number: u64,
    /// The gateway that has it; that of the folder's network if none is named.
    #[arg(long, value_name = "URL", conflicts_with = "file")]
    api: Option<String>,
    /// A file with the batch and its proof, as `--save` wrote it: nobody is asked then.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write the batch and its proof to a file.
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    save: Option<PathBuf>,
    /// A file with the anchor to check against; without it that of the folder's network is taken, or else the gateway's.
    #[arg(long, value_name = "FILE")]
    anchor: Option<PathBuf>,
}

/// Fetches or reads a batch with its proof, checks both and says what they show.
pub async fn run(dir: &Path, options: &Options, say: &Say) -> Result<(), Error> {
    let (proven, anchor, source) = get(dir, options).await?;
    if proven.header.number != options.number {
        let found = proven.header.number;
        return Err(Error::failed(format!("this is batch {found} and not {}: name the other", options.number)));
    }
    let start = Instant::now();
    let checked = tokio::task::spawn_blocking(move || (proven.check(&anchor.config_hash), proven, anchor));
    let (claim, proven, anchor) = checked.await.map_err(Error::role)?;
    let claim = claim.map_err(|fault| Error::failed(format!("the batch is not proven: {fault}")))?;
    let verify_s = start.elapsed().as_secs_f64();
    let signed = proven
        .evidence
        .as_ref()
        .map(|evidence| anchor.committee.accepts(&proven.header.digest(&anchor.domain), evidence).is_ok());
    if signed == Some(false) {
        return Err(Error::failed("the committee's signatures on this batch do not hold: ask another gateway"));
    }
    if let Some(path) = &options.save {
        std::fs::write(path, proven.to_bytes()).map_err(Error::io(format!("write {}", path.display())))?;
    }
    let bytes: usize = proven.leaves.iter().map(|leaf| leaf.leaf.proof.len()).sum();
    let (entries, leaves, header) = (proven.entries(), proven.leaves.len(), &proven.header);
    let text = format!(
        "holds: batch {} with {entries} entries in {} blocks takes the state\n  from {}\n  to   {}\n\
         proven in {leaves} leaves of {bytes} bytes, checked in {verify_s:.2} s\n\
         against configuration {}, {source}\n{}\n",
        header.number,
        proven.blocks.len(),
        claim.parent_root,
        claim.state_root,
        claim.chain,
        if signed == Some(true) { "signed by the committee's quorum" } else { "not signed by the committee yet" },
    );
    let value = json!({
        "ok": true, "batch": header, "claim": claim, "entries": entries, "blocks": proven.blocks.len(),
        "leaves": leaves, "proof_bytes": bytes, "verify_s": verify_s, "signed": signed == Some(true), "anchor": anchor,
    });
    say.give(text, &value);
    Ok(())
}

/// Returns the batch, the anchor, and in words where the anchor is from.
async fn get(dir: &Path, options: &Options) -> Result<(ProvenBatch, Anchor, &'static str), Error> {
    let network = Network::load(dir)?;
    let named = options.anchor.as_deref().map(|path| read::<Anchor>(path, "an anchor")).transpose()?;
    let (anchor, source) = match (named, &network) {
        (Some(anchor), _) => (Some(anchor), "which was named"),
        (None, Some(network)) if options.api.is_none() => (Some(network.anchor()?), "which is this folder's"),
        (None, _) => (None, "which the gateway named: bring an anchor of your own to trust nobody"),
    };
    if let Some(path) = &options.file {
        let bytes = std::fs::read(path).map_err(Error::io(format!("read {}", path.display())))?;
        let proven = ProvenBatch::from_bytes(&bytes);
        let proven = proven.map_err(|_| Error::failed(format!("{} holds no batch with its proof", path.display())))?;
        let anchor = anchor.ok_or_else(|| Error::failed("nothing to check a file against: name an anchor"))?;
        return Ok((proven, anchor, source));
    }
    let api = match (&options.api, network) {
        (Some(api), _) => api.clone(),
        (None, Some(network)) => network.api,
        (None, None) => return Err(Error::failed("no network is in this folder: name a gateway with --api")),
    };
    let client = Client::new(&api);
    let proven = client.proven_batch(options.number).await?;
    let anchor = match anchor {
        Some(anchor) => anchor,
        None => client.status().await?.anchor,
    };
    Ok((proven, anchor, source))
}
