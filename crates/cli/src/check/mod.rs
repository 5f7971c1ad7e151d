//! `collado check`: bounds every piece of a proof again, or proves its minimum again, by code that shares nothing with the
//! search.

mod args;
mod minimum;
mod neuron;

use std::{path::Path, time::Instant};

use collado_check::{Checked, Refuted};
use collado_files::{AnyProof, Proof, file_hash};
use serde::Serialize;

pub(crate) use self::args::CheckArgs;
use crate::{
    certify::refuse_f32,
    failure::Failure,
    folder,
    json::print,
    place, progress,
    task::{self, Precision},
};

/// Checks a proof against the file and the data that it is about.
pub(crate) fn run(args: &CheckArgs) -> Result<(), Failure> {
    args.data.without_candle("proofs have an arithmetic of their own")?;
    refuse_f32(&args.common)?;
    args.common.on_cpu("proofs are checked")?;
    let proof = AnyProof::read(&args.proof)?;
    args.common.run.file(&args.proof, Some(&file_hash(&args.proof)?));
    match proof {
        AnyProof::Path(proof) => path(args, &proof),
        AnyProof::Minimum(proof) => minimum::run(args, &proof),
        AnyProof::Neuron(proof) => neuron::run(args, &proof),
    }
}

/// Compares the hash that a proof states with the one that was found.
fn same(what: String, stated: &str, found: &str) -> Result<(), Failure> {
    match stated == found {
        true => Ok(()),
        false => Err(Failure::new(format!("{what}: the proof is about SHA-256 {stated}, found {found}"))),
    }
}

/// Checks a proof along a path.
fn path(args: &CheckArgs, proof: &Proof) -> Result<(), Failure> {
    let Some(place) = args.path.as_deref().map(place::path) else {
        return Err(Failure::usage("expected the path file that the proof is about"));
    };
    same(place.display().to_string(), &proof.header.path, &file_hash(&place)?)?;
    let (file, task) = task::open_path(&place, &args.data, &args.common, Precision::OfData)?;
    same(format!("data '{}'", task.data.spec), &proof.header.data.hash, &task.data.hash)?;
    progress::catch_interrupt();
    let start = Instant::now();
    let bar = progress::bar("checking", args.common.quiet);
    let mut show = progress::shares(&bar);
    let checked = collado_check::check(proof, &file.path, &task.train, &mut show)?;
    bar.finish_and_clear();
    if checked.refuted.is_none() && checked.holding < checked.pieces {
        return Err(Failure::interrupted(format!(
            "interrupted after {} of {} pieces",
            checked.holding, checked.pieces
        )));
    }
    let seconds = start.elapsed().as_secs_f64();
    let summary = Summary::new(proof, &checked, seconds);
    let refuted = checked.refuted.map(|Refuted { piece, claimed, found }| {
        let what = match piece {
            Some(piece) => format!("piece {piece}: its bound {claimed}"),
            None => format!("the lower bound {claimed}"),
        };
        format!("{what} could not be confirmed, the check finds {found}")
    });
    conclude(args, &summary, || summary.print(), refuted)
}

/// Shows the result of a check, and fails with the reason if the proof was refuted.
fn conclude<T: Serialize>(
    args: &CheckArgs,
    summary: &T,
    print: impl FnOnce(),
    refuted: Option<String>,
) -> Result<(), Failure> {
    let described = folder::finish(None, &args.common, summary, false)?;
    args.common.show(&described, print);
    refuted.map_or(Ok(()), |reason| Err(Failure::new(reason)))
}

/// The failure where a file is given beside a proof that is about none.
fn no_file(file: &Path, about: &str) -> Failure {
    Failure::usage(format!("{}: the proof is about {about} and no file", file.display()))
}

/// The result of `collado check`.
#[derive(Serialize)]
struct Summary {
    holds: bool,
    /// Number of pieces whose bound was confirmed.
    holding: usize,
    pieces: usize,
    /// The claim of the proof.
    claim: (f64, f64),
    /// The bounds that the check found itself.
    found: (f64, f64),
    seconds: f64,
}

impl Summary {
    fn new(proof: &Proof, checked: &Checked, seconds: f64) -> Self {
        let claim = &proof.header.claim;
        Self {
            holds: checked.refuted.is_none(),
            holding: checked.holding,
            pieces: checked.pieces,
            claim: (claim.lo, claim.hi),
            found: (checked.lo, checked.hi),
            seconds,
        }
    }

    fn print(&self) {
        let (lo, hi) = self.claim;
        print(&format!("claim                highest risk in [{lo}, {hi}] for every t"));
        print(&format!("pieces that hold     {} of {}", self.holding, self.pieces));
        if self.holds {
            print(&format!("bounds found here    [{}, {}]", self.found.0, self.found.1));
            print(&format!("the proof holds      {:.2} s", self.seconds));
        }
    }
}
