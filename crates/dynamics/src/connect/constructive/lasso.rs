//! The lasso by coordinate descent, with its duality gap as the stopping rule.

use faer::Mat;

/// Minimises $w^\top Gw-2c^\top w+s+\kappa\|w\|_1$ by coordinate descent, until the duality gap is at most `tolerance`
/// times s (the mean square of the target), or after `sweeps` passes.
///
/// With the residual r = y − Hw, G = mean hhᵀ and c = mean hy the dual point is $\nu r$, ν the largest number ≤ 1 with
/// $2\nu\|\operatorname{mean}hr\|_\infty\le\kappa$; its value is
/// $2\nu\operatorname{mean}yr-\nu^2\operatorname{mean}r^2$.
pub(super) fn lasso(
    gram: &Mat<f64>,
    cross: &[f64],
    square: f64,
    kappa: f64,
    tolerance: f64,
    sweeps: usize,
) -> Vec<f64> {
    let m = cross.len();
    let mut w = vec![0.; m];
    // c − Gw.
    let mut slope = cross.to_vec();
    for sweep in 0..sweeps {
        for j in 0..m {
            let diagonal = gram[(j, j)];
            if diagonal <= 0. {
                continue;
            }
            let target = slope[j] + diagonal * w[j];
            let next = (target.abs() - kappa / 2.).max(0.).copysign(target) / diagonal;
            let step = next - w[j];
            if step != 0. {
                w[j] = next;
                slope.iter_mut().zip(gram.col(j).iter()).for_each(|(s, g)| *s -= step * g);
            }
        }
        if sweep % 10 == 9 && gap(&w, &slope, cross, square, kappa) <= tolerance * square {
            break;
        }
    }
    w
}

/// The duality gap at `w`: the primal minus the dual value, with `slope` = c − Gw.
fn gap(w: &[f64], slope: &[f64], cross: &[f64], square: f64, kappa: f64) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let target_residual = square - dot(cross, w);
    let residual = (target_residual - dot(slope, w)).max(0.);
    let steepest = 2. * slope.iter().fold(0., |m: f64, s| m.max(s.abs()));
    let scale = if steepest > kappa { kappa / steepest } else { 1. };
    let primal = residual + kappa * w.iter().map(|w| w.abs()).sum::<f64>();
    primal - (2. * scale * target_residual - scale * scale * residual)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Orthogonal features: soft thresholding. And the conditions of optimality on correlated ones.
    #[test]
    fn the_optimum_meets_its_conditions() {
        let identity = Mat::identity(3, 3);
        let w = lasso(&identity, &[1., -0.2, 0.04], 2., 0.1, 1e-14, 1000);
        assert!((w[0] - 0.95).abs() < 1e-15 && (w[1] + 0.15).abs() < 1e-15 && w[2] == 0., "{w:?}");
        let gram = Mat::from_fn(4, 4, |i, j| 0.9f64.powi((i as i32 - j as i32).abs()));
        let (cross, kappa) = ([0.8, 0.9, 0.7, 0.2], 0.3);
        let w = lasso(&gram, &cross, 1.5, kappa, 1e-15, 10_000);
        for j in 0..4 {
            let slope = 2. * (cross[j] - (0..4).map(|k| gram[(j, k)] * w[k]).sum::<f64>());
            let met = if w[j] == 0. {
                slope.abs() <= kappa + 1e-7
            } else {
                (slope - kappa * w[j].signum()).abs() < 1e-7
            };
            assert!(met, "{j}: {slope} {w:?}");
        }
        assert!(w.contains(&0.) && w.iter().any(|&w| w != 0.));
    }
}
