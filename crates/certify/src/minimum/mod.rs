//! Proofs that a strict local minimum lies in a box, by Krawczyk's test (docs/theory.md §10, docs/certificates.md).

mod find;
mod jet;
mod matrix;
mod network;
mod neuron;
mod planted;
mod polish;

use collado_risk::Planted;
use tracing::{debug, info_span};

use self::matrix::Symmetric;
use crate::Interval;

pub use self::{
    find::{MultistartResult, find_minimum},
    network::prove_network_minimum,
    neuron::{NeuronMinima, NeuronProof, neuron_minima},
    polish::{Polished, polish},
};

/// The result of an attempt to prove a minimum of a [`Planted`] risk or of a network's risk near a point.
///
/// If `proved`, the box of all weights within `radius` of the point holds exactly one critical point for d = k inputs,
/// which is a strict local minimum with its risk in `risk`. If also `outside_lower` > 0, the same point with zeros
/// appended is a strict local minimum for every number of inputs d > k.
#[derive(Debug, Clone, PartialEq)]
pub struct MinimumProof {
    /// Whether the whole claim is proved: existence, uniqueness, strictness, and what [`MinimumKind`] asks of F.
    pub proved: bool,
    /// The part of the claim that could not be proved, if there is one.
    pub reason: Option<String>,
    /// An enclosure of F at the critical point.
    pub risk: Interval,
    /// The radius of the box in every coordinate; 0 when nothing is proved.
    pub radius: f64,
    /// A lower bound of all eigenvalues of the Hessian on the box; −∞ when none was found.
    pub lambda_min_lower: f64,
    /// A lower bound of all eigenvalues of M, the Hessian's further block for d > k inputs.
    pub outside_lower: f64,
    /// The gradient norm $\|\nabla F\|$ at the point.
    pub gradient_norm: f64,
    /// What someone else needs to check the proof, if it is one.
    pub witness: Option<Witness>,
}

/// The quantities of a proof that are found by computations which need not be trusted.
#[derive(Debug, Clone, PartialEq)]
pub struct Witness {
    /// The matrix R, an approximate inverse of the Hessian, row by row.
    pub inverse: Vec<Vec<f64>>,
    /// The bound of the Hessian's eigenvalues.
    pub hessian: Eigenvalues,
    /// The bound of the eigenvalues of the Hessian's further block, where there may be more inputs.
    pub outside: Option<Eigenvalues>,
}

/// A lower bound of the eigenvalues of a symmetric matrix A.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Eigenvalues {
    /// The number s for which A − sI was nearly decomposed by Cholesky.
    pub shift: f64,
    /// The lower bound.
    pub at_least: f64,
}

/// The kind of minimum that is to be proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinimumKind {
    /// A spurious minimum: F > 0 is part of the claim.
    Spurious,
    /// A global minimum: the enclosure of F has to contain 0.
    Global,
    /// A local minimum: nothing is claimed about F.
    Local,
}

impl Eigenvalues {
    /// Where no bound was found.
    const NONE: Self = Self { shift: f64::NEG_INFINITY, at_least: f64::NEG_INFINITY };
}

/// The radii that are tried, the largest first.
const RADII: [f64; 7] = [1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11];

/// Enclosures of a risk and its gradient over a box.
struct Enclosure {
    risk: Interval,
    gradient: Vec<Interval>,
}

/// A risk that can be enclosed over boxes, with two derivatives.
trait TwiceDifferentiable {
    fn enclose(&self, cube: &[Interval]) -> Enclosure;
    /// The Hessian `[S, S]` over a box, of which the lower triangle is used.
    fn hessian(&self, cube: &[Interval]) -> Vec<Interval>;
    /// The Hessian's block for further inputs, where there is one.
    fn outside(&self, cube: &[Interval]) -> Option<Vec<Interval>>;
}

/// Tries to prove that a strict local minimum lies close to `weights` `[n, k]`.
///
/// Krawczyk's test: with R an approximate inverse Hessian and X the box around x,
/// $x-R\nabla F(x)+(I-R\,H(X))(X-x)$ inside the interior of X proves exactly one zero of ∇F in X; a Cholesky factor
/// with bounded residual proves $H(X)\succ0$. F is enclosed by $F(x)+\nabla F(X)(X-x)$. The largest radius of 1e-5,
/// 1e-6, …, 1e-11 that works is taken.
///
/// # Errors
/// When the length is not nk.
pub fn prove_minimum(risk: &Planted, weights: &[f64], kind: MinimumKind) -> crate::Result<MinimumProof> {
    risk.value(weights, &mut vec![0.; weights.len()])?;
    Ok(prove(risk, weights, kind))
}

fn prove(risk: &dyn TwiceDifferentiable, point: &[f64], kind: MinimumKind) -> MinimumProof {
    let _span = info_span!("prove minimum", parameters = point.len(), kind = ?kind).entered();
    let at = risk.enclose(&point.iter().map(|&x| Interval::point(x)).collect::<Vec<_>>());
    let mut proof = MinimumProof {
        proved: false,
        reason: None,
        risk: at.risk,
        radius: 0.,
        lambda_min_lower: f64::NEG_INFINITY,
        outside_lower: f64::NEG_INFINITY,
        gradient_norm: at.gradient.iter().map(|g| g.middle() * g.middle()).sum::<f64>().sqrt(),
        witness: None,
    };
    for radius in RADII {
        proof.reason = try_radius(risk, point, &at, kind, radius, &mut proof).err();
        proof.proved = proof.reason.is_none();
        debug!(radius, proved = proof.proved, reason = proof.reason.as_deref(), "box");
        if proof.proved {
            break;
        }
    }
    proof
}

fn try_radius(
    risk: &dyn TwiceDifferentiable,
    point: &[f64],
    at: &Enclosure,
    kind: MinimumKind,
    radius: f64,
    proof: &mut MinimumProof,
) -> Result<(), String> {
    let cube: Vec<_> = point.iter().map(|&x| Interval::around(x, radius)).collect();
    let hessian = Symmetric::new(point.len(), &risk.hessian(&cube));
    let eigenvalues = hessian.least_eigenvalue().unwrap_or(Eigenvalues::NONE);
    let lower = eigenvalues.at_least;
    proof.lambda_min_lower = lower;
    if lower <= 0. || lower.is_nan() {
        return Err(format!(
            "the Hessian is not shown positive definite on the box: eigenvalues ≥ {lower:.3e} (singular Hessian, saddle, or box too wide)"
        ));
    }
    let inverse = hessian.inverse();
    let rows = hessian.contraction(&inverse);
    // the cube was rounded outwards: a little more than the radius
    let wide =
        cube.iter().zip(point).map(|(c, x)| (c.hi() - x).max(x - c.lo())).fold(radius, f64::max).next_up();
    for (i, contraction) in rows.iter().enumerate() {
        let step: Interval = at.gradient.iter().enumerate().map(|(j, &g)| g * inverse[(i, j)]).sum();
        let reach = step.magnitude() + (contraction * wide).next_up();
        if reach.next_up() >= radius || reach.is_nan() {
            return Err(format!("the Krawczyk box is not inside: reach {reach:.3e} of {radius:.1e}"));
        }
    }
    let slopes = risk.enclose(&cube).gradient;
    let away: Interval = slopes.iter().map(|&g| g * Interval::new(-radius, radius)).sum();
    proof.risk = at.risk + away;
    let outside = risk.outside(&cube).map(|block| {
        Symmetric::new(block.len().isqrt(), &block).least_eigenvalue().unwrap_or(Eigenvalues::NONE)
    });
    if let Some(outside) = outside {
        proof.outside_lower = outside.at_least;
    }
    match kind {
        _ if proof.risk.hi() - proof.risk.lo() > 1e-8 => Err("the box is too wide for F".into()),
        MinimumKind::Spurious if proof.risk.lo() <= 0. => Err("F > 0 is not shown".into()),
        MinimumKind::Global if !proof.risk.contains(0.) => Err("F is not 0".into()),
        _ => {
            proof.radius = radius;
            let row = |i: usize| inverse.row(i).iter().copied().collect();
            let inverse = (0..point.len()).map(row).collect();
            proof.witness = Some(Witness { inverse, hessian: eigenvalues, outside });
            Ok(())
        }
    }
}
