//! Resolves folders of runs where a checkpoint or a path is expected.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The safetensors files of a run folder that are not checkpoints.
const OTHERS: [&str; 3] = ["path.safetensors", "section.safetensors", "trajectory.safetensors"];

/// The checkpoints that `place` stands for: the file itself, or all checkpoints of a folder, in natural order of names.
pub(crate) fn checkpoints(place: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !place.is_dir() {
        return Ok(vec![place.to_owned()]);
    }
    let failed = |e: std::io::Error| Failure::new(format!("{}: {e}", place.display()));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(place).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let hidden = name.starts_with('.') || name.starts_with("path-") || OTHERS.contains(&name.as_str());
        if !hidden && file.is_file() && file.extension().is_some_and(|e| e == "safetensors") {
            found.push((name.len(), name, file));
        }
    }
    // Of names that differ in a number only, the shorter one has the smaller number.
    found.sort();
    match found.is_empty() {
        true => {
            Err(Failure::new(format!("{}: expected checkpoints in the folder, found none", place.display()))
                .hint("a folder of 'collado train' has seed-0.safetensors and so on"))
        }
        false => Ok(found.into_iter().map(|(_, _, file)| file).collect()),
    }
}

/// The checkpoints that all of `places` stand for.
pub(crate) fn all(places: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    Ok(places.iter().map(|place| checkpoints(place)).collect::<Result<Vec<_>, _>>()?.concat())
}

/// The single checkpoint that `place` stands for.
pub(crate) fn checkpoint(place: &Path) -> Result<PathBuf, Failure> {
    let mut all = checkpoints(place)?;
    if all.len() == 1 {
        return Ok(all.remove(0));
    }
    let names: Vec<_> = all.iter().take(4).filter_map(|f| Some(f.file_name()?.to_string_lossy())).collect();
    let more = if all.len() > names.len() { ", …" } else { "" };
    let message = format!("{}: expected one checkpoint, found {}", place.display(), all.len());
    Err(Failure::usage(message).hint(format!("name one of {}{more}", names.join(", "))))
}

/// The path file that `place` stands for: the file itself, or `path.safetensors` of a folder.
pub(crate) fn path(place: &Path) -> PathBuf {
    if place.is_dir() { place.join("path.safetensors") } else { place.to_owned() }
}
