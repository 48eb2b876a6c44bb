//! Routes that change something.

use crate::answer::Fault;
use crate::port::{Confirmed, Node};
use crate::run::Gateway;
use api::{BatchSignature, Confirmation, ContentView, SubmitRequest, Vote};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use transition::Status;

pub(crate) fn confirmation(confirmed: Confirmed) -> Confirmation {
    let explanation = match confirmed.receipt.status {
        Status::Applied(_) => None,
        Status::Rejected(code) => transition::explain(code).map(str::to_owned),
    };
    let Confirmed { id, height, position, receipt } = confirmed;
    Confirmation { id, height, position, receipt, explanation }
}

pub(crate) async fn submit<N: Node>(
    State(gateway): State<Gateway<N>>,
    Json(request): Json<SubmitRequest>,
) -> Result<Json<Confirmation>, Fault> {
    let checked = crate::core::check(&request, &gateway.anchor.config_hash)?;
    Ok(Json(confirmation(gateway.node.submit(checked.into_transaction()).await?)))
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
