use std::path::Path;

use clap::Args as ClapArgs;
use collado_studies::{Report, StudyError};
use serde_json::Value;

use crate::{
    args::{Common, Dtype, Out},
    failure::Failure,
    folder,
    json::{print, write},
    progress,
};

/// Told the share of a study that is done; `false` stops it.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(f64) -> bool;

/// A claim that can be tested from the command line; the fields are its flags.
pub(crate) trait Experiment: ClapArgs + Default {
    /// Name of the command and of its folder in `study all`.
    const NAME: &'static str;
    /// What is tested.
    const CLAIM: &'static str;

    /// Measures and judges.
    fn report(&self, size: Size, seed: u64, progress: Progress<'_>) -> Result<Report, StudyError>;
}

/// How much is measured where no flag says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Quick,
    Usual,
    Full,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SizeArgs {
    /// Measure little, for a look within a minute.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Measure all that the theory gives numbers for.
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
        if folder::is_finished(&self.out, "result.json", &self.common)? {
            return Ok(());
        }
        // Written last: without it the other files are those of a run that was stopped.
        let folder = folder::create(&self.out, &["result.json"])?;
        progress::catch_interrupt();
        let report = |progress: Progress<'_>| self.own.report(self.size.size(), self.common.seed, progress);
        let (report, result) = measure(E::NAME, &folder, self.common.quiet, report)?;
        if self.common.json {
            print(&result.to_string());
        } else if !self.common.quiet {
            summary(&report, &folder);
        }
        Ok(())
    }
}

/// Refuses what no study can do.
pub(crate) fn check(common: &Common) -> Result<(), Failure> {
    if common.dtype == Some(Dtype::F32) {
        return Err(Failure::usage("--dtype f32: studies compute in f64"));
    }
    if common.device != "cpu" {
        return Err(Failure::usage(format!("--device {}: studies run on the cpu", common.device)));
    }
    Ok(())
}

/// A study in the list.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) claim: &'static str,
    pub(crate) report: fn(Size, u64, Progress<'_>) -> Result<Report, StudyError>,
}

impl Entry {
    pub(crate) const fn of<E: Experiment>() -> Self {
        let report = |size, seed, progress: Progress<'_>| E::default().report(size, seed, progress);
        Self { name: E::NAME, claim: E::CLAIM, report }
    }
}

/// Runs a study under a bar and writes `rows.csv`, the pictures and, last, `result.json`.
pub(crate) fn measure(
    name: &str,
    folder: &Path,
    quiet: bool,
    report: impl FnOnce(Progress<'_>) -> Result<Report, StudyError>,
) -> Result<(Report, Value), Failure> {
    let bar = progress::bar(name, quiet);
    let start = std::time::Instant::now();
    let report = report(&mut progress::shares(&bar));
    bar.finish_and_clear();
    let report = report?;
    let mut result = report.json();
    result["seconds"] = start.elapsed().as_secs_f64().into();
    collado_models::atomically(&folder.join("rows.csv"), |file| report.table.write(file))?;
    for (name, figure) in &report.pictures {
        folder::picture(folder, name, figure)?;
    }
    write(&folder.join("result.json"), &result)?;
    Ok((report, result))
}

/// A table that fits on a screen, and the sentences.
fn summary(report: &Report, folder: &Path) {
    const LINES: usize = 40;
    let (columns, rows) = (report.table.columns(), report.table.rows());
    if rows.len() <= LINES {
        let short = |cell: &str| match cell.parse::<f64>() {
            Ok(x) if cell.len() > 10 => format!("{x:.4e}"),
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
