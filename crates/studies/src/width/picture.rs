//! Pictures of the losses in training, and of rates, losses and barriers against the width.

use collado_plots::{Figure, Panel, Role, Scale, Series};

use super::{Width, Widths};
use crate::{
    scatter::{mean, runs_and_means},
    wilson,
};

/// What is drawn of a width.
type Column = fn(&Width) -> &Vec<f64>;

/// The training loss of every run.
pub(super) fn curves(found: &Widths) -> Figure {
    let mut panel = Panel::new("Training loss (log scale)")
        .scale(Scale::Log)
        .rule(found.settings.target, format!("target {}", found.settings.target));
    for (at, w) in found.widths.iter().enumerate() {
        for (run, losses) in w.history.iter().enumerate() {
            let epochs: Vec<f64> = (0..losses.len()).map(|i| i as f64).collect();
            let label = if run == 0 { format!("m = {}", w.neurons) } else { String::new() };
            let line = Series::line(label, &epochs, losses).role(Role::level(at, found.widths.len()));
            panel = panel.series(line.width(1.).opacity(0.7));
        }
    }
    Figure::new("Training two-layer ReLU networks of many widths")
        .subtitle(format!(
            "{}, {} runs a width, Adam with a cosine schedule",
            found.settings.data, found.settings.runs
        ))
        .caption("Each line is a run, from narrow (dark) to wide (bright): which of them reach the target?")
        .x_label("Epoch")
        .panel(panel)
}

/// Hit rates and final losses against the width.
pub(super) fn width(found: &Widths) -> Figure {
    let target = found.settings.target;
    let xs: Vec<f64> = found.widths.iter().map(|w| w.neurons as f64).collect();
    let column = |of: &dyn Fn(&Width) -> f64| found.widths.iter().map(|w| 100. * of(w)).collect::<Vec<_>>();
    let interval = |w: &Width| wilson(w.hits(target) as u64, w.losses.len() as u64);
    let rate = Series::line("", &xs, &column(&|w| w.hits(target) as f64 / w.losses.len() as f64))
        .markers()
        .band(&column(&|w| interval(w)[0]), &column(&|w| interval(w)[1]));
    let losses = runs(
        Panel::new("Final training loss (log scale)").scale(Scale::Log),
        found,
        "",
        |w| &w.losses,
        Role::Train,
    )
    .rule(target, format!("target {target}"));
    Figure::new("Where over-parameterisation starts to help")
        .subtitle(format!(
            "{}, {} runs a width; band: 95 % Wilson interval; lines: means",
            found.settings.data, found.settings.runs
        ))
        .caption("From which width on does every run reach the target, wherever it starts?")
        .x_label("Hidden neurons m (log scale)")
        .x_scale(Scale::Log)
        .x_ticks(&xs)
        .beside()
        .panel(Panel::new("Runs that reach the target (%)").y_limits(-3., 103.).series(rate))
        .panel(losses)
}

/// Barriers between two ends against the width.
pub(super) fn barriers(found: &Widths) -> Figure {
    let panel = Panel::new("Barrier above the ends").from_zero();
    let panel = runs(panel, found, "straight line", |w| &w.straight, Role::Test);
    let panel = runs(panel, found, "Bézier curve, one bend", |w| &w.curved, Role::Train);
    Figure::new("Between two ends of training")
        .subtitle(format!("{}, {} runs a width; lines: means", found.settings.data, found.settings.runs))
        .caption("How high is the mountain between two ends, on the straight line and on a curve?")
        .x_label("Hidden neurons m (log scale)")
        .x_scale(Scale::Log)
        .x_ticks(&found.widths.iter().map(|w| w.neurons as f64).collect::<Vec<_>>())
        .panel(panel)
}

/// The runs of each width, and their means.
fn runs(panel: Panel, found: &Widths, label: &str, of: Column, role: Role) -> Panel {
    let (xs, ys): (Vec<f64>, Vec<Vec<f64>>) =
        found.widths.iter().map(|w| (w.neurons as f64, of(w).clone())).unzip();
    runs_and_means(panel, label, &xs, &ys, mean, role)
}
