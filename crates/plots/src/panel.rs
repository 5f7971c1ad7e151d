//! Panels: everything that is drawn over one pair of axes.

use crate::axis::Scale;
use crate::curves::missing;
use crate::point::Point;
use crate::series::Series;

/// One pair of axes and everything drawn over them.
#[derive(Clone, Debug)]
pub struct Panel {
    pub(crate) y_label: String,
    pub(crate) scale: Scale,
    pub(crate) from_zero: bool,
    pub(crate) y_limits: Option<(f64, f64)>,
    pub(crate) y_names: Vec<String>,
    pub(crate) y_ticks: Vec<f64>,
    pub(crate) weight: f64,
    pub(crate) series: Vec<Series>,
    pub(crate) rules: Vec<(f64, String)>,
    pub(crate) uprights: Vec<(f64, String)>,
    pub(crate) shades: Vec<(f64, f64)>,
    pub(crate) spans: Vec<(f64, f64, f64)>,
    pub(crate) points: Vec<Point>,
    /// The words for values that cannot be shown, where they are not the English ones.
    pub(crate) missing: Option<String>,
}

impl Panel {
    /// An empty panel with a linear y axis.
    #[must_use]
    pub fn new(y_label: impl Into<String>) -> Self {
        Self {
            y_label: y_label.into(),
            scale: Scale::Linear,
            from_zero: false,
            y_limits: None,
            y_names: Vec::new(),
            y_ticks: Vec::new(),
            weight: 1.0,
            series: Vec::new(),
            rules: Vec::new(),
            uprights: Vec::new(),
            shades: Vec::new(),
            spans: Vec::new(),
            points: Vec::new(),
            missing: None,
        }
    }

    /// Sets the scale of the y axis (default: linear).
    #[must_use]
    pub fn scale(self, scale: Scale) -> Self {
        Self { scale, ..self }
    }

    /// Lets a linear y axis include zero.
    #[must_use]
    pub fn from_zero(self) -> Self {
        Self { from_zero: true, ..self }
    }

    /// Fixes the y axis instead of fitting it to the data; limits the scale cannot show are ignored.
    #[must_use]
    pub fn y_limits(self, low: f64, high: f64) -> Self {
        Self { y_limits: Some((low, high)), ..self }
    }

    /// Writes names at y = 0, 1, … in place of numbers, with half a step of space at both ends.
    #[must_use]
    pub fn y_names(self, names: impl IntoIterator<Item = String>) -> Self {
        let y_names: Vec<String> = names.into_iter().collect();
        let last = y_names.len().saturating_sub(1) as f64;
        Self { y_names, y_limits: Some((-0.5, last + 0.5)), ..self }
    }

    /// Puts the ticks of the y axis at these values in place of round numbers.
    #[must_use]
    pub fn y_ticks(self, values: &[f64]) -> Self {
        Self { y_ticks: values.to_vec(), ..self }
    }

    /// Sets the height relative to the other panels (default: 1).
    #[must_use]
    pub fn weight(self, weight: f64) -> Self {
        Self { weight, ..self }
    }

    /// Adds a series; later ones are drawn over earlier ones.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Adds a thin horizontal reference line with a label.
    #[must_use]
    pub fn rule(mut self, y: f64, label: impl Into<String>) -> Self {
        self.rules.push((y, label.into()));
        self
    }

    /// Adds a thin vertical marker with a label.
    #[must_use]
    pub fn upright(mut self, x: f64, label: impl Into<String>) -> Self {
        self.uprights.push((x, label.into()));
        self
    }

    /// Shades the vertical band from `x0` to `x1`.
    #[must_use]
    pub fn shade(mut self, x0: f64, x1: f64) -> Self {
        self.shades.push((x0, x1));
        self
    }

    /// Adds a dimension line at `x` from `y0` to `y1`; left out where it would be a speck.
    #[must_use]
    pub fn span(mut self, x: f64, y0: f64, y1: f64) -> Self {
        self.spans.push((x, y0, y1));
        self
    }

    /// Adds a marked point.
    #[must_use]
    pub fn point(mut self, point: Point) -> Self {
        self.points.push(point);
        self
    }

    /// Replaces every text by what `translate` makes of it.
    pub(crate) fn translate(&mut self, translate: &dyn Fn(&str) -> String) {
        let labels = self.series.iter_mut().map(|series| &mut series.label);
        let rules = self.rules.iter_mut().chain(&mut self.uprights).map(|(_, label)| label);
        let lines = self.points.iter_mut().flat_map(|point| &mut point.lines);
        let texts = labels.chain(rules).chain(lines).chain(&mut self.y_names).chain([&mut self.y_label]);
        texts.for_each(|text| *text = translate(text));
        self.missing = missing(self).map(|text| translate(&text));
    }

    /// The weight, or 1 where it is not a positive number.
    pub(crate) fn share(&self) -> f64 {
        if self.weight.is_finite() && self.weight > 0.0 { self.weight.clamp(0.05, 20.0) } else { 1.0 }
    }
}
