//! Running one study in a folder: `result.json`, `rows.csv` and pictures.

use std::path::Path;

use clap::Args as ClapArgs;
use collado_risk::Progress;
use collado_studies::{CellCache, Condition, Report, Study, StudyError};
use serde::Serialize;
use tracing::info_span;

use super::{
    flags::{SettingsArgs, Size},
    headline::PictureFile,
    page::Language,
};
use crate::{
    args::{Common, Dtype, Out},
    failure::Failure,
    files,
    folder::Folder,
    json::print,
    progress, shown, state,
};

/// The command of one study.
#[derive(Debug, ClapArgs)]
pub(crate) struct Run<S: Study + ClapArgs> {
    #[command(flatten)]
    settings: SettingsArgs<S>,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}

impl<S: Study + ClapArgs> Run<S> {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        check(&self.common)?;
        let Some(folder) = Folder::open(&self.out, &self.common, "result.json", &[])? else { return Ok(()) };
        progress::catch_interrupt();
        let settings = self.settings.0.clone().with_seed(self.common.seed);
        let (quiet, language) = (self.common.quiet, Language::default());
        let location = RunLocation { name: S::NAME, folder: folder.path(), quiet, language };
        let report = |cells: &CellCache, progress: &mut dyn Progress| settings.report(cells, progress);
        let result = measure(&location, report)?;
        let described = folder.finish(&self.common, &result, false)?;
        self.common.show(&described, || summary(&result.report, folder.path()));
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
#[derive(Serialize)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) claim: &'static str,
    /// Measures and judges with the settings of a size and a seed.
    #[serde(skip)]
    pub(crate) report: fn(Size, u64, &CellCache, &mut dyn Progress) -> Result<Report, StudyError>,
}

impl Entry {
    pub(crate) const fn of<S: Study>() -> Self {
        let report = |size: Size, seed, cells: &CellCache, progress: &mut dyn Progress| {
            size.settings::<S>().with_seed(seed).report(cells, progress)
        };
        Self { name: S::NAME, claim: S::CLAIM.statement, report }
    }
}

/// The place where a study runs: its folder and its common flags.
pub(crate) struct RunLocation<'a> {
    pub(crate) name: &'static str,
    pub(crate) folder: &'a Path,
    pub(crate) quiet: bool,
    /// The language of its pictures.
    pub(crate) language: Language,
}

/// The content of `result.json`.
#[derive(Serialize)]
pub(crate) struct StudyResult {
    #[serde(flatten)]
    pub(crate) report: Report,
    /// The pictures, the claim's own first.
    pub(crate) pictures: Vec<PictureFile>,
    /// The time that the study took, with that of the cells it found finished.
    pub(crate) seconds: f64,
}

/// Runs a study with a progress bar, writes `rows.csv` and the pictures, and returns the content of `result.json`.
/// Finished cells are kept in `.state`, where those of an earlier call are found again.
pub(crate) fn measure(
    location: &RunLocation<'_>,
    report: impl FnOnce(&CellCache, &mut dyn Progress) -> Result<Report, StudyError>,
) -> Result<StudyResult, Failure> {
    let &RunLocation { name, folder, quiet, language } = location;
    let (cells, bar) = (CellCache::in_folder(state::folder(folder)), progress::bar(name, quiet));
    let start = std::time::Instant::now();
    let span = info_span!("study", name).entered();
    let report = report(&cells, &mut progress::shares(&bar));
    bar.finish_and_clear();
    drop(span);
    let report = report?;
    let seconds = start.elapsed().as_secs_f64() + cells.seconds();
    collado_files::atomically(&folder.join("rows.csv"), |file| report.table.write(file))?;
    for (name, figure) in &report.pictures {
        files::picture(folder, name, &figure.clone().translated(&|text| language.translated(text)))?;
    }
    let listed = |(name, figure): &(&str, collado_plots::Figure)| PictureFile {
        file: (*name).to_owned(),
        caption: figure.caption_text().to_owned(),
    };
    let pictures = report.pictures.iter().map(listed).collect();
    Ok(StudyResult { report, pictures, seconds })
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
    print(&format!("Contradicted by: {}\nPower: {}", report.claim.contradicted_by, report.power));
    print(&format!("verdict: {}", report.verdict.name()));
    for Condition { condition, verdict, found } in report.decisive() {
        print(&format!("  {}: {condition}: {found}", verdict.name()));
    }
    print(&format!("written to {}", folder.display()));
}
