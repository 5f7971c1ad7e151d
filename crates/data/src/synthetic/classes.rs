//! Synthetic tasks with class labels. The class of row i is i mod k wherever classes are equally likely.

use std::sync::Arc;

use rand::Rng;

use super::draw::{Draw, add_noise, normalise_rows, normals};
use super::{Labels, Rows, Task};
use crate::options::Options;
use crate::{MAX_CLASSES, Result};

/// Class j is a Gaussian of unit variance around `sep` times a random unit vector.
#[derive(Debug)]
struct Gaussians {
    d: usize,
    k: usize,
    sep: f64,
}

pub(super) fn gaussians(options: &Options) -> Result<Arc<dyn Task>> {
    Ok(Arc::new(Gaussians {
        d: options.count("d", 2)?,
        k: classes(options, 3)?,
        sep: options.size("sep", 4.0)?,
    }))
}

impl Task for Gaussians {
    fn features(&self) -> usize {
        self.d
    }

    fn parameters(&self) -> usize {
        self.k.saturating_mul(self.d)
    }

    fn rows(&self, n: usize, draw: &mut Draw) -> Rows {
        let mut centres = normals(self.k * self.d, &mut draw.task);
        normalise_rows(&mut centres, self.d);
        let mut inputs = normals(n * self.d, &mut draw.rows);
        for (i, row) in inputs.chunks_mut(self.d).enumerate() {
            let centre = &centres[i % self.k * self.d..];
            row.iter_mut().zip(centre).for_each(|(x, c)| *x += self.sep * c);
        }
        labelled(inputs, self.k, (0..n).map(|i| i % self.k))
    }
}

/// The inputs are corners of a cube; class 1 has an odd number of negative coordinates among the first k.
#[derive(Debug)]
struct Parity {
    d: usize,
    k: usize,
}

pub(super) fn parity(options: &Options) -> Result<Arc<dyn Task>> {
    let d = options.count("d", 8)?;
    let expected = format!("an integer from 1 to d = {d}");
    let k = options.value("k", d.min(3), &expected, |&k: &usize| (1..=d).contains(&k))?;
    Ok(Arc::new(Parity { d, k }))
}

impl Task for Parity {
    fn features(&self) -> usize {
        self.d
    }

    fn rows(&self, n: usize, draw: &mut Draw) -> Rows {
        let inputs = signs(n * self.d, draw);
        let negative = |row: &[f64]| row.iter().take(self.k).filter(|&&x| x < 0.0).count();
        let labels: Vec<usize> = inputs.chunks(self.d).map(|row| negative(row) % 2).collect();
        labelled(inputs, 2, labels)
    }
}

/// The inputs are four clouds around (±1, ±1); in class 1 the signs differ.
#[derive(Debug)]
struct Xor {
    noise: f64,
}

pub(super) fn xor(options: &Options) -> Result<Arc<dyn Task>> {
    Ok(Arc::new(Xor { noise: options.size("noise", 0.3)? }))
}

impl Task for Xor {
    fn features(&self) -> usize {
        2
    }

    fn rows(&self, n: usize, draw: &mut Draw) -> Rows {
        let mut inputs = signs(2 * n, draw);
        let labels: Vec<usize> = inputs.chunks(2).map(|row| usize::from(row[0] != row[1])).collect();
        add_noise(&mut inputs, self.noise, &mut draw.noise);
        labelled(inputs, 2, labels)
    }
}

/// The number of classes, `k`.
pub(super) fn classes(options: &Options, default: usize) -> Result<usize> {
    options.value("k", default, &format!("an integer from 1 to {MAX_CLASSES}"), |k| {
        (1..=MAX_CLASSES).contains(k)
    })
}

/// Draws `n` numbers, each −1 or 1.
fn signs(n: usize, draw: &mut Draw) -> Vec<f64> {
    (0..n).map(|_| if draw.rows.random::<bool>() { -1.0 } else { 1.0 }).collect()
}

/// Rows with class labels below `count`.
pub(super) fn labelled(inputs: Vec<f64>, count: usize, labels: impl IntoIterator<Item = usize>) -> Rows {
    let labels = labels.into_iter().map(|label| label as u32).collect();
    Rows { inputs, targets: Labels::Classes { labels, count } }
}
