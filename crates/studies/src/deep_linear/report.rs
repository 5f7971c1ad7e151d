//! What the study of deep linear networks says: verdict, numbers and table.

use serde::Serialize;

use super::{DeepLinear, DeepLinearSettings, Pair, picture};
use crate::{Claim, Condition, Report, Table, Verdict, report::fields, shown_by, small::small};

pub(super) const CLAIM: Claim = Claim {
    statement: "Deep linear networks with squared loss: every local minimum is global, and with hidden widths above \
        min(n_0, n_K) any two points are connected by a path on which F never exceeds its higher end.",
    source: "Kawaguchi 2016, Deep learning without poor local minima; Freeman & Bruna 2017, Topology and geometry of \
        half-rectified network optimization, proposition 2.2",
    rule: "supported: every start that converges ends at the closed-form optimum (within 1e-6 of the risk of the network \
        0), at least half of the starts converge, and every explicit path stays within 1e-10 (relative) of its higher \
        end; contradicted: a converged start or a path is above; inconclusive: fewer starts converge, or the widths \
        allow no path",
    contradicted_by: "one converged start that ends above the closed-form optimum, as ReLU networks do, or one explicit \
        path that rises above its higher end",
};

const NOT_SHOWN: &str = "Not shown: that no bad minimum exists, which a few dozen starts cannot show; networks with \
                         activations; and the same with a ridge, which fails from three layers on (study ridge).";

/// Height above the optimum up to which a start has reached it, over the risk of the network 0.
const OPTIMAL: f64 = 1e-6;
/// Relative height above the higher end up to which a path counts as level: rounding.
const EXCESS: f64 = 1e-10;

impl DeepLinear {
    /// Number of converged starts that ended above the optimum.
    pub fn bad(&self) -> usize {
        let limit = self.optimum + OPTIMAL * self.zero_risk;
        let above = |(risk, _): &(&f64, &bool)| risk.is_nan() || **risk > limit;
        self.risks.iter().zip(&self.converged).filter(|(_, c)| **c).filter(above).count()
    }

    /// The largest [`Pair::excess`]; `None` without pairs.
    pub fn excess(&self) -> Option<f64> {
        self.pairs.iter().map(|pair| self.excess_of(pair)).reduce(|max, x| if x <= max { max } else { x })
    }

    fn excess_of(&self, pair: &Pair) -> f64 {
        pair.excess(OPTIMAL * self.zero_risk)
    }

    /// Numbers of starts that converged and that diverged.
    fn ended(&self) -> [usize; 2] {
        [&self.converged, &self.diverged].map(|of| of.iter().filter(|yes| **yes).count())
    }

    fn conditions(&self) -> Vec<Condition> {
        let (starts, [converged, diverged]) = (self.risks.len(), self.ended());
        let enough = 2 * converged >= starts;
        let reached = match (self.bad(), converged) {
            (_, 0) => Verdict::Inconclusive,
            (bad, _) => Verdict::exactly(bad == 0),
        };
        let (level, excess) = match self.excess() {
            Some(excess) => {
                (Verdict::exactly(excess <= EXCESS), format!("at most {} above it", small(excess, 0)))
            }
            None => (Verdict::Inconclusive, "the widths allow no path".to_owned()),
        };
        vec![
            Condition::new(
                "at least half of the starts converge",
                if enough { Verdict::Supported } else { Verdict::Inconclusive },
                format!(
                    "{converged} of {starts} converged, {diverged} diverged, {} ran out of steps (step size {})",
                    starts - converged - diverged,
                    self.settings.lr
                ),
            ),
            Condition::new(
                "every converged start ends at the closed-form optimum",
                reached,
                format!("{} of {converged} above {:.6}", self.bad(), self.optimum),
            ),
            Condition::new(
                "every explicit path stays at or below its higher end",
                level,
                format!("{} pairs, {excess}", self.pairs.len()),
            ),
        ]
    }

    fn power(&self) -> String {
        let [converged, _] = self.ended();
        format!(
            "bad minima that attract {:.0} % of the starts or more would have been met with a probability of 95 % ({converged} converged \
             starts); a path is looked at in 401 points, and a rise of 1e-10 of its higher end shows",
            100. * shown_by(converged as u64)
        )
    }

    fn shown(&self) -> String {
        let [converged, diverged] = self.ended();
        let lowest = self.pairs.iter().map(|p| 100. * p.straight).fold(f64::INFINITY, f64::min);
        let highest = self.pairs.iter().map(|p| 100. * p.straight).fold(f64::NEG_INFINITY, f64::max);
        let paths = self.excess().map_or_else(
            || "there is no explicit path".into(),
            |excess| {
                format!(
                    "{} explicit paths rise at most {} (relative) above their higher end, straight lines {lowest:.0} to \
                     {highest:.0} %",
                    self.pairs.len(),
                    small(excess.max(0.), 0)
                )
            },
        );
        format!(
            "Shown: {} of {converged} converged starts (of {}, {diverged} diverged) end above the closed-form optimum {:.6}, and {paths}.",
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
    zero_risk: f64,
    risks: &'a [f64],
    converged: &'a [bool],
    diverged: &'a [bool],
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
    fn new(pair: &Pair, excess: f64) -> Self {
        Self {
            ends: if pair.minima { "minima" } else { "starts" },
            higher: pair.higher,
            excess,
            straight: pair.straight,
            vertices: pair.vertices,
        }
    }
}

impl From<&DeepLinear> for Report {
    fn from(found: &DeepLinear) -> Self {
        let conditions = found.conditions();
        let numbers = Numbers {
            settings: &found.settings,
            optimum: found.optimum,
            risks: &found.risks,
            converged: &found.converged,
            diverged: &found.diverged,
            zero_risk: found.zero_risk,
            bad_minima: found.bad(),
            pairs: found.pairs.iter().map(|pair| PairNumbers::new(pair, found.excess_of(pair))).collect(),
            max_excess: found.excess(),
        };
        Self {
            claim: CLAIM,
            verdict: Verdict::of(&conditions),
            conditions,
            power: found.power(),
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
        let above = (risk - found.optimum) / found.zero_risk;
        let cells = ["start".into(), i.into(), risk.into(), above.into(), f64::NAN.into()];
        table.push(&[&cells[..], &[usize::from(converged).into()]].concat());
    }
    for (i, pair) in found.pairs.iter().enumerate() {
        let what = if pair.minima { "path of minima" } else { "path of starts" };
        let numbers = [pair.higher, found.excess_of(pair), pair.straight].map(Into::into);
        table.push(&[&[what.into(), i.into()], &numbers[..], &[1_usize.into()]].concat());
    }
    table
}
