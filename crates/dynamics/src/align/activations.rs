//! Activation matching: pairs the neurons of two networks whose activations correlate on data (Li et al. 2015).
//!
//! Neurons that are constant on the data correlate with nothing. They are paired by the similarity of incoming weights,
//! whose weight is so small that it only decides between equal correlations.

use candle_core::Tensor;
use collado_models::{Arch, pre_activations};

use super::{assign::assign, weights::Matcher};
use crate::Result;

/// Number of examples that are processed at a time.
const TILE: usize = 1024;
/// Weight of the similarity of incoming weights, at most 1, beside that of activations.
const TIE: f64 = 1e-6;

/// The permutations $P_k$ of each hidden layer for the points `a` and `b` `[S]`, in balanced form, and the examples
/// `data`
/// `[N, n_0]`, all in `f64`.
pub(super) fn match_activations(
    arch: &Arch,
    a: &Tensor,
    b: &Tensor,
    data: &Tensor,
) -> Result<Vec<Vec<usize>>> {
    let mut matcher = Matcher::new(arch, a, b)?;
    for (k, moments) in moments(arch, a, b, data)?.iter().enumerate() {
        let weights = matcher.incoming(k + 1)?;
        let largest = weights.abs()?.max_all()?.to_scalar::<f64>()?;
        let weights = (weights * (TIE / largest.max(f64::MIN_POSITIVE)))?;
        matcher.set(k + 1, assign(&(moments.correlation(data.dim(0)?)? + weights)?)?);
    }
    Ok(matcher.permutations())
}

/// The moments of each hidden layer's activations in both networks.
fn moments(arch: &Arch, a: &Tensor, b: &Tensor, data: &Tensor) -> Result<Vec<Moments>> {
    let mut moments: Vec<Option<Moments>> = (1..arch.depth()).map(|_| None).collect();
    for tile in tiles(data)? {
        let (a, b) = (pre_activations(arch, a, &tile)?, pre_activations(arch, b, &tile)?);
        for (k, moments) in moments.iter_mut().enumerate() {
            let (a, b) = (arch.activation().forward(&a[k])?, arch.activation().forward(&b[k])?);
            let tile = Moments::new(&a, &b)?;
            *moments = Some(match moments.take() {
                Some(sum) => sum.add(&tile)?,
                None => tile,
            });
        }
    }
    Ok(moments.into_iter().map(|moments| moments.expect("there is a tile of rows")).collect())
}

/// The rows of `data`, in tiles.
pub(super) fn tiles(data: &Tensor) -> Result<Vec<Tensor>> {
    let n = data.dim(0)?;
    (0..n).step_by(TILE).map(|from| Ok(data.narrow(0, from, TILE.min(n - from))?)).collect()
}

/// Sums over examples of the activations a and b of a layer in two networks.
struct Moments {
    /// The sum of products, $\sum ab^T$ `[n, n]`.
    product: Tensor,
    /// The sums $\sum a,\sum a^2$ and $\sum b,\sum b^2$, `[2, n]` each.
    a: Tensor,
    b: Tensor,
}

impl Moments {
    fn new(a: &Tensor, b: &Tensor) -> Result<Self> {
        Ok(Self { product: a.t()?.matmul(b)?, a: sums(a)?, b: sums(b)? })
    }

    fn add(self, other: &Self) -> Result<Self> {
        Ok(Self {
            product: (self.product + &other.product)?,
            a: (self.a + &other.a)?,
            b: (self.b + &other.b)?,
        })
    }

    /// Pearson's correlation `[n, n]`; 0 for neurons that are constant.
    fn correlation(&self, n: usize) -> Result<Tensor> {
        let (mean_a, deviation_a) = statistics(&self.a, n)?;
        let (mean_b, deviation_b) = statistics(&self.b, n)?;
        let inverse = |d: &Tensor| -> Result<Tensor> {
            let d = d.to_vec1::<f64>()?.into_iter().map(|d| if d > 0. { d.recip() } else { 0. });
            Ok(Tensor::new(d.collect::<Vec<_>>(), self.product.device())?)
        };
        let means = mean_a.unsqueeze(1)?.matmul(&mean_b.unsqueeze(0)?)?;
        let covariance = ((&self.product / n as f64)? - means)?;
        let scaled = covariance.broadcast_mul(&inverse(&deviation_a)?.unsqueeze(1)?)?;
        Ok(scaled.broadcast_mul(&inverse(&deviation_b)?.unsqueeze(0)?)?)
    }
}

/// The sums $\sum z$ and $\sum z^2$ over the rows of `z` `[N, n]`, as a tensor `[2, n]`.
pub(super) fn sums(z: &Tensor) -> Result<Tensor> {
    Ok(Tensor::stack(&[z.sum(0)?, z.sqr()?.sum(0)?], 0)?)
}

/// Mean and standard deviation `[n]` of N numbers with these sums; deviations as small as rounding are set to 0.
pub(super) fn statistics(sums: &Tensor, n: usize) -> Result<(Tensor, Tensor)> {
    let sums = (sums / n as f64)?;
    let (mean, square) = (sums.get(0)?, sums.get(1)?);
    let variance = (&square - mean.sqr()?)?.to_vec1::<f64>()?;
    let square = square.to_vec1::<f64>()?;
    let deviation = variance.iter().zip(square).map(|(v, s)| if *v > 1e-14 * s { v.sqrt() } else { 0. });
    let deviation = Tensor::new(deviation.collect::<Vec<_>>(), sums.device())?;
    Ok((mean, deviation))
}
