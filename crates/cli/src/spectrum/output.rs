//! The results of `collado spectrum`: tables, picture and text.

use std::path::{Path, PathBuf};

use collado_plots::Figure;
use serde_json::Value as Json;

use super::{SpectrumArgs, SpectrumResult, lines};
use crate::{
    failure::Failure,
    folder,
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
    write_table(&folder.join("eigenvalues.csv"), lines::table(&found.lines)?)?;
    let figure = Figure::new(format!("{} spectrum", args.matrix.title()))
        .subtitle(format!("{} on {}; {}", task.arch, task.data.spec, found.note))
        .x_label(found.axis)
        .panel(found.panel.clone());
    folder::picture(folder, "spectrum", &figure)
}

/// Prints the result for people, under the name of the file where there are several.
pub(super) fn report(found: &SpectrumResult, file: Option<&PathBuf>) {
    let summary = &found.summary;
    let show = |name: &str, value: &Json, error: &Json| {
        let value = value.as_f64().map_or_else(|| value.to_string(), |x| significant(x, 7));
        let error = error.as_f64().map_or_else(String::new, |e| format!("  ± {e:.1e}"));
        print(&format!("{name:<12} {value:>14}{error}"));
    };
    if let Some(file) = file {
        print(&file.display().to_string());
    }
    found.lines.iter().for_each(|line| print(&line.text()));
    print(&format!("ranks        {}", lines::ranks(&found.lines, &summary["rank_check"])));
    let status = if summary["index_status"] == "exact" { "" } else { "  at least" };
    print(&format!("index        {:>14}{status}", summary["index"].to_string()));
    if let Some(modes) = summary["zero_modes"].as_u64() {
        print(&format!("zero modes   {modes:>14}"));
    }
    if summary["trace"].is_object() {
        show("trace", &summary["trace"]["value"], &summary["trace"]["stderr"]);
    }
    show("gradient", &summary["gradient_norm"], &Json::Null);
}
