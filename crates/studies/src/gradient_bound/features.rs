//! The data of one number of examples, and the hidden layer's values on them.

use candle_core::{Device, Tensor};
use collado_landscape::{KernelSpectrum, SpectrumSettings, WidthLimit};
use collado_linalg::{singular_values, symmetric_eigen};
use collado_models::{Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Objective, Regularizer, Rows};
use faer::Mat;

use super::GradientBoundSettings;
use crate::{Result, StudyError, synthetic::regression};

/// m points of the unit sphere with random targets.
pub(super) struct Data {
    inputs: Tensor,
    targets: Tensor,
    dims: usize,
    /// The rows (x, 1) `[m, d + 1]`.
    extended: Mat<f64>,
    /// Their spectral norm.
    pub(super) norm: f64,
}

/// A direction that the kernel sees least, and how much it sees it.
pub(super) struct Least {
    /// $\sigma_\min(V)=\sqrt{\lambda_\min(\bar K)}$.
    pub(super) sigma: f64,
    /// The unit eigenvector.
    pub(super) vector: Vec<f64>,
}

pub(super) fn failed(e: collado_linalg::NoConvergence) -> StudyError {
    StudyError::Search(e.to_string())
}

impl Data {
    pub(super) fn new(settings: &GradientBoundSettings, examples: usize) -> Result<Self> {
        let GradientBoundSettings { dims, seed, .. } = settings;
        let (inputs, targets) =
            regression(&format!("synthetic:unit-sphere?n={examples}&d={dims}&seed={seed}"))?;
        let rows = inputs.to_vec2::<f64>()?;
        let entry = |i: usize, j: usize| if j < *dims { rows[i][j] } else { 1. };
        let extended = Mat::from_fn(examples, dims + 1, entry);
        let norm = singular_values(extended.as_ref()).map_err(failed)?[0];
        Ok(Self { inputs, targets, dims: *dims, extended, norm })
    }

    pub(super) fn examples(&self) -> usize {
        self.extended.nrows()
    }

    /// λ_min of the limit of $\bar K/n$ for $\theta^1_j\sim N(0,1)$.
    pub(super) fn limit(&self) -> Result<f64> {
        let limit = WidthLimit::new(&Arch::two_layer(self.dims, 1, 1)?, Init::Standard, &self.inputs)?;
        Ok(KernelSpectrum::new(&limit.covariance, &SpectrumSettings::default())?.min.value)
    }

    /// The risk of networks with n neurons on the data.
    pub(super) fn risk(&self, neurons: usize) -> Result<EmpiricalRisk> {
        self.risk_for(neurons, &self.targets)
    }

    fn risk_for(&self, neurons: usize, targets: &Tensor) -> Result<EmpiricalRisk> {
        let criterion = Criterion { loss: Loss::Squared, kappa: 0., regularizer: Regularizer::L2 };
        let arch = Arch::two_layer(self.dims, neurons, 1)?;
        let risk = EmpiricalRisk::new(&arch, Examples::new(&self.inputs, targets)?, criterion)?;
        Ok(risk.with_memory(256 << 20))
    }

    /// V `[m, n]`; the order of a stack is weights `[n, d]`, biases `[n]`, output weights `[n]`.
    pub(super) fn features(&self, theta: &[f64], neurons: usize) -> Mat<f64> {
        let (n, d) = (neurons, self.dims);
        let first = Mat::from_fn(d + 1, n, |j, k| if j < d { theta[k * d + j] } else { theta[n * d + k] });
        let z = &self.extended * first;
        Mat::from_fn(z.nrows(), n, |i, k| z[(i, k)].max(0.))
    }

    /// The entry of a direction of θ¹: $\sum_ic_{ik}(x_i,1)_j$.
    pub(super) fn back(&self, c: &Mat<f64>) -> Mat<f64> {
        self.extended.transpose() * c
    }

    /// $\|\nabla r\|^2m/(nr)$ at the points of a stack.
    pub(super) fn constants(&self, neurons: usize, points: &[Vec<f64>]) -> Result<Vec<f64>> {
        self.constants_of(&self.risk(neurons)?, neurons, points)
    }

    /// The same at one point with the targets whose residual is the direction that the kernel sees least.
    pub(super) fn worst_constant(&self, neurons: usize, theta: &[f64]) -> Result<f64> {
        let v = self.features(theta, neurons);
        let Least { vector, .. } = least(&v)?;
        let outer = &theta[theta.len() - neurons..];
        let output = |i: usize| (0..neurons).map(|k| v[(i, k)] * outer[k]).sum::<f64>();
        let targets: Vec<f64> = vector.iter().enumerate().map(|(i, z)| output(i) - z).collect();
        let targets = Tensor::from_vec(targets, (v.nrows(), 1), &Device::Cpu)?;
        Ok(self.constants_of(&self.risk_for(neurons, &targets)?, neurons, &[theta.to_vec()])?[0])
    }

    fn constants_of(&self, risk: &EmpiricalRisk, neurons: usize, points: &[Vec<f64>]) -> Result<Vec<f64>> {
        let size = points.first().map_or(0, Vec::len);
        let stack = Tensor::from_vec(points.concat(), (points.len(), size), &Device::Cpu)?;
        let mut gradient = stack.zeros_like()?;
        let risks = risk.at(&stack, Rows::All, Some(&mut gradient))?;
        let squares = gradient.sqr()?.sum(1)?.to_vec1::<f64>()?;
        let scale = self.examples() as f64 / neurons as f64;
        Ok(risks.iter().zip(squares).map(|(value, square)| scale * square / value.risk).collect())
    }
}

/// The least eigenvalue of $VV^\top$ with its eigenvector.
pub(super) fn least(v: &Mat<f64>) -> Result<Least> {
    let eigen = symmetric_eigen((v * v.transpose()).as_ref()).map_err(failed)?;
    let vector = (0..v.nrows()).map(|i| eigen.vectors[(i, 0)]).collect();
    Ok(Least { sigma: eigen.values[0].max(0.).sqrt(), vector })
}
