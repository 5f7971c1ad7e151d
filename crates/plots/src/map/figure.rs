//! Figures of maps side by side, with one scale of colours.

use super::bar::{Shade, draw_bar};
use super::panel::{BAR, FOOT, GUTTER, HEAD, Map};
use crate::canvas::{Picture, Rect, Style};
use crate::color::SOFT;
use crate::error::{Error, Result};
use crate::page::Page;
use crate::paper::{HEIGHT, MARGIN, SMALL, WIDTH};
use crate::words::{Words, figure_methods};

/// The space at the left of a map for its tick labels, in px.
const LEFT: f64 = 48.0;
/// The space under the maps for the line that says what the axes are, in px.
const AXES: f64 = 24.0;

/// A title over one map, or over two or a few side by side, and a caption.
#[derive(Clone, Debug)]
pub struct MapFigure {
    words: Words,
    labels: (String, String),
    maps: Vec<Map>,
}

figure_methods!(MapFigure, print);

impl MapFigure {
    /// An empty figure.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { words: Words::titled(title), labels: Default::default(), maps: Vec::new() }
    }

    /// Sets the labels of both axes.
    #[must_use]
    pub fn labels(self, x: impl Into<String>, y: impl Into<String>) -> Self {
        Self { labels: (x.into(), y.into()), ..self }
    }

    /// Adds a map.
    #[must_use]
    pub fn map(mut self, map: Map) -> Self {
        self.maps.push(map);
        self
    }

    fn draw(&self) -> Result<Picture> {
        let aspect = self.maps.first().ok_or(Error::NoPanels)?.aspect().clamp(0.2, 2.5);
        let count = self.maps.len() as f64;
        let mut page = Page::new(&self.words, WIDTH);
        let top = page.top + HEAD;
        let body = HEIGHT - page.foot();
        let room =
            ((WIDTH - 2.0 * MARGIN - BAR - GUTTER * (count - 1.0)) / count - LEFT, body - top - FOOT - AXES);
        let width = room.0.min(room.1 / aspect);
        let height = width * aspect;
        let block = count * (LEFT + width) + GUTTER * (count - 1.0) + BAR;
        let start = (WIDTH - block) / 2.0;
        let shade = Shade::of(self.maps.iter());
        let mut window = Rect { left: 0.0, top, right: 0.0, bottom: top + height };
        for (index, map) in self.maps.iter().enumerate() {
            let left = start + LEFT + index as f64 * (LEFT + width + GUTTER);
            window = Rect { left, right: left + width, ..window };
            map.draw(&mut page.canvas, &page.font, window, &shade, false);
        }
        let missing = self.maps.iter().map(|map| map.field.missing()).sum();
        draw_bar(&mut page.canvas, window, &shade, ("not finite", missing));
        // The y label is written beside the x label: a horizontal label is read without turning the head.
        let (x, y) = &self.labels;
        let text = if y.is_empty() { x.clone() } else { format!("→ {x};  ↑ {y}") };
        let text = page.font.fitted(&text, SMALL, WIDTH - MARGIN - start - LEFT);
        page.canvas.text((start + LEFT, window.bottom + FOOT + 15.0), &text, Style::new(SMALL, SOFT));
        // Flat maps do not fill the paper.
        Ok(page.finish(body.min(window.bottom + FOOT + AXES)))
    }
}
