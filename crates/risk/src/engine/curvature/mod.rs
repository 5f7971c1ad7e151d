//! Exact products of curvature matrices of dense networks with vectors, over the whole data set.

mod loss;
mod pass;
mod point;
mod second;

use std::{ops::Range, sync::Arc};

use candle_core::{DType, Tensor};
use collado_models::{Chain, Network, with_slice};
use rayon::prelude::*;

use self::pass::Pass;
pub use self::point::CurvaturePoint;
use super::chain::TILE;
use crate::{Criterion, EmpiricalRisk, Error, Examples, Regularizer, Result};

/// The kind of curvature matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CurvatureForm {
    /// The Hessian $\nabla^2F$; for ReLU that of the linear regions (ρ″ = 0).
    Hessian,
    /// The Gauss–Newton matrix $\frac1N\sum_iJ_i^\top(\nabla^2_\Phi\ell)\,J_i$, which is positive semi-definite: the
    /// Hessian without the curvature of the network.
    GaussNewton,
    /// The empirical Fisher matrix $\frac1N\sum_ig_ig_i^\top$ of the gradients $g_i=\nabla_\theta\ell_i$ of single
    /// examples.
    Fisher,
}

impl CurvatureForm {
    /// All kinds of matrices.
    pub const ALL: [Self; 3] = [Self::Hessian, Self::GaussNewton, Self::Fisher];
}

/// Number of parts of the data set whose sums are added in order. It is fixed, so that results do not depend on the
/// number of threads.
const PARTS: usize = 16;

/// Curvature of the empirical risk of a dense network: Hessian-vector products by Pearlmutter's R-operator
/// (Pearlmutter 1994: Fast exact multiplication by the Hessian), for a block of vectors at once, in `f64` on the CPU.
///
/// For R = ‖·‖² the penalty κR adds $2\kappa v$ on the columns of R to the Hessian and Gauss–Newton products; for ‖·‖₁
/// it adds nothing.
#[derive(Debug)]
pub struct DenseCurvature {
    network: Arc<Network>,
    chain: Chain,
    size: usize,
    examples: Arc<Examples>,
    /// The inputs `[N, n_0]`.
    inputs: Tensor,
    criterion: Criterion,
    regularized: Range<usize>,
    memory: usize,
}

impl DenseCurvature {
    /// The curvature of `risk`, whose [memory](EmpiricalRisk::memory) bounds scratch.
    ///
    /// # Errors
    /// When the network is not a chain of dense layers.
    pub fn new(risk: &EmpiricalRisk) -> Result<Self> {
        let (network, criterion) = (Arc::clone(risk.network()), risk.criterion());
        Ok(Self {
            chain: network.dense_chain("the exact curvature")?.clone(),
            size: network.size(),
            inputs: risk.data().inputs(DType::F64)?.clone(),
            examples: Arc::clone(risk.data()),
            regularized: criterion.regularizer.columns(&network),
            criterion,
            memory: risk.memory(),
            network,
        })
    }

    /// Number of parameters S.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Number of examples N.
    pub fn examples(&self) -> usize {
        self.examples.len()
    }

    /// Prepares the point `theta` `[S]`, with the activations of all examples as far as memory allows. All products at
    /// one point share them.
    ///
    /// # Errors
    /// When the sizes do not fit together.
    pub fn at(&self, theta: Vec<f64>) -> Result<CurvaturePoint> {
        if theta.len() != self.size {
            return Err(Error::mismatch("parameters", self.size, theta.len()));
        }
        CurvaturePoint::new(self, theta)
    }

    /// Writes the products of the matrix at `point` with the rows of `vectors` `[B, S]` over `out` `[B, S]`.
    ///
    /// # Errors
    /// When the sizes do not fit together.
    pub fn apply(
        &self,
        form: CurvatureForm,
        point: &CurvaturePoint,
        vectors: &[f64],
        out: &mut [f64],
    ) -> Result<()> {
        if point.theta.len() != self.size {
            return Err(Error::mismatch("parameters", self.size, point.theta.len()));
        }
        if vectors.len() != out.len() || !vectors.len().is_multiple_of(self.size) {
            let expected = format!("{} as in the result, a multiple of {}", out.len(), self.size);
            return Err(Error::mismatch("vectors", expected, vectors.len()));
        }
        let (block, sums) = self.block(vectors.len() / self.size);
        with_slice::<f64, _, _>(&self.inputs, |inputs| {
            let both = vectors.chunks(block * self.size).zip(out.chunks_mut(block * self.size));
            both.for_each(|(vectors, out)| self.block_product(form, point, inputs, sums, vectors, out));
            Ok(())
        })
    }

    /// Number of rows of a tile's activations.
    fn width(&self) -> usize {
        self.network.units()
    }

    /// The number of vectors that are multiplied at a time, and the number of parts of the data whose sums exist at
    /// once.
    fn block(&self, count: usize) -> (usize, usize) {
        let threads = rayon::current_num_threads();
        let (memory, count) = (self.memory / 2 / size_of::<f64>(), count.clamp(1, 32));
        let fit = |sums: usize| memory / (sums * self.size + 3 * self.width() * TILE * threads).max(1);
        if fit(PARTS) >= count {
            return (count, PARTS);
        }
        let few = threads.min(PARTS);
        match fit(few) {
            0 => (1, (memory / self.size.max(1)).clamp(1, few)),
            block => (block.min(count), few),
        }
    }

    fn block_product(
        &self,
        form: CurvatureForm,
        point: &CurvaturePoint,
        inputs: &[f64],
        sums: usize,
        vectors: &[f64],
        out: &mut [f64],
    ) {
        let (n, n0) = (self.examples.len(), self.chain.inputs());
        let tiles = n.div_ceil(TILE);
        let per_part = tiles.div_ceil(PARTS);
        let part = |p: usize| {
            let mut sum = vec![0.; vectors.len()];
            let mut pass = Pass::new(self, form, point, vectors);
            for t in p * per_part..((p + 1) * per_part).min(tiles) {
                let rows = TILE.min(n - t * TILE);
                pass.tile(t * TILE, rows, &inputs[t * TILE * n0..][..rows * n0], &mut sum);
            }
            sum
        };
        out.fill(0.);
        let parts = tiles.div_ceil(per_part);
        for first in (0..parts).step_by(sums) {
            let some = (first..parts.min(first + sums)).into_par_iter().map(part);
            for part in some.collect::<Vec<Vec<f64>>>() {
                out.iter_mut().zip(part).for_each(|(out, x)| *out += x);
            }
        }
        let curved = matches!(self.criterion.regularizer, Regularizer::L2 | Regularizer::L2Last);
        if self.criterion.kappa != 0. && curved && form != CurvatureForm::Fisher {
            for (out, v) in out.chunks_exact_mut(self.size).zip(vectors.chunks_exact(self.size)) {
                let columns = self.regularized.clone();
                let both = out[columns.clone()].iter_mut().zip(&v[columns]);
                both.for_each(|(out, v)| *out += 2. * self.criterion.kappa * v);
            }
        }
    }
}
