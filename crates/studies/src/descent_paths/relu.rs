//! Two-layer ReLU networks with at least as many neurons as examples: three straight legs from any point to F = 0.
//!
//! Let V `[L, m]` hold the hidden neurons' values on the examples, of rank r.
//! 1. The output weights move to the least-squares fit by r independent columns, the others to 0: F is convex on the leg and
//!    least at its end, as the r columns span all.
//! 2. The m − r ≥ L − r idle neurons' rows move to L − r hinges ρ(x − t) that are independent of the r columns: F stays.
//! 3. The output weights move to the interpolation of the targets: F is convex on the leg and 0 at its end.

use candle_core::{DType, Device, Tensor};
use collado_linalg::{Lu, independent_columns, thin_svd};
use collado_models::{Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Path, Regularizer, profile};
use faer::Mat;

use super::{DescentPath, DescentPathsSettings, Family, narrow::Narrow};
use crate::{Result, StudyError};

/// Points at which F is looked at on a path: 200 a leg.
const POINTS: usize = 601;
/// Columns whose singular values are below this share of the largest count as dependent.
const DEPENDENT: f64 = 1e-9;

pub(super) fn family(settings: &DescentPathsSettings, narrow: &Narrow, width: usize) -> Result<Family> {
    let name = format!("two-layer ReLU, {width} neurons, {} examples", settings.examples);
    if width < settings.examples {
        let missing = Some(format!("no construction for {width} neurons on {} examples", settings.examples));
        return Ok(Family { name, width: Some(width), paths: Vec::new(), missing });
    }
    let arch = Arch::two_layer(1, width, 1)?;
    let (x, y) = (&narrow.x, &narrow.y);
    let column = |values: &[f64]| Tensor::from_slice(values, (values.len(), 1), &Device::Cpu);
    let criterion = Criterion { loss: Loss::Squared, kappa: 0., regularizer: Regularizer::L2 };
    let objective =
        EmpiricalRisk::new(&arch, Examples::new(&column(x)?, &column(y)?)?, criterion)?.with_memory(64 << 20);
    let seeds: Vec<u64> = (0..settings.starts as u64).map(|i| settings.seed.wrapping_add(i)).collect();
    let random = Init::Standard.stack(&arch, &seeds, DType::F64, &Device::Cpu)?.to_vec2::<f64>()?;
    let embedded = narrow.spurious.map(|theta| ("spurious minimum of one neuron", embedded(theta, width)));
    let starts = embedded.into_iter().chain(random.into_iter().map(|theta| ("random", theta)));
    let paths = starts.map(|(start, theta)| {
        let vertices = path(&theta, x, y)?;
        let count = vertices.len();
        let stack = Tensor::from_vec(vertices.concat(), (count, arch.layout().len()), &Device::Cpu)?;
        let risks = profile(&Path::polychain(stack)?, POINTS, &objective, None)?.risks();
        Ok(DescentPath { start, risks, optimum: 0., vertices: count })
    });
    Ok(Family { name, width: Some(width), paths: paths.collect::<Result<_>>()?, missing: None })
}

/// One neuron, and others that are 0: the order of a stack is (u_1, …, u_m, b_1, …, b_m, w_1, …, w_m).
fn embedded([u, b, w]: [f64; 3], width: usize) -> Vec<f64> {
    let mut theta = vec![0.; 3 * width];
    (theta[0], theta[width], theta[2 * width]) = (u, b, w);
    theta
}

/// The values of the neurons on the examples.
fn hidden(theta: &[f64], x: &[f64]) -> Mat<f64> {
    let m = theta.len() / 3;
    Mat::from_fn(x.len(), m, |i, j| (theta[j] * x[i] + theta[m + j]).max(0.))
}

/// The four vertices from `theta` to the interpolation.
fn path(theta: &[f64], x: &[f64], y: &[f64]) -> Result<Vec<Vec<f64>>> {
    let m = theta.len() / 3;
    let v = hidden(theta, x);
    let order = independent_columns(v.as_ref());
    let rank = rank(&v, &order)?;
    let (kept, idle) = (&order[..rank], &order[rank..]);
    let mut fitted = theta.to_vec();
    fitted[2 * m..].fill(0.);
    for (&j, w) in kept.iter().zip(least_squares(&columns(&v, kept), y)?) {
        fitted[2 * m + j] = w;
    }
    let mut moved = fitted.clone();
    let hinges = independent_hinges(&columns(&v, kept), x);
    for (&j, t) in idle.iter().zip(&hinges) {
        (moved[j], moved[m + j]) = (1., -t);
    }
    let mut end = moved.clone();
    let used: Vec<usize> = kept.iter().chain(idle).copied().take(x.len()).collect();
    let square = columns(&hidden(&moved, x), &used);
    for (&j, w) in used.iter().zip(Lu::new(square.as_ref()).solve_vector(y)) {
        end[2 * m + j] = w;
    }
    Ok(vec![theta.to_vec(), fitted, moved, end])
}

fn columns(v: &Mat<f64>, which: &[usize]) -> Mat<f64> {
    Mat::from_fn(v.nrows(), which.len(), |i, j| v[(i, which[j])])
}

fn failed(e: collado_linalg::NoConvergence) -> StudyError {
    StudyError::Search(e.to_string())
}

/// The largest number of first columns in `order` that are independent beyond rounding.
fn rank(v: &Mat<f64>, order: &[usize]) -> Result<usize> {
    for count in (1..=v.nrows().min(order.len())).rev() {
        let s = thin_svd(columns(v, &order[..count]).as_ref()).map_err(failed)?.s;
        if s[count - 1] > DEPENDENT * s[0] {
            return Ok(count);
        }
    }
    Ok(0)
}

/// The least-squares solution for independent columns.
fn least_squares(a: &Mat<f64>, y: &[f64]) -> Result<Vec<f64>> {
    if a.ncols() == 0 {
        return Ok(Vec::new());
    }
    let svd = thin_svd(a.as_ref()).map_err(failed)?;
    let along = |k: usize| y.iter().enumerate().map(|(i, y)| svd.u[(i, k)] * y).sum::<f64>() / svd.s[k];
    let coefficients: Vec<f64> = (0..svd.s.len()).map(along).collect();
    Ok((0..a.ncols())
        .map(|j| coefficients.iter().enumerate().map(|(k, c)| svd.v[(j, k)] * c).sum())
        .collect())
}

/// Kinks t of hinges ρ(x − t) that complete the independent columns `kept` to a basis: all L hinges with one kink before each
/// example are a basis, and each new one is the farthest from the span so far.
fn independent_hinges(kept: &Mat<f64>, x: &[f64]) -> Vec<f64> {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    let before = |i: usize| if i == 0 { sorted[0] - 1. } else { 0.5 * (sorted[i - 1] + sorted[i]) };
    let kinks: Vec<f64> = (0..x.len()).map(before).collect();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for j in 0..kept.ncols() {
        extend(&mut basis, kept.col(j).iter().copied().collect());
    }
    let hinge = |t: f64| x.iter().map(|x| (x - t).max(0.)).collect::<Vec<f64>>();
    let mut chosen = Vec::new();
    while basis.len() < x.len() {
        let distance = |t: &f64| {
            let values = hinge(*t);
            norm(&rest(&basis, values.clone())) / norm(&values)
        };
        let Some(&t) = kinks.iter().max_by(|a, b| distance(a).total_cmp(&distance(b))) else { break };
        extend(&mut basis, hinge(t));
        chosen.push(t);
    }
    chosen
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// What is left of a vector orthogonal to an orthonormal basis, projected twice.
fn rest(basis: &[Vec<f64>], mut x: Vec<f64>) -> Vec<f64> {
    for b in basis.iter().chain(basis) {
        let along: f64 = b.iter().zip(&x).map(|(b, x)| b * x).sum();
        x.iter_mut().zip(b).for_each(|(x, b)| *x -= along * b);
    }
    x
}

fn extend(basis: &mut Vec<Vec<f64>>, x: Vec<f64>) {
    let rest = rest(basis, x);
    let size = norm(&rest);
    basis.push(rest.into_iter().map(|x| x / size).collect());
}
