//! The files of a star.

use std::path::Path as FilePath;

use candle_core::Tensor;
use collado_files::{Checkpoint, Names, PathFile};
use collado_plots::{Figure, Panel, Role, Series};
use collado_risk::Path;

use super::Segment;
use crate::{
    failure::Failure,
    files, json,
    record::Input,
    shown::upper,
    table::{text, write_table},
    task::Task,
};

/// Writes the centre of a star of `ends` as a checkpoint, with running statistics if the network has some.
pub(crate) fn save_centre(
    task: &Task,
    folder: &FilePath,
    centre: &Tensor,
    ends: &[Input],
    names: &Names,
) -> Result<(), Failure> {
    let mut provenance = task.provenance();
    provenance.extra.insert("method".into(), "star".into());
    provenance.extra.insert("ends".into(), json::value(ends));
    let buffers = task.running_statistics(centre)?;
    let checkpoint = Checkpoint::new(task.arch.clone(), centre.clone(), provenance);
    Ok(checkpoint.with_buffers(buffers).named(names.clone()).write(&folder.join("center.safetensors"))?)
}

/// Writes a path with the ends that it joins.
pub(crate) fn save_path(
    task: &Task,
    file: &FilePath,
    path: &Path,
    ends: [&Input; 2],
    names: &Names,
) -> Result<(), Failure> {
    let mut provenance = task.provenance();
    for (name, end) in ["a", "b"].into_iter().zip(ends) {
        provenance.extra.insert(name.into(), json::value(end));
    }
    provenance.extra.insert("method".into(), "star".into());
    let file_of_path = PathFile::new(task.arch.clone(), path.clone(), json::value(&provenance));
    Ok(file_of_path.named(names.clone()).write(file)?)
}

/// Writes the profiles of all segments in long form, t from 0 at the end to 1 at the centre.
pub(crate) fn table(folder: &FilePath, segments: &[Segment]) -> Result<(), Failure> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record([
        "end",
        "t",
        "arc_length",
        "train_risk",
        "train_loss",
        "train_error",
        "test_loss",
        "test_error",
    ])?;
    for Segment { name, profile, .. } in segments {
        for (i, a) in profile.train.iter().enumerate() {
            let (loss, error) =
                profile.test.as_ref().map_or((f64::NAN, f64::NAN), |t| (t[i].loss, t[i].error));
            let numbers = [profile.t[i], profile.arc_length[i], a.risk, a.loss, a.error, loss, error];
            table.write_record(std::iter::once(name.clone()).chain(numbers.map(text)))?;
        }
    }
    write_table(&folder.join("segments.csv"), table)
}

/// The largest number of segments with a name in the picture.
const NAMED: usize = 8;

/// Draws the risk along all segments.
pub(crate) fn draw(task: &Task, folder: &FilePath, segments: &[Segment]) -> Result<(), Failure> {
    let highest = segments.iter().map(Segment::risk).fold(f64::NEG_INFINITY, f64::max);
    let mut panel = Panel::new("Training risk").rule(highest, "highest end");
    for (i, Segment { name, profile, .. }) in segments.iter().enumerate() {
        let many = segments.len() > NAMED;
        let (label, role) = match many {
            true => (String::new(), Role::Train),
            false => (name.clone(), Role::Group(i as u8)),
        };
        let line = Series::line(label, &profile.t, &profile.risks()).role(role);
        panel = panel.series(if many { line.opacity(0.5) } else { line.width(2.) });
    }
    let proved = segments.iter().map(|s| s.proof.as_ref().map(|p| p.hi)).collect::<Option<Vec<f64>>>();
    let proved = proved.map(|all| all.into_iter().fold(f64::NEG_INFINITY, f64::max));
    let proved = proved.map_or_else(String::new, |hi| format!("; at most {} for every t, proved", upper(hi)));
    let points = segments.first().map_or(0, |s| s.profile.t.len());
    let figure = Figure::new("One centre, joined straight to all minima")
        .subtitle(format!("{} on {}, {points} points sampled on each segment{proved}", task.arch, task.data.spec))
        .caption("Each line leads from a minimum straight to the centre. Where none rises, the way between any two has three vertices.")
        .x_label("t: from the minimum (0) to the centre (1)")
        .panel(panel);
    files::picture(folder, "star", &figure)
}
