//! The check of proofs of minima: what `certify` proves is confirmed, and what is false by a closed form is not.
#![allow(clippy::unwrap_used)]

#[path = "written/stated.rs"]
mod stated;

use candle_core::{Device, Tensor};
use collado_certify::{MinimumKind, MinimumProof, find_minimum, prove_minimum, prove_network_minimum};
use collado_check::{CheckedMinimum, check_minimum};
use collado_files::{Eigenvalues, MinimumClaim, MinimumFile, MinimumHeader, MinimumSubject};
use collado_models::{Activation, Arch};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Objective, Planted, Regularizer, Rows};
use stated::Stated;

/// The file of a proof, with claims that are a little weaker.
fn file(found: &MinimumProof, point: &[f64], risk: MinimumSubject) -> MinimumFile {
    let witness = found.witness.as_ref().unwrap();
    let eased = |found: collado_certify::Eigenvalues| {
        let room = 0.01 * (found.shift - found.at_least) + 1e-9;
        Eigenvalues { shift: found.shift - room, at_least: found.at_least - 2. * room }
    };
    let claim = MinimumClaim {
        radius: found.radius,
        risk: (found.risk.lo() - 1e-11, found.risk.hi() + 1e-11),
        hessian: eased(witness.hessian),
        outside: witness.outside.map(eased),
    };
    let header = MinimumHeader { version: MinimumHeader::VERSION, program: "test".into(), claim, risk };
    MinimumFile { header, point: point.to_vec(), inverse: witness.inverse.clone() }
}

fn subject(risk: &EmpiricalRisk) -> MinimumSubject {
    let Stated { data, rows, network, loss, kappa, regularizer } = Stated::of(risk);
    MinimumSubject::Network { checkpoint: String::new(), data, rows, network, loss, kappa, regularizer }
}

/// Nothing that is changed so that it is false is confirmed.
fn changes_are_refused(good: &MinimumFile, risk: Option<&EmpiricalRisk>) {
    let refused = |change: &dyn Fn(&mut MinimumFile), words: &str| {
        let mut file = good.clone();
        change(&mut file);
        let found = check_minimum(&file, risk).unwrap().refuted;
        assert!(found.as_ref().is_some_and(|reason| reason.contains(words)), "{words}: {found:?}");
    };
    let radius = good.header.claim.radius;
    refused(&|f| f.point[0] += 3. * radius, "Krawczyk");
    refused(&|f| f.point[1] -= 1.5 * radius, "Krawczyk");
    refused(&|f| f.header.claim.radius = 0.3, "");
    refused(&|f| f.inverse[0].iter_mut().for_each(|x| *x = 0.), "Krawczyk");
    refused(&|f| f.inverse.iter_mut().flatten().for_each(|x| *x *= -1.), "Krawczyk");
    refused(&|f| f.inverse[1][1] = f64::NAN, "Krawczyk");
    refused(&|f| f.header.claim.hessian.at_least *= 1.5, "eigenvalues of the Hessian");
    refused(&|f| f.header.claim.hessian.at_least = 0., "eigenvalues of the Hessian");
    refused(&|f| f.header.claim.hessian.shift += 1., "eigenvalues of the Hessian");
    refused(&|f| f.header.claim.risk.1 = f.header.claim.risk.0, "could not be confirmed");
    refused(&|f| f.header.claim.risk.0 += 1e-7, "could not be confirmed");
    if good.header.claim.outside.is_some() {
        refused(&|f| f.header.claim.outside.as_mut().unwrap().at_least *= 1.5, "the block for more inputs");
    }
    let mut file = good.clone();
    file.point.pop();
    assert!(check_minimum(&file, risk).unwrap_err().to_string().contains("parameters"));
    let mut file = good.clone();
    file.header.claim.radius = f64::INFINITY;
    assert!(check_minimum(&file, risk).is_err());
}

fn confirmed(found: &CheckedMinimum) {
    assert_eq!(found.refuted, None);
    assert!(found.reach < 1. && found.lambda_min > 0., "{found:?}");
}

#[test]
fn spurious_minima_are_confirmed() {
    for (k, value) in [(7, 0.0232), (8, 0.0215)] {
        let planted = Planted::new(k, k).unwrap();
        let end = find_minimum(&planted, 0, 2048, &mut ()).unwrap().minimum.unwrap();
        let proof = prove_minimum(&planted, &end.weights, MinimumKind::Spurious).unwrap();
        let good = file(&proof, &end.weights, MinimumSubject::Planted { k, n: k });
        let found = check_minimum(&good, None).unwrap();
        confirmed(&found);
        assert!((found.risk.0 - value).abs() < 6e-5 && found.lambda_min > 0.0047, "{found:?}");
        assert!(found.outside.unwrap() > 0.18);
        changes_are_refused(&good, None);
        let mut other = good;
        other.header.risk = MinimumSubject::Planted { k: k + 1, n: k };
        assert!(check_minimum(&other, None).is_err());
    }
}

/// Rows of a smooth function of two inputs.
fn examples(loss: Loss) -> Examples {
    let x: Vec<f64> = (0..24).map(|i| (1.7 * f64::from(i)).sin()).collect();
    let inputs = Tensor::from_vec(x.clone(), (12, 2), &Device::Cpu).unwrap();
    let targets = match loss {
        Loss::CrossEntropy => {
            Tensor::new((0..12).map(|i| i % 3 % 2).collect::<Vec<u32>>(), &Device::Cpu).unwrap()
        }
        _ => Tensor::from_vec(x.iter().map(|x| (x * x).min(1.)).collect::<Vec<f64>>(), (12, 2), &Device::Cpu)
            .unwrap(),
    };
    Examples::new(&inputs, &targets).unwrap()
}

/// Gradient descent with momentum.
fn descend(risk: &EmpiricalRisk, size: usize) -> Vec<f64> {
    let mut theta: Vec<f64> = (0..size).map(|i| (2.3 * i as f64).cos()).collect();
    let mut speed = vec![0.; size];
    for _ in 0..3000 {
        let point = Tensor::from_slice(&theta, (1, size), &Device::Cpu).unwrap();
        let mut gradient = point.zeros_like().unwrap();
        risk.at(&point, Rows::All, Some(&mut gradient)).unwrap();
        let gradient = gradient.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        for ((x, v), g) in theta.iter_mut().zip(&mut speed).zip(gradient) {
            *v = 0.95 * *v - 0.05 * g;
            *x += *v;
        }
    }
    theta
}

#[test]
fn minima_of_networks_are_confirmed() {
    let smooth =
        [Activation::Tanh, Activation::Softplus, Activation::Gelu, Activation::Logistic, Activation::Linear];
    let mut proved = 0;
    for (i, rho) in smooth.into_iter().enumerate() {
        for (j, loss) in Loss::ALL.into_iter().enumerate() {
            // Without bias, and with a penalty on all weights, nothing leaves F as it is.
            let arch = Arch::dense(rho, &[2, 2, 2], (i + j).is_multiple_of(2)).unwrap();
            let criterion = Criterion { loss, kappa: 0.02, regularizer: Regularizer::L2 };
            let risk = EmpiricalRisk::new(&arch, examples(loss), criterion).unwrap();
            let size = arch.layout().len();
            let (proof, point) = prove_network_minimum(&risk, &descend(&risk, size)).unwrap();
            if !proof.proved {
                continue;
            }
            proved += 1;
            let good = file(&proof, &point, subject(&risk));
            confirmed(&check_minimum(&good, Some(&risk)).unwrap());
            changes_are_refused(&good, Some(&risk));
        }
    }
    assert!(proved >= 8, "{proved}");
}

/// Least squares: the minimum and the eigenvalues in closed form.
#[test]
fn claims_are_held_against_closed_forms() {
    let x: Vec<f64> = (0..10).map(|i| f64::from(i) / 5. - 0.9).collect();
    let y: Vec<f64> = x.iter().map(|x| 0.5 * x + 0.2 + 0.1 * (3. * x).sin()).collect();
    let column = |v: &[f64]| Tensor::from_slice(v, (10, 1), &Device::Cpu).unwrap();
    let arch = Arch::dense(Activation::Linear, &[1, 1], true).unwrap();
    let criterion = Criterion { loss: Loss::Squared, ..Criterion::default() };
    let risk =
        EmpiricalRisk::new(&arch, Examples::new(&column(&x), &column(&y)).unwrap(), criterion).unwrap();
    let (proof, point) = prove_network_minimum(&risk, &[0., 0.]).unwrap();
    let mut good = file(&proof, &point, subject(&risk));
    good.header.claim.radius = 1e-6;
    good.header.claim.risk = (0., 1.);
    let mean = |f: &dyn Fn(f64) -> f64| x.iter().map(|&x| f(x)).sum::<f64>() / 10.;
    // The Hessian is 2(E x², E x; E x, 1).
    let (a, b) = (2. * mean(&|x| x * x), 2. * mean(&|x| x));
    let least = (a + 2. - ((a - 2.).powi(2) + 4. * b * b).sqrt()) / 2.;
    let holds = |change: &dyn Fn(&mut MinimumFile)| {
        let mut file = good.clone();
        change(&mut file);
        check_minimum(&file, Some(&risk)).unwrap().refuted.is_none()
    };
    assert!(holds(&|_| ()));
    // F is quadratic: the box holds the minimum as long as its middle is not as far away as the radius.
    for share in [-2., -1.01, -0.99, 0.5, 0.99, 1.01] {
        assert_eq!(holds(&|f| f.point[0] += share * 1e-6), f64::abs(share) < 1., "{share}");
    }
    for (away, right) in [(1e-9_f64, true), (-1e-9, false)] {
        let claim = Eigenvalues { shift: least - 0.1 * away.abs(), at_least: least - away };
        assert_eq!(holds(&|f| f.header.claim.hessian = claim), right, "{away}");
    }
    let other =
        EmpiricalRisk::new(&arch, risk.data().clone(), Criterion { kappa: 1e-9, ..criterion }).unwrap();
    assert!(check_minimum(&good, Some(&other)).unwrap_err().to_string().contains("kappa"));
    assert!(check_minimum(&good, None).is_err());
}

#[test]
fn a_saddle_is_not_confirmed() {
    // F = (w₂w₁ − 1)² has a saddle at 0.
    let arch = Arch::dense(Activation::Linear, &[1, 1, 1], false).unwrap();
    let one = Tensor::new(&[[1_f64]], &Device::Cpu).unwrap();
    let criterion = Criterion { loss: Loss::Squared, ..Criterion::default() };
    let risk = EmpiricalRisk::new(&arch, Examples::new(&one, &one).unwrap(), criterion).unwrap();
    // H = (0, −2; −2, 0) at 0, which is its own inverse up to the factor 4.
    let header = MinimumHeader {
        version: MinimumHeader::VERSION,
        program: "test".into(),
        claim: MinimumClaim {
            radius: 1e-6,
            risk: (0., 2.),
            hessian: Eigenvalues { shift: 1e-3, at_least: 1e-4 },
            outside: None,
        },
        risk: subject(&risk),
    };
    let mut file = MinimumFile { header, point: vec![0.; 2], inverse: vec![vec![0., -0.5], vec![-0.5, 0.]] };
    let found = check_minimum(&file, Some(&risk)).unwrap();
    // It is the only critical point of its box, and no minimum.
    assert!(found.reach < 1e-3 && found.refuted.unwrap().contains("eigenvalues of the Hessian"));
    file.header.claim.hessian = Eigenvalues { shift: -2.1, at_least: -2.2 };
    assert!(check_minimum(&file, Some(&risk)).unwrap().refuted.is_some());
}
