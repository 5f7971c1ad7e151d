//! The picture of the rates of spurious runs, beside the published ones.

use collado_plots::{Figure, Panel, Role, Series};

use super::{
    SampledRow, SpuriousRow,
    published::{PublishedRate, published},
};

/// Share of spurious runs against k, one panel for each n − k: Wilson intervals beside the published rates.
pub(super) fn picture(rows: &[SpuriousRow], sampled: &[SampledRow]) -> Figure {
    let mut extras: Vec<usize> = rows.iter().map(|r| r.n - r.k).collect();
    extras.sort_unstable();
    extras.dedup();
    // The same axis for all panels, up to the next ten above everything drawn.
    let high =
        rows.iter().map(|r| r.tally.interval()[1]).chain(sampled.iter().map(|r| r.tally.interval()[1]));
    let known = rows.iter().filter_map(|r| Some(published(r.k)?.interval()[1]));
    let top = 10. * (10. * high.chain(known).fold(0., f64::max)).ceil().clamp(1., 10.);
    let runs = rows.first().map_or(0, |r| r.tally.runs);
    let figure = Figure::new("How often gradient descent ends in a spurious minimum")
        .subtitle(format!(
            "{runs} runs a point, k teachers, n neurons; bars and bands: 95 % Wilson intervals"
        ))
        .x_label("Teachers k");
    extras.into_iter().fold(figure, |figure, extra| {
        let of: Vec<_> = rows.iter().filter(|r| r.n - r.k == extra).collect();
        figure.panel(panel(extra, &of, sampled, top))
    })
}

fn panel(extra: usize, rows: &[&SpuriousRow], sampled: &[SampledRow], top: f64) -> Panel {
    let name = if extra == 0 { "n = k".into() } else { format!("n = k + {extra}") };
    let mut panel = Panel::new(format!("Spurious runs, {name} (%)")).y_limits(0., top).weight(0.6);
    let xs: Vec<f64> = rows.iter().map(|r| r.k as f64).collect();
    let percent =
        |of: &dyn Fn(&SpuriousRow) -> f64| -> Vec<f64> { rows.iter().map(|r| 100. * of(r)).collect() };
    if extra == 0 {
        let known: Vec<_> = rows.iter().filter_map(|r| Some((r.k as f64, published(r.k)?))).collect();
        let column =
            |of: fn(&PublishedRate) -> f64| -> Vec<f64> { known.iter().map(|(_, p)| 100. * of(p)).collect() };
        let at: Vec<f64> = known.iter().map(|p| p.0).collect();
        let series =
            Series::line("published, 500 runs", &at, &column(PublishedRate::rate)).role(Role::Reference);
        panel =
            panel.series(series.dashed().band(&column(|p| p.interval()[0]), &column(|p| p.interval()[1])));
    }
    for row in rows {
        let [lo, hi] = row.tally.interval();
        let bar = Series::line("", &[row.k as f64; 2], &[100. * lo, 100. * hi]);
        panel = panel.series(bar.role(Role::Train));
    }
    panel = panel.series(Series::dots("found", &xs, &percent(&|r| r.tally.rate())).role(Role::Train));
    if extra == 0 && !sampled.is_empty() {
        for row in sampled {
            let [lo, hi] = row.tally.interval();
            let bar = Series::line("", &[row.k as f64 + 0.08; 2], &[100. * lo, 100. * hi]);
            panel = panel.series(bar.role(Role::Accent));
        }
        let at: Vec<f64> = sampled.iter().map(|r| r.k as f64 + 0.08).collect();
        let rates: Vec<f64> = sampled.iter().map(|r| 100. * r.tally.rate()).collect();
        panel = panel.series(Series::dots("SGD on drawn data", &at, &rates).role(Role::Accent));
    }
    if rows.iter().any(|r| r.tally.unresolved > 0) {
        let open = percent(&|r| r.tally.unresolved as f64 / r.tally.runs as f64);
        panel = panel.series(Series::dots("unresolved", &xs, &open).role(Role::Test));
    }
    panel
}
