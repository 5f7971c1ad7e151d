//! Principal components of points, such as those of a training trajectory.

use candle_core::{Device, Tensor};
use collado_linalg::{Eigen, dot, symmetric_eigen};
use faer::Mat;

use super::rows::rows;
use crate::{Error, Result};

/// Principal components of a cloud of points.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Orthonormal directions `[D, S]`, the one of largest variance first; each points from the last point towards the
    /// first.
    pub directions: Tensor,
    /// The share of the total variance around the mean that lies along each direction.
    pub explained: Vec<f64>,
}

/// The first `count` principal components of the rows of `points` `[T, S]`, from the T × T Gram matrix of the centred
/// rows.
///
/// A random walk in many dimensions shows $6/(\pi k)^2$ of its variance in component k, 61 % and 15 % in the first two
/// (Antognini and Sohl-Dickstein 2018): a large share alone says little about a trajectory.
///
/// # Errors
/// When the points span fewer dimensions.
pub fn principal(points: &Tensor, count: usize) -> Result<Principal> {
    let mut centred = rows(points)?;
    let t = centred.len();
    let s = centred.first().map_or(0, Vec::len);
    let mean: Vec<f64> = (0..s).map(|j| centred.iter().map(|r| r[j]).sum::<f64>() / t as f64).collect();
    centred.iter_mut().for_each(|row| row.iter_mut().zip(&mean).for_each(|(x, m)| *x -= m));
    let gram = Mat::from_fn(t, t, |i, j| dot(&centred[i], &centred[j]));
    if (0..t).any(|i| !gram[(i, i)].is_finite()) {
        return Err(Error::NotFinite("a point of the trajectory"));
    }
    let Eigen { values, vectors } = symmetric_eigen(gram.as_ref()).map_err(|_| Error::Eigen(t))?;
    let total: f64 = (0..t).map(|i| values[i].max(0.)).sum();
    let found = (0..t).filter(|&i| values[i] > 1e-14 * total).count();
    if found < count {
        return Err(Error::Degenerate { expected: count, found });
    }
    let mut directions = Vec::with_capacity(count * s);
    let mut explained = Vec::with_capacity(count);
    for k in 0..count {
        let column = t - 1 - k;
        let sign = if vectors[(0, column)] < vectors[(t - 1, column)] { -1. } else { 1. };
        let scale = sign / values[column].sqrt();
        let weight = |i: usize| vectors[(i, column)] * scale;
        directions.extend((0..s).map(|j| (0..t).map(|i| weight(i) * centred[i][j]).sum::<f64>()));
        explained.push(values[column] / total);
    }
    let directions = Tensor::from_vec(directions, (count, s), &Device::Cpu)?;
    let directions = directions.to_dtype(points.dtype())?.to_device(points.device())?;
    Ok(Principal { directions, explained })
}
