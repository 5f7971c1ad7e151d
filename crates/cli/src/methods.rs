//! From the names and flags of methods to the connectors of `collado-dynamics`.

use collado_dynamics::{
    Connect, Constructive, ConstructiveSettings, Curve, CurveKind, DeepLinear, Dss, Guarantee, Level, Neb,
    Repair, Sampler, StringReport,
};
use collado_risk::Objective;
use serde_json::{Value as Json, json};

use crate::{
    args::Common,
    failure::Failure,
    json::number,
    search::{Method, SearchArgs, Target},
    shown::risk,
    task::Task,
};

/// A method and its name in tables.
pub(crate) type Named<'a> = (String, Box<dyn Connect + 'a>);

/// The connector of a method; `None` for the straight line and `auto`.
pub(crate) fn named<'a>(
    method: Method,
    search: &SearchArgs,
    task: &'a Task,
) -> Result<Option<Named<'a>>, Failure> {
    let (epochs, batch, lr) = (search.epochs(task, 5000, 10), search.batch(), search.lr());
    let curve = |kind| Curve { kind, bends: search.bends(), epochs, batch, lr, ..Curve::default() };
    let (name, method): (&str, Box<dyn Connect + 'a>) = match method {
        Method::Linear | Method::Auto => return Ok(None),
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
    use Method::{Auto, Bezier, Dss, Neb, Polychain};
    let searches = [Auto, Bezier, Polychain, Neb, Dss];
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

/// The guarantee of a method as JSON, for the summary.
pub(crate) fn guarantee_json(guarantee: &Guarantee) -> Json {
    match guarantee {
        Guarantee::Sampled => Json::Null,
        Guarantee::Convex { vertex_max } => json!({"kind": "convex-legs", "vertex_max": number(*vertex_max)}),
        Guarantee::Band { pivots } => json!({"kind": "band", "pivots": pivots}),
        Guarantee::String(report) => json!({
            "kind": "string",
            "level": number(report.level),
            "beads": report.beads,
            "missed": report.missed,
            "open_legs": report.open_legs,
            "depth_limit_reached": report.depth_limit_reached,
        }),
    }
}

/// Reads a guarantee from the JSON of [`guarantee_json`].
pub(crate) fn guarantee_read(json: &Json) -> Option<Guarantee> {
    let size = |name: &str| json[name].as_u64().map(|n| n as usize);
    // What is not finite was written as a word.
    let real = |name: &str| json[name].as_f64().or_else(|| json[name].as_str()?.parse().ok());
    Some(match json["kind"].as_str() {
        None if json.is_null() => Guarantee::Sampled,
        Some("convex-legs") => Guarantee::Convex { vertex_max: real("vertex_max")? },
        Some("band") => Guarantee::Band { pivots: size("pivots")? },
        Some("string") => Guarantee::String(StringReport {
            level: real("level")?,
            beads: size("beads")?,
            missed: size("missed")?,
            open_legs: size("open_legs")?,
            depth_limit_reached: json["depth_limit_reached"].as_bool()?,
        }),
        _ => return None,
    })
}

/// The guarantee as a line for people.
pub(crate) fn guarantee_text(guarantee: &Guarantee) -> Option<String> {
    match guarantee {
        Guarantee::Sampled => None,
        Guarantee::Convex { vertex_max } => Some(format!(
            "highest vertex       {}  (F is convex on every leg: it bounds the whole path, up to rounding)",
            risk(*vertex_max)
        )),
        Guarantee::Band { pivots } => Some(format!("band                 {pivots} pivots")),
        Guarantee::String(r) => {
            let limit = if r.depth_limit_reached { ", depth limit reached" } else { "" };
            Some(format!(
                "string               {} beads below {}, {} missed, {} legs open{limit}",
                r.beads - r.missed,
                risk(r.level),
                r.missed,
                r.open_legs
            ))
        }
    }
}
