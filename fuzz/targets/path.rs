//! Path files.
#![no_main]

use collado_files::PathFile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(path) = PathFile::from_bytes(bytes) {
        assert_eq!(path.vertices.dims()[1], path.arch.layout().len());
    }
});
