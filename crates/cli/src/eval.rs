//! `collado eval`: risk, loss, error and gradient of checkpoints.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use collado_dynamics::gradient_norm;
use collado_risk::{Objective, Rows, Span};
use serde::Serialize;

use crate::{
    args::{Common, DataArgs, NetworkArgs},
    failure::Failure,
    json::print,
    place,
    record::RunStatus,
    shown::{error, risk, significant},
    task,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct EvalArgs {
    /// Checkpoints, or folders of runs.
    #[arg(required = true)]
    pub(crate) checkpoints: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// The values of all checkpoints.
#[derive(Serialize)]
struct Summary {
    checkpoints: Vec<Row>,
}

/// The values of one checkpoint; those of the test rows where there are any.
#[derive(Serialize)]
struct Row {
    checkpoint: String,
    risk: f64,
    train_loss: f64,
    train_error: f64,
    test_loss: Option<f64>,
    test_error: Option<f64>,
    /// The norm of the gradient of the risk on the training rows, in F64: 0 at a minimum. It is computed for dense
    /// networks.
    gradient_norm: Option<f64>,
}

/// Prints risk, loss, error and gradient norm of checkpoints, all but the last evaluated as one stack.
pub(crate) fn run(args: &EvalArgs) -> Result<(), Failure> {
    let files = place::all(&args.checkpoints)?;
    let (stack, buffers, task) = task::open_stack(&files, &args.network, &args.data, &args.common)?;
    let span = Span::stack(&stack)?;
    let span = match &buffers {
        Some(rows) => span.with_buffers(rows)?,
        None => span,
    };
    let train = task.train.evaluate(&span, Rows::All, None)?;
    let test = task.test.as_ref().map(|t| t.evaluate(&span, Rows::All, None)).transpose()?;
    let gradient = |i| match task.train.network().chain() {
        Some(_) => Ok::<_, Failure>(Some(gradient_norm(&task.train, &stack.get(i)?)?.1)),
        None => Ok(None),
    };
    let norms = (0..files.len()).map(gradient).collect::<Result<Vec<_>, _>>()?;
    let row = |(i, file): (usize, &PathBuf)| {
        let test = test.as_ref().map(|t| t[i]);
        Row {
            checkpoint: file.display().to_string(),
            risk: train[i].risk,
            train_loss: train[i].loss,
            train_error: train[i].error,
            test_loss: test.map(|v| v.loss),
            test_error: test.map(|v| v.error),
            gradient_norm: norms[i],
        }
    };
    let summary = Summary { checkpoints: files.iter().enumerate().map(row).collect() };
    args.common.show(&args.common.run.describe(&summary, RunStatus::Finished), || summary.print());
    Ok(())
}

impl Summary {
    fn print(&self) {
        print(&format!(
            "{:>12} {:>12} {:>9} {:>12} {:>9} {:>10}  checkpoint",
            "risk", "train loss", "error %", "test loss", "error %", "‖∇F‖"
        ));
        for row in &self.checkpoints {
            print(&format!(
                "{:>12} {:>12} {:>9} {:>12} {:>9} {:>10}  {}",
                risk(row.risk),
                risk(row.train_loss),
                error(row.train_error),
                row.test_loss.map_or("-".into(), risk),
                error(row.test_error.unwrap_or(f64::NAN)),
                row.gradient_norm.map_or("-".into(), |norm| significant(norm, 3)),
                row.checkpoint
            ));
        }
    }
}
