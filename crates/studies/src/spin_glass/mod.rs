//! Critical points of the spherical p-spin glass: their energy fixes their index (Auffinger, Ben Arous & Černý 2013,
//! "Random matrices and complexity of spin glasses"; as a picture of networks Choromanska et al. 2015, "The loss
//! surfaces of multilayer networks"; docs/theory.md §8).

mod energy;
mod law;
mod network;
mod picture;
mod report;
mod search;

#[cfg(feature = "clap")]
use collado_data::range::whole;
use collado_risk::{Part, Progress};
use rayon::prelude::*;
use serde::Serialize;

pub use self::{
    energy::SphericalSpin,
    law::{Bin, GAP_RATIO, bins, gap_ratio, index_fraction, threshold},
    network::{NetworkPoint, NetworkScatter},
    search::SpinPoint,
};
use crate::{CellCache, Claim, Report, Result, Study, error::proceed};

/// Settings of [`spin_glass`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct SpinGlassSettings {
    /// Number p of spins in each interaction.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().p, value_parser = whole::<usize>(2..=20),
    ))]
    pub p: usize,
    /// Number N of spins.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().size, value_parser = whole::<usize>(3..=2000),
    ))]
    pub size: usize,
    /// Number of random starts of Newton's method.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().starts, value_parser = whole::<u64>(0..=1_000_000),
    ))]
    pub starts: u64,
    /// Number of random starts of descent.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().descents, value_parser = whole::<u64>(0..=1_000_000),
    ))]
    pub descents: u64,
    /// Number of random starts in a small tanh network, whose critical points are drawn the same way; 0 = none.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().network_starts, value_parser = whole::<u64>(0..=1_000_000),
    ))]
    pub network_starts: u64,
    /// Seed of couplings and starts.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub seed: u64,
}

impl Default for SpinGlassSettings {
    fn default() -> Self {
        Self { p: 3, size: 40, starts: 200, descents: 40, network_starts: 150, seed: 0 }
    }
}

impl Study for SpinGlassSettings {
    const NAME: &'static str = "spin-glass";
    const CLAIM: Claim = report::CLAIM;

    fn quick() -> Self {
        Self { starts: 60, descents: 10, network_starts: 60, ..Self::default() }
    }

    fn full() -> Self {
        Self { starts: 1000, descents: 100, network_starts: 600, ..Self::default() }
    }

    fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    fn report(&self, cells: &CellCache, progress: &mut dyn Progress) -> Result<Report> {
        Ok(Report::from(&spin_glass(self, cells, progress)?))
    }
}

/// Everything that [`spin_glass`] finds.
#[derive(Debug, Clone)]
pub struct SpinGlass {
    /// The settings it was found with.
    pub settings: SpinGlassSettings,
    /// Where each search ended, those of Newton's method first.
    pub points: Vec<SpinPoint>,
    /// The critical points of a small network.
    pub network: NetworkScatter,
}

/// Searches that share a cell: couplings of one batch fill the threads, not the memory.
const BATCH: u64 = 8;

/// Finds critical points. Points that do not reach ‖∇H‖ ≤ 1e-10 (1 + |H|) are returned too, so that they can be counted.
///
/// Each start has couplings of its own, so that points are independent and their standard errors mean something.
/// Finished batches are kept in `cells`.
///
/// # Errors
/// When a setting is out of range, `progress` stops the study, or a cell cannot be kept.
pub fn spin_glass(
    settings: &SpinGlassSettings,
    cells: &CellCache,
    progress: &mut dyn Progress,
) -> Result<SpinGlass> {
    let total = settings.starts + settings.descents;
    let mut points = Vec::new();
    for first in (0..total).step_by(BATCH as usize) {
        let starts = first..(first + BATCH).min(total);
        let search = || {
            starts
                .into_par_iter()
                .map(|start| {
                    let spin = SphericalSpin::random(settings.p, settings.size, settings.seed, start)?;
                    search::find(&spin, settings.seed, start, start >= settings.starts)
                })
                .collect::<Result<Vec<SpinPoint>>>()
        };
        points.extend(cells.get(settings, &format!("from-{first}"), search)?);
        proceed(progress.update(0.5 * points.len() as f64 / total as f64))?;
    }
    let mut part = Part::new(progress, 0.5, 1.);
    let network = network::scatter(settings.network_starts, settings.seed, &mut part)?;
    Ok(SpinGlass { settings: settings.clone(), points, network })
}
