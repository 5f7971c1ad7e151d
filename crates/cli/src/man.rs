//! `collado man`: the manual pages of all commands.

use std::path::PathBuf;

use clap::{Args as ClapArgs, CommandFactory};

use crate::{command::Args, failure::Failure, files, json};

#[derive(Debug, ClapArgs)]
pub(crate) struct ManArgs {
    /// Folder for collado.1, collado-train.1 and so on, which is created.
    pub(crate) folder: PathBuf,
}

/// Writes one page for the program and one for each command.
pub(crate) fn run(args: &ManArgs) -> Result<(), Failure> {
    let folder = files::make(&args.folder)?;
    let failed = |e: std::io::Error| Failure::new(format!("{}: {e}", args.folder.display()));
    clap_mangen::generate_to(Args::command(), &folder).map_err(failed)?;
    json::print(&format!("written to {}; read with man {}/collado.1", folder.display(), folder.display()));
    Ok(())
}
