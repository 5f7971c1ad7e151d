//! Proposition 1 of the slides (Freeman & Bruna 2017): if all level sets of F are connected, every strict local minimum is
//! global. It is looked at on four landscapes of a real network with three parameters, of which all level sets and minima are
//! known with proof (docs/theory.md §7).

mod landscape;
mod picture;
mod report;

#[cfg(feature = "clap")]
use collado_data::range::{not_negative, whole};
use collado_risk::Progress;
use serde::Serialize;

pub use self::landscape::{Landscape, LocalMinimum};
use crate::{
    CellCache, Claim, Report, Result, Study,
    error::{proceed, refuse},
};

/// Settings of [`level_sets`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct LevelSetsSettings {
    /// Decide on the proposition as the slides print it, for all local minima, not for strict ones only.
    #[cfg_attr(feature = "clap", arg(long))]
    pub all_minima: bool,
    /// Weight of ‖θ‖² in the first three landscapes; it is 0 in the fourth.
    #[cfg_attr(feature = "clap", arg(long, default_value_t = Self::default().kappa, value_parser = not_negative))]
    pub kappa: f64,
    /// Number of levels λ at which components are counted, uniform up to 1.05 F(0).
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().levels, value_parser = whole::<usize>(1..=1_000_000),
    ))]
    pub levels: usize,
}

impl Default for LevelSetsSettings {
    fn default() -> Self {
        Self { all_minima: false, kappa: 0.05, levels: 500 }
    }
}

impl Study for LevelSetsSettings {
    const NAME: &'static str = "level-sets";
    const CLAIM: Claim = report::CLAIM;

    fn quick() -> Self {
        Self { levels: 200, ..Self::default() }
    }

    fn full() -> Self {
        Self { levels: 10_000, ..Self::default() }
    }

    fn with_seed(self, _: u64) -> Self {
        self
    }

    fn report(&self, _: &CellCache, progress: &mut dyn Progress) -> Result<Report> {
        Ok(Report::from(&level_sets(self, progress)?))
    }
}

/// The inputs of the three examples.
pub const INPUTS: [f64; 3] = [-1., 0., 1.];

impl LevelSetsSettings {
    /// Name, targets and κ of each landscape.
    fn landscapes(&self) -> [(&'static str, [f64; 3], f64); 4] {
        [
            ("one valley", [0., 0., 1.], self.kappa),
            ("two valleys", [1., -1.85, 0.85], self.kappa),
            ("twins", [1., -2., 1.], self.kappa),
            ("plateau", [0., 0., 1.], 0.),
        ]
    }
}

/// Everything that [`level_sets`] measures.
#[derive(Debug, Clone)]
pub struct LevelSets {
    /// The settings it was measured with.
    pub settings: LevelSetsSettings,
    /// The four landscapes.
    pub landscapes: Vec<Landscape>,
}

/// Encloses all minima and counts the components of the level sets on the four landscapes.
///
/// # Errors
/// When a setting is out of range, or `progress` stops the study.
pub fn level_sets(settings: &LevelSetsSettings, progress: &mut dyn Progress) -> Result<LevelSets> {
    if settings.levels == 0 {
        return refuse("levels", "at least 1", settings.levels);
    }
    if !(settings.kappa >= 0. && settings.kappa.is_finite()) {
        return refuse("kappa", "a finite number ≥ 0", settings.kappa);
    }
    let mut landscapes = Vec::new();
    for (i, (name, targets, kappa)) in settings.landscapes().into_iter().enumerate() {
        landscapes.push(Landscape::new(name, targets, kappa, settings.levels));
        proceed(progress.update((i + 1) as f64 / 4.))?;
    }
    Ok(LevelSets { settings: settings.clone(), landscapes })
}
