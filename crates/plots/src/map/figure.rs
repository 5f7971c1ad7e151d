//! Figures of one or several maps.

use super::panel::{BAR, FOOT, HEAD, Map};
use crate::canvas::{Canvas, Picture, Rect, Style};
use crate::color::SOFT;
use crate::error::{Error, Result};
use crate::heading::{MARGIN, heading};
use crate::text::Font;
use crate::{png, svg};

/// The space at the left of a map for its tick labels, in px.
const LEFT: f64 = 44.0;

/// A title over one map, or over several in rows of two.
#[derive(Clone, Debug)]
pub struct MapFigure {
    title: String,
    subtitle: String,
    labels: (String, String),
    maps: Vec<Map>,
}

impl MapFigure {
    /// An empty figure.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        let labels = Default::default();
        Self { title: title.into(), subtitle: String::new(), labels, maps: Vec::new() }
    }

    /// Sets the grey line under the title.
    #[must_use]
    pub fn subtitle(self, subtitle: impl Into<String>) -> Self {
        Self { subtitle: subtitle.into(), ..self }
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

    /// The picture as an SVG document.
    ///
    /// # Errors
    /// When there is no map.
    pub fn to_svg(&self) -> Result<String> {
        Ok(svg::write(&self.draw()?))
    }

    /// The same picture as [`to_svg`](Self::to_svg) as a PNG.
    ///
    /// # Errors
    /// The errors of [`to_svg`](Self::to_svg), and when there is no memory for the pixels.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        png::render(&self.draw()?)
    }

    fn draw(&self) -> Result<Picture> {
        let aspect = self.maps.first().ok_or(Error::NoPanels)?.aspect().clamp(0.2, 2.5);
        let columns = if self.maps.len() > 1 { 2 } else { 1 };
        let side: f64 = if columns == 1 { 520.0 } else { 300.0 };
        let (width, height) = if aspect > 1.0 { (side / aspect, side) } else { (side, side * aspect) };
        let (cell, row) = (LEFT + width + BAR, HEAD + height + FOOT);
        let rows = self.maps.len().div_ceil(columns);
        let mut canvas = Canvas::new();
        let font = Font::regular();
        let across = 2.0 * MARGIN + cell * columns as f64;
        let top = heading(&mut canvas, &font, (&self.title, &self.subtitle), across);
        let paper = (across, top + row * rows as f64 + 20.0 + MARGIN / 2.0);
        // The y label stands upright over the first map's ticks: a horizontal label is read without turning the head.
        for (n, map) in self.maps.iter().enumerate() {
            let left = MARGIN + LEFT + (n % columns) as f64 * cell;
            let above = top + (n / columns) as f64 * row + HEAD;
            let window = Rect { left, top: above, right: left + width, bottom: above + height };
            map.draw(&mut canvas, &font, window);
        }
        let (x, y) = &self.labels;
        let text = if y.is_empty() { x.clone() } else { format!("across: {x};  up: {y}") };
        let place = (MARGIN + LEFT, top + row * rows as f64 + 14.0);
        canvas.text(place, &font.fitted(&text, 12.0, paper.0 - 2.0 * MARGIN - LEFT), Style::new(12.0, SOFT));
        Ok(canvas.finish(paper, &self.title))
    }
}
