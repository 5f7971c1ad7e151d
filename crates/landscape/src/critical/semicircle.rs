//! The semicircle law of the index of critical points (docs/theory.md §8).

use std::f64::consts::PI;

use serde::Serialize;

/// The share of a semicircle's mass below 0 when its centre is at $-x$ radii:
/// $\frac12+(x\sqrt{1-x^2}+\arcsin x)/\pi$ with x clipped to [−1, 1].
pub fn semicircle_index(x: f64) -> f64 {
    let x = x.clamp(-1., 1.);
    0.5 + (x * (1. - x * x).sqrt() + x.asin()) / PI
}

/// A semicircle law fitted to critical points: the index of a random matrix whose spectrum moves in proportion to the
/// risk, $x=(F-F_c)/w$, as it does in the spherical spin glass.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SemicircleLaw {
    /// The risk $F_c$ at which half of the eigenvalues are negative.
    pub center: f64,
    /// The width w: no eigenvalue is negative at $F_c-w$, and all are at $F_c+w$.
    pub width: f64,
    /// Root of the mean square difference between the points' index fractions and the law.
    pub rms: f64,
    /// The same difference with the mean index fraction in place of the law, that is, the spread of the points.
    pub spread: f64,
}

impl SemicircleLaw {
    /// Whether the law applies: it leaves less than half of the spread.
    pub fn applies(&self) -> bool {
        self.rms < 0.5 * self.spread
    }

    /// The least-squares fit to risks and index fractions; `None` for fewer than five points, or where the risk or the
    /// index does not vary.
    pub fn fit(risks: &[f64], fractions: &[f64]) -> Option<Self> {
        let n = risks.len() as f64;
        let least = risks.iter().fold(f64::INFINITY, |m, x| m.min(*x));
        let range = risks.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x)) - least;
        let mean = fractions.iter().sum::<f64>() / n;
        let spread = (fractions.iter().map(|f| (f - mean).powi(2)).sum::<f64>() / n).sqrt();
        if risks.len() < 5 || !(range > 0. && range.is_finite() && spread > 0.) {
            return None;
        }
        let law = |edge: f64, width: f64| {
            let center = edge + width;
            let error = |(f, i): (&f64, &f64)| (semicircle_index((f - center) / width) - i).powi(2);
            let rms = (risks.iter().zip(fractions).map(error).sum::<f64>() / n).sqrt();
            Self { center, width, rms, spread }
        };
        // The edge near the range, the width on a log scale; then twice finer around the best.
        let (mut best, mut edge, mut scale) = (law(least, range), (least, range), (1_f64, 4.0_f64));
        for _ in 0..12 {
            for i in -10..=10 {
                for j in -10..=10 {
                    let width = range * scale.0 * scale.1.powf(f64::from(j) / 5.);
                    let found = law(edge.0 + edge.1 * f64::from(i) / 10., width);
                    best = if found.rms < best.rms { found } else { best };
                }
            }
            edge = (best.center - best.width, edge.1 / 3.);
            scale = (best.width / range, scale.1.sqrt());
        }
        Some(best)
    }

    /// The index fraction of the law at a risk.
    pub fn at(&self, risk: f64) -> f64 {
        semicircle_index((risk - self.center) / self.width)
    }
}
