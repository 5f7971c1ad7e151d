//! The merge tree as `tree.json` has it.

use collado_dynamics::{Edge as Joined, EdgeKind, Enclosure, Node};
use serde::Serialize;

use super::{
    minima::Minima,
    star::StarRecord,
    tree::{LevelsetResult, joined},
};

/// The result of `levelset`.
#[derive(Serialize)]
pub(super) struct Summary<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    star: Option<&'a StarRecord>,
    minima: Vec<Minimum>,
    copies: Vec<Copied>,
    edges: Vec<Edge>,
    nodes: Vec<NodeRecord>,
    roots: Vec<usize>,
    levels: Vec<Level>,
    all_joined_at: f64,
    all_joined_by_lines_at: f64,
    pairs: usize,
    searched: usize,
    method: String,
    align: &'static str,
    points: u16,
    status: &'static str,
    note: &'static str,
}

#[derive(Serialize)]
struct Minimum {
    name: String,
    risk: f64,
    certified: Option<Enclosure>,
    hash: Option<String>,
}

/// A minimum that is another one up to symmetry.
#[derive(Serialize)]
struct Copied {
    name: String,
    same_as: String,
}

/// A pair of minima that the tree joins.
#[derive(Serialize)]
struct Edge {
    a: String,
    b: String,
    value: f64,
    /// On the straight line.
    line: f64,
    /// On the path that was searched for.
    searched: Option<f64>,
    certified: Option<Enclosure>,
    /// The file of the path, where there is one.
    path: Option<String>,
}

/// A minimum, or where two parts of the tree join.
#[derive(Serialize)]
struct NodeRecord {
    height: f64,
    children: Option<(usize, usize)>,
}

/// The components of the minima up to a level.
#[derive(Serialize)]
struct Level {
    level: f64,
    count: usize,
    /// The minima whose own risk this level is.
    appear: Vec<String>,
    components: Vec<Vec<String>>,
}

impl<'a> Summary<'a> {
    pub(super) fn new(found: &'a LevelsetResult<'_>) -> Self {
        let LevelsetResult { args, minima, known, tree, .. } = found;
        let minimum = |i: usize| Minimum {
            name: minima.names[i].clone(),
            risk: minima.risks[i],
            certified: minima.proved[i],
            hash: minima.hashes[i].clone(),
        };
        let copied = |(name, of): &(String, String)| Copied { name: name.clone(), same_as: of.clone() };
        let edge = |e: &Joined| Edge {
            a: minima.names[e.a].clone(),
            b: minima.names[e.b].clone(),
            value: e.value,
            line: e.line,
            searched: e.searched,
            certified: e.proved,
            path: file(minima, e),
        };
        let node = |n: &Node| NodeRecord { height: n.height, children: n.children };
        Self {
            star: found.star.as_ref(),
            minima: (0..minima.risks.len()).map(minimum).collect(),
            copies: minima.copies.iter().map(copied).collect(),
            edges: tree.edges().iter().map(edge).collect(),
            nodes: tree.nodes().iter().map(node).collect(),
            roots: tree.roots().to_vec(),
            levels: levels(found),
            all_joined_at: joined(tree),
            all_joined_by_lines_at: joined(&found.lines),
            pairs: known.lines.len(),
            searched: known.searched.len(),
            method: found.method.to_owned(),
            align: args.align.name(),
            points: args.points,
            status: if found.is_proved() { "proved" } else { "sampled" },
            note: found.note(),
        }
    }
}

/// The levels where a minimum appears or two components join, and those that were asked for.
fn levels(found: &LevelsetResult<'_>) -> Vec<Level> {
    let LevelsetResult { args, minima, tree, .. } = found;
    let (births, joins) = tree.nodes().split_at(minima.risks.len());
    let events = births.iter().chain(joins).map(|n| n.height);
    let mut levels: Vec<f64> = events.chain(args.levels.iter().copied()).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let names = |of: &[usize]| of.iter().map(|&i| minima.names[i].clone()).collect();
    let components = |level: f64| {
        let components: Vec<Vec<String>> = tree.components(level).iter().map(|c| names(c)).collect();
        let appear: Vec<usize> = (0..births.len()).filter(|&i| births[i].height == level).collect();
        Level { level, count: components.len(), appear: names(&appear), components }
    };
    levels.into_iter().map(components).collect()
}

/// The file of an edge's path, if there is one.
fn file(minima: &Minima, e: &Joined) -> Option<String> {
    (e.way == EdgeKind::Searched || e.proved.is_some())
        .then(|| format!("paths/{}", minima.path((e.a, e.b), e.way)))
}
