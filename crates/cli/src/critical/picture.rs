//! The picture of `collado critical`.

use collado_landscape::SemicircleLaw;
use collado_plots::{Figure, Panel, Point, Role, Series};

use super::found::{CriticalResult, Member};

/// A band of minima thinner than this share of the axis is drawn as a line.
const THIN: f64 = 2e-3;

/// The figure of index fraction against risk.
pub(super) fn figure(found: &CriticalResult<'_>) -> Figure {
    let risks = || found.members.iter().map(|m| m.point.risk);
    let (low, high) = risks().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), r| (l.min(r), h.max(r)));
    let top = found.members.iter().map(|m| m.point.index_fraction()).fold(0.02, f64::max);
    let mut panel = Panel::new("Share of negative eigenvalues").y_limits(-0.03 * top, 1.08 * top);
    if let Some((least, most)) = found.minima() {
        panel = match most - least > THIN * (high - low) {
            true => panel.shade(least, most),
            false => panel.upright(least, "minima"),
        };
    }
    // Air at both ends.
    let (left, right) = (low - 0.03 * (high - low), high + 0.03 * (high - low));
    for x in [left, right].into_iter().filter(|x| x.is_finite()) {
        panel = panel.point(Point::new(x, 0.).bare());
    }
    if let Some(law) = found.law.filter(SemicircleLaw::applies) {
        let xs: Vec<f64> = (0..=300).map(|i| left + (right - left) * f64::from(i) / 300.).collect();
        let ys: Vec<f64> = xs.iter().map(|&x| law.at(x)).collect();
        panel = panel.series(
            Series::line(format!("semicircle law, fitted (rms {:.2})", law.rms), &xs, &ys)
                .role(Role::Ink)
                .width(1.4),
        );
    }
    let mut series = |label: &str, role: Role, keep: &dyn Fn(&Member<'_>) -> bool| {
        let chosen: Vec<&Member<'_>> = found.members.iter().filter(|m| keep(m)).collect();
        if chosen.is_empty() {
            return;
        }
        let (x, y): (Vec<f64>, Vec<f64>) =
            chosen.iter().map(|m| (m.point.risk, m.point.index_fraction())).unzip();
        let dots = Series::dots(format!("{label}: {}", x.len()), &x, &y).role(role).opacity(0.65);
        panel = panel.clone().series(dots);
    };
    let odd = |m: &Member<'_>| m.point.is_degenerate() || m.point.is_on_kink();
    series("degenerate", Role::Reference, &|m| m.point.is_degenerate() && !m.point.is_on_kink());
    series("on a kink", Role::Group(3), &|m| m.point.is_on_kink());
    series("from random starts", Role::Test, &|m| !odd(m) && m.start.source() == "random");
    series("by lowering F", Role::Accent, &|m| !odd(m) && m.start.source() == "descent");
    series("along training runs", Role::Train, &|m| !odd(m) && m.start.source() == "run");
    let shaded = found.minima().filter(|(least, most)| most - least > THIN * (high - low));
    let note = if shaded.is_some() { "; shaded: no negative eigenvalue" } else { "" };
    let (task, count) = (found.task, found.members.len());
    Figure::new("Critical points: index against risk")
        .subtitle(format!("{} on {}, {count} points up to symmetry{note}", task.arch, task.data.spec))
        .x_label("risk F")
        .caption("Each dot is a critical point. In the picture of spin glasses, the higher the risk, the more directions lead down.")
        .panel(panel)
}
