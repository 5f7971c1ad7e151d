#![doc = include_str!("../README.md")]

mod kernel;

pub use self::kernel::{
    Extreme, GradientBound, Kernel, KernelSpectrum, Outputs, SpectrumSettings, Tangent, WidthLimit,
    arc_cosine,
};
