//! Decompositions of dense real matrices in `f64`: eigenvalues, singular values, Cholesky, LU and QR.
//!
//! faer is generic, so that every crate that calls it compiles it anew; here it is compiled once, for the one type that
//! proofs, curvature and closed forms use. Matrices are faer's own; sums and products of them stay with its operators.
//!
//! ```
//! use collado_linalg::symmetric_eigen;
//! use faer::mat;
//! let eigen = symmetric_eigen(mat![[2., 1.], [1., 2.]].as_ref())?;
//! assert!((eigen.values[0] - 1.).abs() < 1e-15 && (eigen.values[1] - 3.).abs() < 1e-15);
//! # Ok::<(), collado_linalg::NoConvergence>(())
//! ```

mod cholesky;
mod dot;
mod eigen;
mod lu;
mod qr;
mod svd;

pub use cholesky::{Cholesky, NotPositiveDefinite};
pub use dot::dot;
pub use eigen::{Eigen, symmetric_eigen, symmetric_eigenvalues};
pub use lu::Lu;
pub use qr::{independent_columns, range};
pub use svd::{Svd, singular_values, thin_svd};

/// The error that an iteration did not converge, for example because of values that are not finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} does not converge")]
pub struct NoConvergence(
    /// The name of the computation.
    pub &'static str,
);
