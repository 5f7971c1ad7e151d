//! The SVG being written: a handful of shapes, with escaped text and rounded coordinates.

use std::fmt::Write as _;

use crate::color::PAPER;
use crate::text::FAMILY;

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
pub(crate) struct Stroke<'a> {
    pub(crate) color: &'a str,
    pub(crate) width: f64,
    pub(crate) opacity: f64,
    pub(crate) dash: &'a str,
}

impl<'a> Stroke<'a> {
    pub(crate) fn solid(color: &'a str, width: f64) -> Self {
        Self { color, width, opacity: 1.0, dash: "none" }
    }
}

/// How a piece of text is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style<'a> {
    pub(crate) size: f64,
    pub(crate) color: &'a str,
    pub(crate) anchor: &'a str,
    pub(crate) bold: bool,
    /// A white edge that keeps the text readable over lines.
    pub(crate) halo: bool,
}

impl<'a> Style<'a> {
    pub(crate) fn new(size: f64, color: &'a str) -> Self {
        Self { size, color, anchor: "start", bold: false, halo: false }
    }

    pub(crate) fn anchor(self, anchor: &'a str) -> Self {
        Self { anchor, ..self }
    }
}

/// The SVG under construction.
pub(crate) struct Canvas {
    body: String,
    clips: usize,
}

impl Canvas {
    pub(crate) fn new() -> Self {
        Self { body: String::new(), clips: 0 }
    }

    /// Appends one line of SVG. Writing to a `String` cannot fail.
    fn push(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = self.body.write_fmt(line);
        self.body.push('\n');
    }

    pub(crate) fn line(&mut self, from: Xy, to: Xy, stroke: Stroke<'_>) {
        self.polyline(&[from, to], stroke);
    }

    pub(crate) fn polyline(&mut self, points: &[Xy], stroke: Stroke<'_>) {
        let Stroke { color, width, opacity, dash } = stroke;
        let cap = if dash == "none" { "round" } else { "butt" };
        self.push(format_args!(
            r#"<path d="{}" fill="none" stroke="{color}" stroke-width="{}" stroke-opacity="{}" stroke-dasharray="{dash}" stroke-linecap="{cap}" stroke-linejoin="round"/>"#,
            path_data(points), px(width), px(opacity),
        ));
    }

    pub(crate) fn area(&mut self, outline: &[Xy], color: &str, opacity: f64) {
        self.push(format_args!(
            r#"<path d="{}Z" fill="{color}" fill-opacity="{}"/>"#,
            path_data(outline),
            px(opacity),
        ));
    }

    /// Rectangles of one colour, each from its upper left corner and its width; edges are not smoothed, so that
    /// neighbours leave no seam.
    pub(crate) fn runs(&mut self, runs: &[(Xy, f64)], height: f64, color: &str) {
        let mut data = String::new();
        for &((x, y), width) in runs {
            let _ = write!(data, "M{} {}h{}v{}h-{}z", px(x), px(y), px(width), px(height), px(width));
        }
        self.push(format_args!(r#"<path d="{data}" fill="{color}" shape-rendering="crispEdges"/>"#));
    }

    /// Separate pieces of line in one stroke.
    pub(crate) fn segments(&mut self, pieces: &[[Xy; 2]], stroke: Stroke<'_>) {
        let data: String = pieces.iter().map(|piece| path_data(piece)).collect();
        self.push(format_args!(
            r#"<path d="{data}" fill="none" stroke="{}" stroke-width="{}" stroke-opacity="{}" stroke-linecap="round"/>"#,
            stroke.color, px(stroke.width), px(stroke.opacity),
        ));
    }

    pub(crate) fn circle(&mut self, center: Xy, radius: f64, fill: &str, stroke: Stroke<'_>) {
        self.push(format_args!(
            r#"<circle cx="{}" cy="{}" r="{}" fill="{fill}" fill-opacity="{}" stroke="{}" stroke-width="{}" stroke-opacity="{}"/>"#,
            px(center.0), px(center.1), px(radius), px(stroke.opacity), stroke.color, px(stroke.width), px(stroke.opacity),
        ));
    }

    /// Sets `text` with its baseline at `at`.
    pub(crate) fn text(&mut self, at: Xy, text: &str, style: Style<'_>) {
        let Style { size, color, anchor, bold, halo } = style;
        let weight = if bold { "600" } else { "400" };
        let edge = if halo {
            format!(r#" stroke="{PAPER}" stroke-width="3" stroke-linejoin="round" paint-order="stroke""#)
        } else {
            String::new()
        };
        self.push(format_args!(
            r#"<text x="{}" y="{}" font-size="{}" font-weight="{weight}" text-anchor="{anchor}" fill="{color}"{edge}>{}</text>"#,
            px(at.0), px(at.1), px(size), escape(text),
        ));
    }

    /// Draws what `draw` draws, cut off at `window`.
    pub(crate) fn clipped(&mut self, window: Rect, draw: impl FnOnce(&mut Self)) {
        self.clips += 1;
        let id = self.clips;
        let Rect { left, top, right, bottom } = window;
        self.push(format_args!(
            r##"<clipPath id="clip{id}"><rect x="{}" y="{}" width="{}" height="{}"/></clipPath><g clip-path="url(#clip{id})">"##,
            px(left), px(top), px(right - left), px(bottom - top),
        ));
        draw(self);
        self.push(format_args!("</g>"));
    }

    /// The whole document; `title` is for screen readers and window titles.
    pub(crate) fn finish(self, (width, height): Xy, title: &str) -> String {
        let (width, height, body) = (px(width), px(height), self.body);
        let title = escape(title);
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" font-family="{FAMILY}">
<title>{title}</title>
<rect width="{width}" height="{height}" fill="{PAPER}"/>
{body}</svg>
"#
        )
    }
}

/// Hundredths of a px, without a negative zero; renderers count in f32, so far away is far enough.
fn px(value: f64) -> f64 {
    (value.clamp(-1e5, 1e5) * 100.0).round() / 100.0 + 0.0
}

fn path_data(points: &[Xy]) -> String {
    let mut data = String::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        let _ = write!(data, "{command}{} {}", px(x), px(y));
    }
    data
}

/// XML text: markup escaped, and what XML forbids even escaped (control characters) made visible.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' | '\r' => escaped.push(' '),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => escaped.push('\u{FFFD}'),
            c => escaped.push(c),
        }
    }
    escaped
}
