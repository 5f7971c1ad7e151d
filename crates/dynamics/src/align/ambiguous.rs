//! Neurons that cannot be told apart from others, so that their partners in an alignment are arbitrary.

use candle_core::{DType, Tensor};
use collado_models::{Activation, Arch, affine_layers, pre_activations};

use super::activations::{statistics, sums, tiles};
use crate::Result;

/// Two rows are taken for multiples of each other when their cosine differs from 1 by no more than this.
const PARALLEL: f64 = 1e-12;

/// Dead and duplicate neurons of the point `theta` `[S]` (`f64`), by hidden layer; see `Aligned::ambiguous`.
pub(super) fn ambiguous(arch: &Arch, theta: &Tensor, data: Option<&Tensor>) -> Result<Vec<Vec<usize>>> {
    let layers = affine_layers(arch, theta)?;
    let constant = data.map(|data| constant(arch, theta, data)).transpose()?;
    (1..arch.depth())
        .map(|k| {
            let (weight, bias) = &layers[k - 1];
            let rows = match bias {
                Some(bias) => Tensor::cat(&[weight, &bias.unsqueeze(1)?], 1)?,
                None => weight.clone(),
            };
            let incoming = rows.sqr()?.sum(1)?.to_vec1::<f64>()?;
            let outgoing = layers[k].0.sqr()?.sum(0)?.to_vec1::<f64>()?;
            let copies = copies(arch.activation(), &rows, &incoming)?;
            Ok((0..incoming.len())
                .filter(|&i| {
                    let dead = incoming[i] == 0. || outgoing[i] == 0.;
                    dead || copies[i] || constant.as_ref().is_some_and(|c| c[k - 1][i])
                })
                .collect())
        })
        .collect()
}

/// Which rows are copies of another row: positive multiples for ReLU, any multiples in linear networks, and equal rows
/// under other activations.
fn copies(activation: Activation, rows: &Tensor, squares: &[f64]) -> Result<Vec<bool>> {
    let gram = rows.matmul(&rows.t()?)?.to_vec2::<f64>()?;
    let copy = |i: usize, j: usize| {
        let (product, size) = (gram[i][j], (squares[i] * squares[j]).sqrt());
        match activation {
            Activation::Relu => product >= size * (1. - PARALLEL),
            Activation::Linear => product.abs() >= size * (1. - PARALLEL),
            _ => product >= squares[i].max(squares[j]) * (1. - PARALLEL),
        }
    };
    let n = squares.len();
    Ok((0..n).map(|i| (0..n).any(|j| i != j && copy(i, j))).collect())
}

/// For each neuron of each hidden layer, whether its activation is the same on all data.
fn constant(arch: &Arch, theta: &Tensor, data: &Tensor) -> Result<Vec<Vec<bool>>> {
    let n = data.dim(0)?;
    let mut totals: Vec<Option<Tensor>> = (1..arch.depth()).map(|_| None).collect();
    for tile in tiles(data)? {
        for (total, z) in totals.iter_mut().zip(pre_activations(arch, theta, &tile)?) {
            let part = sums(&arch.activation().forward(&z)?.to_dtype(DType::F64)?)?;
            *total = Some(total.take().map_or(Ok(part.clone()), |t| t + part)?);
        }
    }
    let still = |total: &Option<Tensor>| -> Result<Vec<bool>> {
        let total = total.as_ref().expect("there is a tile of rows");
        Ok(statistics(total, n)?.1.to_vec1::<f64>()?.into_iter().map(|d| d == 0.).collect())
    };
    totals.iter().map(still).collect()
}
