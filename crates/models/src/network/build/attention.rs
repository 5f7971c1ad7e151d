//! Attention, put together from other operations.

use super::NetworkBuilder;
use crate::NodeId;

impl NetworkBuilder {
    /// Attention $\operatorname{softmax}(s\,QK^\top+M)\,V$ for queries `q` `[.., T, d]`, keys `k` `[.., S, d]` and
    /// values `v` `[.., S, e]`, as PyTorch's `scaled_dot_product_attention` computes it. The factor s is
    /// $1/\sqrt d$ unless given. The mask M, if there is one, is added.
    pub fn attention(&mut self, [q, k, v]: [NodeId; 3], mask: Option<NodeId>, scale: Option<f64>) -> NodeId {
        let features = self.shape(q).last().copied().unwrap_or(1);
        let mut axes: Vec<usize> = (0..self.shape(k).len()).collect();
        if let [.., a, b] = &mut axes[..] {
            std::mem::swap(a, b);
        }
        let k = self.permute(k, &axes);
        let q = self.scale(q, scale.unwrap_or((features as f64).sqrt().recip()), 0.);
        let mut scores = self.matmul(q, k);
        if let Some(mask) = mask {
            scores = self.add(scores, mask);
        }
        let weights = self.softmax(scores, self.shape(scores).len().saturating_sub(1));
        self.matmul(weights, v)
    }

    /// The mask `[rows, columns]` by which a token attends to itself and to those before it: 0 there, else -∞.
    pub fn causal_mask(&mut self, rows: usize, columns: usize) -> NodeId {
        let at = |i: usize| if i % columns > i / columns { f64::NEG_INFINITY } else { 0. };
        self.constant("the causal mask", (0..rows * columns).map(at).collect(), &[rows, columns])
    }
}
