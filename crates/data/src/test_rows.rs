//! The rows to test on, where files do not keep them apart by themselves.

use std::path::{Path, PathBuf};

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::options::Options;
use crate::{Error, Result, Split};

/// Where test rows come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TestRows {
    /// The files say it, or there are none.
    AsStored,
    /// The rows whose index is a multiple of this number.
    Every(usize),
    /// A random share of the rows, drawn from a seed.
    Share { share: f64, seed: u64 },
    /// The rows of another file.
    File(PathBuf),
}

impl TestRows {
    /// Reads the options `test-every`, `test-share` with `test-seed`, and for data in one file `test`.
    pub(crate) fn parse(options: &Options, takes_file: bool) -> Result<Self> {
        let every = options.value("test-every", 0, "an integer of at least 2", |&k: &usize| k >= 2)?;
        let share =
            options.value("test-share", 0., "a number above 0 and below 1", |p: &f64| *p > 0. && *p < 1.)?;
        let seed = options.value("test-seed", 0_u64, "a whole number", |_| true)?;
        let file = if takes_file { options.text("test").map(PathBuf::from) } else { None };
        if let (0., Some(seed)) = (share, options.text("test-seed")) {
            return Err(options.error("test-seed", "test-share=P, whose rows it draws", seed));
        }
        let found = match (every, share, file) {
            (0, 0., None) => Self::AsStored,
            (every, 0., None) => Self::Every(every),
            (0, share, None) => Self::Share { share, seed },
            (0, 0., Some(file)) => Self::File(file),
            _ => {
                return Err(options.error(
                    "test rows",
                    "one of test-every, test-share and test",
                    "several of them",
                ));
            }
        };
        Ok(found)
    }

    /// The option by which they were asked for, if they were.
    pub(crate) fn option(&self) -> Option<&'static str> {
        match self {
            Self::AsStored => None,
            Self::Every(_) => Some("test-every"),
            Self::Share { .. } => Some("test-share"),
            Self::File(_) => Some("test"),
        }
    }

    /// The file that they are in, if they have one of their own.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(file),
            _ => None,
        }
    }

    /// Divides rows that come from one place into training and test rows.
    pub(crate) fn divide(&self, place: &str, split: Split) -> Result<(Split, Option<Split>)> {
        if matches!(self, Self::Every(_) | Self::Share { .. }) && split.len() < 2 {
            return Err(Error::format(place, "at least 2 rows to split", "1"));
        }
        match *self {
            Self::AsStored | Self::File(_) => Ok((split, None)),
            Self::Every(k) => {
                split.divide(|row| row.is_multiple_of(k)).map(|(train, test)| (train, Some(test)))
            }
            Self::Share { share, seed } => {
                let drawn = drawn(split.len(), share, seed);
                split.divide(|row| drawn[row]).map(|(train, test)| (train, Some(test)))
            }
        }
    }
}

/// For each of `rows` rows whether it is among the share that is drawn; at least one is, and at least one is not.
fn drawn(rows: usize, share: f64, seed: u64) -> Vec<bool> {
    let count = ((share * rows as f64).round() as usize).clamp(1, rows - 1);
    let mut order: Vec<usize> = (0..rows).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let mut drawn = vec![false; rows];
    order[..count].iter().for_each(|&row| drawn[row] = true);
    drawn
}
