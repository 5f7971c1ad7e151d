//! The picture of the explicit paths.

use collado_plots::{Figure, Panel, Role, Series};

use super::DeepLinear;

pub(super) fn pictures(found: &DeepLinear) -> Vec<(&'static str, Figure)> {
    (!found.pairs.is_empty()).then(|| ("paths", paths(found))).into_iter().collect()
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
        .caption("The higher end of each pair is at 1. By the theorem a path need not rise above it, as straight lines do.")
        .x_label("Position t on the path")
        .beside()
        .panel(panel("Between random starts", false))
        .panel(panel("Between minima", true))
}
