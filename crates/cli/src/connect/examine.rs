//! What is said of the two ends before they are connected.

use std::path::{Path, PathBuf};

use candle_core::{DType, Tensor};
use collado_risk::{Evaluation, Objective, Rows, Span};

use crate::{
    args::Common,
    failure::Failure,
    search::Ends,
    shown::{risk, significant},
    task::Task,
};

/// A gradient above this share of 1 + F is not that of a minimum; in F32 its error is about a tenth of it.
const FLAT: f64 = 1e-5;

/// Refuses ends whose risk overflows, since then no path has a barrier, and notes ends that are no minima or worse than a
/// constant prediction.
pub(super) fn examine(task: &Task, ends: &Ends, files: &[PathBuf], common: &Common) -> Result<(), Failure> {
    let stack = Tensor::stack(&[&ends.a, &ends.b], 0)?;
    let span = match &ends.buffers {
        [Some(a), Some(b)] => Span::stack(&stack)?.with_buffers(&Tensor::stack(&[a, b], 0)?)?,
        _ => Span::stack(&stack)?,
    };
    // Gradients of dense networks are cheap.
    let mut gradient = stack.zeros_like()?;
    let wanted = task.train.network().chain().map(|_| &mut gradient);
    let values = task.train.evaluate(&span, Rows::All, wanted)?;
    let norms = gradient.to_dtype(DType::F64)?.sqr()?.sum(1)?.sqrt()?.to_vec1::<f64>()?;
    for ((value, norm), file) in values.iter().zip(norms).zip(files) {
        if !value.risk.is_finite() {
            let (file, found) = (file.display(), value.risk);
            let message = format!("{file}: expected a finite risk in {:?}, found {found}", task.dtype);
            return Err(Failure::new(message).hint("--dtype f64 reaches farther than f32"));
        }
        note_worse_than_constant(task, value, file, common);
        if norm > FLAT * (1. + value.risk) {
            let norm = significant(norm, 3);
            common.note(format!(
                "{} is no minimum: the gradient of the risk has norm {norm} there; train --finish goes on to a minimum",
                file.display()
            ));
        }
    }
    Ok(())
}

fn note_worse_than_constant(task: &Task, value: &Evaluation, file: &Path, common: &Common) {
    let outputs = task.arch.outputs();
    let constant = task.train.data().targets().constant_loss(task.criterion.loss, outputs);
    if value.loss <= constant {
        return;
    }
    common.note(format!(
        "{}: its loss is {}, that of the best constant prediction {}: are the data prepared as in training? is the \
         architecture right?",
        file.display(),
        risk(value.loss),
        risk(constant)
    ));
}
