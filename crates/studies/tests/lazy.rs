//! What contradicts the study of lazy training (docs/studies/lazy.md).
#![allow(clippy::unwrap_used)]

use collado_studies::{
    CellCache, Report, Verdict,
    lazy::{LazySettings, lazy},
};

/// Networks with the slides' initialisation in the place of the theorem's: the kernel does not grow, and θ moves as much at all
/// widths.
#[test]
fn networks_that_are_not_lazy_contradict_the_claim() {
    let settings = LazySettings {
        widths: vec![64, 128, 256, 512],
        examples: 8,
        dims: 16,
        runs: 3,
        steps: 400,
        draws: 30,
        ..LazySettings::default()
    };
    let mut found = lazy(&settings, &CellCache::none(), &mut ()).unwrap();
    assert_eq!(Report::from(&found).verdict, Verdict::Supported);
    found.growth.swap(0, 1);
    found.descents.iter_mut().for_each(|descent| descent.start = 1 - descent.start);
    found.second_derivatives.iter_mut().for_each(|row| row.start = 1 - row.start);
    let report = Report::from(&found);
    assert_eq!(report.verdict, Verdict::Contradicted, "{:?}", report.conditions);
    let growth = &report.conditions[0];
    assert!(growth.condition.contains("grows") && growth.verdict == Verdict::Contradicted, "{growth:?}");
}
