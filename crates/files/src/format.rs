//! The formats of files. When a file is read, its content decides on the format; when it is written, its name does.

use std::{
    fs::{self, File},
    io::{BufReader, Cursor, Read},
    path::Path,
};

use crate::{
    ReadOptions, Result,
    archive::Archive,
    fault::{file_error, io_error},
    graph::{self, Exported},
    safetensors,
    tensors::{Input, Source, TensorFile},
    torch::{self, legacy},
    write::Contents,
};

/// Reads a file of tensors. Its first bytes decide on the format.
pub(crate) fn read(path: &Path, options: &ReadOptions) -> Result<TensorFile> {
    let (file, len) = regular(path)?;
    read_from(Input { path, reader: BufReader::new(file), len }, options)
}

/// Opens a file that has an end, which devices such as `/dev/zero` have not, and tells its length.
pub(crate) fn regular(path: &Path) -> Result<(File, u64)> {
    let fault = |e| io_error(path, &e);
    let meta = fs::metadata(path).map_err(fault)?;
    if meta.is_dir() {
        return Err(file_error(path, "is a directory, expected a file"));
    }
    if !meta.is_file() {
        return Err(file_error(path, "is not a regular file"));
    }
    Ok((File::open(path).map_err(fault)?, meta.len()))
}

/// Reads a file of tensors from memory.
pub(crate) fn read_bytes(bytes: &[u8], options: &ReadOptions) -> Result<TensorFile> {
    let (path, len) = (Path::new("bytes in memory"), bytes.len() as u64);
    read_from(Input { path, reader: Cursor::new(bytes), len }, options)
}

fn read_from(mut input: Input<'_, impl Source>, options: &ReadOptions) -> Result<TensorFile> {
    let path = input.path;
    let mut start = Vec::new();
    input.reader.by_ref().take(9).read_to_end(&mut start).map_err(|e| io_error(path, &e))?;
    input.reader.rewind().map_err(|e| io_error(path, &e))?;
    match start.as_slice() {
        [] => Err(file_error(path, "is empty")),
        [b'P', b'K', 3, 4, ..] => {
            let archive = Archive::open(input)?;
            match Exported::of(&archive) {
                Some(layout) => graph::tensors(archive, layout),
                None => torch::read(archive, options),
            }
        }
        // The length of a header is in front of its brace, and any byte can start it: the brace decides.
        [_, _, _, _, _, _, _, _, b'{'] => {
            let mut file = safetensors::read(input, options.kinds())?;
            if options.key.is_some() {
                file.notes
                    .push("`key` is not looked at: a safetensors file is one dictionary of tensors".into());
            }
            Ok(file)
        }
        [0x80, 1..=5, ..] => legacy::read(input, options),
        start if graph::is_onnx(start) => graph::onnx_tensors(input),
        _ => Err(file_error(path, "is neither a safetensors file nor one of PyTorch or ONNX")),
    }
}

/// Writes a file that PyTorch's `load_state_dict` takes as it is: `.safetensors`, or `.pt` and `.pth`.
pub(crate) fn write(contents: &Contents<'_>, path: &Path) -> Result<()> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("safetensors") => contents.write_safetensors(path),
        Some("pt" | "pth") => torch::write::write(contents, path),
        _ => Err(file_error(path, "expected a name that ends in .safetensors, .pt or .pth")),
    }
}
