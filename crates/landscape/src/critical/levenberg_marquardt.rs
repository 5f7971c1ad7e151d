//! The search for a critical point by Levenberg and Marquardt's method, with damping by Nielsen's rule (1999).

use candle_core::Tensor;
use collado_risk::ExactCurvature;

use super::{CriticalSettings, Goal, eigendecomposition::Eigendecomposition, norm};
use crate::{Error, Result};

/// The way in which a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Termination {
    /// It ended at a critical point: $\|\nabla F\|\le$ tolerance $\cdot(1+|F|)$, and Newton's step from there is short.
    Critical,
    /// It ended at a stationary point of $\frac12\|\nabla F\|^2$ that is not one of F: $H\nabla F\approx0$, $\nabla
    /// F\ne0$ (Frye et al. 2021).
    Flat,
    /// No step lowers the gradient's norm, and a ReLU neuron changes sides there: a kink of F.
    Kink,
    /// No step lowers the gradient's norm, for none of these reasons.
    Stalled,
    /// The search diverged towards infinity, where gradients vanish without a critical point.
    Escaped,
    /// The steps were used up.
    Steps,
    /// The risk or the gradient became infinite or NaN.
    NotFinite,
}

impl Termination {
    /// All ways to end.
    pub const ALL: [Self; 7] =
        [Self::Critical, Self::Flat, Self::Kink, Self::Stalled, Self::Escaped, Self::Steps, Self::NotFinite];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Flat => "gradient-flat",
            Self::Kink => "kink",
            Self::Stalled => "stalled",
            Self::Escaped => "escaped",
            Self::Steps => "max-steps",
            Self::NotFinite => "not-finite",
        }
    }

    /// The way to end with the given name in tables.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ended| ended.name() == name)
    }
}

/// A point is flat if $\|H\nabla F\|$ is at most this times $\|H\|\|\nabla F\|$.
const FLAT: f64 = 1e-6;
/// The same condition when the steps are used up, since the descent is slow near flat points.
const NEARLY_FLAT: f64 = 1e-3;
/// At a critical point Newton's step has to be shorter than this times 1 + ‖θ‖.
const NEAR: f64 = 1e-2;
/// The share of the predicted decrease that a step has to reach.
const ACCEPT: f64 = 1e-4;
/// Decreases of F below this times 1 + |F| are taken for rounding.
const LEVEL: f64 = 1e-12;
/// Steps shorter than this times 1 + ‖θ‖ do not change the point.
const SHORTEST: f64 = 1e-15;

/// One search: Levenberg and Marquardt's method on the equations $\nabla F=0$, whose Jacobian is H,
///
/// $$p=-(H^2+\mu I)^{-1}H\nabla F,$$
///
/// with μ by Nielsen's rule (1999). For large μ it is gradient descent on $\frac12\|\nabla F\|^2$, for small μ Newton's
/// method; by the eigenvectors of H both cost no more than H. Where F is to be lowered, $p=-(|H|+\sqrt\mu I)^{-1}\nabla
/// F$.
pub(super) struct LevenbergMarquardt {
    pub(super) theta: Vec<f64>,
    pub(super) risk: f64,
    pub(super) steps: usize,
    pub(super) ended: Option<Termination>,
    gradient: Vec<f64>,
    /// The Hessian at θ and $U^\top\nabla F$, once they are computed.
    local: Option<(Eigendecomposition, Vec<f64>)>,
    mu: f64,
    growth: f64,
    goal: Goal,
    /// The step that is being tried, with the decrease of $\frac12\|\nabla F\|^2$, or of F, that it should give.
    step: Vec<f64>,
    predicted: f64,
    farthest: f64,
}

impl LevenbergMarquardt {
    pub(super) fn new(theta: &[f64], risk: f64, gradient: &[f64], settings: &CriticalSettings) -> Self {
        let mut new = Self {
            theta: theta.to_vec(),
            risk,
            steps: 0,
            ended: None,
            gradient: gradient.to_vec(),
            local: None,
            mu: f64::NAN,
            growth: 2.,
            goal: settings.goal,
            step: Vec::new(),
            predicted: 0.,
            farthest: settings.farthest * (1. + norm(theta)),
        };
        if !(risk.is_finite() && norm(gradient).is_finite()) {
            new.ended = Some(Termination::NotFinite);
        }
        new
    }

    pub(super) fn gradient_norm(&self) -> f64 {
        norm(&self.gradient)
    }

    /// Computes the local model if there is none, and then proposes a step or ends the search.
    pub(super) fn propose(&mut self, curvature: &ExactCurvature, settings: &CriticalSettings) -> Result<()> {
        let (local, slopes) = match self.local.take() {
            Some(known) => known,
            None => {
                let theta = Tensor::from_slice(&self.theta, self.theta.len(), &candle_core::Device::Cpu)?;
                let local = match Eigendecomposition::new(curvature, &theta) {
                    Err(Error::NotFinite(_)) => {
                        self.ended = Some(Termination::NotFinite);
                        return Ok(());
                    }
                    local => local?,
                };
                let slopes = local.coordinates(&self.gradient);
                self.ended = self.arrived(&local, &slopes, settings);
                (local, slopes)
            }
        };
        if self.ended.is_none() && self.steps >= settings.steps {
            self.ended = Some(if self.is_flat(&local, &slopes, NEARLY_FLAT) {
                Termination::Flat
            } else {
                Termination::Steps
            });
        }
        if self.mu.is_nan() {
            self.mu = 1e-3 * local.size().powi(2);
        }
        self.damped(&local, &slopes, settings);
        if self.ended.is_none() && norm(&self.step) <= SHORTEST * (1. + norm(&self.theta)) {
            self.ended = Some(if self.is_flat(&local, &slopes, NEARLY_FLAT) {
                Termination::Flat
            } else {
                Termination::Stalled
            });
        }
        self.local = Some((local, slopes));
        Ok(())
    }

    /// Whether the search ends at θ.
    fn arrived(
        &self,
        local: &Eigendecomposition,
        slopes: &[f64],
        settings: &CriticalSettings,
    ) -> Option<Termination> {
        let length = 1. + norm(&self.theta);
        if length > self.farthest {
            return Some(Termination::Escaped);
        }
        if norm(slopes) <= settings.tolerance * (1. + self.risk.abs()) {
            let near = norm(&local.newton(slopes)) <= NEAR * length;
            return Some(if near { Termination::Critical } else { Termination::Escaped });
        }
        self.is_flat(local, slopes, FLAT).then_some(Termination::Flat)
    }

    /// Whether H∇F ≈ 0, where a descent on the gradient norm ends.
    fn is_flat(&self, local: &Eigendecomposition, slopes: &[f64], share: f64) -> bool {
        let product: Vec<f64> = local.values.iter().zip(slopes).map(|(value, slope)| value * slope).collect();
        self.goal == Goal::Gradient && norm(&product) <= share * local.size() * norm(slopes)
    }

    /// Computes the step for μ, limited to the reach, and the decrease that the local model predicts.
    fn damped(&mut self, local: &Eigendecomposition, slopes: &[f64], settings: &CriticalSettings) {
        // Where λ is rounding, so is λ/(λ² + μ) unless μ is larger.
        let mu = self.mu.max(local.rounding.powi(2)).max(f64::MIN_POSITIVE);
        let along = |(value, slope): (&f64, &f64)| match self.goal {
            Goal::Gradient => -value * slope / (value * value + mu),
            Goal::Risk => -slope / (value.abs() + mu.sqrt()),
        };
        let mut along: Vec<f64> = local.values.iter().zip(slopes).map(along).collect();
        let most = settings.reach * (1. + norm(&self.theta));
        let length = norm(&along);
        if length > most {
            along.iter_mut().for_each(|p| *p *= most / length);
        }
        let promise = |((value, g), p): ((&f64, &f64), &f64)| match self.goal {
            Goal::Gradient => 0.5 * (g * g - (g + value * p).powi(2)),
            Goal::Risk => -p * (g + 0.5 * value * p),
        };
        self.predicted = local.values.iter().zip(slopes).zip(&along).map(promise).sum();
        self.step = local.combine(&along);
    }

    /// The point that the step leads to.
    pub(super) fn trial(&self) -> impl Iterator<Item = f64> + '_ {
        self.theta.iter().zip(&self.step).map(|(t, p)| t + p)
    }

    /// Accepts or rejects the step, given the risk and the gradient at its end.
    pub(super) fn receive(&mut self, risk: f64, gradient: &[f64]) {
        self.steps += 1;
        let square = norm(&self.gradient).powi(2);
        let decrease = 0.5 * (square - norm(gradient).powi(2));
        let share = match self.goal {
            Goal::Gradient => decrease / self.predicted,
            // F is flat to rounding: the gradient decides.
            Goal::Risk if self.predicted <= LEVEL * (1. + risk.abs()) => decrease / (0.5 * square),
            Goal::Risk => (self.risk - risk) / self.predicted,
        };
        // NaN is refused too.
        if !(risk.is_finite() && share > ACCEPT) {
            self.mu *= self.growth;
            self.growth *= 2.;
            return;
        }
        self.theta = self.trial().collect();
        self.risk = risk;
        self.gradient = gradient.to_vec();
        self.local = None;
        self.mu *= (1. - (2. * share - 1.).powi(3)).clamp(0.1, 2.);
        self.growth = 2.;
    }
}
