use candle_core::Tensor;

use crate::{Result, Span};

/// Which examples a risk is taken over.
#[derive(Debug, Clone, Copy)]
pub enum Rows<'a> {
    /// All of them.
    All,
    /// One minibatch for all points.
    Shared(&'a [u32]),
    /// A minibatch for each point.
    Each {
        /// `[P, B]`, row-major.
        rows: &'a [u32],
        /// B.
        batch: usize,
    },
}

/// What an objective is at one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// $F(\theta)$ = loss + $\kappa R(\theta)$.
    pub risk: f64,
    /// The mean loss over the examples, without regulariser.
    pub loss: f64,
    /// Share of misclassified examples, a fraction; NaN where there are no classes.
    pub error: f64,
}

/// A risk $F:\mathbb R^S\to\mathbb R$ that answers for many points at once.
///
/// Dense networks on data, candle modules, and closed-form population risks all are objectives; training loops,
/// paths and curvature only know this trait.
pub trait Objective: Send + Sync {
    /// The values at all points of `span` over the examples `rows`; and, when `grad` is given, the gradient of
    /// $\sum_iF(\theta_i)$ with respect to the vertices, written over `grad`
    /// `[span.free().len(), S]` (row j is $\sum_ic_{ij}\nabla F(\theta_i)$; for a plain stack row i is
    /// $\nabla F(\theta_i)$). `grad` is contiguous.
    ///
    /// # Errors
    /// When sizes, dtype or device do not fit.
    fn evaluate(&self, span: &Span, rows: Rows<'_>, grad: Option<&Tensor>) -> Result<Vec<Evaluation>>;

    /// The values, and $v\gets\mu v+g$ with the gradient g that [`evaluate`](Self::evaluate) would write: the velocity
    /// of momentum, which an engine can add up without a g of its own. `keep` is μ.
    ///
    /// # Errors
    /// Those of [`evaluate`](Self::evaluate).
    fn accumulate(
        &self,
        span: &Span,
        rows: Rows<'_>,
        keep: f64,
        velocity: &Tensor,
    ) -> Result<Vec<Evaluation>> {
        let grad = velocity.zeros_like()?;
        let values = self.evaluate(span, rows, Some(&grad))?;
        velocity.slice_set(&((velocity * keep)? + grad)?, 0, 0)?;
        Ok(values)
    }

    /// Number of examples that minibatches are drawn from; 1 where there are none.
    fn examples(&self) -> usize {
        1
    }

    /// The risks of all points, over all examples.
    ///
    /// # Errors
    /// Those of [`evaluate`](Self::evaluate).
    fn risks(&self, span: &Span) -> Result<Vec<f64>> {
        Ok(self.evaluate(span, Rows::All, None)?.into_iter().map(|v| v.risk).collect())
    }
}
