//! Small networks: a block or a cluster of blocks owns a network and takes many steps in one launch.

use collado_cuda::{Buffer, Launch, args};
use collado_models::Activation;

use super::{
    Kernels, Precision,
    layers::{Work, kind, loss, stores_slope},
    session::Session,
};
use crate::{Loss, Regularizer, Result, StepRule};

/// The largest numbers of inputs, units and outputs of a small network, and of its minibatch.
const UNITS: usize = 64;
const OUTPUTS: usize = 10;

impl Kernels {
    /// The number of blocks for each network, if there is a kernel for it.
    pub(super) fn small_blocks(
        &self,
        points: usize,
        batch: usize,
        full: bool,
        rule: StepRule,
    ) -> Result<Option<usize>> {
        let layers = &self.layout.layers;
        let hidden = layers.len() - 1;
        let rho = layers[0].activation;
        let fits = (1..=3).contains(&hidden)
            && layers[..hidden]
                .iter()
                .all(|l| l.inputs <= UNITS && l.outputs <= UNITS && l.activation == rho)
            && self.layout.outputs() <= OUTPUTS
            && !stores_slope(rho);
        let pulled = self.criterion.kappa == 0. || self.criterion.regularizer == Regularizer::L2;
        if !(fits && pulled && batch <= UNITS && !full && self.precision == Precision::Tf32x3) {
            return Ok(None);
        }
        // As many blocks as the multiprocessors can hold at once.
        let room = self.machine.processors() / points.max(1);
        for blocks in [8, 4, 1] {
            if (blocks == 1 || blocks <= room) && self.has(&self.small_kernel(blocks, rule))? {
                return Ok(Some(blocks));
            }
        }
        Ok(None)
    }

    fn small_kernel(&self, blocks: usize, rule: StepRule) -> String {
        let fast =
            self.layout.layers[0].activation == Activation::Relu && self.criterion.loss == Loss::CrossEntropy;
        let name = match rule {
            StepRule::Adam { .. } => "adam",
            StepRule::Sgd { .. } if fast => "relu",
            StepRule::Sgd { .. } => "any",
        };
        format!("small_{name}{}_c{blocks}", self.layout.depth() - 1)
    }

    /// Takes the first `count` steps of the tables.
    pub(super) unsafe fn small_steps(&self, session: &Session, blocks: usize, count: usize) -> Result<()> {
        let (momentum, nesterov, decay, apart) = match session.key.rule {
            StepRule::Sgd { momentum, nesterov, weight_decay } => (momentum, nesterov, weight_decay, 0.),
            StepRule::Adam { weight_decay, decoupled: true } => (0., false, 0., weight_decay),
            StepRule::Adam { weight_decay, decoupled: false } => (0., false, weight_decay, 0.),
        };
        let (labels, values) = self.data.targets();
        let mut argument = args::Small {
            x: self.data.input(0),
            values,
            labels,
            rows: session.rows[session.slot].at(0),
            theta: session.theta.at(0),
            velocity: session.first.at(0),
            second: session.second.at(0),
            sums: session.work.sums,
            rates: session.rates.at(0),
            size: self.layout.size as i64,
            points: session.key.points as i32,
            batch: session.key.batch as i32,
            steps: count as i32,
            ldx: self.data.ld as i32,
            ldv: self.data.ld_values as i32,
            kind: kind(self.layout.layers[0].activation),
            loss: loss(self.criterion.loss),
            nesterov: i32::from(nesterov),
            momentum: momentum as f32,
            // The derivative of κ‖θ‖² is a weight decay.
            decay: (decay + 2. * self.criterion.kappa) as f32,
            apart: apart as f32,
            ..Default::default()
        };
        argument.n[0] = self.layout.layers[0].inputs as i32;
        for (k, layer) in self.layout.layers.iter().enumerate() {
            argument.n[k + 1] = layer.outputs as i32;
            (argument.w[k], argument.b[k]) = (layer.weight as i64, layer.bias as i64);
            (argument.ldw[k], argument.bias[k]) = (layer.ld as i32, i32::from(layer.has_bias));
        }
        let kernel = self.small_kernel(blocks, session.key.rule);
        let how = Launch { cluster: blocks as u32, ..Launch::new(&kernel, session.key.points * blocks) };
        // SAFETY: the caller's promise.
        unsafe { self.start(&how, &argument) }
    }

    /// Room for losses and errors alone.
    pub(super) fn work_of_sums(&self, parts: usize) -> Result<Work> {
        Ok(Work::of_sums(Buffer::new(&self.machine, 2 * parts)?))
    }
}
