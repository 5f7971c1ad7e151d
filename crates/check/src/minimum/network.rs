//! The risk of a small smooth network on data, with two derivatives over a box.

use candle_core::DType;
use collado_models::{Activation, Affine, Algebra, Map};
use collado_risk::{EmpiricalRisk, Loss, Regularizer};
use rayon::prelude::*;

use super::{
    Curved, Enclosed,
    jet::{Jet, activation, exponential, logarithm, place, softplus, square},
    matrix::Matrix,
};
use crate::{Error, Result, interval::Interval};

/// The name of the analysis in messages.
const NAME: &str = "the check of a minimum";

/// The risk of a network on data.
pub(super) struct SmallNetwork<'a> {
    risk: &'a EmpiricalRisk,
    /// The inputs of all examples, one after the other.
    inputs: Vec<f64>,
}

impl<'a> SmallNetwork<'a> {
    pub(super) fn new(risk: &'a EmpiricalRisk) -> Result<Self> {
        let criterion = risk.criterion();
        if criterion.kappa != 0. && criterion.regularizer == Regularizer::L1Last {
            let operation = format!("the regulariser {}", criterion.regularizer);
            return Err(collado_models::Error::NoRule { analysis: NAME, operation }.into());
        }
        let given = risk.data().given().to_dtype(DType::F64)?;
        let inputs = given.flatten_all()?.to_vec1::<f64>()?;
        match inputs.iter().all(|x| x.is_finite()) {
            true => Ok(Self { risk, inputs }),
            false => Err(Error::NotFinite { what: "the inputs" }),
        }
    }

    /// The loss of the example in a row.
    fn loss(&self, row: usize, mut z: Vec<Jet>) -> Jet {
        let (targets, outputs, size) = (self.risk.data().targets(), z.len(), z[0].slope.len());
        let one = Interval::point(1.);
        let mut sum = Jet::constant(Interval::ZERO, size);
        match (self.risk.criterion().loss, targets.classes()) {
            (Loss::CrossEntropy, Some(labels)) => {
                // log(1 + Σ exp(z_j − z_y)).
                let own = z.remove(labels[row] as usize);
                for mut margin in z {
                    margin.add(-one, &own);
                    let derivatives = exponential(margin.value);
                    sum.add(one, &margin.through(derivatives));
                }
                let derivatives = logarithm(sum.value);
                return sum.through(derivatives);
            }
            (loss, _) => {
                for (j, z) in z.into_iter().enumerate() {
                    let y = targets.value(row, j, outputs);
                    let of = match loss {
                        Loss::Logistic => {
                            sum.add(-Interval::point(y), &z);
                            softplus(z.value)
                        }
                        _ => square(z.value, y),
                    };
                    sum.add(one, &z.through(of));
                }
            }
        }
        sum
    }
}

impl Curved for SmallNetwork<'_> {
    fn enclose(&self, cube: &[Interval]) -> Result<Enclosed> {
        let (network, criterion, size) = (self.risk.network(), self.risk.criterion(), cube.len());
        let rows = self.risk.data().len();
        let width = self.inputs.len() / rows;
        let parts: Vec<Jet> = (self.inputs.par_chunks(64 * width).enumerate())
            .map(|(part, inputs)| {
                let mut sum = Jet::constant(Interval::ZERO, size);
                for (i, x) in inputs.chunks_exact(width).enumerate() {
                    let x = x.iter().map(|&x| Jet::constant(Interval::point(x), size)).collect();
                    let out = network.run(&mut Jets { cube }, x)?;
                    sum.add(Interval::point(1.), &self.loss(64 * part + i, out));
                }
                Ok(sum)
            })
            .collect::<Result<_>>()?;
        let share = Interval::point(1.).over(Interval::point(rows as f64));
        let mut risk = Jet::constant(Interval::ZERO, size);
        parts.iter().for_each(|part| risk.add(share, part));
        let kappa = Interval::point(criterion.kappa);
        for p in criterion.regularizer.columns(network) {
            risk.value = risk.value + kappa * cube[p].square();
            risk.slope[p] = risk.slope[p] + kappa * cube[p] * 2.;
            risk.curve[place(p, p)] = risk.curve[place(p, p)] + kappa * 2.;
        }
        let curve = Matrix::new(size, |i, j| risk.curve[place(i, j)]);
        Ok(Enclosed { value: risk.value, slope: risk.slope, curve })
    }
}

/// The forward pass of one example over a box of parameters.
struct Jets<'a> {
    cube: &'a [Interval],
}

impl Algebra for Jets<'_> {
    type Value = Vec<Jet>;
    type Error = Error;
    const NAME: &'static str = NAME;

    fn affine(&mut self, op: &Affine, x: &Vec<Jet>) -> Result<Vec<Jet>> {
        let Map::Dense { inputs, outputs } = op.map else {
            return Err(collado_models::Error::NoRule { analysis: NAME, operation: op.to_string() }.into());
        };
        if x.len() != inputs {
            let operation = format!("{op}, for several positions");
            return Err(collado_models::Error::NoRule { analysis: NAME, operation }.into());
        }
        let size = self.cube.len();
        let one = Jet::constant(Interval::point(1.), size);
        let output = |i: usize| {
            let mut z = Jet::constant(Interval::ZERO, size);
            for (j, x) in x.iter().enumerate() {
                let p = op.weight.start + i * inputs + j;
                z.add_parameter_times(p, self.cube[p], x);
            }
            if let Some(bias) = &op.bias {
                z.add_parameter_times(bias.start + i, self.cube[bias.start + i], &one);
            }
            z
        };
        Ok((0..outputs).map(output).collect())
    }

    fn activation(&mut self, rho: Activation, x: Vec<Jet>) -> Result<Vec<Jet>> {
        let through = |z: Jet| activation(rho, z.value).map(|derivatives| z.through(derivatives));
        x.into_iter().map(through).collect::<Option<_>>().ok_or_else(|| {
            let operation = format!("the activation {rho}");
            collado_models::Error::NoRule { analysis: NAME, operation }.into()
        })
    }
}
