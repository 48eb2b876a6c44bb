//! `talea cost`: what a run costs, before anything runs.

use super::Which;
use super::among::count;
use super::clear::place;
use crate::error::Error;
use crate::say::Say;
use clap::Args;
use lang::{Compiled, Options as Choices, Parsed};
use mpc::{Parties, Prepared, Security};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The cost of which program, among whom.
#[derive(Args)]
pub struct Cost {
    #[command(flatten)]
    which: Which,
    /// Among how many parties: 3, 5 or 7.
    #[arg(long, value_name = "PARTIES", value_parser = count)]
    mpc: Option<Parties>,
    /// Among three parties of whom one may lie.
    #[arg(long)]
    malicious: bool,
}

/// What a run among parties costs.
#[derive(Serialize)]
pub(super) struct Price {
    /// Whether it costs just that, and not less.
    pub(super) exact: bool,
    /// How often the parties wait for each other.
    pub(super) rounds: u64,
    /// How many bytes each party sends.
    pub(super) sent: Vec<u64>,
    /// How many bytes are drawn ahead; against lies, how many random elements.
    preprocessing: u64,
}

impl Price {
    /// Says what a run costs: from the program's certificate, which is of three parties; from its plans among more, or where a
    /// lie is to be found, since checks are of many instructions together. `None` when its loops are too long to say.
    ///
    /// # Errors
    /// When the program does something that cannot be done among parties, with its place; or more than three are to find a lie.
    pub(super) fn of(
        parsed: &Parsed,
        compiled: &Compiled,
        security: Security,
        parties: Parties,
    ) -> Result<Option<Self>, Error> {
        let program = Arc::new(compiled.program.clone());
        let prepared = match (parties, security) {
            (Parties::THREE, security) => Prepared::secure(program, security),
            (more, Security::SemiHonest) => Prepared::among(program, more),
            (more, Security::Malicious) => {
                return Err(Error::failed(format!(
                    "{} parties cannot find a lie yet, and three can: leave --malicious out, or run among three",
                    more.count()
                )));
            }
        };
        let prepared = prepared.map_err(|unsupported| {
            Error::failed(format!("{}{unsupported}", place(parsed, compiled, unsupported.place)))
        })?;
        if (parties, security) == (Parties::THREE, Security::SemiHonest) {
            return Ok(Some(Self::certified(compiled)));
        }
        let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Ok(prepared.cost().map(|quote| Self {
            exact: quote.exact,
            rounds: wide(quote.rounds),
            sent: quote.bytes.into_iter().map(wide).collect(),
            preprocessing: wide(quote.masks),
        }))
    }

    fn certified(compiled: &Compiled) -> Self {
        let certificate = &compiled.program.program().certificate;
        Self {
            exact: certificate.exact,
            rounds: certificate.rounds,
            sent: vec![certificate.sent_first, certificate.sent_second, certificate.sent_third],
            preprocessing: certificate.preprocessing,
        }
    }
}

/// Shows the certificate and the cost of each line.
pub fn cost(options: &Cost, say: &Say) -> Result<(), Error> {
    let (_, parsed, compiled) = options.which.compile(&Choices::default())?;
    let parties = options.mpc.unwrap_or_default();
    if options.malicious || parties != Parties::THREE {
        return planned(&parsed, &compiled, (options.malicious, parties), say);
    }
    let Price { exact, rounds, sent, preprocessing } = Price::certified(&compiled);
    let certificate = &compiled.program.program().certificate;
    let mut text = format!(
        "a run costs {} {} fuel; by three parties {rounds} rounds, {} bytes sent, {preprocessing} bytes preprocessed\n\n",
        bound(exact),
        certificate.fuel,
        each(&sent),
    );
    text.push_str("      fuel  rounds      bytes  line\n");
    let lines = lines(&parsed, &compiled, &mut text);
    let value = json!({
        "ok": true, "exact": exact, "fuel": certificate.fuel, "rounds": rounds, "sent": sent,
        "preprocessing": preprocessing, "slots": certificate.slots, "lines": lines,
    });
    say.give(text, &value);
    Ok(())
}

fn bound(exact: bool) -> &'static str {
    if exact { "exactly" } else { "at most" }
}

fn each(sent: &[u64]) -> String {
    sent.iter().map(u64::to_string).collect::<Vec<_>>().join(" / ")
}

fn lines(parsed: &Parsed, compiled: &Compiled, text: &mut String) -> Vec<Value> {
    let sources = parsed.sources();
    let mut lines = Vec::new();
    for ((file, line), cost) in &compiled.lines {
        if *line == 0 || cost.largest() == 0 {
            continue;
        }
        let name = sources.file(*file).map_or("", |file| file.name.as_str());
        let bytes: u64 = cost.sent.iter().fold(0, |sum, bytes| sum.saturating_add(*bytes));
        let code = sources.line(*file, *line).trim_end();
        text.push_str(&format!("{:10}  {:6}  {bytes:9}  {line:4} | {code}\n", cost.fuel, cost.rounds));
        lines.push(json!({ "file": name, "line": line, "fuel": cost.fuel, "rounds": cost.rounds, "bytes": bytes }));
    }
    lines
}

/// Says what a run costs that no certificate is of. It has no lines: where a lie is to be found, checks are of many of them
/// together, and among more than three parties only plans say what is sent.
fn planned(
    parsed: &Parsed,
    compiled: &Compiled,
    (is_guarded, parties): (bool, Parties),
    say: &Say,
) -> Result<(), Error> {
    let security = if is_guarded { Security::Malicious } else { Security::SemiHonest };
    let price = Price::of(parsed, compiled, security, parties)?;
    let Price { exact, rounds, sent, preprocessing } = price.ok_or_else(|| {
        Error::failed(
            "its loops take too many turns to add up what plans send in them: run it among three without --malicious",
        )
    })?;
    let (bound, each) = (bound(exact), each(&sent));
    let mut value = json!({
        "ok": true, "exact": exact, "parties": parties.count(), "rounds": rounds, "sent": sent,
        "preprocessing": preprocessing,
    });
    if !is_guarded {
        let text = format!("a run among {} parties costs {bound} {rounds} rounds, {each} bytes sent", parties.count());
        say.give(text, &value);
        return Ok(());
    }
    value["statistical_bits"] = json!(mpc::STATISTICAL_BITS);
    let text = format!(
        "a run in which one party may lie costs {bound} {rounds} rounds, {each} bytes sent, {preprocessing} random elements; a \
         lie escapes once in 2^{}",
        mpc::STATISTICAL_BITS,
    );
    say.give(text, &value);
    Ok(())
}
