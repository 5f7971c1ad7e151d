//! The command line program: arguments, folders of results, progress and messages around the library crates.
//!
//! It is a library so that it is compiled together with the crates that it calls; the binary consists of [`run`] and an
//! allocator.

mod align;
mod args;
mod cast;
mod certify;
mod certify_minimum;
mod check;
mod command;
mod connect;
mod critical;
mod device;
mod eval;
mod failure;
mod files;
mod folder;
mod inline_picture;
mod inspect;
mod json;
mod kernel;
mod landscape;
mod levelset;
mod log;
mod man;
mod merge;
mod numbers;
mod parent;
mod place;
mod point;
mod progress;
mod record;
mod report;
mod search;
mod shown;
mod spectrum;
mod star;
mod state;
mod stated;
mod study;
mod suggest;
mod sweep;
mod table;
mod task;
mod time;
mod topics;
mod train;
mod usage;

use std::io::IsTerminal;

use clap::{CommandFactory, FromArgMatches};

use crate::{
    args::FigureStyle,
    command::{Args, Command},
    failure::Failure,
    record::Run,
};

/// Runs the command that the arguments of this process ask for, and returns the exit code.
#[must_use]
pub fn run() -> std::process::ExitCode {
    failure::catch_panics();
    parent::watch();
    if let Some(text) = general_help() {
        json::print(text.trim_end());
        return ended(json::printed());
    }
    let program = program();
    let parsed = program.clone().try_get_matches().and_then(|matches| {
        let mut args = Args::from_arg_matches(&matches)?;
        if let Some(common) = args.command.common() {
            if common.figure_style == FigureStyle::Paper {
                files::print_for_papers();
            }
            common.run = Run::asked(&program, &matches);
        }
        Ok(args)
    });
    let result = match parsed {
        Ok(args) => log::start(args.verbose).and_then(|()| start(args.command)),
        Err(help) if !help.use_stderr() => {
            let text = help.render();
            // Colours are for people.
            let text =
                if std::io::stdout().is_terminal() { text.ansi().to_string() } else { text.to_string() };
            json::print(text.trim_end());
            Ok(())
        }
        Err(wrong) => Err(usage::failure(&wrong, Some(&program))),
    };
    ended(result.and_then(|()| json::printed()))
}

/// The help that is about no single command, if the arguments of this process ask for it.
fn general_help() -> Option<String> {
    let words: Vec<String> = std::env::args_os().skip(1).map(|w| w.to_string_lossy().into_owned()).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => Some(topics::START.to_owned()),
        ["help", topic] => topics::of(topic),
        _ => None,
    }
}

fn ended(result: Result<(), Failure>) -> std::process::ExitCode {
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Runs a command with the number of threads that it asks for.
fn start(mut command: Command) -> Result<(), Failure> {
    match command.common().map(|common| common.threads) {
        Some(threads) => on_threads(threads, move || command.run()),
        None => command.run(),
    }
}

/// All commands with their flags.
fn program() -> clap::Command {
    signed(Args::command())
}

/// Makes the parser take `-1` for a number, which is then refused by its range, and not for a flag.
fn signed(command: clap::Command) -> clap::Command {
    command.allow_negative_numbers(true).mut_subcommands(signed)
}

/// Runs a function inside a thread pool, so that parallel loops start without a change of threads.
fn on_threads(
    threads: Option<usize>,
    run: impl FnOnce() -> Result<(), Failure> + Send,
) -> Result<(), Failure> {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
    let pool = builder.build().map_err(|e| Failure::new(format!("cannot start threads: {e}")))?;
    pool.install(run)
}
