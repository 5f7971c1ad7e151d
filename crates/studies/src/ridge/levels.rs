//! The closed form of the deep linear risk with ridge on white data.
//!
//! With $P=W_K\cdots W_1$ the least $\|\theta\|^2$ is $K\sum_is_i(P)^{2/K}$, and the loss is $\|P-C\|_F^2$ up to a constant.
//! So F is least where P has the singular vectors of C, and each singular value p solves a problem of its own:
//! $\min_{p\ge0}(p-\sigma)^2-\sigma^2+\kappa Kp^{2/K}$. For K ≥ 3 its answers p = 0 and p > 0 are both local minima.

/// The w > 0 with p = w^K at the local minimum of $(p-\sigma)^2+\kappa Kp^{2/K}$ above 0, where there is one.
///
/// Its derivative in w is $2Kw(w^{2K-2}-\sigma w^{K-2}+\kappa)$; the largest root is found by bisection.
pub fn balanced(layers: usize, sigma: f64, kappa: f64) -> Option<f64> {
    let k = layers as i32;
    let slope = |w: f64| w.powi(2 * k - 2) - sigma * w.powi(k - 2) + kappa;
    // The slope is least here, and positive at σ^(1/K).
    let (mut low, mut high) = (
        (sigma * f64::from(k - 2) / f64::from(2 * k - 2)).powf(f64::from(k).recip()),
        sigma.powf(f64::from(k).recip()),
    );
    if slope(low) >= 0. {
        return None;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if slope(middle) < 0. { low = middle } else { high = middle }
    }
    Some(high)
}

/// The change of F by a singular value at its local minimum above 0.
pub(super) fn gain(layers: usize, sigma: f64, kappa: f64, w: f64) -> f64 {
    let p = w.powi(layers as i32);
    p * (p - 2. * sigma) + kappa * layers as f64 * w * w
}

/// F − F(0) at the critical points that fit the first k = 0, 1, … singular values (descending) and leave the others at 0,
/// as far as there are such points.
///
/// For K ≥ 3 each of them is a local minimum in the singular values, and no other choice of values is one, as exchanging a
/// fitted value for a larger one lowers F. For K = 2 only the last is a minimum.
pub fn levels(layers: usize, singular_values: &[f64], kappa: f64) -> Vec<f64> {
    let gains = singular_values
        .iter()
        .map_while(|&sigma| balanced(layers, sigma, kappa).map(|w| gain(layers, sigma, kappa, w)));
    let sums = gains.scan(0., |sum, gain| {
        *sum += gain;
        Some(*sum)
    });
    std::iter::once(0.).chain(sums).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against a fine grid of w, from which the local minima are read.
    #[test]
    fn levels_are_those_of_a_grid() {
        for (layers, sigma, kappa) in
            [(2, 1., 0.15), (3, 1., 0.15), (3, 0.7, 0.05), (4, 1., 0.15), (5, 1.3, 0.1)]
        {
            let at = |i: i32| f64::from(i) * 1e-5;
            let f = |i: i32| gain(layers, sigma, kappa, at(i));
            let lowest = (1..150_000).rfind(|&i| f(i) < f(i - 1) && f(i) <= f(i + 1)).unwrap();
            let w = balanced(layers, sigma, kappa).unwrap();
            assert!((w - at(lowest)).abs() < 2e-5, "K = {layers}: {w} {}", at(lowest));
            assert!((levels(layers, &[sigma], kappa)[1] - f(lowest)).abs() < 1e-9);
        }
        // Two layers: soft thresholding, F − F(0) = −(σ − κ)².
        assert!((levels(2, &[1., 0.5], 0.2)[2] + 0.64 + 0.09).abs() < 1e-12);
        assert_eq!(levels(2, &[0.1], 0.2), [0.]);
        assert_eq!(levels(3, &[1.], 0.5), [0.]);
    }
}
