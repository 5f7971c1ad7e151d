//! The Hessian of the planted risk in closed form (docs/theory.md §10).

use std::f64::consts::PI;

/// The dense Hessian `[nk, nk]` at `w` `[n, k]`, row-major.
pub(super) fn hessian(n: usize, k: usize, w: &[f64]) -> Vec<f64> {
    let size = n * k;
    let mut out = vec![0.; size * size];
    let mut teacher = vec![0.; k];
    for i in 0..n {
        let wi = &w[i * k..][..k];
        let mut own = Block { data: &mut out, size, row: i * k, column: i * k };
        (0..k).for_each(|a| own.add(a, a, 0.5));
        for j in 0..k {
            teacher[j] = 1.;
            Pair::new(wi, &teacher).same(-1., &mut own);
            teacher[j] = 0.;
        }
        for j in (0..n).filter(|&j| j != i) {
            let pair = Pair::new(wi, &w[j * k..][..k]);
            pair.same(1., &mut Block { data: &mut out, size, row: i * k, column: i * k });
            pair.mixed(&mut Block { data: &mut out, size, row: i * k, column: j * k });
        }
    }
    out
}

/// A block of a matrix with `size` columns.
struct Block<'a> {
    data: &'a mut [f64],
    size: usize,
    row: usize,
    column: usize,
}

impl Block<'_> {
    fn add(&mut self, a: usize, b: usize, x: f64) {
        self.data[(self.row + a) * self.size + self.column + b] += x;
    }
}

/// Two vectors w and v, described by $b,c\propto\hat w\pm\hat v$, which stays accurate where they are nearly parallel.
struct Pair {
    unit: Vec<f64>,
    b: Vec<f64>,
    c: Vec<f64>,
    ratio: f64,
    /// Sine and cosine of half the angle.
    half: (f64, f64),
}

impl Pair {
    fn new(w: &[f64], v: &[f64]) -> Self {
        let (length, other) = (norm(w), norm(v));
        let unit: Vec<f64> = w.iter().map(|x| x / length).collect();
        let sum: Vec<f64> = unit.iter().zip(v).map(|(x, y)| x + y / other).collect();
        let difference: Vec<f64> = unit.iter().zip(v).map(|(x, y)| x - y / other).collect();
        let (plus, minus) = (norm(&sum), norm(&difference));
        let scaled = |x: Vec<f64>, by: f64| x.into_iter().map(|x| x / by.max(f64::MIN_POSITIVE)).collect();
        Self {
            unit,
            b: scaled(sum, plus),
            c: scaled(difference, minus),
            ratio: other / length,
            half: (0.5 * minus, 0.5 * plus),
        }
    }

    fn sine(&self) -> f64 {
        2. * self.half.0 * self.half.1
    }

    /// Adds $\partial^2f/\partial w^2=\frac{\|v\|\sin\varphi}{2\pi\|w\|}(I-\hat w\hat w^\top+\bar n\bar n^\top)$.
    fn same(&self, sign: f64, out: &mut Block<'_>) {
        let scale = sign * self.ratio * self.sine() / (2. * PI);
        // the unit vector orthogonal to w in the plane of both: v's side is sin(half) b - cos(half) c
        let normal: Vec<f64> =
            self.b.iter().zip(&self.c).map(|(b, c)| self.half.0 * b - self.half.1 * c).collect();
        for (a, (x, p)) in self.unit.iter().zip(&normal).enumerate() {
            out.add(a, a, scale);
            for (d, (y, q)) in self.unit.iter().zip(&normal).enumerate() {
                out.add(a, d, scale * (p * q - x * y));
            }
        }
    }

    /// Adds $\partial^2f/\partial w\partial v=\frac1{2\pi}((\pi-\varphi)I+\sin\varphi(bb^\top-cc^\top))$.
    fn mixed(&self, out: &mut Block<'_>) {
        let rest = 2. * self.half.1.atan2(self.half.0) / (2. * PI);
        let sine = self.sine() / (2. * PI);
        for (a, (b, c)) in self.b.iter().zip(&self.c).enumerate() {
            out.add(a, a, rest);
            for (d, (y, z)) in self.b.iter().zip(&self.c).enumerate() {
                out.add(a, d, sine * (b * y - c * z));
            }
        }
    }
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}
