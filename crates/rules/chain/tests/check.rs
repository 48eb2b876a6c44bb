//! What a file must be, as cases: a change to the template, and the faults that it must give.

use chain::{Algorithm, Execution, Fault, Machine, Mandatory, Members, Needs, check, template};
use proptest::prelude::*;
use types::{EthAddress, Millis, Ppm};

const LARGE: Machine = Machine { cores: 1_024, memory_bytes: 1 << 44, disk_free_bytes: 1 << 50 };
const A: &str = "0x00000000000000000000000000000000000000aa";
const B: &str = "0x00000000000000000000000000000000000000bb";
const C: &str = "0x00000000000000000000000000000000000000cc";

/// Changes a template. Each change is `path = value`, or `path` alone to take the field out.
fn edited(changes: &str) -> String {
    let mut lines: Vec<String> = template("test").lines().map(str::to_owned).collect();
    for change in changes.split(';').map(str::trim).filter(|change| !change.is_empty()) {
        let (path, value) = change.split_once('=').map_or((change, None), |(path, value)| (path, Some(value)));
        let (section, key) = path.trim().rsplit_once('.').unwrap_or(("", path.trim()));
        let place = place(&lines, section, key);
        match value {
            Some(value) => {
                lines[place] = format!("{key} ={value}");
                let title = format!("# [{section}]");
                if let Some(title) = lines.iter_mut().find(|line| **line == title) {
                    *title = format!("[{section}]");
                }
            }
            None => lines[place].clear(),
        }
    }
    lines.join("\n")
}

/// Finds the line of a field, whether it is a comment or not.
fn place(lines: &[String], section: &str, key: &str) -> usize {
    let plain = |line: &str| line.trim_start_matches("# ").to_owned();
    let title = format!("[{section}]");
    let start = if section.is_empty() { 0 } else { lines.iter().position(|line| plain(line) == title).expect(section) };
    let found = lines.iter().skip(start).position(|line| plain(line).starts_with(&format!("{key} = ")));
    start + found.unwrap_or_else(|| panic!("the template has {section}.{key}"))
}

fn faults_of(text: &str) -> Vec<Fault> {
    check(text, Some(&LARGE)).err().unwrap_or_default()
}

/// Changes the template and compares which fields are wrong, in the order of the file.
fn check_paths(changes: &str, expected: &[&str]) {
    let faults = faults_of(&edited(changes));
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, expected, "{changes}: {faults:#?}");
}

/// Changes the template and looks for words in what the one fault says.
fn check_says(changes: &str, words: &[&str]) {
    let faults = faults_of(&edited(changes));
    let [fault] = faults.as_slice() else { panic!("{changes} gives {faults:#?}") };
    let text = fault.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{text:?} lacks one of {words:?}");
}

#[test]
fn the_template_passes_and_says_what_it_says() {
    let config = check(&template("a \"name\" \\ ü"), Some(&LARGE)).unwrap();
    assert_eq!(config.heading.name, "a \"name\" \\ ü");
    assert_eq!(config.consensus.block_time, Millis(1_000));
    assert_eq!(config.security.slashing_penalty, Ppm(400_000));
    assert_eq!(config.security.challenge_period, None);
    assert_eq!(config.committee.members, Members::Made(3));
    assert_eq!(config.committee.mandatory, Mandatory::Numbered(vec![]));
    assert_eq!(config.forced.deadline, Millis(86_400_000));
    assert_eq!(config.consensus.algorithm, Algorithm::Committee);
    assert_eq!((config.hook, config.l1.rpc_url, config.l1.spend_max_eth), (None, None, None));
}

#[test]
fn what_may_be_left_out_may_also_be_there() {
    let hook = "hook.url = \"http://h/\"; hook.timeout_ms = 1; hook.policy = \"halt\"";
    check_paths(hook, &[]);
    check_paths("l1.rpc_url = \"http://127.0.0.1:8545\"; l1.chain_id = 1; l1.spend_max_eth = 2.5", &[]);
    check_paths("availability.committee.mandatory", &[]);
    check_paths("availability.committee.mandatory = [2, 0]", &[]);
    check_paths("features.data_availability = false; availability.mode = \"validium\"; availability.publish", &[]);
}

#[test]
fn a_field_out_of_its_range_is_the_one_fault_and_its_bounds_are_none() {
    for (path, low, high, others) in [
        ("tps", "1000", "4096", ""),
        ("consensus.block_time", "0.1", "4.096", "batch.age_ms = 60000"),
        ("scaling.max_tx_per_shard", "1000", "4096", ""),
        ("security.min_stake", "1000", "4611686018427387903", ""),
        ("security.slashing_penalty", "0", "100", ""),
        ("availability.committee.threshold", "2", "3", ""),
        ("batch.count", "1", "1000000", ""),
        ("batch.bytes", "1024", "4194304", ""),
        ("l1.confirmations", "1", "1000", ""),
        ("l1.gas_price_max_gwei", "1", "100000", ""),
        ("l1.spend_max_eth", "0.001", "1000", "l1.gas_price_max_gwei = 1"),
        ("forced.deadline", "62", "2592000", "forced.exit_window = 31536000; batch.age_ms = 60000"),
        ("forced.freeze_grace", "1", "2592000", "forced.exit_window = 31536000"),
        ("forced.exit_window", "172800", "31536000", ""),
        ("hook.timeout_ms", "1", "60000", "hook.url = \"http://h\"; hook.policy = \"drop\""),
    ] {
        for inside in [low, high] {
            check_paths(&format!("{path} = {inside}; {others}"), &[]);
        }
        for outside in [
            "-1",
            "-9223372036854775808",
            "9223372036854775808",
            "99999999999999999999999999",
            "0xffffffffffffffffffff",
        ] {
            check_paths(&format!("{others}; {path} = {outside}"), &[path]);
        }
    }
}

#[test]
fn the_bounds_are_where_they_are_said_to_be() {
    for (path, below, above) in [
        ("tps", "999", "100001"),
        ("consensus.block_time", "0.099", "60.001"),
        ("consensus.validators", "0", "1001"),
        ("scaling.shards", "0", "257"),
        ("scaling.max_tx_per_shard", "99", "10001"),
        ("security.min_stake", "999", "4611686018427387904"),
        ("security.slashing_penalty", "-1", "100.0001"),
        ("security.challenge_period", "59", "604801"),
        ("security.proposer_bond_eth", "0.009999999", "1000.000000001"),
        ("availability.committee.members", "1", "33"),
        ("availability.committee.threshold", "1", "33"),
        ("forced.deadline", "0", "2592001"),
        ("forced.exit_window", "0", "31536001"),
        ("forced.freeze_grace", "0", "2592001"),
        ("batch.count", "0", "1000001"),
        ("batch.bytes", "1023", "4194305"),
        ("batch.age_ms", "99", "86400000001"),
        ("l1.chain_id", "0", "9007199254740992"),
        ("l1.confirmations", "0", "1001"),
        ("l1.gas_price_max_gwei", "0", "100001"),
        ("l1.spend_max_eth", "0.000999999", "1000.000000001"),
    ] {
        check_paths(&format!("{path} = {below}"), &[path]);
        check_paths(&format!("{path} = {above}"), &[path]);
    }
    check_paths("name = \"\"", &["name"]);
    check_paths(&format!("name = \"{}\"", "ü".repeat(50)), &[]);
    check_paths(&format!("name = \"{}\"", "ü".repeat(51)), &["name"]);
    check_paths("name = \"a\\nb\"", &["name"]);
}

#[test]
fn decimal_text_is_read_exactly() {
    let block_time = |text: &str| {
        let config = check(&edited(&format!("consensus.block_time = {text}")), None);
        config.map(|config| config.consensus.block_time.0).map_err(|faults| faults[0].advice.clone())
    };
    assert_eq!(block_time("0.1"), Ok(100));
    assert_eq!(block_time("+1.25"), Ok(1_250));
    assert_eq!(block_time("2.000000"), Ok(2_000));
    assert_eq!(block_time("0x2"), Ok(2_000));
    for text in ["0.1001", "1e0", "nan", "inf", "-0.5"] {
        assert_eq!(block_time(text), Err("write a plain number with at most 3 decimals".to_owned()), "{text}");
    }
    check_says("tps = 2000.0", &["tps = 2000.0", "write a whole number"]);
    check_says("tps = 1_000_000", &["tps = 1_000_000", "lower it"]);
}

#[test]
fn a_wrong_type_is_told_with_its_line() {
    check_says("tps = \"1000\"", &["line ", "tps = \"1000\"", "without quotes"]);
    check_says("tps = 2001-01-01", &["not a date"]);
    check_says("features.data_availability = \"true\"", &["true or false", "without quotes"]);
    check_says("features.data_availability = 1", &["not an integer"]);
    check_says("execution = 1", &["in quotes"]);
    check_says("availability.committee.mandatory = 1", &["in brackets"]);
    let text = edited("batch.count = true");
    let line = 1 + text.lines().position(|line| line == "count = true").unwrap();
    assert_eq!(faults_of(&text)[0].line, Some(u64::try_from(line).unwrap()));
}

#[test]
fn what_is_not_built_is_refused_by_its_name() {
    for (change, path, name) in [
        ("base_chain = \"solana\"", "base_chain", "\"solana\" is not built yet"),
        ("sequencer = \"decentralized\"", "sequencer", "\"decentralized\" is not built yet"),
        ("sequencer = \"hybrid\"", "sequencer", "\"hybrid\" is not built yet"),
        ("features.privacy = true", "features.privacy", "shielded accounts"),
        ("features.interop = true", "features.interop", "messages between chains"),
        ("consensus.algorithm = \"pos\"", "consensus.algorithm", "\"pos\" is not built yet"),
        ("scaling.shards = 2", "scaling.shards", "sharding"),
        ("scaling.sharding_algorithm = \"dynamic\"", "scaling.sharding_algorithm", "\"dynamic\" is not built yet"),
        ("availability.publish = \"blob\"", "availability.publish", "\"blob\" is not built yet"),
        ("l1.rpc_url = \"https://node\"", "l1.rpc_url", "https is not built yet"),
    ] {
        let faults = faults_of(&edited(change));
        let is_told = |fault: &Fault| fault.path == path && fault.to_string().contains(name);
        assert!(faults.len() == 1 && is_told(&faults[0]), "{change}: {faults:#?}");
    }
}

const CONTESTED: &str = "execution = \"optimistic\"; security.challenge_period = 600; security.proposer_bond_eth = 24; \
    proving.enabled = true; proving.processes = 1; proving.jobs = 1; proving.leaves = 1";

#[test]
fn optimistic_execution_needs_a_challenge_period_a_bond_provers_and_a_quorum_and_no_other_has_the_first_two() {
    check_paths(CONTESTED, &[]);
    let missing = ["security.challenge_period", "security.proposer_bond_eth", "proving.enabled"];
    check_paths("execution = \"optimistic\"", &missing);
    check_paths(&CONTESTED.replace("true", "false"), &["proving.enabled"]);
    check_paths(&format!("{CONTESTED}; consensus.algorithm = \"none\""), &["consensus.algorithm"]);
    check_says("security.challenge_period = 600", &["nothing would read it"]);
    check_says("security.proposer_bond_eth = 24", &["nothing would read it"]);
    check_says("consensus.algorithm = \"none\"", &["consensus.algorithm", "must be \"committee\" when"]);
}

#[test]
fn a_challenge_period_fits_the_grace_and_the_age_of_batches() {
    let periods = |seconds: u64| CONTESTED.replace("600", &seconds.to_string());
    check_paths(&periods(43_200), &["batch.age_ms"]);
    check_paths(&format!("{}; batch.age_ms = 2637", periods(43_200)), &[]);
    check_paths(&format!("{}; batch.age_ms = 2636", periods(43_200)), &["batch.age_ms"]);
    check_paths(&format!("{}; batch.age_ms = 60000", periods(43_201)), &["forced.freeze_grace"]);
}

#[test]
fn half_a_bond_pays_for_every_leaf_that_a_batch_may_have() {
    let leaves = |change: &str| CONTESTED.replace("; proving.leaves = 1", change);
    check_says(&leaves("; proving.leaves = 2"), &["at least 48.000000000 ETH", "proving.leaves"]);
    check_says(&leaves(""), &["at least 384.000000000 ETH", "proving.leaves"]);
    check_paths(&format!("{}; l1.gas_price_max_gwei = 12", leaves("")), &[]);
    check_paths(&leaves("; proving.leaves = 17"), &["proving.leaves"]);
}

#[test]
fn half_a_bond_pays_for_a_proof() {
    let bond = |eth: &str| CONTESTED.replace("eth = 24", &format!("eth = {eth}"));
    check_paths(&bond("23.999999999"), &["security.proposer_bond_eth"]);
    check_paths(&format!("{}; l1.gas_price_max_gwei = 20", bond("2.4")), &[]);
    check_says(
        &format!("{}; l1.gas_price_max_gwei = 20", bond("2.3")),
        &["at least 2.400000000 ETH", "pay for a proof"],
    );
}

#[test]
fn the_example_of_an_optimistic_chain_passes() {
    let config = check(include_str!("../../../../examples/optimistic/chain.toml"), Some(&LARGE)).unwrap();
    assert_eq!(config.heading.execution, Execution::Optimistic);
}

#[test]
fn execution_by_proof_needs_provers_and_a_quorum_for_the_data() {
    let proven = "execution = \"zk\"; proving.enabled = true; proving.processes = 1; proving.jobs = 1";
    check_paths(proven, &[]);
    check_paths(&proven.replace("processes = 1", "processes = 0"), &[]);
    let validium = "features.data_availability = false; availability.mode = \"validium\"; availability.publish";
    check_paths(&format!("{proven}; {validium}"), &[]);
    check_paths("execution = \"zk\"", &["proving.enabled"]);
    check_paths(&proven.replace("true", "false"), &["proving.enabled"]);
    check_paths(&format!("{proven}; consensus.algorithm = \"none\""), &["consensus.algorithm"]);
    check_paths(&format!("{proven}; l1.spend_max_eth = 1.9"), &["l1.spend_max_eth"]);
    check_paths(&format!("{proven}; l1.spend_max_eth = 2"), &[]);
}

#[test]
fn the_example_of_a_proven_chain_passes() {
    let config = check(include_str!("../../../../examples/proven/chain.toml"), Some(&LARGE)).unwrap();
    assert_eq!(config.heading.execution, Execution::Zk);
}

#[test]
fn a_promise_of_availability_is_kept_by_its_mode() {
    check_paths("features.data_availability = false", &["features.data_availability"]);
    check_paths("availability.mode = \"validium\"; availability.publish", &["features.data_availability"]);
    let validium = "features.data_availability = false; availability.mode = \"validium\"";
    check_paths(validium, &["availability.publish"]);
    check_paths("availability.publish", &["availability.publish"]);
}

#[test]
fn a_quorum_is_what_the_contract_takes_for_one() {
    let addresses: Vec<EthAddress> = (1u8..=32)
        .map(|n| {
            let mut bytes = [0; 20];
            bytes[19] = n;
            EthAddress(bytes)
        })
        .collect();
    for members in 2usize..=32 {
        for threshold in 2u32..=32 {
            let some = addresses[..members].to_vec();
            let committee = proof::committee::Committee { members: some, threshold, mandatory: Vec::new() };
            let changes = format!(
                "consensus.validators = {members}; availability.committee.members = {members}; availability.committee.threshold = {threshold}"
            );
            let is_taken = check(&edited(&changes), None).is_ok();
            assert_eq!(is_taken, committee.check().is_ok(), "{threshold} of {members}");
        }
    }
}

#[test]
fn members_and_mandatory_members_belong_together() {
    let listed = |mandatory: &str| {
        format!(
            "availability.committee.members = [\"{B}\", \"{A}\", \"{C}\"]; availability.committee.mandatory = {mandatory}"
        )
    };
    let config = check(&edited(&listed(&format!("[\"{C}\"]"))), Some(&LARGE)).unwrap();
    let address = |text: &str| text.parse::<EthAddress>().unwrap();
    assert_eq!(config.committee.members, Members::Listed(vec![address(A), address(B), address(C)]), "sorted");
    assert_eq!(config.committee.mandatory, Mandatory::Listed(vec![address(C)]));

    let mandatory = "availability.committee.mandatory";
    check_paths(&listed("[\"0x00000000000000000000000000000000000000dd\"]"), &[mandatory]);
    check_paths(&listed("[0]"), &[mandatory]);
    check_paths(&listed(&format!("[\"{A}\", \"{B}\", \"{C}\"]")), &[mandatory]);
    check_paths(&listed(&format!("[\"{A}\", \"{A}\"]")), &[mandatory]);
    check_paths("availability.committee.mandatory = [3]", &[mandatory]);
    check_paths("availability.committee.mandatory = [0, 1, 2]", &[mandatory]);
    check_paths("availability.committee.mandatory = [-1]", &[mandatory]);
    check_paths("availability.committee.mandatory = [0, \"x\"]", &[mandatory]);

    let members = "availability.committee.members";
    for list in [
        format!("[\"{A}\"]"),
        format!("[\"{A}\", \"{A}\"]"),
        format!("[\"{A}\", \"0x12\"]"),
        format!("[\"{A}\", \"{}\"]", &B[2..]),
        format!("[\"{A}\", \"{}\"]", EthAddress::ZERO),
        format!("[\"{A}\", 1]"),
        "\"3\"".to_owned(),
    ] {
        check_paths(&format!("{members} = {list}"), &[members]);
    }
    check_paths("consensus.validators = 4", &["consensus.validators"]);
}

#[test]
fn the_load_fits_into_the_blocks() {
    check_says("tps = 4097", &["tps = 4097", "at most 4096"]);
    check_paths("consensus.block_time = 60; batch.age_ms = 60000", &["tps"]);
    check_paths("tps = 40960; consensus.block_time = 0.1", &[]);
    check_paths("tps = 40961; consensus.block_time = 0.1", &["tps"]);
    check_paths("scaling.max_tx_per_shard = 999", &["tps"]);
    check_paths("scaling.max_tx_per_shard = 4097", &["scaling.max_tx_per_shard"]);
    check_paths("batch.age_ms = 999", &["batch.age_ms"]);
    check_paths("consensus.block_time = 0.1; batch.age_ms = 409600; forced.deadline = 3600", &[]);
    check_paths("consensus.block_time = 0.1; batch.age_ms = 409601", &["batch.age_ms"]);
}

#[test]
fn users_can_leave_in_time() {
    check_paths("forced.exit_window = 172799", &["forced.exit_window"]);
    check_paths("batch.age_ms = 60000; forced.deadline = 61", &["forced.deadline"]);
    let ethereum = "l1.rpc_url = \"http://node\"; l1.chain_id = 1; l1.confirmations = 64; batch.age_ms = 60000";
    check_paths(&format!("{ethereum}; forced.deadline = 828"), &["forced.deadline"]);
    check_paths(&format!("{ethereum}; forced.deadline = 829"), &[]);
    let hook = "hook.url = \"http://h\"; hook.timeout_ms = 50000; hook.policy = \"drop\"";
    check_paths(&format!("{hook}; batch.age_ms = 1000; forced.deadline = 50"), &["hook.timeout_ms"]);
}

#[test]
fn the_base_chain_is_the_one_that_is_meant() {
    let node = "l1.rpc_url = \"http://node\"";
    check_paths("l1.chain_id = 1", &["l1.chain_id"]);
    check_paths(&format!("{node}; l1.chain_id = 1"), &[]);
    check_paths(&format!("{node}; l1.chain_id = 56"), &["l1.chain_id"]);
    check_paths(&format!("{node}; l1.chain_id = 1; base_chain = \"binance\""), &["l1.chain_id"]);
    check_paths(&format!("{node}; l1.chain_id = 97; base_chain = \"binance\""), &[]);
    check_paths("l1.chain_id = 97; base_chain = \"binance\"", &["l1.rpc_url"]);
    for url in ["ftp://a", "node:8545", "http://", "http:///a", "http://a b", "http://ä"] {
        check_paths(&format!("l1.rpc_url = \"{url}\""), &["l1.rpc_url"]);
    }
    check_paths("l1.gas_price_max_gwei = 200; l1.spend_max_eth = 0.04", &[]);
    check_paths("l1.gas_price_max_gwei = 200; l1.spend_max_eth = 0.039999999", &["l1.spend_max_eth"]);
}

#[test]
fn an_address_that_may_hold_a_credential_is_not_shown() {
    let text = edited("l1.rpc_url = \"https://node/very-secret\"");
    let faults = faults_of(&text);
    assert_eq!(faults[0].value.as_deref(), Some("(hidden)"));
    let misspelt = text.replace("rpc_url = \"https", "rpcurl = \"https");
    assert!(!format!("{:?}", faults_of(&misspelt)).contains("secret"));
}

#[test]
fn a_key_that_nothing_reads_is_refused_with_a_guess() {
    let with = |line: &str, after: &str| template("test").replace(after, &format!("{after}\n{line}"));
    for (text, path, advice) in [
        (with("tsp = 5", "tps = 1000"), "tsp", "did you mean `tps`?"),
        (with("shards = 1", "tps = 1000"), "shards", "it belongs to [scaling]: move it there"),
        (with("privicy = true", "[features]"), "features.privicy", "did you mean `privacy`?"),
        (with("colour = 1", "[forced]"), "forced.colour", "nothing reads it: remove it; known here are deadline"),
        (template("test") + "[fetures]\n", "fetures", "did you mean `features`?"),
        (with("[batch.more]\nx = 1", "age_ms = 2000"), "batch.more", "nothing reads it"),
    ] {
        let faults = faults_of(&text);
        let fits = |fault: &Fault| fault.path == path && fault.advice.contains(advice) && fault.line.is_some();
        assert!(faults.len() == 1 && fits(&faults[0]), "{path}: {faults:#?}");
    }
    let faults = faults_of(&template("test").replace("[availability.committee]", "[availability.comitee]"));
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["availability.comitee", "availability.committee"]);
    assert_eq!(faults[0].advice, "did you mean `committee`?");
}

#[test]
fn a_missing_field_and_a_missing_table_are_told() {
    check_says("tps", &["tps must be 1000..=100000", "it is missing: add it"]);
    check_paths("batch.bytes; l1.chain_id; execution", &["execution", "batch.bytes", "l1.chain_id"]);
    let text = template("test");
    let (before, rest) = text.split_once("[forced]").unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    let faults = faults_of(&format!("{before}{after}"));
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert_eq!(
        faults[0].to_string(),
        "forced must be a table: it is missing: add [forced] with deadline, exit_window, freeze_grace"
    );
    let empty = faults_of("");
    assert_eq!(empty.iter().filter(|fault| fault.bound == "a table").count(), 9, "{empty:#?}");
    let flat = faults_of("availability = 3\nhook = 4\n");
    let about = |path: &str| flat.iter().filter(|fault| fault.path.starts_with(path)).count();
    assert_eq!((about("availability"), about("hook")), (1, 1), "{flat:#?}");
}

#[test]
fn what_is_no_toml_is_told_with_all_its_lines() {
    let faults = faults_of("a = \nb = 1\nb = 2\n");
    let lines: Vec<_> = faults.iter().map(|fault| (fault.path.as_str(), fault.line)).collect();
    assert_eq!(lines, [("", Some(1)), ("", Some(3))], "{faults:#?}");
    let many: String = (0..5_000).map(|n| format!("x{n} = {n}\n")).collect();
    assert_eq!(faults_of(&many).iter().filter(|fault| fault.path.starts_with('x')).count(), 100, "and then enough");
    let long = format!("# {}", "x".repeat(chain::FILE_BYTES));
    assert_eq!(faults_of(&long).len(), 1);
}

#[test]
fn a_machine_that_is_too_small_is_told_before_anything_starts() {
    let text = template("test");
    let needs = Needs::of(&check(&text, None).unwrap());
    let exact = Machine { cores: needs.cores, memory_bytes: needs.memory_bytes, disk_free_bytes: needs.disk_bytes };
    assert!(check(&text, Some(&exact)).is_ok());
    for (machine, word) in [
        (Machine { cores: exact.cores - 1, ..exact }, "cores"),
        (Machine { memory_bytes: exact.memory_bytes - 1, ..exact }, "memory"),
        (Machine { disk_free_bytes: exact.disk_free_bytes - 1, ..exact }, "disk"),
    ] {
        let faults = check(&text, Some(&machine)).unwrap_err();
        assert!(faults.len() == 1 && faults[0].path == "tps" && faults[0].bound.contains(word), "{faults:#?}");
    }
    let cached = text.replace("# state_cache_leaves = 1000000", "state_cache_leaves = 1000");
    let less = Machine { memory_bytes: exact.memory_bytes / 2, ..exact };
    assert!(check(&text, Some(&less)).is_err() && check(&cached, Some(&less)).is_ok(), "a bounded state takes less");
    let nothing = Machine { cores: 0, memory_bytes: 0, disk_free_bytes: 0 };
    assert_eq!(check(&text, Some(&nothing)).unwrap_err().len(), 3);
}

/// Changes that are wrong each on their own, whatever else is changed.
const WRONG: [(&str, &str); 14] = [
    ("name", "\"\""),
    ("sequencer", "\"hybrid\""),
    ("tps", "1"),
    ("features.privacy", "true"),
    ("features.interop", "7"),
    ("consensus.block_time", "61"),
    ("scaling.shards", "9"),
    ("scaling.sharding_algorithm", "\"random\""),
    ("security.min_stake", "0"),
    ("security.slashing_penalty", "101"),
    ("availability.committee.threshold", "0"),
    ("forced.freeze_grace", "0"),
    ("batch.count", "0"),
    ("l1.confirmations", "[]"),
];

proptest! {
    #[test]
    fn every_fault_is_reported_at_once(mask in proptest::collection::vec(any::<bool>(), WRONG.len())) {
        let chosen: Vec<_> = WRONG.iter().zip(mask).filter(|(_, is_chosen)| *is_chosen).map(|(wrong, _)| *wrong).collect();
        let changes: Vec<String> = chosen.iter().map(|(path, value)| format!("{path} = {value}")).collect();
        let expected: Vec<&str> = chosen.iter().map(|(path, _)| *path).collect();
        check_paths(&changes.join("; "), &expected);
    }

    #[test]
    fn any_text_gets_an_answer(text in "\\PC{0,400}") {
        prop_assert!(check(&text, Some(&LARGE)).is_err_and(|faults| !faults.is_empty()));
    }

    #[test]
    fn a_damaged_file_gets_an_answer(at in any::<proptest::sample::Index>(), cut in 0usize..40, put in "[\\[\\]{}=\"'#.\n\r\t0-9a-z\\-_,\u{0}\u{feff}é]{0,12}") {
        let chars: Vec<char> = template("test").chars().collect();
        let at = at.index(chars.len());
        let after = chars.iter().skip(at + cut);
        let text: String = chars[..at].iter().copied().chain(put.chars()).chain(after.copied()).collect();
        match check(&text, Some(&LARGE)) {
            Ok(config) => prop_assert!((1_000..=100_000).contains(&config.heading.tps)),
            Err(faults) => prop_assert!(faults.iter().all(|fault| !fault.bound.is_empty() && !fault.advice.is_empty())),
        }
    }

    #[test]
    fn every_number_is_inside_its_range_or_a_fault(tps in any::<i64>(), stake in any::<i64>(), bytes in any::<i64>()) {
        let faults = faults_of(&edited(&format!("tps = {tps}; security.min_stake = {stake}; batch.bytes = {bytes}")));
        let has = |path: &str| faults.iter().any(|fault| fault.path == path);
        prop_assert_eq!(has("tps"), !(1_000..=4_096).contains(&tps));
        prop_assert_eq!(has("security.min_stake"), !(1_000..1 << 62).contains(&stake));
        prop_assert_eq!(has("batch.bytes"), !(1_024..=4_194_304).contains(&bytes));
    }
}

#[test]
fn deep_nesting_does_not_exhaust_the_stack() {
    for (open, close) in [("[", "]"), ("{a=", "}")] {
        let text = format!("a = {}1{}", open.repeat(9_000), close.repeat(9_000));
        assert!(!faults_of(&text).is_empty());
    }
    assert!(!faults_of(&format!("{}a = 1", "a.".repeat(32_000))).is_empty());
    assert!(!faults_of(&format!("[{}a]", "a.".repeat(32_000))).is_empty());
}
