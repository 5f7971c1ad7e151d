//! Pictures of the explicit paths, and of the wall that a ridge makes.

use collado_plots::{Figure, Panel, Role, Series};

use super::{DeepLinear, scalar_ridge};

pub(super) fn pictures(found: &DeepLinear) -> Vec<(&'static str, Figure)> {
    let paths = (!found.pairs.is_empty()).then(|| ("paths", paths(found)));
    paths.into_iter().chain([("ridge", ridge())]).collect()
}

/// F over its higher end along all paths and straight lines.
fn paths(found: &DeepLinear) -> Figure {
    let panel = |title: &str, minima: bool| {
        let mut panel = Panel::new(title);
        let of: Vec<_> = found.pairs.iter().filter(|p| p.minima == minima).take(5).collect();
        for (i, pair) in of.iter().enumerate() {
            let count = (pair.path.len() - 1) as f64;
            let t: Vec<f64> = (0..pair.path.len()).map(|i| i as f64 / count).collect();
            let over = |risks: &[f64]| risks.iter().map(|f| f / pair.higher).collect::<Vec<_>>();
            let label = |name: &str| if i == 0 { name.to_owned() } else { String::new() };
            let line = Series::line(label("straight line"), &t, &over(&pair.line));
            let path = Series::line(label("explicit path"), &t, &over(&pair.path));
            panel = panel.series(line.role(Role::Test).width(1.2)).series(path.role(Role::Train));
        }
        panel
    };
    Figure::new("The explicit path never rises above its higher end")
        .subtitle(format!("{}, up to five pairs each; F over F at the higher end", found.settings.arch))
        .x_label("Position t on the path")
        .panel(panel("Between random starts", false))
        .panel(panel("Between minima", true))
}

/// Large enough for the wall around 0 to be seen.
const KAPPA: f64 = 0.3;

/// The scalar networks with ridge along the diagonal: for three layers 0 is a minimum of its own.
fn ridge() -> Figure {
    let ws: Vec<f64> = (0..=440).map(|i| f64::from(i) / 400.).collect();
    let of = |depth: usize| ws.iter().map(|&w| scalar_ridge(&vec![w; depth], KAPPA) - 1.).collect::<Vec<_>>();
    let panel = Panel::new("F − F(0)")
        .rule(0., "F(0)")
        .series(Series::line("two layers", &ws, &of(2)).role(Role::Train))
        .series(Series::line("three layers", &ws, &of(3)).role(Role::Test));
    Figure::new("With ridge, three layers have a bad local minimum at 0")
        .subtitle(format!("F(w, …, w) = (w^K − 1)² + {KAPPA} K w², one neuron a layer"))
        .x_label("w")
        .panel(panel)
}
