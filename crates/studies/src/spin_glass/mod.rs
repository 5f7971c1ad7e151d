//! Spherical p-spin glass: critical points, energy against index fraction (theory §8).

mod energy;
mod network;
mod outcome;
mod picture;
mod search;

use rayon::prelude::*;

use self::picture::{bulk_picture, network_picture, picture};
pub use self::{
    energy::SphericalSpin,
    network::{NetworkPoint, NetworkScatter},
    outcome::{Bin, CLAIM, GAP_RATIO, bins, gap_ratio, index_fraction, threshold},
    search::SpinPoint,
};
use crate::{CellCache, StudyError};

/// What the study runs.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `p` | 3 | spins that interact | ≥ 2 |
/// | `size` | 40 | spins N, N^p ≤ 2²⁷ | ≥ 3 |
/// | `starts` | 200 | random starts of Newton's method, each with couplings of its own | ≥ 1 |
/// | `descents` | 40 | random starts of descent, likewise | |
/// | `network_starts` | 150 | random starts in a small tanh network, drawn the same way; 0 = none | |
/// | `seed` | 0 | couplings and starts | |
#[derive(Debug, Clone, PartialEq)]
pub struct SpinGlassSettings {
    /// Spins that interact.
    pub p: usize,
    /// Spins N.
    pub size: usize,
    /// Random starts of Newton's method.
    pub starts: u64,
    /// Random starts of descent.
    pub descents: u64,
    /// Random starts in a small network.
    pub network_starts: u64,
    /// Seed of couplings and starts.
    pub seed: u64,
}

impl Default for SpinGlassSettings {
    fn default() -> Self {
        Self { p: 3, size: 40, starts: 200, descents: 40, network_starts: 150, seed: 0 }
    }
}

impl SpinGlassSettings {
    /// For a look in seconds.
    pub fn quick() -> Self {
        Self { starts: 60, descents: 10, network_starts: 60, ..Self::default() }
    }

    /// More starts.
    pub fn full() -> Self {
        Self { starts: 1000, descents: 100, network_starts: 600, ..Self::default() }
    }
}

/// Everything found.
#[derive(Debug, Clone)]
pub struct SpinGlass {
    /// How.
    pub settings: SpinGlassSettings,
    /// Where each search ended, Newton's first.
    pub points: Vec<SpinPoint>,
    /// A network's critical points.
    pub network: NetworkScatter,
}

/// Finds critical points. Points that do not reach ‖∇H‖ ≤ 1e-10 (1 + |H|) are returned too, for whoever counts them.
///
/// Each start has couplings of its own, so that points are independent and their standard errors mean something.
/// Finished batches are kept in `cells`. `progress` is told the share done; false stops.
///
/// # Errors
/// When a setting is out of range or a cell cannot be kept, and [`StudyError::Interrupted`].
pub fn spin_glass(
    settings: &SpinGlassSettings,
    cells: &CellCache,
    progress: &mut dyn FnMut(f64) -> bool,
) -> Result<SpinGlass, StudyError> {
    let total = settings.starts + settings.descents;
    let mut points = Vec::new();
    // Couplings of one batch fill the threads, not the memory.
    let batch = 8;
    for first in (0..total).step_by(batch) {
        let range = first..(first + batch as u64).min(total);
        let search = || {
            range
                .into_par_iter()
                .map(|start| {
                    let spin = SphericalSpin::random(settings.p, settings.size, settings.seed, start)?;
                    search::find(&spin, settings.seed, start, start >= settings.starts)
                })
                .collect::<Result<Vec<SpinPoint>, StudyError>>()
        };
        points.extend(cells.get(settings, &format!("from-{first}"), search)?);
        if !progress(0.5 * points.len() as f64 / total as f64) {
            return Err(StudyError::Interrupted);
        }
    }
    let network =
        network::scatter(settings.network_starts, settings.seed, &mut |share| progress(0.5 + 0.5 * share))?;
    Ok(SpinGlass { settings: settings.clone(), points, network })
}
