use collado_data::{Dataset, load, synthetic_tasks};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::make::{error, labels, values};

fn rows(data: &Dataset) -> Vec<Vec<f64>> {
    data.train.inputs.to_vec2().unwrap()
}

#[test]
fn every_task_is_a_function_of_its_keys() {
    for (name, _) in synthetic_tasks() {
        let read = |options: &str| load(&format!("synthetic:{name}?{options}")).unwrap();
        let data = read("n=64&test=16&seed=3");
        assert_eq!((data.train.len(), data.test.as_ref().unwrap().len()), (64, 16), "{name}");
        assert_eq!(data.hash, read("seed=3&test=16&n=64").hash, "{name}");
        assert_ne!(data.hash, read("n=64&test=16&seed=4").hash, "{name}");
        // A test split, or more rows, leave the first rows as they were.
        let more = read("n=80&seed=3");
        assert_eq!(rows(&data), rows(&more)[..64], "{name}");
        assert!(more.test.is_none() && more.train.features() == data.features());
        assert_ne!(rows(&data)[..16], data.test.unwrap().inputs.to_vec2::<f64>().unwrap(), "{name}");
        load(&format!("synthetic:{name}")).unwrap();
    }
}

/// The teacher by its own formula, from the documented streams.
#[test]
fn teacher_without_noise_is_its_formula() {
    let data = load("synthetic:teacher?n=20&d=3&k=5&q=2&seed=7").unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    let hidden: Vec<f64> = (0..15).map(|_| normal() / 3_f64.sqrt()).collect();
    let outer: Vec<f64> = (0..10).map(|_| normal() / 5_f64.sqrt()).collect();
    for (x, y) in rows(&data).iter().zip(values(&data.train.targets)) {
        for (i, found) in y.iter().enumerate() {
            let unit = |j: usize| (0..3).map(|l| hidden[3 * j + l] * x[l]).sum::<f64>().max(0.0);
            let expected: f64 = (0..5).map(|j| outer[5 * i + j] * unit(j)).sum();
            assert!((expected - found).abs() < 1e-14, "{expected} {found}");
        }
    }
    let noisy = load("synthetic:teacher?n=20&d=3&k=5&q=2&seed=7&noise=0.1").unwrap();
    assert_eq!(rows(&data), rows(&noisy));
    assert_ne!(values(&data.train.targets), values(&noisy.train.targets));
}

#[test]
fn linear_targets_have_the_asked_rank() {
    let data = load("synthetic:linear?n=30&d=5&q=4&rank=1").unwrap();
    let y = values(&data.train.targets);
    for row in &y[1..] {
        for (a, b) in [(0, 1), (1, 2), (2, 3)] {
            assert!((y[0][a] * row[b] - y[0][b] * row[a]).abs() < 1e-12);
        }
    }
    let full = values(&load("synthetic:linear?n=30&d=5&q=4").unwrap().train.targets);
    assert!((full[0][0] * full[1][1] - full[0][1] * full[1][0]).abs() > 1e-6);
    assert!(error("synthetic:linear?d=5&q=4&rank=5").contains("from 0 (full rank) to 4"));
}

#[test]
fn inputs_follow_their_law() {
    for row in rows(&load("synthetic:unit-sphere?n=50&d=7").unwrap()) {
        assert!((row.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-14);
    }
    let sine = load("synthetic:sine?n=50&omega=3").unwrap();
    for (x, y) in rows(&sine).iter().zip(values(&sine.train.targets)) {
        assert!(x[0].abs() <= 1.0);
        assert_eq!(y[0], (3.0 * x[0]).sin());
    }
    let parity = load("synthetic:parity?n=50&d=6&k=4").unwrap();
    for (x, &label) in rows(&parity).iter().zip(labels(&parity.train.targets).0) {
        assert_eq!(x[..4].iter().product::<f64>(), 1.0 - 2.0 * f64::from(label));
    }
    let xor = load("synthetic:xor?n=50&noise=0").unwrap();
    for (x, &label) in rows(&xor).iter().zip(labels(&xor.train.targets).0) {
        assert_eq!(x[0] * x[1], 1.0 - 2.0 * f64::from(label));
    }
    let moons = load("synthetic:two-moons?n=50&noise=0").unwrap();
    for (x, &label) in rows(&moons).iter().zip(labels(&moons.train.targets).0) {
        let (x, y) = if label == 0 { (x[0], x[1]) } else { (1.0 - x[0], 0.5 - x[1]) };
        assert!((x * x + y * y - 1.0).abs() < 1e-14 && y >= 0.0);
    }
}

#[test]
fn gaussians_lie_around_their_centres() {
    let data = load("synthetic:gaussians?n=4000&d=3&k=2&sep=5").unwrap();
    assert_eq!(data.outputs(), 2);
    let mut mean = [[0.0; 3]; 2];
    for (x, &label) in rows(&data).iter().zip(labels(&data.train.targets).0) {
        (0..3).for_each(|i| mean[label as usize][i] += x[i] / 2000.0);
    }
    for mean in mean {
        let norm = mean.iter().map(|m| m * m).sum::<f64>().sqrt();
        assert!((norm - 5.0).abs() < 0.15, "{norm}");
    }
}

#[test]
fn unknown_names_and_keys_list_the_known_ones() {
    let text = error("synthetic:squares");
    assert!(text.contains("expected teacher, linear, sine, unit-sphere, gaussians, parity, xor"), "{text}");
    let text = error("synthetic:teacher?width=3");
    assert!(text.ends_with("option: expected d, k, q, noise, n, test, seed, found 'width'"), "{text}");
    let cases =
        ["n=0", "n=-1", "n=1e3", "n=99999999999", "noise=-1", "noise=nan", "seed=-1", "d", "n=16777216&d=64"];
    for options in cases {
        error(&format!("synthetic:teacher?{options}"));
    }
    assert!(error("synthetic:teacher?n=16777216&d=64").contains("at most 268435456 numbers"));
}
