//! Edges whose values are sampled along paths.

use candle_core::Tensor;
use collado_risk::{Evaluation, Objective, Part, Path, Progress, Rows, Span, largest, profile};

use super::{EdgeKind, Edges, Enclosure};
use crate::{Connect, Error, Result, Search};

/// The largest number of coefficients in one evaluation; larger sets of lines are evaluated in parts.
const TABLE: usize = 1 << 22;

/// Edges whose value is the largest risk at `points` uniform t of a path. The caller supplies the proofs.
pub struct SampledEdges<'a> {
    /// The risk.
    pub objective: &'a dyn Objective,
    /// The minima `[M, S]`.
    pub minima: &'a Tensor,
    /// The running statistics `[M, B]` of the minima, where the risk depends on them.
    pub buffers: Option<&'a Tensor>,
    /// The risk that `method` lowers, where it is another: bends have no running statistics while they are searched for.
    pub searched: Option<&'a dyn Objective>,
    /// The method that finds paths other than the straight line; `None` means straight lines only.
    pub method: Option<&'a dyn Connect>,
    /// Number of points on a path, including both ends, at least 2.
    pub points: usize,
    /// The seed of the method.
    pub seed: u64,
    /// It is told the share done of each search; a pair whose search it stops counts as not searched.
    pub progress: &'a mut dyn Progress,
    /// It is given every path that is found, and returns it as it is to be evaluated: with running statistics, where the
    /// risk depends on them.
    pub keep: &'a mut dyn FnMut((usize, usize), Path) -> Result<Path>,
    /// Encloses the largest risk on a path; it returns `None` where no proofs are asked for.
    pub prove: &'a mut dyn FnMut((usize, usize), EdgeKind) -> Result<Option<Enclosure>>,
}

impl Edges for SampledEdges<'_> {
    fn lines(&mut self, pairs: &[(usize, usize)]) -> Result<Vec<f64>> {
        let maxima = line_maxima(self.objective, (self.minima, self.buffers), pairs, self.points)?;
        Ok(maxima.into_iter().map(|v| v.risk).collect())
    }

    fn search(&mut self, pair: (usize, usize)) -> Result<Option<f64>> {
        let Some(method) = self.method else { return Ok(None) };
        let (a, b) = (self.minima.get(pair.0)?, self.minima.get(pair.1)?);
        let mut progress = Part::new(&mut *self.progress, 0., 1.);
        let objective = self.searched.unwrap_or(self.objective);
        let mut search = Search { objective, seed: self.seed, progress: &mut progress };
        let path = match method.find(&a, &b, &mut search) {
            // No path: the pair is not searched again, and the others go on.
            Err(Error::Diverged { .. }) => return Ok(Some(f64::NAN)),
            found => found?.path,
        };
        // A path that was given up half-way is no value to remember.
        if progress.is_stopped() {
            return Ok(None);
        }
        let path = (self.keep)(pair, path)?;
        Ok(Some(largest(profile(&path, self.points, self.objective, None)?.risks())))
    }

    fn prove(&mut self, pair: (usize, usize), way: EdgeKind) -> Result<Option<Enclosure>> {
        (self.prove)(pair, way)
    }
}

/// The largest values at `points` ≥ 2 uniform t of the straight line of each pair: risk, loss and error, each by itself. The
/// minima are `[M, S]`, their running statistics `[M, B]` where the risk depends on them.
///
/// # Errors
/// When the risk cannot be evaluated.
pub fn line_maxima(
    objective: &dyn Objective,
    (minima, buffers): (&Tensor, Option<&Tensor>),
    pairs: &[(usize, usize)],
    points: usize,
) -> Result<Vec<Evaluation>> {
    let count = minima.dims2()?.0;
    let ts: Vec<f64> = (0..points).map(|i| i as f64 / (points - 1) as f64).collect();
    let at_once = (TABLE / (count * ts.len())).max(1);
    let mut values = Vec::with_capacity(pairs.len());
    for part in pairs.chunks(at_once) {
        let mut table = vec![0.; part.len() * ts.len() * count];
        let places = part.iter().flat_map(|pair| ts.iter().map(move |t| (pair, t)));
        for (row, (&(a, b), &t)) in table.chunks_exact_mut(count).zip(places) {
            (row[a], row[b]) = (1. - t, t);
        }
        let mut span = Span::new(minima, table)?;
        if let Some(buffers) = buffers {
            span = span.with_buffers(buffers)?;
        }
        let values_of = objective.evaluate(&span, Rows::All, None)?;
        values.extend(values_of.chunks_exact(ts.len()).map(maxima));
    }
    Ok(values)
}

/// The largest risk, loss and error, each by itself; NaN where one of its values is.
pub fn maxima(values: &[Evaluation]) -> Evaluation {
    let of = |f: fn(&Evaluation) -> f64| largest(values.iter().map(f));
    Evaluation { risk: of(|v| v.risk), loss: of(|v| v.loss), error: of(|v| v.error) }
}
