use std::path::Path;

use collado_dynamics::{Enclosure, Known, Way};
use serde_json::{Value as Json, json};

use super::{LevelsetArgs, Minima};
use crate::{failure::Failure, json::number, state::State, task::Task};

/// The values of edges found so far.
pub(super) struct Saved(State);

impl Saved {
    /// Opens the state of a folder: what is known already, when `--resume` asks for it.
    pub(super) fn open(
        args: &LevelsetArgs,
        task: &Task,
        minima: &Minima,
        folder: &Path,
    ) -> Result<(Self, Known), Failure> {
        let search = &args.search;
        let identity = json!({
            "minima": minima.hashes,
            "data": task.data.hash,
            "loss": task.risk.loss.to_string(),
            "kappa": number(task.risk.kappa),
            "regularizer": task.risk.regularizer.to_string(),
            "dtype": format!("{:?}", task.dtype),
            "search": format!("{:?} {:?} {:?} {} {:?}", args.method, args.align, search, args.points, args.common.seed),
            "proof": args.certify.then(|| number(args.tolerance)),
        });
        let state = State::new(folder, "edges.safetensors", identity);
        let known = if args.out.resume { state.read(|state, _| Ok(parse(state)))? } else { None };
        Ok((Self(state), known.unwrap_or_default()))
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
        Ok(self.0.write(&json!({"lines": lines, "searched": searched, "proved": proved}), [])?)
    }

    /// Nothing is left to go on with.
    pub(super) fn remove(self) -> Result<(), Failure> {
        self.0.remove()
    }
}

fn parse(state: &Json) -> Known {
    // What is not finite was written as a word.
    let value = |v: &Json| v.as_str().and_then(|s| s.parse().ok()).or(v.as_f64()).unwrap_or(f64::NAN);
    let list = |name: &str| state[name].as_array().into_iter().flatten();
    let index = |v: &Json| v.as_u64().map_or(usize::MAX, |i| i as usize);
    let pair = |e: &Json| (index(&e[0]), index(&e[1]));
    let way = |e: &Json| if e[2] == "line" { Way::Line } else { Way::Searched };
    let proof = |e: &Json| Enclosure { lo: value(&e[3]), hi: value(&e[4]) };
    Known {
        lines: list("lines").map(value).collect(),
        searched: list("searched").map(|e| (pair(e), value(&e[2]))).collect(),
        proved: list("proved").map(|e| ((pair(e), way(e)), proof(e))).collect(),
    }
}
