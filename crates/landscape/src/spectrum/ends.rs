//! The ends of a spectrum: eigenpairs with residuals, ranks and enclosures.

use collado_linalg::dot;

use super::{basis::axpy, pool::Pool};
use crate::{LinearOperator, Result};

/// An approximate eigenpair, with its rank among the eigenvalues.
#[derive(Debug, Clone, PartialEq)]
pub struct Ritz {
    /// The approximate eigenvalue λ.
    pub value: f64,
    /// The residual $\|Av-\lambda v\|$ of the unit vector v, computed from a product; an eigenvalue lies within this
    /// distance of λ.
    pub residual: f64,
    /// The approximate eigenvector v `[S]`.
    pub vector: Vec<f64>,
    /// For the k-th pair in its list, an enclosure of the k-th eigenvalue, counted with multiplicities. The end towards
    /// the middle of the spectrum always holds (Courant–Fischer); the other end holds as far as [`Ends::check`] says,
    /// and is infinite where nothing is known.
    pub enclosure: (f64, f64),
    /// Whether no eigenvalue farther out than the tolerance was missed, as [`Ends::check`] says. Otherwise the k-th
    /// eigenvalue may lie farther out than the k-th pair.
    pub ranked: bool,
}

/// The reason for which it is known that no eigenvalue was missed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RankCheck {
    /// The vectors found span the whole space: all eigenvalues are known.
    Complete,
    /// Lanczos' method from a new random start, orthogonal to everything that was found, has found nothing more.
    Random {
        /// A bound for the probability, over the random starts, that the statement is wrong.
        failure: f64,
    },
    /// It is not known.
    Unchecked,
}

/// One or both ends of a spectrum, eigenvalues with their multiplicities.
#[derive(Debug, Clone, PartialEq)]
pub struct Ends {
    /// The largest eigenvalues, descending.
    pub top: Vec<Ritz>,
    /// The smallest eigenvalues, ascending, so the most negative comes first. No eigenvalue is in both lists.
    pub bottom: Vec<Ritz>,
    /// Number of products with the operator.
    pub steps: usize,
    /// Whether all residuals are below the tolerance.
    pub converged: bool,
    /// A lower bound for the number of negative eigenvalues, counted with multiplicities (Courant–Fischer).
    pub negative: usize,
    /// The check on which `ranked` and `enclosure` rest.
    pub check: RankCheck,
}

/// The bounds on the spectrum that are known when the search is over.
pub(super) struct SpectralBounds {
    pub(super) check: RankCheck,
    /// All eigenvalues except those found lie in this interval.
    pub(super) rest: (f64, f64),
    /// The largest |λ|.
    pub(super) size: f64,
    pub(super) steps: usize,
    pub(super) negative: usize,
}

/// Makes the two lists from the pairs in `pool`: the `top` largest ones, and the others from below.
pub(super) fn ends(
    operator: &dyn LinearOperator,
    pool: Pool,
    top: usize,
    at_once: usize,
    tolerance: f64,
    known: &SpectralBounds,
) -> Result<Ends> {
    let residuals = residuals(operator, &pool, at_once)?;
    // Weyl: A differs from a matrix of which the vectors found are eigenvectors by no more.
    let moved = std::f64::consts::SQRT_2 * residuals.iter().map(|r| r * r).sum::<f64>().sqrt();
    // Rounding, and squares that are too small for a number.
    let rounding = operator.size() as f64 * f64::EPSILON * known.size + f64::MIN_POSITIVE.sqrt();
    let moved = moved + rounding;
    let slack = tolerance * known.size;
    let split = pool.len() - top.min(pool.len());
    let ritz = |(i, ((value, vector), residual)): (usize, ((f64, Vec<f64>), f64))| {
        let (enclosure, ranked) = if i < split {
            let outer = value.min(known.rest.0);
            ((outer - moved, value + moved), outer >= value - slack)
        } else {
            let outer = value.max(known.rest.1);
            ((value - moved, outer + moved), outer <= value + slack)
        };
        Ritz { value, residual, vector, enclosure, ranked }
    };
    let converged = residuals.iter().all(|r| *r <= slack);
    let pairs = pool.values.into_iter().zip(pool.vectors).zip(residuals);
    let mut bottom: Vec<Ritz> = pairs.enumerate().map(ritz).collect();
    let top = bottom.drain(split..).rev().collect();
    Ok(Ends { top, bottom, steps: known.steps, converged, negative: known.negative, check: known.check })
}

fn residuals(operator: &dyn LinearOperator, pool: &Pool, at_once: usize) -> Result<Vec<f64>> {
    let mut norms = Vec::with_capacity(pool.len());
    for (vectors, values) in pool.vectors.chunks(at_once).zip(pool.values.chunks(at_once)) {
        let stack = vectors.concat();
        let mut products = vec![0.; stack.len()];
        operator.apply(&stack, &mut products)?;
        for (product, (vector, value)) in
            products.chunks_exact_mut(operator.size()).zip(vectors.iter().zip(values))
        {
            axpy(-value, vector, product);
            norms.push(dot(product, product).sqrt());
        }
    }
    Ok(norms)
}
