use serde_json::{Value, json};

use super::{Exponent, Gaps, OverparamGapResult, gap_exponent, picture};
use crate::{
    Estimate, Report, Table, Verdict,
    report::{fields, number, numbers},
};

/// The claim that the study decides on.
pub const CLAIM: &str = "Two minima of a two-layer ReLU network of width m are connected up to ε(m), which falls at least as fast as \
                         m^(−1/n) for n inputs.";
const SOURCE: &str =
    "Freeman & Bruna 2017, Topology and geometry of half-rectified network optimization, theorem 2.4";
const RULE: &str = "supported: the fitted exponent's 95 % interval ends at or below −1/n; contradicted: it begins above −1/n; otherwise, \
                    or with fewer than three pairs with ε > 1e-9 at two widths, inconclusive. Pairs with ε ≤ 1e-9 are left out of the \
                    fit (censored), which makes the exponent less steep";

/// A gap up to this is rounding.
const ZERO: f64 = 1e-9;

impl OverparamGapResult {
    /// The fitted exponent, where there are pairs to fit.
    pub fn exponent(&self) -> Option<Exponent> {
        gap_exponent(&self.widths, ZERO)
    }

    /// −1/n.
    pub fn bound(&self) -> f64 {
        -1. / self.study.inputs as f64
    }

    fn verdict(&self) -> Verdict {
        match self.exponent() {
            Some(fit) if fit.interval[1] <= self.bound() => Verdict::Supported,
            Some(fit) if fit.interval[0] > self.bound() => Verdict::Contradicted,
            _ => Verdict::Inconclusive,
        }
    }

    fn shown(&self) -> String {
        let mean = |at: &Gaps, of: fn(&Gaps) -> &Vec<f64>| Estimate::new(of(at)).mean;
        let ends = [self.widths.first(), self.widths.last()].map(|at| {
            at.map_or_else(String::new, |at| {
                let (gap, line) = (mean(at, |a| &a.gaps), mean(at, |a| &a.straight));
                format!("{gap:.1e} at m = {} (straight line {line:.1e})", at.width)
            })
        });
        let fit = self.exponent().map_or_else(
            || "too few gaps above zero for a fit".into(),
            |f| {
                format!(
                    "fitted exponent {:.2} [{:.2}, {:.2}] beside −1/n = {:.2}",
                    f.slope,
                    f.interval[0],
                    f.interval[1],
                    self.bound()
                )
            },
        );
        format!("Shown: ε is on average {} and {}; {fit}.", ends[0], ends[1])
    }
}

impl From<&OverparamGapResult> for Report {
    fn from(result: &OverparamGapResult) -> Self {
        let (s, fit) = (&result.study, result.exponent());
        Self {
            claim: CLAIM,
            source: SOURCE,
            rule: RULE,
            verdict: result.verdict(),
            shown: result.shown(),
            not_shown: "Not shown: that lower paths do not exist, as ε is what the constructive path leaves, or that the rate goes on to \
                        widths not tried; the data are one teacher network in few dimensions."
                .into(),
            numbers: fields(json!({
                "settings": {
                    "inputs": s.inputs, "examples": s.examples, "widths": s.widths, "pairs": s.pairs, "kappa": s.kappa,
                    "steps": s.steps, "search": s.search, "seed": s.seed,
                },
                "widths": result.widths.iter().map(width).collect::<Vec<_>>(),
                "exponent": fit.map(|f| number(f.slope)), "exponent_ci": fit.map(|f| numbers(&f.interval)),
                "points": fit.map(|f| f.points), "zeros": fit.map(|f| f.zeros), "bound": number(result.bound()),
            })),
            table: table(&result.widths),
            pictures: vec![("gap", picture::gap(result, ZERO))],
        }
    }
}

fn width(at: &Gaps) -> Value {
    let (gap, line) = (Estimate::new(&at.gaps), Estimate::new(&at.straight));
    json!({
        "m": at.width, "gap": number(gap.mean), "gap_ci": numbers(&gap.interval), "straight": number(line.mean),
        "straight_ci": numbers(&line.interval), "zeros": at.gaps.iter().filter(|g| **g <= ZERO).count(),
    })
}

fn table(widths: &[Gaps]) -> Table {
    let mut table = Table::new(&["m", "pair", "gap", "straight"]);
    for at in widths {
        for (pair, (&gap, &line)) in at.gaps.iter().zip(&at.straight).enumerate() {
            table.push(&[at.width.into(), pair.into(), gap.into(), line.into()]);
        }
    }
    table
}
