//! Merge trees (disconnectivity graphs) of many minima.

use super::{Edge, union_find::UnionFind};

/// A node of a merge tree: a minimum, or the level at which two components join.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// The risk of the minimum, or the level of the join.
    pub height: f64,
    /// The two nodes that join here; `None` for a minimum.
    pub children: Option<(usize, usize)>,
    /// The edge that joins them, by its place in the spanning tree.
    pub edge: Option<usize>,
}

/// The merge tree (disconnectivity graph; Becker & Karplus 1997) of a minimum spanning tree: from which level on two
/// minima are known to lie in one component of $\Omega_F(\lambda)$. It is a forest where edges are missing.
#[derive(Debug, Clone)]
pub struct MergeTree {
    nodes: Vec<Node>,
    roots: Vec<usize>,
    leaves: usize,
    edges: Vec<Edge>,
}

impl MergeTree {
    /// Builds the tree from the risks of the minima and the edges of their spanning tree in ascending order.
    pub fn new(risks: &[f64], edges: &[Edge]) -> Self {
        let leaf = |&height| Node { height, children: None, edge: None };
        let mut nodes: Vec<Node> = risks.iter().map(leaf).collect();
        let mut sets = UnionFind::new(risks.len());
        // The node that stands for each set.
        let mut top: Vec<usize> = (0..risks.len()).collect();
        for (i, e) in edges.iter().enumerate() {
            if let Some((stays, goes)) = sets.join(e.a, e.b) {
                let children = Some((top[stays], top[goes]));
                top[stays] = nodes.len();
                nodes.push(Node { height: e.value, children, edge: Some(i) });
            }
        }
        let mut roots: Vec<usize> = (0..risks.len()).map(|i| top[sets.find(i)]).collect();
        roots.sort_unstable();
        roots.dedup();
        Self { nodes, roots, leaves: risks.len(), edges: edges.to_vec() }
    }

    /// The nodes: first the minima in the given order, then the joins by height.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The nodes that join no further. There is one if all minima are connected.
    pub fn roots(&self) -> &[usize] {
        &self.roots
    }

    /// The edges of the spanning tree.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The minima below a node, from left to right: of two branches the one with the lower minimum is the left one.
    pub fn leaves(&self, node: usize) -> Vec<usize> {
        let (mut open, mut leaves) = (vec![node], Vec::new());
        let lowest = self.lowest();
        while let Some(node) = open.pop() {
            match self.nodes[node].children {
                None => leaves.push(node),
                Some((a, b)) if lowest[b] < lowest[a] => open.extend([a, b]),
                Some((a, b)) => open.extend([b, a]),
            }
        }
        leaves
    }

    /// The lowest risk below each node.
    fn lowest(&self) -> Vec<f64> {
        let mut lowest: Vec<f64> = self.nodes.iter().map(|n| n.height).collect();
        for (i, node) in self.nodes.iter().enumerate() {
            if let Some((a, b)) = node.children {
                lowest[i] = lowest[a].min(lowest[b]);
            }
        }
        lowest
    }

    /// The level at which each pair of minima joins, `[M][M]`; infinite where they are not known to, and a minimum's
    /// own risk on the diagonal. An ultrametric: $h(a,c)\le\max(h(a,b),h(b,c))$.
    pub fn heights(&self) -> Vec<Vec<f64>> {
        let mut heights = vec![vec![f64::INFINITY; self.leaves]; self.leaves];
        let mut below: Vec<Vec<usize>> = (0..self.leaves).map(|i| vec![i]).collect();
        for (i, node) in self.nodes.iter().enumerate() {
            let Some((a, b)) = node.children else {
                heights[i][i] = node.height;
                continue;
            };
            for &x in &below[a] {
                for &y in &below[b] {
                    (heights[x][y], heights[y][x]) = (node.height, node.height);
                }
            }
            let both = [std::mem::take(&mut below[a]), std::mem::take(&mut below[b])].concat();
            below.push(both);
        }
        heights
    }

    /// The components of $\Omega_F(\lambda)$ among the minima that lie in it, as far as the edges show: lists of
    /// minima. Two components may be one by a path that is not known; two minima of one component are connected.
    pub fn components(&self, level: f64) -> Vec<Vec<usize>> {
        let mut sets = UnionFind::new(self.leaves);
        for e in self.edges.iter().filter(|e| e.value <= level) {
            sets.join(e.a, e.b);
        }
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); self.leaves];
        for i in (0..self.leaves).filter(|&i| self.nodes[i].height <= level) {
            members[sets.find(i)].push(i);
        }
        members.retain(|m| !m.is_empty());
        members.sort();
        members
    }
}
