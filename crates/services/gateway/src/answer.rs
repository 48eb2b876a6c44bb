//! Answers that are not a success.

use crate::port::Refused;
use api::Failure;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use transition::Reject;

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
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        tracing::warn!(error = &error as &dyn std::error::Error, "store");
        Self::new(status, 0, error.to_string())
    }
}
