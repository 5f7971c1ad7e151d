//! Alignment: among all networks that equal B up to a symmetry, finds the one closest to A (docs/theory.md §5).

mod activations;
mod ambiguous;
mod assign;
mod merge;
mod moments;
mod repair;
mod weights;

use candle_core::{DType, Device, Tensor};
use collado_models::{Arch, Network, Symmetry};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tracing::{info, info_span};

use self::{activations::match_activations, ambiguous::ambiguous, moments::moments, weights::match_weights};
pub use self::{
    merge::{Merge, learned_shares},
    repair::Repair,
};
use crate::{Error, Result};

/// The criterion by which neurons of B are matched to neurons of A.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matching {
    /// Weight matching: maximises $\sum_k\langle W_k^A,P_kW_k^BP_{k-1}^T\rangle+\langle b_k^A,P_kb_k^B\rangle$ (in
    /// general: the sum over all tensors) one [group](collado_models::Groups) of units at a time (Ainsworth et al. 2023, Section 3.2); each step is a linear assignment. It begins with a forward
    /// pass, layer by layer from the input, since from the identity it misses about half of planted permutations of
    /// deep networks.
    #[default]
    Weights,
    /// Activation matching: one linear assignment per layer, by the correlation of activations on data (Li et al. 2015;
    /// Ainsworth et al. 2023, Section 3.1). The pixels of a channel count as so many examples. The correlations of all
    /// places that share their channels, as the blocks of a residual network, are added.
    Activations,
}

/// The settings of an alignment of B to A.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `matching` | weights | what is compared | |
/// | `seed` | 0 | order of the layers in weight matching; probes where there are no data | |
/// | `rows` | 4096 | examples that activations are compared and symmetries checked on, evenly picked | ≥ 2 |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Align {
    /// The criterion of matching.
    pub matching: Matching,
    /// The seed of all random choices.
    pub seed: u64,
    /// The largest number of examples that are used.
    pub rows: usize,
}

impl Default for Align {
    fn default() -> Self {
        Self { matching: Matching::Weights, seed: 0, rows: 4096 }
    }
}

/// The result of an alignment: B, aligned to A.
#[derive(Debug, Clone)]
pub struct Aligned {
    /// The aligned point $\pi(\theta^B)$ `[S]`, in the dtype of B.
    pub theta: Tensor,
    /// The symmetry $\pi$.
    pub symmetry: Symmetry,
    /// The distance before alignment, $\|\theta^A-\theta^B\|$.
    pub distance_before: f64,
    /// The distance after alignment, $\|\theta^A-\pi(\theta^B)\|$.
    pub distance_after: f64,
    /// The relative distance $\|\theta^A-\pi(\theta^B)\|/\|\theta^A\|$ with both in balanced form. It is near 0 when B
    /// equals A up to a symmetry, whatever the scales. In tanh, softplus, gelu and logistic networks there is no
    /// rescaling.
    pub balanced_distance: f64,
    /// The largest $|\Phi(x;\pi(\theta^B))-\Phi(x;\theta^B)|$ over the probe data, absolute and relative to the largest
    /// output.
    pub difference: collado_models::OutputDifference,
    /// Units of A, by group, that cannot be told apart from others: dead ones (no incoming or no outgoing
    /// weight, or an activation that is constant on the data) and those whose incoming weights and bias are a positive
    /// multiple of another's (any multiple in linear networks). Their partners in B are arbitrary.
    pub ambiguous: Vec<Vec<usize>>,
}

impl Align {
    /// Aligns `b` to `a`, two points `[S]` of `arch`. `a` never changes.
    ///
    /// Both are put into balanced form ([`Symmetry::balancing`]), matched there, and B is written in A's scales.
    /// `data` `[N, ..]` are the examples for activation matching and for the symmetry's check of itself; without them
    /// the check uses random ones.
    ///
    /// # Errors
    /// When the points or data are not of `arch` or not finite, there are no data for activation matching, or the
    /// symmetry does not leave B's outputs as they are ([`Symmetry::check`]).
    pub fn align(&self, arch: &Arch, a: &Tensor, b: &Tensor, data: Option<&Tensor>) -> Result<Aligned> {
        if a.dims() != b.dims() {
            return Err(collado_risk::Error::Ends { expected: a.elem_count(), found: b.elem_count() }.into());
        }
        let _span = info_span!("align", by = ?self.matching).entered();
        let wide = |t: &Tensor| t.to_dtype(DType::F64)?.contiguous();
        let (a64, b64) = (wide(a)?, wide(b)?);
        let network = arch.network();
        let probes = match data {
            Some(data) => wide(&shaped(evenly(data, self.rows.min(affordable(&network)))?, &network)?)?,
            None if self.matching == Matching::Weights => noise(&network, self.seed)?,
            None => {
                let expected = "data to compare activations on";
                return Err(Error::Setting { name: "matching", expected, found: "none".into() });
            }
        };
        let (of_a, of_b) =
            rayon::join(|| Symmetry::balancing(arch, &a64), || Symmetry::balancing(arch, &b64));
        let (of_a, of_b) = (of_a?, of_b?);
        let (flat_a, flat_b) = (of_a.apply(&a64)?, of_b.apply(&b64)?);
        let identity = Symmetry::identity(arch)?;
        let groups = identity.groups();
        let other = (self.matching == Matching::Activations).then_some(&flat_b);
        let moments = data.map(|_| moments(arch, groups, &flat_a, other, &probes)).transpose()?;
        let permutations = match (self.matching, &moments) {
            (Matching::Activations, Some(moments)) => match_activations(groups, &flat_a, &flat_b, moments)?,
            _ => match_weights(groups, &flat_a, &flat_b, self.seed)?,
        };
        let permuted = Symmetry::new(arch, permutations, identity.scales().to_vec())?;
        let symmetry = of_b.then(&permuted)?.then(&of_a.inverse())?;
        let theta = symmetry.apply(b)?;
        let (distance_before, distance_after) = (distance(&a64, &b64)?, distance(&a64, &wide(&theta)?)?);
        info!(distance_before, distance_after, "aligned");
        Ok(Aligned {
            distance_before,
            distance_after,
            balanced_distance: distance(&flat_a, &permuted.apply(&flat_b)?)? / norm(&flat_a)?,
            difference: symmetry.check(b, &evenly(&probes, CHECKED)?)?,
            ambiguous: ambiguous(arch.activation(), groups, &flat_a, moments.as_deref())?,
            theta,
            symmetry,
        })
    }

    /// Checks that points of `arch` can be aligned, by a pass of `theta` `[S]` over `data` `[N, ..]` where activations
    /// are compared.
    ///
    /// # Errors
    /// When an operation of the network has no rule, or there are no data for activation matching.
    pub fn covers(&self, arch: &Arch, theta: &Tensor, data: Option<&Tensor>) -> Result<()> {
        let network = arch.network();
        let groups = network.groups()?;
        if self.matching == Matching::Activations {
            let expected = "data to compare activations on";
            let found = || "none".to_owned();
            let data = data.ok_or_else(|| Error::Setting { name: "matching", expected, found: found() })?;
            let wide = |t: &Tensor| t.to_dtype(DType::F64)?.contiguous();
            moments(arch, &groups, &wide(theta)?, None, &shaped(wide(data)?, &network)?)?;
        }
        Ok(())
    }
}

/// Number of examples that a symmetry is checked on. An error would show on the first few.
const CHECKED: usize = 512;

/// The largest number of activations of one operation that are held at a time, 64 MiB of them.
const HELD: usize = 1 << 23;

/// The number of examples whose activations can be held. Batch normalisation needs those of all examples at once.
fn affordable(network: &Network) -> usize {
    let largest = network.nodes().iter().map(|node| node.shape.iter().product::<usize>()).max();
    (HELD / largest.unwrap_or(1).max(1)).max(CHECKED)
}

/// The examples `[N, ..]` in the shape that the network reads; rows of pixels are taken as images.
fn shaped(data: Tensor, network: &Network) -> Result<Tensor> {
    let shape = [&data.dims()[..1], network.input()].concat();
    let fits = data.elem_count() == shape.iter().product::<usize>();
    Ok(if fits { data.reshape(shape)? } else { data })
}

/// At most `rows` rows of `data`, picked evenly.
fn evenly(data: &Tensor, rows: usize) -> Result<Tensor> {
    let n = data.dim(0)?;
    if rows < 2 || n == 0 {
        return Err(Error::Setting {
            name: "rows",
            expected: "at least 2, of data that are not empty",
            found: format!("{rows} of {n}"),
        });
    }
    if n <= rows {
        return Ok(data.clone());
    }
    let picked: Vec<u32> = (0..rows).map(|i| (i * n / rows) as u32).collect();
    Ok(data.index_select(&Tensor::new(picked, data.device())?, 0)?)
}

/// Random examples for the check where there are no data.
fn noise(network: &Network, seed: u64) -> Result<Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let shape = [&[CHECKED], network.input()].concat();
    let mut number = || match network.tokens() {
        Some(tokens) => rng.random_range(0..tokens) as f64,
        None => rng.random_range(-1. ..1.),
    };
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| number()).collect();
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}

fn norm(v: &Tensor) -> Result<f64> {
    Ok(v.sqr()?.sum_all()?.to_scalar::<f64>()?.sqrt())
}

fn distance(a: &Tensor, b: &Tensor) -> Result<f64> {
    norm(&(a - b)?)
}
