use candle_core::{Device, Tensor};
use collado_data::Targets;
use collado_dynamics::{About, Connect, Constructive, ConstructiveSettings, DeepLinear, Dss, Level, Neb};
use serde_json::{Value as Json, json};

use crate::{
    args::{ConnectArgs, Method, Target},
    failure::Failure,
    json::number,
    task::{Task, default_memory},
};

/// A method and its name in tables.
pub(crate) type Named = (String, Box<dyn Connect>);

/// The methods that are neither a line nor a curve, by name.
pub(crate) fn named(args: &ConnectArgs, task: &Task, epochs: u64) -> Result<Option<Named>, Failure> {
    let (batch, lr) = (args.batch, args.lr);
    let (name, method): (&str, Box<dyn Connect>) = match args.method {
        Method::Neb => ("neb", Box::new(Neb { epochs, batch, lr, ..Neb::default() })),
        Method::Dss => {
            let level = args.target.map_or(Dss::default().level, level);
            ("dss", Box::new(Dss { level, epochs, batch, lr, ..Dss::default() }))
        }
        Method::DeepLinear => ("deep-linear", Box::new(DeepLinear::new(task.arch.clone(), task.risk))),
        Method::Constructive => ("constructive", Box::new(constructive(args, task)?)),
        _ => return Ok(None),
    };
    Ok(Some((name.to_owned(), method)))
}

/// The level of a string that meets the target.
fn level(target: Target) -> Level {
    match target {
        Target::Share(share) => Level::Share(share),
        Target::Absolute(height) => Level::AboveEnds(height),
    }
}

fn constructive(args: &ConnectArgs, task: &Task) -> Result<Constructive, Failure> {
    let split = &task.data.train;
    let targets = match &split.targets {
        Targets::Classes { labels, .. } => Tensor::from_slice(labels, labels.len(), &Device::Cpu)?,
        Targets::Values(values) => values.clone(),
    };
    let memory = args.common.memory.unwrap_or_else(default_memory);
    let settings = ConstructiveSettings { memory, ..ConstructiveSettings::default() };
    let inputs = split.inputs.to_dtype(task.dtype)?;
    Ok(Constructive { arch: task.arch.clone(), risk: task.risk, inputs, targets, settings })
}

/// What a method knows about its path, for the summary.
pub(crate) fn about_json(about: &About) -> Json {
    match about {
        About::Sampled => Json::Null,
        About::Convex { vertex_max } => json!({"kind": "convex-legs", "vertex_max": number(*vertex_max)}),
        About::Band { pivots } => json!({"kind": "band", "pivots": pivots}),
        About::String(report) => json!({
            "kind": "string",
            "level": number(report.level),
            "beads": report.beads,
            "missed": report.missed,
            "open_legs": report.open_legs,
            "depth_limit_reached": report.depth_limit_reached,
        }),
    }
}

/// The same as a line for people.
pub(crate) fn about_text(about: &About) -> Option<String> {
    match about {
        About::Sampled => None,
        About::Convex { vertex_max } => Some(format!(
            "highest vertex       {vertex_max:.6}  (F is convex on every leg: it bounds the whole path, up to rounding)"
        )),
        About::Band { pivots } => Some(format!("band                 {pivots} pivots")),
        About::String(r) => {
            let limit = if r.depth_limit_reached { ", depth limit reached" } else { "" };
            Some(format!(
                "string               {} beads below {:.6}, {} missed, {} legs open{limit}",
                r.beads - r.missed,
                r.level,
                r.missed,
                r.open_legs
            ))
        }
    }
}
