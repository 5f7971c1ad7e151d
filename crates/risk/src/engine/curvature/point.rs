//! A point at which curvature products are computed, with kept activations.

use rayon::prelude::*;

use super::chain::ChainCurvature;
use crate::{
    Result,
    engine::chain::{First, Forward, TILE, Tile},
};
use collado_models::with_slice;

/// A point at which curvature products are computed; for chains of dense layers with the activations of all examples, where
/// there is memory for them.
///
/// Keeping them saves up to a third of the multiplications of one product.
#[derive(Debug)]
pub struct CurvaturePoint {
    pub(super) theta: Vec<f64>,
    /// The activations, tile after tile; empty where they are recomputed for each product.
    active: Vec<f64>,
    /// The pre-activations likewise, where $\rho'$ needs them.
    before: Vec<f64>,
}

impl CurvaturePoint {
    /// The point alone.
    pub(super) fn bare(theta: Vec<f64>) -> Self {
        Self { theta, active: Vec::new(), before: Vec::new() }
    }

    /// The point with the activations of all examples, if they take no more than a quarter of the memory.
    pub(super) fn kept(of: &ChainCurvature, theta: Vec<f64>) -> Result<Self> {
        let (n, width) = (of.examples.len(), of.width());
        let needs_before = of.chain.iter().any(|l| l.activation.slope_needs_input());
        let bytes = size_of::<f64>() * n * width * if needs_before { 2 } else { 1 };
        if bytes > of.memory / 4 {
            return Ok(Self::bare(theta));
        }
        let mut active = vec![0.; n * width];
        let mut before = vec![0.; if needs_before { n * width } else { 0 }];
        let tile = TILE * width;
        let befores: Vec<&mut [f64]> = if needs_before {
            before.chunks_mut(tile).collect()
        } else {
            (0..n.div_ceil(TILE)).map(|_| &mut [][..]).collect()
        };
        let n0 = of.chain.inputs();
        with_slice::<f64, _, crate::Error>(&of.inputs, |inputs| {
            let inputs = inputs.par_chunks(TILE * n0);
            inputs.zip(active.par_chunks_mut(tile)).zip(befores).for_each(|((input, active), before)| {
                let mut tile = Tile::forward(active, before, width, input.len() / n0);
                let mut pass = Forward { tile: &mut tile, theta: (&theta, 0), first: First::Inputs(input) };
                of.network.run(&mut pass, 0..0).expect("a chain has rules for its layers");
            });
            Ok(())
        })?;
        Ok(Self { theta, active, before })
    }

    /// Copies the kept values from element `from` on, and returns whether there are any.
    pub(super) fn copy(&self, from: usize, active: &mut [f64], before: &mut [f64]) -> bool {
        if self.active.is_empty() {
            return false;
        }
        active.copy_from_slice(&self.active[from..][..active.len()]);
        if !self.before.is_empty() {
            before.copy_from_slice(&self.before[from..][..before.len()]);
        }
        true
    }
}
