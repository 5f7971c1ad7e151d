//! The update rules for one parameter, written down from PyTorch's documentation: independent of the code they judge.

use collado_dynamics::{AdaptiveRule, Rule};

/// What a rule remembers of one parameter.
#[derive(Debug)]
pub struct Definition {
    rule: Rule,
    /// The velocity or first moment, the second moment, and the product of the momenta so far.
    m: f64,
    v: f64,
    product: f64,
    t: i32,
}

const B1: f64 = 0.9;
const B2: f64 = 0.999;
const EPS: f64 = 1e-8;

impl Definition {
    pub fn new(rule: Rule) -> Self {
        Self { rule, m: 0., v: 0., product: 1., t: 0 }
    }

    /// The parameter after a step from `x`, where the risk has the gradient `g`.
    pub fn step(&mut self, x: f64, g: f64, lr: f64) -> f64 {
        self.t += 1;
        match self.rule {
            Rule::Sgd { momentum, nesterov, weight_decay } => {
                let g = g + weight_decay * x;
                self.m = momentum * self.m + g;
                x - lr * if nesterov { g + momentum * self.m } else { self.m }
            }
            Rule::Adam { weight_decay, decoupled: true } => x - lr * weight_decay * x - self.adam(g, lr),
            Rule::Adam { weight_decay, decoupled: false } => x - self.adam(g + weight_decay * x, lr),
            Rule::Adaptive { rule, weight_decay } => x - self.adaptive(rule, g + weight_decay * x, lr),
            Rule::Lbfgs => panic!("not a rule of single steps"),
        }
    }

    fn moments(&mut self, g: f64) {
        self.m = B1 * self.m + (1. - B1) * g;
        self.v = B2 * self.v + (1. - B2) * g * g;
    }

    fn corrections(&self) -> (f64, f64) {
        (1. - B1.powi(self.t), 1. - B2.powi(self.t))
    }

    fn adam(&mut self, g: f64, lr: f64) -> f64 {
        self.moments(g);
        let (c1, c2) = self.corrections();
        lr * self.m / c1 / ((self.v / c2).sqrt() + EPS)
    }

    fn adaptive(&mut self, rule: AdaptiveRule, g: f64, lr: f64) -> f64 {
        let (c1, _) = self.corrections();
        match rule {
            AdaptiveRule::RmsProp => {
                self.v = 0.99 * self.v + 0.01 * g * g;
                lr * g / (self.v.sqrt() + EPS)
            }
            AdaptiveRule::Adagrad => {
                self.v += g * g;
                lr * g / (self.v.sqrt() + 1e-10)
            }
            AdaptiveRule::Adadelta => {
                self.v = 0.9 * self.v + 0.1 * g * g;
                let step = (self.m + 1e-6).sqrt() / (self.v + 1e-6).sqrt() * g;
                self.m = 0.9 * self.m + 0.1 * step * step;
                lr * step
            }
            AdaptiveRule::Adamax => {
                self.m = B1 * self.m + (1. - B1) * g;
                self.v = (B2 * self.v).max(g.abs() + EPS);
                lr / c1 * self.m / self.v
            }
            AdaptiveRule::Nadam => self.nadam(g, lr),
            AdaptiveRule::Radam => self.radam(g, lr),
        }
    }

    fn nadam(&mut self, g: f64, lr: f64) -> f64 {
        let mu = |t: i32| B1 * (1. - 0.5 * 0.96_f64.powf(f64::from(t) * 4e-3));
        let (here, next) = (mu(self.t), mu(self.t + 1));
        self.product *= here;
        self.moments(g);
        let below = (self.v / self.corrections().1).sqrt() + EPS;
        lr * (1. - here) / (1. - self.product) * g / below
            + lr * next / (1. - self.product * next) * self.m / below
    }

    fn radam(&mut self, g: f64, lr: f64) -> f64 {
        self.moments(g);
        let (c1, c2) = self.corrections();
        let limit = 2. / (1. - B2) - 1.;
        let rho = limit - 2. * f64::from(self.t) * B2.powi(self.t) / c2;
        let step = lr * self.m / c1;
        if rho <= 5. {
            return step;
        }
        let up = (rho - 4.) * (rho - 2.) * limit;
        step * (up / ((limit - 4.) * (limit - 2.) * rho)).sqrt() * c2.sqrt() / (self.v.sqrt() + EPS)
    }
}
