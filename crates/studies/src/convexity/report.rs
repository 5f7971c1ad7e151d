use collado_plots::{Figure, Panel, Point, Role, Scale, Series};
use serde_json::{Value, json};

use super::{Convexity, Member};
use crate::{
    Report, Table, Verdict,
    report::{fields, number, numbers},
};

/// The claim that the study decides on.
pub const CLAIM: &str = "The risk of a neural network is not convex, and the set of networks is not closed: two networks of risk 0 have a \
                         midpoint of risk 1/2, and a convergent sequence leaves every bounded set.";

impl Convexity {
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
        let member = |m: &Member| {
            json!({"n": m.n, "distance": number(m.distance), "expected": number(m.expected), "norm": number(m.norm),
                "least_norm": number(m.least_norm)})
        };
        let middle = found.straight[found.straight.len() / 2];
        let norms: Vec<f64> = found.sequence.iter().map(|m| m.least_norm).collect();
        Self {
            claim: CLAIM,
            source: "Berner, Grohs, Kutyniok & Petersen 2021, The modern mathematics of deep learning, Example 1.20",
            rule: "supported: both ends have risk 0 and the midpoint ½ exactly, the aligned segment has risk 0 throughout, and every \
                   network of the sequence is within 1 % of 1/√(3n) of the limit while even its smallest norm grows; else contradicted",
            verdict: found.verdict(),
            shown: format!(
                "Shown: risk {middle} in the middle between two networks of risk 0, {} with exchanged neurons; the norms of the sequence \
                 reach {:.1}.",
                Convexity::max(&found.aligned),
                Convexity::max(&norms)
            ),
            not_shown: "Not shown: anything about networks of practice; alignment removes the barrier because both ends are one function."
                .into(),
            numbers: fields(json!({
                "midpoint": number(middle), "ends": numbers(&[found.straight[0], found.straight[found.straight.len() - 1]]),
                "aligned_max": number(Convexity::max(&found.aligned)),
                "sequence": found.sequence.iter().map(member).collect::<Vec<Value>>(),
            })),
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
