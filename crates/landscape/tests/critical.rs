//! Critical points against closed forms, brute force and differences of gradients.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use candle_core::{DType, Device, Tensor};
use collado_landscape::{
    CentralDifference, CriticalPoint, CriticalSearch, CriticalSettings, Goal, SearchEnd, SemicircleLaw,
    Termination, dense_spectrum, explicit, semicircle_index,
};
use collado_models::{
    Activation, Arch, ConvSettings, Init, NetworkBuilder, NormKind, PointTensors, PoolKind, TensorMoments,
};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Regularizer};
use faer::{Mat, linalg::solvers::Solve};
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
    criterion: Criterion,
    search: CriticalSearch,
}

fn normal(seed: u64, count: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.sample(StandardNormal)).collect()
}

fn squared(kappa: f64) -> Criterion {
    Criterion { loss: Loss::Squared, kappa, regularizer: Regularizer::L2 }
}

fn case(arch: &Arch, x: Vec<f64>, y: Vec<f64>, criterion: Criterion) -> Case {
    let x = Tensor::from_vec(x, ((), arch.inputs()), &Device::Cpu).unwrap();
    let y = Tensor::from_vec(y, ((), arch.outputs()), &Device::Cpu).unwrap();
    let search = CriticalSearch::new(
        &EmpiricalRisk::new(arch, Examples::new(&x, &y).unwrap(), criterion).unwrap().with_memory(MEMORY),
    )
    .unwrap();
    Case { arch: arch.clone(), x, y, criterion, search }
}

/// Inputs of unequal scales, targets a linear map with noise.
fn regression(arch: &Arch, examples: usize, criterion: Criterion) -> Case {
    let (n, q) = (arch.inputs(), arch.outputs());
    let x: Vec<f64> =
        normal(1, examples * n).iter().enumerate().map(|(i, x)| x * (1. + (i % n) as f64)).collect();
    let map = normal(2, n * q);
    let noise = normal(3, examples * q);
    let y =
        |i: usize, o: usize| (0..n).map(|k| map[o * n + k] * x[i * n + k]).sum::<f64>() + noise[i * q + o];
    let y = (0..examples * q).map(|at| y(at / q, at % q)).collect();
    case(arch, x, y, criterion)
}

impl Case {
    fn starts(&self, init: Init, count: u64) -> Tensor {
        let seeds: Vec<u64> = (0..count).collect();
        init.stack(&self.arch, &seeds, DType::F64, &Device::Cpu).unwrap()
    }

    fn ends(&self, starts: &Tensor) -> Vec<SearchEnd> {
        self.search.search(starts, &CriticalSettings::default(), &mut ()).unwrap()
    }

    fn points(&self, starts: &Tensor) -> Vec<CriticalPoint> {
        let ends = self.ends(starts);
        ends.iter()
            .filter(|e| e.ended == Termination::Critical)
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
        let found = case.points(&case.starts(Init::Normal { sigma: 1. }, 24));
        assert!(found.len() >= 18, "{arch}: {}", found.len());
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

/// $\Phi=v\tanh(wx)$ on five points: all critical points from the zeros of one function of w.
#[test]
fn a_tanh_neuron_has_the_critical_points_of_brute_force() {
    let arch = Arch::dense(Activation::Tanh, &[1, 1, 1], false).unwrap();
    let x = [-2., -0.7, 0.3, 1.1, 3.];
    let y = [1.7, 0.9, -0.9, -0.1, -1.6];
    let case = case(&arch, x.to_vec(), y.to_vec(), squared(0.));
    // With the best v for w, the risk is mean(y²) − g(w) and its slope is that of −g.
    let inner = |w: f64| {
        let t = x.map(|x| (w * x).tanh());
        let sum = |f: &dyn Fn(usize) -> f64| (0..5).map(f).sum::<f64>();
        let (ty, tt) = (sum(&|i| t[i] * y[i]), sum(&|i| t[i] * t[i]));
        let s = |i: usize| x[i] * (1. - t[i] * t[i]);
        let (sy, st) = (sum(&|i| s(i) * y[i]), sum(&|i| s(i) * t[i]));
        let risk = (sum(&|i| y[i] * y[i]) - ty * ty / tt) / 5.;
        (risk, ty * (sy * tt - ty * st))
    };
    let mut list = vec![y.iter().map(|y| y * y).sum::<f64>() / 5.];
    let (mut from, step) = (1e-3, 1e-3);
    while from < 30. {
        let (mut a, mut b) = (from, from + step);
        if inner(a).1 * inner(b).1 < 0. {
            for _ in 0..60 {
                let middle = f64::midpoint(a, b);
                if inner(a).1 * inner(middle).1 <= 0. { b = middle } else { a = middle }
            }
            list.push(inner(a).0);
        }
        from += step;
    }
    let found = case.points(&case.starts(Init::Normal { sigma: 2. }, 60));
    let first = case.search.distinct(&found);
    let mut risks: Vec<f64> = (0..found.len()).filter(|&i| first[i] == i).map(|i| found[i].risk).collect();
    risks.sort_by(f64::total_cmp);
    list.sort_by(f64::total_cmp);
    assert!(list.len() == 4, "{list:?}");
    assert_eq!(risks.len(), list.len(), "{risks:?} {list:?}");
    risks.iter().zip(&list).for_each(|(a, b)| assert!((a - b).abs() <= 1e-9, "{risks:?} {list:?}"));
}

#[test]
fn curvature_is_that_of_differences_of_gradients() {
    let arch = Arch::dense(Activation::Tanh, &[2, 3, 1], true).unwrap();
    let case = regression(&arch, 20, squared(1e-3));
    let objective = EmpiricalRisk::new(&arch, Examples::new(&case.x, &case.y).unwrap(), case.criterion)
        .unwrap()
        .with_memory(MEMORY);
    let found = case.points(&case.starts(Init::Normal { sigma: 1. }, 48));
    assert!(found.len() >= 8, "{}", found.len());
    let mut saddles = 0;
    for p in &found {
        assert!(p.gradient_norm <= 1e-10 * (1. + p.risk));
        let theta = Tensor::from_slice(&p.theta, p.theta.len(), &Device::Cpu).unwrap();
        let numeric = CentralDifference::new(&objective, &theta, 1e-3).unwrap();
        let (matrix, asymmetry) = explicit(&numeric, &mut ()).unwrap();
        let numeric = dense_spectrum(&matrix, asymmetry).unwrap();
        for (a, b) in p.spectrum.eigenvalues.iter().zip(&numeric.eigenvalues) {
            assert!((a - b).abs() <= p.spectrum.rounding + 1e-7, "{a} {b}");
        }
        assert_eq!((p.spectrum.index, p.spectrum.zero_modes, p.idle), (numeric.index, 0, 0));
        assert!(!p.is_degenerate() && !p.is_on_kink());
        saddles += usize::from(p.spectrum.index > 0);
    }
    assert!(saddles > 0);
}

/// docs/theory.md §1: θ = (1, −1, 1, 1, 1, 0) and θ̄ = (−1, 1, 1, 1, 0, 1) on s = ((−1, 0), (1, 1)).
#[test]
fn example_1_20_has_its_minima_and_plateaus() {
    let arch = Arch::example_1_20();
    let case = case(&arch, vec![-1., 1.], vec![0., 1.], squared(0.));
    // Columns are θ₃, θ₄, θ₅, θ₆, θ₁, θ₂ with each neuron's bias in its row: (θ₃, θ₄), (θ₅, θ₆).
    let [a, b] = [[1., 1., 1., 0., 1., -1.], [1., 1., 0., 1., -1., 1.]];
    let both = [a, b].map(|theta| case.search.examine(&theta).unwrap());
    for p in &both {
        assert_eq!((p.risk, p.gradient_norm, p.spectrum.index), (0., 0., 0));
        assert_eq!(p.outputs, [0., 1.]);
        // θ₃x + θ₅ = 0 at x = −1.
        assert!(p.is_on_kink());
    }
    assert_eq!(case.search.distinct(&both), [0, 0]);
    // Both neurons silent on the data.
    let dead = case.search.examine(&[1., -1., -2., -2., 0.7, -0.4]).unwrap();
    assert_eq!((dead.risk, dead.gradient_norm, dead.spectrum.zero_modes, dead.idle), (0.5, 0., 6, 6));
    assert!(!dead.is_degenerate() && !dead.is_on_kink() && dead.smallest().is_nan());
    let ends = case.ends(&case.starts(Init::Normal { sigma: 1. }, 40));
    let critical: Vec<&SearchEnd> = ends.iter().filter(|e| e.ended == Termination::Critical).collect();
    for end in &critical {
        let p = case.search.examine(&end.theta).unwrap();
        assert!(p.is_on_kink() || nearest(&[0., 0.5], p.risk) <= 1e-12, "{}", p.risk);
    }
    let near = |x: f64| critical.iter().filter(|e| (e.risk - x).abs() < 1e-9).count();
    assert!(near(0.) > 0 && near(0.5) > 0, "{} {}", near(0.), near(0.5));
}

#[test]
fn the_origin_of_three_linear_layers_is_degenerate_that_of_two_strict() {
    for (widths, degenerate) in [(&[3, 4, 2][..], false), (&[3, 4, 4, 2], true)] {
        let arch = Arch::dense(Activation::Linear, widths, false).unwrap();
        let case = regression(&arch, 20, squared(0.));
        let p = case.search.examine(&vec![0.; case.search.size()]).unwrap();
        assert_eq!(p.gradient_norm, 0.);
        assert_eq!((p.is_degenerate(), p.spectrum.index > 0), (true, !degenerate), "{arch}");
        if degenerate {
            assert_eq!((p.spectrum.zero_modes, p.idle), (case.search.size(), 0));
        }
    }
}

/// At the global minimum in closed form the zero modes are those of GL(3), and no others.
#[test]
fn zero_modes_of_linear_minima_are_those_of_the_symmetry() {
    let arch = Arch::dense(Activation::Linear, &[3, 3, 3], false).unwrap();
    let case = regression(&arch, 20, squared(0.));
    let best = case.linear_risks().into_iter().fold(f64::INFINITY, f64::min);
    let rows = |t: &Tensor| t.to_vec2::<f64>().unwrap();
    let (x, y) = (rows(&case.x), rows(&case.y));
    let x = Mat::from_fn(20, 3, |i, j| x[i][j]);
    let y = Mat::from_fn(20, 3, |i, j| y[i][j]);
    // W_1 = I, W_2 = the least-squares fit.
    let fit = (x.transpose() * &x).partial_piv_lu().solve(x.transpose() * &y);
    let eye = (0..9).map(|at| f64::from(u8::from(at % 4 == 0)));
    let theta: Vec<f64> = eye.chain((0..9).map(|at| fit[(at % 3, at / 3)])).collect();
    let p = case.search.examine(&theta).unwrap();
    assert!((p.risk - best).abs() <= 1e-12 * (1. + best));
    assert_eq!((p.spectrum.index, p.spectrum.zero_modes, p.idle), (0, 9, 9), "{:?}", p.spectrum);
}

#[test]
fn lowering_the_risk_of_linear_networks_leads_to_the_global_optimum() {
    for widths in [&[4, 5, 3][..], &[4, 2, 3], &[3, 4, 4, 3]] {
        let arch = Arch::dense(Activation::Linear, widths, false).unwrap();
        let case = regression(&arch, 30, squared(0.));
        let best = case.linear_risks().into_iter().fold(f64::INFINITY, f64::min);
        let settings = CriticalSettings { goal: Goal::Risk, ..CriticalSettings::default() };
        let ends = case.search.search(&case.starts(Init::default(), 8), &settings, &mut ()).unwrap();
        for end in ends {
            assert_eq!(end.ended, Termination::Critical, "{arch} {end:?}");
            assert!((end.risk - best).abs() <= 1e-10 * (1. + best), "{arch} {} {best}", end.risk);
        }
    }
}

#[test]
fn minima_at_infinity_are_none() {
    // Two separable classes: the logistic loss falls towards 0 for ever.
    let arch = Arch::dense(Activation::Tanh, &[1, 2, 1], true).unwrap();
    let criterion = Criterion { loss: Loss::Logistic, ..squared(0.) };
    let case = case(&arch, vec![-2., -1., 1., 2.], vec![0., 0., 1., 1.], criterion);
    let settings = CriticalSettings { steps: 2000, ..CriticalSettings::default() };
    let starts = case.starts(Init::default(), 12);
    let ends = case.search.search(&starts, &settings, &mut ()).unwrap();
    assert!(ends.iter().all(|e| e.ended != Termination::Critical || e.risk > 0.1), "{ends:?}");
}

#[test]
fn ends_do_not_depend_on_threads_or_on_the_other_rows() {
    let arch = Arch::dense(Activation::Tanh, &[2, 4, 1], true).unwrap();
    let case = regression(&arch, 40, squared(1e-3));
    let starts = case.starts(Init::default(), 6);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let one = pool.install(|| case.ends(&starts));
    let all = case.ends(&starts);
    assert_eq!(one, all);
    assert_eq!(all[3..4], case.ends(&starts.narrow(0, 3, 1).unwrap()));
}

#[test]
fn refuses_settings_out_of_range() {
    let arch = Arch::dense(Activation::Tanh, &[2, 2, 1], true).unwrap();
    let case = regression(&arch, 5, squared(0.));
    let starts = case.starts(Init::default(), 1);
    for settings in [
        CriticalSettings { tolerance: 0., ..CriticalSettings::default() },
        CriticalSettings { reach: f64::NAN, ..CriticalSettings::default() },
        CriticalSettings { farthest: 1., ..CriticalSettings::default() },
        CriticalSettings { steps: 0, ..CriticalSettings::default() },
    ] {
        assert!(case.search.search(&starts, &settings, &mut ()).is_err(), "{settings:?}");
    }
    assert!(
        case.search.search(&starts.narrow(1, 0, 3).unwrap(), &CriticalSettings::default(), &mut ()).is_err()
    );
    let stopped =
        case.search.search(&starts, &CriticalSettings::default(), &mut |_: f64| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(collado_landscape::Error::Interrupted)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Points on the law are fitted to the law.
    #[test]
    fn the_semicircle_law_is_found_again(center in -1. ..1., width in 0.1..3., shift in -0.4..0.2) {
        let risks: Vec<f64> = (0..40).map(|i| center + width * (-0.9 + shift + 0.025 * f64::from(i))).collect();
        let fractions: Vec<f64> = risks.iter().map(|r| semicircle_index((r - center) / width)).collect();
        let law = SemicircleLaw::fit(&risks, &fractions).unwrap();
        prop_assert!(law.rms <= 0.02 * law.spread, "{law:?}");
        prop_assert!((law.at(center) - 0.5).abs() < 0.05, "{law:?}");
    }

    /// Half of the mass is left of the centre, and mirror images add up to 1.
    #[test]
    fn the_semicircle_is_symmetric(x in -1.5..1.5) {
        prop_assert!((semicircle_index(x) + semicircle_index(-x) - 1.).abs() < 1e-14);
        prop_assert!((0. ..=1.).contains(&semicircle_index(x)));
    }
}

/// A small network for images with a channelwise activation, and a search on 40 of them.
fn images(rho: Activation, norm: Option<NormKind>, kappa: f64) -> (EmpiricalRisk, CriticalSearch) {
    let mut net = NetworkBuilder::new(&[1, 4, 4]);
    let mut x = net.conv(0, "conv", ConvSettings { bias: true, ..ConvSettings::same(2, 3) });
    if let Some(kind) = norm {
        x = net.norm(x, "norm", kind);
    }
    let x = net.activation(x, rho);
    let x = net.pool(x, PoolKind::Average, 2, 2, 0);
    let x = net.flatten(x);
    net.dense(x, "last", 2, true);
    let inputs = Tensor::from_vec(normal(1, 40 * 16), (40, 1, 4, 4), &Device::Cpu).unwrap();
    let targets = Tensor::from_vec(normal(2, 80), (40, 2), &Device::Cpu).unwrap();
    let examples = Examples::new(&inputs, &targets).unwrap();
    let risk = EmpiricalRisk::new(net.finish("a small network").unwrap(), examples, squared(kappa)).unwrap();
    let search = CriticalSearch::new(&risk).unwrap();
    (risk, search)
}

#[test]
fn critical_points_of_networks_for_images_have_the_eigenvalues_of_differences() {
    let (risk, search) = images(Activation::Tanh, None, 0.02);
    let starts = Tensor::from_vec(normal(5, 6 * search.size()), (6, search.size()), &Device::Cpu).unwrap();
    let settings = CriticalSettings { goal: Goal::Risk, ..CriticalSettings::default() };
    let ends = search.search(&starts, &settings, &mut ()).unwrap();
    let points: Vec<CriticalPoint> = ends
        .iter()
        .filter(|end| end.ended == Termination::Critical)
        .map(|end| search.examine(&end.theta).unwrap())
        .collect();
    assert!(!points.is_empty(), "{ends:?}");
    for point in &points {
        assert!(point.gradient_norm <= 1e-9 && point.idle <= point.spectrum.zero_modes, "{point:?}");
        let theta = Tensor::from_slice(&point.theta, point.theta.len(), &Device::Cpu).unwrap();
        let numeric = CentralDifference::new(&risk, &theta, 1e-4).unwrap();
        let (matrix, _) = explicit(&numeric, &mut ()).unwrap();
        let numeric = matrix.self_adjoint_eigenvalues(faer::Side::Lower).unwrap();
        for (a, b) in point.spectrum.eigenvalues.iter().zip(&numeric) {
            assert!((a - b).abs() < 1e-5 * (1. + numeric[numeric.len() - 1]), "{a} {b}");
        }
    }
}

#[test]
fn statistics_of_other_rows_are_refused_in_searches() {
    let (risk, _) = images(Activation::Tanh, Some(NormKind::Batch), 0.);
    for risk in [
        risk.clone().with_reference_rows(20).unwrap(),
        risk.with_statistics(collado_risk::Statistics::Interpolate),
    ] {
        let refused = CriticalSearch::new(&risk).err().unwrap().to_string();
        assert!(refused.contains("over other rows"), "{refused}");
    }
}

/// Where all residuals are 0 the Hessian is $\frac2NJ^\top J$. Its zero modes are, for each channel before the
/// normalisation, a bias and a scale with γ, and for each rectifier the scale of what is before it against what follows.
#[test]
fn scales_that_a_normalisation_takes_away_are_idle() {
    for (rho, idle) in [(Activation::Relu, 6), (Activation::Tanh, 4)] {
        let (risk, _) = images(rho, Some(NormKind::Batch), 0.);
        let mut theta = normal(7, risk.network().size());
        let norm = risk.network().batch_norms().next().unwrap().clone();
        // Both channels are active on some of the data.
        for (columns, values) in [(norm.weight, [1.2, -0.8]), (norm.bias, [0.3, -0.2])] {
            theta[columns.unwrap()].copy_from_slice(&values);
        }
        let point = Tensor::from_slice(&theta, theta.len(), &Device::Cpu).unwrap();
        let inputs = risk.data().inputs(DType::F64).unwrap().clone();
        let mut pass = PointTensors::new(&point, TensorMoments::Batch);
        let outputs = risk.network().run(&mut pass, vec![inputs.clone()]).unwrap();
        let examples = Examples::new(&inputs, &outputs[0]).unwrap();
        let exact = EmpiricalRisk::new(risk.network().as_ref().clone(), examples, squared(0.)).unwrap();
        let found = CriticalSearch::new(&exact).unwrap().examine(&theta).unwrap();
        assert!(found.risk < 1e-25 && !found.is_on_kink(), "{rho:?}: {} {}", found.risk, found.kink);
        assert_eq!(
            (found.spectrum.zero_modes, found.idle),
            (idle, idle),
            "{rho:?} {:?}",
            found.spectrum.eigenvalues
        );
        assert_eq!(found.spectrum.index, 0, "{rho:?}");
    }
}
