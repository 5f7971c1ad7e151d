use std::fs;

use candle_core::DType;
use collado_data::{digits, load};
use sha2::Digest;

use crate::make::labels;

/// Sums and counts below were taken from the CSV file with awk.
#[test]
fn splits_sums_and_label_counts_are_those_of_the_file() {
    let data = digits().unwrap();
    let test = data.test.as_ref().unwrap();
    assert_eq!((data.train.len(), test.len(), data.features(), data.outputs()), (1437, 360, 64, 10));
    assert_eq!(data.train.inputs.dtype(), DType::F32);
    let sum = |split: &collado_data::Split| {
        let inputs = split.inputs.to_dtype(DType::F64).unwrap();
        16.0 * inputs.sum_all().unwrap().to_scalar::<f64>().unwrap()
    };
    assert_eq!(sum(test), 112_598.0);
    assert_eq!(sum(&data.train) + sum(test), 561_718.0);
    let count = |split: &collado_data::Split| {
        let mut counts = [0; 10];
        labels(&split.targets).0.iter().for_each(|&label| counts[label as usize] += 1);
        counts
    };
    assert_eq!(count(test), [42, 28, 26, 48, 38, 39, 30, 26, 36, 47]);
    let all = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180];
    let train: Vec<_> = all.iter().zip(count(test)).map(|(all, test)| all - test).collect();
    assert_eq!(count(&data.train).to_vec(), train);
}

#[test]
fn first_rows_are_those_of_the_file() {
    let data = load("digits").unwrap();
    let test = data.test.as_ref().unwrap();
    let row = |split: &collado_data::Split| split.inputs.to_vec2::<f32>().unwrap()[0].clone();
    let zero =
        [0., 0., 5., 13., 9., 1., 0., 0., 0., 0., 13., 15., 10., 15., 5., 0.].map(|pixel| pixel / 16.0);
    let one = [0., 0., 0., 12., 13., 5., 0., 0., 0., 0., 0., 11., 16., 9., 0., 0.].map(|pixel| pixel / 16.0);
    assert_eq!(row(test)[..16], zero);
    assert_eq!(row(&data.train)[..16], one);
    assert_eq!((labels(&test.targets).0[0], labels(&data.train.targets).0[0]), (0, 1));
}

#[test]
fn the_file_is_the_one_its_readme_describes() {
    let assets = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/");
    let hash = sha2::Sha256::digest(fs::read(format!("{assets}digits.csv.gz")).unwrap());
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(fs::read_to_string(format!("{assets}README.md")).unwrap().contains(&hash));
}

#[test]
fn options_are_those_that_it_has() {
    let data = load("digits?standardize=true").unwrap();
    assert_eq!(data.spec, "digits?standardize=true");
    let mean = data.train.inputs.mean_all().unwrap().to_scalar::<f32>().unwrap();
    assert!(mean.abs() < 1e-4, "{mean}");
    let said = |spec: &str| load(spec).unwrap_err().to_string();
    assert!(said("digits?standardize=maybe").ends_with("standardize: expected true or false, found 'maybe'"));
    assert!(
        said("digits?what=1").ends_with("option: expected standardize, found 'what'"),
        "{}",
        said("digits?what=1")
    );
    assert!(
        said("digits?standardize").contains("digits: expected nothing after it"),
        "{}",
        said("digits?standardize")
    );
}
