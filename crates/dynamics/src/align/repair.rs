//! REPAIR (Jordan, Sedghi, Saukh, Entezari & Neyshabur 2023): restores the statistics of activations that an average of
//! two networks loses.

use candle_core::{DType, Tensor};
use collado_models::{
    Activation, Affine, Algebra, Arch, Map, Norm, NormKind, Pad, PointTensors, Pool, TensorMoments,
};
use collado_risk::{Path, PathKind, Span};
use tracing::info_span;

use super::{
    affordable, evenly,
    moments::{samples, statistics, sums},
    shaped,
};
use crate::{Connect, Connection, Error, Result, Search, connect::finite};

/// The straight line, with the mean and the standard deviation of every hidden pre-activation restored.
///
/// At t the pre-activation $z$ of a neuron (or of a channel, over all pixels) becomes $(z-\mu)\,\sigma^\*/\sigma+\mu^\*$, where $\mu,\sigma$ are its
/// statistics over the data after the layers below were repaired, and $\mu^\*,\sigma^\*$ are those of the two ends,
/// interpolated linearly. This amounts to a rescaled weight row and another bias, so the result is an ordinary network.
/// It is done at the knots, in `f64`; the path is linear between them. The ends should be aligned first: otherwise it
/// does not help.
///
/// A layer without bias cannot be shifted, and is only rescaled. A neuron that is constant keeps its weights. Networks
/// with normalisation are refused. With batch normalisation the statistics of the straight line are restored by computing
/// them anew (Jordan et al. call it reset), which is the rule [`Population`](collado_risk::Statistics::Population); layer
/// and group normalisation take those of each example anyway.
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
        let data = self.examples(a)?;
        let ends = [self.statistics(a, &data)?, self.statistics(b, &data)?];
        let last = self.knots - 1;
        let knots: Vec<f64> = (0..=last).map(|i| i as f64 / last as f64).collect();
        let mut vertices = vec![a.flatten_all()?];
        for (i, &t) in knots[1..last].iter().enumerate() {
            let repaired = self.repaired(&line.at(t)?, &[1. - t, t], &ends, &data)?;
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
    /// The average $\sum_is_i\theta_i$ of many points `[S]`, aligned to each other, with the statistics of its hidden
    /// pre-activations set to the same average of those of the points.
    ///
    /// # Errors
    /// When there are no points or not a share for each, or the network has no rule for REPAIR.
    pub fn average(&self, points: &[Tensor], shares: &[f64]) -> Result<Tensor> {
        if points.is_empty() || points.len() != shares.len() {
            let found = format!("{} points and {} shares", points.len(), shares.len());
            return Err(Error::Setting { name: "shares", expected: "one for each point", found });
        }
        let data = self.examples(&points[0])?;
        let ends = points.iter().map(|point| self.statistics(point, &data)).collect::<Result<Vec<_>>>()?;
        let mean = Span::new(&Tensor::stack(points, 0)?, shares.to_vec())?.materialize()?.squeeze(0)?;
        Ok(self.repaired(&mean, shares, &ends, &data)?.to_dtype(points[0].dtype())?)
    }

    /// The examples, on the device of a point.
    fn examples(&self, point: &Tensor) -> Result<Tensor> {
        let network = self.arch.network();
        if network.is_tied() {
            let operation = "layers that share parameters".to_owned();
            return Err(collado_models::Error::NoRule { analysis: Repairing::NAME, operation }.into());
        }
        let data = shaped(evenly(self.data, self.rows.min(affordable(&network)))?, &network)?;
        Ok(data.to_dtype(DType::F64)?.to_device(point.device())?)
    }

    /// The statistics of the pre-activations of each hidden layer of a point.
    fn statistics(&self, theta: &Tensor, data: &Tensor) -> Result<Vec<Statistics>> {
        let theta = theta.to_dtype(DType::F64)?;
        let mut pass = Repairing::new(&theta, self.layers(), Stage::Read(Vec::new()));
        self.arch.network().run(&mut pass, vec![data.clone()])?;
        match pass.stage {
            Stage::Read(found) => Ok(found),
            Stage::Restore { .. } => unreachable!("a pass keeps its stage"),
        }
    }

    /// The point `theta` with the average of the statistics of `ends`, layer by layer.
    fn repaired(
        &self,
        theta: &Tensor,
        shares: &[f64],
        ends: &[Vec<Statistics>],
        data: &Tensor,
    ) -> Result<Tensor> {
        let theta = theta.to_dtype(DType::F64)?;
        let stage = Stage::Restore { shares, ends, columns: Vec::new() };
        let mut pass = Repairing::new(&theta, self.layers(), stage);
        self.arch.network().run(&mut pass, vec![data.clone()])?;
        match pass.stage {
            Stage::Restore { mut columns, .. } => {
                columns.sort_by_key(|(start, _)| *start);
                let parts: Vec<Tensor> = columns.into_iter().map(|(_, part)| part).collect();
                Ok(Tensor::cat(&parts, 0)?)
            }
            Stage::Read(_) => unreachable!("a pass keeps its stage"),
        }
    }

    /// Number of affine operations.
    fn layers(&self) -> usize {
        self.arch.network().affine().count()
    }
}

/// Repaired parameters, each with its first column.
type Columns = Vec<(usize, Tensor)>;

/// What a forward pass does at each hidden layer.
enum Stage<'a> {
    /// Reads the statistics of the pre-activations.
    Read(Vec<Statistics>),
    /// Restores the average of those of the ends before it goes on, and keeps the repaired parameters.
    Restore { shares: &'a [f64], ends: &'a [Vec<Statistics>], columns: Columns },
}

/// A forward pass over all data as one tile.
struct Repairing<'a> {
    theta: &'a Tensor,
    plain: PointTensors<'a>,
    stage: Stage<'a>,
    /// Number of affine operations that are done, and of all of them.
    done: usize,
    layers: usize,
}

impl<'a> Repairing<'a> {
    fn new(theta: &'a Tensor, layers: usize, stage: Stage<'a>) -> Self {
        Self { theta, plain: PointTensors::new(theta, TensorMoments::Batch), stage, done: 0, layers }
    }

    fn layer_of(&mut self, op: &Affine, x: &Tensor) -> Result<Tensor> {
        if matches!(op.map, Map::Dense { .. }) && x.rank() != 2 {
            let operation = format!("{op} of several tokens");
            return Err(collado_models::Error::NoRule { analysis: Self::NAME, operation }.into());
        }
        let hidden = self.done + 1 < self.layers;
        let layer = self.done;
        self.done += 1;
        match &mut self.stage {
            Stage::Read(found) => {
                let z = op.forward(self.theta, x)?;
                if hidden {
                    let z = samples(&z)?;
                    found.push(statistics(&sums(&z)?, z.dim(0)?)?);
                }
                Ok(z)
            }
            Stage::Restore { columns, .. } if !hidden => {
                let (weight, bias) = op.tensors(self.theta)?;
                keep(op, columns, &weight, bias.as_ref())?;
                Ok(op.forward(self.theta, x)?)
            }
            Stage::Restore { shares, ends, columns } => {
                restore(op, self.theta, x, average(ends, layer, shares)?, columns)
            }
        }
    }
}

/// The average of the statistics that a layer has at the ends.
fn average(ends: &[Vec<Statistics>], layer: usize, shares: &[f64]) -> Result<Statistics> {
    let of = |part: fn(&Statistics) -> &Tensor| -> Result<Tensor> {
        let mut parts = ends.iter().zip(shares).map(|(end, &share)| part(&end[layer]) * share);
        let first = parts.next().expect("there is an end")?;
        Ok(parts.try_fold(first, |sum, part| sum + part?)?)
    };
    Ok((of(|statistics| &statistics.0)?, of(|statistics| &statistics.1)?))
}

/// One layer with the statistics of its result restored to `target`.
fn restore(
    op: &Affine,
    theta: &Tensor,
    x: &Tensor,
    target: Statistics,
    columns: &mut Columns,
) -> Result<Tensor> {
    let (weight, bias) = op.tensors(theta)?;
    let z = op.map.forward(&weight, x)?;
    let all = samples(&z)?;
    let (mean, deviation) = statistics(&sums(&all)?, all.dim(0)?)?;
    let scale = ratio(&target.1, &deviation)?;
    let weight = weight.flatten_from(1)?.broadcast_mul(&scale.unsqueeze(1)?)?;
    let mut z = match op.map {
        Map::Dense { .. } => z.broadcast_mul(&scale)?,
        Map::Conv2d(_) => z.broadcast_mul(&scale.reshape((1, (), 1, 1))?)?,
    };
    let bias = match bias {
        Some(_) => Some((target.0 - (mean * scale)?)?),
        None => None,
    };
    if let Some(bias) = &bias {
        z = op.map.add_bias(&z, bias)?;
    }
    keep(op, columns, &weight, bias.as_ref())?;
    Ok(z)
}

fn keep(op: &Affine, columns: &mut Columns, weight: &Tensor, bias: Option<&Tensor>) -> Result<()> {
    columns.push((op.weight.start, weight.flatten_all()?));
    if let (Some(places), Some(bias)) = (&op.bias, bias) {
        columns.push((places.start, bias.flatten_all()?));
    }
    Ok(())
}

impl Algebra for Repairing<'_> {
    type Value = Vec<Tensor>;
    type Error = Error;
    const NAME: &'static str = "REPAIR";

    fn affine(&mut self, op: &Affine, x: &Vec<Tensor>) -> Result<Vec<Tensor>> {
        Ok(vec![self.layer_of(op, &x[0])?])
    }

    fn norm(&mut self, op: &Norm, _: Vec<Tensor>) -> Result<Vec<Tensor>> {
        let instead = match op.kind {
            NormKind::Batch => "; its statistics are restored by computing them anew: the rule 'population'",
            _ => "",
        };
        let operation = format!("{op}{instead}");
        Err(collado_models::Error::NoRule { analysis: Self::NAME, operation }.into())
    }

    fn activation(&mut self, rho: Activation, x: Vec<Tensor>) -> Result<Vec<Tensor>> {
        Ok(self.plain.activation(rho, x)?)
    }

    fn pool(&mut self, op: &Pool, x: &Vec<Tensor>) -> Result<Vec<Tensor>> {
        Ok(self.plain.pool(op, x)?)
    }

    fn add(&mut self, x: Vec<Tensor>, y: &Vec<Tensor>) -> Result<Vec<Tensor>> {
        Ok(self.plain.add(x, y)?)
    }

    fn concat(&mut self, axis: usize, inputs: &[Vec<Tensor>]) -> Result<Vec<Tensor>> {
        Ok(self.plain.concat(axis, inputs)?)
    }

    fn pad(&mut self, op: &Pad, x: &Vec<Tensor>) -> Result<Vec<Tensor>> {
        Ok(self.plain.pad(op, x)?)
    }

    fn reshape(&mut self, shape: &[usize], x: Vec<Tensor>) -> Result<Vec<Tensor>> {
        Ok(self.plain.reshape(shape, x)?)
    }
}

/// The quotient of `target` and `found`, or 1 where `found` is 0.
fn ratio(target: &Tensor, found: &Tensor) -> Result<Tensor> {
    let pairs = target.to_vec1::<f64>()?.into_iter().zip(found.to_vec1::<f64>()?);
    let ratios: Vec<f64> = pairs.map(|(t, f)| if f > 0. { t / f } else { 1. }).collect();
    Ok(Tensor::new(ratios, target.device())?)
}
