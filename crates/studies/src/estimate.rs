//! Estimates with their 95 % intervals.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A mean over independent runs with its 95 % interval (Student's t).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The interval; its ends are NaN for a single run.
    #[serde(rename = "ci")]
    pub interval: [f64; 2],
    /// The number of runs.
    pub count: usize,
}

impl Estimate {
    /// The mean of independent values.
    pub fn new(values: &[f64]) -> Self {
        Self::jointly(values, 1)
    }

    /// The mean of independent values, with an interval for one of `comparisons` means that hold their intervals together with a
    /// probability of 95 % (Bonferroni).
    pub fn jointly(values: &[f64], comparisons: usize) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.);
        let tail = 0.025 / comparisons.max(1) as f64;
        let half = student(1. - tail, n - 1.) * (variance / n).sqrt();
        Self { mean, interval: [mean - half, mean + half], count: values.len() }
    }

    /// The distance from the mean to the ends of the interval.
    pub fn half(&self) -> f64 {
        0.5 * (self.interval[1] - self.interval[0])
    }

    /// How far the true mean has to be from a value for the interval to leave that value out in 80 % of samples like this one,
    /// by Student's t.
    pub fn detectable(&self) -> f64 {
        self.half() * detectable_over_half(self.count as f64 - 1.)
    }

    /// Mean and interval with some decimals; in words where there is nothing to estimate.
    pub fn text(&self, decimals: usize) -> String {
        let Self { mean, interval: [low, high], count } = self;
        match (mean.is_finite(), low.is_finite() && high.is_finite()) {
            (true, true) => {
                format!("{mean:.decimals$} [{low:.decimals$}, {high:.decimals$}] ({count} runs)")
            }
            (true, false) => format!("{mean:.decimals$} without an interval ({count} runs)"),
            _ => "not to be estimated".to_owned(),
        }
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

/// The distance that is detected in 80 % of samples, over half the length of a 95 % interval.
pub(crate) fn detectable_over_half(freedom: f64) -> f64 {
    1. + student(0.8, freedom) / student(0.975, freedom)
}

/// The slope of the line of least squares; NaN for fewer than two different places.
pub(crate) fn slope(xs: &[f64], ys: &[f64]) -> f64 {
    let n = xs.len() as f64;
    let (x0, y0) = (xs.iter().sum::<f64>() / n, ys.iter().sum::<f64>() / n);
    let products: f64 = xs.iter().zip(ys).map(|(x, y)| (x - x0) * (y - y0)).sum();
    products / xs.iter().map(|x| (x - x0).powi(2)).sum::<f64>()
}

/// A quantile of Student's t; NaN without a degree of freedom.
pub(crate) fn student(share: f64, freedom: f64) -> f64 {
    StudentsT::new(0., 1., freedom).map_or(f64::NAN, |law| law.inverse_cdf(share))
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_distr::StandardNormal;

    use super::*;

    #[test]
    fn quantiles_are_the_tabulated_ones() {
        let table = [
            (1., 12.7062),
            (2., 4.3027),
            (3., 3.1824),
            (5., 2.5706),
            (11., 2.2010),
            (30., 2.0423),
            (120., 1.9799),
        ];
        for (freedom, quantile) in table {
            assert!(
                (student(0.975, freedom) - quantile).abs() < 6e-5,
                "{freedom}: {}",
                student(0.975, freedom)
            );
        }
        assert!(student(0.975, 0.).is_nan());
    }

    #[test]
    fn powers_are_recovered_and_intervals_cover() {
        let xs = [1., 2., 4., 8.];
        let ys: Vec<Vec<f64>> = xs.iter().map(|x: &f64| vec![3. * x.powf(-0.5), 5. * x.powf(-0.7)]).collect();
        let fit = Estimate::of_exponents(&xs, &ys);
        assert!((fit.mean + 0.6).abs() < 1e-12);
        // Two values: mean ± 12.7062 times half their distance.
        assert!((fit.interval[1] - fit.mean - 1.270_620_47).abs() < 1e-7, "{fit:?}");
        assert_eq!(Estimate::of_slopes(&xs, &xs.map(|x| vec![2. * x + 1.])).mean, 2.);
        assert_eq!(Estimate::new(&[3.]).text(1), "3.0 without an interval (1 runs)");
        assert_eq!(Estimate::new(&[]).text(1), "not to be estimated");
    }

    /// 20 000 samples of six numbers: intervals cover in 95 % of them, ten of them jointly in 99.5 % each, and the distance said to
    /// be detectable is detected in about 80 %.
    #[test]
    fn coverage_and_power_are_as_stated() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let samples = 20_000;
        let (mut covered, mut joint, mut detected) = (0, 0, 0);
        // The standard error of a mean of six is 1/√6: what is detectable is a multiple of it.
        let distance = (student(0.975, 5.) + student(0.8, 5.)) / 6f64.sqrt();
        for _ in 0..samples {
            let values: [f64; 6] = std::array::from_fn(|_| rng.sample(StandardNormal));
            let holds = |e: Estimate, x: f64| u32::from(e.interval[0] <= x && x <= e.interval[1]);
            covered += holds(Estimate::new(&values), 0.);
            joint += holds(Estimate::jointly(&values, 10), 0.);
            detected += 1 - holds(Estimate::new(&values), distance);
        }
        let share = |n: u32| f64::from(n) / f64::from(samples);
        assert!((share(covered) - 0.95).abs() < 0.006, "{}", share(covered));
        assert!((share(joint) - 0.995).abs() < 0.003, "{}", share(joint));
        // The ratio of standard deviations varies: a little off for six values.
        assert!((share(detected) - 0.8).abs() < 0.06, "{}", share(detected));
        let estimate = Estimate::new(&[0., 1., 2., 3., 4., 5.]);
        let expected = (3.5f64 / 6.).sqrt() * 6f64.sqrt() * distance;
        assert!((estimate.detectable() - expected).abs() < 1e-12);
    }
}
