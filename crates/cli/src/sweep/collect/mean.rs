//! Means with intervals of figures that several tasks measured.

use std::collections::BTreeSet;

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A mean with its 95 % interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Mean {
    pub(super) n: usize,
    pub(super) mean: f64,
    pub(super) sd: f64,
    pub(super) lo: f64,
    pub(super) hi: f64,
    pub(super) interval: Interval,
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

/// How an interval was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Interval {
    /// Student's t over independent values.
    T,
    /// Student's t with the standard error of the jackknife that leaves out one network at a time, as values share
    /// networks.
    Jackknife,
    /// There is one value, or too few networks.
    None,
}

impl Interval {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::T => "t",
            Self::Jackknife => "jackknife",
            Self::None => "none",
        }
    }
}

impl Mean {
    /// The mean of values, each with the networks that it is about. Where no network occurs twice, the values are
    /// independent.
    pub(super) fn new(values: &[f64], networks: &[Vec<&str>]) -> Self {
        let n = values.len();
        let mean = average(values.iter().copied());
        let sd = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n as f64 - 1.)).sqrt();
        let all: BTreeSet<&str> = networks.iter().flatten().copied().collect();
        let shared = all.len() < networks.iter().map(Vec::len).sum();
        let (interval, error, freedom) = match shared {
            false => (Interval::T, sd / (n as f64).sqrt(), n as f64 - 1.),
            true => (Interval::Jackknife, jackknife(values, networks, &all), all.len() as f64 - 1.),
        };
        let half = student(freedom) * error;
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = match n {
            0 => f64::NAN,
            n => f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2]),
        };
        Self {
            n,
            mean,
            sd,
            lo: mean - half,
            hi: mean + half,
            interval: if half.is_nan() { Interval::None } else { interval },
            median,
            min: sorted.first().copied().unwrap_or(f64::NAN),
            max: sorted.last().copied().unwrap_or(f64::NAN),
        }
    }
}

/// The standard error of a mean by leaving out one network with all its values at a time; NaN where that leaves nothing.
///
/// For values $u_i+u_j$ over all pairs it is the standard error of $2\bar u$.
fn jackknife(values: &[f64], networks: &[Vec<&str>], all: &BTreeSet<&str>) -> f64 {
    let without = |left: &str| {
        let rest = values.iter().zip(networks).filter(|(_, of)| !of.contains(&left)).map(|(x, _)| *x);
        average(rest)
    };
    let means: Vec<f64> = all.iter().map(|network| without(network)).collect();
    let (n, center) = (means.len() as f64, average(means.iter().copied()));
    ((n - 1.) / n * means.iter().map(|x| (x - center).powi(2)).sum::<f64>()).sqrt()
}

fn average(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0., 0.), |(sum, n), x| (sum + x, n + 1.));
    sum / n
}

/// The quantile of Student's t for an interval of 95 %; NaN without a degree of freedom.
fn student(freedom: f64) -> f64 {
    StudentsT::new(0., 1., freedom).map_or(f64::NAN, |law| law.inverse_cdf(0.975))
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn independent_values_have_students_interval() {
        let names = ["a", "b", "c", "d"].map(|name| vec![name]);
        let mean = Mean::new(&[1., 2., 3., 6.], &names);
        // sd² = 14/3, and 3.1824 is the tabulated quantile for three degrees of freedom.
        let half = 3.182_446 * (14f64 / 3.).sqrt() / 2.;
        assert_eq!((mean.n, mean.mean, mean.median, mean.min, mean.max), (4, 3., 2.5, 1., 6.));
        assert!((mean.hi - 3. - half).abs() < 1e-5 && (3. - mean.lo - half).abs() < 1e-5, "{mean:?}");
        assert_eq!(mean.interval, Interval::T);
        let one = Mean::new(&[2.], &[vec!["a", "b"]]);
        assert!(one.mean == 2. && one.lo.is_nan() && one.interval == Interval::None);
        // Two pairs that share a network say nothing of how networks vary.
        assert_eq!(Mean::new(&[1., 2.], &[vec!["a", "b"], vec!["b", "c"]]).interval, Interval::None);
        assert_eq!(Mean::new(&[], &[]).n, 0);
    }

    fn pairs(n: usize) -> Vec<(usize, usize)> {
        (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))).collect()
    }

    #[test]
    fn sums_over_pairs_have_the_error_of_the_mean_of_networks() {
        let u = [0.3, -1.2, 2.5, 0.9, -0.4];
        let names = ["a", "b", "c", "d", "e"];
        let (values, networks): (Vec<f64>, Vec<_>) =
            pairs(5).iter().map(|&(a, b)| (u[a] + u[b], vec![names[a], names[b]])).unzip();
        let single = Mean::new(&u, &names.map(|name| vec![name]));
        let mean = Mean::new(&values, &networks);
        assert_eq!(mean.interval, Interval::Jackknife);
        assert!((mean.mean - 2. * single.mean).abs() < 1e-14);
        assert!((mean.hi - 2. * single.hi).abs() < 1e-12 && (mean.lo - 2. * single.lo).abs() < 1e-12);
    }

    /// Normal networks and noise of pairs: the interval covers in 95 % of 4 000 samples; as if pairs were independent, in fewer.
    #[test]
    fn intervals_over_all_pairs_cover() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let mut normal = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.;
        let names: Vec<String> = (0..8).map(|i| i.to_string()).collect();
        let networks: Vec<Vec<&str>> = pairs(8).iter().map(|&(a, b)| vec![&*names[a], &*names[b]]).collect();
        let alone: Vec<String> = (0..networks.len()).map(|i| i.to_string()).collect();
        let alone: Vec<Vec<&str>> = alone.iter().map(|name| vec![&**name]).collect();
        let (samples, mut covered, mut naive) = (4000, 0, 0);
        for _ in 0..samples {
            let u: Vec<f64> = (0..8).map(|_| normal()).collect();
            let values: Vec<f64> = pairs(8).iter().map(|&(a, b)| u[a] + u[b] + 0.5 * normal()).collect();
            let holds = |mean: Mean| u32::from(mean.lo <= 0. && 0. <= mean.hi);
            covered += holds(Mean::new(&values, &networks));
            naive += holds(Mean::new(&values, &alone));
        }
        let share = |n: u32| f64::from(n) / f64::from(samples);
        assert!((share(covered) - 0.95).abs() < 0.015, "{}", share(covered));
        assert!(share(naive) < 0.8, "{}", share(naive));
    }
}
