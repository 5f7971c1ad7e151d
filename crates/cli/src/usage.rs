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
    if let Some(failure) = program.and_then(|program| subcommand(error, program)) {
        return failure;
    }
    let message =
        refused(error).unwrap_or_else(|| first.trim_start_matches("error: ").replace(ENDS, "<A> <B>"));
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

/// How clap names the ends of a path, which can be given in two ways.
const ENDS: &str = "<ENDS|--a <A>|--b <B>>";

/// The failure of a command that has subcommands, of which none is named.
fn subcommand(error: &clap::Error, program: &Command) -> Option<Failure> {
    let kinds = [ErrorKind::MissingSubcommand, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand];
    let (name, command) = asked(program);
    let names: Vec<&str> =
        command.get_subcommands().map(Command::get_name).filter(|name| *name != "help").collect();
    (kinds.contains(&error.kind()) && !names.is_empty()).then(|| {
        Failure::usage(format!("{name} needs a subcommand: {}", names.join(", ")))
            .hint(format!("{name} --help explains them"))
    })
}

/// The command that the arguments of this process name, after its full name.
fn asked(program: &Command) -> (String, &Command) {
    let words = std::env::args().skip(1);
    let words = words.map_while(|word| Some(word).filter(|word| !word.starts_with('-')));
    // What is no command is a value, which stands after one.
    words.fold(("collado".to_owned(), program), |(name, command), word| {
        match command.find_subcommand(&word) {
            Some(found) => (format!("{name} {word}"), found),
            None => (name, command),
        }
    })
}

/// The first example in the help of the command that the arguments of this process name.
fn example(program: &Command) -> Option<String> {
    let help = asked(program).1.get_after_help()?.to_string();
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
