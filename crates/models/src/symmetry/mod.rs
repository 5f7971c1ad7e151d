//! Symmetries: transformations of parameters that do not change the function of a network (docs/theory.md §5, §13).

mod apply;
mod balance;
mod check;
mod derive;
mod forest;
mod groups;

use std::sync::Arc;

pub use self::{
    check::OutputDifference,
    groups::{Axis, Block, Group, Groups, Inner, Scale, Site, TensorAxes},
};
use crate::{Arch, Error, Result};

/// A permutation and a positive rescaling of the units of every [group](Groups) of a network: unit i of group g becomes
/// $s_g(i)$ times unit $p_g(i)$. For the neurons of a dense network, whose groups are its hidden layers,
///
/// $$W_k'(i,j)=\frac{s_k(i)}{s_{k-1}(j)}\,W_k(p_k(i),p_{k-1}(j)),\qquad b_k'(i)=s_k(i)\,b_k(p_k(i)),$$
///
/// with $p_0=p_K=\mathrm{id}$ and $s_0=s_K=1$; for a convolution W(i,j) is the kernel from channel j to channel i.
/// Permutations preserve the function of every network; scales other than 1 preserve that of ReLU and linear networks,
/// where $\rho(sz)=s\rho(z)$ for $s>0$ (Ainsworth et al. 2023, Section 2).
///
/// These are not all symmetries: tanh and linear layers allow changes of sign, linear layers any invertible matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Symmetry {
    arch: Arch,
    groups: Arc<Groups>,
    permutations: Vec<Vec<usize>>,
    scales: Vec<Vec<f64>>,
}

impl Symmetry {
    /// The symmetry that changes nothing.
    ///
    /// # Errors
    /// When an operation of the network has no rule for symmetries.
    pub fn identity(arch: &Arch) -> Result<Self> {
        let groups = Arc::new(arch.network().groups()?);
        let size = |group: usize| groups.groups[group].size;
        Ok(Self {
            arch: arch.clone(),
            permutations: groups.groups.iter().map(|group| (0..group.size).collect()).collect(),
            scales: groups.scales.iter().map(|scale| vec![1.; size(scale.group)]).collect(),
            groups,
        })
    }

    /// The symmetry with the given permutation of each group and the given factors of each scale. Both are one for each
    /// hidden layer of a dense network.
    ///
    /// # Errors
    /// When a list does not have the length of its group, `permutations` holds a list that is not a permutation, a
    /// factor is not finite and positive, or the operations around do not allow factors other than 1.
    pub fn new(arch: &Arch, permutations: Vec<Vec<usize>>, scales: Vec<Vec<f64>>) -> Result<Self> {
        let identity = Self::identity(arch)?;
        let groups = &identity.groups;
        for (what, expected, found) in [
            ("symmetry: groups of units", groups.groups.len(), permutations.len()),
            ("symmetry: scales", groups.scales.len(), scales.len()),
        ] {
            if expected != found {
                return Err(Error::mismatch(what, expected, found));
            }
        }
        for (p, Group { name, size }) in permutations.iter().zip(&groups.groups) {
            if !is_permutation(p, *size) {
                let expected = format!("a permutation of {size} units");
                return Err(Error::mismatch(format!("symmetry of '{name}'"), expected, format!("{p:?}")));
            }
        }
        for (factors, scale) in scales.iter().zip(&groups.scales) {
            let Group { name, size } = &groups.groups[scale.group];
            let refused = |expected: String, found: String| {
                Err(Error::mismatch(format!("symmetry of '{name}'"), expected, found))
            };
            if factors.len() != *size {
                return refused(format!("{size} scales"), factors.len().to_string());
            }
            if let Some(s) = factors.iter().find(|s| !(**s > 0. && s.is_finite())) {
                return refused("scales that are finite and > 0".into(), s.to_string());
            }
            if let Some(s) = factors.iter().find(|s| **s != 1. && !scale.free) {
                let why = "scales 1, since what follows is not positively homogeneous";
                return refused(why.into(), s.to_string());
            }
        }
        Ok(Self { permutations, scales, ..identity })
    }

    /// The permutation p of each group.
    pub fn permutations(&self) -> &[Vec<usize>] {
        &self.permutations
    }

    /// The factors s of each scale.
    pub fn scales(&self) -> &[Vec<f64>] {
        &self.scales
    }

    /// The network that the symmetry belongs to.
    pub fn arch(&self) -> &Arch {
        &self.arch
    }

    /// The groups of the network's units.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The permutation of the units that a scale's factors belong to.
    fn permutation_of(&self, scale: usize) -> &[usize] {
        &self.permutations[self.groups.scales[scale].group]
    }

    /// The symmetry that undoes this one.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let mut inverse = self.clone();
        for (p, inverse) in self.permutations.iter().zip(&mut inverse.permutations) {
            p.iter().enumerate().for_each(|(i, &from)| inverse[from] = i);
        }
        for (k, s) in self.scales.iter().enumerate() {
            for (&from, s) in self.permutation_of(k).iter().zip(s) {
                inverse.scales[k][from] = s.recip();
            }
        }
        inverse
    }

    /// The composition: first this symmetry, then `next`.
    ///
    /// # Errors
    /// When the two belong to different networks.
    pub fn then(&self, next: &Self) -> Result<Self> {
        if self.groups != next.groups {
            return Err(Error::mismatch("symmetries that follow each other", &self.arch, &next.arch));
        }
        let mut both = next.clone();
        for (k, scales) in both.scales.iter_mut().enumerate() {
            for (&p, s) in next.permutation_of(k).iter().zip(scales) {
                *s *= self.scales[k][p];
            }
        }
        for (p, first) in both.permutations.iter_mut().zip(&self.permutations) {
            p.iter_mut().for_each(|p| *p = first[*p]);
        }
        Ok(both)
    }
}

fn is_permutation(p: &[usize], n: usize) -> bool {
    let mut seen = vec![false; n];
    p.len() == n && p.iter().all(|&i| i < n && !std::mem::replace(&mut seen[i], true))
}
