//! The saved state of `collado levelset`.

use collado_dynamics::{EdgeKind, EdgeValues, Enclosure, Error};
use collado_files::read_number;
use serde::{Deserialize, Serialize};

use super::minima::Minima;
use crate::{
    failure::Failure,
    folder::Folder,
    state::{State, missing},
};

/// The state file of the values of edges found so far.
pub(super) struct Saved(State);

/// The content of a state.
#[derive(Serialize, Deserialize)]
struct Payload {
    lines: Vec<Height>,
    searched: Vec<Searched>,
    proved: Vec<Proved>,
}

#[derive(Serialize, Deserialize)]
struct Height(#[serde(deserialize_with = "read_number")] f64);

/// A pair and the largest risk on the path that was searched for.
#[derive(Serialize, Deserialize)]
struct Searched(usize, usize, Height);

/// A pair, which of its paths, and what the largest risk on it is proved to lie in.
#[derive(Serialize, Deserialize)]
struct Proved(usize, usize, Kind, Height, Height);

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Line,
    Searched,
}

impl Saved {
    /// Opens the state of a folder and reads the values that are known already.
    pub(super) fn open(folder: &Folder, minima: &Minima) -> Result<(Self, EdgeValues), Failure> {
        let state = folder.state("edges.safetensors");
        let known = state.read(|payload: Payload, _| payload.values(minima).ok_or_else(missing))?;
        Ok((Self(state), known.unwrap_or_default()))
    }

    /// Saves the known values.
    pub(super) fn write(&self, known: &EdgeValues) -> collado_dynamics::Result<()> {
        self.0.write(&Payload::new(known), []).map_err(|e| Error::Method(e.to_string()))
    }
}

impl Payload {
    fn new(known: &EdgeValues) -> Self {
        let kind = |kind| match kind {
            EdgeKind::Line => Kind::Line,
            EdgeKind::Searched => Kind::Searched,
        };
        let proved = known.proved.iter();
        Self {
            lines: known.lines.iter().copied().map(Height).collect(),
            searched: known.searched.iter().map(|(&(i, j), &v)| Searched(i, j, Height(v))).collect(),
            proved: proved
                .map(|(&((i, j), k), e)| Proved(i, j, kind(k), Height(e.lo), Height(e.hi)))
                .collect(),
        }
    }

    /// The values; nothing where a number is not what it can be.
    fn values(self, minima: &Minima) -> Option<EdgeValues> {
        let pair = |i: usize, j: usize| (i.max(j) < minima.risks.len()).then_some((i, j));
        let searched = |Searched(i, j, Height(v)): Searched| Some((pair(i, j)?, v));
        // No path is lower than its ends.
        let proved = |Proved(i, j, kind, Height(lo), Height(hi)): Proved| {
            let pair = pair(i, j)?;
            let kind = match kind {
                Kind::Line => EdgeKind::Line,
                Kind::Searched => EdgeKind::Searched,
            };
            let ends = [i, j].map(|i| minima.proved[i].map(|p| p.lo));
            let holds = lo <= hi && ends.iter().flatten().all(|end| *end <= hi);
            holds.then_some(((pair, kind), Enclosure { lo, hi }))
        };
        Some(EdgeValues {
            lines: self.lines.into_iter().map(|Height(v)| v).collect(),
            searched: self.searched.into_iter().map(searched).collect::<Option<_>>()?,
            proved: self.proved.into_iter().map(proved).collect::<Option<_>>()?,
        })
    }
}
