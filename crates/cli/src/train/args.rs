//! The flags of `collado train`.

use std::{path::PathBuf, time::Duration};

use clap::{Args as ClapArgs, ValueEnum};
use collado_models::Init;

use crate::{
    args::{ArchArgs, Common, DataArgs, Out},
    numbers::{any, momentum, not_negative, positive, seconds, some, whole},
    suggest::{INITS, Suggest},
};

#[derive(Debug, ClapArgs)]
// A checkpoint to start from states the network as well.
#[command(mut_arg("arch", |arch| arch.required_unless_present_any(["net", "from"])))]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) arch: ArchArgs,
    /// Checkpoint to start from, instead of random parameters; it states the network unless --arch or --net does.
    #[arg(long, value_name = "CHECKPOINT", conflicts_with = "init")]
    pub(crate) from: Option<PathBuf>,
    /// Range a..b of seeds, excluding b, with one run for each; overrides --seed.
    #[arg(long, value_parser = seeds)]
    pub(crate) seeds: Option<std::ops::Range<u64>>,
    /// Initialisation: pytorch, he, xavier, normal, normal:SIGMA, standard, narrow or orthogonal.
    #[arg(long, default_value = "pytorch", value_parser = Suggest::<Init>::new(INITS), hide_possible_values = true)]
    pub(crate) init: Init,
    /// Number of epochs, that is, passes over the examples.
    #[arg(long, default_value_t = 100, value_parser = some::<u64>())]
    pub(crate) epochs: u64,
    /// Number of examples in a minibatch; 0 = all [default: 64; lbfgs 0].
    #[arg(long, value_parser = any::<usize>())]
    pub(crate) batch: Option<usize>,
    /// Update rule; lbfgs takes one seed and all examples.
    #[arg(long, default_value = "sgd")]
    pub(crate) optimizer: OptimizerName,
    /// Step size [default: 0.05; adam, adamw, rmsprop, nadam, radam 1e-3; adamax 2e-3; adagrad 1e-2; adadelta, lbfgs
    /// 1].
    #[arg(long, value_parser = positive)]
    pub(crate) lr: Option<f64>,
    /// Momentum of SGD [default: 0.9].
    #[arg(long, value_parser = momentum)]
    pub(crate) momentum: Option<f64>,
    /// Use Nesterov's momentum.
    #[arg(long)]
    pub(crate) nesterov: bool,
    /// Weight decay.
    #[arg(long, default_value_t = 0., value_parser = not_negative)]
    pub(crate) weight_decay: f64,
    /// Schedule of the step size over the run [default: constant; cosine with --finish].
    #[arg(long)]
    pub(crate) schedule: Option<ScheduleName>,
    /// Number of epochs of linear warm-up.
    #[arg(long, default_value_t = 0, value_parser = any::<u64>())]
    pub(crate) warmup: u64,
    /// Risk at which a run stops.
    #[arg(long, value_parser = not_negative)]
    pub(crate) until_risk: Option<f64>,
    /// Gradient norm at which a run stops.
    #[arg(long, value_parser = not_negative)]
    pub(crate) until_gradient: Option<f64>,
    /// Go on after the last epoch to a minimum, by Newton's method with exact Hessian products in F64, until the norm
    /// of the gradient is at most GRADIENT·(1+F).
    #[arg(long, value_parser = positive, value_name = "GRADIENT")]
    pub(crate) finish: Option<f64>,
    /// Largest number of steps.
    #[arg(long, value_parser = whole::<u64>(0..=u64::MAX))]
    pub(crate) max_steps: Option<u64>,
    /// Longest time of training, in seconds.
    #[arg(long, value_parser = seconds)]
    pub(crate) max_seconds: Option<Duration>,
    /// Seconds between two savings of the state, for --resume.
    #[arg(long, default_value = "30", value_parser = seconds, value_name = "SECONDS")]
    pub(crate) save_every: Duration,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OptimizerName {
    Sgd,
    Adam,
    Adamw,
    Rmsprop,
    Nadam,
    Radam,
    Adagrad,
    Adadelta,
    Adamax,
    Lbfgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScheduleName {
    Constant,
    Step,
    Cosine,
}

fn seeds(text: &str) -> Result<std::ops::Range<u64>, String> {
    let ends = text.split_once("..").and_then(|(a, b)| Some(a.parse::<u64>().ok()?..b.parse::<u64>().ok()?));
    match ends {
        Some(range) if range.start < range.end && range.end - range.start <= 100_000 => Ok(range),
        _ => Err("expected a..b with a < b".into()),
    }
}
