//! The embedded font: widths and outlines of text.

use tiny_skia::{Path, PathBuilder};
use ttf_parser::{Face, OutlineBuilder};

use crate::canvas::{Anchor, Style, Xy};

/// The embedded font, weight 400 (a subset of Inter 4.1, SIL Open Font License, see `assets/`).
const REGULAR: &[u8] = include_bytes!("../assets/Inter-Regular.ttf");
/// The embedded font, weight 600.
const SEMIBOLD: &[u8] = include_bytes!("../assets/Inter-SemiBold.ttf");
/// The font families for SVG viewers. The first is the embedded one; the others are as wide or narrower.
pub(crate) const FAMILY: &str = "Inter, 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif";

/// Measures and outlines text in the embedded font.
pub(crate) struct Font {
    face: Face<'static>,
}

impl Font {
    pub(crate) fn regular() -> Self {
        Self::embedded(REGULAR)
    }

    pub(crate) fn bold() -> Self {
        Self::embedded(SEMIBOLD)
    }

    fn embedded(bytes: &'static [u8]) -> Self {
        Self { face: Face::parse(bytes, 0).expect("the embedded font parses") }
    }

    /// The width of `text` in px at `size` px; characters the font lacks count as wide ones.
    pub(crate) fn width(&self, text: &str, size: f64) -> f64 {
        text.chars().map(|character| self.advance(character)).sum::<f64>() * size
    }

    /// The text, or as much of it as fits into `room` px with an ellipsis.
    pub(crate) fn fitted(&self, text: &str, size: f64, room: f64) -> String {
        if self.width(text, size) <= room {
            return text.to_owned();
        }
        let mut used = self.width("…", size);
        let fits = |character: &char| {
            used += self.advance(*character) * size;
            used <= room
        };
        let kept: String = text.chars().take_while(fits).collect();
        format!("{}…", kept.trim_end())
    }

    /// The text in one line, or broken at a space into two lines of at most `room` px, the second of which may end in
    /// an ellipsis.
    pub(crate) fn wrapped(&self, text: &str, size: f64, room: f64) -> Vec<String> {
        let fits = |end: &usize| self.width(&text[..*end], size) <= room;
        if fits(&text.len()) {
            return vec![text.to_owned()];
        }
        match text.match_indices(' ').map(|(space, _)| space).take_while(fits).last() {
            Some(space) => vec![text[..space].to_owned(), self.fitted(&text[space + 1..], size, room)],
            None => vec![self.fitted(text, size, room)],
        }
    }

    /// Appends the outlines of `text` to `path`, its baseline beginning at (`x`, `y`); a box stands for a character
    /// the font lacks.
    pub(crate) fn outline(&self, text: &str, (mut x, y): Xy, size: f64, path: &mut PathBuilder) {
        let face = &self.face;
        let scale = size / f64::from(face.units_per_em());
        for character in text.chars() {
            let glyph = face.glyph_index(character).unwrap_or_default();
            face.outline_glyph(glyph, &mut Pen { path, x: x as f32, y: y as f32, scale: scale as f32 });
            x += self.advance(character) * size;
        }
    }

    fn advance(&self, character: char) -> f64 {
        let glyph = self.face.glyph_index(character);
        let units = glyph.and_then(|glyph| self.face.glyph_hor_advance(glyph));
        units.map_or(1.0, |units| f64::from(units) / f64::from(self.face.units_per_em()))
    }
}

/// The outlines of a text in its style; `None` where there is nothing to draw.
pub(crate) fn outlined(
    (regular, bold): (&Font, &Font),
    (x, y): Xy,
    text: &str,
    style: Style,
) -> Option<Path> {
    let font = if style.bold { bold } else { regular };
    let width = font.width(text, style.size);
    let left = match style.anchor {
        Anchor::Start => x,
        Anchor::Middle => x - width / 2.0,
        Anchor::End => x - width,
    };
    let mut outline = PathBuilder::new();
    font.outline(text, (left, y), style.size, &mut outline);
    outline.finish()
}

/// Converts outlines from the font's units, with y upwards, to px, with y downwards.
struct Pen<'a> {
    path: &'a mut PathBuilder,
    x: f32,
    y: f32,
    scale: f32,
}

impl Pen<'_> {
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + self.scale * x, self.y - self.scale * y)
    }
}

impl OutlineBuilder for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.place(x1, y1), self.place(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_font_has_what_labels_need() {
        for font in [REGULAR, SEMIBOLD] {
            let face = Face::parse(font, 0).expect("the embedded font parses");
            for character in "Risk 0123456789 ×⁰¹²³⁴⁵⁶⁷⁸⁹⁻−∞…≤κγθλé".chars()
            {
                assert!(face.glyph_index(character).is_some(), "{character}");
            }
        }
    }

    #[test]
    fn wide_text_is_wider() {
        let font = Font::regular();
        assert!(font.width("WWW", 12.0) > font.width("iii", 12.0));
        assert!((font.width("risk", 24.0) - 2.0 * font.width("risk", 12.0)).abs() < 1e-9);
    }

    #[test]
    fn long_text_takes_two_lines_and_loses_only_what_fits_neither() {
        let font = Font::regular();
        let text = "one two three four";
        let room = font.width("one two thr", 12.0);
        assert_eq!(font.wrapped(text, 12.0, font.width(text, 12.0) + 1e-9), [text]);
        assert_eq!(font.wrapped(text, 12.0, room), ["one two", "three four"]);
        assert_eq!(font.wrapped("one two three four five", 12.0, room), ["one two", "three fou…"]);
        let wide = "W".repeat(30);
        assert_eq!(font.wrapped(&wide, 12.0, room), [font.fitted(&wide, 12.0, room)]);
    }
}
