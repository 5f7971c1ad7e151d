//! Paths through parameter space: segments, polygonal chains and Bézier curves.

use std::cmp::Ordering;

use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::{Error, Result, Span};

/// The rule by which a path passes through or between its vertices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum PathKind {
    /// A polygonal chain: linear between the knots.
    Polychain {
        /// The parameter t of each vertex, strictly increasing from 0 to 1.
        knots: Vec<f64>,
    },
    /// The Bézier curve $\sum_i\binom{V-1}{i}t^i(1-t)^{V-1-i}\,\theta_i$.
    Bezier,
}

/// A path $\gamma:\lbrack0,1\rbrack\to\mathbb R^S$ from $\theta^A$ to $\theta^B$: combinations $\sum_jc_j(t)v_j$ of its
/// vertices.
#[derive(Debug, Clone)]
pub struct Path {
    kind: PathKind,
    vertices: Tensor,
    /// The running statistics of the vertices `[V, B]`, where they are known.
    buffers: Option<Tensor>,
}

impl Path {
    /// The path of this kind with `vertices` `[V, S]`.
    ///
    /// # Errors
    /// When there are fewer than two vertices, or the knots are not one for each vertex, strictly increasing from 0
    /// to 1.
    pub fn new(kind: PathKind, vertices: Tensor) -> Result<Self> {
        let (points, _) = vertices.dims2()?;
        kind.check(points).map_err(Error::Path)?;
        Ok(Self { kind, vertices, buffers: None })
    }

    /// The same path with the running statistics `[V, B]` of its vertices.
    ///
    /// # Errors
    /// When there is not one row for each vertex.
    pub fn with_buffers(self, buffers: Tensor) -> Result<Self> {
        let (rows, vertices) = (buffers.dims2()?.0, self.count());
        if rows != vertices {
            return Err(Error::mismatch(
                "running statistics: rows",
                format!("{vertices}, as vertices"),
                rows,
            ));
        }
        Ok(Self { buffers: Some(buffers), ..self })
    }

    /// The running statistics of the vertices `[V, B]`, where they are known.
    pub fn buffers(&self) -> Option<&Tensor> {
        self.buffers.as_ref()
    }

    /// The straight segment between the points `a` and `b` `[S]`.
    ///
    /// # Errors
    /// When the two have different sizes.
    pub fn segment(a: &Tensor, b: &Tensor) -> Result<Self> {
        let (n, m) = (a.elem_count(), b.elem_count());
        if n != m {
            return Err(Error::Ends { expected: n, found: m });
        }
        Self::polychain(Tensor::stack(&[a.flatten_all()?, b.flatten_all()?], 0)?)
    }

    /// The polygonal chain through `vertices` `[V, S]`, V ≥ 2, at equidistant t.
    ///
    /// # Errors
    /// When there are fewer than two vertices.
    pub fn polychain(vertices: Tensor) -> Result<Self> {
        let last = vertices.dims2()?.0.saturating_sub(1);
        let knots = (0..=last).map(|i| i as f64 / last as f64).collect();
        Self::new(PathKind::Polychain { knots }, vertices)
    }

    /// The Bézier curve with control points `vertices` `[V, S]`, V ≥ 2: Bernstein weights of degree V − 1.
    ///
    /// # Errors
    /// When there are fewer than two vertices.
    pub fn bezier(vertices: Tensor) -> Result<Self> {
        Self::new(PathKind::Bezier, vertices)
    }

    /// The same Bézier curve with the control points of a higher degree: degree by degree up to `degree`,
    /// $v_i'=\tfrac i{n+1}v_{i-1}+(1-\tfrac i{n+1})v_i$. Other paths, and curves of that degree already, stay as they
    /// are.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn raised(&self, degree: usize) -> Result<Self> {
        let mut path = self.clone();
        while path.kind == PathKind::Bezier && path.count() <= degree {
            let v = path.count();
            let mut table = vec![0.; (v + 1) * v];
            for i in 0..=v {
                let share = i as f64 / v as f64;
                if i > 0 {
                    table[i * v + i - 1] = share;
                }
                if i < v {
                    table[i * v + i] = 1. - share;
                }
            }
            let combine = |rows: &Tensor| Span::new(rows, table.clone())?.materialize();
            path.vertices = combine(&path.vertices)?;
            path.buffers = path.buffers.as_ref().map(combine).transpose()?;
        }
        Ok(path)
    }

    /// If both ends are the same point, the constant path with as many vertices; no search finds a lower one.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn constant(&self) -> Result<Option<Self>> {
        let count = self.count();
        let (a, b) = (self.vertices.narrow(0, 0, 1)?, self.vertices.narrow(0, count - 1, 1)?);
        let apart = a.ne(&b)?.to_dtype(DType::F64)?.sum_all()?.to_scalar::<f64>()?;
        if apart > 0. {
            return Ok(None);
        }
        Ok(Some(Self::new(self.kind.clone(), a.repeat((count, 1))?)?))
    }

    /// Whether all vertices are finite.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn is_finite(&self) -> Result<bool> {
        // Only what is finite times zero is zero.
        Ok((&self.vertices * 0.)?.to_dtype(DType::F64)?.sum_all()?.to_scalar::<f64>()? == 0.)
    }

    /// The kind of the path.
    pub fn kind(&self) -> &PathKind {
        &self.kind
    }

    /// The vertices `[V, S]`; the first is $\theta^A$, the last $\theta^B$.
    pub fn vertices(&self) -> &Tensor {
        &self.vertices
    }

    /// Number of vertices V.
    fn count(&self) -> usize {
        self.vertices.dims()[0]
    }

    /// The parameters t of the vertices that lie on the path.
    pub fn knots(&self) -> Vec<f64> {
        match &self.kind {
            PathKind::Polychain { knots } => knots.clone(),
            PathKind::Bezier => vec![0., 1.],
        }
    }

    /// The weights $c_j(t)$ of the vertices, which add up to 1.
    pub fn coefficients(&self, t: f64) -> Vec<f64> {
        match &self.kind {
            PathKind::Polychain { knots } => hat(knots, t),
            PathKind::Bezier => bernstein(self.count() - 1, t),
        }
    }

    /// The points at `ts`, as a span of the vertices.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn span(&self, ts: &[f64]) -> Result<Span> {
        let coefficients = ts.iter().flat_map(|&t| self.coefficients(t)).collect();
        let span = Span::new(&self.vertices, coefficients)?;
        match &self.buffers {
            Some(buffers) => span.with_buffers(buffers),
            None => Ok(span),
        }
    }

    /// The point $\gamma(t)$ `[S]`.
    ///
    /// # Errors
    /// When t is outside [0, 1].
    pub fn at(&self, t: f64) -> Result<Tensor> {
        if !(0. ..=1.).contains(&t) {
            return Err(Error::Setting { name: "t", expected: "a number in [0, 1]", found: t.to_string() });
        }
        Ok(self.span(&[t])?.materialize()?.squeeze(0)?)
    }

    /// The distances $\|\gamma(t_{i+1})-\gamma(t_i)\|$ between successive points, in `f64`.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn steps(&self, ts: &[f64]) -> Result<Vec<f64>> {
        // Differences are combinations too; their norms come from the Gram matrix of the vertices' differences to A,
        // so that nothing of size P × S is ever made.
        let v = self.vertices.to_dtype(DType::F64)?;
        let d = v.broadcast_sub(&v.narrow(0, 0, 1)?)?;
        let gram = d.matmul(&d.t()?)?.to_vec2::<f64>()?;
        let c: Vec<Vec<f64>> = ts.iter().map(|&t| self.coefficients(t)).collect();
        Ok(c.windows(2)
            .map(|w| {
                let e: Vec<f64> = w[1].iter().zip(&w[0]).map(|(a, b)| a - b).collect();
                let square: f64 = gram
                    .iter()
                    .zip(&e)
                    .map(|(g, a)| a * g.iter().zip(&e).map(|(g, b)| g * b).sum::<f64>())
                    .sum();
                // Rounding may make it negative; NaN stays NaN.
                if square < 0. { 0. } else { square.sqrt() }
            })
            .collect())
    }
}

impl PathKind {
    /// Checks that a path of this kind can have `points` vertices.
    ///
    /// # Errors
    /// The reason why it cannot.
    pub fn check(&self, points: usize) -> std::result::Result<(), String> {
        if points < 2 {
            return Err(format!("expected at least 2 vertices, found {points}"));
        }
        let Self::Polychain { knots } = self else { return Ok(()) };
        if knots.len() != points {
            return Err(format!("expected a knot for each of {points} vertices, found {}", knots.len()));
        }
        if let Some((i, pair)) =
            knots.windows(2).enumerate().find(|(_, k)| k[0].partial_cmp(&k[1]) != Some(Ordering::Less))
        {
            return Err(format!(
                "expected strictly increasing knots, found {} after {} at place {}",
                pair[1],
                pair[0],
                i + 1
            ));
        }
        match (knots[0], knots[points - 1]) {
            (0., 1.) => Ok(()),
            (first, last) => Err(format!("expected knots from 0 to 1, found {first} to {last}")),
        }
    }
}

/// The weights of the vertices in the point at `t` of the chain with increasing `knots`: hat functions.
pub fn hat(knots: &[f64], t: f64) -> Vec<f64> {
    let mut c = vec![0.; knots.len()];
    let i = knots.partition_point(|&k| k <= t).clamp(1, knots.len() - 1);
    let s = (t - knots[i - 1]) / (knots[i] - knots[i - 1]);
    c[i - 1] = 1. - s;
    c[i] = s;
    c
}

/// The Bernstein polynomials $\binom nj t^j(1-t)^{n-j}$ by de Casteljau's triangle.
fn bernstein(n: usize, t: f64) -> Vec<f64> {
    let mut c = vec![0.; n + 1];
    c[0] = 1.;
    for degree in 1..=n {
        for j in (0..=degree).rev() {
            let lower = if j > 0 { c[j - 1] } else { 0. };
            c[j] = (1. - t) * if j < degree { c[j] } else { 0. } + t * lower;
        }
    }
    c
}
