//! Regular grids of coordinates.

/// Coordinates along both axes of a plane.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    pub(super) xs: Vec<f64>,
    pub(super) ys: Vec<f64>,
}

impl Grid {
    /// A grid of `points` × `points` points on the square of half side `radius` around the origin.
    pub(super) fn square(radius: f64, points: usize) -> Self {
        let side = uniform(-radius, radius, points);
        Self { xs: side.clone(), ys: side }
    }

    /// A grid of about `points` × `points` points around all of `marks`, with a margin of `margin` times the longer
    /// side.
    pub(super) fn around(marks: &[(f64, f64)], margin: f64, points: usize) -> Self {
        let hull = |c: fn(&(f64, f64)) -> f64| {
            let values = marks.iter().map(c).filter(|v| v.is_finite());
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
        };
        let (x, y) = (hull(|m| m.0), hull(|m| m.1));
        let side = (x.1 - x.0).max(y.1 - y.0);
        // A long thin region would be a line on paper.
        let widen = |(a, b): (f64, f64)| {
            let air = margin * side + (0.3 * side - (b - a)).max(0.) / 2.;
            (a - air, b + air)
        };
        let (x, y) = (widen(x), widen(y));
        let longer = (x.1 - x.0).max(y.1 - y.0);
        let count =
            |(a, b): (f64, f64)| (((points - 1) as f64 * (b - a) / longer).round() as usize + 1).max(2);
        Self { xs: uniform(x.0, x.1, count(x)), ys: uniform(y.0, y.1, count(y)) }
    }

    /// All points `[P, 2]`, with x varying fastest.
    pub(super) fn points(&self) -> Vec<f64> {
        self.ys.iter().flat_map(|&y| self.xs.iter().flat_map(move |&x| [x, y])).collect()
    }
}

/// Evenly spaced numbers, `points` ≥ 2, from `low` to `high` inclusive. The middle one of an odd number is exactly
/// their mean, so exactly 0 for opposite ends.
pub(super) fn uniform(low: f64, high: f64, points: usize) -> Vec<f64> {
    let last = (points - 1) as f64;
    (0..points).map(|i| (low * (last - i as f64) + high * i as f64) / last).collect()
}
