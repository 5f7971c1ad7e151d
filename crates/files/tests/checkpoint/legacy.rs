//! Files of PyTorch before 1.6.

use candle_core::DType;
use collado_files::{Checkpoint, ReadOptions};

use crate::support::{dict, int, legacy, pickle, tensor, text, values};

fn reading(bytes: &[u8]) -> String {
    let error = Checkpoint::from_bytes(bytes, &ReadOptions::default()).unwrap_err().to_string();
    error.strip_prefix("bytes in memory: ").unwrap().to_owned()
}

const NUMBERS: [f32; 6] = [1., 2., 3., 4., 5., 6.];

fn weight() -> Vec<u8> {
    tensor("FloatStorage", 6, 0, &[3, 2], &[1, 3])
}

#[test]
fn storages_follow_the_pickles() {
    let object = pickle(dict(&[("epoch", int(1)), ("net", dict(&[("0.weight", weight())]))]));
    let read = Checkpoint::from_bytes(&legacy(&object, &[("0", &NUMBERS)]), &ReadOptions::default()).unwrap();
    assert_eq!((read.arch.to_string().as_str(), read.theta.dtype()), ("linear:2-3", DType::F32));
    assert_eq!(values(&read.theta), [1., 4., 2., 5., 3., 6.]);
}

/// In old files a storage can be a part of another: `(key, start, numbers)` after its size.
#[test]
fn parts_of_storages() {
    let mut part = tensor("FloatStorage", 6, 1, &[1, 2], &[2, 1]);
    let end = part.windows(2).position(|w| w == b"tQ").unwrap();
    part.splice(end..end, [text("view"), int(2), int(4), b"\x87".to_vec()].concat());
    let object = pickle(dict(&[("0.weight", part)]));
    let read = Checkpoint::from_bytes(&legacy(&object, &[("0", &NUMBERS)]), &ReadOptions::default()).unwrap();
    assert_eq!(values(&read.theta), [4., 5.]);
}

#[test]
fn damaged_files() {
    let object = pickle(dict(&[("0.weight", weight())]));
    let good = legacy(&object, &[("0", &NUMBERS)]);
    assert_eq!(reading(&good[..good.len() - 1]), "ends within its storage '0'");
    assert_eq!(reading(&good[..good.len() - 30]), "ends too early");
    assert_eq!(reading(&good[..60]), "is damaged: its pickle ends too early");
    assert_eq!(reading(&legacy(&object, &[])), "has no storage '0'");
    assert_eq!(
        reading(&legacy(&object, &[("1", &NUMBERS)])),
        "is damaged: lists a storage that no tensor has"
    );
    assert_eq!(
        reading(&legacy(&object, &[("0", &NUMBERS[1..])])),
        "tensor '0': expected 6 numbers, found a storage of 5"
    );
    let big = good.iter().position(|&b| b == 0x88).unwrap();
    let mut other = good.clone();
    other[big] = 0x89;
    assert_eq!(reading(&other), "has the byte order 'big', expected 'little'");
    assert!(reading(b"\x80\x02}.").starts_with("is a pickle, but none of PyTorch's"));
    let module = pickle(
        [b"(".to_vec(), text("module"), b"c__main__\nNet\n".to_vec(), text("f.py"), b"tQ)\x81}b".to_vec()]
            .concat(),
    );
    assert_eq!(
        reading(&legacy(&module, &[])),
        "holds a whole Python object '__main__.Net', which is not executed; save its 'state_dict()' instead"
    );
}
