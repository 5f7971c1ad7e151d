//! What the study of one logistic neuron says: verdict, numbers and table.

use serde::Serialize;

use super::{NeuronRow, RandomLabels, SingleNeuron, SingleNeuronSettings, picture};
use crate::{Claim, Condition, Estimate, Report, Table, Verdict, report::fields, scatter, shown_by};

pub(super) const CLAIM: Claim = Claim {
    statement: "The squared loss of one logistic neuron with d inputs can have exponentially many local minima: p^d on \
        pd examples.",
    source: "Auer, Herbster & Warmuth 1996, Exponentially many local minima for single neurons, theorem 3.1",
    rule: "supported: the certificate proves p minima of each coordinate, so p^d, and for every d descent from random \
        starts ends at as many, each in a proved box; contradicted: the certificate leaves nothing open and proves \
        another number, or descent finds more than p^d minima; otherwise (some not hit, some not proved) inconclusive",
    contradicted_by: "a ratio of lengths for which a coordinate has fewer than p minima, as --ratio 5; a minimum outside \
        the proved boxes",
};

const NOT_SHOWN: &str = "Not shown: that data of practice do this, as the examples are made for it (on the axes, \
                         lengths of many scales); for random labels only minima that were hit and proved are counted, \
                         a lower bound.";

impl SingleNeuron {
    fn conditions(&self) -> Vec<Condition> {
        let (asked, proved, open) = (self.settings.per_dim, self.boxes.boxes.len(), self.boxes.unproved);
        let certificate = if open > 0 { Verdict::Inconclusive } else { Verdict::exactly(proved == asked) };
        let certificate = Condition::new(
            "the certificate proves p minima of each coordinate",
            certificate,
            format!("{proved} proved and {open} candidates left open, p = {asked}"),
        );
        let row = |r: &NeuronRow| {
            let verdict = match (r.found as u64, r.certified as u64) {
                (found, _) if found > r.expected => Verdict::Contradicted,
                (found, certified) if found == r.expected && certified == found => Verdict::Supported,
                _ => Verdict::Inconclusive,
            };
            Condition::new(
                format!("descent ends at p^d minima for d = {}, all of them proved", r.dims),
                verdict,
                format!(
                    "{} found and {} proved of {}, {} starts",
                    r.found, r.certified, r.expected, self.settings.starts
                ),
            )
        };
        std::iter::once(certificate).chain(self.rows.iter().map(row)).collect()
    }

    fn power(&self) -> String {
        let starts = self.settings.starts;
        let most = self.rows.iter().map(|r| r.expected).max().unwrap_or(1);
        format!(
            "of {starts} starts at least one ends in a minimum whose basin has {:.3} % of them, with a probability of 95 %; {most} \
             equal basins have {:.3} % each",
            100. * shown_by(starts as u64),
            100. / most as f64
        )
    }

    fn shown(&self) -> String {
        let counts: Vec<_> = self
            .rows
            .iter()
            .map(|r| format!("{} of {} for d = {}", r.certified, r.expected, r.dims))
            .collect();
        let last = self.random.iter().max_by_key(|r| r.samples).map_or_else(String::new, |_| {
            let most = self.random.iter().map(|r| mean(&r.minima).mean).fold(0., f64::max);
            format!("; random labels never gave more than {most:.1} proved ones on average with two inputs")
        });
        format!("Shown: certified minima hit by descent: {}{last}.", counts.join(", "))
    }
}

/// The study's own fields of the result.
#[derive(Serialize)]
struct Numbers<'a> {
    settings: &'a SingleNeuronSettings,
    boxes: Vec<[f64; 2]>,
    unproved: usize,
    rows: &'a [NeuronRow],
    random_labels: Vec<RandomNumbers>,
}

#[derive(Serialize)]
struct RandomNumbers {
    inputs: &'static str,
    samples: usize,
    minima: f64,
    ci: [f64; 2],
    data_sets: usize,
    most: Option<usize>,
    lost: f64,
}

impl RandomNumbers {
    fn new(labels: &RandomLabels) -> Self {
        let minima = mean(&labels.minima);
        Self {
            inputs: labels.law.name(),
            samples: labels.samples,
            minima: minima.mean,
            ci: minima.interval,
            data_sets: minima.count,
            most: labels.minima.iter().max().copied(),
            lost: scatter::mean(&labels.lost),
        }
    }
}

impl From<&SingleNeuron> for Report {
    fn from(found: &SingleNeuron) -> Self {
        let conditions = found.conditions();
        let numbers = Numbers {
            settings: &found.settings,
            boxes: found.boxes.boxes.iter().map(|b| [b.lo(), b.hi()]).collect(),
            unproved: found.boxes.unproved,
            rows: &found.rows,
            random_labels: found.random.iter().map(RandomNumbers::new).collect(),
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

/// The mean of some counts.
pub(super) fn mean(counts: &[usize]) -> Estimate {
    Estimate::new(&counts.iter().map(|&n| n as f64).collect::<Vec<_>>())
}

/// A row for each d and for each number of examples with random labels.
fn table(found: &SingleNeuron) -> Table {
    let mut table = Table::new(&["data", "d", "examples", "minima", "low", "high", "expected"]);
    for r in &found.rows {
        let counts = [r.dims, r.dims * found.settings.per_dim, r.certified].map(Into::into);
        let rest = [f64::NAN.into(), f64::NAN.into(), (r.expected as usize).into()];
        table.push(&[&["construction".into()], &counts[..], &rest].concat());
    }
    for r in &found.random {
        let Estimate { mean, interval: [low, high], .. } = mean(&r.minima);
        let counts = [r.law.name().into(), 2_usize.into(), r.samples.into()];
        table.push(&[&counts[..], &[mean.into(), low.into(), high.into(), f64::NAN.into()]].concat());
    }
    table
}
