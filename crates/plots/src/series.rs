//! Series: one curve or cloud of points.

use crate::color::Role;
use crate::curves::DASH;
use crate::error::{Error, Result};

/// The shape of a dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Disc,
    Square,
    Triangle,
    Diamond,
}

/// Dashes and shapes that can be told apart in grey.
const PATTERNS: [Option<[f64; 2]>; 5] =
    [None, Some([9.0, 3.0]), Some([1.8, 2.4]), Some([15.0, 4.0]), Some([3.5, 1.8])];
const SHAPES: [Shape; 4] = [Shape::Disc, Shape::Square, Shape::Triangle, Shape::Diamond];

/// A curve or a cloud of points, with a label for the legend; an empty label is not shown.
#[derive(Clone, Debug)]
pub struct Series {
    pub(crate) label: String,
    pub(crate) xs: Vec<f64>,
    pub(crate) ys: Vec<f64>,
    pub(crate) role: Role,
    pub(crate) width: f64,
    pub(crate) opacity: f64,
    /// The lengths of dash and gap.
    pub(crate) dash: Option<[f64; 2]>,
    pub(crate) shape: Shape,
    pub(crate) joined: bool,
    pub(crate) markers: bool,
    pub(crate) band: Option<(Vec<f64>, Vec<f64>)>,
    pub(crate) counted: bool,
}

impl Series {
    /// A line through the points in the order given.
    #[must_use]
    pub fn line(label: impl Into<String>, xs: &[f64], ys: &[f64]) -> Self {
        Self {
            label: label.into(),
            xs: xs.to_vec(),
            ys: ys.to_vec(),
            role: Role::default(),
            width: 2.25,
            opacity: 1.0,
            dash: None,
            shape: Shape::Disc,
            joined: true,
            markers: false,
            band: None,
            counted: true,
        }
    }

    /// Dots without a line.
    #[must_use]
    pub fn dots(label: impl Into<String>, xs: &[f64], ys: &[f64]) -> Self {
        Self { joined: false, markers: true, ..Self::line(label, xs, ys) }
    }

    /// Sets the role of the series, which decides its colour (default: [`Role::Train`]).
    #[must_use]
    pub fn role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// Sets the width of the line in px (default: 2.25).
    #[must_use]
    pub fn width(self, width: f64) -> Self {
        Self { width, ..self }
    }

    /// Sets the opacity, 0 to 1 (default: 1).
    #[must_use]
    pub fn opacity(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }

    /// Draws the line dashed.
    #[must_use]
    pub fn dashed(self) -> Self {
        Self { dash: Some(DASH), ..self }
    }

    /// Draws a dot at every point.
    #[must_use]
    pub fn markers(self) -> Self {
        Self { markers: true, ..self }
    }

    /// Shades the band between `lower` and `upper`, which have one value per point.
    #[must_use]
    pub fn band(self, lower: &[f64], upper: &[f64]) -> Self {
        Self { band: Some((lower.to_vec(), upper.to_vec())), ..self }
    }

    /// Leaves gaps without counting them, as is right for a summary of other series, which count their own.
    #[must_use]
    pub fn uncounted(self) -> Self {
        Self { counted: false, ..self }
    }

    /// Takes the dash and the shape number `place`.
    pub(crate) fn tell_apart(&mut self, place: usize) {
        self.dash = PATTERNS[place % PATTERNS.len()];
        self.shape = SHAPES[place % SHAPES.len()];
    }

    /// Refuses columns of different lengths.
    pub(crate) fn check(&self) -> Result<()> {
        let mut columns = vec![("y", self.ys.len())];
        if let Some((lower, upper)) = &self.band {
            columns.extend([("lower band", lower.len()), ("upper band", upper.len())]);
        }
        let expected = self.xs.len();
        match columns.into_iter().find(|&(_, got)| got != expected) {
            None => Ok(()),
            Some((column, got)) => Err(Error::Length { label: self.label.clone(), column, expected, got }),
        }
    }

    /// All y values, those of the band included.
    pub(crate) fn all_ys(&self) -> impl Iterator<Item = f64> + '_ {
        let band = self.band.iter().flat_map(|(lower, upper)| lower.iter().chain(upper));
        self.ys.iter().chain(band).copied()
    }
}
