//! Centres of stars: straight segments of deep linear networks against the theorem, and learned centres.
#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{
    Error, LearnedStar, LinearGoal, LinearStar, Rule, Search, TrainSettings, linear_optimum, train,
};
use collado_models::{Activation, Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Objective, Path, Regularizer};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn criterion() -> Criterion {
    Criterion { loss: Loss::Squared, kappa: 0., regularizer: Regularizer::L2 }
}

fn random(rows: usize, columns: usize, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f64> = (0..rows * columns).map(|_| rng.random_range(-1. ..1.)).collect();
    Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap()
}

/// A network with these hidden layers, random points, and regression data with their optimum.
struct Problem {
    arch: Arch,
    ends: Vec<Tensor>,
    objective: EmpiricalRisk,
    optimum: collado_dynamics::LinearOptimum,
}

fn problem(hidden: &[usize], outputs: usize, ends: usize, bias: bool) -> Problem {
    let widths = [&[3], hidden, &[outputs]].concat();
    let arch = Arch::dense(Activation::Linear, &widths, bias).unwrap();
    let seeds: Vec<u64> = (0..ends as u64).collect();
    let stack = Init::default().stack(&arch, &seeds, DType::F64, &Device::Cpu).unwrap();
    let (inputs, targets) = (random(40, 3, 7), random(40, outputs, 8));
    let narrowest = widths.iter().copied().min().unwrap();
    let optimum = linear_optimum(&inputs, &targets, narrowest, bias).unwrap();
    let objective =
        EmpiricalRisk::new(&arch, Examples::new(&inputs, &targets).unwrap(), criterion()).unwrap();
    let ends = (0..ends).map(|i| stack.get(i).unwrap()).collect();
    Problem { arch, ends, objective, optimum }
}

/// By how much F rises above the higher end on the segments to a centre, over F there, and F at the centre.
fn rise(problem: &Problem, centre: &Tensor) -> (f64, f64) {
    let mut largest: f64 = 0.;
    let mut at_centre = 0.;
    for end in &problem.ends {
        let risks = Path::segment(end, centre).unwrap().profile(&problem.objective, 41).unwrap().risks();
        let higher = risks[0].max(risks[40]);
        largest = risks.iter().fold(largest, |m, f| m.max(f / higher - 1.));
        at_centre = risks[40];
        // The product moves straight: F is a parabola along the segment.
        let chord = |t: f64| {
            risks[0]
                + t * (4. * risks[20] - 3. * risks[0] - risks[40])
                + 2. * t * t * (risks[0] + risks[40] - 2. * risks[20])
        };
        for (i, f) in risks.iter().enumerate() {
            assert!((f - chord(i as f64 / 40.)).abs() < 1e-9 * higher, "{i}: {f}");
        }
    }
    (largest, at_centre)
}

#[test]
fn segments_to_the_centre_do_not_rise_from_the_threshold_on() {
    for (depth, outputs, ends, bias) in [
        (1, 2, 3, false),
        (2, 1, 2, false),
        (2, 3, 4, true),
        (3, 2, 3, false),
        (3, 2, 2, true),
        (4, 1, 4, false),
        (4, 3, 2, false),
    ] {
        let least = outputs * (ends * (depth - 1) + 1);
        for width in [least, least + 5] {
            let problem = problem(&vec![width; depth - 1], outputs, ends, bias);
            let star = LinearStar::new(&problem.arch, criterion(), 0);
            assert_eq!(star.threshold(ends), least);
            let found = star.centre(&problem.ends, LinearGoal::Optimum(&problem.optimum)).unwrap();
            let (rise, at_centre) = rise(&problem, &found.theta);
            assert!(
                rise < 1e-10 && found.residual < 1e-10,
                "L = {depth}, q = {outputs}, r = {ends}: {rise} {found:?}"
            );
            assert!((at_centre - problem.optimum.risk).abs() < 1e-9, "{at_centre} {}", problem.optimum.risk);
            assert!(found.condition >= 1. && found.length > 0., "{found:?}");
            // The function of an end serves as well, with any convex loss.
            let other = star.centre(&problem.ends, LinearGoal::End(1)).unwrap();
            let (rise, at_centre) = self::rise(&problem, &other.theta);
            let own = problem
                .objective
                .risks(&collado_risk::Span::stack(&problem.ends[1].unsqueeze(0).unwrap()).unwrap());
            assert!(rise < 1e-10 && (at_centre - own.unwrap()[0]).abs() < 1e-9);
        }
    }
}

#[test]
fn one_neuron_less_is_refused_and_does_not_suffice() {
    let (depth, outputs, ends) = (3, 2, 3);
    let least = outputs * (ends * (depth - 1) + 1);
    let problem = problem(&[least - 1, least - 1], outputs, ends, false);
    let star = LinearStar::new(&problem.arch, criterion(), 0);
    let goal = LinearGoal::Optimum(&problem.optimum);
    let error = star.centre(&problem.ends, goal).unwrap_err();
    assert!(matches!(error, Error::Hypothesis { .. }));
    let text = error.to_string();
    assert!(text.contains("= 14 for 3 ends") && text.contains("found 13, of which 1 are missing"), "{text}");
    assert!(star.best(&problem.ends, goal).unwrap().residual > 1e-3);
    // A later layer can be too narrow, too: four ends and the centre span (r+1)n₂ rows.
    let narrow = self::problem(&[20, 3], outputs, ends, false);
    let error = LinearStar::new(&narrow.arch, criterion(), 0).check(ends).unwrap_err().to_string();
    assert!(
        error.contains("second hidden width") && error.contains("found 3, of which 1 are missing"),
        "{error}"
    );
    let ridge = Criterion { kappa: 0.1, ..criterion() };
    assert!(LinearStar::new(&problem.arch, ridge, 0).check(2).is_err());
}

#[test]
fn a_learned_centre_is_lower_than_the_mean() {
    let arch = Arch::dense(Activation::Tanh, &[3, 12, 2], true).unwrap();
    let (inputs, targets) = (random(60, 3, 1), random(60, 2, 2));
    let objective =
        EmpiricalRisk::new(&arch, Examples::new(&inputs, &targets).unwrap(), criterion()).unwrap();
    let seeds = [0, 1, 2];
    let start = Init::default().stack(&arch, &seeds, DType::F64, &Device::Cpu).unwrap();
    let settings = TrainSettings {
        epochs: 400,
        batch: 0,
        rule: Rule::Adam { weight_decay: 0., decoupled: false },
        lr: 1e-2,
        ..TrainSettings::default()
    };
    let runs = train(&objective, &start, &seeds, &settings, &mut ()).unwrap().runs;
    let ends = Tensor::stack(&runs.iter().map(|run| run.theta.clone()).collect::<Vec<_>>(), 0).unwrap();
    let star = LearnedStar { epochs: 2000, batch: 0, ..LearnedStar::default() };
    let find = || {
        let mut search = Search { objective: &objective, seed: 3, progress: &mut () };
        star.centre(&ends, &mut search).unwrap()
    };
    let centre = find();
    let highest = |centre: &Tensor| {
        (0..3)
            .map(|i| {
                let line = Path::segment(&ends.get(i).unwrap(), centre).unwrap();
                line.profile(&objective, 21).unwrap().barrier().above_ends
            })
            .fold(0., f64::max)
    };
    let (learned, mean) = (highest(&centre), highest(&ends.mean(0).unwrap()));
    assert!(learned < 0.2 * mean, "{learned} {mean}");
    // The same seed gives the same centre, and the ends are as they were.
    assert_eq!(find().to_vec1::<f64>().unwrap(), centre.to_vec1::<f64>().unwrap());
    assert_eq!(ends.get(0).unwrap().to_vec1::<f64>().unwrap(), runs[0].theta.to_vec1::<f64>().unwrap());
}
