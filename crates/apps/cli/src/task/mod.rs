//! `talea task`: private programs on the network, and what became of tasks.

pub mod committee;

use crate::error::Error;
use crate::market::money;
use crate::network::Network;
use crate::program::{self, Join, Submit};
use crate::say::Say;
use ::party::Receipt;
use api::private::Job;
use clap::Subcommand;
use client::Client;
use proof::agreement::Outcome;
use provider::execute::exit;
use serde_json::{Value, json};
use std::path::Path;
use task::{Assignment, Stage, Standing, TaskRecord};
use types::{Amount, Decode as _, TaskId};

/// What to do with tasks.
#[derive(Subcommand)]
pub enum Verb {
    /// Have three providers of the network run a private program, and pay them for it.
    Submit(Submit),
    /// Give inputs to a private task that somebody else submitted, and get outputs of it.
    Join(Join),
    /// Show what was asked, who works on it, how it ended and its receipt.
    Show {
        /// The task's id.
        task: TaskId,
    },
}

/// Carries out a verb.
pub async fn run(dir: &Path, verb: Verb, say: &Say) -> Result<(), Error> {
    let network = Network::require(dir)?;
    match verb {
        Verb::Submit(options) => program::submit(&network, options, say).await,
        Verb::Join(options) => program::join(&network, options, say).await,
        Verb::Show { task } => show(&Client::new(&network.api), &task, say).await,
    }
}

/// Returns what was paid for a task: its price's part in proportion to the fuel used, rounded down, as its tally resolves.
pub fn paid(task: &TaskRecord) -> Result<Amount, Error> {
    let Standing::Decided(verdict) = &task.standing else { return Ok(Amount::ZERO) };
    let paid = task.price.times_down(verdict.outcome.fuel.0, task.submit.fuel_limit.0);
    paid.map_err(|error| Error::failed(error.to_string()))
}

async fn show(client: &Client, id: &TaskId, say: &Say) -> Result<(), Error> {
    let task = client.task(id).await?.record;
    let input = match client.content(&task.submit.input).await {
        Ok(input) => input,
        Err(client::Error::Missing(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let job = Job::of(task.submit.redundancy, &input);
    let (standing, verdict) = match &task.standing {
        Standing::Open(_) => ("open", None),
        Standing::Decided(verdict) => ("decided", Some(verdict)),
        Standing::Refunded(_) => ("refunded", None),
    };
    let paid = paid(&task)?;
    let privacy = if job.is_some() { "mpc" } else { "none" };
    let mut text = format!("task {id}: {standing}\nprogram {}\nprivacy {privacy}\n", task.submit.program);
    text.push_str(&format!("paid {} of {} locked\n", money(paid.quanta()), money(task.price.quanta())));
    let mut rows = Vec::new();
    for assignment in &task.assignments {
        let (stage, says) = stage(client, assignment, job.is_some()).await?;
        text.push_str(&format!(
            "{} {stage}{}\n",
            assignment.provider,
            says.as_ref().map_or(String::new(), |says| format!(": {says}"))
        ));
        rows.push(json!({ "provider": assignment.provider, "stage": stage, "says": says }));
    }
    let receipt = match verdict.filter(|verdict| job.is_some() && verdict.outcome.exit == exit::SUCCESS) {
        Some(verdict) => Some(receipt(client, &verdict.outcome).await?),
        None => None,
    };
    if let Some(receipt) = &receipt {
        text.push_str(&shown(receipt));
    }
    let value = json!({
        "ok": true, "task": id, "standing": standing, "privacy": privacy,
        "malicious": job.as_ref().is_some_and(|job| job.malicious), "program": task.submit.program,
        "requester": task.requester, "fuel_limit": task.submit.fuel_limit, "deadline": task.submit.deadline,
        "price": task.price, "paid": paid, "exit": verdict.map(|verdict| verdict.outcome.exit),
        "assignments": rows, "receipt": receipt.as_ref().map(as_json),
    });
    say.give(text, &value);
    Ok(())
}

/// Returns how far a provider is, and what it says of a session that ended early.
async fn stage(
    client: &Client,
    assignment: &Assignment,
    is_private: bool,
) -> Result<(&'static str, Option<String>), Error> {
    Ok(match &assignment.stage {
        Stage::Assigned(_) => ("assigned", None),
        Stage::Committed(_) => ("committed", None),
        Stage::Delivered(outcome) if is_private && outcome.exit == exit::ABORTED => {
            let says = client.content(&outcome.output).await?;
            ("delivered", Some(String::from_utf8_lossy(&says).trim_end().to_owned()))
        }
        Stage::Delivered(_) => ("delivered", None),
    })
}

/// Fetches the receipt that an outcome names.
pub async fn receipt(client: &Client, outcome: &Outcome) -> Result<Receipt, Error> {
    let bytes = client.content(&outcome.output).await?;
    let none = |_| Error::failed("what the committee delivered is no receipt: use the version of `talea` that it uses");
    Receipt::from_bytes(&bytes).map_err(none)
}

fn shown(receipt: &Receipt) -> String {
    let each = |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(" / ");
    let names = receipt.outputs.iter().map(|one| one.name.as_str());
    let outputs = names.map(|name| if name.is_empty() { "everybody" } else { name });
    format!(
        "receipt: {} fuel, {} rounds, {} bytes sent, commitments to the outputs of {}\n",
        receipt.fuel,
        each(&receipt.rounds),
        each(&receipt.bytes),
        outputs.collect::<Vec<_>>().join(", "),
    )
}

fn as_json(receipt: &Receipt) -> Value {
    let is_malicious = receipt.terms.security() == Some(mpc::Security::Malicious);
    let outputs = receipt.outputs.iter().map(|one| json!({ "client": one.name, "components": one.components }));
    json!({
        "program": receipt.terms.program, "malicious": is_malicious, "parties": receipt.terms.parties,
        "session": types::Bytes32(receipt.terms.session()), "fuel": receipt.fuel, "rounds": receipt.rounds,
        "sent": receipt.bytes, "outputs": outputs.collect::<Vec<_>>(),
    })
}
