//! Pictures of the four landscapes, and of the number of components against the level.

use collado_plots::{Figure, Panel, Point, Role, Series};

use super::{INPUTS, Landscape, LevelSets};
use crate::circle::{ANGLE, ANGLES, tuple};

pub(super) fn pictures(found: &LevelSets) -> Vec<(&'static str, Figure)> {
    let [one, two, twins, plateau] = &found.landscapes[..] else { return Vec::new() };
    vec![
        (
            "proposition",
            landscapes("Proposition 1: connected level sets, no bad strict minimum", HOLDS, [one, two]),
        ),
        (
            "exceptions",
            landscapes("Plateaus are not strict minima, and the converse fails", FAILS, [plateau, twins]),
        ),
        ("components", components(found)),
    ]
}

const HOLDS: &str =
    "Left: connected level sets, and the only minimum is global. Right: two valleys, and one is not global.";
const FAILS: &str =
    "Left: connected level sets, but a plateau where the neuron is off. Right: two global minima, parted.";

fn landscapes(title: &str, caption: &str, two: [&Landscape; 2]) -> Figure {
    let figure = Figure::new(title)
        .subtitle(format!(
            "Φ(x) = wρ(ux + b) on x = {}; the least F of each direction of (u, b)",
            tuple(&INPUTS)
        ))
        .caption(caption)
        .x_label(ANGLE)
        .x_ticks(&ANGLES)
        .beside();
    two.into_iter().fold(figure, |figure, landscape| figure.panel(panel(landscape)))
}

fn panel(of: &Landscape) -> Panel {
    let (xs, ys): (Vec<f64>, Vec<f64>) = of.profile.iter().copied().unzip();
    let title = format!("{}: y = {}, κ = {}", of.name, tuple(&of.targets), of.kappa);
    let lowest = of.minima.iter().map(|minimum| minimum.risk[1]).fold(of.zero, f64::min);
    let room = 0.3 * (of.zero - lowest).max(1e-6);
    let mut panel = Panel::new(title)
        .y_limits(lowest - room, of.zero + room)
        .series(Series::line("", &xs, &ys).role(Role::Train).width(2.4));
    for minimum in of.minima.iter().chain(&of.plateau) {
        let (text, role) = match (minimum.above_another, minimum.strict) {
            (true, true) => ("strict minimum, not global", Role::Test),
            (true, false) => ("plateau: minima, not strict, not global", Role::Test),
            (false, _) => ("global minimum", Role::Accent),
        };
        panel = panel.point(Point::new(minimum.degrees, minimum.risk[1]).role(role).text(text));
    }
    panel
}

/// The number of components for one landscape after the other.
fn components(found: &LevelSets) -> Figure {
    let panel = |names: [usize; 2]| {
        let mut panel = Panel::new("Components of {F ≤ λ}").y_names(["0", "1", "2"].map(String::from));
        for (i, &which) in names.iter().enumerate() {
            let of = &found.landscapes[which];
            let shift = 0.06 * i as f64;
            let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
            for (level, count) in of.components.iter().filter_map(|(level, count)| Some((level, (*count)?))) {
                // Steps, not slopes.
                let y = count as f64 + shift;
                xs.extend([level / of.zero; 2]);
                ys.extend([ys.last().copied().unwrap_or(y), y]);
            }
            panel = panel.series(Series::line(of.name, &xs, &ys).role(Role::Group(which as u8)).width(2.4));
        }
        panel
    };
    Figure::new("How many pieces the level sets have")
        .subtitle("Counted with proof, except at critical values; second lines are drawn a little higher")
        .caption(
            "Left: one piece at every level. Right: two pieces at some levels, and a strict minimum in each.",
        )
        .x_label("Level λ over F(0)")
        .beside()
        .panel(panel([0, 3]))
        .panel(panel([1, 2]))
}
