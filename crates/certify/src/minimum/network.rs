//! Small smooth networks on data: risk, gradient and Hessian over boxes, and the proof of a minimum near a point.

use collado_linalg::Cholesky;
use collado_models::Activation;
use collado_risk::{Loss, Regularizer};
use faer::Mat;
use rayon::prelude::*;

use super::{
    Enclosure, MinimumKind, MinimumProof, TwiceDifferentiable,
    jet::{Jet, activation, exponential, logarithm, softplus},
    prove,
};
use crate::{
    EmpiricalRisk, Error, Interval, Result,
    empirical_risk::{Examples, Targets},
    leg::Layer,
    penalty::columns,
};

/// Parameters at most: a Hessian costs S³ interval operations an example.
const LARGEST: usize = 256;

struct Network<'a> {
    risk: &'a EmpiricalRisk<'a>,
    layers: Vec<Layer>,
    examples: Examples,
    /// Inputs of each tile.
    inputs: Vec<Vec<f64>>,
}

/// Polishes `theta` `[S]` by Newton's method and tries to prove that a strict local minimum of the risk lies close to it.
/// Also gives the polished point.
///
/// # Errors
/// When sizes do not fit, a number is not finite, the activation is ReLU, R is not differentiable, or there are more than
/// 256 parameters.
pub fn prove_network_minimum(risk: &EmpiricalRisk<'_>, theta: &[f64]) -> Result<(MinimumProof, Vec<f64>)> {
    let mismatch = |what, expected: &str, found: String| {
        Err(Error::Mismatch { what, expected: expected.to_owned(), found })
    };
    let size = risk.arch.layout().len();
    if theta.len() != size || size > LARGEST {
        let expected = format!("{size}, at most {LARGEST}");
        return mismatch("number of parameters", &expected, theta.len().to_string());
    }
    if let Some(place) = theta.iter().position(|x| !x.is_finite()) {
        return Err(Error::NotFinite { what: "parameters", found: theta[place], place });
    }
    if risk.arch.activation() == Activation::Relu {
        return mismatch("activation", "a twice differentiable one", "relu".into());
    }
    if risk.criterion.kappa > 0. && risk.criterion.regularizer == Regularizer::L1Last {
        return mismatch("regularizer", "l2 or l2-last", risk.criterion.regularizer.to_string());
    }
    let examples = Examples::new(risk)?;
    let inputs = examples.tiles.iter().map(|t| examples.gather(t)).collect::<Result<_>>()?;
    let network = Network { risk, layers: Layer::all(risk.arch), examples, inputs };
    let point = network.polish(theta);
    Ok((prove(&network, &point, MinimumKind::Local), point))
}

impl Network<'_> {
    /// Newton's method, as long as it lowers the gradient.
    fn polish(&self, theta: &[f64]) -> Vec<f64> {
        let norm = |x: &[Interval]| x.iter().map(|x| x.middle() * x.middle()).sum::<f64>();
        let at = |x: &[f64]| self.jet(&x.iter().map(|&x| Interval::point(x)).collect::<Vec<_>>());
        let (mut point, mut jet) = (theta.to_vec(), at(theta));
        for _ in 0..20 {
            let n = point.len();
            let hessian = Mat::from_fn(n, n, |i, j| jet.curve[i.max(j) * n + i.min(j)].middle());
            let Ok(factor) = Cholesky::new(hessian.as_ref()) else { break };
            let step = factor.solve_vector(&jet.slope.iter().map(|x| x.middle()).collect::<Vec<_>>());
            let next: Vec<f64> = point.iter().zip(step).map(|(x, step)| x - step).collect();
            let there = at(&next);
            if norm(&there.slope).is_nan() || norm(&there.slope) >= norm(&jet.slope) {
                break;
            }
            (point, jet) = (next, there);
        }
        point
    }

    fn jet(&self, cube: &[Interval]) -> Jet {
        let size = cube.len();
        let tiles: Vec<Jet> = (self.examples.tiles.par_iter().zip(&self.inputs))
            .map(|(tile, inputs)| {
                let mut sum = Jet::constant(Interval::ZERO, size);
                for (&row, x) in tile.rows.iter().zip(inputs.chunks_exact(self.layers[0].inputs)) {
                    sum.add(&self.loss(self.outputs(cube, x), row), Interval::point(1.));
                }
                sum
            })
            .collect();
        let share = Interval::point(self.examples.len() as f64).recip();
        let mut risk = Jet::constant(Interval::ZERO, size);
        tiles.iter().for_each(|tile| risk.add(tile, share));
        let kappa = Interval::point(self.risk.criterion.kappa);
        for p in columns(self.risk.criterion.regularizer, &self.layers) {
            risk.value = risk.value + kappa * cube[p].square();
            risk.slope[p] = risk.slope[p] + kappa * cube[p] * 2.;
            risk.curve[p * size + p] = risk.curve[p * size + p] + kappa * 2.;
        }
        risk
    }

    fn outputs(&self, cube: &[Interval], x: &[f64]) -> Vec<Jet> {
        let size = cube.len();
        let constant = |&x: &f64| Jet::constant(Interval::point(x), size);
        let mut below: Vec<Jet> = x.iter().map(constant).collect();
        for (k, layer) in self.layers.iter().enumerate() {
            let last = k + 1 == self.layers.len();
            let row = |i: usize| {
                let mut z = constant(&0.);
                for (j, a) in below.iter().enumerate() {
                    let p = layer.weight + i * layer.inputs + j;
                    z.add_parameter_times(p, cube[p], a);
                }
                if let Some(bias) = layer.bias {
                    z.add_parameter_times(bias + i, cube[bias + i], &constant(&1.));
                }
                match activation(self.risk.arch.activation(), z.value).filter(|_| !last) {
                    Some(derivatives) => z.through(derivatives),
                    None => z,
                }
            };
            below = (0..layer.outputs).map(row).collect();
        }
        below
    }

    fn loss(&self, mut z: Vec<Jet>, row: usize) -> Jet {
        let (size, q) = (z[0].slope.len(), z.len());
        let mut sum = Jet::constant(Interval::ZERO, size);
        let one = Interval::point(1.);
        if let (Loss::CrossEntropy, Targets::Classes(labels)) =
            (self.risk.criterion.loss, &self.examples.targets)
        {
            // log(1 + Σ exp(z_j - z_y)).
            let own = z.remove(labels[row] as usize);
            for mut margin in z {
                margin.add(&own, -one);
                let derivatives = exponential(margin.value);
                sum.add(&margin.through(derivatives), one);
            }
            let derivatives = logarithm(sum.value);
            return sum.through(derivatives);
        }
        for (j, mut z) in z.into_iter().enumerate() {
            let y = Interval::point(self.examples.targets.value(row, j, q));
            if self.risk.criterion.loss == Loss::Logistic {
                sum.add(&z, -y);
                let derivatives = softplus(z.value);
                sum.add(&z.through(derivatives), one);
            } else {
                z.value = z.value - y;
                let derivatives = [z.value.square(), z.value * 2., Interval::point(2.)];
                sum.add(&z.through(derivatives), one);
            }
        }
        sum
    }
}

impl TwiceDifferentiable for Network<'_> {
    fn enclose(&self, cube: &[Interval]) -> Enclosure {
        let jet = self.jet(cube);
        Enclosure { risk: jet.value, gradient: jet.slope }
    }

    fn hessian(&self, cube: &[Interval]) -> Vec<Interval> {
        self.jet(cube).curve
    }

    fn outside(&self, _: &[Interval]) -> Option<Vec<Interval>> {
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use candle_core::{Device, Tensor};
    use collado_models::Arch;
    use collado_risk::{Criterion, DenseObjective, Objective, Rows, Span};

    use super::*;

    #[test]
    fn slopes_and_curves_are_central_differences() {
        let x = Tensor::new(&[[0.3, -1.], [0.8, 0.1], [-0.4, 0.7]], &Device::Cpu).unwrap();
        let labels = Tensor::new(&[0_u32, 1, 1], &Device::Cpu).unwrap();
        for name in Activation::ALL.into_iter().filter(|a| *a != Activation::Relu) {
            for loss in Loss::ALL {
                let arch = Arch::dense(name, &[2, 2, 2], true).unwrap();
                let criterion = Criterion { loss, kappa: 0.1, regularizer: Regularizer::L2 };
                let risk = EmpiricalRisk { arch: &arch, inputs: &x, targets: &labels, criterion };
                let examples = Examples::new(&risk).unwrap();
                let inputs = examples.tiles.iter().map(|t| examples.gather(t).unwrap()).collect();
                let network = Network { risk: &risk, layers: Layer::all(&arch), examples, inputs };
                let theta: Vec<f64> = (0..12).map(|i| (f64::from(i) * 1.7).sin()).collect();
                let jet = network.jet(&theta.iter().map(|&x| Interval::point(x)).collect::<Vec<_>>());
                let objective = DenseObjective::new(&arch, &x, &labels, criterion, 1 << 20).unwrap();
                let at = |theta: &[f64]| {
                    let point = Tensor::from_slice(theta, (1, 12), &Device::Cpu).unwrap();
                    let grad = point.zeros_like().unwrap();
                    let value =
                        objective.evaluate(&Span::stack(&point).unwrap(), Rows::All, Some(&grad)).unwrap();
                    (value[0].risk, grad.flatten_all().unwrap().to_vec1::<f64>().unwrap())
                };
                let (value, grad) = at(&theta);
                assert!(
                    (jet.value.middle() - value).abs() < 1e-12 && jet.value.radius() < 1e-12,
                    "{name} {loss}"
                );
                for p in 0..12 {
                    assert!((jet.slope[p].middle() - grad[p]).abs() < 1e-12, "{name} {loss} {p}");
                    let moved = |h: f64| {
                        let mut theta = theta.clone();
                        theta[p] += h;
                        at(&theta).1
                    };
                    let (up, down) = (moved(1e-5), moved(-1e-5));
                    for j in 0..=p {
                        let numeric = (up[j] - down[j]) / 2e-5;
                        let found = jet.curve[p * 12 + j];
                        assert!((found.middle() - numeric).abs() < 1e-8, "{name} {loss} {p} {j}");
                        assert!(found.radius() < 1e-12);
                    }
                }
            }
        }
    }
}
