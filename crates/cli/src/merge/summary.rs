//! The result of `collado merge`.

use collado_risk::Evaluation;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    json::print,
    shown::{counted, error, risk, significant},
};

/// The values of a network on the training rows, and on the test rows where there are some.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values {
    pub(super) train: Evaluation,
    pub(super) test: Option<Evaluation>,
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("train_risk", &self.train.risk)?;
        map.serialize_entry("train_loss", &self.train.loss)?;
        map.serialize_entry("train_error", &self.train.error)?;
        map.serialize_entry("test_loss", &self.test.map(|v| v.loss))?;
        map.serialize_entry("test_error", &self.test.map(|v| v.error))?;
        map.end()
    }
}

impl Values {
    /// The figure that two networks are compared by, with its name: the error where there are classes, else the loss; of the test
    /// rows where there are some.
    fn judged(&self) -> (&'static str, f64) {
        match self.test {
            Some(test) if !test.error.is_nan() => ("test error", test.error),
            Some(test) => ("test loss", test.loss),
            None if !self.train.error.is_nan() => ("training error", self.train.error),
            None => ("training risk", self.train.risk),
        }
    }

    /// Whether the other one is better, or this one is not finite.
    pub(super) fn is_worse_than(&self, other: &Self) -> bool {
        let (own, other) = (self.judged().1, other.judged().1);
        own.is_nan() || own > other
    }
}

/// One of the networks.
#[derive(Serialize)]
pub(super) struct Network {
    pub(super) name: String,
    /// Its share of the average; 0 where it is left out.
    pub(super) share: f64,
    #[serde(flatten)]
    pub(super) values: Values,
}

/// The straight line between two of the aligned networks.
#[derive(Serialize)]
pub(super) struct PairRecord {
    pub(super) a: String,
    pub(super) b: String,
    pub(super) train_risk_max: f64,
    pub(super) above_ends: f64,
    pub(super) test_loss_max: Option<f64>,
    pub(super) test_error_max: Option<f64>,
}

/// All straight lines.
#[derive(Serialize)]
pub(super) struct Lines {
    points: usize,
    mean_above_ends: f64,
    max_above_ends: f64,
    /// The largest test error on any of them.
    test_error_max: Option<f64>,
    pairs: Vec<PairRecord>,
}

impl Lines {
    pub(super) fn new(points: usize, pairs: Vec<PairRecord>) -> Self {
        let heights = || pairs.iter().map(|pair| pair.above_ends);
        let errors: Option<Vec<f64>> = pairs.iter().map(|pair| pair.test_error_max).collect();
        Self {
            points,
            mean_above_ends: heights().sum::<f64>() / pairs.len() as f64,
            max_above_ends: collado_risk::largest(heights()),
            test_error_max: errors.map(collado_risk::largest),
            pairs,
        }
    }
}

/// The result of `merge`.
#[derive(Serialize)]
pub(super) struct Summary {
    pub(super) checkpoint: String,
    pub(super) align: &'static str,
    pub(super) greedy: bool,
    pub(super) repair: bool,
    pub(super) weights: &'static str,
    pub(super) merged: Values,
    /// The average of the files as they are, with equal shares.
    pub(super) without_alignment: Values,
    /// The network with the lowest training risk.
    pub(super) best: Network,
    pub(super) is_worse: bool,
    pub(super) networks: Vec<Network>,
    pub(super) lines: Lines,
    pub(super) seconds: f64,
}

impl Summary {
    /// What is said where the average is worse than the best network by itself.
    pub(super) fn warning(&self) -> Option<String> {
        let ((what, own), (_, best)) = (self.merged.judged(), self.best.values.judged());
        let shown = |x: f64| match what.ends_with("error") {
            true => format!("{} %", error(x)),
            false => risk(x),
        };
        self.is_worse.then(|| {
            format!(
                "the average is worse than {} by itself: {what} {} against {}",
                self.best.name,
                shown(own),
                shown(best)
            )
        })
    }

    pub(super) fn print(&self) {
        print(&format!(
            "{:>12} {:>9} {:>12} {:>9} {:>7}  network",
            "train risk", "error %", "test loss", "error %", "share"
        ));
        let row = |values: &Values, share: Option<f64>, name: &str| {
            let (loss, wrong) =
                values.test.map_or(("-".into(), "-".into()), |v| (risk(v.loss), error(v.error)));
            let share = share.map_or_else(String::new, |share| significant(share, 3));
            let (own, own_error) = (risk(values.train.risk), error(values.train.error));
            print(&format!("{own:>12} {own_error:>9} {loss:>12} {wrong:>9} {share:>7}  {name}"));
        };
        self.networks.iter().for_each(|n| row(&n.values, Some(n.share), &n.name));
        row(&self.without_alignment, None, "average of the files as they are");
        let taken = self.networks.iter().filter(|n| n.share > 0.).count();
        let how = if self.align == "none" { String::new() } else { format!(", aligned by {}", self.align) };
        let repaired = if self.repair { ", with REPAIR" } else { "" };
        row(&self.merged, None, &format!("average of {}{how}{repaired}", counted(taken, "network")));
        let Lines { points, mean_above_ends, max_above_ends, pairs, .. } = &self.lines;
        print(&format!(
            "straight lines between the {} at {points} points: above the higher end {} on average, {} at most",
            counted(pairs.len(), "pair"),
            risk(*mean_above_ends),
            risk(*max_above_ends)
        ));
        print(&format!("written to {}", self.checkpoint));
    }
}
