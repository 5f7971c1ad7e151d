use crate::{Error, Evaluation, Objective, Path, Result, Rows};

/// What is known at sampled points of a path. Sampled, not certified: between two points the risk may be higher.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The t of the points, uniform with both ends.
    pub t: Vec<f64>,
    /// Arc length from $\theta^A$ to each point, measured along the chords between the points.
    pub arc_length: Vec<f64>,
    /// Values on the training rows.
    pub train: Vec<Evaluation>,
    /// Values on the test rows, where there are any.
    pub test: Option<Vec<Evaluation>>,
    /// $\|\theta^B-\theta^A\|$.
    pub distance: f64,
}

/// The risk at `points` ≥ 2 uniform t of `path`, all in one call of each objective.
///
/// # Errors
/// When `points` < 2, and those of the objectives.
pub fn profile(
    path: &Path,
    points: usize,
    train: &dyn Objective,
    test: Option<&dyn Objective>,
) -> Result<Profile> {
    if points < 2 {
        return Err(Error::Setting { name: "points", expected: "at least 2", found: points.to_string() });
    }
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
    /// The risk at `points` ≥ 2 uniform t of the path, all in one call.
    ///
    /// # Errors
    /// When `points` < 2, and those of the objective.
    pub fn profile(&self, objective: &dyn Objective, points: usize) -> Result<Profile> {
        profile(self, points, objective, None)
    }
}

impl Profile {
    /// Length of the path.
    pub fn length(&self) -> f64 {
        self.arc_length.last().copied().unwrap_or(0.)
    }

    /// Length over the distance of the ends; NaN when the ends are one point.
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

    /// F at t = ½ when that is one of the points.
    fn midpoint(&self) -> f64 {
        let n = self.t.len();
        if n % 2 == 1 { self.train[n / 2].risk } else { f64::NAN }
    }
}

/// The six definitions of "barrier" in the literature (theory §0). Negative values stay negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Barrier {
    /// $\max_tF$.
    pub max: f64,
    /// $\max_tF-\max(F_A,F_B)$: what a level set sees.
    pub above_ends: f64,
    /// $\max_tF-\tfrac12(F_A+F_B)$ (Ainsworth 2023).
    pub above_mean: f64,
    /// $\max_t\lbrack F-(1-t)F_A-tF_B\rbrack$ (Frankle 2020, Entezari 2022).
    pub above_chord: f64,
    /// $F(\gamma(\tfrac12))-\tfrac12(F_A+F_B)$ (Jordan 2023).
    pub midpoint: f64,
    /// $\int_0^1F\,dt$ by the trapezoidal rule (Garipov 2018).
    pub mean: f64,
}

impl Barrier {
    /// From risks at increasing `t`; `midpoint` is F at ½. A risk that is NaN makes the maxima NaN.
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

/// The largest of `risks`; NaN when one is.
pub fn largest(risks: impl IntoIterator<Item = f64>) -> f64 {
    risks
        .into_iter()
        .fold(f64::NEG_INFINITY, |m, x| if x.is_nan() || m.is_nan() { f64::NAN } else { m.max(x) })
}
