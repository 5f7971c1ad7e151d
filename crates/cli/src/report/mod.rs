//! `collado report`: one page about one or many runs, in one file that needs nothing else.

mod page;
mod results;
mod table;

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use self::results::Results;
use crate::{failure::Failure, files, json};

#[derive(Debug, ClapArgs)]
pub(crate) struct ReportArgs {
    /// Folders of runs, in the order of the page.
    #[arg(required = true)]
    pub(crate) folders: Vec<PathBuf>,
    /// File of the page.
    #[arg(long, default_value = "report.html")]
    pub(crate) out: PathBuf,
    /// Overwrite an existing file.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Writes the page.
pub(crate) fn run(args: &ReportArgs) -> Result<(), Failure> {
    let folders: Vec<&Path> = args.folders.iter().map(PathBuf::as_path).collect();
    files::refuse_existing(&args.out, args.force)?;
    write(&folders, &args.out)?;
    json::print(&format!("written to {}", args.out.display()));
    Ok(())
}

/// Writes the page of the runs in `folders`.
pub(crate) fn write(folders: &[&Path], out: &Path) -> Result<(), Failure> {
    let runs = folders.iter().enumerate().map(|(i, folder)| Results::read(folder, &format!("run-{i}")));
    let runs = runs.collect::<Result<Vec<_>, _>>()?;
    files::bytes(out, page::of(&runs).as_bytes())
}
