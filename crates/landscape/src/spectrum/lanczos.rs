//! The ends of a spectrum with multiplicities, by Lanczos' method with thick restarts (Wu & Simon 2000) and random
//! checks.

use collado_risk::Progress;
use tracing::{debug, info, info_span};

use super::{
    basis::normal,
    ends::{Ends, RankCheck, SpectralBounds, ends},
    krylov::{Krylov, Pairs},
    overlap::Overlap,
    pool::{Plan, Pool},
};
use crate::{LinearOperator, Result};

/// The end of a spectrum that is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The largest and the smallest eigenvalues.
    Both,
    /// The largest eigenvalues.
    Top,
    /// The smallest eigenvalues.
    Bottom,
}

/// The settings by which the ends of a spectrum are found.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `count` | 5 | eigenvalues at each end, as many as there are at most | ≥ 1 |
/// | `side` | both | which ends | |
/// | `steps` | 300 | products at most of a start that finds something | ≥ 1 |
/// | `check` | 50 | products at most of a start that finds nothing; 0: no check | |
/// | `failure` | 1e-6 | probability that one end of one check says what is wrong | > 0 |
/// | `tolerance` | 1e-6 | residual over the largest \|λ\| at which it ends | ≥ 0 |
/// | `memory` | no bound | bytes for vectors | |
/// | `seed` | 0 | the random starts | |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LanczosSettings {
    /// Number of eigenvalues at each end.
    pub count: usize,
    /// The ends that are computed.
    pub side: Side,
    /// The largest number of products for a start that finds something.
    pub steps: usize,
    /// The largest number of products for a start that finds nothing, which is the check that no eigenvalue was missed.
    pub check: usize,
    /// The probability that the statement of one check about one end is wrong.
    pub failure: f64,
    /// The residual, divided by the largest |λ|, at which the search ends.
    pub tolerance: f64,
    /// The bound on memory for vectors, in bytes.
    pub memory: usize,
    /// The seed of the random starts.
    pub seed: u64,
}

impl Default for LanczosSettings {
    fn default() -> Self {
        Self {
            count: 5,
            side: Side::Both,
            steps: 300,
            check: 50,
            failure: 1e-6,
            tolerance: 1e-6,
            memory: usize::MAX,
            seed: 0,
        }
    }
}

/// The largest and the smallest eigenvalues, with their multiplicities.
///
/// Lanczos' method from one vector finds an eigenvalue of any multiplicity once. So it starts again from new random
/// vectors, orthogonal to all that was found, until such a start finds nothing that belongs in the lists; that start
/// then bounds how far out an eigenvalue that was missed may lie ([`Ends::check`]). Where memory ends, a run restarts
/// with the outermost pairs (Wu, Simon 2000). `progress` is told the share of the products taken; when it stops the
/// search, what was found so far is returned, unchecked.
///
/// # Errors
/// When a setting is out of range or a product is not finite, and the errors of the operator.
pub fn lanczos(
    operator: &dyn LinearOperator,
    settings: &LanczosSettings,
    progress: &mut dyn Progress,
) -> Result<Ends> {
    let plan = Plan::new(settings, operator.size())?;
    let _span = info_span!("lanczos", parameters = operator.size(), side = ?settings.side).entered();
    debug!(count = plan.total(), vectors = plan.room, "room for vectors");
    let (size, products, negative) = (0., 0, 0);
    let mut search = Search { operator, settings, plan, progress, size, products, negative };
    let mut pool = Pool::default();
    let mut runs = 0;
    let (check, rest) = loop {
        let run = search.run(&pool, runs)?;
        let new = !run.values.is_empty();
        debug!(start = runs, found = run.values.len(), products = search.products, "start ended");
        pool = pool.with(run.values, run.vectors, run.residual, &plan);
        match run.end {
            End::Complete => break (RankCheck::Complete, (f64::INFINITY, f64::NEG_INFINITY)),
            End::Stopped => break UNCHECKED,
            End::Settled if new => {}
            End::Settled => {
                let sides = usize::from(plan.top > 0) + usize::from(plan.bottom > 0);
                let failure = settings.failure * (sides as u64 * runs) as f64;
                break (RankCheck::Random { failure }, run.rest);
            }
        }
        runs += 1;
        let most = 4 * plan.total() as u64 + 4;
        if runs > most || (pool.len() >= plan.total() && settings.check == 0) {
            break UNCHECKED;
        }
    };
    let Search { size, products, negative, .. } = search;
    info!(eigenvalues = pool.len(), products, ?check, "ended");
    let known = SpectralBounds { check, rest, size, steps: products, negative };
    // Of a search that was stopped there may be fewer.
    let top = (pool.len() * plan.top).div_ceil(plan.total());
    ends(operator, pool, top, (plan.room / 2).clamp(1, 32), settings.tolerance, &known)
}

const UNCHECKED: (RankCheck, (f64, f64)) = (RankCheck::Unchecked, (f64::NEG_INFINITY, f64::INFINITY));

/// A search with the bounds found so far.
struct Search<'a> {
    operator: &'a dyn LinearOperator,
    settings: &'a LanczosSettings,
    plan: Plan,
    progress: &'a mut dyn Progress,
    /// The largest |λ|.
    size: f64,
    products: usize,
    negative: usize,
}

/// The result of one start.
struct Run {
    values: Vec<f64>,
    vectors: Vec<Vec<f64>>,
    residual: f64,
    end: End,
    /// All eigenvalues that are not found yet lie in this interval.
    rest: (f64, f64),
}

enum End {
    /// All eigenvalues are known.
    Complete,
    /// Everything that was to be found has converged, or there is nothing more to find.
    Settled,
    /// The steps are used up, or `progress` asked to stop.
    Stopped,
}

impl Search<'_> {
    /// Runs Lanczos' method from a random vector that is orthogonal to everything found.
    fn run(&mut self, pool: &Pool, stream: u64) -> Result<Run> {
        // Streams beyond those of trace and density, but for the first.
        let stream = if stream == 0 { 0 } else { (1 << 33) + stream };
        let start = normal(self.settings.seed, stream, self.operator.size());
        let mut krylov = Krylov::new(start, &pool.vectors, self.size);
        let mut overlap = Overlap::new(pool.thresholds(&self.plan, self.size, self.settings.tolerance));
        let mut steps = 0;
        loop {
            krylov.step(self.operator)?;
            overlap.step(&krylov);
            steps += 1;
            self.products += 1;
            let most = self.products.max(self.settings.steps + self.settings.check);
            let flow = self.progress.update(self.products as f64 / most as f64);
            let spent = (steps >= self.settings.steps, steps >= self.settings.check);
            let full = krylov.len() >= self.plan.room;
            let ended = krylov.is_invariant() || flow.is_break();
            if !(ended || full || spent.0 || steps == self.settings.check || steps.is_multiple_of(5)) {
                continue;
            }
            let pairs = krylov.pairs()?;
            self.look(pool, &pairs);
            let wanted = self.plan.wanted(pool, &pairs.values, self.slack());
            let rest = self.rest(&pairs, &overlap, &krylov);
            let (settled, spent) = match wanted.is_empty() {
                true => (self.is_settled(pool, rest) || spent.1, spent.1),
                false => (wanted.iter().all(|&i| pairs.residual(i) <= self.slack()), spent.0),
            };
            if ended || settled || spent {
                let end = match () {
                    () if krylov.is_complete() => End::Complete,
                    () if settled || krylov.is_invariant() => End::Settled,
                    () => End::Stopped,
                };
                let residual = wanted.iter().fold(0.0_f64, |sum, &i| sum.hypot(pairs.residual(i)));
                let values = wanted.iter().map(|&i| pairs.values[i]).collect();
                return Ok(Run {
                    values,
                    vectors: krylov.into_vectors(&pairs, &wanted),
                    residual,
                    end,
                    rest,
                });
            }
            if full {
                let keep = self.plan.kept(krylov.len());
                debug!(kept = keep.len(), products = self.products, "restarted where memory ends");
                overlap.restart(&pairs.vectors, &keep);
                krylov.restart(&pairs, &keep);
            }
        }
    }

    /// Records the size of the spectrum and the number of negative eigenvalues.
    fn look(&mut self, pool: &Pool, pairs: &Pairs) {
        self.size = self.size.max(pairs.size());
        let rounding = self.operator.size() as f64 * f64::EPSILON * self.size;
        let floor = rounding + std::f64::consts::SQRT_2 * pool.residual;
        let below = |values: &[f64]| values.iter().filter(|v| **v < -floor).count();
        self.negative = self.negative.max(below(&pool.values) + below(&pairs.values));
    }

    /// The size below which residuals and differences between eigenvalues are ignored.
    fn slack(&self) -> f64 {
        self.settings.tolerance * self.size
    }

    /// The interval that contains all eigenvalues that are not in the pool.
    fn rest(&self, pairs: &Pairs, overlap: &Overlap, krylov: &Krylov<'_>) -> (f64, f64) {
        let (low, high) = (pairs.values[0], pairs.values[pairs.values.len() - 1]);
        if krylov.is_invariant() {
            // A random start has a part in every eigenspace.
            return (low, high);
        }
        let failure = self.settings.failure;
        (overlap.lower(low, krylov.start, failure), overlap.upper(high, krylov.start, failure))
    }

    /// Whether it follows for both lists that nothing was missed.
    fn is_settled(&self, pool: &Pool, rest: (f64, f64)) -> bool {
        let top = self.plan.least_top(pool).is_none_or(|v| rest.1 <= v + self.slack());
        let bottom = self.plan.greatest_bottom(pool).is_none_or(|v| rest.0 >= v - self.slack());
        top && bottom
    }
}
