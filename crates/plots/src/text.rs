//! The font, and how wide a piece of text is.

use ttf_parser::Face;

/// The embedded font, weight 400 (a subset of Inter 4.1, SIL Open Font License, see `assets/`).
pub(crate) const REGULAR: &[u8] = include_bytes!("../assets/Inter-Regular.ttf");
/// The embedded font, weight 600.
pub(crate) const SEMIBOLD: &[u8] = include_bytes!("../assets/Inter-SemiBold.ttf");
/// What an SVG viewer looks for; the first is the embedded one, the next are as wide or narrower.
pub(crate) const FAMILY: &str = "Inter, 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif";

/// Measures text in the embedded font.
pub(crate) struct Ruler {
    face: Option<Face<'static>>,
}

impl Ruler {
    pub(crate) fn new() -> Self {
        Self { face: Face::parse(REGULAR, 0).ok() }
    }

    /// The width of `text` in px at `size` px; characters the font lacks count as wide ones.
    pub(crate) fn width(&self, text: &str, size: f64) -> f64 {
        text.chars().map(|character| self.advance(character)).sum::<f64>() * size
    }

    /// `text`, or as much of it as fits `room` px with an ellipsis.
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

    fn advance(&self, character: char) -> f64 {
        let measured = self.face.as_ref().and_then(|face| {
            let units = face.glyph_hor_advance(face.glyph_index(character)?)?;
            Some(f64::from(units) / f64::from(face.units_per_em()))
        });
        measured.unwrap_or(1.0)
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
        let ruler = Ruler::new();
        assert!(ruler.width("WWW", 12.0) > ruler.width("iii", 12.0));
        assert!((ruler.width("risk", 24.0) - 2.0 * ruler.width("risk", 12.0)).abs() < 1e-9);
    }
}
