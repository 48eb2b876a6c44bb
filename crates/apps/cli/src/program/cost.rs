//! `talea cost`: what a run costs, before anything runs.

use super::Which;
use crate::error::Error;
use crate::say::Say;
use lang::Options as Choices;
use serde_json::json;

/// Shows the certificate and the cost of each line.
pub fn cost(which: &Which, say: &Say) -> Result<(), Error> {
    let (_, parsed, compiled) = which.compile(&Choices::default())?;
    let program = compiled.program.program();
    let certificate = &program.certificate;
    let sent = [certificate.sent_first, certificate.sent_second, certificate.sent_third];
    let bound = if certificate.exact { "exactly" } else { "at most" };
    let mut text = format!(
        "a run costs {bound} {} fuel; by three parties {} rounds, {} / {} / {} bytes sent, {} bytes preprocessed\n\n",
        certificate.fuel, certificate.rounds, sent[0], sent[1], sent[2], certificate.preprocessing
    );
    text.push_str("      fuel  rounds      bytes  line\n");
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
    let value = json!({
        "ok": true, "exact": certificate.exact, "fuel": certificate.fuel, "rounds": certificate.rounds, "sent": sent,
        "preprocessing": certificate.preprocessing, "slots": certificate.slots, "lines": lines,
    });
    say.give(text, &value);
    Ok(())
}
