//! Weight matching (Ainsworth, Hayase & Srinivasa 2023, Section 3.2) of any network, biases and the parameters of
//! normalisation included.

use candle_core::Tensor;
use collado_models::{Axis, Block, Groups};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::assign::assign;
use crate::Result;

/// The ascent ends after this many solved assignments a group. It is far above what networks need.
const MOST: usize = 1000;

/// The permutation of each group for the points `a` and `b` `[S]` in `f64`, both in balanced form.
pub(super) fn match_weights(groups: &Groups, a: &Tensor, b: &Tensor, seed: u64) -> Result<Vec<Vec<usize>>> {
    let mut matcher = Matcher::new(groups, a, b)?;
    let all = 0..groups.groups().len();
    for group in all.clone() {
        // Rows of fixed norms: the least-squares assignment is the one of the largest inner products.
        if let Some(gains) = matcher.incoming(group)? {
            matcher.set(group, assign(&gains)?);
        }
    }
    matcher.ascend(all.collect(), &mut ChaCha8Rng::seed_from_u64(seed))?;
    Ok(matcher.permutations())
}

/// Two networks and the matching of their units found so far.
pub(super) struct Matcher<'a> {
    groups: &'a Groups,
    /// The parameters, `[rows, columns, rest]` each.
    a: Vec<Tensor>,
    b: Vec<Tensor>,
    permutations: Vec<Vec<usize>>,
}

impl<'a> Matcher<'a> {
    /// Starts with identities for all permutations.
    pub(super) fn new(groups: &'a Groups, a: &Tensor, b: &Tensor) -> Result<Self> {
        let permutations = groups.groups().iter().map(|group| (0..group.size).collect()).collect();
        Ok(Self { groups, a: parts(groups, a)?, b: parts(groups, b)?, permutations })
    }

    /// Sets the permutation of a group.
    pub(super) fn set(&mut self, group: usize, p: Vec<usize>) {
        self.permutations[group] = p;
    }

    /// The permutation of each group.
    pub(super) fn permutations(self) -> Vec<Vec<usize>> {
        self.permutations
    }

    /// Coordinate ascent: visits groups in random order and solves each again when a neighbour has changed, until no
    /// group gains.
    fn ascend(&mut self, mut stale: Vec<usize>, rng: &mut impl Rng) -> Result<()> {
        let mut left = MOST * stale.len();
        while !stale.is_empty() && left > 0 {
            left -= 1;
            let group = stale.swap_remove(rng.random_range(0..stale.len()));
            let Some(gains) = self.gains(group, 0..2)? else { continue };
            let better = assign(&gains)?;
            let (old, new) = (total(&gains, &self.permutations[group])?, total(&gains, &better)?);
            // A gain above rounding, so that the ascent ends.
            if new > old + 1e-10 * old.abs() {
                self.permutations[group] = better;
                for beside in self.beside(group) {
                    if !stale.contains(&beside) {
                        stale.push(beside);
                    }
                }
            }
        }
        Ok(())
    }

    /// The groups that share a tensor with `group`.
    fn beside(&self, group: usize) -> Vec<usize> {
        let mut beside = Vec::new();
        for (tensor, axis, _) in self.groups.places(group) {
            let across = tensor.axes.get(1 - axis).into_iter().flat_map(|axis| &axis.blocks);
            for block in across.filter(|block| block.group != group) {
                if !beside.contains(&block.group) {
                    beside.push(block.group);
                }
            }
        }
        beside
    }

    /// The gains from incoming weights, biases and parameters of normalisation,
    /// $W_k^AP_{k-1}(W_k^B)^T+b_k^A(b_k^B)^T$ for a dense layer.
    pub(super) fn incoming(&self, group: usize) -> Result<Option<Tensor>> {
        self.gains(group, 0..1)
    }

    /// The gains of all tensors that have the units of `group` on one of `axes`, as a matrix `[n, n]`. Its element i, j
    /// is the inner product of what belongs to unit i of A and unit j of B.
    fn gains(&self, group: usize, axes: std::ops::Range<usize>) -> Result<Option<Tensor>> {
        let mut gains: Option<Tensor> = None;
        for (at, tensor) in self.groups.parameters().iter().enumerate() {
            for (axis, along) in tensor.axes.iter().enumerate().filter(|(axis, _)| axes.contains(axis)) {
                for block in along.blocks.iter().filter(|block| block.group == group) {
                    let a = front(&self.a[at], axis, along, block)?;
                    let b = match tensor.axes.get(1 - axis) {
                        Some(across) => self.permuted(&self.b[at], 1 - axis, across)?,
                        None => self.b[at].clone(),
                    };
                    let products = a.matmul(&front(&b, axis, along, block)?.t()?)?;
                    gains = Some(match gains {
                        Some(gains) => (gains + products)?,
                        None => products,
                    });
                }
            }
        }
        Ok(gains)
    }

    /// The positions of an axis in the order of the permutations found so far.
    fn permuted(&self, tensor: &Tensor, axis: usize, along: &Axis) -> Result<Tensor> {
        let mut from: Vec<u32> = (0..along.len as u32).collect();
        for block in &along.blocks {
            for (&at, &p) in block.positions.iter().zip(&self.permutations[block.group]) {
                from[at] = block.positions[p] as u32;
            }
        }
        Ok(tensor.index_select(&Tensor::new(from, tensor.device())?, axis)?)
    }
}

/// The parameters of the point `theta` `[S]`, `[rows, columns, rest]` each.
pub(super) fn parts(groups: &Groups, theta: &Tensor) -> Result<Vec<Tensor>> {
    let part = |axes: &collado_models::TensorAxes| {
        let [rows, columns] = axes.sizes();
        let flat = theta.narrow(0, axes.columns.start, axes.columns.len())?;
        Ok(flat.reshape((rows, columns, axes.rest))?)
    };
    groups.parameters().iter().map(part).collect()
}

/// All that the tensors have for each unit of `group` on this axis, as the rows of a matrix.
pub(super) fn axis_of(
    groups: &Groups,
    tensors: &[Tensor],
    group: usize,
    axis: usize,
) -> Result<Option<Tensor>> {
    let mut rows = Vec::new();
    for (axes, tensor) in groups.parameters().iter().zip(tensors) {
        let Some(along) = axes.axes.get(axis) else { continue };
        for block in along.blocks.iter().filter(|block| block.group == group) {
            rows.push(front(tensor, axis, along, block)?);
        }
    }
    Ok(if rows.is_empty() { None } else { Some(Tensor::cat(&rows, 1)?) })
}

/// The elements of a tensor that belong to each unit of a block, as the rows of a matrix.
fn front(tensor: &Tensor, axis: usize, along: &Axis, block: &Block) -> Result<Tensor> {
    Ok(picked(tensor, axis, along, block)?.transpose(0, axis)?.flatten_from(1)?)
}

/// The positions of a block on one axis of a tensor, whose index is `along`.
pub(super) fn picked(tensor: &Tensor, axis: usize, along: &Axis, block: &Block) -> Result<Tensor> {
    if block.positions.iter().copied().eq(0..along.len) {
        return Ok(tensor.clone());
    }
    let positions: Vec<u32> = block.positions.iter().map(|&at| at as u32).collect();
    Ok(tensor.contiguous()?.index_select(&Tensor::new(positions, tensor.device())?, axis)?)
}

/// The total gain $\sum_iC(i,p(i))$ of an assignment.
fn total(gains: &Tensor, p: &[usize]) -> Result<f64> {
    let p: Vec<u32> = p.iter().map(|&i| i as u32).collect();
    let picked = Tensor::new(p, gains.device())?.unsqueeze(1)?;
    Ok(gains.gather(&picked, 1)?.sum_all()?.to_scalar()?)
}
