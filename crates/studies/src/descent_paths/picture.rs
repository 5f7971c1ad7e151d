//! Pictures of the paths that never rise, and of one neuron, for which there are none.

use collado_plots::{Figure, Panel, Point, Role, Series};

use super::{DescentPaths, Family, Narrow};
use crate::circle::{ANGLE, ANGLES};

pub(super) fn pictures(found: &DescentPaths) -> Vec<(&'static str, Figure)> {
    vec![("paths", paths(found)), ("one-neuron", narrow(&found.narrow))]
}

/// At most this many paths of a network are drawn.
const MOST: usize = 6;

fn paths(found: &DescentPaths) -> Figure {
    let drawn = found.families.iter().filter(|family| !family.paths.is_empty());
    let figure = Figure::new("From any point a path leads down to the global minimum")
        .subtitle(format!("Up to {MOST} paths each, as they are written down; F over F at the start"))
        .caption("Where F is constant only the parameters change; no path has to climb.")
        .x_label("Position t on the path")
        .beside();
    drawn.take(2).fold(figure, |figure, family| figure.panel(panel(family)))
}

fn panel(family: &Family) -> Panel {
    let mut panel = Panel::new(family.name.clone()).y_limits(-0.02, 1.05);
    let mut random = "random starts";
    for path in family.paths.iter().take(MOST) {
        let count = (path.risks.len() - 1) as f64;
        let t: Vec<f64> = (0..path.risks.len()).map(|i| i as f64 / count).collect();
        let over: Vec<f64> = path.risks.iter().map(|risk| risk / path.risks[0]).collect();
        let line = match path.start {
            "random" => Series::line(std::mem::take(&mut random), &t, &over).role(Role::Train),
            start => Series::line(start, &t, &over).role(Role::Test).width(2.6),
        };
        panel = panel.series(line);
    }
    panel
}

fn narrow(of: &Narrow) -> Figure {
    let (xs, ys): (Vec<f64>, Vec<f64>) = of.profile.iter().copied().unzip();
    let mut panel = Panel::new("Least F over all (u, b, w) with this direction of (u, b)")
        .series(Series::line("", &xs, &ys).role(Role::Train).width(2.4));
    if let (Some(angle), Some(risk), Some(level)) = (of.angle, of.spurious_risk, of.level) {
        let point = Point::new(angle, risk).role(Role::Test);
        panel = panel
            .rule(level, format!("every path to the global minimum reaches {level:.3}"))
            .point(point.text(format!("minimum {risk:.3}, not global")));
    }
    Figure::new("One neuron on the same data: no way down from one valley")
        .subtitle(format!("Φ(x) = wρ(ux + b), {} examples, y = cos 2πx + x/5", of.x.len()))
        .caption("0° rises to the right, 90° is constant, 180° rises to the left, 270° is off.")
        .x_label(ANGLE)
        .x_ticks(&ANGLES)
        .panel(panel)
}
