//! The proof that θ = 0 is a strict local minimum and how high the wall around it is, in interval arithmetic.
//!
//! With $C=\frac1L\sum yx^\top$ and σ its largest singular value,
//! $$F(\theta)-F(0)=\tfrac1L\sum\|Px\|^2-2\langle P,C\rangle+\kappa\|\theta\|^2\ge\kappa\|\theta\|^2-2\sigma\|P\|_*,\qquad
//! \|P\|_*\le\prod_k\|W_k\|_F\le(\|\theta\|^2/K)^{K/2}$$
//! (Hölder's inequality for Schatten norms, then that of the means). On the sphere $\|\theta\|^2=K\tau^2$ this is
//! $h(\tau)=\tau^2(\kappa K-2\sigma\tau^{K-2})$. If $h(\rho)>0$, then h > 0 on (0, ρ]: 0 is a strict local minimum, and every
//! path from 0 to a point with F < F(0) crosses the sphere $\|\theta\|=\sqrt K\rho$, where F ≥ F(0) + h(ρ).

use collado_certify::Interval;
use faer::Mat;
use serde::Serialize;

use super::{
    WhiteData,
    levels::{balanced, gain},
};

/// What is proved of θ = 0.
#[derive(Debug, Clone, Serialize)]
pub struct Wall {
    /// The norm ‖θ‖ of the sphere that every path from 0 has to cross.
    pub radius: f64,
    /// A proved lower bound of F − F(0) on that sphere; 0 is a strict local minimum where it is positive.
    pub height: f64,
    /// A proved lower bound of F(0).
    pub zero_lower: f64,
    /// A proved upper bound of F at the best point in closed form.
    pub best_upper: f64,
}

impl Wall {
    /// Whether 0 is proved to be a strict local minimum that is not global.
    pub fn is_bad_minimum(&self) -> bool {
        self.height > 0. && self.best_upper < self.zero_lower
    }

    pub(super) fn prove(data: &WhiteData, layers: usize, width: usize, kappa: f64) -> Self {
        let sigma = largest_singular_value(&cross(data));
        // The best ρ; any ρ gives a proof.
        let rho = match layers {
            2 => 1.,
            k => (kappa / sigma.hi()).powf((k as f64 - 2.).recip()),
        };
        let rho_interval = Interval::point(rho);
        let power = (2..layers).fold(Interval::point(1.), |power, _| power * rho_interval);
        let kappa_k = Interval::point(kappa) * layers as f64;
        let height = rho_interval.square() * (kappa_k - sigma * power * 2.);
        let theta = best(data, layers, width, kappa);
        Self {
            radius: (layers as f64).sqrt() * rho,
            height: height.lo(),
            zero_lower: risk(data, &[], kappa).lo(),
            best_upper: risk(data, &theta, kappa).hi(),
        }
    }
}

/// The balanced factors of the best P: the singular values of C, each at its local minimum above 0 if that is lower.
fn best(data: &WhiteData, layers: usize, width: usize, kappa: f64) -> Vec<Mat<f64>> {
    let fitted = |&sigma: &f64| {
        balanced(layers, sigma, kappa).filter(|&w| gain(layers, sigma, kappa, w) < 0.).unwrap_or(0.)
    };
    let w: Vec<f64> = data.singular_values.iter().map(fitted).collect();
    let at = |i: usize| w.get(i).copied().unwrap_or(0.);
    let (d, q) = (data.inputs.ncols(), data.targets.ncols());
    let first = Mat::from_fn(width, d, |i, j| if i < w.len() { at(i) * data.right[(j, i)] } else { 0. });
    let middle = Mat::from_fn(width, width, |i, j| if i == j { at(i) } else { 0. });
    let last = Mat::from_fn(q, width, |i, j| if j < w.len() { at(j) * data.left[(i, j)] } else { 0. });
    let between = std::iter::repeat_n(middle, layers - 2);
    std::iter::once(first).chain(between).chain([last]).collect()
}

type IntervalMatrix = Vec<Vec<Interval>>;

fn product(a: &IntervalMatrix, b: &IntervalMatrix) -> IntervalMatrix {
    let columns = b.first().map_or(0, Vec::len);
    let entry = |row: &Vec<Interval>, j: usize| row.iter().zip(b).map(|(&x, y)| x * y[j]).sum();
    a.iter().map(|row| (0..columns).map(|j| entry(row, j)).collect()).collect()
}

fn points(m: &Mat<f64>) -> IntervalMatrix {
    (0..m.nrows()).map(|i| (0..m.ncols()).map(|j| Interval::point(m[(i, j)])).collect()).collect()
}

fn transposed(a: &IntervalMatrix) -> IntervalMatrix {
    (0..a.first().map_or(0, Vec::len)).map(|j| a.iter().map(|row| row[j]).collect()).collect()
}

fn squares(a: &IntervalMatrix) -> Interval {
    a.iter().flatten().map(|x| x.square()).sum()
}

/// An enclosure of $C=\frac1L\sum yx^\top$.
fn cross(data: &WhiteData) -> IntervalMatrix {
    let share = Interval::point(data.inputs.nrows() as f64).recip();
    let sum = product(&transposed(&points(&data.targets)), &points(&data.inputs));
    sum.into_iter().map(|row| row.into_iter().map(|x| x * share).collect()).collect()
}

/// An interval whose upper end bounds the largest singular value: $\sigma^2\le\|(CC^\top)^{64}\|_F^{1/64}$.
fn largest_singular_value(c: &IntervalMatrix) -> Interval {
    let mut power = product(c, &transposed(c));
    for _ in 0..6 {
        power = product(&power, &power);
    }
    let root = (0..7).fold(squares(&power), |x, _| x.sqrt()).sqrt();
    Interval::new(0., root.hi())
}

/// An enclosure of F at the factors `theta`, the last of which is W_K; without factors P = 0.
fn risk(data: &WhiteData, theta: &[Mat<f64>], kappa: f64) -> Interval {
    let (x, y) = (points(&data.inputs), points(&data.targets));
    let through = |x: IntervalMatrix, w: &Mat<f64>| product(&x, &transposed(&points(w)));
    let outputs = (!theta.is_empty()).then(|| theta.iter().fold(x, through));
    let errors: IntervalMatrix = match outputs {
        Some(outputs) => {
            let row =
                |(f, y): (&Vec<Interval>, &Vec<Interval>)| f.iter().zip(y).map(|(&f, &y)| f - y).collect();
            outputs.iter().zip(&y).map(row).collect()
        }
        None => y,
    };
    let share = Interval::point(data.inputs.nrows() as f64).recip();
    let norm: Interval = theta.iter().map(|w| squares(&points(w))).sum();
    squares(&errors) * share + norm * kappa
}
