//! The heading of every picture: title and subtitle.

use crate::canvas::{Canvas, Style};
use crate::color::{FAINT, INK};
use crate::text::Font;

/// The distance between the paper's edge and anything drawn.
pub(crate) const MARGIN: f64 = 20.0;

/// Draws title and subtitle on a paper `width` px wide, and returns the height at which the rest may begin.
pub(crate) fn heading(canvas: &mut Canvas, font: &Font, (title, subtitle): (&str, &str), width: f64) -> f64 {
    let room = width - 2.0 * MARGIN;
    let mut top = MARGIN;
    if !title.is_empty() {
        top += 22.0;
        // Bold is about 6 % wider than the regular font that measures it.
        let title = font.fitted(title, 16.0, room / 1.06);
        canvas.text((MARGIN, top - 8.0), &title, Style { bold: true, ..Style::new(16.0, INK) });
    }
    if !subtitle.is_empty() {
        for line in font.wrapped(subtitle, 12.0, room) {
            top += 18.0;
            canvas.text((MARGIN, top - 8.0), &line, Style::new(12.0, FAINT));
        }
    }
    top + 6.0
}
