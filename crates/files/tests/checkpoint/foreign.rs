use candle_core::DType;
use collado_files::{Checkpoint, ReadOptions};
use serde_json::json;

use crate::support::{Raw, f32s, file, options, ramp, reading, safetensors, values};

/// The architecture found and the parameters, which count up in the order of the file.
fn read(tensors: &[Raw], arch: Option<&str>) -> (String, Vec<f64>) {
    let (_dir, path) = file("c.safetensors");
    safetensors(&path, tensors, json!({}));
    let read = Checkpoint::read(&path, &options(arch)).unwrap();
    (read.arch.to_string(), values(&read.theta))
}

fn wrong(tensors: &[Raw], arch: Option<&str>) -> String {
    let (_dir, path) = file("c.safetensors");
    safetensors(&path, tensors, json!({}));
    reading(&path, arch)
}

#[test]
fn sequential_names_tell_the_network() {
    let cases: [(&str, &[Raw]); 7] = [
        (
            "relu:3-4-2",
            &[
                f32s("0.bias", &[4]),
                f32s("0.weight", &[4, 3]),
                f32s("2.bias", &[2]),
                f32s("2.weight", &[2, 4]),
            ],
        ),
        ("relu:3-4-2?bias=false", &[f32s("0.weight", &[4, 3]), f32s("2.weight", &[2, 4])]),
        ("linear:3-4-2", &[f32s("0.weight", &[4, 3]), f32s("1.weight", &[2, 4])]),
        ("linear:3-4?bias=true", &[f32s("0.weight", &[4, 3]), f32s("0.bias", &[4])]),
        ("two-layer:4", &[f32s("0.weight", &[4, 3]), f32s("0.bias", &[4]), f32s("2.weight", &[2, 4])]),
        (
            "relu:1-1-1-1-1-1-1?bias=false",
            &[
                f32s("0.weight", &[1, 1]),
                f32s("10.weight", &[1, 1]),
                f32s("2.weight", &[1, 1]),
                f32s("4.weight", &[1, 1]),
                f32s("6.weight", &[1, 1]),
                f32s("8.weight", &[1, 1]),
            ],
        ),
        ("relu:3-4-2?bias=false", &[f32s("module.0.weight", &[4, 3]), f32s("module.2.weight", &[2, 4])]),
    ];
    for (arch, tensors) in cases {
        assert_eq!(read(tensors, None).0, arch);
    }
}

#[test]
fn other_names_are_read_too() {
    let (a, b) = (f32s("fc1.weight", &[4, 3]), f32s("fc2.weight", &[2, 4]));
    assert_eq!(read(&[a.clone(), b.clone()], None).0, "relu:3-4-2?bias=false");
    assert_eq!(read(&[a, b], Some("tanh:3-4-2?bias=false")).0, "tanh:3-4-2?bias=false");
    assert_eq!(
        wrong(&[f32s("a.weight", &[4, 3]), f32s("a.scale", &[4])], None),
        "c.safetensors: tensor 'a.scale' is neither a weight nor a bias by its name (0.weight, 0.bias, fc1.weight, \
         dense/kernel, …)"
    );
    assert_eq!(
        read(&[f32s("1.weight", &[4, 3]), f32s("3.weight", &[2, 4])], None).0,
        "relu:3-4-2?bias=false"
    );
    assert_eq!(
        read(&[f32s("1.weight", &[4, 3]), f32s("3.weight", &[2, 4])], Some("relu:3-4-2?bias=false")).1.len(),
        20
    );
}

#[test]
fn layers_sort_by_number_and_weight_before_bias() {
    let names = ["fc1", "fc10", "fc2", "fc3", "fc4", "fc5", "fc6", "fc7", "fc8", "fc9"];
    let names: Vec<(String, String)> =
        names.iter().map(|n| (format!("{n}.bias"), format!("{n}.weight"))).collect();
    let number = |x: f64| (x as f32).to_le_bytes().to_vec();
    let order = [1., 10., 2., 3., 4., 5., 6., 7., 8., 9.];
    let tensors: Vec<Raw> = names
        .iter()
        .zip(order)
        .flat_map(|((b, w), k)| {
            [(b.as_str(), "F32", &[1][..], number(-k)), (w, "F32", &[1, 1][..], number(k))]
        })
        .collect();
    let expected: Vec<f64> = (1..=10).flat_map(|k| [f64::from(k), f64::from(-k)]).collect();
    assert_eq!(read(&tensors, Some("relu:1-1-1-1-1-1-1-1-1-1-1")).1, expected);
}

#[test]
fn two_layer_takes_its_ends_from_the_file() {
    let arch = Some("two-layer:4");
    let tensors = [f32s("in.weight", &[4, 3]), f32s("in.bias", &[4]), f32s("out.weight", &[2, 4])];
    assert_eq!(read(&tensors, arch).0, "two-layer:4");
    assert_eq!(
        wrong(&[f32s("0.weight", &[5, 3]), f32s("0.bias", &[5]), f32s("2.weight", &[2, 5])], arch),
        "c.safetensors: tensor '0.weight': expected [4, inputs], found [5, 3]"
    );
    assert_eq!(
        wrong(&[f32s("0.weight", &[4, 3]), f32s("0.bias", &[4])], arch),
        "c.safetensors: tensor '2.weight': expected [outputs, 4], found none"
    );
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let [w, b, v, c] =
        [f32s("0.weight", &[4, 3]), f32s("0.bias", &[4]), f32s("2.weight", &[2, 4]), f32s("2.bias", &[2])];
    let say = |tensor: &str| format!("c.safetensors: tensor '{tensor}");
    let cases: [(&[Raw], Option<&str>, String); 10] = [
        (&[w.clone(), b.clone(), v.clone()], Some("relu:3-4-2"), say("2.bias': expected [2], found none")),
        (
            &[w.clone(), b.clone(), v.clone(), c.clone()],
            Some("relu:3-5-2"),
            say("0.weight': expected [5, 3], found [4, 3]"),
        ),
        (
            &[w.clone(), b.clone(), v.clone(), c.clone(), f32s("4.weight", &[2, 2])],
            Some("relu:3-4-2"),
            say("4.weight': expected no tensor after the 4 of relu:3-4-2, found [2, 2]"),
        ),
        (
            &[w.clone(), c.clone(), v.clone()],
            None,
            say("0.bias': expected [4], as other layers have a bias, found none"),
        ),
        (&[w.clone(), f32s("2.weight", &[2, 5])], None, say("2.weight': expected [out, 4], found [2, 5]")),
        (&[f32s("0.weight", &[4, 3, 1])], None, say("0.weight': expected [out, in], found [4, 3, 1]")),
        (&[f32s("0.bias", &[4])], None, say("0.weight': expected a weight beside '0.bias', found none")),
        (&[w.clone(), f32s("0.bias", &[4, 1])], None, say("0.bias': expected [4], found [4, 1]")),
        (
            &[f32s("a.weight", &[4, 3]), f32s("b.weight", &[2, 5])],
            Some("tanh:3-4-2?bias=false"),
            say("b.weight': expected [2, 4] as 2.weight of tanh:3-4-2?bias=false, found [2, 5]"),
        ),
        (
            &[f32s("a.weight", &[4, 3]), f32s("b.weight", &[2, 4]), f32s("c.weight", &[2, 2])],
            Some("tanh:3-4-2?bias=false"),
            say("c.weight': expected no tensor after the 2 of tanh:3-4-2?bias=false, found [2, 2]"),
        ),
    ];
    for (tensors, arch, expected) in cases {
        assert_eq!(wrong(tensors, arch), expected);
    }
    assert_eq!(
        wrong(&[f32s("a.weight", &[4, 3])], Some("tanh:3-4-2?bias=false")),
        "c.safetensors: holds 1 tensors, tanh:3-4-2?bias=false has 2"
    );
    assert_eq!(wrong(&[], None), "c.safetensors: holds no tensors");
    assert_eq!(
        wrong(&[f32s("0.weight", &[0, 3])], None),
        "c.safetensors: tensor '0.weight': expected at least one number, found [0, 3]"
    );
}

#[test]
fn sixteen_bits_become_f32() {
    // 1, -2, 0.5 in the two formats.
    for (dtype, halves) in [("F16", [0x3c00_u16, 0xc000, 0x3800]), ("BF16", [0x3f80, 0xc000, 0x3f00])] {
        let (_dir, path) = file("c.safetensors");
        let bytes = halves.iter().flat_map(|h| h.to_le_bytes()).collect();
        safetensors(&path, &[("0.weight", dtype, &[1, 3], bytes)], json!({}));
        let read = Checkpoint::read(&path, &ReadOptions::default()).unwrap();
        assert_eq!((read.theta.dtype(), values(&read.theta)), (DType::F32, vec![1., -2., 0.5]));
    }
}

#[test]
fn numbers_must_be_finite_floats_of_one_kind() {
    let doubles = |v: Vec<f64>| v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let mut odd = ramp(12);
    odd[7] = f64::NAN;
    assert_eq!(
        wrong(&[("0.weight", "F64", &[4, 3], doubles(odd.clone()))], None),
        "c.safetensors: tensor '0.weight': expected finite numbers, found NaN at [2, 1]"
    );
    odd[3] = f64::NEG_INFINITY;
    assert_eq!(
        wrong(&[("0.weight", "F64", &[4, 3], doubles(odd))], None),
        "c.safetensors: tensor '0.weight': expected finite numbers, found -inf at [1, 0]"
    );
    assert_eq!(
        wrong(&[("0.weight", "I64", &[1, 1], vec![0; 8])], None),
        "c.safetensors: tensor '0.weight': expected F32, F64, F16 or BF16, found I64"
    );
    assert_eq!(
        wrong(&[f32s("0.weight", &[4, 3]), ("2.weight", "F64", &[2, 4], doubles(ramp(8)))], None),
        "c.safetensors: tensor '2.weight': expected F32 as in '0.weight', found F64"
    );
}

#[test]
fn metadata_that_is_wrong_is_refused() {
    let (_dir, path) = file("c.safetensors");
    let tensors = [f32s("0.weight", &[4, 3]), f32s("0.bias", &[4])];
    safetensors(&path, &tensors, json!({"collado.arch": "cubic:3-4"}));
    assert_eq!(
        reading(&path, None),
        "c.safetensors: metadata 'collado.arch': architecture 'cubic:3-4': unknown family; \
         expected one of relu, linear, tanh, softplus, gelu, logistic, silu, leaky, two-layer, lenet, convfc, vgg11, vgg13, \
         vgg16, vgg19, resnetN, wrn-D-K"
    );
    safetensors(&path, &tensors, json!({"collado.arch": "relu:3-5"}));
    assert_eq!(reading(&path, None), "c.safetensors: tensor '0.weight': expected [5, 3], found [4, 3]");
}
