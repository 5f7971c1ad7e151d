use candle_core::Tensor;
use collado_models::{PathKind, Span};

use crate::{Error, Result};

/// A path $\gamma:\lbrack0,1\rbrack\to\mathbb R^S$ from $\theta^A$ to $\theta^B$: combinations $\sum_jc_j(t)v_j$ of its vertices.
#[derive(Debug, Clone)]
pub struct Path {
    kind: PathKind,
    vertices: Tensor,
}

impl Path {
    /// The straight segment between the points `a` and `b` `[S]`.
    ///
    /// # Errors
    /// When the two have different sizes.
    pub fn segment(a: &Tensor, b: &Tensor) -> Result<Self> {
        let (n, m) = (a.elem_count(), b.elem_count());
        if n != m {
            return Err(Error::Ends { expected: n, found: m });
        }
        let vertices = Tensor::stack(&[a.flatten_all()?, b.flatten_all()?], 0)?;
        Ok(Self { kind: PathKind::Polychain { knots: vec![0., 1.] }, vertices })
    }

    /// The polygonal chain through `vertices` `[V, S]`, V ≥ 2, at equidistant t.
    ///
    /// # Errors
    /// When there are fewer than two vertices.
    pub fn polychain(vertices: Tensor) -> Result<Self> {
        let last = Self::last(&vertices)?;
        let knots = (0..=last).map(|i| i as f64 / last as f64).collect();
        Ok(Self { kind: PathKind::Polychain { knots }, vertices })
    }

    /// The Bézier curve with control points `vertices` `[V, S]`, V ≥ 2: Bernstein weights of degree V − 1.
    ///
    /// # Errors
    /// When there are fewer than two vertices.
    pub fn bezier(vertices: Tensor) -> Result<Self> {
        Self::last(&vertices)?;
        Ok(Self { kind: PathKind::Bezier, vertices })
    }

    /// A path as a file holds it.
    pub fn new(kind: PathKind, vertices: Tensor) -> Self {
        Self { kind, vertices }
    }

    /// The same Bézier curve with control points for the degree `degree`, if that is higher than its own:
    /// $v_i'=\tfrac i{n+1}v_{i-1}+(1-\tfrac i{n+1})v_i$, degree by degree. Other paths stay as they are.
    ///
    /// # Errors
    /// Those of candle.
    pub fn raised(&self, degree: usize) -> Result<Self> {
        let mut path = self.clone();
        while path.kind == PathKind::Bezier && path.vertices.dim(0)? <= degree {
            let v = path.vertices.dim(0)?;
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
            path.vertices = Span::new(&path.vertices, table)?.materialize()?;
        }
        Ok(path)
    }

    /// The constant path with as many vertices, where both ends are one point: no search finds a lower one.
    pub(crate) fn constant(&self) -> Result<Option<Self>> {
        let last = Self::last(&self.vertices)?;
        let (a, b) = (self.vertices.narrow(0, 0, 1)?, self.vertices.narrow(0, last, 1)?);
        let apart = a.ne(&b)?.to_dtype(candle_core::DType::F64)?.sum_all()?.to_scalar::<f64>()?;
        if apart > 0. {
            return Ok(None);
        }
        Ok(Some(Self { kind: self.kind.clone(), vertices: a.repeat((last + 1, 1))? }))
    }

    /// Refuses a path that is no longer finite.
    pub(crate) fn finite(self, method: &'static str) -> Result<Self> {
        // Only what is finite times zero is zero.
        let zero = (&self.vertices * 0.)?.to_dtype(candle_core::DType::F64)?.sum_all()?.to_scalar::<f64>()?;
        if zero == 0. { Ok(self) } else { Err(Error::Diverged { method }) }
    }

    fn last(vertices: &Tensor) -> Result<usize> {
        let (v, _) = vertices.dims2()?;
        match v {
            0 | 1 => Err(Error::Setting { name: "vertices", expected: "at least 2", found: v.to_string() }),
            _ => Ok(v - 1),
        }
    }

    /// What the vertices mean.
    pub fn kind(&self) -> &PathKind {
        &self.kind
    }

    /// The vertices `[V, S]`; the first is $\theta^A$, the last $\theta^B$.
    pub fn vertices(&self) -> &Tensor {
        &self.vertices
    }

    /// The t of vertices that lie on the path.
    pub fn knots(&self) -> Vec<f64> {
        match &self.kind {
            PathKind::Polychain { knots } | PathKind::Repair { knots } => knots.clone(),
            _ => vec![0., 1.],
        }
    }

    /// Weights $c_j(t)$ of the vertices; they add up to 1.
    pub fn coefficients(&self, t: f64) -> Vec<f64> {
        let v = self.vertices.dims()[0];
        match &self.kind {
            PathKind::Polychain { knots } | PathKind::Repair { knots } => hat(knots, t),
            _ => bernstein(v - 1, t),
        }
    }

    /// The points at `ts`, as a span of the vertices.
    ///
    /// # Errors
    /// Those of candle.
    pub fn span(&self, ts: &[f64]) -> Result<Span> {
        let coefficients = ts.iter().flat_map(|&t| self.coefficients(t)).collect();
        Ok(Span::new(&self.vertices, coefficients)?)
    }

    /// $\gamma(t)$ `[S]`.
    ///
    /// # Errors
    /// When t is outside [0, 1].
    pub fn at(&self, t: f64) -> Result<Tensor> {
        if !(0. ..=1.).contains(&t) {
            return Err(Error::Setting { name: "t", expected: "a number in [0, 1]", found: t.to_string() });
        }
        Ok(self.span(&[t])?.materialize()?.squeeze(0)?)
    }

    /// Distance $\|\gamma(t_{i+1})-\gamma(t_i)\|$ between successive points, in `f64`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn steps(&self, ts: &[f64]) -> Result<Vec<f64>> {
        // Differences are combinations too; their norms come from the Gram matrix of the vertices' differences to A,
        // so that nothing of size P × S is ever made.
        let v = self.vertices.to_dtype(candle_core::DType::F64)?;
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

/// Hat functions on the knots.
fn hat(knots: &[f64], t: f64) -> Vec<f64> {
    let mut c = vec![0.; knots.len()];
    let i = knots.partition_point(|&k| k <= t).clamp(1, knots.len() - 1);
    let s = (t - knots[i - 1]) / (knots[i] - knots[i - 1]);
    c[i - 1] = 1. - s;
    c[i] = s;
    c
}

/// $\binom nj t^j(1-t)^{n-j}$ by de Casteljau's triangle.
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
