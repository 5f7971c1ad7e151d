//! Writes a picture as PNG at twice the size, with text in the embedded font, so that the bytes do not depend on the
//! machine.

use tiny_skia::{
    FillRule, LineCap, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, Stroke as Pen, StrokeDash, Transform,
};

use crate::canvas::{HALO, Picture, Rect, Shape, Stroke, Style, Xy};
use crate::color::{Color, PAPER};
use crate::error::{Error, Result};
use crate::text::{Font, outlined};

/// Number of pixels of the PNG per px of the picture.
const ZOOM: f32 = 2.0;

/// Draws and encodes `picture`.
pub(crate) fn render(picture: &Picture) -> Result<Vec<u8>> {
    let pixels = |side: f64| side.ceil() as u32 * ZOOM as u32;
    let (width, height) = picture.size;
    let mut paper = Pixmap::new(pixels(width), pixels(height))
        .ok_or_else(|| Error::Render("no memory for a picture of this size".to_owned()))?;
    paper.fill(ink(PAPER, 1.0));
    let mut painter = Painter { paper, window: None, regular: Font::regular(), bold: Font::bold() };
    picture.shapes.iter().for_each(|shape| painter.shape(shape));
    painter.paper.encode_png().map_err(|error| Error::Render(error.to_string()))
}

struct Painter {
    paper: Pixmap,
    /// The clipping mask, outside of which nothing is drawn.
    window: Option<Mask>,
    regular: Font,
    bold: Font,
}

impl Painter {
    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Lines(lines, stroke) => {
                self.stroke(polygons(lines, false), &pen(*stroke), paint(stroke.color, stroke.opacity));
            }
            Shape::Area(outline, color, opacity) => {
                self.fill(polygons(std::slice::from_ref(outline), true), paint(*color, *opacity));
            }
            Shape::Runs(runs, height, color) => {
                let path = rectangles(runs.iter().map(|&((x, y), width)| (x, y, width, *height)));
                self.fill(path, Paint { anti_alias: false, ..paint(*color, 1.0) });
            }
            Shape::Circle((x, y), radius, fill, stroke) => {
                let path = PathBuilder::from_circle(*x as f32, *y as f32, *radius as f32);
                self.fill(path.clone(), paint(*fill, stroke.opacity));
                self.stroke(path, &pen(*stroke), paint(stroke.color, stroke.opacity));
            }
            Shape::Dots(centers, radius, color, opacity) => {
                for &(x, y) in centers {
                    let path = PathBuilder::from_circle(x as f32, y as f32, *radius as f32);
                    self.fill(path, paint(*color, *opacity));
                }
            }
            Shape::Text(at, text, style) => self.text(*at, text, *style),
            Shape::Clipped(window, shapes) => self.clipped(*window, shapes),
        }
    }

    fn fill(&mut self, path: Option<Path>, paint: Paint<'_>) {
        if let Some(path) = path {
            self.paper.fill_path(&path, &paint, FillRule::Winding, zoom(), self.window.as_ref());
        }
    }

    fn stroke(&mut self, path: Option<Path>, pen: &Pen, paint: Paint<'_>) {
        // A pen of no width would leave a hairline.
        if let Some(path) = path.filter(|_| pen.width > 0.0) {
            self.paper.stroke_path(&path, &paint, pen, zoom(), self.window.as_ref());
        }
    }

    fn text(&mut self, at: Xy, text: &str, style: Style) {
        let outline = outlined((&self.regular, &self.bold), at, text, style);
        if style.halo {
            self.stroke(outline.clone(), &pen(Stroke::solid(PAPER, HALO)), paint(PAPER, 1.0));
        }
        self.fill(outline, paint(style.color, 1.0));
    }

    fn clipped(&mut self, Rect { left, top, right, bottom }: Rect, shapes: &[Shape]) {
        let window = rectangles([(left, top, right - left, bottom - top)].into_iter());
        let outer = self.window.take();
        self.window = outer.clone().or_else(|| Mask::new(self.paper.width(), self.paper.height()));
        if let (Some(mask), Some(window)) = (&mut self.window, window) {
            let cut = if outer.is_some() { Mask::intersect_path } else { Mask::fill_path };
            cut(mask, &window, FillRule::Winding, true, zoom());
        }
        shapes.iter().for_each(|shape| self.shape(shape));
        self.window = outer;
    }
}

fn zoom() -> Transform {
    Transform::from_scale(ZOOM, ZOOM)
}

fn ink(color: Color, opacity: f64) -> tiny_skia::Color {
    let [red, green, blue] = color.rgb();
    let mut ink = tiny_skia::Color::from_rgba8(red, green, blue, u8::MAX);
    ink.set_alpha(opacity as f32);
    ink
}

fn paint(color: Color, opacity: f64) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(ink(color, opacity));
    paint
}

fn pen(stroke: Stroke) -> Pen {
    let dash = stroke.dash.and_then(|lengths| StrokeDash::new(lengths.map(|l| l as f32).to_vec(), 0.0));
    let line_cap = if dash.is_some() { LineCap::Butt } else { LineCap::Round };
    Pen { width: stroke.width as f32, line_cap, line_join: LineJoin::Round, dash, ..Pen::default() }
}

fn polygons(lines: &[Vec<Xy>], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for line in lines {
        for (index, &(x, y)) in line.iter().enumerate() {
            let (x, y) = (x as f32, y as f32);
            if index == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
        if closed {
            path.close();
        }
    }
    path.finish()
}

/// A path of rectangles, each given by left, top, width and height.
fn rectangles(sides: impl Iterator<Item = (f64, f64, f64, f64)>) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (x, y, width, height) in sides {
        let rect = tiny_skia::Rect::from_xywh(x as f32, y as f32, width as f32, height as f32);
        rect.into_iter().for_each(|rect| path.push_rect(rect));
    }
    path.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::{Anchor, Canvas};

    const BLUE: Color = Color(0x0000ff);
    const BLACK: Color = Color(0);

    /// What `draw` draws on a paper of 40 x 20 px, as red, green and blue by pixel.
    fn drawn(draw: impl FnOnce(&mut Canvas)) -> impl Fn(u32, u32) -> [u8; 3] {
        let mut canvas = Canvas::new();
        draw(&mut canvas);
        let png = render(&canvas.finish((40.0, 20.0), "")).expect("the picture is drawn");
        let pixels = Pixmap::decode_png(&png).expect("the PNG is read");
        assert_eq!((pixels.width(), pixels.height()), (80, 40));
        move |x, y| pixels.pixel(x, y).map(|p| [p.red(), p.green(), p.blue()]).expect("a pixel of the paper")
    }

    const WHITE: [u8; 3] = [255; 3];

    #[test]
    fn shapes_lie_where_they_were_drawn_at_twice_the_size() {
        let at = drawn(|canvas| canvas.runs(&[((10.0, 5.0), 4.0)], 3.0, BLUE));
        for (x, y) in [(20, 10), (27, 15)] {
            assert_eq!(at(x, y), [0, 0, 255], "{x} {y}");
        }
        for (x, y) in [(19, 10), (28, 10), (20, 9), (20, 16)] {
            assert_eq!(at(x, y), WHITE, "{x} {y}");
        }
    }

    #[test]
    fn what_is_half_opaque_mixes_with_the_paper() {
        let square = [(0.0, 0.0), (8.0, 0.0), (8.0, 8.0), (0.0, 8.0)];
        let at = drawn(|canvas| canvas.area(&square, BLACK, 0.4));
        assert!(at(8, 8).iter().all(|&c| c.abs_diff(153) <= 1), "{:?}", at(8, 8));
    }

    #[test]
    fn clips_cut_and_end() {
        let line = |canvas: &mut Canvas, y| canvas.line((0.0, y), (40.0, y), Stroke::solid(BLACK, 2.0));
        let outer = Rect { left: 10.0, top: 0.0, right: 30.0, bottom: 20.0 };
        let inner = Rect { left: 0.0, top: 0.0, right: 20.0, bottom: 20.0 };
        let at = drawn(|canvas| {
            canvas.clipped(outer, |canvas| {
                line(canvas, 4.0);
                canvas.clipped(inner, |canvas| line(canvas, 10.0));
            });
            line(canvas, 16.0);
        });
        let shown = |y| [10, 30, 50, 70].map(|x| at(x, y) == [0; 3]);
        assert_eq!(shown(8), [false, true, true, false]);
        assert_eq!(shown(20), [false, true, false, false]);
        assert_eq!(shown(32), [true; 4]);
    }

    #[test]
    fn dashes_leave_gaps_and_a_pen_of_no_width_draws_nothing() {
        let dashed = Stroke { dash: Some([4.0, 2.0]), ..Stroke::solid(BLACK, 2.0) };
        let at = drawn(|canvas| {
            canvas.line((0.0, 10.0), (40.0, 10.0), dashed);
            canvas.line((0.0, 15.0), (40.0, 15.0), Stroke::solid(BLACK, 0.0));
        });
        let row: Vec<bool> = (0..24).map(|x| at(x, 20) == [0; 3]).collect();
        assert_eq!(row, [[true; 8].as_slice(), &[false; 4]].concat().repeat(2));
        assert!((0..80).all(|x| at(x, 30) == WHITE));
    }

    #[test]
    fn text_lies_on_its_side_of_its_place_and_its_halo_hides_what_is_below() {
        let inked = |anchor, halo| {
            let at = drawn(|canvas| {
                canvas.line((0.0, 12.0), (40.0, 12.0), Stroke::solid(BLUE, 1.0));
                let style = Style { halo, ..Style::new(8.0, BLACK).anchor(anchor) };
                canvas.text((20.0, 15.0), "II", style);
            });
            let dark = |x: &u32| (0..40).any(|y| at(*x, y) == [0; 3]);
            let columns: Vec<u32> = (0..80).filter(dark).collect();
            let line = (0..80).filter(|&x| at(x, 24) == [0, 0, 255]).count();
            (columns[0], columns[columns.len() - 1], line)
        };
        let (start, middle, end) =
            (inked(Anchor::Start, false), inked(Anchor::Middle, false), inked(Anchor::End, false));
        assert!(start.0 >= 40 && end.1 < 40, "{start:?} {end:?}");
        assert!(middle.0.abs_diff(79 - middle.1) <= 2, "{middle:?}");
        assert!(inked(Anchor::Start, true).2 + 4 <= start.2);
    }
}
