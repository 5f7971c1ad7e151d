//! What stands above and below every picture: title, subtitle and caption.

use crate::canvas::{Canvas, Stroke, Style};
use crate::color::{FAINT, GRID, INK};
use crate::paper::{CAPTION, MARGIN, SUBTITLE, TITLE};
use crate::text::Font;

/// Draws title and subtitle on a paper `width` px wide, and returns the height at which the rest may begin.
pub(crate) fn heading(canvas: &mut Canvas, font: &Font, (title, subtitle): (&str, &str), width: f64) -> f64 {
    let room = width - 2.0 * MARGIN;
    let mut top = MARGIN - 4.0;
    if !title.is_empty() {
        top += TITLE + 8.0;
        // Bold is about 6 % wider than the regular font that measures it; a long title gets smaller letters first.
        let size = (TITLE * room / 1.06 / font.width(title, TITLE)).clamp(0.75 * TITLE, TITLE);
        let title = font.fitted(title, size, room / 1.06);
        canvas.text((MARGIN, top - 8.0), &title, Style { bold: true, ..Style::new(size, INK) });
    }
    if !subtitle.is_empty() {
        for line in font.wrapped(subtitle, SUBTITLE, room) {
            top += SUBTITLE + 5.0;
            canvas.text((MARGIN, top - 8.0), &line, Style::new(SUBTITLE, FAINT));
        }
    }
    top + 6.0
}

/// The caption under a picture, in one or two lines.
pub(crate) struct Caption {
    lines: Vec<String>,
}

impl Caption {
    /// Breaks `text` for a paper `width` px wide; no lines for an empty text.
    pub(crate) fn new(font: &Font, text: &str, width: f64) -> Self {
        let lines = if text.is_empty() {
            Vec::new()
        } else {
            font.wrapped(text, CAPTION, (width - 2.0 * MARGIN) / 1.03)
        };
        Self { lines }
    }

    /// The height of the caption with the space around it, in px; 0 without one.
    pub(crate) fn height(&self) -> f64 {
        if self.lines.is_empty() { 0.0 } else { (CAPTION + 5.0) * self.lines.len() as f64 + 20.0 }
    }

    /// Draws the caption at the bottom of a paper.
    pub(crate) fn draw(&self, canvas: &mut Canvas, (width, height): (f64, f64)) {
        if self.lines.is_empty() {
            return;
        }
        let top = height - self.height();
        canvas.line((MARGIN, top + 5.0), (width - MARGIN, top + 5.0), Stroke::solid(GRID, 1.0));
        for (index, line) in self.lines.iter().enumerate() {
            let baseline = top + 10.0 + (CAPTION + 5.0) * (index + 1) as f64 - 4.0;
            canvas.text((MARGIN, baseline), line, Style::new(CAPTION, INK));
        }
    }
}
