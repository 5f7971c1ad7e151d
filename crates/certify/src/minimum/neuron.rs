//! Proofs of all minima of a logistic neuron, coordinate by coordinate.

use collado_risk::LogisticNeuron;

use crate::Interval;

/// The minima of one coordinate of a [`LogisticNeuron`]; F's minima are their $p^d$ combinations.
#[derive(Debug, Clone, PartialEq)]
pub struct NeuronMinima {
    /// Disjoint intervals, ascending: each holds exactly one critical point of f, and f″ > 0 on it.
    pub boxes: Vec<Interval>,
    /// Number of candidates that were found but not proved.
    pub unproved: usize,
}

/// Finds the minima of one coordinate by bisection of f′ on a grid of w > 0 that is uniform in log w, and proves each
/// by interval Newton: $x-f'(x)/f''(X)$ inside X with $f''(X)>0$.
pub fn neuron_minima(risk: &LogisticNeuron) -> NeuronMinima {
    let longest = risk.lengths().fold(1., f64::max);
    // sigma(x w) = 3/4 at w = ln 3 / x: all minima lie between the extremes of these
    let (from, to) = ((0.1 / longest).ln(), 10f64.ln());
    let steps = 400 * (risk.per_dim() + 1);
    let grid: Vec<f64> = (0..=steps).map(|i| (from + (to - from) * i as f64 / steps as f64).exp()).collect();
    let slope = |w: f64| risk.coordinate(w)[1];
    let crossings = grid.windows(2).filter(|w| slope(w[0]) < 0. && slope(w[1]) >= 0.);
    let mut found = NeuronMinima { boxes: Vec::new(), unproved: 0 };
    for ends in crossings {
        let (mut a, mut b) = (ends[0], ends[1]);
        for _ in 0..80 {
            let middle = 0.5 * (a + b);
            if slope(middle) < 0. { a = middle } else { b = middle }
        }
        match prove(risk, 0.5 * (a + b)) {
            Some(proved) => found.boxes.push(proved),
            None => found.unproved += 1,
        }
    }
    found
}

fn prove(risk: &LogisticNeuron, w: f64) -> Option<Interval> {
    let slope = derivatives(risk, Interval::point(w))[0];
    (3..13).find_map(|e| {
        let cube = Interval::around(w, w * 10f64.powi(-e));
        let bend = derivatives(risk, cube)[1];
        let newton = Interval::point(w) - slope * bend.recip();
        (bend.lo() > 0. && cube.lo() < newton.lo() && newton.hi() < cube.hi()).then_some(newton)
    })
}

/// Enclosures of f′ and f″ over an interval.
fn derivatives(risk: &LogisticNeuron, w: Interval) -> [Interval; 2] {
    let share = Interval::point(risk.per_dim() as f64).recip();
    let one = Interval::point(1.);
    risk.lengths().fold([Interval::ZERO; 2], |sum, x| {
        let s = (one + (-(w * x)).exp()).recip();
        let slope = s * (one + (w * x).exp()).recip();
        let error = s - Interval::point(LogisticNeuron::TARGET);
        let bend = slope * (one - s * 2.);
        [
            sum[0] + error * slope * (2. * x) * share,
            sum[1] + (slope.square() + error * bend) * Interval::point(x).square() * share * 2.,
        ]
    })
}
