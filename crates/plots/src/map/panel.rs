//! One map: colours, contour lines, a path and marked points.

use super::bar::{Shade, draw_bar};
use super::colormap::MISSING;
use super::field::Field;
use super::isolines::isoline;
use crate::axis::{Axis, Range, Scale};
use crate::canvas::{Anchor, Canvas, Rect, Stroke, Style, Xy};
use crate::color::{AXIS, INK, PAPER, Role, SOFT};
use crate::labels::Labels;
use crate::text::Font;
use crate::ticks::ticks;

const SIZE: f64 = 11.5;
/// The number of colour samples along the longer side of a map.
const SAMPLES: f64 = 320.0;
/// The spaces in px around a map: above it for its title, below and beside it for tick labels.
pub(super) const HEAD: f64 = 22.0;
pub(super) const FOOT: f64 = 24.0;
/// The space for the colour bar and its labels, in px.
pub(super) const BAR: f64 = 86.0;

/// A marked point of a map.
#[derive(Clone, Debug)]
pub struct Mark {
    /// The x coordinate.
    pub x: f64,
    /// The y coordinate.
    pub y: f64,
    /// The text beside the point.
    pub label: String,
}

/// A field, with the path and the marks that are drawn over it.
#[derive(Clone, Debug)]
pub struct Map {
    pub(super) field: Field,
    pub(super) title: String,
    pub(super) scale: Scale,
    paths: Vec<(Vec<Xy>, bool)>,
    marks: Vec<Mark>,
}

impl Map {
    /// A map of `field`; its scale is logarithmic where the values are positive and far apart.
    #[must_use]
    pub fn new(title: impl Into<String>, field: Field) -> Self {
        let scale = field.natural_scale();
        Self { field, title: title.into(), scale, paths: Vec::new(), marks: Vec::new() }
    }

    /// Sets the scale of the values.
    #[must_use]
    pub fn scale(self, scale: Scale) -> Self {
        Self { scale, ..self }
    }

    /// Draws a line through the points; with a dot at each when `dotted`.
    #[must_use]
    pub fn path(mut self, points: &[(f64, f64)], dotted: bool) -> Self {
        self.paths.push((points.to_vec(), dotted));
        self
    }

    /// Marks a point.
    #[must_use]
    pub fn mark(mut self, mark: Mark) -> Self {
        self.marks.push(mark);
        self
    }

    /// The height of the shown region divided by its width.
    pub(super) fn aspect(&self) -> f64 {
        let side = |c: &[f64]| c[c.len() - 1] - c[0];
        side(&self.field.ys) / side(&self.field.xs)
    }

    /// Draws the map into `window`, with its title above and its colour bar at the right.
    pub(super) fn draw(&self, canvas: &mut Canvas, font: &Font, window: Rect) {
        let shade = Shade::new(&self.field, self.scale);
        let axis = |c: &[f64], start: f64, end: f64| Axis {
            scale: Scale::Linear,
            range: Range { low: c[0], high: c[c.len() - 1] },
            start,
            end,
        };
        let x_axis = axis(&self.field.xs, window.left, window.right);
        let y_axis = axis(&self.field.ys, window.bottom, window.top);
        self.draw_colors(canvas, window, &shade);
        canvas.clipped(window, |canvas| self.draw_lines(canvas, (x_axis, y_axis), &shade));
        draw_frame(canvas, window, (x_axis, y_axis));
        self.draw_marks(canvas, font, window, (x_axis, y_axis));
        let title = font.fitted(&self.title, 12.5, window.right - window.left + BAR - 10.0);
        canvas.text((window.left, window.top - 8.0), &title, Style { bold: true, ..Style::new(12.5, INK) });
        draw_bar(canvas, window, &shade, self.field.missing());
    }

    /// Draws the colours row by row, in runs of one colour. Samples beside a value that is not finite are grey.
    fn draw_colors(&self, canvas: &mut Canvas, window: Rect, shade: &Shade) {
        let (width, height) = (window.right - window.left, window.bottom - window.top);
        let side = width.max(height) / SAMPLES;
        let (columns, rows) = ((width / side).round() as usize, (height / side).round() as usize);
        let (dx, dy) = (width / columns as f64, height / rows as f64);
        let (xs, ys) = (&self.field.xs, &self.field.ys);
        let at = |c: &[f64], part: f64| c[0] + part * (c[c.len() - 1] - c[0]);
        canvas.area(&corners(window), MISSING, 1.0);
        let mut runs: Vec<Vec<(Xy, f64)>> = vec![Vec::new(); Shade::BANDS];
        for row in 0..rows {
            let y = at(ys, 1.0 - (row as f64 + 0.5) / rows as f64);
            let band = |column: usize| {
                let x = at(xs, (column as f64 + 0.5) / columns as f64);
                shade.band(self.field.sample(x, y, |v| shade.form(v)))
            };
            let mut column = 0;
            while column < columns {
                let (first, here) = (column, band(column));
                while column < columns && band(column) == here {
                    column += 1;
                }
                if let Some(here) = here {
                    let corner = (window.left + first as f64 * dx, window.top + row as f64 * dy);
                    runs[here].push((corner, (column - first) as f64 * dx));
                }
            }
        }
        // A little over the next row: renderers round edges to pixels, and the paper would shine through.
        canvas.clipped(window, |canvas| {
            for (band, runs) in runs.iter().enumerate().filter(|(_, runs)| !runs.is_empty()) {
                let fill = shade.color((band as f64 + 0.5) / Shade::BANDS as f64, 1.0);
                canvas.runs(runs, dy + 0.5, fill);
            }
        });
    }

    fn draw_lines(&self, canvas: &mut Canvas, (x_axis, y_axis): (Axis, Axis), shade: &Shade) {
        let place = |(x, y): Xy| Some((x_axis.place(x)?, y_axis.place(y)?));
        for level in shade.levels(12) {
            let pieces = isoline(&self.field, shade.form(level), &|v| shade.form(v));
            let pieces: Vec<[Xy; 2]> =
                pieces.into_iter().filter_map(|[a, b]| Some([place(a)?, place(b)?])).collect();
            canvas.segments(&pieces, Stroke { opacity: 0.55, ..Stroke::solid(PAPER, 0.8) });
        }
        for (path, dotted) in &self.paths {
            let points: Vec<Xy> = path.iter().filter_map(|&p| place(p)).collect();
            canvas.polyline(&points, Stroke { opacity: 0.85, ..Stroke::solid(PAPER, 4.4) });
            canvas.polyline(&points, Stroke::solid(Role::Test.color(), 2.0));
            for &p in points.iter().filter(|_| *dotted) {
                canvas.circle(p, 2.4, Role::Test.color(), Stroke::solid(PAPER, 0.8));
            }
        }
    }

    fn draw_marks(&self, canvas: &mut Canvas, font: &Font, window: Rect, (x_axis, y_axis): (Axis, Axis)) {
        let lines: Vec<Vec<String>> = self.marks.iter().map(|m| vec![m.label.clone()]).collect();
        let mut labels = Labels::new(font, window);
        for (path, _) in &self.paths {
            let place = |&(x, y): &Xy| Some((x_axis.place(x)?, y_axis.place(y)?));
            labels.avoid_line(&path.iter().filter_map(place).collect::<Vec<_>>());
        }
        for (mark, lines) in self.marks.iter().zip(&lines) {
            let (Some(x), Some(y)) = (x_axis.place(mark.x), y_axis.place(mark.y)) else { continue };
            if x_axis.contains(mark.x) && y_axis.contains(mark.y) {
                canvas.circle((x, y), 4.0, INK, Stroke::solid(PAPER, 1.4));
                labels.avoid_dot((x, y), 5.0);
                labels.around((x, y), lines, INK);
            }
        }
        labels.draw(canvas);
    }
}

pub(super) fn corners(r: Rect) -> [Xy; 4] {
    [(r.left, r.top), (r.right, r.top), (r.right, r.bottom), (r.left, r.bottom)]
}

fn draw_frame(canvas: &mut Canvas, window: Rect, (x_axis, y_axis): (Axis, Axis)) {
    let [a, b, c, d] = corners(window);
    canvas.polyline(&[a, b, c, d, a], Stroke::solid(AXIS, 1.0));
    let wanted = |length: f64, room: f64| (length / room).clamp(2.0, 8.0) as usize;
    for tick in ticks(Scale::Linear, x_axis.range, wanted(window.right - window.left, 75.0)) {
        let Some(x) = x_axis.place(tick.value) else { continue };
        canvas.line((x, window.bottom), (x, window.bottom + 4.0), Stroke::solid(AXIS, 1.0));
        canvas.text((x, window.bottom + 17.0), &tick.label, Style::new(SIZE, SOFT).anchor(Anchor::Middle));
    }
    for tick in ticks(Scale::Linear, y_axis.range, wanted(window.bottom - window.top, 50.0)) {
        let Some(y) = y_axis.place(tick.value) else { continue };
        canvas.line((window.left - 4.0, y), (window.left, y), Stroke::solid(AXIS, 1.0));
        let style = Style::new(SIZE, SOFT).anchor(Anchor::End);
        canvas.text((window.left - 8.0, y + SIZE * 0.35), &tick.label, style);
    }
}
