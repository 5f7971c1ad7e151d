//! Stars: many points of a deep linear network are joined straight to one centre once its first hidden layer is wide enough; two
//! opposite points need more than one bend; and minima of a wide two-layer ReLU network are joined by two straight pieces
//! (Lin, Li & Wu 2024, "Exploring neural network landscapes: star-shaped and geodesic connectivity"; docs/theory.md §15).

mod one_bend;
mod picture;
mod report;
mod teacher;
mod theorem;

#[cfg(feature = "clap")]
use collado_data::range::{count_from_one, whole};
use collado_risk::{Part, Progress};
use serde::Serialize;

pub use self::{one_bend::OneBend, teacher::Width, theorem::Case};
use crate::{
    CellCache, Claim, Report, Result, Study,
    error::{proceed, refuse},
    widths::ascending,
};

/// Settings of [`star`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct StarSettings {
    /// Numbers L of layers of deep linear networks.
    #[cfg_attr(feature = "clap", arg(
        id = "depths", long = "depths", value_delimiter = ',', default_values_t = Self::default().depths,
        value_parser = whole::<usize>(2..=10),
    ))]
    pub depths: Vec<usize>,
    /// Numbers q of outputs.
    #[cfg_attr(feature = "clap", arg(
        id = "outputs", long = "outputs", value_delimiter = ',', default_values_t = Self::default().outputs,
        value_parser = whole::<usize>(1..=100),
    ))]
    pub outputs: Vec<usize>,
    /// Numbers r of points that are joined.
    #[cfg_attr(feature = "clap", arg(
        id = "points", long = "points", value_delimiter = ',', default_values_t = Self::default().points,
        value_parser = whole::<usize>(2..=100),
    ))]
    pub points: Vec<usize>,
    /// Neurons that the networks have less than the theorem asks for.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().missing, value_parser = whole::<usize>(0..=1),
    ))]
    pub missing: usize,
    /// Widths of the two-layer ReLU networks.
    #[cfg_attr(feature = "clap", arg(
        id = "widths", long = "widths", value_delimiter = ',', default_values_t = Self::default().widths,
        value_parser = whole::<usize>(1..=10_000),
    ))]
    pub widths: Vec<usize>,
    /// Number of pairs of minima for each of these widths.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().pairs, value_parser = whole::<usize>(1..=100_000),
    ))]
    pub pairs: usize,
    /// Number of steps of Adam to a minimum, and to a centre.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().steps, value_parser = count_from_one::<u64>(),
    ))]
    pub steps: u64,
    /// Number of inputs of the deep linear networks.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub inputs: usize,
    /// Number of examples.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub examples: usize,
    /// Number of draws of a centre.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub draws: usize,
    /// Number of random bends from which descent starts.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub bends: usize,
    /// Neurons of the teacher.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub teachers: usize,
    /// Seed of data, points and draws.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub seed: u64,
}

impl Default for StarSettings {
    fn default() -> Self {
        Self {
            depths: vec![2, 3, 4],
            outputs: vec![1, 2, 3],
            points: vec![2, 3, 4],
            missing: 0,
            widths: vec![4, 8, 16, 32],
            pairs: 20,
            steps: 3000,
            inputs: 4,
            examples: 60,
            draws: 32,
            bends: 20,
            teachers: 4,
            seed: 0,
        }
    }
}

impl Study for StarSettings {
    const NAME: &'static str = "star";
    const CLAIM: Claim = report::CLAIM;

    fn quick() -> Self {
        Self {
            outputs: vec![1, 3],
            points: vec![2, 4],
            widths: vec![4, 16],
            pairs: 10,
            steps: 2000,
            ..Self::default()
        }
    }

    fn full() -> Self {
        Self {
            outputs: vec![1, 2, 3, 10],
            points: vec![2, 3, 4, 6],
            widths: vec![4, 8, 16, 32, 64],
            pairs: 50,
            ..Self::default()
        }
    }

    fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    fn report(&self, cells: &CellCache, progress: &mut dyn Progress) -> Result<Report> {
        Ok(Report::from(&star(self, cells, progress)?))
    }
}

impl StarSettings {
    fn check(&self) -> Result<()> {
        match self {
            s if s.depths.is_empty() || s.depths.iter().any(|&l| l < 2) => {
                refuse("depths", "at least 2, at least one of them", format!("{:?}", s.depths))
            }
            s if s.outputs.is_empty() || s.outputs.contains(&0) => {
                refuse("outputs", "at least 1, at least one of them", format!("{:?}", s.outputs))
            }
            s if s.points.is_empty() || s.points.iter().any(|&r| r < 2) => {
                refuse("points", "at least 2, at least one of them", format!("{:?}", s.points))
            }
            s if s.widths.is_empty() || s.pairs == 0 => {
                refuse("widths, pairs", "at least one each", format!("{} and {}", s.widths.len(), s.pairs))
            }
            _ => Ok(()),
        }
    }
}

/// Everything that [`star`] measures.
#[derive(Debug, Clone)]
pub struct Star {
    /// The settings it was measured with.
    pub settings: StarSettings,
    /// Explicit centres at and above the width of the theorem.
    pub cases: Vec<Case>,
    /// The same with one neuron less.
    pub below: Vec<Case>,
    /// The paths of one bend between two opposite minima.
    pub one_bend: OneBend,
    /// Pairs of minima of two-layer ReLU networks, by width.
    pub widths: Vec<Width>,
}

/// Solves for centres of deep linear networks, looks for the lowest path of one bend from θ to −θ, and learns centres of pairs of
/// minima of two-layer ReLU networks that a teacher's outputs were fitted with.
///
/// # Errors
/// When a setting is out of range, `progress` stops the study, or training fails.
pub fn star(settings: &StarSettings, cells: &CellCache, progress: &mut dyn Progress) -> Result<Star> {
    settings.check()?;
    let (cases, below) = theorem::measure(settings, &mut Part::new(progress, 0., 0.3))?;
    proceed(progress.update(0.3))?;
    let one_bend = OneBend::measure(settings);
    let widths = ascending(&settings.widths);
    let all: f64 = widths.iter().map(|&m| m as f64 + 8.).sum();
    let (mut done, mut found) = (0.3, Vec::new());
    for width in widths {
        let share = 0.7 * (width as f64 + 8.) / all;
        let measure = || teacher::measure(settings, width, progress, (done, done + share));
        found.push(cells.get(settings, &format!("m{width}"), measure)?);
        done += share;
        proceed(progress.update(done))?;
    }
    Ok(Star { settings: settings.clone(), cases, below, one_bend, widths: found })
}
