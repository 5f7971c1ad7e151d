//! Convolutional, normalised and residual networks: values against loops written out, gradients against central
//! differences, PyTorch's conventions at kinks, and the rules for statistics.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use collado_models::{Activation, ConvSettings, Network, NetworkBuilder, NodeId, NormKind, Pad, PoolKind};
use collado_risk::{
    Criterion, CurvatureForm, EmpiricalRisk, Error, ExactCurvature, Examples, Loss, Objective, Rows, Span,
    Statistics,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(-1. ..1.)).collect()
}

fn tensor(shape: &[usize], seed: u64) -> Tensor {
    Tensor::from_vec(numbers(shape.iter().product(), seed), shape, &Device::Cpu).unwrap()
}

/// Images `[n, shape]` with labels of 3 classes.
fn examples(n: usize, shape: &[usize], seed: u64) -> Examples {
    let labels: Vec<u32> = (0..n as u32).map(|i| (i * i + 1) % 3).collect();
    let inputs = tensor(&[&[n], shape].concat(), seed);
    Examples::new(&inputs, &Tensor::from_vec(labels, n, &Device::Cpu).unwrap()).unwrap()
}

const IMAGE: [usize; 3] = [4, 7, 6];

/// A convolution, the operations of `body` and a dense layer on `[4, 7, 6]`.
fn with_body(body: impl Fn(&mut NetworkBuilder, NodeId) -> NodeId) -> Network {
    let mut net = NetworkBuilder::new(&IMAGE);
    let x = net.conv(0, "first", ConvSettings { bias: true, ..ConvSettings::same(4, 3) });
    let x = net.activation(x, Activation::Tanh);
    let x = body(&mut net, x);
    let x = net.flatten(x);
    net.dense(x, "last", 3, true);
    net.finish("a test network").unwrap()
}

type Body = Box<dyn Fn(&mut NetworkBuilder, NodeId) -> NodeId>;

/// Every operation with the settings that matter.
fn bodies() -> Vec<(String, Network)> {
    let conv = |settings: ConvSettings| -> Body { Box::new(move |net, x| net.conv(x, "conv", settings)) };
    let norm = |kind| -> Body {
        Box::new(move |net, x| {
            let x = net.norm(x, "norm", kind);
            net.activation(x, Activation::Relu)
        })
    };
    let pool = |kind, kernel, stride, padding| -> Body {
        Box::new(move |net, x| net.pool(x, kind, kernel, stride, padding))
    };
    let same = ConvSettings::same(6, 3);
    let mut bodies: Vec<(&str, Body)> = vec![
        ("stride", conv(ConvSettings { stride: 2, ..same })),
        ("stride without border", conv(ConvSettings { stride: 2, padding: 0, bias: true, ..same })),
        ("dilation", conv(ConvSettings { dilation: 2, padding: 2, ..same })),
        ("groups", conv(ConvSettings { groups: 2, bias: true, ..same })),
        ("depthwise", conv(ConvSettings { groups: 4, outputs: 8, ..same })),
        ("one by one", conv(ConvSettings { stride: 2, ..ConvSettings::same(5, 1) })),
        ("batch norm", norm(NormKind::Batch)),
        ("layer norm", norm(NormKind::Layer)),
        ("group norm", norm(NormKind::Group(2))),
        ("max pooling", pool(PoolKind::Max, 2, 2, 0)),
        ("overlapping max pooling", pool(PoolKind::Max, 3, 2, 1)),
        ("average pooling", pool(PoolKind::Average, 3, 2, 1)),
        ("every other pixel", pool(PoolKind::Average, 1, 2, 0)),
        ("global average", Box::new(|net, x| net.global_average(x))),
        ("padding", Box::new(|net, x| net.pad(x, Pad { before: 1, after: 2 }))),
        (
            "sum",
            Box::new(|net, x| {
                let y = net.conv(x, "conv", ConvSettings::same(4, 3));
                let sum = net.add(y, x);
                net.activation(sum, Activation::Relu)
            }),
        ),
        (
            "concatenation",
            Box::new(|net, x| {
                let y = net.conv(x, "conv", ConvSettings::same(2, 3));
                net.concat(&[x, y, x])
            }),
        ),
        (
            "norm of features",
            Box::new(|net, x| {
                let x = net.flatten(x);
                let x = net.dense(x, "dense", 6, false);
                let x = net.norm(x, "a", NormKind::Batch);
                let x = net.activation(x, Activation::Relu);
                let x = net.norm(x, "b", NormKind::Layer);
                net.norm(x, "c", NormKind::Group(3))
            }),
        ),
    ];
    for rho in Activation::ALL {
        bodies.push((rho.name(), Box::new(move |net, x| net.activation(x, rho))));
    }
    bodies.into_iter().map(|(name, body)| (name.to_owned(), with_body(body))).collect()
}

fn criterion() -> Criterion {
    Criterion { kappa: 0.01, ..Criterion::default() }
}

fn value(risk: &EmpiricalRisk, theta: &[f64], buffers: &Tensor) -> f64 {
    let theta = Tensor::from_slice(theta, (1, theta.len()), &Device::Cpu).unwrap();
    let span = Span::stack(&theta).unwrap().with_buffers(buffers).unwrap();
    risk.evaluate(&span, Rows::All, None).unwrap()[0].risk
}

/// Compares the gradient along random directions, and in single parameters, with central differences.
fn check_gradient(name: &str, risk: &EmpiricalRisk) {
    let size = risk.network().size();
    let theta = numbers(size, 5).iter().map(|x| 0.6 * x).collect::<Vec<_>>();
    let width = risk.network().buffers().len();
    let buffers = Tensor::from_vec(numbers(width, 6), (1, width), &Device::Cpu).unwrap().abs().unwrap();
    let stack = Tensor::from_slice(&theta, (1, size), &Device::Cpu).unwrap();
    let span = Span::stack(&stack).unwrap().with_buffers(&buffers).unwrap();
    let mut gradient = stack.zeros_like().unwrap();
    let values = risk.evaluate(&span, Rows::All, Some(&mut gradient)).unwrap();
    assert!((values[0].risk - value(risk, &theta, &buffers)).abs() < 1e-13, "{name}: value with a gradient");
    let gradient = gradient.get(0).unwrap().to_vec1::<f64>().unwrap();
    let single = |i: usize| (0..size).map(|j| f64::from(u8::from(i == j))).collect();
    let mut directions: Vec<Vec<f64>> = (0..3).map(|seed| numbers(size, 10 + seed)).collect();
    directions.extend((0..size).step_by(size / 12 + 1).map(single));
    for d in directions {
        const H: f64 = 1e-6;
        let at =
            |h: f64| value(risk, &theta.iter().zip(&d).map(|(x, d)| x + h * d).collect::<Vec<_>>(), &buffers);
        let numeric = (at(H) - at(-H)) / (2. * H);
        let exact: f64 = gradient.iter().zip(&d).map(|(g, d)| g * d).sum();
        assert!((exact - numeric).abs() < 2e-8 * (1. + exact.abs()), "{name}: {exact} and {numeric}");
    }
}

#[test]
fn gradients_of_all_operations_are_central_differences() {
    for (name, network) in bodies() {
        let risk = EmpiricalRisk::new(network, examples(5, &IMAGE, 1), criterion()).unwrap();
        check_gradient(&name, &risk);
    }
}

#[test]
fn gradients_go_through_statistics() {
    let (_, network) = bodies().into_iter().find(|(name, _)| name == "batch norm").unwrap();
    let train = EmpiricalRisk::new(network, examples(7, &IMAGE, 1), criterion()).unwrap();
    let other = train.on(examples(4, &IMAGE, 2)).unwrap();
    for rule in [Statistics::Population, Statistics::Interpolate, Statistics::Train { batch: 3 }] {
        check_gradient(&format!("{rule}"), &train.clone().with_statistics(rule));
        check_gradient(&format!("{rule}, other examples"), &other.clone().with_statistics(rule));
    }
    check_gradient("some rows", &other.with_reference_rows(3).unwrap());
}

#[test]
fn one_value_for_a_channel_has_no_variance() {
    let (_, network) = bodies().into_iter().find(|(name, _)| name == "norm of features").unwrap();
    let risk = EmpiricalRisk::new(network, examples(5, &IMAGE, 1), criterion()).unwrap();
    let training = risk.training(1).unwrap().unwrap();
    let theta = Tensor::from_vec(numbers(risk.network().size(), 5), (1, ()), &Device::Cpu).unwrap();
    let mut gradient = theta.zeros_like().unwrap();
    let error = training.at(&theta, Rows::Shared(&[3]), Some(&mut gradient)).unwrap_err().to_string();
    assert!(error.contains("'a'") && error.contains("at least 2"), "{error}");
    training.at(&theta, Rows::Shared(&[3, 1]), Some(&mut gradient)).unwrap();
    let buffers = training.buffers().unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
    assert!(buffers.iter().all(|x| x.is_finite()), "{buffers:?}");
}

/// Value and gradient of `risk` at the point `theta` on a device.
#[cfg(feature = "cuda")]
fn on_device(risk: &EmpiricalRisk, theta: &[f32], dtype: DType, device: &Device) -> (f64, Tensor) {
    let width = risk.network().buffers().len();
    let buffers = Tensor::from_vec(numbers(width, 6), (1, width), &Device::Cpu).unwrap().abs().unwrap();
    let stack = Tensor::from_slice(theta, (1, theta.len()), &Device::Cpu).unwrap();
    let stack = stack.to_dtype(dtype).unwrap().to_device(device).unwrap();
    let span = Span::stack(&stack).unwrap().with_buffers(&buffers).unwrap();
    let mut gradient = stack.zeros_like().unwrap();
    let values = risk.evaluate(&span, Rows::All, Some(&mut gradient)).unwrap();
    let alone = risk.evaluate(&span, Rows::All, None).unwrap();
    let bound = if dtype == DType::F64 { 1e-12 } else { 1e-5 };
    assert!((values[0].risk - alone[0].risk).abs() < bound * alone[0].risk.abs(), "{values:?} {alone:?}");
    (values[0].risk, gradient.to_device(&Device::Cpu).unwrap().to_dtype(DType::F64).unwrap())
}

#[cfg(feature = "cuda")]
#[test]
fn a_gpu_has_the_values_and_gradients_of_f64_and_the_same_bits_again() {
    let gpu = collado_risk::gpu(0).unwrap();
    let mut cases: Vec<_> =
        bodies().into_iter().map(|(name, network)| (name, network, IMAGE.to_vec())).collect();
    for (name, shape) in [
        ("resnet20:width=0.5", [3, 16, 16]),
        ("vgg11:width=0.125,norm=bn", [3, 32, 32]),
        ("lenet", [1, 28, 28]),
    ] {
        let spec: collado_models::ArchSpec = name.parse().unwrap();
        let network = spec.resolve_images(shape, 3).unwrap().network().clone();
        cases.push((name.into(), network, shape.to_vec()));
    }
    let largest = |t: &Tensor| t.abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
    let mut failures = Vec::new();
    for (name, network, shape) in cases {
        let theta: Vec<f32> = numbers(network.size(), 5).iter().map(|x| 0.2 * *x as f32).collect();
        let normalised = network.batch_norms().next().is_some();
        let rules = [Statistics::Train { batch: 5 }, Statistics::Interpolate, Statistics::Population];
        for rule in &rules[..if normalised { 3 } else { 1 }] {
            let risk = EmpiricalRisk::new(network.clone(), examples(5, &shape, 1), criterion()).unwrap();
            let risk = if normalised { risk.with_statistics(*rule) } else { risk };
            let (value, slope) = on_device(&risk, &theta, DType::F64, &Device::Cpu);
            for (dtype, bound) in [(DType::F64, 1e-10), (DType::F32, 2e-4)] {
                let found = on_device(&risk, &theta, dtype, &gpu);
                let gaps = [
                    (found.0 - value).abs() / value,
                    largest(&(&found.1 - &slope).unwrap()) / largest(&slope),
                ];
                println!("{name}, {rule}, {dtype:?}: {gaps:.1?}");
                let again = on_device(&risk, &theta, dtype, &gpu);
                let same = found.0 == again.0 && largest(&(&found.1 - &again.1).unwrap()) == 0.;
                if !(gaps[0] < bound && gaps[1] < bound && same) {
                    failures.push(format!("{name}, {rule}, {dtype:?}: {gaps:?}, the same again: {same}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// A convolution by its definition.
fn convolution(x: &[f64], w: &[f64], s: ConvSettings, [channels, height, width]: [usize; 3]) -> Vec<f64> {
    let reach = s.dilation * (s.kernel - 1) + 1;
    let size = [height, width].map(|n| (n + 2 * s.padding - reach) / s.stride + 1);
    let (inputs, outputs) = (channels / s.groups, s.outputs / s.groups);
    let mut z = Vec::new();
    for o in 0..s.outputs {
        for (row, column) in (0..size[0]).flat_map(|y| (0..size[1]).map(move |x| (y, x))) {
            let mut sum = 0.;
            for (c, i, j) in (0..inputs)
                .flat_map(|c| (0..s.kernel).flat_map(move |i| (0..s.kernel).map(move |j| (c, i, j))))
            {
                let y = (row * s.stride + i * s.dilation).checked_sub(s.padding).filter(|&y| y < height);
                let x_ = (column * s.stride + j * s.dilation).checked_sub(s.padding).filter(|&x| x < width);
                if let (Some(y), Some(x_)) = (y, x_) {
                    let channel = o / outputs * inputs + c;
                    let weight = w[((o * inputs + c) * s.kernel + i) * s.kernel + j];
                    sum += weight * x[(channel * height + y) * width + x_];
                }
            }
            z.push(sum);
        }
    }
    z
}

#[test]
fn convolutions_are_their_definition() {
    let same = ConvSettings::same(6, 3);
    for settings in [
        same,
        ConvSettings { stride: 2, ..same },
        ConvSettings { stride: 3, padding: 0, ..same },
        ConvSettings { dilation: 2, padding: 1, ..same },
        ConvSettings { groups: 2, stride: 2, ..same },
        ConvSettings { groups: 4, outputs: 8, ..same },
        ConvSettings { stride: 2, ..ConvSettings::same(5, 1) },
        ConvSettings { padding: 2, ..ConvSettings::same(3, 5) },
    ] {
        let mut net = NetworkBuilder::new(&IMAGE);
        let x = net.conv(0, "conv", settings);
        let outputs = net.shape(x).iter().product::<usize>();
        net.flatten(x);
        let network = net.finish("a convolution").unwrap();
        let (x, w) = (numbers(4 * 42, 3), numbers(network.size(), 4));
        let z = convolution(&x, &w, settings, IMAGE);
        // The squared loss against targets of one is the sum of (z − 1)².
        let inputs = Tensor::from_vec(x, (1, 4, 7, 6), &Device::Cpu).unwrap();
        let targets = Tensor::ones((1, outputs), DType::F64, &Device::Cpu).unwrap();
        let squared = Criterion { loss: Loss::Squared, ..Criterion::default() };
        let risk = EmpiricalRisk::new(network, Examples::new(&inputs, &targets).unwrap(), squared).unwrap();
        let theta = Tensor::from_slice(&w, (1, w.len()), &Device::Cpu).unwrap();
        let found = risk.risks(&Span::stack(&theta).unwrap()).unwrap()[0];
        let expected: f64 = z.iter().map(|z| (z - 1.).powi(2)).sum();
        assert!((found - expected).abs() < 1e-12 * expected, "{settings:?}: {found} and {expected}");
    }
}

/// The gradient with respect to the parameters of `[1, 2, 2]` images of `x` under the network of `body`, whose output is
/// one number with the target 0 under the squared loss: 2 z ∂z.
fn slopes(x: [f64; 4], theta: &[f64], body: impl Fn(&mut NetworkBuilder, NodeId) -> NodeId) -> Vec<f64> {
    let mut net = NetworkBuilder::new(&[1, 2, 2]);
    // A depthwise 1×1 convolution has one weight for all pixels: the derivative sums those of the pixels.
    let y = net.conv(0, "scale", ConvSettings { bias: true, ..ConvSettings::same(1, 1) });
    let y = body(&mut net, y);
    let y = net.flatten(y);
    net.dense(y, "last", 1, false);
    let network = net.finish("a kink").unwrap();
    assert_eq!(network.size(), theta.len());
    let inputs = Tensor::from_slice(&x, (1, 1, 2, 2), &Device::Cpu).unwrap();
    let targets = Tensor::zeros((1, 1), DType::F64, &Device::Cpu).unwrap();
    let squared = Criterion { loss: Loss::Squared, ..Criterion::default() };
    let risk = EmpiricalRisk::new(network, Examples::new(&inputs, &targets).unwrap(), squared).unwrap();
    let theta = Tensor::from_slice(theta, (1, theta.len()), &Device::Cpu).unwrap();
    let mut gradient = theta.zeros_like().unwrap();
    risk.at(&theta, Rows::All, Some(&mut gradient)).unwrap();
    gradient.get(0).unwrap().to_vec1().unwrap()
}

#[test]
fn kinks_are_those_of_pytorch() {
    // z = a·relu(w x + b) summed over pixels, at pixels where w x + b = 0, 0, 1, −1: only the third has a slope.
    let relu =
        slopes([0., 0., 1., -1.], &[1., 0., 2., 2., 2., 2.], |net, x| net.activation(x, Activation::Relu));
    assert_eq!(relu[..2], [2. * 2. * 2., 2. * 2. * 2.]);
    // The leaky one has the slope 0.01 at 0: Σ ρ = 1 − 0.01, ∂b = 2·(2·0.99)·2·(1 + 3·0.01).
    let leaky =
        slopes([0., 0., 1., -1.], &[1., 0., 2., 2., 2., 2.], |net, x| net.activation(x, Activation::Leaky));
    assert!((leaky[1] - 2. * 2. * 0.99 * 2. * 1.03).abs() < 1e-14);
    // Of equal pixels the first is the largest: z = b + w·3 from the pixel 3 at places 1 and 2.
    let max = slopes([1., 3., 3., 0.], &[1., 0.5, 1.], |net, x| net.pool(x, PoolKind::Max, 2, 2, 0));
    assert_eq!(max[..2], [2. * 3.5 * 3., 2. * 3.5]);
}

#[test]
fn the_derivative_of_a_largest_pixel_is_that_of_the_pixel() {
    // Pixels pass through a convolution whose output depends on their place: the derivative tells which was taken.
    let mut net = NetworkBuilder::new(&[1, 2, 2]);
    let x = net.conv(0, "shift", ConvSettings { padding: 1, ..ConvSettings::same(1, 3) });
    net.pool(x, PoolKind::Max, 2, 2, 0);
    let network = net.finish("a largest pixel").unwrap();
    let inputs = Tensor::new(&[[[[5., 1.], [2., 7.]]]], &Device::Cpu).unwrap();
    let targets = Tensor::zeros((1, 1), DType::F64, &Device::Cpu).unwrap();
    let squared = Criterion { loss: Loss::Squared, ..Criterion::default() };
    let risk = EmpiricalRisk::new(network, Examples::new(&inputs, &targets).unwrap(), squared).unwrap();
    // A kernel with only the corner that reaches pixel (1, 1) from (0, 0): pixel (0, 0) is 7 and the others are 0.
    let theta = Tensor::new(&[[0., 0., 0., 0., 0., 0., 0., 0., 1.]], &Device::Cpu).unwrap();
    let mut gradient = theta.zeros_like().unwrap();
    risk.at(&theta, Rows::All, Some(&mut gradient)).unwrap();
    // z(0,0) = Σ k(i,j) x(i−1, j−1): its derivatives are the pixels under the kernel at (0, 0).
    let expected = [0., 0., 0., 0., 5., 1., 0., 2., 7.].map(|x| 14. * x);
    assert_eq!(gradient.get(0).unwrap().to_vec1::<f64>().unwrap(), expected);
}

/// Statistics by hand of a network whose only layer before the normalisation is a 1×1 convolution.
#[test]
fn rules_for_statistics_are_their_definitions() {
    let mut net = NetworkBuilder::new(&[1, 2, 2]);
    let x = net.conv(0, "conv", ConvSettings::same(1, 1));
    let x = net.norm(x, "bn", NormKind::Batch);
    let x = net.flatten(x);
    net.dense(x, "fc", 1, false);
    let network = net.finish("one channel").unwrap();
    let theta = [1.5, 0.8, 0.3, 0.2, -0.4, 0.6, 0.1];
    let set = |n: usize, seed: u64| {
        let inputs = tensor(&[n, 1, 2, 2], seed);
        Examples::new(&inputs, &tensor(&[n, 1], seed + 1)).unwrap()
    };
    let (train, test) = (Arc::new(set(10, 20)), set(6, 30));
    let squared = Criterion { loss: Loss::Squared, ..Criterion::default() };
    let risk = EmpiricalRisk::new(network, Arc::clone(&train), squared).unwrap().on(test).unwrap();
    let pixels = |examples: &Examples| examples.given().flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let (seen, x) = (pixels(&train), pixels(risk.data()));
    let targets = |i: usize| risk.data().targets().value(i, 0, 1);
    let moments = |x: &[f64], unbiased: bool| {
        let z: Vec<f64> = x.iter().map(|x| theta[0] * x).collect();
        let mean = z.iter().sum::<f64>() / z.len() as f64;
        let sum: f64 = z.iter().map(|z| (z - mean).powi(2)).sum();
        (mean, sum / (z.len() as f64 - f64::from(u8::from(unbiased))))
    };
    let loss = |rows: std::ops::Range<usize>, (mean, variance): (f64, f64)| -> f64 {
        rows.map(|i| {
            let y = |x: f64| theta[1] * (theta[0] * x - mean) / (variance + 1e-5).sqrt() + theta[2];
            let out: f64 = (0..4).map(|j| theta[3 + j] * y(x[4 * i + j])).sum();
            (out - targets(i)).powi(2)
        })
        .sum::<f64>()
            / 6.
    };
    let mean_of = |parts: &[(f64, (f64, f64))]| {
        let total: f64 = parts.iter().map(|(w, _)| w).sum();
        let mean = |f: fn(&(f64, f64)) -> f64| parts.iter().map(|(w, m)| w * f(m)).sum::<f64>() / total;
        (mean(|m| m.0), mean(|m| m.1))
    };
    let batches = [
        (4., moments(&seen[..16], true)),
        (4., moments(&seen[16..32], true)),
        (2., moments(&seen[32..], true)),
    ];
    let even = batches.map(|(_, m)| (1., m));
    let buffers = [(0.2, 0.9), (-0.1, 1.7)];
    let whole = moments(&seen, false);
    let expected = [
        (Statistics::Population, loss(0..6, whole)),
        (Statistics::Garipov { batch: 4 }, loss(0..6, mean_of(&batches))),
        (Statistics::Repair { batch: 4 }, loss(0..6, mean_of(&even))),
        (Statistics::Interpolate, loss(0..6, (0.25 * 0.2 - 0.75 * 0.1, 0.25 * 0.9 + 0.75 * 1.7))),
        (
            Statistics::Train { batch: 4 },
            loss(0..4, moments(&x[..16], false)) + loss(4..6, moments(&x[16..], false)),
        ),
        (Statistics::Train { batch: 0 }, loss(0..6, moments(&x, false))),
    ];
    let theta = Tensor::from_slice(&[theta, theta].concat(), (2, 7), &Device::Cpu).unwrap();
    let rows: Vec<f64> = buffers.iter().flat_map(|(m, v)| [*m, *v, 5.]).collect();
    let buffers = Tensor::from_vec(rows, (2, 3), &Device::Cpu).unwrap();
    let span = Span::new(&theta, vec![0.25, 0.75]).unwrap().with_buffers(&buffers).unwrap();
    for (rule, expected) in expected {
        assert_eq!(rule.to_string().parse::<Statistics>().unwrap(), rule);
        let found = risk.clone().with_statistics(rule).risks(&span).unwrap()[0];
        assert!((found - expected).abs() < 1e-13, "{rule}: {found} and {expected}");
    }
    let evenly = risk.clone().with_reference_rows(4).unwrap();
    let rows: Vec<f64> = [0, 2, 5, 7].iter().flat_map(|i| seen[4 * i..4 * i + 4].to_vec()).collect();
    let found = evenly.risks(&span).unwrap()[0];
    assert!((found - loss(0..6, moments(&rows, false))).abs() < 1e-13, "evenly spaced rows");
    let own = risk.running_statistics(&theta).unwrap().unwrap().to_vec2::<f64>().unwrap();
    let (mean, variance) = moments(&seen, true);
    assert!((own[1][0] - mean).abs() < 1e-14 && (own[1][1] - variance).abs() < 1e-14 && own[1][2] == 1.);
    let bare = Span::new(&theta, vec![0.25, 0.75]).unwrap();
    assert!(risk.clone().with_statistics(Statistics::Interpolate).risks(&bare).is_err());
    let mut gradient = theta.zeros_like().unwrap();
    let garipov = risk.with_statistics(Statistics::Garipov { batch: 4 });
    assert!(garipov.evaluate(&span, Rows::All, Some(&mut gradient)).is_err());
}

/// PyTorch: running ← 0.9 running + 0.1 batch, with unbiased variances.
#[test]
fn training_keeps_running_averages() {
    let (_, network) = bodies().into_iter().find(|(name, _)| name == "batch norm").unwrap();
    let size = network.size();
    let risk = EmpiricalRisk::new(network, examples(8, &IMAGE, 1), criterion()).unwrap();
    let training = risk.training(2).unwrap().unwrap();
    let theta = tensor(&[2, size], 8);
    let mut gradient = theta.zeros_like().unwrap();
    let batches = [[0, 1, 2, 3, 4, 5], [2, 3, 4, 5, 6, 7]];
    for step in batches {
        let rows: Vec<u32> = [&step[..], &[0, 2, 4, 6, 1, 3][..]].concat();
        training.at(&theta, Rows::Each { rows: &rows, batch: 6 }, Some(&mut gradient)).unwrap();
        training.at(&theta, Rows::Each { rows: &rows, batch: 6 }, None).unwrap();
    }
    let found = training.buffers().unwrap().to_vec2::<f64>().unwrap();
    // The statistics of a minibatch are those of a population of its rows.
    let of = |rows: [u32; 6]| {
        let pick = |t: &Tensor| t.index_select(&Tensor::new(&rows[..], &Device::Cpu).unwrap(), 0).unwrap();
        let labels = Tensor::new(risk.data().targets().classes().unwrap(), &Device::Cpu).unwrap();
        let part = Examples::new(&pick(risk.data().given()), &pick(&labels)).unwrap();
        let risk = EmpiricalRisk::new((**risk.network()).clone(), part, criterion()).unwrap();
        risk.running_statistics(&theta.narrow(0, 0, 1).unwrap())
            .unwrap()
            .unwrap()
            .to_vec2::<f64>()
            .unwrap()
            .remove(0)
    };
    let (first, second) = (of(batches[0]), of(batches[1]));
    for i in 0..4 {
        let mean = 0.09 * first[i] + 0.1 * second[i];
        let variance = 0.81 + 0.09 * first[4 + i] + 0.1 * second[4 + i];
        assert!((found[0][i] - mean).abs() < 1e-14 && (found[0][4 + i] - variance).abs() < 1e-14);
    }
    assert_eq!((found[0][8], found[1][8]), (2., 2.));
    training.keep(&[1]);
    assert_eq!(training.buffers().unwrap().to_vec2::<f64>().unwrap(), found[1..]);
    training.restore(&Tensor::zeros((1, 9), DType::F64, &Device::Cpu).unwrap()).unwrap();
    assert!(training.restore(&Tensor::zeros((2, 9), DType::F64, &Device::Cpu).unwrap()).is_err());
}

#[test]
fn f32_agrees_with_f64() {
    for (name, network) in bodies() {
        let size = network.size();
        let risk = EmpiricalRisk::new(network, examples(5, &IMAGE, 1), criterion()).unwrap();
        let theta = tensor(&[2, size], 9);
        let single = theta.to_dtype(DType::F32).unwrap();
        let (mut g64, mut g32) = (theta.zeros_like().unwrap(), single.zeros_like().unwrap());
        let exact = risk.at(&theta, Rows::All, Some(&mut g64)).unwrap();
        let found = risk.at(&single, Rows::All, Some(&mut g32)).unwrap();
        for (exact, found) in exact.iter().zip(&found) {
            assert!((exact.risk - found.risk).abs() < 1e-5 * exact.risk, "{name}");
        }
        let norm = |t: &Tensor| t.sqr().unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap().sqrt();
        let off = norm(&(g32.to_dtype(DType::F64).unwrap() - &g64).unwrap());
        assert!(off < 1e-5 * norm(&g64), "{name}: {off}");
    }
}

#[test]
fn memory_and_order_of_points_do_not_matter() {
    let (_, network) = bodies().into_iter().find(|(name, _)| name == "batch norm").unwrap();
    let size = network.size();
    let risk = EmpiricalRisk::new(network, examples(70, &IMAGE, 1), criterion()).unwrap();
    let theta = tensor(&[3, size], 9);
    let mut gradient = theta.zeros_like().unwrap();
    let values = risk.at(&theta, Rows::All, Some(&mut gradient)).unwrap();
    let small = risk.clone().with_memory(1 << 16);
    let mut other = theta.zeros_like().unwrap();
    let again = small.at(&theta, Rows::All, Some(&mut other)).unwrap();
    for (a, b) in values.iter().zip(&again) {
        assert!((a.risk - b.risk).abs() < 1e-13 && a.error == b.error);
    }
    let off = (gradient - other).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
    assert!(off < 1e-13);
}

/// The products of a matrix with the rows of `vectors`.
fn products(
    risk: &EmpiricalRisk,
    form: CurvatureForm,
    theta: &[f64],
    vectors: &[f64],
) -> collado_risk::Result<Vec<f64>> {
    let curvature = ExactCurvature::new(risk)?;
    let point = curvature.at(theta.to_vec())?;
    let mut out = vec![0.; vectors.len()];
    curvature.apply(form, &point, vectors, &mut out)?;
    Ok(out)
}

fn gradient(risk: &EmpiricalRisk, theta: &[f64]) -> Vec<f64> {
    let stack = Tensor::from_slice(theta, (1, theta.len()), &Device::Cpu).unwrap();
    let mut gradient = stack.zeros_like().unwrap();
    risk.at(&stack, Rows::All, Some(&mut gradient)).unwrap();
    gradient.get(0).unwrap().to_vec1().unwrap()
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

/// A point, and the risk with running statistics for it.
fn point_of(risk: &EmpiricalRisk) -> (EmpiricalRisk, Vec<f64>) {
    let width = risk.network().buffers().len();
    let buffers = Tensor::from_vec(numbers(width, 6), width, &Device::Cpu).unwrap().abs().unwrap();
    let theta = numbers(risk.network().size(), 5).iter().map(|x| 0.6 * x).collect();
    (risk.clone().with_buffers(&buffers).unwrap(), theta)
}

/// Compares Hessian products with central differences of the gradient; they are symmetric and linear.
fn check_products(name: &str, risk: &EmpiricalRisk) {
    let (risk, theta) = point_of(risk);
    let size = theta.len();
    let mut vectors = numbers(3 * size, 20);
    let (both, parts) = vectors.split_at_mut(size);
    both.iter_mut().zip(parts.chunks_exact(size).next().unwrap()).for_each(|(x, u)| *x = 2. * u);
    both.iter_mut().zip(&parts[size..]).for_each(|(x, v)| *x -= 0.5 * v);
    let found = products(&risk, CurvatureForm::Hessian, &theta, &vectors).unwrap();
    for (v, exact) in vectors.chunks_exact(size).zip(found.chunks_exact(size)) {
        let difference = |h: f64| -> Vec<f64> {
            let at =
                |h: f64| gradient(&risk, &theta.iter().zip(v).map(|(x, v)| x + h * v).collect::<Vec<_>>());
            at(h).iter().zip(at(-h)).map(|(a, b)| (a - b) / (2. * h)).collect()
        };
        // Steps that cross no kink.
        let (near, far) = (difference(2e-7), difference(4e-7));
        let numeric: Vec<f64> = near.iter().zip(&far).map(|(a, b)| (4. * a - b) / 3.).collect();
        let off = distance(exact, &numeric);
        assert!(off < 1e-7 * (1. + dot(exact, exact).sqrt()), "{name}: {off:e}");
    }
    let [sum, u, v] = [0, 1, 2].map(|i| &found[i * size..(i + 1) * size]);
    let scale = dot(u, u).sqrt() + dot(v, v).sqrt();
    let linear: Vec<f64> = u.iter().zip(v).map(|(u, v)| 2. * u - 0.5 * v).collect();
    assert!(distance(sum, &linear) < 1e-12 * scale, "{name} is not linear");
    let (a, b) = (dot(&vectors[size..2 * size], v), dot(&vectors[2 * size..], u));
    assert!((a - b).abs() < 1e-11 * scale, "{name} is not symmetric: {a} {b}");
}

#[test]
fn hessian_products_of_all_operations_are_central_differences() {
    let mut covered = 0;
    for (name, network) in bodies() {
        // More than one tile, the last one short.
        let risk = EmpiricalRisk::new(network, examples(11, &IMAGE, 1), criterion()).unwrap();
        if let Err(Error::Unsupported { .. }) = ExactCurvature::new(&risk) {
            continue;
        }
        check_products(&name, &risk);
        covered += 1;
    }
    assert!(covered >= 26, "{covered}");
}

#[test]
fn hessian_products_go_through_statistics() {
    for body in ["batch norm", "norm of features"] {
        let (_, network) = bodies().into_iter().find(|(name, _)| name == body).unwrap();
        let train = EmpiricalRisk::new(network, examples(19, &IMAGE, 1), criterion()).unwrap();
        let other = train.on(examples(13, &IMAGE, 2)).unwrap();
        for rule in [Statistics::Population, Statistics::Interpolate, Statistics::Train { batch: 9 }] {
            check_products(&format!("{body}, {rule}"), &train.clone().with_statistics(rule));
            check_products(&format!("{body}, {rule}, other examples"), &other.clone().with_statistics(rule));
        }
        check_products(&format!("{body}, some rows"), &other.with_reference_rows(10).unwrap());
        let refused = ExactCurvature::new(&train.with_statistics(Statistics::Garipov { batch: 4 }));
        assert!(matches!(refused, Err(Error::Unsupported { .. })));
    }
}

/// A residual network with everything: statistics, sums of all kinds, a curved activation and a shortcut.
fn residual(kind: NormKind) -> Network {
    let mut net = NetworkBuilder::new(&IMAGE);
    let block = |net: &mut NetworkBuilder, x: NodeId, name: &str, rho: Activation| {
        let y = net.conv(x, format!("{name}.conv1"), ConvSettings::same(4, 3));
        let y = net.norm(y, format!("{name}.bn1"), kind);
        let y = net.activation(y, rho);
        let y = net.conv(y, format!("{name}.conv2"), ConvSettings::same(4, 3));
        let y = net.norm(y, format!("{name}.bn2"), kind);
        let around = net.conv(x, format!("{name}.around"), ConvSettings::same(4, 1));
        let around = net.norm(around, format!("{name}.bn3"), kind);
        let sum = net.add(y, around);
        net.activation(sum, rho)
    };
    let x = block(&mut net, 0, "a", Activation::Relu);
    let x = block(&mut net, x, "b", Activation::Silu);
    let x = net.pool(x, PoolKind::Max, 2, 2, 0);
    let x = net.global_average(x);
    net.dense(x, "last", 3, true);
    net.finish("a residual network").unwrap()
}

#[test]
fn residual_networks_have_exact_products_under_all_rules() {
    for kind in [NormKind::Batch, NormKind::Layer, NormKind::Group(2)] {
        let train = EmpiricalRisk::new(residual(kind), examples(19, &IMAGE, 1), criterion()).unwrap();
        for rule in [Statistics::Population, Statistics::Interpolate] {
            check_products(&format!("{kind:?}, {rule}"), &train.clone().with_statistics(rule));
            let other = train.on(examples(13, &IMAGE, 2)).unwrap().with_statistics(rule);
            check_products(&format!("{kind:?}, {rule}, other examples"), &other);
        }
    }
}

/// The Gauss–Newton and Fisher matrices by their definitions: under the squared loss the gradient is linear in the
/// targets, and its slope in one of them is the gradient of an output.
#[test]
fn other_matrices_are_their_definitions() {
    let n = 10;
    for (kind, rule) in [
        (NormKind::Layer, Statistics::Population),
        (NormKind::Batch, Statistics::Population),
        (NormKind::Batch, Statistics::Interpolate),
    ] {
        let squared = Criterion { loss: Loss::Squared, ..Criterion::default() };
        let inputs = tensor(&[&[n], &IMAGE[..]].concat(), 1);
        let risk = |targets: &[f64]| {
            let targets = Tensor::from_slice(targets, (n, 3), &Device::Cpu).unwrap();
            let examples = Examples::new(&inputs, &targets).unwrap();
            EmpiricalRisk::new(residual(kind), examples, squared).unwrap().with_statistics(rule)
        };
        let targets = numbers(3 * n, 8);
        let (own, theta) = point_of(&risk(&targets));
        let loss = |risk: &EmpiricalRisk| {
            let stack = Tensor::from_slice(&theta, (1, theta.len()), &Device::Cpu).unwrap();
            risk.risks(&Span::stack(&stack).unwrap()).unwrap()[0]
        };
        let (g, at) = (gradient(&own, &theta), loss(&own));
        let share = n as f64;
        let v = numbers(theta.len(), 9);
        let (mut newton, mut fisher) = (vec![0.; v.len()], vec![0.; v.len()]);
        for i in 0..n {
            let mut slope = vec![0.; v.len()];
            for o in 0..3 {
                let mut moved = targets.clone();
                moved[3 * i + o] += 1.;
                let (moved, _) = point_of(&risk(&moved));
                // The loss of one output is (Φ − y)²/N, so that a step of y by 1 changes it by (1 − 2(Φ − y))/N.
                let rest = (1. - share * (loss(&moved) - at)) / 2.;
                let jacobian: Vec<f64> =
                    gradient(&moved, &theta).iter().zip(&g).map(|(a, b)| -share / 2. * (a - b)).collect();
                let along = dot(&jacobian, &v);
                newton.iter_mut().zip(&jacobian).for_each(|(x, j)| *x += 2. / share * along * j);
                slope.iter_mut().zip(&jacobian).for_each(|(x, j)| *x += 2. * rest * j);
            }
            let along = dot(&slope, &v) / share;
            fisher.iter_mut().zip(&slope).for_each(|(x, g)| *x += along * g);
        }
        for (form, expected) in [(CurvatureForm::GaussNewton, newton), (CurvatureForm::Fisher, fisher)] {
            let found = products(&own, form, &theta, &v).unwrap();
            let off = distance(&found, &expected);
            assert!(off < 1e-11 * dot(&expected, &expected).sqrt(), "{kind:?} {rule} {form:?}: {off:e}");
        }
    }
}

#[test]
fn products_have_the_same_bits_for_any_number_of_threads_and_blocks() {
    let risk = EmpiricalRisk::new(residual(NormKind::Batch), examples(150, &IMAGE, 1), criterion()).unwrap();
    for rule in [Statistics::Population, Statistics::Interpolate] {
        let (risk, theta) = point_of(&risk.clone().with_statistics(rule));
        let vectors = numbers(3 * theta.len(), 9);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| products(&risk, CurvatureForm::Hessian, &theta, &vectors).unwrap())
        };
        let one = with(1);
        assert_eq!(one, with(3));
        let each = vectors.chunks_exact(theta.len());
        let each = each.flat_map(|v| products(&risk, CurvatureForm::Hessian, &theta, v).unwrap());
        assert_eq!(one, each.collect::<Vec<_>>());
    }
    // Without room for the rows that share statistics, it is said how many would have room, and these have.
    let little = risk.clone().with_memory(1 << 20);
    let Err(Error::Memory { rows: 150, fit, .. }) = ExactCurvature::new(&little) else {
        panic!("no refusal")
    };
    assert!((8..150).contains(&fit), "{fit}");
    assert!(ExactCurvature::new(&little.with_reference_rows(fit).unwrap()).is_ok());
    let (constant, theta) = point_of(&risk.with_statistics(Statistics::Interpolate));
    let v = numbers(theta.len(), 9);
    let product = |risk: &EmpiricalRisk| products(risk, CurvatureForm::Hessian, &theta, &v).unwrap();
    assert_eq!(product(&constant.clone().with_memory(1 << 16)), product(&constant));
}
