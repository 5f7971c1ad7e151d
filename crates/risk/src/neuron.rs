//! The risk of a single logistic neuron on data for which it has exponentially many local minima (docs/theory.md §9).

use candle_core::{DType, Tensor};

use crate::{Error, Evaluation, Objective, Result, Rows};

/// The squared loss of one logistic neuron $\Phi(x;w)=1/(1+e^{-w\cdot x})$ with exponentially many local minima.
///
/// The data are $x=R^ie_j$ with target y = 3/4 for every coordinate j < d and i < p, so that
/// $F(w)=\frac1{dp}\sum_{j<d}\sum_{i<p}(\sigma(R^iw_j)-y)^2$ splits over coordinates. For R ≥ 10 each has exactly p
/// strict local minima, so F has $p^d$ (Auer, Herbster & Warmuth 1996). A point is w `[d]`; `rows` are ignored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogisticNeuron {
    dims: usize,
    per_dim: usize,
    ratio: f64,
}

impl LogisticNeuron {
    /// The target of every example.
    pub const TARGET: f64 = 0.75;

    /// The risk with d = `dims` coordinates, p = `per_dim` examples for each of them, and lengths of ratio R = `ratio`.
    ///
    /// # Errors
    /// When d or p is 0, or R is not above 1.
    pub fn new(dims: usize, per_dim: usize, ratio: f64) -> Result<Self> {
        let wrong = |name, expected, found| Err(Error::Setting { name, expected, found });
        match () {
            () if dims == 0 => wrong("dims", "at least 1", dims.to_string()),
            () if per_dim == 0 => wrong("per_dim", "at least 1", per_dim.to_string()),
            () if !(ratio > 1. && ratio.is_finite()) => wrong("ratio", "a number above 1", ratio.to_string()),
            () => Ok(Self { dims, per_dim, ratio }),
        }
    }

    /// The lengths $R^i$ of one coordinate's examples.
    pub fn lengths(&self) -> impl Iterator<Item = f64> + use<> {
        let ratio = self.ratio;
        (0..self.per_dim).map(move |i| ratio.powi(i as i32))
    }

    /// Number of coordinates d.
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// Number of minima of each coordinate, p.
    pub fn per_dim(&self) -> usize {
        self.per_dim
    }

    /// The ratio R of the lengths.
    pub fn ratio(&self) -> f64 {
        self.ratio
    }

    /// The values f, f′ and f″ of one coordinate's share $f(w)=\frac1p\sum_{i<p}(\sigma(R^iw)-y)^2$; F is the mean of f
    /// over the coordinates.
    pub fn coordinate(&self, w: f64) -> [f64; 3] {
        let p = self.per_dim as f64;
        self.lengths().fold([0.; 3], |sum, x| {
            let s = 1. / (1. + (-x * w).exp());
            // not s (1 - s): that is 0 where s rounds to 1
            let slope = s / (1. + (x * w).exp());
            let (e, bend) = (s - Self::TARGET, slope * (1. - 2. * s));
            [
                sum[0] + e * e / p,
                sum[1] + 2. * e * slope * x / p,
                sum[2] + 2. * (slope * slope + e * bend) * x * x / p,
            ]
        })
    }
}

impl Objective for LogisticNeuron {
    fn at(&self, theta: &Tensor, _: Rows<'_>, gradient: Option<&mut Tensor>) -> Result<Vec<Evaluation>> {
        let points = theta.to_dtype(DType::F64)?.to_vec2::<f64>()?;
        if let Some(point) = points.iter().find(|p| p.len() != self.dims) {
            return Err(Error::mismatch("parameters", self.dims, point.len()));
        }
        let d = self.dims as f64;
        let shares: Vec<_> = points.iter().flatten().map(|&w| self.coordinate(w)).collect();
        if let Some(gradient) = gradient {
            let slopes = shares.iter().map(|s| s[1] / d).collect();
            let slopes = Tensor::from_vec(slopes, theta.dims(), theta.device())?;
            *gradient = slopes.to_dtype(theta.dtype())?;
        }
        let risks = shares.chunks_exact(self.dims).map(|s| s.iter().map(|s| s[0]).sum::<f64>() / d);
        Ok(risks.map(Evaluation::from).collect())
    }
}
