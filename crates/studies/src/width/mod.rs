//! Two-layer ReLU networks on real data: how often training ends low, and how high the ground between ends is, against
//! the width. Freeman & Bruna 2017 and Safran, Yehudai & Shamir 2021 claim for other data that mild
//! over-parameterisation removes bad minima.

mod measure;
mod picture;
mod report;

use collado_data::Spec;
#[cfg(feature = "clap")]
use collado_data::range::{count_from_one, count_from_zero, positive, whole};
use collado_risk::{Part, Progress};
use serde::Serialize;

pub use self::measure::Width;
use crate::{CellCache, Claim, Report, Result, Study, error::refuse, widths::ascending};

/// Settings of [`width`].
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct WidthSettings {
    /// Data with classes, such as digits or mnist:DIR.
    #[cfg_attr(feature = "clap", arg(long, default_value_t = Self::default().data))]
    #[serde(serialize_with = "text")]
    pub data: Spec,
    /// Numbers of hidden neurons.
    #[cfg_attr(feature = "clap", arg(
        long, value_delimiter = ',', default_values_t = Self::default().widths,
        value_parser = whole::<usize>(1..=1_000_000),
    ))]
    pub widths: Vec<usize>,
    /// Number of networks for each width, of which neighbours are connected.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().runs, value_parser = whole::<usize>(2..=1_000_000),
    ))]
    pub runs: usize,
    /// Number of passes over the examples.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().epochs, value_parser = count_from_one::<u64>(),
    ))]
    pub epochs: u64,
    /// Number of examples in a minibatch; 0 = all.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().batch, value_parser = count_from_zero::<usize>(),
    ))]
    pub batch: usize,
    /// Step size of Adam.
    #[cfg_attr(feature = "clap", arg(long, default_value_t = Self::default().lr, value_parser = positive))]
    pub lr: f64,
    /// Final training loss at which a run counts as a hit.
    #[cfg_attr(feature = "clap", arg(long, default_value_t = Self::default().target, value_parser = positive))]
    pub target: f64,
    /// Number of passes over the examples for each curve.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().curve_epochs, value_parser = count_from_one::<u64>(),
    ))]
    pub curve_epochs: u64,
    /// Seed of the first run.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub seed: u64,
}

/// Results hold the string of the data set.
fn text<S: serde::Serializer>(data: &Spec, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_str(data)
}

impl Default for WidthSettings {
    fn default() -> Self {
        Self {
            data: "digits".parse().expect("this is the name of a data set"),
            widths: (0..=6).map(|k| 1 << k).collect(),
            runs: 16,
            epochs: 200,
            batch: 64,
            lr: 0.01,
            target: 0.01,
            curve_epochs: 200,
            seed: 0,
        }
    }
}

impl Study for WidthSettings {
    const NAME: &'static str = "width";
    const CLAIM: Claim = report::CLAIM;

    fn quick() -> Self {
        Self {
            widths: vec![4, 16, 64],
            runs: 8,
            epochs: 60,
            target: 0.02,
            curve_epochs: 120,
            ..Self::default()
        }
    }

    fn full() -> Self {
        Self { widths: (0..=8).map(|k| 1 << k).collect(), runs: 32, epochs: 300, ..Self::default() }
    }

    fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    fn report(&self, cells: &CellCache, progress: &mut dyn Progress) -> Result<Report> {
        Ok(Report::from(&width(self, cells, progress)?))
    }
}

impl WidthSettings {
    fn check(&self) -> Result<()> {
        match self {
            s if ascending(&s.widths).len() < 2 => {
                refuse("widths", "at least 2 different numbers", format!("{:?}", s.widths))
            }
            s if s.runs < 2 => refuse("runs", "at least 2", s.runs),
            s if s.target.is_nan() || s.target <= 0. => refuse("target", "a number above 0", s.target),
            _ => Ok(()),
        }
    }
}

/// Everything that [`width`] measures.
#[derive(Debug, Clone)]
pub struct Widths {
    /// The settings it was measured with.
    pub settings: WidthSettings,
    /// What was found at each width, ascending.
    pub widths: Vec<Width>,
}

impl Widths {
    /// The least width from which on every run hits.
    pub fn start(&self) -> Option<usize> {
        let all = |w: &&Width| w.hits(self.settings.target) == w.losses.len();
        self.widths.iter().rev().take_while(all).last().map(|w| w.neurons)
    }
}

/// Trains networks of all widths on the training rows of the data, and connects neighbours. Finished widths are kept in
/// `cells`.
///
/// # Errors
/// When a setting is out of range, the data cannot be read or have no classes, `progress` stops the study, a cell cannot
/// be kept, or training fails.
pub fn width(settings: &WidthSettings, cells: &CellCache, progress: &mut dyn Progress) -> Result<Widths> {
    settings.check()?;
    let data = settings.data.load()?;
    let sorted = ascending(&settings.widths);
    // A step costs a part that does not depend on the width.
    let cost = |m: usize| m as f64 + 16.;
    let all: f64 = sorted.iter().map(|&m| cost(m)).sum();
    let (mut done, mut widths) = (0., Vec::new());
    for neurons in sorted {
        let end = done + cost(neurons) / all;
        let mut part = Part::new(progress, done, end);
        let measure = || measure::measure(&data, settings, neurons, &mut part);
        widths.push(cells.get(&(&data.hash, settings), &format!("m{neurons}"), measure)?);
        done = end;
    }
    Ok(Widths { settings: settings.clone(), widths })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    #[test]
    fn wide_networks_hit_and_narrow_ones_do_not() {
        let settings = WidthSettings {
            data: "synthetic:gaussians?d=5&k=4&n=200&sep=6".parse().unwrap(),
            widths: vec![32, 1],
            runs: 4,
            epochs: 60,
            lr: 2e-2,
            target: 0.05,
            curve_epochs: 10,
            ..WidthSettings::default()
        };
        let found = width(&settings, &CellCache::none(), &mut ()).unwrap();
        let [narrow, wide] = &found.widths[..] else { panic!("two widths") };
        assert_eq!((narrow.neurons, narrow.hits(0.05), wide.hits(0.05)), (1, 0, 4));
        assert_eq!(found.start(), Some(32));
        assert_eq!((wide.straight.len(), wide.curved.len(), wide.history.len()), (2, 2, 4));
        for run in wide.history.iter().chain(&narrow.history) {
            assert!(run.len() == 61 && run[60] < run[0], "{run:?}");
        }
        // A curve with a bend is at least nearly as low as the line it starts from.
        wide.straight.iter().zip(&wide.curved).for_each(|(line, curve)| assert!(*curve < line + 0.05));
        let values = WidthSettings { data: "synthetic:sine".parse().unwrap(), ..settings };
        assert!(width(&values, &CellCache::none(), &mut ()).is_err());
    }

    /// Classes that do not depend on the inputs cannot be learned by eight neurons: no run hits at any width.
    #[test]
    fn random_labels_contradict_the_claim() {
        let settings = WidthSettings {
            data: "synthetic:gaussians?d=5&k=4&n=200&sep=0".parse().unwrap(),
            widths: vec![1, 8],
            runs: 8,
            epochs: 40,
            lr: 2e-2,
            target: 0.05,
            curve_epochs: 2,
            ..WidthSettings::default()
        };
        let report = Report::from(&width(&settings, &CellCache::none(), &mut ()).unwrap());
        assert_eq!(report.verdict, Verdict::Contradicted, "{:?}", report.conditions);
        assert!(report.decisive().any(|c| c.condition.contains("every run")), "{:?}", report.conditions);
    }
}
