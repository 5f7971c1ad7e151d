//! Proofs along a path: its highest risk, for every t (docs/certificates.md).

use collado_models::Activation;
use collado_risk::{EmpiricalRisk, Path, Progress};

use crate::{Certificate, CertifySettings, Error, Result, search::Search};

/// Encloses the largest risk along `path`, for every real t in \[0, 1\], with rounding accounted for.
///
/// `progress` is told after every bisection how much of the gap is closed, on a logarithmic scale. When it stops the
/// search, the enclosure found so far is returned, with [`Status::Stopped`](crate::Status::Stopped).
///
/// # Errors
/// When sizes or settings do not fit, a number is not finite, or the risk overflows.
pub fn certify_path(
    path: &Path,
    risk: &EmpiricalRisk,
    settings: &CertifySettings,
    progress: &mut dyn Progress,
) -> Result<Certificate> {
    if !(settings.tolerance >= 0. && settings.tolerance.is_finite()) {
        let found = settings.tolerance.to_string();
        return Err(Error::Setting { name: "tolerance", expected: "a finite number ≥ 0", found });
    }
    if settings.max_subintervals == 0 {
        let found = settings.max_subintervals.to_string();
        return Err(Error::Setting { name: "max_subintervals", expected: "at least 1", found });
    }
    let linear = risk.arch().activation() == Activation::Linear;
    Search::new(path, risk, settings)?.run(linear, progress)
}

/// Encloses the largest risk along `path` with the default settings: a proof of
/// $\text{lo}\le\max_tF(\gamma(t))\le\text{hi}$ for every real t in \[0, 1\].
///
/// # Errors
/// The errors of [`certify_path`].
pub fn certify(risk: &EmpiricalRisk, path: &Path) -> Result<Certificate> {
    certify_path(path, risk, &CertifySettings::default(), &mut ())
}
