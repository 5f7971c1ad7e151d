//! Forward differentiation in interval arithmetic: functions with first and second derivatives, enclosed over a box.

use collado_models::Activation;

use crate::Interval;

/// Enclosures of a function's values, gradients and Hessians over a box of S parameters.
#[derive(Clone)]
pub(super) struct Jet {
    pub(super) value: Interval,
    /// The gradient `[S]`.
    pub(super) slope: Vec<Interval>,
    /// The Hessian `[S, S]`, of which the lower triangle is used.
    pub(super) curve: Vec<Interval>,
}

impl Jet {
    /// A constant function.
    pub(super) fn constant(value: Interval, size: usize) -> Self {
        Self { value, slope: vec![Interval::ZERO; size], curve: vec![Interval::ZERO; size * size] }
    }

    /// Adds `by · x` to this function, where `by` encloses a number.
    pub(super) fn add(&mut self, x: &Self, by: Interval) {
        self.value = self.value + x.value * by;
        self.slope.iter_mut().zip(&x.slope).for_each(|(s, &x)| *s = *s + x * by);
        self.curve.iter_mut().zip(&x.curve).for_each(|(c, &x)| *c = *c + x * by);
    }

    /// Adds `θ_p x` to this function, where `theta` encloses the parameter `p`.
    pub(super) fn add_parameter_times(&mut self, p: usize, theta: Interval, x: &Self) {
        let size = self.slope.len();
        self.add(x, theta);
        self.slope[p] = self.slope[p] + x.value;
        // ∂²(θ_p x) has the row and the column p of ∂x besides, twice on the diagonal.
        for (j, &slope) in x.slope.iter().enumerate() {
            let at = p.max(j) * size + p.min(j);
            self.curve[at] = self.curve[at] + slope * if p == j { 2. } else { 1. };
        }
    }

    /// The composition f(self), from enclosures of f, f′ and f″ over the values.
    pub(super) fn through(self, [value, first, second]: [Interval; 3]) -> Self {
        let size = self.slope.len();
        let mut curve = self.curve;
        for i in 0..size {
            let outer = second * self.slope[i];
            for j in 0..=i {
                let at = i * size + j;
                curve[at] = first * curve[at] + outer * self.slope[j];
            }
        }
        Self { value, slope: self.slope.into_iter().map(|s| s * first).collect(), curve }
    }
}

/// Enclosures of ρ, ρ′ and ρ″ over an interval; `None` where ρ is not twice differentiable, or there is no rule for it.
pub(super) fn activation(activation: Activation, z: Interval) -> Option<[Interval; 3]> {
    let one = Interval::point(1.);
    Some(match activation {
        Activation::Linear => [z, one, Interval::ZERO],
        Activation::Relu | Activation::Leaky | Activation::Silu => return None,
        Activation::Tanh => {
            let a = z.increasing(f64::tanh);
            let slope = one - a.square();
            [a, slope, a * slope * -2.]
        }
        Activation::Softplus => softplus(z),
        Activation::Logistic => {
            let a = logistic(z);
            let slope = a * (one - a);
            [a, slope, slope * (one - a * 2.)]
        }
        Activation::Gelu => {
            // Φ(z), and its density, which grows up to 0 and falls after it.
            let normal = z.increasing(|z| 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2));
            // The argument of erfc is rounded, which moves Φ by less than 1e-16.
            let normal = normal + Interval::new(-1e-15, 1e-15);
            let density = (z.square() * -0.5).exp() * (Interval::pi() * 2.).sqrt().recip();
            [z * normal, normal + z * density, density * (Interval::point(2.) - z.square())]
        }
    })
}

/// The logistic function $1/(1+e^{-z})$, which is increasing.
fn logistic(z: Interval) -> Interval {
    let one = Interval::point(1.);
    let at = |z: f64| {
        let e = Interval::point(-z.abs()).exp();
        if z >= 0. { (one + e).recip() } else { e * (one + e).recip() }
    };
    Interval::new(at(z.lo()).lo(), at(z.hi()).hi())
}

/// The function $\log(1+e^z)$ with two derivatives.
pub(super) fn softplus(z: Interval) -> [Interval; 3] {
    let p = logistic(z);
    let at = |z: f64| Interval::point(-z.abs()).exp().increasing(f64::ln_1p) + Interval::point(z.max(0.));
    [Interval::new(at(z.lo()).lo(), at(z.hi()).hi()), p, p * (Interval::point(1.) - p)]
}

/// The function $e^z$ with two derivatives.
pub(super) fn exponential(z: Interval) -> [Interval; 3] {
    [z.exp(); 3]
}

/// The function $\log(1+x)$ for x ≥ 0 with two derivatives.
pub(super) fn logarithm(x: Interval) -> [Interval; 3] {
    let inverse = (Interval::point(1.) + x).recip();
    [x.increasing(f64::ln_1p), inverse, -inverse.square()]
}
