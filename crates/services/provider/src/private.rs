//! From a committee's session to the ledger's words.

use crate::core::Ran;
use crate::execute::{Failed, exit};
use api::private::Job;
use proof::agreement::Outcome;
use std::pin::Pin;
use task::Submit;
use types::{AccountId, Fuel, TaskId};

/// A place in the committee of a private task.
pub struct Seat {
    /// Which task.
    pub task: TaskId,
    /// What was asked.
    pub submit: Submit,
    /// What the task's input says.
    pub job: Job,
    /// The committee, in its order.
    pub committee: [AccountId; api::private::PARTIES],
}

/// How a session ended, so that all of its committee can say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With a receipt, and what the program's certificate says that it costs.
    Certified {
        /// The receipt's bytes.
        receipt: Vec<u8>,
        /// The fuel.
        fuel: Fuel,
    },
    /// Early. The text says why and names whom.
    Aborted(Vec<u8>),
}

/// What a session's end takes.
pub type Ending<'a> = Pin<Box<dyn Future<Output = Result<Ended, Failed>> + Send + 'a>>;

/// Takes part in sessions.
pub trait Private: Send + Sync + 'static {
    /// Takes a seat, and returns how the session ended.
    fn take(&self, seat: Seat) -> Ending<'_>;
}

impl From<Ended> for Ran {
    /// A session that ended early costs nothing: its clients have no result.
    fn from(ended: Ended) -> Self {
        let (exit, output, fuel) = match ended {
            Ended::Certified { receipt, fuel } => (exit::SUCCESS, receipt, fuel),
            Ended::Aborted(why) => (exit::ABORTED, why, Fuel(0)),
        };
        Self { outcome: Outcome { exit, output: crypto::content_id(&output), fuel }, output }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_receipt_is_paid_for() {
        let receipt = vec![1, 2];
        let ran = Ran::from(Ended::Certified { receipt: receipt.clone(), fuel: Fuel(9) });
        assert_eq!((ran.outcome.exit, ran.outcome.fuel, &ran.output), (exit::SUCCESS, Fuel(9), &receipt));
        assert_eq!(ran.outcome.output, crypto::content_id(&receipt));
        let ran = Ran::from(Ended::Aborted(b"why".to_vec()));
        assert_eq!((ran.outcome.exit, ran.outcome.fuel), (exit::ABORTED, Fuel(0)));
        assert_eq!(ran.outcome.output, crypto::content_id(b"why"));
    }
}
