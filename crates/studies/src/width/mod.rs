//! Two-layer ReLU networks on real data: how often training ends low, and how high the ground between ends is, against
//! the width.

mod measure;
mod picture;
mod report;

use collado_data::Dataset;

pub use self::{measure::Width, report::CLAIM};
use crate::{CellCache, Result, StudyError, watch::Progress};

/// How the study is run.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `widths` | 1, 2, 4, …, 64 | hidden neurons m | at least 2 different ones |
/// | `runs` | 16 | networks for each width; neighbours are connected | ≥ 2 |
/// | `epochs` | 200 | of Adam with a cosine schedule | ≥ 1 |
/// | `batch` | 64 | minibatch; 0 = all | |
/// | `lr` | 0.01 | step size | > 0 |
/// | `target` | 0.01 | a run hits when its final training loss (cross-entropy) is at most this | > 0 |
/// | `curve_epochs` | 60 | of Bézier curves with one bend | ≥ 1 |
/// | `seed` | 0 | of the first run | |
#[derive(Debug, Clone, PartialEq)]
pub struct WidthSettings {
    /// Hidden neurons.
    pub widths: Vec<usize>,
    /// Networks for each width.
    pub runs: usize,
    /// Passes over the examples.
    pub epochs: u64,
    /// Minibatch.
    pub batch: usize,
    /// Step size.
    pub lr: f64,
    /// Loss of a hit.
    pub target: f64,
    /// Passes over the examples for each curve.
    pub curve_epochs: u64,
    /// Seed.
    pub seed: u64,
}

impl Default for WidthSettings {
    fn default() -> Self {
        Self {
            widths: (0..=6).map(|k| 1 << k).collect(),
            runs: 16,
            epochs: 200,
            batch: 64,
            lr: 0.01,
            target: 0.01,
            curve_epochs: 60,
            seed: 0,
        }
    }
}

impl WidthSettings {
    /// For a look in seconds.
    pub fn quick() -> Self {
        let widths = vec![4, 8, 16, 64];
        Self { widths, runs: 8, ..Self::default() }
    }

    /// More runs, up to 256 neurons.
    pub fn full() -> Self {
        Self { widths: (0..=8).map(|k| 1 << k).collect(), runs: 32, epochs: 300, ..Self::default() }
    }

    fn sorted(&self) -> Result<Vec<usize>> {
        let wrong = |name, expected, found| Err(StudyError::Setting { name, expected, found });
        let mut widths = self.widths.clone();
        widths.sort_unstable();
        widths.dedup();
        match self {
            s if widths.len() < 2 => {
                wrong("--widths", "at least 2 different numbers", format!("{:?}", s.widths))
            }
            s if s.runs < 2 => wrong("--runs", "at least 2", s.runs.to_string()),
            s if s.target.is_nan() || s.target <= 0. => {
                wrong("--target", "a number above 0", s.target.to_string())
            }
            _ => Ok(widths),
        }
    }
}

/// Everything measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Widths {
    /// How.
    pub settings: WidthSettings,
    /// The data set's `--data` string.
    pub data: String,
    /// For each width, ascending.
    pub widths: Vec<Width>,
}

impl Widths {
    /// The least width from which on every run hits.
    pub fn start(&self) -> Option<usize> {
        let all = |w: &&Width| w.hits(self.settings.target) == w.losses.len();
        self.widths.iter().rev().take_while(all).last().map(|w| w.neurons)
    }
}

/// Runs the study on the training rows of `data`. Finished widths are kept in `cells`. `progress` is told the
/// share done; `false` stops it.
///
/// # Errors
/// When a setting is out of range, the targets are not classes, `progress` asks to stop, a cell cannot be kept, and those of training.
pub fn width(
    data: &Dataset,
    settings: &WidthSettings,
    cells: &CellCache,
    progress: Progress<'_>,
) -> Result<Widths> {
    let sorted = settings.sorted()?;
    // A step costs a part that does not depend on the width.
    let cost = |m: usize| m as f64 + 16.;
    let all: f64 = sorted.iter().map(|&m| cost(m)).sum();
    let (mut done, mut widths) = (0., Vec::new());
    for neurons in sorted {
        let share = [done, done + cost(neurons) / all];
        let measure = || measure::measure(data, settings, neurons, share, progress);
        widths.push(cells.get(&(&data.hash, settings), &format!("m{neurons}"), measure)?);
        done = share[1];
    }
    Ok(Widths { settings: settings.clone(), data: data.spec.clone(), widths })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_networks_hit_and_narrow_ones_do_not() {
        let data = collado_data::load("synthetic:gaussians?d=5&k=4&n=200&sep=6").unwrap();
        let settings = WidthSettings {
            widths: vec![32, 1],
            runs: 4,
            epochs: 60,
            lr: 2e-2,
            target: 0.05,
            curve_epochs: 10,
            ..WidthSettings::default()
        };
        let found = width(&data, &settings, &CellCache::none(), &mut |_| true).unwrap();
        let [narrow, wide] = &found.widths[..] else { panic!("two widths") };
        assert_eq!((narrow.neurons, narrow.hits(0.05), wide.hits(0.05)), (1, 0, 4));
        assert_eq!(found.start(), Some(32));
        assert_eq!((wide.straight.len(), wide.curved.len(), wide.history.len()), (2, 2, 4));
        for run in wide.history.iter().chain(&narrow.history) {
            assert!(run.len() == 61 && run[60] < run[0], "{run:?}");
        }
        // A curve with a bend is at least nearly as low as the line it starts from.
        wide.straight.iter().zip(&wide.curved).for_each(|(line, curve)| assert!(*curve < line + 0.05));
        let values = collado_data::load("synthetic:sine").unwrap();
        assert!(width(&values, &settings, &CellCache::none(), &mut |_| true).is_err());
    }
}
