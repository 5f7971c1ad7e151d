//! The frame of a panel: its y range, grid, ticks and tick labels.

use crate::axis::{Axis, Range, Scale};
use crate::canvas::{Anchor, Canvas, Rect, Stroke, Style};
use crate::color::{AXIS, FINE_GRID, GRID, SOFT};
use crate::labels::LEADING;
use crate::panel::Panel;
use crate::paper::SMALL as SIZE;
use crate::text::Font;
use crate::ticks::{Tick, given, minor, ticks};

/// The number of ticks for which the widths of labels are measured, whatever the panel's height will be.
const MOST: usize = 8;

/// The range of the y axis: the given limits, if the scale can show them, else the range of the data.
pub(crate) fn y_range(panel: &Panel) -> Range {
    let scale = panel.scale;
    if let Some((low, high)) = panel.y_limits
        && scale.shows(low)
        && scale.shows(high)
        && low < high
    {
        return Range { low, high }.widened(scale);
    }
    let series = panel.series.iter().flat_map(|series| series.all_ys());
    let points = panel.points.iter().map(|point| point.y);
    let rules = panel.rules.iter().map(|&(y, _)| y);
    Range::airy(scale, panel.from_zero, series.chain(points).chain(rules))
}

/// The range of a linear y axis `height` px high, with room for the label above the highest labelled point.
pub(crate) fn roomy(panel: &Panel, range: Range, height: f64) -> Range {
    let labelled = panel.points.iter().filter(|point| point.lines.iter().any(|line| !line.is_empty()));
    let Some(top) = labelled.max_by(|a, b| a.y.total_cmp(&b.y)).filter(|top| top.y.is_finite()) else {
        return range;
    };
    let part = (LEADING * top.lines.len() as f64 + 8.0) / height;
    if panel.scale != Scale::Linear || panel.y_limits.is_some() || part > 0.5 {
        return range;
    }
    Range { high: range.high.max(range.low + (top.y - range.low) / (1.0 - part)), ..range }
}

/// The width of the widest label that the y axis may get.
pub(crate) fn tick_width(font: &Font, panel: &Panel, range: Range) -> f64 {
    let labels = (2..=MOST).flat_map(|wanted| y_ticks(panel, range, wanted));
    labels.map(|tick| font.width(&tick.label, SIZE)).fold(0.0, f64::max)
}

/// The ticks of the y axis: the given ones, round numbers, or the panel's names.
fn y_ticks(panel: &Panel, range: Range, wanted: usize) -> Vec<Tick> {
    if !panel.y_ticks.is_empty() {
        return given(&panel.y_ticks, range);
    }
    if panel.y_names.is_empty() {
        return ticks(panel.scale, range, wanted);
    }
    let names = panel.y_names.iter().enumerate();
    names.map(|(i, name)| Tick { value: i as f64, label: name.clone() }).collect()
}

/// The number of y ticks that fit a panel of this height.
fn wanted(window: Rect) -> usize {
    ((window.bottom - window.top) / 36.0).clamp(2.0, MOST as f64) as usize
}

/// Draws the horizontal grid lines with their labels, and the finer lines of a log axis.
pub(crate) fn draw_grid(canvas: &mut Canvas, panel: &Panel, window: Rect, (_, axis): (Axis, Axis)) {
    let wanted = wanted(window);
    let fine = panel.y_names.is_empty() && panel.y_ticks.is_empty();
    for y in minor(axis.scale, axis.range, wanted)
        .into_iter()
        .filter(|_| fine)
        .filter_map(|value| axis.place(value))
    {
        canvas.line((window.left, y), (window.right, y), Stroke::solid(FINE_GRID, 1.0));
    }
    for tick in y_ticks(panel, axis.range, wanted) {
        let Some(y) = axis.place(tick.value) else { continue };
        canvas.line((window.left, y), (window.right, y), Stroke::solid(GRID, 1.0));
        let style = Style::new(SIZE, SOFT).anchor(Anchor::End);
        canvas.text((window.left - 8.0, y + SIZE * 0.35), &tick.label, style);
    }
}

/// Draws the x axis under a panel, with ticks at the given `values` if there are any; labels only where it is `labelled`.
pub(crate) fn draw_x_axis(
    canvas: &mut Canvas,
    font: &Font,
    window: Rect,
    axis: Axis,
    values: &[f64],
    labelled: bool,
) {
    let Rect { left, right, bottom, .. } = window;
    canvas.line((left, bottom), (right, bottom), Stroke::solid(AXIS, 1.0));
    let wanted = ((right - left) / 90.0).clamp(2.0, 10.0) as usize;
    for value in minor(axis.scale, axis.range, wanted).into_iter().filter(|_| values.is_empty()) {
        if let Some(x) = axis.place(value) {
            canvas.line((x, bottom), (x, bottom + 3.0), Stroke::solid(AXIS, 0.6));
        }
    }
    let found =
        if values.is_empty() { ticks(axis.scale, axis.range, wanted) } else { given(values, axis.range) };
    let places: Vec<(f64, Tick)> =
        found.into_iter().filter_map(|tick| Some((axis.place(tick.value)?, tick))).collect();
    let stride = stride(font, &places);
    for (index, (x, tick)) in places.iter().enumerate() {
        canvas.line((*x, bottom), (*x, bottom + 4.5), Stroke::solid(AXIS, 1.0));
        if labelled && index % stride == 0 {
            let style = Style::new(SIZE, SOFT).anchor(Anchor::Middle);
            canvas.text((*x, bottom + 19.0), &tick.label, style);
        }
    }
}

/// The least stride at which labels of every so manieth tick do not run into each other.
fn stride(font: &Font, places: &[(f64, Tick)]) -> usize {
    let half = |tick: &Tick| font.width(&tick.label, SIZE) / 2.0 + 3.0;
    let fits = |stride: &usize| {
        let kept: Vec<&(f64, Tick)> = places.iter().step_by(*stride).collect();
        kept.windows(2).all(|pair| pair[0].0 + half(&pair[0].1) <= pair[1].0 - half(&pair[1].1))
    };
    (1..places.len()).find(fits).unwrap_or(places.len().max(1))
}
