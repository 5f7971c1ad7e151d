//! The average of aligned networks.

use candle_core::Tensor;
use collado_dynamics::{Repair, learned_shares};
use collado_risk::{Objective, Span};

use super::args::{MergeArgs, Weights};
use crate::{failure::Failure, progress, task::Task};

/// An average, with the share of each network.
pub(super) struct Average {
    pub(super) theta: Tensor,
    pub(super) shares: Vec<f64>,
}

impl Average {
    /// The average of `points` `[S]`, whose own training risks are known.
    pub(super) fn of(
        args: &MergeArgs,
        task: &Task,
        points: &[Tensor],
        risks: &[f64],
    ) -> Result<Self, Failure> {
        let members = match args.greedy {
            true => greedy(args, task, points, risks)?,
            false => (0..points.len()).collect(),
        };
        let chosen: Vec<Tensor> = members.iter().map(|&i| points[i].clone()).collect();
        let stack = Tensor::stack(&chosen, 0)?;
        let inner = match args.weights {
            Weights::Uniform => vec![1. / chosen.len() as f64; chosen.len()],
            Weights::Learned => {
                let bar = progress::bar("shares", args.common.quiet);
                let learned = learned_shares(
                    &task.recomputing(),
                    &stack,
                    args.common.seed,
                    &mut progress::shares(&bar),
                );
                bar.finish_and_clear();
                learned?
            }
        };
        let theta = mean(args, task, &chosen, &inner)?;
        let mut shares = vec![0.; points.len()];
        members.iter().zip(&inner).for_each(|(&i, &share)| shares[i] = share);
        Ok(Self { theta, shares })
    }
}

/// The networks of a greedy average (Wortsman et al. 2022, "Model soups"), judged by the training risk: the best one, and each
/// next one with which the average is not worse than without it.
fn greedy(args: &MergeArgs, task: &Task, points: &[Tensor], risks: &[f64]) -> Result<Vec<usize>, Failure> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&i, &j| risks[i].total_cmp(&risks[j]));
    let objective = task.recomputing();
    let (mut members, mut lowest) = (vec![order[0]], risks[order[0]]);
    for &i in &order[1..] {
        let tried: Vec<usize> = members.iter().copied().chain([i]).collect();
        let chosen: Vec<Tensor> = tried.iter().map(|&i| points[i].clone()).collect();
        let theta = mean(args, task, &chosen, &vec![1. / tried.len() as f64; tried.len()])?;
        let risk = objective.risks(&Span::stack(&theta.unsqueeze(0)?)?)?[0];
        if risk <= lowest {
            (members, lowest) = (tried, risk);
        }
        if progress::interrupted() {
            break;
        }
    }
    Ok(members)
}

/// The average with these shares, repaired if that is asked for. A single network stays as it is.
fn mean(args: &MergeArgs, task: &Task, points: &[Tensor], shares: &[f64]) -> Result<Tensor, Failure> {
    if args.repair && points.len() > 1 {
        let data = &task.data.train.inputs;
        let repair = Repair { arch: &task.arch, data, rows: 10_000, knots: 2 };
        return Ok(repair.average(points, shares)?);
    }
    Ok(Span::new(&Tensor::stack(points, 0)?, shares.to_vec())?.materialize()?.squeeze(0)?)
}
