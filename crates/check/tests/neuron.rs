//! The check of proofs of all minima of one logistic neuron: what `certify` proves is confirmed, and what is false by a closed
//! form is not.
#![allow(clippy::unwrap_used)]

use collado_certify::neuron_minima;
use collado_check::{CheckedNeuron, check_neuron};
use collado_files::{NeuronBox, NeuronClaim, NeuronFile, NeuronHeader, NeuronSubject};
use collado_risk::LogisticNeuron;
use proptest::prelude::*;

fn file(neuron: NeuronSubject, minima: Vec<NeuronBox>, risk: (f64, f64)) -> NeuronFile {
    let claim = NeuronClaim { minima: neuron.minima(), risk };
    NeuronFile {
        header: NeuronHeader { version: NeuronHeader::VERSION, program: "test".into(), claim, neuron },
        minima,
    }
}

/// The file of what `certify` proves, with claims that are a little weaker, if it proves p minima.
fn proved(dims: usize, per_dim: usize, ratio: f64) -> Option<NeuronFile> {
    let found = neuron_minima(&LogisticNeuron::new(dims, per_dim, ratio).unwrap());
    let minimum = |proof: &collado_certify::NeuronProof| NeuronBox {
        at: proof.at,
        radius: proof.radius,
        inverse: proof.inverse,
        curvature: 0.999 * proof.curvature,
        risk: (proof.risk.lo() - 1e-13, proof.risk.hi() + 1e-13),
    };
    let minima: Vec<NeuronBox> = found.proofs.iter().map(minimum).collect();
    let ends = |of: fn(&NeuronBox) -> f64| minima.iter().map(of).collect::<Vec<_>>();
    let lo = ends(|m| m.risk.0).into_iter().fold(f64::INFINITY, f64::min);
    let hi = ends(|m| m.risk.1).into_iter().fold(f64::NEG_INFINITY, f64::max);
    (found.unproved == 0 && minima.len() == per_dim)
        .then(|| file(NeuronSubject { dims, per_dim, ratio }, minima, (lo, hi)))
}

fn confirmed(file: &NeuronFile) -> CheckedNeuron {
    let found = check_neuron(file).unwrap();
    assert_eq!(found.refuted, None);
    assert!(found.holding == file.minima.len() && found.reach < 1. && found.curvature > 0., "{found:?}");
    found
}

/// p = 1: f(w) = (σ(w) − ¾)² has its minimum 0 at log 3, with the second derivative 2σ′² = 2(3/16)².
#[test]
fn claims_are_held_against_closed_forms() {
    let (log3, radius) = (3_f64.ln(), 1e-7);
    let bend = 2. * (3. / 16. * log3).powi(2);
    let one =
        NeuronBox { at: log3, radius, inverse: 1. / bend, curvature: 0.99 * bend, risk: (-1e-13, 1e-13) };
    let holds = |change: &dyn Fn(&mut NeuronBox)| {
        let mut minimum = one;
        change(&mut minimum);
        let proof = file(NeuronSubject { dims: 5, per_dim: 1, ratio: 2. }, vec![minimum], (-1., 1.));
        check_neuron(&proof).unwrap().refuted.is_none()
    };
    assert!(holds(&|_| ()));
    // f is nearly quadratic: the box holds the minimum as long as its middle is not as far away as the radius.
    for share in [-2., -1.01, -0.99, 0.5, 0.99, 1.01] {
        assert_eq!(holds(&|m| m.at *= 1. + share * radius), f64::abs(share) < 1., "{share}");
    }
    // Over the box the second derivative changes by a few times its radius.
    for (share, right) in [(1. - 1e-5, true), (1. + 1e-5, false)] {
        assert_eq!(holds(&|m| m.curvature = share * bend), right, "{share}");
    }
    assert!(!holds(&|m| m.curvature = 0.));
    for risk in [(-1e-13, -1e-30), (1e-30, 1e-13), (1e-13, -1e-13), (f64::NAN, 1.)] {
        assert!(!holds(&|m| m.risk = risk), "{risk:?}");
    }
    for number in [0., -1., f64::NAN, f64::INFINITY] {
        assert!(!holds(&|m| m.at = number), "{number}");
        assert!(!holds(&|m| m.radius = number), "{number}");
        assert!(!holds(&|m| m.inverse = number), "{number}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is proved is confirmed, with F between values of another formula, and what is changed is not.
    #[test]
    fn what_is_proved_is_confirmed(per_dim in 1usize..9, ratio in 5.8f64..300., dims in 1usize..40) {
        let good = proved(dims, per_dim, ratio).unwrap();
        let found = confirmed(&good);
        let risk = LogisticNeuron::new(dims, per_dim, ratio).unwrap();
        for minimum in &good.minima {
            let [f, _, bend] = risk.coordinate(minimum.at);
            prop_assert!(found.risk.0 <= f + 1e-12 && f - 1e-12 <= found.risk.1);
            prop_assert!(minimum.risk.1 - minimum.risk.0 < 1e-10);
            prop_assert!(found.curvature <= minimum.at.powi(2) * bend * (1. + 1e-9));
            // The minimum is where the slope changes its sign.
            let slope = |share: f64| risk.coordinate(minimum.at * (1. + share * minimum.radius))[1];
            prop_assert!(slope(-1.) < 0. && slope(1.) > 0.);
        }
        for i in 0..per_dim {
            let mut changes: Vec<(&str, NeuronFile)> = Vec::new();
            let mut change = |words, of: &dyn Fn(&mut NeuronBox)| {
                let mut file = good.clone();
                of(&mut file.minima[i]);
                changes.push((words, file));
            };
            change("Krawczyk", &|m| m.at *= 1. + 1.1 * m.radius);
            change("Krawczyk", &|m| m.radius *= 1e-12);
            change("Krawczyk", &|m| m.inverse *= 3.);
            change("Krawczyk", &|m| m.inverse = -m.inverse);
            change("", &|m| m.radius = 0.5);
            change("second derivative", &|m| m.curvature *= 1.1);
            change("F in", &|m| m.risk.1 -= 1e-9);
            change("F in", &|m| m.risk.0 += 1e-9);
            for (words, file) in changes {
                let why = check_neuron(&file).unwrap().refuted;
                let number = format!("minimum {}: ", i + 1);
                prop_assert!(why.as_ref().is_some_and(|w| w.starts_with(&number) && w.contains(words)), "{} {:?}", words, why);
            }
        }
        let claims = |of: &dyn Fn(&mut NeuronFile)| {
            let mut file = good.clone();
            of(&mut file);
            check_neuron(&file)
        };
        prop_assert!(claims(&|f| f.header.claim.risk.1 -= 1e-9).unwrap().refuted.is_some());
        prop_assert!(claims(&|f| f.header.claim.risk.0 += 1e-9).unwrap().refuted.is_some());
        let more = format!("{}^{dims}", per_dim + 1);
        prop_assert!(claims(&|f| f.header.claim.minima.clone_from(&more)).is_err());
        prop_assert!(claims(&|f| f.header.neuron.dims += 1).is_err());
        prop_assert!(claims(&|f| f.minima.truncate(per_dim - 1)).is_err());
        let mut other = NeuronSubject { per_dim: per_dim + 1, ..good.header.neuron.clone() };
        // One box twice, as if it were two.
        let mut twice = good.minima.clone();
        twice.insert(0, twice[0]);
        let doubled = check_neuron(&file(other.clone(), twice, good.header.claim.risk)).unwrap().refuted;
        prop_assert!(doubled.is_some());
        other.per_dim = per_dim;
        other.ratio *= 1.001;
        let other = file(other, good.minima.clone(), good.header.claim.risk);
        prop_assert_eq!(check_neuron(&other).unwrap().refuted.is_some(), per_dim > 1);
    }
}

/// One box twice where everything else is right: only that the boxes meet is wrong.
#[test]
fn boxes_that_meet_are_refused() {
    let mut doubled = proved(2, 3, 10.).unwrap();
    let last = doubled.minima[2];
    doubled.minima[1] = last;
    let why = check_neuron(&doubled).unwrap().refuted.unwrap();
    assert!(why.starts_with("minimum 3: its box begins at"), "{why}");
    let mut turned = proved(2, 3, 10.).unwrap();
    turned.minima.reverse();
    assert!(check_neuron(&turned).unwrap().refuted.unwrap().contains("its box begins at"));
    let mut swapped = proved(2, 3, 10.).unwrap();
    swapped.header.neuron.ratio = 1.;
    assert!(check_neuron(&swapped).unwrap_err().to_string().starts_with("ratio"));
    let mut none = proved(2, 3, 10.).unwrap();
    none.header.neuron.dims = 0;
    none.header.claim.minima = "3^0".into();
    assert!(check_neuron(&none).is_err());
}

/// Lengths whose squares overflow, and lengths that are no doubles.
#[test]
fn lengths_may_be_far_apart() {
    for (per_dim, ratio) in [(200, 10.), (40, 1e7 / 3.), (25, 9.7)] {
        confirmed(&proved(3, per_dim, ratio).unwrap());
    }
}
