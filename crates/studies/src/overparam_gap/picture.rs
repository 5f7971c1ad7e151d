//! The picture of ε against the width.

use collado_plots::{Figure, Panel, Role, Scale, Series};

use super::{Gaps, OverparamGap};

/// What is drawn of a width.
type Column = fn(&Gaps) -> &Vec<f64>;

/// ε and the straight line's barrier against the width, a dot for each pair.
pub(super) fn gap(found: &OverparamGap, zero: f64) -> Figure {
    let settings = &found.settings;
    let zeros: usize = found.widths.iter().map(|at| at.gaps.iter().filter(|g| **g <= zero).count()).sum();
    let mut panel = Panel::new("Risk above the higher end (log scale)").scale(Scale::Log);
    let kinds: [(&str, Column, Role); 2] = [
        ("straight line", |at| &at.straight, Role::Test),
        ("constructive path: ε(m)", |at| &at.gaps, Role::Train),
    ];
    for (label, of, role) in kinds {
        let points = found.widths.iter().flat_map(|at| of(at).iter().map(|&y| (at.width as f64, y)));
        // A gap of zero has no place on a log axis: a cross at its foot.
        let (xs, ys): (Vec<f64>, Vec<f64>) = points.map(|(x, y)| (x, if y > zero { y } else { 0. })).unzip();
        panel = panel.series(Series::dots("", &xs, &ys).role(role).opacity(0.5));
        let means = found.widths.iter().filter_map(|at| {
            let above: Vec<f64> = of(at).iter().filter(|y| **y > zero).map(|y| y.ln()).collect();
            let count = above.len() as f64;
            (!above.is_empty()).then(|| (at.width as f64, (above.iter().sum::<f64>() / count).exp()))
        });
        let (xs, ys): (Vec<f64>, Vec<f64>) = means.unzip();
        if let (true, Some(&x0), Some(&y0)) = (role == Role::Train, xs.first(), ys.first()) {
            let ends: Vec<f64> = found.widths.iter().map(|at| at.width as f64).collect();
            let bound: Vec<f64> = ends.iter().map(|x| y0 * (x / x0).powf(found.bound())).collect();
            let name = format!("m^(−1/{})", settings.inputs);
            panel = panel.series(Series::line(name, &ends, &bound).role(Role::Reference).dashed());
        }
        panel = panel.series(Series::line(label, &xs, &ys).role(role));
    }
    Figure::new("What the constructive path leaves above two minima")
        .subtitle(format!(
            "{} inputs, {} pairs a width; lines: geometric means; {zeros} gaps of zero: crosses",
            settings.inputs, settings.pairs
        ))
        .caption("How far a path has to rise above two minima: by the theorem less and less, the wider the network.")
        .x_label("Width m (log scale)")
        .x_scale(Scale::Log)
        .x_ticks(&found.widths.iter().map(|at| at.width as f64).collect::<Vec<_>>())
        .panel(panel)
}
