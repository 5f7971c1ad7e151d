//! The figure of a profile: the risk along a path between two minima.

use crate::axis::Scale;
use crate::color::Role;
use crate::figure::Figure;
use crate::number::short;
use crate::panel::Panel;
use crate::point::Point;
use crate::series::Series;

/// A curve to compare with, for example the risk along the straight line.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'a> {
    /// The label, which is written at the curve's highest point.
    pub label: &'a str,
    /// The parameters t at which the risk was evaluated.
    pub t: &'a [f64],
    /// The risk at each `t`.
    pub risk: &'a [f64],
}

/// Values along a path, one for each `t`; columns that are all NaN are not drawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Profile<'a> {
    /// The heading.
    pub title: &'a str,
    /// The grey line under the heading.
    pub subtitle: &'a str,
    /// The parameters t at which the path was evaluated, including both ends.
    pub t: &'a [f64],
    /// Risk (loss and penalty) on the training data.
    pub train_risk: &'a [f64],
    /// Loss on the training data; drawn only where it differs from the risk.
    pub train_loss: &'a [f64],
    /// Fraction of training examples classified wrongly.
    pub train_error: &'a [f64],
    /// Loss on the test data.
    pub test_loss: &'a [f64],
    /// Fraction of test examples classified wrongly.
    pub test_error: &'a [f64],
    /// Curves to compare with, thin and dashed.
    pub references: &'a [Reference<'a>],
    /// The parameters t of the path's vertices, with or without the ends.
    pub knots: &'a [f64],
    /// The name of the end at t = 1; "" stands for B.
    pub end: &'a str,
    /// The height of the path above the higher of its ends.
    pub above_ends: f64,
}

/// The figure: a risk panel, and under it an error panel if there are errors.
#[must_use]
pub fn profile_figure(profile: &Profile<'_>) -> Figure {
    let figure = Figure::new(profile.title)
        .subtitle(profile.subtitle)
        .x_label(format!("t, from A to {} along the path", end_name(profile)))
        .panel(risk_panel(profile).weight(2.2));
    match error_panel(profile.t, profile.train_error, profile.test_error) {
        Some(panel) => figure.panel(panel),
        None => figure,
    }
}

fn risk_panel(profile: &Profile<'_>) -> Panel {
    let references = profile.references.iter().flat_map(|reference| reference.risk);
    let scale = scale_for(profile.train_risk.iter().chain(profile.test_loss).chain(references).copied());
    let label = if scale == Scale::Log { "Risk (log scale)" } else { "Risk" };
    let mut panel = Panel::new(label).scale(scale).from_zero();
    for reference in profile.references {
        let series = Series::line("", reference.t, reference.risk).role(Role::Reference);
        panel = panel.series(series.dashed().width(1.2)).point(summit_label(reference));
    }
    if is_present(profile.test_loss) {
        panel = panel.series(Series::line("test loss", profile.t, profile.test_loss).role(Role::Test));
    }
    if is_present(profile.train_loss) && differs(profile.train_loss, profile.train_risk) {
        let loss = Series::line("training loss, without penalty", profile.t, profile.train_loss);
        panel = panel.series(loss.width(1.2).dashed());
    }
    panel = panel.series(Series::line("training risk", profile.t, profile.train_risk).width(2.2));
    landmarks(panel, profile)
}

fn end_name<'a>(profile: &Profile<'a>) -> &'a str {
    if profile.end.is_empty() { "B" } else { profile.end }
}

/// Adds the vertices, the ends, the level of the higher end, the highest point and the barrier.
fn landmarks(mut panel: Panel, profile: &Profile<'_>) -> Panel {
    let (t, risk) = (profile.t, profile.train_risk);
    let (Some(&start), Some(&end)) = (t.first(), t.last()) else { return panel };
    for &knot in profile.knots.iter().filter(|&&knot| knot > start && knot < end) {
        if let Some(height) = interpolate(t, risk, knot) {
            panel = panel.point(Point::new(knot, height).role(Role::Train).ring());
        }
    }
    let ends = [("A", start, risk.first()), (end_name(profile), end, risk.last())];
    let ends = ends.map(|(name, t, risk)| (name, t, risk.copied().unwrap_or(f64::NAN)));
    for (name, t, risk) in ends {
        panel = panel.point(Point::new(t, risk).text(name));
    }
    let level = ends[0].2.max(ends[1].2);
    panel = panel.rule(level, format!("higher end {}", short(level)));
    let Some((top_t, top)) = summit(t, risk) else { return panel };
    let barrier = if profile.above_ends > 0.0 {
        format!("{} above the higher end", short(profile.above_ends))
    } else if profile.above_ends.is_nan() {
        "height above the ends: nan".to_owned()
    } else {
        "no higher than the ends".to_owned()
    };
    let point = Point::new(top_t, top).text(format!("highest {} at t = {top_t:.2}", short(top)));
    panel.span(top_t, level, top).point(point.text(barrier))
}

fn summit_label(reference: &Reference<'_>) -> Point {
    let (t, risk) = summit(reference.t, reference.risk).unwrap_or((f64::NAN, f64::NAN));
    let text = format!("{}, highest {}", reference.label, short(risk));
    Point::new(t, risk).role(Role::Reference).bare().text(text)
}

/// Training and test error in percent; `None` without any.
pub(crate) fn error_panel(t: &[f64], train: &[f64], test: &[f64]) -> Option<Panel> {
    let percent = |errors: &[f64]| errors.iter().map(|error| 100.0 * error).collect::<Vec<_>>();
    let mut panel = Panel::new("Error (%)").from_zero();
    let columns = [("test error", test, Role::Test, 1.75), ("training error", train, Role::Train, 2.2)];
    for (label, errors, role, width) in columns {
        if is_present(errors) {
            panel = panel.series(Series::line(label, t, &percent(errors)).role(role).width(width));
        }
    }
    (is_present(train) || is_present(test)).then_some(panel)
}

/// Whether a column has a value that is not NaN.
pub(crate) fn is_present(values: &[f64]) -> bool {
    values.iter().any(|value| !value.is_nan())
}

/// The scale of the risk: logarithmic if positive values differ by more than a factor of 30, since a linear scale would
/// flatten everything but the summit.
fn scale_for(values: impl Iterator<Item = f64>) -> Scale {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) =
        finite.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    if low > 0.0 && high / low > 30.0 { Scale::Log } else { Scale::Linear }
}

/// Whether two columns differ visibly.
fn differs(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).any(|(a, b)| (a - b).abs() > 5e-3 * a.abs().max(b.abs()))
}

/// The highest finite point.
fn summit(t: &[f64], values: &[f64]) -> Option<(f64, f64)> {
    let pairs = t.iter().copied().zip(values.iter().copied());
    pairs.filter(|(_, value)| value.is_finite()).max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The value at `at` on the line through the points, whose `t` ascend.
fn interpolate(t: &[f64], values: &[f64], at: f64) -> Option<f64> {
    let next = t.iter().position(|&t| t >= at)?;
    let previous = next.saturating_sub(1);
    let (t0, t1) = (*t.get(previous)?, *t.get(next)?);
    let (v0, v1) = (*values.get(previous)?, *values.get(next)?);
    let part = if t1 > t0 { (at - t0) / (t1 - t0) } else { 0.0 };
    Some(v0 + part * (v1 - v0))
}
