//! The whole spectrum of a small network.

use collado_landscape::{LinearOperator, dense_spectrum, explicit};
use collado_plots::{Panel, Role, Scale, Series};

use super::{
    args::{SideName, SpectrumArgs},
    found::{SpectrumResult, failed},
    lines::Lines,
    summary::{IndexStatus, Method, Trace, Values},
};
use crate::{failure::Failure, progress};

/// Computes all eigenvalues.
pub(super) fn dense(args: &SpectrumArgs, operator: &dyn LinearOperator) -> Result<SpectrumResult, Failure> {
    let bar = progress::bar("matrix", args.common.quiet);
    let (matrix, asymmetry) = explicit(operator, &mut progress::shares(&bar)).map_err(failed)?;
    bar.finish_and_clear();
    let found = dense_spectrum(&matrix, asymmetry)?;
    let (values, n) = (&found.eigenvalues, found.eigenvalues.len());
    let counts = match args.side {
        SideName::Top => (args.count.min(n), 0),
        SideName::Bottom => (0, args.count.min(n)),
        SideName::Both => (args.count.min(n.div_ceil(2)), args.count.min(n / 2)),
    };
    let spectrum = Values {
        eigenvalues: Some(values.clone()),
        index: found.index,
        index_status: IndexStatus::Exact,
        zero_modes: Some(found.zero_modes),
        trace: Some(Trace { value: values.iter().sum(), stderr: 0. }),
        lines: Lines::of_all(values, counts, found.rounding),
        method: Method::Dense { rounding: found.rounding },
    };
    let rank: Vec<f64> = (0..n).map(|i| (i + 1) as f64).collect();
    let descending: Vec<f64> = values.iter().rev().copied().collect();
    let pick = |keep: fn(f64, f64) -> bool| -> Vec<(f64, f64)> {
        let both = rank.iter().zip(&descending).filter(|(_, v)| keep(**v, found.rounding));
        both.map(|(r, v)| (*r, v.abs())).collect()
    };
    let series = |label: String, points: Vec<(f64, f64)>, role: Role| {
        let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        Series::dots(label, &x, &y).role(role)
    };
    let positive = pick(|v, r| v > r);
    let negative = pick(|v, r| v < -r);
    let panel = Panel::new("|λ| (log scale)")
        .scale(Scale::Log)
        .rule(found.rounding, "rounding")
        .series(series(format!("{} negative", negative.len()), negative, Role::Test))
        .series(series(format!("{} positive", positive.len()), positive, Role::Train));
    let note = format!("{} zero modes within rounding are not drawn", found.zero_modes);
    let rows = rank.iter().zip(&descending).map(|(r, v)| [*r, *v, found.rounding]).collect();
    let axis = "rank, largest eigenvalue first";
    let header = ["rank", "eigenvalue", "error"];
    let caption = "All eigenvalues, counted with multiplicities. One that is negative beyond rounding is a direction of descent.";
    Ok(SpectrumResult { values: spectrum, check: None, header, rows, panel, axis, note, caption })
}
