//! Writes a picture as PDF, for papers: shapes stay lines and areas, and text is drawn as outlines of the embedded font, so
//! that the page needs no font.

use std::collections::BTreeSet;

use pdf_writer::{Content, Finish, Name, Pdf, Rect as Page, Ref, types::LineCapStyle, types::LineJoinStyle};
use tiny_skia::PathSegment;

use crate::canvas::{HALO, Picture, Rect, Shape, Stroke, Style, Xy};
use crate::color::{Color, PAPER};
use crate::text::{Font, outlined};

/// The distance of a Bézier curve's control points that makes a quarter of a circle.
const ARC: f64 = 0.552_284_75;

/// The PDF document of a picture, on which a px is `point` points long.
pub(crate) fn write(picture: &Picture, point: f64) -> Vec<u8> {
    let (width, height) = picture.size;
    let mut writer = Writer {
        content: Content::new(),
        opacities: BTreeSet::new(),
        regular: Font::regular(),
        bold: Font::bold(),
    };
    // From px with y downwards to points with y upwards.
    writer.content.transform([point, 0.0, 0.0, -point, 0.0, point * height].map(|x| x as f32));
    picture.shapes.iter().for_each(|shape| writer.shape(shape));
    let [catalog, pages, page, content] = [1, 2, 3, 4].map(Ref::new);
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages);
    pdf.pages(pages).kids([page]).count(1);
    let state = |index: usize| Ref::new(5 + index as i32);
    let mut sheet = pdf.page(page);
    sheet
        .media_box(Page::new(0.0, 0.0, (point * width) as f32, (point * height) as f32))
        .parent(pages)
        .contents(content);
    let mut resources = sheet.resources();
    let mut states = resources.ext_g_states();
    for (index, opacity) in writer.opacities.iter().enumerate() {
        states.pair(Name(name(*opacity).as_bytes()), state(index));
    }
    states.finish();
    resources.finish();
    sheet.finish();
    pdf.stream(content, &writer.content.finish());
    for (index, opacity) in writer.opacities.iter().enumerate() {
        let share = f32::from(*opacity) / 100.0;
        pdf.ext_graphics(state(index)).non_stroking_alpha(share).stroking_alpha(share);
    }
    pdf.finish()
}

/// The name of the graphics state with an opacity in percent.
fn name(percent: u8) -> String {
    format!("O{percent}")
}

struct Writer {
    content: Content,
    /// The opacities that occur, in percent.
    opacities: BTreeSet<u8>,
    regular: Font,
    bold: Font,
}

impl Writer {
    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Lines(lines, stroke) => {
                self.pen(*stroke);
                lines.iter().for_each(|line| self.polygon(line));
                self.content.stroke();
            }
            Shape::Area(outline, color, opacity) => {
                self.brush(*color, *opacity);
                self.polygon(outline);
                self.content.fill_nonzero();
            }
            Shape::Runs(runs, height, color) => {
                self.brush(*color, 1.0);
                for ((x, y), width) in runs {
                    self.content.rect(*x as f32, *y as f32, *width as f32, *height as f32);
                }
                self.content.fill_nonzero();
            }
            Shape::Circle(center, radius, fill, stroke) => {
                self.pen(*stroke);
                self.brush(*fill, stroke.opacity);
                self.circle(*center, *radius);
                if stroke.width > 0.0 {
                    self.content.fill_nonzero_and_stroke()
                } else {
                    self.content.fill_nonzero()
                };
            }
            Shape::Dots(centers, radius, color, opacity) => {
                self.brush(*color, *opacity);
                for center in centers {
                    self.circle(*center, *radius);
                    self.content.fill_nonzero();
                }
            }
            Shape::Text(at, text, style) => self.text(*at, text, *style),
            Shape::Clipped(window, shapes) => self.clipped(*window, shapes),
        }
    }

    fn brush(&mut self, color: Color, opacity: f64) {
        let [red, green, blue] = color.rgb().map(|c| f32::from(c) / 255.0);
        self.content.set_fill_rgb(red, green, blue);
        self.opacity(opacity);
    }

    fn pen(&mut self, stroke: Stroke) {
        let [red, green, blue] = stroke.color.rgb().map(|c| f32::from(c) / 255.0);
        let dash = stroke.dash.map_or(Vec::new(), |lengths| lengths.map(|l| l as f32).to_vec());
        let cap = if dash.is_empty() { LineCapStyle::RoundCap } else { LineCapStyle::ButtCap };
        self.content.set_stroke_rgb(red, green, blue).set_line_width(stroke.width as f32);
        self.content.set_line_cap(cap).set_line_join(LineJoinStyle::RoundJoin).set_dash_pattern(dash, 0.0);
        self.opacity(stroke.opacity);
    }

    fn opacity(&mut self, opacity: f64) {
        let percent = (100.0 * opacity.clamp(0.0, 1.0)).round() as u8;
        self.opacities.insert(percent);
        self.content.set_parameters(Name(name(percent).as_bytes()));
    }

    fn polygon(&mut self, points: &[Xy]) {
        for (index, &(x, y)) in points.iter().enumerate() {
            let (x, y) = (x as f32, y as f32);
            if index == 0 {
                self.content.move_to(x, y)
            } else {
                self.content.line_to(x, y)
            };
        }
    }

    fn circle(&mut self, (x, y): Xy, radius: f64) {
        let at = |dx: f64, dy: f64| ((x + radius * dx) as f32, (y + radius * dy) as f32);
        let start = at(1.0, 0.0);
        self.content.move_to(start.0, start.1);
        for (dx, dy) in [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)] {
            // A quarter from (dx, dy) to that direction turned left.
            let (a, b, c) =
                (at(dx - ARC * dy, dy + ARC * dx), at(-dy + ARC * dx, dx + ARC * dy), at(-dy, dx));
            self.content.cubic_to(a.0, a.1, b.0, b.1, c.0, c.1);
        }
        self.content.close_path();
    }

    fn text(&mut self, at: Xy, text: &str, style: Style) {
        let Some(outline) = outlined((&self.regular, &self.bold), at, text, style) else { return };
        if style.halo {
            self.pen(Stroke::solid(PAPER, HALO));
            self.outline(&outline);
            self.content.stroke();
        }
        self.brush(style.color, 1.0);
        self.outline(&outline);
        self.content.fill_nonzero();
    }

    fn outline(&mut self, path: &tiny_skia::Path) {
        let (mut from, mut start) = ((0.0_f32, 0.0_f32), (0.0, 0.0));
        for segment in path.segments() {
            match segment {
                PathSegment::MoveTo(p) => {
                    self.content.move_to(p.x, p.y);
                    (from, start) = ((p.x, p.y), (p.x, p.y));
                }
                PathSegment::LineTo(p) => {
                    self.content.line_to(p.x, p.y);
                    from = (p.x, p.y);
                }
                PathSegment::QuadTo(c, p) => {
                    // The cubic curve with the same points.
                    let toward = |a: (f32, f32), b: (f32, f32)| {
                        (a.0 + 2.0 / 3.0 * (b.0 - a.0), a.1 + 2.0 / 3.0 * (b.1 - a.1))
                    };
                    let (a, b) = (toward(from, (c.x, c.y)), toward((p.x, p.y), (c.x, c.y)));
                    self.content.cubic_to(a.0, a.1, b.0, b.1, p.x, p.y);
                    from = (p.x, p.y);
                }
                PathSegment::CubicTo(a, b, p) => {
                    self.content.cubic_to(a.x, a.y, b.x, b.y, p.x, p.y);
                    from = (p.x, p.y);
                }
                PathSegment::Close => {
                    self.content.close_path();
                    from = start;
                }
            }
        }
    }

    fn clipped(&mut self, Rect { left, top, right, bottom }: Rect, shapes: &[Shape]) {
        self.content.save_state();
        self.content.rect(left as f32, top as f32, (right - left) as f32, (bottom - top) as f32);
        self.content.clip_nonzero().end_path();
        shapes.iter().for_each(|shape| self.shape(shape));
        self.content.restore_state();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Canvas;

    #[test]
    fn a_page_has_the_size_of_the_picture_in_points_and_its_shapes() {
        let mut canvas = Canvas::new();
        canvas.line((0.0, 0.0), (26.0, 13.0), Stroke::solid(Color(0xff0000), 2.0));
        canvas.area(&[(0.0, 0.0), (13.0, 0.0), (0.0, 13.0)], Color(0), 0.25);
        canvas.text((2.0, 10.0), "II", Style::new(8.0, Color(0)));
        let bytes = write(&canvas.finish((130.0, 65.0), ""), 8.0 / 13.0);
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("%PDF-") && text.trim_end().ends_with("%%EOF"));
        for part in ["/MediaBox [0 0 80 40]", "1 0 0 RG", "26 13 l", "/ca 0.25", "/O25 gs"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        // Two letters I are two closed outlines.
        assert!(text.matches("\nh").count() >= 2, "{text}");
    }
}
