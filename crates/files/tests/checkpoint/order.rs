//! What is guessed from names and shapes, and said.

use collado_files::{Checkpoint, ReadOptions};
use serde_json::json;

use crate::support::{Raw, f32s, file, message, options, ramp, safetensors, values};

fn read(tensors: &[Raw], arch: Option<&str>) -> Checkpoint {
    let (_dir, path) = file("c.safetensors");
    safetensors(&path, tensors, json!({}));
    let mut read = Checkpoint::read(&path, &options(arch)).unwrap();
    for note in &mut read.notes {
        *note = note.replace(path.to_str().unwrap(), "c");
    }
    read
}

fn refused(tensors: &[Raw], arch: Option<&str>) -> String {
    let (_dir, path) = file("c.safetensors");
    safetensors(&path, tensors, json!({}));
    message(&path, Checkpoint::read(&path, &options(arch)))
}

#[test]
fn the_activation_is_guessed_and_said() {
    let two = |a: &'static str, b: &'static str| [f32s(a, &[4, 3]), f32s(b, &[2, 4])];
    let biased = |names: [&'static str; 4]| {
        [f32s(names[0], &[4, 3]), f32s(names[1], &[4]), f32s(names[2], &[2, 4]), f32s(names[3], &[2])]
    };
    let sequential = read(&two("0.weight", "2.weight"), None);
    assert_eq!(
        sequential.notes,
        ["c: activation guessed: relu, as an nn.Sequential leaves every other number to it (layers 0, 2); \
          `arch` tanh:3-4-2?bias=false, or another, says otherwise"]
    );
    let list = read(&biased(["0.weight", "0.bias", "1.weight", "1.bias"]), None);
    assert_eq!(list.arch.to_string(), "relu:3-4-2");
    assert_eq!(
        list.notes,
        ["c: activation guessed: relu, as layers with biases in a row are mostly those of a ModuleList \
          (layers 0, 1); `arch` tanh:3-4-2, or another, says otherwise"]
    );
    let deep_linear = read(&two("0.weight", "1.weight"), None);
    assert_eq!(deep_linear.arch.to_string(), "linear:3-4-2");
    assert!(deep_linear.notes[0].contains("activation guessed: linear"), "{:?}", deep_linear.notes);
    let dropout = read(&biased(["0.weight", "0.bias", "3.weight", "3.bias"]), None);
    assert_eq!(dropout.arch.to_string(), "relu:3-4-2");
    // Nothing to guess: told, or no layer after an activation.
    assert!(read(&two("0.weight", "1.weight"), Some("tanh:3-4-2?bias=false")).notes.is_empty());
    assert!(read(&[f32s("fc.weight", &[4, 3]), f32s("fc.bias", &[4])], None).notes.is_empty());
}

/// Of flax and Keras: `[in, out]`.
#[test]
fn kernels_are_transposed() {
    for [layer, other, slash] in
        [["params.Dense_0", "params.Dense_1", "."], ["model/dense", "model/dense_1", "/"]]
    {
        let end = if slash == "/" { ":0" } else { "" };
        let names = [layer, other].map(|l| ["kernel", "bias"].map(|leaf| format!("{l}{slash}{leaf}{end}")));
        let bytes = |n| {
            f32s(
                "",
                match n {
                    4 => &[4],
                    2 => &[2],
                    12 => &[12],
                    _ => &[8],
                },
            )
            .3
        };
        let tensors: [Raw; 4] = [
            (&names[0][0], "F32", &[3, 4], bytes(12)),
            (&names[0][1], "F32", &[4], bytes(4)),
            (&names[1][0], "F32", &[4, 2], bytes(8)),
            (&names[1][1], "F32", &[2], bytes(2)),
        ];
        for arch in [None, Some("relu:3-4-2")] {
            let read = read(&tensors, arch);
            assert_eq!(read.arch.to_string(), "relu:3-4-2");
            let (ramp, theta) = (ramp(12), values(&read.theta));
            let transposed = |rows: usize, columns: usize| {
                (0..columns)
                    .flat_map(|c| (0..rows).map(|r| ramp[r * columns + c]).collect::<Vec<_>>())
                    .collect::<Vec<_>>()
            };
            assert_eq!(theta[..12], transposed(3, 4));
            assert_eq!(theta[16..24], transposed(4, 2));
            assert!(
                read.notes.iter().any(|n| n.contains("'kernel' are taken as [in, out]")),
                "{:?}",
                read.notes
            );
        }
    }
    assert_eq!(
        refused(&[f32s("a.kernel", &[3, 4]), f32s("a.bias", &[3])], None),
        "c.safetensors: tensor 'a.bias': expected [4], found [3]"
    );
}

#[test]
fn biases_belong_to_their_layers_by_name() {
    let names = [["W1", "b1"], ["W2", "b2"]];
    let tensors = [
        f32s(names[1][1], &[2]),
        f32s(names[1][0], &[2, 4]),
        f32s(names[0][0], &[4, 3]),
        f32s(names[0][1], &[4]),
    ];
    assert_eq!(read(&tensors, None).arch.to_string(), "relu:3-4-2");
    // Of a ParameterList.
    let [a, b, c, d] = ["weights.0", "biases.0", "weights.1", "biases.1"];
    assert_eq!(
        read(&[f32s(a, &[4, 3]), f32s(b, &[4]), f32s(c, &[2, 4]), f32s(d, &[2])], None).arch.to_string(),
        "relu:3-4-2"
    );
}

#[test]
fn orders_that_fit_nothing() {
    // Numbers against shapes.
    let against = [f32s("fc1.weight", &[2, 4]), f32s("fc2.weight", &[4, 3])];
    assert_eq!(
        refused(&against, None),
        "c.safetensors: its shapes do not allow the order of the numbers in its layers' names; \
         only fc2,fc1 fits"
    );
    // Squares beside a layer that fits nowhere.
    let squares: Vec<String> = (0..40).map(|k| format!("{}.weight", "a".repeat(k + 1))).collect();
    let mut tensors: Vec<Raw> =
        squares.iter().map(|n| (n.as_str(), "F32", &[1_usize, 1][..], vec![0; 4])).collect();
    assert!(refused(&tensors, None).contains("say in which order"));
    assert!(refused(&tensors, None).ends_with(" and others fit"));
    tensors.push(f32s("odd.weight", &[2, 3]));
    assert!(refused(&tensors, None).contains("': expected [out, "));
    tensors.push(f32s("even.weight", &[3, 2]));
    assert!(refused(&tensors, None).contains("': expected [out, "));
}

#[test]
fn a_file_that_states_its_order_keeps_it() {
    let (_dir, path) = file("c.safetensors");
    safetensors(
        &path,
        &[f32s("0.weight", &[4, 3]), f32s("1.weight", &[2, 4])],
        json!({"collado.arch": "linear:3-4-2"}),
    );
    let layers = Some(vec!["1".into(), "0".into()]);
    let read = Checkpoint::read(&path, &ReadOptions { layers, ..ReadOptions::default() }).unwrap();
    assert_eq!(read.notes.len(), 1);
    assert!(read.notes[0].ends_with("states the order of its layers itself: `layers` 1,0 is not used"));
}
