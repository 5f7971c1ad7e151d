//! Certificates: proved enclosures of the highest risk along a path (docs/certificates.md).

/// The settings of a certificate: how tight it is to be, and its budget.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `tolerance` | 1e-3 | stop when hi − lo ≤ tolerance · hi | ≥ 0, finite |
/// | `max_subintervals` | 10 000 | pieces bounded at most; a path is always covered once, by at least one piece a leg | ≥ 1 |
/// | `shortcuts` | true | use what an independent check of the pieces does not: models of second order, the polynomial F of linear networks, and bounds of easy examples on larger pieces | |
/// | `memory` | 1 GiB | bytes for the first layer at the vertices of a leg; examples that do not fit are computed anew for each piece, to the same bits | any |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CertifySettings {
    /// The relative gap at which the search stops.
    pub tolerance: f64,
    /// The largest number of pieces that are bounded.
    pub max_subintervals: usize,
    /// Whether bounds may use what an independent check of the pieces does not: models of second order, the polynomial of
    /// linear networks with squared loss, and bounds of easy examples on larger pieces.
    pub shortcuts: bool,
    /// The memory for products of the first layer, in bytes.
    pub memory: usize,
}

impl Default for CertifySettings {
    fn default() -> Self {
        Self { tolerance: 1e-3, max_subintervals: 10_000, shortcuts: true, memory: 1 << 30 }
    }
}

/// The reason why a search ended. The enclosure holds in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The gap is within the tolerance.
    Tolerance,
    /// The budget of pieces is spent.
    Budget,
    /// The progress callback asked to stop.
    Stopped,
    /// Smaller pieces would not give tighter bounds, as only rounding is left.
    Resolution,
}

impl Status {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tolerance => "tolerance",
            Self::Budget => "budget",
            Self::Stopped => "stopped",
            Self::Resolution => "resolution",
        }
    }
}

/// The method by which an upper bound was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// F is convex on every leg, so that its values at the vertices bound it.
    Vertices,
    /// F is a polynomial on every leg and is bounded by its Bernstein coefficients, with branch and bound.
    Polynomial,
    /// First-order models, with branch and bound.
    FirstOrder,
    /// Second-order models, with branch and bound.
    SecondOrder,
}

impl Method {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vertices => "vertices",
            Self::Polynomial => "polynomial",
            Self::FirstOrder => "first-order",
            Self::SecondOrder => "second-order",
        }
    }
}

/// A piece of the path on which F is enclosed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// The parameters t of its ends.
    pub t: (f64, f64),
    /// The number of its leg, counted from 0.
    pub leg: usize,
    /// The leg's own parameters τ in \[0, 1\] of its ends, which are exact.
    pub tau: (f64, f64),
    /// An upper bound of F, which without [`shortcuts`](CertifySettings::shortcuts) was computed on this piece alone; `upper`
    /// may be lower, since it is also at most the bound of any larger piece.
    pub own: f64,
    /// A lower bound of F on the piece.
    pub lower: f64,
    /// An upper bound of F on the piece.
    pub upper: f64,
    /// An upper bound of the share of examples that are misclassified on the piece.
    pub wrong: f64,
}

/// A proof that $\text{lo}\le\max_tF(\gamma(t))\le\text{hi}$ over every real t in \[0, 1\].
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Largest lower bound of F at a point.
    pub lo: f64,
    /// An upper bound of F on the whole path.
    pub hi: f64,
    /// The parameter t at which `lo` was found, rounded.
    pub t: f64,
    /// An enclosure of that parameter: F is at least `lo` somewhere in it.
    pub t_within: (f64, f64),
    /// The same point exactly: its leg, counted from 0, and the leg's own parameter τ.
    pub at: (usize, f64),
    /// Enclosures of F at both ends.
    pub ends: [(f64, f64); 2],
    /// An upper bound of the share of misclassified examples at every t; `None` where there are no classes.
    pub error: Option<f64>,
    /// Number of pieces that were bounded; a part of the examples counts as that part of a piece.
    pub subintervals: usize,
    /// The method of the upper bound.
    pub method: Method,
    /// The reason why the search ended.
    pub status: Status,
    /// The wall-clock time in seconds.
    pub seconds: f64,
    /// The pieces that cover the path at the end, in order.
    pub pieces: Vec<Piece>,
    /// The progress of the search: the number of pieces bounded, lo and hi.
    pub history: Vec<(usize, f64, f64)>,
}

impl Certificate {
    /// The enclosure of the barrier $\max_tF-\max(F_A,F_B)$.
    pub fn above_ends(&self) -> (f64, f64) {
        let [a, b] = self.ends;
        let down = |x: f64| x - x.abs() * f64::EPSILON;
        let up = |x: f64| x + x.abs() * f64::EPSILON;
        (down(self.lo - a.1.max(b.1)), up(self.hi - a.0.max(b.0)))
    }
}
