//! Stars: one centre that is joined straight to many minima, which `connect` and `levelset` share.

mod output;
mod segment;
mod summary;

use std::time::Instant;

use candle_core::{Device, Tensor};
use collado_data::Targets;
use collado_dynamics::{
    Connect, Connection, Error, LearnedStar, LinearCentre, LinearGoal, LinearStar, Search, linear_optimum,
};
use collado_models::Activation;
use collado_risk::{Loss, Objective, Path, Span};

pub(crate) use self::{
    output::{draw, save_centre, save_path, table},
    segment::{End, Segment, prove, segments},
    summary::{CentreRecord, SegmentRecord},
};
use crate::{args::Common, failure::Failure, progress, search::SearchArgs, task::Task};

/// A centre, and how it was found.
pub(crate) struct Centre {
    /// The centre `[S]`, in the type and on the device of the task.
    pub(crate) theta: Tensor,
    /// What is known of an explicit centre; nothing of one that was learned.
    pub(crate) explicit: Option<LinearCentre>,
    pub(crate) seconds: f64,
}

/// The centre of `ends` `[R, S]`: the explicit one for deep linear networks without regulariser, else a learned one.
pub(crate) fn centre(
    task: &Task,
    ends: &Tensor,
    search: &SearchArgs,
    common: &Common,
) -> Result<Centre, Failure> {
    let begin = Instant::now();
    let is_linear = task.arch.is_dense() && task.arch.activation() == Activation::Linear;
    let (theta, explicit) = match is_linear && task.criterion.kappa == 0. {
        true => {
            let found = explicit(task, ends, common)?;
            let theta = found.theta.to_dtype(task.dtype)?.to_device(&task.device)?;
            (theta, Some(found))
        }
        false => {
            if is_linear {
                common.note(
                    "with a regulariser the centre of a deep linear network is learned, as for any network",
                );
            }
            (learned(task, ends, search, common)?, None)
        }
    };
    Ok(Centre { theta, explicit, seconds: begin.elapsed().as_secs_f64() })
}

fn explicit(task: &Task, ends: &Tensor, common: &Common) -> Result<LinearCentre, Failure> {
    let star = LinearStar::new(&task.arch, task.criterion, common.seed);
    let rows = (0..ends.dim(0)?).map(|i| ends.get(i)).collect::<candle_core::Result<Vec<_>>>()?;
    star.check(rows.len())?;
    let (arch, host) = (&task.arch, |t: &Tensor| t.to_device(&Device::Cpu));
    let optimum = match &task.data.train.targets {
        Targets::Values(values) if task.criterion.loss == Loss::Squared => {
            let narrowest = arch.widths().iter().copied().min().unwrap_or(0);
            Some(linear_optimum(
                &host(&task.data.train.inputs)?,
                &host(values)?,
                narrowest,
                arch.has_bias(0),
            )?)
        }
        _ => None,
    };
    let risks = task.train.risks(&Span::stack(ends)?)?;
    let lowest = (0..risks.len()).min_by(|&i, &j| risks[i].total_cmp(&risks[j])).unwrap_or(0);
    let goal = optimum.as_ref().map_or(LinearGoal::End(lowest), LinearGoal::Optimum);
    Ok(star.centre(&rows, goal)?)
}

fn learned(task: &Task, ends: &Tensor, search: &SearchArgs, common: &Common) -> Result<Tensor, Failure> {
    let star = LearnedStar {
        epochs: search.epochs(task, 5000, 10),
        batch: search.batch(),
        lr: search.lr(),
        ..LearnedStar::default()
    };
    let bar = progress::bar("centre", common.quiet);
    let mut tell = progress::shares(&bar);
    let objective = task.recomputing();
    let mut search = Search { objective: &objective, seed: common.seed, progress: &mut tell };
    let centre = star.centre(ends, &mut search);
    bar.finish_and_clear();
    match centre {
        Err(error @ Error::Diverged { .. }) => {
            Err(Failure::new(error).hint("a smaller --lr, or --dtype f64, which reaches farther than f32"))
        }
        centre => Ok(centre?),
    }
}

/// The way between two minima through a centre.
pub(crate) struct ThroughCentre {
    pub(crate) theta: Tensor,
}

impl Connect for ThroughCentre {
    fn find(&self, a: &Tensor, b: &Tensor, _: &mut Search<'_>) -> collado_dynamics::Result<Connection> {
        Ok(Path::polychain(Tensor::stack(&[a, &self.theta, b], 0)?)?.into())
    }
}
