//! Errors of the command line as one line and a hint.

use std::error::Error;

use clap::{
    Command,
    error::{ContextKind, ErrorKind},
};

use crate::failure::{Failure, with_flags};

/// The failure for an error of clap, without its paragraphs; where something is missing on the command line of `program`, with
/// an example of the command.
pub(crate) fn failure(error: &clap::Error, program: Option<&Command>) -> Failure {
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let first = first.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = refused(error).unwrap_or_else(|| first.trim_start_matches("error: ").to_owned());
    let missing = error.kind() == ErrorKind::MissingRequiredArgument;
    let example = || program.filter(|_| missing).and_then(example);
    let hint = tip(error).or_else(|| Some(format!("for example: {}", example()?)));
    Failure::usage(message).hint(hint.unwrap_or_else(|| "--help lists all arguments".into()))
}

/// What clap advises, such as a name that looks alike.
pub(crate) fn tip(error: &clap::Error) -> Option<String> {
    let text = error.render().to_string();
    text.split("\n\n").find_map(|paragraph| {
        let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        line.strip_prefix("tip: ").map(str::to_owned)
    })
}

/// The first example in the help of the command that the arguments of this process name.
fn example(program: &Command) -> Option<String> {
    let words = std::env::args().skip(1);
    let command = words.map_while(|word| Some(word).filter(|word| !word.starts_with('-')));
    // What is no command is a value, which stands after one.
    let command = command.fold(program, |command, word| command.find_subcommand(&word).unwrap_or(command));
    let help = command.get_after_help()?.to_string();
    help.lines().map(str::trim).find(|line| line.starts_with("collado ")).map(str::to_owned)
}

/// The message of one of our own parsers, if it names the value itself.
fn refused(error: &clap::Error) -> Option<String> {
    let of = |kind| error.get(kind).map(ToString::to_string);
    let (argument, value) = (of(ContextKind::InvalidArg)?, of(ContextKind::InvalidValue)?);
    let said = with_flags(&error.source()?.to_string());
    let flag = argument.split(' ').next()?;
    match [format!("'{value}'"), format!(" {value}:")].iter().any(|named| said.contains(named)) {
        true if said.starts_with(flag) => Some(said),
        true => Some(format!("{flag}: {said}")),
        false => None,
    }
}
