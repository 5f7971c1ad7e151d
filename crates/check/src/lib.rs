#![doc = include_str!("../README.md")]
// What is not a number must fail every comparison.
#![allow(clippy::neg_cmp_op_on_partial_ord)]

mod activation;
mod affine;
mod bounder;
mod convex;
mod error;
mod form;
mod interval;
mod lanes;
mod leg;
mod loss;
mod minimum;
mod norm;
mod partition;
mod pass;
mod penalty;
mod pool;
mod subject;

use collado_files::Proof;
use collado_risk::{EmpiricalRisk, Path, Progress};

use self::{
    bounder::Bounder,
    convex::is_convex,
    interval::largest,
    leg::Leg,
    subject::{Subject, running},
};
pub use self::{
    error::{Error, Result},
    minimum::{CheckedMinimum, CheckedNeuron, check_minimum, check_neuron},
};

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
    let subject = Subject::new(proof, risk)?;
    let statistics = if subject.is_given { Some(running(path, risk)?) } else { None };
    let legs = Leg::all(path, statistics.as_ref())?;
    partition::covers(proof, &legs)?;
    let bounder = Bounder::new(risk, &subject)?;
    let pieces = proof.pieces.len();
    let mut checked =
        Checked { holding: 0, pieces, hi: f64::NEG_INFINITY, lo: f64::NEG_INFINITY, refuted: None };
    for (i, piece) in proof.pieces.iter().enumerate() {
        if progress.update(i as f64 / pieces as f64).is_break() {
            return Ok(checked);
        }
        let found = bound(&bounder, &legs[piece.leg], (piece.from, piece.to), piece.hi)?;
        checked.hi = largest(checked.hi, found);
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

/// The number of times that a piece may be halved.
const HALVINGS: u32 = 6;

/// An upper bound of F on a piece, which is at most `claimed` if that can be shown: by the bound on the piece itself, by
/// the ends of a leg on which F is convex, or by bounds on smaller pieces.
fn bound(bounder: &Bounder<'_>, leg: &Leg, (from, to): (f64, f64), claimed: f64) -> Result<f64> {
    let found = bounder.upper(leg, from, to)?;
    if found <= claimed {
        return Ok(found);
    }
    if is_convex(bounder.risk.network(), bounder.last(), leg) {
        let ends = largest(bounder.at(leg, 0.)?.hi, bounder.at(leg, 1.)?.hi);
        if ends <= claimed {
            return Ok(ends);
        }
    }
    halved(bounder, leg, (from, to, found), claimed, HALVINGS)
}

/// The larger bound on the halves of a piece whose own bound is `found`.
fn halved(
    bounder: &Bounder<'_>,
    leg: &Leg,
    (from, to, found): (f64, f64, f64),
    claimed: f64,
    times: u32,
) -> Result<f64> {
    let middle = from + 0.5 * (to - from);
    // Where F itself is above the claim, smaller pieces are of no use.
    if times == 0 || !(from < middle && middle < to) || bounder.at(leg, middle)?.lo > claimed {
        return Ok(found);
    }
    let mut highest = f64::NEG_INFINITY;
    for (from, to) in [(from, middle), (middle, to)] {
        let mut part = bounder.upper(leg, from, to)?;
        if !(part <= claimed) {
            part = halved(bounder, leg, (from, to, part), claimed, times - 1)?;
        }
        highest = largest(highest, part);
        if !(part <= claimed) {
            break;
        }
    }
    Ok(highest)
}
