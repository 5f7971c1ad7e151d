//! What the study of the ReLU counter-example says: verdict, sentences, numbers and table.

use serde::Serialize;

use super::{Certified, Landscape, ReluBarrier, ReluBarrierSettings, SweepPoint, Valley, picture};
use crate::{Claim, Condition, Report, Table, Verdict, circle::tuple, report::fields};

pub(super) const CLAIM: Claim = Claim {
    statement: "ReLU networks can have disconnected level sets, and the data decide: with one neuron and one set of \
        targets every path between two minima rises above a stated level; with other targets a path stays at its higher \
        end, and so it does with one more neuron.",
    source: "Freeman & Bruna 2017, Topology and geometry of half-rectified network optimization, section 2.3; the proof: \
        docs/theory.md §3",
    rule: "supported: for the first targets a level is proved (interval arithmetic) that every path between the two \
        lowest minima reaches and that is above both; for the other targets there is no second minimum below F(0), and a \
        path between the same two points is certified to stay at its higher end up to 1e-4; and so is the path with one \
        more neuron; contradicted: the first targets have no second minimum below F(0), so that all level sets are \
        connected, or the other targets have such a level; otherwise inconclusive",
    contradicted_by: "first targets with one minimum below F(0), as (0, 0, 1), for which all level sets are connected; \
        or other targets with two minima and a proved level between them",
};

const POWER: &str = "nothing is sampled: minima and levels are enclosed, and a path is called level when its certificate is within 1e-4 \
                     of its higher end";
const NOT_SHOWN: &str = "Not shown: how high barriers are for networks and data of practice; that such data are rare or common; \
                         anything about a single neuron's minima at or above F(0), where all level sets are connected.";

impl ReluBarrier {
    /// What the numbers say about the claim.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&self.conditions())
    }

    fn conditions(&self) -> Vec<Condition> {
        let walled = |of: &Landscape| of.barrier().is_some_and(|barrier| barrier > 0.);
        let level = |path: &Option<Certified>| match path {
            Some(path) if path.is_level() => Verdict::Supported,
            _ => Verdict::Inconclusive,
        };
        let decided = |yes: bool, no: bool| match (yes, no) {
            (_, true) => Verdict::Contradicted,
            (true, _) => Verdict::Supported,
            _ => Verdict::Inconclusive,
        };
        let minima = |of: &Landscape| format!("{} below F(0) = {:.4}", of.minima.len(), of.zero);
        vec![
            Condition::new(
                "for the first targets no path between the two lowest minima stays below a level above both",
                decided(walled(&self.blocked), self.blocked.is_connected()),
                blocked_sentence(&self.blocked),
            ),
            Condition::new(
                "for the other targets all level sets are connected: one minimum below F(0)",
                decided(self.free.is_connected(), walled(&self.free)),
                minima(&self.free),
            ),
            Condition::new(
                "for the other targets a path between the same points stays at its higher end",
                level(&self.free.path),
                path_sentence(self.free.path.as_ref()),
            ),
            Condition::new(
                "for the first targets and two neurons a path stays at its higher end",
                level(&self.two_neurons),
                path_sentence(self.two_neurons.as_ref()),
            ),
        ]
    }

    fn shown(&self) -> String {
        let free = path_sentence(self.free.path.as_ref());
        let two = path_sentence(self.two_neurons.as_ref());
        format!(
            "Shown: targets {}: {}; targets {}, same points: {free}; two neurons, first targets: {two}.",
            tuple(&self.blocked.targets),
            blocked_sentence(&self.blocked),
            tuple(&self.free.targets),
        )
    }
}

fn blocked_sentence(blocked: &Landscape) -> String {
    let Some(((a, b), level)) = blocked.pass else {
        return format!(
            "{} minimum below F(0) = {:.4}, so all level sets are connected",
            blocked.minima.len(),
            blocked.zero
        );
    };
    let [low, high] = [a, b].map(|i| blocked.minima[i].risk[1]);
    let path = blocked
        .path
        .as_ref()
        .map_or_else(String::new, |p| format!(", and one path needs no more than {:.6}", p.upper));
    format!("every path between the minima with F = {low:.6} and {high:.6} reaches F ≥ {level:.6}{path}")
}

fn path_sentence(path: Option<&Certified>) -> String {
    match path {
        None => "no path, as there are no two minima".into(),
        Some(path) => {
            format!("F ≤ {:.6} on a whole path whose higher end has {:.6}", path.upper, path.higher_end)
        }
    }
}

/// The study's own fields of the result.
#[derive(Serialize)]
struct Numbers<'a> {
    settings: &'a ReluBarrierSettings,
    first: LandscapeNumbers<'a>,
    other: LandscapeNumbers<'a>,
    two_neurons: Option<&'a Certified>,
    sweep: &'a [SweepPoint],
}

#[derive(Serialize)]
struct LandscapeNumbers<'a> {
    targets: &'a [f64],
    zero: f64,
    minima: &'a [Valley],
    level: Option<f64>,
    barrier: Option<f64>,
    path: Option<&'a Certified>,
}

impl<'a> LandscapeNumbers<'a> {
    fn new(of: &'a Landscape) -> Self {
        Self {
            targets: &of.targets,
            zero: of.zero,
            minima: &of.minima,
            level: of.pass.map(|(_, level)| level),
            barrier: of.barrier(),
            path: of.path.as_ref(),
        }
    }
}

impl From<&ReluBarrier> for Report {
    fn from(found: &ReluBarrier) -> Self {
        let conditions = found.conditions();
        let numbers = Numbers {
            settings: &found.settings,
            first: LandscapeNumbers::new(&found.blocked),
            other: LandscapeNumbers::new(&found.free),
            two_neurons: found.two_neurons.as_ref(),
            sweep: &found.sweep,
        };
        Self {
            claim: CLAIM,
            verdict: Verdict::of(&conditions),
            conditions,
            power: POWER.into(),
            shown: found.shown(),
            not_shown: NOT_SHOWN.into(),
            numbers: fields(&numbers),
            table: table(found),
            pictures: picture::pictures(found),
        }
    }
}

/// A row for each target of the middle example.
fn table(found: &ReluBarrier) -> Table {
    let mut table = Table::new(&["middle target", "minima", "barrier"]);
    for point in &found.sweep {
        table.push(&[point.target.into(), point.minima.into(), point.barrier.into()]);
    }
    table
}
