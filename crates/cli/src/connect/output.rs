//! The files of a path.

use std::path::Path as FilePath;

use collado_certify::Certificate;
use collado_files::{Checkpoint, PathFile};
use collado_plots::{Profile as Drawing, Reference, profile_figure};
use collado_risk::{Evaluation, Profile};

use crate::{
    failure::Failure,
    files, json,
    record::Input,
    search::{Attempt, End},
    shown::upper,
    table::{text, write_table},
    task::Task,
};

/// Writes the path, its profile, and the profiles of all attempts.
pub(super) fn save(
    task: &Task,
    folder: &FilePath,
    ends: [(&FilePath, &Checkpoint); 2],
    attempts: &[Attempt],
    best: &Attempt,
) -> Result<(), Failure> {
    let mut provenance = task.provenance();
    let extra = &mut provenance.extra;
    for (name, (file, checkpoint)) in ["a", "b"].into_iter().zip(ends) {
        extra.insert(name.into(), json::value(&Input::new(file, checkpoint.hash.as_deref())));
    }
    extra.insert("method".into(), best.name.as_str().into());
    extra.insert("end".into(), json::value(&best.end()));
    if let Some(alignment) = &best.alignment {
        extra.insert("align".into(), alignment.by.into());
        let permutations = json::value(alignment.aligned.symmetry.permutations());
        extra.insert("permutations".into(), permutations);
    }
    PathFile::new(task.arch.clone(), best.path.clone(), json::value(&provenance))
        .named(ends[0].1.names.clone())
        .write(&folder.join("path.safetensors"))?;
    table(folder, &best.profile)?;
    attempts_table(folder, attempts)
}

pub(super) fn table(folder: &FilePath, profile: &Profile) -> Result<(), Failure> {
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

/// The profiles of all attempts in long form, as far as they were evaluated.
fn attempts_table(folder: &FilePath, attempts: &[Attempt]) -> Result<(), Failure> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record([
        "attempt",
        "t",
        "train_risk",
        "train_loss",
        "train_error",
        "test_loss",
        "test_error",
        "arc_length",
        "end",
    ])?;
    for attempt in attempts {
        let (profile, end) = (&attempt.profile, json::value(&attempt.end()));
        for (i, a) in profile.train.iter().enumerate() {
            let (loss, error) =
                profile.test.as_ref().map_or((f64::NAN, f64::NAN), |t| (t[i].loss, t[i].error));
            let numbers = [profile.t[i], a.risk, a.loss, a.error, loss, error, profile.arc_length[i]];
            let names = [attempt.name.as_str(), end.as_str().unwrap_or_default()].map(str::to_owned);
            let [first, last] = names.map(std::iter::once);
            table.write_record(first.chain(numbers.map(text)).chain(last))?;
        }
    }
    write_table(&folder.join("attempts.csv"), table)
}

/// Draws the risk along the path, and what is proved of it.
pub(super) fn draw(
    task: &Task,
    folder: &FilePath,
    attempts: &[Attempt],
    best: &Attempt,
    proof: Option<&Certificate>,
) -> Result<(), Failure> {
    let pick = |values: &[Evaluation], f: fn(&Evaluation) -> f64| values.iter().map(f).collect::<Vec<_>>();
    let p = &best.profile;
    let test = p.test.clone().unwrap_or_default();
    // The straight line to the end of the path.
    let end = best.end();
    let line = attempts.iter().find(|a| a.is_line() && same_end(a, best) && a.name != best.name);
    let line = line.map(|a| (a.profile.t.clone(), a.profile.risks()));
    let label = format!("straight line to {}", end.name());
    let references: Vec<_> = line.iter().map(|(t, risk)| Reference { label: &label, t, risk }).collect();
    let proved = proof.map_or_else(String::new, |p| format!("; at most {} for every t, proved", upper(p.hi)));
    let subtitle = format!("{} on {}, {} points sampled{proved}", task.arch, task.data.spec, p.t.len());
    let title = match end {
        End::B => format!("Risk along the path ({})", best.name),
        End::UpToSymmetry => format!("Risk along the path to B′, a permuted and rescaled B ({})", best.name),
    };
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
        end: end.name(),
        above_ends: best.above_ends(),
    });
    files::picture(folder, "profile", &figure.caption(match end {
        End::B => "How high must one climb to get from one minimum to the other? Every point of the path is a network.",
        End::UpToSymmetry => "B′ computes the same function as B, with its neurons in another order. Every point of the path is a network.",
    }))
}

/// Whether two paths end at the same point: at B itself, or at the same copy of it.
fn same_end(a: &Attempt, b: &Attempt) -> bool {
    match (&a.alignment, &b.alignment) {
        (None, None) => true,
        (Some(a), Some(b)) => a.by == b.by,
        _ => false,
    }
}
