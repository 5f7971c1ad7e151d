use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use candle_core::Tensor;

use crate::{
    args::{Common, Out},
    failure::Failure,
    json::print,
};

/// Creates the output folder; refuses to write over any of `files` in it unless forced.
pub(crate) fn create(out: &Out, files: &[&str]) -> Result<PathBuf, Failure> {
    refuse_any(&out.out, files, out.force || out.resume)?;
    make(&out.out)
}

/// Creates a folder, if it is not there.
pub(crate) fn make(folder: &Path) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|e| Failure::new(format!("{}: cannot be created: {e}", folder.display())))?;
    Ok(folder.to_owned())
}

/// Removes a folder and all in it, if it is there.
pub(crate) fn remove(folder: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(format!("{}: cannot be removed: {e}", folder.display())))
        }
        _ => Ok(()),
    }
}

/// Whether `--resume` meets a run that was finished: then `summary` is there, and is shown again.
pub(crate) fn is_finished(out: &Out, summary: &str, common: &Common) -> Result<bool, Failure> {
    let file = out.out.join(summary);
    if !out.resume || !file.exists() {
        return Ok(false);
    }
    let fail = |e: &dyn std::fmt::Display| Failure::new(format!("{}: {e}", file.display()));
    let text = std::fs::read_to_string(&file).map_err(|e| fail(&e))?;
    let summary: serde_json::Value = serde_json::from_str(&text).map_err(|e| fail(&e))?;
    if common.json {
        print(&summary.to_string());
    } else if !common.quiet {
        print(&format!("{}: finished already", out.out.display()));
    }
    Ok(true)
}

/// Refuses to write over any of `files` in a folder unless forced.
pub(crate) fn refuse_any(folder: &Path, files: &[&str], force: bool) -> Result<(), Failure> {
    files.iter().try_for_each(|file| refuse_existing(&folder.join(file), force))
}

/// Refuses to write over a file unless forced.
pub(crate) fn refuse_existing(file: &Path, force: bool) -> Result<(), Failure> {
    if force || !file.exists() {
        return Ok(());
    }
    let message = format!("{}: exists already", file.display());
    Err(Failure::new(message).hint("give another --out, or --force to overwrite"))
}

/// Writes a picture as SVG and PNG.
pub(crate) fn picture(folder: &Path, name: &str, figure: &collado_plots::Figure) -> Result<(), Failure> {
    use std::io::Write;
    let (svg, png) = (figure.to_svg()?, figure.to_png()?);
    collado_models::atomically(&folder.join(format!("{name}.svg")), |f| f.write_all(svg.as_bytes()))?;
    collado_models::atomically(&folder.join(format!("{name}.png")), |f| f.write_all(&png))?;
    Ok(())
}

/// Writes named tensors with metadata as a safetensors file.
pub(crate) fn tensors(
    file: &Path,
    tensors: HashMap<String, Tensor>,
    metadata: impl IntoIterator<Item = (String, String)>,
) -> collado_models::Result<()> {
    use std::io::Write;
    let metadata = Some(metadata.into_iter().collect());
    let bytes = safetensors::serialize(tensors, metadata).map_err(candle_core::Error::from)?;
    collado_models::atomically(file, |f| f.write_all(&bytes))
}

/// Writes the bytes of a file.
pub(crate) fn bytes(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write;
    Ok(collado_models::atomically(file, |f| f.write_all(bytes))?)
}
