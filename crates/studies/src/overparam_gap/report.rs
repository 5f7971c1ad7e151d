//! What the study of two-layer ReLU networks says: verdict, numbers and table.

use serde::Serialize;

use super::{
    Exponent, Gaps, OverparamGap, OverparamGapSettings,
    exponent::{FREEDOM, WIDTHS},
    gap_exponent, picture,
};
use crate::{Claim, Condition, Estimate, Report, Table, Verdict, report::fields, small::small};

pub(super) const CLAIM: Claim = Claim {
    statement: "Two minima of a two-layer ReLU network of width m are connected up to ε(m), which falls at least as fast \
        as m^(−1/n) for n inputs.",
    source: "Freeman & Bruna 2017, Topology and geometry of half-rectified network optimization, theorem 2.4",
    rule: "supported: the 95 % interval of the fitted exponent (Student's t) ends at or below −1/n; contradicted: it \
        begins above −1/n and at most 5 % of the pairs have ε ≤ 1e-9; otherwise inconclusive, as where pairs with ε > \
        1e-9 lie at fewer than 3 widths or leave fewer than 4 degrees of freedom. Pairs with ε ≤ 1e-9 are left out of \
        the fit (censored), which makes the exponent less steep",
    contradicted_by: "gaps that stay as high as they are, as those of the straight line do, or that fall more slowly \
        than m^(−1/n)",
};

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

    fn conditions(&self) -> Vec<Condition> {
        let (verdict, found) = match self.exponent() {
            Some(fit) => {
                let verdict = match Verdict::at_most(fit.interval, self.bound()) {
                    // What is left out speaks for the claim: where it is much, the rest alone contradicts nothing.
                    Verdict::Contradicted if 20 * fit.zeros > fit.zeros + fit.points => Verdict::Inconclusive,
                    verdict => verdict,
                };
                (verdict, self.fit_text(&fit))
            }
            None => (Verdict::Inconclusive, self.lacking()),
        };
        vec![Condition::new("the exponent of ε in m is at most −1/n", verdict, found)]
    }

    fn fit_text(&self, fit: &Exponent) -> String {
        format!(
            "exponent {:.2} [{:.2}, {:.2}] from {} pairs at {} widths, {} zeros left out; −1/n = {:.2}",
            fit.slope,
            fit.interval[0],
            fit.interval[1],
            fit.points,
            fit.widths,
            fit.zeros,
            self.bound()
        )
    }

    /// Why there is no fit.
    fn lacking(&self) -> String {
        let above = |at: &&Gaps| at.gaps.iter().any(|g| *g > ZERO);
        let pairs = self.widths.iter().flat_map(|at| &at.gaps).filter(|g| **g > ZERO).count();
        format!(
            "{pairs} pairs with ε > {ZERO:e} at {} widths; a fit needs {} pairs at {WIDTHS} widths",
            self.widths.iter().filter(above).count(),
            FREEDOM + 2
        )
    }

    fn power(&self) -> String {
        match self.exponent() {
            Some(fit) => format!(
                "an exponent that is {:.2} or more away from −1/n = {:.2} is told from it in 80 % of samples like this one ({} pairs at \
                 {} widths)",
                fit.detectable,
                self.bound(),
                fit.points,
                fit.widths
            ),
            None => format!("none: {}", self.lacking()),
        }
    }

    fn shown(&self) -> String {
        let mean = |at: &Gaps, of: fn(&Gaps) -> &Vec<f64>| Estimate::new(of(at)).mean;
        let ends = [self.widths.first(), self.widths.last()].map(|at| {
            at.map_or_else(String::new, |at| {
                let (gap, line) = (mean(at, |a| &a.gaps), mean(at, |a| &a.straight));
                format!("{} at m = {} (straight line {})", small(gap, 1), at.width, small(line, 1))
            })
        });
        let fit = self.exponent().map_or_else(|| self.lacking(), |fit| self.fit_text(&fit));
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
    fitted_widths: Option<usize>,
    zeros: Option<usize>,
    bound: f64,
}

#[derive(Serialize)]
struct WidthNumbers {
    m: usize,
    pairs: usize,
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
            pairs: gap.count,
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
        let (fit, conditions) = (found.exponent(), found.conditions());
        let numbers = Numbers {
            settings: &found.settings,
            widths: found.widths.iter().map(WidthNumbers::new).collect(),
            exponent: fit.map(|f| f.slope),
            exponent_ci: fit.map(|f| f.interval),
            points: fit.map(|f| f.points),
            fitted_widths: fit.map(|f| f.widths),
            zeros: fit.map(|f| f.zeros),
            bound: found.bound(),
        };
        Self {
            claim: CLAIM,
            verdict: Verdict::of(&conditions),
            conditions,
            power: found.power(),
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
