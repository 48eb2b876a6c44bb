//! Routes that change something.

use crate::answer::{Fault, canonical};
use crate::core;
use crate::port::{Confirmed, Node, Refused};
use crate::run::Gateway;
use api::bulk::{self, Outcome, Placed};
use api::private::Host;
use api::{BatchSignature, Confirmation, ContentView, Hex, SubmitRequest, Vote, metric};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use proof::confirmation::{SignedHeader, SoftConfirmation};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use transition::{Checked, Reject, Status};
use types::{Encode as _, Height};

/// Returns the sequencer's word on a transaction.
pub(crate) fn soft(confirmed: &Confirmed) -> SoftConfirmation {
    SoftConfirmation {
        receipt: confirmed.receipt.to_bytes().into(),
        position: confirmed.position.into(),
        path: confirmed.path.clone(),
        block: confirmed.block.as_ref().clone(),
    }
}

pub(crate) fn confirmation(confirmed: Confirmed) -> Confirmation {
    let explanation = match confirmed.receipt.status {
        Status::Applied(_) => None,
        Status::Rejected(code) => transition::explain(code).map(str::to_owned),
    };
    let soft = Hex(soft(&confirmed).to_bytes());
    let Confirmed { id, height, position, receipt, .. } = confirmed;
    Confirmation { id, height, position, receipt, explanation, soft }
}

fn count_unsound(count: usize) {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    ::metrics::counter!(metric::TRANSACTIONS, "outcome" => "unsound").increment(count);
}

const NO_ANSWER: &str = "the node gave no answer to this transaction: ask for it by its id before sending it again";

pub(crate) async fn submit<N: Node>(
    State(gateway): State<Gateway<N>>,
    Json(request): Json<SubmitRequest>,
) -> Result<Json<Confirmation>, Fault> {
    let arrived = Instant::now();
    // On this task: one signature is checked in less time than it takes to hand it to another thread and back.
    let checked = core::check(&request.transaction.0, &gateway.anchor.config_hash).inspect_err(|_| count_unsound(1))?;
    let outcome = gateway.node.submit_all(vec![checked]).await?.pop();
    let confirmed = outcome.unwrap_or_else(|| Err(Refused::Stopped(NO_ANSWER.to_owned())))?;
    ::metrics::histogram!(metric::CONFIRMATION_SECONDS).record(arrived.elapsed());
    Ok(Json(confirmation(confirmed)))
}

pub(crate) async fn submit_bulk<N: Node>(State(gateway): State<Gateway<N>>, body: Bytes) -> Result<Response, Fault> {
    let arrived = Instant::now();
    let transactions = core::read_bulk(&body).map_err(|fault| Fault::bad(fault.to_string()))?;
    let chain = gateway.anchor.config_hash;
    let checking = tokio::task::spawn_blocking(move || core::check_all(&transactions, &chain));
    let verdicts = checking.await.expect("checks are total and do not panic");
    let mut sound = Vec::new();
    let verdicts: Vec<Option<Reject>> =
        verdicts.into_iter().map(|verdict| verdict.map(|tx| sound.push(tx)).err()).collect();
    count_unsound(verdicts.iter().flatten().count());
    let answers = submit_sound(&gateway.node, sound).await?;
    let confirmed = answers.iter().filter(|answer| answer.is_ok()).count();
    ::metrics::histogram!(metric::CONFIRMATION_SECONDS).record_many(arrived.elapsed(), confirmed);
    Ok(canonical(&answer(verdicts, answers)))
}

/// Submits what was found sound; nothing to submit is no reason to ask the node.
async fn submit_sound<N: Node>(node: &N, sound: Vec<Checked>) -> Result<Vec<Result<Confirmed, Refused>>, Refused> {
    if sound.is_empty() { Ok(Vec::new()) } else { node.submit_all(sound).await }
}

/// Puts together what the checks refused and what the node answered to the rest, in the order of the request.
fn answer(verdicts: Vec<Option<Reject>>, answers: Vec<Result<Confirmed, Refused>>) -> bulk::Answer {
    let mut answers = answers.into_iter();
    let mut blocks: BTreeMap<Height, Arc<SignedHeader>> = BTreeMap::new();
    let mut outcome = |verdict: Option<Reject>| match verdict.map_or_else(|| answers.next(), |_| None) {
        Some(Ok(confirmed)) => {
            let Confirmed { id, height, position, receipt, block, .. } = confirmed;
            blocks.insert(height, block);
            Outcome::Placed(Placed { id, height, position, status: receipt.status })
        }
        Some(Err(Refused::Rejected(code, _))) => Outcome::Refused(code),
        Some(Err(Refused::Busy(_) | Refused::Stopped(_))) => Outcome::Busy(0),
        None => verdict.map_or(Outcome::Busy(0), |reject| Outcome::Refused(reject.code())),
    };
    let outcomes = verdicts.into_iter().map(&mut outcome).collect();
    bulk::Answer { outcomes, blocks: blocks.into_values().map(Arc::unwrap_or_clone).collect() }
}

pub(crate) async fn put_content<N: Node>(
    State(gateway): State<Gateway<N>>,
    body: Bytes,
) -> Result<Json<ContentView>, Fault> {
    let id = gateway.blocking(move |store| store.put_content(&body)).await?;
    Ok(Json(ContentView { id }))
}

pub(crate) async fn sign<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(number): Path<u64>,
    Json(request): Json<BatchSignature>,
) -> Result<Json<()>, Fault> {
    let signature = request.signature.0.try_into().map_err(|_| Fault::bad("a signature has 65 bytes: r, s, v"))?;
    gateway.node.sign(number, request.signer, signature).await?;
    gateway.seen(request.signer);
    Ok(Json(()))
}

pub(crate) async fn vote<N: Node>(
    State(gateway): State<Gateway<N>>,
    Json(vote): Json<Vote>,
) -> Result<Json<()>, Fault> {
    gateway.node.vote(vote).await?;
    Ok(Json(()))
}

pub(crate) async fn host<N: Node>(
    State(gateway): State<Gateway<N>>,
    Json(host): Json<Host>,
) -> Result<Json<()>, Fault> {
    gateway.node.host(host).await?;
    Ok(Json(()))
}
