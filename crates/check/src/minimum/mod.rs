//! The check of proofs of minima: Krawczyk's test and the eigenvalues of the Hessian, from the box, the matrix R and the
//! shift that the proof states (docs/certificates.md).

mod jet;
mod matrix;
mod network;
mod neuron;
mod planted;

use collado_files::{Eigenvalues, MinimumFile, MinimumSubject};
use collado_risk::EmpiricalRisk;

pub use self::neuron::{CheckedNeuron, check_neuron};
use self::{matrix::Matrix, network::SmallNetwork, planted::Teachers};
use crate::{
    Error, Result,
    interval::{Interval, largest, product_up, sum_up},
    subject::{compare, same_risk},
};

/// What the check of a minimum found.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedMinimum {
    /// How far Krawczyk's operator reaches from the middle of the box, as a share of its radius: below 1.
    pub reach: f64,
    /// A lower bound of the eigenvalues of the Hessian on the box.
    pub lambda_min: f64,
    /// The same for the Hessian's block for more inputs, where the proof claims one.
    pub outside: Option<f64>,
    /// An enclosure of F at the critical point.
    pub risk: (f64, f64),
    /// The part of the claim that could not be confirmed.
    pub refuted: Option<String>,
}

/// A function of S parameters with two derivatives, enclosed over a box.
pub(crate) struct Enclosed {
    pub(crate) value: Interval,
    /// The gradient `[S]`.
    pub(crate) slope: Vec<Interval>,
    /// The Hessian `[S, S]`.
    pub(crate) curve: Matrix,
}

/// A risk that can be enclosed over boxes.
trait Curved {
    fn enclose(&self, cube: &[Interval]) -> Result<Enclosed>;

    /// The Hessian's block for more inputs, where there is one.
    fn outside(&self, _: &[Interval]) -> Option<Matrix> {
        None
    }
}

/// Checks the proof of a minimum. One of a network needs the network's `risk`.
///
/// # Errors
/// When the proof is about another risk, or there is no rule for the network.
pub fn check_minimum(proof: &MinimumFile, risk: Option<&EmpiricalRisk>) -> Result<CheckedMinimum> {
    let claim = &proof.header.claim;
    if !(claim.radius > 0. && claim.radius.is_finite() && proof.point.iter().all(|x| x.is_finite())) {
        return Err(Error::NotFinite { what: "the box" });
    }
    match &proof.header.risk {
        MinimumSubject::Planted { k, n } => {
            compare("parameters", &proof.point.len().to_string(), &(k * n).to_string())?;
            let mut checked = confirmed(proof, &Teachers { k: *k, n: *n })?;
            if checked.refuted.is_none() && !(checked.risk.0 > 0.) {
                checked.refuted = Some("F > 0 is not shown".into());
            }
            Ok(checked)
        }
        MinimumSubject::Network { rows, network, loss, kappa, regularizer, .. } => {
            let risk = risk.ok_or(Error::Other {
                what: "risk",
                stated: "that of a network".into(),
                found: "none".into(),
            })?;
            same_risk(risk, network, loss, (*kappa, regularizer))?;
            compare("rows", &rows.to_string(), &risk.data().len().to_string())?;
            compare("parameters", &proof.point.len().to_string(), &risk.network().size().to_string())?;
            confirmed(proof, &SmallNetwork::new(risk)?)
        }
    }
}

/// Checks the claim for a risk.
///
/// With X the box around x, $K=x-R\nabla F(x)+(I-R\,H(X))(X-x)$ inside the interior of X proves exactly one zero of ∇F
/// in X; a positive lower bound of the eigenvalues of H(X) proves that it is a strict local minimum, and F there lies in
/// $F(x)+\nabla F(X)(X-x)$.
fn confirmed(proof: &MinimumFile, risk: &dyn Curved) -> Result<CheckedMinimum> {
    let claim = &proof.header.claim;
    let middle: Vec<Interval> = proof.point.iter().map(|&x| Interval::point(x)).collect();
    let cube: Vec<Interval> = middle.iter().map(|x| x.widened(claim.radius)).collect();
    let (at, on) = (risk.enclose(&middle)?, risk.enclose(&cube)?);

    let contraction = on.curve.contraction(&proof.inverse);
    let reach = |(row, contraction): (&Vec<f64>, &f64)| {
        let step = row.iter().zip(&at.slope).fold(Interval::ZERO, |sum, (&r, &g)| sum + g * r);
        sum_up(step.size(), product_up(*contraction, claim.radius))
    };
    let reach = proof.inverse.iter().zip(&contraction).map(reach).fold(0., largest);
    let lambda_min = on.curve.least_eigenvalue(claim.hessian.shift);
    let outside = (claim.outside.as_ref()).map(|claim| {
        risk.outside(&cube).map_or(f64::NEG_INFINITY, |block| block.least_eigenvalue(claim.shift))
    });
    let sides = Interval::new(-claim.radius, claim.radius);
    let value = on.slope.iter().fold(at.value, |sum, &slope| sum + slope * sides);

    let refuted = if !(reach < claim.radius) {
        Some(format!("Krawczyk's operator reaches {reach:e}, the radius of the box is {:e}", claim.radius))
    } else if !(value.lo >= claim.risk.0 && value.hi <= claim.risk.1) {
        let (lo, hi) = claim.risk;
        Some(format!(
            "F in [{lo}, {hi}] could not be confirmed, the check finds [{}, {}]",
            value.lo, value.hi
        ))
    } else {
        let hessian = refuted("the Hessian", &claim.hessian, lambda_min);
        let further = claim.outside.as_ref().zip(outside);
        hessian
            .or_else(|| further.and_then(|(claim, found)| refuted("the block for more inputs", claim, found)))
    };
    let risk = (value.lo, value.hi);
    Ok(CheckedMinimum { reach: reach / claim.radius, lambda_min, outside, risk, refuted })
}

/// What is wrong with a bound of eigenvalues, which has to be positive and confirmed.
fn refuted(what: &str, claim: &Eigenvalues, found: f64) -> Option<String> {
    (!(claim.at_least > 0. && found >= claim.at_least)).then(|| {
        format!(
            "eigenvalues of {what} of at least {}: not confirmed, the check finds {found}",
            claim.at_least
        )
    })
}
