use collado_dynamics::{Control, Epoch, Observe, Result};

/// Told the share of a study that is done; `false` stops it.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(f64) -> bool;

/// Watches one training among others: it is the share from `from` to `to` of the study.
pub(crate) struct Watch<'a, 'b> {
    progress: &'a mut (dyn FnMut(f64) -> bool + 'b),
    from: f64,
    to: f64,
    share: f64,
    stopped: bool,
}

impl<'a, 'b> Watch<'a, 'b> {
    pub(crate) fn new(progress: &'a mut (dyn FnMut(f64) -> bool + 'b), from: f64, to: f64) -> Self {
        Self { progress, from, to, share: 0., stopped: false }
    }

    /// Whether someone asked to stop.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped
    }
}

impl Observe for Watch<'_, '_> {
    fn observe(&mut self, epoch: &Epoch<'_>) -> Result<()> {
        self.share = epoch.epoch as f64 / epoch.epochs as f64;
        Ok(())
    }

    fn poll(&mut self) -> Control {
        self.stopped |= !(self.progress)(self.from + (self.to - self.from) * self.share);
        if self.stopped { Control::Stop } else { Control::Continue }
    }
}
