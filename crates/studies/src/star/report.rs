//! What the study of stars says: verdict, sentences, numbers and table.

use serde::Serialize;

use super::{Case, OneBend, Star, StarSettings, Width, picture};
use crate::{Claim, Condition, Report, Table, Verdict, newcombe, report::fields, small::small, wilson};

/// The largest relative amount by which equations may be missed, and F may rise: rounding.
const MISSED: f64 = 1e-8;
const RISE: f64 = 1e-9;
/// What one neuron less has to miss the equations by.
const UNSOLVED: f64 = 1e-4;
/// The relative difference up to which descent has found the closed form.
const FOUND: f64 = 1e-3;

pub(super) const CLAIM: Claim = Claim {
    statement: "Any r points of a deep linear network with L layers and q outputs are joined straight to one centre, \
        without rising, once its first hidden layer has q(r(L−1)+1) neurons; two opposite minima are not joined by two \
        pieces; most pairs of minima of a wide two-layer ReLU network are.",
    source: "Lin, Li & Wu 2024, Exploring neural network landscapes: star-shaped and geodesic connectivity; the explicit \
        centre for several outputs: docs/theory.md §15",
    rule: "contradicted: from q(r(L−1)+1) neurons on some equations are missed by more than 1e-8 or F rises by more than \
        1e-9 (relative) on a segment, one neuron less suffices, descent finds a path of one bend from θ to −θ below the \
        closed form, or at the largest width the 95 % interval of the share of pairs that two pieces join lies below one \
        half; supported: none of these, and that interval lies above one half; otherwise inconclusive",
    contradicted_by: "a segment on which F rises, as with one neuron less (--missing 1); a path of one bend from θ to −θ \
        below 1/12 of E x²; wide networks of which two pieces join fewer than half of the pairs",
};

impl Star {
    fn largest(of: &[Case], f: fn(&Case) -> f64) -> f64 {
        // NaN is above every number.
        of.iter().map(f).fold(0., |m: f64, x| if x <= m { m } else { x })
    }

    fn conditions(&self) -> Vec<Condition> {
        let (residual, rise) =
            (Self::largest(&self.cases, |c| c.residual), Self::largest(&self.cases, |c| c.rise));
        let least = self.below.iter().map(|c| c.residual).fold(f64::INFINITY, f64::min);
        let OneBend { bound, bound_at_minima, found, found_at_minima, .. } = self.one_bend;
        let near = |found: f64, bound: f64| found >= bound * (1. - 1e-9) && found <= bound * (1. + FOUND);
        let widest = self.widest();
        let ([straight, pieces], pairs) = (widest.joined(), widest.pairs());
        vec![
            Condition::new(
                "from q(r(L−1)+1) neurons on no segment to the centre rises",
                Verdict::exactly(residual <= MISSED && rise <= RISE),
                format!(
                    "{} centres: equations missed by at most {}, F rises by at most {}",
                    self.cases.len(),
                    small(residual, 0),
                    small(rise, 0)
                ),
            ),
            Condition::new(
                "one neuron less leaves the equations unsolved",
                Verdict::exactly(least >= UNSOLVED),
                format!("{} cases, missed by {least:.0e} or more", self.below.len()),
            ),
            Condition::new(
                "a path of one bend from θ to −θ has a mean risk of at least E x²/12, and 2/15 where the bend is a minimum",
                match near(found, bound) && near(found_at_minima, bound_at_minima) {
                    true => Verdict::Supported,
                    false
                        if found < bound * (1. - 1e-9) || found_at_minima < bound_at_minima * (1. - 1e-9) =>
                    {
                        Verdict::Contradicted
                    }
                    false => Verdict::Inconclusive,
                },
                format!(
                    "descent finds {found:.4} and {found_at_minima:.4}; closed form {bound:.4} and {bound_at_minima:.4}"
                ),
            ),
            Condition::new(
                "two pieces join more than half of the pairs of the widest network",
                Verdict::at_least(wilson(pieces, pairs), 0.5),
                format!("{pieces} of {pairs} at m = {}", widest.width),
            ),
            Condition::new(
                "they join more pairs than the straight line does",
                Verdict::at_least(newcombe((pieces, pairs), (straight, pairs), 1), 0.),
                format!("{pieces} and {straight} of {pairs}"),
            ),
        ]
    }

    /// The largest width.
    fn widest(&self) -> &Width {
        self.widths.last().expect("there is a width")
    }

    fn power(&self) -> String {
        let pairs = self.widest().pairs();
        let needed = (0..=pairs).find(|&hits| wilson(hits, pairs)[0] > 0.5);
        match needed {
            Some(hits) => format!(
                "at least {hits} of {pairs} joined pairs show that more than half are; what concerns linear networks is exact but for rounding"
            ),
            None => format!("{pairs} pairs are too few to show that more than half are joined"),
        }
    }

    fn shown(&self) -> String {
        let segments: usize = self.cases.iter().map(|c| c.points).sum();
        let (residual, rise) =
            (Self::largest(&self.cases, |c| c.residual), Self::largest(&self.cases, |c| c.rise));
        let least = self.below.iter().map(|c| c.residual).fold(f64::INFINITY, f64::min);
        let widest = self.widest();
        let [straight, pieces] = widest.joined();
        let [residual, rise] = [residual, rise].map(|x| small(x, 0));
        format!(
            "Shown: on {segments} segments to {} centres F rises by at most {rise} (relative), the equations are missed by at most \
             {residual}, and with one neuron less by {least:.0e} or more; the mean risk on the way from θ to −θ with one bend is at least \
             {:.4} E x²; of {} pairs of minima of width {} two pieces join {pieces}, a straight line {straight}.",
            self.cases.len(),
            self.one_bend.found,
            widest.pairs(),
            widest.width
        )
    }
}

/// The study's own fields of the result.
#[derive(Serialize)]
struct Numbers<'a> {
    settings: &'a StarSettings,
    cases: &'a [Case],
    one_neuron_less: &'a [Case],
    largest_residual: f64,
    largest_rise: f64,
    least_residual_below: f64,
    largest_condition: f64,
    one_bend: &'a OneBend,
    widths: Vec<WidthNumbers<'a>>,
}

#[derive(Serialize)]
struct WidthNumbers<'a> {
    #[serde(flatten)]
    width: &'a Width,
    pairs: u64,
    joined_by_line: u64,
    joined_by_two_pieces: u64,
    interval: [f64; 2],
}

impl From<&Star> for Report {
    fn from(found: &Star) -> Self {
        let conditions = found.conditions();
        let width = |width| {
            let (pairs, [joined_by_line, joined_by_two_pieces]) = (Width::pairs(width), width.joined());
            let interval = wilson(joined_by_two_pieces, pairs);
            WidthNumbers { width, pairs, joined_by_line, joined_by_two_pieces, interval }
        };
        let numbers = Numbers {
            settings: &found.settings,
            cases: &found.cases,
            one_neuron_less: &found.below,
            largest_residual: Star::largest(&found.cases, |c| c.residual),
            largest_rise: Star::largest(&found.cases, |c| c.rise),
            least_residual_below: found.below.iter().map(|c| c.residual).fold(f64::INFINITY, f64::min),
            largest_condition: Star::largest(&found.cases, |c| c.condition),
            one_bend: &found.one_bend,
            widths: found.widths.iter().map(width).collect(),
        };
        Self {
            claim: CLAIM,
            verdict: Verdict::of(&conditions),
            conditions,
            power: found.power(),
            shown: found.shown(),
            not_shown: "Not shown: that no other centre exists for narrower networks, as one neuron less is only too few for this \
                        construction; that pairs which were not joined cannot be, as another centre may have been missed; other \
                        data, activations and depths of the networks with ReLU."
                .into(),
            numbers: fields(&numbers),
            table: table(found),
            pictures: picture::pictures(found),
        }
    }
}

/// A row for each centre and for each pair.
fn table(found: &Star) -> Table {
    let mut table = Table::new(&[
        "kind",
        "L",
        "q",
        "r",
        "width",
        "threshold",
        "residual",
        "condition",
        "length",
        "rise",
        "line",
        "pieces",
    ]);
    let none = f64::NAN;
    for (kind, cases) in [("theorem", &found.cases), ("one less", &found.below)] {
        for c in cases {
            let counts = [c.layers, c.outputs, c.points, c.width, c.threshold].map(Into::into);
            let numbers = [c.residual, c.condition, c.length, c.rise, none, none].map(Into::into);
            table.push(&[&[kind.into()][..], &counts, &numbers].concat());
        }
    }
    for width in &found.widths {
        for (line, pieces) in width.straight.iter().zip(&width.pieces) {
            let counts = [2, 1, 2, width.width, 0].map(Into::into);
            let numbers = [none, none, none, none, *line, *pieces].map(Into::into);
            table.push(&[&["teacher".into()][..], &counts, &numbers].concat());
        }
    }
    table
}
