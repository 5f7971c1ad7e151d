use std::{collections::BTreeMap, fs};

use candle_core::DType;
use collado_files::{Checkpoint, ReadOptions};
use zip::CompressionMethod::{Deflated, Stored};

use crate::support::{archive, dict, file, fixture, message, options, pickle, reading, tensor, values};

type Entry<'a> = (&'a str, &'a [u8]);

fn expected() -> Vec<f64> {
    let text = fs::read_to_string(fixture("sequential.json")).unwrap();
    let values: BTreeMap<String, Vec<f64>> = serde_json::from_str(&text).unwrap();
    ["0.weight", "0.bias", "2.weight", "2.bias"].iter().flat_map(|name| values[*name].clone()).collect()
}

/// With a transposed weight and a bias inside a longer storage.
#[test]
fn a_state_dict_is_read() {
    let path = fixture("sequential.pt");
    let read = Checkpoint::read(&path, &ReadOptions::default()).unwrap();
    assert_eq!((read.arch.to_string().as_str(), read.theta.dtype()), ("relu:3-4-2", DType::F32));
    assert_eq!(values(&read.theta), expected());
    assert_eq!(Checkpoint::read(&path, &options(Some("gelu:3-4-2"))).unwrap().arch.to_string(), "gelu:3-4-2");
}

/// A state dict under a key, with foreign names that do not sort by layer, beside an optimizer's.
#[test]
fn a_training_script_s_file_is_read() {
    for name in ["training.pt", "training-protocol4.pt"] {
        let read = Checkpoint::read(&fixture(name), &options(Some("tanh:3-4-2"))).unwrap();
        assert_eq!((read.theta.dtype(), values(&read.theta)), (DType::F64, expected()));
        let guessed = Checkpoint::read(&fixture(name), &ReadOptions::default()).unwrap();
        assert_eq!((guessed.arch.to_string().as_str(), values(&guessed.theta)), ("relu:3-4-2", expected()));
        assert_eq!(
            reading(&fixture(name), Some("tanh:3-5-2")),
            format!(
                "{name}: tensor 'module.input.weight': expected [5, 3] as 0.weight of tanh:3-5-2, found [4, 3]"
            )
        );
    }
}

#[test]
fn archives_that_are_no_checkpoint() {
    let (_dir, path) = file("c.pt");
    let wrong = |entries: &[Entry], method| {
        archive(&path, entries, method);
        reading(&path, None)
    };
    let weight = pickle(dict(&[("0.weight", tensor("FloatStorage", 6, 0, &[2, 3], &[3, 1]))]));
    let cases: [(&[Entry], _, &str); 7] = [
        (&[("x.npy", b"")], Stored, "is a zip archive with 0 entries 'data.pkl', expected one of PyTorch"),
        (
            &[("data.pkl", b""), ("y/data.pkl", b"")],
            Stored,
            "is a zip archive with 2 entries 'data.pkl', expected one of PyTorch",
        ),
        (&[("data.pkl", &weight)], Stored, "has no entry 'x/data/0'"),
        (
            &[("data.pkl", &weight), ("byteorder", b"big")],
            Stored,
            "has the byte order 'big', expected 'little'",
        ),
        (
            &[("data.pkl", &weight), ("byteorder", &[b'x'; 17])],
            Stored,
            "entry 'x/byteorder' has 17 bytes, expected at most 16",
        ),
        (&[("data.pkl", &weight)], Deflated, "entry 'x/data.pkl' is compressed, expected none of PyTorch's"),
        (
            &[("data.pkl", &weight), ("data/0", &[0; 23])],
            Stored,
            "tensor '0.weight': expected 6 numbers in its storage '0', found 23 bytes",
        ),
    ];
    for (entries, method, expected) in cases {
        assert_eq!(wrong(entries, method), format!("c.pt: {expected}"));
    }
    fs::write(&path, b"PK\x03\x04 and nothing else").unwrap();
    assert!(reading(&path, None).starts_with("c.pt: is a damaged zip archive: "), "{}", reading(&path, None));
}

#[test]
fn a_flipped_bit_in_a_storage_is_seen() {
    let (_dir, path) = file("c.pt");
    let mut bytes = fs::read(fixture("sequential.pt")).unwrap();
    let at = bytes.windows(4).position(|w| w == (-1_f32).to_le_bytes()).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(reading(&path, None), "c.pt: entry 'sequential/data/0' is damaged: Invalid checksum");
}

/// What a layout may reach is the storage, whatever its strides.
#[test]
fn layouts_stay_inside_their_storage() {
    let (_dir, path) = file("c.pt");
    let big = 1 << 40;
    let read = |kind: &str, offset, shape: &[i64], strides: &[i64]| {
        let data = pickle(dict(&[("0.weight", tensor(kind, 6, offset, shape, strides))]));
        archive(&path, &[("data.pkl", &data), ("data/0", &[0; 24])], Stored);
        Checkpoint::read(&path, &ReadOptions::default()).map(|c| c.arch.to_string())
    };
    assert_eq!(read("FloatStorage", 0, &[2, 3], &[1, 2]).unwrap(), "linear:3-2");
    assert_eq!(read("FloatStorage", 1, &[2, 2], &[3, 1]).unwrap(), "linear:2-2");
    assert_eq!(read("FloatStorage", 5, &[1, 1], &[big, big]).unwrap(), "linear:1-1");
    // A bias made by `expand` has one number.
    assert_eq!(read("FloatStorage", 5, &[4, 6], &[0, 0]).unwrap(), "linear:6-4");
    assert!(read("FloatStorage", 0, &[1 << 20, 1], &[0, 0]).unwrap_err().to_string().contains("would need"));
    let cases: [(i64, &[i64], &[i64]); 7] = [
        (1, &[2, 3], &[3, 1]),
        (6, &[1, 1], &[1, 1]),
        (0, &[2, 3], &[4, 1]),
        (0, &[2, 3], &[3]),
        (0, &[big, big], &[0, 0]),
        (0, &[big, big, big, big], &[1, 1, 1, 1]),
        (big, &[2, 3], &[i64::MAX, i64::MAX]),
    ];
    for (offset, shape, strides) in cases {
        let found = format!("{shape:?} with strides {strides:?} from {offset}");
        let expected = format!(
            "c.pt: tensor '0.weight': expected a shape within its storage of 6 numbers, found {found}"
        );
        assert_eq!(message(&path, read("FloatStorage", offset, shape, strides)), expected);
    }
    assert_eq!(
        message(&path, read("FloatStorage", -1, &[2, 3], &[3, 1])),
        "c.pt: tensor '0.weight' is described wrongly"
    );
    assert_eq!(
        message(&path, read("IntStorage", 0, &[2, 3], &[3, 1])),
        "c.pt: tensor '0.weight': expected F32, F64, F16 or BF16, found IntStorage"
    );
    assert_eq!(
        message(&path, read("FloatStorage", 0, &[0, 3], &[3, 1])),
        "c.pt: tensor '0.weight': expected at least one number, found [0, 3]"
    );
}

/// Many tensors that all claim the same storage.
#[test]
fn tied_tensors_have_a_limit() {
    let (_dir, path) = file("c.pt");
    let names: Vec<String> = (0..1000).map(|k| format!("{k}.weight")).collect();
    let entries: Vec<_> = names
        .iter()
        .map(|n| (n.as_str(), tensor("FloatStorage", 10_000, 0, &[100, 100], &[100, 1])))
        .collect();
    let data = pickle(dict(&entries));
    archive(&path, &[("data.pkl", &data), ("data/0", &[0; 40_000])], Stored);
    let found = reading(&path, None);
    assert!(found.starts_with("c.pt: its tensors would need ") && found.ends_with(" bytes"), "{found}");
}
