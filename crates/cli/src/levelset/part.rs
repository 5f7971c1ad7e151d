//! Merge trees in parts: each process looks at some pairs of a round, and writes what it found as `known.json`.
//!
//! The first round is that of the straight lines. The pairs of a later round follow from what all earlier rounds know, and from
//! nothing else: neither the number of parts nor the order in which they end changes the tree.

use std::{fs, path::Path as FilePath, time::Instant};

use collado_dynamics::{Connect, EdgeKind, EdgeValues, Edges, next_round, pairs};
use collado_files::read_number;
use serde::{Deserialize, Serialize};

use super::{
    args::{LevelsetArgs, Part},
    minima::Minima,
    proof::Paths,
};
use crate::{
    failure::Failure,
    files,
    folder::Folder,
    json::{self, print},
    progress,
    shown::counted,
    task::Task,
};

/// The name of the file with what a part found.
pub(super) const KNOWN: &str = "known.json";

/// What is known of some pairs, by their numbers among the minima.
#[derive(Default, Serialize, Deserialize)]
struct KnownPairs {
    /// The hashes of the minima's files, or their names where there is none.
    minima: Vec<String>,
    points: u16,
    method: String,
    lines: Vec<(usize, usize, Height)>,
    searched: Vec<(usize, usize, Height)>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Height(#[serde(deserialize_with = "read_number")] f64);

/// What a part did.
#[derive(Serialize)]
struct Summary {
    round: &'static str,
    part: String,
    /// The number of pairs of this part, and of the round.
    pairs: usize,
    pairs_of_round: usize,
    seconds: f64,
}

/// Reads what other runs know of pairs of the same minima, with the files of their paths.
pub(super) fn known(args: &LevelsetArgs, minima: &Minima, folder: &Folder) -> Result<EdgeValues, Failure> {
    let all = pairs(minima.names.len());
    let (mut lines, mut known) = (vec![None; all.len()], EdgeValues::default());
    for place in &args.known {
        let file = if place.is_dir() { place.join(KNOWN) } else { place.clone() };
        let wrong = |what: &str| Failure::new(format!("{}: {what}", file.display()));
        let found: KnownPairs =
            serde_json::from_value(json::read(&file)?).map_err(|e| wrong(&e.to_string()))?;
        if found.minima != identities(minima) || found.points != args.points {
            return Err(wrong("is about other minima or other --points"));
        }
        let at =
            |a: usize, b: usize| all.binary_search(&(a, b)).map_err(|_| wrong("names a pair that is none"));
        for (a, b, Height(value)) in found.lines {
            lines[at(a, b)?] = Some(value);
        }
        for (a, b, Height(value)) in found.searched {
            at(a, b)?;
            known.searched.insert((a, b), value);
            let name = minima.path((a, b), EdgeKind::Searched);
            if let Some(from) =
                file.parent().map(|place| place.join("paths").join(&name)).filter(|f| f.exists())
            {
                take(&from, &files::make(&folder.join("paths"))?.join(&name))?;
            }
        }
    }
    known.lines = lines.into_iter().collect::<Option<Vec<f64>>>().unwrap_or_default();
    Ok(known)
}

/// Gives a file another place: the same file where the system can do that, else a copy.
fn take(from: &FilePath, to: &FilePath) -> Result<(), Failure> {
    if to.exists() || fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to).map(drop).map_err(|e| Failure::new(format!("{}: {e}", to.display())))
}

fn identities(minima: &Minima) -> Vec<String> {
    minima
        .hashes
        .iter()
        .zip(&minima.names)
        .map(|(hash, name)| hash.clone().unwrap_or_else(|| name.clone()))
        .collect()
}

/// Looks at one part of the pairs of the next round.
pub(super) fn run(
    args: &LevelsetArgs,
    task: &Task,
    minima: &Minima,
    (name, method): (&str, Option<&dyn Connect>),
    folder: &Folder,
    part: Part,
) -> Result<(), Failure> {
    let begin = Instant::now();
    let known = known(args, minima, folder)?;
    let is_of_lines = known.lines.is_empty();
    let target = args.target();
    let round = match is_of_lines {
        true => pairs(minima.names.len()),
        false => next_round(&minima.upper(), &|f| target.bound(f), &known),
    };
    let own: Vec<(usize, usize)> = round.iter().copied().skip(part.index).step_by(part.of).collect();
    let mut found = KnownPairs {
        minima: identities(minima),
        points: args.points,
        method: name.into(),
        ..KnownPairs::default()
    };
    let paths = Paths { args, task, minima, folder: files::make(&folder.join("paths"))? };
    let bar = progress::bar("pairs", args.common.quiet);
    bar.set_length(own.len() as u64);
    paths.sampled(method, false, |edges| {
        if is_of_lines {
            let values = edges.lines(&own)?;
            found.lines = own.iter().zip(values).map(|(&(a, b), value)| (a, b, Height(value))).collect();
            return Ok(());
        }
        for &(a, b) in &own {
            let value = edges.search((a, b))?.filter(|_| !progress::interrupted());
            let Some(value) = value else {
                return Err(Failure::interrupted("interrupted; a part of a round is begun afresh"));
            };
            found.searched.push((a, b, Height(value)));
            bar.inc(1);
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    json::write(&folder.join(KNOWN), &found)?;
    let summary = Summary {
        round: if is_of_lines { "lines" } else { "searches" },
        part: format!("{}/{}", part.index, part.of),
        pairs: own.len(),
        pairs_of_round: round.len(),
        seconds: begin.elapsed().as_secs_f64(),
    };
    let described = folder.finish(&args.common, &summary, false)?;
    args.common.show(&described, || {
        let (own, all) = (counted(summary.pairs, "pair"), summary.pairs_of_round);
        print(&format!("{own} of {all} of the round of {}, part {}", summary.round, summary.part));
        print(&format!("written to {}", folder.path().display()));
    });
    Ok(())
}
