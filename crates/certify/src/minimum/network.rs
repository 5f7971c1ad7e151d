//! Proofs of minima of small smooth networks on data: risk, gradient and Hessian are enclosed over boxes.

use collado_linalg::Cholesky;
use collado_models::{Activation, Affine, Algebra};
use collado_risk::{EmpiricalRisk, Loss, Regularizer, Targets};
use faer::Mat;
use rayon::prelude::*;

use super::{
    Enclosure, MinimumKind, MinimumProof, TwiceDifferentiable,
    jet::{Jet, activation, exponential, logarithm, softplus},
    prove,
};
use crate::{Error, Interval, Result, tiles::Tiles};

/// The largest number of parameters S. A Hessian costs S³ interval operations for each example.
const LARGEST: usize = 256;

struct SmallNetwork<'a> {
    risk: &'a EmpiricalRisk,
    tiles: Tiles,
    /// The inputs of each tile.
    inputs: Vec<Vec<f64>>,
}

/// Polishes `theta` `[S]` by Newton's method and tries to prove that a strict local minimum of the risk lies close to
/// it. Also returns the polished point.
///
/// # Errors
/// When sizes do not fit, a number is not finite, the activation is ReLU, R is not differentiable, or there are more
/// than 256 parameters.
pub fn prove_network_minimum(risk: &EmpiricalRisk, theta: &[f64]) -> Result<(MinimumProof, Vec<f64>)> {
    let mismatch = |what, expected: &str, found: String| {
        Err(Error::Mismatch { what, expected: expected.to_owned(), found })
    };
    let size = risk.network().size();
    if theta.len() != size {
        return mismatch("number of parameters", &size.to_string(), theta.len().to_string());
    }
    if size > LARGEST {
        return mismatch("number of parameters", &format!("at most {LARGEST}"), size.to_string());
    }
    if let Some(place) = theta.iter().position(|x| !x.is_finite()) {
        return Err(Error::NotFinite { what: "parameters", found: theta[place], place });
    }
    let rho = risk.arch().activation();
    if matches!(rho, Activation::Relu | Activation::Leaky | Activation::Silu) {
        let expected = "linear, tanh, softplus, gelu or logistic, which are twice differentiable";
        return mismatch("activation", expected, rho.to_string());
    }
    if risk.criterion().kappa > 0. && risk.criterion().regularizer == Regularizer::L1Last {
        return mismatch("regularizer", "l2 or l2-last", risk.criterion().regularizer.to_string());
    }
    let network = SmallNetwork::new(risk)?;
    let point = network.polish(theta);
    Ok((prove(&network, &point, MinimumKind::Local), point))
}

impl<'a> SmallNetwork<'a> {
    fn new(risk: &'a EmpiricalRisk) -> Result<Self> {
        risk.network().dense_chain("the proof of a minimum")?;
        let tiles = Tiles::new(risk)?;
        let inputs = tiles.tiles.iter().map(|t| tiles.gather(t)).collect::<Result<_>>()?;
        Ok(Self { risk, tiles, inputs })
    }

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
        let tiles: Vec<Jet> = (self.tiles.tiles.par_iter().zip(&self.inputs))
            .map(|(tile, inputs)| {
                let mut sum = Jet::constant(Interval::ZERO, size);
                for (&row, x) in tile.rows.iter().zip(inputs.chunks_exact(self.risk.arch().inputs())) {
                    sum.add(&self.loss(self.outputs(cube, x), row), Interval::point(1.));
                }
                sum
            })
            .collect();
        let share = Interval::point(self.tiles.len() as f64).recip();
        let mut risk = Jet::constant(Interval::ZERO, size);
        tiles.iter().for_each(|tile| risk.add(tile, share));
        let kappa = Interval::point(self.risk.criterion().kappa);
        for p in self.risk.criterion().regularizer.columns(self.risk.network()) {
            risk.value = risk.value + kappa * cube[p].square();
            risk.slope[p] = risk.slope[p] + kappa * cube[p] * 2.;
            risk.curve[p * size + p] = risk.curve[p * size + p] + kappa * 2.;
        }
        risk
    }

    fn outputs(&self, cube: &[Interval], x: &[f64]) -> Vec<Jet> {
        let size = cube.len();
        let constant = |&x: &f64| Jet::constant(Interval::point(x), size);
        let below: Vec<Jet> = x.iter().map(constant).collect();
        self.risk.network().run(&mut Jets { cube }, below).expect("a chain of smooth layers has rules")
    }

    fn loss(&self, mut z: Vec<Jet>, row: usize) -> Jet {
        let (size, q) = (z[0].slope.len(), z.len());
        let mut sum = Jet::constant(Interval::ZERO, size);
        let one = Interval::point(1.);
        if let (Loss::CrossEntropy, Targets::Classes(labels)) =
            (self.risk.criterion().loss, self.tiles.targets())
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
            let y = Interval::point(self.tiles.targets().value(row, j, q));
            if self.risk.criterion().loss == Loss::Logistic {
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

/// The forward pass of one example with two derivatives, over a box.
struct Jets<'a> {
    cube: &'a [Interval],
}

impl Algebra for Jets<'_> {
    type Value = Vec<Jet>;
    type Error = collado_models::Error;
    const NAME: &'static str = "the proof of a minimum";

    fn affine(&mut self, op: &Affine, x: &Vec<Jet>) -> collado_models::Result<Vec<Jet>> {
        let constant = |value| Jet::constant(Interval::point(value), self.cube.len());
        let row = |i: usize| {
            let mut z = constant(0.);
            for (j, a) in x.iter().enumerate() {
                let p = op.column(i, j);
                z.add_parameter_times(p, self.cube[p], a);
            }
            if let Some(bias) = &op.bias {
                let p = bias.start + i;
                z.add_parameter_times(p, self.cube[p], &constant(1.));
            }
            z
        };
        Ok((0..op.outputs()).map(row).collect())
    }

    fn activation(&mut self, rho: Activation, x: Vec<Jet>) -> collado_models::Result<Vec<Jet>> {
        let refused = || collado_models::Error::NoRule {
            analysis: Self::NAME,
            operation: format!("the activation {rho}"),
        };
        let through = |z: Jet| activation(rho, z.value).map(|derivatives| z.through(derivatives));
        x.into_iter().map(through).collect::<Option<_>>().ok_or_else(refused)
    }
}

impl TwiceDifferentiable for SmallNetwork<'_> {
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
    use collado_risk::{Criterion, Examples, Objective, Rows};

    use super::*;

    #[test]
    fn slopes_and_curves_are_central_differences() {
        let x = Tensor::new(&[[0.3, -1.], [0.8, 0.1], [-0.4, 0.7]], &Device::Cpu).unwrap();
        let labels = Tensor::new(&[0_u32, 1, 1], &Device::Cpu).unwrap();
        for name in Activation::ALL.into_iter().filter(|rho| activation(*rho, Interval::point(0.)).is_some())
        {
            for loss in Loss::ALL {
                let arch = Arch::dense(name, &[2, 2, 2], true).unwrap();
                let criterion = Criterion { loss, kappa: 0.1, regularizer: Regularizer::L2 };
                let risk = EmpiricalRisk::new(&arch, Examples::new(&x, &labels).unwrap(), criterion).unwrap();
                let network = SmallNetwork::new(&risk).unwrap();
                let theta: Vec<f64> = (0..12).map(|i| (f64::from(i) * 1.7).sin()).collect();
                let jet = network.jet(&theta.iter().map(|&x| Interval::point(x)).collect::<Vec<_>>());
                let at = |theta: &[f64]| {
                    let point = Tensor::from_slice(theta, (1, 12), &Device::Cpu).unwrap();
                    let mut grad = point.zeros_like().unwrap();
                    let value = risk.at(&point, Rows::All, Some(&mut grad)).unwrap();
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
