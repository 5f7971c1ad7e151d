//! Folders and files of results: how they are made, written and not written over.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use candle_core::Tensor;
use collado_plots::{COLUMN, Print, TEXT};

use crate::{
    failure::Failure,
    table::{text, write_table},
};

/// Creates a folder, if it does not exist.
pub(crate) fn make(folder: &Path) -> Result<PathBuf, Failure> {
    if folder.exists() && !folder.is_dir() {
        return Err(Failure::new(format!("{}: is a file, expected a folder", folder.display())));
    }
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

/// Whether pictures for papers are written beside those for screens. It is set once, before any work.
static FOR_PAPERS: AtomicBool = AtomicBool::new(false);

/// Makes all pictures be written for papers too.
pub(crate) fn print_for_papers() {
    FOR_PAPERS.store(true, Ordering::Relaxed);
}

/// Writes a picture as SVG and PNG; for papers also in both widths as SVG and PDF, with every drawn point as a table.
pub(crate) fn picture(folder: &Path, name: &str, figure: &collado_plots::Figure) -> Result<(), Failure> {
    screen(folder, name, (&figure.to_svg()?, &figure.to_png()?))?;
    if !FOR_PAPERS.load(Ordering::Relaxed) {
        return Ok(());
    }
    for width in [COLUMN, TEXT] {
        print(folder, name, width, &figure.print(width)?)?;
    }
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["axis", "series", "x", "y"])?;
    for (axis, series, x, y) in figure.drawn() {
        table.write_record([axis, series, &text(x), &text(y)])?;
    }
    write_table(&folder.join(format!("{name}-drawn.csv")), table)
}

/// Writes a map, whose points are in a table already, like [`picture`].
pub(crate) fn map(
    folder: &Path,
    name: &str,
    screens: (&str, &[u8]),
    for_paper: impl FnOnce() -> collado_plots::Result<Print>,
) -> Result<(), Failure> {
    screen(folder, name, screens)?;
    match FOR_PAPERS.load(Ordering::Relaxed) {
        true => print(folder, name, TEXT, &for_paper()?),
        false => Ok(()),
    }
}

/// Writes the SVG and the PNG of a picture.
fn screen(folder: &Path, name: &str, (svg, png): (&str, &[u8])) -> Result<(), Failure> {
    bytes(&folder.join(format!("{name}.svg")), svg.as_bytes())?;
    bytes(&folder.join(format!("{name}.png")), png)
}

fn print(folder: &Path, name: &str, width: f64, print: &Print) -> Result<(), Failure> {
    bytes(&folder.join(format!("{name}-{width}in.svg")), print.svg.as_bytes())?;
    bytes(&folder.join(format!("{name}-{width}in.pdf")), &print.pdf)
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
