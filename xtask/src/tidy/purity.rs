//! `rules/` has no clock, disk, network, thread, chance or float.

use super::mask::{self, Language, line_at};
use super::{Finding, Rule};

/// Modules of the standard library that are the world.
const WORLD: [&str; 6] = ["time", "fs", "net", "thread", "env", "process"];
/// Names that give a different answer on another machine, or on another day.
const NAMES: [&str; 11] =
    ["HashMap", "HashSet", "RandomState", "f32", "f64", "async", "await", "tokio", "rand", "SystemTime", "getrandom"];
/// Macros that talk.
const MACROS: [&str; 5] = ["println", "print", "eprintln", "eprint", "dbg"];

static RULE: Rule = Rule {
    name: "purity",
    why: "every machine must compute the same root from the same bytes, so rules/ sees nothing but its arguments.",
    fix: "take it as an argument and let an edge or a service supply it; for maps use BTreeMap and BTreeSet.",
};

/// Checks a file of `rules/`; tests and other layers pass.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let inside = path.starts_with("crates/rules/") && path.contains("/src/") && path.ends_with(".rs");
    if !inside {
        return Vec::new();
    }
    let code = mask::without_tests(&mask::mask(text, Language::Rust).code);
    let mut findings = Vec::new();
    for (offset, word) in mask::words(&code) {
        if let Some(what) = impure(&code, offset, word) {
            findings.push(RULE.at(path, line_at(&code, offset), format!("`{what}` in rules/")));
        }
    }
    findings
}

/// What is impure about a word, if anything.
fn impure(code: &str, offset: usize, word: &str) -> Option<String> {
    let after = code[offset + word.len()..].trim_start();
    if NAMES.contains(&word) {
        return Some(word.to_owned());
    }
    if MACROS.contains(&word) && after.starts_with('!') {
        return Some(format!("{word}!"));
    }
    // A float written as `1f64`.
    if word.starts_with(|c: char| c.is_ascii_digit())
        && !word.starts_with("0x")
        && (word.ends_with("f64") || word.ends_with("f32"))
    {
        return Some(word.to_owned());
    }
    if word == "std" {
        return world(after.strip_prefix("::")?.trim_start()).map(|module| format!("std::{module}"));
    }
    None
}

/// The first forbidden module behind `std::`, alone or in a list such as `std::{fmt, fs}`.
fn world(rest: &str) -> Option<&'static str> {
    let Some(list) = rest.strip_prefix('{') else {
        let first = mask::words(rest).next().filter(|(offset, _)| *offset == 0)?.1;
        return WORLD.into_iter().find(|module| *module == first);
    };
    let mut depth = 0usize;
    let mut starts_entry = true;
    for (offset, byte) in list.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return None,
            b'}' => depth -= 1,
            b',' if depth == 0 => starts_entry = true,
            byte if byte.is_ascii_whitespace() => {}
            _ if depth == 0 && starts_entry => {
                starts_entry = false;
                let (_, first) = mask::words(&list[offset..]).next()?;
                if let Some(module) = WORLD.into_iter().find(|module| *module == first) {
                    return Some(module);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<String> {
        check("crates/rules/state/src/tree.rs", source).into_iter().map(|f| format!("{}: {}", f.line, f.what)).collect()
    }

    #[test]
    fn the_world_is_found() {
        assert_eq!(found("use std::time::Instant;"), ["1: `std::time` in rules/"]);
        assert_eq!(found("use std::{fmt, collections::{BTreeMap, hash}, fs};"), ["1: `std::fs` in rules/"]);
        assert_eq!(found("\nlet a = std::env::var(\"A\");"), ["2: `std::env` in rules/"]);
        assert_eq!(found("fn f(x: f64) {}"), ["1: `f64` in rules/"]);
        assert_eq!(found("let x = 1_f64;"), ["1: `1_f64` in rules/"]);
        assert_eq!(found("use std::collections::HashMap;"), ["1: `HashMap` in rules/"]);
        assert_eq!(found("async fn f() {}"), ["1: `async` in rules/"]);
        assert_eq!(found("println!(\"a\");"), ["1: `println!` in rules/"]);
        assert_eq!(found("let n = rand::random();"), ["1: `rand` in rules/"]);
    }

    #[test]
    fn words_that_only_look_like_it_pass() {
        assert_eq!(found("// HashMap order\nlet a = \"std::time f64\"; let operand = brand(0xf64);"), [""; 0]);
        assert_eq!(found("use std::{fmt, collections::BTreeMap}; fn print() {} use types::time;"), [""; 0]);
        assert_eq!(found("use std::collections::{self, time};"), [""; 0]);
        assert_eq!(found("/// ```\n/// println!(\"a\");\n/// ```\nfn f() {}"), [""; 0]);
    }

    #[test]
    fn tests_and_other_layers_pass() {
        assert_eq!(found("#[cfg(test)]\nmod tests {\n    use std::collections::HashSet;\n}"), [""; 0]);
        assert_eq!(check("crates/rules/state/tests/laws.rs", "use std::time::Instant;"), []);
        assert_eq!(check("crates/edges/store/src/lib.rs", "use std::fs;"), []);
    }
}
