//! What the study of two-layer ReLU networks says: verdict, numbers and table.

use serde::Serialize;

use super::{Exponent, Gaps, OverparamGap, OverparamGapSettings, gap_exponent, picture};
use crate::{Estimate, Report, Study, Table, Verdict, report::fields};

const SOURCE: &str =
    "Freeman & Bruna 2017, Topology and geometry of half-rectified network optimization, theorem 2.4";
const RULE: &str = "supported: the fitted exponent's 95 % interval ends at or below −1/n; contradicted: it begins \
                    above −1/n; otherwise, or with fewer than three pairs with ε > 1e-9 at two widths, inconclusive. \
                    Pairs with ε ≤ 1e-9 are left out of the fit (censored), which makes the exponent less steep";

const NOT_SHOWN: &str = "Not shown: that lower paths do not exist, as ε is what the constructive path leaves, or that \
                         the rate goes on to widths not tried; the data are one teacher network in few dimensions.";

/// A gap up to this is rounding.
const ZERO: f64 = 1e-9;

impl OverparamGap {
    /// The fitted exponent, where there are pairs to fit.
    pub fn exponent(&self) -> Option<Exponent> {
        gap_exponent(&self.widths, ZERO)
    }

    /// The theorem's exponent −1/n.
    pub fn bound(&self) -> f64 {
        -1. / self.settings.inputs as f64
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

/// The study's own fields of the result.
#[derive(Serialize)]
struct Numbers<'a> {
    settings: &'a OverparamGapSettings,
    widths: Vec<WidthNumbers>,
    exponent: Option<f64>,
    exponent_ci: Option<[f64; 2]>,
    points: Option<usize>,
    zeros: Option<usize>,
    bound: f64,
}

#[derive(Serialize)]
struct WidthNumbers {
    m: usize,
    gap: f64,
    gap_ci: [f64; 2],
    straight: f64,
    straight_ci: [f64; 2],
    zeros: usize,
}

impl WidthNumbers {
    fn new(at: &Gaps) -> Self {
        let (gap, line) = (Estimate::new(&at.gaps), Estimate::new(&at.straight));
        Self {
            m: at.width,
            gap: gap.mean,
            gap_ci: gap.interval,
            straight: line.mean,
            straight_ci: line.interval,
            zeros: at.gaps.iter().filter(|g| **g <= ZERO).count(),
        }
    }
}

impl From<&OverparamGap> for Report {
    fn from(found: &OverparamGap) -> Self {
        let fit = found.exponent();
        let numbers = Numbers {
            settings: &found.settings,
            widths: found.widths.iter().map(WidthNumbers::new).collect(),
            exponent: fit.map(|f| f.slope),
            exponent_ci: fit.map(|f| f.interval),
            points: fit.map(|f| f.points),
            zeros: fit.map(|f| f.zeros),
            bound: found.bound(),
        };
        Self {
            claim: OverparamGapSettings::CLAIM,
            source: SOURCE,
            rule: RULE,
            verdict: found.verdict(),
            shown: found.shown(),
            not_shown: NOT_SHOWN.into(),
            numbers: fields(&numbers),
            table: table(&found.widths),
            pictures: vec![("gap", picture::gap(found, ZERO))],
        }
    }
}

/// A row for each pair.
fn table(widths: &[Gaps]) -> Table {
    let mut table = Table::new(&["m", "pair", "gap", "straight"]);
    for at in widths {
        for (pair, (&gap, &line)) in at.gaps.iter().zip(&at.straight).enumerate() {
            table.push(&[at.width.into(), pair.into(), gap.into(), line.into()]);
        }
    }
    table
}
