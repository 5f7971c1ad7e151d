//! Every optimiser of the program, with its default step size, against its definition.
#![allow(clippy::unwrap_used)]

#[path = "../crates/dynamics/tests/definition/mod.rs"]
mod definition;
mod support;

use std::path::Path;

use candle_core::Device;
use collado_dynamics::{AdaptiveRule, Rule};
use definition::Definition;
use support::json;

/// Inputs and targets of F(w) = ¼ Σ (wx − y)².
const EXAMPLES: [(f64, f64); 4] = [(1., 2.5), (2., 3.), (-1., 0.5), (0.5, -1.)];

/// Trains the one weight and returns it.
fn trained(folder: &Path, flags: &str) -> f64 {
    let args = "train --arch linear:1-1 --data csv:line.csv?target=y --dtype f64 --json -q --force --out run";
    json(folder, &format!("{args} {flags}"));
    let tensors =
        candle_core::safetensors::load(folder.join("run/seed-0.safetensors"), &Device::Cpu).unwrap();
    let [weight] = tensors["0.weight"].flatten_all().unwrap().to_vec1().unwrap()[..] else {
        panic!("one weight")
    };
    weight
}

/// The flags, the rule that they stand for, and its default step size.
fn rules(weight_decay: f64) -> [(&'static str, Rule, f64); 11] {
    let sgd = |momentum, nesterov| Rule::Sgd { momentum, nesterov, weight_decay };
    let adam = |decoupled| Rule::Adam { weight_decay, decoupled };
    let adaptive = |rule| Rule::Adaptive { rule, weight_decay };
    [
        ("sgd", sgd(0.9, false), 0.05),
        ("sgd --momentum 0", sgd(0., false), 0.05),
        ("sgd --nesterov", sgd(0.9, true), 0.05),
        ("adam", adam(false), 1e-3),
        ("adamw", adam(true), 1e-3),
        ("rmsprop", adaptive(AdaptiveRule::RmsProp), 1e-3),
        ("nadam", adaptive(AdaptiveRule::Nadam), 1e-3),
        ("radam", adaptive(AdaptiveRule::Radam), 1e-3),
        ("adagrad", adaptive(AdaptiveRule::Adagrad), 1e-2),
        ("adadelta", adaptive(AdaptiveRule::Adadelta), 1.),
        ("adamax", adaptive(AdaptiveRule::Adamax), 2e-3),
    ]
}

#[test]
fn every_optimiser_follows_its_definition() {
    let folder = tempfile::tempdir().unwrap();
    let lines = EXAMPLES.map(|(x, y)| format!("{x},{y}\n"));
    std::fs::write(folder.path().join("line.csv"), format!("x,y\n{}", lines.concat())).unwrap();
    let start = trained(folder.path(), "--max-steps 0");
    let gradient = |w: f64| EXAMPLES.map(|(x, y)| x * (w * x - y)).iter().sum::<f64>() / 2.;
    // Without weight decay SGD takes another way through the code.
    for weight_decay in [0., 0.01] {
        for (name, rule, lr) in rules(weight_decay) {
            let flags = format!("--optimizer {name} --weight-decay {weight_decay} --batch 0 --epochs 25");
            let found = trained(folder.path(), &flags);
            let mut definition = Definition::new(rule);
            let expected = (0..25).fold(start, |w, _| definition.step(w, gradient(w), lr));
            assert!((found - expected).abs() < 1e-12, "{flags}: {found}, {expected} from {start}");
        }
    }
    let least_squares =
        EXAMPLES.map(|(x, y)| x * y).iter().sum::<f64>() / EXAMPLES.map(|(x, _)| x * x).iter().sum::<f64>();
    let found = trained(folder.path(), "--optimizer lbfgs --epochs 25");
    assert!((found - least_squares).abs() < 1e-9, "{found}, {least_squares} from {start}");
}
