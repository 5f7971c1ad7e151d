use serde_json::json;

use super::{DeepLinearResult, Pair, picture, ridge_barrier};
use crate::{
    Report, Table, Verdict,
    report::{fields, number, numbers},
};

/// The claim that the study decides on.
pub const CLAIM: &str = "Deep linear networks with squared loss: every local minimum is global, and with hidden widths above \
                         min(n_0, n_K) any two points are connected by a path on which F never exceeds its higher end.";
const SOURCE: &str = "Kawaguchi 2016, Deep learning without poor local minima; Freeman & Bruna 2017, Topology and geometry of \
                      half-rectified network optimization, proposition 2.2";
const RULE: &str = "supported: every start that converges ends within 1e-6 of the closed-form optimum (relative), at least half of \
                    the starts converge, and every explicit path stays within 1e-10 (relative) of its higher end; contradicted: a \
                    converged start or a path is above; inconclusive: fewer starts converge, or the widths allow no path.";

/// Relative room above the optimum.
const OPTIMAL: f64 = 1e-6;
/// Relative room above the higher end.
const EXCESS: f64 = 1e-10;
/// Weight of the ridge in the counter-example.
const KAPPA: f64 = 0.01;

impl DeepLinearResult {
    /// Converged starts that ended above the optimum.
    pub fn bad(&self) -> usize {
        let above = |(risk, _): &(&f64, &bool)| risk.is_nan() || **risk > self.optimum * (1. + OPTIMAL);
        self.risks.iter().zip(&self.converged).filter(|(_, c)| **c).filter(above).count()
    }

    /// The largest [`Pair::excess`]; nothing without pairs.
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

impl From<&DeepLinearResult> for Report {
    fn from(result: &DeepLinearResult) -> Self {
        let of = |p: &Pair| {
            json!({
                "ends": if p.minima { "minima" } else { "starts" }, "higher": number(p.higher), "excess": number(p.excess()),
                "straight": number(p.straight), "vertices": p.vertices,
            })
        };
        let s = &result.study;
        Self {
            claim: CLAIM,
            source: SOURCE,
            rule: RULE,
            verdict: result.verdict(),
            shown: result.shown(),
            not_shown: format!(
                "Not shown: the same with a ridge. For three layers it fails: (w_1 w_2 w_3 − 1)² + {KAPPA} ‖w‖² has a strict local \
                 minimum at 0, walled in by {:.1e}, while F(1, 1, 1) = 0.03 < F(0) = 1; for two layers the wall is {:.1e}.",
                ridge_barrier(3, KAPPA),
                ridge_barrier(2, KAPPA)
            ),
            numbers: fields(json!({
                "settings": {
                    "widths": s.widths, "examples": s.examples, "starts": s.starts, "steps": s.steps, "lr": s.lr,
                    "gradient": s.gradient, "seed": s.seed,
                },
                "optimum": number(result.optimum), "risks": numbers(&result.risks), "converged": result.converged,
                "bad_minima": result.bad(), "pairs": result.pairs.iter().map(of).collect::<Vec<_>>(),
                "max_excess": result.excess().map(number),
                "ridge": {"kappa": KAPPA, "wall": {"2": ridge_barrier(2, KAPPA), "3": ridge_barrier(3, KAPPA)}},
            })),
            table: table(result),
            pictures: picture::pictures(result),
        }
    }
}

/// A row for each start and for each pair.
fn table(result: &DeepLinearResult) -> Table {
    let mut table = Table::new(&["what", "number", "F", "above", "straight", "converged"]);
    for (i, (&risk, &converged)) in result.risks.iter().zip(&result.converged).enumerate() {
        let above = risk / result.optimum - 1.;
        let cells = ["start".into(), i.into(), risk.into(), above.into(), f64::NAN.into()];
        table.push(&[&cells[..], &[usize::from(converged).into()]].concat());
    }
    for (i, pair) in result.pairs.iter().enumerate() {
        let what = if pair.minima { "path of minima" } else { "path of starts" };
        let numbers = [pair.higher, pair.excess(), pair.straight].map(Into::into);
        table.push(&[&[what.into(), i.into()], &numbers[..], &[1_usize.into()]].concat());
    }
    table
}
