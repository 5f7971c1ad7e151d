//! Files as people have them: what `tests/data/reports` holds came from public reports about tools of this kind.

use candle_core::DType;
use collado_data::{Dataset, load};

use crate::make::labels;

fn report(scheme: &str, file: &str) -> collado_data::Result<Dataset> {
    load(&format!("{scheme}:{}/../../tests/data/reports/{file}", env!("CARGO_MANIFEST_DIR")))
}

/// Fisher's iris: 150 rows of 4 measures, 50 of each class, whatever the table looks like.
fn is_iris(data: &Dataset, features: usize) {
    assert_eq!((data.train.len(), data.features(), data.outputs()), (150, features, 3));
    let expected: Vec<u32> = (0..150).map(|i| i / 50).collect();
    assert_eq!(labels(&data.train.targets).0, expected);
    let first = data.train.inputs.to_vec2::<f64>().unwrap()[0].clone();
    assert_eq!(first[features - 4..], [5.1, 3.5, 1.4, 0.2]);
}

fn says(data: &Dataset, text: &str) {
    assert!(data.notes.iter().any(|note| note.contains(text)), "{:?}", data.notes);
}

#[test]
fn what_pandas_writes_without_names_has_a_header() {
    for options in ["", "?target=4", "?header=true"] {
        is_iris(&report("csv", &format!("iris-numeric-header.csv{options}")).unwrap(), 4);
    }
    says(&report("csv", "iris-numeric-header.csv").unwrap(), "taken as a header: it counts 0, 1, 2, …");
    // As it was asked for.
    assert_eq!(report("csv", "iris-numeric-header.csv?header=false&task=regress").unwrap().train.len(), 151);
}

#[test]
fn its_index_can_be_left_out() {
    for options in ["", "?target=4"] {
        let data = report("csv", &format!("iris-index-column.csv{options}")).unwrap();
        is_iris(&data, 5);
        says(&data, "column 0 has no name and counts 0, 1, …: an index? drop=unnamed leaves it out");
    }
    for options in ["?drop=unnamed", "?drop=Unnamed: 0&target=4", "?drop=-6"] {
        is_iris(&report("csv", &format!("iris-index-column.csv{options}")).unwrap(), 4);
    }
    // '0' is the name of the second column.
    let error = report("csv", "iris-index-column.csv?drop=0").unwrap_err();
    assert!(
        error.to_string().contains("found '0', the name of one column and the index of another"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("unnamed"));
}

#[test]
fn a_gap_in_the_first_line_is_refused() {
    let error = report("csv", "iris-no-header-question-mark.csv").unwrap_err().to_string();
    assert!(error.ends_with(".csv: line 1, column '0': expected a finite number, found '?'"), "{error}");
}

#[test]
fn labels_in_words_keep_their_names() {
    let data = report("csv", "iris-text-labels.csv").unwrap();
    is_iris(&data, 4);
    assert_eq!(data.train.targets.class_names(), ["Iris-setosa", "Iris-versicolor", "Iris-virginica"]);
    says(&data, "3 classes in words: 0 = Iris-setosa, 1 = Iris-versicolor, 2 = Iris-virginica");
}

#[test]
fn labels_in_floats_are_classes() {
    let data = report("csv", "iris-float-labels.csv").unwrap();
    is_iris(&data, 4);
    says(&data, "column 'species': labels written as floats are taken as classes");
}

#[test]
fn labels_from_1_have_no_empty_class() {
    let data = report("csv", "wine-labels-from-1.csv?target=class").unwrap();
    assert_eq!((data.train.len(), data.features(), data.outputs()), (178, 13, 3));
    let count = |class| labels(&data.train.targets).0.iter().filter(|&&label| label == class).count();
    // As the description of the wine data has it.
    assert_eq!([count(0), count(1), count(2)], [59, 71, 48]);
    assert_eq!(data.train.targets.class_names(), ["1", "2", "3"]);
    says(&data, "labels run from 1 to 3: taken as classes 0 to 2");
}

#[test]
fn a_class_may_be_missing() {
    let data = report("npz", "digits-without-nines.npz").unwrap();
    assert_eq!((data.train.len(), data.features(), data.outputs()), (300, 64, 9));
    assert!(data.notes.is_empty(), "{:?}", data.notes);
}

#[test]
fn keras_names_are_read() {
    let data = report("npz", "keras-names.npz").unwrap();
    let test = data.test.as_ref().unwrap();
    assert_eq!((data.train.len(), test.len(), data.features(), data.outputs()), (200, 200, 64, 10));
    assert_eq!(data.train.inputs.dtype(), DType::F32);
    assert_eq!(labels(&data.train.targets).0[..5], [0, 1, 2, 3, 4]);
    assert_eq!(labels(&test.targets).0[..5], [2, 8, 2, 2, 5]);
    assert!(data.notes.is_empty(), "{:?}", data.notes);
}
