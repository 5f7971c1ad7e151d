use clap::Args as ClapArgs;
use collado_certify::{Found, MinimumKind, MinimumProof, find_minimum, neuron_minima, prove_minimum};
use collado_models::{LogisticNeuron, Planted};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    json::{number, print},
    progress,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct CertifyMinimumArgs {
    /// Teachers of the planted risk: finds and proves a spurious minimum.
    #[arg(long, required_unless_present = "dims", conflicts_with = "dims")]
    k: Option<usize>,
    /// Neurons [default: k].
    #[arg(long, conflicts_with = "dims")]
    n: Option<usize>,
    /// Inputs of the single logistic neuron: proves all of its minima.
    #[arg(long, requires = "per_dim")]
    dims: Option<usize>,
    /// Minima of each coordinate of the neuron.
    #[arg(long, requires = "dims")]
    per_dim: Option<usize>,
    /// Ratio R of the lengths of the neuron's examples.
    #[arg(long, default_value_t = 10., requires = "dims")]
    ratio: f64,
    /// At most so many runs of gradient descent to find a minimum.
    #[arg(long, default_value_t = 4096)]
    max_runs: u64,
    /// Seed of the starts.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads [default: all cores]. Results do not depend on it.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
    /// No progress, no summary.
    #[arg(short, long)]
    quiet: bool,
}

/// Finds a minimum and proves that it is one.
pub(crate) fn run(args: &CertifyMinimumArgs) -> Result<(), Failure> {
    match (args.k, args.dims, args.per_dim) {
        (Some(k), _, _) => planted(args, k),
        (_, Some(dims), Some(per_dim)) => neuron(args, dims, per_dim),
        _ => Err(Failure::usage("expected --k, or --dims with --per-dim")),
    }
}

fn planted(args: &CertifyMinimumArgs, k: usize) -> Result<(), Failure> {
    let risk = Planted::new(k, args.n.unwrap_or(k))?;
    progress::catch_interrupt();
    let bar = progress::bar("searching", args.quiet);
    bar.set_length(1000);
    let found = find_minimum(&risk, args.seed, args.max_runs, &mut |share| {
        bar.set_position((1000. * share) as u64);
        !progress::interrupted()
    })?;
    bar.finish_and_clear();
    if progress::interrupted() {
        return Err(Failure::interrupted("interrupted while searching"));
    }
    let proof = match &found.minimum {
        Some(end) => Some(prove_minimum(&risk, &end.weights, MinimumKind::Spurious)?),
        None => None,
    };
    let global = global(&risk)?;
    report(args, &risk, &found, proof.as_ref(), global.as_ref());
    let reason = match &proof {
        Some(proof) => proof.reason.clone(),
        None => Some(format!("no spurious minimum in {} runs", found.runs)),
    };
    let unproved = global.and_then(|g| g.reason).map(|r| format!("the global minimum: {r}"));
    match reason.or(unproved) {
        Some(reason) => {
            Err(Failure::new(format!("not proved: {reason}")).hint("try another --seed, or --n equal to --k"))
        }
        None => Ok(()),
    }
}

/// The proof for W = V, which is a point for n = k only.
fn global(risk: &Planted) -> Result<Option<MinimumProof>, Failure> {
    let k = risk.k();
    if risk.n() != k {
        return Ok(None);
    }
    let teachers: Vec<f64> = (0..k * k).map(|at| f64::from(u8::from(at / k == at % k))).collect();
    Ok(Some(prove_minimum(risk, &teachers, MinimumKind::Global)?))
}

fn fields(proof: &MinimumProof) -> Value {
    json!({
        "proved": proof.proved, "reason": proof.reason,
        "F": [number(proof.risk.lo()), number(proof.risk.hi())],
        "radius": number(proof.radius), "lambda_min_lower": number(proof.lambda_min_lower),
        "outside_lower": number(proof.outside_lower), "gradient_norm": number(proof.gradient_norm),
    })
}

fn report(
    args: &CertifyMinimumArgs,
    risk: &Planted,
    found: &Found,
    proof: Option<&MinimumProof>,
    global: Option<&MinimumProof>,
) {
    if args.json {
        let mut object = match proof {
            Some(proof) => fields(proof),
            None => json!({
                "proved": false, "reason": format!("no spurious minimum in {} runs", found.runs), "F": null,
                "radius": null, "lambda_min_lower": null, "outside_lower": null, "gradient_norm": null,
            }),
        };
        object["k"] = risk.k().into();
        object["n"] = risk.n().into();
        object["all_dims"] = proof.is_some_and(|p| p.proved && p.outside_lower > 0.).into();
        object["runs"] = found.runs.into();
        object["hits"] = found.hits.into();
        object["point"] = Value::Null;
        object["global"] = global.map_or(Value::Null, fields);
        print(&object.to_string());
    } else if !args.quiet {
        print(&format!("k = {}, n = {}: {} of {} runs", risk.k(), risk.n(), found.hits, found.runs));
        proof.into_iter().for_each(|p| print(&sentence("spurious minimum", p)));
        global.into_iter().for_each(|p| print(&sentence("W = V", p)));
    }
}

fn sentence(name: &str, p: &MinimumProof) -> String {
    let verdict = if p.proved { "proved" } else { "NOT proved" };
    let dims = if p.outside_lower > 0. { "every d ≥ k" } else { "d = k" };
    format!(
        "{name}: {verdict} for {dims}\n  box radius      {:e}\n  eigenvalues     ≥ {:.6}, outside ≥ {:.6}\n  F               in [{:.12}, {:.12}]\n  gradient norm   {:.2e}",
        p.radius,
        p.lambda_min_lower,
        p.outside_lower,
        p.risk.lo(),
        p.risk.hi(),
        p.gradient_norm
    )
}

fn neuron(args: &CertifyMinimumArgs, dims: usize, per_dim: usize) -> Result<(), Failure> {
    let risk = LogisticNeuron::new(dims, per_dim, args.ratio)?;
    let found = neuron_minima(&risk);
    let minima = (found.boxes.len() as f64).powi(dims as i32);
    let proved = found.unproved == 0 && found.boxes.len() == per_dim;
    let reason = (!proved).then(|| {
        format!(
            "{} minima a coordinate proved, {} not, expected {per_dim}",
            found.boxes.len(),
            found.unproved
        )
    });
    if args.json {
        let boxes: Vec<_> = found.boxes.iter().map(|b| json!([number(b.lo()), number(b.hi())])).collect();
        print(&json!({
            "proved": proved, "reason": reason, "dims": dims, "per_dim": per_dim, "ratio": number(args.ratio),
            "minima": number(minima), "boxes": boxes,
        }).to_string());
    } else if !args.quiet {
        print(&format!("{minima} strict local minima: all combinations over {dims} coordinates of w in"));
        found.boxes.iter().for_each(|b| print(&format!("  [{:.17e}, {:.17e}]", b.lo(), b.hi())));
    }
    match reason {
        Some(reason) => {
            Err(Failure::new(format!("not proved: {reason}"))
                .hint("a --ratio of 10 or more has per-dim minima"))
        }
        None => Ok(()),
    }
}
