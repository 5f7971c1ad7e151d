//! Points from which no path to the global minimum is free of rises, with proof.

use collado_certify::{MinimumKind, polish, prove_minimum};
use collado_risk::Planted;
use serde::Serialize;

use crate::{
    Result, StudyError,
    circle::{Circle, NeuronRisk, degrees, profile},
};

/// One ReLU neuron, $\Phi(x)=w\,\rho(ux+b)$, without ridge, on the data of the wide networks.
#[derive(Debug, Clone, Serialize)]
pub struct Narrow {
    /// The inputs.
    pub x: Vec<f64>,
    /// The targets.
    pub y: Vec<f64>,
    /// Number of local minima below F(0), up to rescaling.
    pub minima: usize,
    /// The lowest minimum that is proved not to be global, as (u, b, w).
    pub spurious: Option<[f64; 3]>,
    /// A proved upper bound of F there.
    pub spurious_risk: Option<f64>,
    /// A proved lower bound of the highest F on every path from there to a global minimum.
    pub level: Option<f64>,
    /// A proved upper bound of the least F.
    pub least: f64,
    /// g at angles in degrees, for pictures.
    #[serde(skip)]
    pub profile: Vec<(f64, f64)>,
    /// The angle of the spurious minimum in degrees, for pictures.
    #[serde(skip)]
    pub angle: Option<f64>,
}

impl Narrow {
    /// Encloses all minima for y = cos 2πx + x/5 at `examples` equidistant x in [−1, 1].
    pub(super) fn prove(examples: usize) -> Self {
        let x: Vec<f64> = (0..examples).map(|i| 2. * i as f64 / (examples - 1) as f64 - 1.).collect();
        let y: Vec<f64> = x.iter().map(|x| (std::f64::consts::TAU * x).cos() + 0.2 * x).collect();
        let risk = NeuronRisk { x: x.clone(), y: y.clone(), kappa: 0. };
        let circle = Circle::new(&risk);
        let minima: Vec<_> = circle.minima().collect();
        let least = minima.iter().map(|c| c.value.hi()).fold(circle.zero.hi(), f64::min);
        let global = minima.iter().position(|c| c.value.hi() <= least);
        let others = minima.iter().enumerate().filter(|(_, c)| c.value.lo() > least);
        let lowest = others.min_by(|(_, a), (_, b)| a.value.hi().total_cmp(&b.value.hi()));
        let walled =
            lowest.zip(global).filter(|((i, c), global)| circle.pass(*i, *global).level > c.value.hi());
        let level = walled.map(|((i, _), global)| circle.pass(i, global).level);
        let spurious = walled.map(|((_, c), _)| c);
        Self {
            minima: minima.len(),
            spurious: spurious.map(|c| risk.lowest(c.at)),
            spurious_risk: spurious.map(|c| c.value.hi()),
            level,
            least,
            profile: profile(&risk, 1440),
            angle: spurious.map(|c| degrees(c.at)),
            x,
            y,
        }
    }
}

/// The spurious minimum of seven planted neurons (Safran & Shamir 2018): strict with proof, so that every path that leaves its
/// neighbourhood rises.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PlantedMinimum {
    /// Number of teachers and of neurons.
    pub k: usize,
    /// A proved lower bound of F at the minimum; the least F is 0.
    pub risk: f64,
    /// The radius of the box in which it is the only critical point; 0 where nothing is proved.
    pub radius: f64,
    /// A proved lower bound of the Hessian's eigenvalues on the box.
    pub lambda_min: f64,
    /// Every path from the minimum to the boundary of the box rises by at least this: $\frac12\lambda_\min r^2$, where r is the
    /// distance of the minimum from the boundary.
    pub rise: f64,
}

impl PlantedMinimum {
    /// The published minimum, polished and proved.
    pub(super) fn prove() -> Result<Self> {
        const K: usize = 7;
        // Diagonals of the first neuron and of the others, and entries of the first row, the first column and elsewhere.
        let (first, other) = (-0.632_703_904_9, 0.996_922_798_8);
        let (row, column, rest) = (0.185_991_046_3, 0.261_691_075_8, -0.035_080_155_9);
        let entry = |i: usize, j: usize| match (i, j) {
            (0, 0) => first,
            (i, j) if i == j => other,
            (0, _) => row,
            (_, 0) => column,
            _ => rest,
        };
        let weights: Vec<f64> = (0..K * K).map(|at| entry(at / K, at % K)).collect();
        let planted = Planted::new(K, K)?;
        let polished = polish(&planted, &weights, 1e-13, 1e-3)?;
        let Some(polished) = polished else {
            return Err(StudyError::Search("the published minimum cannot be polished".into()));
        };
        let proof = prove_minimum(&planted, &polished.weights, MinimumKind::Spurious)?;
        let radius = if proof.proved { proof.radius } else { 0. };
        // F is strongly convex on the box: the minimum is within ‖∇F‖/λ_min of its middle, rounding of ∇F included.
        let off = (proof.gradient_norm + 1e-12) / proof.lambda_min_lower;
        let inside = (radius - off).max(0.);
        let rise = if proof.proved { 0.5 * proof.lambda_min_lower * inside * inside } else { 0. };
        Ok(Self { k: K, risk: proof.risk.lo(), radius, lambda_min: proof.lambda_min_lower, rise })
    }
}
