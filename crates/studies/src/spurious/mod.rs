//! How often gradient descent on the planted risk ends in spurious minima.

mod minima;
mod outcome;
mod picture;
mod sampled;

use collado_certify::{Polished, polish};
use collado_risk::{Planted, PlantedDescent, PlantedRun};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use self::{
    minima::SpuriousMinimum,
    outcome::{CLAIM, PUBLISHED},
    sampled::SampledRow,
};
use crate::{CellCache, Result, StudyError, wilson};

/// Settings of [`spurious`].
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `k` | 6, 8, 10 | teachers | ≥ 1 |
/// | `extra` | 0, 1, 2 | n − k | ≥ 0 |
/// | `runs` | 1000 | runs for each pair | ≥ 1 |
/// | `max_steps` | 200 000 | a run ends after so many steps | ≥ 1 |
/// | `gradient_tolerance` | 1e-9 | descent ends at this gradient norm | > 0 |
/// | `sgd_runs` | 200 | runs of SGD on drawn data for each n = k; 0 = none | ≥ 0 |
/// | `samples` | 10 000 | examples drawn for them | ≥ 64 |
/// | `sgd_steps` | 5000 | steps of SGD, minibatches of 64 | ≥ 1 |
/// | `seed` | 0 | of the starts | |
#[derive(Debug, Clone, PartialEq)]
pub struct SpuriousSettings {
    /// Teachers.
    pub k: Vec<usize>,
    /// n − k.
    pub extra: Vec<usize>,
    /// Runs for each pair of k and n.
    pub runs: u64,
    /// A run ends after so many steps.
    pub max_steps: u64,
    /// Descent ends at this gradient norm.
    pub gradient_tolerance: f64,
    /// Runs of SGD on drawn data.
    pub sgd_runs: u64,
    /// Examples drawn.
    pub samples: usize,
    /// Steps of SGD.
    pub sgd_steps: u64,
    /// Seed of the starts.
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

impl SpuriousSettings {
    /// For a look in seconds: fewer teachers and runs.
    pub fn quick() -> Self {
        Self { k: vec![6, 7, 8], runs: 500, max_steps: 50_000, sgd_runs: 100, ..Self::default() }
    }

    /// The published table: all k of it.
    pub fn full() -> Self {
        Self { k: PUBLISHED.iter().map(|p| p.0).collect(), ..Self::default() }
    }
}

/// All rows, and how they were made.
#[derive(Debug, Clone, PartialEq)]
pub struct Spurious {
    /// How.
    pub settings: SpuriousSettings,
    /// One for each pair of k and n.
    pub rows: Vec<SpuriousRow>,
    /// SGD on drawn data, one for each k where n = k is among the pairs.
    pub sampled: Vec<SampledRow>,
}

/// How the runs for one k and n ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpuriousRow {
    /// Teachers.
    pub k: usize,
    /// Neurons.
    pub n: usize,
    /// Runs.
    pub runs: u64,
    /// Runs that ended with F > 1e-3, $\|\nabla F\|\le10^{-9}$ and $H\succ0$.
    pub spurious: u64,
    /// Runs that ended neither so nor with F ≤ 1e-3.
    pub unresolved: u64,
    /// The minima, up to permutations of neurons and coordinates; the most frequent first.
    pub minima: Vec<SpuriousMinimum>,
}

impl SpuriousRow {
    /// Share of spurious runs.
    pub fn rate(&self) -> f64 {
        self.spurious as f64 / self.runs as f64
    }

    /// Its 95 % Wilson interval.
    pub fn interval(&self) -> [f64; 2] {
        wilson(self.spurious, self.runs)
    }
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
/// times higher. A run with $\|\nabla F\|\le10^{-5}$ is finished by Newton's method, and only taken when every Hessian on the way is
/// positive definite and the way is at most 0.01 long, thus in a strictly convex neighbourhood that holds one
/// minimum; where that fails, descent goes on to `gradient_tolerance`.
///
/// Finished rows are kept in `cells`. `progress` gets the share of the study that is done; false stops.
///
/// # Errors
/// When a setting is outside its range, `progress` stops, or a cell cannot be kept.
pub fn spurious(
    settings: &SpuriousSettings,
    cells: &CellCache,
    progress: &mut dyn FnMut(f64) -> bool,
) -> Result<Spurious> {
    check(settings)?;
    let pairs: Vec<_> =
        settings.k.iter().flat_map(|&k| settings.extra.iter().map(move |&e| (k, k + e))).collect();
    let drawn = settings.sgd_runs > 0 && settings.extra.contains(&0);
    let drawn = if drawn { &settings.k[..] } else { &[] };
    let parts = (pairs.len() + drawn.len()) as f64;
    let (mut rows, mut sampled) = (Vec::with_capacity(pairs.len()), Vec::new());
    for &(k, n) in &pairs {
        let at = rows.len() as f64;
        let row = || row(settings, k, n, &mut |share| progress((at + share) / parts));
        rows.push(cells.get(settings, &format!("k{k}-n{n}"), row)?);
    }
    for &k in drawn {
        let at = (rows.len() + sampled.len()) as f64;
        let row = || sampled::sampled(settings, k, &mut |share| progress((at + share) / parts));
        sampled.push(cells.get(settings, &format!("sgd-k{k}"), row)?);
    }
    Ok(Spurious { settings: settings.clone(), rows, sampled })
}

fn check(settings: &SpuriousSettings) -> Result<()> {
    let wrong = |name, expected, found| Err(StudyError::Setting { name, expected, found });
    match settings {
        s if s.runs == 0 => wrong("--runs", "at least 1", "0".into()),
        s if s.max_steps == 0 => wrong("--max-steps", "at least 1", "0".into()),
        s if s.k.is_empty() || s.k.contains(&0) => wrong("--k", "numbers above 0", format!("{:?}", s.k)),
        s if s.extra.is_empty() => wrong("--extra", "at least one number", "none".into()),
        s if s.gradient_tolerance.is_nan() || s.gradient_tolerance <= 0. => {
            wrong("--gradient-tolerance", "a number above 0", s.gradient_tolerance.to_string())
        }
        s if s.sgd_runs > 0 && s.samples < 64 => wrong("--samples", "at least 64", s.samples.to_string()),
        s if s.sgd_runs > 0 && s.sgd_steps == 0 => wrong("--sgd-steps", "at least 1", "0".into()),
        _ => Ok(()),
    }
}

fn row(
    settings: &SpuriousSettings,
    k: usize,
    n: usize,
    progress: &mut dyn FnMut(f64) -> bool,
) -> Result<SpuriousRow> {
    let risk = Planted::new(k, n)?;
    let mut runs = risk.starts(settings.seed, 0..settings.runs);
    let (ends, unresolved) = judge(settings, &risk, &mut runs, progress)?;
    let (runs, spurious) = (settings.runs, ends.len() as u64);
    Ok(SpuriousRow { k, n, runs, spurious, unresolved, minima: minima::distinct(&risk, ends)? })
}

/// Descends from where `runs` are: the ends at spurious minima, and how many runs decided nothing.
fn judge(
    settings: &SpuriousSettings,
    risk: &Planted,
    runs: &mut Vec<PlantedRun>,
    progress: &mut dyn FnMut(f64) -> bool,
) -> Result<(Vec<Polished>, u64)> {
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
        let mut go_on = true;
        risk.descend(runs, &descent, &mut |share| {
            go_on = progress(share);
            go_on
        })?;
        if !go_on {
            return Err(StudyError::Interrupted);
        }
        ends.extend(finish(risk, runs)?);
    }
    let global = runs.iter().filter(|r| r.risk <= GLOBAL).count();
    let unresolved = all - global - ends.len();
    Ok((ends, unresolved as u64))
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
