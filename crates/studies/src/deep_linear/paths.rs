use candle_core::Tensor;
use collado_dynamics::{Connect, DeepLinear, Linear, Search};
use collado_risk::{EmpiricalRisk, profile};

use crate::Result;

/// Points of a profile.
const POINTS: usize = 401;

/// Two points, the explicit path between them and the straight line.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Whether they are ends of gradient descent; otherwise starts.
    pub minima: bool,
    /// F at the higher one.
    pub higher: f64,
    /// F at 401 uniform points of the explicit path.
    pub path: Vec<f64>,
    /// And of the straight line.
    pub line: Vec<f64>,
    /// Vertices of the path.
    pub vertices: usize,
    /// The straight line's barrier above the ends, over F at the higher end.
    pub straight: f64,
}

impl Pair {
    /// How far the path rises above its higher end, over F there.
    pub fn excess(&self) -> f64 {
        self.path.iter().fold(f64::NEG_INFINITY, |max, f| max.max(*f)) / self.higher - 1.
    }
}

/// Neighbouring starts, then neighbouring ends; none where the theorem's hypothesis on the widths fails.
pub(super) fn pairs(objective: &EmpiricalRisk, starts: &Tensor, ends: &Tensor) -> Result<Vec<Pair>> {
    let arch = objective.arch();
    let q = arch.inputs().min(arch.outputs());
    let hidden = &arch.widths()[1..arch.depth()];
    if hidden.is_empty() || hidden.iter().any(|&n| n <= q) {
        return Ok(Vec::new());
    }
    let method = DeepLinear::new(objective);
    let mut pairs = Vec::new();
    for (minima, stack) in [(false, starts), (true, ends)] {
        for i in (0..stack.dims()[0] - 1).step_by(2) {
            let (a, b) = (stack.get(i)?, stack.get(i + 1)?);
            let mut search = Search { objective, seed: 0, progress: &mut |_, _| true };
            let (path, line) =
                (method.find(&a, &b, &mut search)?.path, Linear.find(&a, &b, &mut search)?.path);
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
