//! One logistic neuron whose squared loss has exponentially many local minima: $p^d$ on pd examples with d inputs (Auer,
//! Herbster & Warmuth 1996, "Exponentially many local minima for single neurons", theorem 3.1; docs/theory.md §9). Beside it,
//! how many minima random labels make.

mod picture;
mod proof;
mod random;
mod report;
mod search;

use collado_certify::{NeuronMinima, neuron_minima};
#[cfg(feature = "clap")]
use collado_data::range::{above_one, count_from_one, whole};
use collado_risk::{LogisticNeuron, Progress};
use serde::{Deserialize, Serialize};

pub use self::random::{LAWS, Law, RandomLabels};
use crate::{
    CellCache, Claim, Report, Result, Study,
    error::{proceed, refuse},
};

/// Settings of [`single_neuron`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct SingleNeuronSettings {
    /// Numbers of inputs d.
    #[cfg_attr(feature = "clap", arg(
        long, value_delimiter = ',', default_values_t = Self::default().dims,
        value_parser = whole::<usize>(1..=1000),
    ))]
    pub dims: Vec<usize>,
    /// Number p of minima of each coordinate.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().per_dim, value_parser = whole::<usize>(1..=9),
    ))]
    pub per_dim: usize,
    /// Ratio R of the lengths of the examples.
    #[cfg_attr(feature = "clap", arg(long, default_value_t = Self::default().ratio, value_parser = above_one))]
    pub ratio: f64,
    /// Number of starts of descent for each d.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().starts, value_parser = count_from_one::<usize>(),
    ))]
    pub starts: usize,
    /// Random labels: numbers of examples.
    #[cfg_attr(feature = "clap", arg(
        long, value_delimiter = ',', default_values_t = Self::default().samples,
        value_parser = whole::<usize>(2..=100_000_000),
    ))]
    pub samples: Vec<usize>,
    /// Random labels: number of data sets for each number of examples.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().draws, value_parser = whole::<usize>(2..=1_000_000_000),
    ))]
    pub draws: usize,
    /// Random labels: number of starts for each data set.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().tries, value_parser = count_from_one::<usize>(),
    ))]
    pub tries: usize,
    /// Seed of everything random.
    #[cfg_attr(feature = "clap", arg(skip))]
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

impl Study for SingleNeuronSettings {
    const NAME: &'static str = "single-neuron";
    const CLAIM: Claim = report::CLAIM;

    fn quick() -> Self {
        Self { dims: (1..=4).collect(), starts: 8000, draws: 10, tries: 100, ..Self::default() }
    }

    fn full() -> Self {
        Self { draws: 100, tries: 400, samples: vec![4, 8, 16, 32, 64, 128, 256], ..Self::default() }
    }

    fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    fn report(&self, cells: &CellCache, progress: &mut dyn Progress) -> Result<Report> {
        Ok(Report::from(&single_neuron(self, cells, progress)?))
    }
}

impl SingleNeuronSettings {
    fn check(&self) -> Result<()> {
        match self {
            s if s.dims.is_empty() || s.dims.contains(&0) => {
                refuse("dims", "numbers above 0", format!("{:?}", s.dims))
            }
            s if !(1..10).contains(&s.per_dim) => refuse("per_dim", "1 to 9", s.per_dim),
            s if s.starts == 0 || s.tries == 0 => refuse("starts, tries", "at least 1", 0),
            s if s.samples.iter().any(|&m| m < 2) => {
                refuse("samples", "numbers above 1", format!("{:?}", s.samples))
            }
            s if s.draws < 2 => refuse("draws", "at least 2", s.draws),
            _ => Ok(()),
        }
    }
}

/// What was found for one number of inputs d.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NeuronRow {
    /// Number of inputs d.
    pub dims: usize,
    /// Number of different strict minima at which descent ended.
    pub found: usize,
    /// Number of those that lie in a box for which the certificate holds.
    pub certified: usize,
    /// Number of minima that the certificate proves: all combinations of the boxes of one coordinate.
    pub proved: u64,
    /// The theorem's number $p^d$.
    pub expected: u64,
}

/// Everything that [`single_neuron`] measures.
#[derive(Debug, Clone)]
pub struct SingleNeuron {
    /// The settings it was measured with.
    pub settings: SingleNeuronSettings,
    /// The certificate for one coordinate.
    pub boxes: NeuronMinima,
    /// What was found for each d.
    pub rows: Vec<NeuronRow>,
    /// What random labels gave, for each of [`LAWS`] and each number of examples.
    pub random: Vec<RandomLabels>,
}

/// Proves the minima of one coordinate, counts those that descent ends at for each d, and those that random labels make.
/// Finished counts are kept in `cells`.
///
/// # Errors
/// When a setting is out of range, `progress` stops the study, or a cell cannot be kept.
pub fn single_neuron(
    settings: &SingleNeuronSettings,
    cells: &CellCache,
    progress: &mut dyn Progress,
) -> Result<SingleNeuron> {
    settings.check()?;
    let boxes = neuron_minima(&LogisticNeuron::new(1, settings.per_dim, settings.ratio)?);
    let parts = settings.dims.len() + LAWS.len() * settings.samples.len();
    let mut done = 0;
    let mut step = || {
        done += 1;
        proceed(progress.update(f64::from(done) / parts as f64))
    };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

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
            let found = single_neuron(&study, &CellCache::none(), &mut ()).unwrap();
            assert_eq!(Report::from(&found).verdict, Verdict::Supported);
            for row in found.rows {
                assert_eq!(
                    (row.found as u64, row.certified as u64, row.proved),
                    (row.expected, row.expected, row.expected)
                );
            }
        }
        // docs/theory.md §9: for R below 5.72 there are fewer.
        let study = SingleNeuronSettings { ratio: 5., ..settings.clone() };
        let found = single_neuron(&study, &CellCache::none(), &mut ()).unwrap();
        assert!(found.rows.iter().all(|row| (row.found as u64) < row.expected), "{:?}", found.rows);
        assert_eq!(Report::from(&found).verdict, Verdict::Contradicted);
        // One start cannot hit nine minima: nothing is said.
        let few = SingleNeuronSettings { starts: 1, dims: vec![2], ratio: 10., ..study };
        let report = Report::from(&single_neuron(&few, &CellCache::none(), &mut ()).unwrap());
        assert_eq!(report.verdict, Verdict::Inconclusive, "{:?}", report.conditions);
    }
}
