//! The check of a proof of a minimum.

use std::{path::Path, time::Instant};

use collado_check::{CheckedMinimum, check_minimum};
use collado_files::{MinimumFile, MinimumSubject, file_hash};
use serde::Serialize;

use super::{CheckArgs, conclude, no_file, same};
use crate::{
    failure::Failure,
    json::print,
    place,
    shown::{enclosure, lower},
    task::{self, Precision, Task},
};

/// Checks the proof of a minimum.
pub(super) fn run(args: &CheckArgs, proof: &MinimumFile) -> Result<(), Failure> {
    let task = match (&proof.header.risk, &args.path) {
        (MinimumSubject::Planted { .. }, None) => None,
        (MinimumSubject::Planted { .. }, Some(file)) => {
            return Err(no_file(file, "planted teachers"));
        }
        (MinimumSubject::Network { checkpoint, data, .. }, Some(file)) => {
            Some(network(args, file, (checkpoint, &data.hash))?)
        }
        (MinimumSubject::Network { .. }, None) => {
            return Err(Failure::usage("expected the checkpoint that the proof is about"));
        }
    };
    let start = Instant::now();
    let checked = check_minimum(proof, task.as_ref().map(|task| &task.train))?;
    let summary = Summary::new(proof, &checked, start.elapsed().as_secs_f64());
    conclude(args, &summary, || summary.print(), checked.refuted)
}

/// The task of a checkpoint, if it and its data are those of the proof.
fn network(args: &CheckArgs, file: &Path, (checkpoint, data): (&str, &str)) -> Result<Task, Failure> {
    let file = place::checkpoint(file)?;
    same(file.display().to_string(), checkpoint, &file_hash(&file)?)?;
    let (_, task) = task::open(&[file], &args.network, &args.data, &args.common, Precision::OfData)?;
    same(format!("data '{}'", task.data.spec), data, &task.data.hash)?;
    Ok(task)
}

/// The result for a proof of a minimum.
#[derive(Serialize)]
struct Summary {
    holds: bool,
    /// The reason why it was not confirmed.
    reason: Option<String>,
    parameters: usize,
    radius: f64,
    /// How far Krawczyk's operator reaches, as a share of the radius.
    reach: f64,
    /// What the check found itself.
    lambda_min_lower: f64,
    outside_lower: Option<f64>,
    #[serde(rename = "F")]
    risk: (f64, f64),
    seconds: f64,
}

impl Summary {
    fn new(proof: &MinimumFile, checked: &CheckedMinimum, seconds: f64) -> Self {
        Self {
            holds: checked.refuted.is_none(),
            reason: checked.refuted.clone(),
            parameters: proof.point.len(),
            radius: proof.header.claim.radius,
            reach: checked.reach,
            lambda_min_lower: checked.lambda_min,
            outside_lower: checked.outside,
            risk: checked.risk,
            seconds,
        }
    }

    fn print(&self) {
        if !self.holds {
            return;
        }
        print(&format!("claim                one critical point within {:e}, a strict minimum", self.radius));
        print(&format!("reach of Krawczyk    {:.3} of the radius", self.reach));
        print(&format!("eigenvalues          ≥ {}", lower(self.lambda_min_lower)));
        if let Some(outside) = self.outside_lower {
            print(&format!("for more inputs      ≥ {}", lower(outside)));
        }
        print(&format!("F                    in {}", enclosure(self.risk, 12)));
        print(&format!("the proof holds      {:.2} s", self.seconds));
    }
}
