//! The families of networks for images: sizes and names as in the usual PyTorch sources.
#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use candle_nn::{ModuleT, VarBuilder, VarMap};
use collado_models::{ArchSpec, Init, Network, NetworkModule, Op};

fn network(spec: &str, input: [usize; 3], outputs: usize) -> Network {
    spec.parse::<ArchSpec>().unwrap().resolve_images(input, outputs).unwrap().network()
}

/// Numbers of parameters that PyTorch users know: He et al. (2016) by akamaster, torchvision, kuangliu, Zagoruyko.
#[test]
fn networks_have_as_many_parameters_as_the_ones_they_are_named_after() {
    let (cifar, mnist, large) = ([3, 32, 32], [1, 28, 28], [3, 224, 224]);
    for (spec, input, outputs, size) in [
        ("lenet", mnist, 10, 61_706),
        ("convfc", cifar, 10, 2_422_634),
        ("vgg11:norm=bn", cifar, 10, 9_231_114),
        ("vgg16:norm=bn", cifar, 10, 14_728_266),
        ("resnet20:shortcut=pad", cifar, 10, 269_722),
        ("resnet56:shortcut=pad", cifar, 10, 853_018),
        ("resnet110:shortcut=pad", cifar, 10, 1_727_962),
        ("resnet18", cifar, 10, 11_173_962),
        ("resnet18", large, 1000, 11_689_512),
        ("resnet34", large, 1000, 21_797_672),
        ("wrn-28-10", cifar, 10, 36_479_194),
    ] {
        assert_eq!(network(spec, input, outputs).size(), size, "{spec}");
    }
}

#[test]
fn the_whole_list_of_options_is_printed_and_read_again() {
    for (spec, whole) in [
        (
            "resnet8:width=1/2",
            "resnet8:width=0.5,norm=bn,shortcut=conv1,bias=false,activation=relu,classes=10,input=1x28x28",
        ),
        (
            "lenet?head=regress",
            "lenet:width=1,norm=none,bias=true,activation=relu,classes=10,input=1x28x28?head=regress",
        ),
        (
            "resnet18:norm=none",
            "resnet18:width=1,norm=none,shortcut=conv1,bias=true,stem=small,activation=relu,classes=10,input=1x28x28",
        ),
        (
            "wrn-10-2:norm=gn:4,shortcut=conv3",
            "wrn-10-2:width=1,norm=gn:4,shortcut=conv3,bias=false,activation=relu,classes=10,input=1x28x28",
        ),
    ] {
        let arch = spec.parse::<ArchSpec>().unwrap().resolve_images([1, 28, 28], 10).unwrap();
        assert_eq!(arch.to_string(), whole);
        let again = whole.parse::<ArchSpec>().unwrap();
        assert_eq!(again.resolve_images([1, 28, 28], 10).unwrap(), arch);
        assert_eq!(again.with_ends(1, 1), arch, "what is stated does not depend on the ends");
        assert!(again.resolve_images([1, 32, 32], 10).is_err());
        assert!(again.resolve_images([1, 28, 28], 11).is_err());
    }
}

#[test]
fn what_a_family_does_not_have_is_refused() {
    for (spec, part) in [
        ("resnet21", "6n + 2"),
        ("vgg12", "11, 13, 16 or 19"),
        ("lenet:shortcut=pad", "no option 'shortcut'"),
        ("resnet20:norm=gn:5", "groups"),
        ("resnet20:width=0", "width"),
        ("lenet:input=1x8x8", "at least 12x12"),
        ("resnet", "unknown family"),
        ("alexnet", "unknown family"),
        ("wrn-17-2", "6n + 4"),
        ("resnet20:norm", "NAME=VALUE"),
    ] {
        let message = spec.parse::<ArchSpec>().unwrap_err().to_string();
        assert!(message.contains(part), "{spec}: {message}");
    }
}

#[test]
fn tensors_come_in_the_order_of_the_modules() {
    let net = network("resnet8:width=0.5", [1, 28, 28], 10);
    let names: Vec<_> = net.layout().entries().iter().map(|e| e.name.as_str()).collect();
    let start = ["conv1.weight", "bn1.weight", "bn1.bias", "layer1.0.conv1.weight", "layer1.0.bn1.weight"];
    assert_eq!(names[..5], start);
    assert_eq!(
        names[names.len() - 4..],
        ["layer3.0.shortcut.1.weight", "layer3.0.shortcut.1.bias", "fc.weight", "fc.bias"]
    );
    let buffers: Vec<_> =
        net.buffers().entries().iter().map(|e| (e.name.as_str(), e.shape.clone())).collect();
    assert_eq!(
        buffers[..3],
        [("bn1.running_mean", vec![8]), ("bn1.running_var", vec![8]), ("bn1.num_batches_tracked", vec![])]
    );
    assert_eq!((buffers.len(), net.batch_norms().count()), (27, 9));
    assert!(net.chain().is_none());
}

/// Every number has one place; activations after sums work in place, and an input that is read twice is kept.
#[test]
fn units_do_not_overlap() {
    for spec in ["resnet14:shortcut=pad", "wrn-10-1", "vgg11:width=1/8,norm=bn", "lenet", "convfc:width=1/16"]
    {
        let net = network(spec, [3, 32, 32], 10);
        let mut end = 0;
        for (id, node) in net.nodes().iter().enumerate().skip(1) {
            let size = node.shape.iter().product::<usize>();
            assert_eq!(node.units.len(), size, "{spec}, operation {id}");
            if node.units.start == end {
                end = node.units.end;
            } else {
                let shared = &net.nodes()[node.inputs[0]].units;
                assert!(matches!(node.op, Op::Activation(_) | Op::Reshape) && *shared == node.units);
            }
        }
        assert_eq!(net.units(), end);
    }
}

/// A module that a builder creates starts as PyTorch's does, and normalises by its batch in training only.
#[test]
fn families_are_candle_modules() {
    let net = network("resnet8:width=1/4", [1, 8, 8], 3);
    let variables = VarMap::new();
    let vb = VarBuilder::from_varmap(&variables, DType::F64, &Device::Cpu);
    let module = NetworkModule::new(net.clone(), vb).unwrap();
    let x = Tensor::from_vec((0..4 * 64).map(|i| f64::from(i).sin()).collect(), (4, 1, 8, 8), &Device::Cpu)
        .unwrap();
    let [train, eval] = [true, false].map(|train| module.forward_t(&x, train).unwrap());
    assert_eq!((train.dims(), eval.dims()), (&[4, 3][..], &[4, 3][..]));
    assert_ne!(train.to_vec2::<f64>().unwrap(), eval.to_vec2::<f64>().unwrap());
    let names = variables.data().lock().unwrap();
    for entry in net.layout().entries() {
        let values = names[&entry.name].flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let bound = match entry.shape.as_slice() {
            [_, rest @ ..] if !rest.is_empty() => (rest.iter().product::<usize>() as f64).sqrt().recip(),
            _ => 1.,
        };
        assert!(values.iter().all(|x| x.abs() <= bound), "{}", entry.name);
    }
    let gradients = train.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    for entry in net.layout().entries() {
        assert!(gradients.get(&names[&entry.name]).is_some(), "{} has a gradient", entry.name);
    }
}

/// The same stream of random numbers fills the tensors of a stack: the first weights are PyTorch's distribution.
#[test]
fn starts_are_drawn_as_in_pytorch() {
    let arch = "resnet20".parse::<ArchSpec>().unwrap().resolve_images([3, 32, 32], 10).unwrap();
    let net = arch.network();
    let rows =
        Init::Pytorch.stack(&arch, &[3, 4], DType::F64, &Device::Cpu).unwrap().to_vec2::<f64>().unwrap();
    assert_ne!(rows[0], rows[1]);
    for layer in net.affine() {
        let weights = layer.weight_of(&rows[0]);
        let bound = (layer.fan_in() as f64).sqrt().recip();
        let (mean, square) = weights.iter().fold((0., 0.), |(m, s), w| (m + w, s + w * w));
        let n = weights.len() as f64;
        assert!(weights.iter().all(|w| w.abs() <= bound), "{}", layer.name);
        assert!((mean / n).abs() < 4. * bound / (3. * n).sqrt(), "{}", layer.name);
        assert!((square / n / (bound * bound / 3.) - 1.).abs() < 5. / n.sqrt(), "{}", layer.name);
    }
    for norm in net.norms() {
        assert!(rows[0][norm.weight.clone().unwrap()].iter().all(|&x| x == 1.));
        assert!(rows[0][norm.bias.clone().unwrap()].iter().all(|&x| x == 0.));
    }
}
