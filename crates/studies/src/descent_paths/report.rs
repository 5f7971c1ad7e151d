//! What the study of paths that never rise says: verdict, sentences, numbers and table.

use serde::Serialize;

use super::{DescentPaths, DescentPathsSettings, Family, Narrow, PlantedMinimum, picture};
use crate::{Claim, Condition, Report, Table, Verdict, report::fields, shown_by, small::small};

pub(super) const CLAIM: Claim = Claim {
    statement: "From every point a path on which F never rises leads to the global minimum: for deep linear networks \
        with squared loss, and for two-layer ReLU networks with as many neurons as examples. With one neuron there are \
        points from which none does.",
    source: "the slides, section 1.2; Freeman & Bruna 2017, Topology and geometry of half-rectified network \
        optimization; for wide networks Venturi, Bandeira & Bruna 2019, Spurious valleys in one-hidden-layer neural \
        networks",
    rule: "supported: on every path F rises by at most 1e-10 of its value at the start and ends within 1e-10 of the \
        optimum, and for one neuron a minimum is proved (interval arithmetic) from which every path to the global \
        minimum rises; contradicted: one neuron is among --neurons and such a minimum is proved for it, so that the \
        claim is false there; otherwise inconclusive, as for widths between, for which no construction is known",
    contradicted_by: "a network of --neurons with a point from which every path to the global minimum is proved to rise, \
        as one neuron",
};

const NOT_SHOWN: &str = "Not shown: that descent takes such a path; widths between one neuron and the number of examples; regularised \
                         risks. That F does not rise between the points looked at follows from its convexity on each leg.";

/// Rises and misses up to this are rounding.
const ROUNDING: f64 = 1e-10;

impl Family {
    /// The largest rise and the largest miss of all paths.
    pub fn worst(&self) -> [f64; 2] {
        let largest = |of: fn(&super::DescentPath) -> f64| {
            self.paths.iter().map(of).fold(0., |m, x| if x <= m { m } else { x })
        };
        [largest(super::DescentPath::rise), largest(super::DescentPath::missed)]
    }
}

impl DescentPaths {
    /// What the numbers say about the claim.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&self.conditions())
    }

    fn conditions(&self) -> Vec<Condition> {
        let one = match (self.narrow.spurious_risk, self.narrow.level) {
            (Some(risk), Some(level)) => Some(format!(
                "from F = {risk:.4} every path to the least F = {:.4} reaches {level:.4}",
                self.narrow.least
            )),
            _ => None,
        };
        let mut conditions: Vec<Condition> =
            self.families.iter().map(|f| self.family(f, one.as_deref())).collect();
        let verdict = if one.is_some() { Verdict::Supported } else { Verdict::Inconclusive };
        let found = one.unwrap_or_else(|| "no minimum is proved to be walled in".into());
        conditions.push(Condition::new(
            "with one neuron there is a point without such a path",
            verdict,
            found,
        ));
        conditions
    }

    /// The condition on one network; `one` says what is proved of one neuron.
    fn family(&self, family: &Family, one: Option<&str>) -> Condition {
        let condition = format!("{}: a path on which F never rises from every start", family.name);
        let [rise, missed] = family.worst();
        let level = rise <= ROUNDING && missed <= ROUNDING;
        let [rise, missed] = [rise, missed].map(|x| small(x, 0));
        let (verdict, found) = match (&family.missing, one) {
            (Some(_), Some(found)) if family.width == Some(1) => (Verdict::Contradicted, found.to_owned()),
            (Some(missing), _) => (Verdict::Inconclusive, missing.clone()),
            (None, _) => (
                if level { Verdict::Supported } else { Verdict::Inconclusive },
                format!("{} paths rise by at most {rise} and end within {missed}", family.paths.len()),
            ),
        };
        Condition::new(condition, verdict, found)
    }

    fn power(&self) -> String {
        format!(
            "starts from which a path rises would have been met with a probability of 95 % if they were {:.0} % of all or more ({} random \
             starts for each network); the level for one neuron is proved",
            100. * shown_by(self.settings.starts as u64),
            self.settings.starts
        )
    }

    fn shown(&self) -> String {
        let mut sentences: Vec<String> = self.families.iter().filter(|f| !f.paths.is_empty()).map(|family| {
            let [rise, missed] = family.worst().map(|x| small(x.max(f64::EPSILON), 0));
            format!(
                "{}: {} paths to the optimum rise by at most {rise} of F at the start and end within {missed}",
                family.name,
                family.paths.len()
            )
        }).collect();
        if let (Some(risk), Some(level)) = (self.narrow.spurious_risk, self.narrow.level) {
            sentences.push(format!(
                "one neuron, same data: every path from the minimum with F = {risk:.4} to the least F = {:.4} reaches F ≥ {level:.4}",
                self.narrow.least
            ));
        }
        let PlantedMinimum { k, risk, radius, rise, .. } = self.planted;
        if rise > 0. {
            sentences.push(format!(
                "{k} planted neurons: every path that leaves the strict minimum with F ≥ {risk:.4}, the only critical point within \
                 {radius:.0e}, rises"
            ));
        }
        format!("Shown: {}.", sentences.join("; "))
    }
}

/// The study's own fields of the result.
#[derive(Serialize)]
struct Numbers<'a> {
    settings: &'a DescentPathsSettings,
    families: Vec<FamilyNumbers<'a>>,
    one_neuron: &'a Narrow,
    planted: &'a PlantedMinimum,
}

#[derive(Serialize)]
struct FamilyNumbers<'a> {
    name: &'a str,
    paths: usize,
    most_vertices: Option<usize>,
    largest_rise: f64,
    largest_miss: f64,
    missing: Option<&'a str>,
}

impl<'a> FamilyNumbers<'a> {
    fn new(family: &'a Family) -> Self {
        let [largest_rise, largest_miss] = family.worst();
        Self {
            name: &family.name,
            paths: family.paths.len(),
            most_vertices: family.paths.iter().map(|path| path.vertices).max(),
            largest_rise,
            largest_miss,
            missing: family.missing.as_deref(),
        }
    }
}

impl From<&DescentPaths> for Report {
    fn from(found: &DescentPaths) -> Self {
        let conditions = found.conditions();
        let numbers = Numbers {
            settings: &found.settings,
            families: found.families.iter().map(FamilyNumbers::new).collect(),
            one_neuron: &found.narrow,
            planted: &found.planted,
        };
        Self {
            claim: CLAIM,
            verdict: Verdict::of(&conditions),
            conditions,
            power: found.power(),
            shown: found.shown(),
            not_shown: NOT_SHOWN.into(),
            numbers: fields(&numbers),
            table: table(&found.families),
            pictures: picture::pictures(found),
        }
    }
}

/// A row for each path.
fn table(families: &[Family]) -> Table {
    let mut table =
        Table::new(&["network", "path", "start", "vertices", "F at start", "F at end", "optimum", "rise"]);
    for family in families {
        for (i, path) in family.paths.iter().enumerate() {
            let (first, last) = (path.risks[0], path.risks[path.risks.len() - 1]);
            table.push(&[
                family.name.as_str().into(),
                i.into(),
                path.start.into(),
                path.vertices.into(),
                first.into(),
                last.into(),
                path.optimum.into(),
                path.rise().into(),
            ]);
        }
    }
    table
}
