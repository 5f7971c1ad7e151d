//! Operations of transformers and mobile networks: gradients against central differences, attention written in several
//! ways, parameters that layers share, and what does not depend on the tiles of examples.
#![allow(clippy::unwrap_used)]

use candle_core::{Device, Tensor};
use collado_models::{
    Activation, ConvSettings, ConvShape, Function, Network, NetworkBuilder, NodeId, NormKind, NormSettings,
    Pad, Pool, PoolKind, Slice, Softmax, Weights,
};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Objective, Rows, Span, Statistics};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(-1. ..1.)).collect()
}

fn stack(points: usize, network: &Network, seed: u64) -> Tensor {
    let rows = numbers(points * network.size(), seed).iter().map(|x| 0.6 * x).collect();
    Tensor::from_vec(rows, (points, network.size()), &Device::Cpu).unwrap()
}

const COUNT: usize = 5;

/// Examples with labels of 3 classes; tokens where the network takes some.
fn examples(network: &Network) -> Examples {
    let shape = [&[COUNT], network.input()].concat();
    let mut inputs = numbers(shape.iter().product(), 1);
    if let Some(tokens) = network.tokens() {
        inputs.iter_mut().for_each(|x| *x = ((*x + 1.) * 0.5 * tokens as f64).floor());
    }
    let labels: Vec<u32> = (0..COUNT as u32).map(|i| (i * i + 1) % 3).collect();
    let inputs = Tensor::from_vec(inputs, shape, &Device::Cpu).unwrap();
    Examples::new(&inputs, &Tensor::from_vec(labels, COUNT, &Device::Cpu).unwrap()).unwrap()
}

fn risk(network: Network) -> EmpiricalRisk {
    let examples = examples(&network);
    EmpiricalRisk::new(network, examples, Criterion { kappa: 0.01, ..Criterion::default() }).unwrap()
}

fn gradient(risk: &EmpiricalRisk, theta: &Tensor) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut gradient = theta.zeros_like().unwrap();
    let values = risk.evaluate(&Span::stack(theta).unwrap(), Rows::All, Some(&mut gradient)).unwrap();
    (values.iter().map(|value| value.risk).collect(), gradient.to_vec2().unwrap())
}

fn value(risk: &EmpiricalRisk, theta: &[f64]) -> f64 {
    let theta = Tensor::from_slice(theta, (1, theta.len()), &Device::Cpu).unwrap();
    risk.evaluate(&Span::stack(&theta).unwrap(), Rows::All, None).unwrap()[0].risk
}

/// Compares the gradients of two points along random directions, and in single parameters, with central differences.
fn check(name: &str, risk: &EmpiricalRisk) {
    const H: f64 = 1e-6;
    let size = risk.network().size();
    let theta = stack(2, risk.network(), 5);
    let (values, gradients) = gradient(risk, &theta);
    let single = |i: usize| (0..size).map(|j| f64::from(u8::from(i == j))).collect();
    let mut directions: Vec<Vec<f64>> = (0..2).map(|seed| numbers(size, 10 + seed)).collect();
    directions.extend((0..size).step_by(size / 8 + 1).map(single));
    for ((row, gradient), found) in theta.to_vec2::<f64>().unwrap().iter().zip(gradients).zip(values) {
        assert!((found - value(risk, row)).abs() < 1e-13, "{name}: value with a gradient");
        for d in &directions {
            let at = |h: f64| value(risk, &row.iter().zip(d).map(|(x, d)| x + h * d).collect::<Vec<_>>());
            let numeric = (at(H) - at(-H)) / (2. * H);
            let exact: f64 = gradient.iter().zip(d).map(|(g, d)| g * d).sum();
            assert!((exact - numeric).abs() < 2e-8 * (1. + exact.abs()), "{name}: {exact} and {numeric}");
        }
    }
}

type Body = Box<dyn Fn(&mut NetworkBuilder, NodeId) -> NodeId>;

/// A dense layer, the operations of `body` on `[3, 4, 6]`, and a dense layer.
fn with_body(body: &Body) -> Network {
    let mut net = NetworkBuilder::new(&[5]);
    let x = net.dense(0, "first", 72, true);
    let x = net.reshape(x, &[3, 4, 6]);
    let x = body(&mut net, x);
    let x = net.flatten(x);
    net.dense(x, "last", 3, true);
    net.finish("a test network").unwrap()
}

fn bodies() -> Vec<(String, Body)> {
    let mut bodies: Vec<(String, Body)> = Vec::new();
    let mut body =
        |name: &str, f: fn(&mut NetworkBuilder, NodeId) -> NodeId| bodies.push((name.into(), Box::new(f)));
    body("dense map along the last axis", |net, x| net.dense(x, "tokens", 5, true));
    body("norm of tokens", |net, x| net.norm(x, "norm", NormKind::Last));
    body("norm over two axes", |net, x| {
        net.layer_norm(
            x,
            "norm",
            2,
            NormSettings { epsilon: 1e-3, ..NormSettings::of("norm", NormKind::Last) },
        )
    });
    body("norm without parameters", |net, x| {
        let plain = NormSettings { weight: None, bias: None, ..NormSettings::of("norm", NormKind::Group(3)) };
        net.norm_of(x, "norm", plain)
    });
    body("norm without a shift", |net, x| {
        net.norm_of(x, "norm", NormSettings { bias: None, ..NormSettings::of("norm", NormKind::Batch) })
    });
    body("rectangular convolution", |net, x| {
        let shape = ConvShape {
            outputs: 4,
            kernel: [3, 2],
            stride: [2, 1],
            padding: [1, 2],
            dilation: [1, 3],
            groups: 1,
        };
        net.conv_of(x, Weights::of("conv", true), shape)
    });
    body("sequence", |net, x| {
        let x = net.reshape(x, &[3, 1, 24]);
        let shape = ConvShape {
            outputs: 6,
            kernel: [1, 5],
            stride: [1, 2],
            padding: [0, 2],
            dilation: [1, 1],
            groups: 3,
        };
        net.declare("conv.weight", &[6, 1, 5]);
        let x = net.conv_of(x, Weights::of("conv", false), shape);
        net.reshape(x, &[6, 12])
    });
    body("adaptive average", |net, x| net.adaptive_average(x, [3, 4]));
    body("average without border", |net, x| {
        let pool = Pool {
            kernel: [3, 2],
            stride: [2, 3],
            padding: [1, 1],
            ceil: true,
            counts_border: false,
            ..Pool::global(0, [0; 2])
        };
        net.pool_of(x, pool)
    });
    body("largest number, beyond the border", |net, x| {
        let max = Pool { kind: PoolKind::Max, ceil: true, ..Pool::global(0, [0; 2]) };
        net.pool_of(x, Pool { kernel: [3, 4], stride: [3, 4], padding: [0, 1], ..max })
    });
    body("parameter", |net, x| {
        let p = net.parameter("p", &[4, 1]);
        net.add(x, p)
    });
    body("constant", |net, x| {
        let c = net.constant("c", (0..6).map(f64::from).collect(), &[6]);
        let y = net.multiply(c, x);
        net.add(y, c)
    });
    body("gate", |net, x| {
        let s = net.mean(x, &[1, 2]);
        let s = net.dense(s, "gate", 3, true);
        let s = net.activation(s, Activation::Logistic);
        let s = net.reshape(s, &[3, 1, 1]);
        net.multiply(x, s)
    });
    body("square", |net, x| net.multiply(x, x));
    body("permutation", |net, x| net.permute(x, &[2, 0, 1]));
    body("slices", |net, x| {
        let y = net.slice(x, Slice { axis: 2, start: 1, stop: 6, step: 2 });
        let z = net.slice(x, Slice { axis: 2, start: 0, stop: 3, step: 1 });
        net.add(y, z)
    });
    body("selection", |net, x| net.select(x, 1, 2));
    body("expansion", |net, x| {
        let y = net.sum(x, &[0, 1]);
        let y = net.expand(y, &[2, 4, 6]);
        let p = net.parameter("p", &[2, 4, 6]);
        net.multiply(y, p)
    });
    body("concatenation with a parameter", |net, x| {
        let p = net.parameter("p", &[3, 1, 6]);
        net.concat_along(1, &[p, x, p])
    });
    body("border", |net, x| net.pad_along(2, x, Pad { before: 1, after: 2 }, 0.5));
    body("products of matrices", |net, x| {
        let y = net.permute(x, &[0, 2, 1]);
        net.matmul(x, y)
    });
    body("product with a parameter", |net, x| {
        let p = net.parameter("p", &[6, 2]);
        net.matmul(x, p)
    });
    body("product of a parameter", |net, x| {
        let p = net.parameter("p", &[1, 2, 4]);
        net.matmul(p, x)
    });
    body("products that repeat a matrix", |net, x| {
        let y = net.slice(x, Slice { axis: 0, start: 1, stop: 2, step: 1 });
        let y = net.permute(y, &[0, 2, 1]);
        net.matmul(x, y)
    });
    body("softmax", |net, x| net.softmax(x, 1));
    body("logarithm of softmax", |net, x| net.softmax_of(x, Softmax { axis: 2, log: true }));
    body("mean", |net, x| net.mean(x, &[0, 2]));
    body("causal attention", |net, x| {
        let [q, k, v] = ["q", "k", "v"].map(|name| net.dense(x, name, 5, true));
        let mask = net.causal_mask(4, 4);
        net.attention([q, k, v], Some(mask), None)
    });
    body("other output", |net, x| {
        let y = net.activation(x, Activation::Tanh);
        net.dense(y, "unread", 2, true);
        net.output(y)
    });
    for (f, shift) in [
        (Function::Scale { by: -2., shift: 0.5 }, 0.),
        (Function::Clamp { low: -0.4, high: 0.7 }, 0.),
        (Function::Leaky { slope: 0.2 }, 0.),
        (Function::Elu { alpha: 1.3 }, 0.),
        (Function::GeluTanh, 0.),
        (Function::HardSigmoid, 2.5),
        (Function::HardSwish, 2.5),
        (Function::Power { exponent: 2. }, 0.),
        (Function::Power { exponent: 3. }, 0.),
        (Function::Power { exponent: -0.5 }, 4.),
        (Function::Power { exponent: 0.5 }, 4.),
        (Function::Power { exponent: -1. }, 4.),
        (Function::Power { exponent: 1.7 }, 4.),
        (Function::Exp, 0.),
        (Function::Log, 4.),
        (Function::Erf, 0.),
        (Function::Sin, 0.),
        (Function::Cos, 0.),
        (Function::Abs, 0.),
    ] {
        let body: Body = Box::new(move |net, x| {
            let x = net.scale(x, 1., shift);
            net.function(x, f)
        });
        bodies.push((f.to_string(), body));
    }
    bodies
}

#[test]
fn gradients_of_all_operations_are_central_differences() {
    for (name, body) in bodies() {
        check(&name, &risk(with_body(&body)));
    }
}

#[test]
fn tokens_are_looked_up() {
    let mut net = NetworkBuilder::new(&[4]);
    let words = net.embedding(0, "words", 7, 6);
    let places = net.constant("places", vec![0., 1., 2., 3.], &[4]);
    let places = net.embedding(places, "places", 4, 6);
    let x = net.add(words, places);
    let x = net.flatten(x);
    net.dense(x, "head", 3, true);
    let network = net.finish("tokens").unwrap();
    check("embedding", &risk(network.clone()));
    let labels = Tensor::new(&[0_u32], &Device::Cpu).unwrap();
    for wrong in [7., -1., 0.5, f64::NAN] {
        let inputs = Tensor::new(&[[0., 1., wrong, 3.]], &Device::Cpu).unwrap();
        let examples = Examples::new(&inputs, &labels).unwrap();
        let risk = EmpiricalRisk::new(network.clone(), examples, Criterion::default()).unwrap();
        let span = Span::stack(&stack(1, &network, 1)).unwrap();
        let message = risk.evaluate(&span, Rows::All, None).unwrap_err().to_string();
        assert!(
            message.contains("whole numbers from 0 to 6") && message.contains(&wrong.to_string()),
            "{message}"
        );
    }
}

#[test]
fn results_do_not_depend_on_tiles() {
    let body: Body = Box::new(|net, x| {
        let x = net.norm(x, "bn", NormKind::Batch);
        let p = net.parameter("p", &[3, 1, 6]);
        let x = net.concat_along(1, &[p, x]);
        let [q, k, v] = ["q", "k", "v"].map(|name| net.dense(x, name, 5, true));
        net.attention([q, k, v], None, Some(0.3))
    });
    let risk = risk(with_body(&body));
    let theta = stack(2, risk.network(), 2);
    for rule in [Statistics::Population, Statistics::Train { batch: 3 }] {
        let whole = risk.clone().with_statistics(rule);
        check(&format!("{rule}"), &whole);
        let (values, gradients) = gradient(&whole, &theta);
        let (tiled, parts) = gradient(&whole.with_memory(8 << 10), &theta);
        for (a, b) in values.iter().zip(tiled) {
            assert!((a - b).abs() < 1e-14);
        }
        for (a, b) in gradients.iter().flatten().zip(parts.iter().flatten()) {
            assert!((a - b).abs() < 1e-14, "{a} and {b}");
        }
    }
}

/// Attention over `[T, E]` with two heads, written in three ways.
fn attention(way: usize) -> Network {
    const T: usize = 4;
    const E: usize = 6;
    const D: usize = E / 2;
    let mut net = NetworkBuilder::new(&[T, E]);
    for (name, shape) in [("qkv.weight", &[3 * E, E][..]), ("qkv.bias", &[3 * E])] {
        net.declare(name, shape);
    }
    let heads = |net: &mut NetworkBuilder, x: NodeId| {
        let x = net.reshape(x, &[T, 2, D]);
        net.permute(x, &[1, 0, 2])
    };
    let qkv: [NodeId; 3] = match way {
        // One layer, whose result is cut.
        0 => {
            let all = net.dense(0, "qkv", 3 * E, true);
            [0, 1, 2].map(|i| {
                let x = net.slice(all, Slice { axis: 1, start: i * E, stop: (i + 1) * E, step: 1 });
                heads(&mut net, x)
            })
        }
        // One layer, whose result is reshaped.
        1 => {
            let all = net.dense(0, "qkv", 3 * E, true);
            let all = net.reshape(all, &[T, 3, 2, D]);
            let all = net.permute(all, &[1, 2, 0, 3]);
            [0, 1, 2].map(|i| net.select(all, 0, i))
        }
        // Three products with parts of the parameters.
        _ => {
            let (weight, bias) =
                (net.parameter("qkv.weight", &[3 * E, E]), net.parameter("qkv.bias", &[3 * E]));
            [0, 1, 2].map(|i| {
                let part = Slice { axis: 0, start: i * E, stop: (i + 1) * E, step: 1 };
                let (weight, bias) = (net.slice(weight, part), net.slice(bias, part));
                let weight = net.permute(weight, &[1, 0]);
                let x = net.matmul(0, weight);
                let x = net.add(x, bias);
                heads(&mut net, x)
            })
        }
    };
    let x = match way {
        0 | 1 => net.attention(qkv, None, None),
        _ => {
            let [q, k, v] = qkv;
            let k = net.permute(k, &[0, 2, 1]);
            let scores = net.matmul(q, k);
            let scores = net.scale(scores, (D as f64).sqrt().recip(), 0.);
            let powers = net.function(scores, Function::Exp);
            let sums = net.sum(powers, &[2]);
            let sums = net.reshape(sums, &[2, T, 1]);
            let inverse = net.function(sums, Function::Power { exponent: -1. });
            let weights = net.multiply(powers, inverse);
            net.matmul(weights, v)
        }
    };
    let x = net.permute(x, &[1, 0, 2]);
    let x = net.flatten(x);
    net.dense(x, "head", 3, true);
    net.finish("attention").unwrap()
}

#[test]
fn attention_in_three_ways_is_the_same() {
    let networks = [0, 1, 2].map(attention);
    let theta = stack(2, &networks[0], 3);
    let found = networks.map(|network| {
        assert_eq!(network.layout().entries()[0].name, "qkv.weight");
        gradient(&risk(network), &theta)
    });
    for (values, gradients) in &found[1..] {
        for (a, b) in found[0].0.iter().zip(values) {
            assert!((a - b).abs() < 1e-14, "{a} and {b}");
        }
        for (a, b) in found[0].1.iter().flatten().zip(gradients.iter().flatten()) {
            assert!((a - b).abs() < 1e-14, "{a} and {b}");
        }
    }
}

/// A table that is read as tokens and, tied or not, as the head of a language model with values as targets.
fn language_model(tied: bool) -> EmpiricalRisk {
    let mut net = NetworkBuilder::new(&[4]);
    if tied {
        net.tie("head.weight", "words.weight");
    }
    let x = net.embedding(0, "words", 7, 6);
    let x = net.norm(x, "norm", NormKind::Last);
    net.dense(x, "head", 7, false);
    let network = net.finish("a language model").unwrap();
    assert_eq!(network.is_tied(), tied);
    let inputs = Tensor::new(&[[0., 1., 2., 3.], [6., 5., 5., 0.]], &Device::Cpu).unwrap();
    let targets = Tensor::from_vec(numbers(56, 8), (2, 28), &Device::Cpu).unwrap();
    let criterion = Criterion { loss: Loss::Squared, ..Criterion::default() };
    EmpiricalRisk::new(network, Examples::new(&inputs, &targets).unwrap(), criterion).unwrap()
}

#[test]
fn gradients_of_shared_parameters_add_up() {
    let (tied, free) = (language_model(true), language_model(false));
    let layout = |risk: &EmpiricalRisk| -> Vec<(String, usize)> {
        risk.network().layout().entries().iter().map(|e| (e.name.clone(), e.offset)).collect()
    };
    assert_eq!(tied.network().ties(), [("head.weight".to_owned(), "words.weight".to_owned())]);
    assert_eq!(tied.network().size() + 42, free.network().size());
    let theta = stack(1, tied.network(), 4);
    let twice = Tensor::cat(&[&theta, &theta.narrow(1, 0, 42).unwrap()], 1).unwrap();
    assert_eq!(layout(&free).last().unwrap(), &("head.weight".to_owned(), 54));
    let ((a, one), (b, two)) = (gradient(&tied, &theta), gradient(&free, &twice));
    assert_eq!(a, b);
    for i in 0..42 {
        assert!((one[0][i] - two[0][i] - two[0][54 + i]).abs() < 1e-15);
    }
    check("shared table", &tied);
}

#[test]
fn outputs_of_tokens_are_no_classes_of_an_example() {
    let network = language_model(true).network().as_ref().clone();
    let inputs = Tensor::new(&[[0., 1., 2., 3.]], &Device::Cpu).unwrap();
    let labels = Tensor::new(&[0_u32], &Device::Cpu).unwrap();
    let error = EmpiricalRisk::new(network, Examples::new(&inputs, &labels).unwrap(), Criterion::default());
    let message = error.err().unwrap().to_string();
    assert!(
        message.contains("outputs for one class an example: expected one axis, found [4, 7]"),
        "{message}"
    );
}

/// An inverted bottleneck with squeeze and excitation, and a concatenation.
fn mobile() -> EmpiricalRisk {
    let mut net = NetworkBuilder::new(&[3, 5, 5]);
    let x = net.conv(0, "stem", ConvSettings::same(4, 3));
    let x = net.norm(x, "bn", NormKind::Batch);
    let x = net.function(x, Function::HardSwish);
    let y = net.conv(x, "depthwise", ConvSettings { groups: 4, ..ConvSettings::same(4, 3) });
    let y = net.function(y, Function::Clamp { low: 0., high: 6. });
    let s = net.mean(y, &[1, 2]);
    let s = net.reshape(s, &[4, 1, 1]);
    let s = net.conv(s, "squeeze", ConvSettings { bias: true, ..ConvSettings::same(4, 1) });
    let s = net.function(s, Function::HardSigmoid);
    let y = net.multiply(y, s);
    let squared = net.multiply(x, x);
    let x = net.concat(&[x, y, squared]);
    let x = net.conv(x, "mix", ConvSettings::same(3, 3));
    let x = net.global_average(x);
    net.dense(x, "head", 3, true);
    risk(net.finish("a mobile network").unwrap())
}

#[test]
fn mobile_networks_have_their_gradients() {
    for rule in [Statistics::Population, Statistics::Train { batch: 2 }] {
        check(&format!("{rule}"), &mobile().with_statistics(rule));
    }
}

#[test]
fn both_engines_agree_on_mobile_networks() {
    let fused = mobile();
    let tensors = fused.in_tensors();
    let theta = stack(3, fused.network(), 6);
    let ((a, one), (b, two)) = (gradient(&fused, &theta), gradient(&tensors, &theta));
    for (a, b) in a.iter().chain(one.iter().flatten()).zip(b.iter().chain(two.iter().flatten())) {
        assert!((a - b).abs() < 1e-13 * (1. + a.abs()), "{a} and {b}");
    }
    // The fused engine rounds differently, so that equal numbers would mean that it was not there.
    assert_ne!(one, two);
}
