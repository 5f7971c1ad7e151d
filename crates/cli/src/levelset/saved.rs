//! The saved state of `collado levelset`.

use std::path::Path;

use collado_dynamics::{EdgeKind, EdgeValues, Enclosure};
use serde_json::{Value as Json, json};

use super::Minima;
use crate::{
    failure::Failure,
    json::number,
    state::{State, missing},
};

/// The state file of the values of edges found so far.
pub(super) struct Saved(State);

impl Saved {
    /// Opens the state of a folder and reads the values that are known already.
    pub(super) fn open(folder: &Path, minima: &Minima) -> Result<(Self, EdgeValues), Failure> {
        let state = State::new(folder, "edges.safetensors");
        let known = state.read(|state, _| parse(state, minima).ok_or_else(missing))?;
        Ok((Self(state), known.unwrap_or_default()))
    }

    /// Saves the known values.
    pub(super) fn write(&self, known: &EdgeValues) -> collado_dynamics::Result<()> {
        let lines: Vec<Json> = known.lines.iter().map(|&v| number(v)).collect();
        let searched: Vec<Json> =
            known.searched.iter().map(|(&(i, j), &v)| json!([i, j, number(v)])).collect();
        let proved = known.proved.iter().map(|(&((i, j), way), e)| {
            json!([i, j, if way == EdgeKind::Line { "line" } else { "searched" }, number(e.lo), number(e.hi)])
        });
        let proved: Vec<Json> = proved.collect();
        let state = json!({"lines": lines, "searched": searched, "proved": proved});
        self.0.write(&state, []).map_err(|e| collado_dynamics::Error::Method(e.to_string()))
    }
}

/// Reads the content that [`Saved::write`] wrote; the result is `None` where a number is out of range.
fn parse(state: &Json, minima: &Minima) -> Option<EdgeValues> {
    let count = minima.risks.len();
    // What is not finite was written as a word.
    let value = |v: &Json| v.as_str().and_then(|s| s.parse().ok()).or(v.as_f64());
    let list = |name: &str| Some(state[name].as_array()?.iter());
    let index = |v: &Json| usize::try_from(v.as_u64()?).ok().filter(|i| *i < count);
    let pair = |e: &Json| Some((index(&e[0])?, index(&e[1])?));
    let way = |e: &Json| match e[2].as_str() {
        Some("line") => Some(EdgeKind::Line),
        Some("searched") => Some(EdgeKind::Searched),
        _ => None,
    };
    // No path is lower than its ends.
    let proof = |e: &Json| {
        let (lo, hi) = (value(&e[3])?, value(&e[4])?);
        let ends = pair(e).map(|(i, j)| [i, j].map(|i| minima.proved[i].map(|p| p.lo)))?;
        (lo <= hi && ends.iter().flatten().all(|end| *end <= hi)).then_some(Enclosure { lo, hi })
    };
    Some(EdgeValues {
        lines: list("lines")?.map(value).collect::<Option<_>>()?,
        searched: list("searched")?.map(|e| Some((pair(e)?, value(&e[2])?))).collect::<Option<_>>()?,
        proved: list("proved")?.map(|e| Some(((pair(e)?, way(e)?), proof(e)?))).collect::<Option<_>>()?,
    })
}
