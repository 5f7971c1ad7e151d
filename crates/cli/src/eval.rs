//! `collado eval`: risk, loss and error of checkpoints.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use collado_risk::{Objective, Rows, Span};
use serde_json::json;

use crate::{
    args::{Common, DataArgs, NetworkArgs},
    failure::Failure,
    json::{number, print},
    place,
    shown::{error, risk},
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

/// Prints risk, loss and error of checkpoints, all evaluated as one stack.
pub(crate) fn run(args: &EvalArgs) -> Result<(), Failure> {
    let files = place::all(&args.checkpoints)?;
    let (stack, task) = task::open_stack(&files, &args.network, &args.data, &args.common)?;
    let span = Span::stack(&stack)?;
    let train = task.train.evaluate(&span, Rows::All, None)?;
    let test = task.test.as_ref().map(|t| t.evaluate(&span, Rows::All, None)).transpose()?;
    let results: Vec<_> = files.iter().enumerate().map(|(i, path)| {
        let test = test.as_ref().map(|t| t[i]);
        json!({
            "checkpoint": path.display().to_string(),
            "risk": number(train[i].risk), "train_loss": number(train[i].loss), "train_error": number(train[i].error),
            "test_loss": test.map(|v| number(v.loss)), "test_error": test.map(|v| number(v.error)),
        })
    }).collect();
    let mut summary = json!({"checkpoints": results});
    args.common.run.describe(&mut summary, "finished");
    args.common.show(&summary, || {
        print(&format!(
            "{:>12} {:>12} {:>9} {:>12} {:>9}  checkpoint",
            "risk", "train loss", "error %", "test loss", "error %"
        ));
        for (i, path) in files.iter().enumerate() {
            let (a, b) = (train[i], test.as_ref().map(|t| t[i]));
            let (test_loss, test_error) = b.map_or(("-".into(), f64::NAN), |b| (risk(b.loss), b.error));
            print(&format!(
                "{:>12} {:>12} {:>9} {:>12} {:>9}  {}",
                risk(a.risk),
                risk(a.loss),
                error(a.error),
                test_loss,
                error(test_error),
                path.display()
            ));
        }
    });
    Ok(())
}
