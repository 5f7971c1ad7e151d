//! Curvature products against differences of gradients, sums over examples, and explicit matrices.
#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use collado_landscape::{CentralDifference, Curvature, LinearOperator, explicit};
use collado_models::{Activation, Arch, Init};
use collado_risk::{
    Criterion, CurvatureForm, EmpiricalRisk, ExactCurvature, Examples, Loss, Objective, Planted, Regularizer,
    Rows, Span,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// A risk with its curvature at a random point.
struct Case {
    objective: EmpiricalRisk,
    curvature: ExactCurvature,
    theta: Tensor,
}

fn normal(seed: u64, count: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.sample(StandardNormal)).collect()
}

fn case(arch: &Arch, loss: Loss, examples: usize, regularizer: Regularizer) -> Case {
    let x = Tensor::from_vec(normal(1, examples * arch.inputs()), (examples, arch.inputs()), &Device::Cpu)
        .unwrap();
    let q = arch.outputs();
    let targets = match loss {
        Loss::Squared => Tensor::from_vec(normal(2, examples * q), (examples, q), &Device::Cpu).unwrap(),
        _ => {
            let labels: Vec<u32> = (0..examples as u32).map(|i| (i * 7 + 1) % q as u32).collect();
            Tensor::from_vec(labels, examples, &Device::Cpu).unwrap()
        }
    };
    let criterion = Criterion { loss, kappa: 0.03, regularizer };
    let objective = EmpiricalRisk::new(arch, Examples::new(&x, &targets).unwrap(), criterion)
        .unwrap()
        .with_memory(1 << 24);
    let curvature = ExactCurvature::new(
        &EmpiricalRisk::new(arch, Examples::new(&x, &targets).unwrap(), criterion)
            .unwrap()
            .with_memory(1 << 24),
    )
    .unwrap();
    let theta = Init::He.stack(arch, &[5], DType::F64, &Device::Cpu).unwrap().squeeze(0).unwrap();
    // Biases away from 0, so that every term counts.
    let noise = Tensor::from_vec(normal(3, theta.elem_count()), theta.elem_count(), &Device::Cpu).unwrap();
    Case { objective, curvature, theta: (theta + (noise * 0.1).unwrap()).unwrap() }
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
}

fn architectures() -> Vec<Arch> {
    let mut all: Vec<Arch> =
        Activation::ALL.iter().map(|&a| Arch::dense(a, &[4, 6, 5, 3], true).unwrap()).collect();
    all.push(Arch::dense(Activation::Tanh, &[4, 3], true).unwrap());
    all.push(Arch::dense(Activation::Linear, &[4, 6, 3], false).unwrap());
    all.push(Arch::two_layer(4, 7, 3).unwrap());
    all
}

#[test]
fn hessian_products_are_central_differences_of_gradients() {
    for arch in architectures() {
        for loss in Loss::ALL {
            for regularizer in [Regularizer::L2, Regularizer::L2Last, Regularizer::L1Last] {
                // More than one tile, the last one short.
                let case = case(&arch, loss, 150, regularizer);
                let hessian = Curvature::new(&case.curvature, CurvatureForm::Hessian, &case.theta).unwrap();
                // Networks of rectifiers are smooth inside their regions only: small steps.
                let kinked = matches!(arch.activation(), Activation::Relu | Activation::Leaky);
                let step = if kinked { 1e-6 } else { 1e-3 };
                let numeric = CentralDifference::new(&case.objective, &case.theta, step).unwrap();
                let v = normal(9, 3 * hessian.size());
                let (mut exact, mut near) = (vec![0.; v.len()], vec![0.; v.len()]);
                hessian.apply(&v, &mut exact).unwrap();
                let errors = numeric.apply_with_errors(&v, &mut near).unwrap();
                for (b, error) in errors.iter().enumerate() {
                    let row = b * hessian.size()..(b + 1) * hessian.size();
                    let off = distance(&exact[row.clone()], &near[row.clone()]);
                    assert!(off <= *error, "{arch} {loss}: {off:e} against the stated {error:e}");
                    assert!(*error < 1e-5 * norm(&exact[row]), "{arch} {loss}: {error:e}");
                }
            }
        }
    }
}

#[test]
fn the_matrices_are_symmetric_and_those_of_their_definitions() {
    for arch in architectures() {
        for loss in Loss::ALL {
            let case = case(&arch, loss, 70, Regularizer::L1Last);
            let s = case.curvature.size();
            for form in CurvatureForm::ALL {
                let operator = Curvature::new(&case.curvature, form, &case.theta).unwrap();
                let (matrix, asymmetry) = explicit(&operator, &mut ()).unwrap();
                let size = (0..s).map(|i| matrix[(i, i)].abs()).fold(0., f64::max);
                assert!(asymmetry <= 1e-14 * size, "{arch} {loss} {form:?}: {asymmetry:e} of {size:e}");
                // A block of one vector, and the matrix itself as an operator.
                let v = normal(4, s);
                let (mut a, mut b) = (vec![0.; s], vec![0.; s]);
                operator.apply(&v, &mut a).unwrap();
                matrix.apply(&v, &mut b).unwrap();
                assert!(distance(&a, &b) <= 1e-13 * norm(&a).max(size));
                if form != CurvatureForm::Hessian {
                    let values = matrix.self_adjoint_eigenvalues(faer::Side::Lower).unwrap();
                    assert!(
                        values[0] >= -1e-13 * size,
                        "{arch} {loss} {form:?} is not positive: {}",
                        values[0]
                    );
                }
            }
        }
    }
}

#[test]
fn the_fisher_matrix_is_the_mean_of_outer_products() {
    let arch = Arch::dense(Activation::Softplus, &[4, 6, 3], true).unwrap();
    let case = case(&arch, Loss::CrossEntropy, 90, Regularizer::L1Last);
    let s = case.curvature.size();
    let each: Vec<u32> = (0..90).collect();
    let points = case.theta.unsqueeze(0).unwrap().repeat((90, 1)).unwrap();
    let mut grad = points.zeros_like().unwrap();
    let rows = Rows::Each { rows: &each, batch: 1 };
    case.objective.evaluate(&Span::stack(&points).unwrap(), rows, Some(&mut grad)).unwrap();
    // The L1 penalty is no part of an example's loss.
    let layout = arch.layout();
    let last = layout.get("2.weight").unwrap();
    let theta = case.theta.to_vec1::<f64>().unwrap();
    let mut gradients = grad.to_vec2::<f64>().unwrap();
    for g in &mut gradients {
        (last.offset..last.offset + last.len()).for_each(|i| g[i] -= 0.03 * theta[i].signum());
    }
    let fisher = Curvature::new(&case.curvature, CurvatureForm::Fisher, &case.theta).unwrap();
    let (matrix, _) = explicit(&fisher, &mut ()).unwrap();
    for i in 0..s {
        for j in 0..s {
            let mean = gradients.iter().map(|g| g[i] * g[j]).sum::<f64>() / 90.;
            assert!((matrix[(i, j)] - mean).abs() < 1e-15);
        }
    }
}

#[test]
fn gauss_newton_is_the_hessian_of_a_linear_model_and_at_zero_residual() {
    let arch = Arch::dense(Activation::Linear, &[4, 3], true).unwrap();
    let one_layer = case(&arch, Loss::CrossEntropy, 70, Regularizer::L2);
    let v = normal(4, one_layer.curvature.size());
    let product = |form| {
        let mut out = vec![0.; v.len()];
        Curvature::new(&one_layer.curvature, form, &one_layer.theta).unwrap().apply(&v, &mut out).unwrap();
        out
    };
    assert!(distance(&product(CurvatureForm::Hessian), &product(CurvatureForm::GaussNewton)) < 1e-15);
}

#[test]
fn other_objectives_have_products_with_a_stated_error() {
    let planted = Planted::new(4, 4).unwrap();
    let theta = Tensor::from_vec(normal(8, 16), 16, &Device::Cpu).unwrap();
    let weights = theta.to_vec1::<f64>().unwrap();
    let exact = planted.hessian(&weights).unwrap();
    let numeric = CentralDifference::new(&planted, &theta, 1e-3).unwrap();
    let v = normal(3, 16);
    let mut product = vec![0.; 16];
    let error = numeric.apply_with_errors(&v, &mut product).unwrap()[0];
    let truth: Vec<f64> = (0..16).map(|i| (0..16).map(|j| exact[i * 16 + j] * v[j]).sum()).collect();
    assert!(distance(&product, &truth) <= error && error < 1e-4, "{error:e}");
}

#[test]
fn threads_and_blocks_do_not_change_a_bit() {
    let arch = Arch::dense(Activation::Gelu, &[4, 6, 5, 3], true).unwrap();
    let case = case(&arch, Loss::CrossEntropy, 1500, Regularizer::L2);
    let hessian = Curvature::new(&case.curvature, CurvatureForm::Hessian, &case.theta).unwrap();
    let v = normal(9, 5 * hessian.size());
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut out = vec![0.; v.len()];
        pool.install(|| hessian.apply(&v, &mut out)).unwrap();
        out
    };
    assert_eq!(with(1), with(3));
}

/// Activations that are kept or computed anew, sums of all parts at once or of few: the same bits.
#[test]
fn memory_does_not_change_products() {
    for arch in architectures() {
        let loss = Loss::Squared;
        let case = case(&arch, loss, 150, Regularizer::L2);
        let x = Tensor::from_vec(normal(1, 150 * arch.inputs()), (150, arch.inputs()), &Device::Cpu).unwrap();
        let q = arch.outputs();
        let targets = Tensor::from_vec(normal(2, 150 * q), (150, q), &Device::Cpu).unwrap();
        let criterion = Criterion { loss, kappa: 0.03, regularizer: Regularizer::L2 };
        let tight = ExactCurvature::new(
            &EmpiricalRisk::new(&arch, Examples::new(&x, &targets).unwrap(), criterion)
                .unwrap()
                .with_memory(1),
        )
        .unwrap();
        for form in CurvatureForm::ALL {
            let v = normal(9, case.curvature.size());
            let product = |of: &ExactCurvature| {
                let mut out = vec![0.; v.len()];
                Curvature::new(of, form, &case.theta).unwrap().apply(&v, &mut out).unwrap();
                out
            };
            assert_eq!(product(&case.curvature), product(&tight), "{arch} {form:?}");
        }
    }
}
