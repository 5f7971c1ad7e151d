//! Level sets of many minima: from which level on are they known to be connected?
//!
//! Minima are the vertices of a graph, and an edge's value is the largest risk on a path between its ends. Two minima
//! lie in one component of $\Omega_F(\lambda)=\{\theta:F(\theta)\le\lambda\}$ if edges of value ≤ λ join them; the least such
//! λ is read off the minimum spanning tree. **An edge proves a connection** (as far as its value is proved: sampled
//! values are not); **a missing edge proves nothing**: there may be a lower path that nobody has found.

mod distinct;
mod newick;
mod sampled;
mod tree;
mod union_find;

use std::collections::BTreeMap;

use self::union_find::UnionFind;
pub use self::{distinct::distinct, sampled::SampledEdges, tree::MergeTree, tree::Node};
use crate::Result;

/// Upper bounds on how high one must climb between minima: sampled along paths, or certified.
pub trait Edges {
    /// The largest risk on the straight line of each pair, all in one go.
    ///
    /// # Errors
    /// When the risk cannot be evaluated.
    fn lines(&mut self, pairs: &[(usize, usize)]) -> Result<Vec<f64>>;

    /// The largest risk on a path that is searched for between two minima; nothing where there is no method to search.
    ///
    /// # Errors
    /// When the search fails.
    fn search(&mut self, pair: (usize, usize)) -> Result<Option<f64>>;
}

/// Values of edges that are known so far: what a saved run goes on from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// The largest risks on the straight lines, in the order of [`pairs`]; empty before they are evaluated.
    pub lines: Vec<f64>,
    /// Those of the paths that were searched for.
    pub searched: BTreeMap<(usize, usize), f64>,
}

/// An edge of the spanning tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// One minimum.
    pub a: usize,
    /// The other, `a < b`.
    pub b: usize,
    /// The largest risk on the lower of the two paths.
    pub value: f64,
    /// The largest risk on the straight line.
    pub line: f64,
    /// The largest risk on the path that was searched for, if one was.
    pub searched: Option<f64>,
}

/// All pairs of `count` minima, (0, 1), (0, 2), …
pub fn pairs(count: usize) -> Vec<(usize, usize)> {
    (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))).collect()
}

/// The minimum spanning tree of minima with the given `risks`, its edges in ascending order; fewer edges than a tree has
/// where values are not finite.
///
/// Straight lines come first, then searches, cheapest pair first: no path between two minima lies below the higher of
/// them, so a pair is worth a search only where the tree joins it at more than `allowed(F)` above that bound F. When none
/// is left, every pair is joined at most `allowed(F)` higher than with all pairs searched, and with `allowed = 0`
/// exactly as low: few searches do if most of them succeed.
///
/// `known` takes every value as it is found; `progress` is told after each and stops the search by `false`, with the
/// tree of what is known.
///
/// # Errors
/// Those of `edges` and `progress`.
pub fn spanning_tree(
    risks: &[f64],
    allowed: &dyn Fn(f64) -> f64,
    edges: &mut dyn Edges,
    known: &mut Known,
    progress: &mut dyn FnMut(&Known) -> Result<bool>,
) -> Result<Vec<Edge>> {
    let pairs = pairs(risks.len());
    if known.lines.len() != pairs.len() {
        known.lines = edges.lines(&pairs)?;
        if !progress(known)? {
            return Ok(kruskal(risks, &pairs, known));
        }
    }
    loop {
        let tree = kruskal(risks, &pairs, known);
        let joined = MergeTree::new(risks, &tree).heights();
        let lower = |&(a, b): &(usize, usize)| risks[a].max(risks[b]);
        let open = pairs.iter().zip(&known.lines).filter(|(pair, _)| {
            let bound = lower(pair) + allowed(lower(pair));
            !known.searched.contains_key(pair) && joined[pair.0][pair.1] > bound
        });
        let cheapest = open.min_by(|(p, x), (q, y)| lower(p).total_cmp(&lower(q)).then(x.total_cmp(y)));
        let Some((&pair, _)) = cheapest else { return Ok(tree) };
        let Some(value) = edges.search(pair)? else { return Ok(tree) };
        known.searched.insert(pair, value);
        if !progress(known)? {
            return Ok(kruskal(risks, &pairs, known));
        }
    }
}

/// Kruskal's algorithm on the values known.
fn kruskal(risks: &[f64], pairs: &[(usize, usize)], known: &Known) -> Vec<Edge> {
    let lines = pairs.iter().zip(&known.lines);
    let mut edges: Vec<Edge> = lines
        .map(|(&(a, b), &line)| {
            let searched = known.searched.get(&(a, b)).copied();
            // A path holds its ends. NaN is no value at all.
            let least =
                searched.into_iter().chain([line]).filter(|v| !v.is_nan()).fold(f64::INFINITY, f64::min);
            Edge { a, b, value: least.max(risks[a]).max(risks[b]), line, searched }
        })
        .filter(|e| e.value.is_finite())
        .collect();
    edges.sort_by(|x, y| x.value.total_cmp(&y.value));
    let mut sets = UnionFind::new(risks.len());
    edges.retain(|e| sets.join(e.a, e.b).is_some());
    edges
}
