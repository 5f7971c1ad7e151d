//! How many minima random labels make: descent from many starts, and a proof for each end.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    SingleNeuronSettings,
    proof::{Rectangle, meet, prove},
};

/// How inputs in the plane are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Law {
    /// Directions are uniform, lengths log-uniform from 1 to $R^{p-1}$: as many scales as the construction has.
    Scales,
    /// Each input is drawn from $N(0,I)$.
    Gaussian,
}

/// All of them.
pub const LAWS: [Law; 2] = [Law::Scales, Law::Gaussian];

impl Law {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scales => "scales",
            Self::Gaussian => "gaussian",
        }
    }

    /// The name in pictures.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Scales => "inputs of many lengths",
            Self::Gaussian => "Gaussian inputs",
        }
    }
}

/// Minima of the neuron with two inputs for examples with labels ¼ or ¾ at random.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RandomLabels {
    /// How inputs are drawn.
    pub law: Law,
    /// Number of examples.
    pub samples: usize,
    /// For each data set, the different strict minima found, each of them proved.
    pub minima: Vec<usize>,
    /// For each data set, the share of starts that ended at none: at infinity, on a plateau, or after too many steps.
    pub lost: Vec<f64>,
}

/// Draws data sets and looks for minima from many starts.
pub(super) fn count(settings: &SingleNeuronSettings, law: Law, samples: usize) -> RandomLabels {
    let longest = settings.ratio.powi(settings.per_dim as i32 - 1);
    let draw = |draw: usize| {
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        rng.set_stream(((samples as u64) << 32) | ((law as u64) << 24) | draw as u64);
        let data: Vec<Sample> = (0..samples).map(|_| Sample::draw(law, longest, &mut rng)).collect();
        let mut found: Vec<Rectangle> = Vec::new();
        let mut lost = 0;
        for _ in 0..settings.tries {
            let (angle, length): (f64, f64) =
                (rng.random_range(0. ..std::f64::consts::TAU), rng.random_range(-7f64..4.).exp());
            let end = descend(&data, [length * angle.cos(), length * angle.sin()]);
            let Some(end) = end.and_then(|end| prove(&data, end)) else {
                lost += 1;
                continue;
            };
            // Each holds exactly one minimum.
            if !found.iter().any(|other| meet(other, &end)) {
                found.push(end);
            }
        }
        (found.len(), f64::from(lost) / settings.tries as f64)
    };
    let (minima, lost) = (0..settings.draws).into_par_iter().map(draw).unzip();
    RandomLabels { law, samples, minima, lost }
}

/// An example.
pub(super) struct Sample {
    pub(super) x: [f64; 2],
    pub(super) y: f64,
}

impl Sample {
    fn draw(law: Law, longest: f64, rng: &mut ChaCha8Rng) -> Self {
        let x = match law {
            Law::Gaussian => [rng.sample(StandardNormal), rng.sample(StandardNormal)],
            Law::Scales => {
                let angle: f64 = rng.random_range(0. ..std::f64::consts::TAU);
                let length = longest.powf(rng.random_range(0. ..1.));
                [length * angle.cos(), length * angle.sin()]
            }
        };
        Self { x, y: if rng.random() { 0.75 } else { 0.25 } }
    }
}

/// F, its gradient, and its Hessian's entries (11, 12, 22).
fn risk(data: &[Sample], w: [f64; 2]) -> (f64, [f64; 2], [f64; 3]) {
    let m = data.len() as f64;
    data.iter().fold((0., [0.; 2], [0.; 3]), |(f, g, h), Sample { x, y }| {
        let z = x[0] * w[0] + x[1] * w[1];
        let s = 1. / (1. + (-z).exp());
        let slope = s / (1. + z.exp());
        let e = s - y;
        let (first, second) = (2. * e * slope / m, 2. * (slope * slope + e * slope * (1. - 2. * s)) / m);
        let g = [g[0] + first * x[0], g[1] + first * x[1]];
        let h = [h[0] + second * x[0] * x[0], h[1] + second * x[0] * x[1], h[2] + second * x[1] * x[1]];
        (f + e * e / m, g, h)
    })
}

/// Levenberg and Marquardt's damped Newton descent; nothing where it goes to infinity or stays unfinished. On a plateau, where
/// rounding decides whether F falls, it may stop anywhere: its ends are candidates.
fn descend(data: &[Sample], mut w: [f64; 2]) -> Option<[f64; 2]> {
    let mut damping = 1e-3;
    let (mut f, mut g, mut h) = risk(data, w);
    for _ in 0..500 {
        // Least eigenvalue of the Hessian, to be lifted above 0.
        let (half, off) = (0.5 * (h[0] + h[2]), (0.5 * (h[0] - h[2])).hypot(h[1]));
        let lift = damping * (half.abs() + off) + (off - half).max(0.);
        let (a, c) = (h[0] + lift, h[2] + lift);
        let determinant = a * c - h[1] * h[1];
        let step = [(h[1] * g[1] - c * g[0]) / determinant, (h[1] * g[0] - a * g[1]) / determinant];
        let next = [w[0] + step[0], w[1] + step[1]];
        let (size, moved) = (w[0].hypot(w[1]), step[0].hypot(step[1]));
        if half > off && moved <= 1e-10 * size {
            return Some(w);
        }
        if size.is_nan() || size > 1e3 || moved.is_nan() {
            return None;
        }
        let at = risk(data, next);
        if at.0 <= f {
            (w, damping) = (next, (damping * 0.2).max(1e-12));
            (f, g, h) = at;
        } else {
            damping = (damping * 4.).max(1e-9);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(samples: usize) -> Vec<Sample> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        (0..samples).map(|_| Sample::draw(Law::Scales, 100., &mut rng)).collect()
    }

    #[test]
    fn derivatives_are_central_differences() {
        let (data, w, d) = (data(9), [0.03, -0.2], 1e-6);
        let (_, g, h) = risk(&data, w);
        let at = |i: usize, d: f64| {
            let mut w = w;
            w[i] += d;
            risk(&data, w)
        };
        for i in 0..2 {
            let (up, down) = (at(i, d), at(i, -d));
            assert!((g[i] - (up.0 - down.0) / (2. * d)).abs() < 1e-7);
            assert!((h[i] - (up.1[0] - down.1[0]) / (2. * d)).abs() < 1e-4 * (1. + h[i].abs()));
            assert!((h[i + 1] - (up.1[1] - down.1[1]) / (2. * d)).abs() < 1e-4 * (1. + h[i + 1].abs()));
        }
    }

    /// Ends are lower than everything on a small circle around them.
    #[test]
    fn ends_are_minima() {
        let data = data(12);
        let ends = (0..40).filter_map(|i| descend(&data, [0.01 * f64::from(i) - 0.2, 0.1]));
        let ends: Vec<_> =
            ends.filter_map(|end| prove(&data, end)).map(|end| end.map(|x| x.middle())).collect();
        assert!(ends.len() > 10);
        for end in ends {
            let (f, radius) = (risk(&data, end).0, 1e-4 * end[0].hypot(end[1]));
            for i in 0..12 {
                let (sin, cos) = f64::from(i).sin_cos();
                assert!(risk(&data, [end[0] + radius * cos, end[1] + radius * sin]).0 > f, "{end:?}");
            }
        }
    }
}
