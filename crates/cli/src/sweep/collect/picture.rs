//! Pictures of means against a column of the grid, with their intervals as bands.

use collado_plots::{Figure, Panel, Role, Scale, Series};
use serde_json::Value as Json;

use super::{mean::Interval, means::CellMean, rows::said};
use crate::sweep::stage::Stage;

/// The picture of a figure of a stage, if there is a column that varies.
pub(super) fn picture(means: &[CellMean], stage: Stage, x: Option<&str>, figure: &str) -> Option<Figure> {
    let of: Vec<&CellMean> = means.iter().filter(|m| m.stage == stage && m.figure == figure).collect();
    let x = x.map(str::to_owned).or_else(|| axis(&of, Json::is_number)).or_else(|| axis(&of, |_| true))?;
    // Words stand at 1, 2, ... in their order.
    let words = words(&of, &x);
    let place = |value: &Json| match words.iter().position(|word| word == value) {
        Some(at) => Some(at as f64 + 1.),
        None => value.as_f64(),
    };
    let mut lines: Vec<(String, Vec<(f64, &CellMean)>)> = Vec::new();
    for mean in of {
        let Some(place) = mean.cell.get(&x).and_then(place) else { continue };
        let rest: Vec<_> = mean.cell.0.iter().filter(|(name, _)| *name != x).cloned().collect();
        let name = said(&rest);
        match lines.iter_mut().find(|(of, _)| *of == name) {
            Some((_, points)) => points.push((place, mean)),
            None => lines.push((name, vec![(place, mean)])),
        }
    }
    lines.iter_mut().for_each(|(_, points)| points.sort_by(|a, b| a.0.total_cmp(&b.0)));
    let all: Vec<(f64, &CellMean)> = lines.iter().flat_map(|(_, points)| points.clone()).collect();
    let mut ticks: Vec<f64> = all.iter().map(|(x, _)| *x).collect();
    ticks.sort_by(f64::total_cmp);
    ticks.dedup();
    if ticks.len() < 2 {
        return None;
    }
    let lows: Vec<f64> =
        all.iter().map(|(_, m)| if m.mean.lo.is_nan() { m.mean.mean } else { m.mean.lo }).collect();
    let panel = Panel::new(figure.to_owned()).scale(scale(&lows, 20.));
    let count = lines.len();
    let panel = lines.iter().enumerate().fold(panel, |panel, (i, (name, points))| {
        let of = |f: fn(&CellMean) -> f64| points.iter().map(|(_, m)| f(m)).collect::<Vec<_>>();
        let xs: Vec<f64> = points.iter().map(|(x, _)| *x).collect();
        let name = if name.is_empty() { "mean".to_owned() } else { name.clone() };
        let role = if count > 1 { Role::Group(i as u8) } else { Role::Train };
        let series = Series::line(name, &xs, &of(|m| m.mean.mean)).markers().role(role);
        panel.series(series.band(&of(|m| m.mean.lo), &of(|m| m.mean.hi)).uncounted())
    });
    let fewest = all.iter().map(|(_, m)| m.mean.n).min().unwrap_or(0);
    let most = all.iter().map(|(_, m)| m.mean.n).max().unwrap_or(0);
    let number = if fewest == most { most.to_string() } else { format!("{fewest} to {most}") };
    let how = match all.iter().any(|(_, m)| m.mean.interval == Interval::Jackknife) {
        true => "Student's t with the jackknife over networks, which the pairs share",
        false => "Student's t",
    };
    let numbered = |(i, word): (usize, &Json)| {
        let word = word.as_str().map_or_else(|| word.to_string(), str::to_owned);
        format!("{} = {word}", i + 1)
    };
    let meaning = match words.is_empty() {
        true => String::new(),
        false => format!(" {x}: {}.", words.iter().enumerate().map(numbered).collect::<Vec<_>>().join(", ")),
    };
    let figure = Figure::new(format!("{figure} against {x}"))
        .subtitle(format!("{}: means of {number} values each", stage.name()))
        .caption(format!("Bands: 95 % intervals of the means ({how}).{meaning}"))
        .x_label(x)
        .x_scale(if words.is_empty() { scale(&ticks, 8.) } else { Scale::Linear })
        .x_ticks(&ticks);
    Some(figure.panel(panel))
}

/// The first column that varies and whose values are all of a kind.
fn axis(means: &[&CellMean], is_of_kind: fn(&Json) -> bool) -> Option<String> {
    let first = means.first()?;
    let varies = |name: &str| {
        let value = |m: &&CellMean| m.cell.get(name).cloned();
        means.iter().all(|m| value(m).is_some_and(|value| is_of_kind(&value)))
            && means.iter().any(|m| value(m) != value(first))
    };
    first.cell.0.iter().map(|(name, _)| name).find(|name| varies(name)).cloned()
}

/// The values of a column that is not in numbers alone.
fn words(means: &[&CellMean], x: &str) -> Vec<Json> {
    let mut words: Vec<Json> = Vec::new();
    for value in means.iter().filter_map(|mean| mean.cell.get(x)) {
        if !words.contains(value) {
            words.push(value.clone());
        }
    }
    if words.iter().all(Json::is_number) { Vec::new() } else { words }
}

/// A logarithmic scale where all values are positive and their ratio is large.
fn scale(values: &[f64], ratio: f64) -> Scale {
    let (low, high) = values.iter().fold((f64::INFINITY, 0f64), |(low, high), &x| (low.min(x), high.max(x)));
    if low > 0. && high >= ratio * low { Scale::Log } else { Scale::Linear }
}
