//! A campaign against the reader of graph files: sound archives and programs, damaged in ways that keep most of them.

use std::time::{Duration, Instant};

use collado_files::{Checkpoint, ReadOptions};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use zip::CompressionMethod::Stored;

use crate::{archive::Program, support::exported};

/// Inputs for each kind.
const INPUTS: usize = 6_000;

/// How long the slowest input may take on a slow machine.
const SECONDS: Duration = Duration::from_secs(2);

/// What is accepted is a network with its point.
fn read(bytes: &[u8]) -> bool {
    match Checkpoint::from_bytes(bytes, &ReadOptions::default()) {
        Err(error) => {
            let text = error.to_string();
            assert!(!text.contains('\n') && text.len() < 2000, "{text}");
            false
        }
        Ok(read) => {
            assert_eq!(read.theta.dims(), [read.arch.layout().len()]);
            true
        }
    }
}

/// One to three changes of a text or of bytes.
fn mutate(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    const WORDS: [&str; 12] = [
        "0",
        "1",
        "-1",
        "2",
        "7",
        "4294967296",
        "9223372036854775807",
        "null",
        "Infinity",
        "\"as_name\"",
        "[]",
        "{}",
    ];
    for _ in 0..rng.random_range(1..=3) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.random_range(0..bytes.len());
        let run = 1 << rng.random_range(0..7);
        let end = (at + run).min(bytes.len());
        match rng.random_range(0..6) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            // A number or a name becomes another.
            _ => {
                let is_word = |b: &u8| b.is_ascii_digit() || *b == b'-';
                let Some(start) = bytes[at..].iter().position(is_word).map(|k| at + k) else { continue };
                let end = bytes[start..].iter().position(|b| !is_word(b)).map_or(bytes.len(), |k| start + k);
                bytes.splice(start..end, WORDS.choose(rng).unwrap().bytes());
            }
        }
    }
}

#[allow(clippy::print_stdout)]
fn campaign(name: &str, seeds: &[Vec<u8>], inputs: usize, wrap: impl Fn(&[u8]) -> Vec<u8>) {
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    let (mut accepted, mut slowest, start) = (0, Duration::ZERO, Instant::now());
    for seed in seeds {
        assert!(read(&wrap(seed)), "{name}: a sound file is refused");
    }
    for i in 0..inputs {
        let mut bytes = seeds[i % seeds.len()].clone();
        mutate(&mut bytes, &mut rng);
        let bytes = wrap(&bytes);
        let begin = Instant::now();
        accepted += usize::from(read(&bytes));
        slowest = slowest.max(begin.elapsed());
    }
    assert!(slowest < SECONDS, "{name}: {slowest:?}");
    println!("{name}: {inputs} inputs, {accepted} accepted, {:.1?}, slowest {slowest:.1?}", start.elapsed());
}

#[test]
fn programs_in_sound_archives() {
    let program = Program::default();
    let seeds = [program.json().to_string().into_bytes()];
    campaign("programs", &seeds, INPUTS, |text| program.archive_with(&String::from_utf8_lossy(text), Stored));
}

/// The program of a real transformer, where the changes meet views, attention and masks.
#[test]
fn programs_of_a_transformer() {
    let parts = |version: &str| {
        let bytes = std::fs::read(exported(&format!("gpt_mask-{version}.pt2"))).unwrap();
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        let names: Vec<String> = zip.file_names().map(str::to_owned).collect();
        let mut entry = |name: &str| {
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut zip.by_name(name).unwrap(), &mut content).unwrap();
            content
        };
        names.iter().map(|name| (name.clone(), entry(name))).collect::<Vec<_>>()
    };
    for (version, inputs) in [("2.15", 1500), ("2.6", 500)] {
        let parts = parts(version);
        let is_program =
            |name: &str| name.ends_with("models/model.json") || name == "serialized_exported_program.json";
        let program = parts.iter().find(|(name, _)| is_program(name)).unwrap().1.clone();
        campaign(version, &[program], inputs, |text| {
            let entries: Vec<(&str, &[u8])> = parts
                .iter()
                .map(|(name, bytes)| (name.as_str(), if is_program(name) { text } else { bytes.as_slice() }))
                .collect();
            crate::archive::archive(&entries, Stored)
        });
    }
}

#[test]
fn archives() {
    let seeds = ["mlp-2.15.pt2", "strided-2.8.pt2", "strided-2.4.pt2"]
        .map(|name| std::fs::read(exported(name)).unwrap());
    campaign("archives", &seeds, INPUTS, <[u8]>::to_vec);
}
