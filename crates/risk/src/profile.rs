//! The risk at sampled points of a path, and the six definitions of a barrier (docs/theory.md §0).

use serde::Serialize;
use tracing::info_span;

use crate::{Error, Evaluation, Objective, Path, Result, Rows};

/// Values at sampled points of a path. They are sampled, not certified: between two points the risk may be higher.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The parameters t of the points, uniform and including both ends.
    pub t: Vec<f64>,
    /// Arc length from $\theta^A$ to each point, measured along the chords between the points.
    pub arc_length: Vec<f64>,
    /// Values on the training rows.
    pub train: Vec<Evaluation>,
    /// Values on the test rows, where there are any.
    pub test: Option<Vec<Evaluation>>,
    /// The distance of the ends, $\|\theta^B-\theta^A\|$.
    pub distance: f64,
}

/// Evaluates the risk at `points` ≥ 2 uniform t of `path`, in one call of each objective.
///
/// # Errors
/// When `points` < 2, and the errors of the objectives.
pub fn profile(
    path: &Path,
    points: usize,
    train: &dyn Objective,
    test: Option<&dyn Objective>,
) -> Result<Profile> {
    if points < 2 {
        return Err(Error::Setting { name: "points", expected: "at least 2", found: points.to_string() });
    }
    let _span = info_span!("profile", points, vertices = path.vertices().dims()[0]).entered();
    let t: Vec<f64> = (0..points).map(|i| i as f64 / (points - 1) as f64).collect();
    let span = path.span(&t)?;
    let mut length = 0.;
    let mut arc_length = vec![0.];
    for step in path.steps(&t)? {
        length += step;
        arc_length.push(length);
    }
    let distance = path.steps(&[0., 1.])?[0];
    let train = train.evaluate(&span, Rows::All, None)?;
    let test = test.map(|test| test.evaluate(&span, Rows::All, None)).transpose()?;
    Ok(Profile { t, arc_length, train, test, distance })
}

impl Path {
    /// Evaluates the risk at `points` ≥ 2 uniform t of the path, in one call.
    ///
    /// # Errors
    /// When `points` < 2, and the errors of the objective.
    pub fn profile(&self, objective: &dyn Objective, points: usize) -> Result<Profile> {
        profile(self, points, objective, None)
    }
}

impl Profile {
    /// Length of the path.
    pub fn length(&self) -> f64 {
        *self.arc_length.last().expect("a profile has points")
    }

    /// The length of the path divided by the distance of the ends; NaN when the ends are the same point.
    pub fn normalized_length(&self) -> f64 {
        self.length() / self.distance
    }

    /// The training risks F.
    pub fn risks(&self) -> Vec<f64> {
        self.train.iter().map(|v| v.risk).collect()
    }

    /// All six barriers of the training risk.
    pub fn barrier(&self) -> Barrier {
        Barrier::new(&self.t, &self.risks(), self.midpoint())
    }

    /// The risk F at t = ½ if that is one of the points, else NaN.
    fn midpoint(&self) -> f64 {
        let n = self.t.len();
        if n % 2 == 1 { self.train[n / 2].risk } else { f64::NAN }
    }
}

/// The six definitions of "barrier" in the literature (docs/theory.md §0). Negative values stay negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Barrier {
    /// The highest risk, $\max_tF$.
    pub max: f64,
    /// The height above the higher end, $\max_tF-\max(F_A,F_B)$, on which the connectedness of level sets depends.
    pub above_ends: f64,
    /// The height above the mean of the ends, $\max_tF-\tfrac12(F_A+F_B)$ (Ainsworth et al. 2023).
    pub above_mean: f64,
    /// The height above the chord, $\max_t\lbrack F-(1-t)F_A-tF_B\rbrack$ (Frankle et al. 2020, Entezari et al. 2022).
    pub above_chord: f64,
    /// The height of the middle, $F(\gamma(\tfrac12))-\tfrac12(F_A+F_B)$ (Jordan et al. 2023).
    pub midpoint: f64,
    /// The mean risk $\int_0^1F\,dt$ by the trapezoidal rule (Garipov et al. 2018).
    pub mean: f64,
}

impl Barrier {
    /// Computes the barriers from risks at increasing `t`; `midpoint` is F at ½. A risk that is NaN makes the maxima
    /// NaN.
    pub fn new(t: &[f64], risks: &[f64], midpoint: f64) -> Self {
        let (a, b) = (risks.first().copied().unwrap_or(f64::NAN), risks.last().copied().unwrap_or(f64::NAN));
        let max = largest(risks.iter().copied());
        let ends = largest([a, b]);
        let trapezoids = t.windows(2).zip(risks.windows(2)).map(|(t, f)| (t[1] - t[0]) * (f[0] + f[1]) / 2.);
        Self {
            max,
            above_ends: max - ends,
            above_mean: max - (a + b) / 2.,
            above_chord: largest(t.iter().zip(risks).map(|(t, f)| f - (1. - t) * a - t * b)),
            midpoint: midpoint - (a + b) / 2.,
            mean: trapezoids.sum(),
        }
    }
}

/// The largest of `risks`, or NaN when one of them is NaN.
pub fn largest(risks: impl IntoIterator<Item = f64>) -> f64 {
    risks
        .into_iter()
        .fold(f64::NEG_INFINITY, |m, x| if x.is_nan() || m.is_nan() { f64::NAN } else { m.max(x) })
}
