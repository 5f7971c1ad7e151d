//! The check against sampled risks and against what `certify` proves: what holds is confirmed, what is false never is.
#![allow(clippy::unwrap_used)]

mod written;

use candle_core::{Device, Tensor};
use collado_certify::{CertifySettings, certify_path};
use collado_check::check;
use collado_files::{Proof, ProofPiece};
use collado_models::{Activation, Arch, ConvSettings, NetworkBuilder, PoolKind};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Path, Regularizer};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

const ACTIVATIONS: [Activation; 6] = [
    Activation::Relu,
    Activation::Linear,
    Activation::Tanh,
    Activation::Softplus,
    Activation::Gelu,
    Activation::Logistic,
];

fn numbers(rng: &mut ChaCha8Rng, shape: &[usize], scale: f64, ties: bool) -> Tensor {
    let count = shape.iter().product();
    let number = |rng: &mut ChaCha8Rng| match ties {
        true => f64::from(rng.random_range(-1..=1)),
        false => scale * rng.random_range(-1. ..1.),
    };
    let values: Vec<f64> = (0..count).map(|_| number(rng)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// A random path of a random dense network, with its risk.
fn dense(rng: &mut ChaCha8Rng) -> (Path, EmpiricalRisk) {
    let depth = rng.random_range(2..5);
    let widths: Vec<usize> = (0..depth).map(|_| rng.random_range(1..6)).collect();
    let arch = Arch::dense(*ACTIVATIONS.choose(rng).unwrap(), &widths, rng.random()).unwrap();
    let (loss, ties) = (*Loss::ALL.choose(rng).unwrap(), rng.random());
    let kappa = *[0., 0.1].choose(rng).unwrap();
    let criterion = Criterion { loss, kappa, regularizer: *Regularizer::ALL.choose(rng).unwrap() };
    let (n, outputs) = (rng.random_range(1..5), widths[depth - 1]);
    let inputs = numbers(rng, &[n, widths[0]], 2., ties);
    let targets = match loss {
        Loss::CrossEntropy => {
            let labels: Vec<u32> = (0..n).map(|_| rng.random_range(0..outputs as u32)).collect();
            Tensor::new(labels, &Device::Cpu).unwrap()
        }
        Loss::Logistic => numbers(rng, &[n, outputs], 1., false).abs().unwrap(),
        _ => numbers(rng, &[n, outputs], 1., false),
    };
    let risk = EmpiricalRisk::new(&arch, Examples::new(&inputs, &targets).unwrap(), criterion).unwrap();
    let points = rng.random_range(2..5);
    let vertices = numbers(rng, &[points, arch.layout().len()], 2., ties);
    let path = if rng.random() { Path::bezier(vertices) } else { Path::polychain(vertices) };
    (path.unwrap(), risk)
}

/// A proof with the pieces `(leg, from, to, hi)`.
fn proof(risk: &EmpiricalRisk, pieces: Vec<(usize, f64, f64, f64)>, lo: f64, at: (usize, f64)) -> Proof {
    let piece = |(leg, from, to, hi)| ProofPiece { leg, from, to, hi };
    written::proof(risk, pieces.into_iter().map(piece).collect(), lo, at)
}

/// What `certify` proves, in at most `budget` pieces.
fn certified(path: &Path, risk: &EmpiricalRisk, budget: usize) -> Option<Proof> {
    let settings = CertifySettings {
        max_subintervals: budget,
        tolerance: 1e-6,
        shortcuts: false,
        ..CertifySettings::default()
    };
    // Large risks may overflow.
    let found = certify_path(path, risk, &settings, &mut ()).ok()?;
    Some(written::certified(&found, risk))
}

#[test]
fn what_certify_proves_is_confirmed() {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    for case in 0..600 {
        let (path, risk) = dense(rng);
        let Some(proof) = certified(&path, &risk, [8, 40][case % 2]) else { continue };
        let found = check(&proof, &path, &risk, &mut ()).unwrap();
        assert_eq!(found.refuted, None, "case {case}: {} {:?}", risk.arch(), risk.criterion());
        assert_eq!(found.holding, proof.pieces.len());
        assert!(found.hi <= proof.header.claim.hi && found.lo >= proof.header.claim.lo);
    }
}

#[test]
fn a_bound_below_a_sampled_risk_is_never_confirmed() {
    let rng = &mut ChaCha8Rng::seed_from_u64(2);
    for case in 0..600 {
        let (path, risk) = dense(rng);
        let Some(mut proof) = certified(&path, &risk, 12) else { continue };
        let i = rng.random_range(0..proof.pieces.len());
        let knots = path.knots();
        let piece = proof.pieces[i];
        let legs = knots.len() - 1;
        // The whole Bézier curve is one leg, whose τ is t.
        let (start, length) = match proof.pieces.last().unwrap().leg {
            0 => (0., 1.),
            _ => (knots[piece.leg], knots[piece.leg + 1] - knots[piece.leg]),
        };
        assert!(legs >= 1);
        let t = start + length * (piece.from + rng.random::<f64>() * (piece.to - piece.from));
        let theta = path.at(t).unwrap().unsqueeze(0).unwrap();
        let risk_at =
            collado_risk::Objective::at(&risk, &theta, collado_risk::Rows::All, None).unwrap()[0].risk;
        // Far enough below for the rounding of t and of the sample.
        proof.pieces[i].hi = risk_at - 1e-7 * risk_at.abs() - 1e-9;
        let found = check(&proof, &path, &risk, &mut ()).unwrap();
        assert_eq!(found.refuted.map(|r| r.piece), Some(Some(i + 1)), "case {case}");
        assert_eq!(found.holding, i);
    }
}

/// Networks with convolutions and pooling: the bound is nowhere below a sampled risk.
#[test]
fn bounds_of_networks_for_images_hold_samples() {
    let rng = &mut ChaCha8Rng::seed_from_u64(3);
    for case in 0..12 {
        let mut net = NetworkBuilder::new(&[2, 6, 6]);
        let settings = ConvSettings { bias: true, ..ConvSettings::same(4, 3) };
        let conv = net.conv(0, "conv1", settings);
        let rho = net.activation(conv, [Activation::Relu, Activation::Tanh][case % 2]);
        let pool = net.pool(rho, [PoolKind::Max, PoolKind::Average][case / 2 % 2], 2, 2, 0);
        let again = net.conv(pool, "conv2", ConvSettings { groups: 2, ..ConvSettings::same(4, 3) });
        let sum = net.add(again, pool);
        let flat = net.flatten(sum);
        net.dense(flat, "fc", 3, true);
        let network = net.finish("test").unwrap();
        let inputs = numbers(rng, &[3, 2, 6, 6], 1., false);
        let labels = Tensor::new(vec![0_u32, 2, 1], &Device::Cpu).unwrap();
        let examples = Examples::new(&inputs, &labels).unwrap();
        let risk = EmpiricalRisk::new(network.arch(), examples, Criterion::default()).unwrap();
        let path = Path::polychain(numbers(rng, &[2, network.size()], 0.5, false)).unwrap();
        let pieces = (0..16).map(|i| (0, f64::from(i) / 16., f64::from(i + 1) / 16., f64::MAX)).collect();
        let found = check(&proof(&risk, pieces, 0., (0, 0.)), &path, &risk, &mut ()).unwrap();
        let sampled = path.profile(&risk, 321).unwrap().risks().into_iter().fold(0., f64::max);
        assert!(found.refuted.is_none() && found.hi >= sampled, "{case}: {} {sampled}", found.hi);
        assert!(found.hi <= 1.5 * sampled, "{case}: {} {sampled}", found.hi);
    }
}

#[test]
fn gaps_and_other_claims_are_refused() {
    let rng = &mut ChaCha8Rng::seed_from_u64(4);
    let (path, risk, good) = loop {
        let (path, risk) = dense(rng);
        if let Some(proof) = certified(&path, &risk, 12)
            && proof.pieces.len() > 8
            && risk.criterion().kappa > 0.
        {
            break (path, risk, proof);
        }
    };
    let refused = |change: &dyn Fn(&mut Proof)| {
        let mut proof = good.clone();
        change(&mut proof);
        check(&proof, &path, &risk, &mut ()).unwrap_err().to_string()
    };
    assert!(check(&good, &path, &risk, &mut ()).unwrap().refuted.is_none());
    assert!(refused(&|p| _ = p.pieces.remove(3)).contains("piece 4"));
    assert!(refused(&|p| _ = p.pieces.pop()).contains("the pieces end"));
    assert!(refused(&|p| p.pieces[2].to = p.pieces[2].to.next_down()).contains("piece 4"));
    assert!(refused(&|p| p.pieces[0].from = 1e-300).contains("piece 1"));
    assert!(refused(&|p| p.pieces.swap(1, 2)).contains("piece 2"));
    assert!(refused(&|p| p.pieces[1].hi = f64::NAN).contains("piece 2"));
    assert!(refused(&|p| p.header.claim.hi = 0.).contains("above the claim"));
    assert!(refused(&|p| p.header.claim.at.leg = 99).contains("outside of the path"));
    assert!(refused(&|p| p.header.kappa = 0.05).contains("kappa"));
    assert!(refused(&|p| p.header.rows += 1).contains("rows"));
    assert!(refused(&|p| p.header.network.push('0')).contains("network"));
    // A lower bound that is too high is not confirmed.
    let mut high = good.clone();
    high.header.claim.lo = good.header.claim.lo * (1. + 1e-9) + 1e-9;
    assert_eq!(check(&high, &path, &risk, &mut ()).unwrap().refuted.map(|r| r.piece), Some(None));
}
