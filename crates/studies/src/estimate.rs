//! Estimates with their 95 % intervals.

use serde::Serialize;

/// A mean over independent runs with its 95 % interval (Student's t).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The interval; its ends are NaN for a single run.
    #[serde(rename = "ci")]
    pub interval: [f64; 2],
}

impl Estimate {
    /// The mean of independent values.
    pub fn new(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.);
        let half = student(n - 1.) * (variance / n).sqrt();
        Self { mean, interval: [mean - half, mean + half] }
    }

    /// The mean of the slopes of straight lines through (x_i, y_i), one line for each run; `ys[i]` holds the runs'
    /// values at x_i.
    pub(crate) fn of_slopes(xs: &[f64], ys: &[Vec<f64>]) -> Self {
        let runs = ys.first().map_or(0, Vec::len);
        let column = |run: usize| ys.iter().map(|y| y[run]).collect::<Vec<_>>();
        Self::new(&(0..runs).map(|run| slope(xs, &column(run))).collect::<Vec<_>>())
    }

    /// The mean of the exponents a in $y\propto x^a$, one for each run; `ys[i]` holds the runs' values at x_i.
    pub(crate) fn of_exponents(xs: &[f64], ys: &[Vec<f64>]) -> Self {
        let logs = |y: &Vec<f64>| y.iter().map(|y| y.ln()).collect();
        Self::of_slopes(
            &xs.iter().map(|x| x.ln()).collect::<Vec<_>>(),
            &ys.iter().map(logs).collect::<Vec<_>>(),
        )
    }
}

/// The 95 % Wilson score interval of the share `hits` / `runs` (Wilson 1927). It ends at exactly 0 when nothing
/// was hit, and at exactly 1 when every run hit.
pub fn wilson(hits: u64, runs: u64) -> [f64; 2] {
    let (n, z) = (runs as f64, 1.959_963_984_540_054_f64);
    let p = hits as f64 / n;
    let centre = (p + z * z / (2. * n)) / (1. + z * z / n);
    let half = z / (1. + z * z / n) * (p * (1. - p) / n + z * z / (4. * n * n)).sqrt();
    [if hits == 0 { 0. } else { centre - half }, if hits == runs { 1. } else { centre + half }]
}

/// The slope of the line of least squares.
fn slope(xs: &[f64], ys: &[f64]) -> f64 {
    let n = xs.len() as f64;
    let (x0, y0) = (xs.iter().sum::<f64>() / n, ys.iter().sum::<f64>() / n);
    let products: f64 = xs.iter().zip(ys).map(|(x, y)| (x - x0) * (y - y0)).sum();
    products / xs.iter().map(|x| (x - x0).powi(2)).sum::<f64>()
}

/// The 97.5 % quantile of Student's t; from 11 degrees of freedom on by Cornish and Fisher's expansion.
fn student(freedom: f64) -> f64 {
    const TABLE: [f64; 11] =
        [f64::NAN, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
    const Z: f64 = 1.959_963_985;
    if let Some(&quantile) = TABLE.get(freedom as usize) {
        return quantile;
    }
    let (z3, z5, z7) = (Z.powi(3), Z.powi(5), Z.powi(7));
    Z + (z3 + Z) / (4. * freedom)
        + (5. * z5 + 16. * z3 + 3. * Z) / (96. * freedom.powi(2))
        + (3. * z7 + 19. * z5 + 17. * z3 - 15. * Z) / (384. * freedom.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_the_tabulated_ones() {
        for (freedom, quantile) in [(5., 2.571), (11., 2.201), (20., 2.086), (30., 2.042), (120., 1.980)] {
            assert!((student(freedom) - quantile).abs() < 6e-4, "{freedom}: {}", student(freedom));
        }
    }

    #[test]
    fn powers_are_recovered_and_intervals_cover() {
        let xs = [1., 2., 4., 8.];
        let ys: Vec<Vec<f64>> = xs.iter().map(|x: &f64| vec![3. * x.powf(-0.5), 5. * x.powf(-0.7)]).collect();
        let fit = Estimate::of_exponents(&xs, &ys);
        assert!((fit.mean + 0.6).abs() < 1e-12);
        // Two values: mean ± 12.706 times half their distance.
        assert!((fit.interval[1] - fit.mean - 12.706 * 0.1).abs() < 1e-9);
        assert_eq!(Estimate::of_slopes(&xs, &xs.map(|x| vec![2. * x + 1.])).mean, 2.);
    }

    #[test]
    fn wilson_intervals_are_where_the_normal_score_is_its_quantile() {
        for (hits, runs) in [(5, 10), (1, 500), (69, 500), (499, 500)] {
            let share = hits as f64 / runs as f64;
            for end in wilson(hits, runs) {
                let score = (share - end) / (end * (1. - end) / runs as f64).sqrt();
                assert!((score.abs() - 1.959_963_985).abs() < 1e-8, "{hits} of {runs}: {score}");
            }
        }
        let [low, high] = wilson(0, 100);
        assert_eq!(low, 0.);
        assert!((high - 0.036_993_5).abs() < 1e-7, "{high}");
        assert_eq!(wilson(100, 100), [1. - high, 1.]);
    }
}
