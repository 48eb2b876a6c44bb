//! Answers that are not a success.

use crate::port::Refused;
use api::Failure;
use axum::Json;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use transition::Reject;
use types::Encode;

/// Most of a refusal's text that is passed on.
const TEXT_BYTES: usize = 1_024;

/// Gives refusals of the HTTP layer (a body that is no JSON, a path that is no id, a body that is too long) the shape
/// of all other failures.
pub(crate) async fn explain(response: Response) -> Response {
    let status = response.status();
    let is_json =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let body = axum::body::to_bytes(response.into_body(), TEXT_BYTES).await.unwrap_or_default();
    let text = match String::from_utf8_lossy(&body) {
        text if text.trim().is_empty() => status.canonical_reason().unwrap_or("the request was refused").to_owned(),
        text => text.into_owned(),
    };
    Fault::new(status, 0, format!("{text}: see the api crate for what this route takes")).into_response()
}

/// Answers with a value's canonical bytes.
pub(crate) fn canonical(value: &impl Encode) -> Response {
    bytes(value.to_bytes())
}

/// Answers with bytes.
pub(crate) fn bytes(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response()
}

/// A failure with its HTTP status.
pub(crate) struct Fault {
    status: StatusCode,
    failure: Failure,
}

impl Fault {
    fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self { status, failure: Failure { code, message: message.into() } }
    }

    pub(crate) fn missing(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, 0, message)
    }

    pub(crate) fn late() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, 0, "the request took too long: send it again, a transaction too")
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 0, message)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        (self.status, Json(self.failure)).into_response()
    }
}

impl From<Reject> for Fault {
    fn from(reject: Reject) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reject.code(), reject.text())
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Rejected(code, message) => Self::new(StatusCode::BAD_REQUEST, code, message),
            Refused::Busy(message) => Self::new(StatusCode::SERVICE_UNAVAILABLE, 0, message),
            Refused::Stopped(message) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, 0, message),
        }
    }
}

impl From<store::Error> for Fault {
    fn from(error: store::Error) -> Self {
        let status = match error {
            store::Error::ContentTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            // Its text says what to do. It is no fault of the node, so it is not logged.
            store::Error::Pruned { .. } => return Self::new(StatusCode::GONE, 0, error.to_string()),
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        tracing::warn!(error = %types::Causes(&error), "store");
        Self::new(status, 0, error.to_string())
    }
}
