//! The file of a proof, for `collado check` and for checkers of other people.

use std::path::Path;

use collado_certify::{Eigenvalues, Interval, MinimumProof};
use collado_files::{MinimumClaim, MinimumFile, MinimumHeader, MinimumSubject};

use crate::failure::Failure;

/// Writes the proof of a minimum close to `point`, if it is one. Claims are moved outwards a little, so that an arithmetic
/// that rounds in another way can confirm them.
pub(super) fn write(
    file: &Path,
    found: &MinimumProof,
    point: &[f64],
    risk: MinimumSubject,
) -> Result<(), Failure> {
    let Some(witness) = &found.witness else { return Ok(()) };
    let claim = MinimumClaim {
        radius: found.radius,
        risk: roomy(found.risk),
        hessian: eased(witness.hessian),
        // Without a proof for more inputs nothing is claimed of them.
        outside: witness.outside.filter(|found| found.at_least > 0.).map(eased),
    };
    let header = MinimumHeader {
        version: MinimumHeader::VERSION,
        program: env!("CARGO_PKG_VERSION").into(),
        claim,
        risk,
    };
    let (point, inverse) = (point.to_vec(), witness.inverse.clone());
    Ok(MinimumFile { header, point, inverse }.write(file)?)
}

/// An interval that is a little wider.
pub(super) fn roomy(found: Interval) -> (f64, f64) {
    let (lo, hi) = (found.lo(), found.hi());
    let room = 1e-3 * (hi - lo) + 1e-12 * hi.abs();
    (lo - room, hi + room)
}

/// A bound that is a little lower, with a shift whose matrix is a little further from singular ones.
fn eased(Eigenvalues { shift, at_least }: Eigenvalues) -> collado_files::Eigenvalues {
    let room = 0.01 * (shift - at_least) + 1e-9 * (1. + shift.abs());
    let lower = at_least - 2. * room;
    let at_least = if lower > 0. { lower } else { 0.5 * at_least };
    collado_files::Eigenvalues { shift: shift - room, at_least }
}
