//! What the study of Proposition 1 says: verdict, sentences, numbers and table.

use serde::Serialize;

use super::{Landscape, LevelSets, LevelSetsSettings, picture};
use crate::{Claim, Condition, Report, Table, Verdict, circle::tuple, report::fields};

pub(super) const CLAIM: Claim = Claim {
    statement: "Proposition 1: if the level set {F ≤ λ} is connected for every λ, every strict local minimum of F is \
        global; the converse fails. (The slides say every local minimum: --all-minima decides on that.)",
    source: "the slides, Proposition 1, after Freeman & Bruna 2017, Topology and geometry of half-rectified network \
        optimization, proposition 2.1; the reduction to a circle: docs/theory.md §7",
    rule: "contradicted: a landscape whose level sets are proved to be connected for every λ has a local minimum (a \
        strict one, or any with --all-minima) that is proved not to be global; supported: none has, and all three cases \
        occur: connected with a strict minimum that is global, disconnected with a strict minimum that is not, and \
        disconnected with two strict minima of which none is above the other; inconclusive: a case is missing",
    contradicted_by: "a landscape with connected level sets and a strict local minimum that is proved not to be global; \
        for the proposition as printed a plateau is one",
};

const POWER: &str =
    "nothing is sampled: all minima are enclosed, but for valleys that are shallower than 1e-6 of F(0)";
const NOT_SHOWN: &str = "Not shown: the proposition itself, which is proved in two lines (around a strict local minimum that is not \
                         global a small level set has a component of its own); level sets of networks with more than three parameters.";

impl LevelSets {
    /// What the numbers say about the claim.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&self.conditions())
    }

    fn conditions(&self) -> Vec<Condition> {
        let all = self.settings.all_minima;
        let (bad, strict) = (|l: &Landscape| l.bad_minima(all) > 0, Landscape::strict_minima);
        let which = |case: &dyn Fn(&Landscape) -> bool| {
            let names: Vec<&str> = self.landscapes.iter().filter(|l| case(l)).map(|l| l.name).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        let against = which(&|l| l.is_connected() && bad(l));
        let occurs = |condition: &str, case: &dyn Fn(&Landscape) -> bool| {
            let found = which(case);
            let verdict = if found == "none" { Verdict::Inconclusive } else { Verdict::Supported };
            Condition::new(condition, verdict, found)
        };
        let kind = if all { "" } else { "strict " };
        vec![
            Condition::new(
                format!(
                    "no landscape with connected level sets has a {kind}local minimum that is not global"
                ),
                Verdict::exactly(against == "none"),
                against,
            ),
            occurs("connected level sets with a strict minimum occur", &|l| {
                l.is_connected() && strict(l) > 0
            }),
            occurs("disconnected level sets with a minimum that is not global occur", &|l| {
                !l.is_connected() && bad(l)
            }),
            occurs("disconnected level sets with strict minima of one level occur", &|l| {
                !l.is_connected() && strict(l) > 1 && !bad(l)
            }),
        ]
    }

    fn shown(&self) -> String {
        let sentences: Vec<String> = self.landscapes.iter().map(sentence).collect();
        format!("Shown: {}.", sentences.join("; "))
    }
}

fn sentence(l: &Landscape) -> String {
    let connected = if l.is_connected() {
        "connected for every λ".into()
    } else {
        format!("up to {} components", l.most_components())
    };
    let plateau = if l.plateau.is_some_and(|p| p.above_another) {
        ", and a plateau of local minima at F(0) that is not"
    } else {
        ""
    };
    format!(
        "{} (y = {}, κ = {}): {connected}; minima below F(0): {}, {} of them proved strict, {} proved not global{plateau}",
        l.name,
        tuple(&l.targets),
        l.kappa,
        l.minima.len(),
        l.strict_minima(),
        l.minima.iter().filter(|m| m.above_another).count(),
    )
}

/// The study's own fields of the result.
#[derive(Serialize)]
struct Numbers<'a> {
    settings: &'a LevelSetsSettings,
    landscapes: Vec<LandscapeNumbers<'a>>,
}

#[derive(Serialize)]
struct LandscapeNumbers<'a> {
    #[serde(flatten)]
    landscape: &'a Landscape,
    connected_for_every_level: bool,
    most_components: usize,
    levels: usize,
    levels_undecided: usize,
    bad_strict_minima: usize,
    bad_minima: usize,
}

impl<'a> LandscapeNumbers<'a> {
    fn new(landscape: &'a Landscape) -> Self {
        Self {
            landscape,
            connected_for_every_level: landscape.is_connected(),
            most_components: landscape.most_components(),
            levels: landscape.components.len(),
            levels_undecided: landscape.components.iter().filter(|(_, count)| count.is_none()).count(),
            bad_strict_minima: landscape.bad_minima(false),
            bad_minima: landscape.bad_minima(true),
        }
    }
}

impl From<&LevelSets> for Report {
    fn from(found: &LevelSets) -> Self {
        let conditions = found.conditions();
        let landscapes = found.landscapes.iter().map(LandscapeNumbers::new).collect();
        let numbers = Numbers { settings: &found.settings, landscapes };
        Self {
            claim: CLAIM,
            verdict: Verdict::of(&conditions),
            conditions,
            power: POWER.into(),
            shown: found.shown(),
            not_shown: NOT_SHOWN.into(),
            numbers: fields(&numbers),
            table: table(&found.landscapes),
            pictures: picture::pictures(found),
        }
    }
}

/// A row for each landscape and level; no number of components where it is not decided.
fn table(landscapes: &[Landscape]) -> Table {
    let mut table = Table::new(&["landscape", "level", "components"]);
    for landscape in landscapes {
        for (level, count) in &landscape.components {
            let count = count.map_or(f64::NAN, |count| count as f64);
            table.push(&[landscape.name.into(), (*level).into(), count.into()]);
        }
    }
    table
}
