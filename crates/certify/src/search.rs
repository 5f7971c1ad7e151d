//! Branch and bound over the cells of a path.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use collado_risk::{EmpiricalRisk, Path, Progress};
use tracing::{info, info_span};

use crate::{
    Certificate, CertifySettings, Error, Method, Piece, Result, Status,
    bound::Bounder,
    convex::is_convex,
    leg::{Leg, add_statistics},
    piece::FirstLayer,
    polynomial::Polynomial,
    schedule::{self, Step},
    sums::{Bound, Sums},
    taylor::Taylor,
};

/// A lower and an upper bound.
type Enclosure = (f64, f64);

/// A cell `[a, b]` of a leg's parameter. Some groups of examples were bounded on it, the others on a larger one.
struct Cell {
    leg: usize,
    a: f64,
    b: f64,
    /// The summed losses of each group; nothing is left of a cell whose bound is low enough.
    groups: Vec<Sums>,
    bound: Bound,
    /// The bound that was computed for this cell, whatever that of a larger one is.
    own: f64,
    /// Whether F is convex on the whole leg, so that its ends bound it.
    convex: bool,
    /// Whether F was enclosed at the likely place of its largest value.
    probed: bool,
}

impl Cell {
    fn middle(&self) -> f64 {
        self.a + (self.b - self.a) / 2.
    }

    /// The end, or the middle, where F is largest by the estimate.
    fn likely(&self) -> f64 {
        let [a, middle, b] = self.bound.estimate;
        if middle >= a && middle >= b {
            self.middle()
        } else if a > b {
            self.a
        } else {
            self.b
        }
    }

    /// Whether smaller cells would be of use.
    fn divides(&self) -> bool {
        !self.convex && !self.groups.is_empty() && self.b - self.a >= 1e-13
    }
}

/// Branch and bound over the cells of a path.
///
/// The gap is closed in stages. So a search that is stopped early has no cell that is far worse than the others, and most
/// cells skip sizes at which they would be too large anyway.
pub(crate) struct Search<'a> {
    bounder: Bounder,
    legs: Vec<Leg>,
    /// The polynomial F of each leg, where it is one.
    polynomials: Vec<Option<Polynomial>>,
    settings: &'a CertifySettings,
    /// The leg whose first layer's results are kept, with these results.
    first: Option<(usize, Arc<Vec<FirstLayer>>)>,
    cells: Vec<Cell>,
    /// The largest lower bound of F at a point, and that point: its leg and τ.
    best: (f64, (usize, f64)),
    /// The points at which F was enclosed: leg and τ.
    points: BTreeSet<(usize, u64)>,
    ends: [Enclosure; 2],
    /// The number of groups that were bounded on cells.
    bounded: usize,
    /// The relative gap of the stage.
    goal: f64,
    history: Vec<(usize, f64, f64)>,
}

/// The share of the gap that a stage leaves at least.
const STAGE: f64 = 1. / 128.;
/// A point is tried where the estimate promises a lower bound that closes this share of a cell's gap.
const PROMISE: f64 = 0.05;
/// The least share of what is left to close that a cell's excess has to itself.
const LEAST: f64 = 0.25;

/// The least tolerance that single precision is used for.
const SINGLE: f64 = 1e-4;

/// The relative gap of the next of as few stages, each of the same factor, as lead from `gap` to `tolerance`.
fn stage(gap: f64, tolerance: f64) -> f64 {
    let left = (tolerance / gap).ln() / STAGE.ln();
    let goal = if left.is_finite() {
        gap * (tolerance / gap).powf(left.ceil().max(1.).recip())
    } else {
        STAGE * gap
    };
    goal.clamp(tolerance, 0.75)
}

impl<'a> Search<'a> {
    pub(crate) fn new(path: &Path, risk: &EmpiricalRisk, settings: &'a CertifySettings) -> Result<Self> {
        let bounder = Bounder::new(risk, settings.memory, settings.shortcuts)?;
        let mut legs = Leg::all(path, risk.network().size())?;
        if bounder.interpolates() {
            add_statistics(&mut legs, path, risk)?;
        }
        let moments = if settings.shortcuts { bounder.moments()? } else { None };
        let polynomial = |leg: &Leg| {
            moments.as_ref().and_then(|m| Polynomial::new(leg, bounder.network(), m, bounder.criterion()))
        };
        Ok(Self {
            polynomials: legs.iter().map(polynomial).collect(),
            bounder,
            legs,
            settings,
            first: None,
            cells: Vec::new(),
            best: (f64::NEG_INFINITY, (0, 0.)),
            points: BTreeSet::new(),
            ends: [(0., 0.); 2],
            bounded: 0,
            goal: 0.75,
            history: Vec::new(),
        })
    }

    pub(crate) fn run(mut self, linear: bool, progress: &mut dyn Progress) -> Result<Certificate> {
        let start = Instant::now();
        let (legs, examples) = (self.legs.len(), self.bounder.examples());
        let _span = info_span!("certify", legs, examples, tolerance = self.settings.tolerance).entered();
        let convex = self.cover(linear)?;
        let status = loop {
            let hi = self.highest();
            let pieces = self.pieces();
            // Of the states with as many pieces the last one.
            self.history.pop_if(|last| last.0 == pieces);
            self.history.push((pieces, self.best.0, hi));
            if hi - self.best.0 <= self.settings.tolerance * hi {
                break Status::Tolerance;
            }
            if pieces >= self.settings.max_subintervals {
                break Status::Budget;
            }
            if progress.update(self.share(hi)).is_break() {
                break Status::Stopped;
            }
            let target = self.target(hi);
            if !self.step(target)? {
                break Status::Resolution;
            }
        };
        if !self.settings.shortcuts {
            self.settle()?;
        }
        let (pieces, lo, hi) = (self.pieces(), self.best.0, self.highest());
        info!(status = status.name(), pieces, lo, hi, "ended");
        self.finish(status, convex, start.elapsed().as_secs_f64())
    }

    /// The number of pieces that were bounded; a part of the examples counts as that part of a piece.
    fn pieces(&self) -> usize {
        self.bounded.div_ceil(self.bounder.groups())
    }

    /// All groups.
    fn all(&self) -> Vec<usize> {
        (0..self.bounder.groups()).collect()
    }

    /// The bound that the cells are brought to in this stage.
    fn target(&mut self, hi: f64) -> f64 {
        let lo = self.best.0;
        // First of all something finite.
        if !hi.is_finite() {
            return f64::MAX;
        }
        let target = |goal: f64| (lo / (1. - goal)).max(0.5 * goal * hi);
        if hi <= target(self.goal) {
            self.goal = stage((hi - lo) / hi, self.settings.tolerance);
        }
        target(self.goal)
    }

    /// The share of the gap that is closed: the gap falls geometrically, so that its logarithm grows evenly.
    fn share(&self, hi: f64) -> f64 {
        let log_gap = |lo: f64, hi: f64| ((hi - lo) / hi).ln();
        let &(_, lo, first_hi) = self.history.first().unwrap_or(&(0, self.best.0, hi));
        let (from, to) = (log_gap(lo, first_hi), self.settings.tolerance.max(1e-15).ln());
        let share = (log_gap(self.best.0, hi) - from) / (to - from);
        // Not a number while no piece has a finite bound.
        if share > 0. { share.min(1.) } else { 0. }
    }

    /// Bounds the first cells, which cover the path. They are always evaluated, as there is no enclosure without them.
    fn cover(&mut self, linear: bool) -> Result<bool> {
        let legs = self.legs.len();
        let parts = 8_usize.div_ceil(legs).min(self.settings.max_subintervals / legs).max(1);
        let mut all_convex = true;
        let mut last = self.start()?;
        for leg in 0..legs {
            let end = if leg == 0 { self.ends[1] } else { self.point(leg, 1.)? };
            let vertices = last.max(end.1);
            (self.ends[1], last) = (end, end.1);
            let chain = self.bounder.chain();
            let convex = chain.is_some_and(|chain| is_convex(&self.legs[leg], chain, linear));
            all_convex &= convex;
            let parts = if convex { 1 } else { parts };
            for i in 0..parts {
                let (a, b) = (i as f64 / parts as f64, (i + 1) as f64 / parts as f64);
                let groups = vec![Sums::unknown(); self.bounder.groups()];
                let larger = if convex { vertices } else { f64::INFINITY };
                let mut cell = Cell { convex, ..self.cell(leg, (a, b), groups, larger) };
                self.rebound(&mut cell, &self.all())?;
                self.cells.push(cell);
            }
        }
        Ok(all_convex)
    }

    /// Encloses F at both ends of the first leg, and returns the upper bound at its start. Examples are sorted by their
    /// losses there and in the middle: those that are hard in one place are hard in others, as a rule.
    fn start(&mut self) -> Result<f64> {
        let mut scores: Vec<Vec<f64>> = Vec::new();
        for tau in [0., 0.5, 1.] {
            if tau == 0.5 && self.bounder.groups() == 1 {
                continue;
            }
            let (bound, losses) = self.point_and_losses(0, tau)?;
            if tau != 0.5 {
                self.ends[tau as usize] = bound;
            }
            match scores.is_empty() {
                true => scores = losses,
                false => scores.iter_mut().flatten().zip(losses.iter().flatten()).for_each(|(x, y)| *x += y),
            }
        }
        if self.bounder.groups() > 1
            && let Some((_, first)) = self.first.take()
        {
            let first = Arc::try_unwrap(first).unwrap_or_default();
            let first = self.bounder.sort(&scores, &self.legs[0], first)?;
            self.first = Some((0, Arc::new(first)));
        }
        Ok(self.ends[0].1)
    }

    /// Does one step towards a bound of at most `target` everywhere. Returns `false` when there is none of use.
    fn step(&mut self, target: f64) -> Result<bool> {
        let Some(i) = self.choose(target) else { return Ok(false) };
        let mut cell = self.cells.swap_remove(i);
        let lo = self.best.0;
        let place = (cell.leg, cell.likely());
        let promises = cell.bound.estimate.iter().any(|&f| f > lo + PROMISE * (cell.bound.upper - lo));
        if !cell.probed && promises && !self.points.contains(&(place.0, place.1.to_bits())) {
            self.point(place.0, place.1)?;
            cell.probed = true;
            self.keep(cell);
            return Ok(true);
        }
        let polynomial = self.polynomials[cell.leg].is_some();
        let n = self.bounder.examples() as f64;
        let room = (target - cell.bound.penalty) * n;
        let next = if polynomial {
            Step::Halve
        } else {
            schedule::next(&cell.groups, room, LEAST * (target - lo) * n)
        };
        if let Step::Bound(groups) = next {
            self.rebound(&mut cell, &groups)?;
            self.keep(cell);
            return Ok(true);
        }
        let (low, high) = cell.groups.iter().map(Sums::halves).map(|[low, high]| (low, high)).unzip();
        let middle = cell.middle();
        for (ends, groups) in [((cell.a, middle), low), ((middle, cell.b), high)] {
            let mut half = self.cell(cell.leg, ends, groups, cell.bound.upper);
            if polynomial {
                self.rebound(&mut half, &self.all())?;
            }
            self.keep(half);
        }
        Ok(true)
    }

    /// The cell to work at: the highest one on the leg whose first layer is at hand that is above `target`, or else the
    /// highest one at all.
    fn choose(&self, target: f64) -> Option<usize> {
        let at_hand = self.first.as_ref().map(|(leg, _)| *leg);
        let highest = |fits: &dyn Fn(&Cell) -> bool| {
            let cells = self.cells.iter().enumerate().filter(|(_, cell)| fits(cell));
            let place = |cell: &Cell| (cell.leg, cell.a.to_bits());
            let order = |x: &Cell, y: &Cell| {
                x.bound.upper.total_cmp(&y.bound.upper).then_with(|| place(y).cmp(&place(x)))
            };
            cells.max_by(|x, y| order(x.1, y.1)).map(|(i, _)| i)
        };
        let here = |cell: &Cell| Some(cell.leg) == at_hand && cell.bound.upper > target && cell.divides();
        highest(&here).or_else(|| highest(&|_| true).filter(|&i| self.cells[i].divides()))
    }

    /// Keeps a cell, with its groups only as long as they are needed.
    fn keep(&mut self, mut cell: Cell) {
        let enough = self.best.0 / (1. - self.settings.tolerance.min(0.5));
        if cell.bound.upper <= enough && self.settings.shortcuts {
            cell.groups = Vec::new();
        }
        self.cells.push(cell);
    }

    /// A cell of which this much is known; the bound `larger` of a cell around it holds too.
    fn cell(&self, leg: usize, (a, b): (f64, f64), groups: Vec<Sums>, larger: f64) -> Cell {
        let (mut bound, own) = self.total(leg, (a, b), &groups);
        bound.upper = bound.upper.min(larger);
        Cell { leg, a, b, groups, bound, own, convex: false, probed: false }
    }

    /// The order of models.
    fn order(&self) -> usize {
        if self.settings.shortcuts { 2 } else { 1 }
    }

    /// Whether single precision is enough for what moves on a cell.
    fn single(&self) -> bool {
        self.settings.shortcuts && self.settings.tolerance >= SINGLE
    }

    /// Bounds some groups on a cell.
    fn rebound(&mut self, cell: &mut Cell, groups: &[usize]) -> Result<()> {
        let first = self.first(cell.leg)?;
        let leg = &self.legs[cell.leg];
        let taylor =
            Taylor::new(leg.degree(), cell.a, cell.b).of_order(self.order()).in_single(self.single());
        let (sums, _) = self.bounder.losses(leg, &first, &taylor, groups)?;
        self.bounded += groups.len();
        for (&i, sums) in groups.iter().zip(sums) {
            let group = &mut cell.groups[i];
            let worse = self.settings.shortcuts && group.is_below(&sums);
            *group = if worse { group.renewed() } else { sums };
        }
        let (bound, own) = self.total(cell.leg, (cell.a, cell.b), &cell.groups);
        // The ends of a leg on which F is convex bound the cell itself.
        let larger = cell.bound.upper;
        cell.bound = Bound { upper: bound.upper.min(larger), ..bound };
        cell.own = if cell.convex { own.min(larger) } else { own };
        Ok(())
    }

    /// The best bounds that the groups give on a cell, and the upper one without shortcuts.
    fn total(&self, leg: usize, (a, b): (f64, f64), groups: &[Sums]) -> (Bound, f64) {
        let taylor = Taylor::new(self.legs[leg].degree(), a, b);
        let bound = self.bounder.total(&self.legs[leg], &taylor, groups);
        self.with_polynomial(leg, (a, b), bound)
    }

    fn with_polynomial(&self, leg: usize, (a, b): (f64, f64), bound: Bound) -> (Bound, f64) {
        let Some(polynomial) = &self.polynomials[leg] else { return (bound, bound.upper) };
        let (lower, upper) = polynomial.range(a, b);
        let upper = bound.upper.min(upper);
        (Bound { lower: bound.lower.max(lower), upper, ..bound }, upper)
    }

    /// Encloses F at a point.
    fn point(&mut self, leg: usize, tau: f64) -> Result<Enclosure> {
        self.point_and_losses(leg, tau).map(|(bound, _)| bound)
    }

    /// Encloses F at a point, and estimates the loss of each example of each tile.
    fn point_and_losses(&mut self, leg: usize, tau: f64) -> Result<(Enclosure, Vec<Vec<f64>>)> {
        self.points.insert((leg, tau.to_bits()));
        let first = self.first(leg)?;
        let taylor =
            Taylor::point(self.legs[leg].degree(), tau).of_order(self.order()).in_single(self.single());
        let all = self.all();
        let (sums, losses) = self.bounder.losses(&self.legs[leg], &first, &taylor, &all)?;
        let bound = self.bounder.total(&self.legs[leg], &taylor, &sums);
        let (bound, _) = self.with_polynomial(leg, (tau, tau), bound);
        if !bound.upper.is_finite() {
            return Err(Error::Overflow { t: self.legs[leg].time(tau) });
        }
        if bound.lower > self.best.0 {
            self.best = (bound.lower, (leg, tau));
        }
        Ok(((bound.lower, bound.upper), losses))
    }

    /// Bounds each cell on itself, for a check that knows of no other.
    fn settle(&mut self) -> Result<()> {
        let mut cells = std::mem::take(&mut self.cells);
        cells.sort_by_key(|cell| cell.leg);
        for mut cell in cells {
            if cell.groups.iter().any(|group| group.age > 0) {
                self.rebound(&mut cell, &[0])?;
            }
            self.cells.push(cell);
        }
        Ok(())
    }

    fn first(&mut self, leg: usize) -> Result<Arc<Vec<FirstLayer>>> {
        match &self.first {
            Some((at, first)) if *at == leg => Ok(first.clone()),
            _ => {
                self.first = None;
                let first = Arc::new(self.bounder.first(&self.legs[leg])?);
                self.first = Some((leg, first.clone()));
                Ok(first)
            }
        }
    }

    fn highest(&self) -> f64 {
        // F is at most its bound at a point, too, where rounding is all that parts them.
        self.cells.iter().map(|cell| cell.bound.upper).fold(f64::NEG_INFINITY, f64::max)
    }

    fn finish(mut self, status: Status, convex: bool, seconds: f64) -> Result<Certificate> {
        let hi = self.highest();
        let mut cells = std::mem::take(&mut self.cells);
        cells.sort_by(|x, y| x.leg.cmp(&y.leg).then(x.a.total_cmp(&y.a)));
        let time = |cell: &Cell, tau: f64| self.legs[cell.leg].time(tau);
        if let Some(cell) = cells.iter().find(|cell| !cell.bound.upper.is_finite()) {
            return Err(Error::Overflow { t: time(cell, cell.a) });
        }
        let method = if convex {
            Method::Vertices
        } else if self.polynomials.iter().all(Option::is_some) {
            Method::Polynomial
        } else if self.settings.shortcuts {
            Method::SecondOrder
        } else {
            Method::FirstOrder
        };
        let (at, tau) = self.best.1;
        let count = self.bounder.examples() as f64;
        let wrong = cells.iter().map(|cell| cell.bound.wrong).max().expect("cells cover the path");
        let pieces = cells
            .iter()
            .map(|cell| Piece {
                t: (time(cell, cell.a), time(cell, cell.b)),
                leg: cell.leg,
                tau: (cell.a, cell.b),
                own: cell.own,
                lower: cell.bound.lower,
                upper: cell.bound.upper,
                wrong: cell.bound.wrong as f64 / count,
            })
            .collect();
        Ok(Certificate {
            lo: self.best.0,
            hi,
            t: self.legs[at].time(tau),
            t_within: self.legs[at].times(tau),
            at: self.best.1,
            ends: self.ends,
            error: self.bounder.is_classes().then_some(wrong as f64 / count),
            subintervals: self.pieces(),
            method,
            status,
            seconds,
            pieces,
            history: self.history,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_of_one_factor() {
        assert!((stage(0.1, 1e-3) - 1e-3).abs() < 1e-15);
        let (first, second) = (stage(0.5, 5e-6), stage(0.5 / 316.227_766, 5e-6));
        assert!((first / (0.5 * 1e-5_f64.powf(1. / 3.)) - 1.).abs() < 1e-9, "{first}");
        // A factor of 316 in two stages.
        assert!((second / (5e-6 * 316.227_766_f64.sqrt()) - 1.).abs() < 1e-9, "{second}");
        assert_eq!((stage(0.5, 0.), stage(0.2, 0.3)), (0.5 / 128., 0.3));
    }
}
