//! Symmetries: transformations of parameters that do not change the function of a dense network (docs/theory.md §5).

mod balance;
mod check;

use candle_core::{Device, Tensor};

pub use self::check::OutputDifference;
use crate::{Arch, Chain, Error, Real, Result, dispatch, with_slice};

/// A permutation and a positive rescaling of the neurons of every hidden layer: neuron i of layer k becomes
/// $s_k(i)$ times neuron $p_k(i)$,
///
/// $$W_k'(i,j)=\frac{s_k(i)}{s_{k-1}(j)}\,W_k(p_k(i),p_{k-1}(j)),\qquad b_k'(i)=s_k(i)\,b_k(p_k(i)),$$
///
/// with $p_0=p_K=\mathrm{id}$ and $s_0=s_K=1$. Permutations preserve the function of every network; scales other than 1
/// preserve that of ReLU and linear networks, where $\rho(sz)=s\rho(z)$ for $s>0$ (Ainsworth et al. 2023, Section 2).
///
/// These are not all symmetries: tanh and linear layers allow changes of sign, linear layers any invertible matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Symmetry {
    arch: Arch,
    permutations: Vec<Vec<usize>>,
    scales: Vec<Vec<f64>>,
}

impl Symmetry {
    /// The symmetry that changes nothing.
    pub fn identity(arch: &Arch) -> Self {
        let hidden = &arch.widths()[1..arch.depth()];
        Self {
            arch: arch.clone(),
            permutations: hidden.iter().map(|&n| (0..n).collect()).collect(),
            scales: hidden.iter().map(|&n| vec![1.; n]).collect(),
        }
    }

    /// The symmetry with the given $p_k$ and $s_k$ of the K − 1 hidden layers.
    ///
    /// # Errors
    /// When a list does not have the length of its layer, `permutations` holds a list that is not a permutation, a
    /// scale is not finite and positive, or the activation does not allow scales other than 1.
    pub fn new(arch: &Arch, permutations: Vec<Vec<usize>>, scales: Vec<Vec<f64>>) -> Result<Self> {
        let hidden = &arch.widths()[1..arch.depth()];
        for found in [permutations.len(), scales.len()] {
            if found != hidden.len() {
                return Err(Error::mismatch("symmetry: hidden layers", hidden.len(), found));
            }
        }
        for (k, ((p, s), &n)) in permutations.iter().zip(&scales).zip(hidden).enumerate() {
            let layer = format!("symmetry of hidden layer {}", k + 1);
            if !is_permutation(p, n) {
                return Err(Error::mismatch(
                    layer,
                    format!("a permutation of {n} neurons"),
                    format!("{p:?}"),
                ));
            }
            if s.len() != n {
                return Err(Error::mismatch(layer, format!("{n} scales"), s.len()));
            }
            if let Some(s) = s.iter().find(|s| !(**s > 0. && s.is_finite())) {
                return Err(Error::mismatch(layer, "scales that are finite and > 0", s));
            }
            if let Some(s) = s.iter().find(|s| **s != 1. && !arch.activation().is_homogeneous()) {
                return Err(Error::mismatch(layer, format!("scales 1 under {}", arch.activation()), s));
            }
        }
        Ok(Self { arch: arch.clone(), permutations, scales })
    }

    /// The permutation $p_k$ of each hidden layer.
    pub fn permutations(&self) -> &[Vec<usize>] {
        &self.permutations
    }

    /// The scales $s_k$ of each hidden layer.
    pub fn scales(&self) -> &[Vec<f64>] {
        &self.scales
    }

    /// The network that the symmetry belongs to.
    pub fn arch(&self) -> &Arch {
        &self.arch
    }

    /// The symmetry that undoes this one.
    pub fn inverse(&self) -> Self {
        let mut inverse = Self::identity(&self.arch);
        for (k, (p, s)) in self.permutations.iter().zip(&self.scales).enumerate() {
            for (i, (&from, scale)) in p.iter().zip(s).enumerate() {
                inverse.permutations[k][from] = i;
                inverse.scales[k][from] = scale.recip();
            }
        }
        inverse
    }

    /// The composition: first this symmetry, then `next`.
    ///
    /// # Errors
    /// When the two belong to different networks.
    pub fn then(&self, next: &Self) -> Result<Self> {
        if self.arch.layout() != next.arch.layout() {
            return Err(Error::mismatch("symmetries that follow each other", &self.arch, &next.arch));
        }
        let mut both = next.clone();
        for (k, p) in both.permutations.iter_mut().enumerate() {
            for (p, s) in p.iter_mut().zip(&mut both.scales[k]) {
                *s *= self.scales[k][*p];
                *p = self.permutations[k][*p];
            }
        }
        Ok(both)
    }

    /// Computes $\pi(\theta)$ for one point `[S]` or every row of a stack `[P, S]`, in its dtype; each number is
    /// rounded once.
    ///
    /// # Errors
    /// When the last axis does not have S columns, or the tensor is not on the CPU.
    pub fn apply(&self, points: &Tensor) -> Result<Tensor> {
        let size = self.arch.layout().len();
        if points.dims().last() != Some(&size) {
            return Err(Error::mismatch("points", format!("[.., {size}]"), format!("{:?}", points.dims())));
        }
        let points = points.contiguous()?;
        let network = self.arch.network();
        let chain = network.dense_chain("a symmetry of neurons")?;
        dispatch!(points.dtype(), T => with_slice::<T, _, _>(&points, |rows| {
            let mut out = Vec::with_capacity(rows.len());
            rows.chunks_exact(size).for_each(|row| self.apply_row(chain, row, &mut out));
            Ok(Tensor::from_vec(out, points.dims(), &Device::Cpu)?)
        }))
    }

    fn apply_row<T: Real>(&self, chain: &Chain, row: &[T], out: &mut Vec<T>) {
        for (k, layer) in chain.iter().enumerate() {
            let (inputs, outputs) = (layer.inputs(), layer.outputs());
            let weight = layer.weight_of(row);
            for i in 0..outputs {
                let (from, s) = self.neuron(k + 1, i);
                let source = &weight[from * inputs..][..inputs];
                out.extend((0..inputs).map(|j| {
                    let (from, below) = self.neuron(k, j);
                    T::of(source[from].wide() * s / below)
                }));
            }
            if let Some(bias) = layer.bias_of(row) {
                out.extend((0..outputs).map(|i| {
                    let (from, s) = self.neuron(k + 1, i);
                    T::of(bias[from].wide() * s)
                }));
            }
        }
    }

    /// The pair $p_k(i)$ and $s_k(i)$, where k = 0 means the inputs and k = K the outputs.
    #[inline]
    fn neuron(&self, k: usize, i: usize) -> (usize, f64) {
        match k.checked_sub(1).filter(|&k| k < self.permutations.len()) {
            Some(k) => (self.permutations[k][i], self.scales[k][i]),
            None => (i, 1.),
        }
    }
}

fn is_permutation(p: &[usize], n: usize) -> bool {
    let mut seen = vec![false; n];
    p.len() == n && p.iter().all(|&i| i < n && !std::mem::replace(&mut seen[i], true))
}
