//! `talea chain status`: how a running chain is, from its node's numbers and from L1's own word.

use crate::error::Error;
use crate::network::{Execution, Network};
use crate::say::Say;
use api::metric;
use client::Client;
use l1::Reader;
use l1::claims::{Claimed, Heard, Standing};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often a live view looks.
const EVERY: Duration = Duration::from_secs(1);
/// How many ages of a batch may pass without a settled one, and what L1 is given on top, before people are told.
const LATE: u32 = 4;
const GRACE: Duration = Duration::from_secs(60);

/// What was seen at one time.
struct Seen {
    at: Instant,
    applied: f64,
    value: Value,
    text: String,
}

/// Says it once.
pub async fn once(dir: &Path, say: &Say) -> Result<(), Error> {
    let watched = Watched::of(dir).await?;
    let seen = watched.look(None).await?;
    say.give(&seen.text, &seen.value);
    Ok(())
}

/// Goes on saying it until the node is gone: over the same lines on a terminal, a line of JSON each time for programs.
pub async fn follow(dir: &Path, say: &Say) -> Result<(), Error> {
    let watched = Watched::of(dir).await?;
    let live = std::io::stdout().is_terminal() && !say.is_json();
    let mut before: Option<Seen> = None;
    let mut clock = tokio::time::interval(EVERY);
    loop {
        clock.tick().await;
        let seen = watched.look(before.as_ref()).await?;
        if live && let Some(before) = &before {
            // Up to where the last view began, and away with it.
            let _ = write!(std::io::stdout(), "\x1b[{}A\x1b[J", before.text.lines().count());
        }
        say.give(&seen.text, &seen.value);
        before = Some(seen);
    }
}

struct Watched {
    network: Network,
    client: Client,
    reader: Reader,
}

/// Finds a number among the lines of the text format; labels are summed over.
fn number(text: &str, name: &str) -> Option<f64> {
    let mut found = None;
    for line in text.lines() {
        let Some(rest) = line.strip_prefix(name) else { continue };
        if !rest.starts_with([' ', '{']) {
            continue;
        }
        if let Some(value) = line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()) {
            found = Some(found.unwrap_or(0.0) + value);
        }
    }
    found
}

/// Reads the bound below which a share of what a histogram counted lies, in seconds.
fn quantile(text: &str, name: &str, share: f64) -> Option<f64> {
    let total = number(text, &format!("{name}_count"))?;
    let prefix = format!("{name}_bucket{{le=\"");
    let bounds = text.lines().filter_map(|line| line.strip_prefix(&prefix)?.split_once("\"} "));
    let mut within = bounds.filter(|(_, count)| count.parse::<f64>().is_ok_and(|count| count >= share * total));
    within.next().and_then(|(bound, _)| bound.parse().ok()).filter(|_| total > 0.0)
}

impl Watched {
    async fn of(dir: &Path) -> Result<Self, Error> {
        let network = Network::require(dir)?;
        let reader = network.reader(0).await?;
        Ok(Self { client: Client::with_patience(&network.api, Duration::ZERO), network, reader })
    }

    async fn look(&self, before: Option<&Seen>) -> Result<Seen, Error> {
        let status = self.client.status().await?;
        let numbers = self.client.metrics().await?;
        let (settled, frozen) = (self.reader.settled().await?, self.reader.is_frozen().await?);
        let oldest = self.reader.oldest_waiting().await?;
        let proving = match self.network.operation.proving {
            Some(_) => Some(self.client.proving().await?),
            None => None,
        };
        // What the last settled batch took to prove and to check, where batches settle by proof.
        let proof = match self.network.execution {
            Execution::Zk | Execution::Optimistic if status.settled > 0 => {
                self.client.batch(status.settled).await?.proof
            }
            _ => None,
        };
        let claims = self.claims(settled.number).await?;
        let at = Instant::now();
        let read = |name: &str| number(&numbers, name).unwrap_or(0.0);
        let applied = read(metric::TRANSACTIONS);
        let tps = before.map(|before| (applied - before.applied) / (at - before.at).as_secs_f64().max(0.001));
        let lag_s = read(metric::SETTLE_LAG_SECONDS);
        // A claim has to wait for its window.
        let window = Duration::from_secs(self.network.terms.map_or(0, |terms| terms.window_s));
        let due = Duration::from_millis(self.network.operation.batch_age_ms.0) * LATE + GRACE + window;
        let is_late = lag_s > due.as_secs_f64();
        let waiting_s = oldest.map(|since| now_s().saturating_sub(since));
        let overdue = waiting_s.is_some_and(|waited| waited > self.network.config.rules.forced_deadline_s / 2);
        let mut alerts = Vec::new();
        if frozen {
            alerts.push("the rollup is frozen: users leave by `talea chain escape`".to_owned());
        }
        if is_late {
            alerts.push(format!("nothing has settled for {lag_s:.0} s although blocks wait: see the node's log"));
        }
        if overdue {
            alerts.push(
                "a message on L1 has waited half its deadline: the chain will be frozen if it is ignored".to_owned(),
            );
        }
        for batch in claims["contested"].as_array().into_iter().flatten() {
            let number = &batch["batch"];
            alerts.push(match batch["is_proven"].as_bool() {
                Some(true) => format!("batch {number} was contradicted: it is proven, and settles by that"),
                _ => format!("batch {number} is contradicted: it waits for its proof"),
            });
        }
        let height = status.head.as_ref().map_or(0, |head| head.height.0);
        let p = |share| quantile(&numbers, metric::CONFIRMATION_SECONDS, share);
        let value = json!({
            "ok": alerts.is_empty(), "alerts": alerts, "settle_lag_s": lag_s,
            "settled": settled.number, "sealed": status.sealed, "height": height, "tps": tps,
            "queue": read(metric::QUEUE_DEPTH), "batch_age_s": read(metric::BATCH_AGE_SECONDS),
            "confirmation_p50_s": p(0.5), "confirmation_p99_s": p(0.99),
            "leaves": read(metric::STATE_LEAVES), "l1_spent_gwei": read(metric::L1_SPENT_GWEI),
            "l1_balance_gwei": read(metric::L1_BALANCE_GWEI), "message_waits_s": waiting_s, "frozen": frozen,
            "members_seen": status.members_seen, "resident_bytes": read(metric::PROCESS_RESIDENT_BYTES),
            "proving": proving, "proof": proof, "verify_gas": read(metric::VERIFY_GAS),
            "claims": claims,
        });
        Ok(Seen { at, applied, text: text(&value, status.config.committee.members.len()), value })
    }
}

impl Watched {
    /// Says how claims stand that are not settled; nothing where batches do not settle by them.
    async fn claims(&self, settled: u64) -> Result<Value, Error> {
        let Some((claims, terms)) = self.network.claims().await? else { return Ok(Value::Null) };
        let committed = claims.last_committed().await?;
        let operator = self.network.operator_writer().await?.address();
        let bond = match claims.standing(&operator).await? {
            Standing::Stranger => "none",
            Standing::Bonded { .. } => "locked",
            Standing::Eliminated => "lost",
        };
        let claimed = claims.follow(&mut Heard::starting_at(self.network.deployed_at()?)).await?;
        let mut outcomes: BTreeMap<u64, Vec<&Claimed>> = BTreeMap::new();
        claimed
            .iter()
            .filter(|one| one.number > settled)
            .for_each(|one| outcomes.entry(one.number).or_default().push(one));
        let mut contested = Vec::new();
        for (number, made) in outcomes {
            if made.iter().all(|one| one.digest == made[0].digest) {
                continue;
            }
            let header = self.client.batch(number).await?.batch.header;
            let contest = claims.contest(number, &header.parent_root).await?;
            let ours = header.digest(&self.network.domain()?);
            let made = made.iter().map(
                |one| json!({ "proposer": one.proposer, "state_root": one.state_root, "is_ours": one.digest == ours }),
            );
            if contest.claims > 1 || contest.proven.is_some() {
                contested.push(json!({
                    "batch": number, "counting": contest.claims, "is_proven": contest.proven.is_some(),
                    "claims": made.collect::<Vec<_>>(),
                }));
            }
        }
        Ok(json!({
            "window_s": terms.window_s, "bond_gwei": terms.bond_gwei, "operator_bond": bond, "committed": committed,
            "waiting": committed.saturating_sub(settled), "contested": contested,
        }))
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn text(value: &Value, members: usize) -> String {
    let shown = |name: &str| match &value[name] {
        Value::Null => "-".to_owned(),
        Value::Number(number) => number
            .as_f64()
            .map_or_else(String::new, |n| if n.fract() == 0.0 { format!("{n:.0}") } else { format!("{n:.3}") }),
        other => other.to_string(),
    };
    let mut out =
        format!("settled   batch {}; sealed ones have waited {} s\n", shown("settled"), shown("settle_lag_s"));
    let mut line = |name: &str, rest: String| out.push_str(&format!("{name:<9} {rest}\n"));
    line("sealed", format!("batch {}; the next is {} s old", shown("sealed"), shown("batch_age_s")));
    line("blocks", format!("{}; {} transactions/s, {} wait", shown("height"), shown("tps"), shown("queue")));
    line(
        "answers",
        format!("p50 within {} s, p99 within {} s", shown("confirmation_p50_s"), shown("confirmation_p99_s")),
    );
    line("state", format!("{} leaves, {} bytes of memory", shown("leaves"), shown("resident_bytes")));
    line("L1", format!("{} gwei spent, {} gwei left", shown("l1_spent_gwei"), shown("l1_balance_gwei")));
    line("members", format!("{} of {members} have signed since the start", shown("members_seen")));
    if value["proving"].is_object() {
        let (done, rest) = proving(&value["proving"]);
        line("proving", done);
        rest.into_iter().for_each(|rest| line("", rest));
    }
    if value["claims"].is_object() {
        let (first, rest) = claims(&value["claims"]);
        line("claims", first);
        rest.into_iter().for_each(|rest| line("", rest));
    }
    if value["proof"].is_object() {
        line("proof", proof(&value["proof"]));
    }
    for alert in value["alerts"].as_array().into_iter().flatten() {
        line("ALERT", alert.as_str().unwrap_or_default().to_owned());
    }
    out
}

/// Says in a line how claims stand, and in further ones who contradicts whom.
fn claims(value: &Value) -> (String, Vec<String>) {
    let first = format!(
        "batch {} is the last committed to; {} wait for their window of {} s; the operator's bond is {}",
        value["committed"],
        value["waiting"],
        value["window_s"],
        value["operator_bond"].as_str().unwrap_or("unknown"),
    );
    let mut rest = Vec::new();
    for batch in value["contested"].as_array().into_iter().flatten() {
        for claim in batch["claims"].as_array().into_iter().flatten() {
            let who = claim["proposer"].as_str().unwrap_or_default();
            let what = if claim["is_ours"] == true { "what this node executed" } else { "something else" };
            rest.push(format!("batch {}: {who} claims {what}", batch["batch"]));
        }
    }
    (first, rest)
}

/// Says in a line what the proof of the last settled batch took.
fn proof(value: &Value) -> String {
    let seconds = value["prove_ms"].as_u64().unwrap_or(0).div_ceil(1_000);
    format!(
        "the last settled batch: {} bytes in {seconds} s; {} gas in {} transactions; {} bits",
        value["bytes"], value["verify_gas"], value["verify_transactions"], value["security_bits"]
    )
}

/// Says in a line where proving stands, and in further ones what is at work and what is not proven.
fn proving(value: &Value) -> (String, Vec<String>) {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let batches = list(&value["batches"]);
    let last = value["proven"].as_u64().map_or("none".to_owned(), |batch| format!("batch {batch}"));
    let first = format!("{last} is the last proven; {} wait or are at work", batches.len());
    let mut rest = Vec::new();
    for batch in &batches {
        for leaf in list(&batch["at_work"]) {
            let (number, word) = (&batch["batch"], |name: &str| leaf[name].as_str().unwrap_or_default().to_owned());
            let seconds = leaf["for_ms"].as_u64().unwrap_or(0) / 1_000;
            let (leaves, of) = (&batch["leaves"], &leaf["leaf"]);
            rest.push(format!(
                "batch {number}, leaf {of} of {leaves}: {} {} for {seconds} s",
                word("prover"),
                word("stage")
            ));
        }
    }
    if let Some(last) = list(&value["not_proven"]).last() {
        rest.push(format!("batch {} is not proven: {}", last["batch"], last["reason"].as_str().unwrap_or_default()));
    }
    (first, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proving_is_told_with_what_is_at_work_and_what_is_not_proven() {
        let leaf = json!({ "leaf": 0, "prover": "prover 1", "stage": "proving", "for_ms": 2_500 });
        let value = json!({
            "planned": 9, "proven": 7, "batches": [{ "batch": 9, "leaves": 2, "proven": 1, "at_work": [leaf] }],
            "not_proven": [{ "batch": 8, "reason": "no table" }],
        });
        let (first, rest) = proving(&value);
        assert_eq!(first, "batch 7 is the last proven; 1 wait or are at work");
        assert_eq!(rest, ["batch 9, leaf 0 of 2: prover 1 proving for 2 s", "batch 8 is not proven: no table"]);
        let none = json!({ "planned": 0, "proven": null, "batches": [], "not_proven": [] });
        assert_eq!(proving(&none).0, "none is the last proven; 0 wait or are at work");
    }

    #[test]
    fn what_a_proof_took_is_told_in_a_line() {
        let value = json!({
            "leaves": 1, "bytes": 409_600, "prove_ms": 2_100, "verify_transactions": 12, "verify_gas": 47_000_000,
            "security_bits": 100,
        });
        let said = "the last settled batch: 409600 bytes in 3 s; 47000000 gas in 12 transactions; 100 bits";
        assert_eq!(proof(&value), said);
    }

    #[test]
    fn claims_are_told_in_a_line_and_who_contradicts_in_others() {
        let claim = |who: &str, is_ours| json!({ "proposer": who, "state_root": "0x", "is_ours": is_ours });
        let batch = json!({ "batch": 5, "counting": 2, "is_proven": false, "claims": [claim("0xa", true), claim("0xb", false)] });
        let value = json!({
            "window_s": 600, "bond_gwei": 1, "operator_bond": "locked", "committed": 7, "waiting": 3, "contested": [batch],
        });
        let (first, rest) = claims(&value);
        let said = "batch 7 is the last committed to; 3 wait for their window of 600 s; the operator's bond is locked";
        assert_eq!(first, said);
        assert_eq!(rest, ["batch 5: 0xa claims what this node executed", "batch 5: 0xb claims something else"]);
    }

    const TEXT: &str = "# TYPE talea_x counter\ntalea_x{outcome=\"a\"} 3\ntalea_x{outcome=\"b\"} 4\ntalea_xy 9\n\
        talea_t_bucket{le=\"0.001\"} 5\ntalea_t_bucket{le=\"0.01\"} 99\ntalea_t_bucket{le=\"+Inf\"} 100\n\
        talea_t_sum 2\ntalea_t_count 100\n";

    #[test]
    fn numbers_are_read_from_the_text_format() {
        assert_eq!(number(TEXT, "talea_x"), Some(7.0));
        assert_eq!(number(TEXT, "talea_xy"), Some(9.0));
        assert_eq!(number(TEXT, "talea_z"), None);
        assert_eq!(quantile(TEXT, "talea_t", 0.05), Some(0.001));
        assert_eq!(quantile(TEXT, "talea_t", 0.99), Some(0.01));
        assert_eq!(quantile(TEXT, "talea_t", 0.999), Some(f64::INFINITY));
        assert_eq!(quantile(TEXT, "talea_z", 0.5), None);
    }
}
