//! The engine for networks of any kind on the CPU against candle's operations: values, gradients and statistics of
//! whole families, for numbers of examples that fill no tile, threads and bounds of memory.
#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use collado_models::{Arch, ArchSpec, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Objective, Rows, Span, Statistics};

const NETWORKS: [&str; 7] = [
    "resnet8:width=0.25",
    "resnet8:width=0.25,shortcut=pad",
    "resnet8:width=0.25,shortcut=conv3,norm=gn:2",
    "resnet8:width=0.5,norm=ln",
    "wrn-10-1:width=0.25",
    "vgg11:width=0.0625",
    "lenet:width=0.5",
];

/// Height and width of the images: as small as the poolings of a network allow.
fn side(spec: &str) -> usize {
    if spec.starts_with("vgg") { 32 } else { 12 }
}

fn arch(spec: &str) -> Arch {
    spec.parse::<ArchSpec>().unwrap().resolve_images([2, side(spec), side(spec)], 4).unwrap()
}

fn risk(spec: &str, n: usize) -> EmpiricalRisk {
    let side = side(spec);
    let x: Vec<f64> =
        (0..n * 2 * side * side).map(|i| ((i * 7919 % 1013) as f64 / 1013. - 0.5) * 2.).collect();
    let x = Tensor::from_vec(x, (n, 2, side, side), &Device::Cpu).unwrap();
    let y = Tensor::from_vec((0..n as u32).map(|i| i * i % 4).collect::<Vec<_>>(), n, &Device::Cpu).unwrap();
    let criterion = Criterion { kappa: 1e-3, ..Criterion::default() };
    EmpiricalRisk::new(arch(spec), Examples::new(&x, &y).unwrap(), criterion).unwrap()
}

fn stack(risk: &EmpiricalRisk, points: u64, dtype: DType) -> Tensor {
    let seeds: Vec<u64> = (0..points).collect();
    Init::default().stack(risk.arch(), &seeds, dtype, &Device::Cpu).unwrap()
}

fn numbers(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Values and gradients as numbers.
fn all(risk: &EmpiricalRisk, span: &Span, rows: Rows<'_>) -> Vec<f64> {
    let mut gradient = span.vertices().zeros_like().unwrap();
    let mut found = Vec::new();
    for values in
        [risk.evaluate(span, rows, None).unwrap(), risk.evaluate(span, rows, Some(&mut gradient)).unwrap()]
    {
        found.extend(values.iter().flat_map(|v| [v.risk, v.loss, v.error]));
    }
    found.extend(numbers(&gradient));
    found
}

fn close(what: &str, a: &[f64], b: &[f64], bound: f64) {
    let scale = b.iter().fold(1., |m: f64, x| m.max(x.abs()));
    assert_eq!(a.len(), b.len());
    let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0., f64::max);
    assert!(worst <= bound * scale, "{what}: {worst} of {scale}");
}

#[test]
fn families_agree_with_candle() {
    for spec in NETWORKS {
        let risk = risk(spec, 19);
        let theta = stack(&risk, 2, DType::F64);
        let width = risk.network().buffers().len();
        let buffers: Vec<f64> = (0..2 * width).map(|i| 0.5 + (i % 7) as f64 / 9.).collect();
        let buffers = Tensor::from_vec(buffers, (2, width), &Device::Cpu).unwrap();
        let mut span = Span::new(&theta, vec![0.7, 0.3, 0.2, 0.8, 0., 1.]).unwrap();
        if width > 0 {
            span = span.with_buffers(&buffers).unwrap();
        }
        let batch = [3, 14, 1, 5, 9, 2, 6];
        for statistics in [Statistics::Population, Statistics::Interpolate, Statistics::Train { batch: 11 }] {
            let risk = risk.clone().with_statistics(statistics);
            for rows in [Rows::All, Rows::Shared(&batch)] {
                let what = format!("{spec}, {statistics}, {rows:?}");
                let exact = all(&risk.in_tensors(), &span, rows);
                close(&what, &all(&risk, &span, rows), &exact, 1e-11);
            }
        }
    }
}

/// The gradient under the rule `population` goes through the rows that statistics are taken over, whether those are some of
/// the examples or others.
#[test]
fn gradients_go_through_the_statistics_of_reference_rows() {
    for spec in NETWORKS {
        let training = risk(spec, 19);
        if training.network().buffers().is_empty() {
            continue;
        }
        let others = risk(spec, 23).on_evenly_spaced(5).unwrap();
        let test = training.on(others.data().clone()).unwrap();
        let theta = stack(&training, 2, DType::F64);
        let span = Span::new(&theta, vec![0.7, 0.3, 0.2, 0.8, 0., 1.]).unwrap();
        for risk in [training.with_reference_rows(11).unwrap(), test] {
            close(spec, &all(&risk, &span, Rows::All), &all(&risk.in_tensors(), &span, Rows::All), 1e-11);
        }
    }
}

#[test]
fn single_precision_agrees_with_double() {
    for spec in NETWORKS {
        let risk = risk(spec, 19);
        let theta = stack(&risk, 1, DType::F64);
        let wide = all(&risk, &Span::stack(&theta).unwrap(), Rows::All);
        let narrow = theta.to_dtype(DType::F32).unwrap();
        close(spec, &all(&risk, &Span::stack(&narrow).unwrap(), Rows::All), &wide, 1e-3);
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let risk = risk("resnet8:width=1", 150);
    let theta = stack(&risk, 2, DType::F32);
    let span = Span::stack(&theta).unwrap();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| all(&risk, &span, Rows::All))
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(5));
}

#[test]
fn little_memory_gives_the_same_statistics() {
    let risk = risk("resnet8:width=0.25", 50);
    let span = Span::stack(&stack(&risk, 2, DType::F64)).unwrap();
    let values = |risk: &EmpiricalRisk| -> Vec<f64> {
        risk.evaluate(&span, Rows::All, None).unwrap().iter().flat_map(|v| [v.risk, v.error]).collect()
    };
    close("values", &values(&risk.clone().with_memory(1 << 16)), &values(&risk), 1e-12);
    let statistics =
        |risk: &EmpiricalRisk| numbers(&risk.running_statistics(span.vertices()).unwrap().unwrap());
    close("statistics", &statistics(&risk.clone().with_memory(1 << 16)), &statistics(&risk), 1e-12);
}
