//! Pictures of a certificate.

use collado_certify::Certificate;
use collado_plots::{Figure, Panel, Point, Role, Scale, Series};

use crate::shown;

/// The proved bounds of the risk on each piece, over t.
pub(crate) fn enclosure(proof: &Certificate, subtitle: &str) -> Figure {
    let steps = |f: fn(&collado_certify::Piece) -> f64| -> Vec<f64> {
        proof.pieces.iter().flat_map(|p| [f(p); 2]).collect()
    };
    let t: Vec<f64> = proof.pieces.iter().flat_map(|p| [p.t.0, p.t.1]).collect();
    let (lower, upper) = (steps(|p| p.lower), steps(|p| p.upper));
    let risk = Panel::new("Risk")
        .from_zero()
        .series(Series::line("upper bound", &t, &upper).band(&lower, &upper))
        .series(Series::line("lower bound", &t, &lower).role(Role::Reference))
        .point(Point::new(proof.t, proof.lo).text(shown::risk(proof.lo)));
    let figure = Figure::new("Proved bounds of the risk along the path").subtitle(subtitle).x_label("t");
    let figure = figure.caption(
        "For every t the risk lies between the two bounds; the point is the highest lower bound at one t.",
    );
    let figure = figure.panel(risk.weight(2.));
    if proof.error.is_none() {
        return figure;
    }
    let wrong: Vec<f64> = steps(|p| 100. * p.wrong);
    figure.panel(Panel::new("Error (%)").from_zero().series(Series::line("upper bound", &t, &wrong)))
}

/// The relative gap against the number of pieces, with the slope of quadratic convergence.
pub(crate) fn gap(proof: &Certificate, subtitle: &str) -> Figure {
    let known = proof.history.iter().filter(|(_, lo, hi)| hi > lo && *hi > 0.);
    let (n, gap): (Vec<f64>, Vec<f64>) = known.map(|&(n, lo, hi)| (n as f64, (hi - lo) / hi)).unzip();
    let mut panel = Panel::new("Relative gap (log scale)").scale(Scale::Log);
    panel = panel.series(Series::line("(hi - lo) / hi", &n, &gap).width(2.));
    if let (Some(&first), Some(&last), Some(&top)) = (n.first(), n.last(), gap.first()) {
        let slope = [top, top * (first / last).powi(2)];
        panel = panel.series(
            Series::line("proportional to 1 / pieces²", &[first, last], &slope)
                .role(Role::Reference)
                .dashed(),
        );
    }
    Figure::new("Gap of the enclosure as pieces are halved, highest first")
        .subtitle(subtitle)
        .x_label("Pieces bounded (log scale)")
        .x_scale(Scale::Log)
        .caption("How far apart the two bounds of the highest risk still are. With pieces of equal length the gap would fall as the dashed line does.")
        .panel(panel)
}
