//! Bounds for deep linear networks under squared loss, where F is a polynomial on a leg, by Bernstein coefficients.

use collado_models::{Layer, Network};
use collado_risk::{Criterion, Loss, Regularizer};
use faer::{Accum, MatMut, MatRef, Par, linalg::matmul::matmul};

use crate::{
    Interval, Result,
    leg::Leg,
    rounding::{TINY, gamma},
    taylor::Taylor,
    tiles::Tiles,
};

/// The second moments $\frac1N\sum_iu_iu_i^\top$ of $u_i=(x_i,1,y_i)$, of which squared losses are quadratic forms.
pub(crate) struct Moments {
    /// The entries, row-major.
    entries: Vec<Interval>,
    size: usize,
    inputs: usize,
}

/// The largest degree; polynomials of higher degree are left to the general bounds.
const DEGREE: usize = 40;

impl Moments {
    /// The moments of checked examples.
    pub(crate) fn new(examples: &Tiles, inputs: usize, outputs: usize) -> Result<Self> {
        let size = inputs + 1 + outputs;
        let (mut sums, mut sizes) = (vec![0.; size * size], vec![0.; size * size]);
        for tile in &examples.tiles {
            let x = examples.gather(tile)?;
            let mut rows = Vec::with_capacity(tile.rows.len() * size);
            for (x, &i) in x.chunks_exact(inputs).zip(&tile.rows) {
                rows.extend_from_slice(x);
                rows.push(1.);
                rows.extend((0..outputs).map(|j| examples.targets().value(i, j, outputs)));
            }
            add_gram(&mut sums, &rows, size);
            rows.iter_mut().for_each(|x| *x = x.abs());
            add_gram(&mut sizes, &rows, size);
        }
        // Sums of N products in some order, and the same of their sizes.
        let error = 2. * gamma(examples.len() + 2);
        let share = Interval::point(examples.len() as f64).recip();
        let entry = |(&sum, &size): (&f64, &f64)| Interval::around(sum, error * size + TINY) * share;
        Ok(Self { entries: sums.iter().zip(&sizes).map(entry).collect(), size, inputs })
    }
}

/// Adds $R^\top R$ to `out` for R = `rows` `[T, size]`.
fn add_gram(out: &mut [f64], rows: &[f64], size: usize) {
    let rows = MatRef::from_row_major_slice(rows, rows.len() / size, size);
    let out = MatMut::from_row_major_slice_mut(out, size, size);
    matmul(out, Accum::Add, rows.transpose(), rows, 1., Par::rayon(0));
}

/// The polynomial $F=\sum_ka_ks^k$ on a leg, with $s=\tau-\frac12$.
pub(crate) struct Polynomial(Vec<Interval>);

impl Polynomial {
    /// The polynomial F on `leg` for a network without activations; `None` where F is not a polynomial, or its degree
    /// is too high.
    pub(crate) fn new(leg: &Leg, network: &Network, moments: &Moments, criterion: Criterion) -> Option<Self> {
        let layers = network.chain()?;
        let degree = leg.degree() * layers.len();
        let smooth = criterion.kappa == 0. || criterion.regularizer != Regularizer::L1Last;
        if criterion.loss != Loss::Squared || !smooth || 2 * degree > DEGREE {
            return None;
        }
        let parameters = Matrices::new(leg);
        let residual = residual(&parameters, layers, moments, degree);
        let mut a = vec![Interval::ZERO; 2 * degree + 1];
        let rows = residual.len().checked_div(moments.size * (degree + 1))?;
        for (i, coefficient) in residual.chunks_exact(rows * moments.size).enumerate() {
            let image = multiply(coefficient, &moments.entries, (rows, moments.size, moments.size));
            for (j, other) in residual.chunks_exact(rows * moments.size).enumerate() {
                a[i + j] = a[i + j] + inner(&image, other);
            }
        }
        if criterion.kappa > 0. {
            let columns = criterion.regularizer.columns(network);
            for (i, x) in parameters.0.iter().enumerate() {
                for (j, y) in parameters.0.iter().enumerate() {
                    a[i + j] = a[i + j] + inner(&x[columns.clone()], &y[columns.clone()]) * criterion.kappa;
                }
            }
        }
        Some(Self(a))
    }

    /// Encloses F on `[a, b]`: it lies between its Bernstein coefficients there, which are those of
    /// $s_0+wu$, $0\le u\le1$: $\beta_j=\sum_{k\le j}\binom jk\binom nk^{-1}\alpha_k$.
    pub(crate) fn range(&self, a: f64, b: f64) -> (f64, f64) {
        let n = self.0.len() - 1;
        let mut c = self.0.clone();
        let start = Interval::point(a) - Interval::point(0.5);
        let width = Interval::point(b) - Interval::point(a);
        for i in 0..n {
            (i..n).rev().for_each(|j| c[j] = c[j] + start * c[j + 1]);
        }
        let mut scale = Interval::point(1.);
        for c in &mut c {
            *c = *c * scale;
            scale = scale * width;
        }
        let (mut lo, mut hi) = (f64::INFINITY, f64::NEG_INFINITY);
        for j in 0..=n {
            // C(j, k) / C(n, k) = Π_{i<k} (j - i) / (n - i).
            let mut share = Interval::point(1.);
            let mut beta = c[0];
            for (k, &c) in c.iter().enumerate().take(j + 1).skip(1) {
                let over = Interval::point((n - k + 1) as f64).recip();
                share = share * ((j - k + 1) as f64) * over;
                beta = beta + share * c;
            }
            (lo, hi) = (lo.min(beta.lo()), hi.max(beta.hi()));
        }
        (lo.max(0.), hi)
    }
}

/// The coefficients of θ in powers of s, each `[S]`.
struct Matrices(Vec<Vec<Interval>>);

impl Matrices {
    fn new(leg: &Leg) -> Self {
        // Around ½ the coefficients are dyadic, and exact for the degrees that are let in.
        let rows = Taylor::new(leg.degree(), 0., 1.).rows;
        let sum = |row: &[f64], p: usize| {
            row.iter().zip(&leg.vertices).map(|(&c, v)| Interval::point(v[p]) * c).sum()
        };
        Self(rows.iter().map(|row| (0..leg.bound.len()).map(|p| sum(row, p)).collect()).collect())
    }
}

/// The coefficients of V in powers of s, `[degree + 1][outputs, size]`, where $\Phi(x)-y=V(s)(x,1,y)$. It is built from
/// the last layer to the first.
fn residual(parameters: &Matrices, layers: &[Layer], moments: &Moments, degree: usize) -> Vec<Interval> {
    let (q, size) = (layers[layers.len() - 1].outputs(), moments.size);
    let mut out = vec![Interval::ZERO; (degree + 1) * q * size];
    let mut above: Vec<Vec<Interval>> = vec![(0..q * q).map(|i| unit(i / q == i % q)).collect()];
    for layer in layers.iter().rev() {
        let (n, m) = (layer.outputs(), layer.inputs());
        let mut below = vec![vec![Interval::ZERO; q * m]; above.len() + parameters.0.len() - 1];
        for (i, left) in above.iter().enumerate() {
            for (k, theta) in parameters.0.iter().enumerate() {
                let product = multiply(left, layer.weight_of(theta), (q, n, m));
                below[i + k].iter_mut().zip(product).for_each(|(x, y)| *x = *x + y);
                let Some(bias) = layer.bias_of(theta) else { continue };
                for (row, left) in left.chunks_exact(n).enumerate() {
                    let at = ((i + k) * q + row) * size + moments.inputs;
                    out[at] = out[at] + inner(left, bias);
                }
            }
        }
        above = below;
    }
    for (k, matrix) in above.iter().enumerate() {
        for (row, values) in matrix.chunks_exact(moments.inputs).enumerate() {
            out[(k * q + row) * size..][..moments.inputs].copy_from_slice(values);
        }
    }
    (0..q).for_each(|j| out[j * size + moments.inputs + 1 + j] = -unit(true));
    out
}

fn unit(one: bool) -> Interval {
    if one { Interval::point(1.) } else { Interval::ZERO }
}

/// The product of matrices `[m, k]` and `[k, n]`.
fn multiply(a: &[Interval], b: &[Interval], (m, k, n): (usize, usize, usize)) -> Vec<Interval> {
    let mut out = vec![Interval::ZERO; m * n];
    for i in 0..m {
        for l in 0..k {
            let row = b[l * n..][..n].iter();
            out[i * n..][..n].iter_mut().zip(row).for_each(|(x, &y)| *x = *x + a[i * k + l] * y);
        }
    }
    out
}

fn inner(a: &[Interval], b: &[Interval]) -> Interval {
    a.iter().zip(b).map(|(&x, &y)| x * y).sum()
}
