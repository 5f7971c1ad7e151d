//! Training with the statistics of minibatches, and the running averages of them that PyTorch keeps.

use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Tensor};

use crate::{
    EmpiricalRisk, Error, Evaluation, Objective, Result, Rows, Span,
    engine::{Engine, Seen},
};

/// An objective for training steps, which keeps running averages of the statistics of each point's minibatches. An
/// evaluation with a gradient counts as a step.
pub trait TrainingObjective: Objective {
    /// The running statistics `[P, B]` in `f64`.
    ///
    /// # Errors
    /// An error of candle.
    fn buffers(&self) -> Result<Tensor>;

    /// Goes on from saved running statistics.
    ///
    /// # Errors
    /// When the shape differs.
    fn restore(&self, buffers: &Tensor) -> Result<()>;

    /// Keeps the given points only.
    fn keep(&self, points: &[u32]);
}

/// The share of a minibatch in the running averages, as PyTorch's `momentum`.
const SHARE: f64 = 0.1;

/// The training of an empirical risk with batch normalisation.
pub(crate) struct BatchTraining<'a> {
    risk: &'a EmpiricalRisk,
    /// The running statistics `[P, B]`.
    running: Mutex<Vec<f64>>,
}

impl<'a> BatchTraining<'a> {
    /// Starts with PyTorch's initial statistics: means 0 and variances 1.
    pub(crate) fn new(risk: &'a EmpiricalRisk, points: usize) -> Self {
        let mut row = vec![0.; risk.network().buffers().len()];
        for places in risk.network().batch_norms().filter_map(|norm| norm.running.as_ref()) {
            row[places.variance.clone()].fill(1.);
        }
        Self { risk, running: Mutex::new(row.repeat(points)) }
    }

    fn with<R>(&self, f: impl FnOnce(&mut Vec<f64>) -> R) -> R {
        f(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn width(&self) -> usize {
        self.risk.network().buffers().len()
    }

    /// Moves the running averages towards the statistics of a step.
    fn follow(&self, seen: &[f64]) {
        let width = self.width();
        self.with(|running| {
            for (row, seen) in running.chunks_exact_mut(width).zip(seen.chunks_exact(width)) {
                for places in self.risk.network().batch_norms().filter_map(|norm| norm.running.as_ref()) {
                    for i in places.mean.clone().chain(places.variance.clone()) {
                        row[i] += SHARE * (seen[i] - row[i]);
                    }
                    row[places.batches] += 1.;
                }
            }
        });
    }
}

impl Objective for BatchTraining<'_> {
    fn at(&self, theta: &Tensor, rows: Rows<'_>, gradient: Option<&mut Tensor>) -> Result<Vec<Evaluation>> {
        self.evaluate(&Span::stack(theta)?, rows, gradient)
    }

    fn evaluate(
        &self,
        span: &Span,
        rows: Rows<'_>,
        gradient: Option<&mut Tensor>,
    ) -> Result<Vec<Evaluation>> {
        let Engine::Normalised(engine) = self.risk.engine(span.vertices())? else {
            return self.risk.evaluate(span, rows, gradient);
        };
        rows.check(span.points(), self.examples())?;
        if gradient.is_none() {
            return engine.batch(span, rows, None, None);
        }
        let batch = rows.size(self.examples());
        if let Some(norm) = self.risk.network().batch_norms().find(|norm| batch * norm.positions < 2) {
            let what = format!("{norm}: values of a channel in a minibatch");
            return Err(Error::mismatch(what, "at least 2 for a variance", batch * norm.positions));
        }
        let mut statistics = vec![0.; span.points() * self.width()];
        let seen = Seen { statistics: &mut statistics, unbiased: true };
        let values = engine.batch(span, rows, gradient, Some(seen))?;
        self.follow(&statistics);
        Ok(values)
    }

    fn examples(&self) -> usize {
        self.risk.examples()
    }
}

impl TrainingObjective for BatchTraining<'_> {
    fn buffers(&self) -> Result<Tensor> {
        let rows = self.with(|running| running.clone());
        Ok(Tensor::from_vec(rows.clone(), (rows.len() / self.width(), self.width()), &Device::Cpu)?)
    }

    fn restore(&self, buffers: &Tensor) -> Result<()> {
        let rows = buffers.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        self.with(|running| {
            if rows.len() != running.len() {
                return Err(Error::mismatch("saved running statistics", running.len(), rows.len()));
            }
            *running = rows;
            Ok(())
        })
    }

    fn keep(&self, points: &[u32]) {
        let width = self.width();
        self.with(|running| {
            let kept = points.iter().flat_map(|&i| running[i as usize * width..][..width].to_vec()).collect();
            *running = kept;
        });
    }
}
