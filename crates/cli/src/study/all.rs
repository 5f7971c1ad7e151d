use std::{path::Path, time::Instant};

use clap::Args as ClapArgs;
use collado_studies::Cells;
use serde_json::{Value, json};

use super::{
    experiment::{self, Entry, Place, Progress, SizeArgs},
    index,
};
use crate::{
    args::{Common, Out},
    failure::Failure,
    folder,
    json::{print, write},
    progress, state,
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

/// What became of one study.
pub(crate) struct Done {
    pub(crate) name: &'static str,
    /// Its `result.json`, or why there is none.
    pub(crate) result: Result<Value, String>,
}

/// Runs study after study; the page is written anew after each.
pub(crate) fn run(args: &AllArgs, entries: &[Entry]) -> Result<(), Failure> {
    experiment::check(&args.common)?;
    let start = Instant::now();
    let mut folders = vec!["index.html".to_owned()];
    folders.extend(entries.iter().map(|entry| format!("{}/result.json", entry.name)));
    if !args.out.resume {
        folder::create(&args.out, &folders.iter().map(String::as_str).collect::<Vec<_>>())?;
        entries.iter().try_for_each(|entry| forget(&args.out.out.join(entry.name)))?;
    } else {
        check_resumed(args)?;
    }
    progress::catch_interrupt();
    let mut done = Vec::new();
    for entry in entries {
        let result = one(args, entry);
        if progress::interrupted() {
            return Err(Failure::interrupted("interrupted; what is finished is kept")
                .hint("--resume goes on with the rest"));
        }
        done.push(Done { name: entry.name, result: result.map_err(|e| e.to_string()) });
        index::write(&args.out.out, &done)?;
        write(&args.out.out.join(SUMMARY), &summary(args, &done, start))?;
        if !args.common.quiet && !args.common.json {
            print(&line(&done[done.len() - 1]));
        }
    }
    if args.common.json {
        print(&summary(args, &done, start).to_string());
    }
    match done.iter().filter(|d| d.result.is_err()).count() {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{failed} of {} studies failed", done.len()))
            .hint(format!("see {}", args.out.out.join("index.html").display()))),
    }
}

const SUMMARY: &str = "summary.json";

fn summary(args: &AllArgs, done: &[Done], start: Instant) -> Value {
    let verdict = |d: &Done| match &d.result {
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

/// Starts afresh: what `--force` is to replace is not finished for a later `--resume`.
fn forget(folder: &Path) -> Result<(), Failure> {
    state::remove(folder)?;
    let file = folder.join("result.json");
    match std::fs::remove_file(&file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(format!("{}: cannot be removed: {e}", file.display())))
        }
        _ => Ok(()),
    }
}

/// Refuses to go on with studies of another size or seed.
fn check_resumed(args: &AllArgs) -> Result<(), Failure> {
    let file = args.out.out.join(SUMMARY);
    let Ok(text) = std::fs::read_to_string(&file) else { return Ok(()) };
    let of = |summary: &Value| format!("size {}, seed {}", summary["size"], summary["seed"]);
    let found: Value =
        serde_json::from_str(&text).map_err(|e| Failure::new(format!("{}: {e}", file.display())))?;
    let (found, expected) = (of(&found), of(&summary(args, &[], Instant::now())));
    if found == expected {
        return Ok(());
    }
    let message = format!("{}: expected studies of {expected}, found {found}", file.display());
    Err(Failure::new(message).hint("resume with the same flags, or start afresh with --force"))
}

/// The result of one study: the one that is there already when going on.
fn one(args: &AllArgs, entry: &Entry) -> Result<Value, Failure> {
    let folder = args.out.out.join(entry.name);
    let file = folder.join("result.json");
    if args.out.resume && file.exists() {
        let fail = |e: &dyn std::fmt::Display| Failure::new(format!("{}: {e}", file.display()));
        let text = std::fs::read_to_string(&file).map_err(|e| fail(&e))?;
        return serde_json::from_str(&text).map_err(|e| fail(&e));
    }
    folder::make(&folder)?;
    let (size, seed) = (args.size.size(), args.common.seed);
    let report = |cells: &Cells, progress: Progress<'_>| (entry.report)(size, seed, cells, progress);
    let place =
        Place { name: entry.name, folder: &folder, resume: args.out.resume, quiet: args.common.quiet };
    Ok(experiment::measure(&place, report)?.1)
}

fn line(done: &Done) -> String {
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
