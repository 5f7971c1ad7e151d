//! What the study of widths says: verdict, numbers and table.

use serde::Serialize;

use super::{Width, WidthSettings, Widths, picture};
use crate::{Estimate, Report, Study, Table, Verdict, report::fields, wilson};

const SOURCE: &str = "Freeman & Bruna 2017; Safran, Yehudai & Shamir 2021, The effects of mild over-parameterization \
                      on the optimization landscape of shallow ReLU neural networks; both for other data";
const RULE: &str = "supported: at the largest width every run hits the target loss, the 95 % Wilson interval of its \
                    hit rate lies above that of the smallest width, and trained curves there rise on average at most \
                    the target above their ends; contradicted: the hit rate of the largest width lies below that of \
                    the smallest; otherwise inconclusive";

const NOT_SHOWN: &str = "Not shown: that runs which miss the target are at minima, as they were stopped after a fixed \
                         number of epochs, or that narrower networks could reach it at all; nothing is said about test \
                         rows.";

impl Widths {
    fn verdict(&self) -> Verdict {
        let (Some(small), Some(large)) = (self.widths.first(), self.widths.last()) else {
            return Verdict::Inconclusive;
        };
        let target = self.settings.target;
        let rate = |w: &Width| wilson(w.hits(target) as u64, w.losses.len() as u64);
        let flat = Estimate::new(&large.curved).mean <= target;
        if rate(large)[1] < rate(small)[0] {
            Verdict::Contradicted
        } else if large.hits(target) == large.losses.len() && rate(large)[0] > rate(small)[1] && flat {
            Verdict::Supported
        } else {
            Verdict::Inconclusive
        }
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
            let (line, curve) = (Estimate::new(&w.straight).mean, Estimate::new(&w.curved).mean);
            format!(
                "; at m = {} straight lines rise {line:.3} above their ends, trained curves {curve:.4}",
                w.neurons
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
        let target = found.settings.target;
        let numbers = Numbers {
            settings: &found.settings,
            start: found.start(),
            widths: found.widths.iter().map(|w| WidthNumbers::new(w, target)).collect(),
        };
        Self {
            claim: WidthSettings::CLAIM,
            source: SOURCE,
            rule: RULE,
            verdict: found.verdict(),
            shown: found.shown(),
            not_shown: NOT_SHOWN.into(),
            numbers: fields(&numbers),
            table: table(found),
            pictures: vec![("curves", picture::curves(found)), ("width", picture::width(found))],
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
