//! Critical points against closed forms, brute force and differences of gradients.
#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use collado_landscape::{
    CentralDifference, CriticalPoint, CriticalSearch, CriticalSettings, Ended, SearchEnd, SemicircleLaw,
    dense_spectrum, explicit, semicircle_index,
};
use collado_models::{Activation, Arch, DenseObjective, Init, Loss, Regularizer, Risk};
use faer::Mat;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

const MEMORY: usize = 1 << 24;

/// A network and its regression data.
struct Case {
    arch: Arch,
    x: Tensor,
    y: Tensor,
    risk: Risk,
    search: CriticalSearch,
}

fn normal(seed: u64, count: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.sample(StandardNormal)).collect()
}

fn squared(kappa: f64) -> Risk {
    Risk { loss: Loss::Squared, kappa, regularizer: Regularizer::L2 }
}

fn case(arch: &Arch, x: Vec<f64>, y: Vec<f64>, risk: Risk) -> Case {
    let x = Tensor::from_vec(x, ((), arch.inputs()), &Device::Cpu).unwrap();
    let y = Tensor::from_vec(y, ((), arch.outputs()), &Device::Cpu).unwrap();
    let search = CriticalSearch::new(arch, &x, &y, risk, MEMORY).unwrap();
    Case { arch: arch.clone(), x, y, risk, search }
}

/// Inputs of unequal scales, targets a linear map with noise.
fn regression(arch: &Arch, examples: usize, risk: Risk) -> Case {
    let (n, q) = (arch.inputs(), arch.outputs());
    let x: Vec<f64> =
        normal(1, examples * n).iter().enumerate().map(|(i, x)| x * (1. + (i % n) as f64)).collect();
    let map = normal(2, n * q);
    let noise = normal(3, examples * q);
    let y =
        |i: usize, o: usize| (0..n).map(|k| map[o * n + k] * x[i * n + k]).sum::<f64>() + noise[i * q + o];
    let y = (0..examples * q).map(|at| y(at / q, at % q)).collect();
    case(arch, x, y, risk)
}

impl Case {
    fn starts(&self, init: Init, count: u64) -> Tensor {
        let seeds: Vec<u64> = (0..count).collect();
        init.stack(&self.arch, &seeds, DType::F64, &Device::Cpu).unwrap()
    }

    fn ends(&self, starts: &Tensor) -> Vec<SearchEnd> {
        self.search.search(starts, &CriticalSettings::default(), &mut |_| true).unwrap()
    }

    fn points(&self, starts: &Tensor) -> Vec<CriticalPoint> {
        let ends = self.ends(starts);
        ends.iter()
            .filter(|e| e.ended == Ended::Critical)
            .map(|e| self.search.examine(&e.theta).unwrap())
            .collect()
    }

    /// Critical risks of a deep linear network: a subset of the singular directions of the least-squares fit is learned, at most
    /// as many as its narrowest layer has neurons (Baldi & Hornik 1989; for any depth Achour et al. 2024, proposition 3).
    fn linear_risks(&self) -> Vec<f64> {
        let matrix = |t: &Tensor| {
            let rows = t.to_vec2::<f64>().unwrap();
            Mat::from_fn(rows.len(), rows[0].len(), |i, j| rows[i][j])
        };
        let (x, y) = (matrix(&self.x), matrix(&self.y));
        let svd = x.thin_svd().unwrap();
        let fit = svd.U() * (svd.U().transpose() * &y);
        let left = (&y - &fit).squared_norm_l2();
        let sigma = fit.singular_values().unwrap();
        let q = sigma.len().min(self.arch.outputs());
        let most = *self.arch.widths().iter().min().unwrap() as u32;
        let subsets = (0_u32..1 << q).filter(|set| set.count_ones() <= most);
        let lost = |set: u32| (0..q).filter(|i| set >> i & 1 == 0).map(|i| sigma[i].powi(2)).sum::<f64>();
        subsets.map(|set| (left + lost(set)) / x.nrows() as f64).collect()
    }
}

fn nearest(list: &[f64], x: f64) -> f64 {
    list.iter().map(|y| (x - y).abs()).fold(f64::INFINITY, f64::min)
}

#[test]
fn linear_networks_have_the_critical_risks_of_baldi_and_hornik() {
    for widths in [&[4, 3, 3][..], &[4, 2, 3], &[3, 5, 3], &[4, 4, 3, 3], &[3, 4, 4, 4, 2]] {
        let arch = Arch::dense(Activation::Linear, widths, false).unwrap();
        let case = regression(&arch, 30, squared(0.));
        let mut found = Vec::new();
        for sigma in [0.3, 1., 2.] {
            found.extend(case.points(&case.starts(Init::Normal { sigma }, 24)));
        }
        let list = case.linear_risks();
        let best = list.iter().fold(f64::INFINITY, |m, x| m.min(*x));
        let mut seen = vec![false; list.len()];
        for p in &found {
            assert!(nearest(&list, p.risk) <= 1e-8 * (1. + p.risk), "{arch} {} {list:?}", p.risk);
            list.iter().zip(&mut seen).for_each(|(x, s)| *s |= (x - p.risk).abs() <= 1e-8 * (1. + x));
            let global = p.risk - best <= 1e-8 * (1. + best);
            if global {
                assert_eq!(p.spectrum.index, 0, "{arch}");
            } else {
                assert!(
                    p.spectrum.index > 0 || arch.depth() > 2 && p.is_degenerate(),
                    "{arch} {:?}",
                    p.spectrum
                );
            }
        }
        println!(
            "{arch}: {} of 72, {} of {} risks",
            found.len(),
            seen.iter().filter(|s| **s).count(),
            list.len()
        );
    }
}
