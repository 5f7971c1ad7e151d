//! Many steps at a time, with objectives that take them together.

use std::{cell::RefCell, ops::Range};

use collado_risk::{Batches, Descent, Draw, NO_EXAMPLE, Span};
use rayon::prelude::*;

use super::stack::{Stack, Update};
use crate::{Result, Sampler};

impl Stack<'_> {
    /// How many steps the objective takes at a time; `None` where it takes them one by one.
    pub(super) fn stride(&self, span: &Span) -> Option<usize> {
        let Update::Rule(optimizer) = &self.update else { return None };
        if self.training.is_some() {
            return None;
        }
        let sampler = self.samplers.first()?;
        let batches = match sampler.is_full() {
            true => Batches::All,
            false => Batches::Each { rows: &[], batch: sampler.size() },
        };
        let descent =
            Descent { rule: optimizer.step_rule()?, sizes: &[0.], done: 0, batches, coefficients: None };
        self.objective.stride(span, &descent)
    }

    /// Takes `count` steps.
    pub(super) fn go_ahead(&mut self, span: &Span, count: u64) -> Result<()> {
        let Update::Rule(optimizer) = &mut self.update else { unreachable!("L-BFGS goes step by step") };
        let steps = self.steps..self.steps + count;
        let rate = |step| self.settings.lr * self.settings.schedule.factor(step, self.total);
        let sizes: Vec<f64> = steps.clone().map(rate).collect();
        let (full, batch) = (self.samplers[0].is_full(), self.samplers[0].size());
        let samplers = RefCell::new(&mut self.samplers);
        let draw = |range: Range<usize>, out: &mut [u32]| {
            let step = |i: usize| steps.start + i as u64;
            table(&mut samplers.borrow_mut(), step(range.start)..step(range.end), out);
        };
        let batches = match full {
            true => Batches::All,
            false => Batches::Drawn { draw: Draw(&draw), batch },
        };
        let rule = optimizer.step_rule().expect("the objective takes such steps");
        let (memory, done) = optimizer.state();
        let descent = Descent { rule, sizes: &sizes, done, batches, coefficients: None };
        self.objective.descend(span, &descent, memory)?;
        optimizer.count(count);
        self.steps += count;
        Ok(())
    }
}

/// Writes the minibatches `[steps][P][B]`.
fn table(samplers: &mut [Sampler], steps: Range<u64>, out: &mut [u32]) {
    let batch = samplers[0].size();
    let (each, per_epoch) = (samplers.len() * batch, samplers[0].steps_per_epoch());
    let mut first = steps.start;
    while first < steps.end {
        let end = ((first / per_epoch + 1) * per_epoch).min(steps.end);
        samplers.par_iter_mut().for_each(|sampler| sampler.prepare(first));
        let from = (first - steps.start) as usize * each;
        let part = &mut out[from..from + (end - first) as usize * each];
        part.par_chunks_mut(each).with_min_len((1 << 14) / each + 1).enumerate().for_each(|(i, out)| {
            for (out, sampler) in out.chunks_exact_mut(batch).zip(&*samplers) {
                let rows = sampler.prepared(first + i as u64);
                out[..rows.len()].copy_from_slice(rows);
                out[rows.len()..].fill(NO_EXAMPLE);
            }
        });
        first = end;
    }
}
