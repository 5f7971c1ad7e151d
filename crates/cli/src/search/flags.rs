//! The flags by which commands search for paths between minima.

use clap::{Args as ClapArgs, ValueEnum};

use crate::numbers::{any, positive, some, whole};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    Auto,
    Linear,
    Bezier,
    Polychain,
    Neb,
    Dss,
    DeepLinear,
    Constructive,
    Repair,
    Star,
}

impl Method {
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().into())
    }
}

/// The criterion by which B is aligned to A.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlignBy {
    None,
    Weights,
    Activations,
}

impl AlignBy {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Weights => "weights",
            Self::Activations => "activations",
        }
    }
}

/// The flags of a search for paths.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Search")]
pub(crate) struct SearchArgs {
    /// Number of bends of the curve [default: 1; auto starts with 2].
    #[arg(long, value_parser = whole::<usize>(1..=1000))]
    pub(crate) bends: Option<usize>,
    /// Number of passes over the examples [default: as many as 5 000 steps need, at least 10; auto starts with fewer].
    #[arg(long, value_parser = some::<u64>())]
    pub(crate) epochs: Option<u64>,
    /// Number of examples in a minibatch; 0 = all [default: 128].
    #[arg(long, value_parser = any::<usize>())]
    pub(crate) batch: Option<usize>,
    /// Step size of Adam [default: 2e-3; auto takes one in proportion to the distance of the ends of dense networks].
    #[arg(long, value_parser = positive)]
    pub(crate) lr: Option<f64>,
    /// Barrier above the ends to reach: a number, or N% of the higher end's risk [default for auto and level sets: 5%].
    #[arg(long, value_parser = target)]
    pub(crate) target: Option<Target>,
}

/// The height that a path may have above its ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// A share of the higher end's risk.
    Share(f64),
    /// An absolute height.
    Absolute(f64),
}

impl Target {
    pub(crate) fn bound(self, ends: f64) -> f64 {
        match self {
            Self::Share(share) => share * ends,
            Self::Absolute(bound) => bound,
        }
    }
}

fn target(text: &str) -> Result<Target, String> {
    let (number, share) = text.strip_suffix('%').map_or((text, false), |n| (n, true));
    match number.parse::<f64>() {
        Ok(n) if n >= 0. && n.is_finite() && share => Ok(Target::Share(n / 100.)),
        Ok(n) if n >= 0. && n.is_finite() => Ok(Target::Absolute(n)),
        _ => Err("expected a number ≥ 0, or one with %".into()),
    }
}
