//! Paths, barriers and training against closed forms.
#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{
    Connect, Curve, Decay, Linear, Optimizer, Rule, Sampler, Schedule, Search, Stop, TrainSettings, train,
};
use collado_models::{Arch, Init};
use collado_risk::{
    Barrier, Criterion, EmpiricalRisk, Evaluation, Examples, Loss, Objective, Path, Rows, profile,
};

/// F(θ) = ½ Σ_s s θ_s² for s = 1..S: a risk whose gradient descent is known.
struct Bowl;

impl Objective for Bowl {
    fn at(
        &self,
        theta: &Tensor,
        _: Rows<'_>,
        gradient: Option<&mut Tensor>,
    ) -> collado_risk::Result<Vec<Evaluation>> {
        let scale: Vec<f64> = (1..=theta.dims()[1]).map(|s| s as f64).collect();
        let slope = theta.broadcast_mul(&Tensor::new(scale, &Device::Cpu)?)?;
        let risks = ((&slope * theta)?.sum(1)? / 2.)?.to_vec1::<f64>()?;
        if let Some(gradient) = gradient {
            *gradient = slope;
        }
        Ok(risks.into_iter().map(Evaluation::from).collect())
    }
}

fn points(rows: &[[f64; 3]]) -> Tensor {
    Tensor::from_slice(rows.as_flattened(), (rows.len(), 3), &Device::Cpu).unwrap()
}

#[test]
fn paths_pass_through_their_ends_and_weights_add_up() {
    let vertices = points(&[[0., 0., 0.], [1., 2., 2.], [4., 0., 1.], [4., 4., 1.]]);
    for path in [Path::polychain(vertices.clone()).unwrap(), Path::bezier(vertices.clone()).unwrap()] {
        assert_eq!(path.at(0.).unwrap().to_vec1::<f64>().unwrap(), [0., 0., 0.]);
        assert_eq!(path.at(1.).unwrap().to_vec1::<f64>().unwrap(), [4., 4., 1.]);
        for t in [0.1, 1. / 3., 0.77] {
            assert!((path.coefficients(t).iter().sum::<f64>() - 1.).abs() < 1e-14);
        }
        assert!(path.at(1.5).is_err());
    }
    let cubic = Path::bezier(vertices.clone()).unwrap().coefficients(0.25);
    let closed = [27. / 64., 27. / 64., 9. / 64., 1. / 64.];
    assert!(cubic.iter().zip(closed).all(|(a, b)| (a - b).abs() < 1e-15), "{cubic:?}");
    // The legs of the chain have lengths 3, √14 and 4.
    let steps = Path::polychain(vertices).unwrap().steps(&[0., 1. / 3., 2. / 3., 1.]).unwrap();
    assert!((steps.iter().sum::<f64>() - (7. + 14f64.sqrt())).abs() < 1e-12, "{steps:?}");
}

#[test]
fn the_six_barriers_are_their_definitions() {
    let b = Barrier::new(&[0., 0.25, 0.5, 0.75, 1.], &[1., 2., 5., 6., 3.], 5.);
    let expected =
        Barrier { max: 6., above_ends: 3., above_mean: 4., above_chord: 3.5, midpoint: 3., mean: 3.75 };
    assert_eq!(b, expected);
    let below = Barrier::new(&[0., 0.5, 1.], &[1., 0., 1.], 0.);
    assert_eq!((below.above_ends, below.midpoint), (0., -1.));
    assert!(Barrier::new(&[0., 0.5, 1.], &[1., f64::NAN, 1.], f64::NAN).above_ends.is_nan());
}

#[test]
fn example_1_20_has_a_barrier_of_one_half() {
    let x = Tensor::new(&[[-1.], [1.]], &Device::Cpu).unwrap();
    let y = Tensor::new(&[[0.], [1.]], &Device::Cpu).unwrap();
    let criterion = Criterion { loss: Loss::Squared, ..Criterion::default() };
    let objective = EmpiricalRisk::new(Arch::example_1_20(), Examples::new(&x, &y).unwrap(), criterion)
        .unwrap()
        .with_memory(1 << 20);
    let a = Tensor::new(&[1., 1., 1., 0., 1., -1.], &Device::Cpu).unwrap();
    let b = Tensor::new(&[1., 1., 0., 1., -1., 1.], &Device::Cpu).unwrap();
    let mut search = Search { objective: &objective, seed: 0, progress: &mut () };
    let line = Linear.find(&a, &b, &mut search).unwrap().path;
    let profile = profile(&line, 61, &objective, None).unwrap();
    assert_eq!((profile.train[0].risk, profile.train[30].risk, profile.train[60].risk), (0., 0.5, 0.));
    assert_eq!(profile.barrier().above_ends, 0.5);
    assert!((profile.normalized_length() - 1.).abs() < 1e-12);
}

/// Two steps from θ = 1 with gradients 1 and −2, worked out by hand from PyTorch's documentation.
#[test]
fn optimisers_follow_their_formulas() {
    let after = |rule: Rule| {
        let theta = Tensor::new(&[[1f64]], &Device::Cpu).unwrap();
        let mut optimizer = Optimizer::new(rule, &theta).unwrap();
        for g in [1., -2.] {
            optimizer.step(&theta, &Tensor::new(&[[g]], &Device::Cpu).unwrap(), 0.1).unwrap();
        }
        theta.to_vec2::<f64>().unwrap()[0][0]
    };
    let sgd = |momentum, nesterov, weight_decay| Rule::Sgd { momentum, nesterov, weight_decay };
    assert!((after(sgd(0., false, 0.)) - 1.1).abs() < 1e-15);
    assert!((after(sgd(0., false, 0.5)) - (0.85 - 0.1 * (-2. + 0.425))).abs() < 1e-15);
    assert!((after(sgd(0.9, false, 0.)) - (0.9 + 0.11)).abs() < 1e-15);
    assert!((after(sgd(0.9, true, 0.)) - (0.81 - 0.1 * (-2. + 0.9 * -1.1))).abs() < 1e-15);
    let (m, v) = ((0.09 - 0.2) / 0.19, (0.000999 + 0.004) / (1. - 0.998001));
    let adam = 0.9 - 0.1 * m / f64::sqrt(v);
    assert!((after(Rule::Adam { weight_decay: 0., decoupled: false }) - adam).abs() < 1e-8);
    let decayed = (0.95 - 0.1) * 0.95 - 0.1 * m / f64::sqrt(v);
    assert!((after(Rule::Adam { weight_decay: 0.5, decoupled: true }) - decayed).abs() < 1e-8);
}

#[test]
fn gradient_descent_on_a_bowl_is_geometric_and_divergence_is_named() {
    let rule = Rule::Sgd { momentum: 0., nesterov: false, weight_decay: 0. };
    let settings = TrainSettings { epochs: 10, batch: 0, rule, lr: 0.1, ..TrainSettings::default() };
    let start = points(&[[1., 1., 1.], [2., 0., 0.]]);
    let quiet = &mut ();
    let done = train(&Bowl, &start, &[0, 1], &settings, quiet).unwrap();
    let end = done.runs[0].theta.to_vec1::<f64>().unwrap();
    for (s, x) in end.iter().enumerate() {
        assert!((x - (1. - 0.1 * (s + 1) as f64).powi(10)).abs() < 1e-14);
    }
    assert_eq!((done.runs[0].stop, done.runs[0].steps), (Stop::Epochs, 10));
    let wild = TrainSettings { epochs: 5000, lr: 10., ..settings.clone() };
    assert_eq!(train(&Bowl, &start, &[0, 1], &wild, quiet).unwrap().runs[0].stop, Stop::Diverged);
    // A row that has converged leaves; the other goes on.
    let until = TrainSettings { epochs: 1000, until_risk: Some(0.6), ..settings };
    let runs = train(&Bowl, &start, &[0, 1], &until, quiet).unwrap().runs;
    assert!(runs.iter().all(|r| r.stop == Stop::Converged) && runs[0].steps < runs[1].steps);
    assert_eq!(start.to_vec2::<f64>().unwrap()[0], [1., 1., 1.]);
}

#[test]
fn seeds_in_a_stack_train_as_they_do_alone() {
    let data = collado_data::load("synthetic:gaussians?n=100&d=5&k=3").unwrap().train;
    let collado_data::Targets::Classes { labels, .. } = &data.targets else { panic!("classes") };
    let labels = Tensor::from_slice(labels, labels.len(), &Device::Cpu).unwrap();
    let arch = "relu:5-8-3".parse::<collado_models::ArchSpec>().unwrap().resolve(5, 3).unwrap();
    let objective =
        EmpiricalRisk::new(&arch, Examples::new(&data.inputs, &labels).unwrap(), Criterion::default())
            .unwrap()
            .with_memory(1 << 20);
    let settings = TrainSettings { epochs: 3, batch: 16, ..TrainSettings::default() };
    let run = |seeds: &[u64]| {
        let start = Init::default().stack(&arch, seeds, DType::F64, &Device::Cpu).unwrap();
        let runs = train(&objective, &start, seeds, &settings, &mut ()).unwrap().runs;
        runs.iter().map(|r| r.theta.to_vec1::<f64>().unwrap()).collect::<Vec<_>>()
    };
    let together = run(&[0, 1, 2]);
    for seed in 0..3 {
        assert_eq!(run(&[seed])[0], together[seed as usize]);
    }
    // And two of them can be joined by a curve that is lower than the line.
    let (a, b) = (
        Tensor::new(&*together[0], &Device::Cpu).unwrap(),
        Tensor::new(&*together[1], &Device::Cpu).unwrap(),
    );
    let mut search = Search { objective: &objective, seed: 0, progress: &mut () };
    let barrier = |path: &Path| profile(path, 61, &objective, None).unwrap().barrier().max;
    let line = Linear.find(&a, &b, &mut search).unwrap().path;
    let curve =
        Curve { batch: 0, epochs: 400, lr: 1e-2, ..Curve::default() }.find(&a, &b, &mut search).unwrap().path;
    assert!(barrier(&curve) < barrier(&line), "{} {}", barrier(&curve), barrier(&line));
    let ends = curve.vertices().to_vec2::<f64>().unwrap();
    assert_eq!((&ends[0], &ends[2]), (&together[0], &together[1]));
}

#[test]
fn an_epoch_sees_every_example_once() {
    let mut sampler = Sampler::new(7, 10, 4);
    assert_eq!(sampler.steps_per_epoch(), 3);
    let mut seen: Vec<u32> = (3..6).flat_map(|step| sampler.batch(step).to_vec()).collect();
    assert_eq!(Sampler::new(7, 10, 4).batch(4), sampler.batch(4));
    seen.sort_unstable();
    assert_eq!(seen, (0..10).collect::<Vec<u32>>());
}

#[test]
fn schedules_are_their_formulas() {
    let at = |decay, warmup, step| Schedule { decay, warmup }.factor(step, 100);
    assert_eq!([at(Decay::Constant, 0, 99), at(Decay::Constant, 10, 4)], [1., 0.5]);
    assert_eq!([at(Decay::Step, 0, 49), at(Decay::Step, 0, 50), at(Decay::Step, 0, 75)], [1., 0.1, 0.01]);
    assert!((at(Decay::Cosine, 0, 50) - 0.5).abs() < 1e-15);
}
