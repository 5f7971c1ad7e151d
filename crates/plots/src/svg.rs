//! Writes a picture as SVG, in which text stays text.

use std::fmt::Write as _;

use crate::canvas::{Anchor, HALO, Picture, Rect, Shape, Stroke, Style, Xy, px};
use crate::color::{Color, PAPER};
use crate::text::FAMILY;

/// The SVG document of a picture.
pub(crate) fn write(picture: &Picture) -> String {
    let (width, height) = picture.size;
    sized(picture, &width.to_string(), &height.to_string())
}

/// The SVG document of a picture that is `width` inches wide on paper.
pub(crate) fn in_inches(picture: &Picture, width: f64) -> String {
    let height = px(width * picture.size.1 / picture.size.0);
    sized(picture, &format!("{width}in"), &format!("{height}in"))
}

fn sized(picture: &Picture, across: &str, down: &str) -> String {
    let Picture { size: (width, height), title, caption, body, shapes } = picture;
    let mut writer = Writer { text: String::new(), clips: 0 };
    shapes.iter().for_each(|shape| writer.shape(shape));
    let (title, text) = (escape(title), writer.text);
    let caption =
        if caption.is_empty() { String::new() } else { format!("<desc>{}</desc>\n", escape(caption)) };
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{across}" height="{down}" viewBox="0 0 {width} {height}" role="img" data-body="{body}" font-family="{FAMILY}">
<title>{title}</title>
{caption}<rect width="{width}" height="{height}" fill="{PAPER}"/>
{text}</svg>
"#
    )
}

struct Writer {
    text: String,
    clips: usize,
}

impl Writer {
    /// Appends one line of SVG. Writing to a `String` cannot fail.
    fn push(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Lines(lines, stroke) => self.lines(lines, *stroke),
            Shape::Area(outline, color, opacity) => self.push(format_args!(
                r#"<path d="{}Z" fill="{color}" fill-opacity="{}"/>"#,
                path_data(outline),
                px(*opacity),
            )),
            Shape::Runs(runs, height, color) => self.runs(runs, *height, *color),
            Shape::Circle((x, y), radius, fill, Stroke { color, width, opacity, .. }) => {
                let (width, opacity) = (px(*width), px(*opacity));
                self.push(format_args!(
                    r#"<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" fill-opacity="{opacity}" stroke="{color}" stroke-width="{width}" stroke-opacity="{opacity}"/>"#,
                ));
            }
            Shape::Dots(centers, radius, color, opacity) => {
                self.push(format_args!(r#"<g fill="{color}" fill-opacity="{}">"#, px(*opacity)));
                for (x, y) in centers {
                    self.push(format_args!(r#"<circle cx="{x}" cy="{y}" r="{radius}"/>"#));
                }
                self.push(format_args!("</g>"));
            }
            Shape::Text(at, text, style) => self.text(*at, text, *style),
            Shape::Clipped(window, shapes) => self.clipped(*window, shapes),
        }
    }

    fn lines(&mut self, lines: &[Vec<Xy>], stroke: Stroke) {
        let data: String = lines.iter().map(|line| path_data(line)).collect();
        let Stroke { color, width, opacity, dash } = stroke;
        let (width, opacity) = (px(width), px(opacity));
        let ends = match dash {
            Some([dash, gap]) => format!(r#"stroke-dasharray="{dash} {gap}" stroke-linecap="butt""#),
            None => r#"stroke-linecap="round""#.to_owned(),
        };
        self.push(format_args!(
            r#"<path d="{data}" fill="none" stroke="{color}" stroke-width="{width}" stroke-opacity="{opacity}" {ends} stroke-linejoin="round"/>"#,
        ));
    }

    fn runs(&mut self, runs: &[(Xy, f64)], height: f64, color: Color) {
        let mut data = String::new();
        for ((x, y), width) in runs {
            let _ = write!(data, "M{x} {y}h{width}v{height}h-{width}z");
        }
        self.push(format_args!(r#"<path d="{data}" fill="{color}" shape-rendering="crispEdges"/>"#));
    }

    fn text(&mut self, (x, y): Xy, text: &str, style: Style) {
        let Style { size, color, anchor, bold, halo } = style;
        let weight = if bold { "600" } else { "400" };
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let edge = if halo {
            format!(r#" stroke="{PAPER}" stroke-width="{HALO}" stroke-linejoin="round" paint-order="stroke""#)
        } else {
            String::new()
        };
        self.push(format_args!(
            r#"<text x="{x}" y="{y}" font-size="{}" font-weight="{weight}" text-anchor="{anchor}" fill="{color}"{edge}>{}</text>"#,
            px(size), escape(text),
        ));
    }

    fn clipped(&mut self, window: Rect, shapes: &[Shape]) {
        self.clips += 1;
        let id = self.clips;
        let Rect { left, top, right, bottom } = window;
        let (width, height) = (px(right - left), px(bottom - top));
        self.push(format_args!(
            r##"<clipPath id="clip{id}"><rect x="{left}" y="{top}" width="{width}" height="{height}"/></clipPath><g clip-path="url(#clip{id})">"##,
        ));
        shapes.iter().for_each(|shape| self.shape(shape));
        self.push(format_args!("</g>"));
    }
}

fn path_data(points: &[Xy]) -> String {
    let mut data = String::new();
    for (index, (x, y)) in points.iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        let _ = write!(data, "{command}{x} {y}");
    }
    data
}

/// Escapes text for XML. Control characters, which XML forbids even escaped, are replaced by visible ones.
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
