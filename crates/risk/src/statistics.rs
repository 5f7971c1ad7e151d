//! The rule for the means and variances of batch normalisation.

use std::{fmt, str::FromStr};

use crate::{Error, Result};

/// The rule for the means and variances of batch normalisation, which is a part of the risk (docs/theory.md §13). The
/// reference rows are training rows, whatever the examples of the risk are.
///
/// Over all examples each rule holds as it stands. Over a minibatch, as in training, all but
/// [`Interpolate`](Self::Interpolate) take the statistics of the minibatch, as PyTorch's training mode does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Statistics {
    /// Mean and biased variance over the reference rows as one batch, layer by layer: a deterministic function of θ,
    /// with a gradient.
    #[default]
    Population,
    /// The running statistics of the files, combined along a path like parameters. They are constants for gradients.
    Interpolate,
    /// The average over minibatches of the reference rows in their order, weighted by their sizes, with the unbiased
    /// variances that PyTorch keeps (Garipov et al. 2018).
    Garipov {
        /// Number of rows in a minibatch.
        batch: usize,
    },
    /// The plain mean over minibatches of the reference rows in their order, with the unbiased variances that PyTorch
    /// keeps (Jordan et al. 2023).
    Repair {
        /// Number of rows in a minibatch.
        batch: usize,
    },
    /// The statistics of each minibatch of the examples themselves, in their order: PyTorch's training mode.
    Train {
        /// Number of examples in a minibatch; 0 means all examples.
        batch: usize,
    },
}

/// The number of rows in a minibatch, where it is not stated.
const BATCH: usize = 128;

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Population => f.write_str("population"),
            Self::Interpolate => f.write_str("interpolate"),
            Self::Garipov { batch } => write!(f, "garipov:{batch}"),
            Self::Repair { batch } => write!(f, "repair:{batch}"),
            Self::Train { batch } => write!(f, "train:{batch}"),
        }
    }
}

impl FromStr for Statistics {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, batch) = match text.split_once(':') {
            Some((name, batch)) => (name, batch.parse().ok()),
            None => (text, Some(BATCH)),
        };
        match (name, batch, text.contains(':')) {
            ("population", _, false) => Ok(Self::Population),
            ("interpolate", _, false) => Ok(Self::Interpolate),
            ("garipov", Some(batch @ 1..), _) => Ok(Self::Garipov { batch }),
            ("repair", Some(batch @ 1..), _) => Ok(Self::Repair { batch }),
            ("train", Some(batch), _) => Ok(Self::Train { batch }),
            _ => Err(Error::Setting {
                name: "statistics",
                expected: "population, interpolate, garipov[:ROWS], repair[:ROWS] or train[:ROWS]",
                found: text.into(),
            }),
        }
    }
}

/// `count` of `rows` rows, evenly spaced.
pub(crate) fn evenly_spaced(rows: usize, count: usize) -> Vec<u32> {
    (0..count).map(|i| (i * rows / count) as u32).collect()
}
