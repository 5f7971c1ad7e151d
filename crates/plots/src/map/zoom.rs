//! Zooms into a function of two variables: the surface of each region above its map, in one scale of colours.

use super::bar::{Shade, draw_bar};
use super::panel::{BAR, FOOT, HEAD, Map};
use super::surface::draw_surface;
use super::view::View;
use crate::canvas::{Picture, Rect, Style};
use crate::color::SOFT;
use crate::error::{Error, Result};
use crate::page::Page;
use crate::paper::{HEIGHT, MARGIN, SMALL, WIDTH};
use crate::words::{Words, figure_methods};

/// The number of zooms in a row.
const ROW: usize = 4;
/// The space between two zooms in px.
const GUTTER: f64 = 16.0;
/// The height of a surface divided by its width.
const FLAT: f64 = 0.72;

/// A title over zooms, in rows of four, and a caption.
#[derive(Clone, Debug)]
pub struct ZoomFigure {
    words: Words,
    axes: String,
    maps: Vec<Map>,
}

figure_methods!(ZoomFigure, print);

impl ZoomFigure {
    /// The figure of some maps, from the widest to the narrowest.
    #[must_use]
    pub fn new(title: impl Into<String>, subtitle: impl Into<String>, maps: Vec<Map>) -> Self {
        Self { words: Words::titled(title), axes: String::new(), maps }.subtitle(subtitle)
    }

    /// Sets the line that says what the axes are.
    #[must_use]
    pub fn axes(self, axes: impl Into<String>) -> Self {
        Self { axes: axes.into(), ..self }
    }

    fn draw(&self) -> Result<Picture> {
        if self.maps.is_empty() {
            return Err(Error::NoPanels);
        }
        let mut page = Page::new(&self.words, WIDTH);
        let top = page.top;
        let side = (WIDTH - 2.0 * MARGIN - BAR + GUTTER) / ROW as f64 - GUTTER;
        let surface = FLAT * side;
        let row = surface + HEAD + side + FOOT;
        let rows = self.maps.len().div_ceil(ROW) as f64;
        let shade = Shade::of(self.maps.iter());
        let mut last = Rect { left: MARGIN, top, right: MARGIN, bottom: top };
        for (index, map) in self.maps.iter().enumerate() {
            let left = MARGIN + (index % ROW) as f64 * (GUTTER + side);
            let above = top + (index / ROW) as f64 * row;
            let right = left + side;
            let room = Rect { left, top: above, right, bottom: above + surface };
            // Each surface fills its height; colours say how high it is.
            let heights = Shade::of(std::iter::once(map));
            draw_surface(&mut page.canvas, &page.font, &View::new(room), map, (&heights, &shade));
            let top = room.bottom + HEAD;
            last = Rect { left, top, right, bottom: top + side };
            map.draw(&mut page.canvas, &page.font, last, &shade, true);
        }
        let bar = Rect { left: MARGIN, top: top + 20.0, right: WIDTH - MARGIN - BAR, ..last };
        let missing = self.maps.iter().map(|map| map.field.missing()).sum();
        draw_bar(&mut page.canvas, bar, &shade, ("not finite", missing));
        let text = page.font.fitted(&self.axes, SMALL, WIDTH - 2.0 * MARGIN);
        page.canvas.text((MARGIN, last.bottom + FOOT + 14.0), &text, Style::new(SMALL, SOFT));
        let body = (top + row * rows + 22.0).max(HEIGHT - page.foot());
        Ok(page.finish(body))
    }
}
