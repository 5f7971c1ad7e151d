//! Alignment of convolutional and residual networks against planted symmetries; REPAIR of convolutions against its
//! definition.
#![allow(clippy::unwrap_used)]

use candle_core::{Device, Tensor};
use collado_dynamics::{Align, Connect, Error, Matching, Repair, Search};
use collado_models::{Arch, ArchSpec, PointTensors, Symmetry, TensorMoments};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

fn arch(spec: &str) -> Arch {
    spec.parse::<ArchSpec>().unwrap().resolve_images([1, 12, 12], 4).unwrap()
}

fn numbers(shape: &[usize], seed: u64, range: std::ops::Range<f64>) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let numbers: Vec<f64> = (0..shape.iter().product()).map(|_| rng.random_range(range.clone())).collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
}

fn planted(arch: &Arch, seed: u64) -> Symmetry {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let identity = Symmetry::identity(arch).unwrap();
    let mut permutations = identity.permutations().to_vec();
    permutations.iter_mut().for_each(|p| p.shuffle(&mut rng));
    let scales =
        identity.groups().scales().iter().zip(identity.scales()).map(|(scale, ones)| match scale.free {
            true => ones.iter().map(|_| rng.random_range(-1.0_f64..1.).exp()).collect(),
            false => ones.clone(),
        });
    let scales = scales.collect();
    Symmetry::new(arch, permutations, scales).unwrap()
}

#[test]
fn planted_symmetries_are_recovered_exactly() {
    let data = numbers(&[40, 1, 12, 12], 1, 0.0..1.0);
    for (spec, both) in [
        ("resnet20:width=1/2", true),
        ("resnet8:width=1/2,shortcut=pad", true),
        ("resnet8:width=1/2,norm=none,shortcut=conv3", true),
        ("vgg11:width=1/8", false),
        ("vgg11:width=1/8,norm=bn", false),
        ("lenet", true),
        ("resnet8:width=1/2,norm=ln,activation=gelu", false),
    ] {
        let arch = arch(spec);
        let a = numbers(&[arch.network().size()], 2, -0.3..0.4);
        let symmetry = planted(&arch, 3);
        let b = symmetry.apply(&a).unwrap();
        for matching in [Matching::Weights, Matching::Activations].into_iter().take(1 + usize::from(both)) {
            let aligned = Align { matching, ..Align::default() }.align(&arch, &a, &b, Some(&data)).unwrap();
            assert!(aligned.balanced_distance < 1e-9, "{spec}, {matching:?}: {}", aligned.balanced_distance);
            let expected = symmetry.inverse();
            assert_eq!(aligned.symmetry.permutations(), expected.permutations(), "{spec}, {matching:?}");
        }
    }
}

#[test]
fn an_alignment_shortens_the_way_between_different_networks() {
    for spec in ["resnet8:width=1/4", "lenet"] {
        let arch = arch(spec);
        let size = arch.network().size();
        let (a, b) = (numbers(&[size], 4, -0.3..0.3), numbers(&[size], 5, -0.3..0.3));
        let aligned = Align::default().align(&arch, &a, &b, None).unwrap();
        assert!(aligned.distance_after < aligned.distance_before, "{spec}");
        assert!(aligned.difference.relative < 1e-12);
    }
}

/// Mean and deviation of each channel of each convolution and hidden layer, by walking the parameters of `lenet`.
#[test]
fn repair_restores_the_statistics_of_channels_and_refuses_normalisation() {
    let lenet = arch("lenet");
    let network = lenet.network();
    let data = numbers(&[30, 1, 12, 12], 6, 0.0..1.0);
    let ends = [7, 8].map(|seed| numbers(&[network.size()], seed, -0.2..0.25));
    let repair = Repair { arch: &lenet, data: &data, rows: 30, knots: 3 };
    let path = find(&repair, &ends[0], &ends[1]).unwrap();
    let statistics = |theta: &Tensor| -> Vec<(f64, f64)> {
        // The first convolution's channels, which nothing before them changes.
        let first = network.affine().next().unwrap();
        let z = first.forward(theta, &data).unwrap();
        let channels = z.transpose(0, 1).unwrap().flatten_from(1).unwrap().to_vec2::<f64>().unwrap();
        let of = |z: Vec<f64>| {
            let mean = z.iter().sum::<f64>() / z.len() as f64;
            (mean, (z.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / z.len() as f64).sqrt())
        };
        channels.into_iter().map(of).collect()
    };
    let [a, b, middle] = [&ends[0], &ends[1], &path.at(0.5).unwrap()].map(statistics);
    for ((a, b), m) in a.iter().zip(&b).zip(&middle) {
        assert!((m.0 - (a.0 + b.0) / 2.).abs() < 1e-12 && (m.1 - (a.1 + b.1) / 2.).abs() < 1e-12);
    }
    // The whole network stays one that can be evaluated.
    let mut tensors = PointTensors::new(&ends[0], TensorMoments::Batch);
    assert!(network.run(&mut tensors, vec![data.clone()]).is_ok());
    let normed = arch("resnet8:width=1/4");
    let end = numbers(&[normed.network().size()], 9, -0.1..0.1);
    let repair = Repair { arch: &normed, data: &data, rows: 30, knots: 3 };
    let refused = find(&repair, &end, &(&end * 2.).unwrap()).unwrap_err();
    assert!(matches!(refused, Error::Models(_)), "{refused}");
    assert!(refused.to_string().contains("REPAIR does not cover the batch normalisation"), "{refused}");
}

fn find(repair: &Repair<'_>, a: &Tensor, b: &Tensor) -> Result<collado_risk::Path, Error> {
    Ok(repair.find(a, b, &mut Search { objective: &Nothing, seed: 0, progress: &mut () })?.path)
}

/// A path found without a risk.
struct Nothing;

impl collado_risk::Objective for Nothing {
    fn at(
        &self,
        _: &Tensor,
        _: collado_risk::Rows<'_>,
        _: Option<&mut Tensor>,
    ) -> collado_risk::Result<Vec<collado_risk::Evaluation>> {
        unreachable!("REPAIR needs no risk")
    }
}
