//! The critical directions of g in their order on the circle, and what follows for all level sets.

use collado_certify::Interval;

use super::{Arc, NeuronRisk, PERIMETER, terms::Slope};

/// What g does at a critical direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// g falls before and rises after.
    Minimum,
    /// g rises before and falls after.
    Maximum,
    /// g falls, or rises, before and after.
    Neither,
}

/// A small arc, or a flat one, outside of which g is strictly monotone up to the next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Critical {
    pub(crate) kind: Kind,
    /// A direction inside.
    pub(crate) at: f64,
    /// An enclosure of g on the arc.
    pub(crate) value: Interval,
    /// A lower bound of the largest g on the arc.
    pub(crate) peak: f64,
    /// Whether exactly one strict minimum is proved on it.
    pub(crate) strict: bool,
}

/// The critical directions of g, counterclockwise.
#[derive(Debug, Clone)]
pub(crate) struct Circle {
    pub(crate) critical: Vec<Critical>,
    /// An enclosure of F(0), the largest value of g.
    pub(crate) zero: Interval,
    /// Whether the value of every critical arc is known to [`NARROW`]; otherwise minima may be hidden.
    pub(crate) is_resolved: bool,
}

/// The arcs that bisection begins with on each edge.
const PARTS: u32 = 32;
/// No more than so many arcs are made; those left are wide.
const MOST: usize = 100_000;
/// The width of the value of a critical arc that counts as resolved, over F(0).
const NARROW: f64 = 1e-6;
/// Arcs of which nothing is known are bisected down to this length.
const LEAST: f64 = 1. / (1_u64 << 30) as f64;

impl Circle {
    /// Encloses the critical directions of the risk.
    pub(crate) fn new(risk: &NeuronRisk) -> Self {
        let mut arcs = Vec::new();
        for i in 0..4 * PARTS {
            let at = |i: u32| 2. * f64::from(i) / f64::from(PARTS);
            bisect(risk, Arc { lo: at(i), hi: at(i + 1) }, &mut arcs);
        }
        // Begin where a slope is known, so that no critical arc goes over the end of the list.
        let known = |slope: &Slope| matches!(slope, Slope::Down | Slope::Up);
        let critical = match arcs.iter().position(|(slope, _)| known(slope)) {
            None => Vec::new(),
            Some(first) => {
                arcs.rotate_left(first);
                arcs.push(arcs[0]);
                runs(risk, &arcs)
            }
        };
        let zero = risk.at_zero();
        let narrow = |c: &Critical| c.value.hi() - c.value.lo() <= NARROW * zero.hi();
        let is_resolved = critical.iter().all(narrow) && arcs.len() < MOST;
        Self { critical, zero, is_resolved }
    }

    /// The minima below F(0).
    pub(crate) fn minima(&self) -> impl Iterator<Item = &Critical> {
        self.critical.iter().filter(|c| c.kind == Kind::Minimum && c.value.hi() < self.zero.lo())
    }

    /// The number of components of $\Omega_F(\lambda)$; nothing where λ is a critical value up to the enclosures.
    pub(crate) fn components(&self, level: f64) -> Option<usize> {
        if level >= self.zero.hi() {
            return Some(1);
        }
        if level >= self.zero.lo() || self.critical.iter().any(|c| c.value.contains(level)) {
            return None;
        }
        let below = |kind| self.critical.iter().filter(|c| c.kind == kind && c.value.hi() < level).count();
        let (minima, maxima) = (below(Kind::Minimum), below(Kind::Maximum));
        // With a direction that never fits, g = F(0) > λ somewhere; without maxima above λ the whole circle is below.
        let closed =
            minima > 0 && self.critical.iter().all(|c| c.kind != Kind::Maximum || c.value.hi() < level);
        Some(if closed { 1 } else { minima - maxima })
    }

    /// The height that every path between two minima (their places among [`minima`](Self::minima)) has to reach, with the place
    /// of the pass on the circle: F(0) on the way through Φ = 0, else the highest maximum on one of the two ways round.
    pub(crate) fn pass(&self, a: usize, b: usize) -> Pass {
        let place = |i: usize| {
            let minima = self.critical.iter().enumerate();
            let mut minima = minima.filter(|(_, c)| c.kind == Kind::Minimum && c.value.hi() < self.zero.lo());
            minima.nth(i).map_or(0, |(place, _)| place)
        };
        let (a, b) = (place(a).min(place(b)), place(a).max(place(b)));
        let between = |c: &[Critical]| {
            let tops = c.iter().filter(|c| c.kind == Kind::Maximum);
            tops.max_by(|x, y| x.peak.total_cmp(&y.peak)).cloned()
        };
        let outside = [&self.critical[b..], &self.critical[..a]].concat();
        let ways = [between(&self.critical[a..b]), between(&outside)];
        let lower = ways.iter().flatten().min_by(|x, y| x.peak.total_cmp(&y.peak));
        match lower {
            Some(top) if top.peak < self.zero.lo() => Pass { level: top.peak, over: Some(top.at) },
            _ => Pass { level: self.zero.lo(), over: None },
        }
    }
}

/// The least height between two minima.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pass {
    /// A proved lower bound of the highest F on every path.
    pub(crate) level: f64,
    /// The direction of the pass; none where Φ = 0 is the pass.
    pub(crate) over: Option<f64>,
}

fn bisect(risk: &NeuronRisk, arc: Arc, out: &mut Vec<(Slope, Arc)>) {
    let slope = risk.slope(arc);
    if slope != Slope::Unknown || arc.hi - arc.lo <= LEAST || out.len() >= MOST {
        out.push((slope, arc));
        return;
    }
    let middle = 0.5 * (arc.lo + arc.hi);
    bisect(risk, Arc { hi: middle, ..arc }, out);
    bisect(risk, Arc { lo: middle, ..arc }, out);
}

/// The maximal runs of arcs without a known slope, each between two with one; the list begins and ends with the same arc.
fn runs(risk: &NeuronRisk, arcs: &[(Slope, Arc)]) -> Vec<Critical> {
    let (mut found, mut run, mut before) = (Vec::new(), Vec::new(), Slope::Unknown);
    for &(slope, arc) in arcs {
        if matches!(slope, Slope::Flat | Slope::Unknown) {
            run.push(arc);
            continue;
        }
        let turns = before != Slope::Unknown && before != slope;
        if run.is_empty() && turns {
            run.push(Arc::point(arc.lo));
        }
        if !run.is_empty() {
            found.push(critical(risk, &run, (before, slope)));
            run.clear();
        }
        before = slope;
    }
    found
}

fn critical(risk: &NeuronRisk, run: &[Arc], around: (Slope, Slope)) -> Critical {
    let kind = match around {
        (Slope::Down, Slope::Up) => Kind::Minimum,
        (Slope::Up, Slope::Down) => Kind::Maximum,
        _ => Kind::Neither,
    };
    let values: Vec<Interval> = run.iter().map(|&arc| risk.enclose(arc)).collect();
    let lo = values.iter().map(|v| v.lo()).fold(f64::INFINITY, f64::min);
    let hi = values.iter().map(|v| v.hi()).fold(f64::NEG_INFINITY, f64::max);
    let peak = values.iter().map(|v| v.lo()).fold(f64::NEG_INFINITY, f64::max);
    // The middle of the run, along the boundary.
    let (from, length) = (run[0].lo, run.iter().map(|arc| arc.hi - arc.lo).sum::<f64>());
    let at = (from + 0.5 * length).rem_euclid(PERIMETER);
    let strict = kind == Kind::Minimum && risk.is_strict_minimum(run);
    Critical { kind, at, value: Interval::new(lo, hi), peak, strict }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn risk(y: &[f64], kappa: f64) -> NeuronRisk {
        NeuronRisk { x: vec![-1., 0., 1.], y: y.to_vec(), kappa }
    }

    /// F itself, at any θ.
    fn full(risk: &NeuronRisk, [u, b, w]: [f64; 3]) -> f64 {
        let errors = risk.x.iter().zip(&risk.y).map(|(x, y)| (w * (u * x + b).max(0.) - y).powi(2));
        errors.sum::<f64>() / risk.x.len() as f64 + risk.kappa * (u * u + b * b + w * w)
    }

    /// Enclosures hold g at sampled directions, g is F at the lowest point, and no sampled point of the direction is lower.
    #[test]
    fn g_is_the_least_risk_of_a_direction() {
        for (y, kappa) in [([1., -1., 0.8], 0.02), ([0., 0., 1.], 0.), ([0.3, 1., -0.7], 0.05)] {
            let risk = risk(&y, kappa);
            for i in 0..800 {
                let at = 0.01 * f64::from(i) + 0.003;
                let value = risk.value(at);
                assert!((full(&risk, risk.lowest(at)) - value).abs() < 1e-12, "{at}");
                let edge = (at / 2.).floor() * 2.;
                let arc = Arc { lo: (at - 0.05).max(edge), hi: (at + 0.05).min(edge + 2.) };
                let wide = risk.enclose(arc);
                assert!(wide.contains(value) && wide.hi() - wide.lo() < 0.8, "{wide:?}");
                let [u, b] = super::super::unit(at);
                for (r, w) in
                    (1..12).flat_map(|r| (-12..12).map(move |w| (0.2 * f64::from(r), 0.2 * f64::from(w))))
                {
                    assert!(full(&risk, [r * u, r * b, w]) >= value - 1e-12);
                }
            }
        }
    }

    /// The number of components beside a fine grid of directions.
    #[test]
    fn components_are_those_of_a_grid() {
        for (y, kappa, minima) in [([1., -1.8, 0.8], 0.01, 3), ([0., 0., 1.], 0.01, 1), ([0., 0., 1.], 0., 1)]
        {
            let risk = risk(&y, kappa);
            let circle = Circle::new(&risk);
            assert_eq!(circle.minima().count(), minima, "{circle:?}");
            assert!(kappa == 0. || circle.minima().all(|c| c.strict), "{circle:?}");
            let grid: Vec<f64> = (0..8000).map(|i| risk.value(1e-3 * f64::from(i) + 3e-4)).collect();
            let mut decided = 0;
            for i in 1..100 {
                let level = circle.zero.lo() * f64::from(i) / 100.3;
                let below = |i: usize| grid[i % grid.len()] <= level;
                let begins = (0..grid.len()).filter(|&i| !below(i) && below(i + 1)).count();
                let Some(components) = circle.components(level) else { continue };
                decided += 1;
                assert_eq!(components, begins, "λ = {level}");
            }
            assert!(decided > 95, "{decided}");
        }
    }

    #[test]
    fn passes_lie_above_both_minima() {
        let risk = risk(&[1., -2., 1.], 0.01);
        let circle = Circle::new(&risk);
        let pass = circle.pass(0, 1);
        let highest = circle.minima().map(|c| c.value.hi()).fold(0., f64::max);
        assert!(pass.level > highest + 0.3 && pass.level <= circle.zero.hi(), "{pass:?} {highest}");
        assert_eq!(circle.components(0.5 * (pass.level + highest)), Some(2));
    }
}
