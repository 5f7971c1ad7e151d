//! Marked points of a panel.

use crate::color::Role;

/// A marked point, with up to a few lines of text beside it.
#[derive(Clone, Debug)]
pub struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) lines: Vec<String>,
    pub(crate) role: Role,
    pub(crate) shape: Shape,
}

/// The shape of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A filled dot.
    Dot,
    /// A small ring, white inside.
    Ring,
    /// No mark, only the text.
    Bare,
}

impl Point {
    /// A filled dot at (x, y) in the colour of the text.
    #[must_use]
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, lines: Vec::new(), role: Role::Ink, shape: Shape::Dot }
    }

    /// Adds a line of text; the first is set darker than the rest.
    #[must_use]
    pub fn text(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Sets the colour (default: [`Role::Ink`]).
    #[must_use]
    pub fn role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// Draws a small ring, for the knots of a curve.
    #[must_use]
    pub fn ring(self) -> Self {
        Self { shape: Shape::Ring, ..self }
    }

    /// Draws the text only.
    #[must_use]
    pub fn bare(self) -> Self {
        Self { shape: Shape::Bare, ..self }
    }
}
