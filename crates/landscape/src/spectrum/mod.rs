//! Spectra of symmetric operators, with errors: eigenvalues, traces and densities.

mod basis;
mod dense;
mod density;
mod ends;
mod krylov;
mod lanczos;
mod overlap;
mod pool;
mod trace;

pub use self::{
    dense::{DenseSpectrum, dense_spectrum},
    density::{Density, DensitySettings, density},
    ends::{Ends, RankCheck, Ritz},
    lanczos::{LanczosSettings, Side, lanczos},
    trace::{Trace, TraceSettings, trace},
};
