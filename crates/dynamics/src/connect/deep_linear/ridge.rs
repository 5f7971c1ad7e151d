//! The curve between two deep linear networks of two layers with a ridge regulariser (docs/theory.md §2).

use collado_linalg::{Svd, range, thin_svd};
use faer::{Col, Mat};

use crate::{Result, dense::Dense};

/// The curve $(W_1(t),W_2(t))$ between two points of a two-layer linear network on which
/// $F=\ell(W_2W_1)+\kappa(\|W_1\|^2+\|W_2\|^2)$ does not rise above its ends, for every convex ℓ and every κ ≥ 0; the
/// hidden width is larger than $q=\min(n_0,n_2)$.
///
/// From each end, with $P=W_2W_1=USV^\top$ fixed: project $W_2$ onto range W_1 and $W_1$ onto the rows of $W_2$
/// (straight; norms fall); balance, $W_1=EH^{1-t}S^{1/2}V^\top$, $W_2=US^{1/2}H^{t-1}E^\top$, where $\|\theta\|^2$ is
/// convex in t with its minimum $2\|P\|_*$ at t = 1; rotate E to $\lbrack V;0\rbrack$, plane by plane. In the middle
/// $P$ goes straight from $P^A$ to $P^B$ with $W_1=\lbrack|P|^{1/2};0\rbrack$, $W_2=\lbrack P|P|^{-1/2}\;0\rbrack$,
/// where $F=\ell(P)+2\kappa\|P\|_*$ is convex.
///
/// No polygonal chain can do the same: the minima of F with one product are balanced factorisations, a curved set that
/// holds no segment. A chain inscribed with h = 1/`legs` exceeds the curve by O(h²).
#[derive(Debug, Clone)]
pub struct RidgePath {
    /// The stages from A to the middle, in the middle, and from B to the middle.
    a: Vec<Stage>,
    middle: Stage,
    b: Vec<Stage>,
    transposed: bool,
}

type Pair = (Mat<f64>, Mat<f64>);

/// A stage of the curve, parametrised by [0, 1].
#[derive(Debug, Clone)]
enum Stage {
    Straight {
        from: Pair,
        to: Pair,
    },
    /// $E\,Y D^{1-t}Y^\top$ between the thin factors.
    Balance {
        e: Mat<f64>,
        y: Mat<f64>,
        d: Vec<f64>,
        right: Mat<f64>,
        left: Mat<f64>,
    },
    /// A rotation of the hidden space by `angle` in the plane of the orthonormal x, y, from x towards y.
    Rotate {
        from: Pair,
        x: Col<f64>,
        y: Col<f64>,
        angle: f64,
    },
    /// The product P moves straight, with balanced factors.
    Product {
        from: Mat<f64>,
        to: Mat<f64>,
        width: usize,
    },
}

impl RidgePath {
    pub(super) fn new(a: Dense, b: Dense) -> Result<Self> {
        let transposed = a.weights[0].ncols() > a.weights[1].nrows();
        let pair = |end: Dense| {
            let [w1, w2] = [&end.weights[0], &end.weights[1]];
            if transposed {
                (w2.transpose().to_owned(), w1.transpose().to_owned())
            } else {
                (w1.clone(), w2.clone())
            }
        };
        let (a, b) = (pair(a), pair(b));
        let middle = Stage::Product { from: &a.1 * &a.0, to: &b.1 * &b.0, width: a.0.nrows() };
        Ok(Self { a: to_canonical(a)?, middle, b: to_canonical(b)?, transposed })
    }

    /// The point at `t` in [0, 1], in the order of a stack's columns; each stage takes the same share of [0, 1].
    pub fn at(&self, t: f64) -> Vec<f64> {
        let (before, stages) = (self.a.len(), self.stages());
        let place = t.clamp(0., 1.) * stages as f64;
        let stage = (place as usize).min(stages - 1);
        let s = place - stage as f64;
        self.point(match stage {
            i if i < before => self.a[i].at(s),
            i if i == before => self.middle.at(s),
            i => self.b[stages - 1 - i].at(1. - s),
        })
    }

    /// Number of stages.
    pub fn stages(&self) -> usize {
        self.a.len() + 1 + self.b.len()
    }

    /// The vertices of a chain inscribed in the curve, with `legs` legs in each curved stage and exact ends.
    pub(super) fn inscribed(&self, legs: usize) -> Vec<Vec<f64>> {
        let along = |stage: &Stage| {
            let legs = if matches!(stage, Stage::Straight { .. }) { 1 } else { legs };
            (0..=legs).map(|i| self.point(stage.at(i as f64 / legs as f64))).collect::<Vec<_>>()
        };
        let mut rows: Vec<_> = self.a.iter().flat_map(along).collect();
        rows.extend(along(&self.middle));
        let mut back: Vec<_> = self.b.iter().flat_map(along).collect();
        back.reverse();
        rows.extend(back);
        rows
    }

    fn point(&self, (w1, w2): Pair) -> Vec<f64> {
        let weights = if self.transposed {
            vec![w2.transpose().to_owned(), w1.transpose().to_owned()]
        } else {
            vec![w1, w2]
        };
        Dense { weights, biases: vec![Vec::new(); 2] }.row()
    }
}

impl Stage {
    fn at(&self, t: f64) -> Pair {
        match self {
            Self::Straight { from, to } => (mix(&from.0, &to.0, t), mix(&from.1, &to.1, t)),
            Self::Balance { e, y, d, right, left } => {
                let power = |p: f64| scaled(y, d.iter().map(|d| d.powf(p))) * y.transpose();
                (e * power(1. - t) * right, left * power(t - 1.) * e.transpose())
            }
            Self::Rotate { from, x, y, angle } => {
                let (sin, cos) = (angle * t).sin_cos();
                // R = I + (cos − 1)(xxᵀ + yyᵀ) + sin (yxᵀ − xyᵀ).
                let (px, py) = (x.transpose() * &from.0, y.transpose() * &from.0);
                let (qx, qy) = (&from.1 * x, &from.1 * y);
                let w1 = Mat::from_fn(from.0.nrows(), from.0.ncols(), |i, j| {
                    from.0[(i, j)]
                        + x[i] * ((cos - 1.) * px[j] - sin * py[j])
                        + y[i] * ((cos - 1.) * py[j] + sin * px[j])
                });
                let w2 = Mat::from_fn(from.1.nrows(), from.1.ncols(), |i, j| {
                    from.1[(i, j)]
                        + x[j] * ((cos - 1.) * qx[i] - sin * qy[i])
                        + y[j] * ((cos - 1.) * qy[i] + sin * qx[i])
                });
                (w1, w2)
            }
            Self::Product { from, to, width } => balanced(&mix(from, to, t), *width),
        }
    }
}

/// The interpolation $a+t(b-a)$, which is exact at both ends.
fn mix(a: &Mat<f64>, b: &Mat<f64>, t: f64) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| (1. - t) * a[(i, j)] + t * b[(i, j)])
}

/// The columns of `m`, each multiplied by a number.
fn scaled(m: &Mat<f64>, by: impl Iterator<Item = f64>) -> Mat<f64> {
    let by: Vec<f64> = by.collect();
    Mat::from_fn(m.nrows(), m.ncols(), |i, j| m[(i, j)] * by[j])
}

/// $P=USV^\top$ without the singular values that rounding alone can make.
fn thin(p: &Mat<f64>) -> Result<(Mat<f64>, Vec<f64>, Mat<f64>)> {
    let Svd { u, s, v } = thin_svd(p.as_ref())?;
    let limit = p.nrows().max(p.ncols()) as f64 * f64::EPSILON * s.first().copied().unwrap_or(0.);
    let rank = s.iter().take_while(|&&s| s > limit).count();
    Ok((u.subcols(0, rank).to_owned(), s[..rank].to_vec(), v.subcols(0, rank).to_owned()))
}

/// $\lbrack|P|^{1/2};0\rbrack$ and $\lbrack P|P|^{-1/2}\;0\rbrack$. A decomposition that fails gives NaN, which no
/// risk hides.
fn balanced(p: &Mat<f64>, width: usize) -> Pair {
    let Ok((u, s, v)) = thin(p) else {
        return (Mat::full(width, p.ncols(), f64::NAN), Mat::full(p.nrows(), width, f64::NAN));
    };
    let (first, last) = (scaled(&v, s.iter().map(|s| s.sqrt())), scaled(&u, s.iter().map(|s| s.sqrt())));
    let (first, last) = (first * v.transpose(), last * v.transpose());
    let q = p.ncols();
    let w1 = Mat::from_fn(width, q, |i, j| if i < q { first[(i, j)] } else { 0. });
    let w2 = Mat::from_fn(p.nrows(), width, |i, j| if j < q { last[(i, j)] } else { 0. });
    (w1, w2)
}

/// The stages from one end to the balanced factorisation.
fn to_canonical(end: Pair) -> Result<Vec<Stage>> {
    let (u, s, v) = thin(&(&end.1 * &end.0))?;
    // What P does not see goes: both norms fall, P stays.
    let (w1, w2) = ((&end.0 * &v) * v.transpose(), &u * (u.transpose() * &end.1));
    let width = w1.nrows();
    let mut stages = vec![Stage::Straight { from: end, to: (w1.clone(), w2.clone()) }];
    if s.is_empty() {
        return Ok(stages);
    }
    let image = range((&w1 * &v).as_ref());
    let projected = (&w2 * &image) * image.transpose();
    stages.push(Stage::Straight { from: (w1.clone(), w2), to: (w1.clone(), projected) });
    // W_1 = image · T S^{1/2} Vᵀ, T = O H in polar form.
    let root = |power: f64| s.iter().map(move |s| s.powf(power));
    let t = image.transpose() * scaled(&(&w1 * &v), root(-0.5));
    let Svd { u: turn, s: d, v: y } = thin_svd(t.as_ref())?;
    let e = &image * (turn * y.transpose());
    let (right, left) = (scaled(&v, root(0.5)).transpose().to_owned(), scaled(&u, root(0.5)));
    stages.push(Stage::Balance { e: e.clone(), y, d, right: right.clone(), left: left.clone() });
    rotate(&mut stages, e, (&right, &left), &v, width);
    Ok(stages)
}

/// Rotates the columns of E to those of $\lbrack V;0\rbrack$, one after the other; a turn by more than a right angle
/// goes by way of the last axis, which is orthogonal to all targets since the hidden width is larger than q.
fn rotate(
    stages: &mut Vec<Stage>,
    mut e: Mat<f64>,
    thin: (&Mat<f64>, &Mat<f64>),
    v: &Mat<f64>,
    width: usize,
) {
    let mut turn = |e: &mut Mat<f64>, j: usize, target: &Col<f64>| {
        let x = e.col(j).to_owned();
        let cos = x.transpose() * target;
        let rest = target - faer::Scale(cos) * &x;
        let sin = rest.norm_l2();
        if sin > f64::EPSILON {
            let from = (&*e * thin.0, thin.1 * e.transpose());
            let stage = Stage::Rotate { from, x, y: faer::Scale(1. / sin) * rest, angle: sin.atan2(cos) };
            let Stage::Rotate { x, y, angle, .. } = &stage else { return };
            let spin = Stage::Rotate {
                from: (e.clone(), Mat::zeros(0, e.nrows())),
                x: x.clone(),
                y: y.clone(),
                angle: *angle,
            };
            *e = spin.at(1.).0;
            stages.push(stage);
        }
    };
    for j in 0..v.ncols() {
        let target = Col::from_fn(width, |i| if i < v.nrows() { v[(i, j)] } else { 0. });
        let x = e.col(j).to_owned();
        if x.transpose() * &target < 0. {
            let sign = if x[width - 1] < 0. { -1. } else { 1. };
            let axis = Col::from_fn(width, |i| if i + 1 == width { sign } else { 0. });
            turn(&mut e, j, &axis);
        }
        turn(&mut e, j, &target);
    }
}
