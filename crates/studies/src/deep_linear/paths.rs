//! The paths that are compared: the explicit one of Freeman & Bruna 2017, and the straight line.

use candle_core::Tensor;
use collado_dynamics::{Connect, DeepLinear, Linear, Search};
use collado_models::Activation;
use collado_risk::{EmpiricalRisk, profile};

use crate::Result;

/// Number of points at which F is looked at on a path.
const POINTS: usize = 401;

/// Two points, the explicit path between them and the straight line.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Whether the two points are ends of gradient descent; otherwise they are its starts.
    pub minima: bool,
    /// F at the higher of the two points.
    pub higher: f64,
    /// F at 401 uniform points of the explicit path.
    pub path: Vec<f64>,
    /// F at as many points of the straight line.
    pub line: Vec<f64>,
    /// Number of vertices of the explicit path.
    pub vertices: usize,
    /// The straight line's barrier above the ends, over F at the higher end.
    pub straight: f64,
}

impl Pair {
    /// How far the path rises above its higher end, over F there, or over `floor` where that is higher: rounding is not in
    /// proportion to a risk near 0.
    pub fn excess(&self, floor: f64) -> f64 {
        let highest = self.path.iter().fold(self.higher, |max, f| if *f <= max { max } else { *f });
        (highest - self.higher) / self.higher.max(floor)
    }
}

/// The paths between neighbouring starts, then between neighbouring ends that have not `diverged`; none where a hidden width is
/// too small for the theorem.
pub(super) fn pairs(
    objective: &EmpiricalRisk,
    starts: &Tensor,
    ends: &Tensor,
    diverged: &[bool],
) -> Result<Vec<Pair>> {
    let arch = objective.arch();
    let q = arch.inputs().min(arch.outputs());
    let hidden = &arch.widths()[1..arch.depth()];
    if arch.activation() != Activation::Linear || hidden.is_empty() || hidden.iter().any(|&n| n <= q) {
        return Ok(Vec::new());
    }
    let method = DeepLinear::new(objective);
    let mut pairs = Vec::new();
    for (minima, stack) in [(false, starts), (true, ends)] {
        for i in (0..stack.dims()[0] - 1).step_by(2).filter(|&i| !minima || !(diverged[i] || diverged[i + 1]))
        {
            let (a, b) = (stack.get(i)?, stack.get(i + 1)?);
            let mut search = Search { objective, seed: 0, progress: &mut () };
            let path = method.find(&a, &b, &mut search)?.path;
            let line = Linear.find(&a, &b, &mut search)?.path;
            let vertices = path.vertices().dims()[0];
            let of = |path| Ok::<_, crate::StudyError>(profile(path, POINTS, objective, None)?);
            let (path, line) = (of(&path)?, of(&line)?);
            let ends = path.risks();
            let higher = ends[0].max(ends[POINTS - 1]);
            let straight = line.barrier().above_ends / higher;
            pairs.push(Pair { minima, higher, path: ends, line: line.risks(), vertices, straight });
        }
    }
    Ok(pairs)
}
