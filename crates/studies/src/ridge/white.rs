//! Regression data with white inputs, for which the deep linear risk with ridge has closed forms.

use candle_core::{Device, Tensor};
use collado_linalg::{Svd, symmetric_eigen, thin_svd};
use faer::Mat;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::RidgeSettings;
use crate::{Result, StudyError};

/// Examples with $\frac1L\sum xx^\top=I$ up to rounding, and $C=\frac1L\sum yx^\top$.
#[derive(Debug, Clone)]
pub struct WhiteData {
    /// The inputs `[L, d]`.
    pub inputs: Mat<f64>,
    /// The targets `[L, q]`.
    pub targets: Mat<f64>,
    /// The left singular vectors of C.
    pub left: Mat<f64>,
    /// The singular values of C, descending; the largest is 1.
    pub singular_values: Vec<f64>,
    /// The right singular vectors of C.
    pub right: Mat<f64>,
}

/// The singular values of the teacher fall by this factor.
const FALL: f64 = 0.7;
/// The standard deviation of the noise in the targets.
const NOISE: f64 = 0.3;

impl WhiteData {
    /// Gaussian inputs, made white, and targets of a linear teacher with noise.
    pub(super) fn new(settings: &RidgeSettings) -> Result<Self> {
        let RidgeSettings { inputs: d, outputs: q, examples, seed, .. } = *settings;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut normal =
            |rows, columns| Mat::<f64>::from_fn(rows, columns, |_, _| rng.sample::<f64, _>(StandardNormal));
        let (x, a, noise) = (normal(examples, d), normal(q, d), normal(examples, q));
        let share = (examples as f64).recip();
        let failed = |e: collado_linalg::NoConvergence| StudyError::Search(e.to_string());
        let covariance =
            symmetric_eigen((faer::Scale(share) * (x.transpose() * &x)).as_ref()).map_err(failed)?;
        let scaled = Mat::from_fn(d, d, |i, j| covariance.vectors[(i, j)] / covariance.values[j].sqrt());
        let inputs = x * (scaled * covariance.vectors.transpose());
        let Svd { u, v, s } = thin_svd(a.as_ref()).map_err(failed)?;
        let falling = Mat::from_fn(u.nrows(), s.len(), |i, j| u[(i, j)] * FALL.powi(j as i32));
        let teacher = falling * v.transpose();
        let targets = &inputs * teacher.transpose() + faer::Scale(NOISE) * noise;
        let cross = |y: &Mat<f64>| faer::Scale(share) * (y.transpose() * &inputs);
        let largest = thin_svd(cross(&targets).as_ref()).map_err(failed)?.s[0];
        let targets = faer::Scale(largest.recip()) * targets;
        let Svd { u: left, s: singular_values, v: right } =
            thin_svd(cross(&targets).as_ref()).map_err(failed)?;
        Ok(Self { inputs, targets, left, singular_values, right })
    }

    /// The mean of ‖y‖², which is F(0).
    pub fn risk_at_zero(&self) -> f64 {
        self.targets.squared_norm_l2() / self.targets.nrows() as f64
    }

    /// Inputs and targets as tensors.
    pub(super) fn tensors(&self) -> Result<(Tensor, Tensor)> {
        let tensor = |m: &Mat<f64>| {
            let rows = (0..m.nrows()).flat_map(|i| (0..m.ncols()).map(move |j| m[(i, j)])).collect();
            Tensor::from_vec(rows, (m.nrows(), m.ncols()), &Device::Cpu)
        };
        Ok((tensor(&self.inputs)?, tensor(&self.targets)?))
    }
}
