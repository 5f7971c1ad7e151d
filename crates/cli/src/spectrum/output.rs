//! The results of `collado spectrum`: tables, picture and text.

use std::path::Path;

use collado_plots::Figure;

use super::{
    args::SpectrumArgs,
    found::SpectrumResult,
    summary::{IndexStatus, Spectrum},
};
use crate::{
    failure::Failure,
    files,
    json::print,
    shown::significant,
    table::{text, write_table},
    task::Task,
};

/// Writes the tables and the picture.
pub(super) fn save(
    args: &SpectrumArgs,
    task: &Task,
    folder: &Path,
    found: &SpectrumResult,
) -> Result<(), Failure> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(found.header)?;
    found.rows.iter().try_for_each(|row| table.write_record(row.map(text)))?;
    write_table(&folder.join("spectrum.csv"), table)?;
    write_table(&folder.join("eigenvalues.csv"), found.values.lines.table()?)?;
    let figure = Figure::new(format!("{} spectrum", args.matrix.title()))
        .subtitle(format!("{} on {}; {}", task.arch, task.data.spec, found.note))
        .x_label(found.axis)
        .caption(found.caption)
        .panel(found.panel.clone());
    files::picture(folder, "spectrum", &figure)
}

impl Spectrum {
    /// Prints the result for people, under the name of the file where there are several.
    pub(super) fn print(&self) {
        let show = |name: &str, value: f64, error: &str| {
            print(&format!("{name:<12} {:>14}{error}", significant(value, 7)));
        };
        if let Some(file) = &self.checkpoint {
            print(file);
        }
        let values = &self.values;
        values.lines.texts().for_each(|line| print(&line));
        print(&format!("ranks        {}", values.lines.ranks(&self.rank_check)));
        let status = if values.index_status == IndexStatus::Exact { "" } else { "  at least" };
        print(&format!("index        {:>14}{status}", values.index));
        if let Some(modes) = values.zero_modes {
            print(&format!("zero modes   {modes:>14}"));
        }
        if let Some(trace) = &values.trace {
            show("trace", trace.value, &format!("  ± {:.1e}", trace.stderr));
        }
        show("gradient", self.gradient_norm, "");
    }
}
