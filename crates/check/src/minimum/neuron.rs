//! The check of proofs of all minima of one logistic neuron: Krawczyk's test for each minimum of a coordinate.

use collado_files::{NeuronBox, NeuronFile};

use crate::{
    Error, Result,
    interval::{Interval, largest, least, product_up, sum_up},
    subject::compare,
};

/// The target of every example.
const TARGET: Interval = Interval::point(0.75);
/// $z^2/(1+e^z)$ is less than the smallest normal number for z at least this.
const FAR: f64 = 800.;

/// What the check of all minima of one neuron found.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedNeuron {
    /// Number of minima of a coordinate that hold, from the lowest on.
    pub holding: usize,
    /// How far Krawczyk's operator reaches from the middle of a box, as a share of its radius: the largest, below 1.
    pub reach: f64,
    /// A lower bound of the second derivatives on the boxes, each in the scale of its own.
    pub curvature: f64,
    /// An enclosure of F at all minima.
    pub risk: (f64, f64),
    /// The first part of the claim that could not be confirmed.
    pub refuted: Option<String>,
}

/// Checks the proof of all minima of one logistic neuron.
///
/// Every combination of boxes of the coordinates holds exactly one zero of ∇F, with a diagonal Hessian that is positive
/// definite, since F is a mean over coordinates.
///
/// # Errors
/// When the claim is about another number of minima than the risk and the boxes.
pub fn check_neuron(proof: &NeuronFile) -> Result<CheckedNeuron> {
    let (claim, neuron) = (&proof.header.claim, &proof.header.neuron);
    if !(neuron.ratio > 1. && neuron.ratio.is_finite() && neuron.dims > 0) {
        let stated = format!("{} in {} dimensions", neuron.ratio, neuron.dims);
        return Err(Error::Other { what: "ratio", stated, found: "none above 1 in one or more".into() });
    }
    compare("minima", &claim.minima, &neuron.minima())?;
    compare("minima of a coordinate", &neuron.per_dim.to_string(), &proof.minima.len().to_string())?;
    let mut checked = CheckedNeuron {
        holding: 0,
        reach: 0.,
        curvature: f64::INFINITY,
        risk: (f64::INFINITY, f64::NEG_INFINITY),
        refuted: None,
    };
    let mut end = 0.;
    for (i, minimum) in proof.minima.iter().enumerate() {
        let found = Confirmed::new(minimum, neuron.per_dim, neuron.ratio);
        checked.refuted =
            found.refuted(minimum, end, claim.risk).map(|why| format!("minimum {}: {why}", i + 1));
        if checked.refuted.is_some() {
            break;
        }
        end = found.place.hi;
        checked.holding += 1;
        checked.reach = largest(checked.reach, found.reach / minimum.radius);
        checked.curvature = least(checked.curvature, found.curvature);
        checked.risk = (least(checked.risk.0, found.risk.lo), largest(checked.risk.1, found.risk.hi));
    }
    Ok(checked)
}

/// What is found on the box of one minimum.
struct Confirmed {
    /// The box, in w.
    place: Interval,
    /// How far Krawczyk's operator reaches from its middle, in u.
    reach: f64,
    curvature: f64,
    /// F where all coordinates are at the minimum.
    risk: Interval,
}

impl Confirmed {
    /// With c the inverse and U the box around 1, $1-cf'(1)+(1-cf''(U))(U-1)$ inside the interior of U proves exactly one
    /// zero of f′ in U.
    fn new(minimum: &NeuronBox, count: usize, ratio: f64) -> Self {
        let &NeuronBox { at, radius, inverse, .. } = minimum;
        let (one, ratio) = (Interval::point(1.), Interval::point(ratio));
        let outputs = std::iter::successors(Some(Interval::point(at)), |&z| Some(z * ratio));
        let outputs: Vec<Interval> = outputs.take(count).collect();
        let cube = one.widened(radius);
        let ([value, slope, _], [_, slopes, bend]) = (enclose(&outputs, one), enclose(&outputs, cube));
        let rest = (one - bend * inverse).size();
        Self {
            place: cube * at,
            reach: sum_up((slope * inverse).size(), product_up(rest, radius)),
            curvature: bend.lo,
            risk: value + slopes * Interval::new(-radius, radius),
        }
    }

    /// What is wrong with the claims, if something is: those about this minimum, which has to lie above `end`, and `all`,
    /// in which F lies at all minima.
    fn refuted(&self, claim: &NeuronBox, end: f64, all: (f64, f64)) -> Option<String> {
        let (NeuronBox { at, radius, curvature, risk, .. }, found) = (*claim, self.risk);
        if !(at.is_finite() && at > 0. && radius > 0. && radius < 1.) {
            return Some(format!(
                "expected a box of positive numbers, found a radius of {radius:e} at {at:e}"
            ));
        }
        if !(self.place.lo > end) {
            return Some(format!(
                "its box begins at {:e}, and the one before ends at {end:e}",
                self.place.lo
            ));
        }
        if !(self.reach < radius) {
            return Some(format!(
                "Krawczyk's operator reaches {:e}, the radius of the box is {radius:e}",
                self.reach
            ));
        }
        if !(curvature > 0. && self.curvature >= curvature) {
            let found = self.curvature;
            return Some(format!(
                "a second derivative of at least {curvature}: not confirmed, the check finds {found}"
            ));
        }
        let (lo, hi) = risk;
        if !(found.lo >= lo && found.hi <= hi) {
            let Interval { lo: least, hi: most } = found;
            return Some(format!(
                "F in [{lo}, {hi}] could not be confirmed, the check finds [{least}, {most}]"
            ));
        }
        (!(all.0 <= lo && hi <= all.1)).then(|| {
            format!("F in [{lo}, {hi}] is not in [{}, {}], the claim about all minima", all.0, all.1)
        })
    }
}

/// Encloses $\frac1p\sum_z(\sigma(zu)-\frac34)^2$ and its two derivatives in u, for p numbers z > 0.
fn enclose(outputs: &[Interval], u: Interval) -> [Interval; 3] {
    let one = Interval::point(1.);
    let tiny = Interval::new(-f64::MIN_POSITIVE, f64::MIN_POSITIVE);
    let mut sums = [Interval::ZERO; 3];
    for &z in outputs {
        let argument = z * u;
        let terms = if argument.lo >= FAR {
            [(one - TARGET + tiny).square(), tiny, tiny]
        } else {
            let a = argument.logistic();
            let slope = a * (-argument).logistic();
            let (off, bend) = (a - TARGET, slope * (one - a * 2.));
            [off.square(), off * slope * z * 2., (slope.square() + off * bend) * z.square() * 2.]
        };
        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum = *sum + term);
    }
    sums.map(|sum| sum * one.over(Interval::point(outputs.len() as f64)))
}

#[cfg(test)]
mod tests {
    use collado_risk::LogisticNeuron;

    use super::*;

    /// The values and derivatives hold those of another formula, and neither depends on what is beyond [`FAR`].
    #[test]
    #[allow(clippy::unwrap_used)]
    fn enclosures_hold_the_risk_and_its_derivatives() {
        for (ratio, w) in [(3., 0.7), (10., 0.01), (10., 1.1), (900., 0.9), (1e6, 1.2e-6)] {
            let neuron = LogisticNeuron::new(1, 4, ratio).unwrap();
            let outputs: Vec<Interval> = (0..4).map(|i| Interval::point(w) * ratio.powi(i)).collect();
            let [f, df, ddf] = neuron.coordinate(w);
            let found = enclose(&outputs, Interval::point(1.));
            for (found, right) in found.iter().zip([f, w * df, w * w * ddf]) {
                assert!(found.lo - 1e-14 <= right && right <= found.hi + 1e-14, "{ratio} {found:?} {right}");
                assert!(found.hi - found.lo < 1e-12, "{ratio} {found:?}");
            }
        }
    }
}
