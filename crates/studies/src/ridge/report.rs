//! What the study of deep linear networks with ridge says: verdict, sentences, numbers and table.

use serde::Serialize;

use super::{Depth, Ridge, RidgeSettings, picture};
use crate::{Claim, Condition, Report, Table, Verdict, report::fields, shown_by, small::small};

pub(super) const CLAIM: Claim = Claim {
    statement: "Deep linear networks W_K…W_1x with the regulariser κ‖θ‖²: every local minimum is global, for every \
        number K of layers (as the slides state it).",
    source: "the claim: the slides, after Freeman & Bruna 2017, Topology and geometry of half-rectified network \
        optimization; the counter-example: docs/theory.md §2",
    rule: "contradicted: for some K the point 0 is proved (interval arithmetic) to be a strict local minimum with F(0) \
        above F at another point, or a start that converged ends more than 1e-6 (relative) above the closed-form \
        optimum; supported: for no K, at least half of the starts converge for each, and for K = 2 the curves between \
        neighbouring starts rise by at most 1e-10 (relative) above their higher end; otherwise inconclusive. So two \
        layers alone (--depths 2) can come out supported, and would be contradicted by one converged start above the \
        optimum",
    contradicted_by: "a number of layers for which 0 is proved to be a strict local minimum above another point, as for \
        K = 3, or a converged start above the closed-form optimum",
};

impl Ridge {
    /// What the numbers say, and if they do not decide, which conditions failed.
    pub fn verdict(&self) -> (Verdict, Vec<String>) {
        let each: Vec<_> = self.depths.iter().map(Depth::verdict).collect();
        let reasons = each.iter().filter_map(|(_, reason)| reason.clone()).collect();
        let any = |verdict| each.iter().any(|(v, _)| *v == verdict);
        let verdict = [Verdict::Contradicted, Verdict::Inconclusive].into_iter().find(|&v| any(v));
        (verdict.unwrap_or(Verdict::Supported), reasons)
    }

    fn conditions(&self) -> Vec<Condition> {
        let condition = |depth: &Depth| {
            let (verdict, reason) = depth.verdict();
            let found = reason.unwrap_or_else(|| sentence(depth));
            Condition::new(format!("for K = {} every local minimum is global", depth.layers), verdict, found)
        };
        self.depths.iter().map(condition).collect()
    }

    fn power(&self) -> String {
        let fewest = self.depths.iter().map(|depth| depth.converged().count()).min().unwrap_or(0);
        format!(
            "for every K a bad minimum that attracts {:.0} % of the starts or more would have been met with a probability of 95 % (at least \
             {fewest} converged starts); the wall around 0 is proved, whatever its height",
            100. * shown_by(fewest as u64)
        )
    }

    fn shown(&self) -> String {
        let mut sentences: Vec<String> = self.depths.iter().map(sentence).collect();
        sentences.extend(self.verdict().1.into_iter().map(|reason| format!("not decided: {reason}")));
        format!("Shown: {}.", sentences.join("; "))
    }
}

/// What was found for one number of layers.
fn sentence(depth: &Depth) -> String {
    let (layers, all) = (depth.layers, depth.ends.len());
    let (counts, elsewhere) = depth.by_level();
    let converged = depth.converged().count();
    let at_zero = counts.first().copied().unwrap_or(0);
    let wall = &depth.wall;
    if wall.is_bad_minimum() {
        return format!(
            "K = {layers}: θ = 0 is proved to be a strict local minimum with F ≥ {:.4}, walled in by {:.1e} at ‖θ‖ = {:.2}, \
             while F ≤ {:.4} elsewhere; of {converged} converged starts (of {all}) {at_zero} end there, {} at the optimum, \
             {elsewhere} at no level of the closed form",
            wall.zero_lower,
            wall.height,
            wall.radius,
            wall.best_upper,
            converged - depth.above()
        );
    }
    let curves = depth.curves.map_or_else(String::new, |(rise, count)| {
        let rise = rise.max(f64::EPSILON);
        let rise = small(rise, 0);
        format!(
            ", and F rises by at most {rise} (relative) above the higher end on {count} curves between starts"
        )
    });
    format!(
        "K = {layers}: {} of {converged} converged starts (of {all}) end above the closed-form optimum {:.4}{curves}",
        depth.above(),
        depth.optimum()
    )
}

/// The study's own fields of the result.
#[derive(Serialize)]
struct Numbers<'a> {
    settings: &'a RidgeSettings,
    singular_values: &'a [f64],
    depths: Vec<DepthNumbers<'a>>,
    not_decided: Vec<String>,
}

#[derive(Serialize)]
struct DepthNumbers<'a> {
    layers: usize,
    verdict: Verdict,
    wall: &'a super::Wall,
    bad_minimum_proved: bool,
    zero: f64,
    optimum: f64,
    levels: &'a [f64],
    starts: usize,
    converged: usize,
    above_optimum: usize,
    ends_by_level: Vec<usize>,
    ends_elsewhere: usize,
    curves: Option<usize>,
    curve_rise: Option<f64>,
}

impl<'a> DepthNumbers<'a> {
    fn new(depth: &'a Depth) -> Self {
        let (ends_by_level, ends_elsewhere) = depth.by_level();
        Self {
            layers: depth.layers,
            verdict: depth.verdict().0,
            wall: &depth.wall,
            bad_minimum_proved: depth.wall.is_bad_minimum(),
            zero: depth.zero,
            optimum: depth.optimum(),
            levels: &depth.levels,
            starts: depth.ends.len(),
            converged: depth.converged().count(),
            above_optimum: depth.above(),
            ends_by_level,
            ends_elsewhere,
            curves: depth.curves.map(|(_, count)| count),
            curve_rise: depth.curves.map(|(rise, _)| rise),
        }
    }
}

impl From<&Ridge> for Report {
    fn from(found: &Ridge) -> Self {
        let (verdict, not_decided) = found.verdict();
        let numbers = Numbers {
            settings: &found.settings,
            singular_values: &found.singular_values,
            depths: found.depths.iter().map(DepthNumbers::new).collect(),
            not_decided,
        };
        Self {
            claim: CLAIM,
            verdict,
            conditions: found.conditions(),
            power: found.power(),
            shown: found.shown(),
            not_shown: "Not shown: that the other levels at which descent ends are strict local minima, which is proved of 0 \
                        only; inputs that are not white, for which 0 is walled in alike but the optimum has no closed form; \
                        other regularisers."
                .into(),
            numbers: fields(&numbers),
            table: table(&found.depths),
            pictures: picture::pictures(found),
        }
    }
}

/// A row for each start.
fn table(depths: &[Depth]) -> Table {
    let mut table = Table::new(&["K", "start", "start norm", "start F", "norm", "F", "above", "converged"]);
    for depth in depths {
        let least = depth.optimum();
        for (i, end) in depth.ends.iter().enumerate() {
            let numbers = [end.start_norm, end.start_risk, end.norm, end.risk, end.risk / least - 1.];
            let cells: Vec<_> = numbers.into_iter().map(Into::into).collect();
            let head = [depth.layers.into(), i.into()];
            table.push(&[&head[..], &cells, &[usize::from(end.converged).into()]].concat());
        }
    }
    table
}
