//! The risk is not convex, and networks are not a closed set: Example 1.20 of Berner, Grohs, Kutyniok & Petersen 2021,
//! "The modern mathematics of deep learning" (docs/theory.md §1).
//!
//! Two networks of risk 0 have a midpoint of risk ½, and none on the way when the neurons of one are exchanged. The functions
//! $n(\rho(x+1/n)-\rho(x))$ converge to a step, which no network of this size is, while their parameters leave every bounded
//! set.

mod report;

use candle_core::{Device, Tensor};
#[cfg(feature = "clap")]
use collado_data::range::whole;
use collado_models::Arch;
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Objective, Progress, Span};
use serde::Serialize;

use crate::{
    CellCache, Claim, Report, Result, Study,
    error::{proceed, refuse},
};

/// Settings of [`convexity`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct ConvexitySettings {
    /// Number of points on the segment, which has to be odd.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().points, value_parser = whole::<usize>(3..=1_000_001),
    ))]
    pub points: usize,
    /// Indices n of the sequence's members.
    #[cfg_attr(feature = "clap", arg(
        long, value_delimiter = ',', default_values_t = Self::default().sequence,
        value_parser = whole::<u32>(1..=4_000_000_000),
    ))]
    pub sequence: Vec<u32>,
    /// Nodes of the midpoint rule on \[−1, 1\], an even number.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub nodes: usize,
    /// The targets of the two examples −1 and 1.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub targets: [f64; 2],
}

impl Default for ConvexitySettings {
    fn default() -> Self {
        Self { points: 101, sequence: (0..13).map(|k| 1 << k).collect(), nodes: 1 << 16, targets: [0., 1.] }
    }
}

impl Study for ConvexitySettings {
    const NAME: &'static str = "convexity";
    const CLAIM: Claim = report::CLAIM;

    fn with_seed(self, _: u64) -> Self {
        self
    }

    fn report(&self, _: &CellCache, progress: &mut dyn Progress) -> Result<Report> {
        Ok(Report::from(&convexity(self, progress)?))
    }
}

impl ConvexitySettings {
    fn check(&self) -> Result<()> {
        match self {
            s if s.points < 3 || s.points.is_multiple_of(2) => {
                refuse("points", "an odd number above 2", s.points)
            }
            s if s.sequence.contains(&0) => {
                refuse("sequence", "numbers above 0", format!("{:?}", s.sequence))
            }
            s if s.nodes < 2 || !s.nodes.is_multiple_of(2) => {
                refuse("nodes", "an even number above 0", s.nodes)
            }
            _ => Ok(()),
        }
    }
}

/// A network of the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Member {
    /// Its place n in the sequence.
    pub n: u32,
    /// The measured distance from $1_{x>0}$ in $L^2(\lbrack-1,1\rbrack)$.
    pub distance: f64,
    /// The exact distance, $1/\sqrt{3n}$.
    pub expected: f64,
    /// ‖θ_n‖ for the parameters as written.
    pub norm: f64,
    /// The smallest norm that rescaling its neurons can give.
    pub least_norm: f64,
}

/// Everything that [`convexity`] measures.
#[derive(Debug, Clone, PartialEq)]
pub struct Convexity {
    /// The settings it was measured with.
    pub settings: ConvexitySettings,
    /// The positions on the segment.
    pub t: Vec<f64>,
    /// The risk from θ to θ̄.
    pub straight: Vec<f64>,
    /// The risk from θ to θ̄ with its neurons exchanged.
    pub aligned: Vec<f64>,
    /// The networks of the sequence.
    pub sequence: Vec<Member>,
}

/// θ = (1, −1, 1, 1, 1, 0) and θ̄ = (−1, 1, 1, 1, 0, 1) in the order of a stack: θ₃, θ₄, θ₅, θ₆, θ₁, θ₂.
const ENDS: [[f64; 6]; 2] = [[1., 1., 1., 0., 1., -1.], [1., 1., 0., 1., -1., 1.]];

/// Measures both segments and the sequence.
///
/// # Errors
/// When a setting is out of range, or `progress` stops the study.
pub fn convexity(settings: &ConvexitySettings, progress: &mut dyn Progress) -> Result<Convexity> {
    settings.check()?;
    let risk = objective(&[-1., 1.], &settings.targets)?;
    let last = (settings.points - 1) as f64;
    let t: Vec<f64> = (0..settings.points).map(|i| i as f64 / last).collect();
    let along = |end: [f64; 6]| -> Result<Vec<f64>> {
        let vertices = Tensor::from_vec([ENDS[0], end].concat(), (2, 6), &Device::Cpu)?;
        let coefficients = t.iter().flat_map(|&t| [1. - t, t]).collect();
        Ok(risk.risks(&Span::new(&vertices, coefficients)?)?)
    };
    // Neuron j is column j of each pair.
    let [a, b, c, d, e, f] = ENDS[1];
    let (straight, aligned) = (along(ENDS[1])?, along([b, a, d, c, f, e])?);
    proceed(progress.update(0.5))?;
    let sequence = sequence(settings)?;
    Ok(Convexity { settings: settings.clone(), t, straight, aligned, sequence })
}

fn objective(x: &[f64], y: &[f64]) -> Result<EmpiricalRisk> {
    let column = |values: &[f64]| Tensor::from_slice(values, (values.len(), 1), &Device::Cpu);
    let criterion = Criterion { loss: Loss::Squared, ..Criterion::default() };
    Ok(EmpiricalRisk::new(Arch::example_1_20(), Examples::new(&column(x)?, &column(y)?)?, criterion)?
        .with_memory(1 << 26))
}

/// All networks of the sequence as one stack, on the nodes of the midpoint rule.
fn sequence(settings: &ConvexitySettings) -> Result<Vec<Member>> {
    let x: Vec<f64> = (0..settings.nodes).map(|i| (2 * i + 1) as f64 / settings.nodes as f64 - 1.).collect();
    let y: Vec<f64> = x.iter().map(|x| f64::from(u8::from(*x > 0.))).collect();
    let row = |n: f64| [1., 1., 1. / n, 0., n, -n];
    let mut sorted = settings.sequence.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let rows: Vec<f64> = sorted.iter().flat_map(|&n| row(f64::from(n))).collect();
    let stack = Tensor::from_vec(rows, (sorted.len(), 6), &Device::Cpu)?;
    let risks = objective(&x, &y)?.risks(&Span::stack(&stack)?)?;
    let member = |(&n, risk): (&u32, f64)| {
        let m = f64::from(n);
        Member {
            n,
            // The interval is 2 long.
            distance: (2. * risk).sqrt(),
            expected: (3. * m).sqrt().recip(),
            norm: row(m).iter().map(|x| x * x).sum::<f64>().sqrt(),
            // A neuron (w, b) read with a has 2|a|‖(w, b)‖ at least (arithmetic and geometric mean).
            least_norm: (2. * m * (1. + (1. / (m * m) + 1.).sqrt())).sqrt(),
        }
    };
    Ok(sorted.iter().zip(risks).map(member).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{StudyError, Verdict};

    #[test]
    fn the_numbers_are_those_of_the_example() {
        let found = convexity(&ConvexitySettings::default(), &mut ()).unwrap();
        assert_eq!((found.straight[0], found.straight[100], found.straight[50]), (0., 0., 0.5));
        assert!(found.aligned.iter().all(|r| *r == 0.));
        for pair in found.sequence.windows(2) {
            assert!(pair[1].distance < pair[0].distance && pair[1].least_norm > pair[0].least_norm);
        }
        for member in &found.sequence {
            assert!((member.distance / member.expected - 1.).abs() < 0.01, "{member:?}");
            assert!(member.least_norm <= member.norm * (1. + 1e-15), "{member:?}");
        }
        assert_eq!(Report::from(&found).verdict, Verdict::Supported);
        let even = ConvexitySettings { points: 10, ..ConvexitySettings::default() };
        assert!(matches!(convexity(&even, &mut ()), Err(StudyError::Setting { .. })));
    }

    /// With both targets 0 the two ends have risk ½ and their midpoint 0: on this segment the risk is convex.
    #[test]
    fn targets_for_which_the_segment_is_convex_contradict_the_claim() {
        let settings = ConvexitySettings { targets: [0., 0.], ..ConvexitySettings::default() };
        let found = convexity(&settings, &mut ()).unwrap();
        assert_eq!((found.straight[0], found.straight[50]), (0.5, 0.));
        let report = Report::from(&found);
        assert_eq!(report.verdict, Verdict::Contradicted);
        assert!(report.decisive().any(|c| c.condition.contains("midpoint")), "{:?}", report.conditions);
    }

    /// One network is no sequence.
    #[test]
    fn one_member_shows_no_growth() {
        let settings = ConvexitySettings { sequence: vec![4], ..ConvexitySettings::default() };
        let report = Report::from(&convexity(&settings, &mut ()).unwrap());
        assert_eq!(report.verdict, Verdict::Inconclusive);
    }
}
