//! Annotations of the data: reference lines, markers, shades, dimension lines and points.

use crate::axis::Axis;
use crate::canvas::{Canvas, Rect, Stroke};
use crate::color::{AXIS, FAINT, INK, PAPER};
use crate::labels::Labels;
use crate::panel::Panel;
use crate::point::{Point, Shape};

/// Shades vertical bands behind everything else.
pub(crate) fn draw_shades(canvas: &mut Canvas, panel: &Panel, window: Rect, x_axis: Axis) {
    for &(x0, x1) in &panel.shades {
        let (Some(x0), Some(x1)) = (x_axis.place(x0), x_axis.place(x1)) else { continue };
        let (left, right) = (x0.clamp(window.left, window.right), x1.clamp(window.left, window.right));
        let corners =
            [(left, window.top), (right, window.top), (right, window.bottom), (left, window.bottom)];
        canvas.area(&corners, AXIS, 0.12);
    }
}

/// Draws reference lines and vertical markers, and asks for their labels.
pub(crate) fn draw_rules(
    canvas: &mut Canvas,
    panel: &Panel,
    window: Rect,
    (x_axis, y_axis): (Axis, Axis),
    labels: &mut Labels<'_>,
) {
    let stroke = Stroke::solid(FAINT, 0.9);
    for (value, label) in &panel.rules {
        if let Some(y) = y_axis.place(*value).filter(|_| y_axis.contains(*value)) {
            canvas.line((window.left, y), (window.right, y), stroke);
            labels.avoid_line(&[(window.left, y), (window.right, y)]);
            labels.along(y, label);
        }
    }
    for (value, label) in &panel.uprights {
        if let Some(x) = x_axis.place(*value).filter(|_| x_axis.contains(*value)) {
            canvas.line((x, window.top), (x, window.bottom), stroke);
            labels.around((x, window.top + 8.0), std::slice::from_ref(label), FAINT);
        }
    }
}

/// Draws dimension lines with end strokes, where there is room for them.
pub(crate) fn draw_spans(
    canvas: &mut Canvas,
    panel: &Panel,
    window: Rect,
    (x_axis, y_axis): (Axis, Axis),
    labels: &mut Labels<'_>,
) {
    for &(x, y0, y1) in &panel.spans {
        let (Some(x), Some(y0), Some(y1)) = (x_axis.place(x), y_axis.place(y0), y_axis.place(y1)) else {
            continue;
        };
        let (y0, y1) = (y0.clamp(window.top, window.bottom), y1.clamp(window.top, window.bottom));
        if (y0 - y1).abs() < 9.0 {
            continue;
        }
        let stroke = Stroke::solid(INK, 1.0);
        canvas.line((x, y0), (x, y1), stroke);
        labels.avoid_line(&[(x, y0), (x, y1)]);
        for y in [y0, y1] {
            canvas.line((x - 3.5, y), (x + 3.5, y), stroke);
        }
    }
}

/// Draws points and asks for their labels.
pub(crate) fn draw_points(
    canvas: &mut Canvas,
    panel: &Panel,
    (x_axis, y_axis): (Axis, Axis),
    labels: &mut Labels<'_>,
) {
    for point in &panel.points {
        let Point { x, y, lines, role, shape } = point;
        let (Some(px), Some(py)) = (x_axis.place(*x), y_axis.place(*y)) else { continue };
        if !x_axis.contains(*x) || !y_axis.contains(*y) {
            continue;
        }
        let (at, color) = ((px, py), role.color());
        match shape {
            Shape::Dot => canvas.circle(at, 4.2, color, Stroke::solid(PAPER, 1.2)),
            Shape::Ring => canvas.circle(at, 2.4, PAPER, Stroke::solid(color, 1.2)),
            Shape::Bare => {}
        }
        labels.avoid_dot(at, if *shape == Shape::Bare { 0.0 } else { 4.0 });
        labels.around(at, lines, color);
    }
}
