//! Spectra of matrices with known eigenvalues.
#![allow(clippy::unwrap_used)]

use collado_landscape::{DensitySettings, Error, LanczosSettings, dense_spectrum, density, lanczos, trace};
use faer::Mat;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// $Q\operatorname{diag}(\lambda)Q^\top$ with a random orthogonal Q.
fn with_spectrum(values: &[f64], seed: u64) -> Mat<f64> {
    let n = values.len();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let random = Mat::from_fn(n, n, |_, _| rng.sample::<f64, _>(StandardNormal));
    let q = random.qr().compute_thin_Q();
    let product = Mat::from_fn(n, n, |i, j| q[(i, j)] * values[j]) * q.transpose();
    Mat::from_fn(n, n, |i, j| f64::midpoint(product[(i, j)], product[(j, i)]))
}

/// Values as of a network: some large, a bulk, zeros, some negative.
fn values() -> Vec<f64> {
    let mut all = vec![0.; 60];
    all.extend((0..100).map(|i| 1e-3 * f64::from(i + 1)));
    all.extend([5., 3., 2., -0.5, -0.25, -0.1]);
    all
}

#[test]
fn the_index_counts_negative_and_zero_modes_apart() {
    let found = dense_spectrum(&with_spectrum(&values(), 1), 0.).unwrap();
    assert_eq!((found.index, found.zero_modes), (3, 60));
    assert!(found.rounding < 1e-12);
    let mut sorted = values();
    sorted.sort_by(f64::total_cmp);
    assert!(found.eigenvalues.iter().zip(&sorted).all(|(a, b)| (a - b).abs() <= found.rounding));
    let broken = Mat::from_fn(2, 2, |i, j| if i == j { f64::NAN } else { 0. });
    assert!(matches!(dense_spectrum(&broken, 0.), Err(Error::NotFinite(_))));
}

#[test]
fn both_ends_are_within_their_residuals() {
    let matrix = with_spectrum(&values(), 2);
    let settings = LanczosSettings { count: 3, tolerance: 1e-9, ..LanczosSettings::default() };
    let ends = lanczos(&matrix, &settings, &mut |_, _| true).unwrap();
    assert!(ends.converged && ends.steps < 120, "{}", ends.steps);
    for (ritz, truth) in ends.top.iter().chain(&ends.bottom).zip([5., 3., 2., -0.5, -0.25, -0.1]) {
        assert!((ritz.value - truth).abs() <= ritz.residual + 1e-14 && ritz.residual <= 5e-9, "{ritz:?}");
    }
    assert_eq!(ends.negative, 3);
    // A start that is stopped says so, and its residuals still hold.
    let short = lanczos(&matrix, &LanczosSettings { steps: 8, ..settings }, &mut |_, _| true).unwrap();
    assert!(!short.converged && short.steps == 8);
    let near = |x: f64| values().iter().map(|v| (v - x).abs()).fold(f64::INFINITY, f64::min);
    assert!(short.top.iter().all(|r| near(r.value) <= r.residual));
}

#[test]
fn a_matrix_of_low_rank_ends_the_iteration() {
    let mut all = vec![0.; 40];
    all[0] = 2.;
    all[1] = -1.;
    let matrix = with_spectrum(&all, 3);
    let ends = lanczos(&matrix, &LanczosSettings::default(), &mut |_, _| true).unwrap();
    assert!(
        ends.steps <= 5
            && (ends.top[0].value - 2.).abs() < 1e-13
            && (ends.bottom[0].value + 1.).abs() < 1e-13
    );
    // Its trace is exact: the sketch spans the range.
    let exact = trace(&matrix, 30, 0, &mut |_| true).unwrap();
    assert!((exact.value - 1.).abs() < 1e-12 && exact.stderr < 1e-12, "{exact:?}");
}

#[test]
fn the_interval_of_the_trace_holds_as_often_as_it_says() {
    let matrix = with_spectrum(&values(), 4);
    let truth: f64 = values().iter().sum();
    let hits = (0..200)
        .filter(|&seed| {
            let found = trace(&matrix, 60, seed, &mut |_| true).unwrap();
            (found.value - truth).abs() <= 1.96 * found.stderr
        })
        .count();
    // 95 % of 200 by Student's t with 19 degrees of freedom and normal quantiles: about 187.
    assert!((175..=198).contains(&hits), "{hits}");
}

#[test]
fn the_density_is_that_of_the_eigenvalues() {
    let all: Vec<f64> = (0..300).map(|i| f64::from(i) / 150. - 1.).collect();
    let matrix = with_spectrum(&all, 5);
    let settings = DensitySettings { probes: 32, steps: 120, width: 0.02, ..DensitySettings::default() };
    let found = density(&matrix, &settings, &mut |_| true).unwrap();
    let step = found.at[1] - found.at[0];
    assert!((found.value.iter().sum::<f64>() * step - 1.).abs() < 1e-3);
    let scale = 1. / (found.sigma * std::f64::consts::TAU.sqrt() * 300.);
    for (i, x) in found.at.iter().enumerate() {
        let truth: f64 = all.iter().map(|v| scale * (-0.5 * ((x - v) / found.sigma).powi(2)).exp()).sum();
        assert!(
            (found.value[i] - truth).abs() <= 5. * found.stderr[i] + 1e-3,
            "at {x}: {} {truth}",
            found.value[i]
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn residuals_bound_the_distance_to_the_spectrum(
        values in prop::collection::vec(-10.0f64..10.0, 3..30), seed in 0u64..1000, steps in 1usize..12,
    ) {
        let matrix = with_spectrum(&values, seed);
        let truth = dense_spectrum(&matrix, 0.).unwrap();
        let settings = LanczosSettings { count: 2, steps, seed, ..LanczosSettings::default() };
        let ends = lanczos(&matrix, &settings, &mut |_, _| true).unwrap();
        for ritz in ends.top.iter().chain(&ends.bottom) {
            let near = truth.eigenvalues.iter().map(|v| (v - ritz.value).abs()).fold(f64::INFINITY, f64::min);
            prop_assert!(near <= ritz.residual + 1e-12);
        }
        prop_assert!(ends.negative <= truth.index + truth.zero_modes);
    }
}
