//! Weight matching (Ainsworth, Hayase & Srinivasa 2023, Section 3.2), biases included.

use candle_core::Tensor;
use collado_models::{Arch, affine_layers};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::assign::assign;
use crate::Result;

type Layers = Vec<(Tensor, Option<Tensor>)>;

/// The permutations $P_k$ of each hidden layer for the points `a` and `b` `[S]` in `f64`, both in balanced form.
pub(super) fn match_weights(arch: &Arch, a: &Tensor, b: &Tensor, seed: u64) -> Result<Vec<Vec<usize>>> {
    let mut matcher = Matcher::new(arch, a, b)?;
    let hidden = 1..arch.depth();
    for k in hidden.clone() {
        // Rows of fixed norms: the least-squares assignment is the one of the largest inner products.
        let gains = matcher.incoming(k)?;
        matcher.set(k, assign(&gains)?);
    }
    matcher.ascend(hidden.collect(), &mut ChaCha8Rng::seed_from_u64(seed))?;
    Ok(matcher.permutations())
}

/// Two networks and the matching of their neurons found so far.
pub(super) struct Matcher {
    a: Layers,
    b: Layers,
    /// The permutations $P_0..P_K$; the first and the last are the identity.
    permutations: Vec<Vec<u32>>,
}

impl Matcher {
    /// Starts with identities for all permutations.
    pub(super) fn new(arch: &Arch, a: &Tensor, b: &Tensor) -> Result<Self> {
        let permutations = arch.widths().iter().map(|&n| (0..n as u32).collect()).collect();
        Ok(Self { a: affine_layers(arch, a)?, b: affine_layers(arch, b)?, permutations })
    }

    /// Sets the permutation $P_k$.
    pub(super) fn set(&mut self, k: usize, p: Vec<usize>) {
        self.permutations[k] = narrow(p);
    }

    /// The permutation $P_k$ of each hidden layer.
    pub(super) fn permutations(self) -> Vec<Vec<usize>> {
        let hidden = self.a.len() - 1;
        let wide = |p: Vec<u32>| p.into_iter().map(|i| i as usize).collect();
        self.permutations.into_iter().skip(1).take(hidden).map(wide).collect()
    }

    /// Coordinate ascent: visits layers in random order and solves each again when a neighbour has changed, until no
    /// layer gains.
    fn ascend(&mut self, mut stale: Vec<usize>, rng: &mut impl Rng) -> Result<()> {
        let last = self.a.len();
        while !stale.is_empty() {
            let k = stale.swap_remove(rng.random_range(0..stale.len()));
            let gains = (self.incoming(k)? + self.outgoing(k)?)?;
            let better = narrow(assign(&gains)?);
            let (old, new) = (total(&gains, &self.permutations[k])?, total(&gains, &better)?);
            // A gain above rounding, so that the ascent ends.
            if new > old + 1e-10 * old.abs() {
                self.permutations[k] = better;
                let beside = [k - 1, k + 1].into_iter().filter(|&j| j > 0 && j < last);
                for j in beside {
                    if !stale.contains(&j) {
                        stale.push(j);
                    }
                }
            }
        }
        Ok(())
    }

    /// The gains from incoming weights, $W_k^AP_{k-1}(W_k^B)^T+b_k^A(b_k^B)^T$.
    pub(super) fn incoming(&self, k: usize) -> Result<Tensor> {
        let ((a, a_bias), (b, b_bias)) = (&self.a[k - 1], &self.b[k - 1]);
        let products = a.matmul(&self.permuted(b, k - 1, 1)?.t()?)?;
        match (a_bias, b_bias) {
            (Some(a), Some(b)) => Ok((products + a.unsqueeze(1)?.matmul(&b.unsqueeze(0)?)?)?),
            _ => Ok(products),
        }
    }

    /// The gains from outgoing weights, $(W_{k+1}^A)^TP_{k+1}W_{k+1}^B$.
    fn outgoing(&self, k: usize) -> Result<Tensor> {
        Ok(self.a[k].0.t()?.matmul(&self.permuted(&self.b[k].0, k + 1, 0)?)?)
    }

    /// The rows or columns of `weights` in the order of $P_k$.
    fn permuted(&self, weights: &Tensor, k: usize, axis: usize) -> Result<Tensor> {
        Ok(weights.index_select(&Tensor::new(&self.permutations[k][..], weights.device())?, axis)?)
    }
}

/// The total gain $\sum_iC(i,p(i))$ of an assignment.
fn total(gains: &Tensor, p: &[u32]) -> Result<f64> {
    let picked = Tensor::new(p, gains.device())?.unsqueeze(1)?;
    Ok(gains.gather(&picked, 1)?.sum_all()?.to_scalar()?)
}

fn narrow(p: Vec<usize>) -> Vec<u32> {
    p.into_iter().map(|i| i as u32).collect()
}
