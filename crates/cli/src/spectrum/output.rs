use std::path::Path;

use collado_plots::Figure;
use serde_json::Value as Json;

use super::{Found, SpectrumArgs};
use crate::{
    failure::Failure,
    folder,
    json::{self, print},
    table::{text, write_table},
    task::Task,
};

/// Writes summary, table and picture.
pub(super) fn save(args: &SpectrumArgs, task: &Task, folder: &Path, found: &Found) -> Result<(), Failure> {
    json::write(&folder.join("summary.json"), &found.summary)?;
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(found.header)?;
    found.rows.iter().try_for_each(|row| table.write_record(row.map(text)))?;
    write_table(&folder.join("spectrum.csv"), table)?;
    let figure = Figure::new(format!("{} spectrum", args.matrix.title()))
        .subtitle(format!("{} on {}; {}", task.arch, task.data.spec, found.note))
        .x_label(found.axis)
        .panel(found.panel.clone());
    folder::picture(folder, "spectrum", &figure)
}

/// What people read, or the summary.
pub(super) fn report(args: &SpectrumArgs, summary: &Json) {
    if args.common.json {
        return print(&summary.to_string());
    }
    if args.common.quiet {
        return;
    }
    for end in ["top", "bottom"] {
        for pair in summary[end].as_array().into_iter().flatten() {
            print(&format!("{end:<12} {:>24}   ± {}", pair["value"], pair["residual"]));
        }
    }
    let status = if summary["index_status"] == "exact" { "exact" } else { "at least" };
    print(&format!("index        {:>24}   ({status})", summary["index"]));
    print(&format!("zero modes   {:>24}", summary["zero_modes"]));
    print(&format!("trace        {:>24}   ± {}", summary["trace"]["value"], summary["trace"]["stderr"]));
    print(&format!("gradient     {:>24}", summary["gradient_norm"]));
}
