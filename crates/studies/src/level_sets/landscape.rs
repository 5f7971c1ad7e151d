//! One landscape: its local minima and the components of its level sets, with proof.

use serde::Serialize;

use super::INPUTS;
use crate::circle::{Circle, NeuronRisk, degrees, profile};

/// A local minimum of F.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LocalMinimum {
    /// The angle of (u, b) in degrees.
    pub degrees: f64,
    /// The point (u, b, w), up to rounding.
    pub theta: [f64; 3],
    /// An enclosure of F there.
    #[serde(rename = "F")]
    pub risk: [f64; 2],
    /// Whether it is proved to be strict.
    pub strict: bool,
    /// Whether it is proved to be above another point.
    pub above_another: bool,
}

/// A landscape of one neuron on three examples.
#[derive(Debug, Clone, Serialize)]
pub struct Landscape {
    /// The name.
    pub name: &'static str,
    /// The targets.
    pub targets: [f64; 3],
    /// The weight κ of ‖θ‖².
    pub kappa: f64,
    /// F(0), the mean of y².
    pub zero: f64,
    /// Whether all critical directions are enclosed narrowly, so that no minimum is hidden.
    pub is_resolved: bool,
    /// All local minima below F(0); for κ = 0 each stands for all its rescalings.
    pub minima: Vec<LocalMinimum>,
    /// A point around which no example is active, so that F = F(0) in a whole neighbourhood; for κ = 0.
    pub plateau: Option<LocalMinimum>,
    /// The numbers of components of {F ≤ λ}; none where λ is a critical value up to the enclosures.
    #[serde(skip)]
    pub components: Vec<(f64, Option<usize>)>,
    /// g at angles in degrees, for pictures.
    #[serde(skip)]
    pub profile: Vec<(f64, f64)>,
}

impl Landscape {
    pub(super) fn new(name: &'static str, targets: [f64; 3], kappa: f64, levels: usize) -> Self {
        let risk = NeuronRisk { x: INPUTS.to_vec(), y: targets.to_vec(), kappa };
        let circle = Circle::new(&risk);
        let lowest = circle.minima().map(|c| c.value.hi()).fold(circle.zero.hi(), f64::min);
        let minimum = |c: &crate::circle::Critical| LocalMinimum {
            degrees: degrees(c.at),
            theta: risk.lowest(c.at),
            risk: [c.value.lo(), c.value.hi()],
            // Without ridge (u, b, w) may be rescaled.
            strict: c.strict && kappa > 0.,
            above_another: c.value.lo() > lowest,
        };
        // The neuron (0, −1) is off at every input, and stays off nearby.
        let plateau = (kappa == 0.).then(|| LocalMinimum {
            degrees: 270.,
            theta: [0., -1., 1.],
            risk: [circle.zero.lo(), circle.zero.hi()],
            strict: false,
            above_another: circle.zero.lo() > lowest,
        });
        let level = |i: usize| 1.05 * circle.zero.hi() * (i + 1) as f64 / levels as f64;
        Self {
            name,
            targets,
            kappa,
            zero: circle.zero.middle(),
            is_resolved: circle.is_resolved,
            minima: circle.minima().map(minimum).collect(),
            plateau,
            components: (0..levels).map(level).map(|level| (level, circle.components(level))).collect(),
            profile: profile(&risk, 720),
        }
    }

    /// Whether {F ≤ λ} is proved to be connected for every λ: no second minimum lies below F(0).
    pub fn is_connected(&self) -> bool {
        self.is_resolved && self.minima.len() <= 1
    }

    /// The largest number of components that was counted.
    pub fn most_components(&self) -> usize {
        self.components.iter().filter_map(|(_, count)| *count).max().unwrap_or(0)
    }

    /// All local minima that are proved, the plateau among them.
    fn all(&self) -> impl Iterator<Item = &LocalMinimum> {
        self.minima.iter().chain(&self.plateau)
    }

    /// The number of local minima (strict ones only, or all) that are proved not to be global.
    pub fn bad_minima(&self, all: bool) -> usize {
        self.all().filter(|m| (m.strict || all) && m.above_another).count()
    }

    /// The number of local minima that are proved to be strict.
    pub fn strict_minima(&self) -> usize {
        self.minima.iter().filter(|m| m.strict).count()
    }
}
