//! Paths that never rise: they exist for wide networks, and not for one neuron.
#![allow(clippy::unwrap_used)]

use collado_studies::{
    CellCache, Study, StudyError, Verdict,
    descent_paths::{DescentPathsSettings, descent_paths},
};

fn settings(neurons: &[usize]) -> DescentPathsSettings {
    DescentPathsSettings { neurons: neurons.to_vec(), starts: 6, ..DescentPathsSettings::quick() }
}

#[test]
fn wide_networks_have_a_way_down_and_one_neuron_has_none() {
    let found = descent_paths(&settings(&[9, 20]), &mut ()).unwrap();
    assert_eq!(found.verdict(), Verdict::Supported);
    assert_eq!(found.families.iter().map(|f| f.paths.len()).collect::<Vec<_>>(), [6, 7, 7]);
    for path in found.families.iter().flat_map(|f| &f.paths) {
        // Each value is below all before it, up to rounding.
        for pair in path.risks.windows(2) {
            assert!(pair[1] <= pair[0] + 1e-10 * path.risks[0], "{pair:?}");
        }
        assert!(path.risks[0] > path.optimum && (path.risks.last().unwrap() - path.optimum).abs() < 1e-9);
    }
    let narrow = &found.narrow;
    let (risk, level) = (narrow.spurious_risk.unwrap(), narrow.level.unwrap());
    assert!(narrow.least < risk && risk + 0.01 < level, "{narrow:?}");
    // The minimum is one: no point near is lower.
    let [u, b, w] = narrow.spurious.unwrap();
    let f = |u: f64, b: f64, w: f64| {
        let errors = narrow.x.iter().zip(&narrow.y).map(|(x, y)| (w * (u * x + b).max(0.) - y).powi(2));
        errors.sum::<f64>() / narrow.x.len() as f64
    };
    for i in 0..2000 {
        let step = |k: f64| 1e-3 * (f64::from(i) * 1.3 + k).sin();
        assert!(f(u + step(0.), b + step(1.9), w + step(4.1)) >= f(u, b, w) - 1e-12);
    }
    // The published risk of the planted minimum.
    assert!((found.planted.risk - 0.0232).abs() < 1e-4 && found.planted.rise > 0., "{:?}", found.planted);
}

#[test]
fn one_neuron_contradicts_and_widths_between_decide_nothing() {
    let report = |neurons: &[usize]| settings(neurons).report(&CellCache::none(), &mut ()).unwrap();
    assert_eq!(report(&[1]).verdict, Verdict::Contradicted);
    let between = report(&[4]);
    assert_eq!(between.verdict, Verdict::Inconclusive);
    assert!(
        between.decisive().any(|c| c.found == "no construction for 4 neurons on 9 examples"),
        "{between:?}"
    );
    assert!(matches!(descent_paths(&settings(&[]), &mut ()), Err(StudyError::Setting { .. })));
}
