//! Exact products of curvature matrices of chains of dense layers with vectors, over the whole data set.

use std::sync::Arc;

use candle_core::{DType, Tensor};
use collado_models::{Chain, Network, with_slice};
use rayon::prelude::*;

use super::{CurvatureForm, CurvaturePoint, pass::Pass};
use crate::{Criterion, EmpiricalRisk, Examples, Result, engine::chain::TILE};

/// Number of parts of the data set whose sums are added in order. It is fixed, so that results do not depend on the
/// number of threads.
const PARTS: usize = 16;

/// Curvature of the mean loss of a chain of dense layers: Hessian-vector products by Pearlmutter's R-operator
/// (Pearlmutter 1994: Fast exact multiplication by the Hessian), for a block of vectors at once.
#[derive(Debug)]
pub(super) struct ChainCurvature {
    pub(super) network: Arc<Network>,
    pub(super) chain: Chain,
    pub(super) size: usize,
    pub(super) examples: Arc<Examples>,
    /// The inputs `[N, n_0]`.
    pub(super) inputs: Tensor,
    pub(super) criterion: Criterion,
    pub(super) memory: usize,
}

impl ChainCurvature {
    pub(super) fn new(risk: &EmpiricalRisk, chain: &Chain) -> Result<Self> {
        let network = Arc::clone(risk.network());
        Ok(Self {
            chain: chain.clone(),
            size: network.size(),
            inputs: risk.data().inputs(DType::F64)?.clone(),
            examples: Arc::clone(risk.data()),
            criterion: risk.criterion(),
            memory: risk.memory(),
            network,
        })
    }

    /// Writes the products of the matrix at `point` with the rows of `vectors` `[B, S]` over `out` `[B, S]`, without the
    /// regulariser.
    pub(super) fn apply(
        &self,
        form: CurvatureForm,
        point: &CurvaturePoint,
        vectors: &[f64],
        out: &mut [f64],
    ) -> Result<()> {
        let (block, sums) = self.block(vectors.len() / self.size);
        with_slice::<f64, _, _>(&self.inputs, |inputs| {
            let both = vectors.chunks(block * self.size).zip(out.chunks_mut(block * self.size));
            both.for_each(|(vectors, out)| self.block_product(form, point, inputs, sums, vectors, out));
            Ok(())
        })
    }

    /// Number of rows of a tile's activations.
    pub(super) fn width(&self) -> usize {
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
    }
}
