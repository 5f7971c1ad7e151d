//! Lazy training of two-layer networks (theory §11): the kernel that makes gradient descent converge, how it grows with
//! the number of neurons n, and how little θ has to move.
//!
//! The claim is Berner et al. 2021, "The modern mathematics of deep learning", §5.2. The slides print it with
//! $\theta^1_j\sim N(0,1/n)$, for which it does not hold; it needs $\theta^1_j\sim N(0,1)$. Both are measured.

mod curvature;
mod descent;
mod growth;
mod outcome;
mod pictures;
mod report;

use candle_core::Tensor;
use collado_data::Targets;
use collado_models::{Arch, Init};

use self::outcome::RULE;
pub use self::{
    curvature::SecondDerivative,
    descent::{Descent, Snapshot},
    growth::Growth,
    outcome::{CLAIM, Lazy},
};
use crate::{CellCache, Result, StudyError};

/// How the study is run.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `widths` | 2^6, 2^7, …, 2^12 | numbers of neurons n | at least 2 different ones |
/// | `examples` | 64 | m | 2 to 4096 |
/// | `inputs` | 10 | dimension d of the unit rows | ≥ 2 |
/// | `runs` | 8 | networks for each width and initialisation | ≥ 2 |
/// | `steps` | 2000 | of gradient descent; as many of SGD | ≥ 1 |
/// | `batch` | 8 | minibatch of SGD | ≥ 1 |
/// | `draws` | 200 000 | neurons for the second derivatives | ≥ 2 |
/// | `seed` | 0 | of data, networks, minibatches and draws | |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LazySettings {
    /// Numbers of neurons.
    pub widths: Vec<usize>,
    /// Number of examples.
    pub examples: usize,
    /// Dimension of the inputs.
    pub inputs: usize,
    /// Networks for each width and initialisation.
    pub runs: usize,
    /// Steps of gradient descent.
    pub steps: u64,
    /// Minibatch of SGD.
    pub batch: usize,
    /// Neurons drawn for the second derivatives.
    pub draws: usize,
    /// Seed of everything.
    pub seed: u64,
}

impl Default for LazySettings {
    fn default() -> Self {
        let widths = (6..=12).map(|k| 1 << k).collect();
        Self { widths, examples: 64, inputs: 10, runs: 8, steps: 2000, batch: 8, draws: 200_000, seed: 0 }
    }
}

impl LazySettings {
    /// For a look in seconds: up to 2^11 neurons, fewer runs and steps.
    pub fn quick() -> Self {
        let widths = (6..=11).map(|k| 1 << k).collect();
        Self { widths, runs: 4, steps: 500, draws: 50_000, ..Self::default() }
    }

    /// Up to 2^14 neurons.
    pub fn full() -> Self {
        Self { widths: (6..=14).map(|k| 1 << k).collect(), ..Self::default() }
    }

    fn check(&self) -> Result<()> {
        let out = |name, expected, found: String| Err(StudyError::Setting { name, expected, found });
        let mut widths = self.widths.clone();
        widths.sort_unstable();
        widths.dedup();
        match self {
            _ if widths.len() < 2 => {
                out("--widths", "at least 2 different numbers", format!("{:?}", self.widths))
            }
            _ if !(2..=4096).contains(&self.examples) => {
                out("--examples", "2 to 4096", self.examples.to_string())
            }
            _ if self.inputs < 2 => out("--dims", "at least 2", self.inputs.to_string()),
            _ if self.runs < 2 => out("--runs", "at least 2", self.runs.to_string()),
            _ if self.steps == 0 || self.batch == 0 => out("--steps, --batch", "at least 1", "0".into()),
            _ if self.draws < 2 => out("--draws", "at least 2", self.draws.to_string()),
            _ => Ok(()),
        }
    }
}

/// One of the two initialisations; $\theta^2_j\sim N(0,1/n)$ in both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Start {
    /// `slides` or `theorem`.
    pub name: &'static str,
    /// In words.
    pub law: &'static str,
    /// How it draws.
    pub init: Init,
}

/// The one for which the theorem holds, and the one that the slides print.
pub const STARTS: [Start; 2] = [
    Start { name: "theorem", law: "θ¹ ~ N(0, 1)", init: Init::Standard },
    Start { name: "slides", law: "θ¹ ~ N(0, 1/n)", init: Init::Narrow },
];

/// Examples and what is drawn for them.
struct Setup<'a> {
    settings: &'a LazySettings,
    /// `[m, d]`, unit rows.
    inputs: Tensor,
    /// `[m, 1]`.
    targets: Tensor,
    widths: Vec<usize>,
}

impl<'a> Setup<'a> {
    fn new(settings: &'a LazySettings) -> Result<Self> {
        settings.check()?;
        let LazySettings { examples, inputs, seed, .. } = settings;
        let data = collado_data::load(&format!("synthetic:unit-sphere?n={examples}&d={inputs}&seed={seed}"))?;
        let Targets::Values(targets) = data.train.targets else {
            return Err(StudyError::Setting {
                name: "data",
                expected: "real targets",
                found: "classes".into(),
            });
        };
        let mut widths = settings.widths.clone();
        widths.sort_unstable();
        widths.dedup();
        Ok(Self { settings, inputs: data.train.inputs, targets, widths })
    }

    fn arch(&self, neurons: usize) -> Result<Arch> {
        Ok(Arch::two_layer(self.settings.inputs, neurons, 1)?)
    }

    /// Seeds of the runs at one width and initialisation: no two networks of the study share a stream of draws.
    fn seeds(&self, start: usize, neurons: usize) -> Vec<u64> {
        let cell = (self.settings.seed << 40) ^ ((neurons as u64) << 16) ^ ((start as u64) << 12);
        (0..self.settings.runs as u64).map(|run| cell ^ run).collect()
    }

    fn stack(&self, start: usize, neurons: usize) -> Result<Tensor> {
        let (arch, seeds) = (self.arch(neurons)?, self.seeds(start, neurons));
        let device = self.inputs.device();
        Ok(STARTS[start].init.stack(&arch, &seeds, candle_core::DType::F64, device)?)
    }
}

/// Runs the study. Finished descents are kept in `cells`. `progress` is told the share done; `false` stops it.
///
/// # Errors
/// When a setting is out of range, `progress` asks to stop, a cell cannot be kept, and those of networks and data.
pub fn lazy(
    settings: &LazySettings,
    cells: &CellCache,
    progress: &mut dyn FnMut(f64) -> bool,
) -> Result<Lazy> {
    let setup = Setup::new(settings)?;
    let growth = growth::measure(&setup)?;
    let arc_cosine_lambda_min = growth::arc_cosine_lambda_min(&setup)?;
    // A step costs about n; what does not grow with n counts as 200 neurons.
    let work: f64 = setup.widths.iter().map(|&n| (n + 200) as f64).sum::<f64>() * STARTS.len() as f64;
    let (mut done, mut descents) = (0., Vec::new());
    for (start, Start { name, .. }) in STARTS.iter().enumerate() {
        for &neurons in &setup.widths {
            let name = format!("{name}-n{neurons}");
            let cost = (neurons + 200) as f64;
            let mut inner = |share: f64| progress((done + share * cost) / work);
            let run = || descent::run(&setup, start, neurons, &mut inner);
            descents.push(cells.get(settings, &name, run)?);
            done += cost;
        }
    }
    let second_derivatives = curvature::table(&setup)?;
    Ok(Lazy { settings: settings.clone(), growth, arc_cosine_lambda_min, descents, second_derivatives })
}
