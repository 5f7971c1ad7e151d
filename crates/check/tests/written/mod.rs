//! Files of proofs, as the program would write them.

mod stated;

use collado_files::{Claim, Place, Proof, ProofHeader, ProofPiece};
use collado_risk::EmpiricalRisk;
use stated::Stated;

/// The proof about a risk with these pieces, whose largest risk is at least `lo`, at `at`.
pub fn proof(risk: &EmpiricalRisk, pieces: Vec<ProofPiece>, lo: f64, (leg, tau): (usize, f64)) -> Proof {
    let Stated { data, rows, network, loss, kappa, regularizer } = Stated::of(risk);
    let hi = pieces.iter().map(|piece| piece.hi).fold(f64::NEG_INFINITY, f64::max);
    let normalises = risk.network().batch_norms().next().is_some();
    let header = ProofHeader {
        version: ProofHeader::VERSION,
        program: "test".into(),
        claim: Claim { lo, hi, at: Place { leg, tau } },
        path: String::new(),
        data,
        rows,
        network,
        loss,
        kappa,
        regularizer,
        statistics: normalises.then(|| risk.statistics().to_string()),
        subset: None,
    };
    Proof { header, pieces }
}

/// The proof that a certificate is, with claims that are moved outwards a little.
pub fn certified(found: &collado_certify::Certificate, risk: &EmpiricalRisk) -> Proof {
    let (up, down) = (|x: f64| x + 1e-12 * x.abs(), |x: f64| x - 1e-12 * x.abs());
    let piece =
        |p: &collado_certify::Piece| ProofPiece { leg: p.leg, from: p.tau.0, to: p.tau.1, hi: up(p.own) };
    proof(risk, found.pieces.iter().map(piece).collect(), down(found.lo), found.at)
}
