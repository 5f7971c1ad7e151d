//! The ends of the spectrum of a large network, with trace and density.

use collado_landscape::{
    Density, DensitySettings, LanczosSettings, LinearOperator, TraceSettings, density, lanczos, trace,
};
use collado_plots::{Panel, Role, Scale, Series};

use super::{
    args::SpectrumArgs,
    found::{SpectrumResult, failed},
    lines::Lines,
    summary::{IndexStatus, Method, Trace, Values},
};
use crate::{failure::Failure, progress};

/// The lowest density that is drawn, relative to the highest.
const SHOWN: f64 = 1e-6;

/// Computes one or both ends, trace and density; `memory` bounds the bytes of their vectors.
pub(super) fn ends(
    args: &SpectrumArgs,
    operator: &dyn LinearOperator,
    memory: usize,
) -> Result<SpectrumResult, Failure> {
    let seed = args.common.seed;
    let settings = LanczosSettings {
        count: args.count,
        side: args.side.into(),
        steps: args.steps,
        check: args.check,
        tolerance: args.tolerance,
        memory,
        seed,
        ..LanczosSettings::default()
    };
    let bar = progress::bar("spectrum", args.common.quiet);
    let mut tell = progress::shares(&bar);
    let found = lanczos(operator, &settings, &mut tell).map_err(failed)?;
    bar.set_message("trace");
    let settings = TraceSettings { products: args.products, memory, seed };
    let sum = match args.products {
        0 => None,
        _ => Some(trace(operator, &settings, &mut tell).map_err(failed)?),
    };
    bar.set_message("density");
    let settings = DensitySettings { probes: args.probes, memory, seed, ..DensitySettings::default() };
    let smooth = match args.probes {
        0 => Density { at: vec![], value: vec![], stderr: vec![], sigma: f64::NAN },
        _ => density(operator, &settings, &mut tell).map_err(failed)?,
    };
    bar.finish_and_clear();
    if !found.converged {
        args.common.note("Lanczos ended before all residuals were small: more --steps help");
    }
    let values = Values {
        eigenvalues: None,
        index: found.negative,
        index_status: IndexStatus::Bound,
        zero_modes: None,
        trace: sum.map(|sum| Trace { value: sum.value, stderr: sum.stderr }),
        lines: Lines::of_ends(&found),
        method: Method::Lanczos { steps: found.steps, converged: found.converged },
    };
    let floor = SHOWN * smooth.value.iter().fold(f64::MIN_POSITIVE, |m, v| m.max(*v));
    // Between eigenvalues there is no density: the curve has gaps there, not a floor.
    let shown = |v: f64, other: f64| if v > floor { other.max(floor) } else { f64::NAN };
    let edge = |sign: f64| -> Vec<f64> {
        smooth.value.iter().zip(&smooth.stderr).map(|(v, e)| shown(*v, v + 2. * sign * e)).collect()
    };
    let drawn: Vec<f64> = smooth.value.iter().map(|&v| shown(v, v)).collect();
    let curve = Series::line("density, band of two standard errors", &smooth.at, &drawn);
    let mut panel = Panel::new("Density (log scale)").scale(Scale::Log);
    panel = panel.series(curve.uncounted().band(&edge(-1.), &edge(1.)));
    let (x, y): (Vec<f64>, Vec<f64>) =
        found.top.iter().chain(&found.bottom).map(|r| (r.value, floor)).unzip();
    panel = panel.series(Series::dots("eigenvalues at both ends", &x, &y).role(Role::Test));
    let rows = (0..drawn.len()).map(|i| [smooth.at[i], smooth.value[i], smooth.stderr[i]]).collect();
    let note = format!("eigenvalues widened by {:.2e}", smooth.sigma);
    let header = ["lambda", "density", "stderr"];
    let (check, axis) = (Some(found.check), "eigenvalue λ");
    let caption = "How many eigenvalues lie near λ, as a share of all: nearly all at 0, a few far above. Dots: those that were computed.";
    Ok(SpectrumResult { values, check, header, rows, panel, axis, note, caption })
}
