//! The minima of a merge tree: reading, aligning and comparing them.

use std::{collections::HashSet, path::PathBuf};

use candle_core::Tensor;
use collado_dynamics::{EdgeKind, Enclosure, distinct};
use collado_files::Checkpoint;
use collado_risk::{Objective, Span};

use super::{args::LevelsetArgs, enclose};
use crate::{
    failure::Failure,
    search::{AlignBy, Ends},
    task::Task,
};

/// The longest part of a name that becomes part of the name of a file.
const LONGEST: usize = 80;

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

    /// The name of the file of a path between two minima, after theirs.
    pub(super) fn path(&self, (i, j): (usize, usize), way: EdgeKind) -> String {
        let way = if way == EdgeKind::Line { "-line" } else { "" };
        format!("{}--{}{way}.safetensors", self.file(i), self.file(j))
    }

    /// The name of a minimum as a part of the name of a file; with its place where another one would look the same.
    fn file(&self, i: usize) -> String {
        let plain = |name: &String| -> String {
            let last = name.chars().rev().take(LONGEST).collect::<Vec<_>>();
            last.into_iter()
                .rev()
                .map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' })
                .collect()
        };
        let own = plain(&self.names[i]);
        let is_alone = self.names.iter().filter(|name| plain(name) == own).count() == 1;
        if is_alone { own } else { format!("{own}-{i}") }
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

/// The file names without extension; where these are not different, with as many of the folders above as tell them apart, and
/// the whole paths where nothing does.
fn names(files: &[PathBuf]) -> Vec<String> {
    let with_folders = |count: usize| -> Vec<String> {
        let name = |file: &PathBuf| {
            let plain = file.with_extension("");
            let parts: Vec<_> = plain.iter().map(|part| part.to_string_lossy()).collect();
            parts[parts.len().saturating_sub(count + 1)..].join("/")
        };
        files.iter().map(name).collect()
    };
    let deepest = files.iter().map(|file| file.iter().count()).max().unwrap_or(0);
    let are_unlike = |names: &Vec<String>| names.iter().collect::<HashSet<_>>().len() == names.len();
    let found = (0..deepest).map(with_folders).find(are_unlike);
    found.unwrap_or_else(|| files.iter().map(|f| f.display().to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_short_as_they_can_be() {
        let of = |files: &[&str]| names(&files.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(of(&["runs/t/seed-0.safetensors", "runs/t/seed-1.safetensors"]), ["seed-0", "seed-1"]);
        assert_eq!(of(&["x/a/s.safetensors", "x/b/s.safetensors"]), ["a/s", "b/s"]);
        assert_eq!(of(&["/x/s.pt", "s.pt"]), ["x/s", "s"]);
        assert_eq!(of(&["s.pt", "s.safetensors"]), ["s.pt", "s.safetensors"]);
    }
}
