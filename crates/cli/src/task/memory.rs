//! Networks whose examples share the statistics of batch normalisation need memory for all of them at once.

use collado_risk::{EmpiricalRisk, Error, Statistics};

use crate::failure::Failure;

/// Whether derivatives go through statistics that many rows share.
pub(crate) fn shares_statistics(risk: &EmpiricalRisk) -> bool {
    let normalises = risk.network().batch_norms().next().is_some();
    normalises && matches!(risk.statistics(), Statistics::Population | Statistics::Train { .. })
}

/// The failure for an error of exact curvature, which has the `share`-th part of `--memory`.
pub(crate) fn short_of_memory(error: Error, share: usize) -> Failure {
    match error {
        Error::Memory { rows, needed, found, fit } => {
            let (needed, found) = (share * needed, share * found);
            let message = format!(
                "--memory: expected at least {needed}MiB for {rows} rows that share their statistics, found {found}MiB"
            );
            Failure::new(message).hint(format!("it holds {fit} rows: --bn-rows takes statistics over fewer"))
        }
        error => error.into(),
    }
}
