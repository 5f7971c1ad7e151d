//! Networks for images: PyTorch's files and PyTorch's values of them.
#![allow(clippy::unwrap_used)]

use std::{collections::HashMap, path::PathBuf};

use candle_core::{DType, Device, Tensor};
use collado_data::Spec;
use collado_files::{Checkpoint, PathFile, Provenance, ReadOptions};
use collado_models::{ArchSpec, PointTensors, TensorMoments};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Objective, Path, Rows, Span, Statistics};
use serde_json::Value;

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name)
}

fn options(arch: &str) -> ReadOptions {
    ReadOptions { arch: Some(arch.parse().unwrap()), ..ReadOptions::default() }
}

fn read(name: &str) -> Checkpoint {
    let arch = if name.contains("lenet") { "lenet" } else { "resnet8" };
    Checkpoint::read(&data(&format!("graphs/{name}")), &options(arch)).unwrap()
}

fn values(network: &str) -> Value {
    serde_json::from_slice(&std::fs::read(data(&format!("graphs/{network}/values.json"))).unwrap()).unwrap()
}

/// Images `[N, 1, 28, 28]` in F64, and their labels.
fn images(folder: &str, test: bool) -> (Tensor, Vec<u32>) {
    let spec = format!("mnist:{}", data(&format!("images/{folder}")).display());
    let set = spec.parse::<Spec>().unwrap().load().unwrap();
    assert_eq!(set.image, Some([1, 28, 28]));
    let split = if test { set.test.unwrap() } else { set.train };
    let collado_data::Targets::Classes { labels, .. } = split.targets else { panic!("labels") };
    let images = split.inputs.to_dtype(DType::F64).unwrap().reshape(((), 1, 28, 28)).unwrap();
    (images, labels)
}

fn examples(images: &Tensor, labels: &[u32]) -> Examples {
    Examples::new(images, &Tensor::new(labels, &Device::Cpu).unwrap()).unwrap()
}

/// The first 2 000 training images.
fn training() -> Examples {
    let ((a, mut la), (b, lb)) = (images("first", false), images("second", false));
    la.extend(lb);
    examples(&Tensor::cat(&[a, b], 0).unwrap(), &la)
}

/// A pair of networks, in F64, with its risks.
struct Pair {
    a: Checkpoint,
    path: Path,
    test: EmpiricalRisk,
    values: Value,
}

fn pair(network: &str) -> Pair {
    let [a, b] = ["a", "b"].map(|end| read(&format!("{network}/{end}.safetensors")));
    let wide = |t: &Tensor| t.to_dtype(DType::F64).unwrap();
    let mut path = Path::segment(&wide(&a.theta), &wide(&b.theta)).unwrap();
    if let (Some(x), Some(y)) = (&a.buffers, &b.buffers) {
        path = path.with_buffers(Tensor::stack(&[x, y], 0).unwrap()).unwrap();
    }
    let train = EmpiricalRisk::new(&a.arch, training(), Criterion::default()).unwrap();
    let (images, labels) = images("first", true);
    let test = train.on(examples(&images, &labels)).unwrap();
    Pair { a, path, test, values: values(network) }
}

/// The definitions of `values.json` as rules.
fn rules() -> [(&'static str, Statistics); 7] {
    [
        ("interp", Statistics::Interpolate),
        ("recomp_cumulative", Statistics::Repair { batch: 500 }),
        ("recomp_cumulative", Statistics::Garipov { batch: 500 }),
        ("recomp_full_unbiased", Statistics::Garipov { batch: 2000 }),
        ("recomp_full_biased", Statistics::Population),
        ("batch", Statistics::Train { batch: 0 }),
        ("batch_250", Statistics::Train { batch: 250 }),
    ]
}

fn check_line(network: &str, ts: &[f64], only: &[&str]) {
    let pair = pair(network);
    let line = pair.values["line"].as_array().unwrap();
    let rules = if network == "lenet" { vec![("eval", Statistics::Population)] } else { rules().to_vec() };
    for (name, rule) in rules.into_iter().filter(|(name, _)| only.is_empty() || only.contains(name)) {
        let risk = pair.test.clone().with_statistics(rule);
        let found = risk.evaluate(&pair.path.span(ts).unwrap(), Rows::All, None).unwrap();
        for (t, found) in ts.iter().zip(found) {
            let expected = line.iter().find(|point| (point["t"].as_f64().unwrap() - t).abs() < 1e-12);
            let expected = &expected.unwrap()[name];
            let loss = expected["loss"].as_f64().unwrap();
            let off = (found.loss - loss).abs() / loss;
            assert!(off < 1e-9, "{network}, {rule} at {t}: {} and {loss}, off by {off:e}", found.loss);
            assert_eq!(
                (found.error * 1000.).round() as u64,
                expected["wrong"].as_u64().unwrap(),
                "{rule} at {t}"
            );
        }
    }
}

/// t = 0, .1, …, 1.
fn eleven() -> Vec<f64> {
    (0..=10).map(|i| f64::from(i) / 10.).collect()
}

#[test]
fn losses_and_errors_along_the_line_are_those_of_pytorch() {
    check_line("lenet", &eleven(), &[]);
    check_line("resnet8", &eleven(), &["interp", "recomp_full_biased"]);
}

#[test]
fn other_rules_for_statistics_are_those_of_pytorch() {
    check_line("resnet8", &[0.5], &["recomp_cumulative", "recomp_full_unbiased", "batch", "batch_250"]);
}

#[test]
#[ignore = "takes minutes; the two tests before it are the part that matters most"]
fn losses_and_errors_by_all_rules_along_the_line_are_those_of_pytorch() {
    check_line("resnet8", &eleven(), &[]);
}

#[test]
fn outputs_are_those_of_pytorch() {
    for network in ["lenet", "resnet8"] {
        let pair = pair(network);
        let theta = pair.path.vertices().get(0).unwrap();
        let net = pair.a.arch.network();
        let buffers = pair.path.buffers().map(|rows| rows.get(0).unwrap());
        let moments = buffers.as_ref().map_or(TensorMoments::Batch, TensorMoments::Given);
        let images = images("first", true).0.narrow(0, 0, 4).unwrap();
        let found = net.run(&mut PointTensors::new(&theta, moments), vec![images]).unwrap();
        let found = found[0].to_vec2::<f64>().unwrap();
        let expected: Vec<Vec<f64>> =
            serde_json::from_value(pair.values["logits_a_first4_test"].clone()).unwrap();
        for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
            assert!(
                (found - expected).abs() < 1e-9 * expected.abs().max(1.),
                "{network}: {found} and {expected}"
            );
        }
    }
}

#[test]
fn gradients_are_those_of_pytorch() {
    for (network, modes) in [
        ("lenet", vec![("eval", Statistics::Population)]),
        ("resnet8", vec![("eval", Statistics::Interpolate), ("train", Statistics::Train { batch: 0 })]),
    ] {
        let pair = pair(network);
        let (images, labels) = images("first", true);
        let some = examples(&images.narrow(0, 0, 200).unwrap(), &labels[..200]);
        let risk = pair.test.on(some).unwrap();
        for (mode, rule) in modes {
            let expected = &pair.values["gradient_at_half"][mode];
            let span = pair.path.span(&[0.5]).unwrap();
            // The gradient with respect to each end is half of that at the middle.
            let mut ends = pair.path.vertices().zeros_like().unwrap();
            risk.clone().with_statistics(rule).evaluate(&span, Rows::All, Some(&mut ends)).unwrap();
            let gradient = (ends.get(0).unwrap() * 2.).unwrap();
            let layout = pair.a.arch.layout();
            let own = pair.a.arch.network();
            let tensors = layout.split(&gradient).unwrap();
            for entry in own.layout().entries() {
                let file = entry.name.replacen(".0.", ".", usize::from(entry.name.starts_with("layer")));
                let numbers = tensors[&entry.name].flatten_all().unwrap().to_vec1::<f64>().unwrap();
                let norm = numbers.iter().map(|x| x * x).sum::<f64>().sqrt();
                let wanted = expected["norms"][&file].as_f64().unwrap();
                assert!(
                    (norm - wanted).abs() < 1e-9 * wanted,
                    "{network} {mode} {file}: {norm} and {wanted}"
                );
                let first: Vec<f64> = serde_json::from_value(expected["first3"][&file].clone()).unwrap();
                for (x, y) in numbers.iter().zip(first) {
                    assert!((x - y).abs() < 1e-9 * wanted, "{network} {mode} {file}: {x} and {y}");
                }
            }
            let chord =
                (pair.path.vertices().get(1).unwrap() - pair.path.vertices().get(0).unwrap()).unwrap();
            let dot = (chord * gradient).unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap();
            let wanted = expected["dot_b_minus_a"].as_f64().unwrap();
            assert!((dot - wanted).abs() < 1e-9 * wanted.abs(), "{network} {mode}: {dot} and {wanted}");
        }
    }
}

#[test]
fn single_precision_is_close() {
    for network in ["lenet", "resnet8"] {
        let pair = pair(network);
        let single = pair.path.vertices().to_dtype(DType::F32).unwrap();
        for (name, rule) in
            [("interp", Statistics::Interpolate), ("recomp_full_biased", Statistics::Population)]
        {
            let name = if network == "lenet" { "eval" } else { name };
            let coefficients = eleven().into_iter().flat_map(|t| [1. - t, t]).collect();
            let span = Span::new(&single, coefficients).unwrap();
            let span = pair.path.buffers().map_or(Ok(span.clone()), |rows| span.with_buffers(rows)).unwrap();
            let found = pair.test.clone().with_statistics(rule).evaluate(&span, Rows::All, None).unwrap();
            for (t, found) in eleven().into_iter().zip(found) {
                let line = pair.values["line"].as_array().unwrap();
                let point = line.iter().find(|point| (point["t"].as_f64().unwrap() - t).abs() < 1e-12);
                let loss = point.unwrap()[name]["loss"].as_f64().unwrap();
                assert!(
                    (found.loss - loss).abs() < 1e-5 * loss,
                    "{network}, {rule} at {t}: {} and {loss}",
                    found.loss
                );
            }
        }
    }
}

/// Names, types, shapes and bytes of the tensors in a file.
fn contents(path: &std::path::Path) -> HashMap<String, (String, Vec<usize>, Vec<u8>)> {
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    file.tensors()
        .into_iter()
        .map(|(name, view)| {
            (name, (format!("{:?}", view.dtype()), view.shape().to_vec(), view.data().to_vec()))
        })
        .collect()
}

#[test]
fn state_dicts_are_written_as_they_were_read() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["lenet/a.safetensors", "resnet8/a.safetensors", "resnet8/b.safetensors"] {
        let checkpoint = read(name);
        let copy = folder.path().join("copy.safetensors");
        checkpoint.write(&copy).unwrap();
        assert_eq!(contents(&copy), contents(&data(&format!("graphs/{name}"))), "{name}");
        // Now the file says itself what it is.
        let again = Checkpoint::read(&copy, &ReadOptions::default()).unwrap();
        assert_eq!(again.arch, checkpoint.arch);
        assert_eq!(numbers(&again), numbers(&checkpoint));
    }
    let (pickled, own) = (read("resnet8/a.pt"), read("resnet8/a.safetensors"));
    assert_eq!(numbers(&pickled), numbers(&own));
    let copy = folder.path().join("copy.pt");
    pickled.write(&copy).unwrap();
    assert_eq!(numbers(&Checkpoint::read(&copy, &ReadOptions::default()).unwrap()), numbers(&own));
    let whole =
        "resnet8:width=0.5,norm=bn,shortcut=conv1,bias=false,activation=relu,classes=10,input=1x28x28";
    assert_eq!(own.arch.to_string(), whole);
}

fn numbers(checkpoint: &Checkpoint) -> (Vec<f32>, Option<Vec<f64>>) {
    let buffers = checkpoint.buffers.as_ref().map(|row| row.to_vec1().unwrap());
    (checkpoint.theta.to_vec1().unwrap(), buffers)
}

/// The same network under the names of other sources.
#[test]
fn names_of_the_usual_sources_are_read_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let original = read("resnet8/a.safetensors");
    let tensors = candle_core::safetensors::load(data("graphs/resnet8/a.safetensors"), &Device::Cpu).unwrap();
    let stages = |name: &str, f: &dyn Fn(usize) -> String| {
        (1..4).fold(name.to_owned(), |name, k| name.replace(&format!("layer{k}."), &f(k)))
    };
    type Rename = Box<dyn Fn(&str) -> String>;
    let sources: [(&str, Rename); 5] = [
        (
            "torchvision",
            Box::new(move |n| stages(n, &|k| format!("layer{k}.0.")).replace("shortcut", "downsample")),
        ),
        ("cifar", Box::new(move |n| stages(n, &|k| format!("layer{k}.0.")).replace("fc.", "linear."))),
        (
            "open_lth",
            Box::new(move |n| {
                let name = stages(n, &|k| format!("blocks.{}.", k - 1));
                match name
                    .strip_prefix("conv1.")
                    .map(|n| ("conv", n))
                    .or(name.strip_prefix("bn1.").map(|n| ("bn", n)))
                {
                    Some((first, rest)) => format!("{first}.{rest}"),
                    None => name,
                }
            }),
        ),
        ("own", Box::new(move |n| stages(n, &|k| format!("layer{k}.0.")))),
        ("parallel", Box::new(|n| format!("module.{n}"))),
    ];
    for (source, rename) in sources {
        let file = folder.path().join(format!("{source}.safetensors"));
        let renamed: HashMap<String, Tensor> = tensors.iter().map(|(n, t)| (rename(n), t.clone())).collect();
        candle_core::safetensors::save(&renamed, &file).unwrap();
        let found = Checkpoint::read(&file, &options("resnet8")).unwrap();
        assert_eq!(numbers(&found), numbers(&original), "{source}");
        let copy = folder.path().join("copy.safetensors");
        found.write(&copy).unwrap();
        assert_eq!(contents(&copy), contents(&file), "{source}");
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let tensors = candle_core::safetensors::load(data("graphs/resnet8/a.safetensors"), &Device::Cpu).unwrap();
    let message = |change: &dyn Fn(&mut HashMap<String, Tensor>), arch: Option<&str>| {
        let mut tensors = tensors.clone();
        change(&mut tensors);
        let file = folder.path().join("wrong.safetensors");
        candle_core::safetensors::save(&tensors, &file).unwrap();
        let options = arch.map_or_else(ReadOptions::default, options);
        Checkpoint::read(&file, &options).unwrap_err().to_string()
    };
    let none: &dyn Fn(&mut HashMap<String, Tensor>) = &|_| {};
    assert!(message(none, None).contains("says which network it is"));
    assert!(message(none, Some("resnet14")).contains("'layer1.0.conv1.weight'"));
    assert!(message(none, Some("resnet8:width=1")).contains("'conv1.weight'"));
    let lacking = message(&|t| drop(t.remove("layer2.bn1.running_var")), Some("resnet8"));
    assert!(lacking.contains("layer2.0.bn1.running_var"), "{lacking}");
    let extra = message(
        &|t| drop(t.insert("head.weight".into(), Tensor::ones((2, 2), DType::F32, &Device::Cpu).unwrap())),
        Some("resnet8"),
    );
    assert!(extra.contains("head.weight"), "{extra}");
}

#[test]
fn paths_carry_running_statistics() {
    let pair = pair("resnet8");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("path.safetensors");
    let written = PathFile::new(pair.a.arch.clone(), pair.path.clone(), Value::Object(Default::default()));
    written.clone().named(pair.a.names.clone()).write(&file).unwrap();
    let stored = contents(&file);
    assert_eq!(stored["bn1.running_var"].1, [2, 8]);
    assert_eq!(
        (stored["bn1.num_batches_tracked"].0.as_str(), &stored["bn1.num_batches_tracked"].1[..]),
        ("I64", &[2][..])
    );
    let found = PathFile::read(&file).unwrap();
    let rows = |path: &Path| path.buffers().unwrap().to_vec2::<f64>().unwrap();
    assert_eq!(rows(&found.path), rows(&pair.path));
    let bare = Checkpoint::new(pair.a.arch, pair.a.theta, Provenance::default());
    assert!(bare.write(&folder.path().join("bare.safetensors")).is_err(), "no running statistics");
}

/// Layer normalisation and group normalisation have the same names: the string has to say which.
#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ln.safetensors");
    let arch =
        "vgg11:width=1/8,norm=ln".parse::<ArchSpec>().unwrap().resolve_images([3, 32, 32], 10).unwrap();
    let theta = Tensor::ones(arch.layout().len(), DType::F32, &Device::Cpu).unwrap();
    let tensors = arch.layout().split(&theta).unwrap();
    candle_core::safetensors::save(&tensors, &file).unwrap();
    assert!(Checkpoint::read(&file, &options("vgg11")).unwrap_err().to_string().contains("norm=gn:GROUPS"));
    assert_eq!(Checkpoint::read(&file, &options("vgg11:norm=ln")).unwrap().arch, arch);
}
