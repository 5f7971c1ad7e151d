//! The picture of the rates of spurious runs, beside the published ones.

use collado_plots::{Figure, Panel, Role, Series};

use super::{
    SampledRow, SpuriousRow, Tally,
    published::{PublishedRate, published},
};

/// Share of spurious runs against k: for n = k beside the published rates, and for wider networks.
pub(super) fn picture(rows: &[SpuriousRow], sampled: &[SampledRow]) -> Figure {
    let (planted, wider): (Vec<&SpuriousRow>, Vec<&SpuriousRow>) = rows.iter().partition(|r| r.n == r.k);
    let mut ks: Vec<f64> = rows.iter().map(|r| r.k as f64).collect();
    ks.sort_by(f64::total_cmp);
    ks.dedup();
    // The same axis for both panels, up to the next ten above everything drawn.
    let high =
        rows.iter().map(|r| r.tally.interval()[1]).chain(sampled.iter().map(|r| r.tally.interval()[1]));
    let known = rows.iter().filter_map(|r| Some(published(r.k)?.interval()[1]));
    let top = 10. * (10. * high.chain(known).fold(0., f64::max)).ceil().clamp(1., 10.);
    let runs = rows.first().map_or(0, |r| r.tally.runs);
    let figure = Figure::new("How often gradient descent ends in a spurious minimum")
        .subtitle(format!(
            "{runs} runs a point, k teachers, n neurons; bars and bands: 95 % Wilson intervals"
        ))
        .caption("Left: as many neurons as teachers, beside the published rates. Right: more neurons than teachers.")
        .x_label("Teachers k")
        .x_ticks(&ks)
        .beside();
    let of_planted =
        (!planted.is_empty()).then(|| panel_planted(&planted, sampled).y_limits(-0.03 * top, top));
    let of_wider = (!wider.is_empty()).then(|| panel_wider(&wider).y_limits(-0.03 * top, top));
    of_planted.into_iter().chain(of_wider).fold(figure, Figure::panel)
}

/// The rates for n = k beside the published ones.
fn panel_planted(rows: &[&SpuriousRow], sampled: &[SampledRow]) -> Panel {
    let known: Vec<_> = rows.iter().filter_map(|r| Some((r.k as f64, published(r.k)?))).collect();
    let column =
        |of: fn(&PublishedRate) -> f64| -> Vec<f64> { known.iter().map(|(_, p)| 100. * of(p)).collect() };
    let at: Vec<f64> = known.iter().map(|p| p.0).collect();
    let series = Series::line("published, 500 runs", &at, &column(PublishedRate::rate)).role(Role::Reference);
    let series = series.dashed().band(&column(|p| p.interval()[0]), &column(|p| p.interval()[1]));
    let panel = Panel::new("Spurious runs, n = k (%)").series(series);
    let found = rates(panel, "found", rows.iter().map(|r| (r.k, &r.tally)), 0., Role::Train);
    let found = match sampled {
        [] => found,
        rows => rates(found, "SGD on drawn data", rows.iter().map(|r| (r.k, &r.tally)), 0.08, Role::Accent),
    };
    unresolved(found, rows)
}

/// The rates of networks with more neurons than teachers, a colour for each n − k.
fn panel_wider(rows: &[&SpuriousRow]) -> Panel {
    let mut extras: Vec<usize> = rows.iter().map(|r| r.n - r.k).collect();
    extras.sort_unstable();
    extras.dedup();
    let panel = extras.iter().enumerate().fold(Panel::new("n > k (%)"), |panel, (at, &extra)| {
        let of = rows.iter().filter(|r| r.n - r.k == extra).map(|r| (r.k, &r.tally));
        // Colours that the other panel does not have; bars side by side.
        rates(panel, &format!("n = k + {extra}"), of, 0.08 * at as f64, Role::Group(3 + at as u8))
    });
    unresolved(panel, rows)
}

/// Dots with their Wilson intervals, moved by `shift` so that those of other series stand beside them.
fn rates<'a>(
    panel: Panel,
    label: &str,
    rows: impl Iterator<Item = (usize, &'a Tally)> + Clone,
    shift: f64,
    role: Role,
) -> Panel {
    let panel = rows.clone().fold(panel, |panel, (k, tally)| {
        let [low, high] = tally.interval();
        panel.series(Series::line("", &[k as f64 + shift; 2], &[100. * low, 100. * high]).role(role))
    });
    let (xs, ys): (Vec<f64>, Vec<f64>) =
        rows.map(|(k, tally)| (k as f64 + shift, 100. * tally.rate())).unzip();
    panel.series(Series::dots(label, &xs, &ys).role(role))
}

/// The share of runs that nothing is known of, if there are any.
fn unresolved(panel: Panel, rows: &[&SpuriousRow]) -> Panel {
    let open: Vec<_> = rows.iter().filter(|r| r.tally.unresolved > 0).collect();
    if open.is_empty() {
        return panel;
    }
    let share = |r: &&&SpuriousRow| 100. * r.tally.unresolved as f64 / r.tally.runs as f64;
    let (xs, ys): (Vec<f64>, Vec<f64>) = open.iter().map(|r| (r.k as f64, share(r))).unzip();
    panel.series(Series::dots("unresolved", &xs, &ys).role(Role::Test))
}
