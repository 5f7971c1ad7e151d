//! The proof of a minimum as summaries have it.

use collado_certify::MinimumProof;
use serde::Serialize;

use crate::shown::{enclosure, lower};

/// The proof of a minimum as fields of a summary.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Proved {
    pub(super) proved: bool,
    /// The reason why the minimum is not proved.
    pub(super) reason: Option<String>,
    /// The risk at the minimum, enclosed.
    #[serde(rename = "F")]
    risk: Option<(f64, f64)>,
    radius: Option<f64>,
    lambda_min_lower: Option<f64>,
    /// A lower bound of the eigenvalues in the directions of further inputs, where there may be some.
    pub(super) outside_lower: Option<f64>,
    gradient_norm: Option<f64>,
}

impl Proved {
    pub(super) fn new(proof: &MinimumProof) -> Self {
        Self {
            proved: proof.proved,
            reason: proof.reason.clone(),
            risk: Some((proof.risk.lo(), proof.risk.hi())),
            radius: Some(proof.radius),
            lambda_min_lower: Some(proof.lambda_min_lower),
            outside_lower: Some(proof.outside_lower),
            gradient_norm: Some(proof.gradient_norm),
        }
    }

    /// The fields where no point was found.
    pub(super) fn nothing(reason: String) -> Self {
        Self {
            proved: false,
            reason: Some(reason),
            risk: None,
            radius: None,
            lambda_min_lower: None,
            outside_lower: None,
            gradient_norm: None,
        }
    }
}

/// A proof as people read it.
pub(super) fn sentence(name: &str, p: &MinimumProof) -> String {
    let verdict = if p.proved { "proved" } else { "NOT proved" };
    let (dims, outside) = match p.outside_lower {
        f64::NEG_INFINITY => ("", String::new()),
        x if x > 0. => (" for every d ≥ k", format!(", outside ≥ {}", lower(x))),
        x => (" for d = k", format!(", outside ≥ {}", lower(x))),
    };
    format!(
        "{name}: {verdict}{dims}\n  box radius      {:e}\n  eigenvalues     ≥ {}{outside}\n  F               in {}\n  gradient norm   {:.2e}",
        p.radius,
        lower(p.lambda_min_lower),
        enclosure((p.risk.lo(), p.risk.hi()), 12),
        p.gradient_norm
    )
}
