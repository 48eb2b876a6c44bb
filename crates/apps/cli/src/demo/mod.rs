//! d
use crate::{error::Error, say::Say};
use clap::Args;
use std::path::Path;
#[derive(Args)]
pub struct Options {}
pub async fn run(_: &Path, _: Options, _: &Say) -> Result<(), Error> {
    Ok(())
}
