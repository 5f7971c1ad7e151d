//! What a step needs of one point: its weights, and the scales and shifts of its channels.

use std::{borrow::Cow, ops::Range};

use collado_models::{Norm, Real};

use super::{
    lanes::Number,
    plan::{Kind, Plan, Step},
    winograd::Winograd,
};
use crate::engine::chain::Pool;

/// The means and biased variances of a batch normalisation, by channel.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    pub(super) mean: Vec<f64>,
    pub(super) variance: Vec<f64>,
}

impl Moments {
    /// Those in a row of buffers.
    pub(super) fn of(norm: &Norm, row: &[f64]) -> Self {
        let running = norm.running.as_ref().expect("batch normalisation has running statistics");
        let [mean, variance] =
            [&running.mean, &running.variance].map(|columns| row[columns.clone()].to_vec());
        Self { mean, variance }
    }

    /// Those of sums of numbers and of their squares, by channel.
    pub(super) fn from_sums(sums: &[[f64; 2]], count: usize) -> Self {
        let n = count as f64;
        let mean: Vec<_> = sums.iter().map(|[sum, _]| sum / n).collect();
        let variance = sums.iter().zip(&mean).map(|([_, square], m)| (square / n - m * m).max(0.)).collect();
        Self { mean, variance }
    }

    /// Writes them to a row of buffers, with unbiased variances if asked.
    pub(super) fn write(&self, norm: &Norm, count: usize, unbiased: bool, row: &mut [f64]) {
        let running = norm.running.as_ref().expect("batch normalisation has running statistics");
        let factor = if unbiased { count as f64 / (count as f64 - 1.) } else { 1. };
        row[running.mean.clone()].copy_from_slice(&self.mean);
        let places = row[running.variance.clone()].iter_mut();
        places.zip(&self.variance).for_each(|(place, v)| *place = v * factor);
        row[running.batches] = 1.;
    }

    /// The reciprocal deviation of a channel.
    pub(super) fn inverse(&self, norm: &Norm, channel: usize) -> f64 {
        (self.variance[channel] + norm.epsilon).sqrt().recip()
    }
}

/// The scale and the shift of each channel.
pub(super) struct Scales<T> {
    pub(super) scale: Vec<T>,
    pub(super) shift: Vec<T>,
}

impl<T: Number> Scales<T> {
    /// Those that a normalisation with `moments` amounts to.
    pub(super) fn normalising(norm: &Norm, theta: &[T], moments: &Moments) -> Self {
        let (gamma, beta) = alone(norm, theta);
        let scale: Vec<f64> =
            (0..norm.channels).map(|c| gamma[c].wide() * moments.inverse(norm, c)).collect();
        let shift = (0..norm.channels).map(|c| T::of(beta[c].wide() - moments.mean[c] * scale[c])).collect();
        Self { scale: scale.into_iter().map(T::of).collect(), shift }
    }

    /// The scale 1 and the shift by a bias, if there is one.
    pub(super) fn shifting(step: &Step, theta: &[T], channels: usize) -> Self {
        let shift = match step.bias() {
            Some(bias) => theta[bias.clone()].to_vec(),
            None => vec![T::zero(); channels],
        };
        Self { scale: vec![T::one(); channels], shift }
    }

    /// Those that change nothing.
    pub(super) fn unit(channels: usize) -> Self {
        Self { scale: vec![T::one(); channels], shift: vec![T::zero(); channels] }
    }

    /// Whether they change nothing.
    pub(super) fn is_unit(&self) -> bool {
        self.scale.iter().all(|&s| s == T::one()) && self.shift.iter().all(|&t| t == T::zero())
    }

    /// Those of a step whose statistics are known: bias and normalisation together.
    pub(super) fn finishing(step: &Step, theta: &[T], channels: usize, statistics: Option<&[f64]>) -> Self {
        let Some(norm) = &step.norm else { return Self::shifting(step, theta, channels) };
        let row = statistics.expect("batch normalisation has statistics");
        let mut all = Self::normalising(norm, theta, &Moments::of(norm, row));
        if let Some(bias) = step.bias() {
            let both = all.shift.iter_mut().zip(&all.scale).zip(&theta[bias.clone()]);
            both.for_each(|((t, &s), &b)| *t += s * b);
        }
        all
    }

    pub(super) fn channel(&self, c: usize) -> (T, T) {
        (self.scale[c], self.shift[c])
    }
}

/// A point whose statistics are known, ready to be evaluated.
pub(super) struct Point<'a, T> {
    pub(super) theta: &'a [T],
    /// The scales and shifts of every step.
    pub(super) scales: Vec<Scales<T>>,
    /// The transformed weights of every step that is computed with them.
    pub(super) winograd: Vec<Option<Winograd<'a, T>>>,
}

impl<'a, T: Number> Point<'a, T> {
    /// The point `theta` with the row `statistics` of buffers.
    pub(super) fn new(plan: &Plan, theta: &'a [T], statistics: Option<&[f64]>, pool: &'a Pool<T>) -> Self {
        let scales =
            |step: &Step| Scales::finishing(step, theta, plan.values[step.output].channels, statistics);
        let winograd = |step: &Step| transformed(plan, step, theta, pool);
        let steps = || plan.steps.iter();
        Self { theta, scales: steps().map(scales).collect(), winograd: steps().map(winograd).collect() }
    }
}

/// The transformed weights of a step, where it is computed with them.
pub(super) fn transformed<'a, T: Number>(
    plan: &Plan,
    step: &Step,
    theta: &[T],
    pool: &'a Pool<T>,
) -> Option<Winograd<'a, T>> {
    let Kind::Map(map) = &step.kind else { return None };
    let pays = map.convolution.is_filtered(&plan.values[step.output]);
    pays.then(|| Winograd::forward(&map.convolution, &theta[map.weight.clone()], pool))
}

/// The scales and shifts of a normalisation by its parameters.
pub(super) fn alone<'a, T: Real>(norm: &Norm, theta: &'a [T]) -> (Cow<'a, [T]>, Cow<'a, [T]>) {
    let column = |columns: &Option<Range<usize>>, else_all: T| match columns {
        Some(columns) => Cow::Borrowed(&theta[columns.clone()]),
        None => Cow::Owned(vec![else_all; norm.channels]),
    };
    (column(&norm.weight, T::one()), column(&norm.bias, T::zero()))
}
