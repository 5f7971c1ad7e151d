//! Functions of several parameters with two derivatives, enclosed over a box: their values, slopes and curvatures go
//! forward through sums, products and functions of one number.

use collado_models::Activation;

use crate::interval::Interval;

/// A function of S parameters over a box.
#[derive(Clone)]
pub(super) struct Jet {
    pub(super) value: Interval,
    pub(super) slope: Vec<Interval>,
    /// The second derivatives for the parameters i and j ≤ i, row by row.
    pub(super) curve: Vec<Interval>,
}

/// The place of the second derivative for two parameters.
pub(super) fn place(i: usize, j: usize) -> usize {
    let (i, j) = (i.max(j), i.min(j));
    i * (i + 1) / 2 + j
}

impl Jet {
    pub(super) fn constant(value: Interval, size: usize) -> Self {
        Self { value, slope: vec![Interval::ZERO; size], curve: vec![Interval::ZERO; size * (size + 1) / 2] }
    }

    /// Adds a number times a function.
    pub(super) fn add(&mut self, number: Interval, other: &Self) {
        let add = |sum: &mut Interval, &x: &Interval| {
            // Most derivatives are 0.
            if x != Interval::ZERO {
                *sum = *sum + number * x;
            }
        };
        add(&mut self.value, &other.value);
        self.slope.iter_mut().zip(&other.slope).for_each(|(sum, x)| add(sum, x));
        self.curve.iter_mut().zip(&other.curve).for_each(|(sum, x)| add(sum, x));
    }

    /// Adds the parameter p, which lies in `range`, times a function.
    pub(super) fn add_parameter_times(&mut self, p: usize, range: Interval, other: &Self) {
        self.add(range, other);
        self.slope[p] = self.slope[p] + other.value;
        for (j, &slope) in other.slope.iter().enumerate() {
            let twice = if j == p { slope * 2. } else { slope };
            self.curve[place(p, j)] = self.curve[place(p, j)] + twice;
        }
    }

    /// The composition with a function of one number, whose value and derivatives are enclosed on this range.
    pub(super) fn through(mut self, [value, first, second]: [Interval; 3]) -> Self {
        for i in 0..self.slope.len() {
            let outer = second * self.slope[i];
            for j in 0..=i {
                let at = place(i, j);
                self.curve[at] = first * self.curve[at] + outer * self.slope[j];
            }
        }
        self.slope.iter_mut().for_each(|slope| *slope = first * *slope);
        Self { value, ..self }
    }
}

/// Encloses ρ, ρ′ and ρ″ on an interval; nothing where ρ has no two derivatives, or there is no rule.
pub(super) fn activation(rho: Activation, z: Interval) -> Option<[Interval; 3]> {
    let one = Interval::point(1.);
    Some(match rho {
        Activation::Linear => [z, one, Interval::ZERO],
        Activation::Tanh => {
            let a = z.tanh();
            let slope = (one - a.square()).within(0., 1.);
            [a, slope, -(a * slope) * 2.]
        }
        Activation::Logistic => {
            let a = z.logistic();
            let slope = a * (one - a);
            [a, slope, slope * (one - a * 2.)]
        }
        Activation::Softplus => softplus(z),
        Activation::Gelu => {
            let (normal, density) = (z.normal(), z.density());
            [z * normal, normal + z * density, density * (Interval::point(2.) - z.square())]
        }
        _ => return None,
    })
}

/// log(1 + eᶻ) with two derivatives.
pub(super) fn softplus(z: Interval) -> [Interval; 3] {
    let p = z.logistic();
    [z.softplus(), p, p * (Interval::point(1.) - p)]
}

/// eᶻ with two derivatives.
pub(super) fn exponential(z: Interval) -> [Interval; 3] {
    [z.exp(); 3]
}

/// log(1 + x) for x ≥ 0 with two derivatives.
pub(super) fn logarithm(x: Interval) -> [Interval; 3] {
    let one = Interval::point(1.);
    let inverse = one.over(one + x);
    [x.ln_1p(), inverse, -inverse.square()]
}

/// (z − y)² with two derivatives.
pub(super) fn square(z: Interval, y: f64) -> [Interval; 3] {
    let off = z - Interval::point(y);
    [off.square(), off * 2., Interval::point(2.)]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The second derivatives of all activations, and of the functions of losses, are central differences of the first,
    /// and those of the value; over a wide interval they hold the values at points inside.
    #[test]
    fn derivatives_are_central_differences() {
        type Function = Box<dyn Fn(Interval) -> [Interval; 3]>;
        let smooth = [
            Activation::Linear,
            Activation::Tanh,
            Activation::Logistic,
            Activation::Softplus,
            Activation::Gelu,
        ];
        let mut all: Vec<Function> = vec![
            Box::new(softplus),
            Box::new(exponential),
            Box::new(logarithm),
            Box::new(|z| square(z, 0.25)),
        ];
        all.extend(smooth.map(|rho| Box::new(move |z| activation(rho, z).unwrap()) as Function));
        let middle = |x: Interval| 0.5 * (x.lo + x.hi);
        for f in all {
            for z in [0.1, 0.7, 1.5, 2.5] {
                let h = 1e-5;
                let at = |z: f64| f(Interval::point(z)).map(middle);
                let (up, down, here) = (at(z + h), at(z - h), at(z));
                for k in 0..2 {
                    assert!(((up[k] - down[k]) / (2. * h) - here[k + 1]).abs() < 1e-8, "{z} {k}");
                }
                let wide = f(Interval::new(z - 0.05, z + 0.05));
                for s in [z - 0.05, z, z + 0.05] {
                    for (k, (inside, wide)) in at(s).iter().zip(&wide).enumerate() {
                        assert!(wide.lo <= *inside && *inside <= wide.hi, "{z} {k}");
                    }
                }
            }
        }
    }

    /// θ₀² θ₁ e^{θ₁} at (1.5, −0.5).
    #[test]
    fn products_have_their_second_derivatives() {
        let theta = [1.5, -0.5].map(Interval::point);
        let mut power = Jet::constant(Interval::ZERO, 2);
        power.add_parameter_times(0, theta[0], &Jet::constant(Interval::point(1.), 2));
        let power = power.through(square(theta[0], 0.));
        let mut product = Jet::constant(Interval::ZERO, 2);
        product.add_parameter_times(1, theta[1], &power);
        let (x, y) = (1.5, -0.5);
        for (found, right) in [
            (product.value, x * x * y),
            (product.slope[0], 2. * x * y),
            (product.slope[1], x * x),
            (product.curve[place(0, 0)], 2. * y),
            (product.curve[place(0, 1)], 2. * x),
            (product.curve[place(1, 1)], 0.),
        ] {
            assert!(
                found.lo <= right && right <= found.hi && found.hi - found.lo < 1e-14,
                "{found:?} {right}"
            );
        }
    }
}
