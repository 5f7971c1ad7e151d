#![doc = include_str!("../README.md")]
// What is not a number must fail every comparison.
#![allow(clippy::neg_cmp_op_on_partial_ord)]

mod activation;
mod bounder;
mod error;
mod form;
mod interval;
mod leg;
mod loss;
mod partition;
mod pass;
mod penalty;

use collado_files::Proof;
use collado_risk::{EmpiricalRisk, Path, Progress};

pub use self::error::{Error, Result};
use self::{bounder::Bounder, leg::Leg};

/// What a check found.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Number of pieces whose bound holds, from the start of the path on.
    pub holding: usize,
    /// Number of pieces of the proof.
    pub pieces: usize,
    /// The highest bound of a piece that the check itself found.
    pub hi: f64,
    /// The lower bound of F at the point where the proof claims `lo`.
    pub lo: f64,
    /// The first claim that could not be confirmed.
    pub refuted: Option<Refuted>,
}

/// A claim that could not be confirmed: it may still be true, but not by this proof.
#[derive(Debug, Clone, PartialEq)]
pub struct Refuted {
    /// The number of the piece, counted from 1; `None` for the lower bound `lo`.
    pub piece: Option<usize>,
    /// The bound that the proof claims.
    pub claimed: f64,
    /// The bound that the check found.
    pub found: f64,
}

/// Bounds F on every piece of `proof` again, and encloses F where the proof claims its lower bound. The check ends at the
/// first claim that it cannot confirm.
///
/// # Errors
/// When the pieces do not cover the path, the proof is about another number of rows or another criterion, or the network
/// has an operation without a rule.
pub fn check(
    proof: &Proof,
    path: &Path,
    risk: &EmpiricalRisk,
    progress: &mut dyn Progress,
) -> Result<Checked> {
    let legs = Leg::all(path)?;
    partition::same(proof, risk)?;
    partition::covers(proof, &legs)?;
    let bounder = Bounder::new(risk)?;
    let pieces = proof.pieces.len();
    let mut checked =
        Checked { holding: 0, pieces, hi: f64::NEG_INFINITY, lo: f64::NEG_INFINITY, refuted: None };
    for (i, piece) in proof.pieces.iter().enumerate() {
        if progress.update(i as f64 / pieces as f64).is_break() {
            return Ok(checked);
        }
        let leg = &legs[piece.leg];
        let mut found = bounder.upper(leg, piece.from, piece.to)?;
        if !(found <= piece.hi) && bounder.is_convex(leg) {
            let (a, b) = (bounder.at(leg, 0.)?, bounder.at(leg, 1.)?);
            found = interval::largest(a.hi, b.hi);
        }
        checked.hi = interval::largest(checked.hi, found);
        if !(found <= piece.hi) {
            checked.refuted = Some(Refuted { piece: Some(i + 1), claimed: piece.hi, found });
            return Ok(checked);
        }
        checked.holding += 1;
    }
    let claim = &proof.header.claim;
    checked.lo = bounder.at(&legs[claim.at.leg], claim.at.tau)?.lo;
    if !(checked.lo >= claim.lo) {
        checked.refuted = Some(Refuted { piece: None, claimed: claim.lo, found: checked.lo });
    }
    Ok(checked)
}
