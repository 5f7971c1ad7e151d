//! How often gradient descent ends in spurious minima: two-layer ReLU networks that learn k planted teachers, on the
//! risk of the whole population (Safran & Shamir 2018, "Spurious local minima are common in two-layer ReLU neural
//! networks"; Safran, Yehudai & Shamir 2021, "The effects of mild over-parameterization on the optimization landscape of
//! shallow ReLU neural networks"; docs/theory.md §10).

mod decision;
mod minima;
mod picture;
mod published;
mod report;
mod sampled;
mod tally;

use collado_certify::{Polished, polish};
#[cfg(feature = "clap")]
use collado_data::range::{count_from_one, count_from_zero, positive, whole};
use collado_risk::{Part, Planted, PlantedDescent, PlantedRun, Progress};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use self::{minima::SpuriousMinimum, published::PUBLISHED, sampled::SampledRow, tally::Tally};
use crate::{
    CellCache, Claim, Report, Result, Study,
    error::{proceed, refuse},
};

/// Settings of [`spurious`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct SpuriousSettings {
    /// Numbers k of teachers.
    #[cfg_attr(feature = "clap", arg(
        long, value_delimiter = ',', default_values_t = Self::default().k, value_parser = whole::<usize>(1..=100),
    ))]
    pub k: Vec<usize>,
    /// Numbers n - k of neurons beyond the teachers.
    #[cfg_attr(feature = "clap", arg(
        long, value_delimiter = ',', default_values_t = Self::default().extra,
        value_parser = whole::<usize>(0..=100),
    ))]
    pub extra: Vec<usize>,
    /// Number of runs for each k and n.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().runs, value_parser = count_from_one::<u64>(),
    ))]
    pub runs: u64,
    /// Largest number of steps of a run.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().max_steps, value_parser = count_from_one::<u64>(),
    ))]
    pub max_steps: u64,
    /// Gradient norm at which descent ends.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().gradient_tolerance, value_parser = positive,
    ))]
    pub gradient_tolerance: f64,
    /// Number of runs of SGD on drawn data for each n = k; 0 = none.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().sgd_runs, value_parser = count_from_zero::<u64>(),
    ))]
    pub sgd_runs: u64,
    /// Number of examples drawn for SGD.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().samples, value_parser = whole::<usize>(64..=100_000_000),
    ))]
    pub samples: usize,
    /// Number of steps of SGD.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().sgd_steps, value_parser = count_from_one::<u64>(),
    ))]
    pub sgd_steps: u64,
    /// Seed of the starts and of the drawn data.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub seed: u64,
}

impl Default for SpuriousSettings {
    fn default() -> Self {
        Self {
            k: vec![6, 8, 10],
            extra: vec![0, 1, 2],
            runs: 1000,
            max_steps: 200_000,
            gradient_tolerance: 1e-9,
            sgd_runs: 200,
            samples: 10_000,
            sgd_steps: 5000,
            seed: 0,
        }
    }
}

impl Study for SpuriousSettings {
    const NAME: &'static str = "spurious";
    const CLAIM: Claim = report::CLAIM;

    fn quick() -> Self {
        Self { k: vec![6, 7, 8], runs: 300, max_steps: 50_000, sgd_runs: 50, ..Self::default() }
    }

    /// All k of the published table.
    fn full() -> Self {
        Self { k: PUBLISHED.iter().map(|p| p.0).collect(), ..Self::default() }
    }

    fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    fn report(&self, cells: &CellCache, progress: &mut dyn Progress) -> Result<Report> {
        Ok(Report::from(&spurious(self, cells, progress)?))
    }
}

impl SpuriousSettings {
    fn check(&self) -> Result<()> {
        match self {
            s if s.runs == 0 => refuse("runs", "at least 1", 0),
            s if s.max_steps == 0 => refuse("max_steps", "at least 1", 0),
            s if s.k.is_empty() || s.k.contains(&0) => refuse("k", "numbers above 0", format!("{:?}", s.k)),
            s if s.extra.is_empty() => refuse("extra", "at least one number", "none"),
            s if s.gradient_tolerance.is_nan() || s.gradient_tolerance <= 0. => {
                refuse("gradient_tolerance", "a number above 0", s.gradient_tolerance)
            }
            s if s.sgd_runs > 0 && s.samples < 64 => refuse("samples", "at least 64", s.samples),
            s if s.sgd_runs > 0 && s.sgd_steps == 0 => refuse("sgd_steps", "at least 1", 0),
            _ => Ok(()),
        }
    }
}

/// Everything that [`spurious`] measures.
#[derive(Debug, Clone, PartialEq)]
pub struct Spurious {
    /// The settings it was measured with.
    pub settings: SpuriousSettings,
    /// A row for each pair of k and n.
    pub rows: Vec<SpuriousRow>,
    /// SGD on drawn data: a row for each k where n = k is among the pairs.
    pub sampled: Vec<SampledRow>,
}

/// How the runs for one k and n ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpuriousRow {
    /// Number of teachers.
    pub k: usize,
    /// Number of neurons.
    pub n: usize,
    /// How many runs ended where. Spurious are those with F > 1e-3, $\|\nabla F\|\le10^{-9}$ and $H\succ0$.
    pub tally: Tally,
    /// The minima, up to permutations of neurons and coordinates; the most frequent first.
    pub minima: Vec<SpuriousMinimum>,
}

/// Runs at this risk count as global.
pub(crate) const GLOBAL: f64 = 1e-3;
/// A spurious minimum has at most this gradient norm.
const CRITICAL: f64 = 1e-9;
/// From this gradient norm on, Newton's method may finish a run.
const NEAR: f64 = 1e-5;

/// Gradient descent from $N(0,I/k)$ with step 5/n, all runs of a pair as one stack; then the rule: F ≤ 1e-3 is global;
/// F > 1e-3 with $\|\nabla F\|\le10^{-9}$ and $H\succ0$ is spurious; anything else is unresolved.
///
/// Two shortcuts. A run stops at F ≤ 1e-3: the step decreases F there, and every spurious minimum known lies twenty
/// times higher. A run with $\|\nabla F\|\le10^{-5}$ is finished by Newton's method, and only taken when every Hessian
/// on the way is positive definite and the way is at most 0.01 long, thus in a strictly convex neighbourhood that holds
/// one minimum; where that fails, descent goes on to `gradient_tolerance`.
///
/// Finished rows are kept in `cells`.
///
/// # Errors
/// When a setting is outside its range, `progress` stops the study, or a cell cannot be kept.
pub fn spurious(
    settings: &SpuriousSettings,
    cells: &CellCache,
    progress: &mut dyn Progress,
) -> Result<Spurious> {
    settings.check()?;
    let pairs: Vec<_> =
        settings.k.iter().flat_map(|&k| settings.extra.iter().map(move |&e| (k, k + e))).collect();
    let drawn = settings.sgd_runs > 0 && settings.extra.contains(&0);
    let drawn = if drawn { &settings.k[..] } else { &[] };
    let parts = (pairs.len() + drawn.len()) as f64;
    let mut done = 0.;
    let (mut rows, mut sampled) = (Vec::with_capacity(pairs.len()), Vec::new());
    for &(k, n) in &pairs {
        let mut part = Part::new(progress, done / parts, (done + 1.) / parts);
        rows.push(cells.get(settings, &format!("k{k}-n{n}"), || row(settings, k, n, &mut part))?);
        done += 1.;
    }
    for &k in drawn {
        let mut part = Part::new(progress, done / parts, (done + 1.) / parts);
        sampled.push(cells.get(settings, &format!("sgd-k{k}"), || sampled::sampled(settings, k, &mut part))?);
        done += 1.;
    }
    Ok(Spurious { settings: settings.clone(), rows, sampled })
}

fn row(settings: &SpuriousSettings, k: usize, n: usize, progress: &mut dyn Progress) -> Result<SpuriousRow> {
    let risk = Planted::new(k, n)?;
    let mut runs = risk.starts(settings.seed, 0..settings.runs);
    let (ends, tally) = descend(settings, &risk, &mut runs, progress)?;
    Ok(SpuriousRow { k, n, tally, minima: minima::distinct(&risk, ends)? })
}

/// Descends from where `runs` are: the ends at spurious minima, and how many runs ended where.
fn descend(
    settings: &SpuriousSettings,
    risk: &Planted,
    runs: &mut Vec<PlantedRun>,
    progress: &mut dyn Progress,
) -> Result<(Vec<Polished>, Tally)> {
    let all = runs.len();
    let mut ends = Vec::new();
    let tolerances = [settings.gradient_tolerance.max(NEAR), settings.gradient_tolerance];
    let stages = if tolerances[0] > tolerances[1] { 2 } else { 1 };
    for tolerance in &tolerances[..stages] {
        let descent = PlantedDescent {
            max_steps: settings.max_steps,
            gradient_tolerance: *tolerance,
            risk_tolerance: GLOBAL,
            ..Default::default()
        };
        proceed(risk.descend(runs, &descent, progress)?)?;
        ends.extend(finish(risk, runs)?);
    }
    let global = runs.iter().filter(|r| r.risk <= GLOBAL).count();
    let unresolved = (all - global - ends.len()) as u64;
    let tally = Tally { runs: all as u64, spurious: ends.len() as u64, unresolved };
    Ok((ends, tally))
}

/// Takes the runs that end in a spurious minimum out of the stack; those at a small gradient elsewhere may go on.
fn finish(risk: &Planted, runs: &mut Vec<PlantedRun>) -> Result<Vec<Polished>> {
    let ends = runs
        .par_iter()
        .map(|run| match run.done && run.risk > GLOBAL {
            true => polish(risk, &run.weights, CRITICAL, 0.01),
            false => Ok(None),
        })
        .collect::<std::result::Result<Vec<_>, _>>()?;
    let mut spurious = ends.iter().map(|e| e.as_ref().is_some_and(|e| e.risk > GLOBAL));
    runs.retain_mut(|run| {
        run.done &= run.risk <= GLOBAL;
        !spurious.next().unwrap_or(false)
    });
    Ok(ends.into_iter().flatten().filter(|e| e.risk > GLOBAL).collect())
}
