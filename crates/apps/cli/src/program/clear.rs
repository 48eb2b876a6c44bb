//! Runs on the clear engine: everything in one process, nothing secret.

use super::{Which, json_value, wrong};
use crate::error::Error;
use crate::say::Say;
use lang::{Compiled, Options as Choices, Parsed, Shown};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use vm::{Cause, Engine, Limits, Port, Stop};

/// What a run may use.
const LIMITS: Limits = Limits { fuel: 1 << 40, memory_bytes: 4 << 30 };

/// A client's value from the command line.
type Given = BTreeMap<(String, String), String>;

/// What the program asks the host for.
struct World<'c> {
    compiled: &'c Compiled,
    printed: Vec<String>,
    /// The first failure of the system's random source.
    failed: bool,
}

impl vm::World for World<'_> {
    fn random(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.failed |= getrandom::fill(&mut bytes).is_err();
        u64::from_le_bytes(bytes)
    }

    fn call(&mut self, host: u32, arguments: &[&[u64]]) -> Option<Vec<Vec<u64>>> {
        let shown = self.compiled.prints.get(usize::try_from(host).ok()?)?;
        let mut values = arguments.iter();
        let mut line = String::new();
        for piece in shown {
            match piece {
                Shown::Text(text) => line.push_str(text),
                Shown::Value(meaning) => {
                    let parameters =
                        &self.compiled.program.program().hosts.get(usize::try_from(host).ok()?)?.parameters;
                    let at = arguments.len() - values.len();
                    let lanes = values.next()?;
                    line.push_str(&lang::show(lanes, parameters.get(at)?.width, *meaning));
                }
            }
        }
        self.printed.push(line);
        Some(Vec::new())
    }
}

/// What a run gave.
struct Ran {
    printed: Vec<String>,
    outputs: Vec<(Port, String)>,
    fuel: u64,
}

/// `talea run --clear`.
pub fn run(program: PathBuf, inputs: &[String], say: &Say) -> Result<(), Error> {
    execute_and_show(&Which { program: Some(program) }, &given(inputs)?, say)
}

/// Runs a program, or, if it reads inputs and none is given, only compiles it.
pub fn run_or_compile(which: &Which, inputs: &[String], say: &Say) -> Result<(), Error> {
    let given = given(inputs)?;
    let (path, _, compiled) = which.compile(&Choices::default())?;
    let mut reads = compiled.program.program().ports.iter().filter(|port| !port.is_output);
    let Some(first) = reads.next().filter(|_| given.is_empty()).map(full_name) else {
        return execute_and_show(which, &given, say);
    };
    let text = format!("{} is well formed; to run it, add `--input {first}=...`", path.display());
    say.give(text, &json!({ "ok": true, "program": path }));
    Ok(())
}

fn execute_and_show(which: &Which, given: &Given, say: &Say) -> Result<(), Error> {
    let clients: std::collections::BTreeSet<&String> = given.keys().map(|(client, _)| client).collect();
    let clients = u64::try_from(clients.len()).unwrap_or(0);
    let (_, parsed, compiled) = which.compile(&Choices { clients, ..Choices::default() })?;
    let ran = execute(&parsed, &compiled, given)?;
    for line in &ran.printed {
        say.tell(line);
    }
    let mut outputs = Map::new();
    let mut text = String::new();
    for (port, shown) in &ran.outputs {
        let name = full_name(port);
        text.push_str(&format!("{name} = {shown}\n"));
        outputs.insert(name, json_value(shown));
    }
    say.tell(format!("{} fuel", ran.fuel));
    say.give(text, &json!({ "ok": true, "outputs": outputs, "printed": ran.printed, "fuel": ran.fuel }));
    Ok(())
}

fn full_name(port: &Port) -> String {
    if port.client.as_str().is_empty() { port.name.to_string() } else { format!("{}:{}", port.client, port.name) }
}

/// Reads `alice:bid=42`. Several values of one nameless client, `0=7 0=9`, are its inputs in order.
fn given(inputs: &[String]) -> Result<Given, Error> {
    let mut given = Given::new();
    for input in inputs {
        let parts = input.split_once('=');
        let Some((name, value)) = parts else {
            return Err(Error::failed(format!("`{input}` is no input: write `--input client:name=value`")));
        };
        let (client, name) = match name.split_once(':') {
            Some((client, name)) => (client.to_string(), name.to_string()),
            None => {
                let before = given.keys().filter(|(client, _)| client == name).count();
                (name.to_string(), before.to_string())
            }
        };
        if given.insert((client, name), value.to_string()).is_some() {
            return Err(Error::failed(format!("`{input}` is given twice")));
        }
    }
    Ok(given)
}

fn execute(parsed: &Parsed, compiled: &Compiled, given: &Given) -> Result<Ran, Error> {
    let program = compiled.program.program();
    let mut lanes = Vec::new();
    for port in program.ports.iter().filter(|port| !port.is_output) {
        let name = full_name(port);
        let value = given.get(&(port.client.to_string(), port.name.to_string()));
        let value =
            value.ok_or_else(|| Error::failed(format!("the input {name} is missing: add `--input {name}=...`")))?;
        let read = lang::lanes(value, port.kind, port.meaning);
        lanes.push(read.map_err(|why| Error::failed(format!("the input {name}: {why}")))?);
    }
    let known = |(client, name): &(String, String)| {
        let mut ports = program.ports.iter().filter(|port| !port.is_output);
        ports.any(|port| port.client.as_str() == client && port.name.as_str() == name)
    };
    if let Some((client, name)) = given.keys().find(|key| !known(key)) {
        let names: Vec<String> = program.ports.iter().filter(|port| !port.is_output).map(full_name).collect();
        return Err(Error::failed(format!(
            "the program reads no input {client}:{name}; it reads {}",
            names.join(", ")
        )));
    }
    let mut world = World { compiled, printed: Vec::new(), failed: false };
    let run = vm::clear::Clear.run(&compiled.program, &lanes, LIMITS, &mut world);
    let run = run.map_err(|stop| stopped(parsed, compiled, &stop))?;
    if world.failed {
        return Err(Error::failed("the system gave no random numbers: try again"));
    }
    let ports = program.ports.iter().filter(|port| port.is_output);
    let show = |(port, lanes): (&Port, &Vec<u64>)| (port.clone(), lang::show(lanes, port.kind.width, port.meaning));
    let outputs = ports.zip(&run.outputs).map(show).collect();
    Ok(Ran { printed: world.printed, outputs, fuel: run.measured.fuel })
}

/// Says where in the source a run stopped.
fn stopped(parsed: &Parsed, compiled: &Compiled, stop: &Stop) -> Error {
    let sources = parsed.sources();
    if let Cause::Check(code) = stop.cause
        && let Some(check) = usize::try_from(code).ok().and_then(|code| compiled.checks.get(code))
    {
        let (line, _) = sources.place(check.span);
        let file = sources.file(check.span.file).map_or("", |file| file.name.as_str());
        return Error::failed(format!("{file}:{line}: the assertion does not hold: {}", check.message));
    }
    let function = usize::try_from(stop.place.function).ok().and_then(|at| compiled.map.functions.get(at));
    let block = function.and_then(|function| function.spans.get(usize::try_from(stop.place.block).ok()?));
    let span = block.and_then(|block| block.get(usize::try_from(stop.place.instruction).ok()?));
    let place = span.map_or(String::new(), |span| {
        let span = lang::Span { file: span.file, start: span.start, end: span.end };
        let file = sources.file(span.file).map_or("", |file| file.name.as_str());
        format!("{file}:{}: ", sources.place(span).0)
    });
    Error::failed(format!("{place}{}", stop.cause))
}

/// `talea test`: runs every `test_` function.
pub fn test(which: &Which, say: &Say) -> Result<(), Error> {
    let (_, parsed) = which.parse()?;
    let tests = parsed.tests();
    if tests.is_empty() {
        return Err(Error::failed("there is no test: write a function `def test_something():` with an `assert` in it"));
    }
    let mut results: Vec<Value> = Vec::new();
    let mut failed = 0;
    let mut text = String::new();
    for name in &tests {
        let compiled = parsed.compile(name, &Choices::default()).map_err(wrong);
        let ran = compiled.and_then(|compiled| execute(&parsed, &compiled, &Given::new()));
        match ran {
            Ok(ran) => {
                text.push_str(&format!("pass  {name}\n"));
                results.push(json!({ "test": name, "ok": true, "fuel": ran.fuel }));
            }
            Err(error) => {
                failed += 1;
                text.push_str(&format!("FAIL  {name}: {}\n", error.chain()));
                results.push(json!({ "test": name, "ok": false, "error": error.chain() }));
            }
        }
    }
    text.push_str(&format!("{} passed, {failed} failed", tests.len() - failed));
    if failed > 0 {
        return Err(Error::Tests { results, text });
    }
    say.give(text, &json!({ "ok": true, "tests": results }));
    Ok(())
}
