//! Folders and files of results: how they are made, written and not written over.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use candle_core::Tensor;

use crate::failure::Failure;

/// Creates a folder, if it does not exist.
pub(crate) fn make(folder: &Path) -> Result<PathBuf, Failure> {
    fs::create_dir_all(folder)
        .map_err(|e| Failure::new(format!("{}: cannot be created: {e}", folder.display())))?;
    Ok(folder.to_owned())
}

/// Removes a folder with its content, if it exists.
pub(crate) fn remove(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(Failure::new(format!("{}: cannot be removed: {e}", folder.display())))
        }
        _ => Ok(()),
    }
}

/// Refuses to overwrite any of `files` in a folder, unless forced.
pub(crate) fn refuse_any(folder: &Path, files: &[&str], force: bool) -> Result<(), Failure> {
    files.iter().try_for_each(|file| refuse_existing(&folder.join(file), force))
}

/// Refuses to overwrite a file, unless forced.
pub(crate) fn refuse_existing(file: &Path, force: bool) -> Result<(), Failure> {
    if force || !file.exists() {
        return Ok(());
    }
    let message = format!("{}: exists already", file.display());
    Err(Failure::new(message).hint("give another --out, or --force to overwrite"))
}

/// Writes a picture as SVG and PNG.
pub(crate) fn picture(folder: &Path, name: &str, figure: &collado_plots::Figure) -> Result<(), Failure> {
    let (svg, png) = (figure.to_svg()?, figure.to_png()?);
    bytes(&folder.join(format!("{name}.svg")), svg.as_bytes())?;
    bytes(&folder.join(format!("{name}.png")), &png)
}

/// Writes named tensors with metadata as a safetensors file.
pub(crate) fn tensors(
    file: &Path,
    tensors: HashMap<String, Tensor>,
    metadata: impl IntoIterator<Item = (String, String)>,
) -> collado_files::Result<()> {
    let metadata = Some(metadata.into_iter().collect());
    let bytes = safetensors::serialize(tensors, metadata).map_err(candle_core::Error::from)?;
    collado_files::atomically(file, |f| f.write_all(&bytes))
}

/// Writes the bytes of a file.
pub(crate) fn bytes(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    Ok(collado_files::atomically(file, |f| f.write_all(bytes))?)
}
