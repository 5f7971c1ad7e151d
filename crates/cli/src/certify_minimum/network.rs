//! The proof of a minimum of a small network on data.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use collado_certify::prove_network_minimum;
use collado_files::Checkpoint;
use serde_json::{Value, json};

use super::{CertifyMinimumArgs, fields, sentence};
use crate::{
    failure::Failure,
    folder,
    json::{print, write},
    place,
    task::{self, Precision},
};

/// Proves the minimum close to a checkpoint.
pub(super) fn run(args: &CertifyMinimumArgs, file: &Path) -> Result<(), Failure> {
    let file = place::checkpoint(file)?;
    let (checkpoints, task) =
        task::open(&[file], &args.network, &args.data, &args.common, Precision::OfData)?;
    let checkpoint = &checkpoints[0];
    if let Some(out) = &args.out {
        let files = ["point.safetensors", "summary.json"];
        folder::refuse_any(out, &files, args.force)?;
    }
    let theta = checkpoint.theta.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    let (proof, point) = prove_network_minimum(&task.train, &theta)?;
    let moved = theta.iter().zip(&point).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let mut summary = fields(&proof);
    summary["outside_lower"] = Value::Null;
    summary["parameters"] = point.len().into();
    summary["moved"] = crate::json::number(moved);
    summary["point"] = Value::Null;
    args.common.run.describe(&mut summary, "finished");
    if let Some(out) = &args.out {
        let place = folder::make(out)?.join("point.safetensors");
        summary["point"] = json!(place.display().to_string());
        let theta = Tensor::from_vec(point, theta.len(), &Device::Cpu)?;
        let (arch, provenance) = (task.arch.clone(), task.provenance());
        Checkpoint::new(arch, theta, provenance).named(checkpoint.names.clone()).write(&place)?;
        write(&out.join("summary.json"), &summary)?;
    }
    args.common.show(&summary, || {
        print(&sentence("strict local minimum", &proof));
        print(&format!("  distance        {moved:.2e} from the checkpoint, by Newton's method"));
    });
    match proof.reason {
        Some(reason) => Err(Failure::new(format!("not proved: {reason}"))
            .hint("train on, in f64; --kappa > 0 makes minima strict where symmetries do not")),
        None => Ok(()),
    }
}
