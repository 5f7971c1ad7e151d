//! Basins of a function on a grid: its local minima, and the pass between two of its points.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::grid::Grid;

/// The number of inner grid points that are lower than all eight around them.
pub(super) fn local_minima(grid: &Grid, values: &[f64]) -> usize {
    let (nx, ny) = (grid.xs.len(), grid.ys.len());
    let lowest = |i: usize, j: usize| {
        let here = values[j * nx + i];
        let around = (j - 1..=j + 1).flat_map(|row| (i - 1..=i + 1).map(move |column| (column, row)));
        around.filter(|&at| at != (i, j)).all(|(column, row)| here < values[row * nx + column])
    };
    (1..ny - 1).flat_map(|j| (1..nx - 1).map(move |i| (i, j))).filter(|&(i, j)| lowest(i, j)).count()
}

/// The pass between two points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pass {
    /// The lowest level at which both lie in one component of the level set.
    pub(super) level: f64,
    /// The value at the higher of the two.
    pub(super) higher: f64,
}

impl Pass {
    /// Whether a level set above both points leaves them apart.
    pub(super) fn separates(&self) -> bool {
        self.level > 1.02 * self.higher
    }
}

/// The pass on the grid between the lowest grid points beside `a` and `b`, with steps to the four neighbours; nothing where one is
/// not finite.
pub(super) fn pass(grid: &Grid, values: &[f64], a: (f64, f64), b: (f64, f64)) -> Option<Pass> {
    let (start, end) = (lowest_beside(grid, values, a)?, lowest_beside(grid, values, b)?);
    let (nx, ny) = (grid.xs.len(), grid.ys.len());
    let mut seen = vec![false; nx * ny];
    // Values are finite and not below 0: their bits are ordered as they are.
    let mut open = BinaryHeap::from([Reverse((values[start].to_bits(), start))]);
    let mut level = values[start];
    while let Some(Reverse((bits, at))) = open.pop() {
        if std::mem::replace(&mut seen[at], true) {
            continue;
        }
        level = level.max(f64::from_bits(bits));
        if at == end {
            return Some(Pass { level, higher: values[start].max(values[end]) });
        }
        let (i, j) = (at % nx, at / nx);
        let beside = [
            (i > 0).then(|| at - 1),
            (i + 1 < nx).then(|| at + 1),
            (j > 0).then(|| at - nx),
            (j + 1 < ny).then(|| at + nx),
        ];
        let next = beside.into_iter().flatten().filter(|&next| !seen[next] && values[next].is_finite());
        open.extend(next.map(|next| Reverse((values[next].max(0.).to_bits(), next))));
    }
    None
}

/// The lowest of the grid points around a point.
fn lowest_beside(grid: &Grid, values: &[f64], (x, y): (f64, f64)) -> Option<usize> {
    let near = |c: &[f64], at: f64| c.partition_point(|&c| c < at).clamp(1, c.len() - 1);
    let (i, j) = (near(&grid.xs, x), near(&grid.ys, y));
    let corners = [(i - 1, j - 1), (i, j - 1), (i - 1, j), (i, j)];
    let places = corners.map(|(i, j)| j * grid.xs.len() + i);
    places.into_iter().filter(|&at| values[at] >= 0.).min_by(|&a, &b| values[a].total_cmp(&values[b]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (x² − 1)² + y² has minima at ±1, and the pass of height 1 at 0.
    #[test]
    fn two_wells_have_two_minima_and_the_pass_between() {
        let grid = Grid::square(2., 41);
        let well = |p: &[f64]| (p[0] * p[0] - 1.).powi(2) + p[1] * p[1];
        let values: Vec<f64> = grid.points().chunks_exact(2).map(well).collect();
        assert_eq!(local_minima(&grid, &values), 2);
        let found = pass(&grid, &values, (-1., 0.), (1., 0.)).unwrap();
        assert!((found.level - 1.).abs() < 1e-12 && found.higher < 1e-12 && found.separates(), "{found:?}");
        let same = pass(&grid, &values, (1., 0.), (1.5, 0.)).unwrap();
        assert!(!same.separates(), "{same:?}");
        let flat = vec![f64::NAN; values.len()];
        assert_eq!((local_minima(&grid, &flat), pass(&grid, &flat, (-1., 0.), (1., 0.))), (0, None));
    }
}
