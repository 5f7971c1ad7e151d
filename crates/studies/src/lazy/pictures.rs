//! Pictures of the kernel's growth, of gradient descent under its bound, and of what moves in training.

use collado_plots::{Figure, Panel, Role, Scale, Series};

use super::{
    Descent, Lazy, STARTS, Snapshot,
    outcome::{self, Quantity, starts},
    rate::FLOOR,
};
use crate::scatter::{geometric_mean, runs_and_means};

const ROLES: [Role; 2] = [Role::Train, Role::Test];

/// λ_min(K̄) against n, every run a dot, and the line that the theorem says; then divided by n.
///
/// Drawn from n = 2m on: below m it is 0, near m next to it.
pub(super) fn growth(lazy: &Lazy) -> Figure {
    let (all, m) = (lazy.widths(), lazy.settings.examples as f64);
    let from = all.partition_point(|&n| n < 2. * m).min(all.len() - 1);
    let widths = &all[from..];
    let panel = |title: &str, power: i32| {
        let limit: Vec<f64> = widths.iter().map(|n| n.powi(power) * lazy.arc_cosine_lambda_min).collect();
        let label = if power == 1 { "n times the limit" } else { "limit: arc-cosine Gram matrix" };
        let limit = Series::line(label, widths, &limit).role(Role::Reference).dashed();
        let mut panel = Panel::new(format!("{title} (log scale)")).scale(Scale::Log).series(limit);
        for start in starts() {
            let share = |(runs, n): (&Vec<f64>, &f64)| runs.iter().map(|x| x * n.powi(power - 1)).collect();
            let ys: Vec<Vec<f64>> =
                lazy.growth[start].lambda_min[from..].iter().zip(widths).map(share).collect();
            panel = runs_and_means(panel, STARTS[start].law, widths, &ys, geometric_mean, ROLES[start]);
        }
        panel
    };
    let slope = lazy.slope(0);
    Figure::new("The smallest eigenvalue of K grows for one initialisation only")
        .subtitle(format!(
            "{} examples in {} dimensions, {} networks a width; slope {:.5} [{:.5}, {:.5}], limit {:.5}",
            lazy.settings.examples,
            lazy.settings.dims,
            lazy.settings.runs,
            slope.mean,
            slope.interval[0],
            slope.interval[1],
            lazy.arc_cosine_lambda_min
        ))
        .caption("By the theorem λ_min(K) grows in proportion to n (left), so that it has a limit when divided by n (right).")
        .x_label("Neurons n (log scale)")
        .x_scale(Scale::Log)
        .x_ticks(widths)
        .beside()
        .panel(panel("λ_min(K)", 1))
        .panel(panel("λ_min(K) / n", 0))
}

/// r(t)/r(0) of gradient descent and of SGD at the largest width over time, with the bound, for both initialisations.
pub(super) fn descent(lazy: &Lazy) -> Figure {
    let widest = |start: usize| lazy.descents.iter().rev().find(|d| d.start == start);
    let [(above, all), (sgd_above, sgd_all)] = lazy.violations(0);
    let figure = Figure::new("Risk over time: gradient descent, SGD, and the bound by λ_min(K)")
        .subtitle(format!(
            "n = {}; with θ¹ ~ N(0, 1), at all n: {above} of {all} moments of gradient descent above the bound, {sgd_above} of {sgd_all} of SGD",
            widest(0).map_or(0, |d| d.neurons)
        ))
        .caption("Gradient descent and SGD beside the bound: for the theorem's initialisation (left) and for the slides' (right).")
        .x_label("Time, in steps of gradient descent")
        .beside();
    starts().filter_map(widest).fold(figure, |figure, d| figure.panel(over_time(d)))
}

/// The first run of each method; time is measured in steps of gradient descent, which are longer than those of SGD.
fn over_time(d: &Descent) -> Panel {
    let panel = Panel::new(format!("r(t)/r(0), {} (log scale)", STARTS[d.start].law)).scale(Scale::Log);
    let methods = [(&d.gradient, "gradient descent", Role::Train), (&d.stochastic, "SGD", Role::Test)];
    let curve = |run: &[Snapshot], of: fn(&Snapshot) -> f64| {
        run.iter().map(|m| (m.time / d.step_size, of(m) / run[0].risk)).filter(|p| p.1 > FLOOR).unzip()
    };
    let panel = methods.into_iter().fold(panel, |panel, (runs, label, role)| {
        let Some(run) = runs.first() else { return panel };
        let (xs, ys): (Vec<f64>, Vec<f64>) = curve(run, |m| m.risk);
        panel.series(Series::line(label, &xs, &ys).role(role))
    });
    let Some(run) = d.gradient.first() else { return panel };
    let (xs, ys): (Vec<f64>, Vec<f64>) = curve(run, |m| m.bound);
    panel.series(Series::line("exp(−4 inf λ_min(K) t/m)", &xs, &ys).role(Role::Reference).dashed())
}

/// How far θ and the last layer's kernel are from the start, against n.
pub(super) fn laziness(lazy: &Lazy) -> Figure {
    let quantities: [(&str, Quantity); 2] =
        [("|θ_t − θ_0|", outcome::displacement), ("|K_t − K_0| / |K_0|", outcome::last_layer_drift)];
    against_width(lazy, &quantities, "What moves in training, against the width").caption(
        "Lazy training: do the parameters (left) and the kernel (right) move less, the wider the network?",
    )
}

/// How far the tangent kernel and the outputs are from the linear model, against n.
pub(super) fn linearity(lazy: &Lazy) -> Figure {
    let quantities: [(&str, Quantity); 2] = [
        ("Tangent kernel: |Θ_t − Θ_0| / |Θ_0|", outcome::tangent_drift),
        ("Distance from linear model", outcome::linear_gap),
    ];
    against_width(lazy, &quantities, "How close training is to that of the linearised network").caption(
        "Does training come closer to that of the linearisation at the start, the wider the network?",
    )
}

/// Quantities after training against n, every run a dot, with their fitted exponents.
fn against_width(lazy: &Lazy, quantities: &[(&str, Quantity)], title: &str) -> Figure {
    let widths = lazy.widths();
    let figure = Figure::new(title)
        .subtitle(format!(
            "After {} steps of gradient descent; {} networks a width; fitted exponents in the legend",
            lazy.settings.steps, lazy.settings.runs
        ))
        .x_label("Neurons n (log scale)")
        .x_scale(Scale::Log)
        .x_ticks(&widths)
        .beside();
    quantities.iter().fold(figure, |figure, &(name, quantity)| {
        let mut panel = Panel::new(format!("{name} (log scale)")).scale(Scale::Log);
        for start in starts() {
            let exponent = lazy.exponent(start, quantity);
            let label = match exponent.half().is_finite() {
                true => format!("{}, n^({:.2} ± {:.2})", STARTS[start].law, exponent.mean, exponent.half()),
                false => STARTS[start].law.to_owned(),
            };
            let values = lazy.values(start, quantity);
            panel = runs_and_means(panel, &label, &widths, &values, geometric_mean, ROLES[start]);
        }
        figure.panel(panel)
    })
}
