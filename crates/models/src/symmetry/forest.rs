//! Union–find: sets of things that are tied to each other.

/// Numbered things, each with the set that it belongs to. The first thing of a set stands for it.
#[derive(Debug, Default)]
pub(super) struct Forest {
    parents: Vec<usize>,
}

impl Forest {
    /// A new thing in a set of its own.
    pub(super) fn add(&mut self) -> usize {
        self.parents.push(self.parents.len());
        self.parents.len() - 1
    }

    /// The first thing of the set of `x`.
    pub(super) fn root(&mut self, mut x: usize) -> usize {
        while self.parents[x] != x {
            self.parents[x] = self.parents[self.parents[x]];
            x = self.parents[x];
        }
        x
    }

    /// Joins two sets.
    pub(super) fn tie(&mut self, x: usize, y: usize) {
        let (x, y) = (self.root(x), self.root(y));
        self.parents[x.max(y)] = x.min(y);
    }
}
