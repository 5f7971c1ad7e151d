//! The common part of all studies: how a claim is run, reported and written.

use std::path::Path;

use clap::Args as ClapArgs;
use collado_studies::{CellCache, Report, StudyError};
use serde_json::Value;
use tracing::info_span;

use crate::{
    args::{Common, Dtype, Out},
    failure::Failure,
    files,
    folder::Folder,
    json::print,
    progress, shown, state,
};

/// A callback that is told the share of a study that is done; if it returns `false`, the study stops.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(f64) -> bool;

/// A claim that can be tested from the command line; the fields are its flags.
pub(crate) trait Experiment: ClapArgs + Default {
    /// The name of the command, and of its folder in `study all`.
    const NAME: &'static str;
    /// The claim that is tested.
    const CLAIM: &'static str;

    /// Measures and decides about the claim; finished parts are kept in `cells`.
    fn report(
        &self,
        size: Size,
        seed: u64,
        cells: &CellCache,
        progress: Progress<'_>,
    ) -> Result<Report, StudyError>;
}

/// The amount that is measured where no flag states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Quick,
    Usual,
    Full,
}

impl Size {
    /// The settings of this size.
    pub(crate) fn of<T>(self, quick: fn() -> T, usual: fn() -> T, full: fn() -> T) -> T {
        match self {
            Self::Quick => quick(),
            Self::Usual => usual(),
            Self::Full => full(),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Usual => "usual",
            Self::Full => "full",
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SizeArgs {
    /// Measure little, for a first result within a minute.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Measure everything that the theory gives numbers for.
    #[arg(long)]
    full: bool,
}

impl SizeArgs {
    pub(crate) fn size(&self) -> Size {
        match self {
            Self { quick: true, .. } => Size::Quick,
            Self { full: true, .. } => Size::Full,
            _ => Size::Usual,
        }
    }
}

/// The command of one study.
#[derive(Debug, ClapArgs)]
pub(crate) struct Run<E: Experiment> {
    #[command(flatten)]
    own: E,
    #[command(flatten)]
    size: SizeArgs,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}

impl<E: Experiment> Run<E> {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        check(&self.common)?;
        let Some(folder) = Folder::open(&self.out, &self.common, "result.json", &[])? else { return Ok(()) };
        progress::catch_interrupt();
        let (size, seed) = (self.size.size(), self.common.seed);
        let report = |cells: &CellCache, progress: Progress<'_>| self.own.report(size, seed, cells, progress);
        let place = RunLocation { name: E::NAME, folder: folder.path(), quiet: self.common.quiet };
        let (report, result) = measure(&place, report)?;
        let described = folder.finish(&self.common, &result, false)?;
        self.common.show(&described, || summary(&report, folder.path()));
        Ok(())
    }
}

/// Refuses flags that no study supports.
pub(crate) fn check(common: &Common) -> Result<(), Failure> {
    if common.dtype == Some(Dtype::F32) {
        return Err(Failure::usage("--dtype f32: studies compute in f64"));
    }
    common.on_cpu("studies run")
}

/// A study in the list.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) claim: &'static str,
    pub(crate) report: fn(Size, u64, &CellCache, Progress<'_>) -> Result<Report, StudyError>,
}

impl Entry {
    pub(crate) const fn of<E: Experiment>() -> Self {
        let report = |size, seed, cells: &CellCache, progress: Progress<'_>| {
            E::default().report(size, seed, cells, progress)
        };
        Self { name: E::NAME, claim: E::CLAIM, report }
    }
}

/// The place where a study runs: its folder and its common flags.
pub(crate) struct RunLocation<'a> {
    pub(crate) name: &'static str,
    pub(crate) folder: &'a Path,
    pub(crate) quiet: bool,
}

/// Runs a study with a progress bar, writes `rows.csv` and the pictures, and returns the content of `result.json`.
/// Finished cells are kept in `.state`, where those of an earlier call are found again.
pub(crate) fn measure(
    place: &RunLocation<'_>,
    report: impl FnOnce(&CellCache, Progress<'_>) -> Result<Report, StudyError>,
) -> Result<(Report, Value), Failure> {
    let &RunLocation { name, folder, quiet } = place;
    let (cells, bar) = (CellCache::in_folder(state::folder(folder)), progress::bar(name, quiet));
    let start = std::time::Instant::now();
    let span = info_span!("study", name).entered();
    let report = report(&cells, &mut progress::shares(&bar));
    bar.finish_and_clear();
    drop(span);
    let report = report?;
    let mut result = report.json();
    result["seconds"] = (start.elapsed().as_secs_f64() + cells.seconds()).into();
    collado_files::atomically(&folder.join("rows.csv"), |file| report.table.write(file))?;
    for (name, figure) in &report.pictures {
        files::picture(folder, name, figure)?;
    }
    Ok((report, result))
}

/// Prints a table that fits on a screen, and the sentences of the report.
fn summary(report: &Report, folder: &Path) {
    const LINES: usize = 40;
    let (columns, rows) = (report.table.columns(), report.table.rows());
    if rows.len() <= LINES {
        let short = |cell: &str| match cell.parse::<f64>() {
            Ok(x) if cell.len() > 10 => shown::significant(x, 4),
            _ => cell.to_owned(),
        };
        let rows: Vec<Vec<String>> = std::iter::once(columns.iter().map(|c| (*c).to_owned()).collect())
            .chain(rows.iter().map(|row| row.iter().map(|cell| short(cell)).collect()))
            .collect();
        let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns.len()).map(width).collect();
        for row in &rows {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:>width$}")).collect();
            print(&cells.join("  "));
        }
    }
    print(&format!("{}\n{}", report.shown, report.not_shown));
    print(&format!("verdict: {}\nwritten to {}", report.verdict.name(), folder.display()));
}
