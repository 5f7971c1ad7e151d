//! Synthetic tasks with classes on curves in the plane. The class of row i is i mod k.

use std::f64::consts::PI;
use std::sync::Arc;

use rand::Rng;

use super::classes::{classes, labelled};
use super::draw::{Draw, add_noise};
use super::{Rows, Task};
use crate::Result;
use crate::options::Options;

/// One class lies on the upper unit half circle, the other on the lower one moved by (1, 1/2).
#[derive(Debug)]
struct TwoMoons {
    noise: f64,
}

pub(super) fn two_moons(options: &Options) -> Result<Arc<dyn Task>> {
    Ok(Arc::new(TwoMoons { noise: options.size("noise", 0.1)? }))
}

impl Task for TwoMoons {
    fn features(&self) -> usize {
        2
    }

    fn rows(&self, n: usize, draw: &mut Draw) -> Rows {
        let point = |i: usize| {
            let (y, x) = (PI * draw.rows.random::<f64>()).sin_cos();
            if i.is_multiple_of(2) { [x, y] } else { [1.0 - x, 0.5 - y] }
        };
        let mut inputs: Vec<f64> = (0..n).flat_map(point).collect();
        add_noise(&mut inputs, self.noise, &mut draw.noise);
        labelled(inputs, 2, (0..n).map(|i| i % 2))
    }
}

/// Class j lies on a spiral arm with radius t and angle 2π (turns·t + j/k), t uniform in [0, 1]; `turns` = 0 makes
/// rays.
#[derive(Debug)]
struct Spirals {
    k: usize,
    turns: f64,
    noise: f64,
}

pub(super) fn spirals(options: &Options) -> Result<Arc<dyn Task>> {
    let (turns, noise) = (options.size("turns", 1.0)?, options.size("noise", 0.02)?);
    Ok(Arc::new(Spirals { k: classes(options, 2)?, turns, noise }))
}

impl Task for Spirals {
    fn features(&self) -> usize {
        2
    }

    fn rows(&self, n: usize, draw: &mut Draw) -> Rows {
        let point = |i: usize| {
            let radius: f64 = draw.rows.random();
            let arm = (i % self.k) as f64 / self.k as f64;
            let (sin, cos) = (2.0 * PI * (self.turns * radius + arm)).sin_cos();
            [radius * cos, radius * sin]
        };
        let mut inputs: Vec<f64> = (0..n).flat_map(point).collect();
        add_noise(&mut inputs, self.noise, &mut draw.noise);
        labelled(inputs, self.k, (0..n).map(|i| i % self.k))
    }
}
