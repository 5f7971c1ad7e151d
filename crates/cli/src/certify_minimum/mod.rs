//! `collado certify-minimum`: proves that a strict local minimum lies close to a point.

mod network;

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use clap::Args as ClapArgs;
use collado_certify::{
    MinimumKind, MinimumProof, MultistartResult, find_minimum, neuron_minima, prove_minimum,
};
use collado_files::{Checkpoint, Provenance};
use collado_models::ArchSpec;
use collado_risk::{LogisticNeuron, Planted};
use serde_json::{Value, json};

use crate::{
    args::{Common, DataArgs, NetworkArgs},
    failure::Failure,
    folder,
    json::{number, print},
    numbers, progress, record,
    shown::{enclosure, lower},
};

#[derive(Debug, ClapArgs)]
pub(crate) struct CertifyMinimumArgs {
    /// Checkpoint of a small smooth network on --data; the minimum close to it is proved.
    #[arg(conflicts_with_all = ["k", "dims"])]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    network: NetworkArgs,
    /// Number of teachers of the planted risk; a spurious minimum is found and proved.
    #[arg(long, required_unless_present_any = ["dims", "checkpoint"], conflicts_with = "dims", value_parser = numbers::whole::<usize>(2..=100))]
    k: Option<usize>,
    /// Number of neurons [default: k].
    #[arg(long, conflicts_with = "dims", value_parser = numbers::whole::<usize>(1..=200))]
    n: Option<usize>,
    /// Number of inputs of the single logistic neuron; all of its minima are proved.
    #[arg(long, requires = "per_dim", value_parser = numbers::whole::<usize>(1..=1_000_000))]
    dims: Option<usize>,
    /// Number of minima of each coordinate of the neuron.
    #[arg(long, requires = "dims", value_parser = numbers::whole::<usize>(1..=300))]
    per_dim: Option<usize>,
    /// Ratio R of the lengths of the neuron's examples.
    #[arg(long, default_value_t = 10., requires = "dims", value_parser = numbers::above_one)]
    ratio: f64,
    /// Largest number of runs of gradient descent to find a minimum.
    #[arg(long, default_value_t = 4096, value_parser = numbers::some::<u64>())]
    max_runs: u64,
    /// Folder for the minimum as a checkpoint and for the summary, which is created.
    #[arg(long, conflicts_with = "dims")]
    out: Option<PathBuf>,
    /// Overwrite existing results.
    #[arg(long, requires = "out")]
    force: bool,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Finds a minimum and proves that it is a strict local minimum.
pub(crate) fn run(args: &CertifyMinimumArgs) -> Result<(), Failure> {
    crate::certify::refuse_f32(&args.common)?;
    args.common.on_cpu("proofs are computed")?;
    match (&args.checkpoint, args.k, args.dims, args.per_dim) {
        (Some(file), ..) => network::run(args, file),
        (_, Some(k), ..) => planted(args, k),
        (_, _, Some(dims), Some(per_dim)) => neuron(args, dims, per_dim),
        _ => Err(Failure::usage("expected a checkpoint, --k, or --dims with --per-dim")),
    }
}

fn planted(args: &CertifyMinimumArgs, k: usize) -> Result<(), Failure> {
    let risk = Planted::new(k, args.n.unwrap_or(k))?;
    if let Some(out) = &args.out {
        let files = ["point.safetensors", "summary.json"];
        folder::refuse_any(out, &files, args.force)?;
    }
    progress::catch_interrupt();
    let bar = progress::bar("searching", args.common.quiet);
    let found = find_minimum(&risk, args.common.seed, args.max_runs, &mut progress::shares(&bar))?;
    bar.finish_and_clear();
    if progress::interrupted() {
        return Err(Failure::interrupted("interrupted while searching"));
    }
    let proof = match &found.minimum {
        Some(end) => Some(prove_minimum(&risk, &end.weights, MinimumKind::Spurious)?),
        None => None,
    };
    let global = global(&risk)?;
    let point = match (&args.out, &found.minimum) {
        (Some(out), Some(end)) => Some(write_point(out, &risk, &end.weights)?),
        _ => None,
    };
    let mut summary = summary(&risk, &found, proof.as_ref(), global.as_ref(), point.as_deref());
    args.common.run.describe(&mut summary, "finished");
    if let Some(out) = &args.out {
        crate::json::write(&folder::make(out)?.join("summary.json"), &summary)?;
    }
    report(args, &risk, &found, proof.as_ref(), global.as_ref(), &summary);
    let reason = match &proof {
        Some(proof) => proof.reason.clone(),
        None => Some(format!("no spurious minimum in {} runs", found.runs)),
    };
    let unproved = global.and_then(|g| g.reason).map(|r| format!("the global minimum: {r}"));
    match reason.or(unproved) {
        Some(reason) => {
            Err(Failure::new(format!("not proved: {reason}")).hint("try another --seed, or --n equal to --k"))
        }
        None => Ok(()),
    }
}

/// The proof for the global minimum W = V, which is a single point for n = k only.
fn global(risk: &Planted) -> Result<Option<MinimumProof>, Failure> {
    let k = risk.k();
    if risk.n() != k {
        return Ok(None);
    }
    let teachers: Vec<f64> = (0..k * k).map(|at| f64::from(u8::from(at / k == at % k))).collect();
    Ok(Some(prove_minimum(risk, &teachers, MinimumKind::Global)?))
}

fn fields(proof: &MinimumProof) -> Value {
    json!({
        "proved": proof.proved, "reason": proof.reason,
        "F": [number(proof.risk.lo()), number(proof.risk.hi())],
        "radius": number(proof.radius), "lambda_min_lower": number(proof.lambda_min_lower),
        "outside_lower": number(proof.outside_lower), "gradient_norm": number(proof.gradient_norm),
    })
}

/// The minimum as a network of n ReLU neurons whose outputs are added up.
fn write_point(out: &Path, risk: &Planted, weights: &[f64]) -> Result<PathBuf, Failure> {
    let (k, n) = (risk.k(), risk.n());
    let spec: ArchSpec = format!("relu:{k}-{n}-1?bias=false").parse()?;
    let theta: Vec<f64> = weights.iter().copied().chain(std::iter::repeat_n(1., n)).collect();
    let provenance = Provenance {
        version: Some(env!("CARGO_PKG_VERSION").into()),
        command: record::words(),
        ..Provenance::default()
    };
    let theta = Tensor::from_vec(theta, (k + 1) * n, &Device::Cpu)?;
    let file = folder::make(out)?.join("point.safetensors");
    Checkpoint::new(spec.resolve(k, 1)?, theta, provenance).write(&file)?;
    Ok(file)
}

fn summary(
    risk: &Planted,
    found: &MultistartResult,
    proof: Option<&MinimumProof>,
    global: Option<&MinimumProof>,
    point: Option<&Path>,
) -> Value {
    let mut object = match proof {
        Some(proof) => fields(proof),
        None => json!({
            "proved": false, "reason": format!("no spurious minimum in {} runs", found.runs), "F": null,
            "radius": null, "lambda_min_lower": null, "outside_lower": null, "gradient_norm": null,
        }),
    };
    object["k"] = risk.k().into();
    object["n"] = risk.n().into();
    object["all_dims"] = proof.is_some_and(|p| p.proved && p.outside_lower > 0.).into();
    object["runs"] = found.runs.into();
    object["hits"] = found.hits.into();
    object["point"] = point.map_or(Value::Null, |p| p.display().to_string().into());
    object["global"] = global.map_or(Value::Null, fields);
    object
}

fn report(
    args: &CertifyMinimumArgs,
    risk: &Planted,
    found: &MultistartResult,
    proof: Option<&MinimumProof>,
    global: Option<&MinimumProof>,
    summary: &Value,
) {
    args.common.show(summary, || {
        print(&format!("k = {}, n = {}: {} of {} runs", risk.k(), risk.n(), found.hits, found.runs));
        proof.into_iter().for_each(|p| print(&sentence("spurious minimum", p)));
        global.into_iter().for_each(|p| print(&sentence("W = V", p)));
    });
}

fn sentence(name: &str, p: &MinimumProof) -> String {
    let verdict = if p.proved { "proved" } else { "NOT proved" };
    let (dims, outside) = match p.outside_lower {
        f64::NEG_INFINITY => ("", String::new()),
        x if x > 0. => (" for every d ≥ k", format!(", outside ≥ {}", lower(x))),
        x => (" for d = k", format!(", outside ≥ {}", lower(x))),
    };
    format!(
        "{name}: {verdict}{dims}\n  box radius      {:e}\n  eigenvalues     ≥ {}{outside}\n  F               in {}\n  gradient norm   {:.2e}",
        p.radius,
        lower(p.lambda_min_lower),
        enclosure((p.risk.lo(), p.risk.hi()), 12),
        p.gradient_norm
    )
}

fn neuron(args: &CertifyMinimumArgs, dims: usize, per_dim: usize) -> Result<(), Failure> {
    let risk = LogisticNeuron::new(dims, per_dim, args.ratio)?;
    let found = neuron_minima(&risk);
    let minima = (found.boxes.len() as f64).powi(dims as i32);
    let proved = found.unproved == 0 && found.boxes.len() == per_dim;
    let reason = (!proved).then(|| {
        format!(
            "{} minima a coordinate proved, {} not, expected {per_dim}",
            found.boxes.len(),
            found.unproved
        )
    });
    let boxes: Vec<_> = found.boxes.iter().map(|b| json!([number(b.lo()), number(b.hi())])).collect();
    let mut summary = json!({
        "proved": proved, "reason": reason, "dims": dims, "per_dim": per_dim, "ratio": number(args.ratio),
        "minima": number(minima), "boxes": boxes,
    });
    args.common.run.describe(&mut summary, "finished");
    args.common.show(&summary, || {
        let minima = if minima < 1e15 { minima.to_string() } else { format!("{}^{dims}", found.boxes.len()) };
        print(&format!("{minima} strict local minima: all combinations over {dims} coordinates of w in"));
        found.boxes.iter().for_each(|b| print(&format!("  [{:.17e}, {:.17e}]", b.lo(), b.hi())));
    });
    match reason {
        Some(reason) => {
            Err(Failure::new(format!("not proved: {reason}"))
                .hint("a --ratio of 10 or more has per-dim minima"))
        }
        None => Ok(()),
    }
}
