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
mod numbers;
mod place;
mod point;
mod progress;
mod record;
mod shown;
mod spectrum;
mod state;
mod stated;
mod study;
mod table;
mod task;
mod time;
mod train;
mod usage;

use std::io::IsTerminal;

use clap::{CommandFactory, FromArgMatches, error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand};

use crate::{
    args::{Command, Common},
    failure::Failure,
    record::Run,
};

/// Does what the arguments of this process ask for, and says how it ended.
#[must_use]
pub fn run() -> std::process::ExitCode {
    failure::catch_panics();
    let program = signed(args::Args::command());
    let parsed = program.clone().try_get_matches().and_then(|matches| {
        let mut command = args::Args::from_arg_matches(&matches)?.command;
        if let Some(common) = command.common() {
            common.run = Run::asked(&program, &matches);
        }
        Ok(command)
    });
    let result = match parsed {
        Ok(command) => start(command),
        Err(help) if help.kind() == DisplayHelpOnMissingArgumentOrSubcommand => help.exit(),
        Err(help) if !help.use_stderr() => {
            let text = help.render();
            // Colours are for people.
            let text =
                if std::io::stdout().is_terminal() { text.ansi().to_string() } else { text.to_string() };
            json::print(text.trim_end());
            Ok(())
        }
        Err(wrong) => Err(usage::failure(&wrong)),
    };
    match result.and_then(|()| json::printed()) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Runs a command on the threads that it asks for.
fn start(mut command: Command) -> Result<(), Failure> {
    match command.common().map(|common| common.threads) {
        Some(threads) => on_threads(threads, move || command.run()),
        None => command.run(),
    }
}

impl Command {
    /// What the command takes about machine and output; nothing for those that only print or copy.
    fn common(&mut self) -> Option<&mut Common> {
        Some(match self {
            Self::Train(args) => &mut args.common,
            Self::Eval(args) => &mut args.common,
            Self::Connect(args) => &mut args.common,
            Self::Certify(args) => &mut args.common,
            Self::Align(args) => &mut args.common,
            Self::Levelset(args) => &mut args.common,
            Self::Kernel(args) => &mut args.common,
            Self::Landscape(args) => args.common(),
            Self::CertifyMinimum(args) => &mut args.common,
            Self::Spectrum(args) => &mut args.common,
            Self::Critical(args) => &mut args.common,
            Self::Study(args) => return args.common(),
            Self::Time(args) => &mut args.common,
            Self::Point(_) | Self::Completions { .. } => return None,
        })
    }

    fn run(self) -> Result<(), Failure> {
        match self {
            Self::Train(args) => train::run(&args),
            Self::Eval(args) => eval::run(&args),
            Self::Connect(args) => connect::run(&args),
            Self::Certify(args) => certify::run(&args),
            Self::Align(args) => align::run(&args),
            Self::Levelset(args) => levelset::run(&args),
            Self::Kernel(args) => kernel::run(&args),
            Self::Landscape(args) => landscape::run(args),
            Self::CertifyMinimum(args) => certify_minimum::run(&args),
            Self::Spectrum(args) => spectrum::run(args),
            Self::Critical(args) => critical::run(args),
            Self::Study(args) => study::run(&args),
            Self::Time(args) => time::run(&args),
            Self::Point(args) => point::run(&args),
            Self::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut args::Args::command(), "collado", &mut script);
                json::print(String::from_utf8_lossy(&script).trim_end());
                Ok(())
            }
        }
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
