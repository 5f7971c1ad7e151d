//! How long loops tell how far they are, and how they are stopped: one way for all of them.

use std::ops::ControlFlow;

/// Is told how far a long loop is, and can stop it.
///
/// `()` does not listen and never stops a loop. A closure listens, too:
///
/// ```
/// use std::ops::ControlFlow;
///
/// use collado_risk::{Planted, PlantedDescent};
///
/// let risk = Planted::new(6, 6)?;
/// let mut runs = risk.starts(0, 0..8);
/// let mut told = Vec::new();
/// let ended = risk.descend(&mut runs, &PlantedDescent::default(), &mut |share: f64| {
///     told.push(share);
///     ControlFlow::Break(())
/// })?;
/// assert!(ended.is_break() && told == [0.]);
/// # Ok::<(), collado_risk::Error>(())
/// ```
pub trait Progress {
    /// Takes the share of the work that is done, from 0 to 1. After `Break` the loop ends as soon as it can; what it
    /// returns then says so.
    fn update(&mut self, share: f64) -> ControlFlow<()>;
}

impl Progress for () {
    fn update(&mut self, _: f64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl<F: FnMut(f64) -> ControlFlow<()>> Progress for F {
    fn update(&mut self, share: f64) -> ControlFlow<()> {
        self(share)
    }
}

/// The progress of one part of a longer work: shares of the part become shares of the whole.
///
/// It remembers whether it was stopped, and tells later calls to stop as well, so that the caller can ask at the end.
pub struct Part<'a> {
    whole: &'a mut dyn Progress,
    from: f64,
    to: f64,
    flow: ControlFlow<()>,
}

impl<'a> Part<'a> {
    /// The part that begins at the share `from` of the whole and ends at `to`.
    pub fn new(whole: &'a mut dyn Progress, from: f64, to: f64) -> Self {
        Self { whole, from, to, flow: ControlFlow::Continue(()) }
    }

    /// Whether the part was stopped.
    pub fn is_stopped(&self) -> bool {
        self.flow.is_break()
    }
}

impl Progress for Part<'_> {
    fn update(&mut self, share: f64) -> ControlFlow<()> {
        if self.flow.is_continue() {
            self.flow = self.whole.update(self.from + (self.to - self.from) * share);
        }
        self.flow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_tells_shares_of_the_whole_and_remembers_that_it_was_stopped() {
        let mut told = Vec::new();
        let mut whole = |share: f64| {
            told.push(share);
            if share < 0.5 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let mut part = Part::new(&mut whole, 0.25, 0.75);
        assert!(part.update(0.).is_continue() && !part.is_stopped());
        assert!(part.update(0.5).is_break() && part.is_stopped());
        assert!(part.update(0.).is_break());
        assert_eq!(told, [0.25, 0.5]);
        assert!(().update(1.).is_continue());
    }
}
