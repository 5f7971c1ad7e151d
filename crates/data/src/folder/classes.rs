//! Which folders are classes, and which files in them are images.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::files::Files;
use crate::text::{Notes, listed};
use crate::{Error, Result};

/// Images lie at most so many folders below that of their class; links may lead back up.
const DEEPEST: usize = 8;
/// The names that image files end with.
const ENDS: [&str; 3] = ["png", "jpg", "jpeg"];

/// A class: the name of its folder, and its images in sorted order.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) name: String,
    pub(super) images: Vec<PathBuf>,
}

/// The folders of the training rows and of the test rows, where there are any: `split` in `folder` if that is given,
/// `train` and `test` if there are such, else `folder` itself.
pub(super) fn splits(
    folder: &Path,
    split: Option<&(String, String)>,
    files: Files<'_>,
    notes: &mut Notes,
) -> Result<(PathBuf, Option<PathBuf>)> {
    let names = folders(folder, files)?;
    let (train, test) = match split {
        Some((train, test)) => (train.as_str(), test.as_str()),
        None if names.iter().any(|name| name == "train") => ("train", "test"),
        None => return Ok((folder.to_owned(), None)),
    };
    let place = || folder.display().to_string();
    if !names.iter().any(|name| name == test) && split.is_none() {
        // A class may be called so; where it has folders itself it is a split.
        if folders(&folder.join(train), files)?.is_empty() {
            return Ok((folder.to_owned(), None));
        }
        let expected = "folders train and test, or split=TRAIN/TEST with the names of both";
        return Err(Error::format(place(), expected, listed(names)));
    }
    let others: Vec<&String> = names.iter().filter(|&name| name != train && name != test).collect();
    if !others.is_empty() {
        notes.push(format!("{}: only {train} and {test} are read, not {}", place(), listed(others)));
    }
    Ok((folder.join(train), Some(folder.join(test))))
}

/// The classes in a folder, in sorted order.
pub(super) fn classes(folder: &Path, files: Files<'_>, notes: &mut Notes) -> Result<Vec<Class>> {
    let mut left =
        files.list(folder)?.iter().filter(|(name, is_folder)| !**is_folder && !is_hidden(name)).count();
    let mut found = Vec::new();
    for name in folders(folder, files)? {
        let mut class = Class { images: Vec::new(), name };
        gather(&folder.join(&class.name), 0, files, &mut class.images, &mut left)?;
        found.push(class);
    }
    let place = folder.display().to_string();
    if found.is_empty() {
        return Err(Error::format(place, "a folder for each class", "none"));
    }
    if left > 0 {
        let ends = ENDS.join(", .");
        notes.push(format!(
            "{place}: {left} files are not read, as they are in no class or do not end in .{ends}"
        ));
    }
    Ok(found)
}

/// The folders in a folder, in sorted order.
fn folders(folder: &Path, files: Files<'_>) -> Result<Vec<String>> {
    let names = files.list(folder)?.into_iter().filter(|(name, is_folder)| *is_folder && !is_hidden(name));
    names
        .map(|(name, _)| {
            let wrong = |name: std::ffi::OsString| {
                Error::format(folder.display().to_string(), "names in UTF-8", format!("{name:?}"))
            };
            name.into_string().map_err(wrong)
        })
        .collect()
}

/// Collects the images in a folder and in those below it, and counts the other files.
fn gather(
    folder: &Path,
    depth: usize,
    files: Files<'_>,
    images: &mut Vec<PathBuf>,
    left: &mut usize,
) -> Result<()> {
    if depth > DEEPEST {
        let place = folder.display().to_string();
        return Err(Error::format(place, format!("at most {DEEPEST} folders one in another"), "more"));
    }
    let names = files.list(folder)?;
    let mut inner = Vec::new();
    for (name, is_folder) in names.into_iter().filter(|(name, _)| !is_hidden(name)) {
        let path = folder.join(name);
        let end = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        match is_folder {
            true => inner.push(path),
            false if ENDS.iter().any(|known| end.eq_ignore_ascii_case(known)) => images.push(path),
            false => *left += 1,
        }
    }
    inner.iter().try_for_each(|path| gather(path, depth + 1, files, images, left))
}

/// Whether a name begins with a dot, as those of folders' own data do.
fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}
