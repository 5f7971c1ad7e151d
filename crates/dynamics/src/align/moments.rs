//! The moments of the activations of one or two networks over data, taken in one pass through both.

use candle_core::Tensor;
use collado_models::{
    Activation, Affine, Algebra, Arch, Embedding, Function, Groups, Norm, NormKind, Pad, PointTensors, Pool,
    Rearrange, Reduce, Site, Softmax, Source, TensorMoments,
};

use super::weights::picked;
use crate::{Error, Result};

/// Number of examples that are processed at a time.
const TILE: usize = 1024;

/// Sums over examples, and over the pixels of channels, of the activations a in one network and b in another.
pub(super) struct Moments {
    /// Number of terms of each sum.
    count: usize,
    /// The sums $\sum a,\sum a^2$, `[2, n]`.
    a: Tensor,
    /// Those with the other network, if there is one.
    other: Option<Other>,
}

/// Sums in which the other network takes part.
struct Other {
    /// The sums $\sum b,\sum b^2$, `[2, n]`.
    b: Tensor,
    /// The sum of products, $\sum ab^T$ `[n, n]`.
    product: Tensor,
}

impl Moments {
    fn new(a: &Tensor, b: Option<&Tensor>) -> Result<Self> {
        let other = |b: &Tensor| Ok::<_, Error>(Other { b: sums(b)?, product: a.t()?.matmul(b)? });
        Ok(Self { count: a.dim(0)?, a: sums(a)?, other: b.map(other).transpose()? })
    }

    fn add(self, more: Self) -> Result<Self> {
        let other = match (self.other, more.other) {
            (Some(x), Some(y)) => Some(Other { b: (x.b + y.b)?, product: (x.product + y.product)? }),
            _ => None,
        };
        Ok(Self { count: self.count + more.count, a: (self.a + more.a)?, other })
    }

    /// Pearson's correlation `[n, n]` with the other network; 0 for units that are constant.
    pub(super) fn correlation(&self) -> Result<Option<Tensor>> {
        let Some(Other { b, product }) = &self.other else { return Ok(None) };
        let (mean_a, deviation_a) = statistics(&self.a, self.count)?;
        let (mean_b, deviation_b) = statistics(b, self.count)?;
        let inverse = |d: &Tensor| -> Result<Tensor> {
            let d = d.to_vec1::<f64>()?.into_iter().map(|d| if d > 0. { d.recip() } else { 0. });
            Ok(Tensor::new(d.collect::<Vec<_>>(), product.device())?)
        };
        let means = mean_a.unsqueeze(1)?.matmul(&mean_b.unsqueeze(0)?)?;
        let covariance = ((product / self.count as f64)? - means)?;
        let scaled = covariance.broadcast_mul(&inverse(&deviation_a)?.unsqueeze(1)?)?;
        Ok(Some(scaled.broadcast_mul(&inverse(&deviation_b)?.unsqueeze(0)?)?))
    }

    /// For each unit, whether its activation in the first network is the same on all data.
    pub(super) fn constant(&self) -> Result<Vec<bool>> {
        let deviation = statistics(&self.a, self.count)?.1;
        Ok(deviation.to_vec1::<f64>()?.into_iter().map(|d| d == 0.).collect())
    }
}

/// The moments of the activations of each group of units, in the order of the network, for two points `a` and `b` `[S]`
/// and the examples `data` `[N, ..]`, all in `f64`. Batch normalisation uses the statistics of these examples. Without
/// `b` they are those of A alone.
pub(super) fn moments(
    arch: &Arch,
    groups: &Groups,
    a: &Tensor,
    b: Option<&Tensor>,
    data: &Tensor,
) -> Result<Vec<Vec<Moments>>> {
    let network = arch.network();
    network.check_input(data.dims().get(1..).unwrap_or_default())?;
    let point = |theta| PointTensors::new(theta, TensorMoments::Batch);
    let found = groups.groups().iter().map(|_| Vec::new()).collect();
    let mut both = Both { a: point(a), b: b.map(point), sites: groups.sites().iter(), found };
    let tiles = tiles(data)?;
    network.run(&mut both, [tiles.clone(), tiles])?;
    Ok(both.found)
}

/// The rows of `data`, in tiles.
pub(super) fn tiles(data: &Tensor) -> Result<Vec<Tensor>> {
    let n = data.dim(0)?;
    (0..n).step_by(TILE).map(|from| Ok(data.narrow(0, from, TILE.min(n - from))?)).collect()
}

/// The sums $\sum z$ and $\sum z^2$ over the rows of `z` `[N, n]`, as a tensor `[2, n]`.
pub(super) fn sums(z: &Tensor) -> Result<Tensor> {
    // Candle adds up columns one number at a time, products with ones many at once.
    let ones = Tensor::ones((1, z.dim(0)?), z.dtype(), z.device())?;
    Ok(Tensor::cat(&[ones.matmul(z)?, ones.matmul(&z.sqr()?)?], 0)?)
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

/// The numbers of each channel of `x` `[N, C, ..]` as the columns of a matrix.
pub(super) fn samples(x: &Tensor) -> Result<Tensor> {
    if x.rank() == 2 {
        return Ok(x.clone());
    }
    let x = x.flatten_from(2)?.transpose(1, 2)?;
    Ok(x.flatten(0, 1)?)
}

/// The arithmetic of two points beside each other. At each activation function it takes the moments of the results.
struct Both<'a> {
    a: PointTensors<'a>,
    /// The second point, if there is one.
    b: Option<PointTensors<'a>>,
    sites: std::slice::Iter<'a, Site>,
    found: Vec<Vec<Moments>>,
}

type Pair = [Vec<Tensor>; 2];

impl<'a> Both<'a> {
    /// Applies a rule at each point, to the values with the number 0 and 1.
    fn each(
        &mut self,
        mut rule: impl FnMut(&mut PointTensors<'a>, usize) -> collado_models::Result<Vec<Tensor>>,
    ) -> Result<Pair> {
        let a = rule(&mut self.a, 0)?;
        let b = match &mut self.b {
            Some(b) => rule(b, 1)?,
            None => a.clone(),
        };
        Ok([a, b])
    }

    fn take(&mut self, a: &[Tensor], b: &[Tensor]) -> Result<()> {
        let site = self.sites.next().expect("the same network has as many sites");
        for block in &site.along.blocks {
            let units = |x: &Tensor| {
                samples(&picked(x, site.axis + 1, &site.along, block)?.transpose(1, site.axis + 1)?)
            };
            let mut sum: Option<Moments> = None;
            for (a, b) in a.iter().zip(b) {
                let b = self.b.is_some().then(|| units(b)).transpose()?;
                let tile = Moments::new(&units(a)?, b.as_ref())?;
                sum = Some(match sum {
                    Some(sum) => sum.add(tile)?,
                    None => tile,
                });
            }
            self.found[block.group].push(sum.expect("there is a tile of rows"));
        }
        Ok(())
    }
}

impl Algebra for Both<'_> {
    type Value = Pair;
    type Error = Error;
    const NAME: &'static str = "activation matching";

    fn affine(&mut self, op: &Affine, x: &Pair) -> Result<Pair> {
        self.each(|point, i| point.affine(op, &x[i]))
    }

    fn norm(&mut self, op: &Norm, x: Pair) -> Result<Pair> {
        let results = self.each(|point, i| point.norm(op, x[i].clone()))?;
        if op.kind == NormKind::Last {
            self.take(&results[0], &results[1])?;
        }
        Ok(results)
    }

    fn activation(&mut self, rho: Activation, x: Pair) -> Result<Pair> {
        let results = self.each(|point, i| point.activation(rho, x[i].clone()))?;
        self.take(&results[0], &results[1])?;
        Ok(results)
    }

    fn pool(&mut self, op: &Pool, x: &Pair) -> Result<Pair> {
        self.each(|point, i| point.pool(op, &x[i]))
    }

    fn add(&mut self, x: Pair, y: &Pair) -> Result<Pair> {
        self.each(|point, i| point.add(x[i].clone(), &y[i]))
    }

    fn concat(&mut self, axis: usize, inputs: &[Pair]) -> Result<Pair> {
        self.each(|point, i| point.concat(axis, &inputs.iter().map(|x| x[i].clone()).collect::<Vec<_>>()))
    }

    fn pad(&mut self, op: &Pad, x: &Pair) -> Result<Pair> {
        self.each(|point, i| point.pad(op, &x[i]))
    }

    fn reshape(&mut self, shape: &[usize], x: Pair) -> Result<Pair> {
        self.each(|point, i| point.reshape(shape, x[i].clone()))
    }

    fn source(&mut self, op: &Source) -> Result<Pair> {
        self.each(|point, _| point.source(op))
    }

    fn function(&mut self, f: Function, x: Pair) -> Result<Pair> {
        let results = self.each(|point, i| point.function(f, x[i].clone()))?;
        if f.is_activation() {
            self.take(&results[0], &results[1])?;
        }
        Ok(results)
    }

    fn multiply(&mut self, x: Pair, y: &Pair) -> Result<Pair> {
        self.each(|point, i| point.multiply(x[i].clone(), &y[i]))
    }

    fn matmul(&mut self, x: &Pair, y: &Pair) -> Result<Pair> {
        self.each(|point, i| point.matmul(&x[i], &y[i]))
    }

    fn rearrange(&mut self, op: &Rearrange, x: Pair) -> Result<Pair> {
        self.each(|point, i| point.rearrange(op, x[i].clone()))
    }

    fn reduce(&mut self, op: &Reduce, x: Pair) -> Result<Pair> {
        self.each(|point, i| point.reduce(op, x[i].clone()))
    }

    fn softmax(&mut self, op: &Softmax, x: Pair) -> Result<Pair> {
        self.each(|point, i| point.softmax(op, x[i].clone()))
    }

    fn embedding(&mut self, op: &Embedding, x: &Pair) -> Result<Pair> {
        self.each(|point, i| point.embedding(op, &x[i]))
    }
}
