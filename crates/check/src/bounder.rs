//! The risk on one piece of a path, or at one point of it.

use collado_models::{Activation, Affine, Op};
use collado_risk::{EmpiricalRisk, Loss};
use rayon::prelude::*;

use crate::{
    Error, Result,
    form::Form,
    interval::{Interval, largest},
    leg::{Leg, Local},
    loss::{cross_entropy, separable},
    pass::Pass,
    penalty::penalty,
};

/// Bounds a risk on pieces of legs.
pub(crate) struct Bounder<'a> {
    risk: &'a EmpiricalRisk,
    /// The inputs of all examples, one after the other.
    inputs: Vec<f64>,
}

impl<'a> Bounder<'a> {
    pub(crate) fn new(risk: &'a EmpiricalRisk) -> Result<Self> {
        let given = risk.data().given().to_dtype(candle_core::DType::F64)?;
        let inputs = given.flatten_all()?.to_vec1::<f64>()?;
        if inputs.iter().any(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "the inputs" });
        }
        Ok(Self { risk, inputs })
    }

    /// An upper bound of F on the piece `[from, to]` of a leg.
    pub(crate) fn upper(&self, leg: &Leg, from: f64, to: f64) -> Result<f64> {
        let [a, b] = self.ends(leg, from, to)?;
        Ok(largest(a.hi, b.hi))
    }

    /// An enclosure of F at the point τ of a leg.
    pub(crate) fn at(&self, leg: &Leg, tau: f64) -> Result<Interval> {
        Ok(self.ends(leg, tau, tau)?[0])
    }

    /// At s = ±δ, bounds of the risk: their upper ends are those of a convex function of s that is nowhere below F.
    fn ends(&self, leg: &Leg, from: f64, to: f64) -> Result<[Interval; 2]> {
        let local = Local::new(leg, from, to);
        let (data, criterion) = (self.risk.data(), self.risk.criterion());
        let width = self.inputs.len() / data.len();
        let losses: Vec<[Interval; 2]> = self
            .inputs
            .par_chunks_exact(width)
            .enumerate()
            .map(|(i, x)| self.example(&local, i, x))
            .collect::<Result<_>>()?;
        let mut sums = [Interval::ZERO; 2];
        for loss in &losses {
            sums = [0, 1].map(|end| sums[end] + loss[end]);
        }
        let penalty = penalty(criterion, self.risk.network(), &local);
        let count = Interval::point(data.len() as f64);
        Ok([0, 1].map(|end| sums[end].over(count) + penalty[end]))
    }

    /// The loss of one example at s = ±δ.
    fn example(&self, local: &Local, i: usize, x: &[f64]) -> Result<[Interval; 2]> {
        let (network, loss) = (self.risk.network(), self.risk.criterion().loss);
        let targets = self.risk.data().targets();
        let label = targets.classes().filter(|_| loss == Loss::CrossEntropy).map(|labels| labels[i] as usize);
        let margins = label.and_then(|y| Some((self.last()?, y)));
        let mut pass = Pass { local, margins };
        let input = x.iter().map(|&x| Form::constant(x)).collect();
        let mut out = network.run(&mut pass, input)?;
        let ends = [local.delta(), -local.delta()];
        if let Some(y) = label {
            if margins.is_none() {
                let own = out.remove(y);
                out.iter_mut().for_each(|form| *form = form.minus(own, local.delta()));
            }
            return Ok(ends.map(|s| cross_entropy(&out, s)));
        }
        let outputs = out.len();
        Ok(ends.map(|s| separable(loss, &out, |j| targets.value(i, j, outputs), s)))
    }

    /// The dense map that puts out the network's result, if there is one.
    fn last(&self) -> Option<&Affine> {
        match &self.risk.network().nodes().last()?.op {
            Op::Affine(op) if op.units.len() == op.outputs() => Some(op),
            _ => None,
        }
    }

    /// Whether F is convex on a leg, so that its ends bound it: on a segment where the outputs are affine in τ, because
    /// only the last map moves, or one map of a network without activations, or besides the last map of a chain only
    /// neurons whose outgoing weights are 0 at both ends.
    pub(crate) fn is_convex(&self, leg: &Leg) -> bool {
        let [a, b] = leg.points.as_slice() else { return false };
        let network = self.risk.network();
        let moves = |columns: std::ops::Range<usize>| a[columns.clone()] != b[columns];
        let moving: Vec<&Affine> = network
            .affine()
            .filter(|op| moves(op.weight.clone()) || op.bias.clone().is_some_and(moves))
            .collect();
        let parameters: usize =
            network.affine().map(|op| op.weight.len() + op.bias.as_ref().map_or(0, |b| b.len())).sum();
        // Parameters of other operations are left to the general bound.
        if parameters != network.size() {
            return false;
        }
        let linear = network.nodes().iter().all(|node| {
            !matches!(node.op, Op::Activation(rho) if rho != Activation::Linear)
                && !matches!(node.op, Op::Pool(_))
        });
        let is_last = |op: &Affine| self.last().is_some_and(|last| last == op);
        match moving.as_slice() {
            [] => true,
            [op] if linear || is_last(op) => true,
            _ => moving.iter().all(|op| is_last(op) || self.is_silent(op, a, b)),
        }
    }

    /// Whether all neurons of a layer of a chain that move have outgoing weights 0 at both points.
    fn is_silent(&self, op: &Affine, a: &[f64], b: &[f64]) -> bool {
        let Some(chain) = self.risk.network().chain() else { return false };
        let layers = chain.layers();
        let Some(k) = layers.iter().position(|layer| **layer == *op) else { return false };
        let next: &Affine = &layers[k + 1];
        let fan_in = op.fan_in();
        (0..op.outputs()).all(|neuron| {
            let row = op.weight.start + neuron * fan_in..op.weight.start + (neuron + 1) * fan_in;
            let bias = |v: &[f64]| op.bias_of(v).map(|bias| bias[neuron]);
            let stays = a[row.clone()] == b[row] && bias(a) == bias(b);
            let silent = |v: &[f64]| (0..next.outputs()).all(|j| v[next.column(j, neuron)] == 0.);
            stays || (silent(a) && silent(b))
        })
    }
}
