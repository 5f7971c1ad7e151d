//! `collado critical`: finds critical points of the risk and draws their index against their risk.

mod args;
mod found;
mod linear;
mod output;
mod picture;
mod saved;
mod starts;
mod summary;

use std::time::Instant;

use candle_core::Tensor;
use collado_landscape::{CriticalPoint, CriticalSearch, CriticalSettings, Error, SearchEnd, Termination};
use collado_risk::{Part, Progress};
use rayon::prelude::*;

pub(crate) use self::args::CriticalArgs;
use self::{found::CriticalResult, saved::Saved, starts::Start, summary::Summary};
use crate::{
    args::Dtype,
    failure::Failure,
    folder::Folder,
    progress,
    task::{self, Task},
};

/// Number of searches that share a stack.
const CHUNK: usize = 16;
/// The largest number of parameters; with more, dense Hessians take too much time and memory.
const MOST: usize = 5000;

/// Finds critical points and draws index against risk.
pub(crate) fn run(mut args: CriticalArgs) -> Result<(), Failure> {
    args.data.without_candle("critical points are found by exact curvature, without an engine")?;
    if args.common.dtype.replace(Dtype::F64) == Some(Dtype::F32) {
        return Err(Failure::usage("--dtype f32: critical points are computed in f64"));
    }
    args.common.on_cpu("critical points are computed")?;
    if [args.starts, args.descents, args.runs] == [0; 3] {
        let message = "--starts 0, --descents 0 and --runs 0: expected at least one start";
        return Err(Failure::usage(message));
    }
    let begin = Instant::now();
    let task = Task::for_training(&args.data, &args.common, &args.arch.spec(&args.common)?, None)?;
    let size = task.arch.layout().len();
    if size > MOST {
        let message = format!("{}: expected at most {MOST} parameters, found {size}", task.arch);
        return Err(Failure::new(message).hint("critical points take dense Hessians; take a smaller network"));
    }
    let search = CriticalSearch::new(&task.train).map_err(|error| match error {
        Error::Risk(error) => task::short_of_memory(error, 1),
        error => error.into(),
    })?;
    let folder = Folder::open(&args.out, &args.common, "summary.json", &["critical.csv", "critical.svg"])?;
    let Some(folder) = folder else { return Ok(()) };
    progress::catch_interrupt();
    let (starts, points) = starts::all(&args, &task)?;
    let saved = Saved::new(&folder);
    let ends = ends(&args, &search, &starts, &points, &saved)?;
    let examined = examine(&search, &ends, args.common.quiet)?;
    let found = CriticalResult::new(&task, &search, &starts, &ends, &examined)?;
    output::save(&found, folder.path())?;
    let summary = Summary::new(&found, begin.elapsed().as_secs_f64());
    let described = folder.finish(&args.common, &summary, false)?;
    args.common.show(&described, || summary.print(folder.path()));
    Ok(())
}

/// Searches from all starts in chunks, each of which is saved when it is finished.
fn ends(
    args: &CriticalArgs,
    search: &CriticalSearch,
    starts: &[Start],
    points: &Tensor,
    saved: &Saved,
) -> Result<Vec<SearchEnd>, Failure> {
    let total = points.dims()[0];
    let mut ends = saved.read()?;
    let bar = progress::bar("searches", args.common.quiet);
    let mut tell = progress::shares(&bar);
    while ends.len() < total {
        let done = ends.len();
        let goal = starts[done].goal;
        let count = starts[done..].iter().take(CHUNK).take_while(|start| start.goal == goal).count();
        let settings = CriticalSettings {
            goal,
            tolerance: args.tolerance,
            steps: args.steps,
            ..CriticalSettings::default()
        };
        let share = |ends: usize| ends as f64 / total as f64;
        let mut part = Part::new(&mut tell, share(done), share(done + count));
        match search.search(&points.narrow(0, done, count)?, &settings, &mut part) {
            Ok(found) => ends.extend(found),
            Err(Error::Interrupted) => {
                let message = format!("interrupted after {done} of {total} searches");
                return Err(match done {
                    0 => Failure::interrupted(format!("{message}; nothing is saved yet")),
                    _ => Failure::interrupted(format!("{message}; they are saved"))
                        .hint("--resume goes on from here"),
                });
            }
            Err(error) => return Err(error.into()),
        }
        saved.write(&ends)?;
    }
    bar.finish_and_clear();
    Ok(ends)
}

/// Examines each end that is a critical point.
fn examine(
    search: &CriticalSearch,
    ends: &[SearchEnd],
    quiet: bool,
) -> Result<Vec<Option<CriticalPoint>>, Failure> {
    let bar = progress::bar("curvature", quiet);
    let mut tell = progress::shares(&bar);
    let mut all = Vec::with_capacity(ends.len());
    for chunk in ends.chunks(CHUNK) {
        let examined: Result<Vec<_>, Error> = chunk
            .par_iter()
            .map(|end| (end.ended == Termination::Critical).then(|| search.examine(&end.theta)).transpose())
            .collect();
        all.extend(examined?);
        if tell.update(all.len() as f64 / ends.len() as f64).is_break() {
            return Err(Failure::interrupted("interrupted; the searches are saved").hint("--resume goes on"));
        }
    }
    bar.finish_and_clear();
    Ok(all)
}
