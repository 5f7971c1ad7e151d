//! Exact products of curvature matrices with vectors, over the whole data set.

mod chain;
mod loss;
mod pass;
mod point;
mod second;

use std::{fmt, ops::Range};

use self::chain::ChainCurvature;
pub use self::point::CurvaturePoint;
pub(super) use self::{loss::LossCurvature, second::second};
use super::graph::GraphCurvature;
use crate::{Criterion, EmpiricalRisk, Error, Regularizer, Result};

/// The kind of curvature matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CurvatureForm {
    /// The Hessian $\nabla^2F$; for ReLU that of the linear regions (ρ″ = 0).
    Hessian,
    /// The Gauss–Newton matrix $\frac1N\sum_iJ_i^\top(\nabla^2_\Phi\ell)\,J_i$, which is positive semi-definite: the
    /// Hessian without the curvature of the network.
    GaussNewton,
    /// The empirical Fisher matrix $\frac1N\sum_ig_ig_i^\top$ of the gradients $g_i=\nabla_\theta\ell_i$ of single
    /// examples.
    Fisher,
}

impl CurvatureForm {
    /// All kinds of matrices.
    pub const ALL: [Self; 3] = [Self::Hessian, Self::GaussNewton, Self::Fisher];
}

/// Curvature of an empirical risk: Hessian-vector products by Pearlmutter's R-operator (Pearlmutter 1994: Fast exact
/// multiplication by the Hessian), in `f64` on the CPU, with the same bits for any number of threads.
///
/// Chains of dense layers have an engine of their own, which multiplies a block of vectors at once. Statistics of batch
/// normalisation follow the [rule](EmpiricalRisk::statistics) of the risk: under
/// [`Interpolate`](crate::Statistics::Interpolate) they are constants, under
/// [`Population`](crate::Statistics::Population) and [`Train`](crate::Statistics::Train) the derivatives go through
/// them, for which the values of all rows that share statistics are held at once.
///
/// For R = ‖·‖² the penalty κR adds $2\kappa v$ on the columns of R to the Hessian and Gauss–Newton products; for ‖·‖₁
/// it adds nothing.
pub struct ExactCurvature {
    engine: Engine,
    size: usize,
    examples: usize,
    criterion: Criterion,
    regularized: Range<usize>,
}

enum Engine {
    Chain(Box<ChainCurvature>),
    Graph(Box<GraphCurvature>),
}

impl ExactCurvature {
    /// The curvature of `risk`, whose [memory](EmpiricalRisk::memory) bounds scratch.
    ///
    /// # Errors
    /// When an operation of the network has no second derivatives here, the rule for statistics has no gradient, or
    /// memory does not hold the values of the rows that share statistics.
    pub fn new(risk: &EmpiricalRisk) -> Result<Self> {
        let engine = match risk.network().chain() {
            Some(chain) => Engine::Chain(Box::new(ChainCurvature::new(risk, chain)?)),
            None => {
                Engine::Graph(Box::new(GraphCurvature::new(risk)?.ok_or_else(|| Error::Unsupported {
                    what: "the exact curvature",
                    found: format!("all operations of {}", risk.arch()),
                })?))
            }
        };
        Ok(Self {
            engine,
            size: risk.network().size(),
            examples: risk.data().len(),
            criterion: risk.criterion(),
            regularized: risk.criterion().regularizer.columns(risk.network()),
        })
    }

    /// Number of parameters S.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Number of examples N.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// Prepares the point `theta` `[S]`. Of a chain of dense layers the activations of all examples are kept as far as
    /// memory allows; all products at one point share them.
    ///
    /// # Errors
    /// When the sizes do not fit together.
    pub fn at(&self, theta: Vec<f64>) -> Result<CurvaturePoint> {
        self.check(theta.len())?;
        match &self.engine {
            Engine::Chain(chain) => CurvaturePoint::kept(chain, theta),
            Engine::Graph(_) => Ok(CurvaturePoint::bare(theta)),
        }
    }

    /// Writes the products of the matrix at `point` with the rows of `vectors` `[B, S]` over `out` `[B, S]`.
    ///
    /// # Errors
    /// When the sizes do not fit together.
    pub fn apply(
        &self,
        form: CurvatureForm,
        point: &CurvaturePoint,
        vectors: &[f64],
        out: &mut [f64],
    ) -> Result<()> {
        self.check(point.theta.len())?;
        if vectors.len() != out.len() || !vectors.len().is_multiple_of(self.size) {
            let expected = format!("{} as in the result, a multiple of {}", out.len(), self.size);
            return Err(Error::mismatch("vectors", expected, vectors.len()));
        }
        match &self.engine {
            Engine::Chain(chain) => chain.apply(form, point, vectors, out)?,
            Engine::Graph(graph) => graph.apply(form, &point.theta, vectors, out)?,
        }
        let curved = matches!(self.criterion.regularizer, Regularizer::L2 | Regularizer::L2Last);
        if self.criterion.kappa != 0. && curved && form != CurvatureForm::Fisher {
            for (out, v) in out.chunks_exact_mut(self.size).zip(vectors.chunks_exact(self.size)) {
                let columns = self.regularized.clone();
                let both = out[columns.clone()].iter_mut().zip(&v[columns]);
                both.for_each(|(out, v)| *out += 2. * self.criterion.kappa * v);
            }
        }
        Ok(())
    }

    fn check(&self, found: usize) -> Result<()> {
        match found == self.size {
            true => Ok(()),
            false => Err(Error::mismatch("parameters", self.size, found)),
        }
    }
}

impl fmt::Debug for ExactCurvature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, examples, criterion, .. } = self;
        write!(f, "ExactCurvature({size} parameters, {examples} examples, {criterion:?})")
    }
}
