//! Points of arbitrary modules: files of tensors without the description of a network.

use std::{collections::BTreeMap, path::Path};

use candle_core::Tensor;
use collado_models::Layout;

use crate::{
    Error, Names, Provenance, ReadOptions, Result, fault::file_error, format, outline::Outline,
    path_file::PROVENANCE, stack::stack, write::Contents,
};

/// Writes the point `theta` `[S]` under the names of `layout`, as a file that PyTorch's `load_state_dict` takes:
/// `.safetensors`, or `.pt` and `.pth`. For networks that are not an [`Arch`](collado_models::Arch); the others are
/// [`Checkpoint`](crate::Checkpoint)s.
///
/// # Errors
/// When the name ends in something else, the file cannot be written, or `theta` is not a point of `layout` in F32 or
/// F64.
pub fn write_point(path: &Path, layout: &Layout, theta: &Tensor, provenance: &Provenance) -> Result<()> {
    if theta.dims() != [layout.len()] {
        return Err(Error::mismatch("point", format!("[{}]", layout.len()), format!("{:?}", theta.dims())));
    }
    let provenance = serde_json::to_string(provenance).map_err(|e| file_error(path, e.to_string()))?;
    let (points, names) = (theta.unsqueeze(0)?, Names::default());
    let contents =
        Contents::new(layout, &names, &[], &points, None, BTreeMap::from([(PROVENANCE, provenance)]))?;
    format::write(&contents, path)
}

/// Reads a point `[S]` with the tensors of `layout`, by name, and the provenance that the file states.
/// Files of PyTorch are read too. A common prefix of all names, such as `module.` of DataParallel, is ignored.
///
/// # Errors
/// When the file cannot be read or is damaged, or a tensor is missing, left over, of another shape or not finite.
pub fn read_point(path: &Path, layout: &Layout) -> Result<(Tensor, Provenance)> {
    let file = format::read(path, &ReadOptions::default())?;
    let outline = Outline::new(&file, None)?.untransposed();
    let mut order = Vec::with_capacity(layout.entries().len());
    for entry in layout.entries() {
        let whole = || file.tensors.iter().position(|tensor| tensor.name == entry.name);
        let place = whole().or_else(|| outline.find(&entry.name));
        let place = place.ok_or_else(|| outline.missing(&entry.name, outline.shown(&entry.shape)))?;
        if outline.shape(place) != entry.shape {
            return Err(outline.fault(place, outline.shown_for(place, &entry.shape)));
        }
        order.push(place);
    }
    if let Some(left) = (0..file.tensors.len()).find(|i| !order.contains(i)) {
        return Err(outline.fault(left, "no such tensor"));
    }
    let provenance = match file.metadata.get(PROVENANCE) {
        Some(text) => serde_json::from_str(text)
            .map_err(|e| file_error(path, format!("metadata '{PROVENANCE}': {e}")))?,
        None => Provenance::default(),
    };
    Ok((stack(&outline, layout, &order, 1)?.squeeze(0)?, provenance))
}
