//! What the study of convexity says: verdict, numbers, table and pictures.

use collado_plots::{Figure, Panel, Point, Role, Scale, Series};
use serde::Serialize;

use super::{Convexity, Member};
use crate::{Claim, Condition, Report, Table, Verdict, report::fields};

pub(super) const CLAIM: Claim = Claim {
    statement: "The risk of a neural network is not convex, and the set of networks is not closed: two networks of risk \
        0 have a midpoint of risk 1/2, and a convergent sequence leaves every bounded set.",
    source: "Berner, Grohs, Kutyniok & Petersen 2021, The modern mathematics of deep learning, Example 1.20",
    rule: "supported: both ends have risk 0 and the midpoint ½ exactly, the aligned segment has risk 0 throughout, and \
        every network of the sequence is within 1 % of 1/√(3n) of the limit while even its smallest norm grows; \
        contradicted: one of these fails; inconclusive: the sequence has fewer than two members",
    contradicted_by: "a midpoint that is not ½ above both ends, as with targets (0, 0); a segment between the exchanged \
        networks that is not at 0; a sequence that does not approach the step, or that rescaling keeps in a bounded set",
};

const POWER: &str = "nothing is sampled: the risks are exact in f64, and the distances are quadratures that are right to \
                     well below the 1 % asked for";
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

    fn conditions(&self) -> Vec<Condition> {
        let last = self.straight.len() - 1;
        let (ends, middle) = ([self.straight[0], self.straight[last]], self.straight[last / 2]);
        let aligned = Self::max(&self.aligned);
        let off = self.sequence.iter().map(|m| (m.distance / m.expected - 1.).abs()).collect::<Vec<_>>();
        let grows = self.sequence.windows(2).all(|w| w[1].least_norm > w[0].least_norm);
        let norms =
            [self.sequence.first(), self.sequence.last()].map(|m| m.map_or(f64::NAN, |m| m.least_norm));
        let of_sequence = |holds| match self.sequence.len() {
            0 | 1 => Verdict::Inconclusive,
            _ => Verdict::exactly(holds),
        };
        vec![
            Condition::new(
                "both ends have risk 0",
                Verdict::exactly(ends == [0., 0.]),
                format!("{} and {}", ends[0], ends[1]),
            ),
            Condition::new("the midpoint has risk ½", Verdict::exactly(middle == 0.5), format!("{middle}")),
            Condition::new(
                "the segment between the networks with exchanged neurons has risk 0",
                Verdict::exactly(aligned == 0.),
                format!("at most {aligned}"),
            ),
            Condition::new(
                "the sequence is within 1 % of 1/√(3n) of the step",
                of_sequence(Self::max(&off) < 0.01),
                format!("{} members, at most {:.2} % off", off.len(), 100. * Self::max(&off)),
            ),
            Condition::new(
                "the smallest norms of the sequence grow",
                of_sequence(grows),
                format!("from {:.2} to {:.2}", norms[0], norms[1]),
            ),
        ]
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
        let conditions = found.conditions();
        let norms: Vec<f64> = found.sequence.iter().map(|m| m.least_norm).collect();
        Self {
            claim: CLAIM,
            verdict: Verdict::of(&conditions),
            conditions,
            power: POWER.into(),
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
        .caption("A convex risk would stay at 0 on the straight line between two networks of risk 0.")
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
        .caption("Left: the distance from a step, which no network of this size is. Right: the parameters that it takes.")
        .x_label("n")
        .x_scale(Scale::Log)
        .x_ticks(&n)
        .beside()
        .panel(distance)
        .panel(norm)
}
