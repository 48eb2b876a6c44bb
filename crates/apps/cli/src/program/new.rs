//! `talea new`: a program to begin with.

use crate::error::Error;
use crate::say::Say;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;

/// What to begin with.
#[derive(Args)]
pub struct New {
    /// The new folder.
    folder: PathBuf,
    /// What is in it; without it, the template of the folder's name, or else `basic`.
    #[arg(long, value_enum)]
    template: Option<Template>,
}

/// What a new folder begins with.
#[derive(Clone, Copy, ValueEnum)]
enum Template {
    /// Two clients and a comparison.
    Basic,
    /// A second-price auction.
    Auction,
    /// Mean, spread and median of what many clients give.
    Statistics,
}

impl Template {
    fn source(self) -> &'static str {
        match self {
            Self::Basic => include_str!("templates/basic.stfl"),
            Self::Auction => include_str!("templates/auction.stfl"),
            Self::Statistics => include_str!("templates/statistics.stfl"),
        }
    }
}

/// Writes a new program into a folder of its own.
pub fn new(options: &New, say: &Say) -> Result<(), Error> {
    let folder = &options.folder;
    let named = folder.file_name().and_then(|name| Template::from_str(&name.to_string_lossy(), true).ok());
    let template = options.template.or(named).unwrap_or(Template::Basic);
    let file = folder.join(super::MAIN);
    if file.exists() {
        return Err(Error::failed(format!("{} is there already: name another folder", file.display())));
    }
    std::fs::create_dir_all(folder).map_err(Error::io(format!("create {}", folder.display())))?;
    std::fs::write(&file, template.source()).map_err(Error::io(format!("write {}", file.display())))?;
    let next = format!("cd {} && talea test && talea run --mpc 3", folder.display());
    let text = format!("{} is there; go on with `{next}` (its first lines name the inputs)", file.display());
    say.give(text, &json!({ "ok": true, "file": file, "next": next }));
    Ok(())
}
