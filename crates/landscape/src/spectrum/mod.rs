//! Spectra of symmetric operators with error bars.

mod basis;
mod dense;
mod density;
mod lanczos;
mod trace;

pub(crate) use self::{basis::normal, lanczos::Krylov};
pub use self::{
    dense::{DenseSpectrum, dense_spectrum},
    density::{Density, DensitySettings, density},
    lanczos::{Ends, LanczosSettings, Ritz, lanczos},
    trace::{Trace, trace},
};
