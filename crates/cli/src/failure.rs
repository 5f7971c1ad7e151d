//! Failures of the program: messages, hints and exit codes.

use std::{io::Write, process::ExitCode};

/// The reason why the program ends with an error: one line, perhaps a hint, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    /// The place in a text, underlined.
    excerpt: Option<String>,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    pub(crate) fn new(message: impl ToString) -> Self {
        let message = without_backtrace(&message.to_string()).to_owned();
        Self { message, excerpt: None, hint: None, code: 1 }
    }

    /// The failure of a command line that makes no sense, with exit code 2.
    pub(crate) fn usage(message: impl ToString) -> Self {
        Self { code: 2, ..Self::new(message) }
    }

    /// The failure of a run that was stopped by Ctrl-C after its state was saved, with exit code 130.
    pub(crate) fn interrupted(message: impl ToString) -> Self {
        Self { code: 130, ..Self::new(message) }
    }

    pub(crate) fn hint(self, hint: impl ToString) -> Self {
        Self { hint: Some(hint.to_string()), ..self }
    }

    /// Shows lines of a text below the message.
    pub(crate) fn excerpt(self, lines: impl ToString) -> Self {
        Self { excerpt: Some(lines.to_string()), ..self }
    }

    /// The same failure with the message after `place`.
    pub(crate) fn at(self, place: impl std::fmt::Display) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }

    /// What went wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Prints the error and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        say(&format!("error: {}", plain(&self.message)));
        if let Some(lines) = &self.excerpt {
            say(&printable(lines, &['\n']));
        }
        if let Some(hint) = &self.hint {
            say(&format!("hint: {}", plain(hint)));
        }
        ExitCode::from(self.code)
    }
}

/// Prints a line on stderr. Errors of writing are ignored, as results do not depend on it.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Escapes control characters, so that the text is one line: names from files could otherwise control a terminal.
pub(crate) fn plain(text: &str) -> String {
    printable(&text.replace('\n', " "), &[])
}

/// Escapes all control characters of a text except those in `kept`.
pub(crate) fn printable(text: &str, kept: &[char]) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() && !kept.contains(&c) => safe.extend(c.escape_default()),
            c => safe.push(c),
        }
    }
    safe
}

/// A message of a library with flags for the names of its options, which it writes between backticks.
pub(crate) fn with_flags(text: &str) -> String {
    let mut parts = text.split('`');
    let mut said = parts.next().unwrap_or_default().to_owned();
    // Between backticks, and behind them.
    while let Some(name) = parts.next() {
        match (name, parts.next()) {
            (name, Some(rest)) if is_name(name) => said += &format!("{}{rest}", flag(name)),
            (name, Some(rest)) => said += &format!("`{name}`{rest}"),
            (name, None) => said += &format!("`{name}"),
        }
    }
    said
}

/// Whether it can be the name of an option.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

/// The flag of an option.
fn flag(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}

/// A message without the backtrace that an error of candle may carry behind it.
fn without_backtrace(message: &str) -> &str {
    message.find("\n   0: ").map_or(message, |at| &message[..at]).trim_end()
}

/// Makes a panic, which is a bug, end the program with one line and a hint; with `RUST_BACKTRACE` all of it is shown.
#[allow(clippy::print_stderr)]
pub(crate) fn catch_panics() {
    if std::env::var_os("RUST_BACKTRACE").is_some_and(|v| v != "0") {
        return;
    }
    static FIRST: std::sync::Once = std::sync::Once::new();
    std::panic::set_hook(Box::new(|info| {
        // Other threads that panic meanwhile wait here for the end.
        FIRST.call_once(|| {
            let said = info.to_string().replace('\n', " ");
            if said.ends_with("capacity overflow") {
                eprintln!(
                    "error: out of memory: more was asked for than any machine has\nhint: smaller numbers"
                );
            } else {
                eprintln!("error: a bug in collado: {said}");
                eprintln!("hint: please report it with the command line; RUST_BACKTRACE=1 shows where it is");
            }
            std::process::exit(1);
        });
    }));
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<collado_data::Error> for Failure {
    fn from(error: collado_data::Error) -> Self {
        let failure = Self::new(with_flags(&error.to_string()));
        match error.hint() {
            Some(hint) => failure.hint(with_flags(&hint)),
            None => failure,
        }
    }
}

impl From<collado_files::Error> for Failure {
    fn from(error: collado_files::Error) -> Self {
        let failure = Self::new(with_flags(&error.to_string()));
        match error.hint() {
            Some(hint) => failure.hint(with_flags(&hint)),
            None => failure,
        }
    }
}

impl From<collado_studies::StudyError> for Failure {
    fn from(error: collado_studies::StudyError) -> Self {
        match error {
            collado_studies::StudyError::Interrupted => {
                Self::interrupted("interrupted; what is finished is kept")
                    .hint("--resume goes on with the rest")
            }
            error @ collado_studies::StudyError::Cell { .. } => {
                Self::new(error).hint("resume with the same settings, or start afresh with --force")
            }
            collado_studies::StudyError::Setting { name, expected, found } => {
                let flags: Vec<String> = name.split(", ").map(flag).collect();
                Self::new(format!("{}: expected {expected}, found {found}", flags.join(", ")))
            }
            error => Self::new(with_flags(&error.to_string())),
        }
    }
}

macro_rules! plain {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(with_flags(&error.to_string()))
            }
        })*
    };
}
plain!(
    collado_certify::Error,
    collado_check::Error,
    collado_dynamics::Error,
    collado_models::Error,
    collado_risk::Error,
    collado_landscape::Error,
    collado_plots::Error,
    candle_core::Error,
    csv::Error
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_options_become_flags() {
        for (said, shown) in [
            ("`data` x: found 'y'", "--data x: found 'y'"),
            ("as in `max_steps` 3 and `key` a", "as in --max-steps 3 and --key a"),
            ("file '`A`' and `", "file '`A`' and `"),
            ("", ""),
        ] {
            assert_eq!(with_flags(said), shown);
        }
    }
}
