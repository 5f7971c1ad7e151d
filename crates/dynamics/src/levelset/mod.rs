//! Level sets of many minima: the level from which on they are known to be connected (docs/theory.md §7).
//!
//! Minima are the vertices of a graph, and an edge's value is the largest risk on a path between its ends. Two minima
//! lie in one component of $\Omega_F(\lambda)=\{\theta:F(\theta)\le\lambda\}$ if edges of value ≤ λ join them; the
//! least such λ is read off the minimum spanning tree. **An edge proves a connection** (as far as its value is proved:
//! sampled values are not); **a missing edge proves nothing**: there may be a lower path that nobody has found.

mod distinct;
mod newick;
mod sampled;
mod tree;
mod union_find;

use std::{collections::BTreeMap, ops::ControlFlow};

use serde::Serialize;
use tracing::{debug, info, info_span};

use self::union_find::UnionFind;
pub use self::{
    distinct::distinct,
    sampled::{SampledEdges, line_maxima, maxima},
    tree::MergeTree,
    tree::Node,
};
use crate::Result;

/// One of the two paths that are known between a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// The straight line.
    Line,
    /// The path that was searched for.
    Searched,
}

/// A proved enclosure \[lo, hi\] of the largest risk on a path, with rounding accounted for. This crate does not check
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Enclosure {
    /// The largest risk is at least this.
    pub lo: f64,
    /// The largest risk is at most this; +∞ where no bound was found.
    pub hi: f64,
}

/// A source of the values of edges, which are sampled along paths, and proved where that is asked for.
pub trait Edges {
    /// The largest risk on the straight line of each pair, for all pairs together.
    ///
    /// # Errors
    /// When the risk cannot be evaluated.
    fn lines(&mut self, pairs: &[(usize, usize)]) -> Result<Vec<f64>>;

    /// Searches a path between two minima and returns the largest risk on it, or `None` where there is no method.
    ///
    /// # Errors
    /// When the search fails.
    fn search(&mut self, pair: (usize, usize)) -> Result<Option<f64>>;

    /// Encloses the largest risk on a path whose sampled value is known; `None` where no proofs are asked for.
    ///
    /// # Errors
    /// When the proof fails.
    fn prove(&mut self, pair: (usize, usize), way: EdgeKind) -> Result<Option<Enclosure>>;
}

/// The values of edges that are known so far. A saved run goes on from them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EdgeValues {
    /// The largest risks on the straight lines, in the order of [`pairs`]; empty before they are evaluated.
    pub lines: Vec<f64>,
    /// The largest risks on the paths that were searched for.
    pub searched: BTreeMap<(usize, usize), f64>,
    /// The proved enclosures.
    pub proved: BTreeMap<((usize, usize), EdgeKind), Enclosure>,
}

impl EdgeValues {
    /// The lower of the paths of a pair, and its value: the proved upper end, or else the sampled value. Paths with the
    /// value NaN are ignored.
    fn lowest(&self, pair: (usize, usize), line: f64) -> Option<(EdgeKind, f64)> {
        let searched = self.searched.get(&pair).map(|&v| (EdgeKind::Searched, v));
        let values = searched.into_iter().chain([(EdgeKind::Line, line)]);
        let values = values.map(|(way, v)| (way, self.proved.get(&(pair, way)).map_or(v, |e| e.hi)));
        values.filter(|(_, v)| !v.is_nan()).min_by(|x, y| x.1.total_cmp(&y.1))
    }
}

/// An edge of the spanning tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// The first minimum.
    pub a: usize,
    /// The second minimum, `a < b`.
    pub b: usize,
    /// The largest risk on the lower of the two paths: the upper end of the proved enclosure, if there is one.
    pub value: f64,
    /// The kind of the lower path.
    pub way: EdgeKind,
    /// The largest risk sampled on the straight line.
    pub line: f64,
    /// The largest risk sampled on the path that was searched for, if one was.
    pub searched: Option<f64>,
    /// The proved enclosure for the lower path.
    pub proved: Option<Enclosure>,
}

/// All pairs of `count` minima, (0, 1), (0, 2), …
pub fn pairs(count: usize) -> Vec<(usize, usize)> {
    (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))).collect()
}

/// The minimum spanning tree of minima with the given `risks`, its edges in ascending order; fewer edges than a tree
/// has where values are not finite.
///
/// Straight lines come first, then searches, cheapest pair first: no path between two minima lies below the higher of
/// them, so a pair is worth a search only where the tree joins it at more than `allowed(F)` above that bound F. When
/// none is left, every pair is joined at most `allowed(F)` higher than with all pairs searched, and with `allowed = 0`
/// exactly as low: few searches do if most of them succeed.
///
/// Where `edges` proves, only the tree's own edges are proved, and each then counts with its upper end, until all of
/// the tree are. Sampled values are lower bounds of proved ones, so an edge that is left out unproved would not be
/// lower (up to the rounding of samples, which can cost some height, but no proof).
///
/// `known` takes every value as it is found; `progress` is told after each. After `Break` the tree of what is
/// known is returned.
///
/// # Errors
/// The errors of `edges` and `progress`.
pub fn spanning_tree(
    risks: &[f64],
    allowed: &dyn Fn(f64) -> f64,
    edges: &mut dyn Edges,
    known: &mut EdgeValues,
    progress: &mut dyn FnMut(&EdgeValues) -> Result<ControlFlow<()>>,
) -> Result<Vec<Edge>> {
    let pairs = pairs(risks.len());
    let _span = info_span!("level set", minima = risks.len(), pairs = pairs.len()).entered();
    if !known.lines.is_empty() || !known.searched.is_empty() {
        info!(searched = known.searched.len(), proved = known.proved.len(), "resumed");
    }
    if known.lines.len() != pairs.len() {
        known.lines = edges.lines(&pairs)?;
        if progress(known)?.is_break() {
            return Ok(kruskal(risks, &pairs, known));
        }
    }
    loop {
        let tree = kruskal(risks, &pairs, known);
        let searched = match worth_a_search(risks, &tree, allowed, known) {
            Some(pair) => edges.search(pair)?.map(|value| known.searched.insert(pair, value)).is_some(),
            None => false,
        };
        if !searched {
            let Some(edge) = tree.iter().find(|e| e.proved.is_none()) else { return Ok(tree) };
            let path = ((edge.a, edge.b), edge.way);
            debug!(a = edge.a, b = edge.b, value = edge.value, "edge to prove");
            let Some(proof) = edges.prove(path.0, path.1)? else { return Ok(tree) };
            known.proved.insert(path, proof);
        }
        if progress(known)?.is_break() {
            return Ok(kruskal(risks, &pairs, known));
        }
    }
}

/// The pairs that [`spanning_tree`] would search from what is `known` on if every search succeeded: those of a round, which can be
/// searched at the same time. They follow from the values alone, and there are none when the tree is finished.
///
/// Where all searches succeed, one round does; where some fail, the next round has the pairs that are worth a search then.
pub fn next_round(risks: &[f64], allowed: &dyn Fn(f64) -> f64, known: &EdgeValues) -> Vec<(usize, usize)> {
    let (pairs, mut hoped) = (pairs(risks.len()), known.clone());
    let mut round = Vec::new();
    while let Some((a, b)) = worth_a_search(risks, &kruskal(risks, &pairs, &hoped), allowed, &hoped) {
        hoped.searched.insert((a, b), risks[a].max(risks[b]));
        round.push((a, b));
    }
    round
}

/// The pair with the lowest bound among those that the tree joins too high and that were not searched.
fn worth_a_search(
    risks: &[f64],
    tree: &[Edge],
    allowed: &dyn Fn(f64) -> f64,
    known: &EdgeValues,
) -> Option<(usize, usize)> {
    let joined = MergeTree::new(risks, tree).heights();
    let lower = |&(a, b): &(usize, usize)| risks[a].max(risks[b]);
    let pairs = pairs(risks.len()).into_iter().zip(&known.lines);
    let open = pairs.filter(|(pair, _)| {
        let bound = lower(pair) + allowed(lower(pair));
        !known.searched.contains_key(pair) && joined[pair.0][pair.1] > bound
    });
    open.min_by(|(p, x), (q, y)| lower(p).total_cmp(&lower(q)).then(x.total_cmp(y))).map(|(pair, _)| pair)
}

/// The minimum spanning tree by Kruskal's algorithm on the known values.
fn kruskal(risks: &[f64], pairs: &[(usize, usize)], known: &EdgeValues) -> Vec<Edge> {
    let lines = pairs.iter().zip(&known.lines);
    let mut edges: Vec<Edge> = lines
        .filter_map(|(&(a, b), &line)| {
            let (way, least) = known.lowest((a, b), line)?;
            let searched = known.searched.get(&(a, b)).copied();
            let proved = known.proved.get(&((a, b), way)).copied();
            // A path holds its ends.
            Some(Edge { a, b, value: least.max(risks[a]).max(risks[b]), way, line, searched, proved })
        })
        .filter(|e| e.value.is_finite())
        .collect();
    edges.sort_by(|x, y| x.value.total_cmp(&y.value));
    let mut sets = UnionFind::new(risks.len());
    edges.retain(|e| sets.join(e.a, e.b).is_some());
    edges
}
