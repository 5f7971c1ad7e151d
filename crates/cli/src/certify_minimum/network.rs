//! The proof of a minimum of a small network on data.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use collado_certify::prove_network_minimum;
use collado_files::{Checkpoint, MinimumSubject, ProofData, file_hash};
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
    place,
    task::{self, Precision, Task},
};

/// The result for a checkpoint.
#[derive(Serialize)]
struct Summary {
    #[serde(flatten)]
    minimum: Proved,
    parameters: usize,
    /// The distance by which Newton's method moved the checkpoint.
    moved: f64,
    /// The file of the minimum.
    point: Option<String>,
}

/// Proves the minimum close to a checkpoint.
pub(super) fn run(args: &CertifyMinimumArgs, file: &Path) -> Result<(), Failure> {
    let file = place::checkpoint(file)?;
    let (checkpoints, task) =
        task::open(std::slice::from_ref(&file), &args.network, &args.data, &args.common, Precision::OfData)?;
    let checkpoint = &checkpoints[0];
    let folder = Folder::create(args.out.as_deref(), args.force, &args.common, "summary.json", &FILES)?;
    let theta = checkpoint.theta.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    let (found, point) = prove_network_minimum(&task.train, &theta)?;
    let moved = theta.iter().zip(&point).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    if let Some(place) = &args.proof {
        proof::write(place, &found, &point, subject(&task, file_hash(&file)?))?;
    }
    // The point has all directions that there are.
    let mut minimum = Proved::new(&found);
    minimum.outside_lower = None;
    let mut summary = Summary { minimum, parameters: point.len(), moved, point: None };
    if let Some(folder) = &folder {
        let place = folder.join("point.safetensors");
        summary.point = Some(place.display().to_string());
        let theta = Tensor::from_vec(point, theta.len(), &Device::Cpu)?;
        let (arch, provenance) = (task.arch.clone(), task.provenance());
        Checkpoint::new(arch, theta, provenance).named(checkpoint.names.clone()).write(&place)?;
    }
    let described = folder::finish(folder.as_ref(), &args.common, &summary, false)?;
    args.common.show(&described, || {
        print(&sentence("strict local minimum", &found));
        print(&format!("  distance        {moved:.2e} from the checkpoint, by Newton's method"));
    });
    match found.reason {
        Some(reason) => Err(Failure::new(format!("not proved: {reason}"))
            .hint("train on, in f64; --kappa > 0 makes minima strict where symmetries do not")),
        None => Ok(()),
    }
}

/// What a proof for the task of a checkpoint is about.
fn subject(task: &Task, checkpoint: String) -> MinimumSubject {
    MinimumSubject::Network {
        checkpoint,
        data: ProofData { spec: task.data.spec.clone(), hash: task.data.hash.clone() },
        rows: task.train.data().len(),
        network: task.arch.to_string(),
        loss: task.criterion.loss.to_string(),
        kappa: task.criterion.kappa,
        regularizer: task.criterion.regularizer.to_string(),
    }
}
