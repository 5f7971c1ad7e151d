//! The straight segments from the ends to the centre of a star.

use std::{path::PathBuf, time::Instant};

use candle_core::Tensor;
use collado_certify::{Certificate, CertifySettings};
use collado_risk::{Objective, Path, Profile, profile};

use crate::{
    args::Common,
    certify::{CertifyMode, automatic_limit, certificate, likely_seconds},
    failure::Failure,
    progress,
    task::Task,
};

/// The segment from an end to the centre.
pub(crate) struct Segment {
    /// The end, by the name of its file.
    pub(crate) name: String,
    pub(crate) path: Path,
    pub(crate) profile: Profile,
    pub(crate) proof: Option<Certificate>,
}

/// An end of a star: its name, its parameters `[S]` and its running statistics.
pub(crate) type End = (String, Tensor, Option<Tensor>);

/// The segments of a star with their profiles, and the seconds that these took.
pub(crate) fn segments(
    task: &Task,
    ends: &[End],
    centre: &Tensor,
    points: usize,
    common: &Common,
) -> Result<(Vec<Segment>, f64), Failure> {
    let begin = Instant::now();
    let clock = progress::clock("segments", common.quiet);
    let test = task.test.as_ref().map(|test| test as &dyn Objective);
    let segment = |(name, theta, buffers): &End| -> Result<Segment, Failure> {
        let path = Path::segment(theta, centre)?;
        let path = task.with_running_statistics(path, &[buffers.clone(), None])?;
        let profile = profile(&path, points, &task.train, test)?;
        Ok(Segment { name: name.clone(), path, profile, proof: None })
    };
    let found = ends.iter().map(segment).collect::<Result<Vec<_>, _>>();
    clock.finish_and_clear();
    Ok((found?, begin.elapsed().as_secs_f64()))
}

impl Segment {
    /// The risk at the end.
    pub(crate) fn risk(&self) -> f64 {
        self.profile.train[0].risk
    }

    /// The highest sampled risk.
    pub(crate) fn highest(&self) -> f64 {
        self.profile.barrier().max
    }

    /// The file of the i-th of several segments.
    pub(crate) fn file(i: usize) -> PathBuf {
        format!("path-{}.safetensors", i + 1).into()
    }
}

/// Encloses the risk of each segment where that is asked for, or where all are likely to end within the time that
/// [`automatic_limit`] grants after finding the centre; they are stopped after that.
pub(crate) fn prove(
    task: &Task,
    segments: &mut [Segment],
    mode: CertifyMode,
    (fit_seconds, profile_seconds): (f64, f64),
    common: &Common,
) -> Result<(), Failure> {
    let count = segments.len() as f64;
    let points = segments.iter().map(|s| s.profile.t.len()).sum::<usize>() as f64;
    let estimate = count * likely_seconds(1, profile_seconds / points);
    let limit = match mode {
        CertifyMode::Never => return Ok(()),
        CertifyMode::Auto if !task.arch.is_dense() || task.rounds => {
            common.note("nothing is proved: by itself only for dense networks in the files' own dtype; --certify always tries");
            return Ok(());
        }
        CertifyMode::Auto => match automatic_limit(estimate, fit_seconds) {
            Ok(limit) => limit / count,
            Err(why) => {
                common.note(format!("nothing is proved: {why}"));
                return Ok(());
            }
        },
        CertifyMode::Always => f64::INFINITY,
    };
    for segment in segments {
        segment.proof = Some(certificate(task, common, &segment.path, &CertifySettings::default(), limit)?);
    }
    Ok(())
}
