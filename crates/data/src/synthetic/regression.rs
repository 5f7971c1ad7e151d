//! Synthetic tasks with real targets.

use std::sync::Arc;

use rand::Rng;

use super::draw::{Draw, add_noise, normalise_rows, normals, product};
use super::{Labels, Rows, Task};
use crate::Result;
use crate::options::Options;

/// `y = C relu(W x) + noise`: W `[k, d]` from N(0, 1/d), C `[q, k]` from N(0, 1/k), x from N(0, I).
#[derive(Debug)]
struct Teacher {
    d: usize,
    k: usize,
    q: usize,
    noise: f64,
}

pub(super) fn teacher(options: &Options) -> Result<Arc<dyn Task>> {
    Ok(Arc::new(Teacher {
        d: options.count("d", 2)?,
        k: options.count("k", 4)?,
        q: options.count("q", 1)?,
        noise: options.size("noise", 0.0)?,
    }))
}

impl Task for Teacher {
    fn features(&self) -> usize {
        self.d
    }

    fn outputs(&self) -> usize {
        self.q
    }

    fn parameters(&self) -> usize {
        self.k.saturating_mul(self.d.max(self.q))
    }

    fn rows(&self, n: usize, draw: &mut Draw) -> Rows {
        let hidden = scaled(normals(self.k * self.d, &mut draw.task), self.d);
        let outer = scaled(normals(self.q * self.k, &mut draw.task), self.k);
        let map = |x: &[f64]| {
            let mut activations = product(&hidden, x);
            activations.iter_mut().for_each(|a| *a = a.max(0.0));
            product(&outer, &activations)
        };
        mapped(normals(n * self.d, &mut draw.rows), self.d, map, self.noise, draw)
    }
}

/// `y = A x + noise`: x from N(0, I), A `[q, d]` from N(0, 1/d), or a product of two such factors of the
/// given rank.
#[derive(Debug)]
struct Linear {
    d: usize,
    q: usize,
    rank: usize,
    noise: f64,
}

pub(super) fn linear(options: &Options) -> Result<Arc<dyn Task>> {
    let (d, q) = (options.count("d", 4)?, options.count("q", 1)?);
    let full = d.min(q);
    let expected = format!("an integer from 0 (full rank) to {full}");
    let rank = options.value("rank", 0, &expected, |&rank: &usize| rank <= full)?;
    Ok(Arc::new(Linear { d, q, rank, noise: options.size("noise", 0.0)? }))
}

impl Task for Linear {
    fn features(&self) -> usize {
        self.d
    }

    fn outputs(&self) -> usize {
        self.q
    }

    fn parameters(&self) -> usize {
        self.q.saturating_mul(self.d)
    }

    fn rows(&self, n: usize, draw: &mut Draw) -> Rows {
        let inner = if self.rank == 0 { self.q } else { self.rank };
        let first = scaled(normals(inner * self.d, &mut draw.task), self.d);
        let second = (self.rank > 0).then(|| scaled(normals(self.q * inner, &mut draw.task), inner));
        let map = |x: &[f64]| {
            let y = product(&first, x);
            second.as_ref().map_or(y.clone(), |second| product(second, &y))
        };
        mapped(normals(n * self.d, &mut draw.rows), self.d, map, self.noise, draw)
    }
}

/// `y = sin(omega x) + noise`, x uniform in [-1, 1].
#[derive(Debug)]
struct Sine {
    omega: f64,
    noise: f64,
}

pub(super) fn sine(options: &Options) -> Result<Arc<dyn Task>> {
    Ok(Arc::new(Sine { omega: options.size("omega", 6.0)?, noise: options.size("noise", 0.0)? }))
}

impl Task for Sine {
    fn features(&self) -> usize {
        1
    }

    fn rows(&self, n: usize, draw: &mut Draw) -> Rows {
        let inputs = (0..n).map(|_| draw.rows.random_range(-1.0..=1.0)).collect();
        mapped(inputs, 1, |x| x.iter().map(|x| (self.omega * x).sin()).collect(), self.noise, draw)
    }
}

/// The inputs are uniform on the unit sphere, and the targets are drawn from N(0, 1), independently of them.
#[derive(Debug)]
struct UnitSphere {
    d: usize,
    q: usize,
}

pub(super) fn unit_sphere(options: &Options) -> Result<Arc<dyn Task>> {
    Ok(Arc::new(UnitSphere { d: options.count("d", 10)?, q: options.count("q", 1)? }))
}

impl Task for UnitSphere {
    fn features(&self) -> usize {
        self.d
    }

    fn outputs(&self) -> usize {
        self.q
    }

    fn rows(&self, n: usize, draw: &mut Draw) -> Rows {
        let mut inputs = normals(n * self.d, &mut draw.rows);
        normalise_rows(&mut inputs, self.d);
        let values = normals(n * self.q, &mut draw.noise);
        Rows { inputs, targets: Labels::Values { values, width: self.q } }
    }
}

/// Divides weights by √fan, so that a unit keeps the scale of its inputs.
fn scaled(mut weights: Vec<f64>, fan: usize) -> Vec<f64> {
    let scale = (fan as f64).sqrt();
    weights.iter_mut().for_each(|weight| *weight /= scale);
    weights
}

/// Rows of `d` inputs whose targets are `map` of the inputs plus noise.
fn mapped(inputs: Vec<f64>, d: usize, map: impl Fn(&[f64]) -> Vec<f64>, noise: f64, draw: &mut Draw) -> Rows {
    let mut values: Vec<f64> = inputs.chunks(d).flat_map(map).collect();
    add_noise(&mut values, noise, &mut draw.noise);
    let width = values.len() * d / inputs.len();
    Rows { inputs, targets: Labels::Values { values, width } }
}
