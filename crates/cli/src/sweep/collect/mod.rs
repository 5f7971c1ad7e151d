//! `collado sweep collect`: tables, means and pictures of the results.

mod cell;
mod figures;
mod mean;
mod means;
mod pairs;
mod parquet;
mod picture;
mod rows;

use serde::Serialize;

use self::{
    means::CellMean,
    rows::{Results, said},
};
use super::{args::CollectArgs, folder::SweepFolder, stage::Stage};
use crate::{
    failure::Failure,
    files,
    json::{self, print},
    progress, record,
    shown::{counted, significant},
    table::write_table,
};

/// What was collected.
#[derive(Serialize)]
struct Summary {
    run: RunRecord,
    tasks: usize,
    /// The tasks without a result, of which the tables have no row.
    missing: usize,
    files: Vec<String>,
    /// The means of the figures that the pictures show.
    means: Vec<CellMean>,
    notes: Vec<String>,
}

/// The command that collected, by which a report knows the folder.
#[derive(Serialize)]
struct RunRecord {
    command: &'static str,
    words: Vec<String>,
    version: &'static str,
}

/// Collects the results.
pub(super) fn run(args: &CollectArgs) -> Result<(), Failure> {
    let (folder, tasks) = SweepFolder::open(&args.folder)?;
    let results = Results::read(&folder, &tasks)?;
    if results.missing == tasks.len() {
        return Err(Failure::new(format!("{}: no task has a result", args.folder.display()))
            .hint(format!("collado sweep run {}", args.folder.display())));
    }
    let all = means::means(&results.rows);
    check(args, &all)?;
    let out = files::make(args.out.as_deref().unwrap_or(&args.folder))?;
    let mut written = Vec::new();
    let means_table = means::table(&all);
    let tables = [
        ("table.csv", &results.table),
        ("times.csv", &results.times),
        ("minima.csv", &results.minima),
        ("means.csv", &means_table),
        ("pairs.csv", &results.pairs),
    ];
    for (name, table) in tables.into_iter().filter(|(name, table)| *name != "pairs.csv" || table.rows > 0) {
        write_table(&out.join(name), table.csv()?)?;
        written.push(name.to_owned());
    }
    files::bytes(&out.join("table.parquet"), &parquet::write(&results.table))?;
    written.push("table.parquet".to_owned());
    let mut shown = Vec::new();
    for stage in Stage::ALL {
        let figure = args.y.as_deref().unwrap_or(stage.figure());
        shown.extend(all.iter().filter(|m| m.stage == stage && m.figure == figure).cloned());
        if let Some(picture) = picture::picture(&all, stage, args.x.as_deref(), figure) {
            files::picture(&out, stage.name(), &picture)?;
            written.extend([format!("{}.svg", stage.name()), format!("{}.png", stage.name())]);
        }
    }
    let maps = pairs::draw(&results.rows, args.y.as_deref(), &out)?;
    written.extend(maps.files);
    let summary = Summary {
        run: RunRecord {
            command: "sweep collect",
            words: record::words(),
            version: env!("CARGO_PKG_VERSION"),
        },
        tasks: tasks.len(),
        missing: results.missing,
        files: written,
        means: shown,
        notes: notes(&results, tasks.len()).into_iter().chain(maps.note).collect(),
    };
    json::write(&out.join("summary.json"), &summary)?;
    for note in &summary.notes {
        progress::say(args.printed.quiet, &format!("note: {note}"));
    }
    args.printed.show(&summary, || summary.print(&out.display().to_string()));
    Ok(())
}

/// Refuses columns and figures that are not there.
fn check(args: &CollectArgs, means: &[CellMean]) -> Result<(), Failure> {
    if let Some(y) = &args.y
        && !means.iter().any(|mean| mean.figure == *y)
    {
        return Err(Failure::usage(format!("--y {y}: no result has a figure of that name"))
            .hint("the column 'figure' of means.csv lists them"));
    }
    if let Some(x) = &args.x
        && !means.iter().any(|mean| mean.cell.get(x).is_some())
    {
        return Err(Failure::usage(format!("--x {x}: no column of the grid has that name")));
    }
    Ok(())
}

fn notes(results: &Results, tasks: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if results.missing > 0 {
        let missing = results.missing;
        notes.push(format!("{missing} of {} have no result and no row", counted(tasks, "task")));
    }
    if results.versions.len() > 1 {
        notes.push(format!("the results are of different versions: {}", results.versions.join(", ")));
    }
    notes
}

impl Summary {
    fn print(&self, out: &str) {
        for stage in Stage::ALL {
            let means: Vec<_> = self.means.iter().filter(|mean| mean.stage == stage).collect();
            let Some(first) = means.first() else { continue };
            print(&format!("{}, {}:", stage.name(), first.figure));
            let names: Vec<String> = means.iter().map(|mean| said(&mean.cell.0)).collect();
            let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
            for (CellMean { mean, .. }, name) in means.iter().zip(names) {
                let number = |x: f64| significant(x, 4);
                let interval = match mean.lo.is_nan() {
                    true => "no interval".to_owned(),
                    false => {
                        format!("95 % [{}, {}] ({})", number(mean.lo), number(mean.hi), mean.interval.name())
                    }
                };
                let (center, sd) = (number(mean.mean), number(mean.sd));
                print(&format!("  {name:<width$}  mean {center}, sd {sd}, {interval}, n = {}", mean.n));
            }
        }
        print(&format!("written to {out}: {}", self.files.join(", ")));
    }
}
