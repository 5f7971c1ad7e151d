//! Deep linear networks with ridge: the verdicts that the theory gives, and the closed forms beside descent.
#![allow(clippy::unwrap_used)]

use collado_studies::{
    CellCache, Study, StudyError, Verdict,
    ridge::{Ridge, RidgeSettings, ridge},
};

fn settings(depths: &[usize], kappa: f64) -> RidgeSettings {
    RidgeSettings { depths: depths.to_vec(), kappa, ..RidgeSettings::quick() }
}

fn measured(depths: &[usize], kappa: f64) -> Ridge {
    ridge(&settings(depths, kappa), &mut ()).unwrap()
}

#[test]
fn two_layers_have_no_bad_minimum() {
    let found = measured(&[2], 0.15);
    assert_eq!(found.verdict(), (Verdict::Supported, vec![]));
    let depth = &found.depths[0];
    assert!(!depth.wall.is_bad_minimum() && depth.above() == 0 && depth.converged().count() == 24);
    assert!(depth.curves.is_some_and(|(rise, count)| rise <= 1e-10 && count == 12), "{:?}", depth.curves);
}

#[test]
fn from_three_layers_on_zero_is_a_bad_minimum() {
    let found = measured(&[2, 3, 4], 0.15);
    assert_eq!(found.verdict().0, Verdict::Contradicted);
    for (depth, layers) in found.depths[1..].iter().zip([3_i32, 4]) {
        let wall = &depth.wall;
        assert!(wall.is_bad_minimum() && depth.verdict().0 == Verdict::Contradicted);
        // The closed form of the wall: (K − 2)κ(κ/σ)^{2/(K−2)}, σ = 1.
        let exact = f64::from(layers - 2) * 0.15 * 0.15_f64.powf(2. / f64::from(layers - 2));
        assert!(wall.height <= exact && wall.height > 0.9 * exact, "{} {exact}", wall.height);
        assert!(
            (wall.zero_lower - depth.zero).abs() < 1e-9 && (wall.best_upper - depth.optimum()).abs() < 1e-9
        );
        // Descent cannot leave the wall, and ends at a level of the closed form everywhere.
        let (counts, elsewhere) = depth.by_level();
        assert!(elsewhere == 0 && counts[0] > 0 && counts.iter().sum::<usize>() > counts[0], "{counts:?}");
        for end in depth
            .converged()
            .filter(|end| end.start_norm < wall.radius && end.start_risk < wall.zero_lower + wall.height)
        {
            assert!(end.norm < 1e-6, "{end:?}");
        }
    }
}

#[test]
fn with_much_ridge_zero_is_the_only_minimum() {
    let found = measured(&[3], 0.6);
    assert_eq!(found.verdict().0, Verdict::Supported);
    assert!(found.depths[0].wall.height > 0. && found.depths[0].levels.len() == 1);
}

#[test]
fn too_few_steps_decide_nothing_about_two_layers() {
    let few = RidgeSettings { steps: 5, ..settings(&[2], 0.15) };
    let report = few.report(&CellCache::none(), &mut ()).unwrap();
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(report.shown.contains("not decided: only 0 of 24 starts converged"), "{}", report.shown);
    let none = RidgeSettings { kappa: 0., ..RidgeSettings::quick() };
    assert!(matches!(ridge(&none, &mut ()), Err(StudyError::Setting { name: "kappa", .. })));
}
