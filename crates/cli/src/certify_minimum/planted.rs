//! The spurious minimum of a planted risk, and its global one.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use collado_certify::{MinimumKind, MinimumProof, MultistartResult, find_minimum, prove_minimum};
use collado_files::{Checkpoint, MinimumSubject, Provenance};
use collado_models::ArchSpec;
use collado_risk::Planted;
use serde::Serialize;

use super::{
    args::{CertifyMinimumArgs, FILES},
    proof,
    summary::{Proved, sentence},
};
use crate::{
    failure::Failure,
    folder::{self, Folder},
    json::print,
    progress, record,
};

/// The result for planted teachers.
#[derive(Serialize)]
struct Summary {
    #[serde(flatten)]
    spurious: Proved,
    k: usize,
    n: usize,
    /// Whether the proof holds in every number of inputs.
    all_dims: bool,
    runs: u64,
    hits: usize,
    /// The file of the minimum.
    point: Option<String>,
    /// The point W = V, where n = k.
    global: Option<Proved>,
}

pub(super) fn run(args: &CertifyMinimumArgs, k: usize) -> Result<(), Failure> {
    let risk = Planted::new(k, args.n.unwrap_or(k))?;
    let folder = Folder::create(args.out.as_deref(), args.force, &args.common, "summary.json", &FILES)?;
    progress::catch_interrupt();
    let bar = progress::bar("searching", args.common.quiet);
    let found = find_minimum(&risk, args.common.seed, args.max_runs, &mut progress::shares(&bar))?;
    bar.finish_and_clear();
    if progress::interrupted() {
        return Err(Failure::interrupted("interrupted while searching"));
    }
    let proved = match &found.minimum {
        Some(end) => Some(prove_minimum(&risk, &end.weights, MinimumKind::Spurious)?),
        None => None,
    };
    if let (Some(file), Some(end), Some(proved)) = (&args.proof, &found.minimum, &proved) {
        let about = MinimumSubject::Planted { k, n: risk.n() };
        proof::write(file, proved, &end.weights, about)?;
    }
    let global = global(&risk)?;
    let point = match (&folder, &found.minimum) {
        (Some(folder), Some(end)) => Some(write_point(folder, &risk, &end.weights)?),
        _ => None,
    };
    let summary = summary(&risk, &found, proved.as_ref(), global.as_ref(), point.as_deref());
    let described = folder::finish(folder.as_ref(), &args.common, &summary, false)?;
    args.common.show(&described, || {
        print(&format!("k = {}, n = {}: {} of {} runs", summary.k, summary.n, found.hits, found.runs));
        proved.iter().for_each(|p| print(&sentence("spurious minimum", p)));
        global.iter().for_each(|p| print(&sentence("W = V", p)));
    });
    let unproved = global.and_then(|g| g.reason).map(|r| format!("the global minimum: {r}"));
    match summary.spurious.reason.or(unproved) {
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

/// The minimum as a network of n ReLU neurons whose outputs are added up.
fn write_point(folder: &Folder, risk: &Planted, weights: &[f64]) -> Result<PathBuf, Failure> {
    let (k, n) = (risk.k(), risk.n());
    let spec: ArchSpec = format!("relu:{k}-{n}-1?bias=false").parse()?;
    let theta: Vec<f64> = weights.iter().copied().chain(std::iter::repeat_n(1., n)).collect();
    let provenance = Provenance {
        version: Some(env!("CARGO_PKG_VERSION").into()),
        command: record::words(),
        ..Provenance::default()
    };
    let theta = Tensor::from_vec(theta, (k + 1) * n, &Device::Cpu)?;
    let file = folder.join("point.safetensors");
    Checkpoint::new(spec.resolve(k, 1)?, theta, provenance).write(&file)?;
    Ok(file)
}

fn summary(
    risk: &Planted,
    found: &MultistartResult,
    proof: Option<&MinimumProof>,
    global: Option<&MinimumProof>,
    point: Option<&Path>,
) -> Summary {
    let nothing = || Proved::nothing(format!("no spurious minimum in {} runs", found.runs));
    Summary {
        spurious: proof.map_or_else(nothing, Proved::new),
        k: risk.k(),
        n: risk.n(),
        all_dims: proof.is_some_and(|p| p.proved && p.outside_lower > 0.),
        runs: found.runs,
        hits: found.hits,
        point: point.map(|p| p.display().to_string()),
        global: global.map(Proved::new),
    }
}
