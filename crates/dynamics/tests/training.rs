//! Resuming and stopping a run, and L-BFGS.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{
    AdaptiveRule, Decay, Epoch, Observe, Result, Rule, Schedule, Stop, TrainSettings, TrainState, Trained,
    resume, train,
};
use collado_models::{Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Evaluation, Examples, Loss, Objective, Rows, Span};

fn task() -> (Arch, EmpiricalRisk) {
    let data = collado_data::load("synthetic:gaussians?n=90&d=5&k=3").unwrap().train;
    let collado_data::Targets::Classes { labels, .. } = &data.targets else { panic!("classes") };
    let labels = Tensor::from_slice(labels, labels.len(), &Device::Cpu).unwrap();
    let arch = "tanh:5-8-3".parse::<collado_models::ArchSpec>().unwrap().resolve(5, 3).unwrap();
    let criterion = Criterion { loss: Loss::CrossEntropy, kappa: 1e-2, ..Criterion::default() };
    let objective = EmpiricalRisk::new(&arch, Examples::new(&data.inputs, &labels).unwrap(), criterion)
        .unwrap()
        .with_memory(1 << 20);
    (arch, objective)
}

const ADAPTIVE: [AdaptiveRule; 6] = [
    AdaptiveRule::RmsProp,
    AdaptiveRule::Nadam,
    AdaptiveRule::Radam,
    AdaptiveRule::Adagrad,
    AdaptiveRule::Adadelta,
    AdaptiveRule::Adamax,
];

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
    fn poll(&mut self) -> ControlFlow<()> {
        self.steps += 1;
        if self.steps == self.step { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
    fn save(&mut self, state: TrainState) -> Result<()> {
        self.state = Some(state);
        Ok(())
    }
}

#[test]
fn a_run_that_stopped_anywhere_goes_on_to_the_same_bits() {
    let (arch, objective) = task();
    let mut rules = vec![
        Rule::Sgd { momentum: 0., nesterov: false, weight_decay: 1e-3 },
        Rule::Sgd { momentum: 0.9, nesterov: false, weight_decay: 0. },
        Rule::Sgd { momentum: 0.9, nesterov: true, weight_decay: 1e-3 },
        Rule::Adam { weight_decay: 1e-2, decoupled: false },
        Rule::Adam { weight_decay: 1e-2, decoupled: true },
    ];
    rules.extend(ADAPTIVE.map(|rule| Rule::Adaptive { rule, weight_decay: 1e-3 }));
    let seeds = [3, 5, 8];
    let start = Init::default().stack(&arch, &seeds, DType::F64, &Device::Cpu).unwrap();
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
        // In the middle of an epoch, at its end, at the very end.
        goes_on_to_the_same_bits(&objective, &start, &seeds, &settings, &[1, 5, 6, 29]);
    }
}

#[test]
fn lbfgs_goes_on_with_its_history() {
    let (arch, objective) = task();
    let start = Init::default().stack(&arch, &[1], DType::F64, &Device::Cpu).unwrap();
    for until in [Some(1e-7), None] {
        let settings = TrainSettings {
            epochs: 400,
            batch: 0,
            lr: 1.,
            rule: Rule::Lbfgs,
            until_gradient: until,
            ..TrainSettings::default()
        };
        goes_on_to_the_same_bits(&objective, &start, &[1], &settings, &[1, 2, 20, 21, 35]);
    }
}

/// A run that is stopped after each of some steps, and after its last, against one that never stops.
fn goes_on_to_the_same_bits(
    objective: &EmpiricalRisk,
    start: &Tensor,
    seeds: &[u64],
    settings: &TrainSettings,
    stops: &[u64],
) {
    let rule = settings.rule;
    let watch = |step| StopAt { step, steps: 0, state: None, epochs: Vec::new() };
    let mut whole = watch(0);
    let expected = train(objective, start, seeds, settings, &mut whole).unwrap().runs;
    let last = expected.iter().map(|r| r.steps).max().unwrap();
    assert!(last > stops[1], "{rule:?}: {last}");
    for &step in stops.iter().filter(|&&step| step < last).chain([&last]) {
        let mut first = watch(step);
        let stopped = train(objective, start, seeds, settings, &mut first).unwrap().runs;
        assert!(stopped.iter().any(|r| r.stop == Stop::Interrupted), "{rule:?}, {step}");
        let mut second = watch(0);
        let runs = resume(objective, seeds, settings, first.state.unwrap(), &mut second).unwrap().runs;
        for (a, b) in runs.iter().zip(&expected) {
            let bits = |t: &Tensor| t.to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap();
            assert_eq!(bits(&a.theta), bits(&b.theta), "{rule:?}, {step}");
            assert_eq!((a.stop, a.steps, a.value.risk), (b.stop, b.steps, b.value.risk), "{rule:?}, {step}");
        }
        // No epoch is seen twice or left out.
        assert_eq!([first.epochs, second.epochs].concat(), whole.epochs, "{rule:?}, {step}");
    }
}

#[test]
fn states_that_do_not_fit_are_refused() {
    let (arch, objective) = task();
    let start = Init::default().stack(&arch, &[1], DType::F64, &Device::Cpu).unwrap();
    for rule in [Rule::Adaptive { rule: AdaptiveRule::Nadam, weight_decay: 0. }, Rule::Lbfgs] {
        let settings = TrainSettings { rule, batch: 0, lr: 1e-3, epochs: 9, ..TrainSettings::default() };
        let mut first = StopAt { step: 4, steps: 0, state: None, epochs: Vec::new() };
        train(&objective, &start, &[1], &settings, &mut first).unwrap();
        let state = first.state.unwrap();
        let (memory, steps) = state.optimizer.clone().unwrap();
        let damages: [&dyn Fn(&mut TrainState); 7] = [
            &|s| s.optimizer = None,
            &|s| s.optimizer = Some((memory[1..].to_vec(), steps)),
            &|s| s.optimizer = Some((memory.iter().map(|m| m.narrow(1, 0, 3).unwrap()).collect(), steps)),
            &|s| {
                s.optimizer = Some((memory.iter().map(|m| m.to_dtype(DType::F32).unwrap()).collect(), steps))
            },
            &|s| s.seconds = -1.,
            &|s| s.seconds = f64::MAX,
            // The run that goes on has ended too.
            &|s| {
                let (theta, value) = (s.theta.get(0).unwrap(), Evaluation::from(1.));
                s.ended[0] = Some(Trained { theta, buffers: None, value, stop: Stop::Epochs, steps: 1 });
            },
        ];
        for (i, damage) in damages.into_iter().enumerate() {
            let mut state = state.clone();
            damage(&mut state);
            let quiet = &mut ();
            let error = resume(&objective, &[1], &settings, state, quiet).unwrap_err().to_string();
            assert!(
                error.starts_with("saved state: ") && error.contains("expected"),
                "{rule:?}, {i}: {error}"
            );
        }
    }
}

/// The direction of each step against $-Hg$ with the whole matrix H of BFGS, updated from the same steps.
#[test]
fn lbfgs_goes_where_the_matrix_of_bfgs_points() {
    let (arch, objective) = task();
    let start = Init::default().stack(&arch, &[1], DType::F64, &Device::Cpu).unwrap();
    let gradient = |theta: &[f64]| -> Vec<f64> {
        let theta = Tensor::from_slice(theta, (1, theta.len()), &Device::Cpu).unwrap();
        let mut grad = theta.zeros_like().unwrap();
        objective.evaluate(&Span::stack(&theta).unwrap(), Rows::All, Some(&mut grad)).unwrap();
        grad.squeeze(0).unwrap().to_vec1().unwrap()
    };
    let mut points = Vec::new();
    let mut watch = |e: &Epoch<'_>| {
        points.push(e.theta.squeeze(0)?.to_vec1::<f64>()?);
        Ok(())
    };
    let settings =
        TrainSettings { epochs: 6, batch: 0, lr: 1., rule: Rule::Lbfgs, ..TrainSettings::default() };
    train(&objective, &start, &[1], &settings, &mut watch).unwrap();
    let n = points[0].len();
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let minus = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x - y).collect::<Vec<_>>();
    for last in 0..points.len() - 1 {
        let pairs: Vec<_> = points[..=last]
            .windows(2)
            .map(|p| (minus(&p[1], &p[0]), minus(&gradient(&p[1]), &gradient(&p[0]))))
            .collect();
        let scale = pairs.last().map_or(1., |(s, y)| dot(s, y) / dot(y, y));
        let mut h: Vec<Vec<f64>> =
            (0..n).map(|i| (0..n).map(|j| if i == j { scale } else { 0. }).collect()).collect();
        for (s, y) in &pairs {
            let sy = dot(s, y);
            let hy: Vec<f64> = h.iter().map(|row| dot(row, y)).collect();
            let yhy = dot(y, &hy);
            for i in 0..n {
                for j in 0..n {
                    h[i][j] += (1. + yhy / sy) * s[i] * s[j] / sy - (hy[i] * s[j] + s[i] * hy[j]) / sy;
                }
            }
        }
        let g = gradient(&points[last]);
        let d: Vec<f64> = h.iter().map(|row| -dot(row, &g)).collect();
        let step = minus(&points[last + 1], &points[last]);
        let cosine = dot(&d, &step) / (dot(&d, &d) * dot(&step, &step)).sqrt();
        assert!((cosine - 1.).abs() < 1e-12, "step {last}: {cosine}");
    }
}

#[test]
fn a_run_that_ends_above_its_start_diverged() {
    let (arch, objective) = task();
    let start = Init::default().stack(&arch, &[1, 2], DType::F64, &Device::Cpu).unwrap();
    let rule = Rule::Sgd { momentum: 0., nesterov: false, weight_decay: 0. };
    // A step so long that the risk stays finite and ends far above.
    let settings = TrainSettings { rule, epochs: 3, batch: 0, lr: 1e3, ..TrainSettings::default() };
    let mut first_values = Vec::new();
    let runs = train(&objective, &start, &[1, 2], &settings, &mut |e: &Epoch<'_>| {
        if e.epoch == 0 {
            first_values = e.values.to_vec();
        }
        Ok(())
    });
    for (run, start) in runs.unwrap().runs.iter().zip(&first_values) {
        assert!(run.value.risk.is_finite() && run.value.risk > start.risk, "{}", run.value.risk);
        assert_eq!((run.stop, run.steps), (Stop::Diverged, 3));
    }
    let slow = TrainSettings { lr: 1e-3, ..settings.clone() };
    let stop = |settings: &TrainSettings| {
        train(&objective, &start, &[1, 2], settings, &mut ()).unwrap().runs[0].stop
    };
    assert_eq!(stop(&slow), Stop::Epochs);
    assert_eq!(stop(&TrainSettings { max_steps: Some(2), ..slow }), Stop::MaxSteps);
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
    let quiet = &mut ();
    let run = &train(&objective, &start, &[1], &settings, quiet).unwrap().runs[0];
    assert_eq!(run.stop, Stop::Converged, "{} steps, risk {}", run.steps, run.value.risk);
    let sgd = Rule::Sgd { momentum: 0., nesterov: false, weight_decay: 0. };
    let slow = TrainSettings { rule: sgd, lr: 0.1, epochs: run.steps, ..settings.clone() };
    let descent = &train(&objective, &start, &[1], &slow, quiet).unwrap().runs[0];
    assert!(run.value.risk < descent.value.risk && descent.stop == Stop::Epochs);
    // One run and all examples only.
    let two = Init::default().stack(&arch, &[1, 2], DType::F64, &Device::Cpu).unwrap();
    assert!(train(&objective, &two, &[1, 2], &settings, quiet).unwrap_err().to_string().contains("one run"));
    let batches = TrainSettings { batch: 16, ..settings };
    assert!(train(&objective, &start, &[1], &batches, quiet).unwrap_err().to_string().contains("batch"));
}
