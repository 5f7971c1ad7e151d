//! Pictures of the minima of one and two weights, and of the counts for random labels.

use collado_plots::{Figure, Panel, Point, Role, Scale, Series};
use collado_risk::LogisticNeuron;

use super::{LAWS, NeuronRow, SingleNeuron, report::mean, search};

pub(super) fn pictures(found: &SingleNeuron) -> Vec<(&'static str, Figure)> {
    let s = &found.settings;
    let of = |dims| LogisticNeuron::new(dims, s.per_dim, s.ratio).ok();
    let growth = (!found.rows.is_empty()).then(|| ("growth", growth(found)));
    let curve = of(1).map(|risk| ("minima-1d", curve(found, &risk)));
    let basins = of(2).map(|risk| ("minima-2d", basins(found, &risk)));
    let counts = (!found.random.is_empty()).then(|| ("counts", random_labels(found)));
    growth.into_iter().chain(curve).chain(basins).chain(counts).collect()
}

/// The number of minima against d, beside the number of examples that make them.
fn growth(found: &SingleNeuron) -> Figure {
    let per_dim = found.settings.per_dim;
    let column = |of: &dyn Fn(&NeuronRow) -> f64| found.rows.iter().map(of).collect::<Vec<f64>>();
    let (dims, expected) = (column(&|r| r.dims as f64), column(&|r| r.expected as f64));
    let examples = column(&|r| (r.dims * per_dim) as f64);
    let hit = column(&|r| r.certified as f64);
    let panel = Panel::new("Number (log scale)")
        .scale(Scale::Log)
        .y_ticks(&[&expected[..], &[1.]].concat())
        .series(Series::line("examples: pd", &dims, &examples).role(Role::Reference).markers())
        .series(Series::line("proved minima: p^d", &dims, &expected).role(Role::Ink).width(1.4))
        .series(Series::dots("minima hit by descent, each proved", &dims, &hit));
    let panel = found.rows.iter().fold(panel, |panel, r| {
        let point = Point::new(r.dims as f64, r.certified as f64);
        panel.point(point.text(r.certified.to_string()).role(Role::Train))
    });
    Figure::new("One neuron: the local minima grow exponentially with the inputs")
        .subtitle(format!(
            "One logistic neuron, squared loss, p = {per_dim} minima a coordinate; {} starts of descent for each d",
            found.settings.starts
        ))
        .caption("By the theorem the minima multiply with every input, while the examples that make them only add up.")
        .x_label("Inputs d")
        .x_ticks(&dims)
        .panel(panel)
}

/// F for d = 1, over log w.
fn curve(found: &SingleNeuron, risk: &LogisticNeuron) -> Figure {
    let longest = risk.lengths().fold(1., f64::max);
    let (from, to) = ((0.05 / longest).ln(), 20f64.ln());
    let ws: Vec<f64> = (0..=800).map(|i| (from + (to - from) * f64::from(i) / 800.).exp()).collect();
    let fs: Vec<f64> = ws.iter().map(|&w| risk.coordinate(w)[0]).collect();
    let mut panel = Panel::new("F(w)").series(Series::line("", &ws, &fs));
    for cube in &found.boxes.boxes {
        let w = 0.5 * (cube.lo() + cube.hi());
        panel = panel.point(Point::new(w, risk.coordinate(w)[0]).text(format!("{w:.4}")).role(Role::Test));
    }
    Figure::new("One logistic neuron, one weight, several minima")
        .subtitle(format!(
            "{} examples of lengths 1 to {longest}, all with target 0.75; dots: certified minima",
            risk.per_dim()
        ))
        .caption("Each dip is a local minimum; a dot marks those that are proved.")
        .x_label("Weight w (log scale)")
        .x_scale(Scale::Log)
        .panel(panel)
}

/// Where descent from a start leads for d = 2.
fn basins(found: &SingleNeuron, risk: &LogisticNeuron) -> Figure {
    let starts = search::starts(risk, 2500, found.settings.seed);
    let number = |w: f64| found.boxes.boxes.iter().position(|b| (w / b.hi() - 1.).abs() < 1e-6);
    let mut groups = vec![(Vec::new(), Vec::new()); found.boxes.boxes.len().pow(2)];
    for start in starts {
        let Some(end) = search::descend(risk, &start) else { continue };
        let (Some(i), Some(j)) = (number(end[0]), number(end[1])) else { continue };
        let group = &mut groups[i * found.boxes.boxes.len() + j];
        group.0.push(start[0]);
        group.1.push(start[1]);
    }
    let mut panel = Panel::new("Weight w_2 (log scale)").scale(Scale::Log);
    for (at, (xs, ys)) in groups.iter().enumerate() {
        panel = panel.series(Series::dots("", xs, ys).role(Role::Group(at as u8)).opacity(0.35));
    }
    for a in &found.boxes.boxes {
        for b in &found.boxes.boxes {
            panel = panel.point(Point::new(a.hi(), b.hi()));
        }
    }
    Figure::new("Two weights: the minima multiply")
        .subtitle(format!(
            "{} certified minima (black); small dots: starts, coloured by where descent leads",
            groups.len()
        ))
        .caption("Where descent ends depends on the start: each colour leads to another minimum, and they form a grid.")
        .x_label("Weight w_1 (log scale)")
        .x_scale(Scale::Log)
        .panel(panel)
}

/// Minima found against the number of examples with random labels.
fn random_labels(found: &SingleNeuron) -> Figure {
    let mut panel = Panel::new("Strict minima found and proved, mean").from_zero();
    for (law, role) in LAWS.into_iter().zip([Role::Train, Role::Test]) {
        let of: Vec<_> = found.random.iter().filter(|r| r.law == law).collect();
        let xs: Vec<f64> = of.iter().map(|r| r.samples as f64).collect();
        let fits: Vec<_> = of.iter().map(|r| mean(&r.minima)).collect();
        let column = |of: fn(&crate::Estimate) -> f64| fits.iter().map(of).collect::<Vec<_>>();
        let series = Series::line(law.label(), &xs, &column(|e| e.mean)).role(role).markers();
        panel = panel.series(series.band(&column(|e| e.interval[0]), &column(|e| e.interval[1])));
    }
    let s = &found.settings;
    Figure::new("Minima that random labels make")
        .subtitle(format!(
            "Two inputs, labels 0.25 or 0.75; {} data sets a point, {} starts each; bands: 95 % intervals",
            s.draws, s.tries
        ))
        .caption(
            "Do random labels make many minima, too? Each one counted here was found by descent and proved.",
        )
        .x_label("Examples (log scale)")
        .x_scale(Scale::Log)
        .x_ticks(&found.settings.samples.iter().map(|&m| m as f64).collect::<Vec<_>>())
        .panel(panel)
}
