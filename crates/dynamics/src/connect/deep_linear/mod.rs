//! An explicit path between two deep linear networks on which the risk does not rise above its ends (docs/theory.md
//! §2).

mod factors;
mod interface;
mod optimum;
mod ridge;

use candle_core::Tensor;
use collado_models::{Activation, Arch};
use collado_risk::{Criterion, EmpiricalRisk, Path, Regularizer};
use tracing::info_span;

use self::factors::Factors;
pub use self::{
    optimum::{LinearOptimum, linear_optimum},
    ridge::RidgePath,
};
use super::search::{Connect, Connection, Guarantee, Search, finite};
use crate::{
    Error, Result,
    dense::{Chain, Dense},
};

/// The explicit path between any two points of a deep linear network $\Phi(x;\theta)=W_K\cdots W_1x+b$ (Freeman & Bruna
/// 2017, Proposition 2.2, made constructive): every sublevel set is connected when each hidden width is larger than
/// $q=\min(n_0,n_K)$.
///
/// Without regulariser F depends on $P=W_K\cdots W_1$ and the effective bias alone, and is convex in them for every
/// [`Loss`](collado_risk::Loss). From each end the chain goes to the canonical factorisation
/// $\lbrack I;0\rbrack,\dots,\lbrack P\;0\rbrack$ with P fixed; one last leg moves $P^A$ to $P^B$. All is done in
/// `f64`; in exact arithmetic $\max_tF=\max(F_A,F_B)$, in floating point up to $10^{-10}$ relative plus
/// $(10\,\varepsilon\max_\text{path}\prod_k\|W_k\|)^2\operatorname{mean}\|x\|^2$ for ends with a risk near 0. In `f32`
/// the vertices are rounded, and P with them.
///
/// With the ridge $\kappa\|\theta\|^2$ and K = 2 it is the chain inscribed in [`RidgePath`], with `legs` legs a curve.
/// For K ≥ 3 there is no such path in general: $(w_3w_2w_1-1)^2+\kappa\|w\|^2$ has a strict local minimum at 0.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `arch` | | network | linear, hidden widths > q |
/// | `risk` | | what the ends are points of; only the regulariser counts | κ = 0, or ‖θ‖² and K ≤ 2 without biases |
/// | `legs` | 64 | legs in each curved stage, with a regulariser | ≥ 1 |
#[derive(Debug, Clone)]
pub struct DeepLinear {
    /// The network.
    pub arch: Arch,
    /// The loss and the regulariser.
    pub criterion: Criterion,
    /// Number of legs in each curved stage.
    pub legs: usize,
}

impl DeepLinear {
    /// The method for points of `risk`, with the default number of legs.
    pub fn new(risk: &EmpiricalRisk) -> Self {
        Self { arch: risk.arch().clone(), criterion: risk.criterion(), legs: 64 }
    }

    /// Checks the hypotheses of the path with a regulariser.
    fn check_ridge(&self) -> Result<()> {
        let (biases, depth) = (self.arch.has_bias(0), self.arch.depth());
        let plain = self.criterion.kappa == 0. || self.criterion.regularizer == Regularizer::L2;
        if depth != 2 || biases || !plain {
            return Err(Error::Hypothesis {
                method: "deep-linear with a regulariser",
                expected: "two layers without biases and the regulariser l2".into(),
                found: format!(
                    "{depth} layers {} biases and {}",
                    if biases { "with" } else { "without" },
                    self.criterion.regularizer
                ),
            });
        }
        Ok(())
    }

    fn rows(&self, a: &Tensor, b: &Tensor) -> Result<Chain> {
        let ends = [Dense::read(&self.arch, a)?, Dense::read(&self.arch, b)?];
        let [mut chain, back] = match (self.arch.depth(), self.criterion.kappa > 0.) {
            // One layer: F is convex in θ itself.
            (1, _) => ends.map(|end| {
                let mut chain = Chain::default();
                chain.push(end.row());
                chain
            }),
            (_, false) => {
                let [a, b] = ends.map(|end| Factors::new(end).canonical());
                [a?, b?]
            }
            (_, true) => {
                let path = self.ridge(a, b)?;
                let mut chain = Chain::default();
                path.inscribed(self.legs.max(1)).into_iter().for_each(|row| chain.push(row));
                return Ok(chain);
            }
        };
        chain.back_along(back);
        Ok(chain)
    }

    /// The curve along which $F=\text{loss}+\kappa\|\theta\|^2$ does not rise above its ends, for K = 2.
    ///
    /// # Errors
    /// When the hypotheses fail: two layers, no biases, hidden width > q.
    pub fn ridge(&self, a: &Tensor, b: &Tensor) -> Result<RidgePath> {
        self.check()?;
        self.check_ridge()?;
        RidgePath::new(Dense::read(&self.arch, a)?, Dense::read(&self.arch, b)?)
    }
}

impl Connect for DeepLinear {
    fn check(&self) -> Result<()> {
        let fail = |expected: String, found: String| {
            Err(Error::Hypothesis { method: "deep-linear", expected, found })
        };
        if self.arch.activation() != Activation::Linear {
            return fail("a linear network".into(), self.arch.to_string());
        }
        let q = self.arch.inputs().min(self.arch.outputs());
        let hidden = &self.arch.widths()[1..self.arch.depth()];
        match hidden.iter().position(|&n| n <= q) {
            Some(k) => fail(
                format!("every hidden width > min(inputs, outputs) = {q}"),
                format!("width {} at hidden layer {}", hidden[k], k + 1),
            ),
            None if self.criterion.kappa > 0. && self.arch.depth() > 1 => self.check_ridge(),
            None => Ok(()),
        }
    }

    fn find(&self, a: &Tensor, b: &Tensor, search: &mut Search<'_>) -> Result<Connection> {
        self.check()?;
        let _span = info_span!("connect", method = "deep-linear", legs = self.legs).entered();
        let path = match Path::segment(a, b)?.constant()? {
            Some(constant) => constant,
            None => finite(Path::polychain(self.rows(a, b)?.stack(a)?)?, "deep-linear")?,
        };
        let convex = self.criterion.kappa == 0. || self.arch.depth() == 1;
        let guarantee = if convex { Guarantee::convex(&path, search)? } else { Guarantee::Sampled };
        Ok(Connection { path, guarantee })
    }
}
