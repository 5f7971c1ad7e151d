//! The linear equations for the first layer of a centre, as coefficients of polynomials along a segment.

use faer::Mat;

use crate::dense::Dense;

/// The linear equations of one segment: the factors of $C_1$ and the right hand sides at $t^1,\dots,t^L$. The bias of the
/// first layer is its last column.
pub(super) fn equations(end: &Dense, centre: &Dense, goal: &Mat<f64>) -> (Vec<Mat<f64>>, Vec<Mat<f64>>) {
    let depth = end.weights.len();
    let (factors, shifts) = polynomial(end, centre);
    let first = with_bias(&end.weights[0], &end.biases[0]);
    // What the layers from the second on add, as a last column.
    let shift = |k: usize| {
        let add = shifts.get(k);
        Mat::from_fn(goal.nrows(), goal.ncols(), |i, j| match add {
            Some(add) if j + 1 == goal.ncols() => add[i],
            _ => 0.,
        })
    };
    let side = |k: usize| {
        let step = match factors.get(k) {
            Some(factor) => factor - &factors[k - 1],
            None => faer::Scale(-1.) * &factors[k - 1],
        };
        let mut side = faer::Scale(-1.) * (step * &first) - shift(k);
        if k == 1 {
            side += goal - product(end);
        }
        side
    };
    let sides = (1..=depth).map(side).collect();
    (factors, sides)
}

/// The coefficients of $\prod_{k\ge2}((1-t)W_k+tC_k)$, from $t^0$ to $t^{L-1}$, and those of what the biases of these layers add.
fn polynomial(end: &Dense, centre: &Dense) -> (Vec<Mat<f64>>, Vec<Vec<f64>>) {
    let width = end.weights[0].nrows();
    let mut factors = vec![Mat::<f64>::identity(width, width)];
    let mut shifts = vec![vec![0.; width]];
    for k in 1..end.weights.len() {
        let (from, step) = (&end.weights[k], &centre.weights[k] - &end.weights[k]);
        let times = |m: &Mat<f64>, x: &[f64]| -> Vec<f64> {
            (0..m.nrows()).map(|i| x.iter().enumerate().map(|(j, x)| m[(i, j)] * x).sum()).collect()
        };
        let mut next = vec![Mat::zeros(from.nrows(), width); factors.len() + 1];
        let mut moved = vec![vec![0.; from.nrows()]; shifts.len() + 1];
        for (j, (factor, shift)) in factors.iter().zip(&shifts).enumerate() {
            next[j] += from * factor;
            next[j + 1] += &step * factor;
            for (to, by) in [(j, from), (j + 1, &step)] {
                moved[to].iter_mut().zip(times(by, shift)).for_each(|(sum, x)| *sum += x);
            }
        }
        for (i, (a, c)) in end.biases[k].iter().zip(&centre.biases[k]).enumerate() {
            moved[0][i] += a;
            moved[1][i] += c - a;
        }
        (factors, shifts) = (next, moved);
    }
    (factors, shifts)
}

/// The whole map of a point, with its bias as the last column.
pub(super) fn product(point: &Dense) -> Mat<f64> {
    let mut map = with_bias(&point.weights[0], &point.biases[0]);
    let last = map.ncols() - 1;
    for (weight, bias) in point.weights.iter().zip(&point.biases).skip(1) {
        map = weight * map;
        bias.iter().enumerate().for_each(|(i, b)| map[(i, last)] += b);
    }
    map
}

fn with_bias(weight: &Mat<f64>, bias: &[f64]) -> Mat<f64> {
    let n = weight.ncols();
    Mat::from_fn(weight.nrows(), n + 1, |i, j| match j < n {
        true => weight[(i, j)],
        false => bias.get(i).copied().unwrap_or(0.),
    })
}

pub(super) fn entries(m: &Mat<f64>) -> impl Iterator<Item = f64> + '_ {
    (0..m.nrows()).flat_map(move |i| (0..m.ncols()).map(move |j| m[(i, j)]))
}

pub(super) fn root_mean_square(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0., 0.), |(sum, count), x| (sum + x * x, count + 1.));
    if count > 0. { (sum / count).sqrt() } else { 0. }
}
