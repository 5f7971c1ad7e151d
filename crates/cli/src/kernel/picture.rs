//! The pictures of `collado kernel`.

use collado_models::Arch;
use collado_plots::{Figure, Panel, Role, Scale, Series};

use super::{bounds::Bounds, report::KernelSummary};

/// The figure of eigenvalues in descending order; of a kernel of which only the ends are known it shows these.
pub(super) fn spectrum(arch: &Arch, kernels: &[KernelSummary]) -> Figure {
    let size = kernels.iter().map(|k| k.size).max().unwrap_or(0);
    let shown = [
        ("ntk_limit", "NTK, infinite width", Role::Train, true),
        ("last_layer_limit", "last layer, infinite width", Role::Test, true),
        ("ntk", "NTK", Role::Train, false),
        ("last_layer", "last layer", Role::Test, false),
    ];
    let mut panel = Panel::new("Eigenvalue (log scale)").scale(Scale::Log);
    for (name, label, role, limit) in shown {
        let Some(kernel) = kernels.iter().find(|k| k.name == name) else { continue };
        let values = match &kernel.spectrum.eigenvalues {
            Some(all) => all.iter().rev().enumerate().map(|(i, &x)| ((i + 1) as f64, x)).collect(),
            None => vec![(1., kernel.spectrum.max.value), (kernel.size as f64, kernel.spectrum.min.value)],
        };
        // Below the rounding error there is nothing to see.
        let (xs, ys): (Vec<f64>, Vec<f64>) =
            values.into_iter().filter(|&(_, y)| y > kernel.spectrum.rounding).unzip();
        let series = if kernel.spectrum.eigenvalues.is_some() {
            Series::line(label, &xs, &ys).width(if limit { 1.2 } else { 2. })
        } else {
            Series::dots(format!("{label}, both ends"), &xs, &ys)
        };
        panel = panel.series(if limit { series.dashed().role(role) } else { series.role(role) });
    }
    Figure::new("Eigenvalues of the kernels")
        .subtitle(format!("{arch}, {size} rows; values below the rounding error are left out"))
        .x_label("Number of the eigenvalue (log scale)")
        .x_scale(Scale::Log)
        .caption("The smallest eigenvalue bounds from below how fast the risk falls. A curve that ends early is a kernel of lower rank.")
        .panel(panel)
}

/// The figure of the measured squared gradient and its lower bounds against the number of examples.
pub(super) fn bounds(arch: &Arch, bounds: &[Bounds]) -> Figure {
    let xs: Vec<f64> = bounds.iter().map(|b| b.examples as f64).collect();
    let series = |label: &str, of: fn(&Bounds) -> f64| {
        Series::line(label, &xs, &bounds.iter().map(of).collect::<Vec<_>>()).markers()
    };
    let panel = Panel::new("Squared norm of the gradient (log scale)")
        .scale(Scale::Log)
        .series(series("measured", |b| b.measured).role(Role::Ink).width(2.))
        .series(series("last layer’s part", |b| b.bound.last_layer))
        .series(series("bound by λ_min", |b| b.bound.eigenvalue).role(Role::Test));
    Figure::new("The gradient and what the last layer's kernel guarantees")
        .subtitle(format!("{arch}; of the mean loss over the first m examples"))
        .x_label("Examples m (log scale)")
        .x_scale(Scale::Log)
        .caption("Each curve bounds the one above it. The lowest promises nothing once there are more examples than the last layer has inputs.")
        .panel(panel)
}
