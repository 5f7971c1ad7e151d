//! Kernels against Jacobians, Monte Carlo, closed forms and invariances.
#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use collado_landscape::{
    GradientBound, Kernel, KernelSpectrum, Outputs, SpectrumSettings, Tangent, WidthLimit, arc_cosine,
};
use collado_models::{Activation, Arch, Init};
use collado_risk::{
    Criterion, EmpiricalRisk, Examples, Loss, Objective, Regularizer, Rows, Span, Statistics,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

const SQUARED: Criterion = Criterion { loss: Loss::Squared, kappa: 0., regularizer: Regularizer::L2 };

fn random(rows: usize, cols: usize, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f64> = (0..rows * cols).map(|_| rng.sample(StandardNormal)).collect();
    Tensor::from_vec(values, (rows, cols), &Device::Cpu).unwrap()
}

fn point(arch: &Arch, init: Init, seed: u64) -> Tensor {
    init.stack(arch, &[seed], DType::F64, &Device::Cpu).unwrap().get(0).unwrap()
}

fn architectures() -> Vec<Arch> {
    let mut all: Vec<_> = Activation::ALL
        .into_iter()
        .map(|activation| Arch::dense(activation, &[5, 7, 6, 3], activation != Activation::Tanh).unwrap())
        .collect();
    all.push(Arch::two_layer(5, 9, 1).unwrap());
    all.push(Arch::dense(Activation::Linear, &[5, 4], true).unwrap());
    all
}

/// $J$ `[m, q, S]` from gradients of the squared loss: with targets $\Phi-\frac12e_o$ they are $\nabla\Phi_o$.
fn jacobian(arch: &Arch, theta: &Tensor, inputs: &Tensor) -> Vec<f64> {
    let (m, q, s) = (inputs.dims()[0], arch.outputs(), arch.layout().len());
    let tangent = Tangent::new(arch, theta, inputs).unwrap();
    let stack = Span::stack(&theta.unsqueeze(0).unwrap().repeat((m, 1)).unwrap()).unwrap();
    let rows: Vec<u32> = (0..m as u32).collect();
    let mut jacobian = vec![0.; m * q * s];
    for o in 0..q {
        let mut targets = tangent.outputs().to_vec();
        targets.iter_mut().skip(o).step_by(q).for_each(|y| *y -= 0.5);
        let targets = Tensor::from_vec(targets, (m, q), &Device::Cpu).unwrap();
        let objective = EmpiricalRisk::new(arch, Examples::new(inputs, &targets).unwrap(), SQUARED)
            .unwrap()
            .with_memory(1 << 20);
        let mut grad = Tensor::zeros((m, s), DType::F64, &Device::Cpu).unwrap();
        objective.evaluate(&stack, Rows::Each { rows: &rows, batch: 1 }, Some(&mut grad)).unwrap();
        for (i, row) in grad.to_vec2::<f64>().unwrap().iter().enumerate() {
            jacobian[(i * q + o) * s..][..s].copy_from_slice(row);
        }
    }
    jacobian
}

fn assert_close(found: &Kernel, expected: &[f64], tolerance: f64, what: &str) {
    let size = expected.iter().fold(1e-300, |max: f64, x| max.max(x.abs()));
    assert_eq!(found.as_slice().len(), expected.len(), "{what}");
    for (a, b) in found.as_slice().iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * size, "{what}: {a} {b}");
    }
}

#[test]
fn kernels_are_products_of_jacobians() {
    for arch in architectures() {
        let (m, q, s) = (5, arch.outputs(), arch.layout().len());
        let (theta, inputs) = (point(&arch, Init::Pytorch, 1), random(m, 5, 2));
        let j = jacobian(&arch, &theta, &inputs);
        let row = |i: usize| &j[i * s..(i + 1) * s];
        let dot = |a: usize, b: usize, columns: std::ops::Range<usize>| -> f64 {
            row(a)[columns.clone()].iter().zip(&row(b)[columns]).map(|(x, y)| x * y).sum()
        };
        let each: Vec<f64> = (0..m * q).flat_map(|a| (0..m * q).map(move |b| dot(a, b, 0..s))).collect();
        let mean = |columns: std::ops::Range<usize>| -> Vec<f64> {
            let pairs = (0..m * m).map(|at| (at / m * q, at % m * q));
            pairs
                .map(|(a, b)| (0..q).map(|o| dot(a + o, b + o, columns.clone())).sum::<f64>() / q as f64)
                .collect()
        };
        let tangent = Tangent::new(&arch, &theta, &inputs).unwrap();
        assert_close(&tangent.kernel(Outputs::Each), &each, 1e-12, &format!("{arch}, each"));
        assert_close(&tangent.kernel(Outputs::Mean), &mean(0..s), 1e-12, &format!("{arch}, mean"));
        let layout = arch.layout();
        for k in 0..arch.depth() {
            let weight = layout.get(&format!("{}.weight", arch.layer_name(k))).unwrap();
            let bias = layout.get(&format!("{}.bias", arch.layer_name(k))).map_or(0, |b| b.len());
            let columns = weight.offset..weight.offset + weight.len() + bias;
            let part = tangent.layer(k, Outputs::Mean).unwrap();
            assert_close(&part, &mean(columns), 1e-12, &format!("{arch}, layer {k}"));
        }
        let last = layout.get(&format!("{}.weight", arch.layer_name(arch.depth() - 1))).unwrap();
        let columns = last.offset..last.offset + last.len();
        assert_close(&tangent.last_layer(), &mean(columns), 1e-12, &format!("{arch}, last layer"));
        assert!(tangent.layer(arch.depth(), Outputs::Mean).is_err());
    }
}

/// The gradients of the reference are the engine's; here neither is: outputs are differenced.
#[test]
fn kernels_are_central_differences() {
    for arch in architectures() {
        let (theta, inputs) = (point(&arch, Init::Pytorch, 5), random(3, 5, 6));
        let (q, s, h) = (arch.outputs(), arch.layout().len(), 1e-5);
        let at = theta.to_vec1::<f64>().unwrap();
        let outputs = |k: usize, h: f64| {
            let mut theta = at.clone();
            theta[k] += h;
            let theta = Tensor::from_vec(theta, s, &Device::Cpu).unwrap();
            Tangent::new(&arch, &theta, &inputs).unwrap().outputs().to_vec()
        };
        let mut expected = vec![0.; 9 * q * q];
        for k in 0..s {
            let (up, down) = (outputs(k, h), outputs(k, -h));
            let slope: Vec<f64> = up.iter().zip(&down).map(|(a, b)| (a - b) / (2. * h)).collect();
            for a in 0..3 * q {
                for b in 0..3 * q {
                    expected[a * 3 * q + b] += slope[a] * slope[b];
                }
            }
        }
        let kernel = Tangent::new(&arch, &theta, &inputs).unwrap().kernel(Outputs::Each);
        assert_close(&kernel, &expected, 1e-8, &arch.to_string());
    }
}

/// More examples than a tile holds, and too little memory for more than one output at a time.
#[test]
fn tiles_groups_and_threads_do_not_matter() {
    let arch = Arch::dense(Activation::Relu, &[6, 8, 7, 3], true).unwrap();
    let (theta, inputs) = (point(&arch, Init::He, 3), random(401, 6, 4));
    let tangent = Tangent::new(&arch, &theta, &inputs).unwrap();
    let whole = tangent.kernel(Outputs::Mean);
    let parts: Vec<_> = (0..3).map(|k| tangent.layer(k, Outputs::Mean).unwrap()).collect();
    let mut sum = vec![0.; 401 * 401];
    parts.iter().for_each(|p| sum.iter_mut().zip(p.as_slice()).for_each(|(s, x)| *s += x));
    assert_close(&whole, &sum, 1e-14, "sum of layers");
    assert_close(&tangent.clone().with_memory(1).kernel(Outputs::Mean), whole.as_slice(), 1e-14, "memory");
    let each = tangent.kernel(Outputs::Each);
    for (i, j) in [(0, 0), (400, 3), (17, 333), (200, 199)] {
        let mean = (0..3).map(|o| each.row(3 * i + o)[3 * j + o]).sum::<f64>() / 3.;
        assert!((mean - whole.row(i)[j]).abs() < 1e-12 * whole.row(0)[0]);
        assert_eq!(each.row(3 * i)[3 * j + 1], each.row(3 * j + 1)[3 * i]);
    }
    let few = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(few.install(|| tangent.kernel(Outputs::Mean)), whole);
}

#[test]
fn both_ways_to_a_spectrum_agree() {
    let arch = Arch::two_layer(6, 400, 1).unwrap();
    let tangent = Tangent::new(&arch, &point(&arch, Init::Standard, 7), &random(150, 6, 8)).unwrap();
    for kernel in [tangent.last_layer(), tangent.kernel(Outputs::Mean)] {
        let dense = KernelSpectrum::new(&kernel, &SpectrumSettings::default()).unwrap();
        let lanczos =
            KernelSpectrum::new(&kernel, &SpectrumSettings { dense: 0, ..Default::default() }).unwrap();
        let all = dense.eigenvalues.as_ref().unwrap();
        assert!((all.iter().sum::<f64>() / kernel.trace() - 1.).abs() < 1e-12);
        assert!(dense.min.value > 0. && dense.condition() > 1.);
        for (a, b) in [(dense.min, lanczos.min), (dense.max, lanczos.max)] {
            assert!((a.value - b.value).abs() <= a.residual + b.residual, "{a:?} {b:?}");
            // ‖Kv − λv‖ is as small as products with K allow.
            assert!(b.residual < 1e-10 * dense.max.value, "{b:?}");
        }
    }
    // Fewer parameters than examples: the smallest eigenvalue is 0, and both say so.
    let arch = Arch::two_layer(2, 3, 1).unwrap();
    let kernel = Tangent::new(&arch, &point(&arch, Init::Standard, 7), &random(50, 2, 8)).unwrap();
    for dense in [0, 100] {
        let settings = SpectrumSettings { dense, ..Default::default() };
        let spectrum = KernelSpectrum::new(&kernel.last_layer(), &settings).unwrap();
        assert!(spectrum.min.value.abs() <= spectrum.rounding, "{spectrum:?}");
        assert_eq!(spectrum.condition(), f64::INFINITY);
    }
}

#[test]
fn what_is_no_kernel_is_refused() {
    let arch = Arch::dense(Activation::Linear, &[2, 1], false).unwrap();
    let theta = Tensor::new(&[1., 1.], &Device::Cpu).unwrap();
    let huge = (random(3, 2, 1) * 1e200).unwrap();
    let kernel = Tangent::new(&arch, &theta, &huge).unwrap().last_layer();
    assert!(KernelSpectrum::new(&kernel, &SpectrumSettings::default()).is_err());
    let wrong = Tangent::new(&arch, &theta, &random(3, 4, 1)).unwrap_err().to_string();
    assert_eq!(wrong, "inputs: expected [3, 2], found [3, 4]");
    assert!(Tangent::new(&arch, &random(1, 3, 1).get(0).unwrap(), &huge).is_err());
    assert!(GradientBound::new(&kernel, 1., &[1.; 4]).is_err());
}

#[test]
fn arc_cosine_kernels_are_expectations() {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    for (s, c, t) in [(1_f64, 0.3_f64, 2_f64), (0.5, -0.4, 1.), (2., 1.9, 2.)] {
        let draws = 400_000;
        let (mut values, mut slopes, mut squares) = (0., 0., 0.);
        for _ in 0..draws {
            let (g, h): (f64, f64) = (rng.sample(StandardNormal), rng.sample(StandardNormal));
            let (u, v) = (s.sqrt() * g, c / s.sqrt() * g + (t - c * c / s).sqrt() * h);
            let product = u.max(0.) * v.max(0.);
            values += product;
            squares += product * product;
            slopes += f64::from(u8::from(u > 0. && v > 0.));
        }
        let n = f64::from(draws);
        let (value, slope) = arc_cosine(s, c, t);
        let error = ((squares / n - (values / n).powi(2)) / n).sqrt();
        assert!((values / n - value).abs() < 4. * error, "{s} {c} {t}: {} {value}", values / n);
        assert!((slopes / n - slope).abs() < 4. * (0.25 / n).sqrt(), "{s} {c} {t}: {} {slope}", slopes / n);
    }
    // Equal, opposite and orthogonal arguments.
    assert_eq!(arc_cosine(3., 3., 3.), (1.5, 0.5));
    assert!(arc_cosine(3., -3., 3.).0.abs() < 1e-15);
    let (value, slope) = arc_cosine(4., 0., 9.);
    assert!((value - 6. / std::f64::consts::TAU).abs() < 1e-15 && (slope - 0.25).abs() < 1e-16);
}

/// Averages over wide networks come close to the limit, at every initialisation that has one: a single network's kernels
/// are off by a multiple of $n^{-1/2}$, the average over draws only by one of $1/n$.
#[test]
fn wide_networks_reach_the_limit() {
    let inputs = random(6, 4, 9);
    let inits = [Init::Pytorch, Init::He, Init::Xavier, Init::Normal { sigma: 1.3 }, Init::Standard];
    for (init, narrow) in inits.into_iter().map(|i| (i, false)).chain([(Init::Narrow, true)]) {
        let widths: &[usize] = if narrow { &[4, 1024, 2] } else { &[4, 400, 400, 2] };
        let arch = Arch::dense(Activation::Relu, widths, true).unwrap();
        let limit = WidthLimit::new(&arch, init, &inputs).unwrap();
        let draws = 40;
        let (mut tangent, mut last) = (vec![0.; 36], vec![0.; 36]);
        for seed in 0..draws {
            let at = Tangent::new(&arch, &point(&arch, init, seed), &inputs).unwrap();
            let add = |sum: &mut [f64], kernel: Kernel| {
                sum.iter_mut().zip(kernel.as_slice()).for_each(|(sum, x)| *sum += x / draws as f64);
            };
            add(&mut tangent, at.kernel(Outputs::Mean));
            add(&mut last, at.last_layer());
        }
        // Uniform draws of a layer with four inputs are not quite Gaussian.
        let bound = if matches!(init, Init::Pytorch | Init::Xavier) { 0.12 } else { 0.06 };
        for (name, mean, limit) in [("tangent", &tangent, &limit.tangent), ("last", &last, &limit.last_layer)]
        {
            let squares = mean.iter().zip(limit.as_slice()).map(|(a, b)| (a - b).powi(2));
            let off = squares.sum::<f64>().sqrt() / limit.norm();
            assert!(off < bound, "{init}: {name} {off}");
        }
    }
    let smooth = Arch::dense(Activation::Tanh, &[4, 8, 1], true).unwrap();
    assert!(WidthLimit::new(&smooth, Init::He, &inputs).is_err());
    let relu = Arch::dense(Activation::Relu, &[4, 8, 1], true).unwrap();
    assert!(WidthLimit::new(&relu, Init::Orthogonal, &inputs).is_err());
}

/// The covariance of the outputs over initialisations, and a linear network's kernel by hand.
#[test]
fn limits_have_the_moments_of_draws() {
    let (arch, inputs) = (Arch::two_layer(3, 300, 1).unwrap(), random(2, 3, 11));
    let limit = WidthLimit::new(&arch, Init::Standard, &inputs).unwrap();
    let draws = 3000;
    let mut sums = [0.; 3];
    for seed in 0..draws {
        let tangent = Tangent::new(&arch, &point(&arch, Init::Standard, seed), &inputs).unwrap();
        let f = tangent.outputs();
        [f[0] * f[0], f[0] * f[1], f[1] * f[1]].iter().zip(&mut sums).for_each(|(x, sum)| *sum += x);
    }
    let expected = [limit.covariance.row(0)[0], limit.covariance.row(1)[0], limit.covariance.row(1)[1]];
    let error = expected[0].max(expected[2]) * (3. / draws as f64).sqrt();
    for (sum, expected) in sums.iter().zip(expected) {
        assert!((sum / draws as f64 - expected).abs() < 4. * error, "{sum} {expected}");
    }
    let linear = Arch::dense(Activation::Linear, &[3, 50, 40, 2], false).unwrap();
    let limit = WidthLimit::new(&linear, Init::Normal { sigma: 1. }, &inputs).unwrap();
    let gram = Tangent::new(
        &Arch::dense(Activation::Linear, &[3, 1], false).unwrap(),
        &Tensor::new(&[0., 0., 0.], &Device::Cpu).unwrap(),
        &inputs,
    )
    .unwrap()
    .last_layer();
    let scaled = |c: f64| gram.as_slice().iter().map(|x| c * x).collect::<Vec<_>>();
    assert_close(&limit.covariance, &scaled(1. / 3.), 1e-14, "NNGP");
    assert_close(&limit.tangent, &scaled(1. + 50. / 3. + 40. / 3.), 1e-14, "NTK");
}

/// Permuting hidden neurons, and shifting scale between ReLU layers, leaves the last layer's kernel or all of it.
#[test]
fn neurons_have_no_order() {
    let arch = Arch::dense(Activation::Gelu, &[4, 6, 2], true).unwrap();
    let (theta, inputs) = (point(&arch, Init::Pytorch, 12), random(9, 4, 13));
    let tensors = arch.layout().split(&theta).unwrap();
    let order = Tensor::new(&[3u32, 0, 5, 1, 4, 2], &Device::Cpu).unwrap();
    let mut moved = tensors.clone();
    for (name, dim) in [("0.weight", 0), ("0.bias", 0), ("2.weight", 1)] {
        moved.insert(name.into(), tensors[name].contiguous().unwrap().index_select(&order, dim).unwrap());
    }
    let moved = arch.layout().flatten(&moved).unwrap();
    let of = |theta: &Tensor| Tangent::new(&arch, theta, &inputs).unwrap();
    let (a, b) = (of(&theta), of(&moved));
    assert_close(&b.kernel(Outputs::Each), a.kernel(Outputs::Each).as_slice(), 1e-14, "tangent");
    assert_close(&b.last_layer(), a.last_layer().as_slice(), 1e-14, "last layer");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// docs/theory.md §11: the measured gradient is above both bounds, and is $g^\top\Theta g/m^2$.
    #[test]
    fn gradients_are_above_their_bounds(
        seed in 0_u64..1 << 40, m in 1_usize..12, hidden in 1_usize..20, q in 1_usize..4,
        activation in 0..Activation::ALL.len(), deep: bool, bias: bool, scale in 0.1_f64..5.,
    ) {
        let widths: &[usize] = if deep { &[3, 5, hidden, q] } else { &[3, hidden, q] };
        let arch = Arch::dense(Activation::ALL[activation], widths, bias).unwrap();
        let theta = (point(&arch, Init::Pytorch, seed) * scale).unwrap();
        let (inputs, targets) = (random(m, 3, seed + 1), random(m, q, seed + 2));
        let objective = EmpiricalRisk::new(&arch, Examples::new(&inputs, &targets).unwrap(), SQUARED).unwrap().with_memory(1 << 20);
        let mut grad = Tensor::zeros((1, theta.dims()[0]), DType::F64, &Device::Cpu).unwrap();
        let span = Span::stack(&theta.unsqueeze(0).unwrap()).unwrap();
        let risk = objective.evaluate(&span, Rows::All, Some(&mut grad)).unwrap()[0].risk;
        let measured = grad.sqr().unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap();

        let tangent = Tangent::new(&arch, &theta, &inputs).unwrap();
        let g = Loss::Squared.slopes(tangent.outputs(), objective.data().targets()).unwrap();
        let (last, whole) = (tangent.last_layer(), tangent.kernel(Outputs::Each));
        let spectrum = KernelSpectrum::new(&last, &SpectrumSettings::default()).unwrap();
        let bound = GradientBound::new(&last, spectrum.min.value, &g).unwrap();
        let by_kernel = whole.quadratic(&g) / (m * m) as f64;
        let room = 1e-10 * (1. + measured);
        prop_assert!((by_kernel - measured).abs() <= room, "{by_kernel} {measured}");
        prop_assert!(bound.last_layer <= measured + room);
        prop_assert!(bound.eigenvalue <= bound.last_layer + room);
        let formula = 4. / m as f64 * spectrum.min.value * risk;
        prop_assert!((bound.eigenvalue - formula).abs() <= room);
        // Symmetric and positive semi-definite.
        let size = whole.size();
        prop_assert!((0..size * size).all(|at| whole.row(at / size)[at % size] == whole.row(at % size)[at / size]));
        let spectrum = KernelSpectrum::new(&whole, &SpectrumSettings::default()).unwrap();
        prop_assert!(spectrum.min.value >= -spectrum.rounding);
    }
}

/// A residual network for images under a rule for its statistics, on 4 examples and 11 reference rows.
fn image_risk(spec: &str, rule: Statistics, targets: &[f64]) -> EmpiricalRisk {
    let spec: collado_models::ArchSpec = spec.parse().unwrap();
    let arch = spec.resolve_images([2, 8, 8], 3).unwrap();
    let set = |n: usize, seed: u64, targets: &[f64]| {
        let inputs = random(n, 128, seed).reshape((n, 2, 8, 8)).unwrap();
        Examples::new(&inputs, &Tensor::from_slice(targets, (n, 3), &Device::Cpu).unwrap()).unwrap()
    };
    let width = arch.network().buffers().len();
    let buffers =
        random(1, width.max(1), 7).abs().unwrap().flatten_all().unwrap().narrow(0, 0, width).unwrap();
    EmpiricalRisk::new(&arch, set(11, 3, &[0.; 33]), SQUARED)
        .unwrap()
        .on(set(4, 4, targets))
        .unwrap()
        .with_statistics(rule)
        .with_buffers(&buffers)
        .unwrap()
}

/// Under the squared loss the gradient is linear in the targets; its slope in one of them is the gradient of an output.
/// The gradient through statistics of other rows is that of candle's operations.
#[test]
fn kernels_of_networks_for_images_are_products_of_jacobians() {
    for (spec, rule) in [
        ("resnet8:width=0.125", Statistics::Population),
        ("resnet8:width=0.125", Statistics::Interpolate),
        ("resnet8:width=0.125,norm=gn:1,activation=silu", Statistics::Population),
    ] {
        let what = format!("{spec}, {rule}");
        let targets: Vec<f64> = (0..12).map(|i| f64::from(i).sin()).collect();
        let risk = image_risk(spec, rule, &targets);
        let theta = point(risk.arch(), Init::Pytorch, 1);
        let gradient = |targets: &[f64]| {
            let stack = theta.unsqueeze(0).unwrap();
            let mut gradient = stack.zeros_like().unwrap();
            image_risk(spec, rule, targets).at(&stack, Rows::All, Some(&mut gradient)).unwrap();
            gradient.get(0).unwrap().to_vec1::<f64>().unwrap()
        };
        let (plain, s) = (gradient(&targets), risk.network().size());
        let mut j = Vec::new();
        for i in 0..12 {
            let mut moved = targets.clone();
            moved[i] += 1.;
            j.extend(gradient(&moved).iter().zip(&plain).map(|(a, b)| -2. * (a - b)));
        }
        let dot = |a: usize, b: usize, columns: std::ops::Range<usize>| -> f64 {
            columns.map(|c| j[a * s + c] * j[b * s + c]).sum()
        };
        let mean = |columns: std::ops::Range<usize>| -> Vec<f64> {
            let pairs = (0..16).map(|at| (at / 4 * 3, at % 4 * 3));
            pairs.map(|(a, b)| (0..3).map(|o| dot(a + o, b + o, columns.clone())).sum::<f64>() / 3.).collect()
        };
        let tangent = Tangent::of(&risk, &theta).unwrap();
        assert_eq!((tangent.examples(), tangent.outputs().len()), (4, 12));
        let each: Vec<f64> = (0..144).map(|at| dot(at / 12, at % 12, 0..s)).collect();
        assert_close(&tangent.kernel(Outputs::Each), &each, 1e-11, &what);
        let whole = mean(0..s);
        assert_close(&tangent.kernel(Outputs::Mean), &whole, 1e-11, &what);
        assert_close(&tangent.clone().with_memory(1 << 14).kernel(Outputs::Mean), &whole, 1e-11, &what);
        let mut sum = vec![0.; 16];
        for k in 0..tangent.layers().len() {
            let part = tangent.layer(k, Outputs::Mean).unwrap();
            sum.iter_mut().zip(part.as_slice()).for_each(|(sum, x)| *sum += x);
        }
        assert_close(&tangent.kernel(Outputs::Mean), &sum, 1e-12, &what);
        assert!(tangent.layers().contains(&"layer2.0.shortcut.0".to_owned()));
        let last = risk.arch().layout().get("fc.weight").unwrap().clone();
        assert_close(&tangent.last_layer(), &mean(last.offset..last.offset + last.len()), 3e-11, &what);
        // Jᵀu for the first three examples.
        let u: Vec<f64> = (0..9).map(|i| f64::from(i).cos()).collect();
        let product = tangent.jacobian().unwrap().transposed(&u).unwrap();
        let scale = product.iter().fold(0., |m: f64, x| m.max(x.abs()));
        for (c, x) in product.iter().enumerate() {
            let expected: f64 = (0..9).map(|i| u[i] * j[i * s + c]).sum();
            assert!((x - expected).abs() <= 1e-11 * scale, "{what}: {x} {expected}");
        }
    }
    let risk = image_risk("resnet8:width=0.125", Statistics::Train { batch: 2 }, &[0.; 12]);
    let refused = Tangent::of(&risk, &point(risk.arch(), Init::Pytorch, 1)).unwrap_err().to_string();
    assert!(refused.contains("train:2"), "{refused}");
    let limit = WidthLimit::new(risk.arch(), Init::Pytorch, risk.data().given()).unwrap_err().to_string();
    assert!(limit.contains("no chain of dense layers"), "{limit}");
}
