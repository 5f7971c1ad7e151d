//! Proofs of all minima of a logistic neuron, coordinate by coordinate.

use collado_risk::LogisticNeuron;

use crate::Interval;

/// The minima of one coordinate of a [`LogisticNeuron`]; F's minima are their $p^d$ combinations.
#[derive(Debug, Clone, PartialEq)]
pub struct NeuronMinima {
    /// Disjoint intervals, ascending: each holds exactly one critical point of f, and f″ > 0 on it.
    pub boxes: Vec<Interval>,
    /// The proof for each of them.
    pub proofs: Vec<NeuronProof>,
    /// Number of candidates that were found but not proved.
    pub unproved: usize,
}

/// A proof that f has exactly one critical point close to a number, a strict minimum.
///
/// Minima lie far apart, and the box, the curvature and its inverse are in the scale of their own: with $w=\text{at}\cdot u$
/// they are about f as a function of u, and the box is $|u-1|\le$ `radius`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NeuronProof {
    /// A number close to the minimum.
    pub at: f64,
    /// The radius of the box.
    pub radius: f64,
    /// An approximate inverse of the second derivative.
    pub inverse: f64,
    /// A lower bound of the second derivative on the box.
    pub curvature: f64,
    /// An enclosure of f at the minimum.
    pub risk: Interval,
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
    let mut found = NeuronMinima { boxes: Vec::new(), proofs: Vec::new(), unproved: 0 };
    for ends in crossings {
        let (mut a, mut b) = (ends[0], ends[1]);
        for _ in 0..80 {
            let middle = 0.5 * (a + b);
            if slope(middle) < 0. { a = middle } else { b = middle }
        }
        match prove(risk, 0.5 * (a + b)) {
            Some((proved, proof)) => {
                found.boxes.push(proved);
                found.proofs.push(proof);
            }
            None => found.unproved += 1,
        }
    }
    found
}

/// The narrow interval that Newton's step gives, and the proof.
fn prove(risk: &LogisticNeuron, at: f64) -> Option<(Interval, NeuronProof)> {
    let scales = scales(risk, at);
    let one = Interval::point(1.);
    let [value, slope, _] = derivatives(&scales, one);
    (5..13).map(|e| 10f64.powi(-e)).find_map(|radius| {
        let cube = Interval::around(1., radius);
        let [_, slopes, bend] = derivatives(&scales, cube);
        let newton = one - slope * bend.recip();
        let risk = value + slopes * Interval::new(-radius, radius);
        let proof = NeuronProof { at, radius, inverse: bend.middle().recip(), curvature: bend.lo(), risk };
        (bend.lo() > 0. && 1. - radius < newton.lo() && newton.hi() < 1. + radius)
            .then(|| (newton * at, proof))
    })
}

/// Enclosures of the outputs' arguments $R^iw$ at w = `at`; the lengths are those of real numbers, not rounded.
fn scales(risk: &LogisticNeuron, at: f64) -> Vec<Interval> {
    let ratio = Interval::point(risk.ratio());
    std::iter::successors(Some(Interval::point(at)), |z| Some(*z * ratio)).take(risk.per_dim()).collect()
}

/// Where z is at least this, $z^2/(1+e^z)$ is less than the smallest normal number.
const FAR: f64 = 800.;

/// Enclosures of f and its two derivatives in u, where the outputs are $\sigma(zu)$ for these z.
fn derivatives(scales: &[Interval], u: Interval) -> [Interval; 3] {
    let one = Interval::point(1.);
    let tiny = Interval::new(-f64::MIN_POSITIVE, f64::MIN_POSITIVE);
    let sums = scales.iter().fold([Interval::ZERO; 3], |[f, df, ddf], &z| {
        let argument = z * u;
        if argument.lo() >= FAR {
            let error = one - Interval::point(LogisticNeuron::TARGET) + tiny;
            return [f + error.square(), df + tiny, ddf + tiny];
        }
        let s = (one + (-argument).exp()).recip();
        let slope = s * (one + argument.exp()).recip();
        let error = s - Interval::point(LogisticNeuron::TARGET);
        let bend = slope * (one - s * 2.);
        [
            f + error.square(),
            df + error * slope * z * 2.,
            ddf + (slope.square() + error * bend) * z.square() * 2.,
        ]
    });
    let share = Interval::point(scales.len() as f64).recip();
    sums.map(|sum| sum * share)
}
