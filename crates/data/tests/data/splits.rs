use candle_core::{DType, Device, Tensor};
use collado_data::{Dataset, Error, Spec, Split, Targets};

use crate::make::{error, labels, values};

fn matrix(values: &[[f64; 2]]) -> Tensor {
    Tensor::from_slice(values.as_flattened(), (values.len(), 2), &Device::Cpu).unwrap()
}

fn classes(labels: &[u32], count: usize) -> Targets {
    Targets::Classes { labels: labels.to_vec(), count, names: Vec::new() }
}

#[test]
fn a_split_checks_its_parts() {
    let x = matrix(&[[1.0, 2.0], [3.0, 4.0]]);
    let text = |x: &Tensor, targets| Split::new(x.clone(), targets).unwrap_err().to_string();
    assert_eq!(text(&x, classes(&[0, 1, 1], 2)), "targets: expected 2 rows like inputs, found 3");
    assert_eq!(text(&x, classes(&[0, 2], 2)), "targets: row 1: expected a class label from 0 to 1, found 2");
    assert_eq!(
        text(&matrix(&[[1.0, 2.0], [3.0, f64::NAN]]), classes(&[0, 1], 2)),
        "inputs: row 1, column 1: expected a finite number, found NaN"
    );
    assert!(
        text(&x.to_dtype(DType::U32).unwrap(), classes(&[0, 1], 2))
            .contains("expected f32 or f64, found u32")
    );
    assert!(text(&x.flatten_all().unwrap(), classes(&[0, 1], 2)).contains("found [4]"));
    assert!(text(&x.narrow(0, 0, 0).unwrap(), classes(&[], 2)).contains("found [0, 2]"));
    let y = Targets::Values(x.to_dtype(DType::F32).unwrap());
    assert!(text(&x, y).contains("targets: expected f64, found f32"));
}

#[test]
fn views_are_made_contiguous_before_they_are_hashed() {
    let x = matrix(&[[1.0, 2.0], [3.0, 4.0]]);
    let set = |x: Tensor| Dataset::new("test", Split::new(x, classes(&[0, 1], 2)).unwrap(), None).unwrap();
    let turned = set(x.t().unwrap());
    assert!(turned.train.inputs.is_contiguous());
    assert_eq!(turned.hash, set(matrix(&[[1.0, 3.0], [2.0, 4.0]])).hash);
    assert_ne!(turned.hash, set(x.clone()).hash);
    let wide = Tensor::cat(&[&x, &x], 0).unwrap().narrow(0, 2, 2).unwrap();
    assert_eq!(set(wide).hash, set(x).hash);
}

#[test]
fn selected_rows_keep_their_order() {
    let x = matrix(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    let split = Split::new(x.clone(), classes(&[0, 1, 2], 3)).unwrap().select(&[2, 0, 2]).unwrap();
    assert_eq!(split.inputs.to_vec2::<f64>().unwrap(), [[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]]);
    assert_eq!(labels(&split.targets), (&[2, 0, 2][..], 3));
    let real = Split::new(x.clone(), Targets::Values(x)).unwrap();
    assert_eq!(values(&real.select(&[1]).unwrap().targets), [[3.0, 4.0]]);
    assert!(real.select(&[3]).is_err() && split.select(&[3]).is_err() && split.select(&[]).is_err());
}

#[test]
fn splits_of_one_set_must_agree() {
    let x = matrix(&[[1.0, 2.0]]);
    let split = |x: &Tensor, targets| Split::new(x.clone(), targets).unwrap();
    let train = split(&x, classes(&[0], 2));
    let narrow = x.narrow(1, 0, 1).unwrap();
    let single = x.to_dtype(DType::F32).unwrap();
    let others = [
        split(&narrow, classes(&[0], 2)),
        split(&single, classes(&[0], 2)),
        split(&x, classes(&[0], 3)),
        split(&x, Targets::Values(x.clone())),
    ];
    for other in others {
        assert!(matches!(Dataset::new("test", train.clone(), Some(other)), Err(Error::Splits { .. })));
    }
}

#[test]
fn strings_are_parsed_before_files_are_opened() {
    fn shared<T: Clone + Send + Sync + 'static>(value: T) -> T {
        value
    }
    for text in
        ["digits", "mnist:dir", "csv:what?.csv", "csv:a.csv?target=-1", "npz:a?b", "synthetic:sine?n=3"]
    {
        assert_eq!(shared(text.parse::<Spec>().unwrap()).to_string(), text);
    }
    assert_eq!(
        error("cifar:x"),
        "`data` cifar:x: scheme: expected digits, mnist:DIR, cifar10:DIR, cifar100:DIR, folder:DIR, csv:FILE?target=COL, npz:FILE, \
         safetensors:FILE or synthetic:NAME?key=value, found 'cifar'"
    );
    for text in ["", "digits:", "digits:x", "csv", "csv:", "npz:", "mnist", "safetensors:", "csv:?target=1"] {
        assert!(text.parse::<Spec>().is_err(), "{text}");
    }
}
