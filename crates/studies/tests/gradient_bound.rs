//! The bound of the gradient by the risk: verdicts for both initialisations, and the numbers of the theory.
#![allow(clippy::unwrap_used)]

use collado_studies::{
    CellCache, StudyError, Verdict,
    gradient_bound::{GradientBound, GradientBoundSettings, gradient_bound},
};

fn measured(settings: GradientBoundSettings) -> GradientBound {
    gradient_bound(&settings, &CellCache::none(), &mut ()).unwrap()
}

fn small() -> GradientBoundSettings {
    GradientBoundSettings {
        neurons: vec![128, 256, 512],
        examples: vec![8, 16],
        runs: 5,
        ..GradientBoundSettings::default()
    }
}

#[test]
fn the_constant_does_not_fall_with_the_width() {
    let found = measured(small());
    assert_eq!(found.verdict(), Verdict::Supported);
    let (below, all) = found.below();
    assert_eq!((below, all), (0, 2 * 3 * 5 * 16));
    for fit in found.fits() {
        assert!((0.3..0.7).contains(&fit.radius_exponent.mean), "{fit:?}");
        assert!(fit.bound.mean < 4.4 * fit.limit && fit.start.mean > fit.bound.mean, "{fit:?}");
    }
    // With the worst targets the constant is attained up to the share of θ¹, which does not grow with n.
    let widest = found.cells.iter().filter(|cell| cell.neurons == 512).flat_map(|cell| &cell.runs);
    for run in widest {
        assert!(run.start_worst >= run.bound && run.start_worst < 3. * run.bound, "{run:?}");
        assert!(run.worst.iter().zip(&run.random).all(|(worst, random)| worst < random), "{run:?}");
    }
}

/// docs/theory.md §11: λ_min = 30.4 for n = 4096, and .0045 to .0079 for the limit by data seed, with m = 64, d = 10.
#[test]
fn the_kernel_grows_as_in_the_theory() {
    let settings = GradientBoundSettings { neurons: vec![256, 2048], examples: vec![64], runs: 2, ..small() };
    let fit = measured(settings).fits()[0];
    assert!((0.0035..0.01).contains(&fit.limit), "{fit:?}");
    let share = fit.bound.mean / (4. * fit.limit);
    assert!((0.8..1.).contains(&share), "{share}");
}

#[test]
fn as_printed_the_claim_is_contradicted() {
    let found = measured(GradientBoundSettings { as_printed: true, ..small() });
    assert_eq!(found.verdict(), Verdict::Contradicted);
    assert!(found.fits().iter().all(|fit| fit.bound_exponent.mean < -0.7), "{:?}", found.fits());
    // The inequality itself holds all the same.
    assert_eq!(found.below().0, 0);
}

#[test]
fn narrow_networks_are_refused() {
    let narrow = GradientBoundSettings { neurons: vec![16, 32, 64], ..small() };
    let refused = gradient_bound(&narrow, &CellCache::none(), &mut ());
    assert!(matches!(refused, Err(StudyError::Setting { name: "neurons", .. })));
}
