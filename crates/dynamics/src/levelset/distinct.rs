use candle_core::Tensor;
use collado_models::Arch;

use crate::{Align, Error, Result};

/// Minima whose risks differ by more than this, relatively, are not compared.
const RISK: f64 = 1e-4;
/// Balanced distance up to which two minima count as one: far above rounding in `f32`, far below what training gives.
const DISTANCE: f64 = 1e-5;

/// For each of the minima `[M, S]` the first that is the same up to a permutation and rescaling of hidden neurons; the
/// others are their own.
///
/// Compared are minima of equal risk, by weight matching in balanced form. Two that weight matching does not bring
/// together count as different, which proves nothing; two that it does are the same up to rounding. (With a regulariser,
/// rescaled copies have other risks, and are kept apart.)
///
/// # Errors
/// When the stack is not one of `arch` or not finite.
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
