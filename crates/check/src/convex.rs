//! Legs on which the risk is convex, so that its ends bound it.

use collado_models::{Activation, Affine, Network, Op};

use crate::leg::Leg;

/// Whether F is convex on a leg, so that its ends bound it: on a segment where the outputs are affine in τ, because only
/// the `last` map moves, or one map of a network without activations, or besides the last map of a chain only neurons
/// whose outgoing weights are 0 at both ends. Networks with normalisation are left to the general bound.
pub(crate) fn is_convex(network: &Network, last: Option<&Affine>, leg: &Leg) -> bool {
    let [a, b] = leg.points.as_slice() else { return false };
    let moves = |columns: std::ops::Range<usize>| a[columns.clone()] != b[columns];
    let moving: Vec<&Affine> = network
        .affine()
        .filter(|op| moves(op.weight.clone()) || op.bias.clone().is_some_and(moves))
        .collect();
    let parameters: usize =
        network.affine().map(|op| op.weight.len() + op.bias.as_ref().map_or(0, |b| b.len())).sum();
    if parameters != network.size() || network.norms().next().is_some() {
        return false;
    }
    let linear = network.nodes().iter().all(|node| {
        !matches!(node.op, Op::Activation(rho) if rho != Activation::Linear)
            && !matches!(node.op, Op::Pool(_))
    });
    let is_last = |op: &Affine| last.is_some_and(|last| last == op);
    match moving.as_slice() {
        [] => true,
        [op] if linear || is_last(op) => true,
        _ => moving.iter().all(|op| is_last(op) || is_silent(network, op, a, b)),
    }
}

/// Whether all neurons of a layer of a chain that move have outgoing weights 0 at both points.
fn is_silent(network: &Network, op: &Affine, a: &[f64], b: &[f64]) -> bool {
    let Some(chain) = network.chain() else { return false };
    let Some(k) = chain.iter().position(|layer| **layer == *op) else { return false };
    let next: &Affine = &chain[k + 1];
    let fan_in = op.fan_in();
    (0..op.outputs()).all(|neuron| {
        let row = op.weight.start + neuron * fan_in..op.weight.start + (neuron + 1) * fan_in;
        let bias = |v: &[f64]| op.bias_of(v).map(|bias| bias[neuron]);
        let stays = a[row.clone()] == b[row] && bias(a) == bias(b);
        let silent = |v: &[f64]| (0..next.outputs()).all(|j| v[next.column(j, neuron)] == 0.);
        stays || (silent(a) && silent(b))
    })
}
