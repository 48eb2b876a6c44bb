//! Dependencies point one way.

use super::repository::layer;
use super::{Dependency, Finding, Kind, Member, Rule};

/// The layers, lowest first.
const LAYERS: [&str; 5] = ["base", "rules", "edges", "services", "apps"];
/// Inside `base`, a crate uses only those before it.
const BASE: [&str; 2] = ["types", "crypto"];
/// Inside `rules`, a crate uses only those before it.
const RULES: [&str; 12] =
    ["state", "proof", "ledger", "market", "task", "transition", "chain", "scheduler", "vm", "lang", "mpc", "api"];

/// What `base` and `rules` may take from the registry. None of these reads a clock, a file, a socket or a random source.
const PURE: [&str; 28] = [
    // Signatures and hashes.
    "k256",
    "sha2",
    "sha3",
    // The field and the permutation of the state tree.
    "p3-field",
    "p3-goldilocks",
    "p3-poseidon2",
    "p3-symmetric",
    // The proof system: its verifier and the form of its constraints. What it says depends on the proof alone.
    "p3-air",
    "p3-batch-stark",
    "p3-challenger",
    "p3-commit",
    "p3-dft",
    "p3-fri",
    "p3-keccak",
    "p3-lookup",
    "p3-matrix",
    "p3-merkle-tree",
    "p3-uni-stark",
    // A proof's bytes.
    "postcard",
    // Vectors for that permutation, chosen when it runs: the digests are the same on every processor.
    "fearless_simd",
    // What two parties draw alike from a common key.
    "aes",
    // Secrets: wiping, and comparing in constant time.
    "subtle",
    "zeroize",
    // Text forms of bytes and errors.
    "hex",
    "thiserror",
    // The public API's view of types, and the form of files that people write; see below for who may have them.
    "serde",
    "serde_json",
    "toml",
];
/// What only some crates may take: elsewhere a second encoder beside the canonical one would be within reach. What
/// `rules/chain` reads and writes is never hashed or signed.
const ONLY: [(&str, &[&str]); 2] = [("serde_json", &["rules/api", "rules/chain"]), ("toml", &["rules/chain"])];

static ARROW: Rule = Rule {
    name: "layer",
    why: "base <- rules <- edges <- services <- apps, so that what is below can be read and tested without what is above.",
    fix: "move the code to the lower layer, or declare a trait and let an app plug it; a new arrow is a decision record.",
};

static PURITY: Rule = Rule {
    name: "pure-dependency",
    why: "base/ and rules/ give the same answer everywhere, so what they are built from is chosen by hand.",
    fix: "do it in an edge and pass the result in; if the crate is pure, add it to the list in xtask/src/tidy/layers.rs with its reason.",
};

/// Checks every arrow between crates, and what the pure layers take from outside.
pub fn check(members: &[Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members {
        let path = format!("{}/Cargo.toml", member.folder);
        for dependency in &member.dependencies {
            let line = member.line_of(&dependency.name);
            let (rule, complaint) = match &dependency.folder {
                Some(folder) => (&ARROW, arrow(member, dependency.kind, folder)),
                None => (&PURITY, outside(member, dependency)),
            };
            findings.extend(complaint.map(|what| rule.at(&path, line, what)));
        }
        findings.extend(place(member).map(|what| ARROW.at(&path, 1, what)));
    }
    findings
}

/// What is wrong with the folder of a crate.
fn place(member: &Member) -> Option<String> {
    let named = |order: &[&str]| order.iter().any(|name| member.folder.ends_with(&format!("/{name}")));
    match member.layer() {
        None if member.folder == "xtask" => None,
        Some("base") if named(&BASE) => None,
        Some("rules") if named(&RULES) => None,
        Some("edges" | "services" | "apps") => None,
        Some("base" | "rules") => Some(format!("`{}` has no place in the order of its layer", member.room())),
        _ => Some(format!("`{}` is in no layer", member.folder)),
    }
}

/// What is wrong with one crate of this repository using another.
fn arrow(member: &Member, kind: Kind, folder: &str) -> Option<String> {
    let (Some(from), Some(to)) = (member.layer(), layer(folder)) else {
        return Some(format!("`{}` uses `{folder}`, and xtask stands apart", member.folder));
    };
    let user = member.room();
    let used = folder.trim_start_matches("crates/");
    let rank = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    match (rank(from), rank(to)) {
        (Some(above), Some(below)) if below < above => None,
        (Some(above), Some(below)) if below > above => Some(format!("`{user}` uses `{used}`, which is above it")),
        _ if from != to => Some(format!("`{user}` uses `{used}`, and one of them is in no layer")),
        _ if from == "apps" || kind == Kind::Dev => None,
        _ => beside(from, user, used),
    }
}

/// What is wrong with a crate using another of its own layer.
fn beside(layer: &str, user: &str, used: &str) -> Option<String> {
    let order: &[&str] = match layer {
        "base" => &BASE,
        "rules" => &RULES,
        _ => {
            return Some(format!("`{user}` uses `{used}`; {layer} do not use {layer}"));
        }
    };
    let rank = |room: &str| order.iter().position(|name| room.ends_with(&format!("/{name}")));
    if rank(used)? < rank(user)? {
        return None;
    }
    Some(format!("`{user}` uses `{used}`, which is not before it in {}", order.join(" ")))
}

/// What is wrong with a crate of a pure layer using one from the registry.
fn outside(member: &Member, dependency: &Dependency) -> Option<String> {
    let name = dependency.name.as_str();
    if !matches!(member.layer(), Some("base" | "rules")) || dependency.kind == Kind::Dev {
        return None;
    }
    if !PURE.contains(&name) {
        return Some(format!("`{}` uses `{name}`, which is not on the list for base/ and rules/", member.room()));
    }
    let (_, rooms) = ONLY.iter().find(|(only, _)| *only == name)?;
    if rooms.contains(&member.room()) {
        return None;
    }
    Some(format!("`{}` uses `{name}`, which is for {} only", member.room(), rooms.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks one crate with one dependency: a folder under `crates/` when it has a slash, else a registry crate.
    fn check_one(user: &str, used: &str, kind: Kind) -> Vec<String> {
        let folder = |room: &str| {
            if room == "xtask" { room.to_owned() } else { format!("crates/{room}") }
        };
        let name = used.rsplit('/').next().expect("a name").to_owned();
        let manifest = format!("[package]\n\n[dependencies]\n{name}.workspace = true\n");
        let place = (used.contains('/') || used == "xtask").then(|| folder(used));
        let member = Member {
            name: user.to_owned(),
            folder: folder(user),
            roots: Vec::new(),
            dependencies: vec![Dependency { name, kind, folder: place }],
            manifest,
        };
        check(&[member]).iter().map(|finding| format!("{}:{}", finding.rule.name, finding.line)).collect()
    }

    #[test]
    fn arrows_point_down() {
        for (user, used) in [
            ("base/crypto", "base/types"),
            ("rules/state", "base/crypto"),
            ("rules/transition", "rules/task"),
            ("edges/store", "rules/state"),
            ("services/provider", "edges/sandbox"),
            ("apps/cli", "apps/sim"),
            ("apps/sim", "services/sequencer"),
        ] {
            assert_eq!(check_one(user, used, Kind::Normal), [""; 0], "{user} -> {used}");
        }
    }

    #[test]
    fn any_other_arrow_is_found_at_its_line() {
        for (user, used) in [
            ("base/types", "base/crypto"),
            ("base/crypto", "rules/state"),
            ("rules/proof", "rules/ledger"),
            ("rules/task", "rules/task"),
            ("rules/state", "edges/store"),
            ("edges/l1", "edges/store"),
            ("services/settler", "services/sequencer"),
            ("edges/client", "apps/cli"),
            ("xtask", "base/types"),
            ("apps/cli", "xtask"),
        ] {
            assert_eq!(check_one(user, used, Kind::Normal), ["layer:4"], "{user} -> {used}");
        }
    }

    #[test]
    fn tests_may_use_their_own_layer_and_nothing_above() {
        assert_eq!(check_one("edges/l1", "edges/store", Kind::Dev), [""; 0]);
        assert_eq!(check_one("rules/proof", "rules/ledger", Kind::Dev), [""; 0]);
        assert_eq!(check_one("rules/proof", "edges/store", Kind::Dev), ["layer:4"]);
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        assert_eq!(check_one("rules/surprise", "base/types", Kind::Normal), ["layer:1"]);
        assert_eq!(check_one("extra/thing", "sha2", Kind::Normal), ["layer:1"]);
    }

    #[test]
    fn pure_layers_take_only_what_is_listed() {
        assert_eq!(check_one("base/crypto", "sha2", Kind::Normal), [""; 0]);
        assert_eq!(check_one("rules/state", "proptest", Kind::Dev), [""; 0]);
        assert_eq!(check_one("edges/client", "tokio", Kind::Normal), [""; 0]);
        assert_eq!(check_one("rules/api", "serde_json", Kind::Normal), [""; 0]);
        assert_eq!(check_one("rules/state", "serde_json", Kind::Normal), ["pure-dependency:4"]);
        assert_eq!(check_one("rules/chain", "toml", Kind::Normal), [""; 0]);
        assert_eq!(check_one("rules/api", "toml", Kind::Normal), ["pure-dependency:4"]);
        assert_eq!(check_one("rules/task", "tokio", Kind::Normal), ["pure-dependency:4"]);
        assert_eq!(check_one("base/crypto", "rand", Kind::Build), ["pure-dependency:4"]);
    }
}
