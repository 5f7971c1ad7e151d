//! What the study of deep linear networks says: verdict, numbers and table.

use serde::Serialize;

use super::{DeepLinear, DeepLinearSettings, Pair, picture};
use crate::{Report, Study, Table, Verdict, report::fields};

const SOURCE: &str = "Kawaguchi 2016, Deep learning without poor local minima; Freeman & Bruna 2017, Topology and \
                      geometry of half-rectified network optimization, proposition 2.2";
const RULE: &str = "supported: every start that converges ends within 1e-6 of the closed-form optimum (relative), at \
                    least half of the starts converge, and every explicit path stays within 1e-10 (relative) of its \
                    higher end; contradicted: a converged start or a path is above; inconclusive: fewer starts \
                    converge, or the widths allow no path.";

const NOT_SHOWN: &str = "Not shown: that no bad minimum exists, which a few dozen starts cannot show; networks with \
                         activations; and the same with a ridge, which fails from three layers on (study ridge).";

/// Relative height above the optimum up to which a start has reached it.
const OPTIMAL: f64 = 1e-6;
/// Relative height above the higher end up to which a path counts as level: rounding.
const EXCESS: f64 = 1e-10;

impl DeepLinear {
    /// Number of converged starts that ended above the optimum.
    pub fn bad(&self) -> usize {
        let above = |(risk, _): &(&f64, &bool)| risk.is_nan() || **risk > self.optimum * (1. + OPTIMAL);
        self.risks.iter().zip(&self.converged).filter(|(_, c)| **c).filter(above).count()
    }

    /// The largest [`Pair::excess`]; `None` without pairs.
    pub fn excess(&self) -> Option<f64> {
        self.pairs.iter().map(Pair::excess).reduce(f64::max)
    }

    fn verdict(&self) -> Verdict {
        let converged = self.converged.iter().filter(|c| **c).count();
        match self.excess() {
            Some(excess) if self.bad() > 0 || excess > EXCESS => Verdict::Contradicted,
            None if self.bad() > 0 => Verdict::Contradicted,
            Some(_) if 2 * converged >= self.converged.len() => Verdict::Supported,
            _ => Verdict::Inconclusive,
        }
    }

    fn shown(&self) -> String {
        let converged = self.converged.iter().filter(|c| **c).count();
        let lowest = self.pairs.iter().map(|p| 100. * p.straight).fold(f64::INFINITY, f64::min);
        let highest = self.pairs.iter().map(|p| 100. * p.straight).fold(f64::NEG_INFINITY, f64::max);
        let paths = self.excess().map_or_else(
            || "the widths allow no explicit path".into(),
            |excess| {
                format!(
                    "{} explicit paths rise at most {:.0e} (relative) above their higher end, straight lines {lowest:.0} to \
                     {highest:.0} %",
                    self.pairs.len(),
                    excess.max(0.)
                )
            },
        );
        format!(
            "Shown: {} of {converged} converged starts (of {}) end above the closed-form optimum {:.6}, and {paths}.",
            self.bad(),
            self.risks.len(),
            self.optimum
        )
    }
}

/// The study's own fields of the found.
#[derive(Serialize)]
struct Numbers<'a> {
    settings: &'a DeepLinearSettings,
    optimum: f64,
    risks: &'a [f64],
    converged: &'a [bool],
    bad_minima: usize,
    pairs: Vec<PairNumbers>,
    max_excess: Option<f64>,
}

#[derive(Serialize)]
struct PairNumbers {
    ends: &'static str,
    higher: f64,
    excess: f64,
    straight: f64,
    vertices: usize,
}

impl PairNumbers {
    fn new(pair: &Pair) -> Self {
        Self {
            ends: if pair.minima { "minima" } else { "starts" },
            higher: pair.higher,
            excess: pair.excess(),
            straight: pair.straight,
            vertices: pair.vertices,
        }
    }
}

impl From<&DeepLinear> for Report {
    fn from(found: &DeepLinear) -> Self {
        let numbers = Numbers {
            settings: &found.settings,
            optimum: found.optimum,
            risks: &found.risks,
            converged: &found.converged,
            bad_minima: found.bad(),
            pairs: found.pairs.iter().map(PairNumbers::new).collect(),
            max_excess: found.excess(),
        };
        Self {
            claim: DeepLinearSettings::CLAIM,
            source: SOURCE,
            rule: RULE,
            verdict: found.verdict(),
            shown: found.shown(),
            not_shown: NOT_SHOWN.into(),
            numbers: fields(&numbers),
            table: table(found),
            pictures: picture::pictures(found),
        }
    }
}

/// A row for each start and for each pair.
fn table(found: &DeepLinear) -> Table {
    let mut table = Table::new(&["what", "number", "F", "above", "straight", "converged"]);
    for (i, (&risk, &converged)) in found.risks.iter().zip(&found.converged).enumerate() {
        let above = risk / found.optimum - 1.;
        let cells = ["start".into(), i.into(), risk.into(), above.into(), f64::NAN.into()];
        table.push(&[&cells[..], &[usize::from(converged).into()]].concat());
    }
    for (i, pair) in found.pairs.iter().enumerate() {
        let what = if pair.minima { "path of minima" } else { "path of starts" };
        let numbers = [pair.higher, pair.excess(), pair.straight].map(Into::into);
        table.push(&[&[what.into(), i.into()], &numbers[..], &[1_usize.into()]].concat());
    }
    table
}
