//! The constructive path between two-layer ReLU networks: a chain on each leg of which the risk is convex
//! (docs/theory.md §3).

mod data;
mod lasso;
mod legs;
mod order;
mod readout;
mod reference;

use candle_core::Tensor;
use collado_models::{Activation, Arch};
use collado_risk::{EmpiricalRisk, Loss, Path, Regularizer, Span, largest};
use faer::Mat;
use tracing::info_span;

use self::{
    data::Data,
    legs::Descent,
    order::Order,
    readout::{Output, Readout},
    reference::Reference,
};
use super::search::{Connect, Connection, Guarantee, Search, finite};
use crate::{
    Error, Result,
    dense::{Chain, Dense},
};

/// The path of Freeman & Bruna (2017, Theorem 2.4) between any two points of a two-layer ReLU network
/// $W_2\rho(W_1x+b_1)+b_2$ with squared loss: $F\le\max(F_A,F_B,\varepsilon)$ with $\varepsilon\to\min F$ as the width
/// m grows ($O(m^{-1/n})$, n inputs), for R = ‖W_2‖₁, ‖W_2‖² or ‖θ‖², or none.
///
/// From each end the output weights move to their optimum (lasso by coordinate descent to a duality gap of 1e-9, ridge
/// in closed form). Then l neurons are dropped and the others refitted, the dropped rows of $W_1$ move to the neurons
/// of an l-neuron reference network, and the output weights move to those of the reference. In the middle the
/// reference's neurons are copied to the slots where the other end has them, and the output weights follow. Each leg
/// moves either output weights only, or rows of $W_1$ whose output weights are exactly 0: F is convex on it, so the
/// maximum of F over the vertices bounds F on the whole path.
///
/// **Search.** Two orders of dropping are tried at each end (backward elimination; smallest contribution first) and the
/// better refit counts. The reference is the best of: the l neurons of either end that survive elimination, the same
/// trained further, and random starts trained, all with refitted output weights. l is found by bisection, since
/// the risk after dropping rises with l and the reference's falls; of all l that were tried the one with the lowest
/// maximum is taken. It ends early when the maximum is not above the ends.
#[derive(Debug, Clone)]
pub struct Constructive {
    /// The risk whose points are connected.
    pub risk: EmpiricalRisk,
    /// The settings of the search for the reference network.
    pub settings: ConstructiveSettings,
}

/// The settings by which [`Constructive`] finds its reference network.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `dropped` | none | l, instead of the search | 1..=m |
/// | `starts` | 2 | random starts of the reference, besides the ends' own neurons | |
/// | `steps` | 3000 | steps of Adam with a cosine schedule | ≥ 1 |
/// | `lr` | 1e-2 | step size | > 0 |
/// | `batch` | 512 | minibatch; 0 = all | |
/// | `memory` | 256 MiB | scratch, in bytes | |
#[derive(Debug, Clone)]
pub struct ConstructiveSettings {
    /// The number l of neurons to drop, in place of the search for the best number.
    pub dropped: Option<usize>,
    /// Number of random starts of the reference.
    pub starts: usize,
    /// Number of training steps.
    pub steps: u64,
    /// The step size of Adam.
    pub lr: f64,
    /// Number of examples in a minibatch; 0 means all examples.
    pub batch: usize,
    /// The bound on scratch memory, in bytes.
    pub memory: usize,
}

impl Default for ConstructiveSettings {
    fn default() -> Self {
        Self { dropped: None, starts: 2, steps: 3000, lr: 1e-2, batch: 512, memory: 256 << 20 }
    }
}

/// A hidden layer: rows `[m, n]` and biases `[m]`, which are empty where there are none.
#[derive(Debug, Clone)]
struct HiddenLayer {
    weight: Mat<f64>,
    bias: Vec<f64>,
}

/// One end, with everything that does not depend on l.
struct Endpoint {
    point: Dense,
    hidden: HiddenLayer,
    readout: Readout,
    full: Output,
    order: Order,
}

/// A chain that was constructed for one l.
struct Candidate {
    vertices: Tensor,
    /// The largest risk at a vertex.
    max: f64,
    /// The larger of the two risks after dropping; a maximum above it is due to the reference.
    after_drop: f64,
}

impl Constructive {
    fn arch(&self) -> &Arch {
        self.risk.arch()
    }

    /// The same kind of network with `neurons` hidden neurons.
    fn narrow(&self, neurons: usize) -> Result<Arch> {
        let (n, q) = (self.arch().inputs(), self.arch().outputs());
        let (hidden, output) = (self.arch().has_bias(0), self.arch().has_bias(1));
        if hidden == output {
            return Ok(Arch::dense(Activation::Relu, &[n, neurons, q], hidden)?);
        }
        Ok(Arch::two_layer(n, neurons, q)?)
    }

    /// The part of the regulariser that belongs to the hidden layer.
    fn hidden_penalty(&self, hidden: &HiddenLayer) -> f64 {
        match self.risk.criterion().regularizer {
            Regularizer::L2 => {
                self.risk.criterion().kappa
                    * (hidden.weight.squared_norm_l2() + hidden.bias.iter().map(|b| b * b).sum::<f64>())
            }
            _ => 0.,
        }
    }

    fn end(&self, data: &Data, theta: &Tensor) -> Result<Endpoint> {
        let point = Dense::read(self.arch(), theta)?;
        let hidden = HiddenLayer { weight: point.weights[0].clone(), bias: point.biases[0].clone() };
        let readout = data.readout(&hidden, self);
        let all: Vec<usize> = (0..hidden.weight.nrows()).collect();
        let (full, _) = readout.solve(&all)?;
        let order = Order::new(&readout, &full, self.risk.criterion().kappa);
        Ok(Endpoint { point, hidden, readout, full, order })
    }

    /// The chain with l = `dropped`.
    fn attempt(
        &self,
        data: &Data,
        ends: [&Endpoint; 2],
        dropped: usize,
        enough: f64,
        search: &mut Search<'_>,
        like: &Tensor,
    ) -> Result<Candidate> {
        let kept = ends[0].hidden.weight.nrows() - dropped;
        let [a, b] = ends.map(|end| end.order.keep(&end.readout, kept));
        let ((drop_a, refit_a, _), (drop_b, refit_b, _)) = (a?, b?);
        let starts = ends.map(|end| end.hidden.select(end.order.survivors(dropped)));
        let reference = Reference::find(self, data, &starts, enough, search.seed, search.progress)?;
        let [slots_a, slots_b] = legs::slots(&drop_a, &drop_b);
        let descend = |end: &Endpoint, refit: &Output| {
            let mut descent = Descent::new(end.point.clone());
            descent.output(&end.full);
            descent.output(refit);
            descent
        };
        let (mut from_a, mut from_b) = (descend(ends[0], &refit_a), descend(ends[1], &refit_b));
        let after = [&from_a, &from_b].map(Descent::row);
        from_a.reference(&reference, slots_a);
        from_b.reference(&reference, slots_b);
        let vertices = from_a.meet(from_b, &reference).stack(like)?;
        let max = largest(search.objective.risks(&Span::stack(&vertices)?)?);
        let mut chain = Chain::default();
        after.into_iter().for_each(|row| chain.push(row));
        let after_drop = largest(search.objective.risks(&Span::stack(&chain.stack(like)?)?)?);
        Ok(Candidate { vertices, max, after_drop })
    }

    fn search(&self, a: &Tensor, b: &Tensor, search: &mut Search<'_>) -> Result<Candidate> {
        let data = Data::new(&self.risk, a.dtype())?;
        let ends = [&self.end(&data, a)?, &self.end(&data, b)?];
        let neurons = self.arch().widths()[1];
        let pair = Span::stack(&Tensor::stack(&[a.flatten_all()?, b.flatten_all()?], 0)?)?;
        let enough = largest(search.objective.risks(&pair)?);
        if let Some(dropped) = self.settings.dropped {
            if !(1..=neurons).contains(&dropped) {
                return Err(Error::Setting {
                    name: "dropped",
                    expected: "from 1 to the width",
                    found: dropped.to_string(),
                });
            }
            return self.attempt(&data, ends, dropped, enough, search, a);
        }
        let (mut low, mut high) = (1_usize, neurons);
        let total = u64::from(neurons.ilog2()) + 1;
        let mut best: Option<Candidate> = None;
        for done in 1..=total {
            let dropped = usize::midpoint(low, high);
            let trial = self.attempt(&data, ends, dropped, enough, search, a)?;
            // What is left above the drop is the reference's: give it more neurons.
            if trial.max > trial.after_drop {
                low = dropped + 1
            } else {
                high = dropped - 1
            }
            if best.as_ref().is_none_or(|best| trial.max < best.max) {
                best = Some(trial);
            }
            let met = best.as_ref().is_some_and(|best| best.max <= enough);
            if met || low > high || search.progress.update(done as f64 / total as f64).is_break() {
                break;
            }
        }
        best.ok_or(Error::Numerics("the search for a reference network"))
    }
}

impl Connect for Constructive {
    fn check(&self) -> Result<()> {
        let expected = if self.arch().activation() != Activation::Relu || self.arch().depth() != 2 {
            Some(("a two-layer ReLU network", self.arch().to_string()))
        } else if self.risk.criterion().loss != Loss::Squared {
            Some(("the squared loss", self.risk.criterion().loss.to_string()))
        } else {
            None
        };
        match expected {
            Some((expected, found)) => {
                Err(Error::Hypothesis { method: "constructive", expected: expected.into(), found })
            }
            None => Ok(()),
        }
    }

    fn find(&self, a: &Tensor, b: &Tensor, search: &mut Search<'_>) -> Result<Connection> {
        self.check()?;
        let _span = info_span!("connect", method = "constructive").entered();
        if let Some(path) = Path::segment(a, b)?.constant()? {
            let guarantee = Guarantee::convex(&path, search)?;
            return Ok(Connection { path, guarantee });
        }
        let trial = self.search(a, b, search)?;
        let path = finite(Path::polychain(trial.vertices)?, "constructive")?;
        Ok(Connection { path, guarantee: Guarantee::Convex { vertex_max: trial.max } })
    }
}
