//! Data sets of images: CIFAR in both versions, arrays with four axes, normalisation.
#![allow(clippy::unwrap_used)]

use collado_data::{Dataset, Spec};

const PIXELS: usize = 3 * 32 * 32;

fn pixels(image: usize) -> Vec<u8> {
    (0..PIXELS).map(|i| ((7 * i + 31 * image) % 256) as u8).collect()
}

fn load(spec: &str, files: &[(&str, Vec<u8>)]) -> collado_data::Result<Dataset> {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    spec.parse::<Spec>()?.load_from(&files)
}

/// Records of a label and an image each, as in the binary version; CIFAR-100 has a coarse label before the fine one.
fn records(images: std::ops::Range<usize>, coarse: bool) -> Vec<u8> {
    images
        .flat_map(|i| [if coarse { vec![99] } else { vec![] }, vec![(i % 10) as u8], pixels(i)].concat())
        .collect()
}

fn binary() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("d/data_batch_1.bin", records(0..2, false)),
        ("d/data_batch_2.bin", records(2..3, false)),
        ("d/data_batch_3.bin", records(3..4, false)),
        ("d/data_batch_4.bin", records(4..5, false)),
        ("d/data_batch_5.bin", records(5..6, false)),
        ("d/test_batch.bin", records(6..8, false)),
    ]
}

/// A batch as Python 2 pickled it: a dictionary with an array and a list, in protocol 2.
fn pickle(images: std::ops::Range<usize>, labels: &str) -> Vec<u8> {
    let mut out = b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b\x87Rq\x05(K\x01K".to_vec();
    out.push(images.len() as u8);
    out.extend(b"M\x00\x0c\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T");
    let bytes: Vec<u8> = images.clone().flat_map(pixels).collect();
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
    out.extend(b"tbU");
    out.push(labels.len() as u8);
    out.extend(labels.as_bytes());
    out.extend(b"q\x08]q\x09(");
    out.extend(images.flat_map(|i| [b'K', (i % 10) as u8]));
    out.extend(b"eu.");
    out
}

fn rows(data: &Dataset) -> Vec<Vec<f32>> {
    data.train.inputs.to_vec2().unwrap()
}

#[test]
fn both_versions_of_cifar_are_the_same_images() {
    let data = load("cifar10:d", &binary()).unwrap();
    assert_eq!((data.train.len(), data.test.as_ref().unwrap().len()), (6, 2));
    assert_eq!((data.image, data.outputs()), (Some([3, 32, 32]), 10));
    let expected: Vec<f32> = pixels(3).iter().map(|&p| f32::from(p) / 255.).collect();
    assert_eq!(rows(&data)[3], expected);
    let names = ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"];
    let ranges = [0..2, 2..3, 3..4, 4..5, 5..6];
    let paths: Vec<String> = names.iter().map(|name| format!("d/cifar-10-batches-py/{name}")).collect();
    let mut files: Vec<(&str, Vec<u8>)> =
        paths.iter().zip(ranges).map(|(path, range)| (path.as_str(), pickle(range, "labels"))).collect();
    files.push(("d/cifar-10-batches-py/test_batch", pickle(6..8, "labels")));
    let python = load("cifar10:d", &files).unwrap();
    assert_eq!(python.hash, data.hash);
}

#[test]
fn cifar100_has_fine_labels() {
    let binary = [("d/train.bin", records(0..3, true)), ("d/test.bin", records(3..4, true))];
    let data = load("cifar100:d", &binary).unwrap();
    assert_eq!((data.train.len(), data.outputs()), (3, 100));
    let python = [("d/train", pickle(0..3, "fine_labels")), ("d/test", pickle(3..4, "fine_labels"))];
    assert_eq!(load("cifar100:d", &python).unwrap().hash, data.hash);
}

#[test]
fn damaged_files_are_refused() {
    let message = |spec: &str, files: &[(&str, Vec<u8>)]| load(spec, files).unwrap_err().to_string();
    assert!(message("cifar10:d", &[]).contains("data_batch_1.bin"));
    let mut cut = binary();
    cut[5].1.pop();
    assert!(message("cifar10:d", &cut).contains("records of 3073 bytes"));
    let train = pickle(0..3, "fine_labels");
    for end in 0..train.len() {
        let files = [("d/train", train[..end].to_vec()), ("d/test", pickle(3..4, "fine_labels"))];
        assert!(load("cifar100:d", &files).is_err(), "cut at {end}");
    }
    let call = b"\x80\x02cos\nsystem\nU\x04exit\x85R.".to_vec();
    let files = [("d/train", call), ("d/test", pickle(3..4, "fine_labels"))];
    assert!(message("cifar100:d", &files).contains("not executed"));
}

#[test]
fn channels_are_normalised() {
    let data = load("cifar10:d", &binary()).unwrap();
    let scaled = load("cifar10:d?normalize=0.5,0.25,0.125/0.5,2,4", &binary()).unwrap();
    let usual = load("cifar10:d?normalize=mean/std", &binary()).unwrap();
    let (mean, std) = ([0.5, 0.25, 0.125_f32], [0.5, 2., 4.]);
    for (row, scaled) in rows(&data).iter().zip(rows(&scaled)) {
        for (i, (x, z)) in row.iter().zip(scaled).enumerate() {
            assert_eq!((x - mean[i / 1024]) / std[i / 1024], z);
        }
    }
    assert_eq!(rows(&usual)[0][0], (rows(&data)[0][0] - 0.4914) / 0.2470);
    assert_ne!(data.hash, scaled.hash);
    for wrong in ["0.5", "0.5/0", "a/b", "0.5,0.5/1,1", "0.5/1,1"] {
        assert!(load(&format!("cifar10:d?normalize={wrong}"), &binary()).is_err(), "{wrong}");
    }
}

#[test]
fn arrays_with_four_axes_are_images() {
    let file = |shape: [usize; 4], x: &[f32]| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("images.safetensors");
        let x = candle_core::Tensor::from_slice(x, &shape[..], &candle_core::Device::Cpu).unwrap();
        let y = candle_core::Tensor::new(&[0_i64, 1], &candle_core::Device::Cpu).unwrap();
        let tensors = std::collections::HashMap::from([("x".to_owned(), x), ("y".to_owned(), y)]);
        candle_core::safetensors::save(&tensors, &path).unwrap();
        std::fs::read(path).unwrap()
    };
    // Two images of 2 channels, 1 row, 3 columns.
    let nchw = file([2, 2, 1, 3], &[0., 1., 2., 10., 11., 12., 3., 4., 5., 13., 14., 15.]);
    let nhwc = file([2, 1, 3, 2], &[0., 10., 1., 11., 2., 12., 3., 13., 4., 14., 5., 15.]);
    let first = load("safetensors:f", &[("f", nchw)]).unwrap();
    let last = load("safetensors:f?layout=nhwc", &[("f", nhwc)]).unwrap();
    assert_eq!((first.image, last.image), (Some([2, 1, 3]), Some([2, 1, 3])));
    assert_eq!(rows(&first), rows(&last));
    assert_eq!(first.hash, last.hash);
}
