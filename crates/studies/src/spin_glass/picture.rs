//! Pictures of energy against index, of the bulk of the Hessians, and of the network's critical points.

use std::f64::consts::PI;

use collado_plots::{Figure, Panel, Point, Role, Series};

use super::{NetworkScatter, SpinGlassSettings, SpinPoint, index_fraction, threshold};

/// Energy against the share of negative eigenvalues, with the semicircle law.
pub(super) fn picture(settings: &SpinGlassSettings, points: &[SpinPoint]) -> Figure {
    let series = |label: &str, descent: bool, role: Role| {
        let chosen = points.iter().filter(|x| x.is_critical && x.by_descent == descent);
        let (x, y): (Vec<f64>, Vec<f64>) = chosen.map(|x| (x.energy, x.index_fraction())).unzip();
        Series::dots(label, &x, &y).role(role).opacity(0.6)
    };
    let edge = threshold(settings.p);
    let far = points.iter().filter(|x| x.is_critical).fold(-edge, |m, x| m.max(x.energy.abs())) * 1.05;
    let xs: Vec<f64> = (0..=400).map(|i| far * (f64::from(i) / 200. - 1.)).collect();
    let law: Vec<f64> = xs.iter().map(|&u| index_fraction(settings.p, u)).collect();
    let panel = Panel::new("Share of negative eigenvalues")
        .y_limits(-0.03, 1.03)
        .upright(edge, "E∞")
        .series(Series::line("semicircle law", &xs, &law).role(Role::Ink).width(1.4))
        .series(series("found by Newton's method", false, Role::Train))
        .series(series("found by descent", true, Role::Test));
    let count = points.iter().filter(|x| x.is_critical).count();
    Figure::new("Critical points of the spherical p-spin glass")
        .subtitle(format!("p = {}, N = {}, {count} critical points", settings.p, settings.size))
        .caption("By the law the energy of a critical point says which share of all directions leads down.")
        .x_label("Energy u = H/N")
        .panel(panel)
}

/// Eigenvalues of all Hessians, moved and scaled to the unit semicircle.
pub(super) fn bulk_picture(settings: &SpinGlassSettings, points: &[SpinPoint]) -> Figure {
    let p = settings.p as f64;
    let radius = 2. * (p * (p - 1.)).sqrt();
    let moved =
        |x: &SpinPoint| -> Vec<f64> { x.eigenvalues.iter().map(|v| (v + p * x.energy) / radius).collect() };
    let all: Vec<f64> = points.iter().filter(|x| x.is_critical).flat_map(moved).collect();
    let (cells, width) = (50, 0.05);
    let middles: Vec<f64> = (0..cells).map(|i| -1.25 + width * (f64::from(i) + 0.5)).collect();
    let share = |m: &f64| {
        let inside = all.iter().filter(|v| (*v - m).abs() <= width / 2.).count();
        inside as f64 / (all.len() as f64 * width)
    };
    let found: Vec<f64> = middles.iter().map(share).collect();
    let xs: Vec<f64> = (0..=200).map(|i| f64::from(i) / 100. - 1.).collect();
    let law: Vec<f64> = xs.iter().map(|x| 2. / PI * (1. - x * x).sqrt()).collect();
    let panel = Panel::new("Density")
        .from_zero()
        .series(Series::line("semicircle", &xs, &law).role(Role::Ink).width(1.4))
        .series(Series::dots("eigenvalues found", &middles, &found));
    Figure::new("Bulk of the Hessians at critical points")
        .subtitle(format!("p = {}, N = {}, {} eigenvalues", settings.p, settings.size, all.len()))
        .caption("By the law the eigenvalues, moved and scaled like this, have the density of a semicircle.")
        .x_label("(λ + pu) / 2√(p(p−1))")
        .panel(panel)
}

/// Risk against the share of negative eigenvalues in a small network, with the law where it fits.
pub(super) fn network_picture(network: &NetworkScatter) -> Figure {
    let risks = network.points.iter().map(|p| p.risk);
    let (low, high) = risks.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), r| (l.min(r), h.max(r)));
    let air = 0.03 * (high - low);
    let top = network.points.iter().map(|p| p.index_fraction).fold(0.1, f64::max);
    let mut panel = Panel::new("Share of negative eigenvalues")
        .y_limits(-0.03 * top, 1.08 * top)
        .point(Point::new(low - air, 0.).bare())
        .point(Point::new(high + air, 0.).bare());
    if let Some(law) = network.law.filter(collado_landscape::SemicircleLaw::applies) {
        let xs: Vec<f64> =
            (0..=300).map(|i| low - air + (high - low + 2. * air) * f64::from(i) / 300.).collect();
        let ys: Vec<f64> = xs.iter().map(|&x| law.at(x)).collect();
        let label = format!("semicircle law, fitted (rms {:.2})", law.rms);
        panel = panel.series(Series::line(label, &xs, &ys).role(Role::Ink).width(1.4));
    }
    for (label, descent, role) in
        [("found by lowering the gradient", false, Role::Train), ("found by lowering F", true, Role::Test)]
    {
        let chosen = network.points.iter().filter(|p| p.by_descent == descent);
        let (x, y): (Vec<f64>, Vec<f64>) = chosen.map(|p| (p.risk, p.index_fraction)).unzip();
        panel = panel.series(Series::dots(label, &x, &y).role(role).opacity(0.6));
    }
    let note = format!("{}; {} critical points", NetworkScatter::title(), network.points.len());
    Figure::new("Critical points of a small network")
        .subtitle(note)
        .caption("Does a higher risk come with more directions that lead down in a network, too?")
        .x_label("Risk F")
        .panel(panel)
}
