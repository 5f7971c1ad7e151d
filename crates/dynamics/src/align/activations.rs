//! Activation matching: pairs the units of two networks whose activations correlate on data (Li et al. 2015).
//!
//! Units that are constant on the data correlate with nothing. They are paired by the similarity of incoming weights,
//! whose weight is so small that it only decides between equal correlations.

use candle_core::Tensor;
use collado_models::Groups;

use super::{assign::assign, moments::Moments, weights::Matcher};
use crate::Result;

/// Weight of the similarity of incoming weights, at most 1, beside that of activations.
const TIE: f64 = 1e-6;

/// The permutation of each group for the points `a` and `b` `[S]`, in balanced form, in `f64`, from the moments of the
/// activations of each group. The correlations of a group with several activations, as in the stream of a residual
/// network, are added.
pub(super) fn match_activations(
    groups: &Groups,
    a: &Tensor,
    b: &Tensor,
    moments: &[Vec<Moments>],
) -> Result<Vec<Vec<usize>>> {
    let mut matcher = Matcher::new(groups, a, b)?;
    for (group, moments) in moments.iter().enumerate() {
        let mut gains = None;
        if let Some(weights) = matcher.incoming(group)? {
            let largest = weights.abs()?.max_all()?.to_scalar::<f64>()?;
            gains = Some((weights * (TIE / largest.max(f64::MIN_POSITIVE)))?);
        }
        for moments in moments {
            let Some(correlation) = moments.correlation()? else { continue };
            gains = Some(match gains {
                Some(gains) => (correlation + gains)?,
                None => correlation,
            });
        }
        if let Some(gains) = gains {
            matcher.set(group, assign(&gains)?);
        }
    }
    Ok(matcher.permutations())
}
