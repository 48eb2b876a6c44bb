//! `docs/errors/README.md`: every code that a receipt can carry.

use std::fmt::Write as _;

const HEAD: &str = "# Why a transaction was rejected

<!-- Written from the code by `cargo xtask gen vectors`; do not edit. -->

A rejected transaction has a receipt with one of these codes. It changed nothing, except that it used up its nonce
if it got as far as its action: codes 300 to 399 are given before that. A code never changes its meaning.
";

/// What to do about a rejection whose text names nothing to do.
const FINAL: &str = "Sending it again does not help.";

/// One crate's rejections: code, name, text.
type Rows = Vec<(u32, String, &'static str)>;

macro_rules! rows {
    ($reject:path) => {{
        use $reject as Reject;
        let row = |reject: &Reject| (reject.code(), format!("{reject:?}"), reject.text());
        Reject::ALL.iter().map(row).collect::<Rows>()
    }};
}

fn sections() -> [(&'static str, Rows); 3] {
    [
        ("100 to 199: value", rows!(ledger::Reject)),
        ("200 to 299: tasks", rows!(task::Reject)),
        ("300 to 399: transactions", rows!(transition::Reject)),
    ]
}

pub fn page() -> String {
    let mut page = HEAD.to_string();
    for (title, rows) in sections() {
        let _ = write!(page, "\n## {title}\n\n| code | name | what happened | what to do |\n|---|---|---|---|\n");
        for (code, name, text) in rows {
            let (happened, remedy) = text.split_once(": ").unwrap_or((text, ""));
            let remedy = if remedy.is_empty() { FINAL.to_string() } else { format!("{}.", capital(remedy)) };
            let _ = writeln!(page, "| {code} | `{name}` | {}. | {remedy} |", capital(happened));
        }
    }
    page
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_one_rejection_and_explained() {
        let mut codes: Vec<u32> = sections().iter().flat_map(|(_, rows)| rows.iter().map(|row| row.0)).collect();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count, "two rejections share a code");
        assert!(codes.iter().all(|code| transition::explain(*code).is_some()));
        assert!((0..1_000).all(|code| transition::explain(code).is_none() || codes.contains(&code)));
    }

    #[test]
    fn no_text_breaks_its_row() {
        for (_, rows) in sections() {
            assert!(rows.iter().all(|(_, _, text)| !text.contains('|') && !text.ends_with('.')));
        }
    }
}
