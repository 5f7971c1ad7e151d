//! Sections against closed forms and invariances.
#![allow(clippy::unwrap_used)]

use candle_core::{Device, Tensor};
use collado_landscape::{Error, Section, filter_normalized, principal};
use collado_models::{Activation, Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Objective};
use proptest::prelude::*;

fn stack(rows: &[&[f64]]) -> Tensor {
    Tensor::from_vec(rows.concat(), (rows.len(), rows[0].len()), &Device::Cpu).unwrap()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

#[test]
fn a_plane_through_three_points_has_cartesian_coordinates() {
    let points = stack(&[&[1., 2., 0., 1.], &[3., -1., 1., 0.], &[0., 0.5, 2., 7.]]);
    let plane = Section::through(&points).unwrap();
    let shadows = plane.project(&points).unwrap();
    assert!(shadows.iter().all(|s| s.distance < 1e-14));
    let rows = points.to_vec2::<f64>().unwrap();
    for i in 0..3 {
        for j in 0..3 {
            let flat = distance(&shadows[i].at, &shadows[j].at);
            assert!((flat - distance(&rows[i], &rows[j])).abs() < 1e-13);
        }
        // The weights at a vertex are exact, so the vertex is met bit by bit.
        let at = plane.span(&shadows[i].at).unwrap().materialize().unwrap().to_vec2::<f64>().unwrap();
        assert!(distance(&at[0], &rows[i]) < 1e-14);
    }
    assert_eq!(plane.coefficients(&[0., 0.]), [1., 0., 0.]);
    let on_line = stack(&[&[0., 0.], &[1., 1.], &[3., 3.]]);
    assert!(matches!(Section::through(&on_line), Err(Error::Degenerate { expected: 2, found: 1 })));
}

#[test]
fn the_nearest_point_leaves_a_rest_at_right_angles() {
    let origin = Tensor::new(&[1., 0., 2.], &Device::Cpu).unwrap();
    let plane = Section::along(&origin, &stack(&[&[1., 1., 0.], &[0., 2., 0.1]])).unwrap();
    let shadow = &plane.project(&stack(&[&[3., -4., 5.]])).unwrap()[0];
    let foot = plane.span(&shadow.at).unwrap().materialize().unwrap().to_vec2::<f64>().unwrap();
    let rest: Vec<f64> = [3., -4., 5.].iter().zip(&foot[0]).map(|(a, b)| a - b).collect();
    assert!((rest[0] + rest[1]).abs() < 1e-13 && (2. * rest[1] + 0.1 * rest[2]).abs() < 1e-13);
    assert!((distance(&rest, &[0.; 3]) - shadow.distance).abs() < 1e-13);
}

#[test]
fn principal_components_are_those_of_the_covariance() {
    // Variances 9, 4, 1 along the axes, by construction.
    let points: Vec<Vec<f64>> = [(3., 0), (2., 1), (1., 2)]
        .iter()
        .flat_map(|&(x, axis)| [x, -x].map(|x| (0..3).map(|j| if j == axis { x } else { 0. }).collect()))
        .collect();
    let rows: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
    let found = principal(&stack(&rows), 2).unwrap();
    assert!((found.explained[0] - 9. / 14.).abs() < 1e-14 && (found.explained[1] - 4. / 14.).abs() < 1e-14);
    let directions = found.directions.to_vec2::<f64>().unwrap();
    assert!((directions[0][0].abs() - 1.).abs() < 1e-14 && (directions[1][1].abs() - 1.).abs() < 1e-14);
    assert!(matches!(
        principal(&stack(&[&[1., 2.], &[2., 4.], &[3., 6.]]), 2),
        Err(Error::Degenerate { .. })
    ));
}

#[test]
fn a_random_walk_explains_as_much_as_the_theory_says() {
    let mut walk = vec![vec![0.; 4000]];
    let steps = Init::Normal { sigma: 1. };
    let arch = Arch::dense(Activation::Relu, &[4000, 1], false).unwrap();
    let all =
        steps.stack(&arch, &(0..100).collect::<Vec<_>>(), candle_core::DType::F64, &Device::Cpu).unwrap();
    for step in all.to_vec2::<f64>().unwrap() {
        let last = walk.last().unwrap();
        walk.push(last.iter().zip(&step).map(|(a, b)| a + b).collect());
    }
    let rows: Vec<&[f64]> = walk.iter().map(Vec::as_slice).collect();
    let explained = principal(&stack(&rows), 2).unwrap().explained;
    let theory = |k: f64| 6. / (std::f64::consts::PI * k).powi(2);
    assert!(
        (explained[0] - theory(1.)).abs() < 0.02 && (explained[1] - theory(2.)).abs() < 0.02,
        "{explained:?}"
    );
}

#[test]
fn sections_of_rescaled_networks_are_the_same() {
    let arch = Arch::dense(Activation::Relu, &[3, 5, 2], true).unwrap();
    let theta = Init::He.stack(&arch, &[7], candle_core::DType::F64, &Device::Cpu).unwrap();
    let mut scaled = theta.to_vec2::<f64>().unwrap().remove(0);
    // The first layer twice as large, what reads it half as large: the same function, in exact steps.
    (0..20).for_each(|i| scaled[i] *= 2.);
    (20..30).for_each(|i| scaled[i] *= 0.5);
    let scaled = Tensor::new(scaled.as_slice(), &Device::Cpu).unwrap();
    let theta = theta.squeeze(0).unwrap();
    let x = Init::Normal { sigma: 1. }.stack(
        &Arch::dense(Activation::Linear, &[3, 20], false).unwrap(),
        &[1],
        candle_core::DType::F64,
        &Device::Cpu,
    );
    let x = x.unwrap().reshape((20, 3)).unwrap();
    let labels = Tensor::from_vec((0..20).map(|i| i % 2).collect::<Vec<u32>>(), 20, &Device::Cpu).unwrap();
    let criterion = Criterion { loss: Loss::CrossEntropy, ..Criterion::default() };
    let objective = EmpiricalRisk::new(&arch, Examples::new(&x, &labels).unwrap(), criterion)
        .unwrap()
        .with_memory(1 << 20);
    let grid: Vec<f64> =
        (0..5).flat_map(|i| (0..5).flat_map(move |j| [i as f64 - 2., j as f64 - 2.])).collect();
    let risks = |theta: &Tensor| {
        let directions = filter_normalized(&arch, theta, 3, 2).unwrap();
        let section = Section::along(theta, &directions).unwrap();
        objective.risks(&section.span(&grid).unwrap()).unwrap()
    };
    assert_eq!(risks(&theta), risks(&scaled));
    let directions = filter_normalized(&arch, &theta, 3, 1).unwrap().to_vec2::<f64>().unwrap();
    let norm = |x: &[f64]| distance(x, &vec![0.; x.len()]);
    let own = theta.to_vec1::<f64>().unwrap();
    for filter in [0..3, 3..6, 20..25, 25..30] {
        assert!((norm(&directions[0][filter.clone()]) - norm(&own[filter])).abs() < 1e-14);
    }
    assert_eq!(directions[0][15..20], [0.; 5]);
}

proptest! {
    #[test]
    fn grids_are_the_points_they_say(x in -3.0f64..3.0, y in -3.0f64..3.0, seed in 0u64..50) {
        let arch = Arch::dense(Activation::Tanh, &[2, 3, 1], true).unwrap();
        let corners = Init::Pytorch.stack(&arch, &[seed, seed + 1, seed + 2], candle_core::DType::F64, &Device::Cpu);
        let plane = Section::through(&corners.unwrap()).unwrap();
        let point = plane.span(&[x, y]).unwrap().materialize().unwrap();
        let shadow = &plane.project(&point).unwrap()[0];
        prop_assert!(distance(&shadow.at, &[x, y]) < 1e-12 && shadow.distance < 1e-12);
    }
}
