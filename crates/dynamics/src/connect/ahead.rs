//! Many steps of a curve at a time, with objectives that take them together.

use collado_risk::{Batches, Descent, NO_EXAMPLE, Objective, Path, Span};

use crate::{Optimizer, Result, Sampler};

/// An objective that takes steps of a curve together, and the curve's vertices.
pub(super) struct Ahead<'a> {
    objective: &'a dyn Objective,
    span: Span,
    pub(super) stride: u64,
}

impl<'a> Ahead<'a> {
    /// Nothing if the objective takes steps one by one.
    pub(super) fn new(
        objective: &'a dyn Objective,
        path: &Path,
        bends: usize,
        sampler: &Sampler,
        optimizer: &Optimizer,
    ) -> Result<Option<Self>> {
        let span = Span::stack(path.vertices())?.with_free(1..bends + 1);
        let Some(rule) = optimizer.step_rule() else { return Ok(None) };
        let middle = path.coefficients(0.5);
        let descent = Descent {
            rule,
            sizes: &[0.],
            done: 0,
            batches: batches(sampler, &[]),
            coefficients: Some(&middle),
        };
        let stride = objective.stride(&span, &descent);
        Ok(stride.map(|stride| Self { objective, span, stride: stride as u64 }))
    }

    /// Takes the steps from `step` on with these sizes, at points with these coefficients.
    pub(super) fn go(
        &self,
        sampler: &mut Sampler,
        optimizer: &mut Optimizer,
        step: u64,
        sizes: &[f64],
        coefficients: &[f64],
    ) -> Result<()> {
        let mut rows = Vec::new();
        if !sampler.is_full() {
            for i in step..step + sizes.len() as u64 {
                rows.extend_from_slice(sampler.batch(i));
                rows.resize(rows.len().next_multiple_of(sampler.size()), NO_EXAMPLE);
            }
        }
        let rule = optimizer.step_rule().expect("the objective takes such steps");
        let (memory, done) = optimizer.state();
        let descent =
            Descent { rule, sizes, done, batches: batches(sampler, &rows), coefficients: Some(coefficients) };
        self.objective.descend(&self.span, &descent, memory)?;
        optimizer.count(sizes.len() as u64);
        Ok(())
    }
}

fn batches<'a>(sampler: &Sampler, rows: &'a [u32]) -> Batches<'a> {
    if sampler.is_full() { Batches::All } else { Batches::Shared { rows, batch: sampler.size() } }
}
