//! What the study of widths says: verdict, numbers and table.

use serde::Serialize;

use super::{Width, WidthSettings, Widths, picture};
use crate::{Claim, Condition, Estimate, Report, Table, Verdict, newcombe, report::fields, shown_by, wilson};

pub(super) const CLAIM: Claim = Claim {
    statement: "Mild over-parameterisation removes bad minima: from some width on, training a two-layer ReLU network on \
        real data ends at a low risk from every start, and the ends are connected without a barrier.",
    source: "Freeman & Bruna 2017; Safran, Yehudai & Shamir 2021, The effects of mild over-parameterization on the \
        optimization landscape of shallow ReLU neural networks; both for other data",
    rule: "supported: at the largest width every run hits the target loss, the 95 % interval (Newcombe) of its hit rate \
        minus that of the smallest width is above 0, and the 95 % interval (Student's t) of the rise of trained curves \
        there ends at or below the target; contradicted: the 95 % Wilson interval of the hit rate at the largest width \
        is below ½, the difference of the rates is below 0, or the rise is above the target; otherwise inconclusive",
    contradicted_by: "a largest width at which most runs miss the target, as with random labels, or hit it less often \
        than at the smallest; curves that rise above their ends by more than the target",
};

const NOT_SHOWN: &str = "Not shown: that runs which miss the target are at minima, as they were stopped after a fixed \
                         number of epochs, or that narrower networks could reach it at all; nothing is said about test \
                         rows.";

impl Widths {
    fn conditions(&self) -> Vec<Condition> {
        let (Some(small), Some(large)) = (self.widths.first(), self.widths.last()) else { return Vec::new() };
        let target = self.settings.target;
        let tally = |w: &Width| (w.hits(target) as u64, w.losses.len() as u64);
        let ((few, runs), (hits, all)) = (tally(small), tally(large));
        let rate = wilson(hits, all);
        let all_hit = match hits == all {
            true => Verdict::Supported,
            false if rate[1] < 0.5 => Verdict::Contradicted,
            false => Verdict::Inconclusive,
        };
        let difference = newcombe((hits, all), (few, runs), 1);
        let rise = Estimate::new(&large.curved);
        vec![
            Condition::new(
                format!("every run hits the target at m = {}", large.neurons),
                all_hit,
                format!("{hits} of {all} runs, {:.0} to {:.0} %", 100. * rate[0], 100. * rate[1]),
            ),
            Condition::new(
                format!("more runs hit it than at m = {}", small.neurons),
                Verdict::at_least(difference, f64::MIN_POSITIVE),
                format!(
                    "{hits} of {all} and {few} of {runs}, difference {:.0} to {:.0} %",
                    100. * difference[0],
                    100. * difference[1]
                ),
            ),
            Condition::new(
                format!("trained curves at m = {} rise at most the target above their ends", large.neurons),
                Verdict::at_most(rise.interval, target),
                format!("{} for {target}", rise.text(4)),
            ),
        ]
    }

    fn power(&self) -> String {
        self.widths.last().map_or_else(String::new, |w| {
            let runs = w.losses.len();
            format!(
                "at each width {runs} runs would have shown a miss with a probability of 95 % where {:.0} % of all runs miss; a mean rise \
                 that is {:.4} or more away from the target is told from it in 80 % of samples ({} curves)",
                100. * shown_by(runs as u64),
                Estimate::new(&w.curved).detectable(),
                w.curved.len()
            )
        })
    }

    fn shown(&self) -> String {
        let target = self.settings.target;
        let rates: Vec<_> = self
            .widths
            .iter()
            .map(|w| format!("{}/{} at m = {}", w.hits(target), w.losses.len(), w.neurons))
            .collect();
        let from = self.start().map_or_else(
            || "at no width do all runs".to_owned(),
            |width| format!("from m = {width} on all runs do"),
        );
        let barriers = self.widths.last().map_or_else(String::new, |w| {
            let (line, curve) = (Estimate::new(&w.straight), Estimate::new(&w.curved));
            format!(
                "; at m = {} straight lines rise {} above their ends, trained curves {}",
                w.neurons,
                line.text(3),
                curve.text(4)
            )
        });
        format!("Shown: runs that reach a training loss of {target}: {}; {from}{barriers}.", rates.join(", "))
    }
}

/// The study's own fields of the result.
#[derive(Serialize)]
struct Numbers<'a> {
    settings: &'a WidthSettings,
    start: Option<usize>,
    widths: Vec<WidthNumbers>,
}

#[derive(Serialize)]
struct WidthNumbers {
    m: usize,
    runs: usize,
    hits: usize,
    rate: f64,
    ci: [f64; 2],
    loss: Estimate,
    error: Estimate,
    straight: Estimate,
    curved: Estimate,
}

impl WidthNumbers {
    fn new(w: &Width, target: f64) -> Self {
        let (hits, runs) = (w.hits(target), w.losses.len());
        Self {
            m: w.neurons,
            runs,
            hits,
            rate: hits as f64 / runs as f64,
            ci: wilson(hits as u64, runs as u64),
            loss: Estimate::new(&w.losses),
            error: Estimate::new(&w.errors),
            straight: Estimate::new(&w.straight),
            curved: Estimate::new(&w.curved),
        }
    }
}

impl From<&Widths> for Report {
    fn from(found: &Widths) -> Self {
        let (target, conditions) = (found.settings.target, found.conditions());
        let numbers = Numbers {
            settings: &found.settings,
            start: found.start(),
            widths: found.widths.iter().map(|w| WidthNumbers::new(w, target)).collect(),
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
            pictures: vec![
                ("width", picture::width(found)),
                ("barriers", picture::barriers(found)),
                ("curves", picture::curves(found)),
            ],
        }
    }
}

/// A row for each run; barriers stand with the first of their two runs.
fn table(found: &Widths) -> Table {
    let mut table = Table::new(&["m", "run", "loss", "error", "straight", "curved"]);
    for w in &found.widths {
        for (run, (&loss, &error)) in w.losses.iter().zip(&w.errors).enumerate() {
            let pair = |of: &[f64]| of.get(run / 2).filter(|_| run % 2 == 0).copied().unwrap_or(f64::NAN);
            let (straight, curved) = (pair(&w.straight), pair(&w.curved));
            table.push(&[
                w.neurons.into(),
                run.into(),
                loss.into(),
                error.into(),
                straight.into(),
                curved.into(),
            ]);
        }
    }
    table
}
