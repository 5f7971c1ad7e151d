//! Test rows by share, by number and from a file of their own, and inputs of mean 0 and deviation 1.

use candle_core::Tensor;
use collado_data::load;

use crate::make::{c, error, file, labels, mnist, npz, stored, values};

fn column(inputs: &Tensor, at: usize) -> Vec<f64> {
    let inputs = inputs.to_dtype(candle_core::DType::F64).unwrap();
    inputs.narrow(1, at, 1).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Rows 0 to 9 whose input is their number and whose target is ten times that.
fn ten(folder: &std::path::Path) -> String {
    let rows: String = (0..10).map(|i| format!("{i}.25,{}.5\n", 10 * i)).collect();
    file(folder, "csv", "ten.csv", rows.as_bytes())
}

#[test]
fn a_share_is_drawn_from_a_seed() {
    let folder = tempfile::tempdir().unwrap();
    let name = ten(folder.path());
    let drawn = |options: &str| {
        let data = load(&format!("{name}?header=false&{options}")).unwrap();
        let test = data.test.unwrap();
        let (train, test) = (column(&data.train.inputs, 0), column(&test.inputs, 0));
        // Each row is in one of them, in its order, with its target.
        let mut all = [train.clone(), test.clone()].concat();
        all.sort_by(f64::total_cmp);
        assert_eq!(all, (0..10).map(|i| f64::from(i) + 0.25).collect::<Vec<_>>());
        assert!(train.is_sorted() && test.is_sorted());
        let targets = values(&data.train.targets).concat();
        assert!(train.iter().zip(targets).all(|(x, y)| y == 10. * (x - 0.25) + 0.5));
        test
    };
    let first = drawn("test-share=0.3");
    assert_eq!(first.len(), 3);
    assert_eq!(first, drawn("test-share=0.3&test-seed=0"));
    let others: Vec<Vec<f64>> =
        (1..6).map(|seed| drawn(&format!("test-share=0.3&test-seed={seed}"))).collect();
    assert!(others.iter().any(|other| *other != first));
    // One row is left on each side, however small the share.
    assert_eq!((drawn("test-share=0.001").len(), drawn("test-share=0.999").len()), (1, 9));
    assert_eq!(drawn("test-every=5"), [0.25, 5.25]);
    for (options, expected) in [
        ("test-share=1", "above 0 and below 1"),
        ("test-share=0.5&test-every=2", "one of test-every, test-share and test"),
        ("test-seed=3", "test-share=P"),
    ] {
        let text = error(&format!("{name}?{options}"));
        assert!(text.contains(expected), "{text}");
    }
    let one = file(folder.path(), "csv", "one.csv", b"1,2\n");
    assert!(error(&format!("{one}?test-share=0.5&header=false")).contains("at least 2 rows"));
}

#[test]
fn a_table_has_its_test_rows_in_another() {
    let folder = tempfile::tempdir().unwrap();
    let train = file(folder.path(), "csv", "train.csv", b"a,b,kind\n1,2,pine\n3,4,ash\n");
    let write = |name: &str, text: &str| {
        file(folder.path(), "csv", name, text.as_bytes()).split_once(':').unwrap().1.to_owned()
    };
    let test = write("test.csv", "a,b,kind\n5,6,oak\n7,8,ash\n9,1,pine\n");
    let data = load(&format!("{train}?test={test}")).unwrap();
    // The classes are those of both files: ash, oak, pine.
    assert_eq!(labels(&data.train.targets), (&[2, 0][..], 3));
    assert_eq!(labels(&data.test.as_ref().unwrap().targets), (&[1, 0, 2][..], 3));
    assert_eq!(data.train.targets.class_names(), ["ash", "oak", "pine"]);
    assert_eq!(column(&data.test.as_ref().unwrap().inputs, 1), [6., 8., 1.]);
    // Without a header the columns have the same order; labels from 1 are the same classes in both.
    let plain = file(folder.path(), "csv", "n.csv", b"0.5,1\n1.5,2\n");
    let more = write("m.csv", "2.5,3\n");
    let data = load(&format!("{plain}?test={more}")).unwrap();
    assert_eq!(labels(&data.train.targets), (&[0, 1][..], 3));
    assert_eq!(labels(&data.test.unwrap().targets), (&[2][..], 3));
    for (text, expected) in [
        ("a,c,kind\n5,6,oak\n", "expected the columns of"),
        ("a,b,kind\n5,6\n", "expected 3 fields, found 2"),
        ("a,b,kind\n5,x,oak\n", "line 2, column 'b'"),
        ("a,b,kind\n", "at least 1 row"),
    ] {
        let wrong = write("wrong.csv", text);
        let text = error(&format!("{train}?test={wrong}"));
        assert!(text.contains(expected) && text.contains("wrong.csv"), "{text}");
    }
    assert!(error(&format!("{train}?test=none.csv")).contains("none.csv"));
}

#[test]
fn arrays_have_their_test_rows_in_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let arrays = |x: &[f64], y: &[i64]| [("x", c(&[x.len() as u64, 1], x)), ("y", c(&[y.len() as u64], y))];
    let name = stored(folder.path(), &arrays(&[0., 1.], &[0, 1]));
    let other = folder.path().join("test.npz");
    std::fs::write(&other, npz(zip::CompressionMethod::Stored, &arrays(&[2., 3., 4.], &[2, 0, 1]))).unwrap();
    let data = load(&format!("{name}?test={}", other.display())).unwrap();
    assert_eq!(labels(&data.train.targets), (&[0, 1][..], 3));
    assert_eq!(labels(&data.test.as_ref().unwrap().targets), (&[2, 0, 1][..], 3));
    assert_eq!(column(&data.test.unwrap().inputs, 0), [2., 3., 4.]);
    let shared = load(&format!("{name}?test-share=0.5")).unwrap();
    assert_eq!((shared.train.len(), shared.test.unwrap().len()), (1, 1));
    let mut both = arrays(&[0., 1.], &[0, 1]).to_vec();
    both.extend([("x_test", c(&[1, 1], &[1.])), ("y_test", c(&[1], &[0_i64]))]);
    let text = error(&format!("{}?test-every=2", stored(folder.path(), &both)));
    assert!(text.contains("either test-every or test rows in the file"), "{text}");
}

/// Against means and deviations by hand; test rows are moved by those of the training rows.
#[test]
fn inputs_are_standardized_by_the_training_rows() {
    let folder = tempfile::tempdir().unwrap();
    let table = file(folder.path(), "csv", "s.csv", b"9,7,0.5\n1,7,0.1\n3,7,0.2\n5,7,0.3\n");
    let data = load(&format!("{table}?header=false&test-every=4&standardize=true")).unwrap();
    let deviation = (8_f64 / 3.).sqrt();
    let expected = [-2. / deviation, 0., 2. / deviation];
    let found = column(&data.train.inputs, 0);
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{found:?}");
    assert!((column(&data.test.as_ref().unwrap().inputs, 0)[0] - 6. / deviation).abs() < 1e-15);
    // A constant column is moved to 0, and a note says so.
    assert_eq!(column(&data.train.inputs, 1), [0., 0., 0.]);
    assert!(data.notes.iter().any(|note| note.contains("1 of 2 columns")), "{:?}", data.notes);
    let plain = load(&format!("{table}?header=false&test-every=4")).unwrap();
    assert_ne!(plain.hash, data.hash);
    assert_eq!(values(&plain.train.targets), values(&data.train.targets));

    mnist(folder.path(), false);
    let images = load(&format!("mnist:{}?standardize=true", folder.path().display())).unwrap();
    let all: Vec<f64> = (0..6).flat_map(|pixel| column(&images.train.inputs, pixel)).collect();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let square = all.iter().map(|x| x * x).sum::<f64>() / all.len() as f64;
    assert!(mean.abs() < 1e-6 && (square - 1.).abs() < 1e-6, "{mean} {square}");
    let both = error(&format!("mnist:{}?standardize=true&normalize=0/1", folder.path().display()));
    assert!(both.contains("either normalize or standardize"), "{both}");
}
