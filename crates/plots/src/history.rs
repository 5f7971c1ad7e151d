//! The figure of training curves: loss and error of one or many networks over the epochs.

use std::collections::BTreeMap;

use crate::axis::Scale;
use crate::color::Role;
use crate::figure::Figure;
use crate::panel::Panel;
use crate::profile::is_present;
use crate::series::Series;

/// One training run, one value for each entry of `epochs`; columns all NaN are not drawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Run<'a> {
    /// The name of the run; it stands in the legend only if there is a single run.
    pub label: &'a str,
    /// The epochs at which the values were taken.
    pub epochs: &'a [f64],
    /// Risk on the training data.
    pub train_risk: &'a [f64],
    /// Loss on the test data.
    pub test_loss: &'a [f64],
    /// Fraction of training examples classified wrongly.
    pub train_error: &'a [f64],
    /// Fraction of test examples classified wrongly.
    pub test_error: &'a [f64],
}

/// The runs of one training.
#[derive(Clone, Copy, Debug, Default)]
pub struct History<'a> {
    /// The heading.
    pub title: &'a str,
    /// The grey line under the heading.
    pub subtitle: &'a str,
    /// The runs, each with its own epochs.
    pub runs: &'a [Run<'a>],
}

/// One quantity of all runs: its name, its colour, and its epochs and values for each run.
struct Quantity<'a> {
    name: &'static str,
    /// The name of the first run.
    first: &'a str,
    role: Role,
    runs: Vec<(&'a [f64], Vec<f64>)>,
}

/// The figure: a risk panel, and under it an error panel if there are errors.
#[must_use]
pub fn history_figure(history: &History<'_>) -> Figure {
    let train = quantity(history, "training risk", Role::Train, 1.0, |run| run.train_risk);
    let test = quantity(history, "test loss", Role::Test, 1.0, |run| run.test_loss);
    let last = history.runs.iter().flat_map(|run| run.epochs).copied().fold(0.0, f64::max);
    let figure = Figure::new(history.title).subtitle(history.subtitle).x_label("Epoch");
    let figure = figure.x_ticks(&whole_epochs(last));
    let figure = figure.panel(panel("Risk", &[test, train]).weight(2.0));
    let train = quantity(history, "training error", Role::Train, 100.0, |run| run.train_error);
    let test = quantity(history, "test error", Role::Test, 100.0, |run| run.test_error);
    if train.runs.is_empty() && test.runs.is_empty() {
        return figure;
    }
    figure.panel(panel("Error (%)", &[test, train]))
}

/// Whole epochs at round distances, eleven at most; none where there are too few or too many epochs to count.
fn whole_epochs(last: f64) -> Vec<f64> {
    if !(1.0..1e9).contains(&last) {
        return Vec::new();
    }
    let mut steps = (0..9).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power)));
    let step = steps.find(|step| last / step <= 10.0).expect("a tenth of what is below 1e9 is below 5e8");
    (0..=(last / step) as u32).map(|index| f64::from(index) * step).collect()
}

fn quantity<'a>(
    history: &History<'a>,
    name: &'static str,
    role: Role,
    factor: f64,
    column: impl Fn(&Run<'a>) -> &'a [f64],
) -> Quantity<'a> {
    let scaled = |run: &Run<'a>| (run.epochs, column(run).iter().map(|value| factor * value).collect());
    let present = || history.runs.iter().filter(|run| is_present(column(run)));
    let first = present().next().map_or("", |run| run.label);
    Quantity { name, first, role, runs: present().map(scaled).collect() }
}

fn panel(label: &str, quantities: &[Quantity<'_>]) -> Panel {
    let values = || quantities.iter().flat_map(|q| &q.runs).flat_map(|(_, values)| values.iter().copied());
    let log = label == "Risk" && values().any(|value| value > 0.0) && !values().any(|value| value < 0.0);
    let scale = if log { Scale::Log } else { Scale::Linear };
    let label = if log { format!("{label} (log scale)") } else { label.to_owned() };
    let mut panel = Panel::new(label).scale(scale).from_zero();
    for quantity in quantities {
        if let [(epochs, values)] = quantity.runs.as_slice() {
            let label = match quantity.first {
                "" => quantity.name.to_owned(),
                run => format!("{}, {run}", quantity.name),
            };
            panel = panel.series(Series::line(label, epochs, values).role(quantity.role).width(2.0));
            continue;
        }
        for (epochs, values) in &quantity.runs {
            panel =
                panel.series(Series::line("", epochs, values).role(quantity.role).width(0.9).opacity(0.35));
        }
    }
    quantities.iter().filter(|quantity| quantity.runs.len() > 1).fold(panel, |panel, quantity| {
        let (epochs, values) = median(&quantity.runs);
        let label = format!("{}, median of {}", quantity.name, quantity.runs.len());
        panel.series(Series::line(label, &epochs, &values).role(quantity.role).width(2.2).uncounted())
    })
}

/// The median at every epoch that at least half of the runs have; diverged runs count as the highest.
fn median(runs: &[(&[f64], Vec<f64>)]) -> (Vec<f64>, Vec<f64>) {
    let mut by_epoch: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (epochs, values) in runs {
        for (&epoch, &value) in
            epochs.iter().zip(values).filter(|(epoch, _)| epoch.is_finite() && **epoch >= 0.0)
        {
            // The bits of positive floats are ordered as the floats are; + 0.0 turns -0 into 0.
            let key = (epoch + 0.0).to_bits();
            by_epoch.entry(key).or_default().push(if value.is_nan() { f64::INFINITY } else { value });
        }
    }
    by_epoch.retain(|_, values| 2 * values.len() >= runs.len());
    by_epoch.into_iter().map(|(key, values)| (f64::from_bits(key), middle(values))).unzip()
}

/// The median of values without NaN.
fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    match (values.get(low), values.get(high)) {
        (Some(low), Some(high)) => low / 2.0 + high / 2.0,
        _ => f64::NAN,
    }
}
