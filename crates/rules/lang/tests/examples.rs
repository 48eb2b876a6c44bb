//! Every program of `examples/` gives what its first lines say, in clear and among three parties, who send what its
//! certificate says.

#[path = "../../mpc/tests/parties/mod.rs"]
mod parties;

use lang::Options;
use std::collections::BTreeMap;
use std::path::Path;
use vm::{Engine, Limits};

struct Prints;

impl vm::World for Prints {
    fn random(&mut self) -> u64 {
        7
    }

    fn call(&mut self, _host: u32, _arguments: &[&[u64]]) -> Option<Vec<Vec<u64>>> {
        Some(Vec::new())
    }
}

/// Returns the pairs behind `# input:` or `# gives:`.
fn pairs(text: &str, mark: &str) -> BTreeMap<String, String> {
    let line = text.lines().find_map(|line| line.strip_prefix(mark)).unwrap_or_else(|| panic!("a line {mark}"));
    let pairs = line.split_whitespace().map(|pair| pair.split_once('=').expect("a pair"));
    pairs.map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn check(text: &str, optimise: bool) {
    let program =
        lang::read("main.stfl", text, &BTreeMap::new()).unwrap_or_else(|failed| panic!("{}", failed.render()));
    let options = Options { optimise, ..Options::default() };
    let compiled = program.compile("main", &options).unwrap_or_else(|failed| panic!("{}", failed.render()));
    let given = pairs(text, "# input:");
    let ports = &compiled.program.program().ports;
    let name = |port: &vm::Port| match port.client.as_str() {
        "" => port.name.to_string(),
        client => format!("{client}:{}", port.name),
    };
    let inputs = ports.iter().filter(|port| !port.is_output);
    let inputs: Vec<Vec<u64>> = inputs
        .map(|port| lang::lanes(&given[&name(port)], port.kind, port.meaning).expect("it is well formed"))
        .collect();
    let limits = Limits { fuel: 1 << 40, memory_bytes: 1 << 30 };
    let run = vm::clear::Clear.run(&compiled.program, &inputs, limits, &mut Prints).expect("it is well formed");
    let outputs = ports.iter().filter(|port| port.is_output).zip(&run.outputs);
    let gives = outputs.map(|(port, lanes)| {
        let shown = lang::show(lanes, port.kind.width, port.meaning);
        (name(port), shown.trim_matches(['[', ']']).replace(", ", ","))
    });
    assert_eq!(gives.collect::<BTreeMap<_, _>>(), pairs(text, "# gives:"));
    // What is public about a program is known before it runs.
    assert!(run.measured.fuel <= compiled.program.program().certificate.fuel);
    let ran = parties::run(&compiled.program, &inputs, 5).expect("nothing stops it");
    assert_eq!(ran.outputs, run.outputs);
    let direct = vm::direct::Direct.run(&compiled.program, &inputs, limits, &mut Prints).expect("it is well formed");
    parties::check_cost(&compiled.program, &ran, &direct);
}

#[test]
fn every_example_gives_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("it is well formed") {
        let file = entry.expect("it is well formed").path().join("main.stfl");
        if let Ok(text) = std::fs::read_to_string(&file) {
            seen += 1;
            check(&text, true);
            check(&text, false);
        }
    }
    assert!(seen >= 4, "{seen} examples were found");
}
