use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use candle_core::{DType, Tensor};
use clap::{Args as ClapArgs, ValueEnum};
use collado_dynamics::{Align, Aligned, Connect, Linear, Matching, Problem, Repair, profile};
use collado_models::{Checkpoint, Loss, Objective, Regularizer, Span};
use serde_json::{Value as Json, json};

use crate::{
    args::{Common, DataArgs, Dtype, NetworkArgs, Out},
    cast,
    failure::Failure,
    folder,
    json::{self, number, print},
    shown::risk_in,
    task::Task,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct AlignArgs {
    /// The network that stays as it is.
    #[arg(long)]
    a: PathBuf,
    /// The network that is permuted and rescaled onto A.
    #[arg(long)]
    b: PathBuf,
    #[command(flatten)]
    network: NetworkArgs,
    /// What is compared: weights, or activations on the data.
    #[arg(long, default_value = "weights")]
    method: Method,
    /// Data for activation matching, for the check of outputs and for the risks, as digits or mnist:DIR.
    #[arg(long)]
    data: Option<collado_data::Spec>,
    /// Loss: squared, cross-entropy or logistic [default: the checkpoint's, else by the outputs].
    #[arg(long)]
    loss: Option<Loss>,
    /// Weight of the regulariser.
    #[arg(long, default_value_t = 0.)]
    kappa: f64,
    /// R of loss + kappa R: l2, l1-last or l2-last.
    #[arg(long, default_value = "l2")]
    regularizer: Regularizer,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    Weights,
    Activations,
}

/// Points of the straight lines whose barriers are reported.
const POINTS: usize = 9;

/// Aligns B to A.
pub(crate) fn run(args: &AlignArgs) -> Result<(), Failure> {
    let a = args.network.read(&args.a, &args.common)?;
    let b = args.network.read_like(&args.b, &a, &args.common)?;
    if args.data.is_none() && (args.kappa != 0. || args.method == Method::Activations) {
        return Err(Failure::usage("--kappa and --method activations need --data"));
    }
    let task = match &args.data {
        None => None,
        Some(data) => {
            let (data, regularizer) = (data.clone(), args.regularizer);
            let data = DataArgs { data, loss: args.loss, kappa: args.kappa, regularizer };
            Some(Task::for_arch(&data, &args.common, &a.arch, &a.provenance)?)
        }
    };
    let folder = folder::create(&args.out, &["summary.json", "aligned.safetensors"])?;
    let matching = if args.method == Method::Weights { Matching::Weights } else { Matching::Activations };
    let align = Align { matching, seed: args.common.seed, ..Align::default() };
    let dtype = match args.common.dtype {
        Some(Dtype::F64) => DType::F64,
        Some(Dtype::F32) => DType::F32,
        None => b.theta.dtype(),
    };
    let theta = cast::parameters(&b.theta, dtype, &b.arch, &args.b)?;
    let start = Instant::now();
    let aligned = align.align(&a.arch, &a.theta, &theta, task.as_ref().map(|t| &t.data.train.inputs))?;
    let seconds = start.elapsed().as_secs_f64();
    let mut summary = summary(&aligned, seconds);
    if let Some(task) = &task {
        let a = task.place(&a.theta, &args.a)?;
        let [b, near] = [task.place(&b.theta, &args.b)?, task.place(&aligned.theta, &args.b)?];
        summary["risk"] = risks(task, &b, &near)?;
        summary["barrier_above_ends"] = barriers(task, &a, &b, &near)?;
    }
    write(args, [&a, &b], &aligned, &folder.join("aligned.safetensors"))?;
    json::write(&folder.join("summary.json"), &summary)?;
    report(args, &summary);
    Ok(())
}

/// Writes B as aligned, with the files that it was made from.
fn write(args: &AlignArgs, [a, b]: [&Checkpoint; 2], aligned: &Aligned, to: &Path) -> Result<(), Failure> {
    let mut provenance = b.provenance.clone();
    provenance.command = std::env::args().collect();
    let file = |path: &Path, hash: &Option<String>| json!({"file": path.display().to_string(), "hash": hash});
    provenance.extra.insert("aligned".into(), file(&args.b, &b.hash));
    provenance.extra.insert("aligned_to".into(), file(&args.a, &a.hash));
    let (arch, theta) = (b.arch.clone(), aligned.theta.clone());
    Ok(Checkpoint { arch, theta, provenance, hash: None }.write(to)?)
}

pub(crate) fn summary(aligned: &Aligned, seconds: f64) -> Json {
    json!({
        "permutations": aligned.symmetry.permutations(),
        "max_output_difference": number(aligned.difference.absolute),
        "max_output_difference_relative": number(aligned.difference.relative),
        "distance_before": number(aligned.distance_before),
        "distance_after": number(aligned.distance_after),
        "balanced_distance": number(aligned.balanced_distance),
        "ambiguous": aligned.ambiguous,
        "seconds": number(seconds),
    })
}

/// F of B before and after: rescaling changes the regulariser.
fn risks(task: &Task, b: &Tensor, near: &Tensor) -> Result<Json, Failure> {
    let risks = task.train.risks(&Span::stack(&Tensor::stack(&[b, near], 0)?)?)?;
    Ok(json!({"b": number(risks[0]), "aligned": number(risks[1])}))
}

/// Sampled barriers of the straight line to B, to B aligned, and of the latter with REPAIR.
fn barriers(task: &Task, a: &Tensor, b: &Tensor, near: &Tensor) -> Result<Json, Failure> {
    let repair = Repair { arch: &task.arch, data: &task.data.train.inputs, rows: 10_000, knots: POINTS };
    let height = |method: &dyn Connect, b: &Tensor| -> Result<Json, Failure> {
        let progress = &mut |_, _| true;
        let mut problem = Problem { objective: &task.train, seed: 0, progress };
        let path = method.connect(a, b, &mut problem)?;
        Ok(number(profile(&path, POINTS, &task.train, None)?.barrier().above_ends))
    };
    Ok(json!({
        "line": height(&Linear, b)?,
        "aligned_line": height(&Linear, near)?,
        "aligned_repaired": height(&repair, near)?,
    }))
}

fn report(args: &AlignArgs, summary: &Json) {
    if args.common.json {
        return print(&summary.to_string());
    }
    if args.common.quiet {
        return;
    }
    let distance = |name: &str| format!("{:.3}", summary[name].as_f64().unwrap_or(f64::NAN));
    print(&format!(
        "distance to A        {} before, {} after",
        distance("distance_before"),
        distance("distance_after")
    ));
    let most = summary["max_output_difference"].as_f64().unwrap_or(f64::NAN);
    print(&format!("largest difference   {most:.2e} of B's outputs"));
    if let (Some(risk), Some(barrier)) = (summary.get("risk"), summary.get("barrier_above_ends")) {
        print(&format!(
            "risk of B            {} before, {} after",
            risk_in(&risk["b"]),
            risk_in(&risk["aligned"])
        ));
        print(&format!("barrier above ends   line {}", risk_in(&barrier["line"])));
        print(&format!("                     aligned line {}", risk_in(&barrier["aligned_line"])));
        print(&format!(
            "                     aligned, with REPAIR {}",
            risk_in(&barrier["aligned_repaired"])
        ));
        print(&format!("                     (sampled at {POINTS} points, not certified)"));
    }
    print(&format!("written to           {}", args.out.out.display()));
}
