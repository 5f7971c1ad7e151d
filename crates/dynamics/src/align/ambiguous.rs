//! Units that cannot be told apart from others, so that their partners in an alignment are arbitrary.

use candle_core::Tensor;
use collado_models::{Activation, Groups};

use super::{
    moments::Moments,
    weights::{axis_of, parts},
};
use crate::Result;

/// Two rows are taken for multiples of each other when their cosine differs from 1 by no more than this.
const PARALLEL: f64 = 1e-12;

/// Dead and duplicate units of the point `theta` `[S]` (`f64`), by group; see `Aligned::ambiguous`.
pub(super) fn ambiguous(
    activation: Activation,
    groups: &Groups,
    theta: &Tensor,
    moments: Option<&[Vec<Moments>]>,
) -> Result<Vec<Vec<usize>>> {
    let tensors = parts(groups, theta)?;
    (0..groups.groups().len())
        .map(|group| {
            let n = groups.groups()[group].size;
            let incoming = axis_of(groups, &tensors, group, 0)?;
            let outgoing = axis_of(groups, &tensors, group, 1)?;
            let squares = |rows: &Option<Tensor>| -> Result<Option<Vec<f64>>> {
                rows.as_ref().map(|rows| Ok(rows.sqr()?.sum(1)?.to_vec1::<f64>()?)).transpose()
            };
            let (into, out) = (squares(&incoming)?, squares(&outgoing)?);
            let copies = match (&incoming, &into) {
                (Some(rows), Some(squares)) => copies(activation, rows, squares)?,
                _ => vec![false; n],
            };
            let constant = match moments.map(|all| &all[group]) {
                Some(sites) if !sites.is_empty() => {
                    let sites = sites.iter().map(Moments::constant).collect::<Result<Vec<_>>>()?;
                    (0..n).map(|i| sites.iter().all(|site| site[i])).collect()
                }
                _ => vec![false; n],
            };
            let zero =
                |norms: &Option<Vec<f64>>, i: usize| norms.as_ref().is_some_and(|norms| norms[i] == 0.);
            Ok((0..n).filter(|&i| zero(&into, i) || zero(&out, i) || copies[i] || constant[i]).collect())
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
