//! `collado study all`: runs every study and writes a page with their results.

use std::{path::Path, time::Instant};

use clap::Args as ClapArgs;
use collado_studies::CellCache;
use serde_json::{Value, json};

use super::{
    experiment::{self, Entry, Progress, RunLocation, SizeArgs},
    index,
};
use crate::{
    args::{Common, Out},
    failure::Failure,
    files,
    folder::Folder,
    json::{self, print},
    progress,
    record::RunStatus,
    state,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct AllArgs {
    #[command(flatten)]
    size: SizeArgs,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// The outcome of one study.
pub(crate) struct StudyOutcome {
    pub(crate) name: &'static str,
    /// Its `result.json`, or the reason why there is none.
    pub(crate) result: Result<Value, String>,
}

/// Runs one study after another; the page and the summary are rewritten after each.
pub(crate) fn run(args: &AllArgs, entries: &[Entry]) -> Result<(), Failure> {
    experiment::check(&args.common)?;
    let start = Instant::now();
    let results: Vec<String> = entries.iter().map(|entry| format!("{}/{RESULT}", entry.name)).collect();
    let files: Vec<&str> = std::iter::once("index.html").chain(results.iter().map(String::as_str)).collect();
    let Some(folder) = Folder::open(&args.out, &args.common, SUMMARY, &files)? else { return Ok(()) };
    if !folder.is_resumed() {
        entries.iter().try_for_each(|entry| state::remove(&folder.join(entry.name)))?;
    }
    progress::catch_interrupt();
    let mut done = Vec::new();
    for entry in entries {
        let result = one(args, entry, &folder.join(entry.name));
        if progress::interrupted() {
            return Err(Failure::interrupted("interrupted; what is finished is kept")
                .hint("--resume goes on with the rest"));
        }
        done.push(StudyOutcome { name: entry.name, result: result.map_err(|e| e.to_string()) });
        index::write(folder.path(), &done)?;
        let so_far = summary(args, &done, start);
        let so_far = args.common.run.describe(&so_far, RunStatus::Interrupted);
        json::write(&folder.join(SUMMARY), &so_far)?;
        if !args.common.quiet && !args.common.json {
            print(&line(&done[done.len() - 1]));
        }
    }
    let failed = done.iter().filter(|d| d.result.is_err()).count();
    let summary = summary(args, &done, start);
    // What failed is tried again by --resume.
    let described = folder.finish(&args.common, &summary, failed > 0)?;
    args.common.show(&described, || {});
    match failed {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{failed} of {} studies failed", done.len()))
            .hint(format!("see {}; --resume tries them again", folder.join("index.html").display()))),
    }
}

const SUMMARY: &str = "summary.json";
const RESULT: &str = "result.json";

fn summary(args: &AllArgs, done: &[StudyOutcome], start: Instant) -> Value {
    let verdict = |d: &StudyOutcome| match &d.result {
        Ok(result) => {
            json!({"name": d.name, "verdict": result["verdict"], "shown": result["shown"], "seconds": result["seconds"]})
        }
        Err(error) => json!({"name": d.name, "error": error}),
    };
    json!({
        "size": args.size.size().name(), "seed": args.common.seed,
        "studies": done.iter().map(verdict).collect::<Vec<_>>(), "seconds": start.elapsed().as_secs_f64(),
    })
}

/// The result of one study: the one that this run wrote before it was stopped, or a new one.
fn one(args: &AllArgs, entry: &Entry, folder: &Path) -> Result<Value, Failure> {
    let file = folder.join(RESULT);
    if file.exists() {
        let found = json::read(&file)?;
        if found["run"]["id"] == args.common.run.id().as_str() {
            return Ok(found);
        }
    }
    files::make(folder)?;
    let (size, seed) = (args.size.size(), args.common.seed);
    let report = |cells: &CellCache, progress: Progress<'_>| (entry.report)(size, seed, cells, progress);
    let place = RunLocation { name: entry.name, folder, quiet: args.common.quiet };
    let result = experiment::measure(&place, report)?.1;
    json::write(&file, &args.common.run.describe(&result, RunStatus::Finished))?;
    state::remove(folder)?;
    Ok(result)
}

fn line(done: &StudyOutcome) -> String {
    match &done.result {
        Ok(result) => {
            let (verdict, shown) = (result["verdict"].as_str(), result["shown"].as_str());
            let seconds = result["seconds"].as_f64().unwrap_or(f64::NAN);
            let (verdict, shown) = (verdict.unwrap_or_default(), shown.unwrap_or_default());
            format!("{:<15} {verdict:<13} {seconds:>6.1} s  {shown}", done.name)
        }
        Err(error) => format!("{:<15} failed: {error}", done.name),
    }
}
