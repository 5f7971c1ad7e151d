//! Figures: a title over a stack of panels that share the x axis.

use crate::axis::{Axis, Range, Scale};
use crate::canvas::{Anchor, Canvas, Picture, Rect, Style};
use crate::color::SOFT;
use crate::error::{Error, Result};
use crate::header::Header;
use crate::heading::{MARGIN, heading};
use crate::labels::Labels;
use crate::panel::Panel;
use crate::text::Font;
use crate::{curves, frame, marks, png, svg};

/// The space between two panels in px.
const GAP: f64 = 14.0;
/// The space for tick labels and label of the x axis in px.
const FOOT: f64 = 46.0;

/// A title, a subtitle and panels stacked vertically over one x axis.
#[derive(Clone, Debug)]
pub struct Figure {
    title: String,
    subtitle: String,
    x_label: String,
    x_scale: Scale,
    width: f64,
    height: Option<f64>,
    panels: Vec<Panel>,
}

impl Figure {
    /// An empty figure, 720 px wide.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            subtitle: String::new(),
            x_label: String::new(),
            x_scale: Scale::Linear,
            width: 720.0,
            height: None,
            panels: Vec::new(),
        }
    }

    /// Sets the grey line under the title.
    #[must_use]
    pub fn subtitle(self, subtitle: impl Into<String>) -> Self {
        Self { subtitle: subtitle.into(), ..self }
    }

    /// Sets the label of the shared x axis.
    #[must_use]
    pub fn x_label(self, x_label: impl Into<String>) -> Self {
        Self { x_label: x_label.into(), ..self }
    }

    /// Sets the scale of the shared x axis (default: linear).
    #[must_use]
    pub fn x_scale(self, x_scale: Scale) -> Self {
        Self { x_scale, ..self }
    }

    /// Sets the size in px (default: 720 wide, as high as the panels need).
    #[must_use]
    pub fn size(self, width: f64, height: f64) -> Self {
        Self { width, height: Some(height), ..self }
    }

    /// Adds a panel under those already there.
    #[must_use]
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// The picture as an SVG document.
    ///
    /// # Errors
    /// If there is no panel, a series has columns of different lengths, or the size is too small or too large.
    pub fn to_svg(&self) -> Result<String> {
        Ok(svg::write(&self.draw()?))
    }

    /// The same picture as [`Figure::to_svg`] as a PNG, with two pixels per px.
    ///
    /// # Errors
    /// The errors of [`Figure::to_svg`], and if there is no memory for the pixels.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        png::render(&self.draw()?)
    }

    fn draw(&self) -> Result<Picture> {
        self.check()?;
        let font = Font::regular();
        let mut canvas = Canvas::new();
        let top = heading(&mut canvas, &font, (&self.title, &self.subtitle), self.width);
        let height = self.height.unwrap_or_else(|| self.natural_height(top));
        self.draw_panels(&mut canvas, &font, top, height)?;
        Ok(canvas.finish((self.width, height), &self.title))
    }

    fn check(&self) -> Result<()> {
        if self.panels.is_empty() {
            return Err(Error::NoPanels);
        }
        let (width, height) = (self.width, self.height.unwrap_or(self.width));
        if ![width, height].into_iter().all(|side| (200.0..=10_000.0).contains(&side)) {
            return Err(Error::Size { width, height });
        }
        self.panels.iter().flat_map(|panel| &panel.series).try_for_each(|series| series.check())
    }

    /// The default height: 330 px for the first panel, the others in proportion, plus titles and axes.
    fn natural_height(&self, top: f64) -> f64 {
        let heaviest = self.panels.iter().map(Panel::share).fold(0.0, f64::max);
        let panels: f64 = self.panels.iter().map(|panel| panel.share() / heaviest * 310.0 + 24.0).sum();
        let gaps = GAP * (self.panels.len() as f64 - 1.0);
        (top + panels + gaps + FOOT + MARGIN / 2.0).min(10_000.0)
    }

    fn draw_panels(&self, canvas: &mut Canvas, font: &Font, top: f64, height: f64) -> Result<()> {
        let ranges: Vec<Range> = self.panels.iter().map(frame::y_range).collect();
        let widest = self.panels.iter().zip(&ranges);
        let widest = widest.map(|(panel, &range)| frame::tick_width(font, panel, range)).fold(0.0, f64::max);
        let (left, right) = (MARGIN + widest + 8.0, self.width - MARGIN);
        let headers: Vec<Header<'_>> =
            self.panels.iter().map(|panel| Header::new(panel, font, right - MARGIN)).collect();
        let heads: f64 = headers.iter().map(Header::height).sum();
        let gaps = GAP * (self.panels.len() as f64 - 1.0);
        let room = height - top - heads - gaps - FOOT;
        if room < 20.0 * self.panels.len() as f64 || right - left < 60.0 {
            return Err(Error::Size { width: self.width, height });
        }
        let shares: f64 = self.panels.iter().map(Panel::share).sum();
        let x_axis = Axis { scale: self.x_scale, range: self.x_range(), start: left, end: right };
        let mut y = top;
        for (index, ((panel, header), range)) in self.panels.iter().zip(&headers).zip(ranges).enumerate() {
            header.draw(canvas, (MARGIN, right), y);
            let top = y + header.height();
            let bottom = top + room * panel.share() / shares;
            let window = Rect { left, top, right, bottom };
            let y_axis = Axis { scale: panel.scale, range, start: bottom, end: top };
            let last = index + 1 == self.panels.len();
            draw_panel(canvas, font, panel, window, (x_axis, y_axis), last);
            y = bottom + GAP;
        }
        let center = (f64::midpoint(left, right), y - GAP + 38.0);
        canvas.text(center, &self.x_label, Style::new(12.0, SOFT).anchor(Anchor::Middle));
        Ok(())
    }

    fn x_range(&self) -> Range {
        let series = self.panels.iter().flat_map(|panel| &panel.series).flat_map(|series| &series.xs);
        let points = self.panels.iter().flat_map(|panel| &panel.points).map(|point| &point.x);
        Range::tight(self.x_scale, series.chain(points).copied())
    }
}

/// Draws one panel, from the background to the foreground.
fn draw_panel(canvas: &mut Canvas, font: &Font, panel: &Panel, window: Rect, axes: (Axis, Axis), last: bool) {
    marks::draw_shades(canvas, panel, window, axes.0);
    frame::draw_grid(canvas, panel, window, axes);
    frame::draw_x_axis(canvas, window, axes.0, last);
    let mut labels = Labels::new(font, window);
    marks::draw_rules(canvas, panel, window, axes, &mut labels);
    curves::draw(canvas, panel, window, axes, &mut labels);
    marks::draw_spans(canvas, panel, window, axes, &mut labels);
    marks::draw_points(canvas, panel, axes, &mut labels);
    labels.draw(canvas);
}
