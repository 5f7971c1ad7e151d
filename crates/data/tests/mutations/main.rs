//! Damaged files by the ten thousand, with a fixed seed: every reader answers with a sound data set or an error of one
//! line, soon, and without taking much memory.

#![allow(clippy::unwrap_used)]

mod damage;
mod memory;
#[path = "../pictures/mod.rs"]
mod pictures;

use std::io::{Cursor, Write};
use std::time::{Duration, Instant};

use candle_core::{DType, Tensor};
use collado_data::{Dataset, Spec, Split, Targets};
use flate2::{Compression, write::GzEncoder};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use zip::write::SimpleFileOptions;

use damage::damaged;

/// Inputs of each reader.
const INPUTS: usize = 25_000;
/// Far above what a file of a kilobyte takes, on a busy machine too.
const SOON: Duration = Duration::from_secs(5);
/// 1032 bytes from each of a few thousand packed ones, in numbers of 8 bytes, and what a reader itself takes.
const MEMORY: usize = 64 << 20;

/// Tries `INPUTS` sets of files that `make` damages, and says how many were accepted.
fn campaign(
    seed: u64,
    mut make: impl FnMut(&mut ChaCha8Rng) -> (String, Vec<(&'static str, Vec<u8>)>),
) -> usize {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut accepted = 0;
    for input in 0..INPUTS {
        let (text, files) = make(rng);
        let spec: Spec = text.parse().unwrap();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        let start = Instant::now();
        let (result, peak) = memory::peak(|| spec.load_from(&files));
        assert!(start.elapsed() < SOON, "{input} of {text} took {:?}", start.elapsed());
        assert!(peak < MEMORY, "{input} of {text} took {peak} bytes");
        match result {
            Ok(data) => {
                check(&data, &format!("{input} of {text}"));
                accepted += 1;
            }
            Err(error) => {
                is_fit(&error.to_string());
                error.hint().iter().for_each(|hint| is_fit(hint));
            }
        }
    }
    accepted
}

/// One line, and nothing that a terminal obeys.
fn is_fit(text: &str) {
    assert!(!text.is_empty() && text.len() < 4000 && !text.contains(char::is_control), "{text:?}");
}

/// What the crate promises of every data set.
fn check(data: &Dataset, what: &str) {
    check_split(&data.train, what);
    assert_eq!(data.hash.len(), 64, "{what}");
    data.notes.iter().for_each(|note| is_fit(note));
    let Some(test) = &data.test else { return };
    check_split(test, what);
    assert_eq!(
        (test.features(), test.inputs.dtype(), test.targets.outputs(), test.targets.is_classes()),
        (data.features(), data.train.inputs.dtype(), data.outputs(), data.train.targets.is_classes()),
        "{what}"
    );
}

fn check_split(split: &Split, what: &str) {
    let (n, features) = split.inputs.dims2().unwrap();
    assert!(n >= 1 && features >= 1 && split.inputs.is_contiguous() && finite(&split.inputs), "{what}");
    assert!(matches!(split.inputs.dtype(), DType::F32 | DType::F64), "{what}");
    assert_eq!(split.targets.len(), n, "{what}");
    match &split.targets {
        Targets::Classes { labels, count, names } => {
            assert!(labels.iter().all(|&label| (label as usize) < *count), "{what}");
            assert!(names.is_empty() || names.len() == *count, "{what}");
        }
        Targets::Tokens { labels, positions, count } => {
            assert!(labels.len() == n * positions && labels.iter().all(|&l| (l as usize) < *count), "{what}");
        }
        Targets::Values(values) => {
            assert!(values.dtype() == DType::F64 && values.rank() == 2 && finite(values), "{what}");
        }
    }
}

fn finite(tensor: &Tensor) -> bool {
    let values = tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
    values.iter().all(|value| value.is_finite())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Damages the content before it is packed, or the packed file, or does not pack at all.
fn packed(rng: &mut ChaCha8Rng, bytes: &[u8]) -> Vec<u8> {
    match rng.random_range(0..4) {
        0 => damaged(rng, &gzip(bytes)),
        1 => gzip(&damaged(rng, bytes)),
        _ => damaged(rng, bytes),
    }
}

#[test]
fn idx_files() {
    let idx = |shape: &[u32], bytes: &[u8]| {
        let shape_bytes = shape.iter().flat_map(|size| size.to_be_bytes());
        [0, 0, 8, shape.len() as u8]
            .into_iter()
            .chain(shape_bytes)
            .chain(bytes.iter().copied())
            .collect::<Vec<_>>()
    };
    let pixels: Vec<u8> = (0..36).map(|i| i * 7).collect();
    let sound = [
        ("d/train-images-idx3-ubyte", idx(&[6, 2, 3], &pixels)),
        ("d/train-labels-idx1-ubyte", idx(&[6], &[0, 1, 2, 0, 1, 2])),
        ("d/t10k-images-idx3-ubyte", idx(&[2, 2, 3], &pixels[..12])),
        ("d/t10k-labels-idx1-ubyte", idx(&[2], &[3, 0])),
    ];
    let accepted = campaign(1, |rng| {
        let mut files = sound.to_vec();
        let which = rng.random_range(0..files.len());
        files[which].1 = packed(rng, &sound[which].1);
        ("mnist:d".to_owned(), files)
    });
    // Changed pixels and labels are files as good as any.
    assert!((INPUTS / 20..INPUTS / 2).contains(&accepted), "{accepted}");
}

/// An `.npy` array as NumPy writes it.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), data].concat()
}

fn zipped(method: zip::CompressionMethod, arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(format!("{name}.npy"), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn npz_files() {
    let x: Vec<u8> = (0..12).flat_map(|i| f64::from(i).to_le_bytes()).collect();
    let y: Vec<u8> = [0_i32, 1, 2, 1].iter().flat_map(|label| label.to_le_bytes()).collect();
    let sound = [
        ("x", npy("<f8", "(4, 3)", &x)),
        ("y", npy("<i4", "(4,)", &y)),
        ("x_test", npy("<f8", "(2, 3)", &x[..48])),
        ("y_test", npy("<i4", "(2, 1)", &y[..8])),
    ];
    let methods = [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated];
    let whole = methods.map(|method| zipped(method, &sound));
    let accepted = campaign(2, |rng| {
        let method = rng.random_range(0..2);
        let bytes = if rng.random() {
            damaged(rng, &whole[method])
        } else {
            let mut arrays = sound.to_vec();
            let which = rng.random_range(0..arrays.len());
            arrays[which].1 = damaged(rng, &sound[which].1);
            zipped(methods[method], &arrays)
        };
        let options = ["", "?task=classes", "?task=regress", "?labels-from=1"][rng.random_range(0..4)];
        (format!("npz:f{options}"), vec![("f", bytes)])
    });
    assert!((INPUTS / 20..INPUTS / 2).contains(&accepted), "{accepted}");
}

#[test]
fn safetensors_files() {
    let numbers = |n: u32| (0..n).flat_map(|i| (i as f32).to_le_bytes()).collect::<Vec<u8>>();
    let (x, y) = (numbers(12), numbers(4));
    let view = |shape: Vec<usize>, data| {
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, data).unwrap()
    };
    let sound =
        safetensors::serialize([("x_train", view(vec![4, 3], &x)), ("y_train", view(vec![4], &y))], None);
    let sound = sound.unwrap();
    let accepted = campaign(3, |rng| ("safetensors:f".to_owned(), vec![("f", damaged(rng, &sound))]));
    assert!((INPUTS / 20..INPUTS / 2).contains(&accepted), "{accepted}");
}

#[test]
fn csv_files() {
    let sound: [&[u8]; 6] = [
        b"a,b,\"c\"\n1,2,0\n3.5,4e0,1\n-1,\"2\",1\n",
        b"\xef\xbb\xbf,0,1,2\r\n0,5.1,3.5,0.0\r\n1,4.9,3.0,1.0\r\n2,6.2,3.4,2.0\r\n",
        b"5.1;3.5;setosa\n4.9;3.0;setosa\n6.2;3.4;virginica\n7.1;3.2;virginica\n",
        b"1\t0.5\t1\n2\t?\t2\n3\t0.25\t3\n",
        b"0,1,2,3\n1.5,2.5,3.5,4.5\n2.5,3.5,4.5,1.5",
        b"name,x,y\n\"Ada, a\",1,yes\n\"B \"\"b\"\"\",2,no\n",
    ];
    let options = [
        "",
        "?header=true",
        "?header=false",
        "?target=0&task=classes",
        "?drop=0",
        "?test-every=2",
        "?drop=unnamed",
        "?test-share=0.5&standardize=true",
        "?target=-1,-2&task=tokens",
        "?test=g",
    ];
    let accepted = campaign(4, |rng| {
        let text = sound[rng.random_range(0..sound.len())];
        let options = options[rng.random_range(0..options.len())];
        (format!("csv:f{options}"), vec![("f", packed(rng, text)), ("g", packed(rng, text))])
    });
    assert!((INPUTS / 20..INPUTS / 2).contains(&accepted), "{accepted}");
}

#[test]
fn folders_of_pictures() {
    let pixels: Vec<u8> = (0..16 * 8).map(|i| (i * 37 % 256) as u8).collect();
    let png = |pixels: &[u8]| pictures::png(16, 8, png::ColorType::Grayscale, png::BitDepth::Eight, pixels);
    let jpeg = |values: &[u8]| pictures::jpeg(2, 1, &values.iter().map(|&v| vec![v]).collect::<Vec<_>>());
    let sound = [
        ("d/train/a/1.png", png(&pixels)),
        ("d/train/b/1.jpg", jpeg(&[20, 200])),
        ("d/test/b/2.jpg", jpeg(&[90, 3])),
    ];
    let accepted = campaign(5, |rng| {
        let mut files = sound.to_vec();
        match rng.random_range(0..4) {
            // Behind sound checksums.
            0 => {
                let mut damaged = damaged(rng, &pixels);
                damaged.resize(pixels.len(), 0);
                files[0].1 = png(&damaged);
            }
            1 => files[0].1 = damaged(rng, &sound[0].1),
            _ => {
                let which = rng.random_range(1..files.len());
                files[which].1 = damaged(rng, &sound[which].1);
            }
        }
        let options = ["", "?channels=1", "?channels=3"][rng.random_range(0..3)];
        (format!("folder:d{options}"), files)
    });
    assert!((INPUTS / 20..INPUTS / 2).contains(&accepted), "{accepted}");
}
