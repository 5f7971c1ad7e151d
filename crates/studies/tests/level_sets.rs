//! Proposition 1: the numbers of components beside a grid of the whole parameter space, and the verdicts.
#![allow(clippy::unwrap_used)]

use collado_studies::{
    CellCache, Study, Verdict,
    level_sets::{INPUTS, Landscape, LevelSetsSettings, level_sets},
};

/// Points a side of the grid of (u, b, w), and its half side.
const SIDE: usize = 61;
const HALF: f64 = 1.5;

/// The components of {F ≤ λ} on a grid, by flooding over neighbours; specks of fewer than ten points are left out.
fn components(of: &Landscape, level: f64) -> usize {
    let at = |i: usize| HALF * (2. * i as f64 / (SIDE - 1) as f64 - 1.);
    let risk = |i: usize| {
        let [u, b, w] = [at(i % SIDE), at(i / SIDE % SIDE), at(i / SIDE / SIDE)];
        let errors = INPUTS.iter().zip(of.targets).map(|(x, y)| (w * (u * x + b).max(0.) - y).powi(2));
        errors.sum::<f64>() / 3. + of.kappa * (u * u + b * b + w * w)
    };
    let mut open: Vec<bool> = (0..SIDE.pow(3)).map(|i| risk(i) <= level).collect();
    let mut found = 0;
    for start in 0..open.len() {
        let (mut stack, mut size) = (vec![start], 0);
        while let Some(i) = stack.pop() {
            if !std::mem::take(&mut open[i]) {
                continue;
            }
            size += 1;
            let place = [i % SIDE, i / SIDE % SIDE, i / SIDE / SIDE];
            for (axis, step) in [1, SIDE, SIDE * SIDE].into_iter().enumerate() {
                stack.extend((place[axis] > 0).then(|| i - step));
                stack.extend((place[axis] + 1 < SIDE).then(|| i + step));
            }
        }
        found += usize::from(size >= 10);
    }
    found
}

#[test]
fn all_cases_of_the_proposition_occur() {
    let found = level_sets(&LevelSetsSettings::quick(), &mut ()).unwrap();
    assert_eq!(found.verdict(), Verdict::Supported);
    let [one, two, twins, plateau] = &found.landscapes[..] else { panic!("{found:?}") };
    assert!(one.is_connected() && plateau.is_connected() && one.bad_minima(true) == 0);
    assert_eq!((two.minima.len(), two.bad_minima(false), two.most_components()), (2, 1, 2));
    assert_eq!((twins.minima.len(), twins.strict_minima(), twins.bad_minima(true)), (2, 2, 0));
    assert_eq!((plateau.bad_minima(false), plateau.bad_minima(true)), (0, 1));
    for landscape in &found.landscapes {
        let undecided = landscape.components.iter().filter(|(_, count)| count.is_none()).count();
        assert!(undecided <= 4, "{}: {undecided}", landscape.name);
    }
}

/// The grid sees the whole space of (u, b, w), not the circle.
#[test]
fn a_grid_of_the_whole_space_has_as_many_components() {
    let found = level_sets(&LevelSetsSettings::quick(), &mut ()).unwrap();
    for landscape in &found.landscapes {
        let lowest = landscape.minima.iter().map(|m| m.risk[1]).fold(landscape.zero, f64::min);
        for share in [0.35, 0.6, 0.75, 0.97, 1.02] {
            let level = lowest + share * (landscape.zero - lowest);
            let nearest = landscape
                .components
                .iter()
                .min_by(|a, b| (a.0 - level).abs().total_cmp(&(b.0 - level).abs()));
            let &(level, count) = nearest.unwrap();
            assert_eq!(Some(components(landscape, level)), count, "{} at {level}", landscape.name);
        }
    }
}

#[test]
fn as_printed_the_proposition_is_contradicted_by_a_plateau() {
    let printed = LevelSetsSettings { all_minima: true, ..LevelSetsSettings::quick() };
    assert_eq!(printed.report(&CellCache::none(), &mut ()).unwrap().verdict, Verdict::Contradicted);
    // Without ridge no minimum is strict: the cases are missing.
    let flat = LevelSetsSettings { kappa: 0., ..LevelSetsSettings::quick() };
    let report = flat.report(&CellCache::none(), &mut ()).unwrap();
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(
        report.decisive().any(|c| c.condition.starts_with("connected level sets with a strict")),
        "{report:?}"
    );
}
