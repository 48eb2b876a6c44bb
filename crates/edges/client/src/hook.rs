//! The operator's hook: who is asked what shall stand in the place of a transaction that would be rejected.
//!
//! The hook is the operator's own program. It is sent `{"id", "transaction", "code", "message"}` and answers with
//! `{"transactions": ["0x..", ...]}`, signed transactions in their order; an empty list drops the transaction. Its
//! transactions are checked like anybody's.

use api::Hex;
use api::hook::{ANSWER_BYTES, Alternative, Question, TRANSACTIONS};
use std::time::Duration;
use transition::Checked;

/// Why the hook gave no answer; one variant for each thing the operator can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers in time: ask again.
    #[error("the hook at {url} does not answer: start it, or make it faster than the timeout")]
    Unreachable {
        /// The hook's address.
        url: String,
        /// What the connection said.
        #[source]
        source: reqwest::Error,
    },
    /// The hook answered with a failure: see its own log, and ask again.
    #[error("the hook at {url} failed with HTTP status {status}: see its own log")]
    Failed {
        /// The hook's address.
        url: String,
        /// The status of its answer.
        status: u16,
    },
    /// The hook's answer is no answer: mend the hook. To ask again changes nothing.
    #[error("the answer of the hook at {url} is of no use: {reason}")]
    Unusable {
        /// The hook's address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// Says whether the same question may be answered when it is asked again.
    pub fn passes(&self) -> bool {
        !matches!(self, Self::Unusable { .. })
    }
}

/// Returns what is asked about a transaction that would be rejected for the reason with this code.
pub fn question(transaction: &Checked, code: u32) -> Question {
    let message = transition::explain(code).unwrap_or("no rule of this version has this code").to_owned();
    Question { id: transaction.id(), transaction: Hex(transaction.bytes().to_vec()), code, message }
}

/// Asks the hook once and returns the bytes of the transactions that it wants instead.
pub async fn ask(url: &str, timeout: Duration, question: &Question) -> Result<Vec<Vec<u8>>, Error> {
    let unusable = |reason: String| Error::Unusable { url: url.to_owned(), reason };
    let unreachable = |source| Error::Unreachable { url: url.to_owned(), source };
    // The hook is named by the operator: neither a proxy nor a redirection may lead elsewhere.
    let http = reqwest::Client::builder().timeout(timeout).no_proxy().redirect(reqwest::redirect::Policy::none());
    let http = http.build().map_err(unreachable)?;
    let sent = http.post(url).json(question).send().await;
    let mut response = sent.map_err(|error| match error.is_builder() {
        true => unusable("this is no address: name one that begins with http://".to_owned()),
        false => unreachable(error),
    })?;
    if !response.status().is_success() {
        return Err(Error::Failed { url: url.to_owned(), status: response.status().as_u16() });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(unusable(format!("it has more than {ANSWER_BYTES} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    let answer: Alternative = serde_json::from_slice(&body).map_err(|error| unusable(error.to_string()))?;
    if answer.transactions.len() > TRANSACTIONS {
        return Err(unusable(format!("it has more than {TRANSACTIONS} transactions")));
    }
    Ok(answer.transactions.into_iter().map(|bytes| bytes.0).collect())
}
