//! Surfaces: the graph of a function of two variables, seen obliquely from above.

use super::bar::{Shade, draw_bar};
use super::field::Field;
use super::panel::Map;
use crate::canvas::{Anchor, Canvas, Picture, Rect, Stroke, Style, Xy};
use crate::color::{AXIS, SOFT};
use crate::error::Result;
use crate::heading::heading;
use crate::text::Font;
use crate::ticks::ticks;
use crate::{png, svg};

/// The largest number of squares along a side that are drawn.
const MOST: usize = 72;
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 650.0;
/// The angles of the view in radians: its rotation, and how steeply it looks down.
const TURN: f64 = 0.62;
const STEEP: f64 = 0.56;
/// The height of the box divided by its side.
const TALL: f64 = 0.62;

/// A surface over a region of the plane, with holes where a corner is not finite.
#[derive(Clone, Debug)]
pub struct SurfaceFigure {
    title: String,
    subtitle: String,
    labels: (String, String),
    map: Map,
}

impl SurfaceFigure {
    /// The surface of a map.
    #[must_use]
    pub fn new(
        title: impl Into<String>,
        subtitle: impl Into<String>,
        labels: (&str, &str),
        map: Map,
    ) -> Self {
        let labels = (labels.0.to_owned(), labels.1.to_owned());
        Self { title: title.into(), subtitle: subtitle.into(), labels, map }
    }

    /// The picture as an SVG document.
    ///
    /// # Errors
    /// None so far; it returns a result like the other figures.
    pub fn to_svg(&self) -> Result<String> {
        Ok(svg::write(&self.draw()?))
    }

    /// The same picture as [`to_svg`](Self::to_svg) as a PNG.
    ///
    /// # Errors
    /// When there is no memory for the pixels.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        png::render(&self.draw()?)
    }

    fn draw(&self) -> Result<Picture> {
        let font = Font::regular();
        let mut canvas = Canvas::new();
        heading(&mut canvas, &font, (&self.title, &self.subtitle), WIDTH);
        let field = self.map.field.thinned(MOST);
        let shade = Shade::new(&self.map.field, self.map.scale);
        draw_floor(&mut canvas, &field, (&self.labels.0, &self.labels.1));
        for (_, quad, height, light) in quads(&field, &shade) {
            let fill = shade.color(height, light);
            canvas.area(&quad, fill, 1.0);
            let [a, b, c, d] = quad;
            canvas.polyline(&[a, b, c, d, a], Stroke { opacity: 0.9, ..Stroke::solid(fill, 0.5) });
        }
        let window = Rect { left: 0.0, top: 110.0, right: WIDTH - 96.0, bottom: HEIGHT - 150.0 };
        draw_bar(&mut canvas, window, &shade, self.map.field.missing());
        Ok(canvas.finish((WIDTH, HEIGHT), &self.title))
    }
}

/// The place on paper of the point (x, y, z) of the unit box, and its nearness to the viewer.
fn project((x, y, z): (f64, f64, f64)) -> (Xy, f64) {
    let (x, y) = (x - 0.5, y - 0.5);
    let (across, away) = (x * TURN.cos() - y * TURN.sin(), x * TURN.sin() + y * TURN.cos());
    let side = 390.0;
    let place = (
        (WIDTH - 80.0) / 2.0 + side * across,
        0.58 * HEIGHT - side * (away * STEEP.sin() + (z - 0.25) * TALL * STEEP.cos()),
    );
    (place, -away)
}

/// The squares from back to front: depth, corners on paper, mean height, brightness.
fn quads(field: &Field, shade: &Shade) -> Vec<(f64, [Xy; 4], f64, f64)> {
    let part = |c: &[f64], i: usize| (c[i] - c[0]) / (c[c.len() - 1] - c[0]);
    let mut quads = Vec::new();
    for j in 0..field.ys.len() - 1 {
        for i in 0..field.xs.len() - 1 {
            let corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)];
            let space = corners.map(|(i, j)| {
                (part(&field.xs, i), part(&field.ys, j), shade.part(shade.form(field.at(i, j))))
            });
            if space.iter().any(|p| !p.2.is_finite()) {
                continue;
            }
            let depth = space.iter().map(|&p| project(p).1).sum::<f64>();
            let height = space.iter().map(|p| p.2).sum::<f64>() / 4.0;
            quads.push((depth, space.map(|p| project(p).0), height, brightness(space)));
        }
    }
    quads.sort_by(|a, b| a.0.total_cmp(&b.0));
    quads
}

/// The brightness of a square lit from the upper left: 1 if it faces the light, less otherwise.
fn brightness(p: [(f64, f64, f64); 4]) -> f64 {
    let (dx, dy) = (p[1].0 - p[0].0, p[3].1 - p[0].1);
    let slope_x = TALL * (p[1].2 + p[2].2 - p[0].2 - p[3].2) / (2.0 * dx);
    let slope_y = TALL * (p[2].2 + p[3].2 - p[0].2 - p[1].2) / (2.0 * dy);
    let norm = (1.0 + slope_x * slope_x + slope_y * slope_y).sqrt();
    let facing = (0.75 + 0.55 * slope_x + 0.35 * slope_y) / norm;
    (0.78 + 0.24 * facing).clamp(0.62, 1.0)
}

fn draw_floor(canvas: &mut Canvas, field: &Field, labels: (&str, &str)) {
    let at = |x: f64, y: f64| project((x, y, 0.0)).0;
    let floor = [at(0.0, 0.0), at(1.0, 0.0), at(1.0, 1.0), at(0.0, 1.0), at(0.0, 0.0)];
    canvas.polyline(&floor, Stroke::solid(AXIS, 1.0));
    let range = |c: &[f64]| crate::axis::Range { low: c[0], high: c[c.len() - 1] };
    let style = Style::new(11.0, SOFT).anchor(Anchor::Middle);
    for (c, along_x) in [(&field.xs, true), (&field.ys, false)] {
        let range = range(c);
        for tick in ticks(crate::axis::Scale::Linear, range, 5) {
            let part = (tick.value - range.low) / (range.high - range.low);
            let (a, b) =
                if along_x { (at(part, 0.0), at(part, -0.035)) } else { (at(0.0, part), at(-0.035, part)) };
            canvas.line(a, b, Stroke::solid(AXIS, 1.0));
            canvas.text((b.0 + 3.0 * (b.0 - a.0) / 4.0, b.1 + 12.0), &tick.label, style);
        }
    }
    let text = format!("lower right edge: {};  lower left edge: {}", labels.0, labels.1);
    canvas.text((20.0, HEIGHT - 14.0), &text, Style::new(12.0, SOFT));
}
