//! Linear assignment by shortest augmenting paths (Jonker & Volgenant 1987).

use candle_core::Tensor;
use ndarray::Array2;

use crate::{Error, Result};

/// The permutation p that maximises $\sum_iC(i,p(i))$, for `gains` C `[n, n]` in `f64` (Jonker & Volgenant 1987).
pub(super) fn assign(gains: &Tensor) -> Result<Vec<usize>> {
    let (n, _) = gains.dims2()?;
    let costs = gains.neg()?.flatten_all()?.to_vec1::<f64>()?;
    // The solver would answer for NaN, too.
    if let Some(bad) = costs.iter().find(|c| !c.is_finite()) {
        return Err(Error::NotFinite { what: "similarity of neurons", found: *bad });
    }
    let fail = |e: String| Error::State(format!("assignment of {n} neurons: {e}"));
    let costs = Array2::from_shape_vec((n, n), costs).map_err(|e| fail(e.to_string()))?;
    Ok(lapjv::lapjv(&costs).map_err(|e| fail(e.to_string()))?.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use candle_core::Device;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// The largest gain by trying all permutations.
    fn best(gains: &[Vec<f64>], row: usize, used: &mut [bool]) -> f64 {
        if row == gains.len() {
            return 0.;
        }
        let mut most = f64::NEG_INFINITY;
        for j in 0..used.len() {
            if !std::mem::replace(&mut used[j], true) {
                most = most.max(gains[row][j] + best(gains, row + 1, used));
                used[j] = false;
            }
        }
        most
    }

    #[test]
    fn assignments_are_the_best_of_all_permutations() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        for case in 0..60 {
            let n = 1 + case % 6;
            // Every third has ties.
            let number = |rng: &mut ChaCha8Rng| match case % 3 {
                0 => f64::from(rng.random_range(-2..3)),
                _ => rng.random_range(-1.0..1.0),
            };
            let gains: Vec<Vec<f64>> = (0..n).map(|_| (0..n).map(|_| number(&mut rng)).collect()).collect();
            let p = assign(&Tensor::new(gains.clone(), &Device::Cpu).unwrap()).unwrap();
            let found: f64 = p.iter().enumerate().map(|(i, &j)| gains[i][j]).sum();
            let mut sorted = p.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..n).collect::<Vec<_>>());
            assert!((found - best(&gains, 0, &mut vec![false; n])).abs() < 1e-12);
        }
        let nan = Tensor::new(&[[0., f64::NAN], [0., 1.]], &Device::Cpu).unwrap();
        assert!(matches!(assign(&nan), Err(Error::NotFinite { .. })));
    }
}
