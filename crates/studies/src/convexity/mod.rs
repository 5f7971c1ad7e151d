//! Example 1.20 (theory §1): two networks of risk 0 with a midpoint of risk ½, the same aligned, and a sequence of
//! networks whose limit is none.

mod report;

use candle_core::{Device, Tensor};
use collado_models::Arch;
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Objective, Span};

pub use self::report::CLAIM;
use crate::{Result, StudyError, watch::Progress};

/// How the study is run.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `points` | 101 | on the segment; an odd number has the midpoint | ≥ 3, odd |
/// | `sequence` | 1, 2, 4, …, 4096 | n of $n(\rho(x+1/n)-\rho(x))$ | each ≥ 1 |
/// | `nodes` | 65536 | of the midpoint rule on \[−1, 1\] | ≥ 2, even |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvexitySettings {
    /// Points on the segment.
    pub points: usize,
    /// n of the sequence.
    pub sequence: Vec<u32>,
    /// Nodes of the integral.
    pub nodes: usize,
}

impl Default for ConvexitySettings {
    fn default() -> Self {
        Self { points: 101, sequence: (0..13).map(|k| 1 << k).collect(), nodes: 1 << 16 }
    }
}

/// A network of the sequence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member {
    /// n.
    pub n: u32,
    /// Distance from $1_{x>0}$ in $L^2(\lbrack-1,1\rbrack)$, measured.
    pub distance: f64,
    /// $1/\sqrt{3n}$, what it is.
    pub expected: f64,
    /// ‖θ_n‖ as written.
    pub norm: f64,
    /// The smallest norm that rescaling its neurons can give.
    pub least_norm: f64,
}

/// Everything measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Convexity {
    /// How.
    pub settings: ConvexitySettings,
    /// Where on the segment.
    pub t: Vec<f64>,
    /// Risk from θ to θ̄.
    pub straight: Vec<f64>,
    /// Risk from θ to θ̄ with its neurons exchanged.
    pub aligned: Vec<f64>,
    /// The sequence.
    pub sequence: Vec<Member>,
}

/// θ = (1, −1, 1, 1, 1, 0) and θ̄ = (−1, 1, 1, 1, 0, 1) in the order of a stack: θ₃, θ₄, θ₅, θ₆, θ₁, θ₂.
const ENDS: [[f64; 6]; 2] = [[1., 1., 1., 0., 1., -1.], [1., 1., 0., 1., -1., 1.]];

/// Runs the study. `progress` is told the share done; `false` stops it.
///
/// # Errors
/// When a setting is out of range, or `progress` asks to stop.
pub fn convexity(settings: &ConvexitySettings, progress: Progress<'_>) -> Result<Convexity> {
    let wrong = |name, expected, found: String| Err(StudyError::Setting { name, expected, found });
    if settings.points < 3 || settings.points.is_multiple_of(2) {
        return wrong("--points", "an odd number above 2", settings.points.to_string());
    }
    if settings.sequence.contains(&0) || settings.nodes < 2 || !settings.nodes.is_multiple_of(2) {
        return wrong("--sequence", "numbers above 0", format!("{:?}", settings.sequence));
    }
    let risk = objective(&[-1., 1.], &[0., 1.])?;
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
    if !progress(0.5) {
        return Err(StudyError::Interrupted);
    }
    let sequence = sequence(settings)?;
    progress(1.);
    Ok(Convexity { settings: settings.clone(), t, straight, aligned, sequence })
}

fn objective(x: &[f64], y: &[f64]) -> Result<EmpiricalRisk> {
    let column = |values: &[f64]| Tensor::from_slice(values, (values.len(), 1), &Device::Cpu);
    let criterion = Criterion { loss: Loss::Squared, ..Criterion::default() };
    Ok(EmpiricalRisk::new(&Arch::example_1_20(), Examples::new(&column(x)?, &column(y)?)?, criterion)?
        .with_memory(1 << 26))
}

/// All networks of the sequence as one stack, on the nodes of the midpoint rule.
fn sequence(settings: &ConvexitySettings) -> Result<Vec<Member>> {
    let x: Vec<f64> = (0..settings.nodes).map(|i| (2 * i + 1) as f64 / settings.nodes as f64 - 1.).collect();
    let y: Vec<f64> = x.iter().map(|x| f64::from(u8::from(*x > 0.))).collect();
    let row = |n: f64| [1., 1., 1. / n, 0., n, -n];
    let rows: Vec<f64> = settings.sequence.iter().flat_map(|&n| row(f64::from(n))).collect();
    let stack = Tensor::from_vec(rows, (settings.sequence.len(), 6), &Device::Cpu)?;
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
    Ok(settings.sequence.iter().zip(risks).map(member).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_example() {
        let found = convexity(&ConvexitySettings::default(), &mut |_| true).unwrap();
        assert_eq!((found.straight[0], found.straight[100], found.straight[50]), (0., 0., 0.5));
        assert!(found.aligned.iter().all(|r| *r == 0.));
        for pair in found.sequence.windows(2) {
            assert!(pair[1].distance < pair[0].distance && pair[1].least_norm > pair[0].least_norm);
        }
        for member in &found.sequence {
            assert!((member.distance / member.expected - 1.).abs() < 0.01, "{member:?}");
            assert!(member.least_norm <= member.norm * (1. + 1e-15), "{member:?}");
        }
        let even = ConvexitySettings { points: 10, ..ConvexitySettings::default() };
        assert!(matches!(convexity(&even, &mut |_| true), Err(StudyError::Setting { .. })));
    }
}
