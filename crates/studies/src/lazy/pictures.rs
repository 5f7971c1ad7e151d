//! Pictures of the kernel's growth, of gradient descent under its bound, and of what moves in training.

use collado_plots::{Figure, Panel, Role, Scale, Series};

use super::{
    Descent, Lazy, STARTS,
    outcome::{self, Quantity, starts},
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
        .x_label("Neurons n (log scale)")
        .x_scale(Scale::Log)
        .panel(panel("λ_min(K)", 1))
        .panel(panel("λ_min(K) / n", 0))
}

/// r(t)/r(0) over λ-free time for the theorem's initialisation, with its bound, at three widths.
pub(super) fn descent(lazy: &Lazy) -> Figure {
    let theorem: Vec<&Descent> = lazy.descents.iter().filter(|d| d.start == 0).collect();
    let chosen = [0, theorem.len() / 2, theorem.len() - 1];
    let panel = |title: &str, of: fn(&Descent) -> &Vec<Vec<super::Snapshot>>, rate: fn(&Descent) -> f64| {
        let mut panel = Panel::new(title).scale(Scale::Log);
        for (color, &at) in chosen.iter().enumerate() {
            let (d, role) = (theorem[at], Role::Group(color as u8));
            let Some(run) = of(d).first() else { continue };
            // Steps 0 have no place on a log axis.
            let run = &run[1..];
            let xs: Vec<f64> = run.iter().map(|m| m.time / rate(d)).collect();
            let start = of(d)[0][0].risk;
            let ys: Vec<f64> = run.iter().map(|m| m.risk / start).collect();
            let bound: Vec<f64> = run.iter().map(|m| m.bound / start).collect();
            panel = panel
                .series(Series::line(format!("n = {}", d.neurons), &xs, &ys).role(role))
                .series(Series::line("", &xs, &bound).role(role).dashed().width(1.2));
        }
        panel
    };
    Figure::new("The risk stays under the bound of the kernel's smallest eigenvalue")
        .subtitle("Dashed: exp(−4 inf λ_min(K) t/m); θ¹ ~ N(0, 1), one run a width")
        .x_label("Steps (log scale)")
        .x_scale(Scale::Log)
        .panel(panel("r(t)/r(0), gradient descent (log scale)", |d| &d.gradient, |d| d.step_size))
        .panel(panel("r(t)/r(0), SGD (log scale)", |d| &d.stochastic, |d| d.sgd_step_size))
}

/// How far θ, the kernels and the linear model are from the start, against n.
pub(super) fn laziness(lazy: &Lazy) -> Figure {
    let widths = lazy.widths();
    let quantities: [(&str, Quantity); 4] = [
        ("|θ_t − θ_0|", outcome::displacement),
        ("|K_t − K_0| / |K_0|", outcome::last_layer_drift),
        ("Tangent kernel: |Θ_t − Θ_0| / |Θ_0|", outcome::tangent_drift),
        ("Distance from linear model", outcome::linear_gap),
    ];
    let figure = Figure::new("What moves in training, against the width")
        .subtitle(format!(
            "After {} steps of gradient descent; {} networks a width; fitted exponents in the legend",
            lazy.settings.steps, lazy.settings.runs
        ))
        .x_label("Neurons n (log scale)")
        .x_scale(Scale::Log);
    quantities.into_iter().fold(figure, |figure, (name, quantity)| {
        let mut panel = Panel::new(format!("{name} (log scale)")).scale(Scale::Log).weight(0.6);
        for start in starts() {
            let exponent = lazy.exponent(start, quantity);
            let half = (exponent.interval[1] - exponent.interval[0]) / 2.;
            let label = format!("{}, n^({:.2} ± {:.2})", STARTS[start].law, exponent.mean, half);
            let values = lazy.values(start, quantity);
            panel = runs_and_means(panel, &label, &widths, &values, geometric_mean, ROLES[start]);
        }
        figure.panel(panel)
    })
}
