//! Evaluation of a section at the points of a grid, in chunks, with a saved state.

use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use collado_landscape::Section;
use collado_risk::{Evaluation, Objective, Rows};

use super::shared::SharedArgs;
use crate::{
    failure::Failure,
    folder::Folder,
    progress,
    state::{State, Tensors, missing},
    task::Task,
};

/// Number of points of one call, enough to share the first layer's products.
const CHUNK: usize = 256;

/// The values at the points of a grid, in one column for each quantity.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sampled {
    pub(super) risk: Vec<f64>,
    pub(super) loss: Vec<f64>,
    pub(super) error: Vec<f64>,
    pub(super) test_loss: Vec<f64>,
    pub(super) test_error: Vec<f64>,
}

impl Sampled {
    pub(super) const NAMES: [&'static str; 5] = ["risk", "loss", "error", "test_loss", "test_error"];

    pub(super) fn columns(&self) -> [&[f64]; 5] {
        [&self.risk, &self.loss, &self.error, &self.test_loss, &self.test_error]
    }

    fn push(&mut self, train: Evaluation, test: Option<Evaluation>) {
        self.risk.push(train.risk);
        self.loss.push(train.loss);
        self.error.push(train.error);
        self.test_loss.push(test.map_or(f64::NAN, |v| v.loss));
        self.test_error.push(test.map_or(f64::NAN, |v| v.error));
    }

    pub(super) fn len(&self) -> usize {
        self.risk.len()
    }

    /// The values of the points `from..to`.
    pub(super) fn slice(&self, from: usize, to: usize) -> Self {
        let cut = |c: &[f64]| c[from..to].to_vec();
        let [risk, loss, error, test_loss, test_error] = self.columns().map(cut);
        Self { risk, loss, error, test_loss, test_error }
    }
}

/// Evaluates the section at `points` `[P, D]` on training and test rows; goes on from a saved state with `--resume`,
/// and saves one when interrupted.
pub(super) fn sample(
    folder: &Folder,
    shared: &SharedArgs,
    task: &Task,
    section: &Section,
    points: &[f64],
) -> Result<Sampled, Failure> {
    let total = points.len() / section.dims();
    let state = folder.state("grid.safetensors");
    let saved = state.read(|(), tensors| parse(&tensors))?;
    let mut done = saved.unwrap_or_default();
    let bar = progress::bar("section", shared.common.quiet);
    bar.set_length(total as u64);
    let mut saved = Instant::now();
    while done.len() < total {
        let from = done.len();
        let to = (from + CHUNK).min(total);
        let span = section.span(&points[from * section.dims()..to * section.dims()])?;
        let train = task.train.evaluate(&span, Rows::All, None)?;
        let test = task.test.as_ref().map(|t| t.evaluate(&span, Rows::All, None)).transpose()?;
        for (i, &value) in train.iter().enumerate() {
            done.push(value, test.as_ref().map(|t| t[i]));
        }
        bar.set_position(to as u64);
        let interrupted = progress::interrupted() && to < total;
        if interrupted || saved.elapsed() > Duration::from_secs(20) {
            write(&state, &done)?;
            saved = Instant::now();
        }
        if interrupted {
            let message = format!("interrupted at {to} of {total} points; what was computed is saved");
            return Err(Failure::interrupted(message).hint("--resume goes on from here"));
        }
    }
    bar.finish_and_clear();
    Ok(done)
}

fn parse(tensors: &Tensors) -> candle_core::Result<Sampled> {
    let column = |name: &str| tensors.get(name).ok_or_else(missing)?.to_vec1();
    let [risk, loss, error, test_loss, test_error] = Sampled::NAMES.map(column);
    let found =
        Sampled { risk: risk?, loss: loss?, error: error?, test_loss: test_loss?, test_error: test_error? };
    if found.columns().iter().any(|c| c.len() != found.len()) { Err(missing()) } else { Ok(found) }
}

fn write(state: &State, done: &Sampled) -> Result<(), Failure> {
    let columns = Sampled::NAMES.into_iter().zip(done.columns());
    let columns =
        columns.map(|(name, c)| Ok((name.to_owned(), Tensor::from_slice(c, c.len(), &Device::Cpu)?)));
    Ok(state.write(&(), columns.collect::<candle_core::Result<Vec<_>>>()?)?)
}
