//! The stages of a sweep: the tables of its file, and the commands that they are.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A stage, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    /// The common beginning of runs.
    Start,
    Train,
    Connect,
    Align,
    Levelset,
    Spectrum,
    Certify,
}

impl Stage {
    pub(super) const ALL: [Self; 7] =
        [Self::Start, Self::Train, Self::Connect, Self::Align, Self::Levelset, Self::Spectrum, Self::Certify];

    /// The name of its table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Train => "train",
            Self::Connect => "connect",
            Self::Align => "align",
            Self::Levelset => "levelset",
            Self::Spectrum => "spectrum",
            Self::Certify => "certify",
        }
    }

    /// The command that it runs.
    pub(super) fn command(self) -> &'static str {
        match self {
            Self::Start => "train",
            stage => stage.name(),
        }
    }

    /// The file that the command writes last.
    pub(super) fn summary(self) -> &'static str {
        match self {
            Self::Levelset => "tree.json",
            _ => "summary.json",
        }
    }

    /// So many tasks, for people.
    pub(super) fn counted(self, n: usize) -> String {
        let (one, many) = match self {
            Self::Start => ("common beginning", "common beginnings"),
            Self::Train => ("training", "trainings"),
            Self::Connect => ("connection", "connections"),
            Self::Align => ("alignment", "alignments"),
            Self::Levelset => ("merge tree", "merge trees"),
            Self::Spectrum => ("spectrum", "spectra"),
            Self::Certify => ("proof", "proofs"),
        };
        format!("{n} {}", if n == 1 { one } else { many })
    }

    /// The figure that is drawn where none is asked for.
    pub(super) fn figure(self) -> &'static str {
        match self {
            Self::Start | Self::Train => "test_error",
            Self::Connect => "barrier.above_chord",
            Self::Align => "barrier_above_ends.aligned_line",
            Self::Levelset => "all_joined_at",
            Self::Spectrum => "top.0.value",
            Self::Certify => "hi",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_listed_in_their_order() {
        assert!(Stage::ALL.is_sorted());
        assert_eq!(Stage::ALL.len(), Stage::value_variants().len());
        for stage in Stage::ALL {
            assert_eq!(serde_json::to_value(stage).ok(), Some(stage.name().into()));
        }
    }
}
