//! The canvas: collects the few kinds of shapes that are later written as SVG or as pixels.

use crate::color::Color;

/// A point or a size in px.
pub(crate) type Xy = (f64, f64);

/// A rectangle in px, y downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rect {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

/// The stroke of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stroke {
    pub(crate) color: Color,
    pub(crate) width: f64,
    pub(crate) opacity: f64,
    /// The lengths of dash and gap.
    pub(crate) dash: Option<[f64; 2]>,
}

impl Stroke {
    pub(crate) fn solid(color: Color, width: f64) -> Self {
        Self { color, width, opacity: 1.0, dash: None }
    }
}

/// The position of a text relative to its place: it starts there, is centred on it, or ends there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// The width of the white edge around text, half of it outside.
pub(crate) const HALO: f64 = 3.0;

/// The style of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) size: f64,
    pub(crate) color: Color,
    pub(crate) anchor: Anchor,
    pub(crate) bold: bool,
    /// A white edge that keeps the text readable over lines.
    pub(crate) halo: bool,
}

impl Style {
    pub(crate) fn new(size: f64, color: Color) -> Self {
        Self { size, color, anchor: Anchor::Start, bold: false, halo: false }
    }

    pub(crate) fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }
}

/// The shapes of a picture. All numbers are in px, rounded to hundredths.
pub(crate) enum Shape {
    /// Separate lines in one stroke.
    Lines(Vec<Vec<Xy>>, Stroke),
    /// A filled polygon and its opacity.
    Area(Vec<Xy>, Color, f64),
    /// Rectangles of one height, each from its upper left corner and its width; edges are not smoothed, so that
    /// neighbours leave no seam.
    Runs(Vec<(Xy, f64)>, f64, Color),
    /// A disc: centre, radius, fill (as opaque as the stroke).
    Circle(Xy, f64, Color, Stroke),
    /// Discs of one radius, colour and opacity.
    Dots(Vec<Xy>, f64, Color, f64),
    /// Text with its baseline at a place.
    Text(Xy, String, Style),
    /// Shapes cut off at a window.
    Clipped(Rect, Vec<Shape>),
}

/// A finished picture.
pub(crate) struct Picture {
    pub(crate) size: Xy,
    /// The title for screen readers and windows.
    pub(crate) title: String,
    /// What is to be seen, and the height at which the caption that says so begins.
    pub(crate) caption: String,
    pub(crate) body: f64,
    pub(crate) shapes: Vec<Shape>,
}

/// The picture under construction.
pub(crate) struct Canvas {
    shapes: Vec<Shape>,
}

impl Canvas {
    pub(crate) fn new() -> Self {
        Self { shapes: Vec::new() }
    }

    pub(crate) fn line(&mut self, from: Xy, to: Xy, stroke: Stroke) {
        self.polyline(&[from, to], stroke);
    }

    pub(crate) fn polyline(&mut self, points: &[Xy], stroke: Stroke) {
        self.shapes.push(Shape::Lines(vec![rounded(points)], stroke));
    }

    /// Separate pieces of line in one stroke.
    pub(crate) fn segments(&mut self, pieces: &[[Xy; 2]], stroke: Stroke) {
        self.shapes.push(Shape::Lines(pieces.iter().map(|piece| rounded(piece)).collect(), stroke));
    }

    pub(crate) fn area(&mut self, outline: &[Xy], color: Color, opacity: f64) {
        self.shapes.push(Shape::Area(rounded(outline), color, opacity));
    }

    /// Rectangles of one colour, each from its upper left corner and its width.
    pub(crate) fn runs(&mut self, runs: &[(Xy, f64)], height: f64, color: Color) {
        let runs = runs.iter().map(|&(corner, width)| (place(corner), px(width))).collect();
        self.shapes.push(Shape::Runs(runs, px(height), color));
    }

    pub(crate) fn circle(&mut self, center: Xy, radius: f64, fill: Color, stroke: Stroke) {
        self.shapes.push(Shape::Circle(place(center), px(radius), fill, stroke));
    }

    /// Discs of one colour without an edge.
    pub(crate) fn dots(&mut self, centers: &[Xy], radius: f64, color: Color, opacity: f64) {
        self.shapes.push(Shape::Dots(rounded(centers), px(radius), color, opacity));
    }

    /// Sets `text` with its baseline at `at`.
    pub(crate) fn text(&mut self, at: Xy, text: &str, style: Style) {
        self.shapes.push(Shape::Text(place(at), text.to_owned(), style));
    }

    /// Runs `draw` and clips its shapes at `window`.
    pub(crate) fn clipped(&mut self, window: Rect, draw: impl FnOnce(&mut Self)) {
        let mut inside = Self::new();
        draw(&mut inside);
        let ((left, top), (right, bottom)) =
            (place((window.left, window.top)), place((window.right, window.bottom)));
        self.shapes.push(Shape::Clipped(Rect { left, top, right, bottom }, inside.shapes));
    }

    pub(crate) fn finish(self, size: Xy, title: &str) -> Picture {
        Picture {
            size: place(size),
            title: title.to_owned(),
            caption: String::new(),
            body: px(size.1),
            shapes: self.shapes,
        }
    }
}

/// Rounds to hundredths of a px, without negative zero, and limits values, as renderers compute in f32.
pub(crate) fn px(value: f64) -> f64 {
    (value.clamp(-1e5, 1e5) * 100.0).round() / 100.0 + 0.0
}

fn place((x, y): Xy) -> Xy {
    (px(x), px(y))
}

fn rounded(points: &[Xy]) -> Vec<Xy> {
    points.iter().copied().map(place).collect()
}
