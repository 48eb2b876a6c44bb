//! Compiles and runs the public gallery of StoffelLang, and says program by program what came of it.
//!
//! The folder comes from the environment: `TALEA_GALLERY=path/to/examples cargo run --release -p lang --example gallery`.
//! `ran` says that a program ran to its end with every `assert` of its own true. Not more: some programs assert nothing,
//! and no output is compared with another engine's. Inputs are those of the `run-args` in a program's first line.

use lang::{Modules, Options};
use std::path::{Path, PathBuf};
use vm::{Engine, Limits};

/// Loops within loops within loops must still have a cost that can be said.
const ROUNDS_MAX: u64 = 1 << 10;

struct Folder(PathBuf);

impl Modules for Folder {
    fn module(&self, path: &[String], from: &str) -> Option<(String, String)> {
        let beside = Path::new(from).parent().unwrap_or(Path::new(""));
        let name = format!("{}.stfl", path.join("/"));
        let places = [beside.join(&name), self.0.join(&name)];
        let found = places.iter().find_map(|place| Some((place, std::fs::read_to_string(place).ok()?)))?;
        Some((found.0.display().to_string(), found.1))
    }
}

struct World(u64);

impl vm::World for World {
    fn random(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0
    }

    fn call(&mut self, _host: u32, _arguments: &[&[u64]]) -> Option<Vec<Vec<u64>>> {
        Some(Vec::new())
    }
}

fn main() {
    let Ok(folder) = std::env::var("TALEA_GALLERY") else {
        println!("TALEA_GALLERY is not set: nothing was run");
        return;
    };
    let mut programs = Vec::new();
    collect(Path::new(&folder), &mut programs);
    programs.sort();
    let (mut ran, mut silent, mut refused) = (0, 0, 0);
    for program in &programs {
        let name = program.strip_prefix(&folder).unwrap_or(program).display().to_string();
        match run(program) {
            Ok(asserts) => {
                ran += 1;
                silent += u32::from(!asserts);
                println!("ran      {name}{}", if asserts { "" } else { ", and asserts nothing" });
            }
            Err(why) => {
                refused += 1;
                println!("refused  {name}: {why}");
            }
        }
    }
    println!(
        "{ran} ran to their end with every assert of their own true, {silent} of them have none; {refused} refused"
    );
}

fn collect(folder: &Path, programs: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, programs);
        } else if path.extension().is_some_and(|ending| ending == "stfl") {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            if text.contains("def main(") {
                programs.push(path);
            }
        }
    }
}

/// Runs a program, and tells whether it asserts anything.
fn run(path: &Path) -> Result<bool, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let modules = Folder(path.parent().unwrap_or(Path::new("")).to_path_buf());
    let first = |failed: lang::Failed| {
        let found = failed.diagnostics.first().map(|found| (found.message.clone(), failed.sources.place(found.span).0));
        found.map_or(String::new(), |(message, line)| format!("line {line}: {message}"))
    };
    let program = lang::read(&path.display().to_string(), &text, &modules).map_err(first)?;
    let given = given(&text);
    let clients = given.iter().map(|(client, _)| client).collect::<std::collections::BTreeSet<_>>().len();
    let clients = u64::try_from(clients).unwrap_or(0);
    let options = Options { clients, rounds_max: ROUNDS_MAX, ..Options::default() };
    let compiled = program.compile("main", &options).map_err(first)?;
    let mut inputs = Vec::new();
    for port in compiled.program.program().ports.iter().filter(|port| !port.is_output) {
        let of = given.iter().filter(|(client, _)| client == port.client.as_str());
        let at: usize = port.name.as_str().parse().map_err(|_| format!("the input {} has a name", port.name))?;
        let value = of.clone().nth(at).map(|(_, value)| value.clone());
        let value = value.ok_or_else(|| format!("no input {}:{} in the first line", port.client, port.name))?;
        let value = match value.as_str() {
            "true" => 1,
            "false" => 0,
            number => number.parse::<i128>().map_err(|_| format!("the input `{number}` is no number"))?,
        };
        let value = u64::try_from(value.rem_euclid(1 << 64)).unwrap_or(0);
        inputs.push(vec![value & port.kind.width.largest()]);
    }
    let limits = Limits { fuel: 1 << 36, memory_bytes: 1 << 30 };
    let run = vm::direct::Direct.run(&compiled.program, &inputs, limits, &mut World(1));
    run.map(|_| text.contains("assert ")).map_err(|stop| match stop.cause {
        vm::Cause::Check(code) => {
            let check = usize::try_from(code).ok().and_then(|code| compiled.checks.get(code));
            format!("the run stopped: {}", check.map_or("", |check| check.message.as_str()))
        }
        _ => format!("the run stopped: {stop}"),
    })
}

/// Reads `--client-input 0=42` from the first line.
fn given(text: &str) -> Vec<(String, String)> {
    let line = text.lines().next().unwrap_or("");
    let words: Vec<&str> = line.split_whitespace().collect();
    let pairs = words.windows(2).filter(|pair| pair[0] == "--client-input");
    pairs.filter_map(|pair| pair[1].split_once('=')).map(|(client, value)| (client.into(), value.into())).collect()
}
