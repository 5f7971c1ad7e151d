//! Finishing: against closed forms, and against itself when it goes on from a saved state.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{
    FinishSettings, FinishState, FinishStep, FinishStop, ObserveFinish, Result, finish, gradient_norm,
};
use collado_models::{Arch, ArchSpec};
use collado_risk::{Criterion, EmpiricalRisk, Evaluation, ExactCurvature, Examples, Loss, Objective, Rows};

/// Rosenbrock's function, whose minimum of 0 is at (1, 1).
struct Rosenbrock;

impl Objective for Rosenbrock {
    fn at(
        &self,
        theta: &Tensor,
        _: Rows<'_>,
        gradient: Option<&mut Tensor>,
    ) -> collado_risk::Result<Vec<Evaluation>> {
        let points = theta.to_vec2::<f64>()?;
        if let Some(gradient) = gradient {
            let slope = |p: &Vec<f64>| {
                let h = p[1] - p[0] * p[0];
                [-2. * (1. - p[0]) - 400. * p[0] * h, 200. * h]
            };
            let slopes: Vec<f64> = points.iter().flat_map(slope).collect();
            *gradient = Tensor::from_vec(slopes, theta.dims(), theta.device())?;
        }
        let value =
            |p: &Vec<f64>| Evaluation::from((1. - p[0]).powi(2) + 100. * (p[1] - p[0] * p[0]).powi(2));
        Ok(points.iter().map(value).collect())
    }
}

fn arch(text: &str, inputs: usize, outputs: usize) -> Arch {
    text.parse::<ArchSpec>().unwrap().resolve(inputs, outputs).unwrap()
}

/// Ridge regression: a linear network with one layer, whose minimum solves a linear equation.
fn ridge() -> EmpiricalRisk {
    let x: Vec<f64> = (0..40).map(|i| (f64::from(i) * 0.7).sin()).collect();
    let y: Vec<f64> = (0..10).map(|i| (f64::from(i) * 1.3).cos()).collect();
    let x = Tensor::from_vec(x, (10, 4), &Device::Cpu).unwrap();
    let y = Tensor::from_vec(y, (10, 1), &Device::Cpu).unwrap();
    let criterion = Criterion { loss: Loss::Squared, kappa: 0.1, ..Criterion::default() };
    EmpiricalRisk::new(arch("linear:4-1", 4, 1), Examples::new(&x, &y).unwrap(), criterion).unwrap()
}

/// A network with many saddles.
fn network() -> EmpiricalRisk {
    let x: Vec<f64> = (0..60).map(|i| (f64::from(i) * 0.7).sin()).collect();
    let labels: Vec<u32> = (0..20).map(|i| (i * i) % 3).collect();
    let x = Tensor::from_vec(x, (20, 3), &Device::Cpu).unwrap();
    let labels = Tensor::from_vec(labels, 20, &Device::Cpu).unwrap();
    let criterion = Criterion { kappa: 1e-3, ..Criterion::default() };
    EmpiricalRisk::new(arch("tanh:3-6-3", 3, 3), Examples::new(&x, &labels).unwrap(), criterion).unwrap()
}

fn start(size: usize) -> Tensor {
    let theta: Vec<f64> = (0..size).map(|i| (i as f64 * 1.7).sin()).collect();
    Tensor::from_vec(theta, size, &Device::Cpu).unwrap()
}

#[test]
fn without_products_lbfgs_finds_the_minimum() -> Result<()> {
    let theta = Tensor::new(&[-1.2, 1.], &Device::Cpu)?;
    let settings = FinishSettings { gradient: 1e-9, ..FinishSettings::default() };
    let end = finish(&Rosenbrock, None, DType::F64, FinishState::start(&theta)?, &settings, &mut ())?;
    assert_eq!(end.stop, FinishStop::Reached);
    for x in end.theta.to_vec1::<f64>()? {
        assert!((x - 1.).abs() < 1e-8, "{x}");
    }
    Ok(())
}

#[test]
fn newton_solves_a_quadratic_and_leaves_saddles() -> Result<()> {
    let settings = FinishSettings { gradient: 1e-10, ..FinishSettings::default() };
    let risk = ridge();
    let curvature = ExactCurvature::new(&risk)?;
    let theta = start(4);
    let end = finish(&risk, Some(&curvature), DType::F64, FinishState::start(&theta)?, &settings, &mut ())?;
    // The minimum solves (XᵀX/n + κ) w = Xᵀy/n: the gradient, which is linear, vanishes there.
    assert!(end.stop == FinishStop::Reached && end.gradient_norm <= 1e-9, "{}", end.gradient_norm);
    // All weights 0 are a saddle of a network with a hidden layer; a point near it does not stay.
    let risk = network();
    let curvature = ExactCurvature::new(&risk)?;
    let near = (start(risk.network().size()) * 1e-3)?;
    let end = finish(&risk, Some(&curvature), DType::F64, FinishState::start(&near)?, &settings, &mut ())?;
    assert_eq!(end.stop, FinishStop::Reached);
    let (value, norm) = gradient_norm(&risk, &end.theta)?;
    assert_eq!((value.risk, norm), (end.value.risk, end.gradient_norm));
    assert!(value.risk < 3f64.ln() / 2., "{}", value.risk);
    Ok(())
}

#[test]
fn rounding_is_judged() -> Result<()> {
    let risk = network();
    let curvature = ExactCurvature::new(&risk)?;
    let begin = || FinishState::start(&start(risk.network().size()));
    let run = |gradient| {
        let settings = FinishSettings { gradient, ..FinishSettings::default() };
        finish(&risk, Some(&curvature), DType::F32, begin()?, &settings, &mut ())
    };
    let end = run(1e-6)?;
    assert_eq!((end.stop, end.theta.dtype()), (FinishStop::Reached, DType::F32));
    // Rounding to F32 leaves more of a gradient than this.
    assert_eq!(run(1e-13)?.stop, FinishStop::Rounded);
    Ok(())
}

/// Keeps all states, or stops at the given Hessian product.
struct Watch {
    states: Vec<FinishState>,
    products: usize,
}

impl ObserveFinish for Watch {
    fn observe(&mut self, step: &FinishStep<'_>) -> Result<()> {
        self.states.push(step.state.clone());
        Ok(())
    }

    fn poll(&mut self) -> ControlFlow<()> {
        self.products = self.products.saturating_sub(1);
        if self.products == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[test]
fn it_goes_on_to_the_same_bits() -> Result<()> {
    let risk = network();
    let curvature = ExactCurvature::new(&risk)?;
    let settings = FinishSettings { gradient: 1e-8, ..FinishSettings::default() };
    for curvature in [Some(&curvature), None] {
        let begin = FinishState::start(&start(risk.network().size()))?;
        let mut all = Watch { states: vec![], products: usize::MAX };
        let whole = finish(&risk, curvature, DType::F64, begin.clone(), &settings, &mut all)?;
        let state = all.states[all.states.len() / 2].clone();
        let rest = finish(&risk, curvature, DType::F64, state, &settings, &mut ())?;
        assert_eq!(whole.theta.to_vec1::<f64>()?, rest.theta.to_vec1::<f64>()?);
        assert_eq!((whole.steps, whole.products), (rest.steps, rest.products));
        // Stopped anywhere, the last state seen leads to the same end.
        let mut some = Watch { states: vec![], products: 7 };
        let stopped = finish(&risk, curvature, DType::F64, begin, &settings, &mut some)?;
        assert_eq!(stopped.stop, FinishStop::Interrupted);
        let state = some.states.pop().unwrap();
        let rest = finish(&risk, curvature, DType::F64, state, &settings, &mut ())?;
        assert_eq!(whole.theta.to_vec1::<f64>()?, rest.theta.to_vec1::<f64>()?);
    }
    Ok(())
}
