//! Resuming, the library's rules and L-BFGS.
#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{
    Decay, Epoch, LibraryRule, Observe, Optimizer, Result, Rule, Schedule, Stop, TrainSettings, TrainState,
    Wish, resume, train,
};
use collado_models::{Arch, DenseObjective, Init, Loss, Objective, Risk, Rows, Span};

fn task() -> (Arch, DenseObjective) {
    let data = collado_data::load("synthetic:gaussians?n=90&d=5&k=3").unwrap().train;
    let collado_data::Targets::Classes { labels, .. } = &data.targets else { panic!("classes") };
    let labels = Tensor::from_slice(labels, labels.len(), &Device::Cpu).unwrap();
    let arch = "tanh:5-8-3".parse::<collado_models::ArchSpec>().unwrap().resolve(5, 3).unwrap();
    let risk = Risk { loss: Loss::CrossEntropy, kappa: 1e-2, ..Risk::default() };
    let objective = DenseObjective::new(&arch, &data.inputs, &labels, risk, 1 << 20).unwrap();
    (arch, objective)
}

/// Stops at a step and keeps the state.
struct StopAt {
    step: u64,
    steps: u64,
    state: Option<TrainState>,
    epochs: Vec<u64>,
}

impl Observe for StopAt {
    fn observe(&mut self, epoch: &Epoch<'_>) -> Result<()> {
        self.epochs.push(epoch.epoch);
        Ok(())
    }
    fn poll(&mut self) -> Wish {
        self.steps += 1;
        if self.steps == self.step { Wish::Stop } else { Wish::GoOn }
    }
    fn save(&mut self, state: TrainState) -> Result<()> {
        self.state = Some(state);
        Ok(())
    }
}

#[test]
fn a_run_that_stopped_anywhere_goes_on_to_the_same_bits() {
    let (arch, objective) = task();
    let seeds = [3, 5, 8];
    let start = Init::default().stack(&arch, &seeds, DType::F64, &Device::Cpu).unwrap();
    let rules = [
        Rule::Sgd { momentum: 0.9, nesterov: true, weight_decay: 1e-3 },
        Rule::Adam { weight_decay: 1e-2, decoupled: true },
    ];
    for rule in rules {
        let settings = TrainSettings {
            epochs: 12,
            batch: 16,
            lr: 0.02,
            rule,
            schedule: Schedule { decay: Decay::Cosine, warmup: 5 },
            until_risk: Some(0.35),
            ..TrainSettings::default()
        };
        let watch = |step| StopAt { step, steps: 0, state: None, epochs: Vec::new() };
        let mut whole = watch(0);
        let expected = train(&objective, &start, &seeds, &settings, &mut whole).unwrap().runs;
        let last = expected.iter().map(|r| r.steps).max().unwrap();
        // In the middle of an epoch, at its end, at the very end.
        for step in [1, 5, 6, 29, last] {
            let mut first = watch(step);
            let stopped = train(&objective, &start, &seeds, &settings, &mut first).unwrap().runs;
            assert!(stopped.iter().any(|r| r.stop == Stop::Interrupted), "{step}");
            let mut second = watch(0);
            let state = first.state.unwrap();
            let runs = resume(&objective, &seeds, &settings, state, &mut second).unwrap().runs;
            for (a, b) in runs.iter().zip(&expected) {
                let bits = |t: &Tensor| t.to_vec1::<f64>().unwrap();
                assert_eq!(bits(&a.theta), bits(&b.theta));
                assert_eq!((a.stop, a.steps, a.value.risk), (b.stop, b.steps, b.value.risk));
            }
            // No epoch is seen twice or left out.
            assert_eq!([first.epochs, second.epochs].concat(), whole.epochs, "{step}");
        }
    }
}

#[test]
fn rules_of_the_library_follow_their_formulas_and_rows_stay_apart() {
    let g = [0.5_f64, -2.];
    let start = Tensor::new(&[[1., 2.], [3., 4.]], &Device::Cpu).unwrap();
    let grad = Tensor::new(&[[g[0], g[1]], [1., 1.]], &Device::Cpu).unwrap();
    let after = |rule| {
        let theta = start.copy().unwrap();
        let mut optimizer = Optimizer::new(Rule::Library { rule, weight_decay: 0. }, &theta).unwrap();
        optimizer.step(&theta, &grad, 0.1).unwrap();
        optimizer.keep(&[1]).unwrap();
        let kept = theta.narrow(0, 1, 1).unwrap().copy().unwrap();
        let second = grad.narrow(0, 1, 1).unwrap();
        optimizer.step(&kept, &second, 0.1).unwrap();
        (theta.to_vec2::<f64>().unwrap(), kept.to_vec2::<f64>().unwrap()[0][0])
    };
    // First step: g/√(.01 g²) for RMSprop, sign g for AdaGrad and AdaMax.
    for (rule, size) in [(LibraryRule::RmsProp, 10.), (LibraryRule::Adagrad, 1.), (LibraryRule::Adamax, 1.)] {
        let (first, _) = after(rule);
        for j in 0..2 {
            let expected = start.to_vec2::<f64>().unwrap()[0][j] - 0.1 * size * g[j].signum();
            assert!((first[0][j] - expected).abs() < 1e-6, "{rule:?}: {} {expected}", first[0][j]);
        }
    }
    // AdaGrad's second step with the same gradient is 1/√2 of the first: the memory stayed with its row.
    let (first, second) = after(LibraryRule::Adagrad);
    assert!((second - (first[1][0] - 0.1 / 2_f64.sqrt())).abs() < 1e-8);
}

#[test]
fn every_rule_trains() {
    let (arch, objective) = task();
    let start = Init::default().stack(&arch, &[1], DType::F64, &Device::Cpu).unwrap();
    let library = |rule| Rule::Library { rule, weight_decay: 1e-4 };
    let rules = [
        (library(LibraryRule::RmsProp), 1e-3),
        (library(LibraryRule::Nadam), 2e-3),
        (library(LibraryRule::Radam), 1e-2),
        (library(LibraryRule::Adagrad), 1e-1),
        (library(LibraryRule::Adadelta), 1.),
        (library(LibraryRule::Adamax), 1e-2),
    ];
    for (rule, lr) in rules {
        let settings = TrainSettings { epochs: 40, batch: 16, lr, rule, ..TrainSettings::default() };
        let mut risks = Vec::new();
        let mut watch = |e: &Epoch<'_>| {
            risks.push(e.values[0].risk);
            Ok(())
        };
        train(&objective, &start, &[1], &settings, &mut watch).unwrap();
        assert!(risks[40] < 0.6 * risks[0], "{rule:?}: {} {}", risks[0], risks[40]);
    }
}

#[test]
fn lbfgs_finds_a_critical_point_that_gradient_descent_is_far_from() {
    let (arch, objective) = task();
    let start = Init::default().stack(&arch, &[1], DType::F64, &Device::Cpu).unwrap();
    let settings = TrainSettings {
        epochs: 400,
        batch: 0,
        lr: 1.,
        rule: Rule::Lbfgs,
        until_gradient: Some(1e-7),
        ..TrainSettings::default()
    };
    let quiet = &mut |_: &Epoch<'_>| Ok(());
    let run = &train(&objective, &start, &[1], &settings, quiet).unwrap().runs[0];
    assert_eq!(run.stop, Stop::Converged, "{} steps, risk {}", run.steps, run.value.risk);
    let sgd = Rule::Sgd { momentum: 0., nesterov: false, weight_decay: 0. };
    let slow = TrainSettings { rule: sgd, lr: 0.1, epochs: run.steps, ..settings.clone() };
    let descent = &train(&objective, &start, &[1], &slow, quiet).unwrap().runs[0];
    assert!(run.value.risk < descent.value.risk && descent.stop == Stop::MaxSteps);
    // One run and all examples only.
    let two = Init::default().stack(&arch, &[1, 2], DType::F64, &Device::Cpu).unwrap();
    assert!(train(&objective, &two, &[1, 2], &settings, quiet).unwrap_err().to_string().contains("one run"));
    let batches = TrainSettings { batch: 16, ..settings };
    assert!(train(&objective, &start, &[1], &batches, quiet).unwrap_err().to_string().contains("batch"));
}

#[test]
fn momentum_is_the_loop_of_its_definition() {
    let (arch, objective) = task();
    let start = Init::default().stack(&arch, &[3, 5], DType::F64, &Device::Cpu).unwrap();
    for (nesterov, weight_decay) in [(false, 0.), (false, 1e-2), (true, 0.)] {
        let rule = Rule::Sgd { momentum: 0.9, nesterov, weight_decay };
        let settings = TrainSettings { rule, epochs: 5, batch: 0, lr: 0.1, ..TrainSettings::default() };
        let found = train(&objective, &start, &[3, 5], &settings, &mut |_: &Epoch<'_>| Ok(())).unwrap();
        let (mut theta, mut v) = (start.copy().unwrap(), start.zeros_like().unwrap());
        for _ in 0..5 {
            let g = theta.zeros_like().unwrap();
            objective.evaluate(&Span::stack(&theta).unwrap(), Rows::All, Some(&g)).unwrap();
            let g = (g + (&theta * weight_decay).unwrap()).unwrap();
            v = ((v * 0.9).unwrap() + &g).unwrap();
            let direction = if nesterov { (g + (&v * 0.9).unwrap()).unwrap() } else { v.clone() };
            theta = (theta - (direction * 0.1).unwrap()).unwrap();
        }
        for (run, expected) in found.runs.iter().zip(theta.to_vec2::<f64>().unwrap()) {
            for (a, b) in run.theta.to_vec1::<f64>().unwrap().iter().zip(expected) {
                assert!((a - b).abs() <= 1e-13 * b.abs().max(1.), "{rule:?}: {a} {b}");
            }
        }
    }
}
