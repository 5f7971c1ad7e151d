//! Conjugate gradients in a trust region (Steihaug 1983; Nocedal & Wright 2006, algorithm 7.2).

use std::ops::ControlFlow;

use super::{dot, norm};
use crate::Result;

/// Writes the product of the Hessian with a direction; it breaks to give up.
type Product<'a> = dyn FnMut(&[f64], &mut [f64]) -> Result<ControlFlow<()>> + 'a;

/// A step inside a trust region.
pub(super) struct TrustStep {
    pub(super) step: Vec<f64>,
    /// The decrease that the quadratic model predicts.
    pub(super) predicted: f64,
    /// Whether the step ends on the boundary of the region.
    pub(super) is_on_boundary: bool,
}

/// Lowers the model $\langle g,p\rangle+\frac12\langle p,Hp\rangle$ over $\lVert p\rVert\le$ `radius`, until its gradient
/// is at most `tolerance`, or after `most` products. Directions of negative curvature are followed to the boundary.
pub(super) fn steihaug(
    gradient: &[f64],
    radius: f64,
    tolerance: f64,
    most: usize,
    product: &mut Product<'_>,
) -> Result<Option<TrustStep>> {
    let mut p = vec![0.; gradient.len()];
    // The gradient of the model at p.
    let mut r = gradient.to_vec();
    let mut d: Vec<f64> = r.iter().map(|r| -r).collect();
    let mut hd = vec![0.; p.len()];
    let mut is_on_boundary = false;
    for _ in 0..most {
        if product(&d, &mut hd)?.is_break() {
            return Ok(None);
        }
        let (square, curvature) = (dot(&r, &r), dot(&d, &hd));
        let length = square / curvature;
        let far = to_boundary(&p, &d, radius);
        is_on_boundary = curvature <= 0. || length >= far;
        let length = if is_on_boundary { far } else { length };
        p.iter_mut().zip(&d).for_each(|(p, d)| *p += length * d);
        r.iter_mut().zip(&hd).for_each(|(r, hd)| *r += length * hd);
        let left = dot(&r, &r);
        if is_on_boundary || left.sqrt() <= tolerance {
            break;
        }
        let keep = left / square;
        d.iter_mut().zip(&r).for_each(|(d, r)| *d = keep * *d - r);
    }
    // Hp = r − g.
    let predicted = -p.iter().zip(gradient.iter().zip(&r)).map(|(p, (g, r))| 0.5 * p * (g + r)).sum::<f64>();
    Ok(Some(TrustStep { step: p, predicted, is_on_boundary }))
}

/// The length ≥ 0 at which p + length · d reaches the boundary.
fn to_boundary(p: &[f64], d: &[f64], radius: f64) -> f64 {
    let (a, b) = (dot(d, d), dot(p, d));
    let c = radius * radius - dot(p, p);
    // The larger root of a x² + 2 b x − c, without cancellation where b > 0.
    let root = (b * b + a * c.max(0.)).sqrt();
    let length = if b > 0. { c / (b + root) } else { (root - b) / a };
    if length.is_finite() { length.max(0.) } else { radius / norm(d) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solve(diagonal: &[f64], g: &[f64], radius: f64) -> TrustStep {
        let product = &mut |d: &[f64], out: &mut [f64]| {
            out.iter_mut().zip(d.iter().zip(diagonal)).for_each(|(out, (d, h))| *out = h * d);
            Ok(ControlFlow::Continue(()))
        };
        steihaug(g, radius, 1e-12, 50, product).unwrap().unwrap()
    }

    #[test]
    fn in_a_wide_region_the_step_is_newtons() {
        let (h, g) = ([1., 4., 100.], [1., -2., 5.]);
        let found = solve(&h, &g, 1e3);
        for ((p, h), g) in found.step.iter().zip(h).zip(g) {
            assert!((p + g / h).abs() <= 1e-12, "{p}");
        }
        // −⟨g, p⟩/2 with p = −H⁻¹g.
        let expected: f64 = g.iter().zip(h).map(|(g, h)| 0.5 * g * g / h).sum();
        assert!((found.predicted - expected).abs() <= 1e-12 && !found.is_on_boundary);
    }

    #[test]
    fn in_a_narrow_region_and_along_negative_curvature_it_ends_on_the_boundary() {
        for (h, radius) in [([1., 4., 100.], 1e-3), ([1., -4., 100.], 0.5)] {
            let found = solve(&h, &[1., -2., 5.], radius);
            assert!((norm(&found.step) - radius).abs() <= 1e-12 && found.is_on_boundary);
            let model = |p: &[f64]| -> f64 {
                p.iter().zip(h).zip([1., -2., 5.]).map(|((p, h), g)| g * p + 0.5 * h * p * p).sum()
            };
            assert!((found.predicted + model(&found.step)).abs() <= 1e-12 && found.predicted > 0.);
        }
    }
}
