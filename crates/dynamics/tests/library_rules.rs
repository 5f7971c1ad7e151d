//! The adaptive rules against those of candle-optimisers, which cannot save what it remembers: the same bits.
#![allow(clippy::unwrap_used)]

use candle_core::{Device, Tensor, Var};
use candle_nn::Optimizer as LibraryOptimizer;
use candle_optimisers::{
    Decay,
    adadelta::{Adadelta, ParamsAdaDelta},
    adagrad::{Adagrad, ParamsAdaGrad},
    adamax::{Adamax, ParamsAdaMax},
    nadam::{NAdam, ParamsNAdam},
    radam::{ParamsRAdam, RAdam},
    rmsprop::{ParamsRMSprop, RMSprop},
};
use collado_dynamics::{AdaptiveRule, Optimizer, Rule};

const STEPS: usize = 60;

fn start() -> Tensor {
    let start: Vec<f64> = (0..12).map(|i| (f64::from(i) * 0.7).sin()).collect();
    Tensor::from_slice(&start, (3, 4), &Device::Cpu).unwrap()
}

/// θ after some steps along the gradient of Σ sin θ.
fn own(rule: AdaptiveRule, weight_decay: f64, lr: f64) -> Vec<u64> {
    let theta = start();
    let mut optimizer = Optimizer::new(Rule::Adaptive { rule, weight_decay }, &theta).unwrap();
    (0..STEPS).for_each(|_| optimizer.step(&theta, &theta.cos().unwrap(), lr).unwrap());
    bits(&theta)
}

/// The same by the library.
fn library<O: LibraryOptimizer>(config: O::Config) -> Vec<u64> {
    let theta = Var::from_tensor(&start()).unwrap();
    let mut optimizer = O::new(vec![theta.clone()], config).unwrap();
    for _ in 0..STEPS {
        let loss = theta.sin().unwrap().sum_all().unwrap();
        optimizer.step(&loss.backward().unwrap()).unwrap();
    }
    bits(&theta)
}

fn bits(theta: &Tensor) -> Vec<u64> {
    theta.flatten_all().unwrap().to_vec1::<f64>().unwrap().into_iter().map(f64::to_bits).collect()
}

#[test]
fn rules_do_what_the_library_does() {
    for decay in [0., 1e-2] {
        let weight_decay = (decay > 0.).then_some(Decay::WeightDecay(decay));
        let lr = 1e-2;
        let pairs = [
            (
                AdaptiveRule::RmsProp,
                library::<RMSprop>(ParamsRMSprop {
                    lr,
                    weight_decay: (decay > 0.).then_some(decay),
                    ..Default::default()
                }),
            ),
            (AdaptiveRule::Nadam, library::<NAdam>(ParamsNAdam { lr, weight_decay, ..Default::default() })),
            (AdaptiveRule::Radam, library::<RAdam>(ParamsRAdam { lr, weight_decay, ..Default::default() })),
            (
                AdaptiveRule::Adagrad,
                library::<Adagrad>(ParamsAdaGrad { lr, weight_decay, ..Default::default() }),
            ),
            (
                AdaptiveRule::Adadelta,
                library::<Adadelta>(ParamsAdaDelta { lr, weight_decay, ..Default::default() }),
            ),
            (
                AdaptiveRule::Adamax,
                library::<Adamax>(ParamsAdaMax { lr, weight_decay, ..Default::default() }),
            ),
        ];
        for (rule, expected) in pairs {
            assert_eq!(own(rule, decay, lr), expected, "{rule:?} with weight decay {decay}");
        }
    }
}
