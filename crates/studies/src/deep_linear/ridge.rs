//! The counter-example with ridge: the smallest deep linear networks whose 0 is a bad local minimum (docs/theory.md §2).

/// $(\prod_kw_k-1)^2+\kappa\|w\|^2$: one deep linear network with one neuron a layer, one example x = y = 1, and ridge.
pub fn scalar_ridge(w: &[f64], kappa: f64) -> f64 {
    (w.iter().product::<f64>() - 1.).powi(2) + kappa * w.iter().map(|w| w * w).sum::<f64>()
}

/// The height that every path from w = 0 out of the ball must reach, above F(0) = 1, for `depth` ≥ 3:
/// $\max_r\min_{\|w\|=r}F-1$ with $\min_{\|w\|=r}F=(1-(r^2/K)^{K/2})^2+\kappa r^2$ while the product stays below 1, by
/// the inequality of the means. It is positive: 0 is a strict local minimum, and the sublevel set at 1 is not
/// connected wherever some point has F < 1. (At K = 2 it is 0 for κ < 1.)
pub fn ridge_barrier(depth: usize, kappa: f64) -> f64 {
    let k = depth as f64;
    let height = |r: f64| {
        let product = (r * r / k).powf(k / 2.);
        product * (product - 2.) + kappa * r * r
    };
    // One maximum in (0, √K): a fine geometric grid finds it to six digits.
    (0..=20_000).map(|i| k.sqrt() * 10f64.powf(-8. * f64::from(i) / 20_000.)).map(height).fold(0., f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ridge_disconnects_three_layers() {
        assert_eq!(scalar_ridge(&[0., 0., 0.], 0.01), 1.);
        assert!((scalar_ridge(&[1., 1., 1.], 0.01) - 0.03).abs() < 1e-15);
        // The height is where the derivative vanishes: 2κr = 2√3 r²/3 · …, tiny but there.
        let height = ridge_barrier(3, 0.01);
        assert!(height > 1e-7 && height < 1e-5, "{height}");
        assert_eq!(ridge_barrier(2, 0.01), 0.);
        // Nothing on the sphere where the height is taken lies lower.
        let radius = 0.01 * 3f64.sqrt();
        for (a, b) in (0..60).flat_map(|i| (0..60).map(move |j| (f64::from(i) * 0.1, f64::from(j) * 0.1))) {
            let w = [radius * a.sin() * b.cos(), radius * a.sin() * b.sin(), radius * a.cos()];
            assert!(scalar_ridge(&w, 0.01) >= 1. + 0.999 * height, "{w:?}");
        }
    }
}
