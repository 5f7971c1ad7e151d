//! Each rule of single steps against its definition, alone and inside the training loop.
#![allow(clippy::unwrap_used)]

mod definition;

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{AdaptiveRule, Epoch, Optimizer, Rule, Sampler, TrainSettings, train};
use collado_models::{Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Objective, Rows};
use definition::Definition;

const ADAPTIVE: [AdaptiveRule; 6] = [
    AdaptiveRule::RmsProp,
    AdaptiveRule::Nadam,
    AdaptiveRule::Radam,
    AdaptiveRule::Adagrad,
    AdaptiveRule::Adadelta,
    AdaptiveRule::Adamax,
];

/// Every rule of single steps.
fn rules(weight_decay: f64) -> Vec<Rule> {
    let sgd = |momentum, nesterov| Rule::Sgd { momentum, nesterov, weight_decay };
    let adam = |decoupled| Rule::Adam { weight_decay, decoupled };
    let mut all = vec![sgd(0., false), sgd(0.9, false), sgd(0.9, true), adam(false), adam(true)];
    all.extend(ADAPTIVE.map(|rule| Rule::Adaptive { rule, weight_decay }));
    all
}

#[test]
fn rules_are_those_of_their_definitions() {
    // Of Σ sin θ.
    let start = [[1., -2., 0.3], [0.5, 4., -1.7]];
    for (decay, steps) in [(0., 1), (0.1, 4), (0., 20), (0.1, 20), (0.1, 300)] {
        for rule in rules(decay) {
            let theta = Tensor::new(&start, &Device::Cpu).unwrap();
            let mut optimizer = Optimizer::new(rule, &theta).unwrap();
            for _ in 0..steps {
                optimizer.step(&theta, &theta.cos().unwrap(), 0.01).unwrap();
            }
            let found = theta.to_vec2::<f64>().unwrap();
            for (&x, &start) in found.iter().flatten().zip(start.as_flattened()) {
                let mut definition = Definition::new(rule);
                let expected = (0..steps).fold(start, |x: f64, _| definition.step(x, x.cos(), 0.01));
                assert!((x - expected).abs() < 1e-12, "{rule:?}, {steps} steps: {x} {expected}");
            }
        }
    }
}

fn task() -> (Arch, EmpiricalRisk) {
    let data = collado_data::load("synthetic:gaussians?n=90&d=5&k=3").unwrap().train;
    let collado_data::Targets::Classes { labels, .. } = &data.targets else { panic!("classes") };
    let labels = Tensor::from_slice(labels, labels.len(), &Device::Cpu).unwrap();
    let arch = Arch::dense(collado_models::Activation::Tanh, &[5, 8, 3], true).unwrap();
    let criterion = Criterion { loss: Loss::CrossEntropy, kappa: 1e-2, ..Criterion::default() };
    let examples = Examples::new(&data.inputs, &labels).unwrap();
    let risk = EmpiricalRisk::new(&arch, examples, criterion).unwrap().with_memory(1 << 20);
    (arch, risk)
}

/// The rows after `steps` steps by the definition, each on the minibatches of its own seed.
fn by_definition(
    risk: &EmpiricalRisk,
    start: &Tensor,
    seeds: &[u64],
    settings: &TrainSettings,
    steps: u64,
) -> Vec<Vec<f64>> {
    let rows = start.to_vec2::<f64>().unwrap().into_iter().zip(seeds);
    rows.map(|(mut theta, &seed)| {
        let mut sampler = Sampler::new(seed, risk.examples(), settings.batch);
        let mut definitions: Vec<_> = theta.iter().map(|_| Definition::new(settings.rule)).collect();
        for step in 0..steps {
            let point = Tensor::from_slice(&theta, (1, theta.len()), &Device::Cpu).unwrap();
            let mut gradient = point.zeros_like().unwrap();
            risk.at(&point, Rows::Shared(sampler.batch(step)), Some(&mut gradient)).unwrap();
            let gradient = gradient.squeeze(0).unwrap().to_vec1::<f64>().unwrap();
            for ((x, g), definition) in theta.iter_mut().zip(gradient).zip(&mut definitions) {
                *x = definition.step(*x, g, settings.lr);
            }
        }
        theta
    })
    .collect()
}

/// 240 steps on minibatches bring every rule near the least risk, about 0.148. On all examples rounding errors grow, so
/// that fewer steps are compared.
#[test]
fn every_rule_trains_by_its_definition() {
    let (arch, risk) = task();
    let seeds = [3, 5];
    let start = Init::default().stack(&arch, &seeds, DType::F64, &Device::Cpu).unwrap();
    for (batch, steps, risk_reached) in [(16, 240, 0.17), (0, 60, 0.56)] {
        for rule in rules(0.).into_iter().chain(rules(1e-3)) {
            let lr = match rule {
                Rule::Sgd { momentum: 0., .. } => 0.3,
                Rule::Adaptive { rule: AdaptiveRule::Adagrad, .. } => 0.1,
                Rule::Adaptive { rule: AdaptiveRule::Adadelta, .. } => 5.,
                _ => 0.02,
            };
            let settings = TrainSettings {
                epochs: steps,
                max_steps: Some(steps),
                batch,
                lr,
                rule,
                ..TrainSettings::default()
            };
            let found = train(&risk, &start, &seeds, &settings, &mut |_: &Epoch<'_>| Ok(())).unwrap().runs;
            let expected = by_definition(&risk, &start, &seeds, &settings, steps);
            for (run, expected) in found.iter().zip(expected) {
                assert_eq!(run.steps, steps, "{rule:?}");
                for (a, b) in run.theta.to_vec1::<f64>().unwrap().iter().zip(expected) {
                    assert!((a - b).abs() <= 1e-9 * b.abs().max(1.), "{rule:?}, batch {batch}: {a} {b}");
                }
                assert!(run.value.risk < risk_reached, "{rule:?}, batch {batch}: {}", run.value.risk);
            }
        }
    }
}

#[test]
fn memories_stay_with_their_rows() {
    for rule in rules(0.1) {
        let theta = Tensor::new(&[[1., 2.], [3., 4.]], &Device::Cpu).unwrap();
        let alone = theta.narrow(0, 1, 1).unwrap().copy().unwrap();
        let mut both = Optimizer::new(rule, &theta).unwrap();
        let mut one = Optimizer::new(rule, &alone).unwrap();
        both.step(&theta, &theta.cos().unwrap(), 0.1).unwrap();
        one.step(&alone, &alone.cos().unwrap(), 0.1).unwrap();
        both.keep(&[1]).unwrap();
        let kept = theta.narrow(0, 1, 1).unwrap().copy().unwrap();
        both.step(&kept, &kept.cos().unwrap(), 0.1).unwrap();
        one.step(&alone, &alone.cos().unwrap(), 0.1).unwrap();
        assert_eq!(kept.to_vec2::<f64>().unwrap(), alone.to_vec2::<f64>().unwrap(), "{rule:?}");
    }
}
