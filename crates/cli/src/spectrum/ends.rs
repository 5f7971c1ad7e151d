use collado_landscape::{
    Curvature, Density, DensitySettings, LanczosSettings, Ritz, density, lanczos, trace,
};
use collado_plots::{Panel, Role, Scale, Series};
use serde_json::json;

use super::{Found, SpectrumArgs, interrupted};
use crate::{failure::Failure, json::number, progress};

/// The lowest density that is drawn, over the highest.
const SHOWN: f64 = 1e-6;

/// Both ends, trace and density.
pub(super) fn ends(args: &SpectrumArgs, operator: &Curvature<'_>) -> Result<Found, Failure> {
    let settings = LanczosSettings {
        count: args.count,
        steps: args.steps,
        tolerance: args.tolerance,
        seed: args.common.seed,
    };
    let bar = progress::bar("spectrum", args.common.quiet);
    let found = lanczos(operator, &settings, &mut |done, most| {
        bar.set_length(most as u64);
        bar.set_position(done as u64);
        !progress::interrupted()
    })?;
    let mut tell = progress::shares(&bar);
    bar.set_message("trace");
    let sum = trace(operator, args.products, args.common.seed, &mut tell).map_err(interrupted)?;
    bar.set_message("density");
    let smooth =
        DensitySettings { probes: args.probes, seed: args.common.seed, ..DensitySettings::default() };
    let smooth = match args.probes {
        0 => Density { at: vec![], value: vec![], stderr: vec![], sigma: f64::NAN },
        _ => density(operator, &smooth, &mut tell).map_err(interrupted)?,
    };
    bar.finish_and_clear();
    if !found.converged {
        args.common.note("Lanczos ended before all residuals were small: more --steps help");
    }
    let pair = |r: &Ritz| json!({"value": number(r.value), "residual": number(r.residual)});
    let summary = json!({
        "eigenvalues": null,
        "top": found.top.iter().map(pair).collect::<Vec<_>>(),
        "bottom": found.bottom.iter().map(pair).collect::<Vec<_>>(),
        "index": found.negative, "index_status": "bound", "zero_modes": null,
        "trace": {"value": number(sum.value), "stderr": number(sum.stderr)},
        "steps": found.steps, "converged": found.converged,
    });
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
    Ok(Found { summary, header: ["lambda", "density", "stderr"], rows, panel, axis: "eigenvalue λ", note })
}
