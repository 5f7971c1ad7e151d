//! Balanced form: the rescaling of a network that makes its parameters as short as possible.

use candle_core::{DType, Device, Tensor};

use super::{Axis, Groups, Symmetry, TensorAxes};
use crate::{Arch, Error, Result};

/// Sweeps end when no scale changes by more than this, measured as $\max|\log a|$.
const CONVERGED: f64 = 1e-12;
/// The largest number of sweeps, more than any network has needed. Their result is a symmetry even without convergence.
const SWEEPS: usize = 1000;

impl Symmetry {
    /// The rescaling to balanced form, where the outgoing weights of every unit that may be scaled have the norm of its
    /// incoming ones with the bias. Of all points that differ by scales, the balanced one has the least $\|\theta\|$.
    ///
    /// Sweeps over the scales multiply a unit by $a=\sqrt{\|\text{out}\|/\|(\text{in},b)\|}$ until
    /// $\max|\log a|\le10^{-12}$; units with a norm 0 keep their scale. Networks without free scales are left as they
    /// are.
    ///
    /// # Errors
    /// When `theta` is not a point `[S]` of `arch`, or an operation has no rule for symmetries.
    pub fn balancing(arch: &Arch, theta: &Tensor) -> Result<Self> {
        let mut balancing = Self::identity(arch)?;
        if !balancing.groups.scales.iter().any(|scale| scale.free) {
            return Ok(balancing);
        }
        let size = arch.network().size();
        if theta.dims() != [size] {
            return Err(Error::mismatch("point", format!("[{size}]"), format!("{:?}", theta.dims())));
        }
        let squares = squares(&balancing.groups, theta)?;
        // Squared scales: with them, squared norms are linear in each tensor's squared elements.
        let mut x: Vec<Vec<f64>> = balancing.scales.clone();
        for _ in 0..SWEEPS {
            let mut moved: f64 = 0.;
            for (k, scale) in balancing.groups.scales.iter().enumerate() {
                if scale.free {
                    moved = moved.max(balance(&balancing.groups, &squares, k, &mut x)?);
                }
            }
            if moved <= CONVERGED {
                break;
            }
        }
        for (scales, x) in balancing.scales.iter_mut().zip(&x) {
            scales.iter_mut().zip(x).for_each(|(s, x)| *s = x.sqrt());
        }
        Ok(balancing)
    }
}

/// The squares of each tensor's elements, summed over the positions of a kernel: `[rows, columns]`.
fn squares(groups: &Groups, theta: &Tensor) -> Result<Vec<Tensor>> {
    let theta = theta.to_dtype(DType::F64)?;
    let square = |tensor: &TensorAxes| {
        let [rows, columns] = tensor.sizes();
        let elements = theta.narrow(0, tensor.columns.start, tensor.columns.len())?.sqr()?;
        Ok(match tensor.rest {
            1 => elements.reshape((rows, columns))?,
            rest => elements.reshape((rows, columns, rest))?.sum(2)?,
        })
    };
    groups.parameters.iter().map(square).collect()
}

/// Balances scale `k` against the others and returns the largest $|\log a|$.
fn balance(groups: &Groups, squares: &[Tensor], k: usize, x: &mut [Vec<f64>]) -> Result<f64> {
    let n = x[k].len();
    let (mut incoming, mut outgoing) = (vec![0.; n], vec![0.; n]);
    for (tensor, squares) in groups.parameters.iter().zip(squares) {
        // Where both ends of a tensor have the scale, only the other tensors decide.
        let [enters, leaves] = [has(&tensor.axes, k, false), has(&tensor.axes, k, true)];
        let none = Axis { len: 1, blocks: Vec::new() };
        let across = tensor.axes.get(1).unwrap_or(&none);
        if enters && !leaves {
            let weights = Tensor::from_vec(factors(across, x), (across.len, 1), &Device::Cpu)?;
            let norms = squares.matmul(&weights)?.flatten_all()?.to_vec1::<f64>()?;
            collect(&tensor.axes[0], k, false, &norms, x, &mut incoming);
        } else if leaves && !enters && tensor.axes.len() > 1 {
            let weights =
                Tensor::from_vec(factors(&tensor.axes[0], x), (1, tensor.axes[0].len), &Device::Cpu)?;
            let norms = weights.matmul(squares)?.flatten_all()?.to_vec1::<f64>()?;
            collect(across, k, true, &norms, x, &mut outgoing);
        } else if leaves && !enters {
            let norms = squares.flatten_all()?.to_vec1::<f64>()?;
            collect(&tensor.axes[0], k, true, &norms, x, &mut outgoing);
        }
    }
    let mut moved: f64 = 0.;
    for (i, (p, q)) in incoming.into_iter().zip(outgoing).enumerate() {
        let new = (q / p).sqrt();
        if new > 0. && new.is_finite() {
            moved = moved.max((new / x[k][i]).ln().abs() / 2.);
            x[k][i] = new;
        }
    }
    Ok(moved)
}

/// Whether an axis is divided (`over`) or multiplied by scale `k`.
fn has(axes: &[Axis], k: usize, over: bool) -> bool {
    let of = |block: &super::Block| if over { block.over } else { block.times };
    axes.iter().flat_map(|axis| &axis.blocks).any(|block| of(block) == Some(k))
}

/// The squared factor of each position of an axis.
fn factors(axis: &Axis, x: &[Vec<f64>]) -> Vec<f64> {
    let mut factors = vec![1.; axis.len];
    for block in &axis.blocks {
        for (i, &at) in block.positions.iter().enumerate() {
            let of = |scale: Option<usize>| scale.map_or(1., |k| x[k][i]);
            factors[at] = match block.over {
                // Written like this, one rounding less for most.
                Some(_) => of(block.over).recip() * of(block.times),
                None => of(block.times),
            };
        }
    }
    factors
}

/// Adds the squared norms at the positions of scale `k` to those of its units. Other factors of a position count.
fn collect(axis: &Axis, k: usize, over: bool, norms: &[f64], x: &[Vec<f64>], sums: &mut [f64]) {
    for block in &axis.blocks {
        let (own, other) = if over { (block.over, block.times) } else { (block.times, block.over) };
        if own != Some(k) {
            continue;
        }
        for (i, &at) in block.positions.iter().enumerate() {
            sums[i] += match other {
                Some(scale) if over => norms[at] * x[scale][i],
                Some(scale) => norms[at] / x[scale][i],
                None => norms[at],
            };
        }
    }
}
