//! Sections: lines and planes through parameter space on which a risk is evaluated (docs/theory.md §12).

mod filter;
mod principal;
mod rows;

use candle_core::Tensor;
use collado_linalg::dot;
use collado_risk::Span;

use self::rows::rows;
pub use self::{
    filter::filter_normalized,
    principal::{Principal, principal},
};
use crate::{Error, Result};

/// A line or plane in parameter space with coordinates: D = 1 or 2, and D + 1 vertices whose combinations are its
/// points, so that a grid of any size costs D + 1 products of the first layer (see [`Span`]).
#[derive(Debug, Clone)]
pub struct Section {
    /// The vertices `[D + 1, S]`.
    vertices: Tensor,
    /// Whether all vertices are points, with weights that add up to 1, or a point of weight 1 and directions.
    affine: bool,
    /// The matrix R `[D, D]`, upper triangular, row-major: coordinates are R times the weights of vertices 1, …, D.
    r: Vec<f64>,
    /// The vectors that the weights of vertices 1, …, D multiply, in `f64`.
    edges: Vec<Vec<f64>>,
    /// The point at the origin, in `f64`.
    origin: Vec<f64>,
    /// The running statistics of the vertices `[D + 1, B]`, where they are known.
    buffers: Option<Tensor>,
}

/// The orthogonal projection of a point of parameter space onto a section.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// The coordinates `[D]` of the nearest point of the section.
    pub at: Vec<f64>,
    /// The distance from the nearest point.
    pub distance: f64,
}

impl Section {
    /// The section $\theta(x)=\theta_0+\sum_kx_kd_k$ through a point `origin` `[S]` along D `directions` `[D, S]`.
    ///
    /// # Errors
    /// When sizes do not fit, or the directions are linearly dependent.
    pub fn along(origin: &Tensor, directions: &Tensor) -> Result<Self> {
        let (d, s) = directions.dims2()?;
        if origin.elem_count() != s {
            return Err(Error::mismatch("directions", format!("{} columns", origin.elem_count()), s));
        }
        let vertices = Tensor::cat(&[&origin.reshape((1, s))?, directions], 0)?;
        let mut r = vec![0.; d * d];
        (0..d).for_each(|k| r[k * d + k] = 1.);
        Self::new(vertices, false, r)
    }

    /// The line $\theta(t)=(1-t)\theta^A+t\theta^B$ through two points. At 0 and 1 it equals `a` and `b` bit by bit.
    ///
    /// # Errors
    /// When sizes do not fit together, or both are the same point.
    pub fn segment(a: &Tensor, b: &Tensor) -> Result<Self> {
        Self::new(Tensor::stack(&[a.flatten_all()?, b.flatten_all()?], 0)?, true, vec![1.])
    }

    /// The plane through three `points` `[3, S]` with Cartesian coordinates: the first is the origin, the second lies
    /// on the positive x axis, the third above it. Lengths on paper are lengths in parameter space.
    ///
    /// # Errors
    /// When the points lie on one line.
    pub fn through(points: &Tensor) -> Result<Self> {
        let plane = Self::new(points.clone(), true, vec![1., 0., 0., 1.])?;
        let (u, v) = (&plane.edges[0], &plane.edges[1]);
        let r11 = dot(u, u).sqrt();
        let r12 = dot(u, v) / r11;
        let height = u.iter().zip(v).map(|(u, v)| v - u / r11 * r12).map(|w| w * w).sum::<f64>().sqrt();
        Ok(Self { r: vec![r11, r12, 0., height], ..plane })
    }

    fn new(vertices: Tensor, affine: bool, r: Vec<f64>) -> Result<Self> {
        let all = rows(&vertices)?;
        let d = all.len().saturating_sub(1);
        if !(1..=2).contains(&d) || r.len() != d * d {
            return Err(Error::mismatch("vertices of a section", "2 or 3", all.len()));
        }
        let edges: Vec<Vec<f64>> = match affine {
            true => all[1..].iter().map(|v| v.iter().zip(&all[0]).map(|(v, o)| v - o).collect()).collect(),
            false => all[1..].to_vec(),
        };
        let section = Self { vertices, affine, r, edges, origin: all[0].clone(), buffers: None };
        section.check()?;
        Ok(section)
    }

    /// The same section with the running statistics `[D + 1, B]` of its vertices, which are combined like them.
    #[must_use]
    pub fn with_buffers(self, buffers: &Tensor) -> Self {
        Self { buffers: Some(buffers.clone()), ..self }
    }

    /// Checks that the edges are finite and linearly independent.
    fn check(&self) -> Result<()> {
        let gram = self.gram();
        if gram.iter().any(|g| !g.is_finite()) {
            return Err(Error::NotFinite("a vertex of the section"));
        }
        let d = self.edges.len();
        let independent = match d {
            1 => usize::from(gram[0] > 0.),
            _ => {
                let sine = 1. - gram[1] * gram[1] / (gram[0] * gram[3]);
                usize::from(gram[0] > 0. || gram[3] > 0.) + usize::from(sine > 1e-12)
            }
        };
        if independent < d { Err(Error::Degenerate { expected: d, found: independent }) } else { Ok(()) }
    }

    /// The inner products of the edges, `[D, D]`.
    fn gram(&self) -> Vec<f64> {
        self.edges.iter().flat_map(|u| self.edges.iter().map(move |v| dot(u, v))).collect()
    }

    /// The dimension D.
    pub fn dims(&self) -> usize {
        self.edges.len()
    }

    /// The vertices `[D + 1, S]`.
    pub fn vertices(&self) -> &Tensor {
        &self.vertices
    }

    /// The cosine of the angle between the axes; 0 for a line.
    pub fn cosine(&self) -> f64 {
        if self.affine || self.dims() < 2 {
            return 0.;
        }
        let gram = self.gram();
        gram[1] / (gram[0] * gram[3]).sqrt()
    }

    /// The weights `[D + 1]` of the vertices at coordinates `at` `[D]`.
    pub fn coefficients(&self, at: &[f64]) -> Vec<f64> {
        let b = match (self.r.as_slice(), at) {
            ([r11, r12, _, r22], [x, y]) => {
                let second = y / r22;
                vec![(x - r12 * second) / r11, second]
            }
            (r, at) => at.iter().zip(r).map(|(x, r)| x / r).collect(),
        };
        let first = if self.affine { 1. - b.iter().sum::<f64>() } else { 1. };
        std::iter::once(first).chain(b).collect()
    }

    /// The points at coordinates `at`, `[P, D]` row by row.
    ///
    /// # Errors
    /// When there is not a row of running statistics for each vertex.
    pub fn span(&self, at: &[f64]) -> Result<Span> {
        let c = at.chunks_exact(self.dims()).flat_map(|at| self.coefficients(at)).collect();
        let span = Span::new(&self.vertices, c)?;
        match &self.buffers {
            Some(buffers) => Ok(span.with_buffers(buffers)?),
            None => Ok(span),
        }
    }

    /// The orthogonal projections of the rows of `points` `[P, S]` onto the section.
    ///
    /// # Errors
    /// When the number of parameters differs.
    pub fn project(&self, points: &Tensor) -> Result<Vec<Projection>> {
        let points = rows(points)?;
        if let Some(p) = points.iter().find(|p| p.len() != self.origin.len()) {
            return Err(Error::mismatch("columns of the points", self.origin.len(), p.len()));
        }
        Ok(points.iter().map(|p| self.shadow(p)).collect())
    }

    fn shadow(&self, point: &[f64]) -> Projection {
        let mut rest: Vec<f64> = point.iter().zip(&self.origin).map(|(p, o)| p - o).collect();
        let gram = self.gram();
        let right: Vec<f64> = self.edges.iter().map(|e| dot(e, &rest)).collect();
        let b = match gram.as_slice() {
            [g, h, _, k] => {
                let det = g * k - h * h;
                vec![(k * right[0] - h * right[1]) / det, (g * right[1] - h * right[0]) / det]
            }
            gram => vec![right[0] / gram[0]],
        };
        for (b, edge) in b.iter().zip(&self.edges) {
            rest.iter_mut().zip(edge).for_each(|(rest, e)| *rest -= b * e);
        }
        let d = self.dims();
        let at = (0..d).map(|i| (i..d).map(|j| self.r[i * d + j] * b[j]).sum()).collect();
        Projection { at, distance: dot(&rest, &rest).sqrt() }
    }
}
