//! Pictures of the two landscapes on the circle of directions, and of the barrier against the data.

use collado_plots::{Figure, Panel, Point, Role, Series};

use super::{Landscape, ReluBarrier};
use crate::circle::{ANGLE, ANGLES, tuple};

pub(super) fn pictures(found: &ReluBarrier) -> Vec<(&'static str, Figure)> {
    let sweep = (!found.sweep.is_empty()).then(|| ("data", data(found)));
    std::iter::once(("circle", circle(found))).chain(sweep).collect()
}

/// The least F of each direction for both targets, with the level that no path avoids.
fn circle(found: &ReluBarrier) -> Figure {
    let settings = &found.settings;
    Figure::new("One ReLU neuron: two valleys or one, as the data decide")
        .subtitle(format!(
            "Φ(x) = wρ(ux + b), x = {}, κ = {}; the least F of each direction of (u, b)",
            tuple(&settings.x),
            settings.kappa
        ))
        .caption("0° rises to the right, 90° is constant, 180° rises to the left, 270° is off. No path leaves a valley below the line.")
        .x_label(ANGLE)
        .x_ticks(&ANGLES)
        .beside()
        .panel(panel(&found.blocked))
        .panel(panel(&found.free))
}

fn panel(of: &Landscape) -> Panel {
    let (xs, ys): (Vec<f64>, Vec<f64>) = of.profile.iter().copied().unzip();
    let lowest = of.minima.iter().map(|valley| valley.risk[1]).fold(of.zero, f64::min);
    let room = 0.3 * (of.zero - lowest).max(1e-6);
    let curve = Series::line("", &xs, &ys).role(Role::Train).width(2.4);
    let title = format!("F for y = {}", tuple(&of.targets));
    let mut panel = Panel::new(title).y_limits(lowest - room, of.zero + room).series(curve);
    if let Some((_, level)) = of.pass {
        panel = panel.rule(level, format!("every path reaches {level:.3}"));
    }
    for valley in &of.minima {
        let point = Point::new(valley.degrees, valley.risk[1]);
        panel = panel.point(point.text(format!("{:.3}", valley.risk[1])));
    }
    panel
}

/// The proved barrier against the target of the middle example.
fn data(found: &ReluBarrier) -> Figure {
    let xs: Vec<f64> = found.sweep.iter().map(|p| p.target).collect();
    let ys: Vec<f64> = found.sweep.iter().map(|p| p.barrier).collect();
    let middle = found.settings.x.len() / 2;
    let panel = Panel::new("Proved rise above the higher minimum that no path avoids")
        .from_zero()
        .series(Series::line("", &xs, &ys).role(Role::Test).width(2.4).markers());
    Figure::new("The barrier depends on the data")
        .subtitle(format!(
            "Targets {}, the one at x = {} replaced; 0 where there is one minimum only",
            tuple(&found.blocked.targets),
            found.settings.x[middle]
        ))
        .caption("The same network: for some targets every path between the minima has to climb, for others none has.")
        .x_label(format!("Target at x = {}", found.settings.x[middle]))
        .panel(panel)
}
