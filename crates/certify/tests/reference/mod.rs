//! The risk at a t, written down plainly in an interval arithmetic of its own: independent of the code it judges.
#![allow(clippy::unwrap_used, dead_code, unused_imports)]

mod cases;
mod range;

use candle_core::{Device, Tensor};
use collado_certify::{Certificate, CertifySettings, certify_path};
use collado_models::{Activation, Arch};
use collado_risk::EmpiricalRisk;
use collado_risk::Examples;
use collado_risk::{Criterion, Loss, Path, PathKind, Regularizer};

pub use cases::{check, scalar};
use range::Range;

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
    pub fn risk_at(&self, t: f64) -> (Range, Vec<bool>) {
        let theta = self.point(Range::point(t));
        let outputs: Vec<_> = self.inputs.iter().map(|x| self.forward(&theta, x)).collect();
        let n = Range::point(outputs.len() as f64).recip();
        let losses = outputs.iter().enumerate().map(|(i, z)| self.loss(z, i));
        let risk = losses.sum::<Range>() * n + self.penalty(&theta) * self.criterion.kappa;
        let wrong = outputs.iter().enumerate().map(|(i, z)| self.is_wrong(z, i)).collect();
        (risk, wrong)
    }

    fn point(&self, t: Range) -> Vec<Range> {
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
        (0..self.vertices[0].len())
            .map(|p| weights.iter().zip(&self.vertices).map(|(&w, v)| w * v[p]).sum())
            .collect()
    }

    fn forward(&self, theta: &[Range], x: &[f64]) -> Vec<Range> {
        let mut a: Vec<Range> = x.iter().map(|&x| Range::point(x)).collect();
        let mut at = 0;
        for k in 0..self.arch.depth() {
            let (n, m) = (self.arch.widths()[k + 1], self.arch.widths()[k]);
            let (weight, bias) = (&theta[at..][..n * m], at + n * m);
            let bias = self.arch.has_bias(k).then(|| &theta[bias..][..n]);
            at += n * m + if bias.is_some() { n } else { 0 };
            a = (0..n)
                .map(|i| {
                    let z: Range = weight[i * m..][..m].iter().zip(&a).map(|(&w, &a)| w * a).sum();
                    let z = bias.map_or(z, |b| z + b[i]);
                    if k + 1 < self.arch.depth() { activate(self.arch.activation(), z) } else { z }
                })
                .collect();
        }
        a
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
        let last = self.arch.depth() - 1;
        let (n, m) = (self.arch.widths()[last + 1], self.arch.widths()[last]);
        let end = theta.len() - if self.arch.has_bias(last) { n } else { 0 };
        match self.criterion.regularizer {
            Regularizer::L2 => theta.iter().map(|x| x.square()).sum(),
            Regularizer::L2Last => theta[end - n * m..end].iter().map(|x| x.square()).sum(),
            Regularizer::L1Last => theta[end - n * m..end].iter().map(|&x| x.relu() + (-x).relu()).sum(),
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
