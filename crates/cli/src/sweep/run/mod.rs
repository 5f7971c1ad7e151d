//! `collado sweep run`: runs the tasks that have no result yet.

mod execute;
mod queue;

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use self::{
    execute::{Outcome, Share, execute},
    queue::{Next, Queue, State},
};
use super::{
    args::RunArgs,
    claim::{Claims, RENEWAL},
    folder::SweepFolder,
    rank::{self, Part},
    task::Task,
};
use crate::{args::quarter_of_memory, failure::Failure, json::print, progress, shown::counted};

/// Runs tasks.
pub(super) fn run(args: &RunArgs) -> Result<(), Failure> {
    let (folder, tasks) = SweepFolder::open(&args.folder)?;
    let part = Part::find((args.rank, args.world), |name| std::env::var(name).ok())?;
    if let Some(Part { rank, world, said }) = part {
        progress::say(args.printed.quiet, &format!("note: part {rank} of {world}, by {said}"));
    }
    progress::catch_interrupt();
    execute::sweep(&folder)?;
    let mut queue = Queue::new(&tasks, rank::own(&tasks, args.stage, part));
    if args.retry {
        queue.own().try_for_each(|task| folder.forgive(&task.id))?;
    }
    queue.refresh(&folder)?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.unwrap_or(if part.is_some() { 1 } else { cores }).min(queue.len().max(1));
    let cores = if part.is_some() && args.jobs.is_none() { 1 } else { cores };
    let share = Share { threads: (cores / jobs).max(1), memory: quarter_of_memory() / jobs };
    let before = queue.count(State::Done);
    let crew = Crew {
        folder: &folder,
        claims: Claims::new(folder.join("claims")),
        bar: bar(queue.len(), before, args.printed.quiet),
        queue: Mutex::new(queue),
        is_over: AtomicBool::new(false),
        share,
        quiet: args.printed.quiet,
    };
    let begin = Instant::now();
    crew.work(jobs)?;
    crew.bar.finish_and_clear();
    let queue = crew.queue.into_inner().unwrap_or_else(PoisonError::into_inner);
    report(args, &folder, &queue, before, begin.elapsed())
}

/// The workers of this process, and what they share.
struct Crew<'a> {
    folder: &'a SweepFolder,
    claims: Claims,
    bar: ProgressBar,
    queue: Mutex<Queue<'a>>,
    is_over: AtomicBool,
    share: Share,
    quiet: bool,
}

impl<'a> Crew<'a> {
    fn work(&self, jobs: usize) -> Result<(), Failure> {
        thread::scope(|scope| {
            let clock = scope.spawn(|| {
                while !self.is_over.load(Ordering::Relaxed) {
                    self.claims.renew();
                    thread::park_timeout(RENEWAL);
                }
            });
            let work = || {
                let end = self.worker();
                if end.is_err() {
                    // A folder that cannot be written stops all.
                    self.is_over.store(true, Ordering::Relaxed);
                }
                end
            };
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
            let ends: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
            self.is_over.store(true, Ordering::Relaxed);
            clock.thread().unpark();
            ends.into_iter().try_for_each(|end| end.expect("a panic ends the program"))
        })
    }

    fn worker(&self) -> Result<(), Failure> {
        let mut pause = Duration::from_millis(20);
        while !progress::interrupted() && !self.is_over.load(Ordering::Relaxed) {
            let next = self.queue().next(&self.claims, self.folder)?;
            match next {
                Next::End => return Ok(()),
                Next::Wait => {
                    thread::sleep(pause);
                    // Others' results may be long in coming.
                    pause = (2 * pause).min(Duration::from_secs(1));
                    let mut queue = self.queue();
                    queue.refresh(self.folder)?;
                    self.show(&queue);
                }
                Next::Run(i) => {
                    self.task(i)?;
                    pause = Duration::from_millis(20);
                }
            }
        }
        Ok(())
    }

    fn task(&self, i: usize) -> Result<(), Failure> {
        let tasks: &'a [Task] = self.queue().tasks;
        let task = &tasks[i];
        let outcome = execute(self.folder, task, self.claims.owner(), self.share);
        self.claims.release(&task.id);
        let state = match outcome? {
            Outcome::Done => State::Done,
            Outcome::Failed(ended) => {
                let error = ended.error.unwrap_or_default();
                self.bar.suspend(|| {
                    progress::say(
                        self.quiet,
                        &format!("failed: {} ({}): {error}", task.id, task.stage.name()),
                    )
                });
                State::Failed
            }
            Outcome::Interrupted => State::Open,
        };
        let mut queue = self.queue();
        queue.set(i, state);
        self.show(&queue);
        Ok(())
    }

    fn show(&self, queue: &Queue<'_>) {
        let failed = queue.count(State::Failed) + queue.count(State::Blocked);
        self.bar.set_position((queue.count(State::Done) + failed) as u64);
        if failed > 0 {
            self.bar.set_message(format!("tasks, {failed} failed"));
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<'a>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one bar for all tasks.
fn bar(tasks: usize, done: usize, quiet: bool) -> ProgressBar {
    let bar = progress::bar("tasks", quiet);
    if let Ok(style) =
        ProgressStyle::with_template("{msg:14} {bar:40.cyan/dim} {pos}/{len}  {elapsed}, {eta} left")
    {
        bar.set_style(style);
    }
    bar.set_length(tasks as u64);
    bar.set_position(done as u64);
    // What was done before says nothing about the speed.
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// What a run did.
#[derive(Serialize)]
struct Summary {
    tasks: usize,
    /// Those that have a result, and of these how many had one before.
    done: usize,
    before: usize,
    failed: usize,
    /// Those that wait for failed ones.
    blocked: usize,
    seconds: f64,
}

fn report(
    args: &RunArgs,
    folder: &SweepFolder,
    queue: &Queue<'_>,
    before: usize,
    time: Duration,
) -> Result<(), Failure> {
    let [done, failed, blocked] =
        [State::Done, State::Failed, State::Blocked].map(|state| queue.count(state));
    let summary = Summary { tasks: queue.len(), done, before, failed, blocked, seconds: time.as_secs_f64() };
    let place = folder.path().display();
    args.printed.show(&summary, || {
        let earlier = if before > 0 { format!(", {before} of them before") } else { String::new() };
        let all = counted(queue.len(), "task");
        print(&format!("{done} of {all} done{earlier}, in {:.1} s", summary.seconds));
    });
    if progress::interrupted() {
        return Err(Failure::interrupted("interrupted; finished tasks are kept")
            .hint(format!("collado sweep run {place} goes on")));
    }
    match failed + blocked {
        0 => Ok(()),
        _ => {
            let waiting = match blocked {
                0 => String::new(),
                n => format!(", {n} wait for failed ones"),
            };
            let message = format!("{failed} of {} failed{waiting}", counted(queue.len(), "task"));
            Err(Failure::new(message).hint(format!(
                "collado sweep status {place} lists them, collado sweep run {place} --retry runs them again"
            )))
        }
    }
}
