//! Recognises minima that are copies of each other up to a symmetry.

use candle_core::Tensor;
use collado_models::Arch;

use crate::{Align, Error, Result};

/// Minima whose risks differ by more than this relative amount are not compared.
const RISK: f64 = 1e-4;
/// Balanced distance up to which two minima count as one: far above rounding in `f32`, far below what training gives.
const DISTANCE: f64 = 1e-5;

/// For each of the minima `[M, S]` the first minimum that equals it up to a permutation and rescaling of hidden
/// neurons, which may be the minimum itself.
///
/// Minima of equal risk are compared by weight matching in balanced form. Two minima that it matches are equal up to
/// rounding. Two that it does not match are taken as different, which proves nothing. With a regulariser, rescaled
/// copies have different risks and are kept apart.
///
/// # Errors
/// When the stack does not belong to `arch` or is not finite.
pub fn distinct(arch: &Arch, minima: &Tensor, risks: &[f64], seed: u64) -> Result<Vec<usize>> {
    let align = Align { seed, ..Align::default() };
    let mut first: Vec<usize> = Vec::with_capacity(risks.len());
    for (i, &risk) in risks.iter().enumerate() {
        let b = minima.get(i)?;
        let mut found = i;
        for j in (0..i).filter(|&j| first[j] == j) {
            if (risk - risks[j]).abs() > RISK * risk.abs().max(risks[j].abs()) {
                continue;
            }
            match align.align(arch, &minima.get(j)?, &b, None) {
                Ok(aligned) if aligned.balanced_distance <= DISTANCE => {
                    found = j;
                    break;
                }
                Ok(_) | Err(Error::Models(collado_models::Error::Symmetry { .. })) => {}
                Err(e) => return Err(e),
            }
        }
        first.push(found);
    }
    Ok(first)
}
