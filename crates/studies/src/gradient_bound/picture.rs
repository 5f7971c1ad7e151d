//! Pictures of the constant against n and m, and of the constant in the neighbourhood of a start.

use collado_plots::{Figure, Panel, Role, Scale, Series};

use super::{Cell, GradientBound, Run};

pub(super) fn pictures(found: &GradientBound) -> Vec<(&'static str, Figure)> {
    let last = found.cells.last().map(|cell| ("neighbourhood", neighbourhood(found, cell)));
    std::iter::once(("constant", constant(found))).chain(last).collect()
}

fn mean(cell: &Cell, of: impl Fn(&Run) -> f64) -> f64 {
    cell.runs.iter().map(of).sum::<f64>() / cell.runs.len() as f64
}

fn law(found: &GradientBound) -> &'static str {
    if found.settings.as_printed { "θ¹ ~ N(0, 1/n), as printed" } else { "θ¹ ~ N(0, 1)" }
}

/// The constant with random and with the worst targets, its bound, and the radius, against n.
fn constant(found: &GradientBound) -> Figure {
    let (mut constants, mut radii) = (
        Panel::new("c = (m/n) |grad r|²/r at the start (log scale)").scale(Scale::Log),
        Panel::new("Radius R of the neighbourhood (log scale)").scale(Scale::Log),
    );
    let mut all: Vec<f64> = found.cells.iter().map(|cell| cell.neurons as f64).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    for (i, &(examples, _)) in found.limits.iter().enumerate() {
        let role = Role::Group(i as u8);
        let ns: Vec<f64> = found.of(examples).map(|cell| cell.neurons as f64).collect();
        let of = |quantity: fn(&Run) -> f64| {
            found.of(examples).map(|cell| mean(cell, quantity)).collect::<Vec<_>>()
        };
        let worst = Series::line(format!("m = {examples}"), &ns, &of(|run| run.start_worst));
        constants = constants
            .series(Series::line("", &ns, &of(|run| run.bound)).role(role).dashed())
            .series(Series::dots("", &ns, &of(|run| run.start)).role(role))
            .series(worst.role(role).width(2.4).markers());
        radii = radii.series(Series::line("", &ns, &of(|run| run.radius)).role(role).width(2.4).markers());
    }
    Figure::new("The squared gradient is at least c n/m times the risk")
        .subtitle(format!(
            "{}; means over {} networks each, unit vectors in {} dimensions",
            law(found),
            found.settings.runs,
            found.settings.dims
        ))
        .caption("Left: with random targets (dots) c is large, with the worst ones (lines) it is at its proved bound (dashed).")
        .x_label("Number of neurons n (log scale)")
        .x_scale(Scale::Log)
        .x_ticks(&all)
        .beside()
        .panel(constants)
        .panel(radii)
}

/// The constant against the distance, for the last cell.
fn neighbourhood(found: &GradientBound, cell: &Cell) -> Figure {
    let distances: Vec<f64> = std::iter::once(0.).chain(found.settings.distances.iter().copied()).collect();
    let along = |first: fn(&Run) -> f64, rest: fn(&Run) -> &Vec<f64>| {
        let rest = (0..found.settings.distances.len()).map(|j| mean(cell, |run| rest(run)[j]));
        std::iter::once(mean(cell, first)).chain(rest).collect::<Vec<f64>>()
    };
    let random = Series::line(
        "random directions, random targets",
        &distances,
        &along(|run| run.start, |run| &run.random),
    );
    let worst = Series::line(
        "bad points, worst targets",
        &distances,
        &along(|run| run.start_worst, |run| &run.worst),
    );
    let bound = Series::line(
        "proved for all points and targets",
        &distances,
        &along(|run| run.bound, |run| &run.bounds),
    );
    let panel = Panel::new("c (log scale)")
        .scale(Scale::Log)
        .upright(1., "R")
        .series(random.role(Role::Train).markers())
        .series(worst.role(Role::Test).markers())
        .series(bound.role(Role::Ink).width(2.4).dashed());
    Figure::new("The bound holds in a whole neighbourhood of the start")
        .subtitle(format!(
            "{}; m = {}, n = {}, means over {} networks",
            law(found),
            cell.examples,
            cell.neurons,
            cell.runs.len()
        ))
        .caption(
            "Even the worst targets at points that were made bad stay above what is proved for all points.",
        )
        .x_label("Distance from the start over R")
        .panel(panel)
}
