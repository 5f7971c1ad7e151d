//! Labels that do not count from 0, or that are written as floats.

use collado_data::{Dataset, Spec};
use zip::CompressionMethod;

use crate::csv_headers::read;
use crate::make::{c, idx, labels, npz, values};

fn arrays(options: &str, arrays: &[(&str, Vec<u8>)]) -> collado_data::Result<Dataset> {
    let spec: Spec = format!("npz:t.npz{options}").parse().unwrap();
    spec.load_from(&[("t.npz", &npz(CompressionMethod::Deflated, arrays))])
}

fn x(n: usize) -> (&'static str, Vec<u8>) {
    ("x", c(&[n as u64, 1], &(0..n).map(|i| i as f32).collect::<Vec<_>>()))
}

fn says(data: &Dataset, text: &str) -> bool {
    data.notes.iter().any(|note| note.contains(text))
}

#[test]
fn labels_from_1_become_classes_from_0() {
    let text = b"5,1\n6,3\n7,2\n";
    let data = read(text, "").unwrap();
    assert_eq!(labels(&data.train.targets), (&[0, 2, 1][..], 3));
    assert_eq!(data.train.targets.class_names(), ["1", "2", "3"]);
    assert!(says(&data, "labels run from 1 to 3: taken as classes 0 to 2"), "{:?}", data.notes);
    let data = read(text, "?labels-from=0").unwrap();
    assert_eq!(labels(&data.train.targets), (&[1, 3, 2][..], 4));
    assert!(data.train.targets.class_names().is_empty() && says(&data, "labels without a row: 0"));
    let data = read(b"5,2\n6,3\n", "?labels-from=1").unwrap();
    assert_eq!(labels(&data.train.targets), (&[1, 2][..], 3));
    let error = read(b"5,0\n6,3\n", "?labels-from=1").unwrap_err().to_string();
    assert!(error.contains("row 0: expected a class label from 1 to 65536, found 0"), "{error}");
    // One label alone does not say where the others begin.
    let data = read(b"5,1\n6,1\n", "").unwrap();
    assert_eq!(labels(&data.train.targets), (&[1, 1][..], 2));
    assert!(says(&data, "labels without a row: 0"));
}

#[test]
fn both_splits_decide_where_labels_begin() {
    let y = |name, labels: &[i64]| (name, c(&[labels.len() as u64], labels));
    let test = |labels: &[i64]| [x(2), y("y", &[1, 2]), ("x_test", x(2).1), y("y_test", labels)];
    let data = arrays("", &test(&[1, 3])).unwrap();
    assert_eq!(labels(&data.train.targets), (&[0, 1][..], 3));
    assert_eq!(labels(&data.test.unwrap().targets), (&[0, 2][..], 3));
    let data = arrays("", &test(&[0, 1])).unwrap();
    assert_eq!(labels(&data.train.targets), (&[1, 2][..], 3));
    assert!(data.notes.is_empty());
}

#[test]
fn floats_as_labels_are_said_in_tables_and_asked_for_in_arrays() {
    let data = read(b"5,0.0\n6,1.0\n7,0.0\n", "").unwrap();
    assert_eq!(labels(&data.train.targets), (&[0, 1, 0][..], 2));
    assert!(says(&data, "labels written as floats are taken as classes"), "{:?}", data.notes);
    let data = read(b"5,1.0\n6,2.0\n7,1.0\n", "").unwrap();
    assert_eq!(labels(&data.train.targets), (&[0, 1, 0][..], 2));
    // Numbers with gaps between them, from elsewhere, of one kind or of too many kinds are numbers.
    let many: String = (0..30).map(|i| format!("5,{i}.0\n")).collect();
    for text in
        ["5,0.0\n6,2.0\n", "5,2.0\n6,3.0\n", "5,0.0\n6,0.0\n", "5,-1.0\n6,0.0\n", "5,0.0\n6,0.5\n", &many]
    {
        assert!(!read(text.as_bytes(), "").unwrap().train.targets.is_classes(), "{text:?}");
    }
    let y = ("y", c(&[3], &[0.0_f64, 1.0, 1.0]));
    let data = arrays("", &[x(3), y.clone()]).unwrap();
    assert_eq!(values(&data.train.targets), [[0.0], [1.0], [1.0]]);
    assert!(says(&data, "task=classes takes them as class labels"), "{:?}", data.notes);
    assert_eq!(labels(&arrays("?task=classes", &[x(3), y]).unwrap().train.targets), (&[0, 1, 1][..], 2));
    let half = arrays("?task=classes", &[x(2), ("y", c(&[2], &[0.0_f64, 0.5]))]).unwrap_err().to_string();
    assert!(half.contains("array 'y': row 1: expected an integer class label, found 0.5"), "{half}");
}

#[test]
fn a_column_of_integers_is_class_labels() {
    let data = arrays("", &[x(2), ("y", c(&[2, 1], &[0_u8, 1]))]).unwrap();
    assert_eq!(labels(&data.train.targets), (&[0, 1][..], 2));
    let data = arrays("?task=regress", &[x(2), ("y", c(&[2, 2], &[0_i32, 1, 5, 7]))]);
    assert!(data.is_err());
    let data = arrays("?task=regress", &[x(2), ("y", c(&[2], &[5_i32, 7]))]).unwrap();
    assert_eq!(values(&data.train.targets), [[5.0], [7.0]]);
}

#[test]
fn keras_names_are_read_but_not_beside_others() {
    let y = |name| (name, c(&[2], &[0_i64, 1]));
    let pixels = ("x_train", c(&[2, 2], &[0_u8, 255, 3, 7]));
    let data = arrays("", &[pixels.clone(), y("y_train")]).unwrap();
    assert_eq!(data.train.inputs.to_vec2::<f64>().unwrap(), [[0., 255.], [3., 7.]]);
    assert!(says(&data, "array 'x_train': bytes are taken as they are, from 0 to 255, not divided by 255"));
    let both = arrays("", &[pixels.clone(), y("y_train"), x(2), y("y")]).unwrap_err().to_string();
    assert!(both.contains("expected training rows under one name, found both 'x' and 'x_train'"), "{both}");
    assert!(arrays("", &[pixels, y("y")]).unwrap_err().to_string().contains("expected an array 'x'"));
}

/// The letters of EMNIST are numbered from 1.
#[test]
fn image_files_follow_the_same_rules() {
    let (images, y) = (idx(&[3, 1, 1], &[0, 128, 255]), idx(&[3], &[1, 2, 3]));
    let files = [
        ("d/train-images-idx3-ubyte", images.as_slice()),
        ("d/train-labels-idx1-ubyte", &y),
        ("d/t10k-images-idx3-ubyte", &images),
        ("d/t10k-labels-idx1-ubyte", &y),
    ];
    let load = |spec: &str| spec.parse::<Spec>().unwrap().load_from(&files).unwrap();
    let data = load("mnist:d");
    assert_eq!(labels(&data.train.targets), (&[0, 1, 2][..], 3));
    assert!(says(&data, "labels run from 1 to 3"));
    assert_eq!(labels(&load("mnist:d?labels-from=0").train.targets), (&[1, 2, 3][..], 4));
}
