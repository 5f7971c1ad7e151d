//! The fused engine against central differences, against candle's autodiff, and against itself.
#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use collado_models::{Activation, Arch};
use collado_risk::{
    Criterion, EmpiricalRisk, Evaluation, Examples, Loss, Objective, Regularizer, Rows, Span,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MEMORY: usize = 64 << 20;

fn random(shape: (usize, usize), scale: f64, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let data: Vec<f64> = (0..shape.0 * shape.1).map(|_| scale * rng.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(data, shape, &Device::Cpu).unwrap()
}

struct Case {
    name: String,
    arch: Arch,
    inputs: Tensor,
    targets: Tensor,
    criterion: Criterion,
}

impl Case {
    fn fused(&self) -> EmpiricalRisk {
        EmpiricalRisk::new(&self.arch, Examples::new(&self.inputs, &self.targets).unwrap(), self.criterion)
            .unwrap()
            .with_memory(MEMORY)
    }

    fn candle(&self) -> impl Objective {
        self.fused().in_tensors()
    }

    fn points(&self, count: usize) -> Tensor {
        random((count, self.arch.layout().len()), 0.7, 3)
    }
}

/// Every activation, loss and regulariser; one layer to four; more rows than a tile and a chunk hold.
fn cases() -> Vec<Case> {
    let archs = Activation::ALL.into_iter().map(|a| Arch::dense(a, &[5, 7, 6, 3], true).unwrap()).chain([
        Arch::dense(Activation::Linear, &[5, 3], false).unwrap(),
        Arch::dense(Activation::Relu, &[5, 140, 3], false).unwrap(),
        Arch::two_layer(5, 9, 3).unwrap(),
        Arch::dense(Activation::Tanh, &[5, 4, 4, 4, 3], true).unwrap(),
    ]);
    let mut cases = Vec::new();
    for arch in archs {
        for (loss, regularizer) in Loss::ALL.into_iter().zip(Regularizer::ALL) {
            for n in [1, 70, 1100] {
                let mut rng = ChaCha8Rng::seed_from_u64(n as u64);
                let labels: Vec<u32> = (0..n).map(|_| rng.random_range(0..3)).collect();
                let labels = Tensor::from_vec(labels, n, &Device::Cpu).unwrap();
                let values = random((n, 3), 0.5, 9).affine(1., 0.5).unwrap();
                let targets = if loss == Loss::Squared { values } else { labels };
                cases.push(Case {
                    name: format!("{arch} {loss} n={n}"),
                    arch: arch.clone(),
                    inputs: random((n, 5), 1., 1),
                    targets,
                    criterion: Criterion { loss, kappa: 0.01, regularizer },
                });
            }
        }
    }
    for loss in [Loss::Squared, Loss::Logistic] {
        let labels: Vec<u32> = (0..70).map(|i| i % 2).collect();
        cases.push(Case {
            name: format!("two classes of one output {loss}"),
            arch: Arch::dense(Activation::Tanh, &[5, 4, 1], true).unwrap(),
            inputs: random((70, 5), 1., 1),
            targets: Tensor::from_vec(labels, 70, &Device::Cpu).unwrap(),
            criterion: Criterion { loss, kappa: 0.01, regularizer: Regularizer::L2 },
        });
    }
    cases
}

fn grad_of(objective: &dyn Objective, span: &Span, rows: Rows<'_>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut grad =
        Tensor::ones((span.free().len(), span.vertices().dims()[1]), DType::F64, &Device::Cpu).unwrap();
    let values = objective.evaluate(span, rows, Some(&mut grad)).unwrap();
    (values.iter().map(|v| v.risk).collect(), grad.to_vec2().unwrap())
}

fn assert_close(a: &[f64], b: &[f64], tolerance: f64, what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    let scale = b.iter().fold(1e-3_f64, |m, x| m.max(x.abs()));
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}: [{i}] {a} against {b}");
    }
}

#[test]
fn fused_is_candle() {
    for case in cases() {
        let span = Span::stack(&case.points(3)).unwrap();
        let (fused, candle) = (case.fused(), case.candle());
        let (a, ga) = grad_of(&fused, &span, Rows::All);
        let (b, gb) = grad_of(&candle, &span, Rows::All);
        assert_close(&a, &b, 1e-12, &case.name);
        for (ga, gb) in ga.iter().zip(&gb) {
            assert_close(ga, gb, 1e-11, &case.name);
        }
        let values = fused.evaluate(&span, Rows::All, None).unwrap();
        let candle = candle.evaluate(&span, Rows::All, None).unwrap();
        for (v, w) in values.iter().zip(candle) {
            assert!(v.error == w.error || (v.error.is_nan() && w.error.is_nan()), "{}", case.name);
            assert!((v.loss - w.loss).abs() <= 1e-12 * w.loss.abs(), "{}", case.name);
        }
        assert_close(&values.iter().map(|v| v.risk).collect::<Vec<_>>(), &a, 1e-13, &case.name);
    }
}

/// Outputs 0.3 and 0.7 of classes 0 and 1: no error at ½, one half at 0; by both engines.
#[test]
fn one_output_tells_classes_apart_at_the_threshold_of_its_loss() {
    for (loss, error) in [(Loss::Squared, 0.), (Loss::Logistic, 0.5)] {
        let case = Case {
            name: loss.to_string(),
            arch: Arch::dense(Activation::Linear, &[1, 1], false).unwrap(),
            inputs: Tensor::new(&[[0.3_f64], [0.7], [0.45], [0.55]], &Device::Cpu).unwrap(),
            targets: Tensor::new(&[0_u32, 1, 0, 1], &Device::Cpu).unwrap(),
            criterion: Criterion { loss, kappa: 0., regularizer: Regularizer::L2 },
        };
        let span = Span::stack(&Tensor::new(&[[1_f64]], &Device::Cpu).unwrap()).unwrap();
        for objective in [&case.fused() as &dyn Objective, &case.candle()] {
            let value = objective.evaluate(&span, Rows::All, None).unwrap()[0];
            assert_eq!(value.error, error, "{loss}");
        }
    }
}

/// A network may have more outputs than the data have classes.
#[test]
fn classes_that_no_example_has_are_no_fault() {
    let arch = Arch::dense(Activation::Linear, &[1, 3], false).unwrap();
    let (inputs, labels) = (random((4, 1), 1., 1), Tensor::new(&[0_u32, 1, 1, 0], &Device::Cpu).unwrap());
    let criterion = Criterion { loss: Loss::CrossEntropy, kappa: 0., regularizer: Regularizer::L2 };
    let objective = EmpiricalRisk::new(&arch, Examples::new(&inputs, &labels).unwrap(), criterion)
        .unwrap()
        .with_memory(MEMORY);
    let theta = Span::stack(&Tensor::zeros((1, 3), DType::F64, &Device::Cpu).unwrap()).unwrap();
    assert!((objective.risks(&theta).unwrap()[0] - 3_f64.ln()).abs() < 1e-15);
}

#[test]
fn gradients_are_central_differences() {
    for case in cases().into_iter().filter(|c| c.inputs.dims()[0] == 70) {
        let objective = case.fused();
        let theta = case.points(1);
        let (_, grad) = grad_of(&objective, &Span::stack(&theta).unwrap(), Rows::All);
        let direction = random(theta.dims2().unwrap(), 1., 17);
        let at = |h: f64| {
            let moved = (&theta + (&direction * h).unwrap()).unwrap();
            objective.risks(&Span::stack(&moved).unwrap()).unwrap()[0]
        };
        let h = 1e-6;
        let numeric = (at(h) - at(-h)) / (2. * h);
        let direction = direction.to_vec2::<f64>().unwrap();
        let exact: f64 = grad[0].iter().zip(&direction[0]).map(|(g, d)| g * d).sum();
        // ReLU may cross a kink within h: then the two agree to first order only.
        assert!((exact - numeric).abs() < 2e-5 * (1. + exact.abs()), "{}: {exact} {numeric}", case.name);
    }
}

#[test]
fn a_stack_is_its_points_one_by_one() {
    for case in cases().into_iter().filter(|c| c.inputs.dims()[0] == 70) {
        let objective = case.fused();
        let stack = case.points(5);
        let rows: Vec<u32> = (0..5 * 20).map(|i| (i * 7 % 70) as u32).collect();
        let (all, grads) =
            grad_of(&objective, &Span::stack(&stack).unwrap(), Rows::Each { rows: &rows, batch: 20 });
        for i in 0..5 {
            let one = Span::stack(&stack.narrow(0, i, 1).unwrap()).unwrap();
            let (value, grad) = grad_of(&objective, &one, Rows::Shared(&rows[i * 20..(i + 1) * 20]));
            assert_eq!(value[0], all[i], "{}", case.name);
            assert_eq!(grad[0], grads[i], "{}", case.name);
        }
    }
}

#[test]
fn a_span_is_the_stack_of_its_points() {
    let coefficients: Vec<f64> = (0..10)
        .flat_map(|i| {
            let t = f64::from(i) / 9.;
            [1. - t, 0.3 * t, t]
        })
        .collect();
    for case in cases() {
        let objective = case.fused();
        let span = Span::new(&case.points(3), coefficients.clone()).unwrap().with_free(1..3);
        let stack = Span::stack(&span.materialize().unwrap()).unwrap();
        let a = objective.risks(&span).unwrap();
        let (b, slopes) = grad_of(&objective, &stack, Rows::All);
        assert_close(&a, &b, 1e-12, &case.name);
        let (c, grads) = grad_of(&objective, &span, Rows::All);
        assert_close(&c, &b, 1e-12, &case.name);
        let (_, candle) = grad_of(&case.candle(), &span, Rows::All);
        for (row, j) in (1..3).enumerate() {
            let expected: Vec<f64> = (0..grads[row].len())
                .map(|s| (0..10).map(|i| coefficients[3 * i + j] * slopes[i][s]).sum())
                .collect();
            assert_close(&grads[row], &expected, 1e-11, &case.name);
            assert_close(&candle[row], &expected, 1e-11, &case.name);
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let arch = Arch::dense(Activation::Relu, &[40, 300, 200, 10], true).unwrap();
    let n = 1500;
    let labels: Vec<u32> = (0..n).map(|i| (i % 10) as u32).collect();
    let inputs = random((n, 40), 1., 1).to_dtype(DType::F32).unwrap();
    let labels = Tensor::from_vec(labels, n, &Device::Cpu).unwrap();
    let objective = EmpiricalRisk::new(&arch, Examples::new(&inputs, &labels).unwrap(), Criterion::default())
        .unwrap()
        .with_memory(MEMORY);
    let vertices = random((3, arch.layout().len()), 0.2, 5).to_dtype(DType::F32).unwrap();
    let span = Span::new(&vertices, vec![0.2, 0.3, 0.5, 0.5, 0.25, 0.25, 0., 1., 0., 0.9, 0.1, 0.]).unwrap();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut grad = vertices.zeros_like().unwrap();
            let values = objective.evaluate(&span, Rows::All, Some(&mut grad)).unwrap();
            (values, objective.evaluate(&span, Rows::All, None).unwrap(), grad.to_vec2::<f32>().unwrap())
        })
    };
    let one = run(1);
    for threads in [2, 3, 5] {
        assert!(run(threads) == one, "{threads} threads");
    }
}

#[test]
fn one_free_vertex_has_its_row_of_the_gradient() {
    // Large enough for the way without a gradient of each point; ridge included.
    let arch = Arch::dense(Activation::Tanh, &[60, 120, 90, 10], true).unwrap();
    let n = 700;
    let labels = Tensor::from_vec((0..n).map(|i| (i % 10) as u32).collect(), n, &Device::Cpu).unwrap();
    let criterion = Criterion { kappa: 0.01, ..Criterion::default() };
    let objective =
        EmpiricalRisk::new(&arch, Examples::new(&random((n, 60), 1., 1), &labels).unwrap(), criterion)
            .unwrap()
            .with_memory(MEMORY);
    let vertices = random((3, arch.layout().len()), 0.2, 5);
    let span = Span::new(&vertices, vec![1., 0., 0., 0.5, 0.25, 0.25, 0., 0.1, 0.9, 0., 1., 0.]).unwrap();
    let rows: Vec<u32> = (0..600).map(|i| (i * 7) % 700).collect();
    let (all, three) = grad_of(&objective, &span, Rows::Shared(&rows));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| grad_of(&objective, &span.clone().with_free(1..2), Rows::Shared(&rows)))
    };
    let (values, one) = run(1);
    assert_close(&values, &all, 1e-12, "values");
    assert_close(&one[0], &three[1], 1e-11, "gradient");
    assert_eq!(run(3).1, one);
}

#[test]
fn a_velocity_is_what_it_was_and_the_gradient() {
    // Batches of one chunk and of two; plain stacks, spans with all vertices free, and with one.
    for case in cases() {
        let stack = Span::stack(&case.points(2)).unwrap();
        let span = Span::new(&case.points(2), vec![1., 0., 0.5, 0.5, 0., 1.]).unwrap();
        for span in [stack, span.clone(), span.with_free(1..2)] {
            let (values, grad) = grad_of(&case.fused(), &span, Rows::All);
            let velocity = random((grad.len(), grad[0].len()), 1., 9);
            let old = velocity.to_vec2::<f64>().unwrap();
            let mut velocity = velocity.copy().unwrap();
            let found = case.fused().accumulate(&span, Rows::All, 0.9, &mut velocity).unwrap();
            assert_eq!(found.iter().map(|v| v.risk).collect::<Vec<_>>(), values, "{}", case.name);
            for ((new, old), g) in velocity.to_vec2::<f64>().unwrap().iter().zip(old).zip(grad) {
                let expected: Vec<f64> = old.iter().zip(g).map(|(v, g)| 0.9 * v + g).collect();
                assert_close(new, &expected, 1e-12, &case.name);
            }
        }
    }
}

#[test]
fn memory_does_not_change_the_values() {
    for case in cases().into_iter().filter(|c| c.inputs.dims()[0] == 1100) {
        let tight = EmpiricalRisk::new(
            &case.arch,
            Examples::new(&case.inputs, &case.targets).unwrap(),
            case.criterion,
        )
        .unwrap()
        .with_memory(1);
        let small = case.fused().with_memory(1 << 16);
        let candle = small.in_tensors();
        let span = Span::new(&case.points(2), vec![1., 0., 0.5, 0.5, 0., 1.]).unwrap();
        let wide = grad_of(&case.fused(), &span, Rows::All);
        assert_eq!(grad_of(&tight, &span, Rows::All), wide, "{}", case.name);
        assert_eq!(tight.risks(&span).unwrap(), case.fused().risks(&span).unwrap(), "{}", case.name);
        assert_close(&candle.risks(&span).unwrap(), &wide.0, 1e-12, &case.name);
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let arch = Arch::dense(Activation::Relu, &[5, 4, 3], true).unwrap();
    let (x, y) = (random((6, 5), 1., 1), Tensor::new(&[0u32, 1, 2, 0, 1, 2], &Device::Cpu).unwrap());
    let new = |x: &Tensor, y: &Tensor, risk| {
        Examples::new(x, y)
            .and_then(|examples| EmpiricalRisk::new(&arch, examples, risk))
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        new(&random((6, 4), 1., 1), &y, Criterion::default()),
        "relu:5-4-3: features: expected 5, found 4"
    );
    let bad = Tensor::new(&[0u32, 1, 2, 3, 1, 2], &Device::Cpu).unwrap();
    assert_eq!(new(&x, &bad, Criterion::default()), "label of example 3: expected less than 3, found 3");
    let negative = new(&x, &y, Criterion { kappa: -1., ..Criterion::default() });
    assert_eq!(negative, "kappa: expected a finite number ≥ 0, found -1");
    let objective = EmpiricalRisk::new(&arch, Examples::new(&x, &y).unwrap(), Criterion::default())
        .unwrap()
        .with_memory(MEMORY);
    let stack = Span::stack(&random((1, arch.layout().len()), 1., 1)).unwrap();
    assert!(objective.evaluate(&stack, Rows::Shared(&[6]), None).is_err());
    assert!(objective.evaluate(&stack, Rows::Shared(&[]), None).is_err());
    assert!(objective.evaluate(&Span::stack(&random((1, 7), 1., 1)).unwrap(), Rows::All, None).is_err());
}

/// $F(\theta)=\|\theta\|^2$, written as anyone would: by `at` alone.
struct Bowl;

impl Objective for Bowl {
    fn at(
        &self,
        theta: &Tensor,
        _: Rows<'_>,
        gradient: Option<&mut Tensor>,
    ) -> collado_risk::Result<Vec<Evaluation>> {
        if let Some(gradient) = gradient {
            *gradient = (theta * 2.)?;
        }
        Ok(theta.sqr()?.sum(1)?.to_vec1::<f64>()?.into_iter().map(Evaluation::from).collect())
    }
}

#[test]
fn an_objective_that_writes_at_alone_is_right_on_spans() {
    let vertices = random((3, 4), 1., 1);
    let coefficients = vec![1., 0., 0., 0.25, 0.5, 0.25, 0., 0.5, 0.5];
    let span = Span::new(&vertices, coefficients.clone()).unwrap().with_free(1..3);
    let mut gradient = Tensor::ones((2, 4), DType::F64, &Device::Cpu).unwrap();
    // Another handle on the same numbers: what is written in place is seen through it.
    let handle = gradient.clone();
    let values = Bowl.evaluate(&span, Rows::All, Some(&mut gradient)).unwrap();
    let points = span.materialize().unwrap().to_vec2::<f64>().unwrap();
    for (value, point) in values.iter().zip(&points) {
        let expected: f64 = point.iter().map(|x| x * x).sum();
        assert!((value.risk - expected).abs() < 1e-14 && value.error.is_nan());
    }
    for (row, j) in handle.to_vec2::<f64>().unwrap().iter().zip(1..) {
        for (k, found) in row.iter().enumerate() {
            let expected: f64 =
                points.iter().enumerate().map(|(i, p)| coefficients[3 * i + j] * 2. * p[k]).sum();
            assert!((found - expected).abs() < 1e-14, "{j} {k}");
        }
    }
    let mut velocity = vertices.copy().unwrap();
    Bowl.accumulate(&Span::stack(&vertices).unwrap(), Rows::All, 0.5, &mut velocity).unwrap();
    let (found, start) = (velocity.to_vec2::<f64>().unwrap(), vertices.to_vec2::<f64>().unwrap());
    for (v, x) in found.iter().flatten().zip(start.iter().flatten()) {
        assert!((v - 2.5 * x).abs() < 1e-14);
    }
    assert!(Bowl.evaluate(&span, Rows::Shared(&[1]), None).is_err(), "there is one example");
}

#[test]
fn one_risk_answers_for_both_types_of_number() {
    let case = cases().swap_remove(1);
    let (risk, points) = (case.fused(), case.points(3));
    let wide = risk.risks(&Span::stack(&points).unwrap()).unwrap();
    let narrow = risk.risks(&Span::stack(&points.to_dtype(DType::F32).unwrap()).unwrap()).unwrap();
    assert_close(&narrow, &wide, 1e-5, "f32");
    assert_ne!(narrow, wide);
}
