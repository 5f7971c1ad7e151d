//! From the names and flags of methods to the connectors of `collado-dynamics`.

use collado_dynamics::{
    Connect, Constructive, ConstructiveSettings, Curve, CurveKind, DeepLinear, Dss, Level, Neb, Repair,
    Sampler,
};
use collado_risk::Objective;

use super::flags::{Method, SearchArgs, Target};
use crate::{args::Common, failure::Failure, task::Task};

/// A method and its name in tables.
pub(crate) type Named<'a> = (String, Box<dyn Connect + 'a>);

/// The connector of a method; `None` for the straight line, `auto` and stars, which are about more than two points.
pub(crate) fn named<'a>(
    method: Method,
    search: &SearchArgs,
    task: &'a Task,
) -> Result<Option<Named<'a>>, Failure> {
    let (epochs, batch, lr) = (search.epochs(task, 5000, 10), search.batch(), search.lr());
    let curve = |kind| Curve { kind, bends: search.bends(), epochs, batch, lr, ..Curve::default() };
    let (name, method): (&str, Box<dyn Connect + 'a>) = match method {
        Method::Linear | Method::Auto | Method::Star => return Ok(None),
        Method::Bezier => {
            return Ok(Some((curve_name("bezier", search.bends()), Box::new(curve(CurveKind::Bezier)))));
        }
        Method::Polychain => {
            return Ok(Some((
                curve_name("polychain", search.bends()),
                Box::new(curve(CurveKind::Polychain)),
            )));
        }
        Method::Neb => ("neb", Box::new(Neb { epochs, batch, lr, ..Neb::default() })),
        Method::Dss => {
            let level = search.target.map_or(Dss::default().level, level);
            ("dss", Box::new(Dss { level, epochs, batch, lr, ..Dss::default() }))
        }
        Method::DeepLinear => ("deep-linear", Box::new(DeepLinear::new(&task.train))),
        Method::Repair => {
            let data = &task.data.train.inputs;
            ("repair", Box::new(Repair { arch: &task.arch, data, rows: 10_000, knots: 21 }))
        }
        Method::Constructive => ("constructive", Box::new(constructive(task))),
    };
    Ok(Some((name.to_owned(), method)))
}

/// A curve's name in tables.
pub(crate) fn curve_name(kind: &str, bends: usize) -> String {
    format!("{kind}, {bends} {}", if bends == 1 { "bend" } else { "bends" })
}

/// Notes the given search flags that the method does not use.
pub(crate) fn note_unused(search: &SearchArgs, method: Method, common: &Common) {
    use Method::{Auto, Bezier, Dss, Neb, Polychain, Star};
    let searches = [Auto, Bezier, Polychain, Neb, Dss, Star];
    // A flag, whether it was given, and the methods that it matters to.
    let flags: [(&str, bool, &[Method]); 4] = [
        ("--bends", search.bends.is_some(), &[Auto, Bezier, Polychain]),
        ("--epochs", search.epochs.is_some(), &searches),
        ("--batch", search.batch.is_some(), &searches),
        ("--lr", search.lr.is_some(), &searches),
    ];
    for (flag, _, _) in flags.iter().filter(|(_, given, matters)| *given && !matters.contains(&method)) {
        common.note(format!("{flag} changes nothing: --method {} does not look at it", method.name()));
    }
}

impl SearchArgs {
    pub(crate) fn bends(&self) -> usize {
        self.bends.unwrap_or(1)
    }

    pub(crate) fn batch(&self) -> usize {
        self.batch.unwrap_or(128)
    }

    pub(crate) fn lr(&self) -> f64 {
        self.lr.unwrap_or(2e-3)
    }

    /// The number of passes over the examples that was asked for, or as many as `steps` need, but at least `least`.
    pub(crate) fn epochs(&self, task: &Task, steps: u64, least: u64) -> u64 {
        let per_epoch = Sampler::new(0, task.train.examples(), self.batch()).steps_per_epoch();
        self.epochs.unwrap_or_else(|| steps.div_ceil(per_epoch).max(least))
    }
}

/// The level of a string that meets the target.
fn level(target: Target) -> Level {
    match target {
        Target::Share(share) => Level::Share(share),
        Target::Absolute(height) => Level::AboveEnds(height),
    }
}

pub(crate) fn constructive(task: &Task) -> Constructive {
    let settings = ConstructiveSettings { memory: task.train.memory(), ..ConstructiveSettings::default() };
    Constructive { risk: task.train.clone(), settings }
}
