use std::{fs, sync::LazyLock};

use candle_core::DType;
use collado_files::{Checkpoint, PathFile};
use collado_models::{Activation, Arch};
use collado_risk::PathKind;
use proptest::prelude::*;

use crate::support::{allocated, archived, checkpoint, file, fixture, options, path_file};

/// Far above what a sound file of this size takes, far below what a size read from damaged bytes would.
const LIMIT: usize = 8 << 20;

/// Files that can be read.
static SOUND: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let (_dir, path) = file("f.safetensors");
    let arch = Arch::dense(Activation::Relu, &[3, 4, 2], true).unwrap();
    checkpoint(arch.clone(), DType::F32).write(&path).unwrap();
    let mut files = vec![fs::read(&path).unwrap()];
    path_file(arch, PathKind::Polychain { knots: vec![0., 0.25, 1.] }, 3).write(&path).unwrap();
    files.push(fs::read(&path).unwrap());
    files.extend(
        ["sequential.pt", "training.pt", "training-protocol4.pt"].map(|n| fs::read(fixture(n)).unwrap()),
    );
    files
});

/// Reads `bytes` in every way. Panics are the test's own failure.
fn survives(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (messages, taken) = allocated(|| {
        let mut messages = Vec::new();
        for arch in [None, Some("relu:3-4-2"), Some("two-layer:4")] {
            messages.extend(Checkpoint::from_bytes(bytes, &options(arch)).err().map(|e| e.to_string()));
        }
        messages.extend(PathFile::from_bytes(bytes).err().map(|e| e.to_string()));
        messages
    });
    prop_assert!(taken < LIMIT, "{taken} bytes were allocated");
    for message in messages {
        prop_assert!(!message.contains('\n'), "{message}");
        prop_assert!(message.starts_with("bytes in memory: "), "{message}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn truncated_files(which in 0..5_usize, keep in 0.0..1.0_f64) {
        let bytes = &SOUND[which];
        let kept = &bytes[..(keep * bytes.len() as f64) as usize];
        survives(kept)?;
        prop_assert!(Checkpoint::from_bytes(kept, &options(Some("relu:3-4-2"))).is_err());
    }

    #[test]
    fn flipped_bytes(which in 0..5_usize, flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = SOUND[which].clone();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        survives(&bytes)?;
    }

    /// Behind the first bytes of each format, so that its reader is reached.
    #[test]
    fn random_bytes(start in 0..4_usize, rest in prop::collection::vec(any::<u8>(), 0..400)) {
        let starts: [&[u8]; 4] = [b"", b"PK\x03\x04", b"\x40\0\0\0\0\0\0\0{", b"\x80\x02"];
        survives(&[starts[start], &rest].concat())?;
    }

    /// Pickles made of instructions that are all known, inside a sound archive.
    #[test]
    fn random_pickles(codes in prop::collection::vec(prop::sample::select(CODES), 0..300)) {
        let data: Vec<u8> = codes.concat();
        survives(&archived(&[("data.pkl", &data), ("data/0", &[0; 24])], zip::CompressionMethod::Stored))?;
    }

    /// Headers whose numbers are arbitrary.
    #[test]
    fn random_headers(shape in prop::collection::vec(size(), 0..4), start in size(), end in size(), data in 0..64_usize) {
        let header = format!(r#"{{"0.weight":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{start},{end}]}}}}"#);
        survives(&[&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; data]].concat())?;
    }

    /// Layouts whose numbers are arbitrary, on a storage of 6.
    #[test]
    fn random_layouts(
        offset in -1..9_i64,
        shape in prop::collection::vec(wide(), 0..4),
        strides in prop::collection::vec(wide(), 0..4),
    ) {
        let tensor = crate::support::tensor("FloatStorage", 6, offset, &shape, &strides);
        let data = crate::support::pickle(crate::support::dict(&[("0.weight", tensor)]));
        survives(&archived(&[("data.pkl", &data), ("data/0", &[0; 24])], zip::CompressionMethod::Stored))?;
    }
}

fn size() -> impl Strategy<Value = u64> {
    prop_oneof![0..40_u64, any::<u64>(), Just(u64::MAX), Just(1 << 62)]
}

fn wide() -> impl Strategy<Value = i64> {
    prop_oneof![0..5_i64, any::<i64>(), Just(i64::MAX)]
}

const CODES: &[&[u8]] = &[
    b"(",
    b"t",
    b"\x85",
    b"\x86",
    b"\x87",
    b")",
    b"]",
    b"}",
    b"a",
    b"e",
    b"s",
    b"u",
    b"N",
    b"K\x01",
    b"M\x02\x00",
    b"X\x01\x00\x00\x00a",
    b"X\x07\x00\x00\x00storage",
    b"q\x00",
    b"q\x01",
    b"h\x00",
    b"h\x01",
    b"\x94",
    b"Q",
    b"R",
    b"b",
    b"ctorch\nFloatStorage\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ccollections\nOrderedDict\n",
    b"ctorch._utils\n_rebuild_parameter\n",
    b"\x8a\x02\x00\xff",
    b"\x8c\x01b",
    b"\x93",
    b".",
];
