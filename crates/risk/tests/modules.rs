//! Networks as candle modules against the dense engine; initialisations against their definitions.

#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{Linear, VarBuilder};
use collado_models::{Activation, Arch, DeepLinear, Example120, Init, Mlp, ReluNet, TwoLayer};
use collado_risk::{
    Criterion, EmpiricalRisk, Error, Evaluation, Examples, Loss, ModuleObjective, Objective, Regularizer,
    Rows, Span,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MEMORY: usize = 64 << 20;
const N: usize = 23;
const RISK: Criterion = Criterion { loss: Loss::Squared, kappa: 0.03, regularizer: Regularizer::L2 };

fn random(shape: (usize, usize), seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let data: Vec<f64> = (0..shape.0 * shape.1).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(data, shape, &Device::Cpu).unwrap()
}

fn labels(classes: u32) -> Tensor {
    let labels: Vec<u32> = (0..N as u32).map(|i| i * 7 % classes).collect();
    Tensor::from_vec(labels, N, &Device::Cpu).unwrap()
}

fn evaluate(objective: &dyn Objective, span: &Span, rows: Rows<'_>) -> (Vec<Evaluation>, Vec<Vec<f64>>) {
    let shape = (span.free().len(), span.vertices().dims()[1]);
    let mut grad = Tensor::ones(shape, DType::F64, &Device::Cpu).unwrap();
    let values = objective.evaluate(span, rows, Some(&mut grad)).unwrap();
    let plain = objective.evaluate(span, rows, None).unwrap();
    assert!(values.iter().zip(plain).all(|(v, w)| close(v.risk, w.risk)));
    (values, grad.to_vec2().unwrap())
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * (1. + b.abs())
}

fn assert_same(a: &dyn Objective, b: &dyn Objective, span: &Span, rows: Rows<'_>, what: &str) {
    let ((va, ga), (vb, gb)) = (evaluate(a, span, rows), evaluate(b, span, rows));
    assert_eq!((va.len(), ga.len()), (vb.len(), gb.len()), "{what}");
    for (v, w) in va.iter().zip(&vb) {
        assert!(close(v.risk, w.risk) && close(v.loss, w.loss), "{what}: {v:?} {w:?}");
        assert!(close(v.error, w.error) || (v.error.is_nan() && w.error.is_nan()), "{what}: {v:?} {w:?}");
    }
    for (g, h) in ga.iter().flatten().zip(gb.iter().flatten()) {
        assert!(close(*g, *h), "{what}: gradient {g} {h}");
    }
}

/// The module made by `build` has the layout, the risks and the gradients of `arch`.
fn assert_is<M: Module>(
    arch: &Arch,
    build: impl Fn(VarBuilder<'_>) -> candle_core::Result<M> + Send + Sync + 'static,
) {
    let inputs = random((N, arch.inputs()), 1);
    let targets = random((N, arch.outputs()), 2);
    let module = ModuleObjective::new(build, &Examples::new(&inputs, &targets).unwrap(), RISK).unwrap();
    assert_eq!(module.layout(), &arch.layout(), "{arch}");
    let dense = EmpiricalRisk::new(arch, Examples::new(&inputs, &targets).unwrap(), RISK)
        .unwrap()
        .with_memory(MEMORY);
    let span = Span::stack(&random((3, arch.layout().len()), 3)).unwrap();
    assert_same(&module, &dense, &span, Rows::All, &arch.to_string());
}

#[test]
fn modules_are_the_dense_engine() {
    assert_is(&Arch::dense(Activation::Linear, &[4, 6, 3], false).unwrap(), |vb| {
        DeepLinear::new(&[4, 6, 3], vb)
    });
    assert_is(&Arch::dense(Activation::Relu, &[4, 6, 5, 3], true).unwrap(), |vb| {
        ReluNet::new(&[4, 6, 5, 3], vb)
    });
    assert_is(&Arch::two_layer(4, 7, 2).unwrap(), |vb| TwoLayer::new(4, 7, 2, vb));
    assert_is(&Arch::example_1_20(), Example120::new);
    for activation in Activation::ALL {
        let arch = Arch::dense(activation, &[4, 6, 5, 3], true).unwrap();
        let inner = arch.clone();
        assert_is(&arch, move |vb| Mlp::new(&inner, vb));
    }
}

#[test]
fn every_loss_every_kind_of_rows() {
    let arch = Arch::dense(Activation::Tanh, &[4, 6, 3], true).unwrap();
    let one = Arch::dense(Activation::Gelu, &[4, 6, 1], true).unwrap();
    let each: Vec<u32> = (0..20).map(|i| i * 5 % N as u32).collect();
    let kinds = [Rows::All, Rows::Shared(&[3, 3, 0, 22, 7]), Rows::Each { rows: &each, batch: 4 }];
    let cases = Loss::ALL.map(|loss| (&arch, loss, 3)).into_iter();
    for (arch, loss, classes) in cases.chain([(&one, Loss::Logistic, 2), (&one, Loss::Squared, 2)]) {
        let (inputs, targets) = (random((N, 4), 1), labels(classes));
        let criterion = Criterion { loss, ..RISK };
        let inner = arch.clone();
        let module = ModuleObjective::new(
            move |vb| Mlp::new(&inner, vb),
            &Examples::new(&inputs, &targets).unwrap(),
            criterion,
        )
        .unwrap();
        let dense = EmpiricalRisk::new(arch, Examples::new(&inputs, &targets).unwrap(), criterion)
            .unwrap()
            .with_memory(MEMORY);
        assert_eq!(module.examples(), N);
        let size = arch.layout().len();
        let stack = Span::stack(&random((5, size), 4)).unwrap();
        let coefficients = (0..5).flat_map(|i| [0.25 * i as f64, 1. - 0.25 * i as f64, 0.1]).collect();
        let bend = Span::new(&random((3, size), 5), coefficients).unwrap().with_free(1..2);
        for rows in kinds {
            for span in [&stack, &bend] {
                assert_same(&module, &dense, span, rows, &format!("{arch} {loss} {rows:?}"));
            }
        }
    }
}

#[test]
fn tiles_change_nothing_but_rounding() {
    let arch = Arch::dense(Activation::Tanh, &[4, 6, 3], true).unwrap();
    let examples = Examples::new(&random((N, 4), 1), &labels(3)).unwrap();
    let make = || {
        let arch = arch.clone();
        ModuleObjective::new(
            move |vb| Mlp::new(&arch, vb),
            &examples,
            Criterion { kappa: 0.1, ..Criterion::default() },
        )
        .unwrap()
    };
    let span = Span::stack(&random((2, arch.layout().len()), 3)).unwrap();
    for tile in [1, 5, N] {
        for rows in [Rows::All, Rows::Shared(&[3, 3, 0, 22, 7, 1])] {
            assert_same(&make().with_tile(tile), &make(), &span, rows, &format!("tiles of {tile}"));
        }
    }
}

/// Berner et al. 2021, Example 1.20: the risk is not convex, exactly.
#[test]
fn example_1_20() {
    let inputs = Tensor::from_slice(&[-1., 1.], (2, 1), &Device::Cpu).unwrap();
    let targets = Tensor::from_slice(&[0., 1.], (2, 1), &Device::Cpu).unwrap();
    let criterion = Criterion { loss: Loss::Squared, ..Criterion::default() };
    let slide = |t: [f64; 6]| [t[2], t[3], t[4], t[5], t[0], t[1]];
    let ends = [slide([1., -1., 1., 1., 1., 0.]), slide([-1., 1., 1., 1., 0., 1.])];
    let vertices = Tensor::from_slice(&ends.concat(), (2, 6), &Device::Cpu).unwrap();
    let span = Span::new(&vertices, vec![1., 0., 0.5, 0.5, 0., 1.]).unwrap();
    let module =
        ModuleObjective::new(Example120::new, &Examples::new(&inputs, &targets).unwrap(), criterion).unwrap();
    let dense =
        EmpiricalRisk::new(Arch::example_1_20(), Examples::new(&inputs, &targets).unwrap(), criterion)
            .unwrap()
            .with_memory(MEMORY);
    assert_eq!(module.risks(&span).unwrap(), [0., 0.5, 0.]);
    assert_eq!(dense.risks(&span).unwrap(), [0., 0.5, 0.]);
}

/// A module that no [`Arch`] describes: inputs `[N, 2, 3]`, one weight used twice.
struct Tied(Linear);

impl Module for Tied {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.0.forward(&self.0.forward(x)?.tanh()?)?.mean(1)
    }
}

#[test]
fn any_module_by_central_differences() {
    let build = |vb: VarBuilder<'_>| {
        let layer = candle_nn::linear(3, 3, vb.pp("a"))?;
        let again = candle_nn::linear(3, 3, vb.pp("a"))?;
        assert_eq!(layer.weight().dims(), again.weight().dims());
        Ok(Tied(again))
    };
    let inputs = random((N, 6), 1).reshape((N, 2, 3)).unwrap();
    let criterion = Criterion { kappa: 0.1, ..Criterion::default() };
    let module =
        ModuleObjective::new(build, &Examples::new(&inputs, &labels(3)).unwrap(), criterion).unwrap();
    let names: Vec<_> = module.layout().entries().iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["a.weight", "a.bias"]);
    let theta = random((1, 12), 6);
    let (_, grad) = evaluate(&module, &Span::stack(&theta).unwrap(), Rows::All);
    for (j, exact) in grad[0].iter().enumerate() {
        let at = |h: f64| {
            let mut moved = theta.to_vec2::<f64>().unwrap().remove(0);
            moved[j] += h;
            let moved = Tensor::from_vec(moved, (1, 12), &Device::Cpu).unwrap();
            module.risks(&Span::stack(&moved).unwrap()).unwrap()[0]
        };
        let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((exact - numeric).abs() < 1e-9, "[{j}] {exact} {numeric}");
    }
}

#[test]
fn module_objective_refuses() {
    let arch = Arch::dense(Activation::Relu, &[4, 5, 3], true).unwrap();
    let make = |targets: &Tensor, criterion: Criterion| {
        let arch = arch.clone();
        ModuleObjective::new(
            move |vb| Mlp::new(&arch, vb),
            &Examples::new(&random((N, 4), 1), targets)?,
            criterion,
        )
    };
    let last = Criterion { regularizer: Regularizer::L1Last, ..RISK };
    assert!(matches!(make(&labels(3), last), Err(Error::Unsupported { .. })));
    assert!(matches!(make(&labels(3), Criterion { kappa: -1., ..RISK }), Err(Error::Setting { .. })));
    assert!(matches!(make(&labels(4), Criterion::default()), Err(Error::Mismatch { .. })));
    assert!(matches!(make(&random((N, 3), 1), Criterion::default()), Err(Error::Mismatch { .. })));
    assert!(matches!(make(&random((N, 2), 1), RISK), Err(Error::Mismatch { .. })));
    let good = make(&labels(3), Criterion::default()).unwrap();
    let span = Span::stack(&random((2, arch.layout().len()), 1)).unwrap();
    let bad = [Rows::Shared(&[]), Rows::Shared(&[N as u32]), Rows::Each { rows: &[0, 1, 2], batch: 2 }];
    for rows in bad {
        assert!(matches!(good.evaluate(&span, rows, None), Err(Error::Mismatch { .. })), "{rows:?}");
    }
    let short = Span::stack(&random((2, 5), 1)).unwrap();
    assert!(matches!(good.evaluate(&short, Rows::All, None), Err(Error::Mismatch { .. })));
}

/// Mean, standard deviation and largest modulus.
fn moments(x: &[f64]) -> (f64, f64, f64) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
    (mean, variance.sqrt(), x.iter().fold(0., |m, x| x.abs().max(m)))
}

fn assert_moments(x: &[f64], sigma: f64, bound: Option<f64>, what: &str) {
    let (mean, deviation, max) = moments(x);
    assert!((deviation / sigma - 1.).abs() < 0.05, "{what}: {deviation} against {sigma}");
    assert!(mean.abs() < 5. * sigma / (x.len() as f64).sqrt(), "{what}: mean {mean}");
    assert!(bound.is_none_or(|b| max <= b && max > 0.99 * b), "{what}: {max} against {bound:?}");
}

#[test]
fn init_has_the_moments_of_its_definition() {
    // Two layers of 8192 weights: 8192 = 64 * 128 = 128 * 64; their fans are 64, 128.
    let arch = Arch::dense(Activation::Relu, &[64, 128, 64], true).unwrap();
    let third = 3_f64.sqrt().recip();
    let xavier = (6_f64 / 192.).sqrt();
    let cases = [
        (Init::Pytorch, [third / 8., third / 128_f64.sqrt()], Some([0.125, 128_f64.sqrt().recip()])),
        (Init::He, [(2_f64 / 64.).sqrt(), 0.125], None),
        (Init::Xavier, [xavier * third; 2], Some([xavier; 2])),
        (Init::Normal { sigma: 0.7 }, [0.7 / 8., 0.7 / 128_f64.sqrt()], None),
        (Init::Standard, [1., 128_f64.sqrt().recip()], None),
        (Init::Narrow, [128_f64.sqrt().recip(), 128_f64.sqrt().recip()], None),
    ];
    for (init, sigma, bound) in cases {
        let theta = init.init(&arch, &mut ChaCha8Rng::seed_from_u64(11));
        assert_eq!(theta.len(), arch.layout().len());
        for (k, name) in ["0.weight", "2.weight"].into_iter().enumerate() {
            let entry = arch.layout().get(name).unwrap().clone();
            let weights = &theta[entry.offset..][..entry.len()];
            assert_moments(weights, sigma[k], bound.map(|b| b[k]), &format!("{init} {name}"));
        }
        for (k, name) in ["0.bias", "2.bias"].into_iter().enumerate() {
            let entry = arch.layout().get(name).unwrap().clone();
            let biases = &theta[entry.offset..][..entry.len()];
            let random = init == Init::Pytorch || (matches!(init, Init::Standard | Init::Narrow) && k == 0);
            assert_eq!(biases.iter().all(|b| *b != 0.), random, "{init} {name}");
            assert!(random || biases.iter().all(|b| *b == 0.), "{init} {name}");
        }
    }
}

#[test]
fn random_biases_have_the_moments_of_their_definition() {
    let arch = Arch::dense(Activation::Relu, &[4, 20_000, 1], true).unwrap();
    let entry = arch.layout().get("0.bias").unwrap().clone();
    for (init, sigma) in [(Init::Pytorch, 0.5 / 3_f64.sqrt()), (Init::Standard, 1.)] {
        let theta = init.init(&arch, &mut ChaCha8Rng::seed_from_u64(5));
        assert_moments(&theta[entry.offset..][..entry.len()], sigma, None, &init.to_string());
    }
}

#[test]
fn orthogonal_init_is_orthonormal() {
    let arch = Arch::dense(Activation::Linear, &[30, 40, 40, 7], false).unwrap();
    let theta = Init::Orthogonal.init(&arch, &mut ChaCha8Rng::seed_from_u64(1));
    let theta = Tensor::from_vec(theta, arch.layout().len(), &Device::Cpu).unwrap();
    let tensors = arch.layout().split(&theta).unwrap();
    for w in tensors.values() {
        let (rows, cols) = w.dims2().unwrap();
        let w = if rows <= cols { w.clone() } else { w.t().unwrap().contiguous().unwrap() };
        let gram = w.matmul(&w.t().unwrap()).unwrap();
        let off = (gram - Tensor::eye(rows.min(cols), DType::F64, &Device::Cpu).unwrap()).unwrap();
        let off = off.abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
        assert!(off < 1e-14, "[{rows}, {cols}]: {off}");
    }
}

const INITS: [Init; 6] =
    [Init::Pytorch, Init::He, Init::Xavier, Init::Normal { sigma: 0.3 }, Init::Standard, Init::Orthogonal];

#[test]
fn a_row_depends_on_its_seed_only() {
    let arch = Arch::two_layer(3, 8, 2).unwrap();
    for init in INITS {
        let stack = |seeds: &[u64]| {
            init.stack(&arch, seeds, DType::F64, &Device::Cpu).unwrap().to_vec2::<f64>().unwrap()
        };
        let three = stack(&[4, 9, 2]);
        assert_eq!(three, stack(&[4, 9, 2]), "{init}");
        assert_eq!(three[1], stack(&[9])[0], "{init}");
        assert_eq!(three[2], init.init(&arch, &mut ChaCha8Rng::seed_from_u64(2)), "{init}");
        assert_ne!(three[0], three[1], "{init}");
    }
    let f32s = Init::He.stack(&arch, &[1, 2], DType::F32, &Device::Cpu).unwrap();
    assert_eq!((f32s.dtype(), f32s.dims()), (DType::F32, &[2, arch.layout().len()][..]));
}

#[test]
fn init_names_are_read_back() {
    for init in INITS {
        assert_eq!(init.to_string().parse::<Init>().unwrap(), init);
    }
    assert_eq!("normal".parse::<Init>().unwrap(), Init::Normal { sigma: 1. });
    assert_eq!(Init::default(), Init::Pytorch);
    for bad in ["", "Pytorch", "normal:", "normal:x", "normal:inf", "he:2"] {
        assert!(bad.parse::<Init>().is_err(), "{bad}");
    }
}

#[test]
fn module_init_follows_the_hints() {
    let arch = Arch::dense(Activation::Relu, &[64, 128, 64], true).unwrap();
    let (inputs, targets) = (random((N, 64), 1), random((N, 64), 2));
    let inner = arch.clone();
    let module = ModuleObjective::new(
        move |vb| Mlp::new(&inner, vb),
        &Examples::new(&inputs, &targets).unwrap(),
        RISK,
    )
    .unwrap();
    let draw = |seed| module.init(&mut ChaCha8Rng::seed_from_u64(seed)).unwrap().to_vec1::<f64>().unwrap();
    assert_eq!(draw(3), draw(3));
    assert_ne!(draw(3), draw(4));
    assert_moments(&draw(3)[..8192], 0.125 / 3_f64.sqrt(), Some(0.125), "uniform");

    let build = |vb: VarBuilder<'_>| {
        let scale = vb.get_with_hints(64, "scale", candle_nn::init::ONE)?;
        let shift = vb.get_with_hints(64, "shift", candle_nn::Init::Randn { mean: 100., stdev: 1e-3 })?;
        let layer = candle_nn::linear(64, 64, vb.pp("layer"))?;
        Ok(candle_nn::func(move |x: &Tensor| layer.forward(&x.broadcast_mul(&scale)?.broadcast_add(&shift)?)))
    };
    let module = ModuleObjective::new(build, &Examples::new(&inputs, &targets).unwrap(), RISK).unwrap();
    let theta = module.init(&mut ChaCha8Rng::seed_from_u64(3)).unwrap();
    let tensors = module.layout().split(&theta).unwrap();
    let of = |name: &str| tensors[name].flatten_all().unwrap().to_vec1::<f64>().unwrap();
    assert_eq!(of("scale"), [1.; 64]);
    assert!(of("shift").iter().all(|x| (x - 100.).abs() < 0.01));
    assert_moments(&of("layer.weight"), (2_f64 / 64.).sqrt(), None, "Kaiming");
}
