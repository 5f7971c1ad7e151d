use std::path::Path;

use collado_data::{Dataset, Error, load};

use crate::make::{error, file, labels, values};

fn csv(folder: &Path, text: &str, options: &str) -> String {
    file(folder, "csv", "data.csv", text.as_bytes()) + options
}

fn read(text: &str, options: &str) -> Dataset {
    let folder = tempfile::tempdir().unwrap();
    load(&csv(folder.path(), text, options)).unwrap()
}

fn inputs(data: &Dataset) -> Vec<Vec<f64>> {
    data.train.inputs.to_vec2().unwrap()
}

#[test]
fn the_last_column_is_the_target() {
    let data = read("a,b,c\n1,2.5,0\n-3,4e1,2\n", "");
    assert_eq!(inputs(&data), [[1.0, 2.5], [-3.0, 40.0]]);
    assert_eq!(labels(&data.train.targets), (&[0, 2][..], 3));
    assert!(data.test.is_none());
}

#[test]
fn targets_go_by_name_index_or_several() {
    let text = "a;b;c\r\n1;2.5;0\r\n-3;40;2\r\n";
    assert_eq!(values(&read(text, "?target=b").train.targets), [[2.5], [40.0]]);
    assert_eq!(inputs(&read(text, "?target=b")), [[1.0, 0.0], [-3.0, 2.0]]);
    assert_eq!(values(&read(text, "?target=1").train.targets), [[2.5], [40.0]]);
    assert_eq!(values(&read(text, "?target=-3&task=regress").train.targets), [[1.0], [-3.0]]);
    assert_eq!(values(&read(text, "?target=c,a").train.targets), [[0.0, 1.0], [2.0, -3.0]]);
}

#[test]
fn the_text_of_the_target_decides_its_kind() {
    assert!(read("1,0\n2,1\n", "").train.targets.is_classes());
    assert!(!read("1,0.0\n2,1.5\n", "").train.targets.is_classes());
    assert!(!read("1,0\n2,1\n", "?task=regress").train.targets.is_classes());
    assert_eq!(labels(&read("1,0.0\n2,1e0\n", "?task=classes").train.targets), (&[0, 1][..], 2));
}

#[test]
fn tabs_quotes_spaces_and_a_byte_order_mark_are_read() {
    let data = read("\u{feff}\"x, y\"\tz\n 1 \t\"2.5\"\n", "");
    assert_eq!((inputs(&data), values(&data.train.targets)), (vec![vec![1.0]], vec![vec![2.5]]));
}

#[test]
fn every_kth_row_is_a_test_row() {
    let data = read("0,0\n1,1\n2,0\n3,1\n4,0\n", "?test-every=2");
    assert_eq!(inputs(&data), [[1.0], [3.0]]);
    assert_eq!(data.test.unwrap().inputs.to_vec2::<f64>().unwrap(), [[0.0], [2.0], [4.0]]);
}

#[test]
fn the_hash_is_of_the_content() {
    let a = read("a,b\n1,0\n2,1\n", "");
    assert_eq!(a.hash, read("1;0\n2.0;1\n", "").hash);
    assert_ne!(a.hash, read("1,0\n2,0\n", "").hash);
    assert_ne!(a.hash, read("1,0\n2,1\n", "?task=regress").hash);
    assert_eq!(a.hash.len(), 64);
}

#[test]
fn broken_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("", "", "an empty file"),
        ("a,b\n", "", "a header only"),
        ("1,2\n3\n", "", "line 2: expected 2 fields, found 1"),
        ("1,2\n3,4,5\n", "", "line 2: expected 2 fields, found 3"),
        ("a,b\nx,1\n", "", "line 2, column 'a': expected a finite number, found 'x'"),
        ("a,b\n1,2\n1,x\n", "", "line 3, column 'b': expected a finite number, found 'x'"),
        (
            "a,b\n1,x\n1,2\n",
            "",
            "line 3, column 'b': expected a class label in words, as in the rows before, found '2'",
        ),
        ("a,b\n1,x\n1,\n", "", "line 3, column 'b': expected a class label in words"),
        ("a,b\n1,x\n1,?\n", "?task=classes", "line 3, column 'b': expected a class label, found '?'"),
        ("a,b\nnan,1\n", "", "line 2, column 'a': expected a finite number, found 'nan'"),
        ("1,2\n3,\n", "", "line 2, column '1': expected a finite number, found ''"),
        ("1,1e999\n", "", "found '1e999'"),
        ("1,-1\n", "", "column '1': row 0: expected a class label from 0 to 65535, found -1"),
        ("1,70000\n", "", "found 70000"),
        ("1,0.5\n", "?task=classes", "expected an integer class label, found 0.5"),
        ("1\n2\n", "", "at least 1 column besides the targets"),
        ("a,b\n1,2\n", "?target=c", "expected a target column 'c', found 2 columns (a, b)"),
        ("1,2\n", "?target=-3", "expected a target column '-3', found 2 columns (no header)"),
        ("1,2\n", "?target=0,-2", "different target and dropped columns"),
        ("1,2\n", "?drop=1", "different target and dropped columns"),
        ("1,2\n", "?drop=0", "at least 1 column besides the targets"),
        ("a,b,c\n1,2,3\n", "?drop=d", "expected a column to drop 'd', found 3 columns (a, b, c)"),
        ("a,a,c\n1,2,3\n", "?drop=a", "expected one column 'a', found 2 of them"),
        ("\u{1b}[2J,b\n,1\n", "", "column '\\u{1b}[2J': expected a finite number, found ''"),
        ("1,2\n", "?test-every=2", "at least 2 rows"),
    ];
    for (text, options, expected) in cases {
        let text = error(&csv(folder.path(), text, options));
        assert!(text.contains(expected) && text.contains("data.csv"), "expected '{expected}' in: {text}");
    }
}

#[test]
fn unknown_options_list_the_known_ones() {
    let text = error("csv:a.csv?targe=1");
    assert!(
        text.ends_with("option: expected standardize, target, drop, header, task, labels-from, test-every, test-share, test-seed, test, found 'targe'"),
        "{text}"
    );
    assert!(error("csv:a.csv?task=regression").contains("expected classes, tokens or regress"));
    assert!(error("csv:a.csv?header=yes").contains("expected true or false, found 'yes'"));
    assert!(error("csv:a.csv?labels-from=2").contains("expected 0 or 1, found '2'"));
    assert!(error("csv:a.csv?test-every=1").contains("at least 2"));
    assert!(error("csv:a.csv?target=1&target=2").contains("expected one value"));
}

#[test]
fn folders_and_missing_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(
        error(&format!("csv:{}", folder.path().display()))
            .contains("expected a regular file, found a folder")
    );
    let missing = load("npz:/nonexistent/data.npz").unwrap_err();
    assert!(matches!(missing, Error::Io { .. }) && missing.to_string().contains("/nonexistent/data.npz"));
    assert!(missing.hint().is_some());
}
