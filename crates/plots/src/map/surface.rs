//! Surfaces: the graph of a function of two variables, seen obliquely from above, with paths and marks on it.

use super::bar::{Shade, draw_bar};
use super::field::Field;
use super::panel::Map;
use super::view::View;
use crate::axis::{Range, Scale};
use crate::canvas::{Anchor, Canvas, Picture, Rect, Stroke, Style, Xy};
use crate::color::{AXIS, Color, INK, PAPER, Role, SOFT};
use crate::curves::DASH;
use crate::error::Result;
use crate::labels::Labels;
use crate::page::Page;
use crate::paper::{FALLBACK, HEIGHT, MARGIN, SMALL, WIDTH};
use crate::text::Font;
use crate::ticks::ticks;
use crate::words::{Words, figure_methods};

/// The largest number of squares along a side that are drawn.
const MOST: usize = 72;
/// The height of paths and marks above the surface, as a share of the box.
const LIFT: f64 = 0.015;

/// A surface over a region of the plane, with holes where a corner is not finite.
#[derive(Clone, Debug)]
pub struct SurfaceFigure {
    words: Words,
    labels: (String, String),
    map: Map,
}

figure_methods!(SurfaceFigure, print);

impl SurfaceFigure {
    /// The surface of a map, with its paths and marks.
    #[must_use]
    pub fn new(
        title: impl Into<String>,
        subtitle: impl Into<String>,
        labels: (&str, &str),
        map: Map,
    ) -> Self {
        let labels = (labels.0.to_owned(), labels.1.to_owned());
        Self { words: Words::titled(title), labels, map }.subtitle(subtitle)
    }

    fn draw(&self) -> Result<Picture> {
        let mut page = Page::new(&self.words, WIDTH);
        let (top, body) = (page.top, HEIGHT - page.foot());
        let shade = Shade::of(std::iter::once(&self.map));
        let room = Rect { left: MARGIN, top, right: WIDTH - 130.0, bottom: body - 34.0 };
        let view = View::new(room);
        draw_floor(&mut page.canvas, &view, &self.map.field);
        draw_surface(&mut page.canvas, &page.font, &view, &self.map, (&shade, &shade));
        let bar = Rect { right: WIDTH - 96.0, top: top + 16.0, bottom: body - 40.0, ..room };
        draw_bar(&mut page.canvas, bar, &shade, ("not finite", self.map.field.missing()));
        let text = format!("right edge: {};  left edge: {}", self.labels.0, self.labels.1);
        let text = page.font.fitted(&text, SMALL, (WIDTH - 2.0 * MARGIN) / FALLBACK);
        page.canvas.text((MARGIN, body - 8.0), &text, Style::new(SMALL, SOFT));
        Ok(page.finish(body))
    }
}

/// Something drawn on the surface, with its nearness to the viewer.
enum Piece {
    /// A square of the surface with its colour.
    Square([Xy; 4], Color),
    /// A piece of a path or of a frame.
    Line([Xy; 2], Stroke),
}

/// Draws a surface whose `heights` and `colors` are given by two scales, and its paths and marks. What a mountain hides of a
/// path is dashed.
pub(super) fn draw_surface(
    canvas: &mut Canvas,
    font: &Font,
    view: &View,
    map: &Map,
    (heights, colors): (&Shade, &Shade),
) {
    let field = map.field.thinned(MOST);
    let mut pieces = squares(&field, view, (heights, colors));
    let on = |path: &[Xy]| on_surface(&map.field, view, heights, path);
    let lines: Vec<Vec<Place>> = map.paths.iter().flat_map(|(path, _)| on(path)).collect();
    let frames: Vec<Vec<Place>> = map.frames.iter().flat_map(|&frame| on(&outline(frame))).collect();
    for (lines, stroke) in
        [(&frames, Stroke::solid(INK, 1.6)), (&lines, Stroke::solid(Role::Test.color(), 3.0))]
    {
        // A line lies before the squares that it crosses.
        let near = |pair: &[Place]| 2.0 * (pair[0].1 + pair[1].1) + 6.0 / MOST as f64;
        let segments = lines.iter().flat_map(|line| line.windows(2));
        pieces.extend(segments.map(|pair| (near(pair), Piece::Line([pair[0].0, pair[1].0], stroke))));
    }
    pieces.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (_, piece) in &pieces {
        match piece {
            Piece::Square(quad, fill) => {
                let [a, b, c, d] = *quad;
                canvas.area(quad, *fill, 1.0);
                canvas.polyline(&[a, b, c, d, a], Stroke { opacity: 0.9, ..Stroke::solid(*fill, 0.5) });
            }
            Piece::Line(line, stroke) => canvas.polyline(line, *stroke),
        }
    }
    for line in &lines {
        let places: Vec<Xy> = line.iter().map(|place| place.0).collect();
        let hidden = Stroke { dash: Some(DASH), opacity: 0.75, ..Stroke::solid(Role::Test.color(), 1.3) };
        canvas.polyline(&places, hidden);
    }
    draw_marks(canvas, font, view, map, heights);
}

/// Points along the frame of a region, close enough to follow the surface.
fn outline(((left, low), (right, high)): (Xy, Xy)) -> Vec<Xy> {
    let corners = [(left, low), (right, low), (right, high), (left, high), (left, low)];
    let side = |pair: &[Xy]| {
        let (a, b) = (pair[0], pair[1]);
        let mix = move |t: f64| (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
        (0..=24).map(move |i| mix(f64::from(i) / 24.0)).collect::<Vec<_>>()
    };
    corners.windows(2).flat_map(side).collect()
}

/// A place on paper, and its nearness to the viewer.
type Place = (Xy, f64);

/// The stretches of a path over the region, lifted a little above the surface.
fn on_surface(field: &Field, view: &View, heights: &Shade, path: &[Xy]) -> Vec<Vec<Place>> {
    let places: Vec<Option<Place>> = path.iter().map(|&point| lifted(field, view, heights, point)).collect();
    let stretches = places.split(Option::is_none).filter(|stretch| stretch.len() > 1);
    stretches.map(|stretch| stretch.iter().copied().flatten().collect()).collect()
}

/// The place just above the surface at a point of the region; `None` outside of it and over a hole.
fn lifted(field: &Field, view: &View, heights: &Shade, (x, y): Xy) -> Option<Place> {
    let share = |c: &[f64], value: f64| (value - c[0]) / (c[c.len() - 1] - c[0]);
    let (u, v) = (share(&field.xs, x), share(&field.ys, y));
    let z = heights.part(field.sample(x, y, |value| heights.form(value)));
    let inside = (0.0..=1.0).contains(&u) && (0.0..=1.0).contains(&v) && z.is_finite();
    inside.then(|| view.project((u, v, z + LIFT)))
}

fn draw_marks(canvas: &mut Canvas, font: &Font, view: &View, map: &Map, heights: &Shade) {
    let mut labels = Labels::new(font, view.room());
    for mark in &map.marks {
        if let Some((at, _)) = lifted(&map.field, view, heights, (mark.x, mark.y)) {
            canvas.circle(at, 4.6, INK, Stroke::solid(PAPER, 1.4));
            labels.avoid_dot(at, 6.0);
            labels.around(at, std::slice::from_ref(&mark.label), INK);
        }
    }
    labels.draw(canvas);
}

/// The squares of a surface, each with its nearness.
fn squares(field: &Field, view: &View, (heights, colors): (&Shade, &Shade)) -> Vec<(f64, Piece)> {
    let part = |c: &[f64], i: usize| (c[i] - c[0]) / (c[c.len() - 1] - c[0]);
    let mut squares = Vec::new();
    for j in 0..field.ys.len() - 1 {
        for i in 0..field.xs.len() - 1 {
            let corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)];
            let space = corners.map(|(i, j)| {
                (part(&field.xs, i), part(&field.ys, j), heights.part(heights.form(field.at(i, j))))
            });
            if space.iter().any(|p| !p.2.is_finite()) {
                continue;
            }
            let near = space.iter().map(|&p| view.project(p).1).sum::<f64>();
            let color = corners.iter().map(|&(i, j)| colors.part(colors.form(field.at(i, j)))).sum::<f64>();
            let fill = colors.color(color / 4.0, View::brightness(space));
            squares.push((near, Piece::Square(space.map(|p| view.project(p).0), fill)));
        }
    }
    squares
}

fn draw_floor(canvas: &mut Canvas, view: &View, field: &Field) {
    let at = |x: f64, y: f64| view.project((x, y, 0.0)).0;
    let floor = [at(0.0, 0.0), at(1.0, 0.0), at(1.0, 1.0), at(0.0, 1.0), at(0.0, 0.0)];
    canvas.polyline(&floor, Stroke::solid(AXIS, 1.0));
    let style = Style::new(12.0, SOFT).anchor(Anchor::Middle);
    for (c, along_x) in [(&field.xs, true), (&field.ys, false)] {
        let range = Range { low: c[0], high: c[c.len() - 1] };
        for tick in ticks(Scale::Linear, range, 5) {
            let part = (tick.value - range.low) / (range.high - range.low);
            let (a, b) =
                if along_x { (at(part, 0.0), at(part, -0.035)) } else { (at(0.0, part), at(-0.035, part)) };
            canvas.line(a, b, Stroke::solid(AXIS, 1.0));
            canvas.text((b.0 + 3.0 * (b.0 - a.0) / 4.0, b.1 + 12.0), &tick.label, style);
        }
    }
}
