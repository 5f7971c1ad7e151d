//! What the study of convexity says: verdict, numbers, table and pictures.

use collado_plots::{Figure, Panel, Point, Role, Scale, Series};
use serde::Serialize;

use super::{Convexity, ConvexitySettings, Member};
use crate::{Report, Study, Table, Verdict, report::fields};

const SOURCE: &str =
    "Berner, Grohs, Kutyniok & Petersen 2021, The modern mathematics of deep learning, Example 1.20";
const RULE: &str = "supported: both ends have risk 0 and the midpoint ½ exactly, the aligned segment has risk 0 \
                    throughout, and every network of the sequence is within 1 % of 1/√(3n) of the limit while even its \
                    smallest norm grows; else contradicted";
const NOT_SHOWN: &str = "Not shown: anything about networks of practice; alignment removes the barrier because both \
                         ends are one function.";

/// The study's own fields of the result.
#[derive(Serialize)]
struct Numbers<'a> {
    midpoint: f64,
    ends: [f64; 2],
    aligned_max: f64,
    sequence: &'a [Member],
}

impl Convexity {
    /// The largest of some risks; NaN when one is.
    fn max(risks: &[f64]) -> f64 {
        risks.iter().copied().fold(0., |m, r| if r <= m { m } else { r })
    }

    fn verdict(&self) -> Verdict {
        let n = self.straight.len();
        let ends = self.straight[0] == 0. && self.straight[n - 1] == 0.;
        let close = |m: &Member| (m.distance / m.expected - 1.).abs() < 0.01;
        let leaves = self.sequence.windows(2).all(|w| w[1].least_norm > w[0].least_norm);
        let aligned = Self::max(&self.aligned) == 0.;
        match ends && self.straight[n / 2] == 0.5 && aligned && leaves && self.sequence.iter().all(close) {
            true => Verdict::Supported,
            false => Verdict::Contradicted,
        }
    }
}

impl From<&Convexity> for Report {
    fn from(found: &Convexity) -> Self {
        let mut table = Table::new(&["t", "straight", "aligned"]);
        for (i, &t) in found.t.iter().enumerate() {
            table.push(&[t.into(), found.straight[i].into(), found.aligned[i].into()]);
        }
        let last = found.straight.len() - 1;
        let numbers = Numbers {
            midpoint: found.straight[found.straight.len() / 2],
            ends: [found.straight[0], found.straight[last]],
            aligned_max: Convexity::max(&found.aligned),
            sequence: &found.sequence,
        };
        let norms: Vec<f64> = found.sequence.iter().map(|m| m.least_norm).collect();
        Self {
            claim: ConvexitySettings::CLAIM,
            source: SOURCE,
            rule: RULE,
            verdict: found.verdict(),
            shown: format!(
                "Shown: risk {} in the middle between two networks of risk 0, {} with exchanged neurons; the norms of the sequence \
                 reach {:.1}.",
                numbers.midpoint,
                numbers.aligned_max,
                Convexity::max(&norms)
            ),
            not_shown: NOT_SHOWN.into(),
            numbers: fields(&numbers),
            table,
            pictures: vec![("segment", segment(found)), ("sequence", sequence(found))],
        }
    }
}

fn segment(found: &Convexity) -> Figure {
    let middle = found.straight[found.straight.len() / 2];
    let panel = Panel::new("Risk")
        .from_zero()
        .series(Series::line("neurons exchanged", &found.t, &found.aligned).role(Role::Accent))
        .series(Series::line("as they are", &found.t, &found.straight))
        .point(Point::new(0.5, middle).text("½"));
    Figure::new("Between two networks of risk 0")
        .subtitle("Example 1.20: six parameters, s = ((−1, 0), (1, 1))")
        .x_label("t, from θ to the other network")
        .panel(panel)
}

fn sequence(found: &Convexity) -> Figure {
    let pick = |f: fn(&Member) -> f64| found.sequence.iter().map(f).collect::<Vec<f64>>();
    let n = pick(|m| f64::from(m.n));
    let distance = Panel::new("Distance from the step function (log scale)")
        .scale(Scale::Log)
        .series(Series::line("1/√(3n)", &n, &pick(|m| m.expected)).role(Role::Ink).width(1.2).dashed())
        .series(Series::dots("measured", &n, &pick(|m| m.distance)));
    let norm = Panel::new("Norm of the parameters (log scale)")
        .scale(Scale::Log)
        .series(
            Series::line("smallest of all rescalings", &n, &pick(|m| m.least_norm))
                .role(Role::Accent)
                .markers(),
        )
        .series(Series::line("as written", &n, &pick(|m| m.norm)).role(Role::Test).markers());
    Figure::new("A convergent sequence of networks whose limit is none")
        .subtitle("n(ρ(x + 1/n) − ρ(x)) on [−1, 1]")
        .x_label("n")
        .x_scale(Scale::Log)
        .panel(distance)
        .panel(norm)
}
