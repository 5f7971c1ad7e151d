//! The trait [`Objective`]: a risk that can be evaluated at many points at once.

use std::ops::Range;

use candle_core::Tensor;

use crate::{Descent, Error, Result, Span, TrainingObjective};

/// The examples that a risk is averaged over.
#[derive(Debug, Clone, Copy)]
pub enum Rows<'a> {
    /// All examples.
    All,
    /// One minibatch for all points.
    Shared(&'a [u32]),
    /// A minibatch for each point.
    Each {
        /// The minibatches `[P, B]`, row-major.
        rows: &'a [u32],
        /// The number B of examples in a minibatch.
        batch: usize,
    },
}

impl<'a> Rows<'a> {
    /// The minibatch of point `i`; `None` means all examples.
    pub fn of(self, i: usize) -> Option<&'a [u32]> {
        match self {
            Rows::All => None,
            Rows::Shared(rows) => Some(rows),
            Rows::Each { rows, batch } => Some(&rows[i * batch..(i + 1) * batch]),
        }
    }

    /// The number of examples that each point is evaluated on, of `examples` in all.
    pub(crate) fn size(self, examples: usize) -> usize {
        match self {
            Rows::All => examples,
            Rows::Shared(rows) => rows.len(),
            Rows::Each { batch, .. } => batch,
        }
    }

    /// The minibatches of some of the points.
    pub(crate) fn range(self, points: Range<usize>) -> Self {
        match self {
            Rows::Each { rows, batch } => {
                Rows::Each { rows: &rows[points.start * batch..points.end * batch], batch }
            }
            shared => shared,
        }
    }

    /// Checks that the minibatches fit `points` points and `examples` examples.
    ///
    /// # Errors
    /// When a minibatch is empty, has another size, or names an example that does not exist.
    pub fn check(self, points: usize, examples: usize) -> Result<()> {
        let indices = match self {
            Rows::All => return Ok(()),
            Rows::Shared(rows) => rows,
            Rows::Each { rows, batch } if rows.len() == points * batch => rows,
            Rows::Each { rows, batch } => {
                return Err(Error::mismatch("minibatch indices", format!("{points} x {batch}"), rows.len()));
            }
        };
        match indices.iter().find(|&&i| i as usize >= examples) {
            _ if indices.is_empty() => Err(Error::mismatch("minibatch", "at least one example", "none")),
            Some(i) => Err(Error::mismatch("minibatch index", format!("less than {examples}"), i)),
            None => Ok(()),
        }
    }
}

/// The values of an objective at one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// The risk $F(\theta)$ = loss + $\kappa R(\theta)$.
    pub risk: f64,
    /// The mean loss over the examples, without regulariser.
    pub loss: f64,
    /// The share of misclassified examples, as a fraction; NaN where there are no classes.
    pub error: f64,
}

impl From<f64> for Evaluation {
    /// The values of a risk that is not a mean over examples with classes.
    fn from(risk: f64) -> Self {
        Self { risk, loss: risk, error: f64::NAN }
    }
}

/// A risk $F:\mathbb R^S\to\mathbb R$ that is evaluated at many points at once.
///
/// Networks on data, candle modules and closed-form population risks are objectives; training loops, paths and
/// curvature only use this trait. A new objective has to implement [`at`](Self::at), and [`examples`](Self::examples)
/// if it has minibatches. The other methods are provided; engines override them to be faster.
pub trait Objective: Send + Sync {
    /// The values at the rows of `theta` `[P, S]` over the examples `rows`. Where `gradient` is given, its row i
    /// becomes $\nabla F(\theta_i)$: it has the shape, dtype and device of `theta`, and may be written or replaced.
    ///
    /// # Errors
    /// When sizes, dtypes or devices do not fit together.
    fn at(&self, theta: &Tensor, rows: Rows<'_>, gradient: Option<&mut Tensor>) -> Result<Vec<Evaluation>>;

    /// The values at all points of `span`. Where `gradient` `[span.free().len(), S]` is given, it becomes the gradient
    /// of $\sum_iF(\theta_i)$ with respect to the free vertices: row j is $\sum_ic_{ij}\nabla F(\theta_i)$, for a plain
    /// stack $\nabla F(\theta_j)$. It is written in place.
    ///
    /// # Errors
    /// The errors of [`at`](Self::at).
    fn evaluate(
        &self,
        span: &Span,
        rows: Rows<'_>,
        gradient: Option<&mut Tensor>,
    ) -> Result<Vec<Evaluation>> {
        rows.check(span.points(), self.examples())?;
        let theta = span.materialize()?;
        let Some(gradient) = gradient else { return self.at(&theta, rows, None) };
        let mut slopes = theta.zeros_like()?;
        let values = self.at(&theta, rows, Some(&mut slopes))?;
        span.pull_back(&slopes, gradient)?;
        Ok(values)
    }

    /// The values, and $v\gets\mu v+g$ with the gradient g that [`evaluate`](Self::evaluate) would write: the velocity
    /// of momentum, which an engine can add up without a g of its own. `keep` is μ.
    ///
    /// # Errors
    /// The errors of [`evaluate`](Self::evaluate).
    fn accumulate(
        &self,
        span: &Span,
        rows: Rows<'_>,
        keep: f64,
        velocity: &mut Tensor,
    ) -> Result<Vec<Evaluation>> {
        let mut gradient = velocity.zeros_like()?;
        let values = self.evaluate(span, rows, Some(&mut gradient))?;
        velocity.slice_set(&((&*velocity * keep)? + gradient)?, 0, 0)?;
        Ok(values)
    }

    /// How many steps like those of `descent` [`descend`](Self::descend) takes well at a time; `None` where it takes none,
    /// so that a caller goes step by step.
    fn stride(&self, _span: &Span, _descent: &Descent<'_>) -> Option<usize> {
        None
    }

    /// Waits for the steps of all [descents](Self::descend), which may go on after these calls.
    ///
    /// # Errors
    /// What went wrong in the meantime.
    fn settle(&self) -> Result<()> {
        Ok(())
    }

    /// Takes all steps of `descent` with the free vertices of `span`, in place, and with `memory`, which is what the rule
    /// remembers of them: nothing or the velocity, or two moments, `[span.free().len(), S]` each.
    ///
    /// # Errors
    /// When the objective [takes no steps](Self::stride), and the errors of [`evaluate`](Self::evaluate).
    fn descend(&self, _span: &Span, descent: &Descent<'_>, _memory: &[Tensor]) -> Result<()> {
        Err(Error::Unsupported { what: "many steps at a time", found: format!("{:?}", descent.rule) })
    }

    /// Number of examples that minibatches are drawn from; 1 where there are no examples.
    fn examples(&self) -> usize {
        1
    }

    /// The objective that training steps of `points` points follow, where it is another than this one: networks with
    /// batch normalisation are trained with the statistics of minibatches, and keep running averages of them.
    ///
    /// # Errors
    /// The errors of the objective.
    fn training(&self, _points: usize) -> Result<Option<Box<dyn TrainingObjective + '_>>> {
        Ok(None)
    }

    /// The risks of all points, over all examples.
    ///
    /// # Errors
    /// The errors of [`evaluate`](Self::evaluate).
    fn risks(&self, span: &Span) -> Result<Vec<f64>> {
        Ok(self.evaluate(span, Rows::All, None)?.into_iter().map(|v| v.risk).collect())
    }
}
