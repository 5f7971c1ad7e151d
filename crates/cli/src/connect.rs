//! `collado connect`: finds a low-risk path between two minima.

mod args;

use std::{
    path::{Path as FilePath, PathBuf},
    time::Instant,
};

use candle_core::Tensor;
use collado_certify::{Certificate, CertifySettings, Status};
use collado_dynamics::Linear;
use collado_files::{Checkpoint, PathFile};
use collado_plots::{Profile as Drawing, Reference, profile_figure};
use collado_risk::{Evaluation, Objective, Profile, Span};
use serde_json::{Value as Json, json};

pub(crate) use self::args::ConnectArgs;
use crate::{
    attempt::{Attempt, AttemptRunner, Attempts, Diverged, Outcome},
    auto,
    certify::{self, CertifyMode},
    ends::Ends,
    failure::Failure,
    folder::{self, Folder},
    json::{number, print},
    methods, progress,
    saved_attempts::SavedAttempts,
    search::{AlignBy, Method, Target},
    shown::{enclosure, risk, upper},
    state,
    table::{text, write_table},
    task::{self, Precision, Task},
};

/// Connects two minima.
pub(crate) fn run(args: &ConnectArgs) -> Result<(), Failure> {
    let start = Instant::now();
    let files = args.ends.files()?;
    let (checkpoints, task) =
        task::open(&files, &args.network, &args.data, &args.common, Precision::OfFiles)?;
    if task.rounds && args.certify == CertifyMode::Always {
        return Err(certify::rounded());
    }
    let place = |i: usize| task.place(&checkpoints[i].theta, &files[i]);
    let ends = Ends { a: place(0)?, b: place(1)?, alignment: None };
    let method = methods::named(args.method, &args.search, &task)?;
    if let Some((_, method)) = &method {
        method.check().map_err(Failure::usage)?;
    }
    refuse_infinite(&task, &ends, &files)?;
    let folder = Folder::open(&args.out, &args.common, "summary.json", &["path.safetensors"])?;
    let Some(folder) = folder else { return Ok(()) };
    let kept = SavedAttempts::new(folder.path());
    progress::catch_interrupt();
    methods::note_unused(&args.search, args.method, &args.common);
    let target = args.search.target.or((args.method == Method::Auto).then_some(Target::Share(0.05)));
    let runner = AttemptRunner {
        common: &args.common,
        search: &args.search,
        align: args.align,
        points: args.points,
        task: &task,
        target,
        kept: Some(&kept),
    };
    let mut tried = match args.method {
        Method::Auto => auto::attempts(&runner, &ends)?,
        _ => {
            let ends = ends.align(args.align.unwrap_or(AlignBy::None), &task, &args.common)?;
            let tried = named(method, &runner, &ends);
            if tried.is_err() {
                // Only the straight line was found: nothing to go on with.
                state::remove(folder.path())?;
            }
            tried?
        }
    };
    // A named method answers with its own path, even where the straight line is lower.
    let best = match args.method {
        Method::Auto => runner.lowest(&mut tried.found)?,
        _ => tried.found.len() - 1,
    };
    let best = &tried.found[best];
    let named: [_; 2] = std::array::from_fn(|i| (files[i].as_path(), &checkpoints[i]));
    let summary = save(args, &task, &folder, named, &tried, best, start)?;
    args.common.show(&summary, || report(&tried, best, &summary, folder.path()));
    if progress::interrupted() {
        return Err(Failure::interrupted("interrupted; the best path so far is saved")
            .hint("--resume goes on after the attempts that are finished"));
    }
    match target.map(|t| t.bound(best.higher_end())) {
        Some(bound) if !runner.met(best) => {
            let message =
                format!("barrier above the ends: {}, the target is {}", risk(best.above_ends()), risk(bound));
            Err(Failure::new(message)
                .hint("the best path is saved; more --bends or --epochs, or another --target"))
        }
        _ => Ok(()),
    }
}

/// Refuses ends whose risk overflows, since then no path has a barrier.
fn refuse_infinite(task: &Task, ends: &Ends, files: &[PathBuf]) -> Result<(), Failure> {
    let risks = task.train.risks(&Span::stack(&Tensor::stack(&[&ends.a, &ends.b], 0)?)?)?;
    match risks.iter().zip(files).find(|(risk, _)| !risk.is_finite()) {
        None => Ok(()),
        Some((risk, file)) => {
            let message =
                format!("{}: expected a finite risk in {:?}, found {risk}", file.display(), task.dtype);
            Err(Failure::new(message).hint("--dtype f64 reaches farther than f32"))
        }
    }
}

/// Tries the straight line, for comparison, and the method that was asked for.
fn named(
    method: Option<methods::Named<'_>>,
    runner: &AttemptRunner<'_>,
    ends: &Ends,
) -> Result<Attempts, Failure> {
    let line: methods::Named<'_> = ("linear".into(), Box::new(Linear));
    let few = if method.is_some() { runner.line_points() } else { runner.points };
    let mut tried = Attempts::default();
    for ((name, method), few) in std::iter::once((line, few)).chain(method.map(|m| (m, runner.points))) {
        match runner.attempt(&name, ends, few, |p| method.find(&ends.a, &ends.b, p))? {
            Outcome::Connected(attempt) => tried.found.push(*attempt),
            Outcome::Diverged(search) => {
                return Err(Failure::new(search.reason)
                    .hint("a smaller --lr, or --dtype f64, which reaches farther than f32"));
            }
        }
        if progress::interrupted() {
            break;
        }
    }
    if let Some(own) = tried.found.last_mut() {
        runner.complete(own)?;
    }
    Ok(tried)
}

fn save(
    args: &ConnectArgs,
    task: &Task,
    folder: &Folder,
    ends: [(&FilePath, &Checkpoint); 2],
    tried: &Attempts,
    best: &Attempt,
    start: Instant,
) -> Result<Json, Failure> {
    let attempts = &tried.found;
    let mut provenance = serde_json::to_value(task.provenance()).map_err(|e| Failure::new(e.to_string()))?;
    for (name, (file, checkpoint)) in ["a", "b"].into_iter().zip(ends) {
        provenance[name] = json!({"file": file.display().to_string(), "hash": checkpoint.hash});
    }
    provenance["method"] = best.name.as_str().into();
    if let Some(alignment) = &best.alignment {
        provenance["align"] = alignment.by.into();
        provenance["permutations"] = json!(alignment.aligned.symmetry.permutations());
    }
    PathFile::new(task.arch.clone(), best.path.clone(), provenance)
        .named(ends[0].1.names.clone())
        .write(&folder.join("path.safetensors"))?;
    table(folder.path(), &best.profile)?;
    let proof = proof(args, task, attempts, best);
    draw(task, folder.path(), attempts, best, proof.as_ref().ok().and_then(Option::as_ref))?;
    let proof = proof?;
    let mut summary = summary(attempts, best, proof.as_ref(), start.elapsed().as_secs_f64());
    if let Some(list) = summary["attempts"].as_array_mut() {
        list.extend(tried.diverged.iter().map(Diverged::json));
    }
    folder.finish(&args.common, &mut summary, progress::interrupted())?;
    Ok(summary)
}

/// Encloses the risk of the best path if that is asked for, or cheap: if covering the path once, estimated from the
/// speed of the profile, takes no longer than finding the path did, or 1 s; the search is then stopped after the same
/// time.
fn proof(
    args: &ConnectArgs,
    task: &Task,
    attempts: &[Attempt],
    best: &Attempt,
) -> Result<Option<Certificate>, Failure> {
    let limit = attempts.iter().map(|a| a.fit_seconds).sum::<f64>().max(1.);
    // A piece takes about ten times as long as a sampled point; a path begins with 8 pieces, one a leg at least.
    let pieces = (best.path.knots().len() - 1).max(8) as f64;
    let cover = 10. * pieces * best.profile_seconds / args.points as f64;
    let limit = match args.certify {
        CertifyMode::Never => return Ok(None),
        CertifyMode::Auto if task.rounds => {
            args.common.note("nothing is proved: --dtype f32 rounds the numbers of the files, which are F64");
            return Ok(None);
        }
        CertifyMode::Auto if cover > limit => return Ok(None),
        CertifyMode::Auto => limit,
        CertifyMode::Always => f64::INFINITY,
    };
    certify::certificate(task, &args.common, &best.path, &CertifySettings::default(), limit).map(Some)
}

fn summary(attempts: &[Attempt], best: &Attempt, proof: Option<&Certificate>, seconds: f64) -> Json {
    let (profile, barrier) = (&best.profile, best.profile.barrier());
    let risks = profile.risks();
    json!({
        "barrier": {
            "max": number(barrier.max), "above_ends": number(barrier.above_ends),
            "above_mean": number(barrier.above_mean), "above_chord": number(barrier.above_chord),
            "midpoint": number(barrier.midpoint), "mean": number(barrier.mean),
        },
        "certified": proof.map(certify::fields),
        "ends": {"a": number(risks[0]), "b": number(risks[risks.len() - 1])},
        "length": number(profile.length()),
        "normalized_length": number(profile.normalized_length()),
        "points": profile.t.len(),
        "method": best.name,
        "about": methods::guarantee_json(&best.guarantee),
        "align": best.alignment.as_ref().map(|a| a.json()),
        "seconds": number(seconds),
        "fit_seconds": number(best.fit_seconds),
        "profile_seconds": number(best.profile_seconds),
        "attempts": attempts.iter().map(Attempt::json).collect::<Vec<_>>(),
    })
}

fn table(folder: &FilePath, profile: &Profile) -> Result<(), Failure> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let header = ["t", "arc_length", "train_risk", "train_loss", "train_error", "test_loss", "test_error"];
    table.write_record(header)?;
    for (i, a) in profile.train.iter().enumerate() {
        let (loss, error) = profile.test.as_ref().map_or((f64::NAN, f64::NAN), |t| (t[i].loss, t[i].error));
        let row = [profile.t[i], profile.arc_length[i], a.risk, a.loss, a.error, loss, error];
        table.write_record(row.map(text))?;
    }
    write_table(&folder.join("profile.csv"), table)
}

fn draw(
    task: &Task,
    folder: &FilePath,
    attempts: &[Attempt],
    best: &Attempt,
    proof: Option<&Certificate>,
) -> Result<(), Failure> {
    let pick = |values: &[Evaluation], f: fn(&Evaluation) -> f64| values.iter().map(f).collect::<Vec<_>>();
    let p = &best.profile;
    let test = p.test.clone().unwrap_or_default();
    let line = attempts.iter().find(|a| a.name == "linear" && a.name != best.name);
    let line = line.map(|a| (a.profile.t.clone(), a.profile.risks()));
    let references: Vec<_> =
        line.iter().map(|(t, risk)| Reference { label: "straight line", t, risk }).collect();
    let proved = proof.map_or_else(String::new, |p| format!("; at most {} for every t, proved", upper(p.hi)));
    let subtitle = format!("{} on {}, {} points sampled{proved}", task.arch, task.data.spec, p.t.len());
    let title = format!("Risk along the path ({})", best.name);
    let (risk, loss) = (p.risks(), pick(&p.train, |v| v.loss));
    let (error, test_loss, test_error) =
        (pick(&p.train, |v| v.error), pick(&test, |v| v.loss), pick(&test, |v| v.error));
    let figure = profile_figure(&Drawing {
        title: &title,
        subtitle: &subtitle,
        t: &p.t,
        train_risk: &risk,
        train_loss: &loss,
        train_error: &error,
        test_loss: &test_loss,
        test_error: &test_error,
        references: &references,
        knots: &best.path.knots(),
        above_ends: best.above_ends(),
    });
    folder::picture(folder, "profile", &figure)
}

fn report(tried: &Attempts, best: &Attempt, summary: &Json, folder: &FilePath) {
    for a in &tried.found {
        let (barrier, seconds) = (risk(a.above_ends()), a.fit_seconds);
        // Some of the points sufficed to see that the path is too high.
        let least = if a.complete { " " } else { "≥" };
        print(&format!("{:<32} barrier above ends {least} {barrier:>10}   {seconds:>6.2} s", a.name));
    }
    for Diverged { name, seconds, .. } in &tried.diverged {
        print(&format!("{name:<32} diverged                          {seconds:>6.2} s"));
    }
    let (b, p) = (best.profile.barrier(), &best.profile);
    let risks = p.risks();
    print(&format!("\nbest path            {}", best.name));
    print(&format!("risk at A, B         {}, {}", risk(risks[0]), risk(risks[risks.len() - 1])));
    print(&format!("highest risk         {}  (sampled at {} points)", risk(b.max), p.t.len()));
    if let (Some(lo), Some(hi)) = (summary["certified"]["lo"].as_f64(), summary["certified"]["hi"].as_f64()) {
        print(&format!("                     in {} for every t, proved", enclosure((lo, hi), 6)));
        if summary["certified"]["status"] == Status::Stopped.name() && !progress::interrupted() {
            print("                     (the proof's time was up; --certify always narrows it)");
        }
    }
    if let Some(alignment) = &best.alignment {
        print(&format!("B is aligned to A    by {}", alignment.by));
    }
    methods::guarantee_text(&best.guarantee).iter().for_each(|line| print(line));
    print(&format!(
        "barrier              above ends {}, above mean {}, above chord {}",
        risk(b.above_ends),
        risk(b.above_mean),
        risk(b.above_chord)
    ));
    print(&format!("                     midpoint {}, mean risk {}", risk(b.midpoint), risk(b.mean)));
    let ratio = match p.normalized_length() {
        x if x.is_nan() => "and the ends are one point".into(),
        x => format!("{x:.3} times the distance of the ends"),
    };
    print(&format!("length               {:.3}, {ratio}", p.length()));
    print(&format!("written to           {}", folder.display()));
}
