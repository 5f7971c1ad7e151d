//! `collado levelset --method star`: all paths lead through one centre.

use candle_core::{DType, Tensor};
use serde::Serialize;

use super::{args::LevelsetArgs, minima::Minima};
use crate::{
    certify::CertifyMode,
    failure::Failure,
    folder::Folder,
    progress,
    record::Input,
    search::Named,
    star::{self, Centre, CentreRecord, Segment, SegmentRecord, ThroughCentre},
    state::missing,
    task::Task,
};

/// The star of all minima.
pub(super) struct Star {
    theta: Tensor,
    pub(super) record: StarRecord,
}

/// A star in `tree.json`.
#[derive(Serialize)]
pub(super) struct StarRecord {
    pub(super) center: CentreRecord,
    segments: Vec<SegmentRecord>,
}

impl Star {
    /// The method that joins two minima through the centre.
    pub(super) fn method(&self) -> Named<'static> {
        ("star".into(), Box::new(ThroughCentre { theta: self.theta.clone() }))
    }
}

/// Finds the centre of all minima, or takes it from an earlier run, and writes it with its segments, which are proved with
/// --certify.
pub(super) fn find(
    args: &LevelsetArgs,
    task: &Task,
    minima: &Minima,
    folder: &Folder,
) -> Result<Star, Failure> {
    let centre = centre(args, task, minima, folder)?;
    let rows = (0..minima.names.len()).map(|i| -> Result<star::End, Failure> {
        let buffers = minima.buffers.as_ref().map(|rows| rows.get(i)).transpose()?;
        Ok((minima.names[i].clone(), minima.stack.get(i)?, buffers))
    });
    let ends = rows.collect::<Result<Vec<_>, _>>()?;
    // Half of a path between two minima, which has an odd number of points.
    let points = usize::from(args.points) / 2 + 1;
    let (mut segments, seconds) = star::segments(task, &ends, &centre.theta, points, &args.common)?;
    let mode = if args.certify { CertifyMode::Always } else { CertifyMode::Never };
    star::prove(task, &mut segments, mode, (centre.seconds, seconds), &args.common)?;
    let inputs: Vec<Input> = (0..ends.len())
        .map(|i| Input { file: minima.names[i].clone(), hash: minima.hashes[i].clone() })
        .collect();
    let (names, to) = (&minima.tensors[0], Input { file: "center.safetensors".into(), hash: None });
    star::save_centre(task, folder.path(), &centre.theta, &inputs, names)?;
    for (i, segment) in segments.iter().enumerate() {
        star::save_path(task, &folder.join(Segment::file(i)), &segment.path, [&inputs[i], &to], names)?;
    }
    star::table(folder.path(), &segments)?;
    star::draw(task, folder.path(), &segments)?;
    let norm = |theta: &Tensor| -> Result<f64, Failure> {
        Ok(theta.to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar::<f64>()?.sqrt())
    };
    let longest =
        ends.iter().map(|(_, theta, _)| norm(theta)).try_fold(0., |m: f64, n| n.map(|n| m.max(n)))?;
    let length = norm(&centre.theta)? / longest;
    let record = |(i, segment): (usize, &Segment)| {
        SegmentRecord::new(segment, Some(Segment::file(i).display().to_string()))
    };
    let record = StarRecord {
        center: CentreRecord::new(&centre, &segments, length),
        segments: segments.iter().enumerate().map(record).collect(),
    };
    Ok(Star { theta: centre.theta, record })
}

/// The centre, which is kept in the state of the run: learning it takes most of the time.
fn centre(args: &LevelsetArgs, task: &Task, minima: &Minima, folder: &Folder) -> Result<Centre, Failure> {
    let state = folder.state("center.safetensors");
    let known = state
        .read(|seconds: f64, mut tensors| Ok((tensors.remove("center").ok_or_else(missing)?, seconds)))?;
    let is_learned = |centre: &Centre| centre.explicit.is_none();
    match known {
        Some((theta, seconds)) => {
            Ok(Centre { theta: theta.to_device(&task.device)?, explicit: None, seconds })
        }
        None => {
            let found = star::centre(task, &minima.stack, &args.search, &args.common)?;
            if progress::interrupted() {
                return Err(Failure::interrupted(
                    "interrupted; nothing is saved of a centre that is not found",
                ));
            }
            // An explicit one is found again in no time, with what is known of it.
            if is_learned(&found) {
                state.write(&found.seconds, [("center".to_owned(), found.theta.clone())])?;
            }
            Ok(found)
        }
    }
}
