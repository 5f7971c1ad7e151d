use std::path::Path;

use collado_plots::Figure;
use serde_json::Value as Json;

use super::{Found, SpectrumArgs};
use crate::{
    failure::Failure,
    folder,
    json::{self, print},
    shown::significant,
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
    let show = |name: &str, value: &Json, error: &Json| {
        let value = value.as_f64().map_or_else(|| value.to_string(), |x| significant(x, 7));
        let error = error.as_f64().map_or_else(String::new, |e| format!("  ± {e:.1e}"));
        print(&format!("{name:<12} {value:>14}{error}"));
    };
    for end in ["top", "bottom"] {
        for pair in summary[end].as_array().into_iter().flatten() {
            show(end, &pair["value"], &pair["residual"]);
        }
    }
    let status = if summary["index_status"] == "exact" { "" } else { "  at least" };
    print(&format!("index        {:>14}{status}", summary["index"].to_string()));
    if let Some(modes) = summary["zero_modes"].as_u64() {
        print(&format!("zero modes   {modes:>14}"));
    }
    show("trace", &summary["trace"]["value"], &summary["trace"]["stderr"]);
    show("gradient", &summary["gradient_norm"], &Json::Null);
    if let Some(out) = &args.out {
        print(&format!("written to   {}", out.display()));
    }
}
