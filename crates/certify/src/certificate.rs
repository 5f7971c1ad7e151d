use collado_models::Activation;
use collado_risk::{EmpiricalRisk, Path};

use crate::{Error, Result, search::Search};

/// How far a certificate is driven.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `tolerance` | 1e-3 | stop when hi − lo ≤ tolerance · hi | ≥ 0, finite |
/// | `max_subintervals` | 10 000 | pieces bounded at most; a path is always covered once, by at least one piece a leg | ≥ 1 |
/// | `memory` | 1 GiB | bytes for the first layer at the vertices of a leg; examples that do not fit are computed anew for each piece, to the same bits | any |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CertifySettings {
    /// Relative gap.
    pub tolerance: f64,
    /// Budget.
    pub max_subintervals: usize,
    /// Bytes kept.
    pub memory: usize,
}

impl Default for CertifySettings {
    fn default() -> Self {
        Self { tolerance: 1e-3, max_subintervals: 10_000, memory: 1 << 30 }
    }
}

/// Why a search ended. The enclosure holds in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The gap is within the tolerance.
    Tolerance,
    /// The budget of pieces is spent.
    Budget,
    /// The progress callback asked to stop.
    Stopped,
    /// Smaller pieces would not be tighter: rounding is all that is left.
    Resolution,
}

impl Status {
    /// Name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tolerance => "tolerance",
            Self::Budget => "budget",
            Self::Stopped => "stopped",
            Self::Resolution => "resolution",
        }
    }
}

/// How an upper bound was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// F is convex on every leg: its vertices suffice.
    Vertices,
    /// F is a polynomial on every leg: bounded by its Bernstein coefficients, with branch and bound.
    Polynomial,
    /// First-order models and branch and bound.
    FirstOrder,
}

impl Method {
    /// Name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vertices => "vertices",
            Self::Polynomial => "polynomial",
            Self::FirstOrder => "first-order",
        }
    }
}

/// A piece of the path on which F is enclosed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// Its ends.
    pub t: (f64, f64),
    /// F is nowhere less on it.
    pub lower: f64,
    /// F is nowhere more on it.
    pub upper: f64,
    /// Share of the examples that may be misclassified on it.
    pub wrong: f64,
}

/// What a running search knows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Largest F proved at a point.
    pub lo: f64,
    /// Upper bound of F on the path.
    pub hi: f64,
    /// Pieces bounded so far.
    pub subintervals: usize,
}

/// A proof that $\text{lo}\le\max_tF(\gamma(t))\le\text{hi}$ over every real t in \[0, 1\].
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Largest lower bound of F at a point.
    pub lo: f64,
    /// F is nowhere more on the path.
    pub hi: f64,
    /// The t at which `lo` was found.
    pub t: f64,
    /// Enclosures of F at both ends.
    pub ends: [(f64, f64); 2],
    /// Upper bound of the share of misclassified examples; none where there are no classes.
    pub error: Option<f64>,
    /// Pieces that were bounded.
    pub subintervals: usize,
    /// How.
    pub method: Method,
    /// Why the search ended.
    pub status: Status,
    /// Wall-clock time.
    pub seconds: f64,
    /// The pieces that cover the path at the end, in order.
    pub pieces: Vec<Piece>,
    /// (pieces bounded, lo, hi) as the search went on.
    pub history: Vec<(usize, f64, f64)>,
}

impl Certificate {
    /// Enclosure of the barrier $\max_tF-\max(F_A,F_B)$.
    pub fn above_ends(&self) -> (f64, f64) {
        let [a, b] = self.ends;
        let down = |x: f64| x - x.abs() * f64::EPSILON;
        let up = |x: f64| x + x.abs() * f64::EPSILON;
        (down(self.lo - a.1.max(b.1)), up(self.hi - a.0.max(b.0)))
    }
}

/// Encloses the largest risk along `path`, for every real t in \[0, 1\], with rounding accounted for.
///
/// `progress` is told after every bisection; `false` stops the search, and the enclosure found so far is returned.
///
/// # Errors
/// When sizes or settings do not fit, a number is not finite, or the risk overflows.
pub fn certify_path(
    path: &Path,
    risk: &EmpiricalRisk,
    settings: &CertifySettings,
    progress: &mut dyn FnMut(&Progress) -> bool,
) -> Result<Certificate> {
    if !(settings.tolerance >= 0. && settings.tolerance.is_finite()) {
        let found = settings.tolerance.to_string();
        return Err(Error::Setting { name: "tolerance", expected: "a finite number ≥ 0", found });
    }
    if settings.max_subintervals == 0 {
        let found = settings.max_subintervals.to_string();
        return Err(Error::Setting { name: "max-subintervals", expected: "at least 1", found });
    }
    let linear = risk.arch().activation() == Activation::Linear;
    Search::new(path, risk, settings)?.run(linear, progress)
}

/// Encloses the largest risk along `path` with the default settings: a proof of
/// $\text{lo}\le\max_tF(\gamma(t))\le\text{hi}$ for every real t in \[0, 1\].
///
/// # Errors
/// Those of [`certify_path`].
pub fn certify(risk: &EmpiricalRisk, path: &Path) -> Result<Certificate> {
    certify_path(path, risk, &CertifySettings::default(), &mut |_| true)
}
