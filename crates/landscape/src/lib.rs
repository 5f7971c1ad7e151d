#![doc = include_str!("../README.md")]

mod critical;
mod error;
mod kernel;
mod operator;
mod section;
mod spectrum;

pub use self::{
    critical::{
        CriticalPoint, CriticalSearch, CriticalSettings, Goal, SearchEnd, SemicircleLaw, Termination,
        semicircle_index,
    },
    error::{Error, Result},
    kernel::{
        Extreme, GradientBound, Kernel, KernelSpectrum, Outputs, SpectrumSettings, Tangent, WidthLimit,
        arc_cosine,
    },
    operator::{CentralDifference, Curvature, LinearOperator, explicit},
    section::{Principal, Projection, Section, filter_normalized, principal},
    spectrum::{
        DenseSpectrum, Density, DensitySettings, Ends, LanczosSettings, RankCheck, Ritz, Side, Trace,
        TraceSettings, dense_spectrum, density, lanczos, trace,
    },
};
