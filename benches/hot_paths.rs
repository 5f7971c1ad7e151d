//! The program's hot paths on made-up data with fixed seeds: `cargo bench -p collado-cli --bench hot_paths`.
#![allow(missing_docs, clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{Connect, Curve, Search, TrainSettings, train};
use collado_models::{Activation, Arch, Init};
use collado_risk::{EmpiricalRisk, Examples, Objective, Path, Rows, Span, profile};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A ReLU network of these widths, as `"784-512-512-10"` says, on `n` random examples.
struct Bench {
    arch: Arch,
    objective: EmpiricalRisk,
    minima: Tensor,
}

impl Bench {
    fn new(widths: &str, n: usize, points: u64) -> Self {
        let widths: Vec<usize> = widths.split('-').map(|w| w.parse().unwrap()).collect();
        let arch = Arch::dense(Activation::Relu, &widths, true).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let inputs: Vec<f32> = (0..n * widths[0]).map(|_| rng.random()).collect();
        let labels: Vec<u32> = (0..n).map(|_| rng.random_range(0..10)).collect();
        let inputs = Tensor::from_vec(inputs, (n, widths[0]), &Device::Cpu).unwrap();
        let labels = Tensor::from_vec(labels, n, &Device::Cpu).unwrap();
        let objective = EmpiricalRisk::new(
            &arch,
            Examples::new(&inputs, &labels).unwrap(),
            collado_risk::Criterion::default(),
        )
        .unwrap();
        let seeds: Vec<u64> = (0..points).collect();
        let minima = Init::default().stack(&arch, &seeds, DType::F32, &Device::Cpu).unwrap();
        Self { arch, objective, minima }
    }

    fn flops(&self, rows: usize, times: usize) -> Throughput {
        Throughput::Elements((2 * self.arch.layout().len() * rows * times) as u64)
    }
}

/// Training steps, of one network and of a stack.
fn steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("step");
    let rows = [("784-512-512-10", 128, 1), ("784-1024-1024-10", 256, 1), ("64-64-64-10", 64, 1)];
    for (widths, batch, points) in rows.into_iter().chain([("64-64-64-10", 64, 32)]) {
        let bench = Bench::new(widths, 20 * batch, points);
        let seeds: Vec<u64> = (0..points).collect();
        let settings = TrainSettings { epochs: 1, batch, lr: 0.01, ..TrainSettings::default() };
        group.throughput(bench.flops(batch, 60 * points as usize));
        group.bench_function(BenchmarkId::new(format!("{points} x {widths}"), batch), |b| {
            b.iter(|| train(&bench.objective, &bench.minima, &seeds, &settings, &mut ()).unwrap());
        });
    }
    group.finish();
}

/// Twenty steps of a Bézier curve's bend.
fn bends(c: &mut Criterion) {
    let bench = Bench::new("784-512-512-10", 20 * 128, 2);
    let curve = Curve { epochs: 1, ..Curve::default() };
    c.bench_function("20 steps of a bend, 784-512-512-10", |b| {
        b.iter(|| {
            let mut search = Search { objective: &bench.objective, seed: 0, progress: &mut () };
            curve
                .find(&bench.minima.get(0).unwrap(), &bench.minima.get(1).unwrap(), &mut search)
                .unwrap()
                .path
        });
    });
}

/// Values at many points.
fn values(c: &mut Criterion) {
    let mut group = c.benchmark_group("values");
    group.sample_size(10);
    for widths in ["784-512-512-10", "784-1024-10"] {
        let bench = Bench::new(widths, 4096, 3);
        let path = Path::segment(&bench.minima.get(0).unwrap(), &bench.minima.get(1).unwrap()).unwrap();
        group.throughput(bench.flops(4096, 61));
        group.bench_function(BenchmarkId::new("profile of 61 points", widths), |b| {
            b.iter(|| profile(&path, 61, &bench.objective, None).unwrap());
        });
        let side = |i: usize| i as f64 / 14.;
        let grid = (0..225).flat_map(|i| [1. - side(i / 15) - side(i % 15), side(i / 15), side(i % 15)]);
        let plane = Span::new(&bench.minima, grid.collect()).unwrap();
        group.throughput(bench.flops(4096, 225));
        group.bench_function(BenchmarkId::new("plane of 15 x 15 points", widths), |b| {
            b.iter(|| bench.objective.evaluate(&plane, Rows::All, None).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, steps, bends, values);
criterion_main!(benches);
