//! The page of every picture: title and subtitle above it, the caption below.

use crate::canvas::{Canvas, Picture, Stroke, Style, px};
use crate::color::{FAINT, GRID, INK};
use crate::paper::{CAPTION, FALLBACK, MARGIN, SUBTITLE, TITLE};
use crate::text::Font;
use crate::words::Words;

/// A page under construction, with title and subtitle on it.
pub(crate) struct Page<'a> {
    pub(crate) canvas: Canvas,
    pub(crate) font: Font,
    /// The height at which the rest may begin, in px.
    pub(crate) top: f64,
    width: f64,
    words: &'a Words,
    /// The lines of the caption.
    caption: Vec<String>,
}

impl<'a> Page<'a> {
    /// A page `width` px wide.
    pub(crate) fn new(words: &'a Words, width: f64) -> Self {
        let (mut canvas, font) = (Canvas::new(), Font::regular());
        let top = heading(&mut canvas, &font, words, width);
        let caption = match words.caption.as_str() {
            "" => Vec::new(),
            text => font.wrapped(text, CAPTION, (width - 2.0 * MARGIN) / FALLBACK),
        };
        Self { canvas, font, top, width, words, caption }
    }

    /// The height of the caption with the space around it, in px; 0 without one.
    pub(crate) fn foot(&self) -> f64 {
        if self.caption.is_empty() { 0.0 } else { (CAPTION + 5.0) * self.caption.len() as f64 + 20.0 }
    }

    /// The picture, whose caption begins at the height `body`.
    pub(crate) fn finish(mut self, body: f64) -> Picture {
        if !self.caption.is_empty() {
            let (from, to) = ((MARGIN, body + 5.0), (self.width - MARGIN, body + 5.0));
            self.canvas.line(from, to, Stroke::solid(GRID, 1.0));
        }
        for (index, line) in self.caption.iter().enumerate() {
            let baseline = body + 10.0 + (CAPTION + 5.0) * (index + 1) as f64 - 4.0;
            self.canvas.text((MARGIN, baseline), line, Style::new(CAPTION, INK));
        }
        let size = (self.width, body + self.foot());
        let picture = self.canvas.finish(size, &self.words.title);
        Picture { caption: self.words.caption.clone(), body: px(body), ..picture }
    }
}

/// Draws title and subtitle on a paper `width` px wide, and returns the height at which the rest may begin.
fn heading(canvas: &mut Canvas, font: &Font, words: &Words, width: f64) -> f64 {
    let Words { title, subtitle, .. } = words;
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
