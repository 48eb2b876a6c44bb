//! Private programs on this machine: `talea new`, `check`, `build`, `test`, `fmt`, `disasm`, `cost`, `dev`, and `run`: in
//! clear, or among parties.

mod among;
mod clear;
mod cost;
mod dev;
mod new;
mod private;

use crate::error::Error;
use crate::say::Say;
use clap::Args;
use lang::{Compiled, Failed, Modules, Options as Choices, Parsed};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub use among::{Among, run as run_among};
pub use clear::{run, test};
pub use cost::{Cost, cost};
pub use dev::{Dev, dev};
pub use new::{New, new};
pub use private::{Join, Submit, join, submit};

/// What a folder's program is called.
const MAIN: &str = "main.stfl";

/// Which program.
#[derive(Args)]
pub struct Which {
    /// A `.stfl` file, or a folder with `main.stfl` or `src/main.stfl`; without it, the folder at hand.
    program: Option<PathBuf>,
}

/// Which program, and where its bytecode goes.
#[derive(Args)]
pub struct Build {
    #[command(flatten)]
    which: Which,
    /// The folder for the bytecode and its source map; `build` beside the program if none is named.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// What to format.
#[derive(Args)]
pub struct Format {
    /// Files and folders; without any, the folder at hand.
    files: Vec<PathBuf>,
    /// Change nothing, and fail if something would be changed.
    #[arg(long)]
    check: bool,
}

/// Modules are files beside the one that imports them, or beside the program.
struct Folder(PathBuf);

impl Modules for Folder {
    fn module(&self, path: &[String], from: &str) -> Option<(String, String)> {
        let beside = Path::new(from).parent().unwrap_or(Path::new(""));
        let name = format!("{}.stfl", path.join("/"));
        [beside.join(&name), self.0.join(&name)].iter().find_map(|place| {
            let text = std::fs::read_to_string(place).ok()?;
            Some((place.display().to_string(), text))
        })
    }

    fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.0) else { return Vec::new() };
        let names = entries.flatten().map(|entry| entry.path()).filter(|path| is_source(path));
        names.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect()
    }
}

/// Tells whether a path names a source of the language, or a folder of one.
pub fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "stfl")
}

/// Tells whether a path names a program of the language: a source, or a folder.
pub fn is_program(path: &Path) -> bool {
    is_source(path) || path.is_dir()
}

impl Which {
    /// Finds the source.
    fn source(&self) -> Result<PathBuf, Error> {
        let named = self.program.clone().unwrap_or_else(|| PathBuf::from("."));
        if !named.is_dir() {
            return Ok(named);
        }
        let places = [named.join(MAIN), named.join("src").join(MAIN)];
        let found = places.into_iter().find(|place| place.is_file());
        found.ok_or_else(|| {
            let folder = named.display();
            Error::failed(format!("{folder} has no {MAIN}: name a `.stfl` file, or begin with `talea new NAME`"))
        })
    }

    /// Reads and checks the program.
    fn parse(&self) -> Result<(PathBuf, Parsed), Error> {
        let path = self.source()?;
        let text = std::fs::read_to_string(&path).map_err(Error::io(format!("read {}", path.display())))?;
        let folder = Folder(path.parent().unwrap_or(Path::new("")).to_path_buf());
        let parsed = lang::read(&path.display().to_string(), &text, &folder).map_err(wrong)?;
        Ok((path, parsed))
    }

    /// Reads, checks and compiles the program.
    fn compile(&self, choices: &Choices) -> Result<(PathBuf, Parsed, Compiled), Error> {
        let (path, parsed) = self.parse()?;
        let compiled = parsed.compile("main", choices).map_err(wrong)?;
        Ok((path, parsed, compiled))
    }
}

/// Turns what is wrong with a program into an error that shows all of it.
fn wrong(failed: Failed) -> Error {
    let faults = failed.diagnostics.iter().map(|diagnostic| {
        let (line, column) = failed.sources.place(diagnostic.span);
        let file = failed.sources.file(diagnostic.span.file).map_or("", |file| file.name.as_str());
        let path = diagnostic.path.iter().map(|(span, text)| {
            let (line, column) = failed.sources.place(*span);
            json!({ "line": line, "column": column, "text": text })
        });
        json!({
            "code": diagnostic.code, "message": diagnostic.message, "file": file, "line": line, "column": column,
            "path": path.collect::<Vec<_>>(), "help": diagnostic.help,
        })
    });
    Error::Program { faults: faults.collect(), text: failed.render() }
}

/// `talea check`: says what is wrong with a program.
pub fn check(which: &Which, say: &Say) -> Result<(), Error> {
    let (path, parsed) = which.parse()?;
    for entry in entries(&parsed) {
        parsed.compile(&entry, &Choices::default()).map_err(wrong)?;
    }
    say.give(format!("{} is well formed", path.display()), &json!({ "ok": true, "program": path }));
    Ok(())
}

/// Returns what a program can begin with: `main` and its tests.
fn entries(parsed: &Parsed) -> Vec<String> {
    let main = parsed.has("main").then(|| "main".to_string());
    main.into_iter().chain(parsed.tests()).collect()
}

/// `talea build`: writes the bytecode and its source map.
pub fn build(options: &Build, say: &Say) -> Result<(), Error> {
    let (path, _, compiled) = options.which.compile(&Choices::default())?;
    let beside = path.parent().unwrap_or(Path::new("")).join("build");
    let folder = options.out.clone().unwrap_or(beside);
    std::fs::create_dir_all(&folder).map_err(Error::io(format!("create {}", folder.display())))?;
    let name = path.file_stem().map_or("main".into(), |name| name.to_string_lossy().into_owned());
    let bytecode = folder.join(format!("{name}.talea"));
    let map = folder.join(format!("{name}.map"));
    let write = |path: &Path, bytes: Vec<u8>| {
        std::fs::write(path, bytes).map_err(Error::io(format!("write {}", path.display())))
    };
    let program = compiled.program.program();
    write(&bytecode, types::Encode::to_bytes(program))?;
    write(&map, types::Encode::to_bytes(&compiled.map))?;
    let id = program.id().to_string();
    let text = format!("{} is program {id}", bytecode.display());
    say.give(text, &json!({ "ok": true, "program": id, "bytecode": bytecode, "map": map }));
    Ok(())
}

/// `talea disasm`: shows the bytecode as text.
pub fn disasm(which: &Which, say: &Say) -> Result<(), Error> {
    let (_, _, compiled) = which.compile(&Choices::default())?;
    let text = vm::text::disassemble(&compiled.program);
    say.give(&text, &json!({ "ok": true, "text": text }));
    Ok(())
}

/// `talea fmt`: writes programs as they should be written.
pub fn fmt(options: &Format, say: &Say) -> Result<(), Error> {
    let mut files = Vec::new();
    let roots = if options.files.is_empty() { vec![PathBuf::from(".")] } else { options.files.clone() };
    for root in roots {
        gather(&root, &mut files)?;
    }
    let mut changed = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).map_err(Error::io(format!("read {}", file.display())))?;
        let written = lang::format(&file.display().to_string(), &text).map_err(wrong)?;
        if written != text {
            if !options.check {
                std::fs::write(file, written).map_err(Error::io(format!("write {}", file.display())))?;
            }
            changed.push(file.display().to_string());
        }
    }
    if options.check && !changed.is_empty() {
        return Err(Error::failed(format!("not formatted: {}; run `talea fmt`", changed.join(", "))));
    }
    let text = format!("{} of {} files changed", changed.len(), files.len());
    say.give(text, &json!({ "ok": true, "files": files.len(), "changed": changed }));
    Ok(())
}

fn gather(root: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    if !root.is_dir() {
        files.push(root.to_path_buf());
        return Ok(());
    }
    let entries = std::fs::read_dir(root).map_err(Error::io(format!("read {}", root.display())))?;
    let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() || is_source(&path) {
            gather(&path, files)?;
        }
    }
    Ok(())
}

/// Returns a value as JSON has it: numbers that fit as numbers, everything else as text.
fn json_value(shown: &str) -> Value {
    shown.parse::<i64>().map_or_else(|_| json!(shown), |number| json!(number))
}
