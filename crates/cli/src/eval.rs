use candle_core::Tensor;
use collado_models::{Checkpoint, Objective, Rows, Span};
use serde_json::json;

use crate::{
    args::EvalArgs,
    failure::Failure,
    json::{number, print},
    task::{Task, read_like},
};

/// Prints risk, loss and error of checkpoints, all evaluated as one stack.
pub(crate) fn run(args: &EvalArgs) -> Result<(), Failure> {
    let first = Checkpoint::read(&args.checkpoints[0], args.arch.as_ref())?;
    let task = Task::for_arch(&args.data, &args.common, &first.arch, &first.provenance)?;
    let mut rows = vec![first.theta.to_dtype(task.dtype)?];
    for path in &args.checkpoints[1..] {
        rows.push(read_like(path, args.arch.as_ref(), &first)?.theta.to_dtype(task.dtype)?);
    }
    let stack = Tensor::stack(&rows, 0)?;
    let span = Span::stack(&stack)?;
    let train = task.train.evaluate(&span, Rows::All, None)?;
    let test = task.test.as_ref().map(|t| t.evaluate(&span, Rows::All, None)).transpose()?;
    let results: Vec<_> = args.checkpoints.iter().enumerate().map(|(i, path)| {
        let test = test.as_ref().map(|t| t[i]);
        json!({
            "checkpoint": path.display().to_string(),
            "risk": number(train[i].risk), "train_loss": number(train[i].loss), "train_error": number(train[i].error),
            "test_loss": test.map(|v| number(v.loss)), "test_error": test.map(|v| number(v.error)),
        })
    }).collect();
    if args.common.json {
        print(&json!({"checkpoints": results}).to_string());
        return Ok(());
    }
    print(&format!(
        "{:>12} {:>12} {:>9} {:>12} {:>9}  checkpoint",
        "risk", "train loss", "error %", "test loss", "error %"
    ));
    for (i, path) in args.checkpoints.iter().enumerate() {
        let (a, b) = (train[i], test.as_ref().map(|t| t[i]));
        let (loss, error) = b.map_or((f64::NAN, f64::NAN), |b| (b.loss, b.error));
        print(&format!(
            "{:>12.6} {:>12.6} {:>9.2} {:>12.6} {:>9.2}  {}",
            a.risk,
            a.loss,
            100. * a.error,
            loss,
            100. * error,
            path.display()
        ));
    }
    Ok(())
}
