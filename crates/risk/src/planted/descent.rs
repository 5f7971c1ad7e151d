//! Gradient descent on the planted risk, for many runs at once.

use std::ops::ControlFlow;

use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::{
    Planted,
    angle::{LANES, Lanes},
    tile::{Scratch, evaluate},
};
use crate::{Error, Progress, Result};

/// The settings of gradient descent on a [`Planted`] risk.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `step` | 5 | step size times n | > 0 |
/// | `max_steps` | 200 000 | a run ends after so many steps | ≥ 0 |
/// | `gradient_tolerance` | 1e-9 | a run ends at this gradient norm | ≥ 0 |
/// | `risk_tolerance` | 1e-3 | a run ends at this risk: it has found the global minimum | ≥ 0 |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlantedDescent {
    /// The step size multiplied by n.
    pub step: f64,
    /// A run ends after this many steps.
    pub max_steps: u64,
    /// A run ends when the norm of the gradient is at most this.
    pub gradient_tolerance: f64,
    /// A run ends when the risk is at most this.
    pub risk_tolerance: f64,
}

impl Default for PlantedDescent {
    fn default() -> Self {
        Self { step: 5., max_steps: 200_000, gradient_tolerance: 1e-9, risk_tolerance: 1e-3 }
    }
}

/// The state of a run of gradient descent.
#[derive(Debug, Clone, PartialEq)]
pub struct PlantedRun {
    /// The weights `[n, k]`, row-major.
    pub weights: Vec<f64>,
    /// The risk F at these weights; NaN before the first step.
    pub risk: f64,
    /// The gradient norm $\|\nabla F\|$ at these weights; NaN before the first step.
    pub gradient_norm: f64,
    /// Number of steps taken.
    pub steps: u64,
    /// Whether a tolerance was reached.
    pub done: bool,
}

impl PlantedRun {
    /// A run that starts at `weights` `[n, k]`.
    pub fn new(weights: Vec<f64>) -> Self {
        Self { weights, risk: f64::NAN, gradient_norm: f64::NAN, steps: 0, done: false }
    }
}

/// Number of steps after which the unfinished runs are grouped anew.
const ROUND: u64 = 250;

impl Planted {
    /// Draws the starts $w_i\sim N(0,I/k)$ of the given runs. Run r uses stream r of `seed`, so it does not depend on
    /// the number of runs.
    pub fn starts(&self, seed: u64, runs: std::ops::Range<u64>) -> Vec<PlantedRun> {
        let scale = 1. / (self.k as f64).sqrt();
        runs.map(|r| {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(r);
            let normal = (0..self.n * self.k).map(|_| {
                let x: f64 = StandardNormal.sample(&mut rng);
                scale * x
            });
            PlantedRun::new(normal.collect())
        })
        .collect()
    }

    /// Gradient descent for all runs that are not done, as one stack; runs that are done leave it.
    ///
    /// `progress` gets the share of finished runs now and then. `Break` is returned when it stopped the descent; the runs
    /// then stand where they were.
    ///
    /// # Errors
    /// When a run does not have nk weights.
    pub fn descend(
        &self,
        runs: &mut [PlantedRun],
        settings: &PlantedDescent,
        progress: &mut dyn Progress,
    ) -> Result<ControlFlow<()>> {
        if let Some(run) = runs.iter().find(|r| r.weights.len() != self.n * self.k) {
            return Err(Error::mismatch("weights of a run", self.n * self.k, run.weights.len()));
        }
        let total = runs.len().max(1);
        loop {
            let mut active: Vec<&mut PlantedRun> = runs
                .iter_mut()
                .filter(|r| !r.done && (r.steps < settings.max_steps || r.risk.is_nan()))
                .collect();
            if active.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
            let flow = progress.update(1. - active.len() as f64 / total as f64);
            if flow.is_break() {
                return Ok(flow);
            }
            active.par_chunks_mut(LANES).for_each(|tile| self.round(tile, settings));
        }
    }

    /// Takes up to [`ROUND`] steps of up to [`LANES`] runs.
    fn round(&self, runs: &mut [&mut PlantedRun], settings: &PlantedDescent) {
        let mut w = vec![[0.; LANES]; self.n * self.k];
        // idle lanes repeat the last run
        let source = |l: usize| l.min(runs.len() - 1);
        for (at, w) in w.iter_mut().enumerate() {
            *w = std::array::from_fn(|l| runs[source(l)].weights[at]);
        }
        let mut grad = w.clone();
        let mut scratch = Scratch::new(self.n);
        let step = settings.step / self.n as f64;
        for at in 0..=ROUND {
            let risk = evaluate(self.k, &w, &mut grad, &mut scratch);
            let square = squares(&grad);
            let mut busy = false;
            for (l, run) in runs.iter_mut().enumerate().filter(|(_, r)| !r.done) {
                let norm = square[l].sqrt();
                run.done = norm <= settings.gradient_tolerance || risk[l] <= settings.risk_tolerance;
                if run.done || at == ROUND || run.steps == settings.max_steps {
                    (run.risk, run.gradient_norm) = (risk[l], norm);
                    run.weights.iter_mut().zip(&w).for_each(|(x, w)| *x = w[l]);
                } else {
                    run.steps += 1;
                    busy = true;
                }
            }
            if !busy {
                return;
            }
            advance(step, &grad, &mut w);
        }
    }
}

/// The sum of squares in each lane, in the order of the parameters.
fn squares(grad: &[Lanes]) -> Lanes {
    let mut sum = [0.; LANES];
    for g in grad {
        for (sum, g) in sum.iter_mut().zip(g) {
            *sum += g * g;
        }
    }
    sum
}

fn advance(step: f64, grad: &[Lanes], w: &mut [Lanes]) {
    for (w, g) in w.as_flattened_mut().iter_mut().zip(grad.as_flattened()) {
        *w -= step * g;
    }
}
