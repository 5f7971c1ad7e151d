//! Contour lines by marching squares. There is no line in squares with a corner that is not finite.

use super::field::Field;
use crate::canvas::Xy;

/// The pieces of the line `value = level`, with `form` applied to the values (the logarithm on a log scale).
pub(super) fn isoline(field: &Field, level: f64, form: &impl Fn(f64) -> f64) -> Vec<[Xy; 2]> {
    let mut pieces = Vec::new();
    for j in 0..field.ys.len() - 1 {
        for i in 0..field.xs.len() - 1 {
            square(field, (i, j), level, form, &mut pieces);
        }
    }
    pieces
}

fn square(
    field: &Field,
    (i, j): (usize, usize),
    level: f64,
    form: &impl Fn(f64) -> f64,
    out: &mut Vec<[Xy; 2]>,
) {
    let corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)];
    let values = corners.map(|(i, j)| form(field.at(i, j)) - level);
    if !values.iter().all(|v| v.is_finite()) {
        return;
    }
    let crossing = |k: usize| {
        let (a, b) = (values[k], values[(k + 1) % 4]);
        ((a < 0.0) != (b < 0.0)).then(|| {
            let ((i0, j0), (i1, j1)) = (corners[k], corners[(k + 1) % 4]);
            let t = a / (a - b);
            let mix = |c: &[f64], k0: usize, k1: usize| c[k0] + t * (c[k1] - c[k0]);
            (mix(&field.xs, i0, i1), mix(&field.ys, j0, j1))
        })
    };
    let crossings: Vec<Xy> = (0..4).filter_map(crossing).collect();
    match *crossings.as_slice() {
        [a, b] => out.push([a, b]),
        // A saddle: the value in the middle says which corners hang together.
        [a, b, c, d] => {
            let middle = values.iter().sum::<f64>();
            let pairs = if (middle < 0.0) == (values[0] < 0.0) { [[a, b], [c, d]] } else { [[d, a], [b, c]] };
            out.extend(pairs);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_met_on_every_edge() {
        let c: Vec<f64> = (0..81).map(|i| f64::from(i) / 20.0 - 2.0).collect();
        let values: Vec<f64> = c.iter().flat_map(|y| c.iter().map(move |x| x * x + y * y)).collect();
        let field = Field::new(&c, &c, &values).expect("a grid");
        let pieces = isoline(&field, 1.0, &|v| v);
        let length: f64 = pieces.iter().map(|[a, b]| (a.0 - b.0).hypot(a.1 - b.1)).sum();
        assert!((length - std::f64::consts::TAU).abs() < 1e-2, "{length}");
        assert!(pieces.iter().flatten().all(|p| (p.0.hypot(p.1) - 1.0).abs() < 1e-3));
        let saddle = Field::new(&[0.0, 1.0], &[0.0, 1.0], &[1.0, 0.0, 0.0, 1.0]).expect("a grid");
        assert_eq!(isoline(&saddle, 0.5, &|v| v).len(), 2);
        let hole = Field::new(&[0.0, 1.0], &[0.0, 1.0], &[1.0, 0.0, f64::NAN, 1.0]).expect("a grid");
        assert!(isoline(&hole, 0.5, &|v| v).is_empty());
    }
}
