use std::path::{Path, PathBuf};

use collado_dynamics::{Enclosure, Known, Way};
use serde_json::{Value as Json, json};

use super::{LevelsetArgs, Minima};
use crate::{
    failure::Failure,
    folder,
    json::{number, write},
    task::Task,
};

/// The values of edges found so far, in `.state/edges.json`, with what they are values of.
pub(super) struct Saved {
    file: PathBuf,
    problem: Json,
}

impl Saved {
    /// Opens the state of a folder: what is known already, when `--resume` asks for it.
    pub(super) fn open(
        args: &LevelsetArgs,
        task: &Task,
        minima: &Minima,
        folder: &Path,
    ) -> Result<(Self, Known), Failure> {
        let file = folder::make(&folder.join(".state"))?.join("edges.json");
        let search = &args.search;
        let problem = json!({
            "minima": minima.hashes,
            "data": task.data.hash,
            "loss": task.risk.loss.to_string(),
            "kappa": number(task.risk.kappa),
            "regularizer": task.risk.regularizer.to_string(),
            "dtype": format!("{:?}", task.dtype),
            "search": format!("{:?} {:?} {:?} {} {:?}", args.method, args.align, search, args.points, args.common.seed),
            "proof": args.certify.then(|| number(args.tolerance)),
        });
        let saved = Self { file, problem };
        let known = if args.out.resume && saved.file.exists() { saved.read()? } else { Known::default() };
        Ok((saved, known))
    }

    fn read(&self) -> Result<Known, Failure> {
        let fail = |e: &dyn std::fmt::Display| Failure::new(format!("{}: {e}", self.file.display()));
        let text = std::fs::read_to_string(&self.file).map_err(|e| fail(&e))?;
        let state: Json = serde_json::from_str(&text).map_err(|e| fail(&e))?;
        if state["problem"] != self.problem {
            return Err(fail(&"expected the state of this search, found another's")
                .hint("resume with the same checkpoints, data and settings, or start afresh with --force"));
        }
        // What is not finite was written as a word.
        let value = |v: &Json| v.as_str().and_then(|s| s.parse().ok()).or(v.as_f64()).unwrap_or(f64::NAN);
        let list = |name: &str| state[name].as_array().into_iter().flatten();
        let index = |v: &Json| v.as_u64().map_or(usize::MAX, |i| i as usize);
        let pair = |e: &Json| (index(&e[0]), index(&e[1]));
        let way = |e: &Json| if e[2] == "line" { Way::Line } else { Way::Searched };
        let proof = |e: &Json| Enclosure { lo: value(&e[3]), hi: value(&e[4]) };
        Ok(Known {
            lines: list("lines").map(value).collect(),
            searched: list("searched").map(|e| (pair(e), value(&e[2]))).collect(),
            proved: list("proved").map(|e| ((pair(e), way(e)), proof(e))).collect(),
        })
    }

    /// Saves what is known.
    pub(super) fn write(&self, known: &Known) -> collado_dynamics::Result<()> {
        let lines: Vec<Json> = known.lines.iter().map(|&v| number(v)).collect();
        let searched: Vec<Json> =
            known.searched.iter().map(|(&(i, j), &v)| json!([i, j, number(v)])).collect();
        let proved = known.proved.iter().map(|(&((i, j), way), e)| {
            json!([i, j, if way == Way::Line { "line" } else { "searched" }, number(e.lo), number(e.hi)])
        });
        let proved: Vec<Json> = proved.collect();
        let state = json!({"problem": self.problem, "lines": lines, "searched": searched, "proved": proved});
        write(&self.file, &state).map_err(|e| collado_dynamics::Error::State(e.to_string()))
    }

    /// Nothing is left to go on with.
    pub(super) fn remove(self) -> Result<(), Failure> {
        crate::folder::remove(self.file.parent().unwrap_or(&self.file))
    }
}
