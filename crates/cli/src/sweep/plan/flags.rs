//! The flags of the commands, as the commands themselves define them.

use clap::{ArgAction, Command, error::ContextKind};

use crate::{failure::Failure, sweep::stage::Stage, usage};

/// Flags that the sweep sets itself.
const OWN: [&str; 9] = ["out", "force", "resume", "json", "quiet", "a", "b", "part", "known"];

/// The program with all its commands.
pub(super) struct Flags(Command);

impl Flags {
    pub(super) fn new() -> Self {
        Self(crate::program())
    }

    /// Checks that a command has such a flag, and that it can be set in a sweep.
    pub(super) fn has(&mut self, stage: Stage, key: &str) -> Result<(), Failure> {
        let command = stage.command();
        let known = self.definition(stage, key).is_some();
        match (known, OWN.contains(&key)) {
            (true, false) => Ok(()),
            (true, true) => Err(Failure::usage(format!("--{key} is set by the sweep itself"))),
            (false, _) => {
                let words = ["collado", command, &format!("--{key}=1")];
                let failure =
                    Failure::usage(format!("unknown key '{key}': 'collado {command}' has no --{key}"));
                // The parser knows what looks alike.
                let tip = self.0.try_get_matches_from_mut(words).err().map(|e| usage::tip(&e));
                Err(failure.hint(tip.flatten().unwrap_or_else(|| {
                    format!("'collado {command} --help' lists the flags, which are the keys here")
                })))
            }
        }
    }

    /// Whether a flag takes no value: true gives it, false leaves it out.
    pub(super) fn is_switch(&self, stage: Stage, key: &str) -> bool {
        self.definition(stage, key).is_some_and(|flag| matches!(flag.get_action(), ArgAction::SetTrue))
    }

    /// Lets the parser look at a command line; the key of the flag that it refuses comes with the failure.
    pub(super) fn check(&mut self, words: &[String]) -> Result<(), (Option<String>, Failure)> {
        let words = std::iter::once("collado").chain(words.iter().map(String::as_str));
        self.0.try_get_matches_from_mut(words).map(|_| ()).map_err(|error| {
            let flag = error.get(ContextKind::InvalidArg).map(ToString::to_string);
            let key = flag.as_deref().and_then(|flag| flag.strip_prefix("--"));
            let key = key.map(|key| key.split([' ', '=']).next().unwrap_or(key).to_owned());
            (key, usage::failure(&error, None))
        })
    }

    fn definition(&self, stage: Stage, key: &str) -> Option<&clap::Arg> {
        let command = self.0.find_subcommand(stage.command())?;
        // The parser adds --help to every command.
        let mut flags =
            command.get_arguments().filter(|flag| !flag.is_global_set() && flag.get_id() != "help");
        flags.find(|flag| flag.get_long() == Some(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_flags_of_the_commands() {
        let mut flags = Flags::new();
        for (stage, key) in [
            (Stage::Train, "epochs"),
            (Stage::Start, "max-steps"),
            (Stage::Connect, "align"),
            (Stage::Levelset, "method"),
            (Stage::Spectrum, "ends"),
            (Stage::Certify, "tolerance"),
            (Stage::Align, "seed"),
        ] {
            assert!(flags.has(stage, key).is_ok(), "{key}");
        }
        for (stage, key) in [
            (Stage::Train, "out"),
            (Stage::Connect, "a"),
            (Stage::Connect, "ends"),
            (Stage::Train, "verbose"),
            (Stage::Train, "width"),
            (Stage::Train, "help"),
        ] {
            assert!(flags.has(stage, key).is_err(), "{key}");
        }
        assert!(flags.is_switch(Stage::Train, "nesterov") && !flags.is_switch(Stage::Train, "epochs"));
    }

    #[test]
    fn the_refused_flag_is_named() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut flags = Flags::new();
        assert!(flags.check(&words("train --arch=relu:64-4-10 --out=x")).is_ok());
        let (key, _) = flags.check(&words("train --arch=relu:64-4-10 --epochs=no --out=x")).unwrap_err();
        assert_eq!(key.as_deref(), Some("epochs"));
        let (key, _) = flags.check(&words("connect --method=no --out=x")).unwrap_err();
        assert_eq!(key.as_deref(), Some("method"));
    }
}
