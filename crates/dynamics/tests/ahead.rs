//! Training and curves with an objective that takes many steps at a time: the kernels for GPUs, emulated on the CPU.
#![allow(clippy::unwrap_used)]

use std::{ops::ControlFlow, sync::Arc};

use candle_core::{DType, Device, Tensor};
use collado_cuda::Emulated;
use collado_dynamics::{
    Connect, Curve, Epoch, Observe, Result, Rule, Search, TrainSettings, TrainState, resume, train,
};
use collado_models::{Activation, Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Objective, Precision};

/// 50 examples of three classes; a minibatch of 16 leaves a short one at the end of each epoch.
fn risk() -> EmpiricalRisk {
    let arch = Arch::dense(Activation::Relu, &[4, 9, 7, 3], true).unwrap();
    let x: Vec<f32> = (0..200).map(|i| (i as f32 * 0.37).sin()).collect();
    let y: Vec<u32> = (0..50).map(|i| i * 7 % 3).collect();
    let x = Tensor::from_vec(x, (50, 4), &Device::Cpu).unwrap();
    let y = Tensor::from_vec(y, 50, &Device::Cpu).unwrap();
    EmpiricalRisk::new(&arch, Examples::new(&x, &y).unwrap(), Criterion::default()).unwrap()
}

fn kernels(risk: &EmpiricalRisk) -> impl Objective + use<> {
    risk.on_machine(Arc::new(Emulated::in_order(0)), Precision::default()).unwrap()
}

fn starts(risk: &EmpiricalRisk, count: u64) -> (Tensor, Vec<u64>) {
    let seeds: Vec<u64> = (0..count).collect();
    (Init::default().stack(risk.arch(), &seeds, DType::F32, &Device::Cpu).unwrap(), seeds)
}

fn gap(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).unwrap().abs().unwrap().max_all().unwrap().to_dtype(DType::F64).unwrap().to_scalar().unwrap()
}

fn settings(rule: Rule) -> TrainSettings {
    TrainSettings { epochs: 3, batch: 16, rule, lr: 0.05, ..TrainSettings::default() }
}

const RULES: [Rule; 3] = [
    Rule::Sgd { momentum: 0.9, nesterov: false, weight_decay: 0. },
    Rule::Sgd { momentum: 0., nesterov: false, weight_decay: 0.01 },
    Rule::Adam { weight_decay: 0.01, decoupled: true },
];

/// Tells how often it was called, saves after `save` calls, and is stopped there.
struct Watch {
    epochs: u64,
    polls: u64,
    save: u64,
    state: Option<TrainState>,
}

impl Observe for Watch {
    fn observe(&mut self, epoch: &Epoch<'_>) -> Result<()> {
        self.epochs = epoch.epoch;
        Ok(())
    }

    fn poll(&mut self) -> ControlFlow<()> {
        self.polls += 1;
        if self.polls == self.save { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn save(&mut self, state: TrainState) -> Result<()> {
        self.state = Some(state);
        Ok(())
    }
}

fn watch(save: u64) -> Watch {
    Watch { epochs: 0, polls: 0, save, state: None }
}

#[test]
fn steps_together_are_steps_one_by_one() {
    let risk = risk();
    let kernels = kernels(&risk);
    for (rule, batch) in RULES.into_iter().zip([16, 16, 0]) {
        let (start, seeds) = starts(&risk, 3);
        let settings = TrainSettings { batch, ..settings(rule) };
        let one = train(&risk, &start, &seeds, &settings, &mut ()).unwrap();
        let mut seen = watch(u64::MAX);
        let watched = train(&kernels, &start, &seeds, &settings, &mut seen).unwrap();
        let unwatched = train(&kernels, &start, &seeds, &settings, &mut ()).unwrap();
        assert_eq!((seen.epochs, seen.polls), (3, 3), "an epoch at a time");
        for ((one, watched), unwatched) in one.runs.iter().zip(&watched.runs).zip(&unwatched.runs) {
            assert!(gap(&one.theta, &watched.theta) < 2e-5, "{rule:?}");
            assert_eq!(gap(&watched.theta, &unwatched.theta), 0., "{rule:?}");
            assert_eq!((one.steps, one.stop), (watched.steps, watched.stop));
            assert!((one.value.risk - watched.value.risk).abs() < 1e-5);
        }
    }
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_bits() {
    let risk = risk();
    for rule in RULES {
        let (start, seeds) = starts(&risk, 2);
        let settings = settings(rule);
        let whole = train(&kernels(&risk), &start, &seeds, &settings, &mut watch(u64::MAX)).unwrap();
        let mut first = watch(2);
        train(&kernels(&risk), &start, &seeds, &settings, &mut first).unwrap();
        let state = first.state.unwrap();
        assert_eq!(state.steps, 8);
        let rest = resume(&kernels(&risk), &seeds, &settings, state, &mut ()).unwrap();
        for (a, b) in whole.runs.iter().zip(&rest.runs) {
            assert_eq!(gap(&a.theta, &b.theta), 0., "{rule:?}");
        }
    }
}

#[test]
fn curves_are_those_of_single_steps() {
    let risk = risk();
    let kernels = kernels(&risk);
    let (ends, _) = starts(&risk, 2);
    let (a, b) = (ends.get(0).unwrap(), ends.get(1).unwrap());
    for (bends, batch) in [(1, 16), (2, 16), (1, 0)] {
        let curve = Curve { bends, batch, epochs: 2, ..Curve::default() };
        let mut shares = Vec::new();
        let mut progress = |share: f64| {
            shares.push(share);
            ControlFlow::Continue(())
        };
        let mut search = Search { objective: &kernels, seed: 1, progress: &mut progress };
        let found = curve.find(&a, &b, &mut search).unwrap().path;
        assert_eq!(shares, [1.], "few steps are taken together");
        let mut search = Search { objective: &risk, seed: 1, progress: &mut () };
        let expected = curve.find(&a, &b, &mut search).unwrap().path;
        assert!(gap(found.vertices(), expected.vertices()) < 2e-5);
    }
}
