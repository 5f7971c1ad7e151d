//! The pictures of the study of stars: the width of the theorem, and the shares of joined pairs.

use collado_plots::{Figure, Panel, Role, Scale, Series};

use super::Star;
use crate::wilson;

pub(super) fn pictures(found: &Star) -> Vec<(&'static str, Figure)> {
    vec![("star", threshold(found)), ("pairs", pairs(found))]
}

/// The smallest number that is drawn on a log scale, far below rounding.
const LEAST: f64 = 1e-18;

fn threshold(found: &Star) -> Figure {
    let dots = |cases: &[super::Case]| -> (Vec<f64>, Vec<f64>) {
        cases.iter().map(|c| (c.width as f64 - c.threshold as f64, c.residual.max(LEAST))).unzip()
    };
    let ((x, y), (x_below, y_below)) = (dots(&found.cases), dots(&found.below));
    let panel = Panel::new("equations missed by (log scale)")
        .scale(Scale::Log)
        .series(Series::dots("as the theorem asks", &x, &y).role(Role::Train))
        .series(Series::dots("one neuron less", &x_below, &y_below).role(Role::Test));
    Figure::new("From q(r(L−1)+1) neurons on there is a centre")
        .subtitle(format!(
            "{} centres of deep linear networks, all L, q and r",
            found.cases.len() + found.below.len()
        ))
        .caption(
            "How well can one layer make all segments straight in the product? To rounding, or not at all.",
        )
        .x_label("neurons above q(r(L−1)+1)")
        .panel(panel)
}

fn pairs(found: &Star) -> Figure {
    let widths: Vec<f64> = found.widths.iter().map(|w| w.width as f64).collect();
    let share = |at: usize| -> [Vec<f64>; 3] {
        let all = found.widths.iter().map(|w| {
            let [low, high] = wilson(w.joined()[at], w.pairs());
            [w.joined()[at] as f64 / w.pairs() as f64, low, high]
        });
        let all: Vec<[f64; 3]> = all.collect();
        [0, 1, 2].map(|i| all.iter().map(|row| row[i]).collect())
    };
    let [[line, line_low, line_high], [pieces, pieces_low, pieces_high]] = [share(0), share(1)];
    let panel = Panel::new("share of pairs")
        .y_limits(-0.05, 1.05)
        .rule(0.5, "one half")
        .series(
            Series::line("straight line", &widths, &line)
                .markers()
                .role(Role::Reference)
                .band(&line_low, &line_high),
        )
        .series(
            Series::line("two pieces", &widths, &pieces)
                .markers()
                .role(Role::Train)
                .band(&pieces_low, &pieces_high),
        );
    Figure::new("Two straight pieces join minima of wide networks")
        .subtitle(format!(
            "two-layer ReLU networks, a teacher of {} neurons, {} pairs a width; bands: 95 %",
            found.settings.teachers, found.settings.pairs
        ))
        .caption("A pair counts as joined when the path rises by at most 1 % of F(0) above its higher end.")
        .x_label("Width m (log scale)")
        .x_scale(Scale::Log)
        .x_ticks(&widths)
        .panel(panel)
}
