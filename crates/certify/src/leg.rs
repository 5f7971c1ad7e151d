//! Legs of a path: stretches on which the parameters are one polynomial in the path's parameter.

use candle_core::{DType, Device, Tensor};
use collado_risk::{EmpiricalRisk, Path, PathKind};

use crate::{Error, Interval, Result};

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
    /// The running statistics at the control points, each `[B]`, where the risk is computed with them.
    pub(crate) statistics: Vec<Vec<f64>>,
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
        Self { vertices, bound, t, statistics: Vec::new() }
    }

    /// The degree d of the polynomial.
    pub(crate) fn degree(&self) -> usize {
        self.vertices.len() - 1
    }

    /// The parameter t that belongs to τ, for reports and pictures.
    pub(crate) fn time(&self, tau: f64) -> f64 {
        if tau >= 1. { self.t.1 } else { self.t.0 + tau * (self.t.1 - self.t.0) }
    }

    /// An enclosure of the parameter t that belongs to τ exactly.
    pub(crate) fn times(&self, tau: f64) -> (f64, f64) {
        let (a, b) = self.t;
        if tau <= 0. || tau >= 1. || self.t == (0., 1.) {
            return (self.time(tau), self.time(tau));
        }
        let [start, end] = [a, b].map(Interval::point);
        let t = start + Interval::point(tau) * (end - start);
        (t.lo().max(a), t.hi().min(b))
    }
}

/// Gives the legs of a path the running statistics of its vertices, which are combined like the parameters.
///
/// # Errors
/// When there are none, they are not finite, or a variance is negative.
pub(crate) fn add_statistics(legs: &mut [Leg], path: &Path, risk: &EmpiricalRisk) -> Result<()> {
    let network = risk.network();
    let rows = match (path.buffers(), risk.buffers()) {
        (Some(rows), _) => rows.clone(),
        (None, Some(row)) => row.broadcast_as((path.vertices().dims()[0], row.dims()[1]))?,
        (None, None) => {
            let what = "running statistics of the path's vertices, for the rule 'interpolate'";
            return Err(Error::Mismatch { what, expected: "a row for each".into(), found: "none".into() });
        }
    };
    let (_, found) = rows.dims2()?;
    if found != network.buffers().len() {
        let (expected, found) = (network.buffers().len().to_string(), found.to_string());
        return Err(Error::Mismatch { what: "running statistics of a vertex", expected, found });
    }
    let rows = rows.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec2::<f64>()?;
    for norm in network.batch_norms() {
        let places = norm.running.as_ref().expect("batch normalisation has running statistics");
        for row in &rows {
            if let Some(place) =
                places.mean.clone().chain(places.variance.clone()).find(|&i| !row[i].is_finite())
            {
                return Err(Error::NotFinite { what: "running statistics", found: row[place], place });
            }
            let variances = &row[places.variance.clone()];
            if let Some(channel) = variances.iter().position(|v| *v < 0.) {
                let (layer, found) = (norm.name.clone(), variances[channel]);
                return Err(Error::NegativeVariance { layer, channel, found });
            }
        }
    }
    match path.kind() {
        PathKind::Bezier => legs[0].statistics = rows,
        PathKind::Polychain { .. } => {
            legs.iter_mut().zip(rows.windows(2)).for_each(|(leg, rows)| leg.statistics = rows.to_vec());
        }
    }
    Ok(())
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
