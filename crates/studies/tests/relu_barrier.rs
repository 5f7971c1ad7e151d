//! The ReLU counter-example: the proved level beside a search for a lower path, and the verdicts on other data.
#![allow(clippy::unwrap_used)]

use collado_studies::{
    CellCache, Study, StudyError, Verdict,
    relu_barrier::{ReluBarrierSettings, relu_barrier},
};

fn settings(targets: &[f64], other: &[f64]) -> ReluBarrierSettings {
    let sweep = vec![-1., 0., 1.];
    ReluBarrierSettings {
        y: targets.to_vec(),
        other_y: other.to_vec(),
        sweep,
        ..ReluBarrierSettings::quick()
    }
}

/// F of the neuron at (u, b, w).
fn risk(settings: &ReluBarrierSettings, [u, b, w]: [f64; 3]) -> f64 {
    let errors = settings.x.iter().zip(&settings.y);
    let errors = errors.map(|(x, y)| (w * (u * x + b).max(0.) - y).powi(2));
    errors.sum::<f64>() / settings.x.len() as f64 + settings.kappa * (u * u + b * b + w * w)
}

#[test]
fn the_level_is_proved_and_tight() {
    let settings = settings(&[1., -2., 1.], &[0., 0., 1.]);
    let found = relu_barrier(&settings, &mut ()).unwrap();
    assert_eq!(found.verdict(), Verdict::Supported);
    let (_, level) = found.blocked.pass.unwrap();
    // A path comes within the tolerance of its certificate and of its legs.
    let path = found.blocked.path.as_ref().unwrap();
    assert!(path.upper >= level && path.upper < level * 1.001, "{level} {path:?}");
    // On u = 0, which separates the two minima, Φ is constant: no grid point is below the variance of y, 2, which is the level.
    assert!((level - 2.).abs() < 1e-9, "{level}");
    let (a, b) = (found.blocked.minima[0], found.blocked.minima[1]);
    assert!(a.theta[0] * b.theta[0] < 0. && a.strict && b.strict);
    for (i, j) in (-40..40).flat_map(|i| (-40..40).map(move |j| (0.05 * f64::from(i), 0.05 * f64::from(j)))) {
        assert!(risk(&settings, [0., i, j]) >= 2. - 1e-12);
    }
    // Minima: no point near is lower.
    for theta in [a.theta, b.theta] {
        let least = risk(&settings, theta);
        for i in 0..1000 {
            let moved: [f64; 3] =
                std::array::from_fn(|k| theta[k] + 1e-3 * (f64::from(i) * 1.7 + k as f64 * 2.3).sin());
            assert!(risk(&settings, moved) >= least - 1e-12);
        }
    }
    // y = 1 in the middle: a constant fits all.
    assert!(found.sweep[0].barrier > 0.01 && found.sweep[2].barrier == 0., "{:?}", found.sweep);
}

#[test]
fn data_without_a_second_minimum_contradict() {
    let report = |targets: &[f64], other: &[f64]| {
        settings(targets, other).report(&CellCache::none(), &mut ()).unwrap()
    };
    assert_eq!(report(&[0., 0., 1.], &[0., 0., 1.]).verdict, Verdict::Contradicted);
    assert_eq!(report(&[1., -2., 1.], &[1., -1.8, 0.8]).verdict, Verdict::Contradicted);
    let short = settings(&[1., -1.], &[0., 0., 1.]);
    assert!(matches!(relu_barrier(&short, &mut ()), Err(StudyError::Setting { name: "y", .. })));
}
