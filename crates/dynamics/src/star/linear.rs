//! The explicit centre of a star of deep linear networks.

use candle_core::{Device, Tensor};
use collado_linalg::{Svd, thin_svd};
use collado_models::{Activation, Arch};
use collado_risk::{Criterion, largest};
use faer::Mat;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use tracing::{info, info_span};

use super::equations::{entries, equations, product, root_mean_square};
use crate::{Error, LinearOptimum, Result, dense::Dense};

/// The equations count as solved up to this share of their right hand sides.
const SOLVED: f64 = 1e-8;

/// The explicit centre of r points of a deep linear network with L layers and q outputs: the product
/// $P=W_L\cdots W_1$ moves straight from each point's own to that of the centre, so that F, which is convex in P for every
/// [`Loss`](collado_risk::Loss), rises nowhere above the higher end of a segment.
///
/// $C_L,\dots,C_2$ are drawn at random, of the size of the ends' layers. With $A(t)=\prod_{k\ge2}((1-t)W_k+tC_k)$ the
/// product along a segment is $(1-t)P+tP_c$ when $tA(t)C_1=(1-t)P+tP_c-(1-t)A(t)W_1$. Both sides are polynomials in t that
/// vanish at 0, so comparing coefficients gives Lq linear equations a segment for $C_1$, and q(r(L−1)+1) independent ones for all.
/// They have a solution for almost every draw once the first hidden layer has as many neurons. Of several draws the
/// shortest centre is taken. Biases are one more column of inputs.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `arch` | | network | linear, biases in all layers or in none |
/// | `criterion` | | what the ends are points of; only κ counts | κ = 0 |
/// | `draws` | 32 | centres that are tried | ≥ 1 |
/// | `seed` | 0 | of the draws | |
#[derive(Debug, Clone)]
pub struct LinearStar {
    /// The network.
    pub arch: Arch,
    /// The loss and the regulariser.
    pub criterion: Criterion,
    /// Number of draws, of which the one with the shortest centre is taken.
    pub draws: usize,
    /// The seed of the draws.
    pub seed: u64,
}

/// The map that the centre computes.
#[derive(Debug, Clone, Copy)]
pub enum LinearGoal<'a> {
    /// The optimum of the squared loss in closed form.
    Optimum(&'a LinearOptimum),
    /// That of the end with this number, which is the lowest.
    End(usize),
}

/// A centre, with what its equations were like.
#[derive(Debug, Clone)]
pub struct LinearCentre {
    /// The centre `[S]`, in `f64`.
    pub theta: Tensor,
    /// The least width of the first hidden layer, q(r(L−1)+1).
    pub threshold: usize,
    /// The width that it has; that of the output where there is no hidden layer.
    pub width: usize,
    /// The largest of the singular values of the equations over the least of those that the threshold counts.
    pub condition: f64,
    /// The largest difference of both sides of an equation, over the largest right hand side.
    pub residual: f64,
    /// The norm of the centre over the largest norm of an end.
    pub length: f64,
}

impl LinearStar {
    /// The centre for points of this network and risk, with the default number of draws.
    pub fn new(arch: &Arch, criterion: Criterion, seed: u64) -> Self {
        Self { arch: arch.clone(), criterion, draws: 32, seed }
    }

    /// The least width of the first hidden layer for so many ends: q(r(L−1)+1).
    pub fn threshold(&self, ends: usize) -> usize {
        self.arch.outputs() * (ends * (self.arch.depth() - 1) + 1)
    }

    /// Checks the hypotheses for so many ends, as far as they are counts of neurons.
    ///
    /// # Errors
    /// The hypothesis that does not hold, with the width that is missing.
    pub fn check(&self, ends: usize) -> Result<()> {
        let fail =
            |expected: String, found: String| Err(Error::Hypothesis { method: "star", expected, found });
        let (arch, depth) = (&self.arch, self.arch.depth());
        if arch.activation() != Activation::Linear {
            return fail("a linear network".into(), arch.to_string());
        }
        if (0..depth).any(|k| arch.has_bias(k) != arch.has_bias(0)) {
            return fail("biases in all layers or in none".into(), arch.to_string());
        }
        if self.criterion.kappa > 0. {
            return fail("no regulariser".into(), format!("kappa = {}", self.criterion.kappa));
        }
        let (q, threshold) = (arch.outputs(), self.threshold(ends));
        let hidden = &arch.widths()[1..depth];
        let short = |name: &str, formula: &str, least: usize, found: usize| {
            fail(
                format!(
                    "{name} hidden width ≥ {formula} = {least} for {ends} ends, {depth} layers and {q} outputs"
                ),
                format!("{found}, of which {} are missing", least - found),
            )
        };
        match *hidden {
            [first, ..] if first < threshold => short("first", "q(r(L−1)+1)", threshold, first),
            // All rows of the equations are combinations of rows of the ends' second layers and of the centre's.
            [_, second, ..] if (ends + 1) * second < threshold => {
                short("second", "q(r(L−1)+1)/(r+1)", threshold.div_ceil(ends + 1), second)
            }
            _ => Ok(()),
        }
    }

    /// The centre of `ends` `[S]`, in `f64`.
    ///
    /// # Errors
    /// When a hypothesis fails, or no draw solves the equations, as when later hidden widths leave them dependent.
    pub fn centre(&self, ends: &[Tensor], goal: LinearGoal<'_>) -> Result<LinearCentre> {
        self.check(ends.len())?;
        let best = self.best(ends, goal)?;
        if best.residual.is_nan() || best.residual > SOLVED {
            return Err(Error::Hypothesis {
                method: "star",
                expected: "hidden widths that leave the equations independent, as equal ones do".into(),
                found: format!("{}, whose equations are missed by {:.1e}", self.arch, best.residual),
            });
        }
        Ok(best)
    }

    /// The same where hypotheses may fail: the residual then says by how much the equations are missed.
    ///
    /// # Errors
    /// When the points are not of the network, or not finite.
    pub fn best(&self, ends: &[Tensor], goal: LinearGoal<'_>) -> Result<LinearCentre> {
        let _span = info_span!("star", ends = ends.len(), draws = self.draws).entered();
        let ends = ends.iter().map(|end| Dense::read(&self.arch, end)).collect::<Result<Vec<_>>>()?;
        let goal = match goal {
            LinearGoal::End(i) => product(&ends[i]),
            LinearGoal::Optimum(optimum) => {
                let (q, n) = (self.arch.outputs(), self.arch.inputs());
                Mat::from_fn(
                    q,
                    n + 1,
                    |i, j| if j < n { optimum.product[i * n + j] } else { optimum.bias[i] },
                )
            }
        };
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut best: Option<LinearCentre> = None;
        for _ in 0..self.draws.max(1) {
            let found = self.draw(&ends, &goal, &mut rng)?;
            let rank = |c: &LinearCentre| (c.residual.is_nan() || c.residual > SOLVED, c.length);
            if best.as_ref().is_none_or(|best| rank(&found) < rank(best)) {
                best = Some(found);
            }
        }
        let best = best.expect("there is at least one draw");
        info!(condition = best.condition, residual = best.residual, length = best.length, "centre");
        Ok(best)
    }

    /// Draws all layers but the first, and solves for that.
    fn draw(&self, ends: &[Dense], goal: &Mat<f64>, rng: &mut ChaCha8Rng) -> Result<LinearCentre> {
        let mut centre = ends[0].clone();
        for k in 1..centre.weights.len() {
            let size = root_mean_square(ends.iter().flat_map(|end| entries(&end.weights[k])));
            let (rows, columns) = (centre.weights[k].nrows(), centre.weights[k].ncols());
            centre.weights[k] =
                Mat::from_fn(rows, columns, |_, _| size * rng.sample::<f64, _>(StandardNormal));
            let size = root_mean_square(ends.iter().flat_map(|end| end.biases[k].iter().copied()));
            centre.biases[k].iter_mut().for_each(|b| *b = size * rng.sample::<f64, _>(StandardNormal));
        }
        let (q, n1) = (self.arch.outputs(), centre.weights[0].nrows());
        let (depth, columns) = (centre.weights.len(), goal.ncols());
        let rows = ends.len() * depth * q;
        let (mut left, mut right) = (Mat::zeros(rows, n1), Mat::zeros(rows, columns));
        for (i, end) in ends.iter().enumerate() {
            let (factors, sides) = equations(end, &centre, goal);
            for (k, (factor, side)) in factors.iter().zip(&sides).enumerate() {
                let at = (i * depth + k) * q;
                left.as_mut().subrows_mut(at, q).copy_from(factor);
                right.as_mut().subrows_mut(at, q).copy_from(side);
            }
        }
        let Svd { u, s, v } = thin_svd(left.as_ref())?;
        let counted = self.threshold(ends.len()).min(s.len());
        let limit = rows.max(n1) as f64 * f64::EPSILON * s[0];
        let rank = s.iter().take(counted).take_while(|&&s| s > limit).count();
        let inner = u.subcols(0, rank).transpose() * &right;
        let inner = Mat::from_fn(rank, columns, |i, j| inner[(i, j)] / s[i]);
        let first = v.subcols(0, rank) * inner;
        let size = |m: &Mat<f64>| largest(entries(m).map(f64::abs));
        let residual = size(&(&left * &first - &right)) / size(&right).max(f64::MIN_POSITIVE);
        let inputs = columns - 1;
        centre.weights[0] = first.subcols(0, inputs).to_owned();
        let biases = centre.biases[0].len();
        centre.biases[0] = (0..biases).map(|i| first[(i, inputs)]).collect();
        let norm = |point: &Dense| point.row().iter().map(|x| x * x).sum::<f64>().sqrt();
        let row = centre.row();
        let longest = ends.iter().map(norm).fold(0., f64::max);
        Ok(LinearCentre {
            length: norm(&centre) / longest,
            theta: Tensor::from_vec(row.clone(), row.len(), &Device::Cpu)?,
            threshold: self.threshold(ends.len()),
            width: n1,
            condition: s[0] / s[counted - 1],
            residual,
        })
    }
}
