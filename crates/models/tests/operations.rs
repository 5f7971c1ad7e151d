//! Values of operations against those of PyTorch, shapes that do not fit, and how networks state what they share.
#![allow(clippy::unwrap_used)]

use candle_core::{Device, Tensor};
use collado_models::{
    Activation, ConvSettings, ConvShape, Function, Network, NetworkBuilder, NodeId, NormKind, NormSettings,
    Op, PointTensors, Pool, PoolKind, Slice, Softmax, TensorMoments, Weights,
};

/// Number i of every input.
fn input(i: usize) -> f64 {
    2.5 * (1.3 * i as f64 + 0.5).sin()
}

/// Number i of every point.
fn parameter(i: usize) -> f64 {
    (0.7 * i as f64 + 0.2).cos()
}

fn wide() -> Pool {
    Pool { kernel: [3, 2], stride: [2, 3], ceil: true, ..Pool::global(0, [0; 2]) }
}

type Body = fn(&mut NetworkBuilder) -> NodeId;

/// The operation, the shape of its input, the shape and the numbers that PyTorch 2.15 gives.
type Case = (&'static str, &'static [usize], Body, &'static [usize], &'static [f64]);

#[rustfmt::skip]
const CASES: &[Case] = &[
    (
        "relu6",
        &[2, 6],
        |net| {
            let x = net.scale(0, 2., 0.);
            net.function(x, Function::Clamp { low: 0., high: 6. })
        },
        &[2, 6],
        &[
            2.39712769302, 4.86923815439, 0.207903312166, 0., 0., 3.28493299359, 4.51085916878, 0., 0., 0.,
            4.01892213276, 3.94126033688,
        ],
    ),
    (
        "elu",
        &[2, 6],
        |net| net.function(0, Function::Elu { alpha: 1.3 }),
        &[2, 6],
        &[
            1.19856384651, 2.4346190772, 0.103951656083, -1.17956449773, -0.971871373014, 1.6424664968,
            2.25542958439, -0.459243072383, -1.19206503064, -0.769114515527, 2.00946106638, 1.97063016844,
        ],
    ),
    (
        "gelu tanh",
        &[2, 6],
        |net| net.function(0, Function::GeluTanh),
        &[2, 6],
        &[
            1.06009765638, 2.416885996, 0.056278987547, -0.0202629251772, -0.116291029107, 1.55977355131,
            2.22855211733, -0.144477065015, -0.0155222563758, -0.166012170942, 1.96486852254,
            1.92265265383,
        ],
    ),
    (
        "hardsigmoid",
        &[2, 6],
        |net| net.function(0, Function::HardSigmoid),
        &[2, 6],
        &[
            0.699760641085, 0.905769846199, 0.517325276014, 0.103499135879, 0.270547690584, 0.773744416133,
            0.875904930732, 0.427363841157, 0.0852348944557, 0.350737799068, 0.83491017773, 0.828438361406,
        ],
    ),
    (
        "hardswish",
        &[2, 6],
        |net| net.function(0, Function::HardSwish),
        &[2, 6],
        &[
            0.838707805616, 2.20520454711, 0.0537768191754, -0.246224980871, -0.37246675447, 1.27084928058,
            1.97554189389, -0.1862524071, -0.21211475997, -0.314111375034, 1.67771949607, 1.63254562768,
        ],
    ),
    (
        "leaky",
        &[2, 6],
        |net| net.function(0, Function::Leaky { slope: 0.2 }),
        &[2, 6],
        &[
            1.19856384651, 2.4346190772, 0.103951656083, -0.475801036945, -0.275342771299, 1.6424664968,
            2.25542958439, -0.0871633906115, -0.497718126653, -0.179114641118, 2.00946106638,
            1.97063016844,
        ],
    ),
    (
        "clamp",
        &[2, 6],
        |net| net.function(0, Function::Clamp { low: -1., high: 0.5 }),
        &[2, 6],
        &[
            0.5, 0.5, 0.103951656083, -1., -1., 0.5, 0.5, -0.435816953057, -1., -0.895573205592, 0.5, 0.5,
        ],
    ),
    (
        "adaptive average",
        &[2, 5, 7],
        |net| net.adaptive_average(0, [2, 3]),
        &[2, 2, 3],
        &[
            0.380063982281, -0.306890078633, 0.14587733152, 0.28062759507, -0.107008195005,
            -0.0972393574334, 0.0565534479972, -0.243110678217, 0.360084163979, 0.273418238623,
            -0.371666630169, 0.363535672165,
        ],
    ),
    (
        "average, ceil, without border",
        &[2, 5, 7],
        |net| {
            let pool = Pool { counts_border: false, padding: [1, 0], ..wide() };
            net.pool_of(0, pool)
        },
        &[2, 3, 3],
        &[
            0.177193834346, 0.0560930483999, -0.113109433393, -0.285029356467, 0.565370577891,
            -0.730799288383, -0.321741180392, 0.230624143049, -0.257501857099, -0.258803261589,
            0.319372863889, -0.393497308302, -0.535584158864, 0.212063404156, -0.189403671057,
            -0.0128083004891, -0.211828845812, 0.297444753148,
        ],
    ),
    (
        "average, ceil, with border",
        &[2, 5, 7],
        |net| net.pool_of(0, Pool { padding: [1, 1], ..wide() }),
        &[2, 3, 3],
        &[
            0.127124482242, -0.193527611309, 0.0768448478419, 0.0555917354613, -0.0244369961478,
            -0.390475065781, -0.10832960459, 0.185265765389, -0.208859634331, -0.0378180101768,
            0.0821353309586, -0.195916320644, -0.365466482092, 0.591403806463, -0.467765738835,
            -0.0857416837206, 0.117810975685, 0.0377705142894,
        ],
    ),
    (
        "max, ceil",
        &[2, 5, 7],
        |net| {
            let pool = Pool { kind: PoolKind::Max, kernel: [2; 2], stride: [2; 2], ..wide() };
            net.pool_of(0, pool)
        },
        &[2, 3, 4],
        &[
            2.4346190772, 2.00946106638, 1.97063016844, 2.25542958439, 2.28236312682, 1.59355649038,
            2.49977965027, 2.44839410776, 1.2005119511, 2.43411363924, -1.3748599239, 1.64413980753,
            2.25447086912, 2.28326832878, 2.01078123091, 0.170235486711, 2.44884196129, 2.4336062812,
            2.49974918474, 0.634558406905, 2.25351037548, -0.440189049871, 2.0120998093, 1.96789441308,
        ],
    ),
    (
        "rectangular convolution",
        &[2, 5, 7],
        |net| {
            let shape = ConvShape {
                outputs: 3,
                kernel: [3, 2],
                stride: [2, 1],
                padding: [1, 2],
                dilation: [1, 3],
                groups: 1,
            };
            net.conv_of(0, Weights::of("a", true), shape)
        },
        &[3, 3, 8],
        &[
            1.04223011965, -0.880794370035, 0.78282528185, 4.01950307597, 2.78059193048, -1.11890042402,
            -0.0365622408968, 2.17162940643, 0.510858051954, 0.159960158513, 1.05793062724, 1.12901086191,
            0.959080022269, 0.797087186492, 1.61282407861, 0.883216647316, 0.546477657492, -1.95354658319,
            3.11411456785, 3.98079116914, 0.42859186502, -2.33850304206, 2.66397567348, 4.14197624145,
            -1.75451760181, -0.437629528437, 3.50006002707, -0.0990638721357, -2.72158428088,
            -0.525502656445, 3.79518401791, 1.03394285176, 1.20837192585, 0.725245729576, 0.648721582859,
            0.511175245122, 0.456230661422, 0.564381775601, 0.656839789391, 1.24124578537, -0.581120131202,
            2.9864555824, 1.53390250268, -2.18778076968, -1.87288540333, 2.0172661523, 1.02042050775,
            -1.15302158949, 2.23761106597, 2.79294548517, -2.96026918594, -2.45897856882, 1.50362276357,
            3.1223145759, -2.44739074319, -1.7878199728, -0.308206696566, 0.544455101338, -0.274039125077,
            -0.202266854546, 0.0247281829395, 0.0743977256709, -0.837363961536, -0.71470733646,
            1.51469954162, 0.309520600745, -3.24955188268, -0.250972688879, 2.97418343328, 1.7010552091,
            -2.2661222402, -1.48683516522,
        ],
    ),
    (
        "tokens through a dense layer",
        &[3, 4],
        |net| net.dense(0, "a", 2, true),
        &[3, 2],
        &[
            5.15561414202, -3.20594087601, 0.781738744941, 0.0886513702485, -3.48182115183, 4.32709024998,
        ],
    ),
    (
        "layer norm of tokens",
        &[3, 4],
        |net| {
            let settings = NormSettings { epsilon: 1e-3, ..NormSettings::of("a", NormKind::Last) };
            net.norm_of(0, "a", settings)
        },
        &[3, 4],
        &[
            -0.515202561617, -0.113659202106, -0.303453579706, 1.39944947706, -2.24509817007,
            -0.377894258165, -0.34149640694, 0.808260379142, -2.33243273143, -1.18529748273,
            -0.335544978604, -0.252331533836,
        ],
    ),
    (
        "layer norm over two axes",
        &[2, 3, 4],
        |net| net.layer_norm(0, "a", 2, NormSettings::of("a", NormKind::Last)),
        &[2, 3, 4],
        &[
            -0.194089613283, -0.244057633184, -0.835174033483, 0.746715012238, 1.36657165575,
            0.257853114747, 0.634521185618, 0.427424907634, -1.49803036164, -1.38131510482,
            -0.410349654146, -0.872928744776, -1.0316423216, -1.76013639378, -0.8383123827, -1.28821417521,
            -0.696799067333, 1.42941752675, 1.33079814334, 0.702238854617, 1.34648081108, 0.131624400495,
            -1.52101682291, -0.782386053117,
        ],
    ),
    (
        "softmax over the first axis",
        &[3, 4],
        |net| net.softmax(0, 0),
        &[3, 4],
        &[
            0.908120178844, 0.671747256003, 0.0612730567542, 0.01170532706, 0.0691376207884,
            0.304213446672, 0.526798511177, 0.0817145661419, 0.0227422003674, 0.0240392973255,
            0.411928432069, 0.906580106798,
        ],
    ),
    (
        "log softmax",
        &[3, 4],
        |net| net.softmax_of(0, Softmax { axis: 1, log: true }),
        &[3, 4],
        &[
            -1.56957829502, -0.333523064339, -2.66419048545, -5.14714732626, -4.12439709297,
            -1.10521673967, -0.49225365208, -3.18350018953, -5.20499868958, -3.61198126191,
            -0.706946989935, -0.745777887875,
        ],
    ),
    (
        "causal attention",
        &[3, 3, 4],
        |net| {
            let qkv = [0, 1, 2].map(|i| net.select(0, 0, i));
            let mask = net.causal_mask(3, 3);
            net.attention(qkv, Some(mask), None)
        },
        &[3, 4],
        &[
            0.700670424423, 2.49977965027, 0.63670583211, -2.15914352173, 0.539170468811, 2.41559486277,
            0.753167123636, -2.01265221611, 0.699539521282, 2.49917080467, 0.63751100428, -2.15810391091,
        ],
    ),
    (
        "broadcast product",
        &[3, 4],
        |net| {
            let x = net.reshape(0, &[3, 4, 1]);
            let c = net.constant("c", vec![input(0), input(1)], &[2]);
            let y = net.multiply(x, c);
            let first = net.slice(x, Slice { axis: 1, start: 0, stop: 1, step: 1 });
            net.add(y, first)
        },
        &[3, 4, 2],
        &[
            2.63511914067, 4.11661025246, 4.11661025246, 7.12593389755, 1.32315654328, 1.45164653152,
            -1.65282575856, -4.59340756097, -3.02679331188, -4.72848767535, 0.591887105672, 2.62206641026,
            1.32656250171, 4.11439803693, -1.89906830013, -2.43776212457, -5.47132539506, -8.54736086435,
            -3.56199229939, -4.66897024463, -0.0801232481336, 2.40368161382, -0.126664558533,
            2.30914316891,
        ],
    ),
    (
        "slice with a step",
        &[3, 4],
        |net| net.slice(0, Slice { axis: 1, start: 1, stop: 4, step: 2 }),
        &[3, 2],
        &[
            2.4346190772, -2.37900518472, 1.6424664968, -0.435816953057, -0.895573205592, 1.97063016844,
        ],
    ),
];

#[test]
fn values_are_those_of_pytorch() {
    for (name, shape, body, result, expected) in CASES {
        let mut net = NetworkBuilder::new(shape);
        let y = body(&mut net);
        assert_eq!(net.shape(y), *result, "{name}");
        let network = net.finish(*name).unwrap();
        let theta = Tensor::from_iter((0..network.size().max(1)).map(parameter), &Device::Cpu).unwrap();
        let x: Vec<f64> = (0..shape.iter().product()).map(input).collect();
        let x = Tensor::from_vec(x, [&[1], *shape].concat(), &Device::Cpu).unwrap();
        let mut tensors = PointTensors::new(&theta, TensorMoments::Batch);
        let y = network.run(&mut tensors, vec![x]).unwrap().remove(0);
        let found = y.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        assert_eq!(found.len(), expected.len(), "{name}");
        for (a, b) in found.iter().zip(*expected) {
            assert!((a - b).abs() < 1e-10 * (1. + b.abs()), "{name}: {a} and {b}");
        }
    }
}

#[test]
fn functions_of_numbers_are_those_of_tensors() {
    const H: f64 = 1e-6;
    let all = [
        Function::Scale { by: -2., shift: 0.5 },
        Function::Clamp { low: 0., high: 6. },
        Function::Leaky { slope: 0.2 },
        Function::Elu { alpha: 1.3 },
        Function::GeluTanh,
        Function::HardSigmoid,
        Function::HardSwish,
        Function::Power { exponent: 3. },
        Function::Exp,
        Function::Erf,
        Function::Sin,
        Function::Cos,
        Function::Abs,
    ];
    let numbers = [-7.3, -3.2, -1.1, -0.2, 0., 0.3, 1.7, 2.9, 6.5];
    let z = Tensor::new(&numbers, &Device::Cpu).unwrap();
    for f in all {
        let values = f.forward(&z).unwrap().to_vec1::<f64>().unwrap();
        for (&z, value) in numbers.iter().zip(values) {
            assert!((f.value(z) - value).abs() < 1e-13 * (1. + value.abs()), "{f} of {z}");
            if z != 0. {
                let numeric = (f.value(z + H) - f.value(z - H)) / (2. * H);
                assert!((f.slope(z) - numeric).abs() < 1e-7 * (1. + numeric.abs()), "{f} at {z}");
            }
        }
        assert_eq!(f.keeps_zero(), f.value(0_f64) == 0., "{f}");
        let scaled = numbers.iter().all(|&z| (f.value(3. * z) - 3. * f.value(z)).abs() < 1e-9);
        assert_eq!(f.is_homogeneous(), scaled, "{f}");
    }
    for f in [Function::Log, Function::Power { exponent: -0.5 }] {
        let numeric = (f.value(2. + H) - f.value(2. - H)) / (2. * H);
        assert!((f.slope(2.) - numeric).abs() < 1e-8, "{f}");
    }
}

fn message(shape: &[usize], body: impl Fn(&mut NetworkBuilder)) -> String {
    let mut net = NetworkBuilder::new(shape);
    body(&mut net);
    net.finish("wrong").unwrap_err().to_string()
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused: &[(&str, &[usize], Body)] = &[
        ("terms of a sum: expected 3x4, found 5", &[3, 4], |net| {
            let c = net.constant("c", vec![0.; 5], &[5]);
            net.add(0, c)
        }),
        ("inner axes of a product of matrices: expected 4, found 3", &[3, 4], |net| net.matmul(0, 0)),
        ("product of matrices: expected two axes at least, found 4 and 4", &[4], |net| net.matmul(0, 0)),
        ("matrices of a product: expected 2, found 3", &[2, 4, 4], |net| {
            let c = net.constant("c", vec![0.; 48], &[3, 4, 4]);
            net.matmul(0, c)
        }),
        ("a permutation of axes [0, 0]: expected each of its axes once, found 3x4", &[3, 4], |net| {
            net.permute(0, &[0, 0])
        }),
        ("the slice 2..5 of axis 1: expected an axis with these positions, found 3x4", &[3, 4], |net| {
            net.slice(0, Slice { axis: 1, start: 2, stop: 5, step: 1 })
        }),
        ("the slice 3..3 by 2 of axis 1: expected an axis with these positions", &[3, 4], |net| {
            net.slice(0, Slice { axis: 1, start: 3, stop: 3, step: 2 })
        }),
        ("an expansion to [2, 4]: expected axes of one position, found 3x4", &[3, 4], |net| {
            net.expand(0, &[2, 4])
        }),
        ("reshape: numbers: expected 3x4, found 5", &[3, 4], |net| net.reshape(0, &[5])),
        ("the mean over the axes [2]: expected a value with these axes, found 3x4", &[3, 4], |net| {
            net.mean(0, &[2])
        }),
        ("the softmax over axis 2: expected a value with that axis, found 3x4", &[3, 4], |net| {
            net.softmax(0, 2)
        }),
        ("parts of a concatenation: expected 3x4, found 4x3", &[3, 4], |net| {
            let turned = net.permute(0, &[1, 0]);
            net.concat_along(1, &[0, turned])
        }),
        ("constant 'c': numbers: expected 2x2, found 3", &[3], |net| net.constant("c", vec![0.; 3], &[2, 2])),
        ("tensor 'a.weight', which is used twice: expected 4x4, found 5x4", &[4], |net| {
            let x = net.dense(0, "a", 4, false);
            net.dense(x, "a", 5, false)
        }),
        ("normalisation 'a': statistics: expected those of one place, found two places", &[4], |net| {
            let x = net.norm(0, "a", NormKind::Batch);
            net.norm(x, "a", NormKind::Batch)
        }),
        ("normalisation 'a': axes: expected 1 to 2, found 3", &[3, 4], |net| {
            net.layer_norm(0, "a", 3, NormSettings::of("a", NormKind::Last))
        }),
        ("output of a network: expected one that depends on the input, found a constant", &[4], |net| {
            net.parameter("p", &[4])
        }),
        ("input: expected at least one number, found 3x0", &[3, 0], |net| net.flatten(0)),
        ("a: input: expected an axis, found a number", &[1], |net| {
            let x = net.reshape(0, &[]);
            net.dense(x, "a", 2, true)
        }),
        ("convolution 'a': kernel: expected 1 to 3 pixels wide, with a stride, found 5", &[1, 3, 3], |net| {
            net.conv(0, "a", ConvSettings { padding: 0, ..ConvSettings::same(2, 5) })
        }),
    ];
    for (expected, shape, body) in refused {
        let found = message(shape, |net| _ = body(net));
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn declared_parameters_have_the_order_of_their_declaration() {
    let mut net = NetworkBuilder::new(&[3]);
    for (name, shape) in
        [("b.bias", &[4][..]), ("b.weight", &[4, 2]), ("a.weight", &[2, 3]), ("unread", &[5])]
    {
        net.declare(name, shape);
    }
    let x = net.dense(0, "a", 2, false);
    net.dense(x, "b", 4, true);
    let network = net.finish("declared").unwrap();
    let entries: Vec<(&str, usize)> =
        network.layout().entries().iter().map(|e| (e.name.as_str(), e.offset)).collect();
    assert_eq!(entries, [("b.bias", 0), ("b.weight", 4), ("a.weight", 12), ("unread", 18)]);
    let places: Vec<_> = network.nodes().iter().flat_map(|node| node.op.parameters()).collect();
    assert_eq!(places, [12..18, 4..12, 0..4]);
    // The engine for chains needs the usual order.
    assert!(network.chain().is_none());
}

#[test]
fn what_is_the_same_for_each_example_is_known() {
    let mut net = NetworkBuilder::new(&[4, 3]);
    let p = net.parameter("p", &[4, 3]);
    let squared = net.multiply(p, p);
    let x = net.add(0, squared);
    let network = net.finish("a shift").unwrap();
    let varies: Vec<bool> = (0..=x).map(|id| network.varies(id)).collect();
    assert_eq!(varies, [true, false, false, true]);
    // Tiles of examples go with the one tile of the parameter.
    let theta = Tensor::from_iter((0..12).map(parameter), &Device::Cpu).unwrap();
    let input = Tensor::from_iter((0..60).map(input), &Device::Cpu).unwrap().reshape((5, 4, 3)).unwrap();
    let tiles = vec![input.narrow(0, 0, 3).unwrap(), input.narrow(0, 3, 2).unwrap()];
    let run = |x| network.run(&mut PointTensors::new(&theta, TensorMoments::Batch), x).unwrap();
    let (tiled, whole) = (Tensor::cat(&run(tiles), 0).unwrap(), run(vec![input]).remove(0));
    assert_eq!(tiled.to_vec3::<f64>().unwrap(), whole.to_vec3::<f64>().unwrap());
}

/// A network whose operations are all shown by name.
fn shown() -> Network {
    let mut net = NetworkBuilder::new(&[5]);
    let x = net.embedding(0, "words", 7, 4);
    let p = net.parameter("places", &[5, 4]);
    let x = net.multiply(x, p);
    let c = net.constant("ones", vec![1.; 4], &[4]);
    let x = net.add(x, c);
    let y = net.permute(x, &[1, 0]);
    let x = net.matmul(x, y);
    let x = net.softmax(x, 1);
    let x = net.mean(x, &[0]);
    let x = net.function(x, Function::Clamp { low: 0., high: 6. });
    let x = net.slice(x, Slice { axis: 0, start: 0, stop: 4, step: 2 });
    let x = net.activation(x, Activation::Gelu);
    net.concat_along(0, &[x, x]);
    net.finish("shown").unwrap()
}

#[test]
fn operations_say_what_they_are() {
    let network = shown();
    let shown: Vec<String> = network.nodes().iter().map(|node| node.op.to_string()).collect();
    let expected = [
        "the input",
        "the embedding 'words' (7 rows of 4)",
        "the parameter 'places' as a value",
        "a product of numbers",
        "the constant 'ones'",
        "a reshape",
        "an expansion to [5, 4]",
        "a sum",
        "a permutation of axes [1, 0]",
        "a product of matrices",
        "the softmax over axis 1",
        "the mean over the axes [0]",
        "the function relu6",
        "the slice 0..4 by 2 of axis 0",
        "the activation gelu",
        "a concatenation",
    ];
    assert_eq!(shown, expected);
    assert_eq!(network.tokens(), Some(7));
    assert!(matches!(network.nodes()[1].op, Op::Embedding(_)));
}
