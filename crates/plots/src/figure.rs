//! Figures: a title over panels that share the x axis, and a caption under them.

use crate::axis::{Axis, Range, Scale};
use crate::canvas::{Anchor, Canvas, Picture, Rect, Style};
use crate::color::{Role, SOFT};
use crate::curves;
use crate::error::{Error, Result};
use crate::frame;
use crate::header::Header;
use crate::labels::Labels;
use crate::layout::{self, Cell};
use crate::marks;
use crate::page::Page;
use crate::panel::Panel;
use crate::paper::{HEIGHT, MARGIN, SMALL, WIDTH};
use crate::print::{COLUMN, INCH, Print};
use crate::text::Font;
use crate::words::{Words, figure_methods};

/// A title, a subtitle, panels over one x axis, and a caption.
#[derive(Clone, Debug)]
pub struct Figure {
    words: Words,
    x_label: String,
    x_scale: Scale,
    x_ticks: Vec<f64>,
    size: (f64, f64),
    beside: bool,
    /// Whether the y axes leave room for the label of the highest point.
    roomy: bool,
    panels: Vec<Panel>,
}

figure_methods!(Figure);

impl Figure {
    /// An empty figure on a paper of 16:9.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            words: Words::titled(title),
            x_label: String::new(),
            x_scale: Scale::Linear,
            x_ticks: Vec::new(),
            size: (WIDTH, HEIGHT),
            beside: false,
            roomy: false,
            panels: Vec::new(),
        }
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

    /// Puts the ticks of the x axis at these values, those that were measured, in place of round numbers.
    #[must_use]
    pub fn x_ticks(self, values: &[f64]) -> Self {
        Self { x_ticks: values.to_vec(), ..self }
    }

    /// Sets the size in px (default: 800 x 450).
    #[must_use]
    pub fn size(self, width: f64, height: f64) -> Self {
        Self { size: (width, height), ..self }
    }

    /// Puts the panels side by side (default: one above the other).
    #[must_use]
    pub fn beside(self) -> Self {
        Self { beside: true, ..self }
    }

    /// Adds a panel under or beside those already there.
    #[must_use]
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// The caption.
    pub fn caption_text(&self) -> &str {
        &self.words.caption
    }

    /// The same figure with every text replaced by what `translate` makes of it.
    #[must_use]
    pub fn translated(mut self, translate: &dyn Fn(&str) -> String) -> Self {
        let Words { title, subtitle, caption } = &mut self.words;
        for text in [title, subtitle, caption, &mut self.x_label] {
            *text = translate(text);
        }
        self.panels.iter_mut().for_each(|panel| panel.translate(translate));
        self
    }

    /// The picture for a paper, `width` inches wide, without title, subtitle and caption. In a narrow column panels stand one
    /// above the other. Lines and dots differ by dashes and shapes as well, so that they can be told apart in grey.
    ///
    /// # Errors
    /// The errors of [`to_svg`](Self::to_svg).
    pub fn print(&self, width: f64) -> Result<Print> {
        let beside = self.beside && width > COLUMN;
        let rows = if beside { 1 } else { self.panels.len().max(1) };
        let across = width * INCH;
        // Labels are as large in a narrow column as in a wide one, and need a higher panel.
        let share = if width > COLUMN { 0.45 } else { 0.55 };
        let down = (60.0 + share * across) * rows as f64;
        let bare = Self { words: Words::default(), beside, roomy: true, ..self.clone() };
        let mut bare = bare.size(across, down);
        bare.tell_apart();
        Ok(Print::of(&bare.draw()?, width))
    }

    /// Gives the series of each role a dash and a shape of their own, the same in all panels.
    fn tell_apart(&mut self) {
        let mut roles: Vec<Role> = Vec::new();
        // What is drawn last matters most: it keeps its solid line.
        for series in self.panels.iter_mut().flat_map(|panel| panel.series.iter_mut().rev()) {
            if series.dash.is_none() {
                let place = roles.iter().position(|role| *role == series.role).unwrap_or(roles.len());
                if place == roles.len() {
                    roles.push(series.role);
                }
                series.tell_apart(place);
            }
        }
    }

    /// Every point that is drawn: the label of its panel's y axis, the label of its series, x and y.
    pub fn drawn(&self) -> Vec<(&str, &str, f64, f64)> {
        let mut points = Vec::new();
        for panel in &self.panels {
            for series in &panel.series {
                let place = |(&x, &y)| (panel.y_label.as_str(), series.label.as_str(), x, y);
                points.extend(series.xs.iter().zip(&series.ys).map(place));
            }
            points.extend(panel.points.iter().map(|point| {
                let label = point.lines.first().map_or("", String::as_str);
                (panel.y_label.as_str(), label, point.x, point.y)
            }));
        }
        points
    }

    fn draw(&self) -> Result<Picture> {
        self.check()?;
        let (width, height) = self.size;
        let mut page = Page::new(&self.words, width);
        let bottom = height - page.foot();
        let room = Rect { left: MARGIN, top: page.top, right: width - MARGIN, bottom };
        self.draw_panels(&mut page.canvas, &page.font, room)?;
        Ok(page.finish(bottom))
    }

    fn check(&self) -> Result<()> {
        if self.panels.is_empty() {
            return Err(Error::NoPanels);
        }
        let (width, height) = self.size;
        if ![width, height].into_iter().all(|side| (200.0..=10_000.0).contains(&side)) {
            return Err(Error::Size { width, height });
        }
        self.panels.iter().flat_map(|panel| &panel.series).try_for_each(|series| series.check())
    }

    fn draw_panels(&self, canvas: &mut Canvas, font: &Font, paper: Rect) -> Result<()> {
        let ranges: Vec<Range> = self.panels.iter().map(frame::y_range).collect();
        let ticks = self.panels.iter().zip(&ranges);
        let ticks: Vec<f64> = ticks.map(|(panel, &range)| frame::tick_width(font, panel, range)).collect();
        let room =
            if self.beside { layout::column(paper, self.panels.len()) } else { paper.right - paper.left };
        let headers: Vec<Header<'_>> =
            self.panels.iter().map(|panel| Header::new(panel, font, room)).collect();
        let cells = if self.beside {
            layout::beside(&headers, &ticks, paper)
        } else {
            layout::stacked(&self.panels, &headers, &ticks, paper)
        };
        let (width, height) = self.size;
        let cells = cells.ok_or(Error::Size { width, height })?;
        let x_range = self.x_range();
        for (((panel, header), range), cell) in self.panels.iter().zip(&headers).zip(ranges).zip(cells) {
            let Rect { left, right, top, bottom } = cell.window;
            header.draw(canvas, (cell.left, right), cell.top);
            let range = if self.roomy { frame::roomy(panel, range, bottom - top) } else { range };
            let x_axis = Axis { scale: self.x_scale, range: x_range, start: left, end: right };
            let y_axis = Axis { scale: panel.scale, range, start: bottom, end: top };
            self.draw_panel(canvas, font, panel, cell, (x_axis, y_axis));
            if cell.labelled {
                let center = (f64::midpoint(left, right), bottom + 40.0);
                let label = font.fitted(&self.x_label, SMALL, right - cell.left);
                canvas.text(center, &label, Style::new(SMALL, SOFT).anchor(Anchor::Middle));
            }
        }
        Ok(())
    }

    fn x_range(&self) -> Range {
        let series = self.panels.iter().flat_map(|panel| &panel.series).flat_map(|series| &series.xs);
        let points = self.panels.iter().flat_map(|panel| &panel.points).map(|point| &point.x);
        let values = series.chain(points).copied();
        // Measured values stand off the frame, so that dots are whole.
        if self.x_ticks.is_empty() {
            Range::tight(self.x_scale, values)
        } else {
            Range::airy(self.x_scale, false, values)
        }
    }

    /// Draws one panel, from the background to the foreground.
    fn draw_panel(&self, canvas: &mut Canvas, font: &Font, panel: &Panel, cell: Cell, axes: (Axis, Axis)) {
        let window = cell.window;
        marks::draw_shades(canvas, panel, window, axes.0);
        frame::draw_grid(canvas, panel, window, axes);
        frame::draw_x_axis(canvas, font, window, axes.0, &self.x_ticks, cell.labelled);
        let mut labels = Labels::new(font, window);
        marks::draw_rules(canvas, panel, window, axes, &mut labels);
        curves::draw(canvas, panel, window, axes, &mut labels);
        marks::draw_spans(canvas, panel, window, axes, &mut labels);
        marks::draw_points(canvas, panel, axes, &mut labels);
        labels.draw(canvas);
    }
}
