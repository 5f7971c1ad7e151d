//! Lazy training of two-layer networks: the kernel that makes gradient descent converge, how it grows with the number of
//! neurons n, and how little θ has to move (docs/theory.md §11).
//!
//! The claim is that of Berner, Grohs, Kutyniok & Petersen 2021, "The modern mathematics of deep learning", section 5.2, after
//! Jacot, Gabriel & Hongler 2018, "Neural tangent kernel". The slides print it with $\theta^1_j\sim N(0,1/n)$; the growth of the
//! kernel and the lazy movement need $\theta^1_j\sim N(0,1)$. All statements are measured for both.

mod curvature;
mod descent;
mod growth;
mod outcome;
mod pictures;
mod rate;
mod report;
mod words;

use candle_core::Tensor;
#[cfg(feature = "clap")]
use collado_data::range::{count_from_one, whole};
use collado_models::{Arch, Init};
use collado_risk::{Part, Progress};
use serde::Serialize;

pub use self::{
    curvature::SecondDerivatives,
    descent::{Descent, Snapshot},
    growth::Growth,
    outcome::Lazy,
    rate::Rate,
};
use crate::{
    CellCache, Claim, Report, Result, Study, error::refuse, synthetic::regression, widths::ascending,
};

/// Settings of [`lazy`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct LazySettings {
    /// Numbers of neurons n.
    #[cfg_attr(feature = "clap", arg(
        long, value_delimiter = ',', default_values_t = Self::default().widths,
        value_parser = whole::<usize>(1..=10_000_000),
    ))]
    pub widths: Vec<usize>,
    /// Number m of examples on the unit sphere.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().examples, value_parser = whole::<usize>(1..=100_000),
    ))]
    pub examples: usize,
    /// Dimension of the sphere's space.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().dims, value_parser = whole::<usize>(1..=100_000),
    ))]
    #[serde(rename = "inputs")]
    pub dims: usize,
    /// Number of networks for each width and initialisation.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().runs, value_parser = whole::<usize>(1..=1_000_000),
    ))]
    pub runs: usize,
    /// Number of steps of gradient descent; SGD goes on to the same time.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().steps, value_parser = count_from_one::<u64>(),
    ))]
    pub steps: u64,
    /// Number of examples in a minibatch of SGD.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().batch, value_parser = whole::<usize>(1..=1_000_000_000),
    ))]
    pub batch: usize,
    /// Number of networks with 36 neurons drawn for the second derivatives; of narrower ones more.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().draws, value_parser = whole::<usize>(2..=1_000_000),
    ))]
    pub draws: usize,
    /// Seed of data, networks, minibatches and draws.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub seed: u64,
}

impl Default for LazySettings {
    fn default() -> Self {
        let widths = vec![64, 256, 1024];
        Self { widths, examples: 64, dims: 10, runs: 4, steps: 45_000, batch: 8, draws: 100, seed: 0 }
    }
}

impl Study for LazySettings {
    const NAME: &'static str = "lazy";
    const CLAIM: Claim = report::CLAIM;

    fn quick() -> Self {
        let widths = (6..=10).map(|k| 1 << k).collect();
        Self { widths, examples: 16, dims: 16, runs: 4, steps: 1000, draws: 30, ..Self::default() }
    }

    fn full() -> Self {
        Self { widths: vec![64, 256, 1024, 4096], ..Self::default() }
    }

    fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    fn report(&self, cells: &CellCache, progress: &mut dyn Progress) -> Result<Report> {
        Ok(Report::from(&lazy(self, cells, progress)?))
    }
}

impl LazySettings {
    fn check(&self) -> Result<()> {
        match self {
            s if ascending(&s.widths).len() < 2 => {
                refuse("widths", "at least 2 different numbers", format!("{:?}", s.widths))
            }
            s if !(2..=4096).contains(&s.examples) => refuse("examples", "2 to 4096", s.examples),
            s if s.widths.iter().any(|&n| n < s.examples) => {
                let found = format!("{:?} for {} examples", s.widths, s.examples);
                refuse(
                    "widths",
                    "at least as many neurons as examples: for fewer λ_min is 0 and nothing is claimed",
                    found,
                )
            }
            s if s.dims < 2 => refuse("dims", "at least 2", s.dims),
            s if s.runs < 2 => refuse("runs", "at least 2", s.runs),
            s if s.steps == 0 || s.batch == 0 => refuse("steps, batch", "at least 1", 0),
            s if s.draws < 2 => refuse("draws", "at least 2", s.draws),
            _ => Ok(()),
        }
    }
}

/// An initialisation; $\theta^2_j\sim N(0,1/n)$ in all of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Start {
    /// The name in results: `slides` or `theorem`.
    pub name: &'static str,
    /// The law of θ¹ in words.
    pub law: &'static str,
    /// How parameters are drawn.
    pub init: Init,
}

/// The initialisation for which the theorem holds, and the one that the slides print.
pub const STARTS: [Start; 2] = [
    Start { name: "theorem", law: "θ¹ ~ N(0, 1)", init: Init::Standard },
    Start { name: "slides", law: "θ¹ ~ N(0, 1/n)", init: Init::Narrow },
];

/// The data of the study, and what is drawn for them.
struct Setup<'a> {
    settings: &'a LazySettings,
    /// The inputs `[m, d]`, whose rows have norm 1.
    inputs: Tensor,
    /// The targets `[m, 1]`.
    targets: Tensor,
    /// The numbers of neurons, ascending.
    widths: Vec<usize>,
}

impl<'a> Setup<'a> {
    fn new(settings: &'a LazySettings) -> Result<Self> {
        settings.check()?;
        let LazySettings { examples, dims, seed, .. } = settings;
        let (inputs, targets) =
            regression(&format!("synthetic:unit-sphere?n={examples}&d={dims}&seed={seed}"))?;
        Ok(Self { settings, inputs, targets, widths: ascending(&settings.widths) })
    }

    fn arch(&self, neurons: usize) -> Result<Arch> {
        Ok(Arch::two_layer(self.settings.dims, neurons, 1)?)
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

/// Measures the growth of the kernel, gradient descent and SGD at all widths for both initialisations, and the table of second
/// derivatives. Finished descents are kept in `cells`.
///
/// # Errors
/// When a setting is out of range, `progress` stops the study, a cell cannot be kept, or a network or the data cannot be built.
pub fn lazy(settings: &LazySettings, cells: &CellCache, progress: &mut dyn Progress) -> Result<Lazy> {
    let setup = Setup::new(settings)?;
    let growth = growth::measure(&setup)?;
    let arc_cosine_lambda_min = growth::arc_cosine_lambda_min(&setup)?;
    // A step costs about n; what does not grow with n counts as 200 neurons.
    let cost = |neurons: usize| (neurons + 200) as f64;
    let work: f64 = setup.widths.iter().map(|&n| cost(n)).sum::<f64>() * STARTS.len() as f64;
    let (mut done, mut descents) = (0., Vec::new());
    for (start, Start { name, .. }) in STARTS.iter().enumerate() {
        for &neurons in &setup.widths {
            let end = done + cost(neurons);
            let mut part = Part::new(progress, done / work, end / work);
            let run = || descent::run(&setup, start, neurons, &mut part);
            descents.push(cells.get(settings, &format!("{name}-n{neurons}"), run)?);
            done = end;
        }
    }
    let second_derivatives = curvature::table(&setup)?;
    Ok(Lazy { settings: settings.clone(), growth, arc_cosine_lambda_min, descents, second_derivatives })
}
