//! Spectra of matrices with known eigenvalues.
#![allow(clippy::unwrap_used)]

use collado_landscape::{
    DensitySettings, Error, LanczosSettings, LinearOperator, RankCheck, Ritz, Side, TraceSettings,
    dense_spectrum, density, lanczos, trace,
};
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
    let ends = lanczos(&matrix, &settings, &mut ()).unwrap();
    assert!(ends.converged && ends.steps < 220, "{}", ends.steps);
    for (ritz, truth) in ends.top.iter().chain(&ends.bottom).zip([5., 3., 2., -0.5, -0.25, -0.1]) {
        assert!((ritz.value - truth).abs() <= ritz.residual + 1e-14 && ritz.residual <= 5e-9, "{ritz:?}");
    }
    assert_eq!(ends.negative, 3);
    // A start that is stopped says so, and its residuals still hold.
    let short = lanczos(&matrix, &LanczosSettings { steps: 8, ..settings }, &mut ()).unwrap();
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
    let ends = lanczos(&matrix, &LanczosSettings::default(), &mut ()).unwrap();
    assert!(
        ends.steps <= 40
            && (ends.top[0].value - 2.).abs() < 1e-13
            && (ends.bottom[0].value + 1.).abs() < 1e-13
    );
    // Its trace is exact: the sketch spans the range.
    let exact = trace(&matrix, &TraceSettings { products: 30, ..TraceSettings::default() }, &mut ()).unwrap();
    assert!((exact.value - 1.).abs() < 1e-12 && exact.stderr < 1e-12, "{exact:?}");
}

#[test]
fn the_interval_of_the_trace_holds_as_often_as_it_says() {
    let matrix = with_spectrum(&values(), 4);
    let truth: f64 = values().iter().sum();
    let hits = (0..200)
        .filter(|&seed| {
            let found = trace(&matrix, &TraceSettings { seed, ..TraceSettings::default() }, &mut ()).unwrap();
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
    let found = density(&matrix, &settings, &mut ()).unwrap();
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

fn values_of(list: &[Ritz]) -> Vec<f64> {
    list.iter().map(|r| r.value).collect()
}

/// Spectra that one start cannot show, or barely.
fn hard_spectra() -> Vec<(&'static str, Vec<f64>)> {
    let with = |special: &[(f64, usize)], bulk: usize| -> Vec<f64> {
        let mut all: Vec<f64> = special.iter().flat_map(|(v, m)| std::iter::repeat_n(*v, *m)).collect();
        all.extend((0..bulk).map(|i| i as f64 / bulk as f64));
        all
    };
    vec![
        ("the largest ten times", with(&[(57., 10), (55., 10), (0., 80)], 0)),
        ("the third twice, the fifth four times", with(&[(9., 1), (8., 1), (7., 2), (6., 4), (-1., 1)], 120)),
        ("negative, repeated", with(&[(-2., 7), (-1.5, 2), (3., 1)], 100)),
        (
            "a cluster",
            (0..6)
                .map(|i| 4. + 1e-9 * f64::from(i))
                .chain((0..100).map(f64::from).map(|x| x / 100.))
                .collect(),
        ),
        ("zero", vec![0.; 40]),
        ("identity", vec![1.; 40]),
        ("minus identity", vec![-1.; 40]),
        ("two values", with(&[(2., 10), (0., 90)], 0)),
        ("fewer than are asked for", vec![3., 3., -1.]),
        ("one", vec![2.5]),
        ("two", vec![1., 1.]),
        ("tiny", with(&[(1e-100, 3), (0., 20)], 0)),
    ]
}

#[test]
fn eigenvalues_are_found_as_often_as_they_are_there() {
    for (name, mut truth) in hard_spectra() {
        let n = truth.len();
        // With rounding in every product, and without.
        let diagonal = Mat::from_fn(n, n, |i, j| if i == j { truth[i] } else { 0. });
        let matrices = [with_spectrum(&truth, 11), diagonal];
        truth.sort_by(f64::total_cmp);
        for matrix in matrices {
            holds(name, &matrix, &truth);
        }
    }
}

/// All that is said of the ends of a matrix, for all counts and sides.
fn holds(name: &str, matrix: &Mat<f64>, truth: &[f64]) {
    let (n, size) = (truth.len(), truth.iter().fold(0.0_f64, |m, v| m.max(v.abs())));
    for side in [Side::Both, Side::Top, Side::Bottom] {
        for count in [1, 5, 12, n, n + 3] {
            // With room for all vectors, and for few.
            for room in [usize::MAX, 8 * n * (4 * count.min(n) + 12)] {
                let settings = LanczosSettings {
                    count,
                    side,
                    memory: room,
                    check: 100,
                    tolerance: 1e-8,
                    ..Default::default()
                };
                let ends = lanczos(matrix, &settings, &mut ()).unwrap();
                let what = format!("{name}, {side:?}, {count}, {room}: {:?}", ends.check);
                let (top, bottom) = match side {
                    Side::Top => (count.min(n), 0),
                    Side::Bottom => (0, count.min(n)),
                    Side::Both => (count.min(n.div_ceil(2)), count.min(n / 2)),
                };
                assert_eq!((ends.top.len(), ends.bottom.len()), (top, bottom), "{what}");
                let all = ends.top.iter().zip(truth.iter().rev()).chain(ends.bottom.iter().zip(truth));
                for (ritz, truth) in all {
                    assert!((ritz.value - truth).abs() <= 2e-8 * size, "{what}: {} {truth}", ritz.value);
                    assert!(
                        ritz.enclosure.0 <= *truth && *truth <= ritz.enclosure.1,
                        "{what}: {:?} {truth}",
                        ritz.enclosure
                    );
                    let narrow = ritz.ranked && ritz.enclosure.1 - ritz.enclosure.0 <= 1e-6 * size + 1e-150;
                    // With few vectors the check may end before it can tell members of the cluster apart.
                    assert!(
                        narrow || (room < usize::MAX && name == "a cluster"),
                        "{what}: {:?}",
                        ritz.enclosure
                    );
                    assert!(ritz.residual <= 1e-8 * size, "{what}");
                }
                assert!(ends.converged, "{what}");
                let negative = truth.iter().filter(|v| **v < 0.).count();
                assert!(ends.negative <= negative, "{what}");
                if side != Side::Top {
                    assert!(ends.negative >= negative.min(bottom), "{what}: {} of {negative}", ends.negative);
                }
            }
        }
    }
}

/// A start without the check believes in one of ten; the check finds all, and where it may not run nothing is claimed.
#[test]
fn what_was_not_checked_is_not_claimed() {
    let mut truth = vec![57.; 10];
    truth.extend([50., 45., 40., 35., 30.]);
    truth.extend([0.; 85]);
    let n = truth.len();
    let matrix = Mat::from_fn(n, n, |i, j| if i == j { truth[i] } else { 0. });
    let settings = LanczosSettings { side: Side::Top, check: 0, ..LanczosSettings::default() };
    // Loose, so that it ends before rounding shows a second one.
    let loose = LanczosSettings { tolerance: 0.1, ..settings };
    let blind = lanczos(&matrix, &loose, &mut ()).unwrap();
    assert!(
        blind.check == RankCheck::Unchecked && blind.top[1].value < 51.,
        "{:?} {:?}",
        blind.check,
        values_of(&blind.top)
    );
    assert!(blind.top.iter().all(|r| !r.ranked && r.enclosure.1 == f64::INFINITY && r.enclosure.0 <= 57.));
    let checked = lanczos(&matrix, &LanczosSettings { check: 100, ..settings }, &mut ()).unwrap();
    assert!(values_of(&checked.top).iter().all(|v| (v - 57.).abs() < 1e-9));
    assert!(matches!(checked.check, RankCheck::Random { failure } if failure <= 1e-5), "{:?}", checked.check);
    // A check of a few products: what it bounds is far out, and holds.
    let dense: Vec<f64> = (0..400).map(|i| f64::from(i) / 400.).collect();
    let settings = LanczosSettings { side: Side::Top, check: 12, steps: 200, ..LanczosSettings::default() };
    let short = lanczos(&with_spectrum(&dense, 13), &settings, &mut ()).unwrap();
    assert!(
        short.top.iter().zip(dense.iter().rev()).all(|(r, t)| r.enclosure.0 <= *t && *t <= r.enclosure.1)
    );
    assert!(!short.top[4].ranked);
}

/// Two blocks that do not touch: a start without a part in one of them, as by the probability that is stated.
#[test]
fn what_is_said_to_fail_rarely_fails_rarely() {
    // With the failure at one half, an eigenvalue that was missed would be found missing half of the time.
    let mut truth = vec![1.; 2];
    truth.extend((0..198).map(|i| 0.9 * f64::from(i) / 198.));
    let matrix = with_spectrum(&truth, 14);
    let wrong = |failure: f64| {
        (0..200)
            .filter(|&seed| {
                let settings = LanczosSettings {
                    count: 1,
                    side: Side::Top,
                    failure,
                    seed,
                    tolerance: 1e-3,
                    ..LanczosSettings::default()
                };
                let ends = lanczos(&matrix, &LanczosSettings { count: 2, ..settings }, &mut ()).unwrap();
                ends.top[1].ranked && ends.top[1].enclosure.1 < 1.
            })
            .count()
    };
    assert_eq!(wrong(1e-6), 0);
    assert!(wrong(0.5) <= 120);
}

#[test]
fn too_little_memory_is_refused() {
    let matrix = with_spectrum(&values(), 15);
    let n = matrix.size();
    let settings = LanczosSettings { memory: 8 * n * 22, ..LanczosSettings::default() };
    let error = lanczos(&matrix, &settings, &mut ()).unwrap_err();
    assert!(matches!(error, Error::Memory { .. }), "{error}");
    let few = TraceSettings { memory: 8 * n * 8, ..TraceSettings::default() };
    let truth: f64 = values().iter().sum();
    let found = trace(&matrix, &few, &mut ()).unwrap();
    assert!((found.value - truth).abs() <= 4. * found.stderr, "{found:?}");
    let none = DensitySettings { memory: 8 * n, ..DensitySettings::default() };
    assert!(matches!(density(&matrix, &none, &mut ()), Err(Error::Memory { .. })));
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
        let ends = lanczos(&matrix, &settings, &mut ()).unwrap();
        for ritz in ends.top.iter().chain(&ends.bottom) {
            let near = truth.eigenvalues.iter().map(|v| (v - ritz.value).abs()).fold(f64::INFINITY, f64::min);
            prop_assert!(near <= ritz.residual + 1e-12);
        }
        prop_assert!(ends.negative <= truth.index + truth.zero_modes);
    }
}
