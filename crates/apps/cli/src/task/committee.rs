//! Who computes a private task, and where they are.

use client::Client;
use net::{Peer, PeerId};
use types::{AccountId, Digest, TaskId};

/// Returns what the session of a private task is called.
pub fn label(task: &TaskId) -> [u8; 32] {
    ::party::label(&format!("task {task}"))
}

/// Returns the parties of a committee in its order, from words that its members signed; `None` while one is missing.
pub async fn peers(
    client: &Client,
    chain: &Digest,
    committee: &[AccountId; 3],
) -> Result<Option<[Peer; 3]>, client::Error> {
    let hosts: Vec<_> =
        client.hosts().await?.into_iter().filter_map(|host| Some((host.account(chain)?, host))).collect();
    let peer = |member: &AccountId| {
        let words = hosts.iter().filter(|(account, _)| account == member).map(|(_, host)| host);
        let last = words.max_by_key(|host| host.at)?;
        Some(Peer { id: PeerId::new(last.party.0), address: last.address.parse().ok()? })
    };
    let [Some(first), Some(second), Some(third)] = committee.each_ref().map(peer) else { return Ok(None) };
    Ok(Some([first, second, third]))
}
