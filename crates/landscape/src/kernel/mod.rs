//! Kernels of over-parameterised networks (docs/theory.md §11): how the outputs at two examples move together when the
//! parameters move.
//!
//! With $J_{(i,o),s}=\partial\Phi_o(x_i;\theta)/\partial\theta_s$ the empirical neural tangent kernel is
//! $\Theta=JJ^\top$ ([`Tangent::kernel`]; Jacot, Gabriel & Hongler 2018), the last layer's weights alone give
//! $\bar K_\Theta=\sum_kv_kv_k^\top$ ([`Tangent::last_layer`]).

mod bound;
mod chain;
mod general;
mod gram;
mod lanczos;
mod limit;
mod matrix;
mod spectrum;
mod tangent;

pub use self::{
    bound::GradientBound,
    limit::{WidthLimit, arc_cosine},
    matrix::Kernel,
    spectrum::{Extreme, KernelSpectrum, SpectrumSettings},
    tangent::{Outputs, Tangent},
};
