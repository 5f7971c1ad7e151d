//! The p-spin glass against differences, random matrices and the numbers of the theory.
#![allow(clippy::unwrap_used)]

use collado_studies::{
    CellCache, Report, Verdict,
    spin_glass::{
        GAP_RATIO, SphericalSpin, SpinGlassSettings, bins, gap_ratio, index_fraction, spin_glass, threshold,
    },
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn energy(spin: &SphericalSpin, sigma: &[f64]) -> f64 {
    let m = spin.matrix(sigma);
    let rows = m.chunks_exact(sigma.len()).zip(sigma);
    rows.map(|(row, s)| s * row.iter().zip(sigma).map(|(m, t)| m * t).sum::<f64>()).sum()
}

#[test]
fn gradient_and_hessian_are_those_of_the_energy() {
    for p in 2..=4 {
        let spin = SphericalSpin::random(p, 5, 3, 0).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let sigma: Vec<f64> = (0..5).map(|_| rng.random_range(-1.0..1.0)).collect();
        let m = spin.matrix(&sigma);
        let at = |i: usize, j: usize, a: f64, b: f64| {
            let mut x = sigma.clone();
            x[i] += a;
            x[j] += b;
            energy(&spin, &x)
        };
        let (h, pf) = (1e-3, p as f64);
        for i in 0..5 {
            let slope = (at(i, i, h, 0.) - at(i, i, -h, 0.)) / (2. * h);
            let exact: f64 = pf * (0..5).map(|j| m[i * 5 + j] * sigma[j]).sum::<f64>();
            assert!((slope - exact).abs() < 1e-5, "p = {p}: {slope} {exact}");
            for j in 0..5 {
                let bend =
                    (at(i, j, h, h) - at(i, j, h, -h) - at(i, j, -h, h) + at(i, j, -h, -h)) / (4. * h * h);
                assert!((bend - pf * (pf - 1.) * m[i * 5 + j]).abs() < 1e-4, "p = {p}");
            }
        }
    }
}

#[test]
fn the_energy_is_normal_with_variance_n() {
    let sigma = vec![1.; 8];
    let samples: Vec<f64> =
        (0..2000).map(|k| energy(&SphericalSpin::random(3, 8, 5, k).unwrap(), &sigma)).collect();
    let variance = samples.iter().map(|h| h * h).sum::<f64>() / 2000.;
    // The covariance of H is N ⟨σ, τ⟩^p / N^p; the error of a variance of 2000 samples is 3 %.
    assert!((variance / 8. - 1.).abs() < 0.1, "{variance}");
}

#[test]
fn two_spins_have_the_eigenvectors_of_a_goe_matrix() {
    let settings = SpinGlassSettings { p: 2, size: 12, starts: 12, descents: 6, network_starts: 0, seed: 1 };
    let points = spin_glass(&settings, &CellCache::none(), &mut ()).unwrap().points;
    for point in points.iter().filter(|x| x.is_critical) {
        // At the k-th eigenvector k eigenvalues of the matrix are lower.
        let index = point.index_fraction() * 11.;
        assert!((index - index.round()).abs() < 1e-9);
        if point.by_descent {
            assert_eq!(index, 0., "descent ends in the ground state");
        }
    }
    assert!(points.iter().all(|x| x.is_critical));
}

#[test]
fn the_numbers_of_the_theory_come_out() {
    // docs/theory.md §8: energy, share found there, share of the law.
    let checked = [(-0.7, 0.256, 0.233), (-0.4, 0.345, 0.351), (-0.2, 0.421, 0.423), (0., 0.499, 0.499)];
    for (u, _, law) in checked.into_iter().chain([(0.3, 0.616, 0.612), (0.5, 0.676, 0.684)]) {
        // The means of bins: their energies are not round.
        assert!((index_fraction(3, u) - law).abs() < 0.011, "{u}: {}", index_fraction(3, u));
    }
    assert!((threshold(3) + 1.632_993).abs() < 1e-6);
    assert_eq!((index_fraction(3, -2.), index_fraction(3, 2.)), (0., 1.));
    let settings =
        SpinGlassSettings { starts: 120, descents: 8, network_starts: 60, ..SpinGlassSettings::default() };
    let study = spin_glass(&settings, &CellCache::none(), &mut ()).unwrap();
    let report = Report::from(&study);
    // The network: what descent finds are minima, what lies above them are saddles.
    let network = &study.network.points;
    assert!(network.len() >= 10, "{network:?}");
    assert!(network.iter().all(|p| p.gradient_norm <= 1e-10 * (1. + p.risk)));
    let minima = network.iter().filter(|p| p.by_descent);
    assert!(minima.clone().count() > 0 && minima.clone().all(|p| p.index_fraction == 0.));
    let lowest = minima.map(|p| p.risk).fold(f64::INFINITY, f64::min);
    let saddles = network.iter().filter(|p| p.index_fraction > 0.);
    assert!(saddles.clone().count() > 0 && saddles.clone().all(|p| p.risk > lowest));
    let points = study.points;
    let found = bins(3, &points);
    assert!(found.len() >= 4, "{found:?}");
    for bin in &found {
        let off = (bin.found[0] - bin.theory).abs();
        assert!(off <= 3. * bin.found[1] + 1. / 39., "{bin:?}");
    }
    assert!((gap_ratio(&points) - GAP_RATIO).abs() < 0.02, "{}", gap_ratio(&points));
    assert_eq!(report.verdict, Verdict::Supported, "{}", report.shown);
    // Descent passes the threshold only by what is of order 1/N.
    for point in points.iter().filter(|x| x.by_descent && x.is_critical) {
        assert!(point.index_fraction() == 0. && point.energy < threshold(3) + 0.25, "{}", point.energy);
    }
}

/// Where the energies of the critical points are shuffled, energy no longer fixes the index.
#[test]
fn energies_without_a_link_to_the_index_contradict_the_claim() {
    let settings = SpinGlassSettings {
        size: 24,
        starts: 160,
        descents: 40,
        network_starts: 0,
        ..SpinGlassSettings::default()
    };
    let mut study = spin_glass(&settings, &CellCache::none(), &mut ()).unwrap();
    let energies: Vec<f64> = study.points.iter().map(|p| p.energy).collect();
    // Descents, which come last, are given the energies of saddles, and the other way round.
    let count = energies.len();
    for (i, point) in study.points.iter_mut().enumerate() {
        point.energy = energies[(i + 40) % count];
    }
    let report = Report::from(&study);
    assert_eq!(report.verdict, Verdict::Contradicted, "{:?}", report.conditions);
}

/// With three spins a spectrum has two eigenvalues: nothing can be told, and nothing is printed as NaN.
#[test]
fn three_spins_decide_nothing() {
    let settings =
        SpinGlassSettings { size: 3, starts: 100, network_starts: 0, ..SpinGlassSettings::default() };
    let report = Report::from(&spin_glass(&settings, &CellCache::none(), &mut ()).unwrap());
    assert_eq!(report.verdict, Verdict::Inconclusive, "{:?}", report.conditions);
    assert!(!report.shown.contains("NaN") && report.shown.contains("too short"), "{}", report.shown);
}
