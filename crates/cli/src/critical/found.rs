//! The critical points that the searches found.

use collado_landscape::{CriticalPoint, CriticalSearch, SearchEnd, SemicircleLaw};

use super::{linear::ClosedForm, starts::Start};
use crate::{failure::Failure, task::Task};

/// A critical point that stands for all searches that led to it.
pub(super) struct Member<'a> {
    pub(super) start: &'a Start,
    pub(super) point: &'a CriticalPoint,
    /// Number of searches that ended there.
    pub(super) hits: usize,
}

impl Member<'_> {
    /// Whether there is no negative eigenvalue. Points on a kink do not count, as eigenvalues do not describe them.
    pub(super) fn is_minimum(&self) -> bool {
        self.point.spectrum.index == 0 && !self.point.is_on_kink()
    }
}

/// The results of all searches.
pub(super) struct CriticalResult<'a> {
    pub(super) task: &'a Task,
    pub(super) starts: &'a [Start],
    pub(super) ends: &'a [SearchEnd],
    pub(super) examined: &'a [Option<CriticalPoint>],
    /// For each search that ended at a critical point, the first search that ended at the same point.
    pub(super) same: Vec<Option<usize>>,
    /// The different critical points, by ascending risk.
    pub(super) members: Vec<Member<'a>>,
    pub(super) law: Option<SemicircleLaw>,
    pub(super) closed: Option<ClosedForm>,
}

impl<'a> CriticalResult<'a> {
    pub(super) fn new(
        task: &'a Task,
        search: &CriticalSearch,
        starts: &'a [Start],
        ends: &'a [SearchEnd],
        examined: &'a [Option<CriticalPoint>],
    ) -> Result<Self, Failure> {
        let at: Vec<usize> = (0..ends.len()).filter(|&i| examined[i].is_some()).collect();
        let points: Vec<CriticalPoint> = examined.iter().flatten().cloned().collect();
        let mut same = vec![None; ends.len()];
        for (i, first) in search.distinct(&points).into_iter().enumerate() {
            same[at[i]] = Some(at[first]);
        }
        let hits = |i: usize| same.iter().filter(|s| **s == Some(i)).count();
        let mut members: Vec<Member<'a>> = (0..ends.len())
            .filter(|&i| same[i] == Some(i))
            .filter_map(|i| Some(Member { start: &starts[i], point: examined[i].as_ref()?, hits: hits(i) }))
            .collect();
        members.sort_by(|a, b| a.point.risk.total_cmp(&b.point.risk));
        // Zero modes have no sign: points that have them beside those of symmetries are not the law's.
        let regular = members.iter().filter(|m| !m.point.is_degenerate() && !m.point.is_on_kink());
        let (risks, fractions): (Vec<f64>, Vec<f64>) =
            regular.map(|m| (m.point.risk, m.point.index_fraction())).unzip();
        let law = SemicircleLaw::fit(&risks, &fractions);
        Ok(Self { task, starts, ends, examined, same, members, law, closed: ClosedForm::new(task)? })
    }

    /// The range of the risks of points without a negative eigenvalue.
    pub(super) fn minima(&self) -> Option<(f64, f64)> {
        let mut risks = self.members.iter().filter(|m| m.is_minimum()).map(|m| m.point.risk);
        let first = risks.next()?;
        Some(risks.fold((first, first), |(low, high), r| (low.min(r), high.max(r))))
    }
}
