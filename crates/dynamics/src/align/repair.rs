//! REPAIR (Jordan, Sedghi, Saukh, Entezari & Neyshabur 2023): restores the statistics of activations that an average of
//! two networks loses.

use candle_core::{DType, Tensor};
use collado_models::{Activation, Affine, Algebra, Arch};
use collado_risk::{Path, PathKind};
use tracing::info_span;

use super::{
    activations::{statistics, sums},
    evenly,
};
use crate::{Connect, Connection, Error, Result, Search, connect::finite};

/// The straight line, with the mean and the standard deviation of every hidden pre-activation restored.
///
/// At t the pre-activation $z$ of a neuron becomes $(z-\mu)\,\sigma^\*/\sigma+\mu^\*$, where $\mu,\sigma$ are its
/// statistics over the data after the layers below were repaired, and $\mu^\*,\sigma^\*$ are those of the two ends,
/// interpolated linearly. This amounts to a rescaled weight row and another bias, so the result is an ordinary network.
/// It is done at the knots, in `f64`; the path is linear between them. The ends should be aligned first: otherwise it
/// does not help.
///
/// A layer without bias cannot be shifted, and is only rescaled. A neuron that is constant keeps its weights.
///
/// | Name | Purpose | Range |
/// |---|---|---|
/// | `arch` | the network | |
/// | `data` | examples `[N, n_0]` for the statistics | ≥ 2 |
/// | `rows` | examples used at most, evenly picked; 10 000 serve | ≥ 2 |
/// | `knots` | repaired points, both ends among them; 21 serve | ≥ 2 |
#[derive(Debug, Clone, Copy)]
pub struct Repair<'a> {
    /// The network.
    pub arch: &'a Arch,
    /// Examples for the statistics.
    pub data: &'a Tensor,
    /// The largest number of examples that are used.
    pub rows: usize,
    /// Number of repaired points, both ends included.
    pub knots: usize,
}

impl Connect for Repair<'_> {
    fn find(&self, a: &Tensor, b: &Tensor, search: &mut Search<'_>) -> Result<Connection> {
        if self.knots < 2 {
            let found = self.knots.to_string();
            return Err(Error::Setting { name: "knots", expected: "at least 2", found });
        }
        let _span = info_span!("connect", method = "repair", knots = self.knots).entered();
        let line = Path::segment(a, b)?;
        if let Some(constant) = line.constant()? {
            return Ok(constant.into());
        }
        let data = evenly(self.data, self.rows)?.to_dtype(DType::F64)?.to_device(a.device())?;
        let ends = [self.statistics(a, &data)?, self.statistics(b, &data)?];
        let last = self.knots - 1;
        let knots: Vec<f64> = (0..=last).map(|i| i as f64 / last as f64).collect();
        let mut vertices = vec![a.flatten_all()?];
        for (i, &t) in knots[1..last].iter().enumerate() {
            let repaired = self.repaired(&line.at(t)?, t, &ends, &data)?;
            vertices.push(repaired.to_dtype(a.dtype())?);
            if search.progress.update((i + 1) as f64 / last as f64).is_break() {
                // The straight line from here on would be no path that was asked for.
                return Ok(line.into());
            }
        }
        vertices.push(b.flatten_all()?);
        Ok(finite(Path::new(PathKind::Polychain { knots }, Tensor::stack(&vertices, 0)?)?, "repair")?.into())
    }
}

/// The mean and the standard deviation of a layer's pre-activations, `[n]` each.
type Statistics = (Tensor, Tensor);

impl Repair<'_> {
    /// The statistics of each hidden layer of a point.
    fn statistics(&self, theta: &Tensor, data: &Tensor) -> Result<Vec<Statistics>> {
        let all = collado_models::pre_activations(self.arch, &theta.to_dtype(DType::F64)?, data)?;
        all[..all.len() - 1].iter().map(|z| statistics(&sums(z)?, z.dim(0)?)).collect()
    }

    /// The point `theta` of the line with the statistics that `ends` have at t, layer by layer.
    fn repaired(&self, theta: &Tensor, t: f64, ends: &[Vec<Statistics>; 2], data: &Tensor) -> Result<Tensor> {
        let theta = theta.to_dtype(DType::F64)?;
        let mut repairing = Repairing { theta: &theta, t, ends, columns: Vec::new(), layer: 0 };
        self.arch.network().run(&mut repairing, data.clone())?;
        Ok(Tensor::cat(&repairing.columns, 0)?)
    }
}

/// A forward pass that restores the statistics of each hidden layer before it goes on.
struct Repairing<'a> {
    theta: &'a Tensor,
    t: f64,
    ends: &'a [Vec<Statistics>; 2],
    /// The repaired parameters so far.
    columns: Vec<Tensor>,
    /// Number of hidden layers that are done.
    layer: usize,
}

impl Repairing<'_> {
    /// The value `of(statistics)` at t, interpolated between the ends.
    fn between(&self, of: impl Fn(&Statistics) -> &Tensor) -> Result<Tensor> {
        let [a, b] = self.ends;
        Ok(((of(&a[self.layer]) * (1. - self.t))? + (of(&b[self.layer]) * self.t)?)?)
    }

    fn keep(&mut self, weight: &Tensor, bias: Option<&Tensor>) -> Result<()> {
        for tensor in std::iter::once(weight).chain(bias) {
            self.columns.push(tensor.flatten_all()?);
        }
        Ok(())
    }
}

impl Algebra for Repairing<'_> {
    type Value = Tensor;
    type Error = Error;
    const NAME: &'static str = "REPAIR";

    /// The last layer is not changed.
    fn affine(&mut self, op: &Affine, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) = op.tensors(self.theta)?;
        self.keep(&weight, bias.as_ref())?;
        Ok(x.matmul(&weight.t()?)?)
    }

    fn layer(&mut self, op: &Affine, rho: Activation, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) = op.tensors(self.theta)?;
        let z = x.matmul(&weight.t()?)?;
        let (mean, deviation) = statistics(&sums(&z)?, z.dim(0)?)?;
        let scale = ratio(&self.between(|ends| &ends.1)?, &deviation)?;
        let weight = weight.broadcast_mul(&scale.unsqueeze(1)?)?;
        let mut z = z.broadcast_mul(&scale)?;
        let bias = match bias {
            Some(_) => Some((self.between(|ends| &ends.0)? - (mean * scale)?)?),
            None => None,
        };
        if let Some(bias) = &bias {
            z = z.broadcast_add(bias)?;
        }
        self.keep(&weight, bias.as_ref())?;
        self.layer += 1;
        Ok(rho.forward(&z)?)
    }
}

/// The quotient of `target` and `found`, or 1 where `found` is 0.
fn ratio(target: &Tensor, found: &Tensor) -> Result<Tensor> {
    let pairs = target.to_vec1::<f64>()?.into_iter().zip(found.to_vec1::<f64>()?);
    let ratios: Vec<f64> = pairs.map(|(t, f)| if f > 0. { t / f } else { 1. }).collect();
    Ok(Tensor::new(ratios, target.device())?)
}
