//! `collado inspect` through the program.
#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::HashMap, path::Path};

use candle_core::{Device, Tensor};
use serde_json::Value;

use self::support::{collado, json};

fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name).display().to_string()
}

fn named<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    list.as_array()
        .unwrap()
        .iter()
        .find(|item| item[key] == name)
        .unwrap_or_else(|| panic!("{name} in {list}"))
}

#[test]
fn a_residual_network_is_listed_with_its_groups_and_statistics() {
    let dir = tempfile::tempdir().unwrap();
    let file = fixture("graphs/resnet8/a.safetensors");
    let found = json(dir.path(), &format!("inspect {file} --arch resnet8 --json"));
    assert_eq!((&found["kind"], &found["file"]), (&"checkpoint".into(), &file.as_str().into()));
    let weight = named(&found["tensors"], "name", "conv1.weight");
    assert_eq!((&weight["dtype"], &weight["role"]), (&"F32".into(), &"parameter".into()));
    assert_eq!((weight["nan"].as_u64(), weight["infinite"].as_u64()), (Some(0), Some(0)));
    assert!(weight["min"].as_f64().unwrap() < weight["max"].as_f64().unwrap());
    assert_eq!(named(&found["tensors"], "name", "bn1.running_var")["role"], "buffer");

    let network = &found["network"];
    let operations = network["operations"].as_array().unwrap();
    let sum = |key: &str| operations.iter().map(|op| op[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(Some(sum("parameters")), network["parameters"].as_u64());
    assert_eq!(Some(sum("flops")), network["flops"].as_u64());
    for (number, op) in operations.iter().enumerate() {
        assert_eq!(op["number"], number);
        assert!(op["reads"].as_array().unwrap().iter().all(|read| read.as_u64().unwrap() < number as u64));
    }
    let conv = named(&network["operations"], "layer", "conv1");
    let shape: Vec<u64> = weight["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    let products = shape.iter().product::<u64>() * 28 * 28;
    // One addition less than multiplications for each number, as there is no bias.
    assert_eq!(conv["flops"], 2 * products - shape[0] * 28 * 28);
    assert_eq!((&conv["kind"], conv["shape"][1].as_u64()), (&"conv2d".into(), Some(28)));

    // The sums of the first stage tie its blocks to the first convolution.
    let groups = found["symmetry"]["groups"].as_array().unwrap();
    let stream = named(&found["symmetry"]["groups"], "name", "conv1");
    let has = |tensor: &str, axis: u64| {
        stream["axes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|place| place["tensor"] == tensor && place["axis"] == axis)
    };
    assert!(has("conv1.weight", 0) && has("layer1.0.conv2.weight", 0) && has("layer1.0.bn2.weight", 0));
    assert!(has("layer1.0.conv1.weight", 1) && !has("layer1.0.conv1.weight", 0));
    let expected: f64 =
        groups.iter().flat_map(|g| 1..=g["size"].as_u64().unwrap()).map(|n| (n as f64).log10()).sum();
    assert!((found["symmetry"]["permutations_log10"].as_f64().unwrap() - expected).abs() < 1e-9);

    let first = named(&found["statistics"], "layer", "bn1");
    assert_eq!(first["channels"], shape[0]);
    assert!(first["variance"][0].as_f64().unwrap() > 0. && first["batches"].as_f64().unwrap() > 0.);

    let asked = |analysis: &str| named(&found["analyses"], "analysis", analysis);
    assert_eq!(asked("gradients")["covered"], true);
    assert_eq!(asked("weight matching")["covered"], true);
    assert_eq!(asked("REPAIR")["covered"], false);
    assert!(asked("REPAIR")["lacks"].as_str().unwrap().contains("the rule 'population'"));
    assert_eq!(asked("tangent kernels")["covered"], true);
    let lacks = asked("explicit paths of deep linear networks")["lacks"].as_str().unwrap();
    assert!(lacks.contains("resnet8"), "{lacks}");
    // Images are guessed, as the file states no architecture.
    assert!(found["notes"][0].as_str().unwrap().contains("images taken as 1x28x28"));
}

#[test]
fn numbers_that_are_not_finite_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let tensor = |values: &[f32], shape: &[usize]| Tensor::from_slice(values, shape, &Device::Cpu).unwrap();
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let tensors = HashMap::from([
        ("0.weight".to_owned(), tensor(&[1., nan, -2., nan, inf, 0.5], &[3, 2])),
        ("0.bias".to_owned(), tensor(&[-inf, 1., 2.], &[3])),
        ("2.weight".to_owned(), tensor(&[1., 2., 3.], &[1, 3])),
        ("2.bias".to_owned(), tensor(&[nan], &[1])),
    ]);
    candle_core::safetensors::save(&tensors, dir.path().join("odd.safetensors")).unwrap();
    let found = json(dir.path(), "inspect odd.safetensors --json --quiet");
    let weight = named(&found["tensors"], "name", "0.weight");
    assert_eq!((weight["nan"].as_u64(), weight["infinite"].as_u64()), (Some(2), Some(1)));
    assert_eq!((weight["min"].as_f64(), weight["max"].as_f64()), (Some(-2.), Some(1.)));
    assert_eq!(named(&found["tensors"], "name", "0.bias")["infinite"], 1);
    assert_eq!(named(&found["tensors"], "name", "2.bias")["min"], Value::Null);
    assert_eq!(found["network"]["arch"], "relu:2-3-1");
    let text = collado(dir.path(), "inspect odd.safetensors");
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("5 numbers are not finite") && text.contains("2 NaN  1 infinite"), "{text}");
}

#[test]
fn tensors_of_no_network_are_listed_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let cube = Tensor::zeros((2, 3, 4), candle_core::DType::F64, &Device::Cpu).unwrap();
    candle_core::safetensors::save(&HashMap::from([("cube", cube)]), dir.path().join("cube.safetensors"))
        .unwrap();
    let found = json(dir.path(), "inspect cube.safetensors --json");
    assert_eq!((&found["network"], found["tensors"][0]["shape"][2].as_u64()), (&Value::Null, Some(4)));
    assert!(found["no_network"].as_str().unwrap().contains("cube"), "{}", found["no_network"]);
    let refused = collado(dir.path(), "inspect cube.safetensors --out cube.svg");
    assert_eq!(refused.status.code(), Some(1));
    assert!(!dir.path().join("cube.svg").exists());
}

#[test]
fn paths_and_data_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (fixture("relu-a.safetensors"), fixture("relu-b.safetensors"));
    json(dir.path(), &format!("connect {a} {b} --method linear --points 3 --out line --json --quiet"));
    let path = json(dir.path(), "inspect line --json");
    assert_eq!((&path["kind"], &path["path"]["kind"]), (&"path".into(), &"polychain".into()));
    assert_eq!(
        (path["path"]["vertices"].as_u64(), path["tensors"][0]["shape"][0].as_u64()),
        (Some(2), Some(2))
    );
    assert!(path["analyses"].as_array().unwrap().iter().all(|a| a["covered"] != Value::Null));
    assert_eq!(named(&path["analyses"], "analysis", "proofs along paths")["covered"], true);
    assert_eq!(named(&path["analyses"], "analysis", "exact curvature")["covered"], true);
    let linear = &named(&path["analyses"], "analysis", "explicit paths of deep linear networks")["lacks"];
    assert!(linear.as_str().unwrap().contains("linear"), "{linear}");
    assert_eq!(path["provenance"]["method"], "linear");

    let digits = json(dir.path(), "inspect digits --json");
    assert_eq!((&digits["kind"], digits["data"]["rows"].as_u64()), (&"data".into(), Some(1437)));
    assert_eq!(digits["data"]["classes"].as_array().unwrap().len(), 10);
    std::fs::write(dir.path().join("rows.csv"), "a,b,label\n0.5,1,no\n1.5,0,yes\n2.5,3,yes\n").unwrap();
    let rows = json(dir.path(), "inspect rows.csv --json");
    assert_eq!(rows["data"]["classes"][1]["name"], "yes");
    assert_eq!(rows["data"]["features"], 2);
}

#[test]
fn pictures_have_the_layers_and_are_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let args =
        format!("inspect {} --arch resnet8 --quiet --out net.svg", fixture("graphs/resnet8/a.safetensors"));
    assert!(collado(dir.path(), &args).status.success());
    let svg = std::fs::read_to_string(dir.path().join("net.svg")).unwrap();
    for layer in ["conv1", "layer1.0.conv2", "layer2.0.shortcut.0", "fc"] {
        assert!(svg.contains(&format!(">{layer}<")), "{layer}");
    }
    let again = collado(dir.path(), &args);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("exists already"));
    let other = collado(dir.path(), &args.replace("net.svg", "net.pdf"));
    assert_eq!(other.status.code(), Some(2));
}

#[test]
fn graph_files_state_their_network_for_themselves_and_for_others() {
    let dir = tempfile::tempdir().unwrap();
    let graph = fixture("graphs/resnet8/net-2.15.pt2");
    let own = json(dir.path(), &format!("inspect {graph} --json"));
    assert_eq!((&own["kind"], own["no_network"].is_null()), (&"graph".into(), true));
    assert_eq!(own["statistics"].as_array().unwrap().len(), 9);
    let weights = fixture("graphs/resnet8/a.safetensors");
    let other = json(dir.path(), &format!("inspect {weights} --net {graph} --json"));
    assert_eq!((&other["kind"], &other["network"]), (&"checkpoint".into(), &own["network"]));
    assert_eq!(other["symmetry"], own["symmetry"]);
    let model = json(dir.path(), &format!("inspect {} --json", fixture("graphs/resnet8/net-raw.onnx")));
    assert_eq!(
        (&model["kind"], &model["network"]["parameters"]),
        (&"graph".into(), &own["network"]["parameters"])
    );
    let folded = collado(dir.path(), &format!("inspect {}", fixture("graphs/resnet8/net-default.onnx")));
    assert_eq!(folded.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&folded.stderr).contains("batch normalisation was folded into it"));
}
