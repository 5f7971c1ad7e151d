//! Saved states: what was written comes back, and nothing else is taken.
#![allow(clippy::unwrap_used)]

use std::{collections::HashMap, path::Path};

use candle_core::{Device, Tensor};
use collado_files::State;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

fn identity() -> Value {
    json!({"version": "1", "seed": 3})
}

fn state() -> State<Value> {
    let theta = Tensor::new(&[[0.1, -0., f64::MIN_POSITIVE], [1e300, 2., 3.]], &Device::Cpu).unwrap();
    let steps = Tensor::new(&[1_u32, 2], &Device::Cpu).unwrap();
    let tensors = HashMap::from([("theta".to_owned(), theta), ("steps".to_owned(), steps)]);
    let value = json!({"step": 7, "seconds": 0.1, "ended": [null, "budget"]});
    State { identity: identity(), value, tensors }
}

fn bytes(state: &State<Value>) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    state.write(&file).unwrap();
    let read = |file: &Path, identity| State::<Value>::read(file, &identity);
    assert!(read(&folder.path().join("none"), identity()).unwrap().is_none());
    assert!(read(&file, identity()).unwrap().is_some());
    let other = read(&file, json!({"version": "2", "seed": 3})).unwrap_err();
    assert!(other.to_string().contains("another version"), "{other}");
    std::fs::read(&file).unwrap()
}

fn same(a: &State<Value>, b: &State<Value>) -> bool {
    let number = |s: &State<Value>| s.tensors["theta"].flatten_all().unwrap().to_vec1::<f64>().unwrap();
    a.identity == b.identity
        && a.value == b.value
        && number(a).iter().zip(number(b)).all(|(x, y)| x.to_bits() == y.to_bits())
}

#[test]
fn a_state_comes_back_and_no_flipped_bit_does() {
    let state = state();
    let whole = bytes(&state);
    assert!(same(&State::<Value>::from_bytes(&whole).unwrap(), &state));
    for bit in 0..8 * whole.len() {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        // What is taken all the same holds what was written: a bit of the padding, or of a name nobody reads.
        if let Some(taken) = State::<Value>::from_bytes(&damaged) {
            assert!(same(&taken, &state), "bit {bit}");
        }
    }
    for length in 0..whole.len() {
        assert!(State::<Value>::from_bytes(&whole[..length]).is_none(), "{length} bytes");
    }
}

#[test]
fn damage_by_the_ten_thousand_is_refused() {
    let (state, rng) = (state(), &mut ChaCha8Rng::seed_from_u64(0));
    let whole = bytes(&state);
    for input in 0..20_000 {
        let mut damaged = whole.clone();
        for _ in 0..rng.random_range(1..6) {
            let at = rng.random_range(0..damaged.len());
            match rng.random_range(0..4) {
                0 => damaged[at] = rng.random(),
                1 => damaged.truncate(at.max(1)),
                2 => damaged.splice(at..at, std::iter::repeat_n(rng.random(), 9)).for_each(drop),
                _ => {
                    let from = rng.random_range(0..=at);
                    let part = damaged[from..at].to_vec();
                    damaged.extend(part);
                }
            }
        }
        if let Some(taken) = State::<Value>::from_bytes(&damaged) {
            assert!(same(&taken, &state), "input {input}");
        }
    }
}
