//! The search for paths between minima, which `connect` and `levelset` share.

mod attempt;
mod auto;
mod ends;
mod flags;
mod guarantee;
mod methods;
mod saved_attempts;

pub(crate) use self::{
    attempt::{Attempt, AttemptRunner, Attempts, Diverged, Outcome},
    auto::{AutoConnector, attempts},
    ends::{End, Ends},
    flags::{AlignBy, Method, SearchArgs, Target},
    guarantee::GuaranteeRecord,
    methods::{Named, named, note_unused},
    saved_attempts::SavedAttempts,
};
