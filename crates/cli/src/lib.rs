//! The program: arguments, folders of results, progress and messages around the other crates.
//!
//! A library, so that it is compiled beside the crates it calls; the binary is [`run`] and an allocator.

mod align;
mod args;
mod attempt;
mod auto;
mod cast;
mod certify;
mod certify_minimum;
mod connect;
mod critical;
mod ends;
mod eval;
mod failure;
mod folder;
mod json;
mod kept;
mod kernel;
mod landscape;
mod levelset;
mod methods;
mod point;
mod progress;
mod shown;
mod spectrum;
mod state;
mod study;
mod table;
mod task;
mod time;
mod train;
mod usage;

use clap::{CommandFactory, FromArgMatches, error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand};

use crate::{args::Command, failure::Failure};

/// Does what the arguments of this process ask for, and says how it ended.
#[must_use]
pub fn run() -> std::process::ExitCode {
    failure::catch_panics();
    let parsed = signed(args::Args::command()).try_get_matches();
    let command = match parsed.and_then(|found| args::Args::from_arg_matches(&found)) {
        Ok(args) => args.command,
        Err(help) if !help.use_stderr() || help.kind() == DisplayHelpOnMissingArgumentOrSubcommand => {
            help.exit()
        }
        Err(wrong) => return usage::failure(&wrong).report(),
    };
    let result = match command {
        Command::Train(args) => on_threads(args.common.threads, move || train::run(&args)),
        Command::Eval(args) => on_threads(args.common.threads, move || eval::run(&args)),
        Command::Connect(args) => on_threads(args.common.threads, move || connect::run(&args)),
        Command::Certify(args) => on_threads(args.common.threads, move || certify::run(&args)),
        Command::Align(args) => on_threads(args.common.threads, move || align::run(&args)),
        Command::Levelset(args) => on_threads(args.common.threads, move || levelset::run(&args)),
        Command::Kernel(args) => on_threads(args.common.threads, move || kernel::run(&args)),
        Command::Landscape(args) => on_threads(args.threads(), move || landscape::run(args)),
        Command::CertifyMinimum(args) => on_threads(args.common.threads, move || certify_minimum::run(&args)),
        Command::Spectrum(args) => on_threads(args.common.threads, move || spectrum::run(args)),
        Command::Critical(args) => on_threads(args.common.threads, move || critical::run(args)),
        Command::Study(args) => on_threads(args.threads(), move || study::run(&args)),
        Command::Time(args) => on_threads(args.common.threads, move || time::run(&args)),
        Command::Point(args) => point::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut args::Args::command(), "collado", &mut script);
            json::print(String::from_utf8_lossy(&script).trim_end());
            Ok(())
        }
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Takes `-1` for a number, which may be refused with its range, and not for a flag.
fn signed(command: clap::Command) -> clap::Command {
    command.allow_negative_numbers(true).mut_subcommands(signed)
}

/// Runs inside a thread pool, so that parallel loops start without a change of threads.
fn on_threads(
    threads: Option<usize>,
    run: impl FnOnce() -> Result<(), Failure> + Send,
) -> Result<(), Failure> {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
    let pool = builder.build().map_err(|e| Failure::new(format!("cannot start threads: {e}")))?;
    pool.install(run)
}
