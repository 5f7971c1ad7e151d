//! A campaign against every reader: sound files, damaged in ways that keep most of their structure.

use std::time::{Duration, Instant};

use collado_files::{Checkpoint, PathFile, ReadOptions};
use collado_models::{Activation, Arch};
use collado_risk::PathKind;
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use zip::CompressionMethod::Stored;

use crate::support::{
    allocated, archived, checkpoint, dict, f32s, file, fixture, int, legacy, path_file, pickle, safetensors,
    spec, tensor, text, values,
};

/// Inputs for each reader; the campaign's figures are in `docs/reliability.md`.
const INPUTS: usize = 26_000;

/// Bytes that reading may allocate in all, freed again or not: some, and some more for each byte of the file.
const MEMORY: (usize, usize) = (1 << 18, 400);

/// How long the slowest input may take on a slow machine.
const SECONDS: Duration = Duration::from_secs(2);

/// Reads what may be a file, and checks what is accepted.
type Reader<'a> = &'a dyn Fn(&[u8]) -> bool;

fn arch() -> Arch {
    Arch::dense(Activation::Relu, &[3, 4, 2], true).unwrap()
}

fn read_checkpoint(bytes: &[u8]) -> bool {
    let named = ReadOptions { layers: Some(vec!["0".into(), "2".into()]), ..ReadOptions::default() };
    let keyed = ReadOptions { key: Some("model_state_dict".into()), ..ReadOptions::default() };
    let told = ReadOptions { arch: Some(spec("relu:3-4-2")), ..ReadOptions::default() };
    let mut accepted = false;
    for options in [ReadOptions::default(), told, keyed, named] {
        match Checkpoint::from_bytes(bytes, &options) {
            Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
            Ok(read) => {
                accepted = true;
                assert_eq!(read.theta.dims(), [read.arch.layout().len()]);
                assert!(values(&read.theta).iter().all(|v| v.is_finite()));
            }
        }
    }
    accepted
}

fn read_path(bytes: &[u8]) -> bool {
    match PathFile::from_bytes(bytes) {
        Err(error) => {
            assert!(!error.to_string().contains('\n'), "{error}");
            false
        }
        Ok(read) => {
            let (points, size) = read.path.vertices().dims2().unwrap();
            assert!(points >= 2 && size == read.arch.layout().len());
            if let PathKind::Polychain { knots } = read.path.kind() {
                assert!(knots.len() == points && knots.windows(2).all(|k| k[0] < k[1]));
            }
            assert!(values(read.path.vertices()).iter().all(|v| v.is_finite()));
            true
        }
    }
}

/// One to three changes: bits, bytes, numbers in binary or digits, runs that are cut out, repeated or inserted.
fn mutate(bytes: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut ChaCha8Rng) {
    for _ in 0..rng.random_range(1..=3) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.random_range(0..bytes.len());
        let run = |rng: &mut ChaCha8Rng| 1 << rng.random_range(0..9);
        match rng.random_range(0..9) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = rng.random(),
            2 => bytes.truncate(at),
            3 => {
                let end = (at + run(rng)).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let end = (at + run(rng)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            5 => {
                let (byte, count) = (rng.random(), run(rng));
                bytes.splice(at..at, std::iter::repeat_n(byte, count));
            }
            6 => {
                let other = others.choose(rng).unwrap();
                let from = rng.random_range(0..other.len());
                let part = &other[from..(from + run(rng)).min(other.len())];
                let end = (at + part.len()).min(bytes.len());
                bytes.splice(at..end, part.iter().copied());
            }
            7 => {
                let big = [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, u64::MAX, u64::MAX / 2, 1 << 40];
                let number = big.choose(rng).unwrap().to_le_bytes();
                let width = *[1, 2, 4, 8].choose(rng).unwrap();
                let end = (at + width).min(bytes.len());
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            _ => {
                let digits = |b: &u8| b.is_ascii_digit();
                let Some(start) = bytes[at..].iter().position(digits).map(|k| at + k) else { continue };
                let end = bytes[start..].iter().position(|b| !digits(b)).map_or(bytes.len(), |k| start + k);
                let texts = ["0", "1", "-1", "7", "1e999", "4294967296", "18446744073709551615"];
                bytes.splice(start..end, texts.choose(rng).unwrap().bytes());
            }
        }
    }
}

/// Reads mutated `seeds`, each made a file by `wrap`.
#[allow(clippy::print_stdout)]
fn campaign(name: &str, seeds: &[Vec<u8>], wrap: impl Fn(Vec<u8>) -> Vec<u8>, read: Reader<'_>) {
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let (mut accepted, mut slowest, start) = (0, Duration::ZERO, Instant::now());
    for seed in seeds {
        assert!(read(&wrap(seed.clone())), "{name}: a sound file is refused");
    }
    for i in 0..INPUTS {
        let mut bytes = seeds[i % seeds.len()].clone();
        mutate(&mut bytes, seeds, &mut rng);
        let bytes = wrap(bytes);
        let begin = Instant::now();
        let (sound, taken) = allocated(|| read(&bytes));
        slowest = slowest.max(begin.elapsed());
        accepted += usize::from(sound);
        assert!(taken < MEMORY.0 + MEMORY.1 * bytes.len(), "{name} {i}: {taken} of {}", bytes.len());
    }
    assert!(slowest < SECONDS, "{name}: {slowest:?}");
    println!("{name}: {INPUTS} inputs, {accepted} accepted, {:.1?}, slowest {slowest:.1?}", start.elapsed());
}

#[test]
fn safetensors_checkpoints() {
    let (_dir, path) = file("c.safetensors");
    let write = |tensors: &[_], metadata| {
        safetensors(&path, tensors, metadata);
        std::fs::read(&path).unwrap()
    };
    checkpoint(arch(), candle_core::DType::F64).write(&path).unwrap();
    let own = std::fs::read(&path).unwrap();
    let foreign = [
        f32s("net.a.weight", &[4, 3]),
        f32s("net.b.weight", &[2, 4]),
        f32s("net.b.bias", &[2]),
        f32s("net.a.bias", &[4]),
    ];
    let names = json!(["net.a.weight", "net.a.bias", "net.b.weight", "net.b.bias"]).to_string();
    let kernels = [f32s("x.kernel", &[3, 4]), f32s("y.kernel", &[4, 2])];
    let seeds = [
        own,
        write(&foreign, json!({})),
        write(
            &foreign,
            json!({"collado.arch": "tanh:3-4-2", "collado.names": names, "collado.provenance": "{\"seed\":1}"}),
        ),
        write(&kernels, json!({})),
        write(&[f32s("0.weight", &[3, 3])], json!({"1.weight": "0.weight", "2.weight": "0.weight"})),
    ];
    campaign("safetensors", &seeds, |bytes| bytes, &read_checkpoint);
}

#[test]
fn path_files() {
    let (_dir, path) = file("p.safetensors");
    let kinds = [
        (PathKind::Bezier, 3),
        (PathKind::Polychain { knots: vec![0., 0.25, 1.] }, 3),
        (PathKind::Polychain { knots: vec![0., 1.] }, 2),
    ];
    let mut number = 0;
    let seeds = kinds.map(|(kind, points)| {
        number += 1;
        let mut file = path_file(arch(), kind, points);
        // The last as REPAIR's paths are written.
        file.provenance = json!({"method": if number == 3 { "repair" } else { "neb" }});
        file.write(&path).unwrap();
        std::fs::read(&path).unwrap()
    });
    campaign("paths", &seeds, |bytes| bytes, &read_path);
}

#[test]
fn torch_archives() {
    let (_dir, path) = file("c.pt");
    checkpoint(arch(), candle_core::DType::F32).write(&path).unwrap();
    let mut seeds = vec![std::fs::read(&path).unwrap()];
    seeds.extend(["sequential.pt", "training.pt"].map(|n| std::fs::read(fixture(n)).unwrap()));
    campaign("archives", &seeds, |bytes| bytes, &read_checkpoint);
}

/// Inside a sound archive, whose checksums would otherwise catch all.
#[test]
fn torch_pickles() {
    let seeds = pickles();
    let wrap = |bytes: Vec<u8>| archived(&[("data.pkl", &bytes), ("data/0", &[0; 48])], Stored);
    campaign("pickles", &seeds, wrap, &read_checkpoint);
}

#[test]
fn torch_files_before_archives() {
    let seeds: Vec<Vec<u8>> = pickles().iter().map(|object| legacy(object, &[("0", &[0.5; 12])])).collect();
    campaign("legacy", &seeds, |bytes| bytes, &read_checkpoint);
}

/// State dicts in storage 0 of 12 numbers: flat, nested, and beside what real files have.
fn pickles() -> Vec<Vec<u8>> {
    let of = |offset, shape: &[i64], strides: &[i64]| tensor("FloatStorage", 12, offset, shape, strides);
    let flat = || {
        dict(&[
            ("0.weight", of(0, &[4, 3], &[3, 1])),
            ("0.bias", of(0, &[4], &[0])),
            ("2.weight", of(2, &[2, 4], &[1, 2])),
            ("2.bias", of(10, &[2], &[1])),
        ])
    };
    let beside = dict(&[
        ("epoch", int(3)),
        ("args", b"cargparse\nNamespace\n)\x81}q\x05X\x02\0\0\0lrG?\x80\0\0\0\0\0\0sb".to_vec()),
        ("model_state_dict", flat()),
        ("optimizer", [b"}".to_vec(), text("state"), b"}K\x00".to_vec(), flat(), b"ss".to_vec()].concat()),
        ("seen", b"\x8f(K\x01K\x02\x90".to_vec()),
    ]);
    // Every other instruction, those of old protocols too.
    let codes = b"(lp0\nI1\nag0\n0(dS'a'\nI2\nsVb\n0L5L\n1F1.5\nU\x02ab2T\x01\0\0\0c0\x8b\x01\0\0\0\x05\x8d\x01\0\0\0\0\0\0\0d\
        (cos\nsystem\nS'ls'\no(ios\nsystem\n\x8c\x03osd\x8c\x01f\x93)}\x92(Pid\n1(K\x01\x91B\x01\0\0\0\xff\x8e\x01\0\0\0\0\0\0\0\xff\x96\0\0\0\0\0\0\0\0]";
    let codes =
        [b"((".to_vec(), codes.to_vec(), b"1".to_vec(), dict(&[("x", b"N".to_vec()), ("net", flat())])]
            .concat();
    vec![
        pickle(flat()),
        pickle(beside),
        pickle(codes),
        [b"\x80\x04\x95\0\0\0\0\0\0\0\0".to_vec(), flat(), b"\x94.".to_vec()].concat(),
    ]
}
