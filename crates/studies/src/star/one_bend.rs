//! Paths of one bend between two opposite minima of a two-layer linear network with one input and one output.
//!
//! With $f(x)=\sum_ja_jw_jx$ and the target x the points θ = (a, w) and −θ are minima when $a\cdot w=1$. On the piece from ±θ to the bend (α, β) the
//! product is $(1-t)^2\pm t(1-t)u+t^2v$ with $u=a\cdot\beta+\alpha\cdot w$ and $v=\alpha\cdot\beta$. The mean of $(\text{product}-1)^2$ over
//! both pieces is $\tfrac8{15}-\tfrac35v+\tfrac15v^2+\tfrac1{30}u^2$: at least 1/12, at u = 0 and v = 3/2; where the bend is a minimum itself,
//! v = 1, at least 2/15. The integrals over both pieces, each of length 1, add up to twice as much: 4/15.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::Serialize;

use super::StarSettings;

/// The width of the network.
const WIDTH: usize = 4;
/// Steps of descent and their size.
const STEPS: usize = 20_000;
const SIZE: f64 = 0.02;
/// Nodes and weights of Gauss and Legendre's rule on [0, 1], exact up to degree 9.
const RULE: [(f64, f64); 5] = [
    (0.046_910_077_030_668_004, 0.118_463_442_528_094_54),
    (0.230_765_344_947_158_45, 0.239_314_335_249_683_23),
    (0.5, 0.284_444_444_444_444_44),
    (0.769_234_655_052_841_5, 0.239_314_335_249_683_23),
    (0.953_089_922_969_332, 0.118_463_442_528_094_54),
];

/// What was found of paths of one bend from θ to −θ, in units of E x².
#[derive(Debug, Clone, Serialize)]
pub struct OneBend {
    /// The least mean risk of any path, in closed form: 1/12.
    pub bound: f64,
    /// The least mean risk of a path whose bend is a minimum, in closed form: 2/15.
    pub bound_at_minima: f64,
    /// The least mean risk that descent found, from random bends.
    pub found: f64,
    /// The same among bends that are minima.
    pub found_at_minima: f64,
    /// The least of the highest risks on these paths.
    pub highest: f64,
    /// The number of random bends.
    pub starts: usize,
}

impl OneBend {
    pub(super) fn measure(settings: &StarSettings) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        let mut normals = || -> Vec<f64> { (0..2 * WIDTH).map(|_| rng.sample(StandardNormal)).collect() };
        let (mut found, mut found_at_minima, mut highest) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
        for _ in 0..settings.bends {
            let theta = on_minima(normals());
            for at_minima in [false, true] {
                let mut bend = normals();
                for _ in 0..STEPS {
                    if at_minima {
                        bend = on_minima(bend);
                    }
                    let slope = gradient(&theta, &bend);
                    bend.iter_mut().zip(slope).for_each(|(b, g)| *b -= SIZE * g);
                }
                if at_minima {
                    bend = on_minima(bend);
                    found_at_minima = found_at_minima.min(mean(&theta, &bend));
                } else {
                    found = found.min(mean(&theta, &bend));
                }
                highest = highest.min(top(&theta, &bend));
            }
        }
        Self {
            bound: 1. / 12.,
            bound_at_minima: 2. / 15.,
            found,
            found_at_minima,
            highest,
            starts: settings.bends,
        }
    }
}

/// The point with its outer weights scaled such that the product is 1, if its sign permits; else with some of them turned.
fn on_minima(mut point: Vec<f64>) -> Vec<f64> {
    let product = product(&point);
    if product <= 0. {
        // One neuron is made large enough.
        let (a, w) = (point[0], point[WIDTH]);
        point[0] = (1. - product + a * w) / if w == 0. { 1. } else { w };
        if w == 0. {
            point[WIDTH] = 1.;
        }
        return point;
    }
    let scale = product.sqrt().recip();
    point.iter_mut().for_each(|x| *x *= scale);
    point
}

fn product(point: &[f64]) -> f64 {
    (0..WIDTH).map(|j| point[j] * point[WIDTH + j]).sum()
}

/// The points (1 − t)(±θ) + t bend on both pieces, with the weight of each in the mean.
fn points<'a>(theta: &'a [f64], bend: &'a [f64]) -> impl Iterator<Item = (f64, f64, Vec<f64>)> + 'a {
    [1., -1.].into_iter().flat_map(move |sign| {
        RULE.into_iter().map(move |(t, weight)| {
            let point = theta.iter().zip(bend).map(|(a, b)| (1. - t) * sign * a + t * b).collect();
            (t, 0.5 * weight, point)
        })
    })
}

/// The mean risk on the path.
fn mean(theta: &[f64], bend: &[f64]) -> f64 {
    points(theta, bend).map(|(_, weight, point)| weight * (product(&point) - 1.).powi(2)).sum()
}

/// The gradient of the mean risk in the bend.
fn gradient(theta: &[f64], bend: &[f64]) -> Vec<f64> {
    let mut slope = vec![0.; 2 * WIDTH];
    for (t, weight, point) in points(theta, bend) {
        let factor = 2. * weight * t * (product(&point) - 1.);
        for (j, g) in slope.iter_mut().enumerate() {
            *g += factor * point[(j + WIDTH) % (2 * WIDTH)];
        }
    }
    slope
}

/// The highest risk on the path, at 401 points of each piece.
fn top(theta: &[f64], bend: &[f64]) -> f64 {
    let at = |sign: f64, t: f64| {
        let point: Vec<f64> = theta.iter().zip(bend).map(|(a, b)| (1. - t) * sign * a + t * b).collect();
        (product(&point) - 1.).powi(2)
    };
    [1., -1.]
        .into_iter()
        .flat_map(|sign| (0..=400).map(move |i| (sign, f64::from(i) / 400.)))
        .map(|(s, t)| at(s, t))
        .fold(0., f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closed_form_is_the_mean_and_its_gradient_the_difference() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut normals = || -> Vec<f64> { (0..2 * WIDTH).map(|_| rng.sample(StandardNormal)).collect() };
        let (theta, bend) = (on_minima(normals()), normals());
        assert!((product(&theta) - 1.).abs() < 1e-12);
        let u: f64 = (0..WIDTH).map(|j| theta[j] * bend[WIDTH + j] + bend[j] * theta[WIDTH + j]).sum();
        let v = product(&bend);
        let exact = 8. / 15. - 0.6 * v + 0.2 * v * v + u * u / 30.;
        assert!((mean(&theta, &bend) - exact).abs() < 1e-12, "{} {exact}", mean(&theta, &bend));
        let slope = gradient(&theta, &bend);
        for j in 0..2 * WIDTH {
            let moved = |h: f64| {
                let mut bend = bend.clone();
                bend[j] += h;
                mean(&theta, &bend)
            };
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((slope[j] - difference).abs() < 1e-7, "{j}: {} {difference}", slope[j]);
        }
    }
}
