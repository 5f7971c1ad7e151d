//! Diagrams: steps, each of which reads earlier ones, as boxes in layers with lines between them.

mod draw;
mod layers;

use self::{draw::Sheet, layers::Layers};
use crate::canvas::Picture;
use crate::color::Role;
use crate::error::{Error, Result};
use crate::page::Page;
use crate::paper::MARGIN;
use crate::text::Font;
use crate::words::{Words, figure_methods};

/// A box of a diagram.
#[derive(Clone, Debug)]
pub struct Step {
    /// The lines of text in it; the first stands out.
    pub lines: Vec<String>,
    /// The numbers of the steps that it reads, all of them smaller than its own.
    pub reads: Vec<usize>,
    /// The role that decides its colour.
    pub role: Role,
}

/// A title, steps in layers from top to bottom, and a caption. Where there are many layers, they go on at the top of
/// another column to the right.
#[derive(Clone, Debug)]
pub struct Diagram {
    words: Words,
    steps: Vec<Step>,
}

/// The largest number of steps that can be drawn.
const MOST: usize = 2000;

figure_methods!(Diagram);

impl Diagram {
    /// A diagram without steps.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { words: Words::titled(title), steps: Vec::new() }
    }

    /// Adds a step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn draw(&self) -> Result<Picture> {
        if self.steps.is_empty() || self.steps.len() > MOST {
            return Err(Error::Steps { most: MOST, found: self.steps.len() });
        }
        if let Some(step) =
            self.steps.iter().enumerate().find_map(|(i, s)| s.reads.iter().any(|&r| r >= i).then_some(i))
        {
            return Err(Error::Order { step });
        }
        let sheet = Sheet::new(&Font::regular(), &self.steps, &Layers::new(&self.steps));
        let width = (sheet.size.0 + 2.0 * MARGIN).max(480.0);
        let mut page = Page::new(&self.words, width);
        let top = page.top + 12.0;
        sheet.draw(&mut page.canvas, (f64::midpoint(0.0, width - sheet.size.0), top));
        Ok(page.finish(top + sheet.size.1 + MARGIN))
    }
}
