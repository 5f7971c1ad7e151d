//! Enclosures of the risk on paths and at minima.

use candle_core::Tensor;
use collado_certify::{CertifySettings, Status};
use collado_dynamics::Enclosure;
use collado_risk::Path;

use super::args::LevelsetArgs;
use crate::{certify::certificate, failure::Failure, task::Task};

/// Encloses the largest risk on a path; the result is `None` when interrupted.
pub(super) fn enclose(args: &LevelsetArgs, task: &Task, path: &Path) -> Result<Option<Enclosure>, Failure> {
    let settings = CertifySettings { tolerance: args.tolerance, ..CertifySettings::default() };
    let proof = certificate(task, &args.common, path, &settings, f64::INFINITY)?;
    Ok((proof.status != Status::Stopped).then_some(Enclosure { lo: proof.lo, hi: proof.hi }))
}

/// Encloses the risk of a minimum.
pub(super) fn point(args: &LevelsetArgs, task: &Task, theta: &Tensor) -> Result<Enclosure, Failure> {
    let path = Path::segment(theta, theta)?;
    let proof = certificate(task, &args.common, &path, &CertifySettings::default(), f64::INFINITY)?;
    let (lo, hi) = proof.ends[0];
    Ok(Enclosure { lo, hi })
}
