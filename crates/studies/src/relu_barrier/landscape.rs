//! The landscape of one neuron for given targets: its minima, the height between the two lowest, and a certified path.

use serde::Serialize;

use super::route;
use crate::{
    Result,
    circle::{Circle, NeuronRisk, Pass, degrees, profile},
};

/// A local minimum of F.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Valley {
    /// The angle of (u, b) in degrees.
    pub degrees: f64,
    /// The minimum (u, b, w), up to rounding.
    pub theta: [f64; 3],
    /// An enclosure of F there.
    #[serde(rename = "F")]
    pub risk: [f64; 2],
    /// Whether it is proved to be a strict minimum, the only one near.
    pub strict: bool,
}

/// A path with a certificate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Certified {
    /// A proved upper bound of F on the whole path.
    pub upper: f64,
    /// A proved upper bound of F at the higher end.
    pub higher_end: f64,
    /// Number of vertices of the path.
    pub vertices: usize,
    /// F at positions t along the path, for pictures.
    #[serde(skip)]
    pub profile: Vec<(f64, f64)>,
}

impl Certified {
    /// Whether the path stays at its higher end, up to the tolerance of the certificate.
    pub fn is_level(&self) -> bool {
        self.upper <= self.higher_end * (1. + LEVEL) + LEVEL
    }
}

/// Relative height above the higher end up to which a certified path counts as level.
pub(super) const LEVEL: f64 = 1e-4;

/// One neuron on given targets.
#[derive(Debug, Clone)]
pub struct Landscape {
    /// The targets.
    pub targets: Vec<f64>,
    /// F(0), the mean of y².
    pub zero: f64,
    /// Whether all critical directions are enclosed narrowly, so that no minimum is hidden.
    pub is_resolved: bool,
    /// The minima below F(0), in the order of their angles.
    pub minima: Vec<Valley>,
    /// The two lowest minima by their places, the lower one first, and a proved lower bound of the highest F on every path
    /// between them; none where there is one minimum only.
    pub pass: Option<((usize, usize), f64)>,
    /// A certified path between the two ends.
    pub path: Option<Certified>,
    /// g at angles in degrees, for pictures.
    pub profile: Vec<(f64, f64)>,
}

impl Landscape {
    /// The landscape with the path between its two lowest minima over the pass.
    pub(super) fn over_the_pass(risk: &NeuronRisk) -> Result<Self> {
        let (mut landscape, pass) = Self::new(risk);
        if let (Some((a, b)), Some(pass)) = (landscape.ends(), pass) {
            landscape.path = Some(route::over(risk, [a, b], pass)?);
        }
        Ok(landscape)
    }

    /// The landscape with the path between two points that are given.
    pub(super) fn between(risk: &NeuronRisk, ends: Option<([f64; 3], [f64; 3])>) -> Result<Self> {
        let (landscape, _) = Self::new(risk);
        let path = ends.map(|(a, b)| route::lower_way(risk, [a, b])).transpose()?;
        Ok(Self { path, ..landscape })
    }

    fn new(risk: &NeuronRisk) -> (Self, Option<Pass>) {
        let circle = Circle::new(risk);
        let valley = |c: &crate::circle::Critical| Valley {
            degrees: degrees(c.at),
            theta: risk.lowest(c.at),
            risk: [c.value.lo(), c.value.hi()],
            strict: c.strict,
        };
        let minima: Vec<Valley> = circle.minima().map(valley).collect();
        let two = lowest_two(&circle);
        let pass = two.map(|(a, b)| circle.pass(a, b));
        let landscape = Self {
            targets: risk.y.clone(),
            zero: circle.zero.middle(),
            is_resolved: circle.is_resolved,
            minima,
            pass: two.zip(pass.map(|pass| pass.level)),
            path: None,
            profile: profile(risk, 720),
        };
        (landscape, pass)
    }

    /// The two lowest minima.
    pub(super) fn ends(&self) -> Option<([f64; 3], [f64; 3])> {
        self.pass.map(|((a, b), _)| (self.minima[a].theta, self.minima[b].theta))
    }

    /// A proved lower bound of F on every path between the two lowest minima, above the higher of them; none with one minimum.
    pub fn barrier(&self) -> Option<f64> {
        self.pass.map(|((a, b), level)| level - self.minima[a].risk[1].max(self.minima[b].risk[1]))
    }

    /// Whether all level sets are proved to be connected: there is no second minimum below F(0).
    pub fn is_connected(&self) -> bool {
        self.is_resolved && self.minima.len() <= 1
    }
}

/// The places of the two lowest minima, the lower one first.
fn lowest_two(circle: &Circle) -> Option<(usize, usize)> {
    let values: Vec<f64> = circle.minima().map(|c| c.value.hi()).collect();
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    match places[..] {
        [a, b, ..] => Some((a, b)),
        _ => None,
    }
}

/// The proved rise above the higher of the two lowest minima that no path avoids.
pub(super) fn barrier(circle: &Circle) -> Option<f64> {
    let values: Vec<f64> = circle.minima().map(|c| c.value.hi()).collect();
    lowest_two(circle).map(|(a, b)| (circle.pass(a, b).level - values[a].max(values[b])).max(0.))
}
