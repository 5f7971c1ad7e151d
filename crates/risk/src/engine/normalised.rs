//! The risk of a network with batch normalisation: which statistics an engine is to use.

use candle_core::{DType, Device, Tensor};

use super::Engine;
use crate::{EmpiricalRisk, Error, Evaluation, Result, Rows, Span, Statistics};

/// An engine for networks with batch normalisation. Statistics are rows `[P, B]` in the order of
/// [`Network::buffers`](collado_models::Network::buffers), in `f64`; numbers of batches in them have no meaning.
pub(crate) trait Normalised: Send + Sync {
    /// The values with the given statistics, which are constants for the gradient.
    fn given(
        &self,
        span: &Span,
        rows: Rows<'_>,
        statistics: &[f64],
        gradient: Option<&mut Tensor>,
    ) -> Result<Vec<Evaluation>>;

    /// The values with the statistics of the examples of each point's minibatch, through which the gradient goes.
    fn batch(
        &self,
        span: &Span,
        rows: Rows<'_>,
        gradient: Option<&mut Tensor>,
        seen: Option<Seen<'_>>,
    ) -> Result<Vec<Evaluation>>;

    /// The values over all examples with the statistics of the reference rows, through which the gradient goes.
    fn population(&self, span: &Span, gradient: &mut Tensor) -> Result<Vec<Evaluation>>;

    /// The statistics of these rows of the *reference* examples as one batch: means and biased or unbiased variances.
    fn statistics(&self, span: &Span, rows: &[u32], unbiased: bool) -> Result<Vec<f64>>;
}

/// A place for the statistics of minibatches.
pub(crate) struct Seen<'a> {
    /// The statistics `[P, B]`.
    pub(crate) statistics: &'a mut [f64],
    /// Whether variances are wanted unbiased, as PyTorch keeps them.
    pub(crate) unbiased: bool,
}

impl EmpiricalRisk {
    /// The values under the rule for the statistics.
    pub(super) fn normalised(
        &self,
        engine: &dyn Normalised,
        span: &Span,
        rows: Rows<'_>,
        gradient: Option<&mut Tensor>,
    ) -> Result<Vec<Evaluation>> {
        let is_all = matches!(rows, Rows::All);
        match (self.statistics(), gradient) {
            (Statistics::Interpolate, gradient) => {
                engine.given(span, rows, &self.interpolated(span)?, gradient)
            }
            (_, gradient) if !is_all => engine.batch(span, rows, gradient, None),
            (Statistics::Train { batch }, gradient) => self.by_batches(engine, span, batch, gradient),
            (Statistics::Population, gradient) if self.is_its_own_reference() => {
                engine.batch(span, rows, gradient, None)
            }
            (Statistics::Population, Some(gradient)) => engine.population(span, gradient),
            (rule @ (Statistics::Garipov { .. } | Statistics::Repair { .. }), Some(_)) => {
                Err(Error::Unsupported { what: "a gradient", found: format!("the statistics {rule}") })
            }
            (_, None) => engine.given(span, rows, &self.recomputed_by(engine, span)?, None),
        }
    }

    /// The statistics `[P, B]` that the rule takes over reference rows.
    fn recomputed_by(&self, engine: &dyn Normalised, span: &Span) -> Result<Vec<f64>> {
        let rows = self.reference_rows();
        let (batch, by_size) = match self.statistics() {
            Statistics::Garipov { batch } => (batch, true),
            Statistics::Repair { batch } => (batch, false),
            _ => return engine.statistics(span, &rows, false),
        };
        let batches = rows.chunks(batch);
        let (count, total) = (batches.len() as f64, rows.len() as f64);
        let mut mean: Vec<f64> = Vec::new();
        for batch in batches {
            let share = if by_size { batch.len() as f64 / total } else { count.recip() };
            let part = engine.statistics(span, batch, true)?;
            mean.resize(part.len(), 0.);
            mean.iter_mut().zip(part).for_each(|(mean, part)| *mean += share * part);
        }
        Ok(mean)
    }

    /// The mean over minibatches of the examples in their order, each with its own statistics.
    fn by_batches(
        &self,
        engine: &dyn Normalised,
        span: &Span,
        batch: usize,
        mut gradient: Option<&mut Tensor>,
    ) -> Result<Vec<Evaluation>> {
        let all: Vec<u32> = (0..self.data().len() as u32).collect();
        let mut values = vec![Evaluation { risk: 0., loss: 0., error: 0. }; span.points()];
        let mut sum: Option<Tensor> = None;
        for rows in all.chunks(if batch == 0 { all.len() } else { batch }) {
            let share = rows.len() as f64 / all.len() as f64;
            let mut part = gradient.as_deref().map(Tensor::zeros_like).transpose()?;
            let found = engine.batch(span, Rows::Shared(rows), part.as_mut(), None)?;
            for (value, found) in values.iter_mut().zip(found) {
                value.risk += share * found.risk;
                value.loss += share * found.loss;
                value.error += share * found.error;
            }
            sum = match (sum, part) {
                (Some(sum), Some(part)) => Some((sum + (part * share)?)?),
                (None, Some(part)) => Some((part * share)?),
                (sum, None) => sum,
            };
        }
        if let (Some(gradient), Some(sum)) = (gradient.as_mut(), sum) {
            gradient.slice_set(&sum, 0, 0)?;
        }
        Ok(values)
    }

    /// The running statistics `[P, B]` of the points.
    fn interpolated(&self, span: &Span) -> Result<Vec<f64>> {
        let rows = match (span.buffers()?, self.buffers()) {
            (Some(rows), _) => rows,
            (None, Some(row)) => row.broadcast_as((span.points(), row.dims()[1]))?,
            (None, None) => {
                let what = "running statistics of the points, for the rule 'interpolate'";
                return Err(Error::mismatch(what, "a row for each", "none"));
            }
        };
        let (found, expected) = (rows.dims2()?.1, self.network().buffers().len());
        if found != expected {
            return Err(Error::mismatch("running statistics of a point", expected, found));
        }
        Ok(rows.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
    }

    /// The running statistics `[P, B]` that PyTorch would have at the points `theta` `[P, S]` after a pass over the
    /// reference rows as one batch: means, unbiased variances, and one batch seen. A network without batch
    /// normalisation has none.
    ///
    /// # Errors
    /// The errors of the engine.
    pub fn running_statistics(&self, theta: &Tensor) -> Result<Option<Tensor>> {
        let Engine::Normalised(engine) = self.engine(theta)? else { return Ok(None) };
        let span = Span::stack(theta)?;
        let rows = engine.statistics(&span, &self.reference_rows(), true)?;
        let shape = (span.points(), self.network().buffers().len());
        Ok(Some(Tensor::from_vec(rows, shape, &Device::Cpu)?))
    }
}
