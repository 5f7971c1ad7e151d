//! The risk at a t, written down plainly in interval arithmetic: independent of the code it judges.
#![allow(clippy::unwrap_used, dead_code, unused_imports)]

mod cases;

use candle_core::{Device, Tensor};
use collado_certify::{Certificate, CertifySettings, Interval, certify_path};
use collado_models::{Activation, Arch};
use collado_risk::EmpiricalRisk;
use collado_risk::Examples;
use collado_risk::{Criterion, Loss, Path, PathKind, Regularizer};

pub use cases::{check, scalar};

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
}

impl Case {
    pub fn path(&self) -> Path {
        let vertices = Tensor::new(self.vertices.clone(), &Device::Cpu).unwrap();
        if self.bezier { Path::bezier(vertices).unwrap() } else { Path::polychain(vertices).unwrap() }
    }

    pub fn tensors(&self) -> (Tensor, Tensor) {
        let targets = match &self.labels {
            Some(labels) => Tensor::new(labels.as_slice(), &Device::Cpu).unwrap(),
            None => Tensor::new(self.values.clone(), &Device::Cpu).unwrap(),
        };
        (Tensor::new(self.inputs.clone(), &Device::Cpu).unwrap(), targets)
    }

    pub fn certify(&self, settings: &CertifySettings) -> collado_certify::Result<Certificate> {
        let (inputs, targets) = self.tensors();
        let risk = EmpiricalRisk::new(&self.arch, Examples::new(&inputs, &targets).unwrap(), self.criterion)?;
        certify_path(&self.path(), &risk, settings, &mut ())
    }

    /// Encloses F(γ(t)), and whether each example is certainly misclassified.
    pub fn risk_at(&self, t: f64) -> (Interval, Vec<bool>) {
        let theta = self.point(Interval::point(t));
        let outputs: Vec<_> = self.inputs.iter().map(|x| self.forward(&theta, x)).collect();
        let n = Interval::point(outputs.len() as f64).recip();
        let losses = outputs.iter().enumerate().map(|(i, z)| self.loss(z, i));
        let risk = losses.sum::<Interval>() * n + self.penalty(&theta) * self.criterion.kappa;
        let wrong = outputs.iter().enumerate().map(|(i, z)| self.is_wrong(z, i)).collect();
        (risk, wrong)
    }

    fn point(&self, t: Interval) -> Vec<Interval> {
        let last = self.vertices.len() - 1;
        let one = Interval::point(1.);
        let mut weights = vec![Interval::ZERO; last + 1];
        match self.path().kind() {
            PathKind::Bezier => {
                weights[0] = one;
                for degree in 1..=last {
                    for j in (0..=degree).rev() {
                        let below = if j > 0 { weights[j - 1] } else { Interval::ZERO };
                        weights[j] = (one - t) * weights[j] + t * below;
                    }
                }
            }
            PathKind::Polychain { knots } => {
                let i = (0..last).rev().find(|&i| knots[i] <= t.lo()).unwrap();
                let [a, b] = [knots[i], knots[i + 1]].map(Interval::point);
                let s = (t - a) * (b - a).recip();
                (weights[i], weights[i + 1]) = (one - s, s);
            }
        }
        (0..self.vertices[0].len())
            .map(|p| weights.iter().zip(&self.vertices).map(|(&w, v)| w * v[p]).sum())
            .collect()
    }

    fn forward(&self, theta: &[Interval], x: &[f64]) -> Vec<Interval> {
        let mut a: Vec<Interval> = x.iter().map(|&x| Interval::point(x)).collect();
        let mut at = 0;
        for k in 0..self.arch.depth() {
            let (n, m) = (self.arch.widths()[k + 1], self.arch.widths()[k]);
            let (weight, bias) = (&theta[at..][..n * m], at + n * m);
            let bias = self.arch.has_bias(k).then(|| &theta[bias..][..n]);
            at += n * m + if bias.is_some() { n } else { 0 };
            a = (0..n)
                .map(|i| {
                    let z: Interval = weight[i * m..][..m].iter().zip(&a).map(|(&w, &a)| w * a).sum();
                    let z = bias.map_or(z, |b| z + b[i]);
                    if k + 1 < self.arch.depth() { activate(self.arch.activation(), z) } else { z }
                })
                .collect();
        }
        a
    }

    fn loss(&self, z: &[Interval], i: usize) -> Interval {
        let target = |j: usize| match &self.labels {
            Some(labels) if z.len() == 1 => f64::from(labels[i]),
            Some(labels) => f64::from(u8::from(labels[i] as usize == j)),
            None => self.values[i][j],
        };
        match self.criterion.loss {
            Loss::Squared => (0..z.len()).map(|j| (z[j] - Interval::point(target(j))).square()).sum(),
            Loss::Logistic => (0..z.len()).map(|j| softplus(z[j]) - z[j] * target(j)).sum(),
            Loss::CrossEntropy => {
                let y = self.labels.as_ref().unwrap()[i] as usize;
                let margins: Vec<_> = (0..z.len()).filter(|&j| j != y).map(|j| z[j] - z[y]).collect();
                let top = margins.iter().fold(0., |m: f64, d| m.max(d.hi()));
                let shift = Interval::point(top);
                let sum: Interval = margins.iter().map(|&d| (d - shift).exp()).sum();
                if top == 0. {
                    monotone(sum, f64::ln_1p)
                } else {
                    monotone(sum + (-shift).exp(), f64::ln) + shift
                }
            }
        }
    }

    fn penalty(&self, theta: &[Interval]) -> Interval {
        let last = self.arch.depth() - 1;
        let (n, m) = (self.arch.widths()[last + 1], self.arch.widths()[last]);
        let end = theta.len() - if self.arch.has_bias(last) { n } else { 0 };
        match self.criterion.regularizer {
            Regularizer::L2 => theta.iter().map(|x| x.square()).sum(),
            Regularizer::L2Last => theta[end - n * m..end].iter().map(|x| x.square()).sum(),
            Regularizer::L1Last => theta[end - n * m..end].iter().map(|&x| relu(x) + relu(-x)).sum(),
        }
    }

    fn is_wrong(&self, z: &[Interval], i: usize) -> bool {
        let Some(labels) = &self.labels else { return false };
        let y = labels[i] as usize;
        match z {
            [z] => {
                // Between the targets 0 and 1, or where the logit has no sign.
                let threshold = if self.criterion.loss == Loss::Squared { 0.5 } else { 0. };
                if y == 1 { z.hi() <= threshold } else { z.lo() > threshold }
            }
            _ => (0..z.len()).any(|j| j != y && z[j].lo() > z[y].hi()),
        }
    }
}

fn relu(z: Interval) -> Interval {
    Interval::new(z.lo().max(0.), z.hi().max(0.))
}

/// An increasing function whose library code is off by less than 1e-14.
fn monotone(z: Interval, f: fn(f64) -> f64) -> Interval {
    let (lo, hi) = (f(z.lo()), f(z.hi()));
    Interval::new(lo - 1e-14 * lo.abs() - 1e-300, hi + 1e-14 * hi.abs() + 1e-300)
}

fn softplus(z: Interval) -> Interval {
    monotone(z, |z| z.max(0.) + (-z.abs()).exp().ln_1p())
}

fn activate(activation: Activation, z: Interval) -> Interval {
    match activation {
        Activation::Linear => z,
        Activation::Relu => relu(z),
        Activation::Tanh => monotone(z, f64::tanh),
        Activation::Softplus => softplus(z),
        Activation::Logistic => monotone(z, |z| 1. / (1. + (-z).exp())),
        Activation::Gelu => z * monotone(z, |z| 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)),
    }
}
