//! Optimisers that adapt the step size to each parameter, with the definitions and defaults of PyTorch but without its
//! options, computed by candle operations.

use candle_core::Tensor;

use crate::Result;

/// A rule that adapts the step size to each parameter. The gradient g includes the weight decay; m, v and u start at 0,
/// t counts steps from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdaptiveRule {
    /// RMSprop (Tieleman & Hinton 2012): $v\gets.99v+.01g^2$, $\theta\gets\theta-\alpha g/(\sqrt v+10^{-8})$.
    RmsProp,
    /// Adam with Nesterov's momentum (Dozat 2016), with the momenta $\mu_t=.9(1-\tfrac12.96^{.004t})$.
    Nadam,
    /// Rectified Adam (Liu et al. 2020).
    Radam,
    /// AdaGrad (Duchi et al. 2011): $v\gets v+g^2$, $\theta\gets\theta-\alpha g/(\sqrt v+10^{-10})$.
    Adagrad,
    /// AdaDelta (Zeiler 2012): $v\gets.9v+.1g^2$, $\delta=g\sqrt{u+\epsilon}/\sqrt{v+\epsilon}$,
    /// $u\gets.9u+.1\delta^2$, $\theta\gets\theta-\alpha\delta$ with ε = 1e-6.
    Adadelta,
    /// Adam with the largest norm (Kingma & Ba 2015): $u\gets\max(.999u,|g|+10^{-8})$,
    /// $\theta\gets\theta-\alpha m/((1-.9^t)u)$.
    Adamax,
}

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

impl AdaptiveRule {
    /// Number of tensors that the rule remembers.
    pub(super) fn tensors(self) -> usize {
        match self {
            Self::RmsProp | Self::Adagrad => 1,
            Self::Nadam | Self::Radam | Self::Adadelta | Self::Adamax => 2,
        }
    }

    /// The change $\theta-\theta'$ of step `t` ≥ 1, with what is remembered renewed in place.
    pub(super) fn change(self, memory: &[Tensor], g: &Tensor, lr: f64, t: u64) -> Result<Tensor> {
        let first = &memory[0];
        match self {
            Self::RmsProp => {
                let v = average(first, 0.99, &g.powf(2.)?)?;
                Ok((lr * (g / (v.sqrt()? + EPSILON)?)?)?)
            }
            Self::Adagrad => {
                let v = set(first, (first + g.powf(2.)?)?)?;
                Ok((lr * (g / (v.powf(0.5)? + 1e-10)?)?)?)
            }
            Self::Adadelta => adadelta(first, &memory[1], g, lr),
            Self::Adamax => {
                let m = average(first, BETA1, g)?;
                let u = set(&memory[1], (BETA2 * &memory[1])?.maximum(&(g.abs()? + EPSILON)?)?)?;
                Ok(((m * lr)? / (u * (1. - BETA1.powf(t as f64)))?)?)
            }
            Self::Nadam => {
                let (m, v) = (average(first, BETA1, g)?, average(&memory[1], BETA2, &g.powf(2.)?)?);
                nadam(&m, &v, g, lr, t)
            }
            Self::Radam => {
                let (m, v) = (average(first, BETA1, g)?, average(&memory[1], BETA2, &g.powf(2.)?)?);
                radam(&m, &v, lr, t)
            }
        }
    }
}

/// Overwrites a remembered tensor.
fn set(memory: &Tensor, new: Tensor) -> Result<Tensor> {
    memory.slice_set(&new, 0, 0)?;
    Ok(new)
}

/// Updates a moving average in place and returns it: $\beta\,\cdot+(1-\beta)x$.
fn average(memory: &Tensor, beta: f64, x: &Tensor) -> Result<Tensor> {
    set(memory, ((beta * memory)? + ((1. - beta) * x)?)?)
}

fn adadelta(v: &Tensor, u: &Tensor, g: &Tensor, lr: f64) -> Result<Tensor> {
    const RHO: f64 = 0.9;
    const EPSILON: f64 = 1e-6;
    let v = average(v, RHO, &g.powf(2.)?)?;
    let change = ((((u + EPSILON)?.powf(0.5)?) / (v + EPSILON)?.powf(0.5)?)? * g)?;
    average(u, RHO, &change.powf(2.)?)?;
    Ok((change * lr)?)
}

fn nadam(m: &Tensor, v: &Tensor, g: &Tensor, lr: f64, t: u64) -> Result<Tensor> {
    let momentum = |t: u64| BETA1 * 0.5_f64.mul_add(-(0.96_f64.powf(t as f64 * 0.004)), 1.);
    // The product of all momenta so far; none is above .9, so that 1 − product soon is 1.
    let (mut product, mut step) = (1., 0);
    while step < t && product > 1e-20 {
        step += 1;
        product *= momentum(step);
    }
    let (here, next) = (momentum(t), momentum(t + 1));
    let m = (((next / (1. - product * next)) * m)? + (((1. - here) / (1. - product)) * g)?)?;
    let v = (v / (1. - BETA2.powf(t as f64)))?;
    Ok(((m * lr)? / (v.powf(0.5)? + EPSILON)?)?)
}

fn radam(m: &Tensor, v: &Tensor, lr: f64, t: u64) -> Result<Tensor> {
    let (t, decayed) = (t as f64, BETA2.powf(t as f64));
    let limit = 2. / (1. - BETA2) - 1.;
    let rho = limit - 2. * t * decayed / (1. - decayed);
    let m = (m / (1. - BETA1.powf(t)))?;
    if rho <= 5. {
        // The variance of the adapted step size has no bound yet.
        return Ok((lr * m)?);
    }
    let size = ((1. - decayed).sqrt() / (v.sqrt()? + EPSILON)?)?;
    let rectified = ((rho - 4.) * (rho - 2.) * limit / ((limit - 4.) * (limit - 2.) * rho)).sqrt();
    Ok((lr * rectified * (size * m)?)?)
}
