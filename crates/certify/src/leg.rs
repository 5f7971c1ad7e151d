//! Legs of a path: stretches on which the parameters are one polynomial in the path's parameter.

use candle_core::{DType, Tensor};
use collado_risk::{Path, PathKind};

use crate::{Error, Result};

/// A stretch of a path with one polynomial: a segment of a chain, or a whole Bézier curve. Its own parameter τ runs
/// over the real numbers in \[0, 1\].
#[derive(Debug)]
pub(crate) struct Leg {
    /// The control points, each `[S]`.
    pub(crate) vertices: Vec<Vec<f64>>,
    /// An elementwise upper bound of $|V_j|$ for every vertex.
    pub(crate) bound: Vec<f64>,
    /// The parameters t of its ends.
    pub(crate) t: (f64, f64),
}

impl Leg {
    /// The legs of a path.
    ///
    /// # Errors
    /// When a parameter is not finite, or the points do not have `size` parameters.
    pub(crate) fn all(path: &Path, size: usize) -> Result<Vec<Self>> {
        let (points, found) = path.vertices().dims2()?;
        if found != size {
            let (expected, found) = (format!("[V, {size}]"), format!("[{points}, {found}]"));
            return Err(Error::Mismatch { what: "vertices of the path", expected, found });
        }
        let vertices = rows(path.vertices())?;
        Ok(match path.kind() {
            PathKind::Bezier => vec![Self::new(vertices, (0., 1.))],
            PathKind::Polychain { knots } => {
                let ends = knots.windows(2).zip(vertices.windows(2));
                ends.map(|(t, v)| Self::new(v.to_vec(), (t[0], t[1]))).collect()
            }
        })
    }

    fn new(vertices: Vec<Vec<f64>>, t: (f64, f64)) -> Self {
        let mut bound = vec![0.; vertices[0].len()];
        for vertex in &vertices {
            bound.iter_mut().zip(vertex).for_each(|(b, x)| *b = x.abs().max(*b));
        }
        Self { vertices, bound, t }
    }

    /// The degree d of the polynomial.
    pub(crate) fn degree(&self) -> usize {
        self.vertices.len() - 1
    }

    /// The parameter t that belongs to τ, for reports and pictures.
    pub(crate) fn time(&self, tau: f64) -> f64 {
        if tau >= 1. { self.t.1 } else { self.t.0 + tau * (self.t.1 - self.t.0) }
    }
}

/// The rows of a tensor, widened to `f64`.
fn rows(vertices: &Tensor) -> Result<Vec<Vec<f64>>> {
    let rows = vertices.to_dtype(DType::F64)?.to_vec2::<f64>()?;
    for row in &rows {
        if let Some(place) = row.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "vertices of the path", found: row[place], place });
        }
    }
    Ok(rows)
}
