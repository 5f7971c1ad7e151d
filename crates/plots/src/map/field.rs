//! Values on a rectangular grid, with interpolation between them.

use crate::error::{Error, Result};

/// Values of a function on a grid of the plane. Values that are not finite are kept and drawn as such.
#[derive(Clone, Debug)]
pub struct Field {
    pub(super) xs: Vec<f64>,
    pub(super) ys: Vec<f64>,
    pub(super) values: Vec<f64>,
}

impl Field {
    /// The field of `values` `[ys.len(), xs.len()]`, row by row, at increasing coordinates.
    ///
    /// # Errors
    /// When there are fewer than two coordinates on a side, they do not increase, or the number of values does not fit.
    pub fn new(xs: &[f64], ys: &[f64], values: &[f64]) -> Result<Self> {
        let increasing = |c: &[f64]| c.len() >= 2 && c.windows(2).all(|w| w[0] < w[1]);
        let finite = xs.iter().chain(ys).all(|c| c.is_finite());
        if !increasing(xs) || !increasing(ys) || !finite {
            return Err(Error::Grid("two or more increasing finite coordinates a side".to_owned()));
        }
        if values.len() != xs.len() * ys.len() {
            let expected = format!("{} x {} values, found {}", ys.len(), xs.len(), values.len());
            return Err(Error::Grid(expected));
        }
        Ok(Self { xs: xs.to_vec(), ys: ys.to_vec(), values: values.to_vec() })
    }

    pub(super) fn at(&self, i: usize, j: usize) -> f64 {
        self.values[j * self.xs.len() + i]
    }

    /// The number of values that are not finite.
    pub(super) fn missing(&self) -> usize {
        self.values.iter().filter(|v| !v.is_finite()).count()
    }

    /// Every `step`-th row and column, the last ones included.
    pub(super) fn thinned(&self, most: usize) -> Self {
        let keep = |n: usize| -> Vec<usize> {
            let step = (n - 1).div_ceil(most.max(2) - 1).max(1);
            (0..n - 1).step_by(step).chain([n - 1]).collect()
        };
        let (is, js) = (keep(self.xs.len()), keep(self.ys.len()));
        Self {
            xs: is.iter().map(|&i| self.xs[i]).collect(),
            ys: js.iter().map(|&j| self.ys[j]).collect(),
            values: js.iter().flat_map(|&j| is.iter().map(move |&i| self.at(i, j))).collect(),
        }
    }

    /// The value at (x, y) inside the grid: bilinear between four finite values, else the nearest value as it is.
    pub(super) fn sample(&self, x: f64, y: f64, form: impl Fn(f64) -> f64) -> f64 {
        let ((i, s), (j, t)) = (place(&self.xs, x), place(&self.ys, y));
        let corner = |di: usize, dj: usize| form(self.at(i + di, j + dj));
        let (a, b, c, d) = (corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1));
        let mixed = (a * (1.0 - s) + b * s) * (1.0 - t) + (c * (1.0 - s) + d * s) * t;
        if [a, b, c, d].iter().all(|v| v.is_finite()) {
            return mixed;
        }
        corner(usize::from(s >= 0.5), usize::from(t >= 0.5))
    }
}

/// The grid interval that holds `x`, and the relative place of `x` in it.
fn place(coordinates: &[f64], x: f64) -> (usize, f64) {
    let i = coordinates.partition_point(|&c| c <= x).clamp(1, coordinates.len() - 1) - 1;
    (i, ((x - coordinates[i]) / (coordinates[i + 1] - coordinates[i])).clamp(0.0, 1.0))
}
