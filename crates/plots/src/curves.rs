//! Drawing of series: bands, lines with gaps, dots, and crosses at the edge for values that cannot be shown.

use crate::axis::{Axis, Scale};
use crate::canvas::{Canvas, Rect, Stroke, Xy};
use crate::color::Color;
use crate::labels::Labels;
use crate::panel::Panel;
use crate::series::{Series, Shape};

/// The dash pattern of dashed series.
pub(crate) const DASH: [f64; 2] = [5.0, 3.5];

/// Draws all series of a panel, and tells `labels` where the lines are, so that labels avoid them.
pub(crate) fn draw(
    canvas: &mut Canvas,
    panel: &Panel,
    window: Rect,
    axes: (Axis, Axis),
    labels: &mut Labels<'_>,
) {
    // Half a stroke or half a dot may stand out of the window.
    let wider = Rect {
        left: window.left - 3.0,
        top: window.top - 3.0,
        right: window.right + 3.0,
        bottom: window.bottom + 3.0,
    };
    canvas.clipped(wider, |canvas| {
        for series in &panel.series {
            draw_band(canvas, series, axes);
        }
        for series in &panel.series {
            for piece in pieces(&series.xs, &series.ys, axes) {
                draw_piece(canvas, series, &piece);
                labels.avoid_line(&piece);
            }
        }
    });
    for series in &panel.series {
        draw_crosses(canvas, series, window, axes, labels);
    }
}

/// The stretches of consecutive points that have a place on the paper.
fn pieces(xs: &[f64], ys: &[f64], (x_axis, y_axis): (Axis, Axis)) -> Vec<Vec<Xy>> {
    let place = |(&x, &y): (&f64, &f64)| Some((x_axis.place(x)?, y_axis.place(y)?));
    let places: Vec<Option<Xy>> = xs.iter().zip(ys).map(place).collect();
    let stretches = places.split(Option::is_none).filter(|stretch| !stretch.is_empty());
    stretches.map(|stretch| stretch.iter().copied().flatten().collect()).collect()
}

fn draw_band(canvas: &mut Canvas, series: &Series, axes: (Axis, Axis)) {
    let Some((lower, upper)) = &series.band else { return };
    // A point with only one of the two edges has no band.
    let both = |(&low, &high): (&f64, &f64)| axes.1.scale.shows(low) && axes.1.scale.shows(high);
    let hidden = |(kept, x): (bool, &f64)| if kept { *x } else { f64::NAN };
    let kept: Vec<bool> = lower.iter().zip(upper).map(both).collect();
    let xs: Vec<f64> = kept.into_iter().zip(&series.xs).map(hidden).collect();
    let (below, above) = (pieces(&xs, lower, axes), pieces(&xs, upper, axes));
    for (mut outline, above) in below.into_iter().zip(above) {
        outline.extend(above.into_iter().rev());
        canvas.area(&outline, series.role.color(), 0.18 * series.opacity);
    }
}

fn draw_piece(canvas: &mut Canvas, series: &Series, piece: &[Xy]) {
    let color = series.role.color();
    let stroke = Stroke { color, width: series.width, opacity: series.opacity, dash: series.dash };
    if series.joined && piece.len() > 1 {
        canvas.polyline(piece, stroke);
    }
    // A single point between two gaps would be invisible as a line.
    if series.markers || piece.len() == 1 {
        // A cloud needs smaller dots than the few points that a line joins.
        let radius = if series.joined { 3.6 } else { 3.0 };
        dots(canvas, series, piece, radius);
    }
}

/// Draws dots of the series' shape.
pub(crate) fn dots(canvas: &mut Canvas, series: &Series, places: &[Xy], radius: f64) {
    let color = series.role.color();
    // As large as a disc of that radius.
    let corners: &[Xy] = match series.shape {
        Shape::Disc => return canvas.dots(places, radius, color, series.opacity),
        Shape::Square => &[(-0.89, -0.89), (0.89, -0.89), (0.89, 0.89), (-0.89, 0.89)],
        Shape::Triangle => &[(0.0, -1.56), (1.35, 0.78), (-1.35, 0.78)],
        Shape::Diamond => &[(0.0, -1.4), (1.13, 0.0), (0.0, 1.4), (-1.13, 0.0)],
    };
    for (x, y) in places {
        let outline: Vec<Xy> = corners.iter().map(|(a, b)| (x + radius * a, y + radius * b)).collect();
        canvas.area(&outline, color, series.opacity);
    }
}

/// A cross at the edge where each value without a place would leave the panel.
fn draw_crosses(
    canvas: &mut Canvas,
    series: &Series,
    window: Rect,
    (x_axis, y_axis): (Axis, Axis),
    labels: &mut Labels<'_>,
) {
    if !series.counted {
        return;
    }
    let mut last = f64::NEG_INFINITY;
    for (&x, &y) in series.xs.iter().zip(&series.ys) {
        if let (None, Some(x)) = (y_axis.place(y), x_axis.place(x)) {
            // A long gap needs no chain of crosses: the legend counts the values.
            if (x - last).abs() < 9.0 {
                continue;
            }
            last = x;
            let downwards = y <= 0.0;
            let edge = if downwards { window.bottom - 5.0 } else { window.top + 5.0 };
            cross(canvas, (x, edge), series.role.color());
            labels.avoid_dot((x, edge), 4.0);
        }
    }
}

/// A small cross.
pub(crate) fn cross(canvas: &mut Canvas, (x, y): Xy, color: Color) {
    let stroke = Stroke::solid(color, 1.2);
    canvas.line((x - 2.8, y - 2.8), (x + 2.8, y + 2.8), stroke);
    canvas.line((x - 2.8, y + 2.8), (x + 2.8, y - 2.8), stroke);
}

/// A text with the number of values that cannot be shown, as in `3 values not finite, 1 value ≤ 0`; `None` if there are
/// none.
pub(crate) fn missing(panel: &Panel) -> Option<String> {
    let counted = || panel.series.iter().filter(|series| series.counted);
    let ys = || counted().flat_map(Series::all_ys);
    let xs = counted().flat_map(|series| series.xs.iter().copied());
    let not_finite = ys().chain(xs).filter(|value| !value.is_finite()).count();
    let log = panel.scale == Scale::Log;
    let not_positive = ys().filter(|&value| log && value.is_finite() && value <= 0.0).count();
    let say = |count: usize, what: &str| {
        let noun = if count == 1 { "value" } else { "values" };
        (count > 0).then(|| format!("{count} {noun} {what}"))
    };
    let parts: Vec<String> =
        [say(not_finite, "not finite"), say(not_positive, "≤ 0")].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
