//! `collado study all`: runs every study and writes a page with their results.

use std::{path::Path, time::Instant};

use clap::Args as ClapArgs;
use collado_risk::Progress;
use collado_studies::CellCache;
use serde::{Deserialize, Serialize};

use super::{
    flags::SizeArgs,
    headline::{Headline, StudyOutcome},
    page::{self, About, Language},
    run::{self, Entry, RunLocation},
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
    /// Language of the page and of the pictures.
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Runs one study after another; the page and the summary are rewritten after each.
pub(crate) fn run(args: &AllArgs, entries: &[Entry]) -> Result<(), Failure> {
    run::check(&args.common)?;
    let start = Instant::now();
    let results: Vec<String> = entries.iter().map(|entry| format!("{}/{RESULT}", entry.name)).collect();
    let files: Vec<&str> = std::iter::once("index.html").chain(results.iter().map(String::as_str)).collect();
    let Some(folder) = Folder::open(&args.out, &args.common, SUMMARY, &files)? else { return Ok(()) };
    if !folder.is_resumed() {
        entries.iter().try_for_each(|entry| state::remove(&folder.join(entry.name)))?;
    }
    progress::catch_interrupt();
    let about = About { language: args.lang, size: args.size.size().name(), seed: args.common.seed };
    let mut done = Vec::new();
    for entry in entries {
        let result = one(args, entry, &folder.join(entry.name));
        if progress::interrupted() {
            return Err(Failure::interrupted("interrupted; what is finished is kept")
                .hint("--resume goes on with the rest"));
        }
        done.push(StudyOutcome { name: entry.name, result: result.map_err(|e| e.to_string()) });
        page::write(folder.path(), &about, &done)?;
        let so_far = Summary::new(args, &done, start);
        let so_far = args.common.run.describe(&so_far, RunStatus::Interrupted);
        json::write(&folder.join(SUMMARY), &so_far)?;
        if !args.common.quiet && !args.common.json {
            print(&line(&done[done.len() - 1]));
        }
    }
    let failed = done.iter().filter(|d| d.result.is_err()).count();
    let summary = Summary::new(args, &done, start);
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

/// What `summary.json` holds.
#[derive(Serialize)]
struct Summary<'a> {
    size: &'static str,
    seed: u64,
    studies: Vec<StudySummary<'a>>,
    seconds: f64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum StudySummary<'a> {
    Done { name: &'static str, verdict: &'a str, shown: &'a str, seconds: Option<f64> },
    Failed { name: &'static str, error: &'a str },
}

impl<'a> Summary<'a> {
    fn new(args: &AllArgs, done: &'a [StudyOutcome], start: Instant) -> Self {
        let study = |StudyOutcome { name, result }: &'a StudyOutcome| match result {
            Ok(Headline { verdict, shown, seconds, .. }) => {
                StudySummary::Done { name, verdict, shown, seconds: *seconds }
            }
            Err(error) => StudySummary::Failed { name, error },
        };
        Self {
            size: args.size.size().name(),
            seed: args.common.seed,
            studies: done.iter().map(study).collect(),
            seconds: start.elapsed().as_secs_f64(),
        }
    }
}

/// The result of one study: the one that this run wrote before it was stopped, or a new one.
fn one(args: &AllArgs, entry: &Entry, folder: &Path) -> Result<Headline, Failure> {
    let file = folder.join(RESULT);
    if file.exists() {
        let found = json::read(&file)?;
        if found["run"]["id"] == args.common.run.id().as_str() {
            return Ok(Headline::deserialize(found).unwrap_or_default());
        }
    }
    files::make(folder)?;
    let (size, seed) = (args.size.size(), args.common.seed);
    let report = |cells: &CellCache, progress: &mut dyn Progress| (entry.report)(size, seed, cells, progress);
    let place = RunLocation { name: entry.name, folder, quiet: args.common.quiet, language: args.lang };
    let result = run::measure(&place, report)?;
    json::write(&file, &args.common.run.describe(&result, RunStatus::Finished))?;
    state::remove(folder)?;
    Ok(Headline::from(&result))
}

fn line(done: &StudyOutcome) -> String {
    match &done.result {
        Ok(Headline { verdict, shown, seconds, .. }) => {
            let seconds = seconds.unwrap_or(f64::NAN);
            format!("{:<15} {verdict:<13} {seconds:>6.1} s  {shown}", done.name)
        }
        Err(error) => format!("{:<15} failed: {error}", done.name),
    }
}
