//! The link between the gradient and the risk of wide two-layer networks, $\|\nabla r\|^2\gtrsim\frac nm r$, with its constant, at the
//! start Θ and in a neighbourhood Θ + θ̄ whose radius is stated (Berner, Grohs, Kutyniok & Petersen 2021, "The modern mathematics
//! of deep learning", section 5.2; docs/theory.md §11).
//!
//! With $V=(v_1\dots v_n)$ `[m, n]`, $\bar K=VV^\top$ and residual e, $\|\nabla r\|^2\ge\frac4{m^2}\|V^\top e\|^2
//! \ge\frac4m\sigma_\min(V)^2r$. At $\Theta+\bar\theta$ the rows of $V$ move by at most $\|V'-V\|_F\le\|\tilde X\|_2\|\bar\theta\|$,
//! since ρ is 1-Lipschitz, so
//! $$\|\nabla r(\Theta+\bar\theta)\|^2\ge\frac4m\big(\sigma_\min(V)-\|\tilde X\|_2\|\bar\theta\|\big)_+^2r(\Theta+\bar\theta),$$
//! a fourth of the constant is left for $\|\bar\theta\|\le R=\sigma_\min(V)/(2\|\tilde X\|_2)$.

mod features;
mod neighbourhood;
mod outcome;
mod picture;
mod report;

#[cfg(feature = "clap")]
use collado_data::range::whole;
use collado_models::Init;
use collado_risk::Progress;
use serde::{Deserialize, Serialize};

use self::{features::Data, neighbourhood::measure};
pub use self::{neighbourhood::Run, outcome::GradientBound};
use crate::{
    CellCache, Claim, Report, Result, Study,
    error::{proceed, refuse},
    widths::ascending,
};

/// Settings of [`gradient_bound`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct GradientBoundSettings {
    /// Numbers of neurons n.
    #[cfg_attr(feature = "clap", arg(
        long, value_delimiter = ',', default_values_t = Self::default().neurons,
        value_parser = whole::<usize>(1..=1_000_000),
    ))]
    pub neurons: Vec<usize>,
    /// Numbers m of examples on the unit sphere; only n ≥ 4m is measured.
    #[cfg_attr(feature = "clap", arg(
        long, value_delimiter = ',', default_values_t = Self::default().examples,
        value_parser = whole::<usize>(2..=2000),
    ))]
    pub examples: Vec<usize>,
    /// Dimension of the sphere's space.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().dims, value_parser = whole::<usize>(2..=10_000),
    ))]
    pub dims: usize,
    /// Number of networks for each n and m.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().runs, value_parser = whole::<usize>(2..=1_000_000),
    ))]
    pub runs: usize,
    /// Draw θ¹ from N(0, 1/n), as the slides print it, not from N(0, 1), as the theorem needs it.
    #[cfg_attr(feature = "clap", arg(long))]
    pub as_printed: bool,
    /// The distances ‖θ̄‖, over R, at which points of the neighbourhood are looked at.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub distances: Vec<f64>,
    /// Number of random directions at each distance.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub directions: usize,
    /// Seed of data, networks and directions.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub seed: u64,
}

impl Default for GradientBoundSettings {
    fn default() -> Self {
        Self {
            neurons: (7..=12).map(|k| 1 << k).collect(),
            examples: vec![16, 32, 64],
            dims: 10,
            runs: 8,
            as_printed: false,
            distances: vec![0.25, 0.5, 0.75, 1., 1.25, 1.5, 1.75],
            directions: 4,
            seed: 0,
        }
    }
}

impl Study for GradientBoundSettings {
    const NAME: &'static str = "gradient-bound";
    const CLAIM: Claim = report::CLAIM;

    fn quick() -> Self {
        let neurons = (7..=10).map(|k| 1 << k).collect();
        Self { neurons, examples: vec![16, 32], runs: 6, ..Self::default() }
    }

    fn full() -> Self {
        let neurons = (7..=14).map(|k| 1 << k).collect();
        Self { neurons, examples: vec![16, 32, 64, 128], runs: 16, ..Self::default() }
    }

    fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    fn report(&self, cells: &CellCache, progress: &mut dyn Progress) -> Result<Report> {
        Ok(Report::from(&gradient_bound(self, cells, progress)?))
    }
}

impl GradientBoundSettings {
    fn check(&self) -> Result<()> {
        let enough = |m: usize| ascending(&self.neurons).iter().filter(|&&n| n >= 4 * m).count() >= 2;
        match self {
            s if s.examples.is_empty() || s.examples.iter().any(|&m| m < 2) => {
                refuse("examples", "at least 2, at least one of them", format!("{:?}", s.examples))
            }
            s if !s.examples.iter().all(|&m| enough(m)) => {
                let found = format!("{:?} for m = {:?}", s.neurons, s.examples);
                refuse("neurons", "at least two numbers n ≥ 4m for each number m of examples", found)
            }
            s if s.dims < 2 => refuse("dims", "at least 2", s.dims),
            s if s.runs < 2 => refuse("runs", "at least 2", s.runs),
            s if s.directions == 0 || s.distances.iter().any(|d| !(0. < *d && *d < 2.)) => {
                refuse("directions, distances", "at least 1, between 0 and 2", s.directions)
            }
            _ => Ok(()),
        }
    }

    /// The law of the parameters at the start.
    pub fn init(&self) -> Init {
        if self.as_printed { Init::Narrow } else { Init::Standard }
    }
}

/// What was measured for one number of examples and one of neurons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The number m of examples.
    pub examples: usize,
    /// The number n of neurons.
    pub neurons: usize,
    /// The networks.
    pub runs: Vec<Run>,
}

/// Measures the constant of the link and its bound for all n and m. Finished cells are kept in `cells`.
///
/// # Errors
/// When a setting is out of range, `progress` stops the study, a cell cannot be kept, or a network cannot be built.
pub fn gradient_bound(
    settings: &GradientBoundSettings,
    cells: &CellCache,
    progress: &mut dyn Progress,
) -> Result<GradientBound> {
    settings.check()?;
    let (examples, neurons) = (ascending(&settings.examples), ascending(&settings.neurons));
    let pairs = examples.iter().flat_map(|&m| neurons.iter().map(move |&n| (m, n)));
    let pairs: Vec<(usize, usize)> = pairs.filter(|&(m, n)| n >= 4 * m).collect();
    let work: f64 = pairs.iter().map(|&(m, n)| (m * n) as f64).sum();
    let (mut done, mut limits, mut found) = (0., Vec::new(), Vec::new());
    for &m in &examples {
        limits.push((m, Data::new(settings, m)?.limit()?));
    }
    for (m, n) in pairs {
        let cell = || {
            let data = Data::new(settings, m)?;
            let runs =
                (0..settings.runs).map(|run| measure(settings, &data, n, run)).collect::<Result<_>>()?;
            Ok(Cell { examples: m, neurons: n, runs })
        };
        found.push(cells.get(settings, &format!("m{m}-n{n}"), cell)?);
        done += (m * n) as f64;
        proceed(progress.update(done / work))?;
    }
    Ok(GradientBound { settings: settings.clone(), limits, cells: found })
}
