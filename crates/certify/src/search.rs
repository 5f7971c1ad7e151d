//! Branch and bound over the pieces of a path.

use std::{cmp::Ordering, collections::BinaryHeap, sync::Arc, time::Instant};

use collado_risk::{EmpiricalRisk, Path, Progress};
use tracing::{info, info_span};

use crate::{
    Certificate, CertifySettings, Error, Method, Piece, Result, Status,
    bound::{Bound, Bounder},
    convex::is_convex,
    leg::{Leg, add_statistics},
    piece::FirstLayer,
    polynomial::Polynomial,
    taylor::Taylor,
};

/// A piece `[a, b]` of a leg's parameter.
struct Node {
    leg: usize,
    a: f64,
    b: f64,
    bound: Bound,
    /// The upper bound that was computed on this piece itself.
    own: f64,
    /// Whether F is convex on the whole leg, so that its ends bound it.
    convex: bool,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Node {}
impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Node {
    fn cmp(&self, other: &Self) -> Ordering {
        let place = |n: &Self| (n.leg, n.a.to_bits());
        self.bound.upper.total_cmp(&other.bound.upper).then_with(|| place(other).cmp(&place(self)))
    }
}

/// Branch and bound over the pieces of a path.
pub(crate) struct Search<'a> {
    bounder: Bounder,
    legs: Vec<Leg>,
    /// The polynomial F of each leg, where it is one.
    polynomials: Vec<Option<Polynomial>>,
    settings: &'a CertifySettings,
    /// The leg whose first layer's results are kept, with these results.
    first: Option<(usize, Arc<Vec<FirstLayer>>)>,
    heap: BinaryHeap<Node>,
    /// The largest lower bound of F at a point, and that point: its leg and τ.
    best: (f64, (usize, f64)),
    ends: [(f64, f64); 2],
    evaluated: usize,
    history: Vec<(usize, f64, f64)>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(path: &Path, risk: &EmpiricalRisk, settings: &'a CertifySettings) -> Result<Self> {
        let bounder = Bounder::new(risk, settings.memory)?;
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
            heap: BinaryHeap::new(),
            best: (f64::NEG_INFINITY, (0, 0.)),
            ends: [(0., 0.); 2],
            evaluated: 0,
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
            self.history.push((self.evaluated, self.best.0, hi));
            if hi - self.best.0 <= self.settings.tolerance * hi {
                break Status::Tolerance;
            }
            if self.evaluated >= self.settings.max_subintervals {
                break Status::Budget;
            }
            if progress.update(self.share(hi)).is_break() {
                break Status::Stopped;
            }
            if !self.bisect()? {
                break Status::Resolution;
            }
        };
        let (pieces, lo, hi) = (self.evaluated, self.best.0, self.highest());
        info!(status = status.name(), pieces, lo, hi, "ended");
        self.finish(status, convex, start.elapsed().as_secs_f64())
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

    /// Bounds the first pieces, which cover the path. They are always evaluated, as there is no enclosure without them.
    fn cover(&mut self, linear: bool) -> Result<bool> {
        let legs = self.legs.len();
        let parts = 8_usize.div_ceil(legs).min(self.settings.max_subintervals / legs).max(1);
        let mut all_convex = true;
        for leg in 0..legs {
            let a = self.point(leg, 0.)?;
            let b = self.point(leg, 1.)?;
            if leg == 0 {
                self.ends[0] = (a.lower, a.upper);
            }
            self.ends[1] = (b.lower, b.upper);
            let chain = self.bounder.chain();
            let convex = chain.is_some_and(|chain| is_convex(&self.legs[leg], chain, linear));
            all_convex &= convex;
            let parts = if convex { 1 } else { parts };
            let vertices = a.upper.max(b.upper);
            for i in 0..parts {
                let (a, b) = (i as f64 / parts as f64, (i + 1) as f64 / parts as f64);
                if i > 0 {
                    self.point(leg, a)?;
                }
                self.push(leg, a, b, convex, if convex { vertices } else { f64::INFINITY })?;
            }
        }
        Ok(all_convex)
    }

    /// Halves the piece with the highest bound. Returns `false` when halving it would be of no use.
    fn bisect(&mut self) -> Result<bool> {
        let node = self.heap.pop().expect("pieces cover the path");
        let middle = node.a + (node.b - node.a) / 2.;
        if node.convex || node.b - node.a < 1e-13 {
            self.heap.push(node);
            return Ok(false);
        }
        self.point(node.leg, middle)?;
        self.push(node.leg, node.a, middle, false, node.bound.upper)?;
        self.push(node.leg, middle, node.b, false, node.bound.upper)?;
        Ok(true)
    }

    /// Bounds a piece; the bound `parent` of a larger piece holds too.
    fn push(&mut self, leg: usize, a: f64, b: f64, convex: bool, parent: f64) -> Result<()> {
        let first = self.first(leg)?;
        let taylor = Taylor::new(self.legs[leg].degree(), a, b);
        let mut bound = self.bound(leg, &first, &taylor, (a, b))?;
        // The ends of a leg on which F is convex bound the piece itself.
        let own = if convex { bound.upper.min(parent) } else { bound.upper };
        bound.upper = bound.upper.min(parent);
        self.evaluated += 1;
        self.heap.push(Node { leg, a, b, bound, own, convex });
        Ok(())
    }

    /// Encloses F at a point.
    fn point(&mut self, leg: usize, tau: f64) -> Result<Bound> {
        let first = self.first(leg)?;
        let taylor = Taylor::point(self.legs[leg].degree(), tau);
        let bound = self.bound(leg, &first, &taylor, (tau, tau))?;
        if !bound.upper.is_finite() {
            return Err(Error::Overflow { t: self.legs[leg].time(tau) });
        }
        if bound.lower > self.best.0 {
            self.best = (bound.lower, (leg, tau));
        }
        Ok(bound)
    }

    /// The best bounds on a piece.
    fn bound(&self, leg: usize, first: &[FirstLayer], taylor: &Taylor, (a, b): (f64, f64)) -> Result<Bound> {
        let bound = self.bounder.bound(&self.legs[leg], first, taylor)?;
        let Some(polynomial) = &self.polynomials[leg] else { return Ok(bound) };
        let (lower, upper) = polynomial.range(a, b);
        Ok(Bound { lower: bound.lower.max(lower), upper: bound.upper.min(upper), ..bound })
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
        self.heap.peek().expect("pieces cover the path").bound.upper
    }

    fn finish(self, status: Status, convex: bool, seconds: f64) -> Result<Certificate> {
        let hi = self.highest();
        let mut nodes = self.heap.into_vec();
        nodes.sort_by(|x, y| x.leg.cmp(&y.leg).then(x.a.total_cmp(&y.a)));
        let time = |n: &Node, tau: f64| self.legs[n.leg].time(tau);
        if let Some(n) = nodes.iter().find(|n| !n.bound.upper.is_finite()) {
            return Err(Error::Overflow { t: time(n, n.a) });
        }
        let method = if convex {
            Method::Vertices
        } else if self.polynomials.iter().all(Option::is_some) {
            Method::Polynomial
        } else {
            Method::FirstOrder
        };
        let (at, tau) = self.best.1;
        let count = self.bounder.examples() as f64;
        let wrong = nodes.iter().map(|n| n.bound.wrong).max().expect("pieces cover the path");
        let pieces = nodes
            .iter()
            .map(|n| Piece {
                t: (time(n, n.a), time(n, n.b)),
                leg: n.leg,
                tau: (n.a, n.b),
                own: n.own,
                lower: n.bound.lower,
                upper: n.bound.upper,
                wrong: n.bound.wrong as f64 / count,
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
            subintervals: self.evaluated,
            method,
            status,
            seconds,
            pieces,
            history: self.history,
        })
    }
}
