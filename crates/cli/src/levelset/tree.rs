//! The merge tree: its picture, and what people read of it.

use std::{io::Write, path::Path};

use collado_dynamics::{Edge, EdgeKind, EdgeValues, MergeTree};
use collado_files::atomically;
use collado_plots::{TreeNode, merge_tree_figure};

use super::{args::LevelsetArgs, minima::Minima, star::StarRecord};
use crate::{
    failure::Failure,
    files,
    json::print,
    search::AlignBy,
    shown::{self, counted, risk, upper},
    task::Task,
};

/// The merge tree, with the minima and the values of its edges.
pub(super) struct LevelsetResult<'a> {
    pub(super) args: &'a LevelsetArgs,
    pub(super) task: &'a Task,
    pub(super) minima: &'a Minima,
    pub(super) known: &'a EdgeValues,
    pub(super) method: &'a str,
    pub(super) tree: MergeTree,
    /// The tree of the straight lines alone.
    pub(super) lines: MergeTree,
    /// The star through whose centre the paths go, with --method star.
    pub(super) star: Option<StarRecord>,
}

impl LevelsetResult<'_> {
    /// Writes `tree.nwk`, the tables and the pictures.
    pub(super) fn save(&self, folder: &Path) -> Result<(), Failure> {
        let newick = self.tree.newick(&self.minima.names);
        atomically(&folder.join("tree.nwk"), |f| writeln!(f, "{newick}"))?;
        self.save_pairs(folder)?;
        files::picture(folder, "tree", &self.figure())
    }

    fn figure(&self) -> collado_plots::Figure {
        let tree = &self.tree;
        let order: Vec<usize> = tree.roots().iter().flat_map(|&root| tree.leaves(root)).collect();
        let nodes = tree.nodes().iter();
        let nodes: Vec<_> = nodes.map(|n| TreeNode { height: n.height, children: n.children }).collect();
        let symmetry = if self.args.align == AlignBy::None { "" } else { ", up to symmetry" };
        let proved = if self.is_proved() { " with proofs" } else { "" };
        let subtitle = format!(
            "{} on {}, {}{proved}{symmetry}, {} of {} pairs searched; straight lines alone join all at {}",
            self.task.arch,
            self.task.data.spec,
            self.method,
            self.known.searched.len(),
            self.known.lines.len(),
            risk(joined(&self.lines))
        );
        merge_tree_figure(
            "Where the level sets of the minima join",
            &subtitle,
            &self.minima.names,
            &nodes,
            &order,
        )
        .caption(self.note())
    }

    /// Prints a few lines for people.
    pub(super) fn print(&self, folder: &Path) {
        let (minima, known, tree) = (self.minima, self.known, &self.tree);
        for (copy, of) in &minima.copies {
            print(&format!("{copy} is {of} up to symmetry, and left out"));
        }
        let lowest = minima.risks.iter().fold(f64::INFINITY, |m, &r| m.min(r));
        print(&format!("{} minima, the lowest at risk {}", minima.risks.len(), risk(lowest)));
        print(&format!(
            "{} of {} pairs searched by {}",
            known.searched.len(),
            known.lines.len(),
            self.method
        ));
        for &level in &self.args.levels {
            print(&format!(
                "at level {:<12} {}",
                risk(level),
                counted(tree.components(level).len(), "component")
            ));
        }
        if let Some(star) = &self.star {
            star.center.print();
        }
        self.events().iter().for_each(|line| print(line));
        print(&format!("straight lines alone join all at {}", risk(joined(&self.lines))));
        print(self.note());
        print(&format!("written to {}", folder.display()));
    }

    /// A line for each level where something happens, from below: a minimum appears, or two components join.
    fn events(&self) -> Vec<String> {
        let (risks, names) = (self.minima.upper(), &self.minima.names);
        let appear = |i: usize| {
            let count = counted(self.tree.components(risks[i]).len(), "component");
            let level = if self.minima.proved[i].is_some() { upper(risks[i]) } else { risk(risks[i]) };
            (risks[i], format!("at level {level:<12} {count}: {} appears", names[i]))
        };
        let joins = self.tree.edges().iter().map(|e| (e.value, self.join(e)));
        let mut events: Vec<(f64, String)> = (0..risks.len()).map(appear).chain(joins).collect();
        // At one level minima come before joins, as they were listed.
        events.sort_by(|x, y| x.0.total_cmp(&y.0));
        events.into_iter().map(|(_, line)| line).collect()
    }

    /// A line about one edge and the components at the level where it joins two of them.
    fn join(&self, e: &Edge) -> String {
        let count = counted(self.tree.components(e.value).len(), "component");
        let (a, b) = (&self.minima.names[e.a], &self.minima.names[e.b]);
        let by = if e.way == EdgeKind::Line { "straight line" } else { self.method };
        let (level, proof) = match e.proved {
            // Rounded up, as it is a bound.
            Some(p) => (upper(e.value), format!("proved, in {}", shown::enclosure((p.lo, p.hi), 9))),
            None => (risk(e.value), "sampled".into()),
        };
        format!("at level {level:<12} {count}: {a} and {b} join, {by}, {proof}")
    }

    /// Whether all edges are proved.
    pub(super) fn is_proved(&self) -> bool {
        self.args.certify && self.tree.edges().iter().all(|e| e.proved.is_some())
    }

    pub(super) fn note(&self) -> &'static str {
        if self.is_proved() { PROVED } else { SAMPLED }
    }
}

/// The level at which all minima are in one component; infinite where they are not known to be.
pub(super) fn joined(tree: &MergeTree) -> f64 {
    match tree.roots() {
        [root] => tree.nodes()[*root].height,
        _ => f64::INFINITY,
    }
}

/// The sentence that tells what a sampled tree shows and what it does not.
const SAMPLED: &str = "An edge shows a connection, at sampled points; a missing edge proves nothing: a lower path may not have been found.";
const PROVED: &str = "An edge proves a connection, for every t; a missing edge proves nothing: a lower path may not have been found.";
