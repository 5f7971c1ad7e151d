//! The constant at the start of one network, and at random and worst points around it.

use faer::Mat;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::{
    GradientBoundSettings,
    features::{Data, Least, least},
};
use crate::Result;

/// One network. A constant is $\|\nabla r\|^2m/(nr)$.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The constant at the start.
    pub start: f64,
    /// The constant at the start with the worst targets: those with the residual that the kernel sees least.
    pub start_worst: f64,
    /// Its bound there, $4\lambda_\min(\bar K)/n$.
    pub bound: f64,
    /// The radius R, up to which a fourth of the bound is left.
    pub radius: f64,
    /// The least constant of random directions, for each distance.
    pub random: Vec<f64>,
    /// The constant at a point whose θ¹ was made bad, with the worst targets, for each distance.
    pub worst: Vec<f64>,
    /// The bound at each distance.
    pub bounds: Vec<f64>,
}

pub(super) fn measure(
    settings: &GradientBoundSettings,
    data: &Data,
    neurons: usize,
    run: usize,
) -> Result<Run> {
    let arch = data.risk(neurons)?.arch().clone();
    // No two networks of the study share a stream of draws.
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    rng.set_stream(((data.examples() as u64) << 40) ^ ((neurons as u64) << 16) ^ run as u64);
    let theta = settings.init().init(&arch, &mut rng);
    let at_start = least(&data.features(&theta, neurons))?;
    let radius = at_start.sigma / (2. * data.norm);
    let (mut points, mut worst) = (vec![theta.clone()], Vec::new());
    for distance in &settings.distances {
        let length = distance * radius;
        for _ in 0..settings.directions {
            let direction: Vec<f64> = theta.iter().map(|_| rng.sample(StandardNormal)).collect();
            points.push(moved(&theta, &direction, length));
        }
        worst.push(data.worst_constant(neurons, &bad(data, neurons, &theta, length)?)?);
    }
    let constants = data.constants(neurons, &points)?;
    let lowest = |of: &[f64]| of.iter().copied().fold(f64::INFINITY, |m, x| if x >= m { m } else { x });
    let n = neurons as f64;
    let bound = |distance: f64| 4. / n * (at_start.sigma * (1. - 0.5 * distance)).powi(2);
    Ok(Run {
        start: constants[0],
        start_worst: data.worst_constant(neurons, &theta)?,
        bound: bound(0.),
        radius,
        random: constants[1..].chunks_exact(settings.directions).map(lowest).collect(),
        worst,
        bounds: settings.distances.iter().map(|&distance| bound(distance)).collect(),
    })
}

/// `theta` moved by `length` along a direction.
fn moved(theta: &[f64], direction: &[f64], length: f64) -> Vec<f64> {
    let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
    theta.iter().zip(direction).map(|(x, d)| x + length / norm * d).collect()
}

/// The steps to a bad point.
const STEPS: usize = 4;

/// A point at most at the given distance at which the kernel sees one direction less: steps of θ¹ against the gradient of
/// $z^\top\bar Kz$, z the direction that it sees least at the time.
fn bad(data: &Data, neurons: usize, theta: &[f64], length: f64) -> Result<Vec<f64>> {
    let (mut point, n, d) = (theta.to_vec(), neurons, theta.len() / neurons - 2);
    for _ in 0..STEPS {
        let v = data.features(&point, n);
        let Least { vector: z, .. } = least(&v)?;
        let m = v.nrows();
        let seen: Vec<f64> = (0..n).map(|k| (0..m).map(|i| z[i] * v[(i, k)]).sum()).collect();
        let active = |i: usize, k: usize| f64::from(u8::from(v[(i, k)] > 0.));
        let back = data.back(&Mat::from_fn(m, n, |i, k| -seen[k] * z[i] * active(i, k)));
        let mut direction = vec![0.; theta.len()];
        for k in 0..n {
            (0..d).for_each(|j| direction[k * d + j] = back[(j, k)]);
            direction[n * d + k] = back[(d, k)];
        }
        point = moved(&point, &direction, length / STEPS as f64);
    }
    Ok(point)
}
