//! Runs in a picture: a dot for each, and a line through their means.

use collado_plots::{Panel, Role, Series};

/// Adds the runs at each x of `xs` to a panel: a dot for every value in `ys`, and a line through what `mean` makes of them.
pub(crate) fn runs_and_means(
    panel: Panel,
    label: &str,
    xs: &[f64],
    ys: &[Vec<f64>],
    mean: fn(&[f64]) -> f64,
    role: Role,
) -> Panel {
    let (mut dots_x, mut dots_y, mut means) = (Vec::new(), Vec::new(), Vec::new());
    for (&x, ys) in xs.iter().zip(ys) {
        dots_x.extend(ys.iter().map(|_| x));
        dots_y.extend(ys);
        means.push(mean(ys));
    }
    panel
        .series(Series::dots("", &dots_x, &dots_y).role(role).opacity(0.45))
        .series(Series::line(label, xs, &means).role(role))
}

/// The arithmetic mean.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The geometric mean, for axes with a log scale.
pub(crate) fn geometric_mean(values: &[f64]) -> f64 {
    (values.iter().map(|y| y.ln()).sum::<f64>() / values.len() as f64).exp()
}
