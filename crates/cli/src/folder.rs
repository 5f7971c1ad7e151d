use std::path::{Path, PathBuf};

use crate::{args::Out, failure::Failure};

/// Creates the output folder; refuses to write over any of `files` in it unless forced.
pub(crate) fn create(out: &Out, files: &[&str]) -> Result<PathBuf, Failure> {
    let folder = &out.out;
    let found = files.iter().find(|f| folder.join(f).exists());
    if let (Some(file), false) = (found, out.force) {
        let message = format!("{}: exists already", folder.join(file).display());
        return Err(Failure::new(message).hint("give another --out, or --force to overwrite"));
    }
    std::fs::create_dir_all(folder)
        .map_err(|e| Failure::new(format!("{}: cannot be created: {e}", folder.display())))?;
    Ok(folder.clone())
}

/// Writes a picture as SVG and PNG.
pub(crate) fn picture(folder: &Path, name: &str, figure: &collado_plots::Figure) -> Result<(), Failure> {
    use std::io::Write;
    let (svg, png) = (figure.to_svg()?, figure.to_png()?);
    collado_models::atomically(&folder.join(format!("{name}.svg")), |f| f.write_all(svg.as_bytes()))?;
    collado_models::atomically(&folder.join(format!("{name}.png")), |f| f.write_all(&png))?;
    Ok(())
}
