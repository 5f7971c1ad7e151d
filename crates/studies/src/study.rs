//! What all studies have in common: settings that can be run.

use collado_risk::Progress;

use crate::{CellCache, Claim, Report, Result};

/// The settings of a study, which can be run.
///
/// The fields of the settings are the only place where a setting stands: with the feature `clap` they are the flags of the
/// command line, their comments are its help texts, [`Default`] gives the defaults, and [`Serialize`](serde::Serialize) writes
/// them into the results and tells stored cells of other settings apart.
pub trait Study: Clone + Default {
    /// The name of the study, as the command line has it.
    const NAME: &'static str;

    /// The claim that the study decides on.
    const CLAIM: Claim;

    /// Settings for a look within a minute.
    fn quick() -> Self {
        Self::default()
    }

    /// Settings that measure all that the theory gives numbers for.
    fn full() -> Self {
        Self::default()
    }

    /// The same settings with another seed; nothing changes where nothing is random.
    #[must_use]
    fn with_seed(self, seed: u64) -> Self;

    /// Measures and judges. Finished parts are kept in `cells`, so that a study that was stopped can go on.
    ///
    /// # Errors
    /// [`Setting`](crate::StudyError::Setting) when a setting is out of range, [`Interrupted`](crate::StudyError::Interrupted)
    /// when `progress` stops the study, [`Cell`](crate::StudyError::Cell) when a part cannot be kept, and the errors of what is
    /// measured.
    fn report(&self, cells: &CellCache, progress: &mut dyn Progress) -> Result<Report>;
}
