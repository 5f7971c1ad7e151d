//! One map: colours, contour lines, a path and marked points.

use super::bar::Shade;
use super::field::Field;
use super::isolines::isoline;
use crate::axis::{Axis, Range, Scale};
use crate::canvas::{Anchor, Canvas, Rect, Stroke, Style, Xy};
use crate::color::{AXIS, INK, PAPER, Role, SOFT};
use crate::colormap::MISSING;
use crate::labels::Labels;
use crate::paper::SMALL as SIZE;
use crate::text::Font;
use crate::ticks::{Tick, given, ticks};

/// The number of colour samples along the longer side of a map.
const SAMPLES: f64 = 320.0;
/// The spaces in px around a map: between two, above for its title, below for tick labels.
pub(super) const GUTTER: f64 = 20.0;
pub(super) const HEAD: f64 = 24.0;
pub(super) const FOOT: f64 = 24.0;
/// The space for the colour bar and its labels, in px.
pub(super) const BAR: f64 = 90.0;

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

/// A field, with the paths, the marks, the frames and the level set that are drawn over it.
#[derive(Clone, Debug)]
pub struct Map {
    pub(super) field: Field,
    pub(super) title: String,
    pub(super) scale: Option<Scale>,
    pub(super) paths: Vec<(Vec<Xy>, bool)>,
    pub(super) marks: Vec<Mark>,
    pub(super) frames: Vec<(Xy, Xy)>,
    level: Option<f64>,
}

impl Map {
    /// A map of `field`; its scale is logarithmic where the values are positive and far apart.
    #[must_use]
    pub fn new(title: impl Into<String>, field: Field) -> Self {
        let (paths, marks, frames) = (Vec::new(), Vec::new(), Vec::new());
        Self { field, title: title.into(), scale: None, paths, marks, frames, level: None }
    }

    /// Sets the title.
    #[must_use]
    pub fn titled(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// Sets the scale of the values.
    #[must_use]
    pub fn scale(self, scale: Scale) -> Self {
        Self { scale: Some(scale), ..self }
    }

    /// Shades what lies above `level`, so that the level set {F ≤ level} stands out.
    #[must_use]
    pub fn level_set(self, level: f64) -> Self {
        Self { level: Some(level), ..self }
    }

    /// Draws the frame of a region, from its lower left to its upper right corner.
    #[must_use]
    pub fn frame(mut self, low: (f64, f64), high: (f64, f64)) -> Self {
        self.frames.push((low, high));
        self
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

    /// Draws the map into `window`, with its title above; in a small one the x axis alone is labelled, at its ends and in the
    /// middle.
    pub(super) fn draw(&self, canvas: &mut Canvas, font: &Font, window: Rect, shade: &Shade, small: bool) {
        let axis = |c: &[f64], start: f64, end: f64| Axis {
            scale: Scale::Linear,
            range: Range { low: c[0], high: c[c.len() - 1] },
            start,
            end,
        };
        let x_axis = axis(&self.field.xs, window.left, window.right);
        let y_axis = axis(&self.field.ys, window.bottom, window.top);
        self.draw_colors(canvas, window, shade);
        canvas.clipped(window, |canvas| self.draw_lines(canvas, (x_axis, y_axis), shade));
        draw_frame(canvas, window, (x_axis, y_axis), small);
        self.draw_marks(canvas, font, window, (x_axis, y_axis));
        // Bold is about 6 % wider than the regular font that measures it.
        let title = font.fitted(&self.title, SIZE, (window.right - window.left + GUTTER / 2.0) / 1.06);
        canvas.text((window.left, window.top - 8.0), &title, Style { bold: true, ..Style::new(SIZE, INK) });
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
        let level = self.level.map_or(f64::INFINITY, |level| shade.form(level));
        // The colours inside of the level set, then the paler ones outside.
        let mut runs: Vec<Vec<(Xy, f64)>> = vec![Vec::new(); 2 * Shade::BANDS];
        for row in 0..rows {
            let y = at(ys, 1.0 - (row as f64 + 0.5) / rows as f64);
            let band = |column: usize| {
                let x = at(xs, (column as f64 + 0.5) / columns as f64);
                let form = self.field.sample(x, y, |v| shade.form(v));
                shade.band(form).map(|band| if form <= level { band } else { band + Shade::BANDS })
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
                let fill = shade.color(((band % Shade::BANDS) as f64 + 0.5) / Shade::BANDS as f64, 1.0);
                let fill = if band < Shade::BANDS { fill } else { fill.paler(0.72) };
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
        if let Some(level) = self.level {
            let pieces = isoline(&self.field, shade.form(level), &|v| shade.form(v));
            let pieces: Vec<[Xy; 2]> =
                pieces.into_iter().filter_map(|[a, b]| Some([place(a)?, place(b)?])).collect();
            canvas.segments(&pieces, Stroke::solid(INK, 1.8));
        }
        for &((left, low), (right, high)) in &self.frames {
            let corners = [(left, low), (right, low), (right, high), (left, high), (left, low)];
            let corners: Vec<Xy> = corners.into_iter().filter_map(place).collect();
            canvas.polyline(&corners, Stroke::solid(PAPER, 3.4));
            canvas.polyline(&corners, Stroke::solid(INK, 1.4));
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

fn draw_frame(canvas: &mut Canvas, window: Rect, (x_axis, y_axis): (Axis, Axis), small: bool) {
    let [a, b, c, d] = corners(window);
    canvas.polyline(&[a, b, c, d, a], Stroke::solid(AXIS, 1.0));
    let wanted = |length: f64, room: f64| (length / room).clamp(2.0, 8.0) as usize;
    let Range { low, high } = x_axis.range;
    let across: Vec<Tick> = if small {
        given(&[low, f64::midpoint(low, high), high], x_axis.range)
    } else {
        ticks(Scale::Linear, x_axis.range, wanted(window.right - window.left, 75.0))
    };
    for tick in across {
        let Some(x) = x_axis.place(tick.value) else { continue };
        canvas.line((x, window.bottom), (x, window.bottom + 4.0), Stroke::solid(AXIS, 1.0));
        // Labels at the ends of a small map stay under it.
        let anchor = match () {
            () if small && tick.value == low => Anchor::Start,
            () if small && tick.value == high => Anchor::End,
            () => Anchor::Middle,
        };
        canvas.text((x, window.bottom + 17.0), &tick.label, Style::new(SIZE, SOFT).anchor(anchor));
    }
    let upwards = ticks(Scale::Linear, y_axis.range, wanted(window.bottom - window.top, 50.0));
    for tick in upwards.into_iter().filter(|_| !small) {
        let Some(y) = y_axis.place(tick.value) else { continue };
        canvas.line((window.left - 4.0, y), (window.left, y), Stroke::solid(AXIS, 1.0));
        let style = Style::new(SIZE, SOFT).anchor(Anchor::End);
        canvas.text((window.left - 8.0, y + SIZE * 0.35), &tick.label, style);
    }
}
