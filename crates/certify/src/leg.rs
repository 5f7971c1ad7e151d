use candle_core::{DType, Tensor};
use collado_models::Arch;
use collado_risk::{Path, PathKind};

use crate::{Error, Result};

/// Where the parameters of one layer lie in a point.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// First column of the weight `[out, in]`.
    pub(crate) weight: usize,
    /// First column of the bias `[out]`.
    pub(crate) bias: Option<usize>,
}

impl Layer {
    /// The layers of `arch`.
    pub(crate) fn all(arch: &Arch) -> Vec<Self> {
        let mut column = 0;
        (0..arch.depth())
            .map(|k| {
                let (inputs, outputs) = (arch.widths()[k], arch.widths()[k + 1]);
                let weight = column;
                column += inputs * outputs;
                let bias = arch.has_bias(k).then_some(column);
                column += if bias.is_some() { outputs } else { 0 };
                Self { inputs, outputs, weight, bias }
            })
            .collect()
    }

    /// W `[out, in]` in a point.
    pub(crate) fn weight_of<'a>(&self, point: &'a [f64]) -> &'a [f64] {
        &point[self.weight..][..self.outputs * self.inputs]
    }

    /// b `[out]` in a point; zeros are not stored.
    pub(crate) fn bias_of<'a>(&self, point: &'a [f64]) -> Option<&'a [f64]> {
        self.bias.map(|at| &point[at..][..self.outputs])
    }
}

/// A stretch of the path with one polynomial: a segment of a chain, or a whole Bézier curve. Its own parameter τ runs
/// over \[0, 1\]; real numbers, of which the floating-point t of a path are some.
#[derive(Debug)]
pub(crate) struct Leg {
    /// Control points, each `[S]`.
    pub(crate) vertices: Vec<Vec<f64>>,
    /// At least $|V_j|$ for every vertex, elementwise.
    pub(crate) bound: Vec<f64>,
    /// The t of its ends.
    pub(crate) t: (f64, f64),
}

impl Leg {
    /// The legs of a path.
    ///
    /// # Errors
    /// When a parameter is not finite, or the path has not the size that `arch` needs.
    pub(crate) fn all(path: &Path, arch: &Arch) -> Result<Vec<Self>> {
        let (points, size) = path.vertices().dims2()?;
        let expected = arch.layout().len();
        if size != expected || points < 2 {
            let (expected, found) = (format!("[2 or more, {expected}]"), format!("[{points}, {size}]"));
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

    /// d.
    pub(crate) fn degree(&self) -> usize {
        self.vertices.len() - 1
    }

    /// The t of τ, for pictures.
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
