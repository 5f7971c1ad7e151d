//! The file of a proof, for `collado check` and for checkers of other people.

use std::path::Path as FilePath;

use collado_certify::Certificate;
use collado_files::{Claim, Place, Proof, ProofData, ProofHeader, ProofPiece, ProofRows, file_hash};

use crate::{failure::Failure, task::Task};

/// The relative amount by which claims are moved outwards, so that an arithmetic that rounds in another order can confirm
/// them.
const ROOM: f64 = 1e-12;

/// Writes the certificate of the path in `place` as a file. It is about the rows of the task, of `all` training rows.
pub(super) fn write(
    file: &FilePath,
    place: &FilePath,
    task: &Task,
    (found, all): (&Certificate, usize),
) -> Result<(), Failure> {
    let (up, down) = (|x: f64| x + ROOM * x.abs(), |x: f64| x - ROOM * x.abs());
    let pieces: Vec<ProofPiece> = found
        .pieces
        .iter()
        .map(|piece| ProofPiece { leg: piece.leg, from: piece.tau.0, to: piece.tau.1, hi: up(piece.own) })
        .collect();
    // The bound of a larger piece, which the search may use, is not part of the proof.
    let hi = pieces.iter().map(|piece| piece.hi).fold(up(found.hi), f64::max);
    let (leg, tau) = found.at;
    let rows = task.train.data().len();
    let subset = (rows < all).then(|| ProofRows {
        of: all,
        rule: ProofRows::EVENLY_SPACED.into(),
        hash: ProofRows::hash_of(&(0..rows).map(|i| i * all / rows).collect::<Vec<_>>()),
    });
    let header = ProofHeader {
        version: ProofHeader::VERSION,
        program: env!("CARGO_PKG_VERSION").into(),
        claim: Claim { lo: down(found.lo), hi, at: Place { leg, tau } },
        path: file_hash(place)?,
        data: ProofData { spec: task.data.spec.clone(), hash: task.data.hash.clone() },
        rows,
        network: task.arch.to_string(),
        loss: task.criterion.loss.to_string(),
        kappa: task.criterion.kappa,
        regularizer: task.criterion.regularizer.to_string(),
        statistics: task.statistics().map(|rule| rule.to_string()),
        subset,
    };
    Ok(Proof { header, pieces }.write(file)?)
}
