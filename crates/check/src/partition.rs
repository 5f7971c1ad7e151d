//! The pieces of a proof leave no gap.

use collado_files::Proof;

use crate::{Error, Result, leg::Leg};

/// Checks that the pieces cover every leg from 0 to 1, one after the other, and that the claim is not below a piece.
pub(crate) fn covers(proof: &Proof, legs: &[Leg]) -> Result<()> {
    let mut at = (0, 0.);
    for (i, piece) in proof.pieces.iter().enumerate() {
        let gap = |reason: String| Error::Gap { piece: i + 1, reason };
        if (piece.leg, piece.from) != at {
            let (leg, tau) = at;
            let found = format!("leg {} at {}", piece.leg, piece.from);
            return Err(gap(format!("expected to begin on leg {leg} at {tau}, found {found}")));
        }
        if !(piece.from < piece.to && piece.to <= 1.) {
            return Err(gap(format!("expected an end in ({}, 1], found {}", piece.from, piece.to)));
        }
        if !(piece.hi <= proof.header.claim.hi) {
            return Err(gap(format!("its bound {} is above the claim {}", piece.hi, proof.header.claim.hi)));
        }
        at = if piece.to == 1. { (piece.leg + 1, 0.) } else { (piece.leg, piece.to) };
    }
    let last = proof.pieces.len();
    if at != (legs.len(), 0.) {
        let reason = format!("the pieces end on leg {} at {}, the path has {} legs", at.0, at.1, legs.len());
        return Err(Error::Gap { piece: last, reason });
    }
    let claim = &proof.header.claim;
    if claim.at.leg >= legs.len() || !(0. ..=1.).contains(&claim.at.tau) {
        let reason =
            format!("lo is claimed at leg {}, τ = {}, outside of the path", claim.at.leg, claim.at.tau);
        return Err(Error::Gap { piece: last, reason });
    }
    Ok(())
}
