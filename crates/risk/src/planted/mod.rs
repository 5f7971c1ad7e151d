//! The population risk of two-layer ReLU networks with planted orthonormal teachers (docs/theory.md §10).

mod angle;
mod descent;
mod hessian;
mod tile;

use candle_core::{DType, Tensor};
use rayon::prelude::*;

pub use self::descent::{PlantedDescent, PlantedRun};
use self::{
    angle::LANES,
    tile::{Scratch, evaluate},
};
use crate::{Error, Evaluation, Objective, Result, Rows};
use collado_models::with_slice;

/// The risk $F(W)=\frac12E_{x\sim N(0,I_k)}\bigl(\sum_{i\le n}\rho(w_i\cdot x)-\sum_{j\le k}\rho(x_j)\bigr)^2$ with
/// ReLU ρ, in closed form.
///
/// A point is W `[n, k]`, row-major. With φ the angle between w and v,
/// $E\rho(w\cdot x)\rho(v\cdot x)=\|w\|\|v\|(\sin\varphi+(\pi-\varphi)\cos\varphi)/2\pi$ (Cho & Saul 2009), so risk,
/// gradient and Hessian are sums over pairs. The teachers may be any orthonormal basis: F does not change under
/// rotations. Safran & Shamir (2018) prove spurious minima for 6 ≤ k ≤ 20, n = k. Points whose neurons are 0 have no
/// gradient; there the share of such a neuron is left out.
///
/// There are no examples: the `rows` of [`Objective::evaluate`] are ignored. Arithmetic is f64, whatever the stack's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planted {
    k: usize,
    n: usize,
}

impl Planted {
    /// The risk with k teachers, k inputs and n neurons.
    ///
    /// # Errors
    /// When k or n is 0.
    pub fn new(k: usize, n: usize) -> Result<Self> {
        match (k, n) {
            (0, _) => Err(Error::Setting { name: "k", expected: "at least 1", found: "0".into() }),
            (_, 0) => Err(Error::Setting { name: "n", expected: "at least 1", found: "0".into() }),
            _ => Ok(Self { k, n }),
        }
    }

    /// Number of teachers, which is also that of inputs.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Number of neurons.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The risk F at one point `[n, k]`; its gradient is written over `grad`.
    ///
    /// # Errors
    /// When the length of `weights` or `grad` is not nk.
    pub fn value(&self, weights: &[f64], grad: &mut [f64]) -> Result<f64> {
        self.check(weights.len())?;
        self.check(grad.len())?;
        Ok(self.tile(weights, grad)[0])
    }

    /// The Hessian $\nabla^2F$ `[nk, nk]`, row-major, at one point `[n, k]`.
    ///
    /// # Errors
    /// When the length is not nk.
    pub fn hessian(&self, weights: &[f64]) -> Result<Vec<f64>> {
        self.check(weights.len())?;
        Ok(hessian::hessian(self.n, self.k, weights))
    }

    fn check(&self, found: usize) -> Result<()> {
        let expected = self.n * self.k;
        if found == expected { Ok(()) } else { Err(Error::mismatch("parameters", expected, found)) }
    }

    /// The risks of up to [`LANES`] points, and their gradients.
    fn tile(&self, points: &[f64], grad: &mut [f64]) -> [f64; LANES] {
        let size = self.n * self.k;
        let last = points.len() / size - 1;
        let w: Vec<_> =
            (0..size).map(|at| std::array::from_fn(|l| points[l.min(last) * size + at])).collect();
        let mut slopes = w.clone();
        let risks = evaluate(self.k, &w, &mut slopes, &mut Scratch::new(self.n));
        for (l, grad) in grad.chunks_exact_mut(size).enumerate() {
            grad.iter_mut().zip(&slopes).for_each(|(g, s)| *g = s[l]);
        }
        risks
    }
}

impl Objective for Planted {
    fn at(&self, theta: &Tensor, _: Rows<'_>, gradient: Option<&mut Tensor>) -> Result<Vec<Evaluation>> {
        let stack = theta.to_dtype(DType::F64)?.contiguous()?;
        let (p, size) = stack.dims2()?;
        self.check(size)?;
        let mut slopes = vec![0.; p * size];
        let risks: Vec<_> = with_slice::<f64, _, Error>(&stack, |points| {
            let tiles = points.par_chunks(LANES * size).zip(slopes.par_chunks_mut(LANES * size));
            Ok(tiles.map(|(points, slopes)| (points.len() / size, self.tile(points, slopes))).collect())
        })?;
        if let Some(gradient) = gradient {
            *gradient = Tensor::from_vec(slopes, (p, size), stack.device())?.to_dtype(theta.dtype())?;
        }
        let risks = risks.iter().flat_map(|(count, risks)| &risks[..*count]);
        Ok(risks.map(|&risk| Evaluation::from(risk)).collect())
    }
}
