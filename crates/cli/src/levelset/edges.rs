//! The edges of a merge tree, sampled along paths whose files are written.

use collado_dynamics::{Connect, EdgeKind, SampledEdges};
use collado_risk::{Objective, Path, Statistics};

use super::proof::Paths;
use crate::{failure::Failure, progress};

impl Paths<'_> {
    /// What `run` makes of the edges, which `method` searches for and which are proved if `prove`.
    pub(super) fn sampled<T>(
        &self,
        method: Option<&dyn Connect>,
        prove: bool,
        run: impl FnOnce(&mut SampledEdges<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        // Bends have no running statistics while they are searched for.
        let interpolates = self.task.statistics() == Some(Statistics::Interpolate);
        let recomputing = self.task.recomputing();
        run(&mut SampledEdges {
            objective: &self.task.train,
            minima: &self.minima.stack,
            buffers: self.minima.buffers.as_ref(),
            searched: interpolates.then_some(&recomputing as &dyn Objective),
            method,
            points: self.args.points.into(),
            seed: self.args.common.seed,
            progress: &mut |_: f64| progress::flow(),
            keep: &mut |pair, path: Path| self.write(pair, EdgeKind::Searched, path),
            prove: &mut |pair, way| if prove { self.prove(pair, way) } else { Ok(None) },
        })
    }
}
