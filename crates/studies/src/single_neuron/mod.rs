//! One logistic neuron (theory §9): data for which its squared loss has exponentially many local minima, and how many
//! random labels make.

mod picture;
mod proof;
mod random;
mod report;
mod search;

use collado_certify::{NeuronMinima, neuron_minima};
use collado_risk::LogisticNeuron;
use serde::{Deserialize, Serialize};

pub use self::{
    random::{LAWS, Law, RandomLabels},
    report::CLAIM,
};
use crate::{CellCache, Result, StudyError, watch::Progress};

/// How the study is run.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `dims` | 1 to 6 | d | each ≥ 1 |
/// | `per_dim` | 3 | p: the theorem says $p^d$ minima | 1 to 9 |
/// | `ratio` | 10 | R: lengths of the examples are $1,R,R^2,\dots$ | > 1 |
/// | `starts` | 40 000 | of descent for each d, log-uniform | ≥ 1 |
/// | `samples` | 4, 8, 16, 32, 64 | random labels: numbers of examples | each ≥ 2 |
/// | `draws` | 20 | data sets for each of them | ≥ 2 |
/// | `tries` | 200 | starts for each data set | ≥ 1 |
/// | `seed` | 0 | of everything | |
#[derive(Debug, Clone, PartialEq)]
pub struct SingleNeuronSettings {
    /// d.
    pub dims: Vec<usize>,
    /// p.
    pub per_dim: usize,
    /// R.
    pub ratio: f64,
    /// Starts of descent for each d.
    pub starts: usize,
    /// Numbers of examples with random labels.
    pub samples: Vec<usize>,
    /// Data sets for each of them.
    pub draws: usize,
    /// Starts for each data set.
    pub tries: usize,
    /// Seed.
    pub seed: u64,
}

impl Default for SingleNeuronSettings {
    fn default() -> Self {
        Self {
            dims: (1..=6).collect(),
            per_dim: 3,
            ratio: 10.,
            starts: 40_000,
            samples: vec![4, 8, 16, 32, 64],
            draws: 20,
            tries: 200,
            seed: 0,
        }
    }
}

impl SingleNeuronSettings {
    /// For a look in seconds.
    pub fn quick() -> Self {
        Self { dims: (1..=4).collect(), starts: 8000, draws: 10, tries: 100, ..Self::default() }
    }

    /// More data sets with random labels.
    pub fn full() -> Self {
        Self { draws: 100, tries: 400, samples: vec![4, 8, 16, 32, 64, 128, 256], ..Self::default() }
    }

    fn check(&self) -> Result<()> {
        let wrong = |name, expected, found| Err(StudyError::Setting { name, expected, found });
        match self {
            s if s.dims.is_empty() || s.dims.contains(&0) => {
                wrong("--dims", "numbers above 0", format!("{:?}", s.dims))
            }
            s if !(1..10).contains(&s.per_dim) => wrong("--per-dim", "1 to 9", s.per_dim.to_string()),
            s if s.starts == 0 || s.tries == 0 => wrong("--starts, --tries", "at least 1", "0".into()),
            s if s.samples.iter().any(|&m| m < 2) => {
                wrong("--samples", "numbers above 1", format!("{:?}", s.samples))
            }
            s if s.draws < 2 => wrong("--draws", "at least 2", s.draws.to_string()),
            _ => Ok(()),
        }
    }
}

/// What was found for one d.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NeuronRow {
    /// d.
    pub dims: usize,
    /// Different strict minima that descent ended at.
    pub found: usize,
    /// Those that lie in a box for which the certificate holds.
    pub certified: usize,
    /// Minima that the certificate proves: all combinations of the boxes of one coordinate.
    pub proved: u64,
    /// $p^d$.
    pub expected: u64,
}

/// Everything measured.
#[derive(Debug, Clone)]
pub struct SingleNeuron {
    /// How.
    pub settings: SingleNeuronSettings,
    /// The certificate for one coordinate.
    pub boxes: NeuronMinima,
    /// For each d.
    pub rows: Vec<NeuronRow>,
    /// For each of [`LAWS`] and each number of examples.
    pub random: Vec<RandomLabels>,
}

/// Runs the study. Finished counts are kept in `cells`. `progress` is told the share done; `false`
/// stops it.
///
/// # Errors
/// When a setting is out of range, `progress` asks to stop, or a cell cannot be kept.
pub fn single_neuron(
    settings: &SingleNeuronSettings,
    cells: &CellCache,
    progress: Progress<'_>,
) -> Result<SingleNeuron> {
    settings.check()?;
    let boxes = neuron_minima(&LogisticNeuron::new(1, settings.per_dim, settings.ratio)?);
    let parts = settings.dims.len() + LAWS.len() * settings.samples.len();
    let mut step = progress_by(progress, parts);
    let mut rows = Vec::new();
    for &dims in &settings.dims {
        rows.push(cells.get(settings, &format!("d{dims}"), || row(settings, &boxes, dims))?);
        step()?;
    }
    let mut random = Vec::new();
    for law in LAWS {
        for &samples in &settings.samples {
            let count = || Ok(random::count(settings, law, samples));
            random.push(cells.get(settings, &format!("{}-{samples}", law.name()), count)?);
            step()?;
        }
    }
    Ok(SingleNeuron { settings: settings.clone(), boxes, rows, random })
}

fn row(settings: &SingleNeuronSettings, boxes: &NeuronMinima, dims: usize) -> Result<NeuronRow> {
    let risk = LogisticNeuron::new(dims, settings.per_dim, settings.ratio)?;
    let minima = search::minima(&risk, settings.starts, settings.seed);
    let inside = |w: &f64| boxes.boxes.iter().any(|b| (b.lo()..=b.hi()).contains(w) || near(b, *w));
    Ok(NeuronRow {
        dims,
        found: minima.len(),
        certified: minima.iter().filter(|w| w.iter().all(inside)).count(),
        proved: (boxes.boxes.len() as u64).saturating_pow(dims as u32),
        expected: (settings.per_dim as u64).saturating_pow(dims as u32),
    })
}

/// Boxes are as narrow as rounding allows; what descent ends at may be a few units in the last place outside.
fn near(cube: &collado_certify::Interval, w: f64) -> bool {
    (w - cube.lo()).abs().min((w - cube.hi()).abs()) <= 1e-12 * w.abs()
}

/// Counts parts of a study; an error once `progress` asks to stop.
fn progress_by<'a>(progress: Progress<'a>, parts: usize) -> impl FnMut() -> Result<()> + 'a {
    let mut done = 0;
    move || {
        done += 1;
        if progress(done as f64 / parts as f64) { Ok(()) } else { Err(StudyError::Interrupted) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_minima_are_found_and_certified() {
        let settings = SingleNeuronSettings {
            dims: vec![1, 2, 3],
            starts: 3000,
            samples: vec![],
            ..SingleNeuronSettings::default()
        };
        for (per_dim, ratio) in [(3, 10.), (2, 10.), (4, 12.)] {
            let study = SingleNeuronSettings { per_dim, ratio, ..settings.clone() };
            let found = single_neuron(&study, &CellCache::none(), &mut |_| true).unwrap();
            for row in found.rows {
                assert_eq!(
                    (row.found as u64, row.certified as u64, row.proved),
                    (row.expected, row.expected, row.expected)
                );
            }
        }
        // Theory §9: for R below 5.72 there are fewer.
        let study = SingleNeuronSettings { ratio: 5., ..settings };
        let found = single_neuron(&study, &CellCache::none(), &mut |_| true).unwrap();
        assert!(found.rows.iter().all(|row| (row.found as u64) < row.expected), "{:?}", found.rows);
    }
}
