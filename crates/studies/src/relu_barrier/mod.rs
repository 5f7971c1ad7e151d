//! ReLU networks can have disconnected level sets, and whether they have depends on the data: the smallest network of
//! Example 1.20's form, $\Phi(x)=w\,\rho(ux+b)$, with a proof (docs/theory.md §3; Freeman & Bruna 2017, "Topology and geometry of
//! half-rectified network optimization", section 2.3).
//!
//! Every path between two minima passes Φ = 0, where F ≥ F(0), or one of two directions of (u, b), where F is at least the
//! closed form g: three numbers, enclosed by interval arithmetic, prove the height that no path can avoid.

mod landscape;
mod picture;
mod report;
mod route;

#[cfg(feature = "clap")]
use collado_data::range::{not_negative, real};
use collado_risk::Progress;
use serde::Serialize;

pub use self::landscape::{Certified, Landscape, Valley};
use crate::{
    CellCache, Claim, Report, Result, Study,
    circle::{Circle, NeuronRisk},
    error::{proceed, refuse},
};

/// Settings of [`relu_barrier`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct ReluBarrierSettings {
    /// Inputs x of the examples.
    #[cfg_attr(feature = "clap", arg(
        long, value_delimiter = ',', allow_hyphen_values = true, default_values_t = Self::default().x,
        value_parser = finite,
    ))]
    pub x: Vec<f64>,
    /// Targets for which the level sets are claimed to be disconnected.
    #[cfg_attr(feature = "clap", arg(
        long, value_delimiter = ',', allow_hyphen_values = true, default_values_t = Self::default().y,
        value_parser = finite,
    ))]
    pub y: Vec<f64>,
    /// Targets, at the same inputs, for which they are claimed to be connected.
    #[cfg_attr(feature = "clap", arg(
        long, value_delimiter = ',', allow_hyphen_values = true, default_values_t = Self::default().other_y,
        value_parser = finite,
    ))]
    pub other_y: Vec<f64>,
    /// Weight of ‖θ‖².
    #[cfg_attr(feature = "clap", arg(long, default_value_t = Self::default().kappa, value_parser = not_negative))]
    pub kappa: f64,
    /// Targets that the middle example is given in turn, in place of its own.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub sweep: Vec<f64>,
}

#[cfg(feature = "clap")]
fn finite(text: &str) -> std::result::Result<f64, String> {
    real(text, "a finite number", |_| true)
}

impl Default for ReluBarrierSettings {
    fn default() -> Self {
        Self {
            x: vec![-1., 0., 1.],
            y: vec![1., -2., 1.],
            other_y: vec![0., 0., 1.],
            kappa: 0.01,
            sweep: (0..=60).map(|i| f64::from(i - 40) / 20.).collect(),
        }
    }
}

impl Study for ReluBarrierSettings {
    const NAME: &'static str = "relu-barrier";
    const CLAIM: Claim = report::CLAIM;

    fn quick() -> Self {
        Self { sweep: (0..=30).map(|i| f64::from(i - 20) / 10.).collect(), ..Self::default() }
    }

    fn full() -> Self {
        Self { sweep: (0..=600).map(|i| f64::from(i - 400) / 200.).collect(), ..Self::default() }
    }

    fn with_seed(self, _: u64) -> Self {
        self
    }

    fn report(&self, _: &CellCache, progress: &mut dyn Progress) -> Result<Report> {
        Ok(Report::from(&relu_barrier(self, progress)?))
    }
}

impl ReluBarrierSettings {
    fn check(&self) -> Result<()> {
        let list = |of: &[f64]| of.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let finite = |of: &[f64]| of.iter().all(|x| x.is_finite());
        let expected = "finite numbers, as many as x";
        match self {
            s if !finite(&s.x) || !(2..=1000).contains(&s.x.len()) => {
                refuse("x", "2 to 1000 finite numbers", list(&s.x))
            }
            s if !finite(&s.y) || s.y.len() != s.x.len() => refuse("y", expected, list(&s.y)),
            s if !finite(&s.other_y) || s.other_y.len() != s.x.len() => {
                refuse("other_y", expected, list(&s.other_y))
            }
            s if !(s.kappa >= 0. && s.kappa.is_finite()) => refuse("kappa", "a finite number ≥ 0", s.kappa),
            s if !finite(&s.sweep) => refuse("sweep", "finite numbers", list(&s.sweep)),
            _ => Ok(()),
        }
    }

    fn risk(&self, targets: &[f64]) -> NeuronRisk {
        NeuronRisk { x: self.x.clone(), y: targets.to_vec(), kappa: self.kappa }
    }
}

/// The barrier at one target of the middle example.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SweepPoint {
    /// The target of the middle example.
    pub target: f64,
    /// Number of minima below F(0).
    pub minima: usize,
    /// A proved lower bound of the rise above the higher of the two lowest minima that no path avoids; 0 where there is one
    /// minimum only.
    pub barrier: f64,
}

/// Everything that [`relu_barrier`] measures.
#[derive(Debug, Clone)]
pub struct ReluBarrier {
    /// The settings it was measured with.
    pub settings: ReluBarrierSettings,
    /// The targets for which level sets are claimed to be disconnected, with the path over the pass.
    pub blocked: Landscape,
    /// The other targets, with a path between the same two points.
    pub free: Landscape,
    /// The path between the two minima of the first targets, each with an idle second neuron; none where there is one minimum.
    pub two_neurons: Option<Certified>,
    /// The barrier against the target of the middle example.
    pub sweep: Vec<SweepPoint>,
}

/// Encloses all critical directions for both targets, proves the height between the two lowest minima, certifies the three
/// paths, and repeats the proof for other targets of the middle example.
///
/// # Errors
/// When a setting is out of range, `progress` stops the study, or a path cannot be certified.
pub fn relu_barrier(settings: &ReluBarrierSettings, progress: &mut dyn Progress) -> Result<ReluBarrier> {
    settings.check()?;
    let blocked = Landscape::over_the_pass(&settings.risk(&settings.y))?;
    proceed(progress.update(0.2))?;
    let free = Landscape::between(&settings.risk(&settings.other_y), blocked.ends())?;
    proceed(progress.update(0.4))?;
    let two_neurons = route::with_idle_neurons(&settings.risk(&settings.y), &blocked)?;
    proceed(progress.update(0.5))?;
    let middle = settings.x.len() / 2;
    let mut sweep = Vec::new();
    for (i, &target) in settings.sweep.iter().enumerate() {
        let mut targets = settings.y.clone();
        targets[middle] = target;
        let circle = Circle::new(&settings.risk(&targets));
        let (minima, barrier) = (circle.minima().count(), landscape::barrier(&circle).unwrap_or(0.));
        sweep.push(SweepPoint { target, minima, barrier });
        proceed(progress.update(0.5 + 0.5 * (i + 1) as f64 / settings.sweep.len() as f64))?;
    }
    Ok(ReluBarrier { settings: settings.clone(), blocked, free, two_neurons, sweep })
}
