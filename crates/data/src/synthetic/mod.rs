//! Data sets drawn from a seed: `synthetic:NAME?key=value&…`.
//!
//! Every name takes `n` (training rows, 512), `test` (test rows, 0) and `seed` (0) besides its own keys. The
//! task itself, the rows of either split and their noise come from separate streams of one ChaCha8 generator,
//! so more rows, a test split or noise leave everything else as it was. Inputs are F64. Functions such as
//! `sin` are those of the platform, so bits may differ between platforms.

mod classes;
mod curves;
mod draw;
mod regression;

use std::fmt;
use std::sync::Arc;

use draw::{Draw, Part};

use crate::array::matrix;
use crate::options::Options;
use crate::{Dataset, Result, Split, Targets};

/// The most numbers one array may hold (2 GiB in F64).
const MAX_NUMBERS: usize = 1 << 28;

/// A synthetic task: a distribution of inputs and targets.
trait Task: fmt::Debug + Send + Sync {
    /// The number of inputs in a row.
    fn features(&self) -> usize;
    /// The number of real targets in a row; a class label counts as one.
    fn outputs(&self) -> usize {
        1
    }
    /// The number of values that the task itself needs in memory, besides the rows.
    fn parameters(&self) -> usize {
        0
    }
    /// Draws `n` rows.
    fn rows(&self, n: usize, draw: &mut Draw) -> Rows;
}

/// The inputs, row after row, with the targets.
struct Rows {
    inputs: Vec<f64>,
    targets: Labels,
}

/// The targets as they were drawn.
enum Labels {
    /// Each row has one of `count` classes.
    Classes { labels: Vec<u32>, count: usize },
    /// Each row has `width` numbers.
    Values { values: Vec<f64>, width: usize },
}

/// A constructor of a task, which reads its keys.
type Build = fn(&Options) -> Result<Arc<dyn Task>>;

/// All tasks: name, distribution with its keys and their defaults, and constructor.
const TASKS: [(&str, &str, Build); 9] = [
    ("teacher", "x ~ N(0, I), y = Σ_j c_j relu(w_j·x) + noise: d=2 k=4 q=1 noise=0", regression::teacher),
    (
        "linear",
        "x ~ N(0, I), y = A x + noise, A of a given rank (0: full): d=4 q=1 rank=0 noise=0",
        regression::linear,
    ),
    ("sine", "x uniform in [-1, 1], y = sin(omega x) + noise: omega=6 noise=0", regression::sine),
    ("unit-sphere", "x uniform on the unit sphere, y ~ N(0, 1): d=10 q=1", regression::unit_sphere),
    ("gaussians", "k classes N(sep·u_j, I), u_j random unit vectors: d=2 k=3 sep=4", classes::gaussians),
    (
        "parity",
        "x uniform in {-1, 1}^d, class = parity of the -1 among the first k: d=8 k=3",
        classes::parity,
    ),
    ("xor", "x ~ N((±1, ±1), noise² I), class = signs differ: noise=0.3", classes::xor),
    ("two-moons", "two interleaved half circles with noise: noise=0.1", curves::two_moons),
    ("spirals", "k spiral arms with noise: k=2 turns=1 noise=0.02", curves::spirals),
];

/// The names that may follow `synthetic:`, each with its distribution and its keys with their defaults.
pub fn synthetic_tasks() -> impl Iterator<Item = (&'static str, &'static str)> {
    TASKS.iter().map(|&(name, about, _)| (name, about))
}

/// A task with its sizes and seed.
#[derive(Debug, Clone)]
pub(crate) struct Synthetic {
    task: Arc<dyn Task>,
    rows: usize,
    test: usize,
    seed: u64,
}

impl Synthetic {
    pub(crate) fn parse(name: &str, options: &Options) -> Result<Self> {
        let Some((_, _, build)) = TASKS.iter().find(|(known, ..)| *known == name) else {
            let names: Vec<_> = synthetic_tasks().map(|(name, _)| name).collect();
            return Err(options.error("name", names.join(", "), name));
        };
        let task = build(options)?;
        let rows = options.count("n", 512)?;
        let test = options.value("test", 0, "an integer from 0 to 16777216", |&n: &usize| n <= 1 << 24)?;
        let seed = options.value("seed", 0, "an integer from 0 to 2^64 - 1", |_: &u64| true)?;
        options.finish()?;
        let numbers =
            rows.max(test).saturating_mul(task.features().max(task.outputs())).max(task.parameters());
        if numbers > MAX_NUMBERS {
            return Err(options.error(
                "sizes",
                format!("at most {MAX_NUMBERS} numbers"),
                &numbers.to_string(),
            ));
        }
        Ok(Self { task, rows, test, seed })
    }

    pub(crate) fn load(&self, spec: &str) -> Result<Dataset> {
        let train = self.split(self.rows, Part::Train)?;
        let test = if self.test > 0 { Some(self.split(self.test, Part::Test)?) } else { None };
        Dataset::new(spec, train, test)
    }

    fn split(&self, n: usize, part: Part) -> Result<Split> {
        let Rows { inputs, targets } = self.task.rows(n, &mut Draw::new(self.seed, part));
        let targets = match targets {
            Labels::Classes { labels, count } => Targets::Classes { labels, count, names: Vec::new() },
            Labels::Values { values, width } => Targets::Values(matrix(values, width)?),
        };
        Split::new(matrix(inputs, self.task.features())?, targets)
    }
}
