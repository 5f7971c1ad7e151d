//! The flags of a study: they change the settings that `--quick`, `--full` or neither stands for.

use clap::{
    Arg, ArgMatches, Args as ClapArgs, Command, FromArgMatches,
    builder::{OsStr, Resettable},
};
use collado_studies::Study;

/// The amount that is measured where no flag states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Quick,
    Usual,
    Full,
}

impl Size {
    /// The settings of this size.
    pub(crate) fn settings<S: Study>(self) -> S {
        match self {
            Self::Quick => S::quick(),
            Self::Usual => S::default(),
            Self::Full => S::full(),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Usual => "usual",
            Self::Full => "full",
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SizeArgs {
    /// Measure little, for a first result within a minute.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Measure everything that the theory gives numbers for.
    #[arg(long)]
    full: bool,
}

impl SizeArgs {
    pub(crate) fn size(&self) -> Size {
        match self {
            Self { quick: true, .. } => Size::Quick,
            Self { full: true, .. } => Size::Full,
            _ => Size::Usual,
        }
    }
}

/// The settings of a study as the command line gives them.
#[derive(Debug)]
pub(crate) struct SettingsArgs<S>(pub(crate) S);

impl<S: Study + ClapArgs> ClapArgs for SettingsArgs<S> {
    fn augment_args(command: Command) -> Command {
        // Only the flags: the text above the settings is for readers of the library.
        let settings = S::augment_args(Command::new(S::NAME));
        let flags = settings.get_arguments().cloned().map(with_default_in_help);
        SizeArgs::augment_args(command.args(flags))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<S: Study + ClapArgs> FromArgMatches for SettingsArgs<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut settings: S = SizeArgs::from_arg_matches(matches)?.size().settings();
        settings.update_from_arg_matches(matches)?;
        Ok(Self(settings))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// A flag that tells its default but does not have it: where it is not given, the size decides.
fn with_default_in_help(flag: Arg) -> Arg {
    let defaults: Vec<String> =
        flag.get_default_values().iter().map(|v| short(&v.to_string_lossy())).collect();
    if defaults.is_empty() {
        return flag;
    }
    let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
    let help = format!("{help} [default: {}]", defaults.join(","));
    flag.help(help).default_value(Resettable::<OsStr>::Reset).required(false)
}

/// A number in its shortest form, as 1e-9; other text as it is.
fn short(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) => format!("{number:?}").trim_end_matches(".0").to_owned(),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use collado_studies::{
        convexity::ConvexitySettings, deep_linear::DeepLinearSettings, spurious::SpuriousSettings,
    };

    use super::*;

    fn command<S: Study + ClapArgs>() -> Command {
        SettingsArgs::<S>::augment_args(Command::new("study"))
    }

    fn settings<S: Study + ClapArgs>(flags: &[&str]) -> S {
        let words = [&["study"][..], flags].concat();
        SettingsArgs::from_arg_matches(&command::<S>().get_matches_from(words)).unwrap().0
    }

    #[test]
    fn flags_change_the_settings_of_a_size() {
        let (quick, full) = (SpuriousSettings::quick(), SpuriousSettings::full());
        assert_eq!(settings::<SpuriousSettings>(&[]), SpuriousSettings::default());
        assert_eq!(settings::<SpuriousSettings>(&["--full"]), full);
        let some = settings::<SpuriousSettings>(&["--quick", "--k", "6,9", "--gradient-tolerance", "1e-7"]);
        assert_eq!(some, SpuriousSettings { k: vec![6, 9], gradient_tolerance: 1e-7, ..quick });
    }

    #[test]
    fn help_tells_defaults() {
        let help = command::<SpuriousSettings>().render_help().to_string();
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in ["Numbers k of teachers [default: 6,8,10]", "[default: 200000]", "[default: 1e-9]"] {
            assert!(words.contains(text), "{help}");
        }
        assert!(!words.contains("Settings of"), "{help}");
        let help = command::<DeepLinearSettings>().render_help().to_string();
        assert!(help.contains("[default: linear:6-8-8-3]") && !help.contains("--seed"), "{help}");
        assert!(!command::<ConvexitySettings>().render_help().to_string().contains("nodes"));
    }
}
