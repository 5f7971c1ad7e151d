//! The canonical factorisation of a deep linear network's product, and the chain of points that leads to it.

use collado_linalg::{Svd, thin_svd};
use faer::Mat;

use super::interface::Interface;
use crate::{
    Result,
    dense::{Chain, Dense},
};

/// A deep linear network on its way to the canonical factorisation of its product, with the vertices passed so far.
pub(super) struct Factors {
    /// $W_1..W_K$, transposed and in reverse order when the network has fewer outputs than inputs, so that
    /// $W_1$ has q columns.
    pub(super) weights: Vec<Mat<f64>>,
    /// q = min(n_0, n_K).
    pub(super) rank: usize,
    biases: Vec<Vec<f64>>,
    transposed: bool,
    chain: Chain,
}

impl Factors {
    pub(super) fn new(end: Dense) -> Self {
        let (inputs, outputs) = ends(&end.weights);
        let transposed = outputs < inputs;
        let mut chain = Chain::default();
        chain.push(end.row());
        let weights = if transposed { flip(&end.weights) } else { end.weights };
        Self { weights, rank: inputs.min(outputs), biases: end.biases, transposed, chain }
    }

    /// The chain to $\lbrack I;0\rbrack,\lbrack I\;0;0\;0\rbrack,\dots,\lbrack P\;0\rbrack$.
    pub(super) fn canonical(mut self) -> Result<Chain> {
        self.settle_biases();
        for k in 0..self.weights.len() - 1 {
            Interface::new(&mut self, k)?.settle();
        }
        Ok(self.chain)
    }

    /// Adds the current point to the vertices.
    pub(super) fn record(&mut self) {
        let weights = if self.transposed { flip(&self.weights) } else { self.weights.clone() };
        self.chain.push(Dense { weights, biases: self.biases.clone() }.row());
    }

    /// Moves the hidden biases to 0 and the last one to the bias of the whole map, on a straight leg: with the weights
    /// fixed, the bias of the whole map is affine in all biases together.
    fn settle_biases(&mut self) {
        let weights = if self.transposed { flip(&self.weights) } else { self.weights.clone() };
        let mut whole: Vec<f64> = Vec::new();
        for (weight, bias) in weights.iter().zip(&self.biases) {
            let through = |i: usize| whole.iter().enumerate().map(|(j, b)| weight[(i, j)] * b).sum::<f64>();
            whole = bias.iter().enumerate().map(|(i, b)| b + through(i)).collect();
        }
        self.biases.iter_mut().for_each(|bias| bias.fill(0.));
        *self.biases.last_mut().expect("a network has a layer") = whole;
        self.record();
    }

    /// Gives $W_1$ (factor `k`) full column rank where it lacks it: first $W_2$ is projected onto the range of $W_1$,
    /// then $W_1\to W_1+s_1UZ^\top$ with $U\perp\operatorname{range}W_1$ and $Z=\ker W_1$.
    pub(super) fn fill_rank(&mut self, k: usize) -> Result<()> {
        let q = self.rank;
        let weight = self.weights[k].as_ref().subcols(0, q).to_owned();
        let Svd { u, s, v } = thin_svd(weight.as_ref())?;
        let limit = weight.nrows() as f64 * f64::EPSILON * s[0];
        let rank = (0..q).take_while(|&i| s[i] > limit).count();
        if rank == q {
            return Ok(());
        }
        let range = u.subcols(0, rank);
        self.weights[k + 1] = (self.weights[k + 1].as_ref() * range) * range.transpose();
        self.record();
        let scale = if rank > 0 { s[0] } else { 1. };
        let fill = u.subcols(rank, q - rank) * v.subcols(rank, q - rank).transpose();
        let mut columns = self.weights[k].as_mut().subcols_mut(0, q);
        columns += faer::Scale(scale) * fill;
        self.record();
        Ok(())
    }
}

fn ends(weights: &[Mat<f64>]) -> (usize, usize) {
    let [first, .., last] = weights else { unreachable!("one layer is not factored") };
    (first.ncols(), last.nrows())
}

/// The transposed network, $(W_K\cdots W_1)^\top=W_1^\top\cdots W_K^\top$.
fn flip(weights: &[Mat<f64>]) -> Vec<Mat<f64>> {
    weights.iter().rev().map(|w| w.transpose().to_owned()).collect()
}
