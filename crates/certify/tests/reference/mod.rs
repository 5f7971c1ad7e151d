//! The risk at a t, written down plainly in an interval arithmetic of its own: independent of the code it judges.
#![allow(clippy::unwrap_used, dead_code, unused_imports)]

mod cases;
mod drawn;
mod network;
mod random;
mod range;

use candle_core::{Device, Tensor};
use collado_certify::{Certificate, CertifySettings, certify_path};
use collado_models::{Activation, Arch};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Path, PathKind, Regularizer, Statistics};

pub use cases::{check, scalar};
pub use drawn::{ACTIVATIONS, Kind, draw};
pub use random::case;
pub use range::Range;

/// A risk and a path, as plain numbers.
#[derive(Debug, Clone)]
pub struct Case {
    pub arch: Arch,
    pub criterion: Criterion,
    /// A row a vertex.
    pub vertices: Vec<Vec<f64>>,
    pub bezier: bool,
    /// A row an example.
    pub inputs: Vec<Vec<f64>>,
    /// A class, or values.
    pub labels: Option<Vec<u32>>,
    pub values: Vec<Vec<f64>>,
    /// The rule for batch normalisation, and the running statistics of the vertices, a row a vertex.
    pub statistics: Statistics,
    pub buffers: Vec<Vec<f64>>,
}

impl Case {
    pub fn path(&self) -> Path {
        let vertices = Tensor::new(self.vertices.clone(), &Device::Cpu).unwrap();
        let path =
            if self.bezier { Path::bezier(vertices).unwrap() } else { Path::polychain(vertices).unwrap() };
        match self.buffers.is_empty() {
            true => path,
            false => path.with_buffers(Tensor::new(self.buffers.clone(), &Device::Cpu).unwrap()).unwrap(),
        }
    }

    pub fn risk(&self) -> collado_risk::Result<EmpiricalRisk> {
        let (inputs, targets) = self.tensors();
        let shape = [&[self.inputs.len()], self.arch.network().input()].concat();
        let examples = Examples::new(&inputs.reshape(shape).unwrap(), &targets).unwrap();
        Ok(EmpiricalRisk::new(&self.arch, examples, self.criterion)?.with_statistics(self.statistics))
    }

    pub fn tensors(&self) -> (Tensor, Tensor) {
        let targets = match &self.labels {
            Some(labels) => Tensor::new(labels.as_slice(), &Device::Cpu).unwrap(),
            None => Tensor::new(self.values.clone(), &Device::Cpu).unwrap(),
        };
        (Tensor::new(self.inputs.clone(), &Device::Cpu).unwrap(), targets)
    }

    pub fn certify(&self, settings: &CertifySettings) -> collado_certify::Result<Certificate> {
        certify_path(&self.path(), &self.risk()?, settings, &mut ())
    }

    /// Encloses F(γ(t)), and whether each example is certainly misclassified.
    pub fn risk_at(&self, t: f64) -> (Range, Vec<bool>) {
        self.risk_in(Range::point(t))
    }

    /// Encloses F(γ(t)) for all t of a range, which may be a few doubles wide, and whether each example is certainly
    /// misclassified.
    pub fn risk_in(&self, t: Range) -> (Range, Vec<bool>) {
        let weights = self.weights(t);
        let theta = combine(&weights, &self.vertices);
        let buffers = (self.statistics == Statistics::Interpolate).then(|| combine(&weights, &self.buffers));
        let outputs = network::outputs(&self.arch.network(), &theta, buffers.as_deref(), &self.inputs);
        let n = Range::point(outputs.len() as f64).recip();
        let losses = outputs.iter().enumerate().map(|(i, z)| self.loss(z, i));
        let risk = losses.sum::<Range>() * n + self.penalty(&theta) * self.criterion.kappa;
        let wrong = outputs.iter().enumerate().map(|(i, z)| self.is_wrong(z, i)).collect();
        (risk, wrong)
    }

    /// The weights of the vertices.
    fn weights(&self, t: Range) -> Vec<Range> {
        let last = self.vertices.len() - 1;
        let one = Range::point(1.);
        let mut weights = vec![Range::ZERO; last + 1];
        match self.path().kind() {
            PathKind::Bezier => {
                weights[0] = one;
                for degree in 1..=last {
                    for j in (0..=degree).rev() {
                        let below = if j > 0 { weights[j - 1] } else { Range::ZERO };
                        weights[j] = (one - t) * weights[j] + t * below;
                    }
                }
            }
            PathKind::Polychain { knots } => {
                let i = (0..last).rev().find(|&i| knots[i] <= t.lo).unwrap();
                let [a, b] = [knots[i], knots[i + 1]].map(Range::point);
                let s = (t - a) * (b - a).recip();
                (weights[i], weights[i + 1]) = (one - s, s);
            }
        }
        weights
    }

    fn loss(&self, z: &[Range], i: usize) -> Range {
        let target = |j: usize| match &self.labels {
            Some(labels) if z.len() == 1 => f64::from(labels[i]),
            Some(labels) => f64::from(u8::from(labels[i] as usize == j)),
            None => self.values[i][j],
        };
        match self.criterion.loss {
            Loss::Squared => (0..z.len()).map(|j| (z[j] - Range::point(target(j))).square()).sum(),
            Loss::Logistic => (0..z.len()).map(|j| softplus(z[j]) - z[j] * target(j)).sum(),
            Loss::CrossEntropy => {
                let y = self.labels.as_ref().unwrap()[i] as usize;
                let margins: Vec<_> = (0..z.len()).filter(|&j| j != y).map(|j| z[j] - z[y]).collect();
                let top = margins.iter().fold(0., |m: f64, d| m.max(d.hi));
                let shift = Range::point(top);
                let sum: Range = margins.iter().map(|&d| (d - shift).exp()).sum();
                if top == 0. { sum.ln_1p() } else { (sum + (-shift).exp()).ln() + shift }
            }
        }
    }

    fn penalty(&self, theta: &[Range]) -> Range {
        let network = self.arch.network();
        let last = &theta[network.affine().next_back().unwrap().weight.clone()];
        match self.criterion.regularizer {
            Regularizer::L2 => theta.iter().map(|x| x.square()).sum(),
            Regularizer::L2Last => last.iter().map(|x| x.square()).sum(),
            Regularizer::L1Last => last.iter().map(|&x| x.relu() + (-x).relu()).sum(),
        }
    }

    fn is_wrong(&self, z: &[Range], i: usize) -> bool {
        let Some(labels) = &self.labels else { return false };
        let y = labels[i] as usize;
        match z {
            [z] => {
                // Between the targets 0 and 1, or where the logit has no sign.
                let threshold = if self.criterion.loss == Loss::Squared { 0.5 } else { 0. };
                if y == 1 { z.hi <= threshold } else { z.lo > threshold }
            }
            _ => (0..z.len()).any(|j| j != y && z[j].lo > z[y].hi),
        }
    }
}

/// The combination of the rows with these weights.
fn combine(weights: &[Range], rows: &[Vec<f64>]) -> Vec<Range> {
    let width = rows.first().map_or(0, Vec::len);
    (0..width).map(|p| weights.iter().zip(rows).map(|(&w, v)| w * v[p]).sum()).collect()
}

fn softplus(z: Range) -> Range {
    z.increasing(|x| {
        // ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|).
        let minus_size = Range::point(-x.lo.abs());
        x.relu() + minus_size.exp().ln_1p()
    })
}

fn logistic(z: Range) -> Range {
    z.increasing(|x| (Range::point(1.) + (-x).exp()).recip())
}

/// The normal distribution function.
fn normal(z: Range) -> Range {
    let root_half = Range::near(std::f64::consts::FRAC_1_SQRT_2);
    (z * root_half).erfc_of_minus() * 0.5
}

fn activate(activation: Activation, z: Range) -> Range {
    match activation {
        Activation::Linear => z,
        Activation::Relu => z.relu(),
        Activation::Tanh => z.tanh(),
        Activation::Softplus => softplus(z),
        Activation::Logistic => logistic(z),
        Activation::Gelu => z * normal(z),
        Activation::Silu => z * logistic(z),
        Activation::Leaky => z.increasing(|x| x.relu() + -((-x).relu() * 0.01)),
    }
}
