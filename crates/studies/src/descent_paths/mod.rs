//! Paths on which F never rises from any point to the global minimum: where they exist, written down, and where they do not,
//! with proof (the slides, section 1.2; docs/theory.md §7).

mod linear;
mod narrow;
mod picture;
mod relu;
mod report;

#[cfg(feature = "clap")]
use collado_data::range::whole;
use collado_models::{Activation, ArchSpec};
use collado_risk::Progress;
use serde::{Serialize, Serializer};

pub use self::narrow::{Narrow, PlantedMinimum};
use crate::{
    CellCache, Claim, Report, Result, Study,
    error::{proceed, refuse},
    widths::ascending,
};

/// Settings of [`descent_paths`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct DescentPathsSettings {
    /// Numbers of neurons of the two-layer ReLU network for which such paths are claimed.
    #[cfg_attr(feature = "clap", arg(
        long, value_delimiter = ',', default_values_t = Self::default().neurons,
        value_parser = whole::<usize>(1..=10_000),
    ))]
    pub neurons: Vec<usize>,
    /// Number of examples of the ReLU network: y = cos 2πx + x/5 on [−1, 1].
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().examples, value_parser = whole::<usize>(3..=1000),
    ))]
    pub examples: usize,
    /// Number of random starts for each network.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().starts, value_parser = whole::<usize>(1..=1_000_000),
    ))]
    pub starts: usize,
    /// Deep linear network without biases, with hidden widths above both inputs and outputs.
    #[cfg_attr(feature = "clap", arg(long, default_value_t = Self::default().linear))]
    #[serde(serialize_with = "widths")]
    pub linear: ArchSpec,
    /// Seed of data and starts.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub seed: u64,
}

/// Results name the widths of the network.
fn widths<S: Serializer>(arch: &ArchSpec, to: S) -> std::result::Result<S::Ok, S::Error> {
    arch.with_ends(1, 1).widths().serialize(to)
}

impl Default for DescentPathsSettings {
    fn default() -> Self {
        Self {
            neurons: vec![9, 18],
            examples: 9,
            starts: 50,
            linear: "linear:4-6-6-3".parse().expect("this is how networks are written"),
            seed: 0,
        }
    }
}

impl Study for DescentPathsSettings {
    const NAME: &'static str = "descent-paths";
    const CLAIM: Claim = report::CLAIM;

    fn quick() -> Self {
        Self { starts: 10, ..Self::default() }
    }

    fn full() -> Self {
        Self { neurons: vec![9, 18, 72], starts: 1000, ..Self::default() }
    }

    fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    fn report(&self, _: &CellCache, progress: &mut dyn Progress) -> Result<Report> {
        Ok(Report::from(&descent_paths(self, progress)?))
    }
}

impl DescentPathsSettings {
    fn check_linear(&self) -> Result<()> {
        let arch = self.linear.with_ends(1, 1);
        let most = arch.inputs().max(arch.outputs());
        let wide = arch.widths()[1..arch.depth()].iter().all(|&width| width > most);
        if arch.activation() != Activation::Linear || arch.has_bias(0) || arch.depth() < 2 || !wide {
            return refuse("linear", "linear:… without biases, hidden widths above its ends", &self.linear);
        }
        Ok(())
    }
}

/// The paths from all starts of one network to the global minimum.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// What the network is.
    pub name: String,
    /// The number of neurons of a ReLU network.
    pub width: Option<usize>,
    /// A path for each start; none where no construction is known.
    pub paths: Vec<DescentPath>,
    /// Why there are no paths.
    pub missing: Option<String>,
}

/// F along one path to the global minimum.
#[derive(Debug, Clone, PartialEq)]
pub struct DescentPath {
    /// Where it starts.
    pub start: &'static str,
    /// F at positions along the path, from the start on.
    pub risks: Vec<f64>,
    /// The least F of any point of the network.
    pub optimum: f64,
    /// Number of vertices.
    pub vertices: usize,
}

impl DescentPath {
    /// The largest rise of F above what it was before on the path, over F at the start; NaN where F is.
    pub fn rise(&self) -> f64 {
        let (mut least, mut rise) = (f64::INFINITY, 0_f64);
        for &risk in &self.risks {
            if risk.is_nan() {
                return f64::NAN;
            }
            rise = rise.max(risk - least);
            least = least.min(risk);
        }
        rise / self.risks[0]
    }

    /// How far the end is above the optimum, over F at the start.
    pub fn missed(&self) -> f64 {
        (self.risks[self.risks.len() - 1] - self.optimum) / self.risks[0]
    }
}

/// Everything that [`descent_paths`] measures.
#[derive(Debug, Clone)]
pub struct DescentPaths {
    /// The settings it was measured with.
    pub settings: DescentPathsSettings,
    /// The deep linear network, then the ReLU networks by width.
    pub families: Vec<Family>,
    /// The ReLU network with one neuron on the same data.
    pub narrow: Narrow,
    /// A minimum of a planted network from which every path rises.
    pub planted: PlantedMinimum,
}

/// Writes down the paths for all starts, and proves where there are none.
///
/// # Errors
/// When a setting is out of range, `progress` stops the study, or a path cannot be evaluated.
pub fn descent_paths(settings: &DescentPathsSettings, progress: &mut dyn Progress) -> Result<DescentPaths> {
    let neurons = ascending(&settings.neurons);
    if neurons.first().is_none_or(|&m| m == 0) {
        return refuse("neurons", "at least 1, at least one of them", format!("{:?}", settings.neurons));
    }
    if settings.examples < 3 || settings.starts == 0 {
        let found = format!("{}, {}", settings.examples, settings.starts);
        return refuse("examples, starts", "at least 3, at least 1", found);
    }
    settings.check_linear()?;
    let narrow = Narrow::prove(settings.examples);
    let mut families = vec![linear::family(settings)?];
    let count = neurons.len() as f64 + 1.;
    for (i, &width) in neurons.iter().enumerate() {
        proceed(progress.update((i + 1) as f64 / count))?;
        families.push(relu::family(settings, &narrow, width)?);
    }
    proceed(progress.update(1.))?;
    let planted = PlantedMinimum::prove()?;
    Ok(DescentPaths { settings: settings.clone(), families, narrow, planted })
}
