//! A union–find structure.

/// Disjoint sets of the numbers 0..n that are joined in pairs, with path halving and union by size.
#[derive(Debug, Clone)]
pub(super) struct UnionFind {
    parent: Vec<usize>,
    size: Vec<usize>,
}

impl UnionFind {
    pub(super) fn new(n: usize) -> Self {
        Self { parent: (0..n).collect(), size: vec![1; n] }
    }

    /// The set that `i` is in, by the number of one member.
    pub(super) fn find(&mut self, mut i: usize) -> usize {
        while self.parent[i] != i {
            self.parent[i] = self.parent[self.parent[i]];
            i = self.parent[i];
        }
        i
    }

    /// Joins the sets of `a` and `b`. Returns the set that remains and the set that is absorbed, or `None` if they were
    /// one.
    pub(super) fn join(&mut self, a: usize, b: usize) -> Option<(usize, usize)> {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return None;
        }
        let (stays, goes) = if self.size[a] >= self.size[b] { (a, b) } else { (b, a) };
        self.parent[goes] = stays;
        self.size[stays] += self.size[goes];
        Some((stays, goes))
    }
}
