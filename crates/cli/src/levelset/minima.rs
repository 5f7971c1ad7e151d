//! The minima of a merge tree: reading, aligning and comparing them.

use std::path::PathBuf;

use candle_core::Tensor;
use collado_dynamics::{Enclosure, distinct};
use collado_files::Checkpoint;
use collado_risk::{Objective, Span};

use super::{args::LevelsetArgs, enclose};
use crate::{
    failure::Failure,
    search::{AlignBy, Ends},
    task::Task,
};

/// The minima of one tree.
pub(super) struct Minima {
    pub(super) names: Vec<String>,
    /// The names of the tensors in the file of each minimum.
    pub(super) tensors: Vec<collado_files::Names>,
    pub(super) hashes: Vec<Option<String>>,
    pub(super) risks: Vec<f64>,
    /// Enclosures of the risks, where proofs are asked for.
    pub(super) proved: Vec<Option<Enclosure>>,
    /// For each minimum that equals another one up to symmetry, its name and the name of the other.
    pub(super) copies: Vec<(String, String)>,
    pub(super) stack: Tensor,
    /// The running statistics `[M, B]` of the minima, if all files have some.
    pub(super) buffers: Option<Tensor>,
}

impl Minima {
    /// The risks, or their proved upper bounds.
    pub(super) fn upper(&self) -> Vec<f64> {
        self.risks.iter().zip(&self.proved).map(|(&risk, proved)| proved.map_or(risk, |e| e.hi)).collect()
    }
}

/// Aligns and compares the minima.
pub(super) fn read(
    args: &LevelsetArgs,
    task: &Task,
    files: &[PathBuf],
    checkpoints: &[Checkpoint],
) -> Result<Minima, Failure> {
    let read = checkpoints.iter().zip(files);
    let mut points = read.map(|(c, file)| task.place(&c.theta, file)).collect::<Result<Vec<Tensor>, _>>()?;
    let mut stack = Tensor::stack(&points, 0)?;
    let mut rows: Option<Vec<Tensor>> = checkpoints.iter().map(|c| c.buffers.clone()).collect();
    let mut risks = task.train.risks(&span(&stack, rows.as_deref())?)?;
    if args.align != AlignBy::None {
        let lowest = (0..risks.len()).min_by(|&i, &j| risks[i].total_cmp(&risks[j])).unwrap_or(0);
        let a = points[lowest].clone();
        for (i, b) in points.iter_mut().enumerate() {
            let own = rows.as_ref().map(|rows| rows[i].clone());
            let ends = Ends { a: a.clone(), b: b.clone(), buffers: [None, own], alignment: None };
            let aligned = ends.align(args.align, task, &args.common)?;
            *b = aligned.b;
            if let (Some(rows), [_, Some(row)]) = (&mut rows, aligned.buffers) {
                rows[i] = row;
            }
        }
        stack = Tensor::stack(&points, 0)?;
        // Scales may have changed the regulariser.
        risks = task.train.risks(&span(&stack, rows.as_deref())?)?;
    }
    let names = names(files);
    let firsts =
        distinct(&task.arch, &stack.to_device(&candle_core::Device::Cpu)?, &risks, args.common.seed)?;
    let kept: Vec<usize> = (0..risks.len()).filter(|&i| firsts[i] == i).collect();
    let numbers: Vec<u32> = kept.iter().map(|&i| i as u32).collect();
    let buffers = rows.map(|rows| Tensor::stack(&kept.iter().map(|&i| &rows[i]).collect::<Vec<_>>(), 0));
    let copies = (0..risks.len()).filter(|&i| firsts[i] != i);
    let proved = |&i: &usize| args.certify.then(|| enclose::point(args, task, &points[i])).transpose();
    Ok(Minima {
        proved: kept.iter().map(proved).collect::<Result<_, _>>()?,
        copies: copies.map(|i| (names[i].clone(), names[firsts[i]].clone())).collect(),
        names: kept.iter().map(|&i| names[i].clone()).collect(),
        tensors: kept.iter().map(|&i| checkpoints[i].names.clone()).collect(),
        hashes: kept.iter().map(|&i| checkpoints[i].hash.clone()).collect(),
        risks: kept.iter().map(|&i| risks[i]).collect(),
        stack: stack.index_select(&Tensor::new(numbers, stack.device())?, 0)?,
        buffers: buffers.transpose()?,
    })
}

/// The points with their running statistics, where those are known.
fn span(stack: &Tensor, rows: Option<&[Tensor]>) -> Result<Span, Failure> {
    let span = Span::stack(stack)?;
    match rows {
        Some(rows) => Ok(span.with_buffers(&Tensor::stack(rows, 0)?)?),
        None => Ok(span),
    }
}

/// The file names without extension, or the whole paths where these are not different.
fn names(files: &[PathBuf]) -> Vec<String> {
    let stems: Vec<String> =
        files.iter().map(|f| f.file_stem().unwrap_or_default().to_string_lossy().into_owned()).collect();
    let mut unlike = stems.clone();
    unlike.sort();
    unlike.dedup();
    if unlike.len() == files.len() {
        return stems;
    }
    files.iter().map(|f| f.display().to_string()).collect()
}
