//! Deep linear networks with the regulariser ‖θ‖²: the slides state that every local minimum is global. That holds for two
//! layers; from three layers on θ = 0 is a strict local minimum (docs/theory.md §2).
//!
//! The inputs are made white, so that all that is measured has a closed form beside it: the least risk for any number of
//! layers, and the levels of the bad minima.

mod descent;
mod levels;
mod outcome;
mod picture;
mod report;
mod wall;
mod white;

#[cfg(feature = "clap")]
use collado_data::range::{count_from_one, positive, whole};
use collado_risk::Progress;
use serde::Serialize;

pub use self::{
    descent::End,
    levels::{balanced, levels},
    outcome::Depth,
    wall::Wall,
    white::WhiteData,
};
use crate::{
    CellCache, Claim, Report, Result, Study,
    error::{proceed, refuse},
    widths::ascending,
};

/// Settings of [`ridge`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct RidgeSettings {
    /// Numbers K of layers.
    #[cfg_attr(feature = "clap", arg(
        id = "depths", long = "depths", value_delimiter = ',', default_values_t = Self::default().depths,
        value_parser = whole::<usize>(2..=20),
    ))]
    pub depths: Vec<usize>,
    /// Weight of ‖θ‖²; the targets are scaled such that the largest singular value of E yxᵀ is 1.
    #[cfg_attr(feature = "clap", arg(long, default_value_t = Self::default().kappa, value_parser = positive))]
    pub kappa: f64,
    /// Number of inputs.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().inputs, value_parser = whole::<usize>(1..=1000),
    ))]
    pub inputs: usize,
    /// Number of outputs.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().outputs, value_parser = whole::<usize>(1..=1000),
    ))]
    pub outputs: usize,
    /// Number of starts of gradient descent for each K.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().starts, value_parser = whole::<usize>(2..=1_000_000),
    ))]
    pub starts: usize,
    /// Number of steps of gradient descent.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().steps, value_parser = count_from_one::<u64>(),
    ))]
    pub steps: u64,
    /// Number of examples.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub examples: usize,
    /// Step size of gradient descent, with momentum 0.9.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub lr: f64,
    /// A run has converged when the norm of its gradient is this small.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub gradient: f64,
    /// The starts have norms up to this, uniform.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub largest_norm: f64,
    /// Seed of the data and of the starts.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub seed: u64,
}

impl Default for RidgeSettings {
    fn default() -> Self {
        Self {
            depths: vec![2, 3, 4],
            kappa: 0.15,
            inputs: 4,
            outputs: 2,
            starts: 60,
            steps: 20_000,
            examples: 40,
            lr: 0.02,
            gradient: 1e-9,
            largest_norm: 4.,
            seed: 0,
        }
    }
}

impl Study for RidgeSettings {
    const NAME: &'static str = "ridge";
    const CLAIM: Claim = report::CLAIM;

    fn quick() -> Self {
        Self { starts: 24, steps: 10_000, ..Self::default() }
    }

    fn full() -> Self {
        Self { depths: vec![2, 3, 4, 5, 6], starts: 400, ..Self::default() }
    }

    fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    fn report(&self, _: &CellCache, progress: &mut dyn Progress) -> Result<Report> {
        Ok(Report::from(&ridge(self, progress)?))
    }
}

impl RidgeSettings {
    fn check(&self) -> Result<()> {
        match self {
            s if s.depths.is_empty() || s.depths.iter().any(|&k| k < 2) => {
                refuse("depths", "at least 2, at least one of them", format!("{:?}", s.depths))
            }
            s if !(s.kappa > 0. && s.kappa.is_finite()) => refuse("kappa", "a finite number > 0", s.kappa),
            s if s.inputs == 0 || s.outputs == 0 => refuse("inputs, outputs", "at least 1", 0),
            s if s.starts < 2 => refuse("starts", "at least 2", s.starts),
            s if s.examples <= s.inputs => refuse("examples", "more than inputs", s.examples),
            _ => Ok(()),
        }
    }

    /// The hidden width: above min(n_0, n_K), so that the width is not what makes bad minima.
    pub fn width(&self) -> usize {
        self.inputs.min(self.outputs) + 2
    }
}

/// Everything that [`ridge`] measures.
#[derive(Debug, Clone)]
pub struct Ridge {
    /// The settings it was measured with.
    pub settings: RidgeSettings,
    /// The singular values of $\frac1L\sum yx^\top$, descending.
    pub singular_values: Vec<f64>,
    /// What was found for each number of layers, ascending.
    pub depths: Vec<Depth>,
}

/// For each number of layers: the proof of the wall around θ = 0, the closed-form levels, and where gradient descent ends from
/// random starts; for two layers also the curves between neighbouring starts on which F does not rise.
///
/// # Errors
/// When a setting is out of range, `progress` stops the study, or training fails.
pub fn ridge(settings: &RidgeSettings, progress: &mut dyn Progress) -> Result<Ridge> {
    settings.check()?;
    let data = WhiteData::new(settings)?;
    let depths = ascending(&settings.depths);
    let mut found = Vec::new();
    for (i, &layers) in depths.iter().enumerate() {
        let count = depths.len() as f64;
        let part = (i as f64 / count, (i + 1) as f64 / count);
        found.push(Depth::measure(settings, &data, layers, progress, part)?);
        proceed(progress.update(part.1))?;
    }
    Ok(Ridge { settings: settings.clone(), singular_values: data.singular_values.clone(), depths: found })
}
